/* links: securekernel/ranges.c securekernel/modules.c securekernel/text.c securekernel/integrity.c
   links: securekernel/syscall_integrity.c securekernel/capture.c securekernel/patch.c securekernel/sites.c securekernel/forms.c */
// SPDX-License-Identifier: GPL-2.0-only
/*
 * Modules under the secure kernel, from the trustlet's system calls down to the
 * rights that the hypervisor is asked for. Promises: text becomes executable by
 * GRANT alone, and whatever VTL0 does, what is executable then are the pages that
 * were frozen and read; no page has two owners; in between VTL0 writes nothing;
 * afterwards it writes the form of a patch at a module's own site, leading to a
 * function; what is thawed is not executable any more. Each test is a process of
 * its own: the secure kernel's state is what a machine starts with.
 */
#include "sk_module.h"

static void test_a_modules_life(void **state)
{
	const uint64_t va = MODULE_VA;
	int64_t n = place(va, 0);

	assert_int_equal(call(sys_locked, 0, 0, 0, 0), 1);
	assert_rights(va, TEXT_PAGES, DATA);
	assert_rights(RODATA_VA(va), 2, DATA);
	assert_rights(RO_AFTER(va), 1, NORMAL);
	assert_rights(INIT_VA(va), 2, DATA);
	/* Frozen, and not granted: nobody writes, nothing leads there. */
	assert_int_equal(patch_branch(va + SITE_CALL, 0xE8, TEXT_VA + CALLER), 0);
	assert_int_equal(patch_branch(TEXT_VA + CALL, 0xE8, va + OWN), 1);
	unpatch(TEXT_VA + CALL, nop5, 5);

	assert_int_equal(grant(n), 0);
	assert_rights(va, TEXT_PAGES, CODE);
	assert_rights(INIT_VA(va), 2, CODE);
	assert_rights(RODATA_VA(va), 2, DATA);
	assert_rights(INIT_RO(va), 1, DATA);
	assert_int_equal(patch_branch(va + SITE_CALL, 0xE8, TEXT_VA + CALLER), 3);
	assert_int_equal(patch_branch(va + SITE_CALL, 0xE8, va + OWN), 3);
	assert_int_equal(patch_branch(va + SITE_CROSS, 0xE9, va + SITE_CROSS + 0x100), 3);
	assert_int_equal(patch(va + SITE_CROSS, nop5, 5), 3);
	assert_int_equal(patch_branch(INIT_VA(va) + INIT_SITE, 0xE8, INIT_VA(va) + INIT_OWN), 3);
	assert_int_equal(patch_branch(TEXT_VA + CALL, 0xE8, va + OWN), 3);
	assert_int_equal(patch_branch(TEXT_VA + CALL, 0xE8, INIT_VA(va) + INIT_OWN), 3);
	assert_int_equal(patch(TEXT_VA + CALL, nop5, 5), 3);

	first_gone_count = 2;
	for (unsigned int i = 0; i < 2; i++)
		first_gone[i] = GPA(130 + i);
	assert_int_equal(live(n), 0);
	assert_rights(INIT_VA(va), 2, NORMAL);
	assert_rights(INIT_RO(va), 1, NORMAL);
	assert_rights(RO_AFTER(va), 1, DATA);
	assert_rights(va, TEXT_PAGES, CODE);
	assert_int_equal(patch_branch(TEXT_VA + CALL, 0xE8, INIT_VA(va) + INIT_OWN), 1);
	unpatch(TEXT_VA + CALL, nop5, 5);
	assert_int_equal(live(n), 0);

	first_gone_count = TEXT_PAGES;
	for (unsigned int i = 0; i < TEXT_PAGES; i++)
		first_gone[i] = GPA(text_pages[i]);
	assert_int_equal(gone(n), 0);
	assert_rights(va, TEXT_PAGES, NORMAL);
	assert_rights(RODATA_VA(va), 2, NORMAL);
	assert_rights(RO_AFTER(va), 1, NORMAL);
	assert_int_equal(patch_branch(TEXT_VA + CALL, 0xE8, va + OWN), 1);
	unpatch(TEXT_VA + CALL, nop5, 5);
	assert_int_equal(gone(n), -ENOENT);
	assert_true(new () > n);
}

/* What a patch may be in a module: nothing else than in the kernel. */
static void test_other_writes_are_refused(void **state)
{
	const uint64_t va = MODULE_VA;
	int64_t n = load(va, 0);
	struct integrity_counts before = integrity_count(), after;

	assert_int_equal(patch_branch(va + SITE_CALL, 0xE8, va + OWN + 1), 1); /* no function begins there */
	unpatch(va + SITE_CALL, nop5, 5);
	assert_int_equal(patch_branch(va + SITE_CALL, 0xE8, RODATA_VA(va)), 1);
	unpatch(va + SITE_CALL, nop5, 5);
	assert_int_equal(patch_branch(va + SITE_CROSS, 0xE9, va + SITE_CROSS + 0x101), 1);
	unpatch(va + SITE_CROSS, nop5, 5);
	assert_int_equal(patch_branch(va + SITE_TRACE, 0xE8, TEXT_VA + FUNCTION), 1); /* not ftrace's */
	unpatch(va + SITE_TRACE, nop5, 5);
	assert_int_equal(patch_branch(va + SITE_TRACE, 0xE8, va + OWN), 1);
	unpatch(va + SITE_TRACE, nop5, 5);
	assert_int_equal(patch_branch(va + SITE_TRACE, 0xE8, TEXT_VA + CALLER), 3);
	assert_false(poke(va + 0x800, "\xCC", 1));
	assert_false(poke(va + SITE_CALL, "\xE8\x00\x00\x00\x00", 5));
	assert_false(poke(RODATA_VA(va), "\xCC", 1));
	assert_false(poke(va + TEXT_PAGES * PAGE_SIZE - 1, "\xCC\xCC", 2));
	/* ftrace's own call goes into vmlinux, and a traced function of vmlinux to no module. */
	assert_int_equal(patch_branch(TEXT_VA + TRACER, 0xE8, va + OWN), 1);
	assert_true(poke(TEXT_VA + TRACER + 1, at_va(TEXT_VA + TRACER + 1), 4));
	assert_true(poke(TEXT_VA + TRACER, "\xE8", 1));
	assert_int_equal(patch_branch(TEXT_VA + TRACED, 0xE8, va + OWN), 1);
	unpatch(TEXT_VA + TRACED, nop5, 5);
	after = integrity_count();
	assert_int_equal(after.refused - before.refused, 10);
	assert_true(after.patches > before.patches);
	assert_int_equal(after.modules, 1);
	assert_int_equal(gone(n), 0);
	assert_int_equal(integrity_count().modules, 0);
	assert_int_equal(integrity_count().modules_ever, 1);
}

/* Two pages of an alias that follow each other, of which the second is another one than the module's next. */
static void test_a_write_over_the_wrong_two_pages(void **state)
{
	const uint64_t va = MODULE_VA;
	struct mapping wrong;

	(void)load(va, 0);
	assert_true(poke(va + SITE_CROSS, "\xCC", 1));
	for (unsigned int i = 0; i < TEXT_PAGES; i++) {
		wrong = (struct mapping){ va + 2 * PAGE_SIZE, GPA(text_pages[i]), 1, true };
		maps[map_count++] = wrong;
		assert_int_equal(poke(va + SITE_CROSS + 1, nop5 + 1, 4), i == 2);
		map_count--;
	}
	/* Into the kernel's text, or a page of no text, neither. */
	map(va + 2 * PAGE_SIZE, GPA(TEXT_PAGE), 1, true);
	assert_false(poke(va + SITE_CROSS + 1, nop5 + 1, 4));
	map(va + 2 * PAGE_SIZE, GPA(FREE_PAGE), 1, true);
	assert_false(poke(va + SITE_CROSS + 1, nop5 + 1, 4));
}

/* Reading: of what is frozen, as it was frozen, whatever VTL0's tables say since. */
static void test_what_is_read_is_what_runs(void **state)
{
	const uint64_t va = MODULE_VA;
	const uint8_t bad = 0x66, good = 0x99;
	int64_t n = new ();

	map_module(va, 0);
	fill_module(va);
	put(va + PAGE_SIZE, &bad, 1);
	freeze_module(n, va);
	/* Another frozen page, with better bytes, where the module's was. */
	assert_int_equal(protect_pages(GPA(300), 1), OVBS_OK);
	ram[300][0] = good;
	map(va + PAGE_SIZE, GPA(300), 1, false);
	assert_int_equal(call(sys_guest_copy, va + PAGE_SIZE, USER, 1, 0), 0);
	assert_int_equal(user[0], good);
	assert_int_equal(call(sys_guest_frozen, va + PAGE_SIZE, USER, 1, 0), 0);
	assert_int_equal(user[0], bad);
	assert_int_equal(give_functions(n, functions_of_module, function_count), 0);
	assert_int_equal(grant(n), 0);
	assert_int_equal(rights[37], CODE);
	assert_int_equal(rights[300], DATA);
}

static void test_copies(void **state)
{
	const uint64_t va = MODULE_VA;
	int64_t n = new ();

	map_module(va, 0);
	for (unsigned int i = 0; i < TEXT_PAGES * PAGE_SIZE; i++)
		*at_va(va + i) = (uint8_t)(i * 7 + i / 256);
	assert_int_equal(call(sys_guest_copy, va + 100, USER, TEXT_PAGES * PAGE_SIZE - 100, 0), 0);
	for (unsigned int i = 100; i < TEXT_PAGES * PAGE_SIZE; i++)
		assert_int_equal(user[i - 100], (uint8_t)(i * 7 + i / 256));
	assert_int_equal(call(sys_guest_copy, va, USER, 0, 0), 0);
	assert_int_equal(call(sys_guest_copy, va, USER, OVBS_TL_COPY_MAX + 1, 0), -EINVAL);
	assert_int_equal(call(sys_guest_copy, va, USER, ~0ULL, 0), -EINVAL);
	assert_int_equal(call(sys_guest_copy, va + TEXT_PAGES * PAGE_SIZE - 1, USER, 2, 0), -EFAULT);
	assert_int_equal(call(sys_guest_copy, 0x1000, USER, 1, 0), -EFAULT);
	assert_int_equal(call(sys_guest_copy, ~0ULL, USER, 2, 0), -EFAULT);
	assert_int_equal(call(sys_guest_copy, va, USER - 1, 2, 0), -EFAULT);
	assert_int_equal(call(sys_guest_copy, va, USER + sizeof(user) - 1, 2, 0), -EFAULT);
	map(OTHER_VA, GPA(RAM_PAGES) - PAGE_SIZE, 2, true);
	assert_int_equal(call(sys_guest_copy, OTHER_VA, USER, PAGE_SIZE, 0), 0);
	assert_int_equal(call(sys_guest_copy, OTHER_VA + PAGE_SIZE, USER, 1, 0), -EFAULT); /* no RAM */
	map(POKE_VA, GPA(TEXT_PAGE), 1, true);
	assert_int_equal(call(sys_guest_copy, POKE_VA, USER, 1, 0), -EFAULT); /* not the kernel's half */

	/* Frozen: all of it, or an error. */
	assert_int_equal(call(sys_guest_frozen, va, USER, 1, 0), -EACCES);
	assert_int_equal(freeze(n, va, 2, OVBS_TL_PAGES_RX), 0);
	assert_int_equal(call(sys_guest_frozen, va, USER, 2 * PAGE_SIZE, 0), 0);
	assert_int_equal(call(sys_guest_frozen, va, USER, 2 * PAGE_SIZE + 1, 0), -EACCES);
	assert_int_equal(call(sys_guest_frozen, TEXT_VA, USER, TEXT_LEN, 0), 0);
	assert_int_equal(call(sys_guest_frozen, DATA_VA, USER, PAGE_SIZE, 0), 0);
	assert_int_equal(call(sys_guest_frozen, FREE_VA, USER, 1, 0), -EACCES);
	assert_int_equal(freeze(n, RO_AFTER(va), 1, OVBS_TL_PAGES_R_AFTER_INIT), 0);
	assert_int_equal(call(sys_guest_frozen, RO_AFTER(va), USER, 1, 0), -EACCES);
	assert_int_equal(call(sys_guest_frozen, 0x1000, USER, 1, 0), -EFAULT);
}

static void test_wrong_order_and_numbers(void **state)
{
	static const uint64_t none[] = { 0, 77, 1ULL << 32, ~0ULL };
	const uint64_t va = MODULE_VA;
	int64_t n = new ();

	map_module(va, 0);
	fill_module(va);
	for (unsigned int i = 0; i < ARRAY_SIZE(none); i++) {
		uint64_t wrong = none[i] == 1ULL << 32 ? none[i] | (uint64_t)n : none[i];

		assert_int_equal(freeze(wrong, va, 1, OVBS_TL_PAGES_RX), -ENOENT);
		assert_int_equal(give_sites(wrong, sites_of_module, 1), -ENOENT);
		assert_int_equal(give_functions(wrong, functions_of_module, 1), -ENOENT);
		assert_int_equal(grant(wrong), -ENOENT);
		assert_int_equal(live(wrong), -ENOENT);
		assert_int_equal(gone(wrong), -ENOENT);
	}
	assert_rights(va, TEXT_PAGES, NORMAL);
	assert_int_equal(live(n), -EINVAL);
	assert_int_equal(give_sites(n, sites_of_module, 1), -EINVAL); /* it has no text */
	assert_int_equal(grant(n), -EINVAL);                          /* a step failed */
	assert_int_equal(freeze(n, va, 1, OVBS_TL_PAGES_RX), -EINVAL);
	assert_int_equal(gone(n), 0);

	n = new ();
	freeze_module(n, va);
	assert_int_equal(give_functions(n, functions_of_module, function_count), 0);
	assert_int_equal(freeze(n, va + TEXT_PAGES * PAGE_SIZE, 1, OVBS_TL_PAGES_RX), -EFAULT); /* not mapped */
	map(va + TEXT_PAGES * PAGE_SIZE, GPA(400), 1, true);
	assert_int_equal(freeze(n, va + TEXT_PAGES * PAGE_SIZE, 1, OVBS_TL_PAGES_RX), -EINVAL); /* its extent is known */
	assert_int_equal(rights[400], NORMAL);
	assert_int_equal(grant(n), -EINVAL);
	assert_rights(va, TEXT_PAGES, DATA);
	assert_int_equal(gone(n), 0);

	n = load(OTHER_VA, 400);
	assert_int_equal(freeze(n, va, 1, OVBS_TL_PAGES_R), -EINVAL);
	assert_int_equal(give_sites(n, sites_of_module, 1), -EINVAL);
	assert_int_equal(give_functions(n, functions_of_module, 1), -EINVAL);
	assert_int_equal(grant(n), 0);
	assert_int_equal(gone(n), 0);
	assert_rights(va, TEXT_PAGES, NORMAL);
}

static void test_arguments_of_freeze(void **state)
{
	const uint64_t va = MODULE_VA;
	int64_t n = new ();

	map_module(va, 0);
	assert_int_equal(freeze(n, va, 0, OVBS_TL_PAGES_RX), -EINVAL);
	assert_int_equal(freeze(n, va, OVBS_TL_PAGES_MAX + 1, OVBS_TL_PAGES_RX), -EINVAL);
	assert_int_equal(freeze(n, va, ~0ULL, OVBS_TL_PAGES_RX), -EINVAL);
	assert_int_equal(freeze(n, va, 1ULL << 52, OVBS_TL_PAGES_RX), -EINVAL);
	assert_int_equal(freeze(n, va + 1, 1, OVBS_TL_PAGES_RX), -EINVAL);
	assert_int_equal(freeze(n, va, 1, OVBS_TL_PAGES_R_UNTIL_INIT + 1), -EINVAL);
	assert_int_equal(freeze(n, va, 1, ~0u), -EINVAL);
	assert_int_equal(freeze(n, 0xFFFFFFFFFFFFF000, 1, OVBS_TL_PAGES_RX), -EFAULT);
	assert_int_equal(freeze(n, POKE_VA, 1, OVBS_TL_PAGES_RX), -EFAULT);
	map(0xFFFFFFFFFFFFF000, GPA(400), 1, true);
	assert_int_equal(freeze(n, 0xFFFFFFFFFFFFF000, 1, OVBS_TL_PAGES_RX), -EINVAL); /* it would wrap */
	assert_int_equal(freeze(n, va, 1, OVBS_TL_PAGES_RX), 0); /* nothing was done wrong yet */
	assert_int_equal(freeze(n, va + 2 * PAGE_SIZE, 1, OVBS_TL_PAGES_RX), -EINVAL); /* a gap in its text */
	assert_int_equal(rights[205], NORMAL);
	assert_int_equal(gone(n), 0);
	n = new ();
	/* Text and init's text too far apart. */
	map(0xFFFFFFFE00000000, GPA(400), 1, true);
	assert_int_equal(freeze(n, va, 1, OVBS_TL_PAGES_RX), 0);
	assert_int_equal(freeze(n, 0xFFFFFFFE00000000, 1, OVBS_TL_PAGES_RX_UNTIL_INIT), 0);
	assert_int_equal(grant(n), -EINVAL);
	assert_int_equal(rights[400], DATA);
	assert_int_equal(gone(n), 0);
	assert_int_equal(rights[400], NORMAL);
}

#define TAKEN 500u /* pages of ram from here on: who has them is in the rows of the test */

/* A page that is somebody's never becomes a module's, and keeps its rights. */
static void test_pages_of_somebody_else(void **state)
{
	const uint64_t va = MODULE_VA;
	int64_t other = load(OTHER_VA, 1000), n;
	const uint64_t pages[] = {
		GPA(TEXT_PAGE),  GPA(DATA_PAGE),
		GPA(TAKEN), /* the kernel's, frozen; a message page */
		GPA(1024),  /* given */
		GPA(1000 + 37),  GPA(1000 + 110),
		GPA(1000 + 120), /* another module's text, constants */
		GPA(1000 + 130), GPA(1000 + 140),
		GPA(100), /* its init's; this module's own */
	};

	assert_int_equal(protect_register(GPA(TAKEN)), OVBS_OK);
	assert_int_equal(protect_give(GPA(1536), 1), OVBS_OK);
	for (unsigned int i = 0; i < ARRAY_SIZE(pages); i++) {
		uint64_t page = i == 3 ? GPA(1536 + 7) : pages[i];
		uint8_t before = rights[page_of(page)];

		for (unsigned int what = 0; what <= OVBS_TL_PAGES_R_UNTIL_INIT; what++) {
			n = new ();
			map_count = 0;
			map_module(va, 0);
			map(va + PAGE_SIZE, page, 1, true); /* the second of three */
			assert_int_equal(freeze(n, va, 3, what), -EACCES);
			assert_int_equal(rights[page_of(page)],
					 i == ARRAY_SIZE(pages) - 1 && what != OVBS_TL_PAGES_R_AFTER_INIT ?
						 DATA :
						 before);
			assert_int_equal(rights[205], NORMAL); /* the third */
			assert_int_equal(grant(n), -EINVAL);
			assert_int_equal(gone(n), 0);
			assert_int_equal(rights[page_of(page)], i == ARRAY_SIZE(pages) - 1 ? NORMAL : before);
			assert_int_equal(rights[100], NORMAL);
		}
	}
	/* The other way round: a module's pages are nobody else's. */
	assert_int_equal(protect_pages(GPA(1000 + 37), 1), OVBS_E_ACCESS_CONFLICT);
	assert_int_equal(protect_pages(GPA(1000 + 120), 1), OVBS_E_ACCESS_CONFLICT); /* also if it is not frozen yet */
	assert_int_equal(protect_register(GPA(1000 + 120)), OVBS_E_ACCESS_CONFLICT);
	assert_int_equal(protect_register(GPA(1000 + 100)), OVBS_E_ACCESS_CONFLICT);
	assert_int_equal(protect_give(GPA(1024), 1), OVBS_E_ACCESS_CONFLICT);
	assert_int_equal(gone(other), 0);
	assert_int_equal(protect_give(GPA(1024), 1), OVBS_OK);
}

/* One address twice: in one module, in two, with other pages there. */
static void test_two_pages_at_one_address(void **state)
{
	const uint64_t va = MODULE_VA;
	int64_t first = load(va, 0), n = new ();

	map_module(va, 400); /* VTL0 has others there now */
	assert_int_equal(freeze(n, va + 2 * PAGE_SIZE, 1, OVBS_TL_PAGES_RX), -EACCES);
	assert_int_equal(rights[400 + 205], NORMAL);
	assert_int_equal(gone(n), 0);
	assert_int_equal(rights[37], CODE); /* the first one's */
	n = new ();
	map(OTHER_VA, GPA(700), 4, true);
	assert_int_equal(freeze(n, OTHER_VA, 3, OVBS_TL_PAGES_RX), 0);
	map(OTHER_VA, GPA(710), 4, true);
	assert_int_equal(freeze(n, OTHER_VA + PAGE_SIZE, 1, OVBS_TL_PAGES_R), -EACCES);
	assert_int_equal(rights[711], NORMAL);
	assert_int_equal(gone(n), 0);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(rights[700 + i], NORMAL);
	assert_int_equal(gone(first), 0);
}

static void refuse_site(struct ovbs_tl_site site, int64_t at_once)
{
	int64_t n = place(MODULE_VA, 0);

	assert_int_equal(give_sites(n, &site, 1), at_once);
	assert_int_equal(grant(n), at_once ? -EINVAL : -EBADMSG);
	assert_rights(MODULE_VA, TEXT_PAGES, DATA);
	assert_int_equal(grant(n), -EINVAL); /* nor the next time */
	assert_int_equal(patch_branch(MODULE_VA + SITE_CALL, 0xE8, TEXT_VA + CALLER), 0);
	assert_int_equal(gone(n), 0);
	map_count -= 10;
}

static void test_sites_that_can_not_be(void **state)
{
	const struct ovbs_tl_site good = { .address = MODULE_VA + 0x500, .kind = OVBS_TL_SITE_CALL, .size = 5 };
	const uint64_t outside[] = { 0,
				     1,
				     MODULE_VA - 1,
				     MODULE_VA + TEXT_PAGES * PAGE_SIZE,
				     RODATA_VA(MODULE_VA),
				     MODULE_VA + TEXT_PAGES * PAGE_SIZE - 4,
				     INIT_VA(MODULE_VA) - 1,
				     INIT_RO(MODULE_VA),
				     TEXT_VA + CALL,
				     ~0ULL };
	struct ovbs_tl_site s;

	map_module(MODULE_VA, 0);
	put(MODULE_VA + 0x500, nop5, 5);
	put(MODULE_VA + 0x600, "\x0F\x1F\x44\x00\x01", 5);
	map_count -= 10;
	for (unsigned int i = 0; i < ARRAY_SIZE(outside); i++) {
		s = good;
		s.address = outside[i];
		refuse_site(s, -EINVAL);
	}
	s = good;
	s.kind = 6; /* a tracer: ftrace's own */
	refuse_site(s, -EINVAL);
	s = good;
	s.kind = OVBS_TL_SITE_JUMP;
	s.target = (int32_t)(TEXT_PAGES * PAGE_SIZE); /* behind its text */
	refuse_site(s, -EINVAL);
	s.target = (int32_t)(INIT_VA(0) - 0x500 + 0x10); /* into init's */
	refuse_site(s, -EINVAL);
	s.target = -0x501;
	refuse_site(s, -EINVAL);
	/* The rest is seen before anything runs. */
	for (unsigned int kind = 0; kind < 256; kind++) {
		s = good;
		s.kind = (uint8_t)kind;
		if (kind == OVBS_TL_SITE_JUMP || kind == OVBS_TL_SITE_CALL ||
		    kind == OVBS_TL_SITE_MCOUNT || kind == 6)
			continue;
		refuse_site(s, 0);
	}
	s = good;
	s.size = 4;
	refuse_site(s, 0);
	s.size = 0;
	refuse_site(s, 0);
	s = good;
	s.condition = 1;
	refuse_site(s, 0);
	s = good;
	s.reserved = 1;
	refuse_site(s, 0);
	s = good;
	s.target = 1;
	refuse_site(s, 0);
	s = good;
	s.address = MODULE_VA + 0x600; /* no form */
	refuse_site(s, 0);
	s.address = MODULE_VA + SITE_CALL; /* twice */
	refuse_site(s, 0);
	s.address = MODULE_VA + SITE_CROSS - 4; /* over another one */
	refuse_site(s, 0);
}

/* Functions: in the module's text, ascending. */
static void test_functions_that_can_not_be(void **state)
{
	const uint64_t va = MODULE_VA;
	const uint64_t wrong[][2] = { { va + 16, va + 15 },
				      { va + 16, va + TEXT_PAGES * PAGE_SIZE },
				      { va + 16, TEXT_VA + FUNCTION },
				      { va + 16, RODATA_VA(va) },
				      { INIT_VA(va), va },
				      { va - 1, va },
				      { 0, va },
				      { va + (1ULL << 32), va } };
	const uint64_t fine[] = { va,          va,
				  va + 1,      va + TEXT_PAGES * PAGE_SIZE - 1,
				  INIT_VA(va), INIT_VA(va) + 0x1FFF };

	map_module(va, 0);
	fill_module(va);
	for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++) {
		int64_t n = new ();

		freeze_module(n, va);
		assert_int_equal(give_functions(n, wrong[i], 2), -EINVAL);
		assert_int_equal(grant(n), -EINVAL);
		assert_int_equal(gone(n), 0);
	}
	for (unsigned int split = 0; split <= ARRAY_SIZE(fine); split++) {
		int64_t n = new ();

		freeze_module(n, va);
		assert_int_equal(give_functions(n, fine, split), 0);
		assert_int_equal(give_functions(n, fine + split, ARRAY_SIZE(fine) - split), 0);
		assert_int_equal(grant(n), 0);
		for (unsigned int i = 0; i < ARRAY_SIZE(fine); i++) {
			assert_int_equal(patch_branch(TEXT_VA + CALL, 0xE8, fine[i]), 3);
			assert_int_equal(patch_branch(TEXT_VA + CALL, 0xE8, fine[i] + 2), 1);
			unpatch(TEXT_VA + CALL, nop5, 5);
		}
		assert_int_equal(gone(n), 0);
	}
	assert_int_equal(call(sys_module_functions, 1, USER, OVBS_TL_SITES_MAX + 1, 0), -EINVAL);
	assert_int_equal(call(sys_module_sites, 1, USER, OVBS_TL_SITES_MAX + 1, 0), -EINVAL);
	assert_int_equal(call(sys_module_functions, 1, 0, 1, 0), -EFAULT);
	assert_int_equal(call(sys_module_sites, 1, USER + sizeof(user) - 15, 1, 0), -EFAULT);
}

/* The hypervisor has no memory after so many pages: nothing runs, and what is not frozen does not count as that. */
static void test_no_memory_in_the_hypervisor(void **state)
{
	const uint64_t va = MODULE_VA;

	map_module(va, 0);
	fill_module(va);
	for (unsigned int k = 0; k < TEXT_PAGES; k++) {
		int64_t n = new ();

		pages_left = k;
		assert_int_equal(freeze(n, va, TEXT_PAGES, OVBS_TL_PAGES_RX), -ENOMEM);
		pages_left = ~0u;
		for (unsigned int i = 0; i < TEXT_PAGES; i++) {
			assert_int_equal(rights_at(va + i * PAGE_SIZE), i < k ? DATA : NORMAL);
			assert_int_equal(call(sys_guest_frozen, va + i * PAGE_SIZE, USER, 1, 0),
					 i < k ? 0 : -EACCES);
		}
		assert_int_equal(grant(n), -EINVAL);
		assert_int_equal(gone(n), 0);
		assert_rights(va, TEXT_PAGES, NORMAL);
	}
	for (unsigned int k = 0; k < TEXT_PAGES + 2; k++) {
		int64_t n = new ();

		freeze_module(n, va);
		pages_left = k;
		assert_int_equal(grant(n), -ENOMEM);
		pages_left = ~0u;
		assert_int_equal(grant(n), -EINVAL);
		assert_int_equal(live(n), -EINVAL);
		assert_int_equal(gone(n), 0);
		assert_rights(va, TEXT_PAGES, NORMAL);
		assert_rights(INIT_VA(va), 2, NORMAL);
	}
}

/* Some pages of one range are done, the others are not: it counts as having the old rights and the new ones. */
static void test_half_a_range(void **state)
{
	/* A thaw takes two changes of each page: no more execution first. */
	static const uint8_t after[2][3] = { { DATA, CODE }, { CODE, DATA, NORMAL } };

	map(OTHER_VA, GPA(700), 6, true);
	for (unsigned int step = 0; step < 2; step++) {
		for (unsigned int k = 0; k < (step ? 12 : 6); k++) {
			int64_t n = new ();
			struct range r;

			assert_int_equal(freeze(n, OTHER_VA, 6, OVBS_TL_PAGES_RX), 0);
			if (step)
				assert_int_equal(grant(n), 0);
			pages_left = k;
			assert_int_equal(step ? gone_some(n) : grant_some(n), -ENOMEM);
			pages_left = ~0u;
			assert_true(protect_find(GPA(700), &r));
			assert_int_equal(r.pages, 6);
			for (unsigned int i = 0; i < 6; i++) {
				assert_int_equal(rights[700 + i], after[step][k / 6 + (i < k % 6)]);
				assert_int_equal(rights[700 + i] & ~r.rights, 0);
			}
			assert_int_equal(gone(n), 0);
			assert_rights(OTHER_VA, 6, NORMAL);
		}
	}
}

/* More pages and sites than one call does: between the calls nothing of it runs for anybody, and nobody writes. */
static void test_a_big_module(void **state)
{
	struct ovbs_tl_site site[OVBS_TL_SITES_MAX];
	const uint64_t function = BIG_VA;
	int64_t n = new (), left, before;

	for (unsigned int i = 0; i < BIG; i += 100)
		map(BIG_VA + i * PAGE_SIZE, GPA(BIG_PAGE + BIG - 100 - i), 100, true);
	for (unsigned int i = 0; i < BIG; i += 100)
		assert_int_equal(freeze(n, BIG_VA + i * PAGE_SIZE, 100, OVBS_TL_PAGES_RX), 0);
	for (unsigned int batch = 0; batch < 3; batch++) {
		for (unsigned int i = 0; i < OVBS_TL_SITES_MAX; i++) {
			site[i] = (struct ovbs_tl_site){
				.address = BIG_VA + ((2 - batch) * OVBS_TL_SITES_MAX + (i ^ 0x155)) * 8 + 16,
				.kind = OVBS_TL_SITE_CALL,
				.size = 5
			};
			put(site[i].address, nop5, 5);
		}
		assert_int_equal(give_sites(n, site, OVBS_TL_SITES_MAX), 0);
	}
	assert_int_equal(give_functions(n, &function, 1), 0);
	before = BIG + 2;
	while ((left = grant_some(n)) > 0) {
		assert_true(left < before || left == BIG + 1);
		before = left;
		assert_int_equal(patch_branch(site[0].address, 0xE8, TEXT_VA + CALLER), 0);
		assert_int_equal(patch_branch(TEXT_VA + CALL, 0xE8, function), 1);
		unpatch(TEXT_VA + CALL, nop5, 5);
	}
	assert_int_equal(left, 0);
	assert_rights(BIG_VA, BIG, CODE);
	for (unsigned int i = 0; i < OVBS_TL_SITES_MAX; i++)
		assert_int_equal(patch_branch(site[i].address, 0xE8, function), 3);
	before = BIG + 1;
	while ((left = gone_some(n)) > 0) {
		assert_true(left < before);
		before = left;
		if (rights_at(site[0].address) != NORMAL)
			assert_int_equal(patch_branch(site[0].address, 0xE8, TEXT_VA + CALLER), 0);
		assert_int_equal(patch_branch(TEXT_VA + CALL, 0xE8, function), 1);
		unpatch(TEXT_VA + CALL, nop5, 5);
		assert_int_equal(grant_some(n), -EINVAL);
		assert_int_equal(live_some(n), -EINVAL);
	}
	assert_rights(BIG_VA, BIG, NORMAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOCKED(test_a_modules_life),
		LOCKED(test_other_writes_are_refused),
		LOCKED(test_a_write_over_the_wrong_two_pages),
		LOCKED(test_what_is_read_is_what_runs),
		LOCKED(test_copies),
		LOCKED(test_wrong_order_and_numbers),
		LOCKED(test_arguments_of_freeze),
		LOCKED(test_pages_of_somebody_else),
		LOCKED(test_two_pages_at_one_address),
		LOCKED(test_sites_that_can_not_be),
		LOCKED(test_functions_that_can_not_be),
		LOCKED(test_no_memory_in_the_hypervisor),
		LOCKED(test_half_a_range),
		LOCKED(test_a_big_module),
	};

	return run_each(tests, ARRAY_SIZE(tests));
}
