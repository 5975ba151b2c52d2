// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hiding an ACPI table: its entries go out of XSDT and RSDT, all others stay in
 * their order, lengths and checksums are right; what can't be written is
 * noticed, and the table renamed; nothing outside of the lists is touched.
 */
/* links: boot/acpi_hide.c boot/acpi_pm.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../../boot/acpi_hide.h"

#define BASE   0x10000u
#define SIZE   0x4000u
#define RSDP   (BASE + 0x10)
#define XSDT   (BASE + 0x100)
#define RSDT   (BASE + 0x1200)
#define TABLES (BASE + 0x2400) /* one each 0x40 bytes */
#define STEP   0x40u
#define HEADER 36u

/* Physical memory. Of the pages in rom each reader gets a copy: what is written there is lost. */
struct physical {
	struct acpi_memory memory;
	uint8_t bytes[SIZE];
	uint64_t rom_start, rom_end;
	uint8_t copies[64][0x1200];
	unsigned int used;
};

static const void *map(const struct acpi_memory *memory, uint64_t address, size_t len)
{
	struct physical *p = (struct physical *)(uintptr_t)memory;

	if (address < BASE || address > BASE + SIZE || len > BASE + SIZE - address)
		return NULL;
	if (address < p->rom_start || address >= p->rom_end)
		return p->bytes + (address - BASE);
	assert_true(p->used < ARRAY_SIZE(p->copies) && len <= sizeof(p->copies[0]));
	memcpy(p->copies[p->used], p->bytes + (address - BASE), len);
	return p->copies[p->used++];
}

static void put(struct physical *p, uint64_t at, uint64_t value, size_t size)
{
	memcpy(p->bytes + (at - BASE), &value, size);
}

static uint64_t get(const struct physical *p, uint64_t at, size_t size)
{
	uint64_t value = 0;

	memcpy(&value, p->bytes + (at - BASE), size);
	return value;
}

static void seal(struct physical *p, uint64_t at, const char *signature, uint32_t len)
{
	uint8_t sum = 0;

	memcpy(p->bytes + (at - BASE), signature, 4);
	put(p, at + 4, len, 4);
	put(p, at + 9, 0, 1);
	for (uint32_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + p->bytes[at - BASE + i]);
	put(p, at + 9, (uint8_t)-sum, 1);
}

static bool checksum_good(const struct physical *p, uint64_t at)
{
	uint32_t len = (uint32_t)get(p, at + 4, 4);
	uint8_t sum = 0;

	for (uint32_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + p->bytes[at - BASE + i]);
	return sum == 0;
}

/* A machine whose tables are named by the letters: D is DMAR, I is IVRS, others stand for themselves. */
static struct physical *machine(const char *tables)
{
	struct physical *p = calloc(1, sizeof(*p));
	size_t n = strlen(tables);

	p->memory.map = map;
	memcpy(p->bytes + (RSDP - BASE), "RSD PTR ", 8);
	put(p, RSDP + 15, 2, 1);
	put(p, RSDP + 16, RSDT, 4);
	put(p, RSDP + 24, XSDT, 8);
	for (size_t i = 0; i < n; i++) {
		char name[5] = { 'T', 'A', 'B', tables[i], 0 };

		seal(p, TABLES + i * STEP,
		     tables[i] == 'D' ? "DMAR" :
		     tables[i] == 'I' ? "IVRS" :
					name,
		     STEP);
		put(p, XSDT + HEADER + i * 8, TABLES + i * STEP, 8);
		put(p, RSDT + HEADER + i * 4, TABLES + i * STEP, 4);
	}
	seal(p, XSDT, "XSDT", (uint32_t)(HEADER + n * 8));
	seal(p, RSDT, "RSDT", (uint32_t)(HEADER + n * 4));
	return p;
}

/* The list names these tables in this order, is whole, and holds nothing behind its end. */
static void check_list(const struct physical *p, uint64_t list, size_t width, size_t before,
		       const char *tables, const char *left)
{
	size_t n = strlen(left), from = 0;

	assert_int_equal(get(p, list + 4, 4), HEADER + n * width);
	assert_true(checksum_good(p, list));
	for (size_t i = 0; i < n; i++, from++) {
		while (tables[from] != left[i])
			from++;
		assert_int_equal(get(p, list + HEADER + i * width, width), TABLES + from * STEP);
	}
	for (size_t i = n; i < before; i++)
		assert_int_equal(get(p, list + HEADER + i * width, width), 0);
}

static void test_entries_go(void **state)
{
	static const struct {
		const char *tables, *left;
	} rows[] = {
		{ "aDb", "ab" },       { "Dab", "ab" },  { "abD", "ab" },   { "D", "" },
		{ "DD", "" },          { "aDDb", "ab" }, { "DaDbD", "ab" }, { "aIDb", "aIb" },
		{ "abDcde", "abcde" }, { "abc", "abc" }, { "", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct physical *p = machine(rows[i].tables);
		struct physical *before = machine(rows[i].tables);
		size_t n = strlen(rows[i].tables);
		bool there = strchr(rows[i].tables, 'D') != NULL;
		const void *table;
		size_t len;

		assert_int_equal(hide_table(&p->memory, RSDP, "DMAR"), there ? HIDE_DONE : HIDE_NOT_THERE);
		check_list(p, XSDT, 8, n, rows[i].tables, rows[i].left);
		check_list(p, RSDT, 4, n, rows[i].tables, rows[i].left);
		assert_false(acpi_find_table(&p->memory, RSDP, "DMAR", &table, &len));
		assert_int_equal(acpi_find_table(&p->memory, RSDP, "IVRS", &table, &len),
				 strchr(rows[i].tables, 'I') != NULL);
		/* the tables themselves, and the root pointer, are as they were */
		assert_memory_equal(p->bytes + (TABLES - BASE), before->bytes + (TABLES - BASE),
				    SIZE - (TABLES - BASE));
		assert_memory_equal(p->bytes, before->bytes, XSDT - BASE);
		if (!there)
			assert_memory_equal(p->bytes, before->bytes, SIZE);
		assert_int_equal(hide_table(&p->memory, RSDP, "DMAR"), HIDE_NOT_THERE);
		free(p);
		free(before);
	}
}

/* Only one of the lists is there, or makes sense; and XSDT and RSDT name copies. */
static void test_lists(void **state)
{
	struct physical *p = machine("aDb");

	put(p, RSDP + 15, 0, 1); /* ACPI 1.0: the field of the XSDT does not exist */
	assert_int_equal(hide_table(&p->memory, RSDP, "DMAR"), HIDE_DONE);
	check_list(p, RSDT, 4, 3, "aDb", "ab");
	assert_int_equal(get(p, XSDT + 4, 4), HEADER + 24);
	put(p, RSDP + 15, 2, 1);
	put(p, RSDP + 16, 0, 4);
	assert_int_equal(hide_table(&p->memory, RSDP, "DMAR"), HIDE_DONE);
	check_list(p, XSDT, 8, 3, "aDb", "ab");
	free(p);

	p = machine("aDbc");
	seal(p, TABLES + 3 * STEP, "DMAR", STEP);
	put(p, XSDT + HEADER + 3 * 8, 0, 8); /* XSDT: a D b none; RSDT: a b D */
	put(p, RSDT + HEADER + 4, TABLES + 2 * STEP, 4);
	put(p, RSDT + HEADER + 8, TABLES + 3 * STEP, 4);
	put(p, RSDT + HEADER + 12, 0, 4);
	assert_int_equal(hide_table(&p->memory, RSDP, "DMAR"), HIDE_DONE);
	assert_int_equal(get(p, XSDT + 4, 4), HEADER + 24);
	assert_int_equal(get(p, RSDT + 4, 4), HEADER + 12);
	assert_true(checksum_good(p, XSDT) && checksum_good(p, RSDT));
	free(p);
}

static void test_nonsense(void **state)
{
	static const struct {
		uint64_t at, value;
		size_t size;
		enum hide_result result;
	} rows[] = {
		{ RSDP, 'X', 1, HIDE_NOT_THERE },
		{ XSDT, 'Y', 1, HIDE_FAILED },
		{ XSDT + 4, 35, 4, HIDE_FAILED },
		{ XSDT + 4, 0, 4, HIDE_FAILED },
		{ XSDT + 4, UINT32_MAX, 4, HIDE_FAILED },
		{ XSDT + 4, HEADER + 513 * 8, 4, HIDE_FAILED },
		{ XSDT + 4, HEADER + 7, 4, HIDE_NOT_THERE }, /* less than one entry */
		{ RSDP + 24, BASE + SIZE - 20, 8, HIDE_FAILED },
		{ RSDP + 24, UINT64_MAX, 8, HIDE_FAILED },
		{ XSDT + HEADER, UINT64_MAX, 8, HIDE_NOT_THERE },
		{ XSDT + HEADER, BASE + SIZE - 4, 8, HIDE_NOT_THERE },
	};

	assert_int_equal(hide_table(&(struct acpi_memory){ map }, 0, "DMAR"), HIDE_NOT_THERE);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct physical *p = machine("D"), *before = machine("D");

		put(p, RSDP + 16, 0, 4);
		put(p, rows[i].at, rows[i].value, rows[i].size);
		memcpy(before->bytes, p->bytes, SIZE);
		/* a list that is named and can't be read may name it all the same */
		assert_int_equal(hide_table(&p->memory, RSDP, "DMAR"), rows[i].result);
		assert_memory_equal(p->bytes, before->bytes, SIZE);
		free(p);
		free(before);
	}
	/* bytes behind the last whole entry are dropped with it, not read as one */
	struct physical *p = machine("aD");

	seal(p, XSDT, "XSDT", HEADER + 16 + 5);
	assert_int_equal(hide_table(&p->memory, RSDP, "DMAR"), HIDE_DONE);
	check_list(p, XSDT, 8, 2, "aD", "a");
	free(p);
}

static void test_read_only(void **state)
{
	struct physical *p = machine("aDbD");
	const void *table;
	size_t len;

	p->rom_start = XSDT;
	p->rom_end = TABLES;
	assert_int_equal(hide_table(&p->memory, RSDP, "DMAR"), HIDE_RENAMED);
	assert_false(acpi_find_table(&p->memory, RSDP, "DMAR", &table, &len));
	for (unsigned int i = 1; i < 4; i += 2) {
		assert_memory_equal(p->bytes + (TABLES - BASE) + i * STEP, "XMAR", 4);
		assert_true(checksum_good(p, TABLES + i * STEP));
	}
	assert_int_equal(get(p, XSDT + 4, 4), HEADER + 32);
	free(p);

	p = machine("aD"); /* the RSDT alone */
	p->rom_start = RSDT;
	p->rom_end = TABLES;
	assert_int_equal(hide_table(&p->memory, RSDP, "DMAR"), HIDE_RENAMED);
	check_list(p, XSDT, 8, 2, "aD", "a");
	free(p);
}

static void test_all_read_only(void **state)
{
	struct physical *p = machine("aI"), *before = machine("aI");

	p->rom_start = XSDT;
	p->rom_end = BASE + SIZE;
	assert_int_equal(hide_table(&p->memory, RSDP, "IVRS"), HIDE_FAILED);
	assert_memory_equal(p->bytes, before->bytes, SIZE);
	free(p);
	free(before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entries_go),    cmocka_unit_test(test_lists),
		cmocka_unit_test(test_nonsense),      cmocka_unit_test(test_read_only),
		cmocka_unit_test(test_all_read_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
