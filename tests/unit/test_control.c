/* links: hypervisor/arch/x86/control.c */
// SPDX-License-Identifier: GPL-2.0-only
/*
 * Promises of hypervisor/arch/x86/control.c: what a CPU refuses when CR0 or CR4
 * is written is refused, and nothing else; long mode begins and ends where it
 * does on a CPU; what changes translations is flushed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch/x86/control.h"
#include "ovbs_compiler.h"
#include "x86.h"

#define EXISTS                                                                                     \
	(CR4_PAE | CR4_PGE | CR4_PSE | CR4_TSD | CR4_SMEP | CR4_SMAP | CR4_UMIP | CR4_LA57 |       \
	 CR4_PCIDE | CR4_CET)
#define LONG_CR0 (CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_PG)
#define LONG                                                                                         \
	{                                                                                            \
		LONG_CR0, 0x1000, CR4_PAE | CR4_PGE, EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE, true \
	}

static void test_cr0(void **state)
{
	static const struct {
		struct control from;
		uint64_t value;
		bool good;
		uint64_t cr0, efer;
	} rows[] = {
		/* In 64-bit mode: only what keeps paging on. */
		{ LONG, LONG_CR0, true, LONG_CR0, 0xD01 },
		{ LONG, LONG_CR0 & ~CR0_WP, true, LONG_CR0 & ~CR0_WP, 0xD01 },
		{ LONG, LONG_CR0 & ~CR0_ET, true, LONG_CR0, 0xD01 },
		{ LONG, LONG_CR0 | CR0_TS | 1 << 6, true, LONG_CR0 | CR0_TS, 0xD01 }, /* bit 6: ignored */
		{ LONG, LONG_CR0 & ~CR0_PG, false, 0, 0 },
		{ LONG, LONG_CR0 & ~CR0_PE, false, 0, 0 },
		{ LONG, LONG_CR0 | CR0_NW, false, 0, 0 },
		{ LONG, LONG_CR0 | CR0_NW | CR0_CD, true, LONG_CR0 | CR0_NW | CR0_CD, 0xD01 },
		{ LONG, LONG_CR0 | 1ULL << 32, false, 0, 0 },
		{ LONG, LONG_CR0 | 1ULL << 63, false, 0, 0 },
		{ { LONG_CR0, 0, CR4_PAE | CR4_CET, 0xD01, true }, LONG_CR0 & ~CR0_WP, false, 0, 0 },
		/* In compatibility mode paging can go off, and long mode with it; not with PCIDs. */
		{ { LONG_CR0, 0, CR4_PAE, 0xD01, false }, LONG_CR0 & ~CR0_PG, true, LONG_CR0 & ~CR0_PG, 0x901 },
		{ { LONG_CR0, 0, CR4_PAE | CR4_PCIDE, 0xD01, false }, LONG_CR0 & ~CR0_PG, false, 0, 0 },
		/* From real mode on. */
		{ { CR0_ET, 0, 0, 0, false }, CR0_PE, true, CR0_PE | CR0_ET, 0 },
		{ { CR0_ET, 0, 0, 0, false }, CR0_PG, false, 0, 0 },
		{ { CR0_PE, 0, CR4_PAE, EFER_LME, false }, LONG_CR0, true, LONG_CR0, EFER_LME | EFER_LMA },
		{ { CR0_PE, 0, CR4_PAE, EFER_LME, true }, LONG_CR0, false, 0, 0 },
		{ { CR0_PE, 0, 0, EFER_LME, false }, LONG_CR0, false, 0, 0 },
		{ { CR0_PE, 0, 0, 0, false }, LONG_CR0, true, LONG_CR0, 0 }, /* 32-bit paging */
		{ { CR0_PE, 0, CR4_PAE, 0, false }, LONG_CR0, false, 0, 0 }, /* with PAE: not carried out */
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct control c = rows[i].from;

		if (control_cr0_write(&c, rows[i].value) != rows[i].good)
			fail_msg("row %zu", i);
		assert_int_equal(c.cr0, rows[i].good ? rows[i].cr0 : rows[i].from.cr0);
		assert_int_equal(c.efer, rows[i].good ? rows[i].efer : rows[i].from.efer);
		assert_int_equal(c.cr4, rows[i].from.cr4);
	}
}

static void test_cr4(void **state)
{
	static const struct {
		struct control from;
		uint64_t value;
		bool good;
	} rows[] = {
		{ LONG, CR4_PAE, true },
		{ LONG, CR4_PAE | CR4_SMEP | CR4_SMAP, true },
		{ LONG, CR4_PGE, false },
		{ LONG, CR4_PAE | CR4_LA57, false },
		{ LONG, CR4_PAE | CR4_PCIDE, true },
		{ LONG, CR4_PAE | CR4_PKE, false }, /* not this CPU's */
		{ { LONG_CR0, 0x1018, CR4_PAE, 0xD01, true }, CR4_PAE | CR4_PCIDE, false },
		{ { LONG_CR0, 0x1018, CR4_PAE | CR4_PCIDE, 0xD01, true }, CR4_PAE | CR4_PCIDE | CR4_PGE, true },
		{ LONG, CR4_PAE | CR4_CET, true },
		{ { LONG_CR0 & ~CR0_WP, 0, CR4_PAE, 0xD01, true }, CR4_PAE | CR4_CET, false },
		/* Before long mode. */
		{ { CR0_ET, 0, 0, 0, false }, CR4_SMEP | CR4_SMAP | CR4_UMIP, true },
		{ { CR0_PE, 0, 0, 0, false }, CR4_PAE | CR4_LA57, true },
		{ { CR0_PE, 0, CR4_PAE, EFER_LME, false }, 0, true },
		{ { CR0_PE, 0, 0, 0, false }, CR4_PCIDE, false },
		{ { CR0_PE | CR0_PG, 0, 0, 0, false }, CR4_PSE, true },
		{ { CR0_PE | CR0_PG, 0, 0, 0, false }, CR4_PAE, false }, /* 32-bit PAE: not carried out */
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct control c = rows[i].from;

		if (control_cr4_write(&c, rows[i].value, EXISTS) != rows[i].good)
			fail_msg("row %zu", i);
		assert_int_equal(c.cr4, rows[i].good ? rows[i].value : rows[i].from.cr4);
	}
	for (unsigned int bit = 0; bit < 64; bit++) {
		struct control c = LONG;

		if (!(EXISTS >> bit & 1))
			assert_false(control_cr4_write(&c, c.cr4 | 1ULL << bit, EXISTS));
	}
}

static void test_flushes(void **state)
{
	static const uint64_t flush4 =
		CR4_PGE | CR4_PAE | CR4_PSE | CR4_LA57 | CR4_PCIDE | CR4_SMEP | CR4_SMAP | CR4_PKE;

	for (unsigned int bit = 0; bit < 32; bit++) {
		assert_true(!(flush4 >> bit & 1) || control_flushes_cr4(1ULL << bit));
		assert_true(!((CR0_PG | CR0_WP | CR0_PE) >> bit & 1) || control_flushes_cr0(1ULL << bit));
	}
	assert_false(control_flushes_cr4(CR4_TSD | CR4_PCE | CR4_OSXSAVE));
	assert_false(control_flushes_cr0(CR0_TS | CR0_MP | CR0_EM | CR0_AM | CR0_NE));
}

static void test_lmsw(void **state)
{
	assert_int_equal(control_lmsw(LONG_CR0, 0), LONG_CR0 & ~CR0_MP); /* PE stays */
	assert_int_equal(control_lmsw(LONG_CR0, 0xFFFF), LONG_CR0 | CR0_EM | CR0_TS);
	assert_int_equal(control_lmsw(CR0_ET, 1), CR0_ET | CR0_PE);
	assert_int_equal(control_lmsw(CR0_ET | CR0_TS, 0xFFF0), CR0_ET);
}

static void test_canonical(void **state)
{
	for (unsigned int la57 = 0; la57 < 2; la57++) {
		uint64_t cr4 = la57 ? CR4_LA57 : 0, top = 1ULL << (la57 ? 56 : 47);

		assert_true(control_canonical(0, cr4));
		assert_true(control_canonical(top - 1, cr4));
		assert_false(control_canonical(top, cr4));
		assert_false(control_canonical(-top - 1, cr4));
		assert_true(control_canonical(-top, cr4));
		assert_false(control_canonical(1ULL << 63, cr4));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cr0),       cmocka_unit_test(test_cr4),
		cmocka_unit_test(test_flushes),   cmocka_unit_test(test_lmsw),
		cmocka_unit_test(test_canonical),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
