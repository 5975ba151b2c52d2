// SPDX-License-Identifier: GPL-2.0-only
/*
 * Carrying changes out, and saying what stands against them: see apply.h.
 */
#include "apply.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "output.h"

#define FILE_MAX  (16u << 20)
#define LABEL_MAX 96

void *apply_read_file(struct vbsctl *v, const char *path, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *data = NULL;
	size_t used = 0, room = 0;
	ssize_t n = 1;

	if (fd < 0)
		goto failed;
	while (n > 0 && used <= FILE_MAX) {
		if (used == room) {
			char *more;

			room = room ? 2 * room : 65536;
			more = realloc(data, room);
			if (more == NULL)
				goto failed;
			data = more;
		}
		n = read(fd, data + used, room - used);
		used += n > 0 ? (size_t)n : 0;
	}
	if (n < 0)
		goto failed;
	close(fd);
	*len = used;
	if (used <= FILE_MAX)
		return data;
	free(data);
	vbsctl_error(v, VBSCTL_INPUT,
		     "%s is larger than 16 MiB; nothing was changed: export only the keys "
		     "DeviceGuard and Lsa",
		     path);
	return NULL;
failed:
	vbsctl_error(v, VBSCTL_INPUT, "%s can't be read: %s; nothing was changed", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	free(data);
	return NULL;
}

const struct store_source *apply_source(const struct store *s, enum settings_hive hive)
{
	return hive == SETTINGS_POLICY ? &s->policy : &s->local;
}

const char *apply_hive_name(enum settings_hive hive)
{
	return hive == SETTINGS_POLICY ? "policy" : "local values";
}

/* What is to be done in one hive. */
struct plan {
	struct ovbs_record record; /* as it will be */
	bool touched;              /* asked for, whether or not it makes a difference */
	bool write;
};

static bool same_values(const struct ovbs_record *a, const struct ovbs_record *b)
{
	uint32_t other;

	for (unsigned int i = 0; i < a->count; i++)
		if (!record_get(b, (enum ovbs_setting)a->value[i].id, &other) ||
		    other != a->value[i].value)
			return false;
	return a->count == b->count;
}

/* The values of the old policy that the new one has not. */
static unsigned int dropped(const struct ovbs_record *old, const struct ovbs_record *new)
{
	unsigned int n = 0;
	uint32_t value;

	for (unsigned int i = 0; i < old->count; i++)
		n += !record_get(new, (enum ovbs_setting)old->value[i].id, &value);
	return n;
}

static int make_plan(struct vbsctl *v, const struct store *s, const struct changes *c,
		     enum settings_hive hive, bool replace, struct plan *plan, struct change_count *count)
{
	const struct store_source *from = apply_source(s, hive);

	plan->record = from->record;
	plan->touched = replace || changes_any(c, hive);
	plan->write = false;
	if (!plan->touched)
		return VBSCTL_OK;
	if (from->state == SOURCE_UNREADABLE && !replace)
		return vbsctl_error(
			v, VBSCTL_SYSTEM,
			"nothing was changed: the %s can't be read, so they can't be "
			"changed in part: %s. %s",
			apply_hive_name(hive), from->why,
			hive == SETTINGS_POLICY ?
				"If it is damaged, `vbsctl policy import` or `vbsctl policy remove` replaces it" :
				"If it is damaged, `vbsctl enable` or `vbsctl disable` replaces all of it");
	if (replace)
		record_init(&plan->record);
	if (changes_apply(c, hive, &plan->record, count) != 0)
		return vbsctl_error(v, VBSCTL_SYSTEM,
				    "nothing was changed: the %s are full of values that only a "
				    "newer openvbs knows: change them with that one",
				    apply_hive_name(hive));
	if (replace)
		count->removed += dropped(&from->record, &plan->record);
	plan->write = !same_values(&from->record, &plan->record) || from->state == SOURCE_UNREADABLE;
	return VBSCTL_OK;
}

/* "HypervisorEnforcedCodeIntegrity\Enabled": with its key where the name alone says little. */
static const char *label(const struct registry_value *value, char text[LABEL_MAX])
{
	const char *key = strstr(value->key, "\\Scenarios\\");

	if (key == NULL)
		return value->name;
	snprintf(text, LABEL_MAX, "%s\\%s", key + strlen("\\Scenarios\\"), value->name);
	return text;
}

/* The settings that a value has a say in. Return: how many, at most 2. */
static unsigned int decides(enum ovbs_setting id, enum ovbs_setting out[2])
{
	switch (id) {
	case OVBS_SET_HVCI_DIRECT:
		out[0] = OVBS_SET_HVCI;
		out[1] = OVBS_SET_HVCI_LOCKED;
		return 2;
	case OVBS_SET_UNLOCKED:
		out[0] = OVBS_SET_HVCI_LOCKED;
		return 1;
	case OVBS_SET_SYSTEM_GUARD_LAUNCH:
		out[0] = OVBS_SET_SYSTEM_GUARD;
		return 1;
	default:
		out[0] = id;
		return 1;
	}
}

/* The next boot, as four different readers of the new records see it. */
struct view {
	struct settings actual;  /* all sources: what will count */
	struct settings no_lock; /* without the UEFI lock */
	struct settings own[2];  /* one hive alone: what its values ask for */
	bool locked;             /* out: the lock stands against a change */
	bool told[OVBS_SETTINGS];
};

static void look(const struct store *s, const struct plan plan[2], struct view *view)
{
	/* The opt-out is left out: a change makes a new generation, and so ends it. */
	struct settings_sources from = { .policy = &plan[SETTINGS_POLICY].record,
					 .local = &plan[SETTINGS_LOCAL].record };

	memset(view, 0, sizeof(*view));
	settings_resolve(&from, &view->no_lock);
	from.lock = s->lock_there ? &s->lock : NULL;
	settings_resolve(&from, &view->actual);
	settings_resolve(&(struct settings_sources){ .local = from.local }, &view->own[SETTINGS_LOCAL]);
	settings_resolve(&(struct settings_sources){ .policy = from.policy }, &view->own[SETTINGS_POLICY]);
}

static void tell(struct vbsctl *v, const struct registry_value *value, bool removed,
		 enum ovbs_setting id, struct view *view)
{
	const struct settings_value *actual = &view->actual.v[id], *no_lock = &view->no_lock.v[id];
	uint32_t asked = removed ? no_lock->value : view->own[value->hive].v[id].value;
	char name_text[LABEL_MAX], held_text[LABEL_MAX];
	const char *name = label(value, name_text);

	if (view->told[id])
		return;
	view->told[id] = true;
	if (actual->source == OVBS_SOURCE_LOCK && actual->value != asked) {
		view->locked = true;
		vbsctl_note(v,
			    "%s: the UEFI lock holds it (%s is %u) and wins: the change has no effect until "
			    "the lock is ended with `vbsctl opt-out` and the answer of a person at the console",
			    name, label(registry_of(SETTINGS_LOCAL, id), held_text), actual->value);
	} else if (value->hive == SETTINGS_LOCAL && no_lock->source == OVBS_SOURCE_POLICY) {
		vbsctl_note(v,
			    "%s: the policy decides this (%u): the local value has no effect as long as the "
			    "policy has one (`vbsctl policy show`)",
			    name, no_lock->value);
	} else if (removed && actual->source == OVBS_SOURCE_DEFAULT && actual->value != 0) {
		vbsctl_note(v, "%s is absent now, which is not 0: the default is %u, and counts. Set 0 to switch it off",
			    name, actual->value);
	} else {
		view->told[id] = false;
	}
}

static bool tell_all(struct vbsctl *v, const struct store *s, const struct changes *c,
		     const struct plan plan[2])
{
	struct view view;

	look(s, plan, &view);
	for (size_t i = 0; i < REGISTRY_VALUES; i++) {
		const struct registry_value *value = &registry_values[i];
		const struct plan *p = &plan[value->hive];
		enum ovbs_setting ids[2];
		unsigned int n = decides(value->id, ids);
		uint32_t old, new;
		bool had = record_get(&apply_source(s, value->hive)->record, value->id, &old);
		bool has = record_get(&p->record, value->id, &new);

		/* A policy that is replaced changes values that the file does not name, too. */
		if (!p->touched || (c->of[i].what == CHANGE_NONE && had == has))
			continue;
		for (unsigned int j = 0; j < n; j++)
			tell(v, value, !has, ids[j], &view);
	}
	if (s->next.opted_out && (plan[0].write || plan[1].write))
		vbsctl_note(v, "openvbs was opted out at the console; this change ends that: from the next boot on "
			       "the settings count again");
	else if (s->next.opted_out)
		vbsctl_note(v, "openvbs was opted out at the console, and stays so, since nothing changed: `vbsctl enable` "
			       "ends that");
	return view.locked;
}

static int write_all(struct vbsctl *v, const struct store *s, struct plan plan[2], const char *by)
{
	int status = VBSCTL_OK;

	if (plan[SETTINGS_POLICY].write)
		status = store_write_policy(v, s, &plan[SETTINGS_POLICY].record, by);
	if (status != VBSCTL_OK || !plan[SETTINGS_LOCAL].write)
		return status;
	status = store_write_local(v, s, &plan[SETTINGS_LOCAL].record, by);
	if (status != VBSCTL_OK && plan[SETTINGS_POLICY].write)
		vbsctl_note(v, "the policy was written before that, and stands; the local values are as they were: "
			       "repeat the command when the cause is gone");
	return status;
}

int apply_changes(struct vbsctl *v, const struct store *s, const struct changes *c,
		  bool replace_policy, const char *by, struct change_count *count)
{
	struct plan plan[2];
	int status;

	memset(count, 0, sizeof(*count));
	status = make_plan(v, s, c, SETTINGS_POLICY, replace_policy, &plan[SETTINGS_POLICY], count);
	if (status == VBSCTL_OK)
		status = make_plan(v, s, c, SETTINGS_LOCAL, false, &plan[SETTINGS_LOCAL], count);
	if (status == VBSCTL_OK)
		status = write_all(v, s, plan, by);
	if (status != VBSCTL_OK)
		return status;
	if (!plan[0].write && !plan[1].write)
		out_text(v, "nothing changed: it is so already");
	json_object_set_new(apply_json(v), "changed", json_boolean(plan[0].write || plan[1].write));
	return tell_all(v, s, c, plan) ? VBSCTL_LOCKED : VBSCTL_OK;
}

void apply_report(struct vbsctl *v, const struct changes *c, const struct change_count *count,
		  const char *source)
{
	json_t *out = apply_json(v), *values = json_array(),
	       *name = source != NULL ? json_string(source) : NULL;

	for (size_t i = 0; i < REGISTRY_VALUES; i++)
		if (c->of[i].what == CHANGE_SET)
			apply_add_value(values, &registry_values[i], c->of[i].value);
	/* a file's name need not be UTF-8, but JSON has to be */
	json_object_set_new(out, "source", name != NULL ? name : json_null());
	json_object_set_new(out, "values", values);
	json_object_set_new(out, "set", json_integer(count->set));
	json_object_set_new(out, "deleted", json_integer(count->removed));
	json_object_set_new(out, "ignored", json_integer((json_int_t)c->ignored));
}

void apply_report_text(struct vbsctl *v, const struct changes *c, const struct change_count *count)
{
	out_text(v, "%u %s set, %u deleted, %zu ignored (not settings of openvbs)", count->set,
		 count->set == 1 ? "value" : "values", count->removed, c->ignored);
}

void apply_near_miss(struct vbsctl *v, const struct changes *c, const char *file, const char *unit)
{
	if (c->ignored_near > 0)
		vbsctl_note(v,
			    "%s: %zu of the ignored values %s in a key of openvbs, the first at %s %zu: if one was "
			    "meant to be a setting, its name is misspelt",
			    file, c->ignored_near, c->ignored_near == 1 ? "is" : "are", unit,
			    c->ignored_where);
}

json_t *apply_json(struct vbsctl *v)
{
	if (v->out == NULL)
		v->out = json_object();
	return v->out;
}

int apply_end(struct vbsctl *v, int status)
{
	if (!v->json) {
		json_decref(v->out);
		v->out = NULL;
	}
	return status;
}

void apply_add_value(json_t *array, const struct registry_value *value, uint32_t number)
{
	char key[128];

	snprintf(key, sizeof(key), REGISTRY_ROOT "\\%s", value->key);
	json_array_append_new(array, json_pack("{s:s, s:s, s:I, s:i, s:s}", "key", key, "name", value->name,
					       "value", (json_int_t)number, "id", (int)value->id, "hive",
					       value->hive == SETTINGS_POLICY ? "policy" : "local"));
}
