// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the loader computes about memory: page tables (checked by a walk as the
 * CPU does it), the block's layout, RAM and its top, segment descriptors.
 */
/* links: boot/tables.c boot/layout.c boot/segments.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../../boot/layout.h"
#include "../../boot/segments.h"
#include "../../boot/tables.h"

/* --- page tables --------------------------------------------------------- */

#define POOL_SPA  0x12340000ULL
#define POOL_SIZE (64 * PAGE_SIZE)

static uint8_t *pool;

static int setup_pool(void **state)
{
	pool = aligned_alloc(PAGE_SIZE, POOL_SIZE);
	memset(pool, 0, POOL_SIZE);
	return 0;
}

static int teardown_pool(void **state)
{
	free(pool);
	return 0;
}

/* AMD APM volume 2, 5.3. Return: whether it is mapped; the leaf is *entry, its level *level. */
static bool walk(const struct tables *t, uint64_t va, uint64_t *entry, unsigned int *level)
{
	uint64_t table = t->spa;

	for (*level = t->levels; *level > 0; (*level)--) {
		unsigned int index = va >> (12 + 9 * (*level - 1)) & 511;

		assert_true(table >= POOL_SPA && table - POOL_SPA <= POOL_SIZE - PAGE_SIZE);
		memcpy(entry, pool + (table - POOL_SPA) + index * 8, 8);
		if ((*entry & 1) == 0)
			return false;
		if (*level == 1 || (*entry & 0x80) != 0)
			return true;
		assert_int_equal(*entry & ~0x000FFFFFFFFFF000, 0x23); /* the leaf decides */
		table = *entry & 0x000FFFFFFFFFF000;
	}
	return false;
}

static void expect_page(const struct tables *t, uint64_t va, uint64_t pa, uint64_t rights, unsigned int want)
{
	uint64_t entry, size;
	unsigned int level;

	assert_true(walk(t, va, &entry, &level));
	assert_int_equal(level, want);
	size = 1ULL << (12 + 9 * (level - 1));
	assert_int_equal((entry & 0x000FFFFFFFFFF000 & ~(size - 1)) + (va & (size - 1)), pa);
	assert_true((entry & (1ULL << 63 | 2)) == rights);
	assert_true((entry & 0x20) != 0);                          /* accessed */
	assert_true(((entry & 0x40) != 0) == ((rights & 2) != 0)); /* dirty */
	assert_true((entry & 4) == 0);                             /* never the user's */
}

static void expect_hole(const struct tables *t, uint64_t va)
{
	uint64_t entry;
	unsigned int level;

	assert_false(walk(t, va, &entry, &level));
}

static void test_map(void **state)
{
	for (unsigned int levels = 4; levels <= 5; levels++) {
		struct tables t;

		memset(pool, 0, POOL_SIZE);
		assert_int_equal(tables_init(&t, pool, POOL_SPA, POOL_SIZE, levels), 0);
		assert_int_equal(tables_map(&t, HV_VA_BASE, 0x40000000, 0x3000, 0), 0);
		assert_int_equal(tables_map(&t, HV_VA_BASE + 0x3000, 0x40003000, 0x1000, PTE_NX), 0);
		assert_int_equal(
			tables_map(&t, HV_VA_BASE + 0x4000, 0x40004000, 0x5FC000, PTE_W | PTE_NX), 0);
		assert_int_equal(tables_map(&t, 0x7FFFF000, 0x7FFFF000, 0x2000, 0), 0);

		expect_page(&t, HV_VA_BASE, 0x40000000, 0, 1);
		expect_page(&t, HV_VA_BASE + 0x2FFF, 0x40002FFF, 0, 1);
		expect_page(&t, HV_VA_BASE + 0x3000, 0x40003000, PTE_NX, 1);
		expect_page(&t, HV_VA_BASE + 0x4000, 0x40004000, PTE_W | PTE_NX, 1);
		expect_page(&t, HV_VA_BASE + 0x1FF000, 0x401FF000, PTE_W | PTE_NX, 1);
		expect_page(&t, HV_VA_BASE + 0x200000, 0x40200000, PTE_W | PTE_NX, 2);
		expect_page(&t, HV_VA_BASE + 0x5FFFFF, 0x405FFFFF, PTE_W | PTE_NX, 2);
		expect_hole(&t, HV_VA_BASE + 0x600000);
		expect_hole(&t, HV_VA_BASE - 1);
		expect_page(&t, 0x7FFFF000, 0x7FFFF000, 0, 1);
		expect_page(&t, 0x80000000, 0x80000000, 0, 1);
		expect_hole(&t, 0x80001000);
		expect_hole(&t, 0);
	}
}

/* The PML4 of the upper half hangs at entry 511 of the PML5: boot_info.h says so. */
static void test_five_levels(void **state)
{
	struct tables t;
	uint64_t entry;

	assert_int_equal(tables_init(&t, pool, POOL_SPA, POOL_SIZE, 5), 0);
	assert_int_equal(tables_map(&t, HV_VA_BASE, 0, PAGE_SIZE, PTE_NX), 0);
	memcpy(&entry, pool + 511 * 8, 8);
	assert_true((entry & 1) != 0);
	memcpy(&entry, pool + (entry & PTE_ADDR) - POOL_SPA + 511 * 8, 8);
	assert_true((entry & 1) != 0);
}

static void test_map_refuses(void **state)
{
	struct tables t;

	assert_int_not_equal(tables_init(&t, pool, POOL_SPA, POOL_SIZE, 3), 0);
	assert_int_not_equal(tables_init(&t, pool, POOL_SPA + 8, POOL_SIZE, 4), 0);
	assert_int_not_equal(tables_init(&t, pool, POOL_SPA, PAGE_SIZE - 1, 4), 0);
	assert_int_equal(tables_init(&t, pool, POOL_SPA, POOL_SIZE, 4), 0);
	assert_int_not_equal(tables_map(&t, 0x1000, 0x1000, 0x1000, PTE_W), 0); /* W and X */
	assert_int_not_equal(tables_map(&t, 0x1000, 0x1000, 0x1000, 4), 0);
	assert_int_not_equal(tables_map(&t, 0x1001, 0x1000, 0x1000, 0), 0);
	assert_int_not_equal(tables_map(&t, 0x1000, 0x1001, 0x1000, 0), 0);
	assert_int_not_equal(tables_map(&t, 0x1000, 0x1000, 0x1001, 0), 0);
	assert_int_not_equal(tables_map(&t, 0x1000, 0x1000, 0, 0), 0);
	assert_int_not_equal(tables_map(&t, 0x0000800000000000, 0, 0x1000, 0), 0);
	assert_int_not_equal(tables_map(&t, 0x00007FFFFFFFF000, 0, 0x2000, 0), 0);
	assert_int_not_equal(tables_map(&t, 0xFFFFFFFFFFFFF000, 0, 0x2000, 0), 0);
	assert_int_not_equal(tables_map(&t, 0x1000, 0x000FFFFFFFFFF000, 0x2000, 0), 0);
	assert_int_equal(t.used, PAGE_SIZE);
	assert_int_equal(tables_map(&t, 0x200000, 0x200000, 0x200000, 0), 0);
	assert_int_not_equal(tables_map(&t, 0x200000, 0x200000, 0x200000, 0), 0);
	assert_int_not_equal(tables_map(&t, 0x201000, 0x201000, 0x1000, 0), 0);
}

static void test_map_edges(void **state)
{
	struct tables t;

	assert_int_equal(tables_init(&t, pool, POOL_SPA, PAGE_SIZE, 4), 0);
	assert_int_equal(tables_init(&t, pool, POOL_SPA, POOL_SIZE, 4), 0);
	/* the last pages of both address spaces */
	assert_int_equal(tables_map(&t, 0xFFFFFFFFFFFFF000, 0x000FFFFFFFFFF000, PAGE_SIZE, 0), 0);
	expect_page(&t, 0xFFFFFFFFFFFFF000, 0x000FFFFFFFFFF000, 0, 1);
	/* a large page needs both addresses to fit */
	assert_int_equal(tables_map(&t, 0x40000000, 0x1000, LARGE_PAGE_SIZE, 0), 0);
	expect_page(&t, 0x40000000, 0x1000, 0, 1);
	expect_page(&t, 0x401FF000, 0x200000, 0, 1);
	assert_int_equal(tables_map(&t, 0x60001000, 0x600000, LARGE_PAGE_SIZE, 0), 0);
	expect_page(&t, 0x60001000, 0x600000, 0, 1);
}

static void test_pool_runs_out(void **state)
{
	struct tables t;

	assert_int_equal(tables_init(&t, pool, POOL_SPA, 4 * PAGE_SIZE, 4), 0);
	assert_int_equal(tables_map(&t, 0, 0, PAGE_SIZE, 0), 0);
	assert_int_equal(t.used, 4 * PAGE_SIZE);
	assert_int_not_equal(tables_map(&t, 0x200000, 0, PAGE_SIZE, 0), 0);
	for (size_t i = 4 * PAGE_SIZE; i < POOL_SIZE; i++)
		assert_int_equal(pool[i], 0);
}

/* --- the block ------------------------------------------------------------- */

static void test_layout(void **state)
{
	static const uint64_t images[] = { 0x1000, 0x2F000, 0x200000, LAYOUT_IMAGE_MAX };

	for (size_t i = 0; i < sizeof(images) / sizeof(images[0]); i++) {
		for (unsigned int cpus = 1; cpus <= OVBS_MAX_CPUS; cpus++) {
			const uint64_t vtl1 = cpus % 3 * 17 * LARGE_PAGE_SIZE;
			struct ovbs_boot_info info = { .image_size = images[i],
						       .cpu_count = cpus,
						       .vtl1_size = vtl1 };
			uint64_t tables, needed;

			assert_int_equal(layout_plan(&info), 0);
			assert_int_equal(info.info_off, images[i]);
			assert_true(info.shared_off >= info.info_off + sizeof(info));
			assert_int_equal(info.shared_next, info.shared_off);
			assert_int_equal(info.private_off, info.shared_off + info.shared_size);
			/* VTL1's part is the last, with nothing of ours in its large pages */
			assert_int_equal(info.vtl1_off, info.private_off + info.private_size);
			assert_int_equal(info.vtl1_off % LARGE_PAGE_SIZE, 0);
			assert_int_equal(info.vtl1_size, vtl1);
			assert_int_equal(info.block_size, info.vtl1_off + vtl1);
			assert_int_equal(info.block_size % LARGE_PAGE_SIZE, 0);
			assert_int_equal((info.shared_off | info.private_off) % PAGE_SIZE, 0);
			assert_true(info.private_size >= (uint64_t)cpus * OVBS_PRIVATE_PER_CPU);
			/* the loader's tables: five levels twice, a page table for each 2 MiB */
			tables = (10 + info.vtl1_off / LARGE_PAGE_SIZE) * PAGE_SIZE;
			needed = OVBS_SHARED_POOL_BASE + (uint64_t)cpus * OVBS_SHARED_POOL_PER_CPU;
			assert_true(info.shared_size >= needed + tables);
		}
	}
}

static void test_layout_refuses(void **state)
{
	struct ovbs_boot_info info = { .image_size = 0x1000, .cpu_count = 0 };

	assert_int_not_equal(layout_plan(&info), 0);
	info.cpu_count = OVBS_MAX_CPUS + 1;
	assert_int_not_equal(layout_plan(&info), 0);
	info.cpu_count = 1;
	info.image_size = 0;
	assert_int_not_equal(layout_plan(&info), 0);
	info.image_size = 0x1001;
	assert_int_not_equal(layout_plan(&info), 0);
	info.image_size = LAYOUT_IMAGE_MAX + PAGE_SIZE;
	assert_int_not_equal(layout_plan(&info), 0);
	info.image_size = PAGE_SIZE;
	info.vtl1_size = LARGE_PAGE_SIZE - PAGE_SIZE;
	assert_int_not_equal(layout_plan(&info), 0);
	info.vtl1_size = LARGE_PAGE_SIZE;
	assert_int_equal(layout_plan(&info), 0);
}

/* --- top of RAM ------------------------------------------------------------ */

enum {
	RESERVED = 0,
	BOOT_DATA = 4,
	CONVENTIONAL = 7,
	ACPI_NVS = 10,
	MMIO = 11,
	PERSISTENT = 14,
	UNACCEPTED = 15,
};

struct line {
	unsigned int type;
	uint64_t start, end;
};

static uint8_t *make_map(const struct line *lines, size_t count, size_t step)
{
	uint8_t *map = calloc(count, step);

	for (size_t i = 0; i < count; i++) {
		struct layout_range r = { .type = lines[i].type,
					  .start = lines[i].start,
					  .pages = (lines[i].end - lines[i].start) / PAGE_SIZE };

		memcpy(map + i * step, &r, sizeof(r));
	}
	return map;
}

static uint64_t top_of(const struct line *lines, size_t count, size_t step)
{
	uint8_t *map = make_map(lines, count, step);
	uint64_t top = layout_ram_top(map, count * step, step);

	free(map);
	return top;
}

#define TOP(...)                                                                                   \
	top_of((const struct line[]){ __VA_ARGS__ },                                               \
	       sizeof((const struct line[]){ __VA_ARGS__ }) / sizeof(struct line), 48)

#define GIB (1ULL << 30)

static void test_ram_top(void **state)
{
	struct layout_range map[2] = { 0 };
	struct line q35[] = {
		{ CONVENTIONAL, 0, 0xA0000 },          { CONVENTIONAL, 0x100000, 0x7E000000 },
		{ RESERVED, 0x7F000000, 0x7F800000 },  { ACPI_NVS, 0x7E800000, 0x7F000000 },
		{ BOOT_DATA, 0x7E000000, 0x7E800000 }, { RESERVED, 0x7F800000, 2 * GIB },
		{ RESERVED, 0xB0000000, 0xC0000000 },  { MMIO, 0xFFC00000, 4 * GIB },
	};

	/* reserved ranges in any order, as long as they touch; MMCONFIG does not */
	assert_int_equal(top_of(q35, 8, 40), 2 * GIB);
	assert_int_equal(top_of(q35, 8, 48), 2 * GIB);
	assert_int_equal(TOP({ CONVENTIONAL, 0, 2 * GIB }, { CONVENTIONAL, 4 * GIB, 6 * GIB },
			     { RESERVED, 0xFD00000000, 0x10000000000 }),
			 6 * GIB);
	assert_int_equal(TOP({ CONVENTIONAL, 4 * GIB, 6 * GIB }, { RESERVED, 6 * GIB, 7 * GIB },
			     { RESERVED, 3 * GIB, 5 * GIB }),
			 7 * GIB);
	assert_int_equal(TOP({ CONVENTIONAL, 0, GIB }, { PERSISTENT, 8 * GIB, 9 * GIB }), 9 * GIB);
	assert_int_equal(TOP({ RESERVED, 0, GIB }, { MMIO, 0xFEC00000, 0xFED00000 }), 0);
	assert_int_equal(TOP({ CONVENTIONAL, 0, GIB }, { 0x80000000, 5 * GIB, 6 * GIB }), GIB);
	assert_int_equal(TOP({ CONVENTIONAL, 0, GIB }, { UNACCEPTED, 2 * GIB, 3 * GIB }), 3 * GIB);
	assert_int_equal(TOP({ CONVENTIONAL, 0, GIB }, { UNACCEPTED + 1, 2 * GIB, 3 * GIB }), GIB);
	assert_int_equal(layout_ram_top(q35, 0, 48), 0);
	assert_int_equal(layout_ram_top(q35, sizeof(q35), 39), 0);
	/* the last descriptor may lack the rest of its step, but no more */
	map[1] = (struct layout_range){ .type = CONVENTIONAL, .start = GIB, .pages = 1 };
	assert_int_equal(layout_ram_top(map, 80, 40), GIB + PAGE_SIZE);
	assert_int_equal(layout_ram_top(map, 79, 40), 0);
}

/* --- the list of RAM ------------------------------------------------------- */

/* What is checked is the list; one line more is written to see that it is not touched. */
static unsigned int ranges_of(const struct line *lines, size_t count, size_t step,
			      struct ovbs_range *out, unsigned int max)
{
	uint8_t *map = make_map(lines, count, step);
	const struct ovbs_range mark = { 0x1111, 0x2222 };
	unsigned int n;

	out[max] = mark;
	n = layout_ram_ranges(map, count * step, step, out, max);
	free(map);
	assert_true(n <= max);
	assert_memory_equal(&out[max], &mark, sizeof(mark));
	for (unsigned int i = 0; i < n; i++) {
		assert_true(out[i].start < out[i].end);
		assert_int_equal((out[i].start | out[i].end) % PAGE_SIZE, 0);
		assert_true(i == 0 || out[i - 1].end < out[i].start); /* ascending, and no two touch */
	}
	return n;
}

static void expect_ranges(const struct line *lines, size_t count, size_t step,
			  const struct ovbs_range *want, unsigned int n)
{
	struct ovbs_range out[OVBS_MAX_RAM_RANGES + 1];

	assert_int_equal(ranges_of(lines, count, step, out, OVBS_MAX_RAM_RANGES), n);
	if (n)
		assert_memory_equal(out, want, n * sizeof(*want));
}

static void test_ram_ranges(void **state)
{
	static const struct line lines[] = {
		{ CONVENTIONAL, 4 * GIB, 6 * GIB },
		{ BOOT_DATA, 0x7E000000, 0x7E800000 },
		{ CONVENTIONAL, 0, 0xA0000 },
		{ RESERVED, 0xA0000, 0x100000 },
		{ ACPI_NVS, 0x7E800000, 0x7F000000 },
		{ CONVENTIONAL, 0x100000, 0x40000000 },
		{ RESERVED, 0x40000000, 0x48000000 }, /* openvbs's own block, among it */
		{ CONVENTIONAL, 0x48000000, 0x7E000000 },
		{ RESERVED, 0x7F000000, 2 * GIB },
		{ MMIO, 0xFFC00000, 4 * GIB },
		{ PERSISTENT, 8 * GIB, 9 * GIB },
		{ UNACCEPTED, 6 * GIB, 7 * GIB },
		{ UNACCEPTED + 1, 10 * GIB, 11 * GIB },
		{ 0x80000000, 12 * GIB, 13 * GIB },
		{ 12, 14 * GIB, 15 * GIB },
		{ 13, 15 * GIB, 16 * GIB },
		{ CONVENTIONAL, 20 * GIB, 20 * GIB },
	};
	static const struct ovbs_range want[] = { { 0, 0xA0000 },
						  { 0x100000, 0x40000000 },
						  { 0x48000000, 0x7F000000 },
						  { 4 * GIB, 7 * GIB },
						  { 8 * GIB, 9 * GIB } };

	for (size_t step = 40; step < 100; step += 8)
		expect_ranges(lines, sizeof(lines) / sizeof(lines[0]), step, want, 5);
}

static void test_ram_ranges_overlap(void **state)
{
	static const struct line lines[] = {
		{ CONVENTIONAL, 0x5000, 0x7000 }, { CONVENTIONAL, 0x1000, 0x2000 },
		{ BOOT_DATA, 0x9000, 0xB000 },    { CONVENTIONAL, 0x5000, 0x7000 }, /* twice */
		{ BOOT_DATA, 0xC800, 0xD800 }, /* not page aligned: left out */
		{ ACPI_NVS, 0x4000, 0x6000 },     { CONVENTIONAL, 0x20000, 0x30000 },
	};
	static const struct line bridge[] = { { CONVENTIONAL, 0x1000, 0x2000 },
					      { CONVENTIONAL, 0x3000, 0x4000 },
					      { CONVENTIONAL, 0x5000, 0x6000 },
					      { CONVENTIONAL, 0x8000, 0x9000 },
					      { CONVENTIONAL, 0x2000, 0x5000 } };
	static const struct ovbs_range want[] = {
		{ 0x1000, 0x2000 }, { 0x4000, 0x7000 }, { 0x9000, 0xB000 }, { 0x20000, 0x30000 }
	};
	static const struct ovbs_range bridged[] = { { 0x1000, 0x6000 }, { 0x8000, 0x9000 } };

	expect_ranges(lines, 7, 48, want, 4);
	expect_ranges(bridge, 5, 48, bridged, 2);
}

/* No room: what does not fit is left out, and nothing that is in is lost or grows into a hole. */
static void test_ram_ranges_overflow(void **state)
{
	struct ovbs_range out[4];
	struct line lines[80];

	for (unsigned int i = 0; i < 80; i++)
		lines[i] = (struct line){ CONVENTIONAL, (i * 37 % 80) * 0x2000,
					  (i * 37 % 80) * 0x2000 + 0x1000 };
	for (unsigned int max = 0; max < 4; max++)
		assert_int_equal(ranges_of(lines, 80, 48, out, max), max);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(out[i].end - out[i].start, 0x1000);
	lines[3] = (struct line){ CONVENTIONAL, lines[0].end, lines[0].end + 0x1000 }; /* it touches one that is in */
	assert_int_equal(ranges_of(lines, 4, 48, out, 3), 3);
	assert_int_equal(out[0].end, 0x2000);
}

static void test_ram_ranges_odd_maps(void **state)
{
	struct layout_range map[2] = { { .type = CONVENTIONAL, .start = GIB, .pages = 1 },
				       { .type = CONVENTIONAL, .start = 2 * GIB, .pages = 1 } };
	struct ovbs_range out[4];

	assert_int_equal(layout_ram_ranges(map, 80, 39, out, 4), 0);
	assert_int_equal(layout_ram_ranges(map, 80, 0, out, 4), 0);
	assert_int_equal(layout_ram_ranges(map, 0, 40, out, 4), 0);
	assert_int_equal(layout_ram_ranges(map, 39, 40, out, 4), 0);
	assert_int_equal(layout_ram_ranges(map, 79, 40, out, 4), 1); /* the last one's end is missing */
	assert_int_equal(layout_ram_ranges(map, 80, 40, out, 4), 2);
	assert_int_equal(layout_ram_ranges(map, 80, ~(size_t)0, out, 4), 1);
	map[0].start = 0xFFFFFFFFFFFFF000; /* its end wraps */
	map[0].pages = 2;
	map[1].pages = ~0ULL;
	assert_int_equal(layout_ram_ranges(map, 80, 40, out, 4), 0);
}

/* Lines in any order against a bit for each page. */
static void test_ram_ranges_any_order(void **state)
{
	uint32_t random = 7;

	for (unsigned int round = 0; round < 2000; round++) {
		struct ovbs_range out[OVBS_MAX_RAM_RANGES + 1];
		uint64_t want = 0, got = 0;
		struct line lines[12];
		unsigned int n;

		for (unsigned int i = 0; i < 12; i++) {
			unsigned int first, pages;

			random = random * 1664525 + 1013904223;
			first = random >> 26;
			pages = (random >> 20 & 7) % (64 - first + 1);
			lines[i] = (struct line){ random >> 16 & 3 ? CONVENTIONAL : RESERVED,
						  first * PAGE_SIZE, (first + pages) * PAGE_SIZE };
			for (unsigned int p = first;
			     lines[i].type == CONVENTIONAL && p < first + pages; p++)
				want |= 1ULL << p;
		}
		n = ranges_of(lines, 12, 48, out, OVBS_MAX_RAM_RANGES);
		for (unsigned int i = 0; i < n; i++)
			for (uint64_t p = out[i].start / PAGE_SIZE; p < out[i].end / PAGE_SIZE; p++)
				got |= 1ULL << p;
		assert_true(got == want);
	}
}

/* --- segments -------------------------------------------------------------- */

/* OVMF's table, and a TSS. Unaligned on purpose. */
static const uint64_t gdt[] = {
	0,
	0x00CF92000000FFFF,
	0x00CF9F000000FFFF,
	0x00CF93000000FFFF,
	0x00CF9A000000FFFF,
	0,
	0x00CF93000000FFFF,
	0x00AF9B000000FFFF,
	0x7F008B1234560067,
	0x0000000000000012,
	0x00CF13000000FFFF, /* not present */
	0x4500931122330FFF, /* byte granular, with a base */
};

static int decode(uint16_t selector, uint16_t limit, struct ovbs_segment *s)
{
	uint8_t *exact = malloc(sizeof(gdt) + 1);
	int rc;

	memcpy(exact + 1, gdt, sizeof(gdt));
	rc = segment_decode(exact + 1, limit, selector, s);
	free(exact);
	return rc;
}

static void test_segments(void **state)
{
	static const struct {
		uint16_t selector, attrib;
		uint32_t limit;
		uint64_t base;
	} rows[] = {
		{ 0x00, 0, 0, 0 },
		{ 0x03, 0, 0, 0 },
		{ 0x30, 0xC93, 0xFFFFFFFF, 0 },
		{ 0x38, 0xA9B, 0xFFFFFFFF, 0 },
		{ 0x40, 0x08B, 0x67, 0x127F123456 },
		{ 0x58, 0x093, 0xFFF, 0x45112233 },
		{ 0x33, 0xC93, 0xFFFFFFFF, 0 }, /* RPL is kept in the selector */
	};
	struct ovbs_segment s;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(&s, 0xAA, sizeof(s));
		assert_int_equal(decode(rows[i].selector, sizeof(gdt) - 1, &s), 0);
		assert_int_equal(s.selector, rows[i].selector);
		assert_int_equal(s.attrib, rows[i].attrib);
		assert_int_equal(s.limit, rows[i].limit);
		assert_int_equal(s.base, rows[i].base);
	}
}

static void test_segments_refused(void **state)
{
	struct ovbs_segment s;

	assert_int_not_equal(decode(0x34, sizeof(gdt) - 1, &s), 0); /* in an LDT */
	assert_int_not_equal(decode(0x50, sizeof(gdt) - 1, &s), 0); /* not present */
	assert_int_not_equal(decode(0x28, sizeof(gdt) - 1, &s), 0); /* an empty descriptor */
	assert_int_not_equal(decode(0x60, sizeof(gdt) - 1, &s), 0); /* beyond */
	assert_int_not_equal(decode(0xFFF8, sizeof(gdt) - 1, &s), 0);
	assert_int_equal(decode(0x38, 0x3F, &s), 0);
	assert_int_not_equal(decode(0x38, 0x3E, &s), 0);
	assert_int_equal(decode(0x40, 0x4F, &s), 0); /* system descriptors have 16 bytes */
	assert_int_not_equal(decode(0x40, 0x4E, &s), 0);
}

#define WITH_POOL(test) cmocka_unit_test_setup_teardown(test, setup_pool, teardown_pool)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_POOL(test_map),
		WITH_POOL(test_five_levels),
		WITH_POOL(test_map_refuses),
		WITH_POOL(test_pool_runs_out),
		WITH_POOL(test_map_edges),
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_layout_refuses),
		cmocka_unit_test(test_ram_top),
		cmocka_unit_test(test_ram_ranges),
		cmocka_unit_test(test_ram_ranges_overlap),
		cmocka_unit_test(test_ram_ranges_overflow),
		cmocka_unit_test(test_ram_ranges_odd_maps),
		cmocka_unit_test(test_ram_ranges_any_order),
		cmocka_unit_test(test_segments),
		cmocka_unit_test(test_segments_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
