// SPDX-License-Identifier: GPL-2.0-only
/*
 * printf-like formatting; see format.h for what is supported.
 *
 * One character at a time into a bounded sink that also counts what did not
 * fit. Digits go through one buffer of fixed size; padding is never stored, so
 * that no width or precision costs memory. The counter stops at INT_MAX, where
 * a hostile length would otherwise overflow the result.
 *
 * Lengths follow the target: `long` has 32 bits in the PE loader.
 */
#include "format.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#define NUMBER_MAX 20 /* digits of 2^64 - 1 in base 10 */

struct sink {
	char *buf;
	size_t size;
	size_t needed; /* at most INT_MAX */
};

enum length { LENGTH_INT, LENGTH_CHAR, LENGTH_SHORT, LENGTH_LONG, LENGTH_LLONG, LENGTH_SIZE };

struct spec {
	bool left;     /* '-' */
	bool zero;     /* '0' */
	bool alt;      /* '#' */
	int width;     /* 0 if none */
	int precision; /* -1 if none */
	enum length length;
};

static void put(struct sink *out, char c)
{
	/* One place is kept for the terminator. */
	if (out->size > 0 && out->needed < out->size - 1)
		out->buf[out->needed] = c;
	if (out->needed < INT_MAX)
		out->needed++;
}

static void pad(struct sink *out, char c, int n)
{
	for (; n > 0 && out->needed < out->size; n--)
		put(out, c);
	/* What does not fit is only counted: a width of INT_MAX must not cost seconds. */
	if (n > 0)
		out->needed = n > INT_MAX - (int)out->needed ? INT_MAX : out->needed + (size_t)n;
}

/* A number in the format. Stops at INT_MAX instead of overflowing. */
static int parse_number(const char **fmt)
{
	int n = 0;

	while (**fmt >= '0' && **fmt <= '9') {
		int digit = **fmt - '0';

		n = n > (INT_MAX - digit) / 10 ? INT_MAX : n * 10 + digit;
		(*fmt)++;
	}
	return n;
}

static void parse_flags(const char **fmt, struct spec *spec)
{
	for (;; (*fmt)++) {
		if (**fmt == '-')
			spec->left = true;
		else if (**fmt == '0')
			spec->zero = true;
		else if (**fmt == '#')
			spec->alt = true;
		else
			return;
	}
}

static enum length parse_length(const char **fmt)
{
	if (**fmt == 'z') {
		*fmt += 1;
		return LENGTH_SIZE;
	}
	if (**fmt == 'l') {
		*fmt += 1;
		if (**fmt != 'l')
			return LENGTH_LONG;
		*fmt += 1;
		return LENGTH_LLONG;
	}
	if (**fmt == 'h') {
		*fmt += 1;
		if (**fmt != 'h')
			return LENGTH_SHORT;
		*fmt += 1;
		return LENGTH_CHAR;
	}
	return LENGTH_INT;
}

static void put_text(struct sink *out, const struct spec *spec, const char *s)
{
	size_t max = spec->precision < 0 ? INT_MAX : (size_t)spec->precision;
	size_t len = 0;
	size_t i;

	if (!s)
		s = "(null)";
	/* With a precision the text need not be terminated: look no further. */
	while (len < max && s[len] != '\0')
		len++;

	if (!spec->left && (size_t)spec->width > len)
		pad(out, ' ', spec->width - (int)len);
	for (i = 0; i < len; i++)
		put(out, s[i]);
	if (spec->left && (size_t)spec->width > len)
		pad(out, ' ', spec->width - (int)len);
}

static void put_number(struct sink *out, const struct spec *spec, uint64_t v, bool negative,
		       unsigned int base, bool upper)
{
	const char *set = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	bool prefix = spec->alt && base == 16 && v != 0;
	char digits[NUMBER_MAX];
	int n = 0, zeros = 0, fixed, blanks;

	/* No digit at all for a 0 with precision 0, as ISO C wants. */
	for (; v != 0 || (n == 0 && spec->precision != 0); v /= base)
		digits[n++] = set[v % base];

	fixed = n + (negative ? 1 : 0) + (prefix ? 2 : 0);
	if (spec->precision > n)
		zeros = spec->precision - n;
	else if (spec->precision < 0 && spec->zero && !spec->left && spec->width > fixed)
		zeros = spec->width - fixed;
	/* Not width - (fixed + zeros): that sum may overflow. */
	blanks = spec->width > fixed && spec->width - fixed > zeros ? spec->width - fixed - zeros : 0;

	if (!spec->left)
		pad(out, ' ', blanks);
	if (negative)
		put(out, '-');
	if (prefix) {
		put(out, '0');
		put(out, upper ? 'X' : 'x');
	}
	pad(out, '0', zeros);
	while (n > 0)
		put(out, digits[--n]);
	if (spec->left)
		pad(out, ' ', blanks);
}

/* va_list behind a pointer: passing an array type on to a helper twice is not portable. */
struct arguments {
	va_list list;
};

static void put_signed(struct sink *out, const struct spec *spec, struct arguments *args)
{
	int64_t v;

	switch (spec->length) {
	case LENGTH_LONG:
		v = va_arg(args->list, long);
		break;
	case LENGTH_LLONG:
		v = va_arg(args->list, long long);
		break;
	case LENGTH_SIZE:
		v = (int64_t)va_arg(args->list, size_t);
		break;
	case LENGTH_CHAR:
		v = (signed char)va_arg(args->list, int);
		break;
	case LENGTH_SHORT:
		v = (short)va_arg(args->list, int);
		break;
	default:
		v = va_arg(args->list, int);
		break;
	}
	/* 0 - v in unsigned arithmetic: INT64_MIN has no positive twin. */
	put_number(out, spec, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, v < 0, 10, false);
}

static void put_unsigned(struct sink *out, const struct spec *spec, struct arguments *args,
			 unsigned int base, bool upper)
{
	uint64_t v;

	switch (spec->length) {
	case LENGTH_LONG:
		v = va_arg(args->list, unsigned long);
		break;
	case LENGTH_LLONG:
		v = va_arg(args->list, unsigned long long);
		break;
	case LENGTH_SIZE:
		v = va_arg(args->list, size_t);
		break;
	case LENGTH_CHAR:
		v = (unsigned char)va_arg(args->list, unsigned int);
		break;
	case LENGTH_SHORT:
		v = (unsigned short)va_arg(args->list, unsigned int);
		break;
	default:
		v = va_arg(args->list, unsigned int);
		break;
	}
	put_number(out, spec, v, false, base, upper);
}

static void put_char(struct sink *out, const struct spec *spec, char c)
{
	if (!spec->left)
		pad(out, ' ', spec->width - 1);
	put(out, c);
	if (spec->left)
		pad(out, ' ', spec->width - 1);
}

static void put_pointer(struct sink *out, const struct spec *spec, uintptr_t v)
{
	struct spec hex = *spec;

	/* Always the same 18 characters, so that columns in a log line up; not alt: that drops 0x from 0. */
	hex.precision = 16;
	hex.alt = false;
	hex.width = 0;
	if (!spec->left)
		pad(out, ' ', spec->width - 18);
	put(out, '0');
	put(out, 'x');
	put_number(out, &hex, v, false, 16, false);
	if (spec->left)
		pad(out, ' ', spec->width - 18);
}

/* Flags, width, precision and length: all between the % and the conversion. */
static void parse_spec(const char **fmt, struct spec *spec, struct arguments *args)
{
	parse_flags(fmt, spec);
	if (**fmt == '*') {
		(*fmt)++;
		spec->width = va_arg(args->list, int);
		if (spec->width < 0) {
			spec->left = true;
			spec->width = spec->width == INT_MIN ? INT_MAX : -spec->width;
		}
	} else {
		spec->width = parse_number(fmt);
	}

	if (**fmt == '.') {
		(*fmt)++;
		if (**fmt == '*') {
			(*fmt)++;
			spec->precision = va_arg(args->list, int);
			if (spec->precision < 0)
				spec->precision = -1; /* as if there were none */
		} else {
			spec->precision = parse_number(fmt);
		}
	}
	spec->length = parse_length(fmt);
}

/* False if the conversion is not supported. */
static bool convert(struct sink *out, const struct spec *spec, char c, struct arguments *args)
{
	switch (c) {
	case 'd':
	case 'i':
		put_signed(out, spec, args);
		return true;
	case 'u':
		put_unsigned(out, spec, args, 10, false);
		return true;
	case 'x':
	case 'X':
		put_unsigned(out, spec, args, 16, c == 'X');
		return true;
	case 'p':
		put_pointer(out, spec, (uintptr_t)va_arg(args->list, void *));
		return true;
	case 's':
		put_text(out, spec, va_arg(args->list, const char *));
		return true;
	case 'c':
		put_char(out, spec, (char)va_arg(args->list, int));
		return true;
	case '%':
		put(out, '%');
		return true;
	default:
		return false;
	}
}

int ovbs_vsnprintf(char *buf, size_t size, const char *fmt, va_list args)
{
	struct sink out = { .buf = buf, .size = size };
	struct arguments copy;

	va_copy(copy.list, args);
	while (*fmt != '\0') {
		struct spec spec = { .precision = -1 };
		const char *start = fmt;

		if (*fmt != '%') {
			put(&out, *fmt++);
			continue;
		}
		fmt++;
		parse_spec(&fmt, &spec, &copy);
		if (!convert(&out, &spec, *fmt, &copy)) {
			for (fmt = start; *fmt != '\0'; fmt++)
				put(&out, *fmt);
			break;
		}
		fmt++;
	}
	va_end(copy.list);

	if (size > 0)
		buf[out.needed < size ? out.needed : size - 1] = '\0';
	return (int)out.needed;
}

int ovbs_snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = ovbs_vsnprintf(buf, size, fmt, args);
	va_end(args);
	return n;
}
