// SPDX-License-Identifier: GPL-2.0-only
/*
 * The registers of all IOMMUs in the host's address space: one window of 2 MiB
 * in the tables that all CPUs share, uncached, mapped once in PREPARE and never
 * changed. So a flush needs no mapping of its own, and PREPARE, where there is
 * no private window yet, can reach them too.
 */
#include "iommu/unit.h"

#include <ovbs_errno.h>

#include "core/cpu.h"
#include "core/log.h"
#include "mm/pool.h"

/* Entry 256 of the PDPT at HV_VA_BASE: far above the block, which begins at entry 0. */
#define WINDOW_ENTRY 256
#define WINDOW_VA    (HV_VA_BASE + WINDOW_ENTRY * SIZE_1G)
#define WINDOW_PAGES 512u
#define SHARED_ENTRY 511 /* of the PML4, and of the PML5 */

#define WINDOW_DIR (PTE_P | PTE_RW | PTE_A)
#define WINDOW_PTE (PTE_P | PTE_RW | PTE_NX | PTE_A | PTE_D | PTE_PCD | PTE_PWT)

static uint64_t *window; /* the page table */
static unsigned int window_used;

static uint64_t *table_at(uint64_t entry)
{
	return (uint64_t *)((entry & PTE_ADDR) - block_start().v + HV_VA_BASE);
}

/* The CPUs' roots are copies of the loader's; the PDPT below is one for all. */
static int make_window(void)
{
	const struct ovbs_boot_info *info = hv_boot_info();
	uint64_t *t = table_at(info->loader_root), *pd = pool_pages(1), *pt = pool_pages(1);

	if (!pd || !pt)
		return -ENOMEM;
	if (info->flags & OVBS_BOOT_F_LA57)
		t = table_at(t[SHARED_ENTRY]);
	t = table_at(t[SHARED_ENTRY]);
	hv_assert(!t[WINDOW_ENTRY]);
	pd[0] = shared_spa(pt).v | WINDOW_DIR;
	t[WINDOW_ENTRY] = shared_spa(pd).v | WINDOW_DIR;
	window = pt;
	return 0;
}

int unit_map(struct iommu_unit *u, uint32_t bytes)
{
	unsigned int pages = (unsigned int)((bytes + PAGE_SIZE - 1) / PAGE_SIZE);

	if (!window && make_window())
		return -ENOMEM;
	if (pages > WINDOW_PAGES - window_used)
		return -ENOMEM;
	hv_assert(!block_has(u->desc.base, pages * PAGE_SIZE));
	u->regs = (void *)(WINDOW_VA + window_used * PAGE_SIZE);
	for (unsigned int i = 0; i < pages; i++) {
		/* Nothing was there, so no CPU has a translation to forget (APM 2, 5.5.2; SDM 3, 4.10.4.3). */
		window[window_used++] = ((u->desc.base + i * PAGE_SIZE) & PTE_ADDR) | WINDOW_PTE;
	}
	asm volatile("" : : : "memory");
	return 0;
}

uint32_t unit_read32(const struct iommu_unit *u, uint32_t offset)
{
	return *(volatile uint32_t *)((volatile char *)u->regs + offset);
}

uint64_t unit_read64(const struct iommu_unit *u, uint32_t offset)
{
	return *(volatile uint64_t *)((volatile char *)u->regs + offset);
}

void unit_write32(const struct iommu_unit *u, uint32_t offset, uint32_t value)
{
	*(volatile uint32_t *)((volatile char *)u->regs + offset) = value;
}

void unit_write64(const struct iommu_unit *u, uint32_t offset, uint64_t value)
{
	*(volatile uint64_t *)((volatile char *)u->regs + offset) = value;
}
