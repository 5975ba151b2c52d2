/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The few memory and string functions a freestanding image needs.
 *
 * The compiler may call memcpy, memmove, memset and memcmp on its own, so each
 * image must link lib/string.c. The semantics are ISO C's (C11, 7.24). On the
 * host the C library's are used, where the sanitizers know them, and in Linux
 * (openvbs.ko) the kernel's.
 *
 * Context: any; no state, no allocation, no vector registers. None of them is
 * constant-time: do not compare secrets with memcmp().
 */
#ifndef OVBS_STRING_H
#define OVBS_STRING_H

#include <stddef.h>

#if defined(__KERNEL__)
#include <linux/string.h>
#elif __STDC_HOSTED__
#include <string.h>
#else

/**
 * memcpy() - copy n bytes between areas that do not overlap
 *
 * Return: dst.
 */
void *memcpy(void *restrict dst, const void *restrict src, size_t n);

/**
 * memmove() - copy n bytes; the areas may overlap
 *
 * Return: dst.
 */
void *memmove(void *dst, const void *src, size_t n);

/**
 * memset() - fill n bytes with the low byte of c
 *
 * The compiler may drop a call whose result is never read: this is no way to
 * wipe a secret.
 *
 * Return: dst.
 */
void *memset(void *dst, int c, size_t n);

/**
 * memcmp() - compare n bytes, as unsigned
 *
 * Return: less than, equal to or greater than 0, as a is to b.
 */
int memcmp(const void *a, const void *b, size_t n);

/**
 * strlen() - bytes before the terminating 0
 *
 * Only for strings of our own; for outside data use strnlen().
 */
size_t strlen(const char *s);

/**
 * strnlen() - bytes before the terminating 0, at most max
 *
 * Reads no byte beyond s[max - 1].
 */
size_t strnlen(const char *s, size_t max);

/**
 * strcmp() - compare two terminated strings, bytes as unsigned
 *
 * Return: less than, equal to or greater than 0, as a is to b.
 */
int strcmp(const char *a, const char *b);

/**
 * strncmp() - compare at most n bytes of two strings, bytes as unsigned
 *
 * Return: less than, equal to or greater than 0, as a is to b.
 */
int strncmp(const char *a, const char *b, size_t n);

#endif /* __KERNEL__, __STDC_HOSTED__ */
#endif
