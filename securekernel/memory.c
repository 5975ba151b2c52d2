// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages of VTL1's memory: see memory.h. The free ones form two lists, of its own
 * and of given pages; the words of a free page are zero but for the first, which
 * links to the next. Given pages are wiped one by one when they are handed out,
 * and those that nobody had yet are in no list: all of it at once would hold VTL0
 * up, when it gives and when the trustlet that had them ends.
 */
#include "memory.h"

#include <openvbs/vtl_abi.h>

#include <ovbs_errno.h>
#include <ovbs_string.h>

#include "cpu.h"
#include "lock.h"
#include "log.h"

static const struct ovbs_sk_info *boot;
static uint64_t next_off; /* before the list is made */
static void *free_list;
static uint64_t free_pages;
static struct lock lock;

#define PIECE_PAGES (OVBS_GIVE_BYTES / PAGE_SIZE)

/* What VTL0 gave: grows at its end only, so that it can be read without the lock. */
static uint64_t pieces[MEMORY_PIECES];
static unsigned int piece_count;
static void *given_list;
static uint64_t given_free; /* pages in the list */
static uint16_t fresh[MEMORY_PIECES]; /* pages of the piece that nobody had yet: its last ones */
static unsigned int accepted;         /* pieces that VTL0 has no right to */

void memory_prepare(const struct ovbs_sk_info *info)
{
	boot = info;
	next_off = info->pool_next;
}

void *memory_boot_pages(unsigned int n)
{
	void *p = (void *)(SK_VA_BASE + next_off);

	if (free_list || n * PAGE_SIZE > boot->bytes - next_off)
		sk_panic("no memory for %u pages at the start", n);
	next_off += n * PAGE_SIZE;
	return p;
}

/* The rest of the pool becomes the list; the lowest address first. */
static void make_list(void)
{
	for (uint64_t off = boot->bytes - PAGE_SIZE; off >= next_off; off -= PAGE_SIZE) {
		void **p = (void **)(SK_VA_BASE + off);

		*p = free_list;
		free_list = p;
		free_pages++;
	}
	next_off = boot->bytes;
}

void *page_alloc(void)
{
	void **p;

	lock_take(&lock);
	if (next_off < boot->bytes)
		make_list();
	p = free_list;
	if (p) {
		free_list = *p;
		*p = NULL;
		free_pages--;
	}
	lock_release(&lock);
	return p;
}

void page_free(void *page)
{
	bool given = page_is_given(page);

	if (!given)
		memset(page, 0, PAGE_SIZE);
	lock_take(&lock);
	*(void **)page = given ? given_list : free_list;
	if (given)
		given_list = page;
	else
		free_list = page;
	given_free += given;
	free_pages += !given;
	lock_release(&lock);
}

/* ---- what VTL0 gave ------------------------------------------------------- */

/* Where the first piece is seen: behind our own range. */
static uint64_t pieces_off(void)
{
	return (boot->bytes + OVBS_GIVE_BYTES - 1) & ~(OVBS_GIVE_BYTES - 1ULL);
}

static void *piece_at(unsigned int piece)
{
	return (void *)(SK_VA_BASE + pieces_off() + (uint64_t)piece * OVBS_GIVE_BYTES);
}

bool page_is_given(const void *page)
{
	return (uint64_t)page - SK_VA_BASE >= pieces_off();
}

/* The piece that has the byte at @gpa, or -1. */
static int piece_of(uint64_t gpa)
{
	unsigned int n = __atomic_load_n(&piece_count, __ATOMIC_ACQUIRE);

	for (unsigned int i = 0; i < n; i++)
		if (gpa - pieces[i] < OVBS_GIVE_BYTES)
			return (int)i;
	return -1;
}

bool memory_is_given(uint64_t gpa)
{
	return piece_of(gpa) >= 0;
}

int memory_reserve(uint64_t gpa)
{
	unsigned int n = piece_count;

	if (n == MEMORY_PIECES || pieces_off() + (n + 1ULL) * OVBS_GIVE_BYTES > SK_VA_LIMIT)
		return -ENOMEM;
	pieces[n] = gpa;
	__atomic_store_n(&piece_count, n + 1, __ATOMIC_RELEASE);
	return (int)n;
}

void memory_accept(unsigned int piece)
{
	cpu_map_shared(piece_at(piece), pieces[piece]);
	lock_take(&lock);
	fresh[piece] = PIECE_PAGES;
	lock_release(&lock);
	__atomic_add_fetch(&accepted, 1, __ATOMIC_RELEASE);
}

/* A page with VTL0's bytes in it. The lock is held. */
static void *take_fresh(void)
{
	for (unsigned int i = 0; i < MEMORY_PIECES; i++)
		if (fresh[i])
			return (char *)piece_at(i) + (PIECE_PAGES - fresh[i]--) * PAGE_SIZE;
	return NULL;
}

void *page_alloc_given(void)
{
	void **p;

	lock_take(&lock);
	p = given_list;
	if (p) {
		given_list = *p;
		given_free--;
	} else {
		p = take_fresh();
	}
	lock_release(&lock);
	if (p)
		memset(p, 0, PAGE_SIZE);
	return p;
}

uint64_t memory_given_bytes(void)
{
	return (uint64_t)__atomic_load_n(&accepted, __ATOMIC_ACQUIRE) * OVBS_GIVE_BYTES;
}

uint64_t memory_free_bytes(void)
{
	uint64_t n;

	lock_take(&lock);
	n = (free_pages + given_free) * PAGE_SIZE + (boot->bytes - next_off);
	for (unsigned int i = 0; i < MEMORY_PIECES; i++)
		n += fresh[i] * PAGE_SIZE;
	lock_release(&lock);
	return n;
}

uint64_t memory_gpa(const void *at)
{
	uint64_t off = (uint64_t)at - SK_VA_BASE;

	if (!page_is_given(at))
		return off + boot->gpa;
	off -= pieces_off();
	return pieces[off / OVBS_GIVE_BYTES] + off % OVBS_GIVE_BYTES;
}

void *memory_at(uint64_t gpa)
{
	int piece;

	if (range_has(boot->gpa, boot->bytes, gpa))
		return (void *)(gpa - boot->gpa + SK_VA_BASE);
	piece = piece_of(gpa);
	return piece < 0 ? NULL : (char *)piece_at((unsigned int)piece) + (gpa - pieces[piece]);
}

static bool meets_piece(uint64_t gpa, uint64_t bytes)
{
	unsigned int n = __atomic_load_n(&piece_count, __ATOMIC_ACQUIRE);

	for (unsigned int i = 0; i < n; i++)
		if (gpa < pieces[i] + OVBS_GIVE_BYTES && gpa + bytes > pieces[i])
			return true;
	return false;
}

bool memory_is_vtl0_ram(uint64_t gpa, uint64_t pages)
{
	if ((gpa & ~PAGE_MASK) || !pages || pages > UINT32_MAX)
		return false;
	/* Our own memory never is VTL0's, whatever the firmware's list says. */
	if (gpa < boot->block_gpa + boot->block_bytes && gpa + pages * PAGE_SIZE > boot->block_gpa)
		return false;
	if (meets_piece(gpa, pages * PAGE_SIZE))
		return false;
	for (unsigned int i = 0; i < boot->ram_count; i++) {
		const struct ovbs_range *r = &boot->ram[i];

		if (gpa >= r->start && gpa < r->end)
			return pages * PAGE_SIZE <= r->end - gpa;
	}
	return false;
}
