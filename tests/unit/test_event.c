// SPDX-License-Identifier: GPL-2.0-only
/* links: hypervisor/arch/x86/event.c */
/*
 * Promise: an exception of the hypervisor's that hits another one in delivery
 * gives what the CPU would (APM 2, table 8-3; SDM 3, table 6-5).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch/x86/event.h"

static void test_table(void **state)
{
	static const struct {
		unsigned int first;
		enum x86_vector second;
		enum merged_event result;
	} rows[] = {
		{ VEC_DE, VEC_GP, MERGED_DOUBLE_FAULT }, { VEC_TS, VEC_NP, MERGED_DOUBLE_FAULT },
		{ VEC_SS, VEC_SS, MERGED_DOUBLE_FAULT }, { VEC_GP, VEC_GP, MERGED_DOUBLE_FAULT },
		{ VEC_PF, VEC_GP, MERGED_DOUBLE_FAULT }, { VEC_PF, VEC_PF, MERGED_DOUBLE_FAULT },
		{ VEC_GP, VEC_PF, MERGED_SECOND },       { VEC_DE, VEC_PF, MERGED_SECOND },
		{ VEC_DB, VEC_GP, MERGED_SECOND },       { VEC_UD, VEC_GP, MERGED_SECOND },
		{ VEC_GP, VEC_UD, MERGED_SECOND },       { VEC_PF, VEC_UD, MERGED_SECOND },
		{ VEC_MC, VEC_GP, MERGED_SECOND },       { VEC_DF, VEC_GP, MERGED_SHUTDOWN },
		{ VEC_DF, VEC_UD, MERGED_SHUTDOWN },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(event_merge(rows[i].first, rows[i].second), rows[i].result);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_table) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
