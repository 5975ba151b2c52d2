// SPDX-License-Identifier: GPL-2.0-only
/*
 * See dma_map.h. Two formats, one walk of 9 bits a level:
 *
 * VT-d, second-stage tables (VT-d 4.1, 3.7 and 9.8): R bit 0, W bit 1, and bit
 * 7 in a leaf above level 1. AMD, host page tables (AMD IOMMU 3.08, 2.2.3): PR
 * bit 0, the level of the next table in bits 11:9 (0: a leaf), IR bit 61, IW
 * bit 62. Snooping (SNP, FC) is left to the device, as without an IOMMU.
 *
 * In both, rights are the least of all levels: tables always give both.
 */
#include "iommu/dma_map.h"

#include <ovbs_errno.h>

#define ENTRIES      512u
#define ADDRESS      0x000FFFFFFFFFF000ULL
#define ADDRESS_BITS 52u
#define CACHE_LINE   64

#define VTD_R  (1ULL << 0)
#define VTD_W  (1ULL << 1)
#define VTD_SP (1ULL << 7)

#define AMD_PR         (1ULL << 0)
#define AMD_NEXT_SHIFT 9
#define AMD_NEXT       (7ULL << AMD_NEXT_SHIFT)
#define AMD_IR         (1ULL << 61)
#define AMD_IW         (1ULL << 62)

static unsigned int level_shift(unsigned int level)
{
	return PAGE_SHIFT + 9 * (level - 1);
}

static uint64_t level_size(unsigned int level)
{
	return 1ULL << level_shift(level);
}

static uint64_t *entry_of(uint64_t *table, uint64_t addr, unsigned int level)
{
	return &table[addr >> level_shift(level) & (ENTRIES - 1)];
}

/* Above what the levels reach, or what an entry can hold. */
static bool beyond(const struct dma_map *map, uint64_t last)
{
	unsigned int bits = level_shift(map->levels + 1);

	return last >> (bits < ADDRESS_BITS ? bits : ADDRESS_BITS);
}

void dma_write_back(const void *p, size_t bytes)
{
	uint64_t end = (uint64_t)p + bytes;

	for (uint64_t at = (uint64_t)p & ~(CACHE_LINE - 1ULL); at < end; at += CACHE_LINE)
		asm volatile("clflush (%0)" : : "r"(at) : "memory");
	asm volatile("mfence" : : : "memory");
}

static uint64_t table_entry(const struct dma_map *map, const void *table, unsigned int table_level)
{
	uint64_t at = map->spa_of(table).v;

	if (map->kind == OVBS_IOMMU_AMD)
		return at | AMD_PR | AMD_IR | AMD_IW | (uint64_t)table_level << AMD_NEXT_SHIFT;
	return at | VTD_R | VTD_W;
}

/* No rights: nothing at all. QEMU lets a device through an AMD entry with PR clear and IR or IW set. */
static uint64_t leaf_entry(const struct dma_map *map, uint64_t addr, unsigned int level, unsigned int rights)
{
	if (!rights)
		return 0;
	if (map->kind == OVBS_IOMMU_AMD)
		return addr | AMD_PR | (rights & DMA_READ ? AMD_IR : 0) |
		       (rights & DMA_WRITE ? AMD_IW : 0);
	return addr | (rights & DMA_READ ? VTD_R : 0) | (rights & DMA_WRITE ? VTD_W : 0) |
	       (level > 1 ? VTD_SP : 0);
}

static bool is_leaf(const struct dma_map *map, uint64_t entry, unsigned int level)
{
	if (level == 1)
		return true;
	return map->kind == OVBS_IOMMU_AMD ? !(entry & AMD_NEXT) : !!(entry & VTD_SP);
}

static unsigned int leaf_rights(const struct dma_map *map, uint64_t entry)
{
	if (map->kind == OVBS_IOMMU_AMD)
		return (entry & AMD_IR ? DMA_READ : 0) | (entry & AMD_IW ? DMA_WRITE : 0);
	return (entry & VTD_R ? DMA_READ : 0) | (entry & VTD_W ? DMA_WRITE : 0);
}

static uint64_t *table_of(const struct dma_map *map, uint64_t entry)
{
	return map->va_of(spa(entry & ADDRESS));
}

static void put(uint64_t *entry, uint64_t value)
{
	__atomic_store_n(entry, value, __ATOMIC_RELEASE);
	dma_write_back(entry, sizeof(*entry));
}

/* The table is in memory before an entry leads to it. */
static void hook(const struct dma_map *map, uint64_t *entry, const void *table, unsigned int table_level)
{
	dma_write_back(table, PAGE_SIZE);
	put(entry, table_entry(map, table, table_level));
}

int dma_map_init(struct dma_map *map)
{
	unsigned int max = map->kind == OVBS_IOMMU_AMD ? 6 : 5;

	if ((map->kind != OVBS_IOMMU_AMD && map->kind != OVBS_IOMMU_INTEL) || map->levels < 3 ||
	    map->levels > max)
		return -EINVAL;
	map->leaf_levels |= 1u << 1;
	if (!(map->leaf_levels & 1u << 2))
		map->leaf_levels &= ~(1u << 3);
	map->root = map->page(map);
	if (!map->root)
		return -ENOMEM;
	map->root_spa = map->spa_of(map->root);
	dma_write_back(map->root, PAGE_SIZE);
	return 0;
}

/* The entry of @level for @addr, or the leaf above it (*@level tells). Makes what is missing. NULL: no memory. */
static uint64_t *walk_making(struct dma_map *map, uint64_t addr, unsigned int *level)
{
	uint64_t *t = map->root, *e;

	for (unsigned int l = map->levels;; l--) {
		e = entry_of(t, addr, l);
		if (l == *level || (*e && is_leaf(map, *e, l))) {
			*level = l;
			return e;
		}
		if (*e) {
			t = table_of(map, *e);
			continue;
		}
		t = map->page(map);
		if (!t)
			return NULL;
		hook(map, e, t, l - 1);
	}
}

/* The largest leaf level up to @most that fits at @at. */
static unsigned int fitting(const struct dma_map *map, uint64_t at, uint64_t end, unsigned int most)
{
	unsigned int level = most;

	for (; level > 1; level--)
		if ((map->leaf_levels & 1u << level) && !(at & (level_size(level) - 1)) &&
		    end - at >= level_size(level))
			break;
	return level;
}

int dma_map_add(struct dma_map *map, uint64_t start, uint64_t end)
{
	if (start >= end || ((start | end) & ~PAGE_MASK) || beyond(map, end - 1))
		return -EINVAL;
	for (uint64_t at = start; at < end;) {
		unsigned int level = fitting(map, at, end, 3), found = level;
		uint64_t *e = walk_making(map, at, &found);

		/* A range that overlaps another may find its smaller pieces there. */
		while (e && *e && found == level && !is_leaf(map, *e, level)) {
			level = fitting(map, at, end, level - 1);
			found = level;
			e = walk_making(map, at, &found);
		}
		if (!e)
			return -ENOMEM;
		if (!*e)
			put(e, leaf_entry(map, at, level, DMA_READ | DMA_WRITE));
		at += level_size(level);
	}
	return 0;
}

/* Replace the leaf @entry by a table of the next smaller size that says the same. */
static uint64_t *split(struct dma_map *map, uint64_t *entry, unsigned int level)
{
	uint64_t from = *entry & ADDRESS & ~(level_size(level) - 1);
	unsigned int rights = leaf_rights(map, *entry);
	uint64_t *t = map->page(map);

	if (!t)
		return NULL;
	for (unsigned int i = 0; i < ENTRIES; i++)
		t[i] = leaf_entry(map, from + i * level_size(level - 1), level - 1, rights);
	hook(map, entry, t, level - 1);
	return t;
}

int dma_map_set(struct dma_map *map, uint64_t page, bool read, bool write)
{
	unsigned int rights = (read ? DMA_READ : 0) | (write ? DMA_WRITE : 0), level = 1;
	uint64_t *e;

	if ((page & ~PAGE_MASK) || beyond(map, page))
		return -EINVAL;
	if (dma_map_rights(map, page) == rights)
		return 0;
	e = walk_making(map, page, &level);
	while (e && level > 1) {
		uint64_t *t = split(map, e, level--);

		e = t ? entry_of(t, page, level) : NULL;
	}
	if (!e)
		return -ENOMEM;
	put(e, leaf_entry(map, page, 1, rights));
	return 0;
}

/* A table of @level whose entries are all leaves with both rights, of one piece: it came from a leaf. */
static bool is_one_leaf(const struct dma_map *map, const uint64_t *t, unsigned int level)
{
	uint64_t from = t[0] & ADDRESS;

	if (!(map->leaf_levels & 1u << (level + 1)) || (from & (level_size(level + 1) - 1)))
		return false;
	for (unsigned int i = 0; i < ENTRIES; i++)
		if (t[i] != leaf_entry(map, from + i * level_size(level), level, DMA_READ | DMA_WRITE))
			return false;
	return true;
}

static void merge(struct dma_map *map, uint64_t *t, unsigned int level)
{
	for (unsigned int i = 0; i < ENTRIES; i++) {
		uint64_t *below;

		if (!t[i] || is_leaf(map, t[i], level))
			continue;
		below = table_of(map, t[i]);
		if (level > 2)
			merge(map, below, level - 1);
		if (is_one_leaf(map, below, level - 1) && map->spare(map, below))
			put(&t[i], leaf_entry(map, below[0] & ADDRESS, level, DMA_READ | DMA_WRITE));
	}
}

void dma_map_merge(struct dma_map *map)
{
	merge(map, map->root, map->levels);
}

unsigned int dma_map_rights(const struct dma_map *map, uint64_t page)
{
	uint64_t *t = map->root;

	if (beyond(map, page))
		return 0;
	for (unsigned int l = map->levels;; l--) {
		uint64_t e = __atomic_load_n(entry_of(t, page, l), __ATOMIC_ACQUIRE);

		if (!e)
			return 0;
		if (is_leaf(map, e, l))
			return leaf_rights(map, e);
		t = table_of(map, e);
	}
}
