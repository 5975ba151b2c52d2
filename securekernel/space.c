// SPDX-License-Identifier: GPL-2.0-only
/*
 * Address spaces of trustlets: see space.h.
 */
#include "space.h"

#include <ovbs_errno.h>
#include <ovbs_string.h>

#include "cpu.h"
#include "memory.h"
#include "random.h"

#define ENTRIES 512u
#define LEVELS  4u

/* A software bit: the page may be executed some day (mprotect to read-execute and back). */
#define PTE_MAY_X (1ULL << 9)

#define IMAGE_BASE  0x0000550000000000ULL
#define MAP_BASE    0x00007E0000000000ULL
#define STACK_BASE  0x00007F0000000000ULL
#define RANDOM_BITS 28u /* of page numbers, for each of the three */

static unsigned int index_of(uint64_t va, unsigned int level)
{
	return va >> (PAGE_SHIFT + 9 * (level - 1)) & (ENTRIES - 1);
}

bool space_user_range(uint64_t va, uint64_t n)
{
	return va >= PAGE_SIZE && va < SPACE_TOP && n <= SPACE_TOP - va;
}

uint64_t space_limit(const struct space *s)
{
	return s->limit + (s->more ? memory_given_bytes() / PAGE_SIZE : 0);
}

/* Given pages first: so VTL1's own always suffice for everybody's limit, and for code. */
static void *take(struct space *s, bool code)
{
	void *p = s->more && !code ? page_alloc_given() : NULL;

	s->given += !!p;
	if (!p && s->pages - s->given < s->limit)
		p = page_alloc();
	s->pages += !!p;
	return p;
}

static void give(struct space *s, void *page)
{
	s->given -= page_is_given(page);
	page_free(page);
	s->pages--;
}

/* The last-level entry of @va; with @make the tables on the way there. NULL: none. */
static uint64_t *entry_of(struct space *s, uint64_t va, bool make)
{
	uint64_t *t = s->root;

	for (unsigned int l = LEVELS; l > 1; l--) {
		uint64_t *e = &t[index_of(va, l)];

		if (!*e) {
			void *table = make ? take(s, false) : NULL;

			if (!table)
				return NULL;
			*e = memory_gpa(table) | PTE_P | PTE_RW | PTE_US | PTE_A;
		}
		t = memory_at(*e & PTE_ADDR);
	}
	return &t[index_of(va, 1)];
}

static uint64_t leaf_bits(unsigned int rights)
{
	return PTE_P | PTE_US | PTE_A | PTE_D | (rights & SPACE_W ? PTE_RW : 0) |
	       (rights & SPACE_X ? PTE_MAY_X : PTE_NX);
}

static uint64_t random_pages(void)
{
	uint64_t r;

	random_bytes(&r, sizeof(r));
	return (r & ((1ULL << RANDOM_BITS) - 1)) << PAGE_SHIFT;
}

int space_create(struct space *s, uint64_t limit, bool more)
{
	*s = (struct space){ .limit = limit, .more = more };
	s->root = take(s, false);
	if (!s->root)
		return -ENOMEM;
	s->image = IMAGE_BASE + random_pages();
	s->map_top = MAP_BASE + random_pages();
	s->stack_top = STACK_BASE + random_pages();
	return 0;
}

static void free_level(struct space *s, uint64_t *t, unsigned int level, unsigned int entries)
{
	for (unsigned int i = 0; i < entries; i++) {
		void *below = memory_at(t[i] & PTE_ADDR);

		if (!(t[i] & PTE_P))
			continue;
		if (level > 1)
			free_level(s, below, level - 1, ENTRIES);
		else
			give(s, below);
	}
	give(s, t);
}

void space_destroy(struct space *s)
{
	/* The upper half is the secure kernel's own. */
	if (s->root)
		free_level(s, s->root, LEVELS, ENTRIES / 2);
	*s = (struct space){ 0 };
}

void space_unmap(struct space *s, uint64_t va, uint64_t pages)
{
	for (uint64_t i = 0; i < pages; i++) {
		uint64_t *e = entry_of(s, va + i * PAGE_SIZE, false);

		if (!e || !*e)
			continue;
		give(s, memory_at(*e & PTE_ADDR));
		*e = 0;
		invlpg((const void *)(va + i * PAGE_SIZE));
	}
}

int space_map(struct space *s, uint64_t va, uint64_t pages, unsigned int rights)
{
	int err = 0;

	if ((rights & SPACE_W) && (rights & SPACE_X))
		return -EINVAL;
	for (uint64_t i = 0; i < pages && !err; i++) {
		uint64_t *e = entry_of(s, va + i * PAGE_SIZE, true);
		void *page;

		if (e && *e) {
			err = -EEXIST;
		} else {
			page = e ? take(s, rights & SPACE_X) : NULL;
			if (page)
				*e = memory_gpa(page) | leaf_bits(rights);
			else
				err = -ENOMEM;
		}
		if (err)
			space_unmap(s, va, i);
	}
	return err;
}

int space_protect(struct space *s, uint64_t va, uint64_t pages, unsigned int rights)
{
	if ((rights & SPACE_W) && (rights & SPACE_X))
		return -EACCES;
	if (rights & SPACE_W) /* as Linux on x86, which can't have one without the other */
		rights |= SPACE_R;
	for (uint64_t i = 0; i < pages; i++) {
		uint64_t *e = entry_of(s, va + i * PAGE_SIZE, false);

		if (!e || !*e)
			return -ENOMEM;
		if ((rights & SPACE_X) && !(*e & PTE_MAY_X))
			return -EACCES;
	}
	for (uint64_t i = 0; i < pages; i++) {
		uint64_t *e = entry_of(s, va + i * PAGE_SIZE, false);
		/* What was written once is never executed. */
		uint64_t may = rights & SPACE_W ? 0 : *e & PTE_MAY_X;

		*e = (*e & PTE_ADDR) | ((leaf_bits(rights) & ~PTE_MAY_X) | may);
		if (!(rights & SPACE_R))
			*e = (*e & ~PTE_US) | PTE_NX; /* PROT_NONE: the page stays, nobody's to see or to execute */
		invlpg((const void *)(va + i * PAGE_SIZE));
	}
	return 0;
}

uint64_t space_find(const struct space *s, uint64_t pages)
{
	struct space *w = (struct space *)s; /* entry_of() changes nothing without @make */
	uint64_t at = s->map_top, run = 0;

	/* As many pages as the limit allows lie below the top: a bounded look. */
	for (uint64_t tries = 0; tries < 2 * space_limit(s) + pages && run < pages; tries++) {
		uint64_t *e = entry_of(w, at - PAGE_SIZE, false);

		at -= PAGE_SIZE;
		run = e && *e ? 0 : run + 1;
	}
	return run >= pages ? at : 0;
}

/* The kernel's view of the user's byte at @va; NULL: not the user's, or not writable. */
static uint8_t *user_byte(const struct space *s, uint64_t va, uint64_t need)
{
	uint64_t *e = entry_of((struct space *)s, va, false);

	if (!e || (*e & need) != need)
		return NULL;
	return (uint8_t *)memory_at(*e & PTE_ADDR) + (va & ~PAGE_MASK);
}

int space_write(struct space *s, uint64_t va, const void *from, size_t n)
{
	const uint8_t *b = from;

	if (!space_user_range(va, n))
		return -EFAULT;
	while (n) {
		size_t part = PAGE_SIZE - (va & ~PAGE_MASK) < n ? PAGE_SIZE - (va & ~PAGE_MASK) : n;
		uint8_t *to = user_byte(s, va, PTE_P | PTE_US | PTE_RW);

		if (!to)
			return -EFAULT;
		memcpy(to, b, part);
		va += part;
		b += part;
		n -= part;
	}
	return 0;
}

int space_read(const struct space *s, uint64_t va, void *to, size_t n)
{
	uint8_t *b = to;

	if (!space_user_range(va, n))
		return -EFAULT;
	while (n) {
		size_t part = PAGE_SIZE - (va & ~PAGE_MASK) < n ? PAGE_SIZE - (va & ~PAGE_MASK) : n;
		const uint8_t *from = user_byte(s, va, PTE_P | PTE_US);

		if (!from)
			return -EFAULT;
		memcpy(b, from, part);
		va += part;
		b += part;
		n -= part;
	}
	return 0;
}

/* The bytes of the file into pages that the user may not write; the pages are fresh and hold zeros. */
static void fill(struct space *s, uint64_t va, const uint8_t *from, uint64_t n)
{
	while (n) {
		uint64_t part = PAGE_SIZE - (va & ~PAGE_MASK) < n ? PAGE_SIZE - (va & ~PAGE_MASK) : n;

		memcpy(user_byte(s, va, PTE_P), from, part);
		va += part;
		from += part;
		n -= part;
	}
}

int space_load(struct space *s, const struct pie_plan *plan, const uint8_t *file, unsigned int stack_pages)
{
	for (unsigned int i = 0; i < plan->count; i++) {
		const struct pie_segment *g = &plan->segment[i];
		uint64_t first = g->va & PAGE_MASK, end = (g->va + g->mem_size + PAGE_SIZE - 1) & PAGE_MASK;
		unsigned int rights = SPACE_R | (g->flags & ELF_W ? SPACE_W : 0) |
				      (g->flags & ELF_X ? SPACE_X : 0);
		int err = space_map(s, s->image + first, (end - first) >> PAGE_SHIFT, rights);

		if (err)
			return err;
		fill(s, s->image + g->va, file + g->file_off, g->file_size);
	}
	s->image_size = plan->size;
	s->brk_start = s->brk = s->image + plan->size + random_pages() % (1ULL << 30);
	return space_map(s, s->stack_top - stack_pages * PAGE_SIZE, stack_pages, SPACE_R | SPACE_W);
}
