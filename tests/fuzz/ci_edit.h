/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Something good, changed in a few places by the fuzzer: random bytes alone would
 * hardly ever get behind the first element of a structure in DER.
 */
#ifndef OVBS_TESTS_CI_EDIT_H
#define OVBS_TESTS_CI_EDIT_H

#include "../../trustlets/integrity/der.h"
#include "fuzz.h"

#define EDIT_ROOM 64

/* A copy of @from, in an allocation of the exact size, with up to 7 bytes changed, put in or taken out. */
static inline struct ci_slice edit(struct fuzz_input *in, const uint8_t *from, size_t len)
{
	uint8_t *work = malloc(len + EDIT_ROOM), *exact;
	size_t n = len;

	memcpy(work, from, len);
	for (unsigned int left = fuzz_u8(in) % 8; left > 0; left--) {
		size_t at = ((size_t)fuzz_u8(in) << 8 | fuzz_u8(in)) % n;
		uint8_t how = fuzz_u8(in), value = fuzz_u8(in);

		if (how % 4 == 0 && n < len + EDIT_ROOM) {
			memmove(work + at + 1, work + at, n++ - at);
			work[at] = value;
		} else if (how % 4 == 1 && n > 1) {
			memmove(work + at, work + at + 1, --n - at);
		} else if (how % 4 == 2) {
			work[at] = value;
		} else {
			work[at] ^= (uint8_t)(1 << value % 8);
		}
	}
	exact = malloc(n);
	memcpy(exact, work, n);
	free(work);
	return (struct ci_slice){ exact, n };
}

#endif
