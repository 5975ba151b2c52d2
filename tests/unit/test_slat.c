/* links: */
// SPDX-License-Identifier: GPL-2.0-only
/*
 * VTL0's second-level map (hypervisor/mm), with a fake vendor and a block of
 * memory of this process. What is checked is what a CPU would see: a walk of
 * the tables themselves. The one rule: an address leads to itself, or nowhere,
 * and the block's pages only to the page of zeros, never writable.
 */
#define HV_VA_BASE 0x200000000000ULL

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "../../hypervisor/mm/pool.c"
#include "../../hypervisor/mm/slat.c"

#define BLOCK_SIZE (8 * SIZE_2M)
#define SHOWN_AT   (SIZE_2M + 0x3000)

struct cpu_shared *cpus;
uint32_t cpu_count;
bool hv_prepared;

static unsigned int levels, flushes;
static bool has_1g;
static uint64_t block_at;
static uint64_t border; /* memory types differ below and above it */
static void (*on_flush)(void);

uint64_t arch_slat_leaf(struct spa to, unsigned int rights, unsigned int level)
{
	return to.v | PTE_P | PTE_US | (rights & SLAT_W ? PTE_RW : 0) |
	       (rights & SLAT_X ? 0 : PTE_NX) | (level > 1 ? PTE_PS : 0);
}

uint64_t arch_slat_table(struct spa table)
{
	return table.v | PTE_P | PTE_RW | PTE_US;
}

unsigned int arch_slat_levels(void)
{
	return levels;
}

bool arch_slat_1g(void)
{
	return has_1g;
}

bool arch_slat_uniform(struct spa at, unsigned int level)
{
	return border <= at.v || border >= at.v + (1ULL << (12 + 9 * (level - 1)));
}

void cpus_flush(void)
{
	void (*hook)(void) = on_flush;

	flushes++;
	on_flush = NULL;
	if (hook)
		hook();
}

void hv_panic(const char *fmt, ...)
{
	fail_msg("panic: %s", fmt);
	abort();
}

struct place {
	unsigned int level; /* of the leaf */
	bool mapped;
	uint64_t to;
	bool writable, executable;
};

/* As the CPU would: rights are the least of all levels. */
static struct place walk(uint64_t addr)
{
	struct place p = { .writable = true, .executable = true };
	uint64_t *t = vtl0_slat.root;

	for (unsigned int l = vtl0_slat.levels; l > 0; l--) {
		uint64_t e = t[addr >> (12 + 9 * (l - 1)) & 511];
		uint64_t offset = (1ULL << (12 + 9 * (l - 1))) - 1;

		if (!(e & PTE_P))
			return (struct place){ 0 };
		p.writable &= !!(e & PTE_RW);
		p.executable &= !(e & PTE_NX);
		if (l == 1 || (e & PTE_PS)) {
			p.mapped = true;
			p.level = l;
			p.to = (e & PTE_ADDR & ~offset) | (addr & offset);
			return p;
		}
		/* A table outside the block would be memory that VTL0 can write. */
		assert_true(range_has(block_at, BLOCK_SIZE, e & PTE_ADDR));
		t = (uint64_t *)((e & PTE_ADDR) - block_at + HV_VA_BASE);
	}
	return p;
}

static void assert_identity(uint64_t addr)
{
	struct place p = walk(addr);

	assert_true(p.mapped && p.writable && p.executable);
	assert_int_equal(p.to, addr);
}

/* Mapped or not: it must not lead elsewhere. */
static void assert_harmless(uint64_t addr)
{
	struct place p = walk(addr);

	if (p.mapped)
		assert_int_equal(p.to, addr);
}

static void build(uint64_t at, uint64_t ram_top, unsigned int phys_bits, unsigned int depth, bool large)
{
	static struct ovbs_boot_info info;

	memset((void *)HV_VA_BASE, 0, BLOCK_SIZE);
	memset(&vtl0_slat, 0, sizeof(vtl0_slat));
	block_at = at;
	levels = depth;
	has_1g = large;
	flushes = 0;
	on_flush = NULL;
	info.block_spa = at;
	info.block_size = BLOCK_SIZE;
	info.image_size = SIZE_2M / 2;
	info.info_off = SIZE_2M / 2;
	info.shared_off = SIZE_2M;
	info.shared_next = SIZE_2M;
	info.shared_size = 6 * SIZE_2M;
	info.private_off = 7 * SIZE_2M;
	info.private_size = SIZE_2M;
	info.cpu_count = 4;
	assert_int_equal(pool_init(&info), 0);
	assert_int_equal(slat_prepare(&vtl0_slat, ram_top, phys_bits), 0);
}

static int map_block(void **state)
{
	void *at = mmap((void *)HV_VA_BASE, BLOCK_SIZE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	return at == (void *)HV_VA_BASE ? 0 : -1;
}

static const struct {
	uint64_t at;
	unsigned int depth;
	bool large;
} machines[] = {
	{ 0x3E000000, 4, true },  { 0x3E000000, 4, false },  { 0x3E000000, 5, true },
	{ 0x17FE00000, 4, true }, { 0x17FE00000, 4, false }, { 0x17FE00000, 5, false },
};

#define FOR_EACH_MACHINE(i)                                                                        \
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {                                        \
		build(machines[i].at, 0x180000000, 48, machines[i].depth, machines[i].large);

static void test_block_is_hidden_and_the_rest_is_identity(void **state)
{
	FOR_EACH_MACHINE(i)
	for (uint64_t a = 0; a < BLOCK_SIZE; a += PAGE_SIZE) {
		struct place p = walk(block_at + a);

		assert_true(p.mapped && !p.writable && !p.executable);
		for (unsigned int n = 0; n < PAGE_SIZE / 8; n += 64)
			assert_int_equal(((uint64_t *)(p.to - block_at + HV_VA_BASE))[n], 0);
		assert_int_equal(p.to, walk(block_at).to);
	}
	assert_identity(block_at - PAGE_SIZE);
	assert_identity(block_at + BLOCK_SIZE);
	for (uint64_t a = 0; a < vtl0_slat.eager_end; a += 0x1F7000)
		if (!range_has(block_at, BLOCK_SIZE, a))
			assert_identity(a);
}
}

/* Promise: one leaf, one memory type. */
static void test_leaves_do_not_span_memory_types(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {
		border = 0x100000000 + 5 * SIZE_2M + PAGE_SIZE;
		build(machines[i].at, 0x180000000, 48, machines[i].depth, machines[i].large);
		assert_int_equal(walk(border).level, 1);
		assert_int_equal(walk(border - PAGE_SIZE).level, 1);
		assert_int_equal(walk(border + SIZE_2M).level, 2);
		assert_int_equal(walk(border - SIZE_2M).level, 2);
		if (block_at < 0x100000000)
			assert_int_equal(walk(0x140000000).level, vtl0_slat.leaf);
		for (uint64_t a = 0x100000000; a < 0x180000000; a += SIZE_2M / 2)
			if (!range_has(block_at, BLOCK_SIZE, a))
				assert_identity(a);
	}
	border = 0;
}

static void test_shown_pages_can_be_read_only(void **state)
{
	FOR_EACH_MACHINE(i)
	assert_int_equal(slat_show(&vtl0_slat, gpa(block_at + SHOWN_AT), 2), 0);
	for (unsigned int n = 0; n < 2; n++) {
		struct place p = walk(block_at + SHOWN_AT + n * PAGE_SIZE);

		assert_int_equal(p.to, block_at + SHOWN_AT + n * PAGE_SIZE);
		assert_true(!p.writable && !p.executable);
	}
	assert_int_equal(walk(block_at + SHOWN_AT - PAGE_SIZE).to, walk(block_at).to);
	assert_int_equal(walk(block_at + SHOWN_AT + 2 * PAGE_SIZE).to, walk(block_at).to);
	assert_int_equal(walk(block_at + SHOWN_AT + SIZE_2M).to, walk(block_at).to);
}
}

static void test_one_page_changes_alone(void **state)
{
	FOR_EACH_MACHINE(i)
	assert_int_equal(slat_set(&vtl0_slat, gpa(0xFEE00000), spa(0xFEE00000), SLAT_R), 0);
	assert_false(walk(0xFEE00000).writable);
	assert_identity(0xFEE01000);
	assert_identity(0xFEDFF000);
	assert_int_equal(slat_set(&vtl0_slat, gpa(0x140003000), spa(0), 0), 0);
	assert_false(walk(0x140003000).mapped);
	assert_identity(0x140002000);
	assert_identity(0x140004000);
	assert_identity(0x140200000);
}
}

static void test_touch_maps_what_the_cpu_has_and_nothing_else(void **state)
{
	FOR_EACH_MACHINE(i)
	assert_false(walk(0x380000001000).mapped);
	assert_true(slat_touch(&vtl0_slat, gpa(0x380000001000)));
	assert_identity(0x380000001000);
	assert_false(slat_touch(&vtl0_slat, gpa(0x1000)));
	assert_false(slat_touch(&vtl0_slat, gpa(1ULL << 48)));
	assert_false(slat_touch(&vtl0_slat, gpa(~0ULL)));
}
}

/* 52 bits need 5 levels: with 4, bit 48 and up would be lost on the way. */
static void test_addresses_beyond_the_tables_are_refused(void **state)
{
	build(0x3E000000, 0x80000000, 52, 4, true);
	assert_false(slat_touch(&vtl0_slat, gpa((1ULL << 48) + 0x3E000000)));
	assert_int_equal(walk(0x3E000000).to, walk(0x3E001000).to);
	build(0x3E000000, 0x80000000, 52, 5, true);
	assert_true(slat_touch(&vtl0_slat, gpa((1ULL << 48) + 0x3E000000)));
	assert_identity((1ULL << 48) + 0x3E000000);
}

static uint64_t region(unsigned int n)
{
	return 0x8000000000ULL * (n + 2) + 0x12345000;
}

static void test_reserve_is_begun_anew(void **state)
{
	FOR_EACH_MACHINE(i)
	for (unsigned int n = 0; n < 300; n++) {
		while (!walk(region(n)).mapped)
			assert_true(slat_touch(&vtl0_slat, gpa(region(n))));
		assert_identity(region(n));
		for (unsigned int m = 0; m < n; m++)
			assert_harmless(region(m));
	}
	assert_true(flushes > 0);
}
}

static unsigned int others;

static void another_cpu(void)
{
	for (unsigned int n = 0; n < 3; n++) {
		(void)slat_touch(&vtl0_slat, gpa(region(400 + others)));
		others++;
	}
}

/* CPUs that find the reserve used up at the same time: one table must never serve two places. */
static void test_two_cpus_begin_anew_at_once(void **state)
{
	FOR_EACH_MACHINE(i)
	others = 0;
	for (unsigned int n = 0; n < 300; n++) {
		on_flush = another_cpu;
		assert_true(slat_touch(&vtl0_slat, gpa(region(n % 90))));
		for (unsigned int m = 0; m < 90; m++)
			assert_harmless(region(m));
		for (unsigned int m = 0; m < others; m++)
			assert_harmless(region(400 + m));
	}
	assert_true(others > 0);
	assert_identity(0x1000);
	assert_false(walk(block_at).writable);
	if (others > 90)
		others = 0;
}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_block_is_hidden_and_the_rest_is_identity),
		cmocka_unit_test(test_leaves_do_not_span_memory_types),
		cmocka_unit_test(test_shown_pages_can_be_read_only),
		cmocka_unit_test(test_one_page_changes_alone),
		cmocka_unit_test(test_touch_maps_what_the_cpu_has_and_nothing_else),
		cmocka_unit_test(test_addresses_beyond_the_tables_are_refused),
		cmocka_unit_test(test_reserve_is_begun_anew),
		cmocka_unit_test(test_two_cpus_begin_anew_at_once),
	};

	return cmocka_run_group_tests(tests, map_block, NULL);
}
