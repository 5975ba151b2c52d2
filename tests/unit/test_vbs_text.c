// SPDX-License-Identifier: GPL-2.0-only
/*
 * Text files of every encoding become the same UTF-8, and whatever is not
 * well-formed is refused with its line (case S8).
 */
/* links: clients/vbsctl/text.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../../clients/vbsctl/text.h"

/* A copy of exactly this size, so that the sanitizer sees each byte too many. */
static char *decode(const void *bytes, size_t len, struct problem *problem)
{
	uint8_t *exact = malloc(len ? len : 1);
	char *text;

	memcpy(exact, bytes, len);
	text = text_decode(exact, len, problem);
	free(exact);
	return text;
}

static void test_good(void **state)
{
#define ROW(bytes, text)                                                                           \
	{                                                                                          \
		bytes, sizeof(bytes) - 1, text                                                     \
	}
	static const struct {
		const char *bytes;
		size_t len;
		const char *text;
	} rows[] = {
		ROW("", ""),
		ROW("x", "x"),
		ROW("a\r\nb\nc", "a\nb\nc"),
		ROW("a\r\r\nb\rc\r", "a\r\nb\rc\r"),
		ROW("\xEF\xBB\xBF", ""),
		ROW("\xEF\xBB\xBFm\xC3\xBC\r\n", "m\xC3\xBC\n"),
		ROW("\xFF\xFE", ""),
		ROW("\xFE\xFF", ""),
		ROW("\xFF\xFE"
		    "a\0\r\0\n\0",
		    "a\n"),
		ROW("\xFE\xFF\0a\0\r\0\n", "a\n"),
		ROW("a\0b\0", "ab"),
		ROW("\0a\0b", "ab"),
		ROW("a\0\xAC\x20", "a\xE2\x82\xAC"),
		ROW("a\0\xFC\0", "a\xC3\xBC"),
		ROW("\0a\xD8\x3D\xDE\x00", "a\xF0\x9F\x98\x80"),
		ROW("a\0\x3D\xD8\x00\xDE", "a\xF0\x9F\x98\x80"),
		ROW("a\0\xFF\xDB\xFF\xDF", "a\xF4\x8F\xBF\xBF"),
		ROW("\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F\xBF\xBF",
		    "\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F\xBF\xBF"),
	};
#undef ROW

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct problem problem;
		char *text = decode(rows[i].bytes, rows[i].len, &problem);

		assert_non_null(text);
		assert_string_equal(text, rows[i].text);
		free(text);
	}
}

#define UTF8_BAD  "not UTF-8 (a file in a Windows code page? save it as UTF-8 or UTF-16)"
#define UTF16_BAD "not UTF-16: half of a surrogate pair"
#define HALF_UNIT "the file ends in the middle of a UTF-16 character"
#define NUL       "a NUL character in the text"

static void test_bad(void **state)
{
#define ROW(bytes, line, why)                                                                      \
	{                                                                                          \
		bytes, sizeof(bytes) - 1, line, why                                                \
	}
	static const struct {
		const char *bytes;
		size_t len, line;
		const char *why;
	} rows[] = {
		ROW("ab\n\xFC", 2, UTF8_BAD),
		ROW("ab\r\n\r\n\x80", 3, UTF8_BAD),
		ROW("\xC0\xAF", 1, UTF8_BAD),
		ROW("\xC1\xBF", 1, UTF8_BAD),
		ROW("\xC3", 1, UTF8_BAD),
		ROW("\xC3(", 1, UTF8_BAD),
		ROW("\xE0\x80\xAF", 1, UTF8_BAD),
		ROW("\xE2\x82", 1, UTF8_BAD),
		ROW("\xED\xA0\x80", 1, UTF8_BAD),
		ROW("\xED\xBF\xBF", 1, UTF8_BAD),
		ROW("\xF0\x8F\xBF\xBF", 1, UTF8_BAD),
		ROW("\xF4\x90\x80\x80", 1, UTF8_BAD),
		ROW("\xF8\x88\x80\x80\x80", 1, UTF8_BAD),
		ROW("\xFF", 1, UTF8_BAD),
		ROW("ab\0c", 1, NUL),
		ROW("a\nb\0", 2, NUL),
		ROW("\0\0", 1, NUL),
		ROW("\0", 1, NUL),
		ROW("\xFF\xFE\0\0", 1, NUL),
		ROW("a\0\n\0\0\0", 2, NUL),
		ROW("a\0b", 1, HALF_UNIT),
		ROW("a\0\n\0b", 2, HALF_UNIT),
		ROW("\xFF\xFE"
		    "a",
		    1, HALF_UNIT),
		ROW("a\0\x3D\xD8", 1, UTF16_BAD),
		ROW("a\0\x3D\xD8\x00", 1, UTF16_BAD),
		ROW("a\0\n\0\x3D\xD8"
		    "b\0",
		    2, UTF16_BAD),
		ROW("a\0\x00\xDE", 1, UTF16_BAD),
		ROW("a\0\x00\xDE\x3D\xD8", 1, UTF16_BAD),
	};
#undef ROW

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct problem problem;

		assert_null(decode(rows[i].bytes, rows[i].len, &problem));
		assert_string_equal(problem.why, rows[i].why);
		assert_int_equal(problem.where, rows[i].line);
	}
}

/* Each code point there and back, in all three encodings. */
static void test_all_code_points(void **state)
{
	for (uint32_t cp = 1; cp <= 0x10FFFF; cp += cp < 0x3000 ? 1 : 0x101) {
		uint8_t le[8] = { 'a', 0 }, be[8] = { 0, 'a' };
		uint32_t units[2] = { cp, 0 };
		struct problem problem;
		char *one, *two, *three;
		size_t n = 1;

		if (cp >= 0xD800 && cp <= 0xDFFF)
			continue;
		if (cp > 0xFFFF) {
			units[0] = 0xD7C0 + (cp >> 10);
			units[1] = 0xDC00 | (cp & 0x3FF);
			n = 2;
		}
		for (size_t i = 0; i < n; i++) {
			le[2 + 2 * i] = be[3 + 2 * i] = (uint8_t)units[i];
			le[3 + 2 * i] = be[2 + 2 * i] = (uint8_t)(units[i] >> 8);
		}
		one = decode(le, 2 + 2 * n, &problem);
		assert_non_null(one);
		two = decode(be, 2 + 2 * n, &problem);
		assert_non_null(two);
		three = decode(one, strlen(one), &problem);
		assert_non_null(three);
		assert_string_equal(one, two);
		assert_string_equal(one, three);
		free(one);
		free(two);
		free(three);
	}
}

static void test_strings(void **state)
{
	static const uint8_t abc[] = { 'a', 0, 0xAC, 0x20, 'c', 0 };
	static const uint8_t lone[] = { 'a', 0, 'b', 0, 'c', 0, 0, 0xDC };
	char out[8];

	assert_int_equal(text_from_utf16le(abc, 3, out, sizeof(out)), TEXT_GOOD);
	assert_string_equal(out, "a\xE2\x82\xAC"
				 "c");
	assert_int_equal(text_from_utf16le(abc, 3, out, 6), TEXT_GOOD);
	assert_int_equal(text_from_utf16le(abc, 3, out, 5), TEXT_LONG);
	assert_string_equal(out, "a\xE2\x82\xAC");
	assert_int_equal(text_from_utf16le(abc, 3, out, 4), TEXT_LONG);
	assert_string_equal(out, "a"); /* not half a character, and not "ac" */
	assert_int_equal(text_from_utf16le(abc, 3, out, 1), TEXT_LONG);
	assert_string_equal(out, "");
	assert_int_equal(text_from_utf16le(abc, 0, out, 1), TEXT_GOOD);
	assert_int_equal(text_from_utf16le(lone, 4, out, sizeof(out)), TEXT_BAD);
	assert_int_equal(text_from_utf16le(lone, 4, out, 2), TEXT_BAD); /* also behind the cut */

	assert_true(text_same("", ""));
	assert_true(text_same("LsaCfgFlags", "lSACFGfLAGS"));
	assert_false(text_same("a", "ab"));
	assert_false(text_same("ab", "a"));
	assert_false(text_same("[", "{"));
	assert_false(text_same("@", "`"));
	assert_false(text_same("K", "\xE2\x84\xAA")); /* the Kelvin sign */
	assert_true(text_begins("DWORD:1", "dword:"));
	assert_true(text_begins("x", ""));
	assert_false(text_begins("dwor", "dword:"));
	assert_false(text_begins("", "d"));
}

/* What a file contains must not reach a terminal or JSON as control or broken text. */
static void test_problem_is_printable(void **state)
{
	struct problem p;
	char longer[400];

	assert_false(problem_at(&p, 7, "%s", "a\x1B[31m\r\n\x7F\xC2\x9B\xFF\xC3"));
	assert_string_equal(p.why, "a?[31m??????"
				   "?");
	assert_int_equal(p.where, 7);
	problem_at(&p, 1, "m\xC3\xBC %.1s", "\xC3\xBC");
	assert_string_equal(p.why, "m\xC3\xBC ?");
	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	problem_at(&p, 1, "%s", longer);
	assert_int_equal(strlen(p.why), sizeof(p.why) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_all_code_points),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_problem_is_printable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
