// SPDX-License-Identifier: GPL-2.0-only
/*
 * Records of settings, which source wins, what is locked, and the platform
 * level: lib/settings.c, lib/level.c.
 */
/* links: lib/settings.c lib/level.c lib/crc32.c lib/verdict.c lib/format.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "crc32.h"
#include "level.h"
#include "ovbs_errno.h"
#include "settings.h"

struct pair {
	int id;
	uint32_t value;
};

#define END                                                                                        \
	{                                                                                          \
		-1, 0                                                                              \
	}

static struct ovbs_record record_of(const struct pair *p, uint32_t generation)
{
	struct ovbs_record r;

	record_init(&r);
	for (; p->id >= 0; p++)
		assert_int_equal(record_set(&r, (enum ovbs_setting)p->id, p->value), 0);
	r.generation = generation;
	record_seal(&r);
	return r;
}

#define RECORD(generation, ...) record_of((const struct pair[]){ __VA_ARGS__, END }, generation)

static void test_crc32(void **state)
{
	assert_int_equal(crc32_of("123456789", 9), 0xCBF43926); /* the check value of ISO 3309 */
	assert_int_equal(crc32_of("", 0), 0);
}

static void test_a_record_goes_round(void **state)
{
	struct ovbs_record r = RECORD(7, { OVBS_SET_VBS, 1 }, { OVBS_SET_LEVEL, 3 }), back;
	char why[SETTINGS_WHY_MAX];
	uint32_t value;

	assert_int_equal(record_decode(&r, sizeof(r), &back, why), 0);
	assert_memory_equal(&r, &back, sizeof(r));
	assert_true(record_get(&back, OVBS_SET_LEVEL, &value));
	assert_int_equal(value, 3);
	assert_false(record_get(&back, OVBS_SET_HVCI, &value));
	assert_true(record_remove(&back, OVBS_SET_VBS));
	assert_false(record_remove(&back, OVBS_SET_VBS));
	assert_true(record_get(&back, OVBS_SET_LEVEL, &value));
	assert_int_equal(back.count, 1);
}

static void test_a_record_has_room_for_24(void **state)
{
	struct ovbs_record r;

	record_init(&r);
	for (int i = 0; i < OVBS_RECORD_ENTRIES; i++)
		assert_int_equal(record_set(&r, (enum ovbs_setting)(100 + i), 0), 0);
	assert_int_equal(record_set(&r, (enum ovbs_setting)99, 0), -ENOSPC);
	assert_int_equal(record_set(&r, (enum ovbs_setting)100, 1), 0);
}

/* Every single bit of damage is noticed; and so is each lie that a good checksum covers. */
static void test_damage_is_refused(void **state)
{
	const struct ovbs_record good = RECORD(1, { OVBS_SET_VBS, 1 });
	struct ovbs_record r, out, before;
	char why[SETTINGS_WHY_MAX];

	memset(&before, 0x5A, sizeof(before));
	out = before;
	for (size_t bit = 0; bit < sizeof(r) * 8; bit++) {
		r = good;
		((uint8_t *)&r)[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(record_decode(&r, sizeof(r), &out, why), -EINVAL);
	}
	for (size_t len = 0; len < sizeof(r); len++)
		assert_int_equal(record_decode(&good, len, &out, why), -EINVAL);
	assert_memory_equal(&out, &before, sizeof(out));
}

static void lie(void (*change)(struct ovbs_record *r), const char *expected)
{
	struct ovbs_record r = RECORD(1, { OVBS_SET_VBS, 1 }, { OVBS_SET_LEVEL, 1 }), out;
	char why[SETTINGS_WHY_MAX];

	change(&r);
	record_seal(&r);
	assert_int_equal(record_decode(&r, sizeof(r), &out, why), -EINVAL);
	assert_string_equal(why, expected);
}

static void lie_count(struct ovbs_record *r)
{
	r->count = OVBS_RECORD_ENTRIES + 1;
}
static void lie_saved(struct ovbs_record *r)
{
	r->saved_count = 0xFFFF;
}
static void lie_twice(struct ovbs_record *r)
{
	r->value[1].id = r->value[0].id;
}
static void lie_flags(struct ovbs_record *r)
{
	r->value[0].flags = OVBS_ENTRY_ABSENT;
}
static void lie_value(struct ovbs_record *r)
{
	r->value[1].value = 2;
}
static void lie_huge(struct ovbs_record *r)
{
	r->value[1].value = 0x80000001;
}
static void lie_record_flags(struct ovbs_record *r)
{
	r->flags = 2;
}
static void lie_text(struct ovbs_record *r)
{
	memset(r->changed_by, 'x', sizeof(r->changed_by));
}

static void lie_absent(struct ovbs_record *r)
{
	r->saved_count = 1;
	r->saved[0] = (struct ovbs_setting_entry){ OVBS_SET_HVCI, OVBS_ENTRY_ABSENT, 1 };
}

static void test_lies_are_refused(void **state)
{
	lie(lie_count, "more entries than it has room for");
	lie(lie_saved, "more entries than it has room for");
	lie(lie_twice, "an entry twice");
	lie(lie_flags, "unknown flags");
	lie(lie_value, "a value that can't be");
	lie(lie_huge, "a value that can't be");
	lie(lie_record_flags, "flags or text are wrong");
	lie(lie_text, "flags or text are wrong");
	lie(lie_absent, "an absent entry has a value");
}

static void test_a_setting_of_a_later_version_is_kept(void **state)
{
	struct ovbs_record r = RECORD(1, { 200, 77 }), out;
	struct settings_sources from = { .local = &out };
	char why[SETTINGS_WHY_MAX];
	struct settings s;

	assert_int_equal(record_decode(&r, sizeof(r), &out, why), 0);
	settings_resolve(&from, &s);
	for (unsigned int i = 0; i < OVBS_SETTINGS; i++)
		assert_int_equal(s.v[i].source, OVBS_SOURCE_DEFAULT);
}

static void test_allowed_values(void **state)
{
	static const struct {
		uint32_t id;
		const char *local, *policy; /* by value 0 to 3 */
	} rows[] = {
		{ OVBS_SET_VBS, "yynn", "yynn" },
		{ OVBS_SET_LEVEL, "yyny", "yyny" },
		{ OVBS_SET_LOCKED, "yynn", "yynn" },
		{ OVBS_SET_MANDATORY, "yynn", "yynn" },
		{ OVBS_SET_ROLE_OPT_OUT, "yynn", "yynn" },
		{ OVBS_SET_HVCI, "yynn", "yynn" },
		{ OVBS_SET_HVCI_LOCKED, "yynn", "yynn" },
		{ OVBS_SET_SYSTEM_GUARD, "yynn", "yynn" },
		{ OVBS_SET_LSA_CFG, "yyyn", "yyyn" },
		{ OVBS_SET_HVCI_DIRECT, "yynn", "yyyn" },
		{ OVBS_SET_UNLOCKED, "yynn", "nnnn" },
		{ OVBS_SET_SYSTEM_GUARD_LAUNCH, "nnnn", "yyyn" },
		{ 9, "nnnn", "nnnn" },
		{ 15, "nnnn", "nnnn" },
		{ 19, "nnnn", "nnnn" },
		{ 0xFFFFFFFF, "nnnn", "nnnn" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (uint32_t value = 0; value < 4; value++) {
			assert_int_equal(setting_allows(SETTINGS_LOCAL, rows[i].id, value),
					 rows[i].local[value] == 'y');
			assert_int_equal(setting_allows(SETTINGS_POLICY, rows[i].id, value),
					 rows[i].policy[value] == 'y');
		}
	assert_false(setting_allows(SETTINGS_LOCAL, OVBS_SET_VBS, 32));
}

/* Every choice of sources that speak of one setting: the order is fixed. */
static void test_the_first_source_that_speaks_wins(void **state)
{
	for (unsigned int mask = 0; mask < 16; mask++) {
		struct ovbs_record none = RECORD(1, { 300, 0 });
		struct ovbs_record lock = RECORD(1, { OVBS_SET_LEVEL, 3 }),
				   policy = RECORD(5, { OVBS_SET_LEVEL, 0 });
		struct ovbs_record local = RECORD(4, { OVBS_SET_LEVEL, 1 });
		struct ovbs_record opt_out = RECORD(mask & 1 ? 4 : 1, { OVBS_SET_LEVEL, 1 });
		struct settings_sources from = { mask & 8 ? &lock : NULL, mask & 4 ? &opt_out : NULL,
						 mask & 2 ? &policy : &none, mask & 1 ? &local : &none };
		struct settings_value want =
			mask & 8 ? (struct settings_value){ 3, OVBS_SOURCE_LOCK } :
			mask & 4 ? (struct settings_value){ 1, OVBS_SOURCE_OPT_OUT } :
			mask & 2 ? (struct settings_value){ 0, OVBS_SOURCE_POLICY } :
			mask & 1 ? (struct settings_value){ 1, OVBS_SOURCE_LOCAL } :
				   (struct settings_value){ 0, OVBS_SOURCE_DEFAULT };
		struct settings s;

		opt_out.base_generation = mask & 2 ? 5 : 1;
		settings_resolve(&from, &s);
		assert_int_equal(s.v[OVBS_SET_LEVEL].value, want.value);
		assert_int_equal(s.v[OVBS_SET_LEVEL].source, want.source);
		assert_int_equal(s.opted_out, (mask & 4) != 0);
	}
}

static void test_an_opt_out_ends_with_any_change(void **state)
{
	struct ovbs_record local = RECORD(4, { OVBS_SET_VBS, 1 }),
			   policy = RECORD(2, { OVBS_SET_VBS, 1 });
	struct ovbs_record opt_out = RECORD(4, { OVBS_SET_VBS, 0 });
	struct settings_sources from = { NULL, &opt_out, &policy, &local };
	struct settings s;

	opt_out.base_generation = 2;
	settings_resolve(&from, &s);
	assert_int_equal(s.v[OVBS_SET_VBS].value, 0);
	local.generation = 5;
	settings_resolve(&from, &s);
	assert_int_equal(s.v[OVBS_SET_VBS].value, 1);
	local.generation = 4;
	policy.generation = 1;
	settings_resolve(&from, &s);
	assert_int_equal(s.v[OVBS_SET_VBS].value, 1);
	from.policy = NULL;
	settings_resolve(&from, &s);
	assert_false(s.opted_out);
}

static void expect(const struct settings *s, enum ovbs_setting id, uint32_t value, enum ovbs_source source)
{
	assert_int_equal(s->v[id].value, value);
	assert_int_equal(s->v[id].source, source);
}

static void test_defaults_follow_vbs(void **state)
{
	struct ovbs_record on = RECORD(1, { OVBS_SET_VBS, 1 }), off = RECORD(1, { OVBS_SET_VBS, 0 });
	struct ovbs_record explicit_off =
		RECORD(1, { OVBS_SET_VBS, 1 }, { OVBS_SET_HVCI, 0 }, { OVBS_SET_LSA_CFG, 0 });
	struct settings_sources from = { .local = &on };
	struct settings s;

	settings_resolve(&from, &s);
	expect(&s, OVBS_SET_HVCI, 1, OVBS_SOURCE_DEFAULT);
	expect(&s, OVBS_SET_LSA_CFG, 2, OVBS_SOURCE_DEFAULT);
	from.local = &off;
	settings_resolve(&from, &s);
	expect(&s, OVBS_SET_HVCI, 0, OVBS_SOURCE_DEFAULT);
	expect(&s, OVBS_SET_LSA_CFG, 0, OVBS_SOURCE_DEFAULT);
	from.local = &explicit_off; /* survives: absent is not 0 */
	settings_resolve(&from, &s);
	expect(&s, OVBS_SET_HVCI, 0, OVBS_SOURCE_LOCAL);
	expect(&s, OVBS_SET_LSA_CFG, 0, OVBS_SOURCE_LOCAL);
}

static void test_other_spellings(void **state)
{
	static const struct {
		bool policy;
		struct pair in[3];
		int hvci, locked; /* -1: the source does not speak */
	} rows[] = {
		{ true, { { OVBS_SET_HVCI_DIRECT, 0 }, END }, 0, -1 },
		{ true, { { OVBS_SET_HVCI_DIRECT, 1 }, END }, 1, 1 },
		{ true, { { OVBS_SET_HVCI_DIRECT, 2 }, END }, 1, 0 },
		{ false, { { OVBS_SET_HVCI_DIRECT, 1 }, END }, 1, 1 }, /* the old form was locked by default */
		{ false, { { OVBS_SET_HVCI_DIRECT, 1 }, { OVBS_SET_UNLOCKED, 1 }, END }, 1, 0 },
		{ false, { { OVBS_SET_HVCI_DIRECT, 1 }, { OVBS_SET_UNLOCKED, 0 }, END }, 1, 1 },
		{ false, { { OVBS_SET_HVCI_DIRECT, 0 }, END }, 0, -1 },
		{ false, { { OVBS_SET_UNLOCKED, 1 }, END }, -1, -1 },
		{ false, { { OVBS_SET_HVCI, 0 }, { OVBS_SET_HVCI_DIRECT, 1 }, END }, 0, 1 }, /* the plain name wins */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ovbs_record r = record_of(rows[i].in, 1);
		struct settings_sources from = { .policy = rows[i].policy ? &r : NULL,
						 .local = rows[i].policy ? NULL : &r };
		enum ovbs_source source = rows[i].policy ? OVBS_SOURCE_POLICY : OVBS_SOURCE_LOCAL;
		struct settings s;

		settings_resolve(&from, &s);
		expect(&s, OVBS_SET_HVCI, rows[i].hvci < 0 ? 0 : (uint32_t)rows[i].hvci,
		       rows[i].hvci < 0 ? OVBS_SOURCE_DEFAULT : source);
		expect(&s, OVBS_SET_HVCI_LOCKED, rows[i].locked < 0 ? 0 : (uint32_t)rows[i].locked,
		       rows[i].locked < 0 ? OVBS_SOURCE_DEFAULT : source);
	}
}

static void test_system_guard_of_the_policy(void **state)
{
	for (uint32_t value = 0; value < 3; value++) {
		struct ovbs_record r = RECORD(1, { OVBS_SET_SYSTEM_GUARD_LAUNCH, value });
		struct settings_sources from = { .policy = &r };
		struct settings s;

		settings_resolve(&from, &s);
		expect(&s, OVBS_SET_SYSTEM_GUARD, value == 1,
		       value == 0 ? OVBS_SOURCE_DEFAULT : OVBS_SOURCE_POLICY);
	}
}

static void test_what_is_locked(void **state)
{
	struct ovbs_record all =
		RECORD(1, { OVBS_SET_VBS, 1 }, { OVBS_SET_LEVEL, 1 }, { OVBS_SET_LOCKED, 1 },
		       { OVBS_SET_HVCI, 1 }, { OVBS_SET_HVCI_LOCKED, 1 }, { OVBS_SET_LSA_CFG, 1 });
	struct ovbs_record lsa = RECORD(1, { OVBS_SET_VBS, 1 }, { OVBS_SET_LSA_CFG, 1 });
	struct ovbs_record off = RECORD(1, { OVBS_SET_VBS, 0 }, { OVBS_SET_LOCKED, 1 });
	struct ovbs_record plain = RECORD(1, { OVBS_SET_VBS, 1 });
	struct settings_sources from = { .local = &lsa };
	struct ovbs_record lock, more;
	struct settings s;
	uint32_t value;

	settings_resolve(&from, &s);
	assert_true(settings_want_lock(&s, NULL, &lock));
	assert_int_equal(lock.count, 5); /* VBS, level, Locked, Mandatory, LsaCfgFlags */
	assert_true(record_get(&lock, OVBS_SET_VBS, &value) && value == 1);
	assert_true(record_get(&lock, OVBS_SET_LSA_CFG, &value) && value == 1);
	assert_false(record_get(&lock, OVBS_SET_HVCI, &value));
	assert_false(settings_want_lock(&s, &lock, &more)); /* it is there */

	from = (struct settings_sources){ .lock = &lock, .local = &all };
	settings_resolve(&from, &s);
	assert_true(settings_want_lock(&s, &lock, &more)); /* more is locked later; level 0 stays as it is */
	assert_int_equal(more.count, 7);
	assert_true(record_get(&more, OVBS_SET_LEVEL, &value) && value == 0);

	from = (struct settings_sources){ .local = &off };
	settings_resolve(&from, &s);
	assert_false(settings_want_lock(&s, NULL, &more));
	from.local = &plain;
	settings_resolve(&from, &s);
	assert_false(settings_want_lock(&s, NULL, &more));
}

static void test_level_and_mandatory_of_a_lock_are_a_minimum(void **state)
{
	struct ovbs_record lock =
		RECORD(1, { OVBS_SET_VBS, 1 }, { OVBS_SET_LEVEL, 1 }, { OVBS_SET_MANDATORY, 0 });
	struct ovbs_record more = RECORD(1, { OVBS_SET_LEVEL, 3 }, { OVBS_SET_MANDATORY, 1 });
	struct ovbs_record less =
		RECORD(1, { OVBS_SET_VBS, 0 }, { OVBS_SET_LEVEL, 0 }, { OVBS_SET_MANDATORY, 0 });
	struct settings_sources from = { .lock = &lock, .policy = &more };
	struct settings s;

	settings_resolve(&from, &s);
	expect(&s, OVBS_SET_LEVEL, 3, OVBS_SOURCE_POLICY);
	expect(&s, OVBS_SET_MANDATORY, 1, OVBS_SOURCE_POLICY);
	from.policy = &less;
	settings_resolve(&from, &s);
	expect(&s, OVBS_SET_VBS, 1, OVBS_SOURCE_LOCK);
	expect(&s, OVBS_SET_LEVEL, 1, OVBS_SOURCE_LOCK);
	expect(&s, OVBS_SET_MANDATORY, 0, OVBS_SOURCE_LOCK);
}

static void test_lock_and_opt_out_are_one_record(void **state)
{
	struct ovbs_record lock = RECORD(0, { OVBS_SET_VBS, 1 }, { OVBS_SET_LSA_CFG, 1 });
	struct ovbs_record opt_out = RECORD(7, { OVBS_SET_HVCI, 0 }, { OVBS_SET_LSA_CFG, 0 }),
			   guard, l, o;
	struct settings_sources from = { .lock = &l, .opt_out = &o };
	char why[SETTINGS_WHY_MAX];
	struct settings s;
	uint32_t value;

	opt_out.base_generation = 3;
	opt_out.flags = OVBS_RECORD_UNBOUND;
	guard_join(&lock, &opt_out, &guard);
	record_seal(&guard);
	assert_int_equal(record_decode(&guard, sizeof(guard), &guard, why), 0);
	guard_split(&guard, &l, &o);
	assert_int_equal(l.count, 2);
	assert_int_equal(o.count, 1); /* what is locked can't be opted out of */
	assert_true(record_get(&o, OVBS_SET_HVCI, &value) && value == 0);
	assert_int_equal(o.generation, 7);
	assert_int_equal(o.base_generation, 3);
	settings_resolve(&from, &s); /* not bound yet: it holds whatever the generations are */
	expect(&s, OVBS_SET_HVCI, 0, OVBS_SOURCE_OPT_OUT);
	expect(&s, OVBS_SET_LSA_CFG, 1, OVBS_SOURCE_LOCK);
	o.flags = 0;
	settings_resolve(&from, &s);
	expect(&s, OVBS_SET_HVCI, 1, OVBS_SOURCE_DEFAULT);
}

static void test_generations_are_serial_numbers(void **state)
{
	assert_true(record_newer(2, 1));
	assert_false(record_newer(1, 1));
	assert_false(record_newer(1, 2));
	assert_true(record_newer(0, 0xFFFFFFFF));
	assert_true(record_newer(1, 0xFFFFFFFF));
	assert_false(record_newer(0xFFFFFFFF, 1));
}

static void test_level(void **state)
{
	static const struct {
		uint32_t vbs, level;
		uint8_t secure_boot, setup_mode, kind, iommu;
		enum ovbs_reason reason;
		const char *check;
		uint8_t dma;
	} rows[] = {
		{ 0, 0, 1, 0, 0, 2, OVBS_REASON_NOT_CONFIGURED, "settings.vbs", 0 },
		{ 1, 0, 0, 1, 0, 2, OVBS_REASON_NONE, "", 0 },
		{ 1, 1, 1, 0, 0, 2, OVBS_REASON_NONE, "", 0 },
		{ 1, 1, 0, 0, 0, 2, OVBS_REASON_NO_SECURE_BOOT, "level.secure_boot", 0 },
		{ 1, 1, 2, 2, 0, 2, OVBS_REASON_NO_SECURE_BOOT, "level.secure_boot", 0 },
		{ 1, 1, 3, 1, 0, 2, OVBS_REASON_NO_SECURE_BOOT, "level.secure_boot", 0 },
		{ 1, 3, 0, 0, 1, 1, OVBS_REASON_NO_SECURE_BOOT, "level.secure_boot", 0 },
		{ 1, 1, 1, 1, 0, 2, OVBS_REASON_NO_SECURE_BOOT, "level.secure_boot", 0 },
		{ 1, 3, 1, 0, 0, 2, OVBS_REASON_NO_IOMMU, "level.iommu", 0 },
		{ 1, 3, 1, 0, 0, 4, OVBS_REASON_NO_IOMMU, "level.iommu", 0 },
		{ 1, 3, 1, 0, 1, 4, OVBS_REASON_NO_IOMMU, "level.iommu", 0 },
		{ 1, 3, 1, 0, 1, 3, OVBS_REASON_NO_IOMMU, "level.iommu", 0 },
		{ 1, 3, 1, 0, 2, 3, OVBS_REASON_NO_IOMMU, "level.iommu", 0 },
		{ 1, 3, 1, 0, 0, 1, OVBS_REASON_NO_IOMMU, "level.iommu", 0 }, /* makes no sense */
		{ 1, 3, 1, 0, 1, 1, OVBS_REASON_NONE, "", 0 },
		{ 1, 3, 1, 0, 2, 1, OVBS_REASON_NONE, "", 0 },
		{ 1, 3, 1, 0, 2, 1, OVBS_REASON_NONE, "", 2 },
		{ 1, 3, 1, 0, 2, 1, OVBS_REASON_NO_IOMMU, "iommu.enable", 1 },
		{ 1, 1, 1, 0, 2, 1, OVBS_REASON_NONE, "", 1 },
		{ 1, 1, 1, 0, 2, 3, OVBS_REASON_NONE, "", 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ovbs_record r =
			RECORD(1, { OVBS_SET_VBS, rows[i].vbs }, { OVBS_SET_LEVEL, rows[i].level });
		struct ovbs_platform p = { .secure_boot = rows[i].secure_boot,
					   .setup_mode = rows[i].setup_mode,
					   .iommu_kind = rows[i].kind,
					   .iommu = rows[i].iommu,
					   .dma = rows[i].dma };
		struct settings_sources from = { .policy = &r };
		struct verdict v = { 0 };
		struct settings s;

		settings_resolve(&from, &s);
		assert_int_equal(level_decide(&s, &p, &v), rows[i].reason == OVBS_REASON_NONE);
		assert_int_equal(v.reason, rows[i].reason);
		assert_string_equal(v.check, rows[i].check);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crc32),
		cmocka_unit_test(test_a_record_goes_round),
		cmocka_unit_test(test_a_record_has_room_for_24),
		cmocka_unit_test(test_damage_is_refused),
		cmocka_unit_test(test_lies_are_refused),
		cmocka_unit_test(test_a_setting_of_a_later_version_is_kept),
		cmocka_unit_test(test_allowed_values),
		cmocka_unit_test(test_the_first_source_that_speaks_wins),
		cmocka_unit_test(test_an_opt_out_ends_with_any_change),
		cmocka_unit_test(test_defaults_follow_vbs),
		cmocka_unit_test(test_other_spellings),
		cmocka_unit_test(test_system_guard_of_the_policy),
		cmocka_unit_test(test_what_is_locked),
		cmocka_unit_test(test_level),
		cmocka_unit_test(test_level_and_mandatory_of_a_lock_are_a_minimum),
		cmocka_unit_test(test_lock_and_opt_out_are_one_record),
		cmocka_unit_test(test_generations_are_serial_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
