// SPDX-License-Identifier: GPL-2.0-only
/*
 * ovbs_snprintf() against the C library's, at every buffer size.
 *
 * Where both support a conversion they must agree, byte for byte and in the
 * result; and nothing outside the buffer may change.
 */
/* links: lib/format.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "format.h"

#define GUARD 0x5A

/* No format attribute: some of the formats are odd on purpose. */
static void agree(const char *fmt, ...)
{
	char want[512], got[512];
	va_list args, copy;
	size_t size;
	int n;

	va_start(args, fmt);
	va_copy(copy, args);
	n = vsnprintf(want, sizeof(want), fmt, copy);
	va_end(copy);
	assert_true(n >= 0 && (size_t)n < sizeof(want));

	for (size = 0; size <= (size_t)n + 2; size++) {
		memset(got, GUARD, sizeof(got));
		va_copy(copy, args);
		assert_int_equal(ovbs_vsnprintf(got, size, fmt, copy), n);
		va_end(copy);
		if (size > 0) {
			size_t len = size - 1 < (size_t)n ? size - 1 : (size_t)n;

			assert_memory_equal(got, want, len);
			assert_int_equal(got[len], 0);
			assert_int_equal(got[len + 1], len + 1 < size ? GUARD : got[len + 1]);
		}
		assert_int_equal(got[size], GUARD);
	}
	va_end(args);
}

static void test_integers(void **state)
{
	static const char *const formats[] = {
		"%d",    "%i",      "%u",     "%x",    "%X",     "%5d",     "%-5d|",  "%05d",
		"%1d",   "%08x",    "%#x",    "%#X",   "%#010x", "%-#10x|", "%.0d|",  "%.3d",
		"%8.3d", "%-8.3d|", "%08.3d", "%.0x|", "%.20u",  "%30u",    "%-30u|", "%030d",
		"%hd",   "%hu",     "%hx",    "%hhd",  "%hhu",   "%hhx",    "<%d>",   "%%%d%%",
	};
	static const int values[] = { 0,   1,   -1,    7,      10,      42,     -42,
				      255, 256, 65535, -65536, INT_MAX, INT_MIN };
	size_t f, v;

	for (f = 0; f < ARRAY_SIZE(formats); f++) {
		for (v = 0; v < ARRAY_SIZE(values); v++)
			agree(formats[f], values[v]);
	}
}

static void test_long_integers(void **state)
{
	static const char *const formats[] = {
		"%lld",    "%lli",     "%llu",    "%llx",    "%llX",    "%ld",   "%lu",
		"%lx",     "%zu",      "%zx",     "%zd",     "%016llx", "%#llx", "%#018llx",
		"%20lld|", "%-20lld|", "%020lld", "%.19lld", "%.25llu",
	};
	static const long long values[] = {
		0, 1, -1, 9, 10, 1LL << 32, -(1LL << 32), LLONG_MAX, LLONG_MIN, 0x123456789ABCDEFLL,
	};
	size_t f, v;

	for (f = 0; f < ARRAY_SIZE(formats); f++) {
		for (v = 0; v < ARRAY_SIZE(values); v++)
			agree(formats[f], values[v]);
	}
}

static void test_text(void **state)
{
	static const char *const formats[] = { "%s",    "%1s",   "%8s|",   "%-8s|",
					       "%.0s|", "%.2s|", "%8.2s|", "%-8.2s|" };
	static const char *const values[] = { "", "a", "ab", "abc", "eight__8", "longer than eight" };
	size_t f, v;

	for (f = 0; f < ARRAY_SIZE(formats); f++) {
		for (v = 0; v < ARRAY_SIZE(values); v++)
			agree(formats[f], values[v]);
	}
	agree("%c%c", 'x', 'y');
	agree("%3c|%-3c|", 'x', 'y');
	agree("%%");
	agree("");
	agree("%s %d %s", "one", 2, "three");
}

static void test_star(void **state)
{
	agree("%*d|", 6, 42);
	agree("%*d|", -6, 42);
	agree("%0*d|", 6, -42);
	agree("%.*d|", 4, 42);
	agree("%.*d|", -4, 42);
	agree("%*.*s|", 6, 2, "abcdef");
	agree("%*.*s|", -6, -1, "abcdef");
}

/* %.*s must not look past its precision: the sanitizer sees it if it does. */
static void test_unterminated(void **state)
{
	char text[3] = { 'a', 'b', 'c' };
	char buf[8];

	assert_int_equal(ovbs_snprintf(buf, sizeof(buf), "%.*s", 3, text), 3);
	assert_string_equal(buf, "abc");
	assert_int_equal(ovbs_snprintf(buf, sizeof(buf), "%.3s", text), 3);
	assert_int_equal(ovbs_snprintf(buf, sizeof(buf), "%.*s|", 0, text), 1);
	assert_string_equal(buf, "|");
}

static void test_pointer(void **state)
{
	char buf[64];

	assert_int_equal(ovbs_snprintf(buf, sizeof(buf), "%p", (void *)0xABC), 18);
	assert_string_equal(buf, "0x0000000000000abc");
	assert_int_equal(ovbs_snprintf(buf, sizeof(buf), "%p", NULL), 18);
	assert_string_equal(buf, "0x0000000000000000");
	ovbs_snprintf(buf, sizeof(buf), "%20p|%-20p|", (void *)UINTPTR_MAX, (void *)1);
	assert_string_equal(buf, "  0xffffffffffffffff|0x0000000000000001  |");
}

static void check_literal(const char *want, const char *fmt, ...)
{
	char buf[64];
	va_list args;

	va_start(args, fmt);
	assert_int_equal(ovbs_vsnprintf(buf, sizeof(buf), fmt, args), strlen(want));
	va_end(args);
	assert_string_equal(buf, want);
}

static void test_unsupported(void **state)
{
	check_literal("1 %n %d", "%d %n %d", 1, 2, 3);
	check_literal("%f", "%f", 1.0);
	check_literal("50%", "50%");
	check_literal("%-08.3", "%-08.3");
	check_literal("%lll", "%lll");
	check_literal("%L", "%L");
	check_literal("(null)", "%s", NULL);
	check_literal("(nu", "%.3s", NULL);
}

/* Formats into 8 bytes; the length must be INT_MAX. No format attribute: the compiler sees the overflow too. */
static void saturated(const char *want, const char *fmt, ...)
{
	char buf[8];
	va_list args;

	va_start(args, fmt);
	assert_int_equal(ovbs_vsnprintf(buf, sizeof(buf), fmt, args), INT_MAX);
	va_end(args);
	assert_string_equal(buf, want);
}

/* Lengths that an int cannot hold stop at INT_MAX, and cost no time. */
static void test_saturation(void **state)
{
	saturated("       ", "%*d", INT_MAX, 1);
	saturated("       ", "%*d%*d", INT_MAX, 1, INT_MAX, 1);
	saturated("x000000", "x%.*d", INT_MAX, 1);
	saturated("a      ", "%*s|", INT_MIN, "a");
	saturated("-000000", "%*.*d", INT_MAX, INT_MAX, -1);
	saturated("       ", "%99999999999999999999d", 1);
	saturated("       ", "%2147483647c%c", 'a', 'b');
	check_literal("%|", "%99999999999999999999%|");
	assert_int_equal(ovbs_snprintf(NULL, 0, "%2147483646d", 1), INT_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_integers),     cmocka_unit_test(test_long_integers),
		cmocka_unit_test(test_text),         cmocka_unit_test(test_star),
		cmocka_unit_test(test_unterminated), cmocka_unit_test(test_pointer),
		cmocka_unit_test(test_unsupported),  cmocka_unit_test(test_saturation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
