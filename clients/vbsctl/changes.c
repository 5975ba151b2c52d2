// SPDX-License-Identifier: GPL-2.0-only
/*
 * The changes that a file or a command asks for: see changes.h.
 */
#include "changes.h"

#include <string.h>

void changes_init(struct changes *c)
{
	memset(c, 0, sizeof(*c));
}

bool changes_set(struct changes *c, const struct registry_value *v, uint32_t value, size_t where,
		 struct problem *problem)
{
	char allowed[REGISTRY_TEXT_MAX];

	if (!setting_allows(v->hive, v->id, value))
		return problem_at(problem, where, "%s can't be %u (0x%x): allowed is %s", v->name,
				  value, value, registry_allowed(v, allowed));
	c->of[v - registry_values] = (struct change){ CHANGE_SET, value, where };
	return true;
}

void changes_remove(struct changes *c, const struct registry_value *v, size_t where)
{
	c->of[v - registry_values] = (struct change){ .what = CHANGE_REMOVE, .where = where };
}

bool changes_remove_key(struct changes *c, const char *below, bool deep, size_t where, struct problem *problem)
{
	bool any = false;

	if (deep && registry_place(below) == REGISTRY_ABOVE)
		return problem_at(problem, where,
				  "deleting %s\\%s would delete much more than settings of openvbs: "
				  "name the key DeviceGuard or Lsa below it, or its values",
				  REGISTRY_ROOT, below);
	for (size_t i = 0; i < REGISTRY_VALUES; i++) {
		if (!registry_in(below, &registry_values[i], deep))
			continue;
		changes_remove(c, &registry_values[i], where);
		any = true;
	}
	if (!any)
		changes_ignore(c, below, where);
	return true;
}

void changes_ignore(struct changes *c, const char *below, size_t where)
{
	c->ignored++;
	if (below == NULL || registry_place(below) != REGISTRY_KEY)
		return;
	if (c->ignored_near++ == 0)
		c->ignored_where = where;
}

bool changes_any(const struct changes *c, enum settings_hive hive)
{
	for (size_t i = 0; i < REGISTRY_VALUES; i++)
		if (registry_values[i].hive == hive && c->of[i].what != CHANGE_NONE)
			return true;
	return false;
}

int changes_apply(const struct changes *c, enum settings_hive hive, struct ovbs_record *r,
		  struct change_count *count)
{
	struct ovbs_record new = *r;
	struct change_count n = *count;

	for (size_t i = 0; i < REGISTRY_VALUES; i++) {
		enum ovbs_setting id = registry_values[i].id;
		uint32_t old;
		bool was = record_get(r, id, &old);

		if (registry_values[i].hive != hive || c->of[i].what == CHANGE_NONE)
			continue;
		if (c->of[i].what == CHANGE_REMOVE) {
			n.removed += was;
			n.changed += record_remove(&new, id);
			continue;
		}
		int result = record_set(&new, id, c->of[i].value);

		if (result != 0)
			return result;
		n.set++;
		n.changed += !was || old != c->of[i].value;
	}
	*r = new;
	*count = n;
	return 0;
}
