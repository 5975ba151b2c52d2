// SPDX-License-Identifier: GPL-2.0-only
/*
 * vbsctl reg query: see reg.h. Values are those that are set, in the records;
 * what counts at the next boot, with its source, is shown by `vbsctl status`.
 */
#include "reg.h"

#include <string.h>

#include "apply.h"
#include "output.h"
#include "text.h"

int reg_readable(struct vbsctl *v, const struct store *s, const char *below, bool deep)
{
	for (unsigned int hive = SETTINGS_LOCAL; hive <= SETTINGS_POLICY; hive++) {
		const struct store_source *from = apply_source(s, hive);
		bool asked = false;

		for (size_t i = 0; i < REGISTRY_VALUES; i++)
			asked |= registry_values[i].hive == hive &&
				 registry_in(below, &registry_values[i], deep);
		if (asked && from->state == SOURCE_UNREADABLE)
			return vbsctl_error(v, VBSCTL_SYSTEM, "the %s can't be read: %s",
					    apply_hive_name(hive), from->why);
	}
	return VBSCTL_OK;
}

/* Return: how many were shown. @key_line: also if the key has none. */
static unsigned int show_key(struct vbsctl *v, const struct store *s, const char *key,
			     const char *name, bool key_line, json_t *values)
{
	unsigned int n = 0;
	uint32_t number;

	for (size_t i = 0; i < REGISTRY_VALUES; i++) {
		const struct registry_value *value = &registry_values[i];

		if (strcmp(value->key, key) != 0 || (name != NULL && !text_same(value->name, name)) ||
		    !record_get(&apply_source(s, value->hive)->record, value->id, &number))
			continue;
		if (n++ == 0)
			out_text(v, REGISTRY_ROOT "\\%s", key);
		out_text(v, "    %s    REG_DWORD    0x%x", value->name, number);
		apply_add_value(values, value, number);
	}
	if (n == 0 && key_line)
		out_text(v, REGISTRY_ROOT "\\%s", key);
	if (n > 0 || key_line)
		out_text(v, "%s", "");
	return n;
}

/* The keys right below, as reg.exe names them behind the values. */
static void show_children(struct vbsctl *v, const char *below, json_t *keys)
{
	for (size_t i = 0; i < REGISTRY_VALUES; i++) {
		const char *key = registry_values[i].key;
		size_t len, before;
		bool known = false;
		char path[128];

		if (!registry_child(below, &registry_values[i], &len))
			continue;
		for (size_t j = 0; j < i && !known; j++)
			known = registry_child(below, &registry_values[j], &before) &&
				before == len && strncmp(registry_values[j].key, key, len) == 0;
		if (known)
			continue;
		snprintf(path, sizeof(path), REGISTRY_ROOT "\\%.*s", (int)len, key);
		out_text(v, "%s", path);
		json_array_append_new(keys, json_string(path));
	}
}

int reg_query(struct vbsctl *v, const char *key, const char *below, const char *name, bool deep)
{
	json_t *values = json_array(), *keys = json_array();
	const char *last = "";
	unsigned int n = 0;
	struct store s;
	int status;

	json_object_set_new(apply_json(v), "values", values);
	json_object_set_new(apply_json(v), "keys", keys);
	if (registry_place(below) == REGISTRY_OTHER)
		return vbsctl_error(v, VBSCTL_NO,
				    "%s: openvbs has no such key; `vbsctl reg query HKLM /s` lists its keys",
				    key);
	store_load(v, &s);
	status = reg_readable(v, &s, below, deep);
	if (status != VBSCTL_OK)
		return status;
	for (size_t i = 0; i < REGISTRY_VALUES; i++) {
		const struct registry_value *value = &registry_values[i];

		if (!registry_in(below, value, deep) || strcmp(last, value->key) == 0)
			continue;
		last = value->key;
		n += show_key(v, &s, last, name, name == NULL, values);
	}
	if (!deep && name == NULL)
		show_children(v, below, keys);
	if (name != NULL && n == 0)
		return vbsctl_error(v, VBSCTL_NO,
				    "%s: there is no value %s (absent is not the same as 0: "
				    "`vbsctl status --verbose` shows what counts instead)",
				    key, name);
	return VBSCTL_OK;
}
