/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vbsctl readiness: what this machine has of what is needed (lib/readiness.h),
 * one line each. Capable is not running: the last line says which of the two
 * was asked (cases S1, S9). Exit status: READINESS_MISSING_*.
 */
#include <stdlib.h>
#include <string.h>

#include "modules.h"
#include "output.h"
#include "readiness_json.h"

static enum out_mark mark_of(const struct readiness_row *r)
{
	static const enum out_mark marks[] = {
		[READINESS_GOOD] = MARK_GOOD,    [READINESS_WEAKER] = MARK_WARN,
		[READINESS_MISSING] = MARK_BAD,  [READINESS_UNREADABLE] = MARK_BAD,
		[READINESS_UNKNOWN] = MARK_WARN,
	};

	/* what only costs time is nothing to worry about */
	return r->need == READINESS_OPTIONAL && r->result == READINESS_WEAKER ? MARK_NONE :
										marks[r->result];
}

static void print_row(struct vbsctl *v, const struct readiness_row *r)
{
	char label[96];

	snprintf(label, sizeof(label), "%s (%s)", r->title, readiness_need_name(r->need));
	out_line(v, mark_of(r), label, "%s: %s", readiness_result_name(r->result), r->evidence);
	if (r->result != READINESS_GOOD && r->cure[0] != '\0')
		out_text(v, "    what to do: %s", r->cure);
}

static void print_service(struct vbsctl *v, const struct readiness_service *s)
{
	static const enum out_mark marks[] = {
		[READINESS_IMPOSSIBLE] = MARK_BAD,
		[READINESS_USABLE] = MARK_WARN,
		[READINESS_FULL] = MARK_GOOD,
		[READINESS_CANT_TELL] = MARK_WARN,
	};
	char verdict[32] = "unknown";

	if (s->verdict != READINESS_CANT_TELL)
		snprintf(verdict, sizeof(verdict), "%d %s", s->verdict, readiness_verdict_name(s->verdict));
	out_line(v, marks[s->verdict], s->title, "%s%s%s%s%s", verdict,
		 s->because[0] ? "; because of: " : "", s->because, s->note[0] ? "; " : "", s->note);
}

/* Modules that would be refused, and those that could not be looked at. */
static void print_files(struct vbsctl *v, const char *label, const json_t *files)
{
	json_t *file;
	size_t i;

	json_array_foreach(files, i, file)
	{
		const char *package = json_string_value(json_object_get(file, "Package"));

		out_text(v, "    %s: %s: %s%s%s%s", label,
			 json_string_value(json_object_get(file, "Path")),
			 json_string_value(json_object_get(file, "Reason")), *package ? " [" : "",
			 package, *package ? "]" : "");
	}
}

static void print_modules(struct vbsctl *v, const json_t *m)
{
	const char *label = "Modules on disk (memory integrity)",
		   *problem = json_string_value(json_object_get(m, "Problem"));
	const json_t *refused = json_object_get(m, "Refused"), *unread = json_object_get(m, "NotRead");
	bool all = json_is_true(json_object_get(m, "All")),
	     keys = json_is_true(json_object_get(m, "KeysRead"));
	size_t bad = json_array_size(refused), unknown = json_array_size(unread);

	if (*problem) {
		out_line(v, MARK_WARN, label, "unknown: %s", problem);
		return;
	}
	out_line(v, bad ? MARK_WARN : MARK_NONE, label, "%zu of %lld%s would be refused%s%s", bad,
		 (long long)json_integer_value(json_object_get(m, "Count")),
		 all ? "" : " that are not the kernel's own",
		 unknown ? ", some could not be looked at" : "",
		 keys ? "" : "; the kernel's keyrings can't be read (run as root): only signatures were looked at");
	print_files(v, "refused", refused);
	print_files(v, "unknown", unread);
}

int cmd_readiness(struct vbsctl *v, int argc, char **argv)
{
	bool all = argc == 2 && strcmp(argv[1], "--modules") == 0;
	struct gathered facts;
	struct readiness r;
	struct live *l;
	json_t *modules;

	if (argc != 1 && !all)
		return vbsctl_error(v, READINESS_NOT_DONE,
				    "readiness: \"%s\": arguments: [--modules]", argv[argc - 1]);
	l = live_load(v);
	gather_judge(v, l, &facts, &r);
	modules = modules_check(v, all);
	for (unsigned int i = 0; i < READINESS_ROWS; i++)
		print_row(v, &r.row[i]);
	out_text(v, "%s", "");
	for (unsigned int i = 0; i < READINESS_SERVICES; i++)
		print_service(v, &r.service[i]);
	print_modules(v, modules);
	out_text(v, "%s", "");
	out_text(v, "This is what the machine could carry%s; whether it runs: %s.",
		 facts.platform.by_loader ? ", as openvbs.efi read it" : ", as far as Linux can see",
		 l->state.text);
	if (v->json) {
		v->out = readiness_json(&facts, &r);
		json_object_set(v->out, "Modules", modules);
	}
	json_decref(modules);
	free(l);
	return (int)r.missing;
}
