// SPDX-License-Identifier: GPL-2.0-only
/*
 * Settings of the loader, from a file and from load options.
 */
/* links: boot/config.c lib/format.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../boot/config.h"

/* UCS-2 to something that a comparison can print; what is not ASCII becomes \uXXXX. */
static const char *show(const uint16_t *text)
{
	static char out[8 * CONFIG_OPTIONS_MAX];
	char *o = out;

	for (; *text != 0; text++)
		o += *text < 0x80 ? sprintf(o, "%c", *text) : sprintf(o, "\\u%04X", *text);
	*o = '\0';
	return out;
}

static bool parse_bytes(struct config *c, const void *bytes, size_t len)
{
	uint8_t *exact = malloc(len ? len : 1);
	bool good;

	memcpy(exact, bytes, len);
	config_defaults(c);
	good = config_parse_file(c, exact, len);
	free(exact);
	return good;
}

static bool parse(struct config *c, const char *text)
{
	return parse_bytes(c, text, strlen(text));
}

static void test_defaults(void **state)
{
	struct config c;

	assert_true(parse(&c, ""));
	assert_string_equal(show(c.next), "\\EFI\\debian\\shimx64.efi");
	assert_string_equal(show(c.options), "");
	assert_string_equal(c.problem, "");
	assert_false(c.icr_open);
	assert_false(c.serial_off);
}

static void test_file(void **state)
{
	struct config c;

	assert_true(parse(&c, "# comment\n\n  next=\\EFI\\a b.efi \r\n\toptions=  one  two=2 # no comment\r\n"));
	assert_string_equal(show(c.next), "\\EFI\\a b.efi");
	assert_string_equal(show(c.options), "one  two=2 # no comment");
	assert_true(parse(&c, "next=\\first\nnext=\\second"));
	assert_string_equal(show(c.next), "\\second");
	assert_true(parse(&c, "\xEF\xBB\xBFnext=\\m\xC3\xBC\xE2\x82\xAC.efi\n"));
	assert_string_equal(show(c.next), "\\m\\u00FC\\u20AC.efi");
	assert_true(parse(&c, "options=\n"));
	assert_string_equal(show(c.options), "");
	assert_true(parse(&c, "\xEF\xBB\xBF"));
}

/* The first and last character of each length that UCS-2 can hold. */
static void test_utf8(void **state)
{
	struct config c;

	assert_true(parse(&c, "options=\xC2\x80\xDF\xBF\xE0\xA0\x80\xED\x9F\xBF"
			      "\xEE\x80\x80\xEF\xBF\xBF"));
	assert_string_equal(show(c.options), "\\u0080\\u07FF\\u0800\\uD7FF\\uE000\\uFFFF");
}

static void test_debug_switches(void **state)
{
	struct config c;

	/* Host tests are built as debug builds; a release build refuses these as unknown. */
	assert_true(parse(&c, "icr=open\nserial=off\n"));
	assert_true(c.icr_open);
	assert_true(c.serial_off);
	assert_false(parse(&c, "icr=openly\n"));
	assert_false(c.icr_open);
	assert_string_equal(c.problem, "openvbs.conf line 1: unknown setting");
}

/* A bad line changes nothing, is named, and does not keep the others from counting. */
static void test_bad_lines(void **state)
{
	static const struct {
		const char *text, *problem;
	} rows[] = {
		{ "next=EFI\\x.efi", "openvbs.conf line 1: next= is no path that starts with \\" },
		{ "next=", "openvbs.conf line 1: next= is no path that starts with \\" },
		{ "options=x\nnext=/EFI/x", "openvbs.conf line 2: next= is no path that starts with \\" },
		{ "\nNEXT=\\x", "openvbs.conf line 2: unknown setting" },
		{ "next = \\x", "openvbs.conf line 1: unknown setting" },
		{ "next", "openvbs.conf line 1: unknown setting" },
		{ "next=\\\xFF", "openvbs.conf line 1: not UTF-8 text" },
		{ "next=\\\xC0\xAF", "openvbs.conf line 1: not UTF-8 text" },
		{ "next=\\\xC3", "openvbs.conf line 1: not UTF-8 text" },
		{ "next=\\\xE2\x82", "openvbs.conf line 1: not UTF-8 text" },
		{ "next=\\\xE0\x80\xAF", "openvbs.conf line 1: not UTF-8 text" },
		{ "next=\\\xED\xA0\x80", "openvbs.conf line 1: not UTF-8 text" },
		{ "next=\\\xF0\x9F\x98\x80", "openvbs.conf line 1: not UTF-8 text" },
		{ "next=\\\xED\xBF\xBF", "openvbs.conf line 1: not UTF-8 text" },
		{ "next=\\\xE0\x9F\xBF", "openvbs.conf line 1: not UTF-8 text" },
		{ "next=\\\xE2\x28\xA1", "openvbs.conf line 1: not UTF-8 text" },
		{ "next=\\\xE2\x82\x28", "openvbs.conf line 1: not UTF-8 text" },
		{ "next=\\\x80", "openvbs.conf line 1: not UTF-8 text" },
		{ "next=\\\x7F", "openvbs.conf line 1: not UTF-8 text" },
		{ "next=\\\x01", "openvbs.conf line 1: not UTF-8 text" },
		{ "junk\nnonsense", "openvbs.conf line 1: unknown setting" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct config c;

		assert_false(parse(&c, rows[i].text));
		assert_string_equal(c.problem, rows[i].problem);
		assert_string_equal(show(c.next), CONFIG_DEFAULT_NEXT);
	}
}

static void test_good_line_after_bad(void **state)
{
	struct config c;

	assert_false(parse(&c, "bad\nnext=\\good.efi\noptions=x\n"));
	assert_string_equal(show(c.next), "\\good.efi");
	assert_string_equal(show(c.options), "x");
}

static void test_zero_bytes(void **state)
{
	static const char text[] = "next=\\a\0b\n";
	struct config c;

	assert_false(parse_bytes(&c, text, sizeof(text) - 1));
	assert_string_equal(show(c.next), CONFIG_DEFAULT_NEXT);
}

static void test_sizes(void **state)
{
	static char text[CONFIG_FILE_MAX + 2];
	struct config c;

	memset(text, 'x', sizeof(text));
	memcpy(text, "next=\\", 6);
	text[5 + CONFIG_NEXT_MAX - 1] = '\0'; /* 255 characters */
	assert_true(parse(&c, text));
	assert_int_equal(strlen(show(c.next)), CONFIG_NEXT_MAX - 1);
	text[5 + CONFIG_NEXT_MAX - 1] = 'x';
	text[5 + CONFIG_NEXT_MAX] = '\0';
	assert_false(parse(&c, text));
	assert_string_equal(c.problem, "openvbs.conf line 1: next= is longer than 255 characters");

	memset(text, 'x', sizeof(text));
	memcpy(text, "options=", 8);
	text[8 + CONFIG_OPTIONS_MAX - 1] = '\0';
	assert_true(parse(&c, text));
	text[8 + CONFIG_OPTIONS_MAX - 1] = 'x';
	text[8 + CONFIG_OPTIONS_MAX] = '\0';
	assert_false(parse(&c, text));
	assert_string_equal(c.problem, "openvbs.conf line 1: options= is longer than 1023 characters");

	memset(text, 'x', sizeof(text));
	assert_false(parse_bytes(&c, text, 5000));
	assert_string_equal(c.problem, "openvbs.conf line 1: too long");
	memset(text, '#', sizeof(text));
	for (size_t i = 100; i < sizeof(text); i += 100)
		text[i] = '\n';
	for (size_t i = 101; i < sizeof(text); i += 100)
		text[i] = '#';
	assert_true(parse_bytes(&c, text, CONFIG_FILE_MAX));
	assert_false(parse_bytes(&c, text, CONFIG_FILE_MAX + 1));
	assert_string_equal(c.problem, "openvbs.conf: larger than 16384 bytes");
}

static bool load_options(struct config *c, const uint16_t *units, size_t bytes)
{
	uint8_t *exact = malloc(bytes + 1);
	bool good;

	memcpy(exact + 1, units, bytes); /* unaligned, too */
	good = config_parse_load_options(c, exact + 1, bytes);
	free(exact);
	return good;
}

static bool ascii_options(struct config *c, const char *text)
{
	uint16_t units[2 * CONFIG_OPTIONS_MAX];
	size_t n = 0;

	for (; text[n] != '\0'; n++)
		units[n] = (uint8_t)text[n];
	units[n++] = 0;
	return load_options(c, units, n * sizeof(units[0]));
}

static void test_load_options(void **state)
{
	static const struct {
		const char *text, *next, *options, *problem;
	} rows[] = {
		{ "", "\\file", "from file", "" },
		{ "   ", "\\file", "from file", "" },
		{ "next=\\a.efi", "\\a.efi", "", "" },
		{ "next=\\a.efi options=x  y=z ", "\\a.efi", "x  y=z", "" },
		{ "openvbs.efi next=\\a.efi", "\\a.efi", "", "" },
		{ "next=\"\\a b.efi\" options=x", "\\a b.efi", "x", "" },
		{ "next=\"\\a b.efi", "\\a b.efi", "", "" },
		{ "options=next=\\b", "\\file", "next=\\b", "" },
		{ "options=", "\\file", "", "" },
		{ "quiet splash", "\\file", "from file", "load options: neither next= nor options= in them" },
		{ "next=\\a junk", "\\a", "", "load options: only options= may follow next=PATH" },
		{ "next=a.efi options=x", "\\file", "from file",
		  "load options: next= is no path that starts with \\" },
		{ "next= \\a", "\\file", "from file", "load options: next= is no path that starts with \\" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct config c;

		assert_true(parse(&c, "next=\\file\noptions=from file\n"));
		assert_int_equal(ascii_options(&c, rows[i].text), rows[i].problem[0] == '\0');
		assert_string_equal(show(c.next), rows[i].next);
		assert_string_equal(show(c.options), rows[i].options);
		assert_string_equal(c.problem, rows[i].problem);
	}
}

/* The GUID that OVMF puts into the entries it makes; odd lengths; no terminator; text behind it. */
static void test_binary_load_options(void **state)
{
	static const uint8_t guid[16] = { 0x4E, 0xAC, 0x08, 0x81, 0x11, 0x9F, 0x59, 0x4D,
					  0x85, 0x0E, 0xE2, 0x1A, 0x52, 0x2C, 0x59, 0xB2 };
	static const uint16_t open_ended[] = { 'n', 'e', 'x', 't', '=', '\\', 'a' };
	static const uint16_t stopped[] = { 'n', 'e', 'x', 't', '=', '\\', 'a', 0, 0xFFFF, 3 };
	static const struct {
		uint16_t unit;
		bool text;
	} rows[] = { { 1, false },      { 0x1F, false },  { '\t', true },   { ' ', true },
		     { 0x7F, false },   { 0x80, true },   { 0xD7FF, true }, { 0xD800, false },
		     { 0xDFFF, false }, { 0xE000, true }, { 0xFFFF, true } };
	static const uint16_t foreign[] = { 0x4E2D, 0x6587, 0 };
	struct config c;

	config_defaults(&c);
	assert_true(load_options(&c, (const uint16_t *)(const void *)guid, sizeof(guid)));
	assert_true(load_options(&c, open_ended, 5));
	assert_true(load_options(&c, foreign, sizeof(foreign)));
	assert_string_equal(c.problem, "");
	assert_string_equal(show(c.next), CONFIG_DEFAULT_NEXT);
	assert_true(load_options(&c, open_ended, sizeof(open_ended)));
	assert_string_equal(show(c.next), "\\a");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint16_t units[] = { 'n', 'e', 'x', 't', '=', '\\', 'a', rows[i].unit, 0 };

		config_defaults(&c);
		assert_true(load_options(&c, units, sizeof(units)));
		assert_int_equal(c.next[1] == 'a', rows[i].text);
	}
	config_defaults(&c);
	assert_true(load_options(&c, stopped, sizeof(stopped)));
	assert_string_equal(show(c.next), "\\a");
}

static void test_first_problem_stays(void **state)
{
	struct config c;

	assert_false(parse(&c, "junk\n"));
	assert_false(ascii_options(&c, "next=x"));
	assert_string_equal(c.problem, "openvbs.conf line 1: unknown setting");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_debug_switches),
		cmocka_unit_test(test_bad_lines),
		cmocka_unit_test(test_good_line_after_bad),
		cmocka_unit_test(test_zero_bytes),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_load_options),
		cmocka_unit_test(test_binary_load_options),
		cmocka_unit_test(test_first_problem_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
