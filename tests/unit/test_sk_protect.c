/* links: securekernel/ranges.c securekernel/modules.c securekernel/text.c securekernel/integrity.c
   links: securekernel/syscall_integrity.c securekernel/capture.c securekernel/patch.c securekernel/sites.c securekernel/forms.c */
// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages that VTL0 gives up (securekernel/protect.c). Promises: what it froze is
 * frozen and what the table says of a page is so; memory that it gave is VTL1's
 * only when VTL0 has no right left to any of it, and nothing else any more; every
 * refusal is counted.
 */
#include "sk_module.h"

/* ---- memory for VTL1 ------------------------------------------------------ */

static void test_gifts(void **state)
{
	assert_int_equal(protect_give(GPA(0), 0), OVBS_E_BAD_PARAMETERS);
	assert_int_equal(protect_give(GPA(512), OVBS_GIVE_MAX + 1), OVBS_E_BAD_PARAMETERS);
	assert_int_equal(protect_give(GPA(513), 1), OVBS_E_BAD_PARAMETERS);
	assert_int_equal(protect_give(RAM_GPA - OVBS_GIVE_BYTES, 1), OVBS_E_BAD_PARAMETERS);
	assert_int_equal(protect_give(~0ULL - OVBS_GIVE_BYTES + 1, 1), OVBS_E_BAD_PARAMETERS);
	assert_int_equal(protect_give(GPA(0), 1), OVBS_E_ACCESS_CONFLICT); /* text is there */
	assert_int_equal(accepted, 0);
	assert_int_equal(protect_give(GPA(512), 2), OVBS_OK);
	assert_int_equal(accepted, 2);
	assert_int_equal(protect_give(GPA(1024), 1), OVBS_E_ACCESS_CONFLICT); /* twice */
	for (unsigned int i = 512; i < 1536; i++)
		assert_int_equal(rights[i], 0);
	assert_int_equal(rights[511], NORMAL);
	assert_int_equal(rights[1536], NORMAL);
	/* Nobody's from now on. */
	assert_int_equal(protect_pages(GPA(512), 1), OVBS_E_BAD_PARAMETERS);
	assert_int_equal(protect_pages(GPA(1500), 100), OVBS_E_BAD_PARAMETERS);
	assert_int_equal(protect_register(GPA(1000)), OVBS_E_BAD_PARAMETERS);
	/* Message pages, in the middle and at the end. */
	for (unsigned int page = 2048; page < 2560; page += 511) {
		assert_int_equal(protect_register(GPA(page)), OVBS_OK);
		assert_int_equal(protect_give(GPA(2048), 1), OVBS_E_ACCESS_CONFLICT);
	}
	assert_int_equal(protect_unregister(), OVBS_OK);
	/* Frozen pages, at its edges. */
	assert_int_equal(protect_pages(GPA(2559), 1), OVBS_OK);
	assert_int_equal(protect_give(GPA(2048), 1), OVBS_E_ACCESS_CONFLICT);
	assert_int_equal(protect_pages(GPA(2560), 1), OVBS_OK);
	assert_int_equal(protect_give(GPA(2560), 1), OVBS_E_ACCESS_CONFLICT);
	assert_int_equal(rights[2048], NORMAL);
	assert_int_equal(accepted, 2);
	pieces_max = 2;
	assert_int_equal(protect_give(GPA(3072), 1), OVBS_E_OUT_OF_MEMORY);
	assert_int_equal(rights[3072], NORMAL);
}

/* Half way the hypervisor has no memory: neither VTL1 uses it, nor VTL0 has what went. */
static void test_half_a_gift(void **state)
{
	pages_left = 512 + 100;
	assert_int_equal(protect_give(GPA(1024), 3), OVBS_E_OUT_OF_MEMORY);
	pages_left = ~0u;
	assert_int_equal(accepted, 1);
	for (unsigned int i = 1024; i < 2560; i++)
		assert_int_equal(rights[i], i < 1024 + 612 ? 0 : NORMAL);
	assert_true(memory_is_given(GPA(1536)) && !memory_is_given(GPA(2048)));
	assert_int_equal(protect_give(GPA(1536), 1), OVBS_E_ACCESS_CONFLICT);
	assert_int_equal(accepted, 1);
}

/* ---- pages that the kernel freezes ---------------------------------------- */

/* Freezing at random, against a list of pages. */
static void test_like_a_plain_list(void **state)
{
	static uint8_t want[RAM_PAGES];
	struct range r;

	srand(4);
	memcpy(want, rights, sizeof(want));
	may_grant = true;
	for (unsigned int i = 0; i < 4000; i++) {
		unsigned int n = 1 + (unsigned int)rand() % (i % 8 ? 6 : 200),
			     first = (unsigned int)rand() % (RAM_PAGES - n);
		enum ovbs_freeze how = rand() % 3 ? OVBS_FREEZE_CODE : OVBS_FREEZE_DATA;
		uint8_t to = how == OVBS_FREEZE_CODE ? CODE : DATA;
		bool conflict = false;

		for (unsigned int k = 0; k < n; k++)
			conflict |= want[first + k] != ALL && want[first + k] != to;
		if (!conflict)
			memset(want + first, to, n);
		assert_int_equal(protect_freeze(GPA(first), n, how),
				 conflict ? OVBS_E_ACCESS_CONFLICT : OVBS_OK);
		assert_memory_equal(rights, want, sizeof(want));
	}
	for (unsigned int i = 0; i < RAM_PAGES; i++) {
		assert_int_equal(protect_find(GPA(i) + i, &r), want[i] != ALL);
		assert_int_equal(protect_is_frozen(GPA(i), OVBS_FREEZE_CODE), want[i] == CODE);
		assert_true(want[i] == ALL || (r.rights == want[i] && r.kept && !r.owner));
		/* As few ranges as there can be. */
		if (i && want[i] != ALL && want[i] == want[i - 1])
			assert_true(r.gpa < GPA(i));
	}
}

static void test_freezing_stops_half_way(void **state)
{
	pages_left = 3;
	assert_int_equal(protect_freeze(GPA(300), 8, OVBS_FREEZE_DATA), OVBS_E_OUT_OF_MEMORY);
	pages_left = ~0u;
	for (unsigned int i = 0; i < 8; i++) {
		assert_int_equal(rights[300 + i], i < 3 ? DATA : ALL);
		assert_int_equal(protect_is_frozen(GPA(300 + i), OVBS_FREEZE_DATA), i < 3);
	}
	assert_int_equal(protect_freeze(GPA(300), 8, OVBS_FREEZE_DATA), OVBS_OK);
	assert_int_equal(rights[307], DATA);
	assert_int_equal(protect_freeze(GPA(300), 513, OVBS_FREEZE_DATA), OVBS_E_BAD_PARAMETERS);
	assert_int_equal(protect_freeze(GPA(300) + 1, 1, OVBS_FREEZE_DATA), OVBS_E_BAD_PARAMETERS);
	assert_int_equal(protect_freeze(GPA(RAM_PAGES), 1, OVBS_FREEZE_DATA), OVBS_E_BAD_PARAMETERS);
	assert_int_equal(protect_freeze(GPA(300), 1, 2), OVBS_E_BAD_PARAMETERS);
	lock_down();
	assert_int_equal(protect_freeze(GPA(310), 1, OVBS_FREEZE_DATA), OVBS_E_BAD_STATE);
	assert_int_equal(protect_pages(GPA(310), 1), OVBS_OK);
	assert_int_equal(rights[310], DATA); /* not executable any more */
	assert_int_equal(protect_lockdown(), OVBS_E_BAD_STATE);
}

/* Executions and writes that are refused are counted, and so is what is frozen. */
static void test_counts(void **state)
{
	struct hv_x64_memory_intercept_message m = { .guest_physical_address = GPA(300) };
	uint64_t frozen = protect_count().frozen_pages;
	struct vtl0_regs regs = { 0 };
	int64_t n;

	assert_int_equal(frozen, TEXT_LEN / PAGE_SIZE + 1);
	m.header.intercept_access_type = HV_INTERCEPT_ACCESS_EXECUTE;
	protect_intercept(&m, &regs);
	protect_intercept(&m, &regs);
	m.header.intercept_access_type = HV_INTERCEPT_ACCESS_READ;
	protect_intercept(&m, &regs);
	m.header.intercept_access_type = HV_INTERCEPT_ACCESS_WRITE;
	protect_intercept(&m, &regs);
	assert_int_equal(refusals_given, 4);
	assert_int_equal(protect_count().executions, 2);
	assert_int_equal(protect_count().writes, 1);
	n = load(MODULE_VA, 0);
	assert_int_equal(protect_count().frozen_pages, frozen + TEXT_PAGES + 2 + 2 + 1);
	assert_int_equal(live(n), 0);
	assert_int_equal(protect_count().frozen_pages, frozen + TEXT_PAGES + 2 + 1);
	assert_int_equal(gone(n), 0);
	assert_int_equal(protect_count().frozen_pages, frozen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOCKED(test_gifts),
		LOCKED(test_half_a_gift),
		BEFORE(test_like_a_plain_list),
		BEFORE(test_freezing_stops_half_way),
		LOCKED(test_counts),
	};

	return run_each(tests, ARRAY_SIZE(tests));
}
