/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Typed addresses. A guest physical address is not a system physical address,
 * although VTL0's map is the identity: passing one for the other must not
 * compile. Host virtual addresses are plain C pointers.
 */
#ifndef HV_MM_ADDR_H
#define HV_MM_ADDR_H

#include <stdbool.h>
#include <stdint.h>

#define PAGE_SHIFT 12
#define PAGE_SIZE  4096ULL
#define PAGE_MASK  (~(PAGE_SIZE - 1))
#define SIZE_2M    (1ULL << 21)
#define SIZE_1G    (1ULL << 30)

struct gpa {
	uint64_t v;
};

struct spa {
	uint64_t v;
};

static inline struct gpa gpa(uint64_t v)
{
	return (struct gpa){ v };
}

static inline struct spa spa(uint64_t v)
{
	return (struct spa){ v };
}

/** range_has - is @addr within [@base, @base + @size)? @base + @size must not wrap. */
static inline bool range_has(uint64_t base, uint64_t size, uint64_t addr)
{
	return addr >= base && addr - base < size;
}

#endif
