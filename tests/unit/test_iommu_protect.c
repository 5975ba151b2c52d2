/* links: hypervisor/iommu/dma_map.c hypervisor/iommu/vtd.c hypervisor/iommu/amd.c lib/format.c */
// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages that devices lose and get back while the machine runs: what a device
 * reaches at each moment, and the tables that it takes.
 */
#include "iommu_machine.h"

static void test_protect_counts_after_the_flush(void **state)
{
	const uint64_t page = RAM_C + 0x12345000;

	FOR_EACH_KIND(k)
	{
		struct model *m = &models[1];

		begin(kinds[k], 2);
		start();
		assert_true(reaches(m, 0x18, page, true));
		assert_int_equal(iommu_protect(gpa(page + 0x123), SLAT_R | SLAT_X), 0);
		assert_true(reaches(m, 0x18, page, true)); /* the unit has it still */
		iommu_flush();
		assert_false(reaches(m, 0x18, page, true));
		assert_true(reaches(m, 0x18, page, false));
		assert_true(reaches(m, 0x18, page + PAGE_SIZE, true));
		assert_true(reaches(m, 0x18, page - 1, true));
		assert_int_equal(iommu_protect(gpa(page), 0), 0);
		iommu_flush();
		assert_false(reaches(m, 0x18, page, false));
		assert_int_equal(iommu_protect(gpa(page), SLAT_RWX), 0);
		iommu_flush();
		assert_true(reaches(m, 0x18, page, true));
		assert_int_equal(iommu_protect(gpa(BLOCK_SPA), SLAT_RWX), -EPERM);
		assert_int_equal(iommu_protect(gpa(m->base), SLAT_RWX), -EPERM);
		assert_int_equal(iommu_protect(gpa(RAM_C_END), SLAT_RWX), -EPERM);
	}
}

/* Promise: bounded; a refusal leaves everything as it was. */
static void test_splits_are_bounded(void **state)
{
	FOR_EACH_KIND(k)
	{
		unsigned int done = 0;

		begin(kinds[k], 1);
		start();
		for (uint64_t a = RAM_C; a < RAM_C_END; a += SIZE_2M) {
			int err = iommu_protect(gpa(a), SLAT_R);

			if (err) {
				assert_int_equal(err, -ENOMEM);
				assert_true(reaches(&models[0], 8, a, true));
				break;
			}
			done++;
		}
		assert_true(done > PIECE_TABLES - 6 && done <= PIECE_TABLES);
		assert_int_equal(iommu_protect(gpa(RAM_C + 0x1000), SLAT_R), 0); /* has its table */
	}
}

/* Promise: pages come and go as often as they like; no unit keeps a table that serves another piece. */
static void test_tables_come_back(void **state)
{
	FOR_EACH_KIND(k)
	{
		begin(kinds[k], 2);
		start();
		assert_int_equal(iommu_protect(gpa(RAM_C + 0x7000), SLAT_R), 0);
		for (uint64_t a = RAM_C + SIZE_2M; a < RAM_C + 4 * PIECE_TABLES * SIZE_2M; a += SIZE_2M) {
			assert_int_equal(iommu_protect(gpa(a + 0x3000), 0), 0);
			iommu_flush();
			for (unsigned int m = 0; m < 2; m++) {
				assert_false(reaches(&models[m], 0x18, a + 0x3000, false));
				assert_true(reaches(&models[m], 0x18, a + 0x4000, true));
				assert_true(reaches(&models[m], 0x18, a - SIZE_2M + 0x3000, true));
			}
			assert_int_equal(iommu_protect(gpa(a + 0x3000), SLAT_RWX), 0);
			iommu_flush();
		}
		assert_false(reaches(&models[0], 0x18, RAM_C + 0x7000, true));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_protect_counts_after_the_flush),
		cmocka_unit_test(test_splits_are_bounded),
		cmocka_unit_test(test_tables_come_back),
	};

	return cmocka_run_group_tests(tests, map_block, NULL);
}
