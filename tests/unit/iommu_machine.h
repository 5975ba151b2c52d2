/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine with modelled IOMMUs (iommu_model.h), for tests of DMA protection:
 * the hypervisor's iommu.c and pool, RAM in three pieces, the block, a promised range.
 */
#ifndef TESTS_IOMMU_MACHINE_H
#define TESTS_IOMMU_MACHINE_H

#define HV_VA_BASE 0x200000000000ULL

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#define cpuid hardware_cpuid
#include "../../lib/x86.h"
#undef cpuid
static struct cpuid_regs cpuid(uint32_t leaf, uint32_t subleaf);
#include "../../hypervisor/mm/pool.c"
#include "../../hypervisor/iommu/iommu.c"
#include "iommu_model.h"

#define BLOCK_SPA  0x3E000000ULL
#define BLOCK_SIZE (10 * SIZE_2M)
#define VTD_BASE   0xFED90000ULL
#define AMD_BASE   0xFED80000ULL
#define RAM_A      0x00100000ULL /* to the block */
#define RAM_B      (BLOCK_SPA + BLOCK_SIZE)
#define RAM_B_END  0x7EFF0000ULL
#define RAM_C      0x100000000ULL
#define RAM_C_END  0x180000000ULL
#define PROMISED   0x7F400000ULL

#define PIECE_TABLES 64u

struct slat vtl0_slat;
bool hv_prepared;

static struct ovbs_boot_info boot;

static void *model_memory(uint64_t at)
{
	assert_true(range_has(BLOCK_SPA, BLOCK_SIZE, at));
	return (void *)(at - BLOCK_SPA + HV_VA_BASE);
}

static void begin(enum ovbs_iommu_kind kind, unsigned int count)
{
	memset((void *)HV_VA_BASE, 0, BLOCK_SIZE);
	memset(&boot, 0, sizeof(boot));
	memset(models, 0, sizeof(models));
	memset(units, 0, sizeof(units));
	memset(&map, 0, sizeof(map));
	unit_count = line_count = hidden_pages = guarded = reserve_free = spare_count = 0;
	hide_result = 0;
	faults = 0;
	reserve = NULL;
	enforced = panic_expected = false;
	vtl0_slat.eager_end = RAM_C_END;
	boot.block_spa = BLOCK_SPA;
	boot.block_size = BLOCK_SIZE;
	boot.image_size = SIZE_2M / 2;
	boot.info_off = SIZE_2M / 2;
	boot.shared_off = boot.shared_next = SIZE_2M;
	boot.shared_size = 7 * SIZE_2M;
	boot.private_off = 8 * SIZE_2M;
	boot.private_size = SIZE_2M;
	boot.vtl1_off = 9 * SIZE_2M;
	boot.vtl1_size = SIZE_2M;
	boot.cpu_count = 1;
	boot.piece_tables = PIECE_TABLES;
	assert_int_equal(pool_init(&boot), 0);
	boot.ram_count = 3;
	boot.ram[0] = (struct ovbs_range){ RAM_A, BLOCK_SPA };
	boot.ram[1] = (struct ovbs_range){ RAM_B, RAM_B_END };
	boot.ram[2] = (struct ovbs_range){ RAM_C, RAM_C_END };
	boot.dma_range_count = 1;
	boot.dma_range[0] = (struct ovbs_range){ PROMISED, PROMISED + 0x10000 };
	boot.iommu_count = count;
	for (unsigned int i = 0; i < count; i++) {
		struct model *m = &models[i];

		m->base = (kind == OVBS_IOMMU_AMD ? AMD_BASE : VTD_BASE) - i * 0x10000;
		m->kind = kind;
		boot.iommu[i].base = m->base;
		boot.iommu[i].kind = (uint8_t)kind;
		if (kind == OVBS_IOMMU_AMD) {
			boot.iommu[i].function = 0x10;
			m->q[0x30 / 8] = 2u << 10 | 1u << 6; /* 6 levels, INVALIDATE_IOMMU_ALL */
			continue;
		}
		boot.iommu[i].size = 0x1000;
		boot.iommu[i].flags = 1;
		m->d[0] = 0x10;
		/* 39 and 48 bits, 2 MiB and 1 GiB, 4 fault records at 220h, draining; IOTLB at F0h */
		m->q[1] = 6u << 8 | 47u << 16 | 0x22ull << 24 | 3ull << 34 | 3ull << 40 | 3ull << 54;
		m->q[2] = 0xFu << 8;
		m->d[0x38 / 4] = 0x80000000;
	}
}

static void start(void)
{
	assert_int_equal(iommu_prepare(&boot), 0);
	assert_string_equal(boot.dma_why, "");
	assert_int_equal(boot.dma_state, OVBS_DMA_ENFORCED);
	assert_true(iommu_enforced());
}

static const enum ovbs_iommu_kind kinds[] = { OVBS_IOMMU_INTEL, OVBS_IOMMU_AMD };
#define FOR_EACH_KIND(k) for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)

static int map_block(void **state)
{
	void *at = mmap((void *)HV_VA_BASE, BLOCK_SIZE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	return at == (void *)HV_VA_BASE ? 0 : -1;
}

#endif
