/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Layout of the hypervisor's block: see layout.h.
 */
#include "layout.h"

#include <stdbool.h>

#include "ovbs_errno.h"
#include "ovbs_string.h"
#include "tables.h"

/*
 * Pages for the loader's tables: at most five levels for the block and again
 * for the stub (which may straddle two tables of each level), and one page
 * table for each 2 MiB of the block.
 */
#define LOADER_TABLES_FIXED (16 * PAGE_SIZE)

static uint64_t up(uint64_t n, uint64_t unit)
{
	return (n + unit - 1) / unit * unit;
}

int layout_plan(struct ovbs_boot_info *info)
{
	uint64_t cpus = info->cpu_count;
	uint64_t pools, tables;

	if (cpus == 0 || cpus > OVBS_MAX_CPUS)
		return -EINVAL;
	if (info->image_size == 0 || info->image_size > LAYOUT_IMAGE_MAX ||
	    info->image_size % PAGE_SIZE != 0)
		return -EINVAL;
	if (info->vtl1_size % LARGE_PAGE_SIZE != 0)
		return -EINVAL;
	info->info_off = info->image_size;
	info->shared_off = info->info_off + up(sizeof(*info), PAGE_SIZE);
	info->shared_next = info->shared_off;
	info->shared_size = up(OVBS_SHARED_POOL_BASE + cpus * OVBS_SHARED_POOL_PER_CPU, PAGE_SIZE);
	info->piece_tables = ovbs_piece_tables(info->ram_top);
	info->shared_size += (info->piece_tables + 2) * PAGE_SIZE; /* and their states */
	if (info->iommu_count > 0)
		info->shared_size += OVBS_SHARED_POOL_IOMMU +
				     (ovbs_dma_tables((uint32_t)info->piece_tables) + 1) * PAGE_SIZE;
	info->private_size = up(cpus * OVBS_PRIVATE_PER_CPU, PAGE_SIZE);
	pools = info->shared_off + info->shared_size + info->private_size;
	tables = LOADER_TABLES_FIXED + (pools / LARGE_PAGE_SIZE + 1) * PAGE_SIZE;
	info->shared_size += tables;
	info->private_off = info->shared_off + info->shared_size;
	info->vtl1_off = up(info->private_off + info->private_size, LARGE_PAGE_SIZE);
	/* What rounding left over is the shared pool's: no byte of the block without an owner. */
	info->shared_size += info->vtl1_off - info->private_off - info->private_size;
	info->private_off = info->vtl1_off - info->private_size;
	info->block_size = info->vtl1_off + info->vtl1_size;
	return 0;
}

/* UEFI 2.10, 7.2.1: EFI_MEMORY_TYPE */
#define TYPE_RESERVED 0u
#define TYPE_MMIO     11u
#define TYPE_MMIO_IO  12u
#define TYPE_PAL      13u
#define TYPE_MAX      15u /* unaccepted memory */

static bool is_ram(uint32_t type)
{
	return type <= TYPE_MAX && type != TYPE_RESERVED && type != TYPE_MMIO &&
	       type != TYPE_MMIO_IO && type != TYPE_PAL;
}

/* One pass: known RAM raises the top, a reserved range does if it touches what is below the top. */
static uint64_t raise_top(const uint8_t *map, size_t map_size, size_t step, uint64_t top, bool reserved)
{
	for (size_t at = 0; map_size - at >= sizeof(struct layout_range); at += step) {
		struct layout_range r;
		uint64_t end;

		memcpy(&r, map + at, sizeof(r));
		end = r.start + r.pages * PAGE_SIZE;
		if (end > top && end > r.start &&
		    (reserved ? r.type == TYPE_RESERVED && r.start <= top : is_ram(r.type)))
			top = end;
		if (map_size - at < step)
			break;
	}
	return top;
}

uint64_t layout_ram_top(const void *map, size_t map_size, size_t step)
{
	uint64_t top, before;

	if (step < sizeof(struct layout_range))
		return 0;
	top = raise_top(map, map_size, step, 0, false);
	if (top == 0)
		return 0;
	do {
		before = top;
		top = raise_top(map, map_size, step, before, true);
	} while (top != before);
	return top;
}

/* Into the list: grow a range that it touches, else a new one in order. False: no room. */
static bool add_range(struct ovbs_range *out, unsigned int max, unsigned int *count, uint64_t start,
		      uint64_t end)
{
	unsigned int i = 0, j;

	while (i < *count && out[i].end < start)
		i++;
	if (i == *count || end < out[i].start) {
		if (*count == max)
			return false;
		memmove(&out[i + 1], &out[i], (*count - i) * sizeof(*out));
		out[i] = (struct ovbs_range){ start, end };
		(*count)++;
		return true;
	}
	if (start < out[i].start)
		out[i].start = start;
	if (end > out[i].end)
		out[i].end = end;
	for (j = i + 1; j < *count && out[j].start <= out[i].end; j++)
		if (out[j].end > out[i].end)
			out[i].end = out[j].end;
	memmove(&out[i + 1], &out[j], (*count - j) * sizeof(*out));
	*count -= j - i - 1;
	return true;
}

unsigned int layout_ram_ranges(const void *map, size_t map_size, size_t step,
			       struct ovbs_range *out, unsigned int max)
{
	const uint8_t *bytes = map;
	unsigned int count = 0;

	if (step < sizeof(struct layout_range))
		return 0;
	for (size_t at = 0; map_size - at >= sizeof(struct layout_range); at += step) {
		struct layout_range r;
		uint64_t end;

		memcpy(&r, bytes + at, sizeof(r));
		end = r.start + r.pages * PAGE_SIZE;
		if (is_ram(r.type) && r.start % PAGE_SIZE == 0 && end > r.start)
			(void)add_range(out, max, &count, r.start, end);
		if (map_size - at < step)
			break;
	}
	return count;
}
