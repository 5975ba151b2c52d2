// SPDX-License-Identifier: GPL-2.0-only
/* links: hypervisor/arch/x86/mtrr.c */
/*
 * Promise: VTL0's memory has the type that the MTRRs give it, on EPT as without
 * (SDM 3, 12.11); a large page never spans two types.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "arch/x86/mtrr.h"

#define K4   0x1000ULL
#define M2   (2ULL << 20)
#define G1   (1ULL << 30)
#define BITS 39
#define ADDR (((1ULL << BITS) - 1) & ~0xFFFULL)

#define ON    (1u << 11)
#define FIXED (1u << 10)
#define VALID (1u << 11)

#define MASK(size) ((ADDR & ~((size)-1)) | VALID)

/* Emulator-like firmware: WB by default, UC from 2 GiB to 4 GiB; low memory by the fixed ranges. */
static const struct mtrrs typical = {
	.present = true,
	.has_fixed = true,
	.variable = 8,
	.def_type = ON | FIXED | MEM_WB,
	.addr_mask = ADDR,
	.fixed = { [0] = 0x0606060606060606, [1] = 0x0606060606060606, [3] = 0x0505050505050505, [4] = 0x0605060505050505 },
	.var = { { (2 * G1) | MEM_UC, MASK(2 * G1) } },
};

/* Real-firmware-like: UC by default, WB over all RAM, holes on top. */
static const struct mtrrs overlapping = {
	.present = true,
	.variable = 6,
	.def_type = ON | MEM_UC,
	.addr_mask = ADDR,
	.var = {
		{ 0 | MEM_WB, MASK(8 * G1) },
		{ (3 * G1) | MEM_UC, MASK(G1) },
		{ G1 | MEM_WT, MASK(M2) },
		{ (G1 + M2) | MEM_WC, MASK(M2) },
		{ (64 * G1) | MEM_WP, MASK(K4) },
		{ (5 * G1) | MEM_UC, MASK(G1) & ~(uint64_t)VALID },
	},
};

static const struct mtrrs off = { .present = true, .def_type = MEM_WB, .addr_mask = ADDR };
static const struct mtrrs fixed_off = {
	.present = true, .has_fixed = true, .def_type = ON | MEM_WT, .addr_mask = ADDR
};
static const struct mtrrs none = { 0 };
static const struct mtrrs holes = {
	.present = true,
	.variable = 1,
	.def_type = ON | MEM_WB,
	.addr_mask = ADDR,
	.var = { { 0 | MEM_UC, (ADDR & ~(G1 - 1) & ~(1ULL << 32)) | VALID } },
};
static const struct mtrrs reserved = { .present = true, .def_type = ON | 7, .addr_mask = ADDR };

static const struct {
	const char *what;
	const struct mtrrs *m;
	uint64_t addr, size;
	enum memory_type type;
	bool uniform;
} cases[] = {
	{ "no MTRRs: WB", &none, 0xA0000, K4, MEM_WB, true },
	{ "switched off: UC, whatever the default type says", &off, 4 * G1, G1, MEM_UC, true },
	{ "fixed 64K, first", &typical, 0, K4, MEM_WB, true },
	{ "fixed 64K, last byte's page", &typical, 0x7F000, K4, MEM_WB, true },
	{ "fixed 16K at 80000", &typical, 0x80000, K4, MEM_WB, true },
	{ "fixed 16K at A0000: UC", &typical, 0xA0000, K4, MEM_UC, true },
	{ "fixed 16K at BF000", &typical, 0xBF000, K4, MEM_UC, true },
	{ "fixed 4K at C0000", &typical, 0xC0000, K4, MEM_WP, true },
	{ "fixed 4K, one byte of the register", &typical, 0xCE000, K4, MEM_WP, true },
	{ "fixed 4K, its neighbour", &typical, 0xCF000, K4, MEM_WB, true },
	{ "fixed 4K at FF000", &typical, 0xFF000, K4, MEM_UC, true },
	{ "the first 2 MiB have several types", &typical, 0, M2, MEM_UC, false },
	{ "the first GiB too", &typical, 0, G1, MEM_UC, false },
	{ "512 KiB of one type", &typical, 0, 0x80000, MEM_WB, true },
	{ "fixed ranges switched off: default", &fixed_off, 0xA0000, K4, MEM_WT, true },
	{ "default type", &typical, G1, G1, MEM_WB, true },
	{ "variable: first", &typical, 2 * G1, K4, MEM_UC, true },
	{ "variable: 1 GiB inside", &typical, 3 * G1, G1, MEM_UC, true },
	{ "just below", &typical, 2 * G1 - K4, K4, MEM_WB, true },
	{ "just above", &typical, 4 * G1, K4, MEM_WB, true },
	{ "4 GiB with a border inside", &typical, 0, 4 * G1, MEM_UC, false },
	{ "UC wins over WB", &overlapping, 3 * G1, G1, MEM_UC, true },
	{ "WT wins over WB", &overlapping, G1, M2, MEM_WT, true },
	{ "WC over WB is undefined: UC", &overlapping, G1 + M2, M2, MEM_UC, true },
	{ "between them, WB", &overlapping, G1 + 2 * M2, M2, MEM_WB, true },
	{ "1 GiB with three types inside", &overlapping, G1, G1, MEM_UC, false },
	{ "a pair that is not valid does not count", &overlapping, 5 * G1, G1, MEM_WB, true },
	{ "one page of its own", &overlapping, 64 * G1, K4, MEM_WP, true },
	{ "1 GiB around it", &overlapping, 64 * G1, G1, MEM_UC, false },
	{ "nothing covers it: default", &overlapping, 32 * G1, G1, MEM_UC, true },
	{ "a mask with a hole covers two places", &holes, 4 * G1, G1, MEM_UC, true },
	{ "... and not what lies between", &holes, 2 * G1, G1, MEM_WB, true },
	{ "a reserved type counts as UC", &reserved, G1, G1, MEM_UC, true },
};

static void types(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		enum memory_type type = MEM_WC;
		bool uniform = mtrr_type(cases[i].m, cases[i].addr, cases[i].size, &type);

		if (uniform != cases[i].uniform || type != cases[i].type)
			fail_msg("%s: type %d, uniform %d", cases[i].what, type, uniform);
	}
}

/* A uniform range has the type of each of its pages: against the page-wise answer, for all borders. */
static void large_pages_agree_with_small_ones(void **state)
{
	const struct mtrrs *const all[] = { &typical, &overlapping, &holes, &fixed_off };

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		for (uint64_t at = 0; at < 6 * G1; at += M2) {
			enum memory_type large, small;
			bool uniform = mtrr_type(all[i], at, M2, &large), same = true;
			enum memory_type first;

			assert_true(mtrr_type(all[i], at, K4, &first));
			for (uint64_t page = at; page < at + M2; page += K4) {
				assert_true(mtrr_type(all[i], page, K4, &small));
				same &= small == first;
			}
			if (uniform) {
				assert_true(same);
				assert_int_equal(large, first);
			} else {
				assert_int_equal(large, MEM_UC);
			}
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types),
		cmocka_unit_test(large_pages_agree_with_small_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
