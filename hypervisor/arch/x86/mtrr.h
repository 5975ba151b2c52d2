/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory types of physical addresses by the MTRRs (SDM 3, 12.11). Pure: what
 * the registers hold is handed in, so the rules are tested on the host.
 */
#ifndef HV_ARCH_X86_MTRR_H
#define HV_ARCH_X86_MTRR_H

#include <stdbool.h>
#include <stdint.h>

#define MTRR_VARIABLE_MAX 32u
#define MTRR_FIXED        11u
#define MTRR_FIXED_END    0x100000u

enum memory_type {
	MEM_UC = 0,
	MEM_WC = 1,
	MEM_WT = 4,
	MEM_WP = 5,
	MEM_WB = 6,
};

struct mtrrs {
	bool present;               /* CPUID.1 EDX bit 12; else everything is WB */
	bool has_fixed;             /* IA32_MTRRCAP bit 8 */
	uint8_t variable;           /* pairs */
	uint64_t def_type;          /* IA32_MTRR_DEF_TYPE */
	uint64_t addr_mask;         /* physical address bits that exist, without the low 12 */
	uint64_t fixed[MTRR_FIXED]; /* 64K_00000, 16K_80000, 16K_A0000, 4K_C0000 to 4K_F8000 */
	struct {
		uint64_t base, mask;
	} var[MTRR_VARIABLE_MAX];
};

/**
 * mtrr_type - the type of the @size bytes at @addr
 * @size: 4 KiB, or a power of two times that; @addr is a multiple of it
 * @type: the type; UC if it is not the same everywhere
 *
 * Return: whether it is the same everywhere. Overlaps as 12.11.4.1 says; what
 * it leaves undefined counts as UC. Context: any; pure.
 */
bool mtrr_type(const struct mtrrs *m, uint64_t addr, uint64_t size, enum memory_type *type);

#endif
