/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A strict reader of DER (X.690): one value has one encoding, everything else is
 * refused, so that nobody can make two readers see two things in the same bytes.
 *
 * Works on slices of a buffer and allocates nothing. It never reads outside of a
 * slice, what it gives out lies inside of the slice it was read from, and a slice
 * moves on only where the result is CI_OK. Left out: the order within SET OF (the
 * sets that matter here have one element), and what is inside of strings and
 * times, which are only compared.
 */
#ifndef OPENVBS_CI_DER_H
#define OPENVBS_CI_DER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reason.h"

#define DER_BOOLEAN      0x01
#define DER_INTEGER      0x02
#define DER_BIT_STRING   0x03
#define DER_OCTET_STRING 0x04
#define DER_NULL         0x05
#define DER_OID          0x06
#define DER_SEQUENCE     0x30
#define DER_SET          0x31
#define DER_CONTEXT(n)   (0x80 | (n)) /* [n] IMPLICIT, a primitive type */
#define DER_EXPLICIT(n)  (0xA0 | (n)) /* [n], constructed */

#define DER_DEPTH_MAX 16 /* a certificate has about 8 */

struct ci_slice {
	const uint8_t *p;
	size_t len;
};

struct der_element {
	uint8_t tag;
	struct ci_slice content;
	struct ci_slice whole; /* with tag and length */
};

/**
 * der_read() - take the next element off a slice
 * @in: moves behind the element on success
 *
 * Refused: lengths that are indefinite, not the shortest, or over 4 bytes; tag
 * numbers above 30; strings in parts; INTEGERs with a byte too many; BOOLEANs
 * other than 00 and FF; NULLs with content. CI_E_DER_ELEMENT: @in is empty.
 */
enum ci_reason der_read(struct ci_slice *in, struct der_element *e) CI_MUST_CHECK;

/** der_take() - take the next element, which must have this tag (else CI_E_DER_ELEMENT) */
enum ci_reason der_take(struct ci_slice *in, uint8_t tag, struct ci_slice *content) CI_MUST_CHECK;

/** der_take_small() - take an INTEGER from 0 to 127 */
enum ci_reason der_take_small(struct ci_slice *in, uint8_t *value) CI_MUST_CHECK;

/** der_end() - CI_E_DER_TRAILING if there is more */
enum ci_reason der_end(const struct ci_slice *in) CI_MUST_CHECK;

/** der_check() - exactly one element, and all elements in it as der_read() wants them */
enum ci_reason der_check(struct ci_slice in) CI_MUST_CHECK;

/** der_at() - does an element with this tag come next? */
static inline bool der_at(const struct ci_slice *in, uint8_t tag)
{
	return in->len > 0 && in->p[0] == tag;
}

/** ci_slice_is() - the same bytes? */
static inline bool ci_slice_is(struct ci_slice s, const void *p, size_t len)
{
	return s.len == len && (len == 0 || __builtin_memcmp(s.p, p, len) == 0);
}

#endif
