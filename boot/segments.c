/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hidden parts of segment registers: see segments.h.
 */
#include "segments.h"

#include <stdbool.h>

#include "ovbs_errno.h"
#include "ovbs_string.h"

/* Bits of the attributes in a VMCB: descriptor bits 40-47, then 52-55. */
#define ATTRIB_USER    (1u << 4) /* S: code or data; system descriptors have 16 bytes */
#define ATTRIB_PRESENT (1u << 7)
#define ATTRIB_PAGES   (1u << 11) /* G */

#define SELECTOR_LDT 4u

int segment_decode(const void *gdt, uint16_t limit, uint16_t selector, struct ovbs_segment *out)
{
	uint32_t at = selector & ~7u;
	uint64_t low, high = 0;
	uint32_t last = at + 7;

	memset(out, 0, sizeof(*out));
	out->selector = selector;
	if ((selector & ~3u) == 0)
		return 0;
	if ((selector & SELECTOR_LDT) != 0 || last > limit)
		return -EINVAL;
	memcpy(&low, (const uint8_t *)gdt + at, sizeof(low));
	out->attrib = (low >> 40 & 0xFF) | (low >> 52 & 0xF) << 8;
	if ((out->attrib & ATTRIB_PRESENT) == 0)
		return -EINVAL;
	if ((out->attrib & ATTRIB_USER) == 0) {
		if (last + 8 > limit)
			return -EINVAL;
		memcpy(&high, (const uint8_t *)gdt + at + 8, sizeof(high));
	}
	out->limit = (low & 0xFFFF) | (low >> 48 & 0xF) << 16;
	if ((out->attrib & ATTRIB_PAGES) != 0)
		out->limit = out->limit << 12 | 0xFFF;
	out->base = (low >> 16 & 0xFFFFFF) | (low >> 56 & 0xFF) << 24 | high << 32;
	return 0;
}
