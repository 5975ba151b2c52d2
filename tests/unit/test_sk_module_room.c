/* links: securekernel/ranges.c securekernel/modules.c securekernel/text.c securekernel/integrity.c
   links: securekernel/syscall_integrity.c securekernel/capture.c securekernel/patch.c securekernel/sites.c securekernel/forms.c */
// SPDX-License-Identifier: GPL-2.0-only
/*
 * The room that modules' sites and functions have in common, and modules that are
 * there before lockdown, which the kernel tells of. Promises: whoever comes and
 * goes, the sites and functions of the others are theirs; what the kernel told of
 * stays; a piece that makes no sense means no lockdown.
 */
#include "sk_module.h"

/* ---- one room for all ----------------------------------------------------- */

#define SMALL_VA(i) (0xFFFFFFFFC1000000ULL + (i)*0x10000)

/* A module of one page that has @n sites, 8 bytes apart, and a function at each. */
static int64_t load_small(unsigned int i, unsigned int n)
{
	struct ovbs_tl_site site[OVBS_TL_SITES_MAX];
	uint64_t function[OVBS_TL_SITES_MAX];
	int64_t number = new ();

	map(SMALL_VA(i), GPA(2000 + i), 1, true);
	assert_int_equal(freeze(number, SMALL_VA(i), 1, OVBS_TL_PAGES_RX), 0);
	for (unsigned int k = 0; k < n; k++) {
		function[k] = SMALL_VA(i) + 8 * k;
		site[k] = (struct ovbs_tl_site){ .address = function[k], .kind = OVBS_TL_SITE_CALL, .size = 5 };
		put(function[k], nop5, 5);
	}
	assert_int_equal(give_sites(number, site, n), 0);
	assert_int_equal(give_functions(number, function, n), 0);
	assert_int_equal(grant(number), 0);
	return number;
}

/* Each site of it can be patched, to each of its functions that is tried, and nothing beside them. */
static void assert_works(unsigned int i, unsigned int n)
{
	for (unsigned int k = 0; k<n; k += n> 20 ? 7 : 1) {
		uint64_t site = SMALL_VA(i) + 8 * k;

		assert_int_equal(patch_branch(site, 0xE8, SMALL_VA(i) + 8 * (n - 1 - k)), 3);
		assert_int_equal(patch(site, nop5, 5), 3);
		assert_false(poke(site + 1, "\xCC", 1));
		assert_int_equal(patch_branch(site, 0xE8, site + 1), 1);
		unpatch(site, nop5, 5);
	}
	assert_false(poke(SMALL_VA(i) + 8 * n, "\xCC", 1));
}

/* Whichever goes, those before and behind it stay as they are, and the next begins where there is room. */
static void test_the_room_closes_up(void **state)
{
	static const unsigned int n[] = { 3, 500, 1, 17, 120 };
	int64_t number[ARRAY_SIZE(n)];

	for (unsigned int i = 0; i < ARRAY_SIZE(n); i++)
		number[i] = load_small(i, n[i]);
	for (unsigned int k = 0; k < ARRAY_SIZE(n); k++) {
		unsigned int out = k * 2 % ARRAY_SIZE(n);

		assert_int_equal(gone(number[out]), 0);
		assert_int_equal(rights[2000 + out], NORMAL);
		for (unsigned int i = 0; i < ARRAY_SIZE(n); i++)
			if (i != out)
				assert_works(i, n[i]);
		number[out] = load_small(out, n[out]);
		for (unsigned int i = 0; i < ARRAY_SIZE(n); i++)
			assert_works(i, n[i]);
	}
}

/* Half-made ones between the others, without sites, without functions, that no more can be added to. */
static void test_half_made_ones_in_between(void **state)
{
	const uint64_t function = SMALL_VA(8);
	struct ovbs_tl_site site = { .address = SMALL_VA(7), .kind = OVBS_TL_SITE_CALL, .size = 5 };
	int64_t first = load_small(0, 5), half[3], last;

	for (unsigned int i = 0; i < 3; i++) {
		half[i] = new ();
		map(SMALL_VA(6 + i), GPA(2100 + i), 1, true);
		assert_int_equal(freeze(half[i], SMALL_VA(6 + i), 1, OVBS_TL_PAGES_RX), 0);
	}
	put(SMALL_VA(7), nop5, 5);
	assert_int_equal(give_sites(half[1], &site, 1), -EINVAL); /* not the last */
	assert_int_equal(give_functions(half[2], &function, 1), 0);
	last = load_small(1, 9);
	assert_int_equal(give_functions(half[2], &function, 1), -EINVAL);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(gone(half[i]), 0);
		assert_works(0, 5);
		assert_works(1, 9);
	}
	assert_int_equal(gone(first), 0);
	assert_works(1, 9);
	assert_int_equal(gone(last), 0);
}

/* Room for 64K functions and 72K sites: then -ENOMEM, and a place is there again when a module went. */
static void test_the_room_ends(void **state)
{
	uint64_t function[OVBS_TL_SITES_MAX];
	struct ovbs_tl_site site[OVBS_TL_SITES_MAX];
	int64_t kept = load_small(0, 3), n = new ();
	uint64_t functions = 3, sites = 3;

	map(BIG_VA, GPA(BIG_PAGE), 256, true);
	assert_int_equal(freeze(n, BIG_VA, 256, OVBS_TL_PAGES_RX), 0);
	for (int64_t err = 0; !err; functions += ARRAY_SIZE(function)) {
		for (unsigned int i = 0; i < ARRAY_SIZE(function); i++)
			function[i] = BIG_VA + (functions + i) * 4;
		err = give_functions(n, function, ARRAY_SIZE(function));
		assert_true(err == 0 || err == -ENOMEM);
		assert_int_equal(err == 0, functions + ARRAY_SIZE(function) <= 65536);
	}
	assert_int_equal(grant(n), -EINVAL);
	assert_int_equal(gone(n), 0);
	n = new ();
	assert_int_equal(freeze(n, BIG_VA, 256, OVBS_TL_PAGES_RX), 0);
	for (int64_t err = 0; !err; sites += ARRAY_SIZE(site)) {
		for (unsigned int i = 0; i < ARRAY_SIZE(site); i++)
			site[i] = (struct ovbs_tl_site){ .address = BIG_VA + (sites + i) * 8,
							 .kind = OVBS_TL_SITE_CALL,
							 .size = 5 };
		err = give_sites(n, site, ARRAY_SIZE(site));
		assert_true(err == 0 || err == -ENOMEM);
		assert_int_equal(err == 0, sites + ARRAY_SIZE(site) <= 73728);
	}
	assert_int_equal(gone(n), 0);
	assert_works(0, 3);
	n = load_small(1, 500);
	assert_works(1, 500);
	assert_int_equal(gone(n), 0);
	assert_int_equal(gone(kept), 0);
}

/* What the one before it had is the last one's when that goes. */
static void test_room_of_the_one_before(void **state)
{
	struct ovbs_tl_site site[OVBS_TL_SITES_MAX];
	int64_t first = load_small(0, 500), n = new ();
	unsigned int count = 0;

	map(BIG_VA, GPA(BIG_PAGE), 256, true);
	assert_int_equal(freeze(n, BIG_VA, 256, OVBS_TL_PAGES_RX), 0);
	for (unsigned int part; count < 73728; count += part) {
		part = count + ARRAY_SIZE(site) <= 73228 ? ARRAY_SIZE(site) :
		       count < 73228                     ? 73228 - count :
							   500;
		for (unsigned int i = 0; i < part; i++)
			site[i] = (struct ovbs_tl_site){ .address = BIG_VA + (count + i) * 8,
							 .kind = OVBS_TL_SITE_CALL,
							 .size = 5 };
		if (count == 73228)
			assert_int_equal(gone(first), 0);
		assert_int_equal(give_sites(n, site, part), 0);
	}
	assert_int_equal(give_sites(n, site, 1), -ENOMEM);
	assert_int_equal(gone(n), 0);
}

static void test_modules_end(void **state)
{
	int64_t n[512], last = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(n); i++) {
		n[i] = new ();
		assert_true(n[i] > last);
		last = n[i];
	}
	assert_int_equal(call(sys_module_new, 0, 0, 0, 0), -ENOMEM);
	assert_int_equal(gone(n[100]), 0);
	assert_true(new () > last);
	assert_int_equal(call(sys_module_new, 0, 0, 0, 0), -ENOMEM);
}

/* ---- before lockdown ------------------------------------------------------ */

/* The trustlet's calls have the same effect; what is thawed is as everything is then. */
static void test_a_module_before_lockdown(void **state)
{
	const uint64_t va = MODULE_VA;
	int64_t n = place(va, 0), other;

	assert_int_equal(call(sys_locked, 0, 0, 0, 0), 0);
	assert_rights(va, TEXT_PAGES, DATA);
	assert_rights(RO_AFTER(va), 1, NORMAL);
	assert_int_equal(grant(n), 0);
	assert_rights(va, TEXT_PAGES, CODE);
	assert_int_equal(patch_branch(va + SITE_CALL, 0xE8, va + OWN), 3);
	assert_int_equal(live(n), 0);
	assert_rights(INIT_VA(va), 2, ALL);
	other = load(OTHER_VA, 1000);
	assert_int_equal(gone(other), 0);
	assert_rights(OTHER_VA, TEXT_PAGES, ALL);
	lock_down();
	assert_rights(INIT_VA(va), 2, NORMAL);
	assert_rights(OTHER_VA, TEXT_PAGES, NORMAL);
	assert_int_equal(patch_branch(va + SITE_CALL, 0xE8, TEXT_VA + FUNCTION), 3);
	assert_int_equal(gone(n), 0);
	assert_rights(va, TEXT_PAGES, NORMAL);
}

/* A module that the kernel tells of: text frozen by it, then tables. */
static void trust_module(uint64_t va, unsigned int first)
{
	const uint32_t functions[2][2] = { { SITE_TRACE, OWN }, { OWN, OWN + 0x10 } };
	int32_t jump[4] = { 0 };

	map_module(va, first);
	fill_module(va);
	for (unsigned int i = 0; i < TEXT_PAGES; i++)
		assert_int_equal(protect_freeze(GPA(first + text_pages[i]), 1, OVBS_FREEZE_CODE), OVBS_OK);
	send_sites(OVBS_SITES_MODULE, va, TEXT_PAGES * PAGE_SIZE);
	put(FREE_VA, functions, sizeof(functions)); /* anywhere: copied */
	send_sites(OVBS_SITES_FUNCTIONS, FREE_VA, 8);
	send_sites(OVBS_SITES_FUNCTIONS, FREE_VA + 8, 8);
	map(0xFFFFFFFFC0F00000, GPA(FREE_PAGE), 1, true); /* within reach of 32 bits */
	jump[0] = (int32_t)(va + SITE_CROSS - 0xFFFFFFFFC0F00000);
	jump[1] = (int32_t)(va + SITE_CROSS + 0x100 - 0xFFFFFFFFC0F00004);
	put(FREE_VA, jump, sizeof(jump));
	send_sites(OVBS_SITES_JUMPS, 0xFFFFFFFFC0F00000, sizeof(jump));
	jump[0] = (int32_t)(va + SITE_CALL - 0xFFFFFFFFC0F00000);
	jump[1] = 0;
	put(FREE_VA, jump, 8);
	send_sites(OVBS_SITES_STATIC_CALLS, 0xFFFFFFFFC0F00000, 8);
}

static void test_modules_from_before_lockdown(void **state)
{
	const uint64_t va[] = { MODULE_VA, OTHER_VA };
	int64_t n;

	trust_module(va[0], 0);
	trust_module(va[1], 1000);
	assert_int_equal(patch_branch(va[0] + SITE_CALL, 0xE8, va[0] + OWN), 0); /* not sealed yet */
	lock_down();
	assert_int_equal(integrity_count().modules, 2);
	for (unsigned int i = 0; i < 2; i++) {
		assert_rights(va[i], TEXT_PAGES, CODE);
		assert_int_equal(patch_branch(va[i] + SITE_CALL, 0xE8, va[!i] + OWN), 3);
		assert_int_equal(patch_branch(va[i] + SITE_CALL, 0xE8, va[i] + OWN + 0x10), 3);
		assert_int_equal(patch_branch(va[i] + SITE_CROSS, 0xE9, va[i] + SITE_CROSS + 0x100), 3);
		assert_int_equal(patch_branch(TEXT_VA + CALL, 0xE8, va[i] + SITE_TRACE), 3);
		assert_int_equal(patch_branch(va[i] + SITE_CALL, 0xE8, va[i] + OWN + 1), 1);
		assert_false(poke(va[i] + SITE_TRACE, "\xCC", 1));
	}
	for (uint32_t owner = 1; owner <= 2; owner++) {
		uint64_t done, left;

		assert_int_equal(protect_step(PROTECT_THAW, owner, 0, ~0ULL, &done, &left), 0);
		assert_true(!done && !left);
		assert_rights(va[owner - 1], TEXT_PAGES, CODE);
	}
	/* They stay: their numbers are no trustlet's, their pages nobody's. */
	for (n = 0; n < 5; n++) {
		assert_int_equal(gone(n), -ENOENT);
		assert_int_equal(live(n), -ENOENT);
		assert_int_equal(grant(n), -ENOENT);
		assert_int_equal(freeze(n, RODATA_VA(MODULE_VA), 1, OVBS_TL_PAGES_R), -ENOENT);
	}
	n = new ();
	assert_int_equal(freeze(n, va[0], 1, OVBS_TL_PAGES_RX), -EACCES);
	assert_int_equal(gone(n), 0);
	assert_rights(va[0], TEXT_PAGES, CODE);
	n = load(0xFFFFFFFFC0A00000, 400);
	assert_int_equal(patch_branch(va[0] + SITE_CROSS, 0xE9, 0xFFFFFFFFC0A00000 + OWN), 1);
	assert_int_equal(gone(n), 0);
}

static void assert_no_lockdown(enum ovbs_result want, enum ovbs_result got)
{
	assert_int_equal(want, got);
	assert_int_equal(protect_lockdown(), OVBS_E_BAD_FORMAT);
	assert_false(locked_down);
}

static void test_a_module_that_is_not_frozen(void **state)
{
	map_module(MODULE_VA, 0);
	for (unsigned int i = 0; i < TEXT_PAGES; i++)
		assert_int_equal(protect_freeze(GPA(text_pages[i]), 1,
						i == 3 ? OVBS_FREEZE_DATA : OVBS_FREEZE_CODE),
				 OVBS_OK);
	assert_no_lockdown(OVBS_E_ACCESS_CONFLICT,
			   integrity_add(OVBS_SITES_MODULE, MODULE_VA, TEXT_PAGES * PAGE_SIZE));
}

static void test_a_module_twice(void **state)
{
	trust_module(MODULE_VA, 0);
	assert_no_lockdown(OVBS_E_SECURITY,
			   integrity_add(OVBS_SITES_MODULE, MODULE_VA, TEXT_PAGES * PAGE_SIZE));
}

static void test_a_module_with_vmlinuxs_text(void **state)
{
	trust_module(MODULE_VA, 0);
	map(OTHER_VA, GPA(37), 1, false); /* the first one's, elsewhere */
	assert_no_lockdown(OVBS_E_SECURITY, integrity_add(OVBS_SITES_MODULE, OTHER_VA, PAGE_SIZE));
}

static void test_pieces_that_are_no_modules(void **state)
{
	trust_module(MODULE_VA, 0);
	assert_no_lockdown(OVBS_E_BAD_STATE, integrity_add(OVBS_SITES_TRACER, MODULE_VA + SITE_CALL, 5));
}

static void test_a_module_after_another_ones_table(void **state)
{
	trust_module(MODULE_VA, 0);
	(void)load(OTHER_VA, 1000); /* by the trustlet, in between */
	assert_no_lockdown(OVBS_E_BAD_STATE, integrity_add(OVBS_SITES_FUNCTIONS, FREE_VA, 4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOCKED(test_the_room_closes_up),
		LOCKED(test_half_made_ones_in_between),
		LOCKED(test_the_room_ends),
		LOCKED(test_room_of_the_one_before),
		LOCKED(test_modules_end),
		BEFORE(test_a_module_before_lockdown),
		BEFORE(test_modules_from_before_lockdown),
		BEFORE(test_a_module_that_is_not_frozen),
		BEFORE(test_a_module_twice),
		BEFORE(test_a_module_with_vmlinuxs_text),
		BEFORE(test_pieces_that_are_no_modules),
		BEFORE(test_a_module_after_another_ones_table),
	};

	return run_each(tests, ARRAY_SIZE(tests));
}
