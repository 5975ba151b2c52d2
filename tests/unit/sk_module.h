/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A module of VTL0's kernel, and the system calls of the trustlet that judges it,
 * for the tests of the secure kernel's modules. Included once, after nothing else.
 */
#ifndef OVBS_TESTS_SK_MODULE_H
#define OVBS_TESTS_SK_MODULE_H

#include "sk_vtl0.h"

/* ---- a module ------------------------------------------------------------- */

#define MODULE_VA    0xFFFFFFFFC0100000ULL
#define OTHER_VA     0xFFFFFFFFC0400000ULL
#define TEXT_PAGES   5u
#define RODATA_VA(m) ((m) + 0x8000)
#define RO_AFTER(m)  ((m) + 0xA000)
#define INIT_VA(m)   ((m) + 0x100000)
#define INIT_RO(m)   ((m) + 0x108000)

#define SITE_CALL  0x010u  /* offsets in its text */
#define SITE_CROSS 0x1FFEu /* a jump of 5 bytes over pages 1 and 2, to SITE_CROSS + 0x100 */
#define SITE_TRACE 0x400u
#define OWN        0x3000u /* a function */
#define INIT_SITE  0x20u   /* in its init text */
#define INIT_OWN   0x800u

static const uint8_t text_pages[TEXT_PAGES] = { 100, 37, 205, 101, 102 }; /* of ram, as they come */

static struct ovbs_tl_site sites_of_module[8];
static uint64_t functions_of_module[8];
static unsigned int site_count, function_count;

static inline void map_module(uint64_t va, unsigned int first)
{
	for (unsigned int i = 0; i < TEXT_PAGES; i++)
		map(va + i * PAGE_SIZE, GPA(first + text_pages[i]), 1, true);
	map(RODATA_VA(va), GPA(first + 110), 2, true);
	map(RO_AFTER(va), GPA(first + 120), 1, true);
	map(INIT_VA(va), GPA(first + 131), 1, true);
	map(INIT_VA(va) + PAGE_SIZE, GPA(first + 130), 1, true);
	map(INIT_RO(va), GPA(first + 140), 1, true);
}

static inline void add_site(uint64_t address, enum ovbs_tl_site_kind kind, int32_t target)
{
	sites_of_module[site_count++] = (struct ovbs_tl_site){
		.address = address, .target = target, .kind = (uint8_t)kind, .size = 5
	};
}

/* Its bytes, where they are mapped now. */
static inline void fill_module(uint64_t va)
{
	site_count = function_count = 0;
	put_branch(va + SITE_CALL, 0xE8, TEXT_VA + FUNCTION);
	put(va + SITE_CROSS, nop5, 5);
	put(va + SITE_TRACE, nop5, 5);
	put_branch(INIT_VA(va) + INIT_SITE, 0xE8, va + OWN);
	add_site(INIT_VA(va) + INIT_SITE, OVBS_TL_SITE_CALL, 0); /* in any order */
	add_site(va + SITE_CROSS, OVBS_TL_SITE_JUMP, 0x100);
	add_site(va + SITE_CALL, OVBS_TL_SITE_CALL, 0);
	add_site(va + SITE_TRACE, OVBS_TL_SITE_MCOUNT, 0);
	functions_of_module[function_count++] = va + SITE_TRACE;
	functions_of_module[function_count++] = va + OWN;
	functions_of_module[function_count++] = INIT_VA(va) + INIT_OWN;
}

/* ---- the trustlet's calls ------------------------------------------------- */

static struct trustlet trustlet;
static uint8_t user[OVBS_TL_COPY_MAX + PAGE_SIZE]; /* its memory, at USER */
#define USER 0x500000000000ULL

int space_read(const struct space *s, uint64_t va, void *to, size_t n)
{
	assert_ptr_equal(s, &trustlet.space);
	if (va < USER || n > sizeof(user) || va - USER > sizeof(user) - n)
		return -EFAULT;
	memcpy(to, user + (va - USER), n);
	return 0;
}

int space_write(struct space *s, uint64_t va, const void *from, size_t n)
{
	if (va < USER || n > sizeof(user) || va - USER > sizeof(user) - n)
		return -EFAULT;
	memcpy(user + (va - USER), from, n);
	return 0;
}

static inline int64_t call(int64_t (*handler)(struct call *), uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	struct call k = { .t = &trustlet, .arg = { a, b, c, d, 0xBAD, 0xBAD } };
	int64_t result;

	most_at_once = 0;
	result = handler(&k);
	assert_true(most_at_once <= OVBS_TL_PAGES_MAX);
	return result;
}

static inline int64_t freeze(uint64_t n, uint64_t va, uint64_t pages, uint64_t what)
{
	return call(sys_module_freeze, n, va, pages, what);
}

static inline int64_t give_sites(uint64_t n, const struct ovbs_tl_site *site, uint32_t count)
{
	memcpy(user, site, count * sizeof(*site));
	return call(sys_module_sites, n, USER, count, 0);
}

static inline int64_t give_functions(uint64_t n, const uint64_t *address, uint32_t count)
{
	memcpy(user, address, count * sizeof(*address));
	return call(sys_module_functions, n, USER, count, 0);
}

static inline int64_t grant_some(uint64_t n)
{
	int64_t left;

	may_grant = true;
	left = call(sys_module_grant, n, 0, 0, 0);
	may_grant = !locked_down;
	return left;
}

static inline int64_t live_some(uint64_t n)
{
	return call(sys_module_live, n, 0, 0, 0);
}

static inline int64_t gone_some(uint64_t n)
{
	return call(sys_module_gone, n, 0, 0, 0);
}

/* Until nothing is left, as the trustlet does it: it gets less each time. */
static inline int64_t all_of(int64_t (*some)(uint64_t n), uint64_t n)
{
	int64_t left, before = INT64_MAX;

	for (; (left = some(n)) > 0; before = left)
		assert_true(left < before);
	return left;
}

static inline int64_t grant(uint64_t n)
{
	return all_of(grant_some, n);
}

static inline int64_t live(uint64_t n)
{
	return all_of(live_some, n);
}

static inline int64_t gone(uint64_t n)
{
	return all_of(gone_some, n);
}

static inline int64_t new (void)
{
	int64_t n = call(sys_module_new, 0, 0, 0, 0);

	assert_true(n > 0);
	return n;
}

static inline void freeze_module(int64_t n, uint64_t va)
{
	assert_int_equal(freeze(n, va, 2, OVBS_TL_PAGES_RX), 0);
	assert_int_equal(freeze(n, va + 2 * PAGE_SIZE, TEXT_PAGES - 2, OVBS_TL_PAGES_RX), 0);
	assert_int_equal(freeze(n, RODATA_VA(va), 2, OVBS_TL_PAGES_R), 0);
	assert_int_equal(freeze(n, RO_AFTER(va), 1, OVBS_TL_PAGES_R_AFTER_INIT), 0);
	assert_int_equal(freeze(n, INIT_VA(va), 2, OVBS_TL_PAGES_RX_UNTIL_INIT), 0);
	assert_int_equal(freeze(n, INIT_RO(va), 1, OVBS_TL_PAGES_R_UNTIL_INIT), 0);
}

static inline int64_t place(uint64_t va, unsigned int first)
{
	int64_t n = new ();

	map_module(va, first);
	fill_module(va);
	freeze_module(n, va);
	assert_int_equal(give_sites(n, sites_of_module, site_count), 0);
	assert_int_equal(give_functions(n, functions_of_module, function_count), 0);
	return n;
}

static inline int64_t load(uint64_t va, unsigned int first)
{
	int64_t n = place(va, first);

	assert_int_equal(grant(n), 0);
	return n;
}

static uint8_t rights_at(uint64_t va)
{
	return rights[((uintptr_t)at_va(va) - (uintptr_t)ram) / PAGE_SIZE];
}

static inline void assert_rights(uint64_t va, unsigned int pages, uint8_t want)
{
	for (unsigned int i = 0; i < pages; i++)
		assert_int_equal(rights_at(va + i * PAGE_SIZE), want);
}

#define BIG_VA   0xFFFFFFFFC0800000ULL
#define BIG      700u /* pages of text */
#define BIG_PAGE 1200u

static inline int setup(void **state)
{
	start_kernel();
	lock_down();
	return 0;
}

static inline int setup_before_lockdown(void **state)
{
	start_kernel();
	may_grant = false;
	return 0;
}

#define LOCKED(test) cmocka_unit_test_setup(test, setup)
#define BEFORE(test) cmocka_unit_test_setup(test, setup_before_lockdown)

#endif
