/* links: securekernel/ranges.c securekernel/modules.c securekernel/text.c securekernel/integrity.c
   links: securekernel/syscall_integrity.c securekernel/capture.c securekernel/patch.c securekernel/sites.c securekernel/forms.c */
// SPDX-License-Identifier: GPL-2.0-only
/*
 * Modules under the secure kernel, at random: the trustlet's calls in any order
 * with any numbers, VTL0's page tables, its writes and its patches in between, a
 * hypervisor that sometimes has no memory. What may never be is looked for after
 * each step.
 */
#include "sk_module.h"

#include "../../securekernel/text.h"

#define SOME_VA    0xFFFFFFFFC2000000ULL
#define SOME_PAGES 48u /* of addresses */
#define POOL       3000u
#define POOL_PAGES 40u /* of ram, behind them */

static int64_t made[8];
static bool allowed[8]; /* GRANT began, and nothing took that back */
static uint8_t seen[POOL_PAGES][PAGE_SIZE];
static uint64_t sites_given[16];

static uint64_t some(uint64_t n)
{
	return (uint64_t)rand() % n;
}

/* Mostly where this module has its pages, 8 bytes apart. */
static uint64_t some_va(unsigned int module)
{
	uint64_t pages = SOME_PAGES / ARRAY_SIZE(made);

	if (some(20))
		return SOME_VA + module * pages * PAGE_SIZE + some(pages * PAGE_SIZE / 8) * 8;
	return SOME_VA + some(SOME_PAGES * PAGE_SIZE / 8) * 8;
}

/* Text is there, or not even that is asked. */
static bool is_worth_it(uint64_t va)
{
	struct range r;

	return (protect_find_va(va, &r) && text_is_range(&r)) || !some(30);
}

static bool is_allowed(uint32_t number)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(made); i++)
		if (made[i] == number)
			return allowed[i];
	return false;
}

/* What runs is frozen, a module's that may, and has the bytes that it had when it was frozen, but for patches. */
static void assert_rules(void)
{
	for (unsigned int i = 0; i < POOL_PAGES; i++) {
		uint8_t now = rights[POOL + i];
		struct range r;

		assert_false((now & W) && (now & KX));
		if (protect_find(GPA(POOL + i), &r))
			assert_int_equal(now & ~r.rights, 0); /* nothing is possible that the table does not know */
		else
			assert_int_equal(now, NORMAL);
		if (now & KX)
			assert_true(text_is_range(&r) && is_allowed(r.owner));
		if (now & W)
			continue;
		assert_memory_equal(seen[i], ram[POOL + i], PAGE_SIZE);
	}
}

/* VTL0's tables, and its writes where it may. */
static void vtl0_does_something(void)
{
	unsigned int page = POOL + (unsigned int)some(POOL_PAGES);

	maps[map_count - 1 - some(SOME_PAGES)].gpa = GPA(page);
	page = POOL + (unsigned int)some(POOL_PAGES);
	if (rights[page] & W)
		memcpy(ram[page] + some(500) * 8,
		       rand() % 4 ? (const void *)nop5 : "\xE8\x01\x02\x03\x04", 5);
}

/* A write by the intercept: if it is done, there is a site that it is a step of. */
static void vtl0_patches_something(void)
{
	uint64_t at = some(POOL_PAGES * PAGE_SIZE / 8) * 8 + (rand() % 4 == 0);
	uint64_t site = sites_given[some(ARRAY_SIZE(sites_given))];
	struct range r;
	unsigned int page;

	if (rand() % 4 && protect_find_va(site, &r))
		at = r.gpa + (site - r.va) - GPA(POOL);
	page = (unsigned int)(at / PAGE_SIZE);
	maps[map_count - 1].gpa = GPA(POOL + page);
	if (rights[POOL + page] & W)
		return;
	assert_true(protect_find(GPA(POOL + page), &r));
	if (!poke(maps[map_count - 1].va + at % PAGE_SIZE, "\xCC", 1))
		return;
	assert_true(is_allowed(r.owner) && text_is_range(&r));
	assert_non_null(sk_sites_find(module_sites(r.owner), r.va + (GPA(POOL) + at - r.gpa)));
	seen[page][at % PAGE_SIZE] = 0xCC;
}

/* As it should be done: as far as it gets. */
static int64_t load_something(unsigned int i)
{
	uint64_t va = SOME_VA + i * (SOME_PAGES / ARRAY_SIZE(made)) * PAGE_SIZE;
	int64_t err;

	if (!made[i])
		made[i] = new ();
	err = freeze((uint64_t)made[i], va, 2, OVBS_TL_PAGES_RX);
	for (unsigned int k = 0; k < 8 && !err; k++) {
		struct ovbs_tl_site site = { .address = va + some(1000) * 8,
					     .kind = OVBS_TL_SITE_CALL,
					     .size = 5 };
		uint64_t page = 0;
		struct range r;

		if (protect_find_va(site.address, &r))
			page = page_of(r.gpa) + (site.address - r.va) / PAGE_SIZE;
		if (page && memcmp(ram[page] + site.address % PAGE_SIZE, nop5, 5))
			continue;
		err = give_sites((uint64_t)made[i], &site, 1);
		sites_given[some(ARRAY_SIZE(sites_given))] = site.address;
	}
	return err ? err : grant_some((uint64_t)made[i]);
}

static void trustlet_does_something(void)
{
	unsigned int i = (unsigned int)some(ARRAY_SIZE(made));
	uint64_t function = some_va(i);
	struct ovbs_tl_site site = { .address = some_va(i), .size = 5 };
	static unsigned int last; /* one more than its number in made[] */
	int64_t left = -1;

	site.kind = rand() % 8 ? OVBS_TL_SITE_CALL : (uint8_t)some(9);
	if (last && some(3))
		i = last - 1;
	switch (some(15)) {
	case 0:
		if (!made[i]) {
			made[i] = new ();
			last = i + 1;
		}
		break;
	default:
		(void)freeze((uint64_t)made[i], some_va(i) & PAGE_MASK, some(3), some(2) ? some(6) : 0);
		break;
	case 6:
	case 7:
		if (is_worth_it(site.address) && !give_sites((uint64_t)made[i], &site, 1))
			sites_given[some(ARRAY_SIZE(sites_given))] = site.address;
		break;
	case 8:
		if (is_worth_it(function))
			(void)give_functions((uint64_t)made[i], &function, 1);
		break;
	case 9:
	case 12:
		left = grant_some((uint64_t)made[i]);
		allowed[i] |= left >= 0 || left == -ENOMEM;
		break;
	case 13:
	case 14:
		left = load_something(i);
		allowed[i] |= left >= 0 || left == -ENOMEM;
		break;
	case 10:
		(void)live_some((uint64_t)made[i]);
		break;
	case 11:
		left = rand() % 2 ? gone_some((uint64_t)made[i]) : -1;
		if (!left)
			made[i] = allowed[i] = 0;
		break;
	}
}

static void test_whatever_comes(void **state)
{
	unsigned int granted = 0, patches = 0;

	srand(20);
	for (unsigned int i = 0; i < POOL_PAGES; i++)
		for (unsigned int k = 0; k < PAGE_SIZE; k += 8)
			memcpy(ram[POOL + i] + k, nop5, 5);
	for (unsigned int i = 0; i < SOME_PAGES; i++)
		map(SOME_VA + i * PAGE_SIZE, GPA(POOL + i % POOL_PAGES), 1, true);
	for (unsigned int i = 0; i < 30000; i++) {
		pages_left = rand() % 50 ? ~0u : (unsigned int)some(3);
		for (unsigned int p = 0; p < POOL_PAGES; p++)
			if (rights[POOL + p] & W)
				memcpy(seen[p], ram[POOL + p], PAGE_SIZE);
		if (rand() % 3)
			trustlet_does_something();
		else if (rand() % 2)
			vtl0_does_something();
		else
			vtl0_patches_something();
		pages_left = ~0u;
		assert_rules();
	}
	granted = (unsigned int)integrity_count().modules_ever;
	patches = (unsigned int)integrity_count().patches;
	assert_true(granted > 20 && patches > 5); /* it came to that */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOCKED(test_whatever_comes),
	};

	return run_each(tests, ARRAY_SIZE(tests));
}
