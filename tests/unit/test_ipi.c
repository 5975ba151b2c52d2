// SPDX-License-Identifier: GPL-2.0-only
/*
 * ICR decoding and destination resolution, row by row as in Intel SDM vol 3A,
 * 11.6 and 11.12.
 */
/* links: hypervisor/arch/x86/ipi.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "arch/x86/ipi.h"
#include "ovbs_errno.h"

static void test_decode_xapic(void **state)
{
	/* Linux: INIT assert to APIC 3, INIT de-assert, SIPI with vector 9A. */
	static const struct {
		uint32_t low, high;
		struct ipi want;
		bool deassert;
	} rows[] = {
		{ 0x0000C500,
		  0x03000000,
		  { .delivery = IPI_INIT, .dest = 3, .assert_level = true, .level_triggered = true },
		  false },
		{ 0x00008500, 0x03000000, { .delivery = IPI_INIT, .dest = 3, .level_triggered = true }, true },
		{ 0x00004500, 0x03000000, { .delivery = IPI_INIT, .dest = 3, .assert_level = true }, false },
		{ 0x00000500, 0x03000000, { .delivery = IPI_INIT, .dest = 3 }, false },
		{ 0x0000069A, 0x03000000, { .delivery = IPI_SIPI, .dest = 3, .vector = 0x9A }, false },
		{ 0x000C00FD, 0xFF000000, { .shorthand = IPI_TO_OTHERS, .vector = 0xFD, .dest = 0xFF }, false },
		{ 0x00080020, 0, { .shorthand = IPI_TO_ALL, .vector = 0x20 }, false },
		{ 0x00040020, 0, { .shorthand = IPI_TO_SELF, .vector = 0x20 }, false },
		{ 0x000008F0, 0x0F000000, { .logical = true, .dest = 0x0F, .vector = 0xF0 }, false },
		{ 0x00000921,
		  0x0F000000,
		  { .delivery = IPI_LOWEST_PRIORITY, .logical = true, .dest = 0x0F, .vector = 0x21 },
		  false },
		{ 0x00000400, 0x01000000, { .delivery = IPI_NMI, .dest = 1 }, false },
		{ 0x00000200, 0x01000000, { .delivery = IPI_SMI, .dest = 1 }, false },
		{ 0x00000300, 0x01000000, { .delivery = IPI_RESERVED, .dest = 1 }, false },
		{ 0x00008700, 0x01000000, { .delivery = IPI_EXTINT, .dest = 1, .level_triggered = true }, false },
		/* Reserved bits, delivery status, and the low part of the high half: ignored. */
		{ 0xFFF33010, 0x02FFFFFF, { .dest = 2, .vector = 0x10 }, false },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct ipi *want = &rows[i].want;
		struct ipi got;

		memset(&got, 0xFF, sizeof(got.delivery));
		ipi_decode_xapic(rows[i].low, rows[i].high, &got);
		assert_int_equal(got.delivery, want->delivery);
		assert_int_equal(got.shorthand, want->shorthand);
		assert_int_equal(got.dest, want->dest);
		assert_int_equal(got.vector, want->vector);
		assert_int_equal(got.logical, want->logical);
		assert_int_equal(got.assert_level, want->assert_level);
		assert_int_equal(got.level_triggered, want->level_triggered);
		assert_false(got.x2apic);
		assert_int_equal(ipi_is_init_deassert(&got), rows[i].deassert);
	}
}

static void test_decode_x2apic(void **state)
{
	struct ipi ipi;
	unsigned int bit;

	assert_int_equal(ipi_decode_x2apic(0x0001020300004500ULL, &ipi), 0);
	assert_int_equal(ipi.delivery, IPI_INIT);
	assert_int_equal(ipi.dest, 0x00010203);
	assert_true(ipi.x2apic);
	assert_true(ipi.assert_level);
	assert_false(ipi.level_triggered);
	assert_false(ipi.logical);

	assert_int_equal(ipi_decode_x2apic(0xFFFFFFFF000C0A9AULL, &ipi), 0);
	assert_int_equal(ipi.delivery, IPI_SMI);
	assert_int_equal(ipi.dest, 0xFFFFFFFF);
	assert_int_equal(ipi.shorthand, IPI_TO_OTHERS);
	assert_int_equal(ipi.vector, 0x9A);
	assert_true(ipi.logical);

	/* Every bit of the low half by itself: 13, 17:16 and 31:20 are reserved. */
	for (bit = 0; bit < 64; bit++) {
		bool reserved = bit == 13 || bit == 16 || bit == 17 || (bit >= 20 && bit < 32);

		assert_int_equal(ipi_decode_x2apic(1ULL << bit, &ipi), reserved ? -EINVAL : 0);
	}
}

#define XAPIC(id, l)                                                                               \
	{                                                                                          \
		.apic_id = (id), .ldr = (uint32_t)(l) << 24, .dfr = 0xFFFFFFFF                     \
	}
#define XAPIC_C(id, l)                                                                             \
	{                                                                                          \
		.apic_id = (id), .ldr = (uint32_t)(l) << 24, .dfr = 0x0FFFFFFF                     \
	}
#define XAPIC_DFR(id, l, d)                                                                        \
	{                                                                                          \
		.apic_id = (id), .ldr = (uint32_t)(l) << 24, .dfr = (d)                            \
	}
#define X2APIC(id)                                                                                 \
	{                                                                                          \
		.apic_id = (id), .x2apic = true                                                    \
	}

/* Rows of (sender's width, destination mode, destination, receiver) and whether it is hit. */
static void test_destinations(void **state)
{
	static const struct {
		const char *what;
		bool x2apic, logical;
		uint32_t dest;
		struct ipi_cpu cpu;
		bool hit;
	} rows[] = {
		{ "physical", false, false, 3, XAPIC(3, 0), true },
		{ "physical, another", false, false, 3, XAPIC(2, 0), false },
		{ "physical broadcast", false, false, 0xFF, XAPIC(2, 0), true },
		{ "physical, not the LDR", false, false, 8, XAPIC(3, 8), false },
		{ "x2 physical", true, false, 0x12345, X2APIC(0x12345), true },
		{ "x2 physical, low bits alike", true, false, 0x12345, X2APIC(0x45), false },
		{ "x2 physical broadcast", true, false, 0xFFFFFFFF, X2APIC(7), true },
		{ "x2 physical FF is an ID", true, false, 0xFF, X2APIC(7), false },
		{ "x2 physical FF is an ID", true, false, 0xFF, X2APIC(0xFF), true },
		{ "x2 sender, xAPIC receiver", true, false, 3, XAPIC(3, 0), true },
		{ "x2 broadcast, xAPIC receiver", true, false, 0xFFFFFFFF, XAPIC(3, 0), true },
		{ "x2 FF, xAPIC receiver: no broadcast", true, false, 0xFF, XAPIC(3, 0), false },
		{ "xAPIC broadcast, x2 receiver", false, false, 0xFF, X2APIC(0x1234), true },

		{ "flat", false, true, 0x04, XAPIC(9, 0x04), true },
		{ "flat, set of CPUs", false, true, 0x06, XAPIC(9, 0x04), true },
		{ "flat, not in the set", false, true, 0x03, XAPIC(9, 0x04), false },
		{ "flat, not the APIC ID", false, true, 0x09, XAPIC(9, 0x04), false },
		{ "flat, empty set", false, true, 0x00, XAPIC(0, 0x01), false },
		{ "flat, LDR of 0", false, true, 0x7F, XAPIC(0, 0x00), false },
		{ "flat broadcast", false, true, 0xFF, XAPIC(0, 0x00), true },

		{ "cluster", false, true, 0x21, XAPIC_C(9, 0x21), true },
		{ "cluster, set", false, true, 0x2F, XAPIC_C(9, 0x28), true },
		{ "cluster, another cluster", false, true, 0x11, XAPIC_C(9, 0x21), false },
		{ "cluster, not in the set", false, true, 0x2E, XAPIC_C(9, 0x21), false },
		{ "cluster, flat would hit", false, true, 0x31, XAPIC_C(9, 0x21), false },
		{ "cluster broadcast", false, true, 0xFF, XAPIC_C(9, 0x21), true },
		{ "reserved model", false, true, 0x01, XAPIC_DFR(9, 0x01, 0x1FFFFFFF), false },
		{ "reserved model", false, true, 0x01, XAPIC_DFR(9, 0x01, 0xEFFFFFFF), false },
		{ "reserved model, broadcast", false, true, 0xFF, XAPIC_DFR(9, 0x01, 0xEFFFFFFF), true },

		{ "x2 logical", true, true, 0x00000001, X2APIC(0), true },
		{ "x2 logical, last of a cluster", true, true, 0x00008000, X2APIC(15), true },
		{ "x2 logical, next cluster", true, true, 0x00010001, X2APIC(16), true },
		{ "x2 logical, another cluster", true, true, 0x00010001, X2APIC(0), false },
		{ "x2 logical, set", true, true, 0x00020015, X2APIC(0x22), true },
		{ "x2 logical, not in the set", true, true, 0x00020015, X2APIC(0x21), false },
		{ "x2 logical, ID bits 19:4", true, true, 0xABCD0010, X2APIC(0xABCD4), true },
		{ "x2 logical, ID bits above 19 play no part", true, true, 0xABCD0010,
		  X2APIC(0xFABCD4), true },
		{ "x2 logical, empty set", true, true, 0x00020000, X2APIC(0x21), false },
		{ "x2 logical broadcast", true, true, 0xFFFFFFFF, X2APIC(0x21), true },
		{ "x2 logical, the LDR field plays no part",
		  true,
		  true,
		  2,
		  { .apic_id = 0, .x2apic = true, .ldr = 0xFFFFFFFF },
		  false },
		{ "x2 logical to an xAPIC", true, true, 0x04, XAPIC(9, 0x04), true },
		{ "x2 logical FF to an xAPIC: a set", true, true, 0xFF, XAPIC(9, 0x04), true },
		{ "x2 logical FF to an xAPIC: not in it", true, true, 0xFF, XAPIC(9, 0x00), false },
		{ "x2 logical to an xAPIC, too wide", true, true, 0x00010004, XAPIC(9, 0x04), false },
		{ "xAPIC logical to an x2APIC: cluster 0", false, true, 0x04, X2APIC(2), true },
		{ "xAPIC logical to an x2APIC: cluster 0", false, true, 0x04, X2APIC(0x12), false },
	};
	const struct ipi_cpu self = { .apic_id = 0x777 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ipi ipi = {
			.x2apic = rows[i].x2apic,
			.logical = rows[i].logical,
			.dest = rows[i].dest,
		};

		if (ipi_targets(&ipi, &self, &rows[i].cpu) != rows[i].hit)
			fail_msg("row %zu: %s", i, rows[i].what);
	}
}

/* A shorthand ignores destination and destination mode, whatever they hold. */
static void test_shorthands(void **state)
{
	const struct ipi_cpu self = XAPIC(1, 2);
	const struct ipi_cpu other = XAPIC(2, 4);
	static const uint32_t dests[] = { 0, 1, 2, 4, 0xFF, 0xFFFFFFFF };
	size_t i;
	int logical, x2apic;

	for (i = 0; i < ARRAY_SIZE(dests); i++) {
		for (logical = 0; logical < 2; logical++) {
			for (x2apic = 0; x2apic < 2; x2apic++) {
				struct ipi ipi = { .dest = dests[i], .logical = logical, .x2apic = x2apic };

				ipi.shorthand = IPI_TO_SELF;
				assert_true(ipi_targets(&ipi, &self, &self));
				assert_false(ipi_targets(&ipi, &self, &other));
				ipi.shorthand = IPI_TO_ALL;
				assert_true(ipi_targets(&ipi, &self, &self));
				assert_true(ipi_targets(&ipi, &self, &other));
				ipi.shorthand = IPI_TO_OTHERS;
				assert_false(ipi_targets(&ipi, &self, &self));
				assert_true(ipi_targets(&ipi, &self, &other));
			}
		}
	}
}

/* Without a shorthand the sender is a target like any other. */
static void test_self_by_destination(void **state)
{
	const struct ipi_cpu self = XAPIC(1, 2);
	struct ipi ipi = { .dest = 1 };

	assert_true(ipi_targets(&ipi, &self, &self));
	ipi.dest = 0xFF;
	assert_true(ipi_targets(&ipi, &self, &self));
	ipi.dest = 2;
	assert_false(ipi_targets(&ipi, &self, &self));
	ipi.logical = true;
	assert_true(ipi_targets(&ipi, &self, &self));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode_xapic),        cmocka_unit_test(test_decode_x2apic),
		cmocka_unit_test(test_destinations),        cmocka_unit_test(test_shorthands),
		cmocka_unit_test(test_self_by_destination),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
