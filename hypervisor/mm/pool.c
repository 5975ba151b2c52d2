// SPDX-License-Identifier: GPL-2.0-only
/*
 * The block's layout and the page pools. Everything is taken in PREPARE, before
 * VTL0 exists, on one CPU: no locks, nothing to run out of later.
 */
#include "mm/pool.h"

#include <ovbs_errno.h>

static uint64_t base_spa, base_size;
static uint64_t next_off, end_off;
static uint64_t private_off;

static bool part_ok(uint64_t off, uint64_t size, uint64_t total)
{
	return !(off & ~PAGE_MASK) && off <= total && size <= total - off;
}

int pool_init(const struct ovbs_boot_info *info)
{
	if ((info->block_spa & (SIZE_2M - 1)) || (info->block_size & (SIZE_2M - 1)) ||
	    !info->block_size || info->block_spa + info->block_size < info->block_spa)
		return -EINVAL;
	if (!part_ok(info->shared_off, info->shared_size, info->block_size) ||
	    !part_ok(info->private_off, info->private_size, info->block_size) ||
	    !part_ok(info->info_off, sizeof(*info), info->block_size) ||
	    info->private_off < info->shared_off + info->shared_size ||
	    info->image_size > info->info_off || (info->shared_next & ~PAGE_MASK) ||
	    !range_has(info->shared_off, info->shared_size + 1, info->shared_next))
		return -EINVAL;
	if (info->private_size / OVBS_PRIVATE_PER_CPU < info->cpu_count)
		return -EINVAL;
	if (!part_ok(info->vtl1_off, info->vtl1_size, info->block_size) ||
	    (info->vtl1_off & (SIZE_2M - 1)) || info->vtl1_off < info->private_off + info->private_size)
		return -EINVAL;
	base_spa = info->block_spa;
	base_size = info->block_size;
	next_off = info->shared_next;
	end_off = info->shared_off + info->shared_size;
	private_off = info->private_off;
	return 0;
}

void *pool_pages(unsigned int n)
{
	void *p;

	if (n * PAGE_SIZE > end_off - next_off)
		return NULL;
	p = (void *)(HV_VA_BASE + next_off);
	next_off += n * PAGE_SIZE;
	return p;
}

struct spa shared_spa(const void *va)
{
	return spa((uint64_t)va - HV_VA_BASE + base_spa);
}

struct spa private_spa(uint32_t cpu, unsigned int page)
{
	return spa(base_spa + private_off + (uint64_t)cpu * OVBS_PRIVATE_PER_CPU + page * PAGE_SIZE);
}

bool block_has(uint64_t addr, uint64_t size)
{
	return addr < base_spa + base_size && addr + size > base_spa;
}

struct spa block_start(void)
{
	return spa(base_spa);
}

uint64_t block_size(void)
{
	return base_size;
}
