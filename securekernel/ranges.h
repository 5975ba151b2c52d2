/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of VTL0's pages that have rights of their own: ranges of guest
 * physical memory, none over another, each with the rights and the owner of all
 * its pages. It is kept in two orders, by physical and, of ranges that have one,
 * by virtual address, and no virtual address is there twice: so what VTL0's own
 * page tables say later does not matter.
 *
 * Pure functions. A look-up is one binary search, a change moves at most two
 * bytes for each range. Context: any; the caller holds the table's lock.
 */
#ifndef SK_RANGES_H
#define SK_RANGES_H

#include <stdbool.h>
#include <stdint.h>

#include <ovbs_compiler.h>

struct range {
	uint64_t gpa;
	uint64_t va; /* where VTL0's kernel runs or reads it; of ranges with an owner */
	uint32_t pages;
	uint32_t owner; /* number of a module; 0: the kernel, or nobody in particular */
	uint8_t rights; /* VTL0's: HV_MAP_GPA_* */
	uint8_t what;   /* enum ovbs_tl_pages, of ranges with an owner */
	bool kept;      /* until reset: never thawed, whoever's it is */
};

struct ranges {
	struct range *slot;
	uint16_t *by_gpa; /* numbers of slots: those in use in order, behind them the free ones */
	uint16_t *by_va;
	uint32_t count, va_count, max;
};

#define RANGES_MOST 65536u

/** ranges_init - an empty table with room for @max ranges, at most RANGES_MOST, in the three arrays. */
void ranges_init(struct ranges *t, struct range *slot, uint16_t *by_gpa, uint16_t *by_va, uint32_t max);

/** ranges_next - the first range that ends behind @gpa, or NULL. ranges_next_va - the same by virtual address. */
struct range *ranges_next(const struct ranges *t, uint64_t gpa);
struct range *ranges_next_va(const struct ranges *t, uint64_t va);

/** ranges_at - the range that has the byte at @gpa, or NULL. ranges_at_va - the same by virtual address. */
struct range *ranges_at(const struct ranges *t, uint64_t gpa);
struct range *ranges_at_va(const struct ranges *t, uint64_t va);

/** ranges_end - the address behind the last byte of @r. */
uint64_t ranges_end(const struct range *r);
uint64_t ranges_end_va(const struct range *r);

/** ranges_insert - a copy of @r. 0, -EEXIST (it meets another, by either address), -ENOSPC, or -EINVAL (no pages, not whole ones, or it wraps). */
int ranges_insert(struct ranges *t, const struct range *r) __must_check;

/** ranges_remove - @r, which is in the table, is gone. */
void ranges_remove(struct ranges *t, struct range *r);

/** ranges_split - @r keeps its first @pages pages, fewer than it has; the others become a range of their own. 0, or -ENOSPC. */
int ranges_split(struct ranges *t, struct range *r, uint32_t pages) __must_check;

/** ranges_own - @r, which has no owner, gets one, @owner, and a virtual address. 0, or -EEXIST (there is one there). */
int ranges_own(struct ranges *t, struct range *r, uint32_t owner, uint64_t va) __must_check;

/** ranges_join - @r takes in the range that follows it if that is like it and both have at most @most pages. */
bool ranges_join(struct ranges *t, struct range *r, uint32_t most);

#endif
