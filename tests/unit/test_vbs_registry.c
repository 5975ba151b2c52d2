// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of registry values, how key paths are read, and what becomes of a
 * record when changes are carried out.
 */
/* links: clients/vbsctl/registry.c clients/vbsctl/changes.c clients/vbsctl/text.c lib/settings.c lib/crc32.c lib/format.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "../../clients/vbsctl/changes.h"

#define GUARD  "SYSTEM\\CurrentControlSet\\Control\\DeviceGuard"
#define LSA    "SYSTEM\\CurrentControlSet\\Control\\Lsa"
#define POLICY "SOFTWARE\\Policies\\Microsoft\\Windows\\DeviceGuard"

/* Every setting has one place in each hive that allows it, and no other. */
static void test_table(void **state)
{
	for (unsigned int hive = SETTINGS_LOCAL; hive <= SETTINGS_POLICY; hive++) {
		for (unsigned int id = 0; id < 64; id++) {
			const struct registry_value *v = registry_of(hive, id);
			unsigned int places = 0;
			bool allowed = false;

			for (unsigned int value = 0; value < 8; value++)
				allowed |= setting_allows(hive, id, value);
			for (size_t i = 0; i < REGISTRY_VALUES; i++)
				places += registry_values[i].hive == hive && registry_values[i].id == id;
			assert_int_equal(places, allowed);
			assert_int_equal(v != NULL, allowed);
			if (v != NULL)
				assert_ptr_equal(registry_find(v->key, v->name), v);
		}
	}
	for (size_t i = 1; i + 1 < REGISTRY_VALUES; i++) /* keys stand together */
		if (strcmp(registry_values[i].key, registry_values[i - 1].key) != 0)
			for (size_t j = i + 1; j < REGISTRY_VALUES; j++)
				assert_string_not_equal(registry_values[j].key,
							registry_values[i - 1].key);
}

static void test_roots(void **state)
{
	static const struct {
		const char *path, *below; /* NULL: another root; "!": refused */
	} rows[] = {
		{ "HKLM", "" },
		{ "HKLM\\", "" },
		{ "hklm\\SYSTEM", "SYSTEM" },
		{ "HKEY_LOCAL_MACHINE\\A\\B\\", "A\\B\\" },
		{ "\\HKLM\\A", "A" },
		{ "\\\\.\\HKLM\\A", "A" },
		{ "Computer\\HKEY_LOCAL_MACHINE\\A", "A" },
		{ "HKCU\\A", NULL },
		{ "HKEY_CURRENT_USER\\A", NULL },
		{ "HKEY_USERS\\.DEFAULT", NULL },
		{ "HKCR", NULL },
		{ "HKEY_CURRENT_CONFIG", NULL },
		{ "", "!" },
		{ "\\", "!" },
		{ "A\\B", "!" },
		{ "HKLMX\\A", "!" },
		{ "HKEY_LOCAL_MACHINES\\A", "!" },
		{ "HKEY_LOCAL_MACHIN\\A", "!" },
		{ "HKEY_LOCAL_MACHINE/A", "!" },
		{ "HKLM:\\A", "!" },
		{ " HKLM\\A", "!" },
		{ "HKLM\\\\A", "!" },
		{ "HKLM\\A\\\\", "!" },
		{ "\\\\server\\HKLM\\A", "!" },
		{ "\\\\HKLM\\A", "!" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *below = "unset", *why = registry_path(rows[i].path, &below);

		if (rows[i].below != NULL && strcmp(rows[i].below, "!") == 0) {
			assert_non_null(why);
			continue;
		}
		assert_null(why);
		if (rows[i].below == NULL)
			assert_null(below);
		else
			assert_string_equal(below, rows[i].below);
	}
}

static void test_find(void **state)
{
	static const struct {
		const char *below, *name;
		int hive, id; /* id -1: none */
	} rows[] = {
		{ GUARD, "EnableVirtualizationBasedSecurity", SETTINGS_LOCAL, OVBS_SET_VBS },
		{ GUARD "\\", "enablevirtualizationbasedsecurity", SETTINGS_LOCAL, OVBS_SET_VBS },
		{ "system\\controlset001\\control\\deviceguard", "Mandatory", SETTINGS_LOCAL,
		  OVBS_SET_MANDATORY },
		{ "SYSTEM\\ControlSet002\\Control\\DeviceGuard", "Mandatory", 0, -1 },
		{ "ControlSet001\\CurrentControlSet\\Control\\DeviceGuard", "Mandatory", 0, -1 },
		{ "CurrentControlSet\\Control\\DeviceGuard", "Mandatory", 0, -1 },
		{ GUARD, "HypervisorEnforcedCodeIntegrity", SETTINGS_LOCAL, OVBS_SET_HVCI_DIRECT },
		{ GUARD, "Unlocked", SETTINGS_LOCAL, OVBS_SET_UNLOCKED },
		{ GUARD, "Locked", SETTINGS_LOCAL, OVBS_SET_LOCKED },
		{ GUARD, "Enabled", 0, -1 },
		{ GUARD, "LsaCfgFlags", 0, -1 },
		{ GUARD "\\Scenarios", "Enabled", 0, -1 },
		{ GUARD "\\Scenarios\\HypervisorEnforcedCodeIntegrity", "Enabled", SETTINGS_LOCAL,
		  OVBS_SET_HVCI },
		{ GUARD "\\Scenarios\\HypervisorEnforcedCodeIntegrity", "Locked", SETTINGS_LOCAL,
		  OVBS_SET_HVCI_LOCKED },
		{ GUARD "\\Scenarios\\HypervisorEnforcedCodeIntegrityX", "Locked", 0, -1 },
		{ GUARD "\\Scenarios\\SystemGuard", "Enabled", SETTINGS_LOCAL, OVBS_SET_SYSTEM_GUARD },
		{ GUARD "\\Scenarios\\SystemGuard\\Below", "Enabled", 0, -1 },
		{ LSA, "LsaCfgFlags", SETTINGS_LOCAL, OVBS_SET_LSA_CFG },
		{ LSA "X", "LsaCfgFlags", 0, -1 },
		{ LSA, "", 0, -1 },
		{ LSA, "LsaCfgFlags ", 0, -1 },
		{ "", "LsaCfgFlags", 0, -1 },
		{ "SYSTEM\\\\CurrentControlSet\\Control\\Lsa", "LsaCfgFlags", 0, -1 },
		{ "\\" LSA, "LsaCfgFlags", 0, -1 },
		{ POLICY, "LsaCfgFlags", SETTINGS_POLICY, OVBS_SET_LSA_CFG },
		{ POLICY, "HypervisorEnforcedCodeIntegrity", SETTINGS_POLICY, OVBS_SET_HVCI_DIRECT },
		{ POLICY, "ConfigureSystemGuardLaunch", SETTINGS_POLICY, OVBS_SET_SYSTEM_GUARD_LAUNCH },
		{ POLICY, "Unlocked", 0, -1 },
		{ POLICY "\\Scenarios\\SystemGuard", "Enabled", SETTINGS_POLICY, OVBS_SET_SYSTEM_GUARD },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct registry_value *v = registry_find(rows[i].below, rows[i].name);

		assert_int_equal(v != NULL ? (int)v->id : -1, rows[i].id);
		if (v != NULL)
			assert_int_equal(v->hive, rows[i].hive);
	}
}

static void test_places(void **state)
{
	static const struct {
		const char *below;
		enum registry_place place;
	} rows[] = {
		{ "", REGISTRY_ABOVE },
		{ "SYSTEM", REGISTRY_ABOVE },
		{ "SYSTEM\\", REGISTRY_ABOVE },
		{ "SYSTEM\\ControlSet001", REGISTRY_ABOVE },
		{ "SYSTEM\\CurrentControlSet\\Control", REGISTRY_ABOVE },
		{ "SOFTWARE\\Policies\\Microsoft", REGISTRY_ABOVE },
		{ GUARD, REGISTRY_KEY },
		{ LSA, REGISTRY_KEY },
		{ POLICY "\\", REGISTRY_KEY },
		{ GUARD "\\Scenarios", REGISTRY_INSIDE },
		{ GUARD "\\Scenarios\\SystemGuard", REGISTRY_KEY },
		{ GUARD "\\Scenarios\\Other", REGISTRY_OTHER },
		{ GUARD "\\Capabilities", REGISTRY_OTHER },
		{ LSA "\\MSV1_0", REGISTRY_OTHER },
		{ "SOFTWARE\\Classes", REGISTRY_OTHER },
		{ "SYSTEM\\ControlSet002", REGISTRY_OTHER },
		{ "\\", REGISTRY_OTHER },
	};
	size_t len;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(registry_place(rows[i].below), rows[i].place);

	assert_true(registry_child("", registry_of(SETTINGS_LOCAL, OVBS_SET_LSA_CFG), &len));
	assert_int_equal(len, strlen("SYSTEM"));
	assert_true(registry_child(GUARD "\\", registry_of(SETTINGS_LOCAL, OVBS_SET_HVCI), &len));
	assert_int_equal(len, strlen(GUARD "\\Scenarios"));
	assert_true(registry_child(GUARD "\\Scenarios",
				   registry_of(SETTINGS_LOCAL, OVBS_SET_SYSTEM_GUARD), &len));
	assert_int_equal(len, strlen(GUARD "\\Scenarios\\SystemGuard"));
	assert_false(registry_child(GUARD, registry_of(SETTINGS_LOCAL, OVBS_SET_VBS), &len));
	assert_false(registry_child(GUARD, registry_of(SETTINGS_POLICY, OVBS_SET_HVCI), &len));
}

static void test_allowed(void **state)
{
	char text[REGISTRY_TEXT_MAX];

	assert_string_equal(registry_allowed(registry_of(SETTINGS_LOCAL, OVBS_SET_VBS), text), "0 or 1");
	assert_string_equal(registry_allowed(registry_of(SETTINGS_LOCAL, OVBS_SET_LEVEL), text), "0, 1 or 3");
	assert_string_equal(registry_allowed(registry_of(SETTINGS_POLICY, OVBS_SET_LSA_CFG), text),
			    "0, 1 or 2");
}

static const struct registry_value *local(enum ovbs_setting id)
{
	return registry_of(SETTINGS_LOCAL, id);
}

static void test_changes(void **state)
{
	struct changes c;
	struct problem p = { 0 };
	struct ovbs_record r;
	struct change_count n = { 0 };
	uint32_t value;

	record_init(&r);
	assert_int_equal(record_set(&r, OVBS_SET_LSA_CFG, 1), 0);
	assert_int_equal(record_set(&r, OVBS_SET_VBS, 1), 0);
	assert_int_equal(record_set(&r, 999, 5), 0); /* of a newer version */
	changes_init(&c);
	assert_false(changes_any(&c, SETTINGS_LOCAL));
	assert_false(changes_set(&c, local(OVBS_SET_LEVEL), 2, 7, &p));
	assert_int_equal(p.where, 7);
	assert_string_equal(p.why, "RequirePlatformSecurityFeatures can't be 2 (0x2): allowed is 0, 1 or 3");
	assert_false(changes_any(&c, SETTINGS_LOCAL));

	assert_true(changes_set(&c, local(OVBS_SET_LEVEL), 3, 1, &p));
	assert_true(changes_set(&c, local(OVBS_SET_VBS), 1, 2, &p));
	changes_remove(&c, local(OVBS_SET_LSA_CFG), 3);
	changes_remove(&c, local(OVBS_SET_HVCI), 4);
	assert_true(changes_any(&c, SETTINGS_LOCAL));
	assert_false(changes_any(&c, SETTINGS_POLICY));
	assert_int_equal(changes_apply(&c, SETTINGS_POLICY, &r, &n), 0);
	assert_int_equal(n.set + n.removed + n.changed, 0);
	assert_int_equal(changes_apply(&c, SETTINGS_LOCAL, &r, &n), 0);
	assert_int_equal(n.set, 2);
	assert_int_equal(n.removed, 1);
	assert_int_equal(n.changed, 2); /* level and LsaCfgFlags: VBS was 1 before */
	assert_false(record_get(&r, OVBS_SET_LSA_CFG, &value));
	assert_true(record_get(&r, OVBS_SET_LEVEL, &value));
	assert_int_equal(value, 3);
	assert_true(record_get(&r, 999, &value));

	/* The last one on a value counts. */
	changes_remove(&c, local(OVBS_SET_LEVEL), 5);
	assert_true(changes_set(&c, local(OVBS_SET_LSA_CFG), 0, 6, &p));
	assert_int_equal(changes_apply(&c, SETTINGS_LOCAL, &r, &n), 0);
	assert_false(record_get(&r, OVBS_SET_LEVEL, &value));
	assert_true(record_get(&r, OVBS_SET_LSA_CFG, &value));
	assert_int_equal(value, 0);
}

static void test_full_record(void **state)
{
	struct changes c;
	struct problem p;
	struct ovbs_record r, before;
	struct change_count n = { 0 };

	record_init(&r);
	for (unsigned int i = 0; i < OVBS_RECORD_ENTRIES - 1; i++)
		assert_int_equal(record_set(&r, 1000 + i, i), 0);
	before = r;
	changes_init(&c);
	assert_true(changes_set(&c, local(OVBS_SET_VBS), 1, 1, &p));
	assert_true(changes_set(&c, local(OVBS_SET_LEVEL), 1, 1, &p));
	assert_int_equal(changes_apply(&c, SETTINGS_LOCAL, &r, &n), -ENOSPC);
	assert_memory_equal(&r, &before, sizeof(r));
	assert_int_equal(n.set, 0);
}

static unsigned int removed(const struct changes *c)
{
	unsigned int n = 0;

	for (size_t i = 0; i < REGISTRY_VALUES; i++)
		n += c->of[i].what == CHANGE_REMOVE;
	return n;
}

static void test_remove_key(void **state)
{
	static const struct {
		const char *below;
		bool deep, good;
		unsigned int removed, ignored;
	} rows[] = {
		{ GUARD, true, true, 10, 0 },
		{ GUARD, false, true, 7, 0 },
		{ GUARD "\\Scenarios", true, true, 3, 0 },
		{ GUARD "\\Scenarios", false, true, 0, 1 },
		{ GUARD "\\Scenarios\\HypervisorEnforcedCodeIntegrity\\", true, true, 2, 0 },
		{ GUARD "\\Other", true, true, 0, 1 },
		{ LSA, true, true, 1, 0 },
		{ POLICY, true, true, 11, 0 },
		{ "SOFTWARE\\Classes", true, true, 0, 1 },
		{ "", true, false, 0, 0 },
		{ "SYSTEM\\CurrentControlSet\\Control", true, false, 0, 0 },
		{ "SYSTEM\\ControlSet001", true, false, 0, 0 },
		{ "SYSTEM", false, true, 0, 1 }, /* its own values only */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct problem p = { 0 };
		struct changes c;

		changes_init(&c);
		assert_int_equal(changes_remove_key(&c, rows[i].below, rows[i].deep, 9, &p), rows[i].good);
		assert_int_equal(removed(&c), rows[i].removed);
		assert_int_equal(c.ignored, rows[i].ignored);
		assert_int_equal(p.where, rows[i].good ? 0 : 9);
	}
}

static void test_ignored(void **state)
{
	struct changes c;

	changes_init(&c);
	changes_ignore(&c, NULL, 3);
	changes_ignore(&c, "SOFTWARE\\x", 4);
	assert_int_equal(c.ignored_near, 0);
	changes_ignore(&c, GUARD, 5);
	changes_ignore(&c, LSA, 6);
	assert_int_equal(c.ignored, 4);
	assert_int_equal(c.ignored_near, 2);
	assert_int_equal(c.ignored_where, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),       cmocka_unit_test(test_roots),
		cmocka_unit_test(test_find),        cmocka_unit_test(test_places),
		cmocka_unit_test(test_allowed),     cmocka_unit_test(test_changes),
		cmocka_unit_test(test_full_record), cmocka_unit_test(test_remove_key),
		cmocka_unit_test(test_ignored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
