// SPDX-License-Identifier: GPL-2.0-only
/*
 * lib/string.c against the C library.
 *
 * The file defines the C library's own names, so it is not linked but included
 * here under other ones. That the compiler turns none of its loops into a call
 * of itself can only be seen in the image's own object: the last test asks the
 * compiler of the images for one and looks at its undefined symbols.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define memcpy  own_memcpy
#define memmove own_memmove
#define memset  own_memset
#define memcmp  own_memcmp
#define strlen  own_strlen
#define strnlen own_strnlen
#define strcmp  own_strcmp
#define strncmp own_strncmp
void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
#include "../../lib/string.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef strlen
#undef strnlen
#undef strcmp
#undef strncmp

#define N 48

static void fill(unsigned char *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		p[i] = (unsigned char)(i * 37 + 11);
}

static void test_copy(void **state)
{
	unsigned char want[N], got[N], src[N];
	size_t n, from;

	fill(src, N);
	for (from = 0; from < 9; from++) {
		for (n = 0; n + from + 3 <= N; n++) {
			memset(want, 0xAA, N);
			memset(got, 0xAA, N);
			memcpy(want + 3, src + from, n);
			assert_ptr_equal(own_memcpy(got + 3, src + from, n), got + 3);
			assert_memory_equal(got, want, N);
		}
	}
}

static void test_move(void **state)
{
	unsigned char want[N], got[N];
	size_t to, from, n;

	for (to = 0; to < N; to++) {
		for (from = 0; from < N; from++) {
			for (n = 0; n + (to > from ? to : from) <= N; n++) {
				fill(want, N);
				fill(got, N);
				memmove(want + to, want + from, n);
				assert_ptr_equal(own_memmove(got + to, got + from, n), got + to);
				assert_memory_equal(got, want, N);
			}
		}
	}
}

static void test_set(void **state)
{
	unsigned char want[N], got[N];
	size_t n;

	for (n = 0; n + 1 < N; n++) {
		fill(want, N);
		fill(got, N);
		memset(want + 1, 0x1FE, n);
		assert_ptr_equal(own_memset(got + 1, 0x1FE, n), got + 1);
		assert_memory_equal(got, want, N);
	}
}

static int sign(int v)
{
	return (v > 0) - (v < 0);
}

static void test_compare(void **state)
{
	static const char *const texts[] = {
		"", "a", "b", "ab", "abc", "abd", "\xFF", "\x7F", "\x80", "a\xFF", "a\x01",
	};
	size_t i, j, n;

	for (i = 0; i < ARRAY_SIZE(texts); i++) {
		for (j = 0; j < ARRAY_SIZE(texts); j++) {
			const char *a = texts[i], *b = texts[j];
			size_t both = strlen(a) < strlen(b) ? strlen(a) : strlen(b);

			assert_int_equal(sign(own_strcmp(a, b)), sign(strcmp(a, b)));
			for (n = 0; n < 5; n++)
				assert_int_equal(sign(own_strncmp(a, b, n)), sign(strncmp(a, b, n)));
			for (n = 0; n <= both + 1; n++)
				assert_int_equal(sign(own_memcmp(a, b, n)), sign(memcmp(a, b, n)));
		}
		assert_int_equal(own_strlen(texts[i]), strlen(texts[i]));
		for (n = 0; n < 5; n++)
			assert_int_equal(own_strnlen(texts[i], n), strnlen(texts[i], n));
	}
}

/* No terminator within the limit: the byte after it must not be looked at. */
static void test_bounds(void **state)
{
	char *a = malloc(4);
	char *b = malloc(4);

	assert_non_null(a);
	assert_non_null(b);
	memset(a, 'x', 4);
	memset(b, 'x', 4);
	assert_int_equal(own_strnlen(a, 4), 4);
	assert_int_equal(own_strncmp(a, b, 4), 0);
	assert_int_equal(own_memcmp(a, b, 4), 0);
	free(a);
	free(b);
}

static void no_calls(const char *compiler)
{
	char command[512], line[256];
	int calls = 0;
	FILE *p;

	snprintf(command, sizeof(command),
		 "command -v %s >/dev/null || exit 0; o=$(mktemp) && "
		 "%s -std=gnu11 -O3 -ffreestanding -mgeneral-regs-only -Ilib -c lib/string.c -o $o && "
		 "nm -u $o; s=$?; rm -f $o; exit $s",
		 compiler, compiler);
	p = popen(command, "r");
	assert_non_null(p);
	while (fgets(line, sizeof(line), p)) {
		print_message("%s: string.c calls %s", compiler, line);
		calls++;
	}
	assert_int_equal(pclose(p), 0);
	assert_int_equal(calls, 0);
}

static void test_no_recursion(void **state)
{
	no_calls("gcc");
	no_calls("clang");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copy),   cmocka_unit_test(test_move),
		cmocka_unit_test(test_set),    cmocka_unit_test(test_compare),
		cmocka_unit_test(test_bounds), cmocka_unit_test(test_no_recursion),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
