/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an import changes, as text that tests can compare.
 */
#ifndef OVBS_TESTS_SHOW_CHANGES_H
#define OVBS_TESTS_SHOW_CHANGES_H

#include <stdio.h>

#include "../../clients/vbsctl/changes.h"

/* The changes as text: "local 0=1 local 8- policy 1=3". */
static const char *show(const struct changes *c)
{
	static char out[REGISTRY_VALUES * 32];
	char *o = out;

	*o = '\0';
	for (size_t i = 0; i < REGISTRY_VALUES; i++) {
		const struct registry_value *v = &registry_values[i];

		if (c->of[i].what == CHANGE_NONE)
			continue;
		o += sprintf(o, "%s%s %d", o == out ? "" : " ",
			     v->hive == SETTINGS_POLICY ? "policy" : "local", v->id);
		o += c->of[i].what == CHANGE_SET ? sprintf(o, "=%u", c->of[i].value) : sprintf(o, "-");
	}
	return out;
}

#endif
