// SPDX-License-Identifier: GPL-2.0-only
/*
 * See mtrr.h. A range is uniform if no border of an MTRR lies within it: for a
 * range of a power of two that means that each variable MTRR with a contiguous
 * mask covers all or nothing. Masks with holes are looked at the same way: a
 * mask bit below the range's size means that it does not match everywhere.
 */
#include "arch/x86/mtrr.h"

#define DEF_TYPE(m)  ((m)->def_type & 0xFF)
#define FIXED_ENABLE (1u << 10)
#define ENABLE       (1u << 11)
#define MASK_VALID   (1u << 11)
#define PAGE         0x1000u

static enum memory_type known(uint64_t type)
{
	switch (type) {
	case MEM_WC:
	case MEM_WT:
	case MEM_WP:
	case MEM_WB:
		return (enum memory_type)type;
	default:
		return MEM_UC;
	}
}

/* 12.11.4.1: UC wins; WT over WB; all others undefined. */
static enum memory_type overlap(enum memory_type a, enum memory_type b)
{
	if (a == b)
		return a;
	if ((a == MEM_WT && b == MEM_WB) || (a == MEM_WB && b == MEM_WT))
		return MEM_WT;
	return MEM_UC;
}

static enum memory_type fixed_type(const struct mtrrs *m, uint64_t addr)
{
	unsigned int reg, byte;

	if (addr < 0x80000) {
		reg = 0;
		byte = (unsigned int)(addr >> 16);
	} else if (addr < 0xC0000) {
		reg = 1 + (unsigned int)((addr - 0x80000) >> 17);
		byte = (addr >> 14) & 7;
	} else {
		reg = 3 + (unsigned int)((addr - 0xC0000) >> 15);
		byte = (addr >> 12) & 7;
	}
	return known(m->fixed[reg] >> 8 * byte & 0xFF);
}

static bool variable_type(const struct mtrrs *m, uint64_t addr, uint64_t size, enum memory_type *type)
{
	bool any = false, uniform = true;

	for (unsigned int i = 0; i < m->variable; i++) {
		uint64_t mask = m->var[i].mask & m->addr_mask;
		uint64_t differs = (addr ^ m->var[i].base) & mask;
		enum memory_type t = known(m->var[i].base & 0xFF);

		if (!(m->var[i].mask & MASK_VALID) || (differs & ~(size - 1)))
			continue;
		/* The bits above the range match. Does the mask look at bits within? Then it covers a part only. */
		if (mask & (size - 1))
			uniform = false;
		*type = any ? overlap(*type, t) : t;
		any = true;
	}
	if (!any)
		*type = known(DEF_TYPE(m));
	return uniform;
}

static bool has_fixed_range(const struct mtrrs *m, uint64_t addr)
{
	return addr < MTRR_FIXED_END && m->has_fixed && (m->def_type & FIXED_ENABLE);
}

bool mtrr_type(const struct mtrrs *m, uint64_t addr, uint64_t size, enum memory_type *type)
{
	bool uniform = true;

	if (!m->present) {
		*type = MEM_WB;
		return true;
	}
	if (!(m->def_type & ENABLE)) {
		*type = MEM_UC;
		return true;
	}
	if (!has_fixed_range(m, addr)) {
		uniform = variable_type(m, addr, size, type);
	} else if (size > MTRR_FIXED_END) {
		uniform = false;
	} else {
		*type = fixed_type(m, addr);
		for (uint64_t at = addr + PAGE; at < addr + size; at += PAGE)
			uniform &= fixed_type(m, at) == *type;
	}
	if (!uniform)
		*type = MEM_UC;
	return uniform;
}
