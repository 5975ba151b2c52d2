// SPDX-License-Identifier: GPL-2.0-only
/*
 * The UEFI memory attributes table: as firmware writes it, with descriptors
 * larger than they need be, and broken in every field.
 */
/* links: lib/efi_mat.c lib/format.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "efi_mat.h"

#define RO      0x20000ull
#define XP      0x4000ull
#define RUNTIME 0x8000000000000000ull

struct entry {
	uint32_t type;
	uint64_t start, pages, attributes;
};

static const struct entry good[] = {
	{ 6, 0x7F000000, 16, XP | RUNTIME },
	{ 5, 0x7F010000, 4, RO | RUNTIME },
	{ 5, 0x7F014000, 1, RO | XP | RUNTIME },
};

static void put(uint8_t *at, uint64_t value, size_t size)
{
	memcpy(at, &value, size);
}

/* An allocation of the exact size, so that overreads are seen. */
static uint8_t *build(uint32_t version, uint32_t size, const struct entry *e, uint32_t count, size_t *len)
{
	uint8_t *table;

	*len = EFI_MAT_HEADER_SIZE + (size_t)count * size;
	table = calloc(1, *len);
	put(table, version, 4);
	put(table + 4, count, 4);
	put(table + 8, size, 4);
	for (uint32_t i = 0; i < count; i++) {
		uint8_t *at = table + EFI_MAT_HEADER_SIZE + (size_t)i * size;

		put(at, e[i].type, 4);
		put(at + 8, e[i].start, 8);
		put(at + 24, e[i].pages, 8);
		put(at + 32, e[i].attributes, 8);
	}
	return table;
}

static int decode(const struct entry *e, uint32_t count, struct efi_mat *out, char *why)
{
	size_t len;
	uint8_t *table = build(1, 48, e, count, &len);
	int err = efi_mat_decode(table, len, out, why);

	free(table);
	return err;
}

static void test_good(void **state)
{
	static const uint32_t sizes[] = { 40, 48, 1024 };
	char why[EFI_MAT_WHY_MAX];
	struct efi_mat out;
	uint8_t *table;
	size_t len;

	for (uint32_t version = 1; version <= 2; version++) {
		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
			table = build(version, sizes[i], good, 3, &len);
			assert_int_equal(efi_mat_size(table, why), len);
			assert_int_equal(efi_mat_decode(table, len, &out, why), 0);
			assert_int_equal(out.entries, 3);
			assert_int_equal(out.both, 0);
			free(table);
		}
	}
}

static void test_both(void **state)
{
	struct entry e[3];
	char why[EFI_MAT_WHY_MAX];
	struct efi_mat out;

	memcpy(e, good, sizeof(e));
	e[1].attributes = RUNTIME;
	e[2].attributes = 0;
	assert_int_equal(decode(e, 3, &out, why), 0);
	assert_int_equal(out.both, 2);
	assert_string_equal(why, "entry 1 at 7f010000h: write and execute");
}

static void test_order(void **state)
{
	struct entry e[3] = { good[2], good[0], good[1] };
	char why[EFI_MAT_WHY_MAX];
	struct efi_mat out;

	assert_int_equal(decode(e, 3, &out, why), 0);
	e[2].pages = 5;
	assert_int_equal(decode(e, 3, &out, why), -EINVAL);
	assert_string_equal(why, "entry 2: overlaps another");
}

static void test_bad_entries(void **state)
{
	static const struct {
		struct entry e;
		const char *why;
	} rows[] = {
		{ { 7, 0x7F010000, 4, RO }, "neither runtime code nor data" },
		{ { 0x80000005, 0x7F010000, 4, RO }, "neither runtime code nor data" },
		{ { 5, 0x7F010800, 4, RO }, "start is not a page's" },
		{ { 5, 0x7F010000, 0, RO }, "no pages" },
		{ { 5, 0x7F010000, UINT64_MAX, RO }, "ends beyond 64 bits" },
		{ { 5, 0x7F010000, UINT64_MAX / 4096, RO }, "ends beyond 64 bits" },
		{ { 5, 0xFFFFFFFFFFFFF000, 1, RO }, "ends beyond 64 bits" },
		{ { 5, 0x7F00F000, 1, RO }, "overlaps another" },
		{ { 5, 0x7F000000, 16, RO }, "overlaps another" },
		{ { 5, 0x7E000000, 0x10000, RO }, "overlaps another" },
		{ { UINT32_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX }, "neither runtime" },
	};
	char why[EFI_MAT_WHY_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct entry e[2] = { good[0], rows[i].e };
		struct efi_mat out = { 77, 77 };

		assert_int_equal(decode(e, 2, &out, why), -EINVAL);
		if (strncmp(why, "entry 1: ", 9) != 0 || strstr(why, rows[i].why) == NULL)
			fail_msg("row %zu: \"%s\"", i, why);
		assert_int_equal(out.entries, 77);
	}
}

static void test_bad_header(void **state)
{
	static const struct {
		size_t at;
		uint32_t value;
		const char *why;
	} rows[] = {
		{ 0, 0, "version is 0" },          { 0, 3, "version is 3" },
		{ 0, 0xFFFFFFFF, "version is" },   { 4, 0, "0 entries" },
		{ 4, 0xFFFFFFFF, "entries of" },   { 4, 21846, "21846 entries of 48" },
		{ 8, 0, "descriptor size is 0" },  { 8, 39, "descriptor size is 39" },
		{ 8, 44, "descriptor size" },      { 8, 0xFFFFFFF8, "descriptor size" },
		{ 8, 1032, "descriptor size" },    { 8, 56, "only 160 bytes of 184" },
		{ 4, 4, "only 160 bytes of 208" },
	};
	char why[EFI_MAT_WHY_MAX];
	struct efi_mat out;
	uint8_t *table;
	size_t len;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		table = build(1, 48, good, 3, &len);
		put(table + rows[i].at, rows[i].value, 4);
		assert_int_equal(efi_mat_decode(table, len, &out, why), -EINVAL);
		if (strstr(why, rows[i].why) == NULL)
			fail_msg("row %zu: \"%s\"", i, why);
		free(table);
	}
}

static void test_truncated(void **state)
{
	char why[EFI_MAT_WHY_MAX];
	struct efi_mat out;
	size_t whole;
	uint8_t *table = build(1, 48, good, 3, &whole);

	for (size_t len = 0; len < whole; len++) {
		uint8_t *cut = malloc(len ? len : 1);

		memcpy(cut, table, len);
		why[0] = '\0';
		assert_int_equal(efi_mat_decode(cut, len, &out, why), -EINVAL);
		assert_non_null(strstr(why, "only"));
		free(cut);
	}
	free(table);
}

/* The largest table in the worst order still ends soon. */
static void test_descending(void **state)
{
	uint32_t count = 4000;
	struct entry *e = calloc(count, sizeof(*e));
	char why[EFI_MAT_WHY_MAX];
	struct efi_mat out;

	for (uint32_t i = 0; i < count; i++)
		e[i] = (struct entry){ 6, (uint64_t)(count - i) << 12, 1, XP };
	assert_int_equal(decode(e, count, &out, why), 0);
	assert_int_equal(out.entries, count);
	free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),       cmocka_unit_test(test_both),
		cmocka_unit_test(test_order),      cmocka_unit_test(test_bad_entries),
		cmocka_unit_test(test_bad_header), cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_descending),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
