// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of registry values, and comparing key paths: see registry.h. Paths
 * are compared part by part, so that "Lsa" is never taken for "LsaOther".
 */
#include "registry.h"

#include <stdio.h>
#include <string.h>

#include "ovbs_compiler.h"
#include "text.h"

#define GUARD        "SYSTEM\\CurrentControlSet\\Control\\DeviceGuard"
#define LSA          "SYSTEM\\CurrentControlSet\\Control\\Lsa"
#define POLICY       "SOFTWARE\\Policies\\Microsoft\\Windows\\DeviceGuard"
#define HVCI         "\\Scenarios\\HypervisorEnforcedCodeIntegrity"
#define SYSTEM_GUARD "\\Scenarios\\SystemGuard"

#define COMMON(hive, key)                                                                          \
	{ hive, OVBS_SET_VBS, key, "EnableVirtualizationBasedSecurity" },                          \
		{ hive, OVBS_SET_LEVEL, key, "RequirePlatformSecurityFeatures" },                  \
		{ hive, OVBS_SET_LOCKED, key, "Locked" },                                          \
		{ hive, OVBS_SET_MANDATORY, key, "Mandatory" },                                    \
		{ hive, OVBS_SET_ROLE_OPT_OUT, key, "HyperVVirtualizationBasedSecurityOptOut" },   \
	{                                                                                          \
		hive, OVBS_SET_HVCI_DIRECT, key, "HypervisorEnforcedCodeIntegrity"                 \
	}

#define SCENARIOS(hive, key)                                                                              \
	{ hive, OVBS_SET_HVCI, key HVCI, "Enabled" }, { hive, OVBS_SET_HVCI_LOCKED, key HVCI, "Locked" }, \
	{                                                                                                 \
		hive, OVBS_SET_SYSTEM_GUARD, key SYSTEM_GUARD, "Enabled"                                  \
	}

const struct registry_value registry_values[REGISTRY_VALUES] = {
	COMMON(SETTINGS_LOCAL, GUARD),
	{ SETTINGS_LOCAL, OVBS_SET_UNLOCKED, GUARD, "Unlocked" },
	SCENARIOS(SETTINGS_LOCAL, GUARD),
	{ SETTINGS_LOCAL, OVBS_SET_LSA_CFG, LSA, "LsaCfgFlags" },
	COMMON(SETTINGS_POLICY, POLICY),
	{ SETTINGS_POLICY, OVBS_SET_LSA_CFG, POLICY, "LsaCfgFlags" },
	{ SETTINGS_POLICY, OVBS_SET_SYSTEM_GUARD_LAUNCH, POLICY, "ConfigureSystemGuardLaunch" },
	SCENARIOS(SETTINGS_POLICY, POLICY),
};

/* The highest keys that may be deleted as a whole: above them others keep their values. */
static const char *const homes[] = { GUARD, LSA, POLICY };

static const struct {
	const char *name;
	bool ours;
} roots[] = {
	{ REGISTRY_ROOT, true },          { "HKLM", true },
	{ "HKEY_CURRENT_USER", false },   { "HKCU", false },
	{ "HKEY_CLASSES_ROOT", false },   { "HKCR", false },
	{ "HKEY_USERS", false },          { "HKU", false },
	{ "HKEY_CURRENT_CONFIG", false }, { "HKCC", false },
};

const char *registry_path(const char *path, const char **below)
{
	static const char *const prefixes[] = { "\\\\.\\", "Computer\\", "\\" };

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		if (text_begins(path, prefixes[i])) {
			path += strlen(prefixes[i]);
			break;
		}
	}
	if (*path == '\\')
		return "a key of another computer";
	for (size_t i = 0; i < ARRAY_SIZE(roots); i++) {
		size_t n = strlen(roots[i].name);

		if (!text_begins(path, roots[i].name) || (path[n] != '\0' && path[n] != '\\'))
			continue;
		path += n;
		if (strstr(path, "\\\\") != NULL)
			return "a key without a name between two backslashes";
		*below = roots[i].ours ? path + (*path == '\\') : NULL;
		return NULL;
	}
	return "unknown root key: expected HKEY_LOCAL_MACHINE or HKLM (or HKCU, HKCR, HKU, HKCC, which are ignored)";
}

/* The next part of a path. Return: its length, 0 at the end; @path goes behind it. */
static size_t next_part(const char **path, const char **part)
{
	size_t n = strcspn(*path, "\\");

	*part = *path;
	*path += n + ((*path)[n] == '\\');
	return n;
}

/* @part may end with a backslash or with 0; @key is of the table or the name of a part. */
static bool same_part(const char *part, size_t n, const char *key, size_t key_len)
{
	char a[64], b[64]; /* longer than every part of the table */

	if (n != key_len || n >= sizeof(a))
		return false;
	memcpy(a, part, n);
	memcpy(b, key, n);
	a[n] = b[n] = '\0';
	return text_same(a, b);
}

enum relation {
	APART,
	SAME,
	ABOVE, /* the path is above the key */
	BELOW,
};

/* @rest: out, only if ABOVE: the part of @key that comes below @path. */
static enum relation relate(const char *path, const char *key, const char **rest)
{
	static const char current[] = "CurrentControlSet", first[] = "ControlSet001";
	const char *a, *b;

	for (;;) {
		size_t n, m;

		*rest = key;
		n = next_part(&path, &a);
		m = next_part(&key, &b);
		if (n == 0 && *a != '\0')
			return APART; /* a part without a name */
		if (n == 0)
			return m == 0 ? SAME : ABOVE;
		if (m == 0)
			return BELOW;
		if (same_part(a, n, b, m))
			continue;
		if (!same_part(b, m, current, strlen(current)) || !same_part(a, n, first, strlen(first)))
			return APART;
	}
}

const struct registry_value *registry_find(const char *below, const char *name)
{
	for (size_t i = 0; i < REGISTRY_VALUES; i++)
		if (text_same(registry_values[i].name, name) &&
		    registry_in(below, &registry_values[i], false))
			return &registry_values[i];
	return NULL;
}

const struct registry_value *registry_of(enum settings_hive hive, enum ovbs_setting id)
{
	for (size_t i = 0; i < REGISTRY_VALUES; i++)
		if (registry_values[i].hive == hive && registry_values[i].id == id)
			return &registry_values[i];
	return NULL;
}

enum registry_place registry_place(const char *below)
{
	enum registry_place place = REGISTRY_OTHER;
	const char *rest;

	for (size_t i = 0; i < ARRAY_SIZE(homes); i++)
		if (relate(below, homes[i], &rest) == ABOVE)
			return REGISTRY_ABOVE;
	for (size_t i = 0; i < REGISTRY_VALUES; i++) {
		enum relation r = relate(below, registry_values[i].key, &rest);

		if (r == SAME)
			return REGISTRY_KEY;
		if (r == ABOVE)
			place = REGISTRY_INSIDE;
	}
	return place;
}

bool registry_in(const char *below, const struct registry_value *v, bool deep)
{
	const char *rest;
	enum relation r = relate(below, v->key, &rest);

	return r == SAME || (deep && r == ABOVE);
}

bool registry_child(const char *below, const struct registry_value *v, size_t *len)
{
	const char *rest;

	if (relate(below, v->key, &rest) != ABOVE)
		return false;
	*len = (size_t)(rest - v->key) + strcspn(rest, "\\");
	return true;
}

const char *registry_allowed(const struct registry_value *v, char *text)
{
	unsigned int found[8], n = 0;
	size_t used = 0;

	for (unsigned int value = 0; value < ARRAY_SIZE(found); value++)
		if (setting_allows(v->hive, v->id, value))
			found[n++] = value;
	text[0] = '\0';
	for (unsigned int i = 0; i < n; i++)
		used += (size_t)snprintf(text + used, REGISTRY_TEXT_MAX - used, "%s%u",
					 i == 0     ? "" :
					 i + 1 == n ? " or " :
						      ", ",
					 found[i]);
	return text;
}
