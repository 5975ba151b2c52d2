/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the fuzzers share: the entry point's prototype, a check that does not
 * depend on NDEBUG, and numbers out of the input.
 */
#ifndef OVBS_TESTS_FUZZ_H
#define OVBS_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/**
 * LLVMFuzzerTestOneInput() - called by libFuzzer with each input
 *
 * Return: 0. Whatever is wrong ends the process.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(cond)                                                                           \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #cond);       \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

struct fuzz_input {
	const uint8_t *data;
	size_t size;
};

/** fuzz_u64() - the next 8 bytes as a number; missing ones are 0 */
static inline uint64_t fuzz_u64(struct fuzz_input *in)
{
	uint64_t v = 0;
	size_t n = in->size < sizeof(v) ? in->size : sizeof(v);

	if (n > 0)
		memcpy(&v, in->data, n);
	in->data += n;
	in->size -= n;
	return v;
}

/** fuzz_u8() - the next byte; 0 if there is none */
static inline uint8_t fuzz_u8(struct fuzz_input *in)
{
	if (in->size == 0)
		return 0;
	in->size--;
	return *in->data++;
}

#endif
