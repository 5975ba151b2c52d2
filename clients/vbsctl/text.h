/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Text files from other systems as UTF-8, and how the parsers say what is
 * wrong with a file. Registry files come as UTF-16 or UTF-8, with and without a
 * byte order mark, with CR LF or LF (case S8): after text_decode() they are all
 * the same. Whatever is not well-formed is refused, never repaired: a repaired
 * name could be that of a setting.
 */
#ifndef VBSCTL_TEXT_H
#define VBSCTL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is wrong with a file, and where. */
struct problem {
	size_t where;  /* line from 1, or byte offset: as the parser's header says */
	char why[200]; /* ends with 0; what and, if it matters, what to do */
};

/**
 * problem_at() - fill in a problem
 *
 * Return: always false, so that parsers can `return problem_at(...)`.
 */
bool problem_at(struct problem *p, size_t where, const char *fmt, ...)
	__attribute__((__format__(__printf__, 3, 4)));

/**
 * text_decode() - the text of a file
 * @data: any bytes
 * @len: how many
 * @problem: written if the result is NULL; `where` is the line
 *
 * Without a byte order mark it is UTF-16 if exactly one of the first two bytes
 * is 0, for every file that is read here begins with ASCII; else UTF-8.
 *
 * Return: UTF-8 that ends with 0 and has no other 0 in it, CR LF turned into LF;
 * free() it. NULL: not well-formed (lone surrogate, half a unit, overlong or
 * unknown UTF-8, a 0), or no memory.
 */
char *text_decode(const void *data, size_t len, struct problem *problem);

/* What text_from_utf16le() found. */
enum text_result {
	TEXT_GOOD,
	TEXT_LONG, /* well-formed, but longer than @out */
	TEXT_BAD,  /* a lone surrogate */
};

/**
 * text_from_utf16le() - one string inside a binary file
 * @data: 2 * @units bytes, any alignment, without a 0 unit
 * @out: @size bytes; always ends with 0. If TEXT_LONG or TEXT_BAD: only a part
 */
enum text_result text_from_utf16le(const uint8_t *data, size_t units, char *out, size_t size);

/** text_same() - do two strings differ in nothing but the case of ASCII letters? Independent of the locale. */
bool text_same(const char *a, const char *b);

/** text_begins() - the same for the first strlen(@start) characters of @text. */
bool text_begins(const char *text, const char *start);

#endif
