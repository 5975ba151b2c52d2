// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages of VTL1's memory: see memory.h. The free ones form a list; the words of
 * a free page are zero but for the first, which links to the next.
 */
#include "memory.h"

#include <ovbs_string.h>

#include "lock.h"
#include "log.h"

static const struct ovbs_sk_info *boot;
static uint64_t next_off; /* before the list is made */
static void *free_list;
static uint64_t free_pages;
static struct lock lock;

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
	memset(page, 0, PAGE_SIZE);
	lock_take(&lock);
	*(void **)page = free_list;
	free_list = page;
	free_pages++;
	lock_release(&lock);
}

uint64_t memory_free_bytes(void)
{
	uint64_t n;

	lock_take(&lock);
	n = free_pages * PAGE_SIZE + (boot->bytes - next_off);
	lock_release(&lock);
	return n;
}

uint64_t memory_gpa(const void *at)
{
	return (uint64_t)at - SK_VA_BASE + boot->gpa;
}

void *memory_at(uint64_t gpa)
{
	return (void *)(gpa - boot->gpa + SK_VA_BASE);
}

bool memory_is_vtl0_ram(uint64_t gpa, uint64_t pages)
{
	if ((gpa & ~PAGE_MASK) || !pages || pages > UINT32_MAX)
		return false;
	/* Our own memory never is VTL0's, whatever the firmware's list says. */
	if (gpa < boot->block_gpa + boot->block_bytes && gpa + pages * PAGE_SIZE > boot->block_gpa)
		return false;
	for (unsigned int i = 0; i < boot->ram_count; i++) {
		const struct ovbs_range *r = &boot->ram[i];

		if (gpa >= r->start && gpa < r->end)
			return pages * PAGE_SIZE <= r->end - gpa;
	}
	return false;
}
