// SPDX-License-Identifier: GPL-2.0-only
/*
 * The SMBIOS structure table: both kinds of entry point, firmware's texts, and
 * lengths and strings that don't end. Buffers are of the exact size.
 */
/* links: clients/vbsctl/smbios.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../clients/vbsctl/smbios.h"

struct table {
	uint8_t bytes[512];
	size_t len;
};

static void entry3(uint8_t e[24])
{
	memset(e, 0, 24);
	memcpy(e, "_SM3_", 5);
	e[6] = 24;
	e[7] = 3;
	e[8] = 7;
	e[10] = 1;
	for (int i = 0; i < 24; i++)
		e[5] = (uint8_t)(e[5] - (i == 5 ? 0 : e[i]));
}

static void structure(struct table *t, uint8_t type, uint8_t len, const char *strings, size_t strings_len)
{
	uint8_t *p = t->bytes + t->len;

	memset(p, 0, len);
	p[0] = type;
	p[1] = len;
	p[2] = (uint8_t)t->len;
	memcpy(p + len, strings, strings_len);
	t->len += len + strings_len;
}

#define STRINGS(s) s, sizeof(s) /* the literal's own 0 is the second one */

/* As QEMU with OVMF has it; the serial number and UUID must never come out. */
static void good_table(struct table *t)
{
	memset(t, 0, sizeof(*t));
	structure(t, 0, 24, STRINGS("Debian distribution of EDK II\0002022.11-6\00002/06/2015\0"));
	t->bytes[4] = 1;
	t->bytes[5] = 2;
	t->bytes[8] = 3;
	t->bytes[19] = 0x1C;
	size_t at = t->len;

	structure(t, 1, 27, STRINGS("QEMU \0Standard PC\0SERIAL-123\0"));
	t->bytes[at + 4] = 1;
	t->bytes[at + 5] = 2;
	t->bytes[at + 7] = 3;
	structure(t, 127, 4, STRINGS("\0"));
}

static int decode(const struct table *t, struct smbios *out, char *why)
{
	uint8_t e[24], *exact = malloc(t->len ? t->len : 1);
	int err;

	entry3(e);
	memcpy(exact, t->bytes, t->len);
	err = smbios_decode(e, sizeof(e), exact, t->len, out, why);
	free(exact);
	return err;
}

static void test_good(void **state)
{
	char why[SMBIOS_WHY_MAX] = "";
	struct smbios out;
	struct table t;

	good_table(&t);
	assert_int_equal(decode(&t, &out, why), 0);
	assert_string_equal(out.vendor, "Debian distribution of EDK II");
	assert_string_equal(out.version, "2022.11-6");
	assert_string_equal(out.date, "02/06/2015");
	assert_string_equal(out.manufacturer, "QEMU");
	assert_string_equal(out.product, "Standard PC");
	assert_true(out.virtual_machine);
	assert_int_equal(out.structures, 3);
	assert_int_equal(out.major * 100 + out.minor, 307);
	for (size_t i = 0; i + 6 <= sizeof(out); i++)
		assert_memory_not_equal((uint8_t *)&out + i, "SERIAL", 6);
	t.bytes[t.len++] = 0xFF; /* behind the end */
	assert_int_equal(decode(&t, &out, why), 0);
	t.bytes[19] = 0;
	assert_int_equal(decode(&t, &out, why), 0);
	assert_false(out.virtual_machine);
}

static void test_texts(void **state)
{
	char why[SMBIOS_WHY_MAX];
	struct smbios out;
	struct table t;

	good_table(&t);
	t.bytes[4] = 9; /* there is no such string */
	t.bytes[5] = 0;
	t.bytes[24] = '\x1b';
	t.bytes[8] = 1;
	assert_int_equal(decode(&t, &out, why), 0);
	assert_string_equal(out.vendor, "");
	assert_string_equal(out.version, "");
	assert_string_equal(out.date, "?ebian distribution of EDK II");
	memset(&t, 0, sizeof(t));
	structure(&t, 0, 6, STRINGS("\0")); /* shorter than the fields */
	t.bytes[4] = 1;
	assert_int_equal(decode(&t, &out, why), 0);
	assert_string_equal(out.vendor, "");
	memset(&t, 0, sizeof(t));
	structure(&t, 0, 24, "", 0);
	memset(t.bytes + 24, 'x', 100);
	t.bytes[4] = 1;
	t.len = 24 + 102;
	assert_int_equal(decode(&t, &out, why), 0);
	assert_int_equal(strlen(out.vendor), SMBIOS_TEXT_MAX - 1);
}

static void test_bad_tables(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		const char *why;
	} rows[] = {
		{ 1, 0, "offset 0: structure of 0 bytes" },
		{ 1, 3, "offset 0: structure of 3 bytes" },
		{ 1, 255, "offset 0: structure of 255 bytes" },
	};
	char why[SMBIOS_WHY_MAX];
	struct smbios out = { .structures = 77 };
	struct table t;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		good_table(&t);
		t.bytes[rows[i].at] = rows[i].value;
		assert_int_equal(decode(&t, &out, why), -EINVAL);
		assert_string_equal(why, rows[i].why);
	}
	good_table(&t);
	t.len -= 1; /* the last of two zeros */
	assert_int_equal(decode(&t, &out, why), -EINVAL);
	assert_non_null(strstr(why, "have no end"));
	t.len -= 3;
	assert_int_equal(decode(&t, &out, why), -EINVAL);
	assert_non_null(strstr(why, "are no structure"));
	t.len = 0;
	assert_int_equal(decode(&t, &out, why), -EINVAL);
	assert_string_equal(why, "the table is empty");
	assert_int_equal(out.structures, 77);
}

static void test_entry_points(void **state)
{
	char why[SMBIOS_WHY_MAX];
	struct smbios out;
	struct table t;
	uint8_t e[32];

	good_table(&t);
	entry3(e);
	for (size_t len = 0; len < 24; len++)
		assert_int_equal(smbios_decode(e, len, t.bytes, t.len, &out, why), -EINVAL);
	e[9] ^= 1;
	assert_int_equal(smbios_decode(e, 24, t.bytes, t.len, &out, why), -EINVAL);
	assert_string_equal(why, "entry point: checksum is wrong");
	entry3(e);
	e[6] = 200;
	assert_int_equal(smbios_decode(e, 24, t.bytes, t.len, &out, why), -EINVAL);
	e[6] = 0;
	assert_int_equal(smbios_decode(e, 24, t.bytes, t.len, &out, why), -EINVAL);
	memset(e, 0, sizeof(e));
	memcpy(e, "_SM_", 4);
	e[5] = 31;
	e[6] = 2;
	e[7] = 8;
	for (int i = 0; i < 31; i++)
		e[4] = (uint8_t)(e[4] - (i == 4 ? 0 : e[i]));
	assert_int_equal(smbios_decode(e, 31, t.bytes, t.len, &out, why), 0);
	assert_int_equal(out.major * 100 + out.minor, 208);
	assert_int_equal(smbios_decode(e, 30, t.bytes, t.len, &out, why), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_bad_tables),
		cmocka_unit_test(test_entry_points),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
