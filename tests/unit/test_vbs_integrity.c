/* links: clients/vbsctl/integrity.c */
// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lines and tables of openvbs.ko as vbsctl reads them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../clients/vbsctl/integrity.h"

static void test_clean(void **state)
{
	char text[] = "a\tb\n\x1b[31m\xc3\xa4\x7f\0c";

	integrity_clean(text, sizeof(text) - 1);
	assert_string_equal(text, "a b\n?[31m????c");
}

static void test_lines(void **state)
{
	static const struct integrity_line want[] = {
		{ "State", "locked down" }, { "A", "b: c" },       { "Empty", "" },
		{ "", "no colon" },         { "", "colon:alone" }, { "", ": x" },
		{ "Last", "no end" },
	};
	char text[] = "\n\nState: locked down\nA: b: c\nEmpty: \n\nno colon\ncolon:alone\n: x\nLast: no end";
	char *at = text;
	struct integrity_line line;

	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		assert_true(integrity_next(&at, &line));
		assert_string_equal(line.name, want[i].name);
		assert_string_equal(line.value, want[i].value);
	}
	assert_false(integrity_next(&at, &line));
	assert_false(integrity_next(&at, &line));
}

static void test_numbers(void **state)
{
	static const char *const none[] = { "",   "x",   "-1",
					    "+1", " 1",  "1 ",
					    "1x", "0x1", "9223372036854775808" };

	assert_int_equal(integrity_number("0"), 0);
	assert_int_equal(integrity_number("007"), 7);
	assert_true(integrity_number("9223372036854775807") == INT64_MAX);
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_int_equal(integrity_number(none[i]), -1);
}

static void test_table(void **state)
{
	char text[] = "  number name  signer \n   1 kvm   Debian CA: x  y  \n\n  2\n 3 nobody\n";
	const char *cell[INTEGRITY_COLUMNS];
	struct integrity_table table;
	char *at = text;

	assert_true(integrity_table(&at, &table));
	assert_int_equal(table.columns, 3);
	assert_string_equal(table.column[2], "signer");
	assert_true(integrity_row(&at, &table, cell));
	assert_string_equal(cell[0], "1");
	assert_string_equal(cell[1], "kvm");
	assert_string_equal(cell[2], "Debian CA: x  y");
	assert_true(integrity_row(&at, &table, cell));
	assert_string_equal(cell[0], "2");
	assert_string_equal(cell[1], "");
	assert_string_equal(cell[2], "");
	assert_true(integrity_row(&at, &table, cell));
	assert_string_equal(cell[1], "nobody");
	assert_string_equal(cell[2], "");
	assert_false(integrity_row(&at, &table, cell));
}

static void test_tables_that_are_none(void **state)
{
	char nothing[] = "", lines[] = "\n\n", blanks[] = "  \n1 2\n";
	char many[] = "a b c d e f g h i j k l m n o p q\n", most[] = "a b c d e f g h i j k l m n o p\n";
	char *const bad[] = { nothing, lines, blanks, many };
	struct integrity_table table;
	char *at;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		at = bad[i];
		assert_false(integrity_table(&at, &table));
	}
	at = most;
	assert_true(integrity_table(&at, &table));
	assert_int_equal(table.columns, INTEGRITY_COLUMNS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_tables_that_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
