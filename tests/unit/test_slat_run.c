/* links: */
// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kernel and programs execute apart: the normal rights of everything, and pages
 * that programs run where the CPU has one execute right only.
 */
#include "slat_model.h"

#define NORMAL (SLAT_R | SLAT_W | SLAT_U)

static void take_execution(void)
{
	assert_int_equal(slat_prepare_end(&vtl0_slat, TABLES), 0);
	slat_set_normal(&vtl0_slat, NORMAL);
}

/* What has rights of its own keeps them: frozen text stays executable, device pages and the block stay what they are. */
static void test_normal_rights_change_what_is_normal(void **state)
{
	FOR_EACH_MACHINE(i)
	assert_int_equal(slat_set(&vtl0_slat, gpa(0xFEE00000), spa(0xFEE00000), SLAT_R | SLAT_W), 0);
	assert_int_equal(slat_show(&vtl0_slat, gpa(block_at + SHOWN_AT), 1, SLAT_R | SLAT_X), 0);
	assert_int_equal(slat_prepare_end(&vtl0_slat, TABLES), 0);
	assert_int_equal(slat_protect(&vtl0_slat, gpa(0x1000000), SLAT_R | SLAT_X), 0);
	slat_set_normal(&vtl0_slat, NORMAL);
	assert_rights(0x1000000, SLAT_R | SLAT_X);
	assert_rights(0xFEE00000, SLAT_R | SLAT_W);
	assert_true(walk(block_at + SHOWN_AT).executable);
	assert_true(!walk(block_at).writable && !walk(block_at).executable);
	for (uint64_t a = 0; a < vtl0_slat.eager_end; a += 0x1F7000)
		if (!range_has(block_at, BLOCK_SIZE, a) && a >> PAGE_SHIFT != 0x1000)
			assert_rights(a & PAGE_MASK, NORMAL);
	assert_true(slat_touch(&vtl0_slat, gpa(0x380000001000))); /* what comes later, too */
	assert_false(walk(0x380000001000).executable);
	assert_int_equal(slat_protect(&vtl0_slat, gpa(0x1000000), NORMAL), 0); /* normal again */
	slat_set_normal(&vtl0_slat, SLAT_RWX);
	assert_rights(0x1000000, SLAT_RWX);
	assert_rights(0xFEE00000, SLAT_R | SLAT_W);
	assert_true(walk(0x380000001000).executable);
}
}

static void test_a_program_runs_its_page_alone(void **state)
{
	static const uint64_t at[] = { 0x1000, 0x200000, 0x3FFFF000, 0x140003000, RAM_TOP - PAGE_SIZE };

	FOR_EACH_MACHINE(i)
	take_execution();
	for (size_t a = 0; a < ARRAY_SIZE(at); a++) {
		if (block_has(at[a] - PAGE_SIZE, 3 * PAGE_SIZE))
			continue;
		assert_false(walk(at[a]).executable);
		assert_true(slat_run(&vtl0_slat, gpa(at[a] + 0xABC)));
		assert_true(walk(at[a]).executable && walk(at[a]).to == at[a]);
		assert_int_equal(slat_rights(&vtl0_slat, gpa(at[a])), NORMAL); /* the kernel still has no right to */
		assert_false(walk(at[a] - PAGE_SIZE).executable);
		assert_false(walk(at[a] ^ SIZE_2M).executable);
		assert_true(slat_run(&vtl0_slat, gpa(at[a])));
	}
	assert_int_equal(slat_protect(&vtl0_slat, gpa(0x5000), SLAT_R | SLAT_W), 0);
	assert_false(slat_run(&vtl0_slat, gpa(0x5000)));
	assert_false(walk(0x5000).executable);
	assert_false(slat_run(&vtl0_slat, gpa(block_at)));
	assert_false(walk(block_at).executable);
	assert_false(slat_run(&vtl0_slat, gpa(~0ULL)));
	assert_int_equal(slat_protect(&vtl0_slat, gpa(0x1000), NORMAL), 0); /* and from the start again */
	assert_false(walk(0x1000).executable);
}
}

/* The tables run out: pages that were run give way, others' rights don't change, and nothing leads elsewhere. */
static void test_run_tables_are_taken_back(void **state)
{
	FOR_EACH_MACHINE(i)
	take_execution();
	assert_int_equal(slat_protect(&vtl0_slat, gpa(0x40000000 + 0x7000), SLAT_R | SLAT_X), 0);
	for (unsigned int n = 0; n < 8 * TABLES; n++) {
		uint64_t a = 0x40000000 + n * SIZE_2M + 0x3000;

		if (block_has(a, PAGE_SIZE))
			continue;
		assert_true(slat_run(&vtl0_slat, gpa(a)));
		assert_true(walk(a).executable);
		for (uint64_t b = 0x40000000; b < a; b += 0x77000)
			assert_int_equal(walk(b & PAGE_MASK).to, b & PAGE_MASK);
	}
	assert_true(flushes > 0 && vtl0_slat.piece_round > 0);
	assert_rights(0x40007000, SLAT_R | SLAT_X);
	assert_false(walk(0x40003000).executable && vtl0_slat.piece_round > 8);
	assert_true(slat_run(&vtl0_slat, gpa(0x40003000)));
}
}

static uint64_t run_at;

static void another_runs(void)
{
	for (unsigned int n = 0; n < 5; n++, run_at += SIZE_2M)
		(void)slat_run(&vtl0_slat, gpa(run_at));
}

/* CPUs that find the tables used up at the same time, and VTL1 that changes pages meanwhile. */
static void test_two_cpus_take_tables_back_at_once(void **state)
{
	FOR_EACH_MACHINE(i)
	take_execution();
	run_at = 0x60000000;
	for (unsigned int n = 0; n < 100; n++) {
		uint64_t a = 0x40000000 + n % 64 * SIZE_2M + 0x9000;

		if (block_has(a, PAGE_SIZE))
			continue;
		on_flush = another_runs;
		assert_true(slat_run(&vtl0_slat, gpa(a)));
		assert_int_equal(vtl0_slat.piece_leaving, 0);
		for (uint64_t b = 0x40000000; b < 0x80000000; b += 0x1FF000)
			if (!block_has(b, PAGE_SIZE))
				assert_int_equal(walk(b & PAGE_MASK).to, b & PAGE_MASK);
	}
}
}

/* Where the CPU tells kernel and programs apart there is nothing to do. */
static void test_no_tables_where_the_cpu_holds_them_apart(void **state)
{
	user_apart = true;
	FOR_EACH_MACHINE(i)
	take_execution();
	assert_int_equal(vtl0_slat.piece_free, TABLES);
	assert_true(slat_run(&vtl0_slat, gpa(0x1000)));
	assert_rights(0x1000, NORMAL);
	assert_int_equal(vtl0_slat.piece_free, TABLES);
}
user_apart = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_normal_rights_change_what_is_normal),
		cmocka_unit_test(test_a_program_runs_its_page_alone),
		cmocka_unit_test(test_run_tables_are_taken_back),
		cmocka_unit_test(test_two_cpus_take_tables_back_at_once),
		cmocka_unit_test(test_no_tables_where_the_cpu_holds_them_apart),
	};

	return cmocka_run_group_tests(tests, map_block, NULL);
}
