// SPDX-License-Identifier: GPL-2.0-only
/*
 * memcpy and friends for freestanding images; see ovbs_string.h.
 *
 * Two things matter more than speed. No loop here may be turned into a call of
 * the very function it implements: ovbs_opaque() hides the loop's shape, and
 * the string instructions have none. And no vector registers: what is in them
 * belongs to the guest.
 *
 * REP MOVS and REP STOS are fast for long blocks wherever ERMS exists, and
 * correct everywhere; by words, because many blocks are short. The direction
 * flag is clear by the ABI.
 */
#include "ovbs_string.h"

#include "ovbs_compiler.h"

void *memcpy(void *restrict dst, const void *restrict src, size_t n)
{
	void *d = dst;
	const void *s = src;
	size_t words = n / 8, rest = n % 8;

	__asm__ volatile("rep movsq" : "+D"(d), "+S"(s), "+c"(words) : : "memory");
	__asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(rest) : : "memory");
	return dst;
}

void *memset(void *dst, int c, size_t n)
{
	void *d = dst;
	size_t words = n / 8, rest = n % 8;
	unsigned long long all = (unsigned char)c * 0x0101010101010101ULL;

	__asm__ volatile("rep stosq" : "+D"(d), "+c"(words) : "a"(all) : "memory");
	__asm__ volatile("rep stosb" : "+D"(d), "+c"(rest) : "a"(all) : "memory");
	return dst;
}

void *memmove(void *dst, const void *src, size_t n)
{
	unsigned char *d = dst;
	const unsigned char *s = src;

	/*
	 * Forward is right unless dst lies inside the source. The difference
	 * wraps on purpose when dst is below src: then it is not less than n.
	 */
	if ((size_t)d - (size_t)s >= n)
		return memcpy(dst, src, n);

	/* Backward in C: STD would leave a trap for an exception handler. */
	while (n > 0) {
		n--;
		d[n] = s[n];
		ovbs_opaque(n);
	}
	return dst;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *p = a;
	const unsigned char *q = b;
	size_t i;

	for (i = 0; i < n; i++) {
		if (p[i] != q[i])
			return (int)p[i] - (int)q[i];
		ovbs_opaque(i);
	}
	return 0;
}

size_t strlen(const char *s)
{
	size_t n = 0;

	while (s[n] != '\0') {
		n++;
		ovbs_opaque(n);
	}
	return n;
}

size_t strnlen(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n] != '\0') {
		n++;
		ovbs_opaque(n);
	}
	return n;
}

int strcmp(const char *a, const char *b)
{
	return strncmp(a, b, (size_t)-1);
}

int strncmp(const char *a, const char *b, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		unsigned char p = (unsigned char)a[i];
		unsigned char q = (unsigned char)b[i];

		if (p != q)
			return (int)p - (int)q;
		if (p == '\0')
			break;
		ovbs_opaque(i);
	}
	return 0;
}
