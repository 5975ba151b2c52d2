// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ranges of VTL0's pages: see ranges.h.
 */
#include "ranges.h"

#include <ovbs_errno.h>
#include <ovbs_string.h>

#include "addr.h"

void ranges_init(struct ranges *t, struct range *slot, uint16_t *by_gpa, uint16_t *by_va, uint32_t max)
{
	*t = (struct ranges){ .slot = slot, .by_gpa = by_gpa, .by_va = by_va, .max = max };
	for (uint32_t i = 0; i < max; i++)
		by_gpa[i] = (uint16_t)i;
}

uint64_t ranges_end(const struct range *r)
{
	return r->gpa + r->pages * PAGE_SIZE;
}

uint64_t ranges_end_va(const struct range *r)
{
	return r->va + r->pages * PAGE_SIZE;
}

/* How many in the order end at or before @addr. */
static uint32_t before(const struct ranges *t, uint64_t addr)
{
	uint32_t low = 0, high = t->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (ranges_end(&t->slot[t->by_gpa[middle]]) <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static uint32_t before_va(const struct ranges *t, uint64_t addr)
{
	uint32_t low = 0, high = t->va_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (ranges_end_va(&t->slot[t->by_va[middle]]) <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct range *ranges_next(const struct ranges *t, uint64_t gpa)
{
	uint32_t i = before(t, gpa);

	return i < t->count ? &t->slot[t->by_gpa[i]] : NULL;
}

struct range *ranges_next_va(const struct ranges *t, uint64_t va)
{
	uint32_t i = before_va(t, va);

	return i < t->va_count ? &t->slot[t->by_va[i]] : NULL;
}

struct range *ranges_at(const struct ranges *t, uint64_t gpa)
{
	struct range *r = ranges_next(t, gpa);

	return r && r->gpa <= gpa ? r : NULL;
}

struct range *ranges_at_va(const struct ranges *t, uint64_t va)
{
	struct range *r = ranges_next_va(t, va);

	return r && r->va <= va ? r : NULL;
}

/* The entry @n goes in at @i, of @count that are in the order. */
static void put(uint16_t *order, uint32_t count, uint32_t i, uint16_t n)
{
	memmove(&order[i + 1], &order[i], (count - i) * sizeof(*order));
	order[i] = n;
}

static void take(uint16_t *order, uint32_t count, uint32_t i)
{
	memmove(&order[i], &order[i + 1], (count - i - 1) * sizeof(*order));
}

static bool meets_va(const struct ranges *t, uint64_t va, uint64_t end)
{
	const struct range *r = ranges_next_va(t, va);

	return r && r->va < end;
}

static bool is_sound(const struct range *r)
{
	uint64_t bytes = r->pages * PAGE_SIZE;

	if (!r->pages || (r->gpa & ~PAGE_MASK) || r->gpa + bytes <= r->gpa)
		return false;
	return !r->owner || (!(r->va & ~PAGE_MASK) && r->va + bytes > r->va);
}

int ranges_insert(struct ranges *t, const struct range *r)
{
	const struct range *next;
	uint16_t n;

	if (!is_sound(r))
		return -EINVAL;
	next = ranges_next(t, r->gpa);
	if ((next && next->gpa < ranges_end(r)) || (r->owner && meets_va(t, r->va, ranges_end_va(r))))
		return -EEXIST;
	if (t->count == t->max)
		return -ENOSPC;
	n = t->by_gpa[t->count];
	put(t->by_gpa, t->count, before(t, r->gpa), n);
	t->count++;
	if (r->owner) {
		put(t->by_va, t->va_count, before_va(t, r->va), n);
		t->va_count++;
	}
	t->slot[n] = *r;
	return 0;
}

void ranges_remove(struct ranges *t, struct range *r)
{
	uint16_t n = (uint16_t)(r - t->slot);

	if (r->owner)
		take(t->by_va, t->va_count--, before_va(t, r->va));
	take(t->by_gpa, t->count--, before(t, r->gpa));
	t->by_gpa[t->count] = n;
}

int ranges_split(struct ranges *t, struct range *r, uint32_t pages)
{
	struct range rest = *r;
	uint32_t all = r->pages;
	int err;

	rest.gpa += pages * PAGE_SIZE;
	rest.va += r->owner ? pages * PAGE_SIZE : 0;
	rest.pages -= pages;
	r->pages = pages;
	err = ranges_insert(t, &rest);
	if (err)
		r->pages = all;
	return err;
}

int ranges_own(struct ranges *t, struct range *r, uint32_t owner, uint64_t va)
{
	uint64_t bytes = r->pages * PAGE_SIZE;

	if (!owner || r->owner || (va & ~PAGE_MASK) || va + bytes <= va)
		return -EINVAL;
	if (meets_va(t, va, va + bytes))
		return -EEXIST;
	put(t->by_va, t->va_count, before_va(t, va), (uint16_t)(r - t->slot));
	t->va_count++;
	r->owner = owner;
	r->va = va;
	return 0;
}

bool ranges_join(struct ranges *t, struct range *r, uint32_t most)
{
	struct range *next = ranges_at(t, ranges_end(r));

	if (!next || next->owner != r->owner || next->rights != r->rights || next->what != r->what ||
	    next->kept != r->kept || (r->owner && next->va != ranges_end_va(r)) ||
	    r->pages >= most || next->pages > most - r->pages)
		return false;
	/* The one behind goes first: ranges must not meet while there is a search. */
	most = next->pages;
	ranges_remove(t, next);
	r->pages += most;
	return true;
}
