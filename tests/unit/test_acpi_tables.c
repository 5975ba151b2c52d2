// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOMMU tables and WSMT: good ones as real machines have them, and every way
 * to be broken (case L9): what is wrong is refused with the offset, and
 * nothing is read beyond the buffer (each table is an allocation of its exact size).
 */
/* links: lib/acpi_tables.c lib/format.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "acpi_tables.h"

#define MAX 4096

struct builder {
	uint8_t bytes[MAX];
	size_t len;
};

static void put(struct builder *b, size_t at, uint64_t value, size_t size)
{
	memcpy(b->bytes + at, &value, size);
}

static void start(struct builder *b, const char *signature, size_t len)
{
	memset(b, 0, sizeof(*b));
	memcpy(b->bytes, signature, 4);
	b->bytes[8] = 1;
	memcpy(b->bytes + 10, "OVBSTSTABLES", 12);
	b->len = len;
}

/* Length and checksum fields as they should be. */
static void seal(struct builder *b)
{
	uint8_t sum = 0;

	put(b, 4, b->len, 4);
	b->bytes[9] = 0;
	for (size_t i = 0; i < b->len; i++)
		sum = (uint8_t)(sum + b->bytes[i]);
	b->bytes[9] = (uint8_t)-sum;
}

static size_t drhd(struct builder *b, uint64_t base, uint8_t log_pages)
{
	size_t at = b->len;

	put(b, at, 0, 2);
	put(b, at + 2, 24, 2);
	b->bytes[at + 5] = log_pages;
	put(b, at + 8, base, 8);
	b->bytes[at + 16] = 1; /* PCI endpoint */
	b->bytes[at + 17] = 8;
	b->len += 24;
	return at;
}

static size_t ivhd(struct builder *b, uint8_t type, uint16_t id, uint64_t base)
{
	size_t at = b->len, header = type == 0x10 ? 24 : 40;

	b->bytes[at] = type;
	put(b, at + 2, header + 8, 2);
	put(b, at + 4, id, 2);
	put(b, at + 6, 0x40, 2);
	put(b, at + 8, base, 8);
	b->bytes[at + header] = 3; /* start of range */
	b->bytes[at + header + 4] = 4;
	b->len += header + 8;
	return at;
}

static size_t rmrr(struct builder *b, uint64_t base, uint64_t limit)
{
	size_t at = b->len;

	put(b, at, 1, 2);
	put(b, at + 2, 32, 2);
	put(b, at + 8, base, 8);
	put(b, at + 16, limit, 8);
	b->bytes[at + 24] = 1; /* PCI endpoint */
	b->bytes[at + 25] = 8;
	b->len += 32;
	return at;
}

static size_t ivmd(struct builder *b, uint8_t type, uint8_t flags, uint64_t base, uint64_t size)
{
	size_t at = b->len;

	b->bytes[at] = type;
	b->bytes[at + 1] = flags;
	put(b, at + 2, 32, 2);
	put(b, at + 16, base, 8);
	put(b, at + 24, size, 8);
	b->len += 32;
	return at;
}

static void start_dmar(struct builder *b)
{
	start(b, "DMAR", 48);
	b->bytes[36] = 38; /* 39 address bits */
	b->bytes[37] = 5;
}

typedef int decoder(const void *table, size_t len, struct acpi_iommu *out);

static int decode(decoder *fn, const struct builder *b, struct acpi_iommu *out)
{
	uint8_t *exact = malloc(b->len ? b->len : 1);
	int err;

	memcpy(exact, b->bytes, b->len);
	err = fn(exact, b->len, out);
	free(exact);
	assert_true(memchr(out->why, '\0', sizeof(out->why)) != NULL);
	assert_int_equal(err != 0, out->why[0] != '\0');
	assert_true(err == 0 || err == -EINVAL);
	assert_true(err == 0 ? out->units > 0 : out->units == 0 && out->ranges == 0);
	return err;
}

static void refused(decoder *fn, struct builder *b, const char *why)
{
	struct acpi_iommu out;

	seal(b);
	assert_int_equal(decode(fn, b, &out), -EINVAL);
	if (strstr(out.why, why) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", out.why, why);
}

static void assert_unit(const struct ovbs_iommu_unit *got, struct ovbs_iommu_unit want)
{
	assert_memory_equal(got, &want, sizeof(want));
}

static void assert_ranges(const struct acpi_iommu *got, unsigned int count, const uint64_t *want)
{
	assert_int_equal(got->ranges, count);
	for (unsigned int i = 0; i < count; i++) {
		assert_int_equal(got->range[i].start, want[2 * i]);
		assert_int_equal(got->range[i].end, want[2 * i + 1]);
	}
}

static void test_dmar_good(void **state)
{
	struct acpi_iommu out;
	struct builder b;
	size_t at;

	start_dmar(&b);
	drhd(&b, 0xFED90000, 0);
	drhd(&b, 0xFED91000, 0);
	put(&b, 72 + 6, 3, 2); /* of the second: segment, and all devices of it */
	b.bytes[72 + 4] = 1;
	b.bytes[72 + 5] = 2;
	rmrr(&b, 0x7A000000, 0x7A0FFFFF);
	at = b.len; /* a type of the future */
	put(&b, at, 77, 2);
	put(&b, at + 2, 4, 2);
	b.len += 4;
	seal(&b);
	assert_int_equal(decode(acpi_dmar_decode, &b, &out), 0);
	assert_int_equal(out.kind, OVBS_IOMMU_INTEL);
	assert_int_equal(out.units, 2);
	assert_int_equal(out.flags, 5);
	assert_unit(&out.unit[0],
		    (struct ovbs_iommu_unit){ 0xFED90000, 4096, 0, 0, 0, OVBS_IOMMU_INTEL, 0, 0 });
	assert_unit(&out.unit[1],
		    (struct ovbs_iommu_unit){ 0xFED91000, 16384, 3, 0, 0, OVBS_IOMMU_INTEL, 1, 0 });
	assert_ranges(&out, 1, (uint64_t[]){ 0x7A000000, 0x7A100000 });
}

/* Rounded outwards, in order, merged where they touch; whatever order firmware has them in. */
static void test_ranges(void **state)
{
	static const struct {
		uint64_t in[8]; /* first and last byte; up to 0, 0 */
		unsigned int count;
		uint64_t out[6];
	} rows[] = {
		{ { 0x5000, 0x5FFF }, 1, { 0x5000, 0x6000 } },
		{ { 0x5FFF, 0x6000 }, 1, { 0x5000, 0x7000 } },
		{ { 0x5000, 0x5000 }, 1, { 0x5000, 0x6000 } },
		{ { 0x9000, 0x9FFF, 0x5000, 0x5FFF }, 2, { 0x5000, 0x6000, 0x9000, 0xA000 } },
		{ { 0x5000, 0x5FFF, 0x6000, 0x6FFF }, 1, { 0x5000, 0x7000 } },
		{ { 0x6000, 0x6FFF, 0x5000, 0x5FFF }, 1, { 0x5000, 0x7000 } },
		{ { 0x5000, 0x5FFF, 0x5000, 0x5FFF }, 1, { 0x5000, 0x6000 } },
		{ { 0x5000, 0x8FFF, 0x6000, 0x6FFF }, 1, { 0x5000, 0x9000 } },
		{ { 0x6000, 0x6FFF, 0x5000, 0x8FFF }, 1, { 0x5000, 0x9000 } },
		{ { 0x1000, 0x1FFF, 0x5000, 0x5FFF, 0x9000, 0x9FFF, 0x5800, 0x8FFF },
		  2,
		  { 0x1000, 0x2000, 0x5000, 0xA000 } },
		{ { 0x9000, 0x9FFF, 0x1000, 0x1FFF, 0x5000, 0x5FFF, 0x2000, 0x8FFF }, 1, { 0x1000, 0xA000 } },
		{ { (1ull << 52) - 1, (1ull << 52) - 1 }, 1, { (1ull << 52) - 4096, 1ull << 52 } },
	};
	struct acpi_iommu out;
	struct builder b;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		start_dmar(&b);
		for (size_t n = 0; n < 8 && rows[i].in[n + 1] != 0; n += 2)
			rmrr(&b, rows[i].in[n], rows[i].in[n + 1]);
		drhd(&b, 0xFED90000, 0);
		seal(&b);
		assert_int_equal(decode(acpi_dmar_decode, &b, &out), 0);
		assert_ranges(&out, rows[i].count, rows[i].out);
		start(&b, "IVRS", 48);
		for (size_t n = 0; n < 8 && rows[i].in[n + 1] != 0; n += 2)
			ivmd(&b, (uint8_t)(0x20 + n / 2 % 3), n % 4 ? 8 : 7, rows[i].in[n],
			     rows[i].in[n + 1] - rows[i].in[n] + 1);
		ivmd(&b, 0x20, 6, 0x30000, 0x1000); /* neither unity nor exclusion: no promise */
		ivhd(&b, 0x10, 2, 0xFEB80000);
		seal(&b);
		assert_int_equal(decode(acpi_ivrs_decode, &b, &out), 0);
		assert_ranges(&out, rows[i].count, rows[i].out);
	}
}

static void test_bad_ranges(void **state)
{
	static const struct {
		const char *why;
		uint64_t first, last;
	} rows[] = {
		{ "offset 72: memory range ends before it starts", 0x5000, 0x4FFF },
		{ "offset 72: memory range ends before it starts", UINT64_MAX, 0 },
		{ "offset 72: range up to 10000000000000h", 0x5000, 1ull << 52 },
		{ "offset 72: range up to ffffffffffffffffh", 0, UINT64_MAX },
		{ "range at fed80000h covers registers of unit 0", 0xFED80000, 0xFED90000 },
		{ "range at fed90000h covers registers of unit 0", 0xFED90800, 0xFED90800 },
	};
	struct builder b;
	size_t at;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		start_dmar(&b);
		drhd(&b, 0xFED90000, 0);
		rmrr(&b, rows[i].first, rows[i].last);
		refused(acpi_dmar_decode, &b, rows[i].why);
	}
	start_dmar(&b); /* the same, the unit last */
	rmrr(&b, 0xFED8F000, 0xFED90000);
	drhd(&b, 0xFED90000, 0);
	refused(acpi_dmar_decode, &b, "range at fed8f000h covers registers of unit 0");
	start_dmar(&b);
	drhd(&b, 0xFED90000, 0);
	at = rmrr(&b, 0x5000, 0x5FFF);
	put(&b, at + 2, 20, 2);
	refused(acpi_dmar_decode, &b, "offset 72: RMRR of 20 bytes, not 24");
	put(&b, at + 2, 32, 2);
	b.bytes[at + 25] = 0;
	refused(acpi_dmar_decode, &b, "offset 96: device scope of 0 bytes");
	for (uint64_t size = 0; size < 2; size++) {
		start(&b, "IVRS", 48);
		ivhd(&b, 0x10, 2, 0xFEB80000);
		ivmd(&b, 0x21, 1, size == 0 ? 0x5000 : 0x5001, size == 0 ? 0 : UINT64_MAX - 0x4FFF);
		refused(acpi_ivrs_decode, &b, "offset 80: memory range of");
	}
	start(&b, "IVRS", 48);
	ivhd(&b, 0x10, 2, 0xFEB80000);
	ivmd(&b, 0x22, 9, 0xFEB83000, 0x1000);
	refused(acpi_ivrs_decode, &b, "range at feb83000h covers registers of unit 0");
}

static void test_dmar_units(void **state)
{
	static const struct {
		const char *why;
		uint64_t first, second;
		uint8_t log_pages;
	} rows[] = {
		{ "registers at 0", 0, 0xFED91000, 0 },
		{ "registers at all ones", UINT64_MAX, 0xFED91000, 0 },
		{ "registers at fed90010h", 0xFED90010, 0xFED91000, 0 },
		{ "registers at fffffffffffff000h", UINT64_MAX << 12, 0xFED91000, 0 },
		{ "registers at fffffffff0000h", 0xFFFFFFFFF0000, 0xFED91000, 5 },
		{ "offset 72: registers overlap those of unit 0", 0xFED90000, 0xFED90000, 0 },
		{ "offset 72: registers overlap those of unit 0", 0xFED90000, 0xFED91000, 1 },
	};
	struct builder b;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		start_dmar(&b);
		drhd(&b, rows[i].first, rows[i].log_pages);
		drhd(&b, rows[i].second, 0);
		refused(acpi_dmar_decode, &b, rows[i].why);
	}
}

static void test_dmar_lengths(void **state)
{
	static const struct {
		const char *why;
		size_t at;
		uint64_t value;
		size_t size;
	} rows[] = {
		{ "offset 48: structure of 0 bytes", 50, 0, 2 },
		{ "offset 48: structure of 3 bytes", 50, 3, 2 },
		{ "offset 48: structure of 25 bytes", 50, 25, 2 },
		{ "offset 48: structure of 65535 bytes", 50, 0xFFFF, 2 },
		{ "offset 48: DRHD of 12 bytes", 50, 12, 2 },
		{ "offset 64: device scope of 0 bytes", 65, 0, 1 },
		{ "offset 64: device scope of 5 bytes", 65, 5, 1 },
		{ "offset 64: device scope of 9 bytes", 65, 9, 1 },
		{ "offset 70: device scope of 0 bytes", 65, 6, 1 },
		{ "no remapping unit (DRHD)", 48, 2, 2 },
		{ "address width field is 0", 36, 0, 1 },
		{ "address width field is 64", 36, 64, 1 },
		{ "signature is not DMAR", 0, 'X', 1 },
	};
	struct builder b;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		start_dmar(&b);
		drhd(&b, 0xFED90000, 0);
		put(&b, rows[i].at, rows[i].value, rows[i].size);
		refused(acpi_dmar_decode, &b, rows[i].why);
	}
	start_dmar(&b);
	refused(acpi_dmar_decode, &b, "no remapping unit");
	start_dmar(&b);
	drhd(&b, 0xFED90000, 0);
	b.len += 3; /* less than a structure's header at the end */
	refused(acpi_dmar_decode, &b, "offset 72: structure of 0 bytes");
	start_dmar(&b);
	b.len = 47;
	refused(acpi_dmar_decode, &b, "at least 48 are needed");
}

static void test_header(void **state)
{
	struct acpi_iommu out;
	struct builder b;

	start_dmar(&b);
	drhd(&b, 0xFED90000, 0);
	seal(&b);
	b.bytes[9]++;
	assert_int_equal(decode(acpi_dmar_decode, &b, &out), -EINVAL);
	assert_non_null(strstr(out.why, "checksum"));
	b.bytes[9]--;
	for (size_t len = 0; len < 72; len++) {
		struct builder cut = b;

		cut.len = len;
		assert_int_equal(decode(acpi_dmar_decode, &cut, &out), -EINVAL);
		assert_int_equal(out.kind, OVBS_IOMMU_INTEL);
	}
	b.len += 5; /* bytes behind the table are none of ours */
	assert_int_equal(decode(acpi_dmar_decode, &b, &out), 0);
	put(&b, 4, 35, 4);
	assert_int_equal(decode(acpi_dmar_decode, &b, &out), -EINVAL);
	put(&b, 4, 0, 4);
	assert_int_equal(decode(acpi_dmar_decode, &b, &out), -EINVAL);
	put(&b, 4, 0xFFFFFFFF, 4);
	assert_int_equal(decode(acpi_dmar_decode, &b, &out), -EINVAL);
	assert_non_null(strstr(out.why, "4294967295"));
}

static void test_too_large(void **state)
{
	size_t len = (1u << 20) + 1;
	uint8_t *table = calloc(1, len);
	char why[ACPI_WHY_MAX];

	memcpy(table, "DMAR", 4);
	memcpy(table + 4, &(uint32_t){ (uint32_t)len }, 4);
	assert_int_equal(acpi_table_check(table, len, "DMAR", why), -EINVAL);
	free(table);
}

/* As many as there is room for, and one more. */
static void test_too_many(void **state)
{
	struct acpi_iommu out;
	struct builder b;

	start_dmar(&b);
	for (uint64_t i = 0; i < OVBS_MAX_IOMMUS; i++)
		drhd(&b, (i + 1) << 12, 0);
	seal(&b);
	assert_int_equal(decode(acpi_dmar_decode, &b, &out), 0);
	assert_int_equal(out.units, OVBS_MAX_IOMMUS);
	drhd(&b, 0xFED90000, 0);
	refused(acpi_dmar_decode, &b, "more than 16 units");

	start(&b, "IVRS", 48);
	for (uint64_t i = 0; i < OVBS_MAX_IOMMUS; i++)
		ivhd(&b, 0x10, (uint16_t)i, (i + 1) << 14);
	seal(&b);
	assert_int_equal(decode(acpi_ivrs_decode, &b, &out), 0);
	ivhd(&b, 0x10, 3, 4 << 14); /* one of them again */
	seal(&b);
	assert_int_equal(decode(acpi_ivrs_decode, &b, &out), 0);
	assert_int_equal(out.units, OVBS_MAX_IOMMUS);
	ivhd(&b, 0x10, 99, 0xFEB80000);
	refused(acpi_ivrs_decode, &b, "more than 16 units");

	start_dmar(&b);
	drhd(&b, 0xFED90000, 0);
	for (uint64_t i = 0; i < OVBS_MAX_DMA_RANGES; i++)
		rmrr(&b, i * 0x2000, i * 0x2000);
	seal(&b);
	assert_int_equal(decode(acpi_dmar_decode, &b, &out), 0);
	assert_int_equal(out.ranges, OVBS_MAX_DMA_RANGES);
	rmrr(&b, 0x1000, 0x1000); /* closes a gap: one less */
	seal(&b);
	assert_int_equal(decode(acpi_dmar_decode, &b, &out), 0);
	assert_int_equal(out.ranges, OVBS_MAX_DMA_RANGES - 1);
	rmrr(&b, 0x10000000, 0x10000000);
	rmrr(&b, 0x20000000, 0x20000000);
	refused(acpi_dmar_decode, &b, "more than 32 ranges");
}

static void test_ivrs_good(void **state)
{
	struct acpi_iommu out;
	struct builder b;
	size_t at;

	start(&b, "IVRS", 48);
	ivhd(&b, 0x10, 2, 0xFEB80000);
	ivhd(&b, 0x11, 2, 0xFEB80000); /* the same unit twice more */
	at = ivhd(&b, 0x40, 2, 0xFEB80000);
	put(&b, at + 2, 40 + 22 + 3, 2); /* an ACPI device whose identifier has 3 bytes */
	memset(b.bytes + at + 40, 'A', 25);
	b.bytes[at + 40] = 0xF0;
	b.bytes[at + 40 + 21] = 3;
	b.len = at + 65;
	ivhd(&b, 0x11, 0x102, 0xFEB84000);
	put(&b, b.len - 48 + 16, 5, 2);
	put(&b, b.len - 48 + 6, 0x64, 2);
	ivmd(&b, 0x20, 1, 0x7A000000, 0x100000);
	at = b.len; /* a type of the future */
	b.bytes[at] = 0x77;
	b.bytes[at + 2] = 4;
	b.len += 4;
	seal(&b);
	assert_int_equal(decode(acpi_ivrs_decode, &b, &out), 0);
	assert_int_equal(out.kind, OVBS_IOMMU_AMD);
	assert_int_equal(out.units, 2);
	assert_int_equal(out.flags, 0);
	assert_unit(&out.unit[0],
		    (struct ovbs_iommu_unit){ 0xFEB80000, 0, 0, 2, 0x40, OVBS_IOMMU_AMD, 0, 0 });
	assert_unit(&out.unit[1],
		    (struct ovbs_iommu_unit){ 0xFEB84000, 0, 5, 0x102, 0x64, OVBS_IOMMU_AMD, 0, 0 });
	assert_ranges(&out, 1, (uint64_t[]){ 0x7A000000, 0x7A100000 });
}

static void test_ivrs_bad(void **state)
{
	static const struct {
		const char *why;
		size_t at;
		uint64_t value;
		size_t size;
	} rows[] = {
		{ "offset 48: block of 0 bytes", 50, 0, 2 },
		{ "offset 48: block of 500 bytes", 50, 500, 2 },
		{ "offset 48: IVHD of 20 bytes, too short", 50, 20, 2 },
		{ "offset 48: IVHD of 32 bytes, too short", 48, 0x11, 1 },
		{ "offset 48: IVMD of 31 bytes", 48, 0x1F0021, 4 },
		{ "capability offset is 0", 54, 0, 2 },
		{ "offset 48: registers at 0", 56, 0, 8 },
		{ "offset 48: registers at all ones", 56, UINT64_MAX, 8 },
		{ "offset 48: registers at feb81000h", 56, 0xFEB81000, 8 },
		{ "offset 80: registers overlap those of unit 0", 88, 0xFEB80000, 8 },
		{ "offset 80: address is not that of unit 0", 84, 2, 2 },
		{ "offset 80: capability is not that of unit 0", 84, 0xFEB8000000500002, 8 },
		{ "device entry of type f0h", 72, 0xF0, 1 },
		{ "device entry of type ffh", 72, 0xFF, 1 },
		{ "device entry of type 80h", 72, 0x80, 1 },
		{ "device entry of type 40h", 76, 0x40, 1 },
	};
	struct builder b;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		start(&b, "IVRS", 48);
		ivhd(&b, 0x10, 2, 0xFEB80000);
		ivhd(&b, 0x10, 3, 0xFEB84000);
		put(&b, rows[i].at, rows[i].value, rows[i].size);
		refused(acpi_ivrs_decode, &b, rows[i].why);
	}
	start(&b, "IVRS", 48);
	refused(acpi_ivrs_decode, &b, "no remapping unit");
}

static void test_wsmt(void **state)
{
	uint32_t flags = 99;
	char why[ACPI_WHY_MAX] = "";
	struct builder b;

	start(&b, "WSMT", 40);
	put(&b, 36, 7, 4);
	seal(&b);
	assert_int_equal(acpi_wsmt_decode(b.bytes, b.len, &flags, why), 0);
	assert_int_equal(flags, 7);
	flags = 99;
	put(&b, 36, 0xFFFFFFFF, 4);
	seal(&b);
	assert_int_equal(acpi_wsmt_decode(b.bytes, b.len, &flags, why), -EINVAL);
	assert_non_null(strstr(why, "all ones"));
	start(&b, "WSMT", 36);
	seal(&b);
	assert_int_equal(acpi_wsmt_decode(b.bytes, b.len, &flags, why), -EINVAL);
	assert_int_equal(acpi_wsmt_decode(b.bytes, 0, &flags, why), -EINVAL);
	assert_int_equal(flags, 99);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dmar_good),    cmocka_unit_test(test_dmar_units),
		cmocka_unit_test(test_dmar_lengths), cmocka_unit_test(test_header),
		cmocka_unit_test(test_too_large),    cmocka_unit_test(test_ivrs_good),
		cmocka_unit_test(test_too_many),     cmocka_unit_test(test_ivrs_bad),
		cmocka_unit_test(test_ranges),       cmocka_unit_test(test_bad_ranges),
		cmocka_unit_test(test_wsmt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
