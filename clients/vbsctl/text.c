// SPDX-License-Identifier: GPL-2.0-only
/*
 * Decoding of text files: see text.h. One code point at a time is taken from
 * the input and written out, so that all encodings share the checks for what
 * may not be in a text.
 */
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum encoding {
	UTF8,
	UTF16LE,
	UTF16BE,
};

/* By the byte order mark, or by the zeros that ASCII has in UTF-16. @skip: bytes of the mark. */
static enum encoding detect(const uint8_t *p, size_t len, size_t *skip)
{
	*skip = 0;
	if (len >= 3 && memcmp(p, "\xEF\xBB\xBF", 3) == 0) {
		*skip = 3;
		return UTF8;
	}
	if (len < 2)
		return UTF8;
	if ((p[0] == 0xFF && p[1] == 0xFE) || (p[0] == 0xFE && p[1] == 0xFF)) {
		*skip = 2;
		return p[0] == 0xFF ? UTF16LE : UTF16BE;
	}
	if ((p[0] == 0) != (p[1] == 0))
		return p[1] == 0 ? UTF16LE : UTF16BE;
	return UTF8;
}

/*
 * One code point of UTF-8. Return: its bytes, or 0 if it is not well-formed:
 * overlong forms, surrogates and numbers beyond Unicode too.
 */
static size_t take_utf8(const uint8_t *p, size_t len, uint32_t *cp)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = p[0] < 0x80 ? 1 :
		   p[0] < 0xC0 ? 0 :
		   p[0] < 0xE0 ? 2 :
		   p[0] < 0xF0 ? 3 :
		   p[0] < 0xF8 ? 4 :
				 0;
	uint32_t c;

	if (n == 0 || n > len)
		return 0;
	c = n == 1 ? p[0] : p[0] & (0x7Fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xC0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3Fu);
	}
	if (c < least[n] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
		return 0;
	*cp = c;
	return n;
}

/*
 * A problem quotes from the file, and goes to terminals and into JSON: control
 * characters and whatever a cut or a bad file left of UTF-8 become "?".
 */
static void make_printable(char *text)
{
	uint8_t *p = (uint8_t *)text;
	size_t n, left = strlen(text);
	uint32_t cp;

	for (; left > 0; p += n, left -= n) {
		n = take_utf8(p, left, &cp);
		if (n != 0 && cp >= ' ' && (cp < 0x7F || cp > 0x9F))
			continue;
		if (n == 0)
			n = 1;
		memset(p, '?', n);
	}
}

bool problem_at(struct problem *p, size_t where, const char *fmt, ...)
{
	va_list args;

	p->where = where;
	va_start(args, fmt);
	(void)vsnprintf(p->why, sizeof(p->why), fmt, args);
	va_end(args);
	make_printable(p->why);
	return false;
}

static uint32_t unit(const uint8_t *p, bool big)
{
	return big ? (uint32_t)p[0] << 8 | p[1] : (uint32_t)p[1] << 8 | p[0];
}

/* One code point of UTF-16. Return: its bytes, or 0 if it is not well-formed. */
static size_t take_utf16(const uint8_t *p, size_t len, bool big, uint32_t *cp)
{
	uint32_t high, low;

	if (len < 2)
		return 0;
	high = unit(p, big);
	*cp = high;
	if (high < 0xD800 || high > 0xDFFF)
		return 2;
	if (high > 0xDBFF || len < 4)
		return 0;
	low = unit(p + 2, big);
	if (low < 0xDC00 || low > 0xDFFF)
		return 0;
	*cp = 0x10000 + ((high - 0xD800) << 10 | (low - 0xDC00));
	return 4;
}

/* Return: bytes written, at most 4. */
static size_t put_utf8(char *out, uint32_t cp)
{
	if (cp < 0x80) {
		out[0] = (char)cp;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (char)(0xC0 | cp >> 6);
		out[1] = (char)(0x80 | (cp & 0x3F));
		return 2;
	}
	if (cp < 0x10000) {
		out[0] = (char)(0xE0 | cp >> 12);
		out[1] = (char)(0x80 | (cp >> 6 & 0x3F));
		out[2] = (char)(0x80 | (cp & 0x3F));
		return 3;
	}
	out[0] = (char)(0xF0 | cp >> 18);
	out[1] = (char)(0x80 | (cp >> 12 & 0x3F));
	out[2] = (char)(0x80 | (cp >> 6 & 0x3F));
	out[3] = (char)(0x80 | (cp & 0x3F));
	return 4;
}

static bool malformed(struct problem *problem, size_t line, enum encoding e, size_t left)
{
	if (e == UTF8)
		return problem_at(problem, line,
				  "not UTF-8 (a file in a Windows code page? save it as UTF-8 or UTF-16)");
	if (left < 2)
		return problem_at(problem, line, "the file ends in the middle of a UTF-16 character");
	return problem_at(problem, line, "not UTF-16: half of a surrogate pair");
}

char *text_decode(const void *data, size_t len, struct problem *problem)
{
	const uint8_t *p = data;
	size_t at, n, line = 1, used = 0;
	enum encoding e = detect(p, len, &at);
	/* 2 bytes of UTF-16 become at most 3; a pair of 4 becomes 4. */
	char *out = len <= SIZE_MAX / 2 - 1 ? malloc(len + len / 2 + 1) : NULL;
	uint32_t cp;

	if (out == NULL) {
		problem_at(problem, line, "out of memory for %zu bytes of text", len);
		return NULL;
	}
	for (; at < len; at += n) {
		n = e == UTF8 ? take_utf8(p + at, len - at, &cp) :
				take_utf16(p + at, len - at, e == UTF16BE, &cp);
		if (n == 0) {
			malformed(problem, line, e, len - at);
			goto bad;
		}
		if (cp == 0) {
			problem_at(problem, line, "a NUL character in the text");
			goto bad;
		}
		if (cp == '\n') {
			line++;
			if (used > 0 && out[used - 1] == '\r')
				used--;
		}
		used += put_utf8(out + used, cp);
	}
	out[used] = '\0';
	return out;
bad:
	free(out);
	return NULL;
}

enum text_result text_from_utf16le(const uint8_t *data, size_t units, char *out, size_t size)
{
	size_t at, n, used = 0, len = 2 * units;
	enum text_result result = TEXT_GOOD;
	char one[4];
	uint32_t cp;

	out[0] = '\0';
	for (at = 0; at < len; at += n) {
		n = take_utf16(data + at, len - at, false, &cp);
		if (n == 0)
			return TEXT_BAD;
		size_t bytes = put_utf8(one, cp);

		if (result == TEXT_LONG || used + bytes >= size) {
			result = TEXT_LONG; /* the rest is only checked */
			continue;
		}
		memcpy(out + used, one, bytes);
		used += bytes;
		out[used] = '\0';
	}
	return result;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool text_begins(const char *text, const char *start)
{
	while (*start != '\0')
		if (lower(*text++) != lower(*start++))
			return false;
	return true;
}

bool text_same(const char *a, const char *b)
{
	for (; lower(*a) == lower(*b); a++, b++)
		if (*a == '\0')
			return true;
	return false;
}
