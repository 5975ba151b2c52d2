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

#define MAX 1024

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

static void test_dmar_good(void **state)
{
	struct acpi_iommu out;
	struct builder b;
	size_t at;

	start_dmar(&b);
	drhd(&b, 0xFED90000, 0);
	drhd(&b, 0xFED91000, 0);
	at = b.len; /* RMRR, then a type of the future */
	put(&b, at, 1, 2);
	put(&b, at + 2, 24, 2);
	put(&b, at + 24, 77, 2);
	put(&b, at + 26, 4, 2);
	b.len += 28;
	seal(&b);
	assert_int_equal(decode(acpi_dmar_decode, &b, &out), 0);
	assert_int_equal(out.kind, OVBS_IOMMU_INTEL);
	assert_int_equal(out.units, 2);
	assert_int_equal(out.flags, 5);
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
		{ "offset 72: registers overlap those of offset 48", 0xFED90000, 0xFED90000, 0 },
		{ "offset 72: registers overlap those of offset 48", 0xFED90000, 0xFED91000, 1 },
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
		{ "no remapping unit (DRHD)", 48, 1, 2 },
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

/* Registers that don't overlap, but more of them than can be. */
static void test_too_many_units(void **state)
{
	size_t len = 48 + 1025 * 16;
	uint8_t *table = calloc(1, len), sum = 0;
	struct acpi_iommu out;

	memcpy(table, "DMAR", 4);
	memcpy(table + 4, &(uint32_t){ (uint32_t)len }, 4);
	table[36] = 38;
	for (uint64_t i = 0; i < 1025; i++) {
		table[48 + i * 16 + 2] = 16;
		memcpy(table + 48 + i * 16 + 8, &(uint64_t){ (i + 1) << 12 }, 8);
	}
	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + table[i]);
	table[9] = (uint8_t)-sum;
	assert_int_equal(acpi_dmar_decode(table, len, &out), -EINVAL);
	assert_non_null(strstr(out.why, "more than 1024 units"));
	free(table);
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
	at = b.len; /* IVMD, then a type of the future */
	b.bytes[at] = 0x20;
	b.bytes[at + 2] = 32;
	b.bytes[at + 32] = 0x77;
	b.bytes[at + 34] = 4;
	b.len += 36;
	seal(&b);
	assert_int_equal(decode(acpi_ivrs_decode, &b, &out), 0);
	assert_int_equal(out.kind, OVBS_IOMMU_AMD);
	assert_int_equal(out.units, 2);
	assert_int_equal(out.flags, 0);
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
		{ "overlap those of offset 48", 88, 0xFEB80000, 8 },
		{ "are not those of offset 48", 84, 2, 2 },
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
		cmocka_unit_test(test_dmar_good),      cmocka_unit_test(test_dmar_units),
		cmocka_unit_test(test_dmar_lengths),   cmocka_unit_test(test_header),
		cmocka_unit_test(test_too_large),      cmocka_unit_test(test_ivrs_good),
		cmocka_unit_test(test_too_many_units), cmocka_unit_test(test_ivrs_bad),
		cmocka_unit_test(test_wsmt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
