// SPDX-License-Identifier: GPL-2.0-only
/*
 * vbsctl policy: Registry.pol files, as Group Policy has them for Windows. An
 * import makes the policy anew: values that the file does not set are gone, as
 * when a policy object does not apply any more.
 */
#include "vbsctl.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "apply.h"
#include "output.h"
#include "preg.h"

/* Local values in a policy file would outlive the policy: they are not taken, and it is said. */
static void drop_local(struct vbsctl *v, struct changes *c)
{
	unsigned int n = 0;

	for (size_t i = 0; i < REGISTRY_VALUES; i++) {
		if (registry_values[i].hive != SETTINGS_LOCAL || c->of[i].what == CHANGE_NONE)
			continue;
		c->of[i].what = CHANGE_NONE;
		c->ignored++;
		n++;
	}
	if (n > 0)
		vbsctl_note(v,
			    "%u of the ignored values %s below SYSTEM\\CurrentControlSet: these are no policy; "
			    "set them with `vbsctl reg add`",
			    n, n == 1 ? "is" : "are");
}

/* @file: where the new policy came from, or NULL */
static int replace(struct vbsctl *v, const struct changes *c, const char *file, const char *by)
{
	struct change_count count;
	struct store s;
	int status;

	store_load(v, &s);
	status = apply_changes(v, &s, c, true, by, &count);
	if (status != VBSCTL_OK && status != VBSCTL_LOCKED)
		return status;
	apply_report(v, c, &count, file);
	apply_report_text(v, c, &count);
	if (file != NULL)
		apply_near_miss(v, c, file, "offset");
	return status;
}

static int import(struct vbsctl *v, const char *file)
{
	struct changes c;
	struct problem problem;
	size_t len;
	void *data = apply_read_file(v, file, &len);
	bool good;

	if (data == NULL)
		return VBSCTL_INPUT;
	good = preg_parse(data, len, &c, &problem);
	free(data);
	if (!good)
		return vbsctl_error(v, VBSCTL_INPUT, "%s, offset %zu: %s; nothing was changed",
				    file, problem.where, problem.why);
	drop_local(v, &c);
	if (!changes_any(&c, SETTINGS_POLICY))
		return vbsctl_error(v, VBSCTL_INPUT,
				    "%s: nothing of it is a policy setting of openvbs (%zu ignored); "
				    "nothing was changed. To have no policy, use `vbsctl policy remove`",
				    file, c.ignored);
	return replace(v, &c, file, "vbsctl policy import");
}

static int remove_all(struct vbsctl *v)
{
	struct changes none;

	changes_init(&none);
	return replace(v, &none, NULL, "vbsctl policy remove");
}

static void show_change(struct vbsctl *v, const struct ovbs_record *r)
{
	char when[32] = "unknown", by[sizeof(r->changed_by)];
	time_t t = (time_t)r->changed_s;
	struct tm tm;
	json_t *out = apply_json(v);

	if (r->changed_s != 0 && gmtime_r(&t, &tm) != NULL)
		strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	for (size_t i = 0; i < sizeof(by); i++) /* the file may have been written by anybody */
		by[i] = r->changed_by[i] == '\0' || (r->changed_by[i] >= ' ' && r->changed_by[i] <= '~') ?
				r->changed_by[i] :
				'?';
	out_text(v, "    generation %u, changed %s by user %u with %s", r->generation, when,
		 r->changed_uid, by);
	json_object_set_new(out, "generation", json_integer(r->generation));
	json_object_set_new(out, "changed_at", json_string(when));
	json_object_set_new(out, "changed_uid", json_integer(r->changed_uid));
	json_object_set_new(out, "changed_by", json_string(by));
}

static int show(struct vbsctl *v)
{
	struct store s;
	json_t *values = json_array();
	const char *key = "";
	uint32_t number;

	store_load(v, &s);
	json_object_set_new(apply_json(v), "values", values);
	json_object_set_new(apply_json(v), "source",
			    s.policy_file[0] != '\0' ? json_string(s.policy_file) : json_null());
	if (s.policy.state == SOURCE_UNREADABLE)
		return vbsctl_error(v, VBSCTL_SYSTEM, "the policy can't be read: %s", s.policy.why);
	if (s.policy.state == SOURCE_ABSENT) {
		out_text(v, "no policy");
		return VBSCTL_OK;
	}
	out_text(v, "%s", s.policy_file);
	show_change(v, &s.policy.record);
	if (s.policy.record.count == 0)
		out_text(v, "    no values: the policy is empty");
	for (size_t i = 0; i < REGISTRY_VALUES; i++) {
		const struct registry_value *value = &registry_values[i];

		if (value->hive != SETTINGS_POLICY || !record_get(&s.policy.record, value->id, &number))
			continue;
		if (strcmp(key, value->key) != 0)
			out_text(v, "\n" REGISTRY_ROOT "\\%s", value->key);
		key = value->key;
		out_text(v, "    %s    REG_DWORD    0x%x", value->name, number);
		apply_add_value(values, value, number);
	}
	if (s.policy.why[0] != '\0') /* the other file */
		vbsctl_note(v, "the other policy file does not count: %s", s.policy.why);
	return VBSCTL_OK;
}

int cmd_policy(struct vbsctl *v, int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "import") == 0 && strcmp(argv[2], "--") == 0)
		return apply_end(v, import(v, argv[3]));
	if (argc == 3 && strcmp(argv[1], "import") == 0)
		return apply_end(v, import(v, argv[2]));
	if (argc == 2 && strcmp(argv[1], "show") == 0)
		return apply_end(v, show(v));
	if (argc == 2 && strcmp(argv[1], "remove") == 0)
		return apply_end(v, remove_all(v));
	return vbsctl_error(v, VBSCTL_USAGE,
			    "usage: vbsctl policy import FILE | show | remove. See vbsctl(8)");
}
