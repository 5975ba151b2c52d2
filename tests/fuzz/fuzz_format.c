// SPDX-License-Identifier: GPL-2.0-only
/*
 * ovbs_snprintf() on arbitrary formats and arguments.
 *
 * First a format that both sides support, made from the input: the C library
 * must give the same. Then the input itself as the format, which in use it
 * never is: it must stay within the buffer all the same.
 */
/* links: lib/format.c */
#include "fuzz.h"

#include <stdarg.h>

#include "format.h"

/* One conversion with all it can have; widths small enough for the buffers. */
static const char *make_format(struct fuzz_input *in, char *buf, size_t size)
{
	static const char *const lengths[] = { "", "", "hh", "h", "l", "ll", "z" };
	static const char conversions[] = "diuxXsc";
	char c = conversions[fuzz_u8(in) % (sizeof(conversions) - 1)];
	bool number = c != 's' && c != 'c';
	uint8_t flags = fuzz_u8(in);
	char precision[8] = "", width[8] = "";

	if (flags & 8)
		snprintf(width, sizeof(width), "%u", fuzz_u8(in) + 1u);
	if ((flags & 16) && c != 'c')
		snprintf(precision, sizeof(precision), ".%u", fuzz_u8(in));
	/* Flags that ISO C leaves undefined for a conversion are not tried. */
	snprintf(buf, size, "<%%%s%s%s%s%s%s%c>", flags & 1 ? "-" : "",
		 (flags & 2) && number ? "0" : "", (flags & 4) && (c == 'x' || c == 'X') ? "#" : "",
		 width, precision, number ? lengths[fuzz_u8(in) % ARRAY_SIZE(lengths)] : "", c);
	return strchr(buf, 's') ? "s" : "n";
}

/* Both sides with the same arguments; no format attribute: the format is made up. */
static void compare(size_t size, const char *fmt, ...)
{
	char want[1024], got[1024];
	va_list args, copy;
	int n;

	memset(want, 0x5A, sizeof(want));
	memset(got, 0x5A, sizeof(got));
	va_start(args, fmt);
	va_copy(copy, args);
	n = vsnprintf(want, size, fmt, copy);
	va_end(copy);
	FUZZ_CHECK(ovbs_vsnprintf(got, size, fmt, args) == n);
	va_end(args);
	FUZZ_CHECK(memcmp(want, got, sizeof(want)) == 0);
}

static void raw(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = ovbs_vsnprintf(buf, size, fmt, args);
	va_end(args);
	FUZZ_CHECK(n >= 0);
	/* Not strlen(): %c may have put a 0 before the end. */
	if (size > 0)
		FUZZ_CHECK(buf[(size_t)n < size ? (size_t)n : size - 1] == '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	size_t out = fuzz_u64(&in) % 600;
	uint64_t value = fuzz_u64(&in);
	char fmt[64], text[300], *buf;
	const char *kind = make_format(&in, fmt, sizeof(fmt));
	size_t n = in.size < sizeof(text) - 1 ? in.size : sizeof(text) - 1;

	if (*kind == 's') {
		memcpy(text, in.data, n);
		text[n] = '\0';
		compare(out, fmt, text);
	} else {
		compare(out, fmt, value);
	}

	/* 16 characters ask for at most 16 arguments; NULL is a valid %s. */
	n = size < 16 ? size : 16;
	memcpy(text, data, n);
	text[n] = '\0';
	buf = malloc(out ? out : 1);
	FUZZ_CHECK(buf);
	raw(buf, out, text, 0ULL, 0ULL, 0ULL, 0ULL, 0ULL, 0ULL, 0ULL, 0ULL, 0ULL, 0ULL, 0ULL, 0ULL,
	    0ULL, 0ULL, 0ULL, 0ULL);
	free(buf);
	return 0;
}
