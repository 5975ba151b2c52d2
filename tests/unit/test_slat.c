/* links: */
// SPDX-License-Identifier: GPL-2.0-only
/*
 * VTL0's second-level map (hypervisor/mm), with a fake vendor and a block of
 * memory of this process. What is checked is what a CPU would see: a walk of
 * the tables themselves. The one rule: an address leads to itself, or nowhere,
 * and the block's pages only to the page of zeros, never writable.
 */
#include "slat_model.h"

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
	assert_int_equal(slat_show(&vtl0_slat, gpa(block_at + SHOWN_AT), 2, SLAT_R), 0);
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

/* ---- rights by VTL1 -------------------------------------------------- */

/* One page, in pieces of 4 KiB, 2 MiB and 1 GiB, and back: its neighbours keep what they have. */
static void test_protect_changes_one_page(void **state)
{
	static const uint64_t at[] = { 0x1000,      0x1FF000,    0x200000,           0x3FFFF000,
				       0x100000000, 0x140003000, RAM_TOP - PAGE_SIZE };
	static const unsigned int rights[] = { SLAT_R, SLAT_R | SLAT_W, SLAT_R | SLAT_X, 0, SLAT_RWX };

	FOR_EACH_MACHINE(i)
	assert_int_equal(slat_prepare_end(&vtl0_slat, TABLES), 0);
	for (size_t a = 0; a < ARRAY_SIZE(at); a++) {
		for (size_t r = 0; r < ARRAY_SIZE(rights); r++) {
			if (block_has(at[a] - PAGE_SIZE, 3 * PAGE_SIZE))
				continue;
			assert_int_equal(slat_protect(&vtl0_slat, gpa(at[a] + 0xABC), rights[r]), 0);
			assert_rights(at[a], rights[r]);
			assert_rights(at[a] - PAGE_SIZE, SLAT_RWX);
			assert_rights(at[a] ^ SIZE_1G, SLAT_RWX);
			if (at[a] + PAGE_SIZE < RAM_TOP)
				assert_rights(at[a] + PAGE_SIZE, SLAT_RWX);
		}
	}
	assert_int_equal(vtl0_slat.lazy_used, 0);
}
}

/* Neither the hypervisor's block, whatever part of it, nor what is not mapped at the start. */
static void test_protect_refused(void **state)
{
	FOR_EACH_MACHINE(i)
	const uint64_t bad[] = { block_at,
				 block_at + 0xFFF,
				 block_at + VTL1_OFF,
				 block_at + BLOCK_SIZE - 1,
				 vtl0_slat.eager_end,
				 0x380000000000,
				 1ULL << 48,
				 ~0ULL };

	assert_int_equal(slat_show(&vtl0_slat, gpa(block_at + SHOWN_AT), 1, SLAT_R | SLAT_X), 0);
	assert_int_equal(slat_prepare_end(&vtl0_slat, TABLES), 0);
	for (size_t n = 0; n < ARRAY_SIZE(bad); n++)
		assert_int_equal(slat_protect(&vtl0_slat, gpa(bad[n]), SLAT_RWX), -EPERM);
	assert_int_equal(slat_protect(&vtl0_slat, gpa(block_at + SHOWN_AT), SLAT_RWX), -EPERM);
	assert_int_equal(vtl0_slat.piece_free, TABLES);
	assert_false(walk(block_at + SHOWN_AT).writable);
	assert_true(walk(block_at + SHOWN_AT).executable); /* as it was shown */
	assert_int_equal(walk(block_at).to, walk(block_at + VTL1_OFF).to);
	assert_false(walk(block_at + VTL1_OFF).writable);
	assert_int_equal(slat_protect(&vtl0_slat, gpa(block_at - 1), SLAT_R), 0);
	assert_rights(block_at - PAGE_SIZE, SLAT_R);
}
}

/* What VTL0 may do is told as it is, also where nothing is. */
static void test_rights(void **state)
{
	FOR_EACH_MACHINE(i)
	assert_int_equal(slat_rights(&vtl0_slat, gpa(0x1234)), SLAT_RWX);
	assert_int_equal(slat_rights(&vtl0_slat, gpa(block_at)), SLAT_R);
	assert_int_equal(slat_rights(&vtl0_slat, gpa(vtl0_slat.eager_end)), 0);
	assert_int_equal(slat_rights(&vtl0_slat, gpa(1ULL << 48)), 0); /* not what is at 0 */
	assert_int_equal(slat_rights(&vtl0_slat, gpa(1ULL << 52)), 0);
	assert_int_equal(slat_rights(&vtl0_slat, gpa(~0ULL)), 0);
}
}

/* Pieces of 2 MiB until the reserve is used up: then nothing changes, and what has a table goes on. */
static void test_split_reserve_ends(void **state)
{
	FOR_EACH_MACHINE(i)
	uint64_t a = SIZE_2M;
	void *next;

	assert_int_equal(slat_prepare_end(&vtl0_slat, TABLES), 0);
	next = pool_pages(1);
	for (; a < RAM_TOP; a += SIZE_2M) {
		if (block_has(a, SIZE_2M))
			continue;
		if (slat_protect(&vtl0_slat, gpa(a), SLAT_R))
			break;
		assert_rights(a, SLAT_R);
	}
	assert_true(a < RAM_TOP);
	assert_int_equal(vtl0_slat.piece_free, 0);
	assert_int_equal(slat_protect(&vtl0_slat, gpa(a), SLAT_R), -ENOMEM);
	assert_int_equal(slat_protect(&vtl0_slat, gpa(0x140000000), SLAT_R), -ENOMEM);
	for (uint64_t b = 0; b < RAM_TOP; b += SIZE_2M / 2)
		if (!block_has(b, PAGE_SIZE))
			assert_rights(b, b >= SIZE_2M && b < a && !(b & (SIZE_2M - 1)) ? SLAT_R : SLAT_RWX);
	assert_int_equal(slat_protect(&vtl0_slat, gpa(SIZE_2M + PAGE_SIZE), 0), 0);
	assert_rights(SIZE_2M + PAGE_SIZE, 0);
	assert_ptr_equal((char *)next + PAGE_SIZE, pool_pages(1)); /* VTL1's wishes take nothing from the pool */
	assert_int_equal(walk(block_at).to, walk(block_at + VTL1_OFF).to);
}
}

/* Pages come and go as modules do: a table whose pages are all normal again serves another piece. */
static void test_tables_come_back(void **state)
{
	FOR_EACH_MACHINE(i)
	unsigned int done = 0;

	assert_int_equal(slat_prepare_end(&vtl0_slat, TABLES), 0);
	flushes = 0;
	assert_int_equal(slat_protect(&vtl0_slat, gpa(SIZE_2M + 0x3000), SLAT_R | SLAT_X), 0); /* one that stays */
	for (uint64_t a = 2 * SIZE_2M; a < RAM_TOP; a += SIZE_2M) {
		if (block_has(a, SIZE_2M))
			continue;
		assert_int_equal(slat_protect(&vtl0_slat, gpa(a + 0x5000), SLAT_R), 0);
		assert_rights(a + 0x5000, SLAT_R);
		assert_int_equal(slat_protect(&vtl0_slat, gpa(a + 0x5000), SLAT_RWX), 0);
		assert_identity(a + 0x5000);
		done++;
	}
	assert_true(done > 10 * TABLES);
	assert_true(flushes >= done / TABLES && flushes <= done / (TABLES - 4) + 1);
	assert_rights(SIZE_2M + 0x3000, SLAT_R | SLAT_X);
	for (uint64_t b = SIZE_2M; b < RAM_TOP; b += SIZE_2M / 2)
		if (!block_has(b, PAGE_SIZE))
			assert_identity(b);
}
}

/* Tables that hang below those of the lazy reserve come back with them. */
static void test_tables_below_the_lazy_reserve_come_back(void **state)
{
	FOR_EACH_MACHINE(i)
	assert_int_equal(slat_prepare_end(&vtl0_slat, TABLES), 0);
	slat_set_normal(&vtl0_slat, SLAT_R | SLAT_W | SLAT_U);
	for (unsigned int n = 0; n < 200; n++) {
		assert_true(slat_touch(&vtl0_slat, gpa(region(n))));
		assert_true(slat_run(&vtl0_slat, gpa(region(n))));
		assert_true(walk(region(n)).executable);
	}
	assert_int_equal(slat_protect(&vtl0_slat, gpa(0x5000000), SLAT_R), 0);
	assert_rights(0x5000000, SLAT_R);
}
}

/* What VTL1 took away stays away when VTL0 goes through its own reserve. */
static void test_protection_survives_the_lazy_reserve(void **state)
{
	FOR_EACH_MACHINE(i)
	assert_int_equal(slat_prepare_end(&vtl0_slat, TABLES), 0);
	assert_int_equal(slat_protect(&vtl0_slat, gpa(0x5000), SLAT_R), 0);
	assert_int_equal(slat_protect(&vtl0_slat, gpa(0x140003000), 0), 0);
	for (unsigned int n = 0; n < 200; n++)
		assert_true(slat_touch(&vtl0_slat, gpa(region(n))));
	assert_true(flushes > 0);
	assert_false(slat_touch(&vtl0_slat, gpa(0x140003000)));
	assert_rights(0x5000, SLAT_R);
	assert_rights(0x140003000, 0);
	assert_rights(0x140004000, SLAT_RWX);
}
}

/* ---- VTL1's map -------------------------------------------------------- */

#define CODE_AT (SIZE_2M + 0x7000) /* the hypercall page, in the shared pool */

static void build_vtl1(uint64_t ram_end)
{
	memset(&vtl1_slat, 0, sizeof(vtl1_slat));
	info.ram_count = 3;
	info.ram[0] = (struct ovbs_range){ 0x1000, 0xA0000 };
	info.ram[1] = (struct ovbs_range){ 0x100000, block_at < 0x80000000 ? block_at : 0x80000000 };
	info.ram[2] = (struct ovbs_range){ 0x100000000, ram_end };
	if (ram_end > block_at && block_at > 0x100000000)
		info.ram[2].end = block_at;
	assert_int_equal(slat_prepare_vtl1(&vtl1_slat, &info, spa(block_at + CODE_AT)), 0);
}

static unsigned int vtl1_should(uint64_t a)
{
	if (range_has(block_at + VTL1_OFF, info.vtl1_size, a))
		return SLAT_RWX;
	if (a == block_at + CODE_AT)
		return SLAT_R | SLAT_X;
	for (unsigned int i = 0; i < info.ram_count; i++)
		if (a >= info.ram[i].start && a < info.ram[i].end)
			return SLAT_R | SLAT_W;
	return 0;
}

/* Its own memory, VTL0's RAM without the right to execute, the hypercall page; no device, nothing of the block. */
static void test_vtl1_reaches(void **state)
{
	FOR_EACH_MACHINE(i)
	build_vtl1(RAM_TOP);
	for (uint64_t a = 0; a < BLOCK_SIZE; a += PAGE_SIZE)
		assert_int_equal(rights_of(&vtl1_slat, block_at + a), vtl1_should(block_at + a));
	for (uint64_t a = 0; a < RAM_TOP + SIZE_1G; a += 0x1F7000)
		assert_int_equal(rights_of(&vtl1_slat, a), vtl1_should(a));
	for (unsigned int n = 0; n < info.ram_count; n++) {
		assert_int_equal(rights_of(&vtl1_slat, info.ram[n].start), SLAT_R | SLAT_W);
		assert_int_equal(rights_of(&vtl1_slat, info.ram[n].start - PAGE_SIZE),
				 vtl1_should(info.ram[n].start - PAGE_SIZE));
		assert_int_equal(rights_of(&vtl1_slat, info.ram[n].end - PAGE_SIZE), SLAT_R | SLAT_W);
		assert_int_equal(rights_of(&vtl1_slat, info.ram[n].end), vtl1_should(info.ram[n].end));
	}
	assert_int_equal(rights_of(&vtl1_slat, 0xFEE00000), 0);
	assert_int_equal(rights_of(&vtl1_slat, 0xA0000), 0);
	assert_int_equal(rights_of(&vtl1_slat, 0xFED40000), 0); /* a TPM's */
}
}

/* A list of RAM that has the block in it, whole or in part, is the loader's mistake: VTL1 sees nothing of us. */
static void test_vtl1_does_not_trust_the_list(void **state)
{
	static const struct {
		int64_t from, to; /* from the block's start */
	} rows[] = { { 0, BLOCK_SIZE },
		     { -0x1000, 0x1000 },
		     { BLOCK_SIZE - 0x1000, BLOCK_SIZE + 0x1000 },
		     { -0x200000, BLOCK_SIZE + 0x200000 },
		     { 0x5000, 0x6000 } };

	FOR_EACH_MACHINE(i)
	for (size_t n = 0; n < ARRAY_SIZE(rows); n++) {
		build(machines[i].at, RAM_TOP, 48, machines[i].depth, machines[i].large);
		memset(&vtl1_slat, 0, sizeof(vtl1_slat));
		info.ram_count = 1;
		info.ram[0].start = block_at + (uint64_t)rows[n].from;
		info.ram[0].end = block_at + (uint64_t)rows[n].to;
		assert_int_equal(slat_prepare_vtl1(&vtl1_slat, &info, spa(block_at + CODE_AT)), 0);
		info.ram_count = 0;
		for (uint64_t a = 0; a < BLOCK_SIZE; a += PAGE_SIZE)
			assert_int_equal(rights_of(&vtl1_slat, block_at + a), vtl1_should(block_at + a));
	}
}
}

/* Neighbours in the list, of odd sizes: the rights of a large leaf are those of its pieces. */
static void test_vtl1_list_in_small_pieces(void **state)
{
	FOR_EACH_MACHINE(i)
	memset(&vtl1_slat, 0, sizeof(vtl1_slat));
	info.ram_count = 4;
	info.ram[0] = (struct ovbs_range){ 0x1000, 0x7FF000 };
	info.ram[1] = (struct ovbs_range){ 0x400000, 0x401000 }; /* once more */
	info.ram[2] = (struct ovbs_range){ 0x7FF000, 0x800000 };
	info.ram[3] = (struct ovbs_range){ 0x801000, 0xA01000 };
	assert_int_equal(slat_prepare_vtl1(&vtl1_slat, &info, spa(block_at + CODE_AT)), 0);
	for (uint64_t a = 0; a < 0xC00000; a += PAGE_SIZE)
		assert_int_equal(rights_of(&vtl1_slat, a), vtl1_should(a));
	info.ram_count = 0;
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
		cmocka_unit_test(test_protect_changes_one_page),
		cmocka_unit_test(test_protect_refused),
		cmocka_unit_test(test_rights),
		cmocka_unit_test(test_split_reserve_ends),
		cmocka_unit_test(test_tables_come_back),
		cmocka_unit_test(test_tables_below_the_lazy_reserve_come_back),
		cmocka_unit_test(test_protection_survives_the_lazy_reserve),
		cmocka_unit_test(test_vtl1_reaches),
		cmocka_unit_test(test_vtl1_does_not_trust_the_list),
		cmocka_unit_test(test_vtl1_list_in_small_pieces),
	};

	return cmocka_run_group_tests(tests, map_block, NULL);
}
