/* links: */
// SPDX-License-Identifier: GPL-2.0-only
/*
 * The builder of I/O page tables (hypervisor/iommu/dma_map.c), in both formats.
 * What is checked is what a unit would see: the walker here is written from the
 * manuals' words, not from the builder. The one rule: an address leads to
 * itself, or nowhere, and nowhere means that the entry is 0 in every bit.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ovbs_compiler.h>

#include "../../hypervisor/iommu/dma_map.c"

#define POOL_PAGES 4096
#define POOL_SPA   0x7F000000ULL

static unsigned char *pool;
static unsigned int used, limit;

static void *pool_page(struct dma_map *map)
{
	return used < limit ? pool + (size_t)used++ * PAGE_SIZE : NULL;
}

static unsigned int spared;

static bool pool_spare(struct dma_map *map, void *table)
{
	spared++;
	return true;
}

static struct spa pool_spa(const void *va)
{
	return spa(POOL_SPA + (uint64_t)((const unsigned char *)va - pool));
}

static void *pool_va(struct spa at)
{
	assert_in_range(at.v, POOL_SPA, POOL_SPA + POOL_PAGES * PAGE_SIZE - 1);
	return pool + (at.v - POOL_SPA);
}

struct seen {
	unsigned int level; /* of the leaf; 0: no access */
	bool read, write;
	uint64_t to;
};

/* VT-d 4.1, 3.7: R and W at every level; bit 7 ends the walk at levels 2 and 3; reserved bits are 0. */
static struct seen walk_vtd(uint64_t root, unsigned int levels, uint64_t addr)
{
	struct seen s = { .read = true, .write = true };
	const uint64_t *t = pool_va(spa(root));

	for (unsigned int l = levels;; l--) {
		unsigned int shift = 12 + 9 * (l - 1);
		uint64_t e = t[addr >> shift & 511], offset = (1ULL << shift) - 1;

		if (!(e & 3)) {
			assert_int_equal(e, 0);
			return (struct seen){ 0 };
		}
		s.read &= e & 1;
		s.write &= e >> 1 & 1;
		if (l == 1 || (e & 0x80)) {
			assert_true(l <= 3);
			assert_int_equal(
				e & ~(0x000FFFFFFFFFF000ULL & ~offset) & ~(l > 1 ? 0x83ULL : 3ULL), 0);
			s.level = l;
			s.to = (e & 0x000FFFFFFFFFF000ULL & ~offset) | (addr & offset);
			return s;
		}
		assert_int_equal(e & ~0x000FFFFFFFFFF003ULL, 0);
		t = pool_va(spa(e & 0x000FFFFFFFFFF000ULL));
	}
}

/* AMD 3.08, 2.2.3: PR, next level in 11:9 (0 ends the walk, one less than ours goes on), IR, IW at every level. */
static struct seen walk_amd(uint64_t root, unsigned int levels, uint64_t addr)
{
	struct seen s = { .read = true, .write = true };
	const uint64_t *t = pool_va(spa(root));

	for (unsigned int l = levels;; l--) {
		unsigned int shift = 12 + 9 * (l - 1), next;
		uint64_t e = t[addr >> shift & 511], offset = (1ULL << shift) - 1;

		if (!(e & 1)) {
			assert_int_equal(e, 0);
			return (struct seen){ 0 };
		}
		s.read &= e >> 61 & 1;
		s.write &= e >> 62 & 1;
		next = e >> 9 & 7;
		assert_int_equal(e & ~0x600FFFFFFFFFFE01ULL, 0);
		if (!next) {
			assert_int_equal(e & 0x000FFFFFFFFFF000ULL & offset, 0);
			s.level = l;
			s.to = (e & 0x000FFFFFFFFFF000ULL) | (addr & offset);
			return s;
		}
		assert_int_equal(next, l - 1);
		t = pool_va(spa(e & 0x000FFFFFFFFFF000ULL));
	}
}

static struct dma_map map;

static struct seen walk(uint64_t addr)
{
	struct seen s = map.kind == OVBS_IOMMU_AMD ? walk_amd(map.root_spa.v, map.levels, addr) :
						     walk_vtd(map.root_spa.v, map.levels, addr);

	if (s.level)
		assert_int_equal(s.to, addr);
	assert_int_equal(dma_map_rights(&map, addr & PAGE_MASK),
			 s.level ? (s.read ? DMA_READ : 0) | (s.write ? DMA_WRITE : 0) : 0);
	return s;
}

static void assert_open(uint64_t addr)
{
	struct seen s = walk(addr);

	assert_true(s.level && s.read && s.write);
}

static const struct {
	enum ovbs_iommu_kind kind;
	unsigned int levels, leaves;
} formats[] = {
	{ OVBS_IOMMU_INTEL, 3, 0xE }, { OVBS_IOMMU_INTEL, 4, 0xE }, { OVBS_IOMMU_INTEL, 5, 0xE },
	{ OVBS_IOMMU_INTEL, 4, 0x6 }, { OVBS_IOMMU_INTEL, 4, 0x2 }, { OVBS_IOMMU_AMD, 3, 0xE },
	{ OVBS_IOMMU_AMD, 4, 0xE },   { OVBS_IOMMU_AMD, 6, 0xE },
};

static void begin(size_t n)
{
	used = 0;
	limit = POOL_PAGES;
	memset(pool, 0, POOL_PAGES * PAGE_SIZE);
	map = (struct dma_map){
		.kind = formats[n].kind,
		.levels = formats[n].levels,
		.leaf_levels = formats[n].leaves,
		.page = pool_page,
		.spare = pool_spare,
		.spa_of = pool_spa,
		.va_of = pool_va,
	};
	assert_int_equal(dma_map_init(&map), 0);
}

#define FOR_EACH_FORMAT(n) for (size_t n = 0; n < ARRAY_SIZE(formats); n++)

static void test_ranges_are_identity_and_the_rest_is_closed(void **state)
{
	static const uint64_t ends[][2] = {
		{ 0x1000, 0xA0000 },
		{ 0x100000, 0x7EFFF000 },
		{ 0x100000000, 0x1C0001000 },
	};

	FOR_EACH_FORMAT(n)
	{
		begin(n);
		for (size_t r = 0; r < ARRAY_SIZE(ends); r++)
			assert_int_equal(dma_map_add(&map, ends[r][0], ends[r][1]), 0);
		for (size_t r = 0; r < ARRAY_SIZE(ends); r++) {
			assert_open(ends[r][0]);
			assert_open(ends[r][1] - 1);
			assert_int_equal(walk(ends[r][0] - 1).level, 0);
			assert_int_equal(walk(ends[r][1]).level, 0);
			for (uint64_t a = ends[r][0]; a < ends[r][1]; a += 0x1F7000)
				assert_open(a);
		}
		assert_int_equal(walk(0).level, 0);
		assert_int_equal(walk(0xFEE00000).level, 0);
		assert_int_equal(walk(0x4000000000).level, 0);
	}
}

static void test_leaves_are_the_largest_that_fit(void **state)
{
	FOR_EACH_FORMAT(n)
	{
		begin(n);
		assert_int_equal(dma_map_add(&map, 0x3FE00000 - 0x1000, 0x80000000 + SIZE_2M + 0x1000), 0);
		assert_int_equal(walk(0x3FDFF000).level, 1);
		assert_int_equal(walk(0x3FE00000).level, formats[n].leaves & 4 ? 2 : 1);
		assert_int_equal(walk(0x40000000).level, formats[n].leaves & 8 ? 3 :
							 formats[n].leaves & 4 ? 2 :
										 1);
		assert_int_equal(walk(0x80000000).level, formats[n].leaves & 4 ? 2 : 1);
		assert_int_equal(walk(0x80200000).level, 1);
		assert_int_equal(walk(0x80201000).level, 0);
	}
}

/* Promise: ranges that overlap, in any order, are as open as one. */
static void test_ranges_may_overlap(void **state)
{
	FOR_EACH_FORMAT(n)
	{
		for (unsigned int order = 0; order < 2; order++) {
			begin(n);
			for (unsigned int i = 0; i < 2; i++)
				if (i == order)
					assert_int_equal(dma_map_add(&map, 0x40003000, 0x40005000), 0);
				else
					assert_int_equal(dma_map_add(&map, 0x40000000, 0x80000000), 0);
			for (uint64_t a = 0x40000000; a < 0x40400000; a += PAGE_SIZE)
				assert_open(a);
			assert_open(0x7FFFF000);
			assert_int_equal(walk(0x80000000).level, 0);
			assert_int_equal(walk(0x3FFFF000).level, 0);
		}
	}
}

static void test_a_page_changes_alone(void **state)
{
	const uint64_t page = 0x52345000;

	FOR_EACH_FORMAT(n)
	{
		struct seen s;

		begin(n);
		assert_int_equal(dma_map_add(&map, 0x40000000, 0x80000000), 0);
		assert_int_equal(dma_map_set(&map, page, true, false), 0);
		s = walk(page);
		assert_true(s.level == 1 && s.read && !s.write);
		for (uint64_t a = 0x40000000; a < 0x80000000; a += 0x1000)
			if (a != page && (a % 0x1F7000 == 0 || a - page + 0x300000 < 0x600000))
				assert_open(a);
		assert_int_equal(dma_map_set(&map, page, false, false), 0);
		assert_int_equal(walk(page).level, 0);
		assert_open(page - 1);
		assert_open(page + PAGE_SIZE);
		assert_int_equal(dma_map_set(&map, page, true, true), 0);
		assert_open(page);
		assert_int_equal(walk(0x80000000).level, 0);
	}
}

/* Promise: what changes nothing takes no table, and opens nothing. */
static void test_no_change_costs_nothing(void **state)
{
	FOR_EACH_FORMAT(n)
	{
		unsigned int before;

		begin(n);
		assert_int_equal(dma_map_add(&map, 0x40000000, 0x80000000), 0);
		before = used;
		assert_int_equal(dma_map_set(&map, 0x52345000, true, true), 0);
		assert_int_equal(dma_map_set(&map, 0x90000000, false, false), 0);
		assert_int_equal(used, before);
	}
}

static void test_no_memory_leaves_the_map_as_it_was(void **state)
{
	FOR_EACH_FORMAT(n)
	{
		begin(n);
		assert_int_equal(dma_map_add(&map, 0x40000000, 0x80000000), 0);
		if (!(formats[n].leaves & 4))
			continue;
		limit = used;
		assert_int_equal(dma_map_set(&map, 0x52345000, false, false), -ENOMEM);
		assert_open(0x52345000);
		limit = used + 1; /* enough for one of two splits */
		if (formats[n].leaves & 8)
			assert_int_equal(dma_map_set(&map, 0x52345000, false, false), -ENOMEM);
		assert_open(0x52345000);
		limit = used;
		assert_int_equal(dma_map_add(&map, 0xC0000000, 0xC0001000), -ENOMEM);
		assert_int_equal(walk(0xC0000000).level, 0);
	}
}

/* Pages that got rights of their own and gave them back leave one leaf; others' rights and neighbours stay. */
static void test_merge_makes_leaves_again(void **state)
{
	FOR_EACH_FORMAT(n)
	{
		unsigned int large;

		begin(n);
		assert_int_equal(dma_map_add(&map, 0x40000000, 0x80000000), 0);
		assert_int_equal(dma_map_add(&map, 0x80000000, 0x80201000), 0);
		large = walk(0x52345000).level;
		assert_int_equal(dma_map_set(&map, 0x52345000, true, false), 0);
		spared = 0;
		dma_map_merge(&map);
		assert_int_equal(walk(0x52345000).level, 1);
		assert_true(walk(0x52345000).read && !walk(0x52345000).write);
		assert_int_equal(dma_map_set(&map, 0x52345000, true, true), 0);
		dma_map_merge(&map);
		assert_int_equal(walk(0x52345000).level, large);
		assert_int_equal(spared, large - 1);
		for (uint64_t a = 0x40000000; a < 0x80201000; a += 0x1F000)
			assert_open(a);
		assert_int_equal(walk(0x80201000).level, 0);
		assert_int_equal(walk(0x3FFFF000).level, 0);
	}
}

static void test_nonsense_is_refused(void **state)
{
	FOR_EACH_FORMAT(n)
	{
		/* An entry holds 52 bits, however many levels there are. */
		unsigned int bits = formats[n].levels > 4 ? 52 : 12 + 9 * formats[n].levels;

		begin(n);
		assert_int_equal(dma_map_add(&map, 0x1000, 0x1000), -EINVAL);
		assert_int_equal(dma_map_add(&map, 0x3000, 0x1000), -EINVAL);
		assert_int_equal(dma_map_add(&map, 0x1001, 0x3000), -EINVAL);
		assert_int_equal(dma_map_add(&map, 0x1000, 0x3001), -EINVAL);
		assert_int_equal(dma_map_set(&map, 0x1001, false, false), -EINVAL);
		assert_int_equal(dma_map_add(&map, (1ULL << bits) - 0x1000, (1ULL << bits) + 0x1000),
				 -EINVAL);
		assert_int_equal(dma_map_set(&map, 1ULL << bits, true, true), -EINVAL);
		assert_int_equal(dma_map_rights(&map, 1ULL << bits), 0);
		assert_int_equal(dma_map_add(&map, (1ULL << bits) - 0x1000, 1ULL << bits), 0);
		assert_open((1ULL << bits) - 0x1000);
	}
	begin(0);
	map.levels = 2;
	assert_int_equal(dma_map_init(&map), -EINVAL);
	map.levels = 6;
	assert_int_equal(dma_map_init(&map), -EINVAL);
	map.kind = OVBS_IOMMU_NONE;
	map.levels = 4;
	assert_int_equal(dma_map_init(&map), -EINVAL);
}

/* Promise: 1 GiB leaves only where 2 MiB ones can follow. */
static void test_1g_without_2m_is_not_used(void **state)
{
	begin(0);
	map.leaf_levels = 0x8;
	assert_int_equal(dma_map_init(&map), 0);
	assert_int_equal(dma_map_add(&map, 0x40000000, 0x40400000), 0);
	assert_int_equal(walk(0x40000000).level, 1);
}

/* Random ranges and changes against one byte for each page. */
static void test_like_a_plain_list(void **state)
{
	static unsigned char model[0x20000]; /* 512 MiB from 0x3F000000 on */
	const uint64_t base = 0x3F000000;

	FOR_EACH_FORMAT(n)
	{
		begin(n);
		memset(model, 0, sizeof(model));
		srand((unsigned int)n);
		for (unsigned int i = 0; i < 6; i++) {
			uint64_t from = (uint64_t)rand() % sizeof(model),
				 count = (uint64_t)rand() % 0x6000 + 1;

			if (from + count > sizeof(model))
				count = sizeof(model) - from;
			assert_int_equal(dma_map_add(&map, base + from * PAGE_SIZE,
						     base + (from + count) * PAGE_SIZE),
					 0);
			memset(model + from, 3, count);
		}
		for (unsigned int i = 0; i < 300; i++) {
			uint64_t page = (uint64_t)rand() % sizeof(model);
			unsigned int rights = (unsigned int)rand() & 3;

			assert_int_equal(
				dma_map_set(&map, base + page * PAGE_SIZE, rights & 1, rights & 2), 0);
			model[page] = (unsigned char)rights;
		}
		for (uint64_t page = 0; page < sizeof(model); page++) {
			struct seen s = walk(base + page * PAGE_SIZE);

			assert_int_equal(s.level ? (s.read ? 1 : 0) | (s.write ? 2 : 0) : 0, model[page]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ranges_are_identity_and_the_rest_is_closed),
		cmocka_unit_test(test_leaves_are_the_largest_that_fit),
		cmocka_unit_test(test_ranges_may_overlap),
		cmocka_unit_test(test_a_page_changes_alone),
		cmocka_unit_test(test_no_change_costs_nothing),
		cmocka_unit_test(test_no_memory_leaves_the_map_as_it_was),
		cmocka_unit_test(test_merge_makes_leaves_again),
		cmocka_unit_test(test_nonsense_is_refused),
		cmocka_unit_test(test_1g_without_2m_is_not_used),
		cmocka_unit_test(test_like_a_plain_list),
	};

	pool = aligned_alloc(PAGE_SIZE, POOL_PAGES * PAGE_SIZE);
	if (!pool)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
