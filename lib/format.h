/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * printf-like formatting into a bounded buffer, for every image.
 *
 * Supported: flags `0` `-` `#`, width and precision as numbers or `*`, length
 * hh h l ll z, conversions d i u x X c s p and %%. Nothing else: no floating
 * point, no %n. The format string is always ours and checked by the compiler;
 * the arguments may be outside data (use %.*s for text without a terminator).
 */
#ifndef OVBS_FORMAT_H
#define OVBS_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

#include "ovbs_compiler.h"

/**
 * ovbs_vsnprintf() - format into a buffer
 * @buf: written; may be NULL if size is 0
 * @size: bytes of buf, the terminating 0 included
 * @fmt: format string
 * @args: arguments; undefined afterwards, as with vsnprintf()
 *
 * Writes at most size bytes and always terminates if size is not 0. %p gives
 * 0x and 16 digits; a NULL %s gives "(null)". After a conversion that is not
 * supported nothing is known of the arguments any more: the rest of the format
 * is copied as it stands.
 *
 * Return: the characters that the whole text needs without the 0, whether or
 * not they fitted (INT_MAX if it is more than that). Cannot fail.
 * Context: any; no state, no allocation.
 * Source: ISO C11, 7.21.6.1 and 7.21.6.12, of which this is a subset.
 */
int ovbs_vsnprintf(char *buf, size_t size, const char *fmt, va_list args) __printf(3, 0);

/**
 * ovbs_snprintf() - format into a buffer
 * @buf: written; may be NULL if size is 0
 * @size: bytes of buf, the terminating 0 included
 * @fmt: format string
 *
 * Return: as ovbs_vsnprintf().
 * Context: any; no state, no allocation.
 */
int ovbs_snprintf(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);

#endif
