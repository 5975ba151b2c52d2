// SPDX-License-Identifier: GPL-2.0-only
/*
 * System calls of code integrity: arguments are copied here, what they ask for
 * is modules.c's. A module's pages are looked up in VTL0's page tables once, when
 * they are frozen; whatever VTL0 makes of its tables afterwards, the trustlet
 * reads those pages, and no others become executable.
 */
#include "syscall.h"

#include <ovbs_errno.h>

#include "guest.h"
#include "modules.h"
#include "protect.h"

#define KERNEL_HALF (1ULL << 63) /* the walk refuses what is not canonical, with 4 or 5 levels */
#define BOUNCE      512u /* bytes that are copied at once: the stack is small */
#define SOME        64u  /* entries, likewise */

/* The byte at @va, by VTL0's tables as they are now. */
static int find(const struct gwalk *w, uint64_t va, uint64_t *gpa)
{
	struct gwalk_result at;

	if (va < KERNEL_HALF || gwalk_linear(w, va, &at))
		return -EFAULT;
	*gpa = at.gpa;
	return 0;
}

/* The same of memory that VTL0 can't write; where a module has it, not where VTL0's tables say that it is. */
static int find_frozen(const struct gwalk *w, uint64_t va, uint64_t *gpa)
{
	struct range r;
	int err;

	if (protect_find_va(va, &r)) {
		*gpa = r.gpa + (va - r.va);
		return protect_writable(&r) ? -EACCES : 0;
	}
	err = find(w, va, gpa);
	if (err)
		return err;
	return protect_find(*gpa, &r) && !protect_writable(&r) ? 0 : -EACCES;
}

/* @n bytes of one page. */
static int copy_page(struct call *c, uint64_t gpa, uint64_t to, uint64_t n)
{
	uint8_t bytes[BOUNCE];

	for (uint64_t done = 0, part; done < n; done += part) {
		part = n - done < sizeof(bytes) ? n - done : sizeof(bytes);
		if (guest_read_at(gpa + done, bytes, part) ||
		    space_write(&c->t->space, to + done, bytes, part))
			return -EFAULT;
	}
	return 0;
}

static int64_t copy(struct call *c, int (*find_byte)(const struct gwalk *w, uint64_t va, uint64_t *gpa))
{
	uint64_t va = c->arg[0], to = c->arg[1], n = c->arg[2], gpa;
	struct gwalk w = guest_state(GWALK_READ);
	int err = 0;

	if (n > OVBS_TL_COPY_MAX)
		return -EINVAL;
	for (uint64_t done = 0, part; done < n && !err; done += part) {
		uint64_t left = PAGE_SIZE - ((va + done) & ~PAGE_MASK);

		part = n - done < left ? n - done : left;
		err = find_byte(&w, va + done, &gpa);
		if (!err)
			err = copy_page(c, gpa, to + done, part);
	}
	return err;
}

int64_t sys_guest_copy(struct call *c)
{
	return copy(c, find);
}

int64_t sys_guest_frozen(struct call *c)
{
	return copy(c, find_frozen);
}

int64_t sys_locked(struct call *c)
{
	return protect_locked();
}

int64_t sys_module_new(struct call *c)
{
	return module_new();
}

int64_t sys_module_freeze(struct call *c)
{
	uint64_t va = c->arg[1], pages = c->arg[2], gpa[OVBS_TL_PAGES_MAX];
	struct gwalk w = guest_state(GWALK_READ);
	int64_t err;

	if (pages > OVBS_TL_PAGES_MAX || (va & ~PAGE_MASK))
		return -EINVAL;
	for (uint64_t i = 0; i < pages; i++)
		if (find(&w, va + i * PAGE_SIZE, &gpa[i]))
			return -EFAULT;
	/* An argument of 32 bits: what is above is nobody's (System V ABI, 3.2.3). */
	err = module_freeze(c->arg[0], va, gpa, (unsigned int)pages, (uint32_t)c->arg[3]);
	for (uint64_t i = 0; !err && i < pages && (uint32_t)c->arg[3] != OVBS_TL_PAGES_R_AFTER_INIT; i++)
		guest_flush_page(gpa[i]);
	return err;
}

int64_t sys_module_sites(struct call *c)
{
	struct ovbs_tl_site site[SOME];
	uint32_t n = (uint32_t)c->arg[2];
	int64_t err = 0;

	if (n > OVBS_TL_SITES_MAX)
		return -EINVAL;
	for (uint32_t done = 0, part; done < n && !err; done += part) {
		part = n - done < SOME ? n - done : SOME;
		if (space_read(&c->t->space, c->arg[1] + done * sizeof(*site), site, part * sizeof(*site)))
			return -EFAULT;
		err = module_add_sites(c->arg[0], site, part);
	}
	return err;
}

int64_t sys_module_functions(struct call *c)
{
	uint64_t address[SOME];
	uint32_t n = (uint32_t)c->arg[2];
	int64_t err = 0;

	if (n > OVBS_TL_SITES_MAX)
		return -EINVAL;
	for (uint32_t done = 0, part; done < n && !err; done += part) {
		part = n - done < SOME ? n - done : SOME;
		if (space_read(&c->t->space, c->arg[1] + done * sizeof(*address), address,
			       part * sizeof(*address)))
			return -EFAULT;
		err = module_add_functions(c->arg[0], address, part);
	}
	return err;
}

int64_t sys_module_grant(struct call *c)
{
	return module_grant(c->arg[0]);
}

int64_t sys_module_live(struct call *c)
{
	return module_live(c->arg[0]);
}

int64_t sys_module_gone(struct call *c)
{
	return module_gone(c->arg[0]);
}
