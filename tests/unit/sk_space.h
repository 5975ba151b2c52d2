/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A trustlet's address space on the host: securekernel/memory.c and space.c as
 * they are, with VTL1's memory at an address of this process and its guest
 * physical address elsewhere, so that mixing the two up is seen; and a walk of
 * the page tables as the CPU does it. Included once, by a test.
 */
#ifndef OVBS_TESTS_SK_SPACE_H
#define OVBS_TESTS_SK_SPACE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define invlpg hardware_invlpg
#define wrmsr  hardware_wrmsr
#define rdtsc  hardware_rdtsc
#include "../../lib/x86.h"
#undef invlpg
#undef wrmsr
#undef rdtsc
static void invlpg(const void *va);
static __attribute__((unused)) void wrmsr(uint32_t msr, uint64_t v);
static __attribute__((unused)) uint64_t rdtsc(void);

#include <openvbs/sk_info.h>
#undef SK_VA_BASE
#define SK_VA_BASE 0x300000000000ULL

#include "../../securekernel/memory.c"
#include "../../securekernel/space.c"

#define POOL_GPA   0x140000000ULL
#define POOL_PAGES 1024u /* the first is not the pool's */

/* What VTL0 gave: pieces with a gap between them. */
#define PIECES       4u
#define PIECE_GPA(i) (0x200000000ULL + (i) * 2ULL * OVBS_GIVE_BYTES)
#define ALL_PAGES    (POOL_PAGES + PIECES * PIECE_PAGES)

static struct ovbs_sk_info sk_info = {
	.gpa = POOL_GPA,
	.bytes = POOL_PAGES * PAGE_SIZE,
	.pool_next = PAGE_SIZE,
};
static uint8_t random_fill; /* what random_bytes() gives, one more with each byte if random_counts */
static bool random_counts;
static uint64_t flushed[8192]; /* by invlpg() */
static unsigned int flushes;

static void invlpg(const void *va)
{
	flushed[flushes++ % ARRAY_SIZE(flushed)] = (uint64_t)(uintptr_t)va;
}

static uint64_t fs_base, now; /* the CPU's: by wrmsr(), for rdtsc() */

static void wrmsr(uint32_t msr, uint64_t v)
{
	assert_int_equal(msr, MSR_FS_BASE);
	fs_base = v;
}

static uint64_t rdtsc(void)
{
	return now;
}

void random_bytes(void *buf, size_t n)
{
	for (size_t i = 0; i < n; i++, random_fill += random_counts)
		((uint8_t *)buf)[i] = random_fill;
}

void sk_panic(const char *fmt, ...)
{
	fail_msg("panic: %s", fmt);
	abort();
}

/* A piece comes with what VTL0 had in it. */
void cpu_map_shared(const void *va, uint64_t gpa)
{
	assert_true((uint64_t)(uintptr_t)va >= SK_VA_BASE + sk_info.bytes);
	assert_ptr_equal(mmap((void *)(uintptr_t)va, OVBS_GIVE_BYTES, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0),
			 va);
	memset((void *)(uintptr_t)va, 0xA5, OVBS_GIVE_BYTES);
}

static __attribute__((unused)) void give_piece(unsigned int i)
{
	int piece = memory_reserve(PIECE_GPA(i));

	assert_true(piece >= 0);
	memory_accept((unsigned int)piece);
}

static int map_memory(void **state)
{
	void *at = mmap((void *)SK_VA_BASE, sk_info.bytes, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	return at == (void *)SK_VA_BASE ? 0 : -1;
}

/* Memory as the loader leaves it, with @pages pages to hand out. */
static void begin(unsigned int pages)
{
	memset((void *)SK_VA_BASE, 0, sk_info.bytes);
	free_list = given_list = NULL;
	free_pages = given_free = 0;
	for (unsigned int i = 0; i < piece_count; i++)
		munmap(piece_at(i), OVBS_GIVE_BYTES);
	piece_count = accepted = 0;
	memset(fresh, 0, sizeof(fresh));
	sk_info.pool_next = sk_info.bytes - pages * PAGE_SIZE;
	memory_prepare(&sk_info);
	random_fill = 0;
	random_counts = false;
	flushes = 0;
}

/* All pages are back, and hold zeros but for the link. */
static void assert_all_back(unsigned int pages)
{
	unsigned int count = 0;

	assert_int_equal(memory_free_bytes(), pages * PAGE_SIZE);
	for (void *p = free_list; p; p = *(void **)p, count++)
		for (unsigned int i = 1; i < ENTRIES; i++)
			assert_int_equal(((uint64_t *)p)[i], 0);
	assert_true(count == pages || !count);
}

/* What user code can do at @va: SPACE_*, 0 nothing; as the CPU would, the least of all levels. */
static unsigned int cpu_rights(const struct space *s, uint64_t va, uint64_t *page)
{
	const uint64_t *t = s->root;
	uint64_t all = ~0ULL, nx = 0, e = 0;

	for (unsigned int level = 4; level > 0; level--) {
		e = t[va >> (12 + 9 * (level - 1)) & 511];
		if (!(e & PTE_P))
			return 0;
		assert_false(level > 1 && (e & PTE_PS));
		assert_true(range_has(POOL_GPA, sk_info.bytes, e & PTE_ADDR) || memory_is_given(e & PTE_ADDR));
		all &= e;
		nx |= e & PTE_NX;
		t = memory_at(e & PTE_ADDR);
	}
	if (page)
		*page = e & PTE_ADDR;
	if (!(all & PTE_US))
		return 0;
	return SPACE_R | (all & PTE_RW ? SPACE_W : 0) | (nx ? 0 : SPACE_X);
}

static unsigned int count_level(const uint64_t *t, unsigned int level, uint8_t *seen, unsigned int *leaves)
{
	uint64_t n = ((uint64_t)(uintptr_t)t - SK_VA_BASE) / PAGE_SIZE;
	unsigned int count = 1;

	assert_true(n < ALL_PAGES && !seen[n]); /* no page serves twice */
	seen[n] = 1;
	if (!level) {
		(*leaves)++;
		return 1;
	}
	for (unsigned int i = 0; i < (level == 4 ? 256u : 512u); i++) {
		if (!t[i])
			continue;
		assert_true(t[i] & PTE_P);
		assert_false(level == 1 && (t[i] & PTE_RW) && !(t[i] & PTE_NX));
		assert_false(level == 1 && (t[i] & PTE_MAY_X) && memory_is_given(t[i] & PTE_ADDR));
		count += count_level(memory_at(t[i] & PTE_ADDR), level - 1, seen, leaves);
	}
	return count;
}

/* The rules that hold at any time: each page once and counted, within the limit, none W and X. Returns the leaves. */
static unsigned int assert_sound(const struct space *s)
{
	uint8_t seen[ALL_PAGES] = { 0 };
	unsigned int leaves = 0;

	assert_int_equal(count_level(s->root, 4, seen, &leaves), s->pages);
	assert_true(s->pages - s->given <= s->limit && s->pages <= space_limit(s));
	return leaves;
}

#endif
