/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The address space of a trustlet: page tables, what lies where, and the copies
 * between it and the secure kernel. User pages are reached by their physical
 * page, never by a user address, so a bad pointer is an error and no fault.
 *
 * Rules that no call can break: no page is writable and executable; a page that
 * was made without the right to execute never gets it; the limit counts every
 * page, tables included. Pages are there from the start: user code never waits
 * for one.
 *
 * Context: the owner's lock is held, or its request runs on this CPU.
 */
#ifndef SK_SPACE_H
#define SK_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <elf_pie.h>
#include <ovbs_compiler.h>

#define SPACE_R 1u
#define SPACE_W 2u
#define SPACE_X 4u

#define SPACE_TOP 0x00007FFFFFFFF000ULL

struct space {
	uint64_t *root;
	uint64_t pages, limit; /* in pages, tables included; limit: of VTL1's own */
	uint64_t given;        /* of `pages`, those from what VTL0 gave */
	bool more;             /* may have all that VTL0 gave, beyond the limit */
	uint64_t image, image_size;
	uint64_t brk_start, brk;
	uint64_t map_top; /* mmap goes down from here */
	uint64_t stack_top;
};

/**
 * space_create - an empty one with a limit of @limit pages and random places
 * @more: what VTL0 gave (OVBS_MSG_GIVE) is for it, beyond the limit: all but code
 *
 * 0, or -ENOMEM (then destroy it).
 */
int space_create(struct space *s, uint64_t limit, bool more) __must_check;

/** space_limit - how many pages it may have now. */
uint64_t space_limit(const struct space *s);

/** space_destroy - wipe and give back every page. It runs nowhere. */
void space_destroy(struct space *s);

/** space_load - map the program @file as @plan says, and a stack of @stack_pages. 0, or -ENOMEM. */
int space_load(struct space *s, const struct pie_plan *plan, const uint8_t *file,
	       unsigned int stack_pages) __must_check;

/** space_map - fresh zeroed pages at [@va, @va + @pages): 0, -ENOMEM, -EEXIST or -EINVAL (rights); all or nothing. */
int space_map(struct space *s, uint64_t va, uint64_t pages, unsigned int rights) __must_check;

/** space_unmap - take pages away; places without one are skipped. */
void space_unmap(struct space *s, uint64_t va, uint64_t pages);

/** space_protect - new rights. 0, -ENOMEM (a page is not there), -EACCES (W and X, or X anew). */
int space_protect(struct space *s, uint64_t va, uint64_t pages, unsigned int rights) __must_check;

/** space_find - room for @pages below map_top; 0: none. */
uint64_t space_find(const struct space *s, uint64_t pages);

/** space_write, space_read - copy @n bytes to or from user address @va; every page must be the user's, and writable for a write. 0, or -EFAULT (part may be copied). */
int space_write(struct space *s, uint64_t va, const void *from, size_t n) __must_check;
int space_read(const struct space *s, uint64_t va, void *to, size_t n) __must_check;

/** space_user_range - is [@va, @va + @n) below SPACE_TOP, not at 0, without wrapping? */
bool space_user_range(uint64_t va, uint64_t n);

#endif
