// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pressing against limits: memory, page rights, system calls, time.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "internal.h"

#define KIB   1024u
#define CHUNK (16 * KIB)

/* A chain of chunks, so that it can be given back. */
struct chunk {
	struct chunk *next;
	uint8_t rest[CHUNK - sizeof(struct chunk *)];
};

uint32_t selftest_exhaust_memory(struct tl_request *rq, void *session)
{
	struct chunk *all = NULL;
	uint64_t limit_kib, kib = 0;
	uint32_t r = tl_value(rq, 0, &limit_kib, NULL);

	if (r != OVBS_OK)
		return r;
	while (limit_kib == 0 || kib < limit_kib) {
		struct chunk *c = malloc(sizeof(*c));

		if (c == NULL)
			break;
		memset(c, 0xA5, sizeof(*c)); /* touch it */
		c->next = all;
		all = c;
		kib += CHUNK / KIB;
	}
	while (all != NULL) {
		struct chunk *c = all;

		all = c->next;
		free(c);
	}
	return tl_set_value(rq, 0, kib, 0);
}

/* mmap(), and its end if it worked. 0 or -errno. */
static int64_t try_map(void *where, int prot, int flags)
{
	void *p = mmap(where, 4 * KIB, prot, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	if (p == MAP_FAILED)
		return -errno;
	if ((flags & MAP_FIXED) == 0)
		munmap(p, 4 * KIB);
	return 0;
}

static int64_t try_protect(uintptr_t address, int prot)
{
	return mprotect((void *)(address & ~(4ULL * KIB - 1)), 4 * KIB, prot) == 0 ? 0 : -errno;
}

/* A page of data, written to, then mprotect(). */
static int64_t try_data(int prot)
{
	uint8_t *p = mmap(NULL, 4 * KIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int64_t rc;

	if (p == MAP_FAILED)
		return -errno;
	p[0] = 0xC3;
	rc = try_protect((uintptr_t)p, prot);
	munmap(p, 4 * KIB);
	return rc;
}

uint32_t selftest_mprotect_wx(struct tl_request *rq, void *session)
{
	/* Canonical, and not user's. */
	void *kernel = (void *)0xFFFFFFFF80000000ULL;
	static const uint8_t constant[1] = { 1 };
	const uintptr_t text = (uintptr_t)&selftest_loop_forever;
	uint64_t which;
	int64_t rc = 0;
	uint32_t r = tl_value(rq, 0, &which, NULL);

	if (r != OVBS_OK)
		return r;
	switch (which) {
	case SELFTEST_MAP_RWX:
		rc = try_map(NULL, PROT_READ | PROT_WRITE | PROT_EXEC, 0);
		break;
	case SELFTEST_MAP_RX:
		rc = try_map(NULL, PROT_READ | PROT_EXEC, 0);
		break;
	case SELFTEST_PROTECT_RWX:
		rc = try_data(PROT_READ | PROT_WRITE | PROT_EXEC);
		break;
	case SELFTEST_PROTECT_RX:
		rc = try_data(PROT_READ | PROT_EXEC);
		break;
	case SELFTEST_PROTECT_TEXT_RWX:
		rc = try_protect(text, PROT_READ | PROT_WRITE | PROT_EXEC);
		break;
	case SELFTEST_PROTECT_CONST_RX:
		rc = try_protect((uintptr_t)constant, PROT_READ | PROT_EXEC);
		break;
	case SELFTEST_PROTECT_FOREIGN:
		rc = try_protect(4 * KIB, PROT_READ);
		break;
	case SELFTEST_MAP_FIXED_TEXT:
		rc = try_map((void *)(text & ~(4ULL * KIB - 1)), PROT_READ | PROT_WRITE, MAP_FIXED);
		break;
	case SELFTEST_MAP_KERNEL:
		rc = try_map(kernel, PROT_READ | PROT_WRITE, MAP_FIXED);
		break;
	case SELFTEST_UNMAP_KERNEL:
		rc = munmap(kernel, 4 * KIB) == 0 ? 0 : -errno;
		break;
	default:
		return OVBS_E_BAD_PARAMETERS;
	}
	return tl_set_value(rq, 1, (uint64_t)rc, 0);
}

uint32_t selftest_syscall(struct tl_request *rq, void *session)
{
	uint64_t number, argument, result;
	uint32_t r = tl_value(rq, 0, &number, &argument);
	register uint64_t r10 __asm__("r10") = 0;
	register uint64_t r8 __asm__("r8") = 0;
	register uint64_t r9 __asm__("r9") = 0;

	if (r != OVBS_OK)
		return r;
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(argument), "S"(0), "d"(0), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return tl_set_value(rq, 1, result, 0);
}

/* xorshift64 (Marsaglia 2003): repeatable, not secret. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* A block that is full of one byte. */
struct block {
	uint8_t *bytes;
	size_t size;
	uint8_t fill;
};

static bool intact(const struct block *b)
{
	for (size_t i = 0; i < b->size; i++) {
		if (b->bytes[i] != b->fill)
			return false;
	}
	return true;
}

/* Frees, or makes a block of another size; sizes on both sides of malloc()'s mmap threshold. */
static void change(struct block *b, uint64_t random)
{
	size_t size = random % 8 == 0 ? (random >> 8) % (160 * KIB) : (random >> 8) % 2048;
	uint8_t *bytes = NULL;

	if (random % 3 != 0)
		bytes = realloc(b->bytes, size + 1);
	else
		free(b->bytes);
	if (bytes == NULL && random % 3 != 0)
		return; /* no memory: the old one stays */
	*b = (struct block){ .bytes = bytes,
			     .size = bytes != NULL ? size + 1 : 0,
			     .fill = (uint8_t)(random >> 40) };
	if (bytes != NULL)
		memset(bytes, b->fill, b->size);
}

uint32_t selftest_malloc_stress(struct tl_request *rq, void *session)
{
	struct block blocks[32] = { 0 };
	uint64_t seed, rounds, checks = 0;
	size_t now = 0, most = 0;
	bool good = true;
	uint32_t r = tl_value(rq, 0, &seed, &rounds);

	if (r != OVBS_OK)
		return r;
	seed |= 1; /* 0 would stay 0 */
	for (uint64_t i = 0; i < rounds && good; i++) {
		struct block *b = &blocks[next_random(&seed) % TL_ARRAY_LEN(blocks)];

		good = intact(b);
		checks++;
		now -= b->size;
		change(b, next_random(&seed));
		now += b->size;
		most = now > most ? now : most;
	}
	for (size_t i = 0; i < TL_ARRAY_LEN(blocks); i++) {
		good = good && intact(&blocks[i]);
		free(blocks[i].bytes);
	}
	return good ? tl_set_value(rq, 1, most, checks) : OVBS_E_SECURITY;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_MONOTONIC, &t) != 0)
		return 0;
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Some microseconds of arithmetic whose result depends on all of it. */
static uint64_t work(uint64_t state)
{
	for (int i = 0; i < 1000; i++)
		next_random(&state);
	return state;
}

uint32_t selftest_work(struct tl_request *rq, void *session)
{
	uint64_t ms, iterations, done = 0, state = 1, start = now_ns();
	uint32_t r = tl_value(rq, 0, &ms, &iterations);

	if (r != OVBS_OK)
		return r;
	if (ms > SELFTEST_WORK_MAX_MS)
		return OVBS_E_BAD_PARAMETERS;
	while (ms != 0 ? now_ns() - start < ms * 1000000u : done < iterations) {
		state = work(state);
		done++;
	}
	/* A bit of the result, so that the work can't be left out; xorshift never reaches 0. */
	if (state == 0)
		return OVBS_E_GENERIC;
	return tl_set_value(rq, 1, done, now_ns() - start);
}
