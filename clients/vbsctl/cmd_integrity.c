/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vbsctl integrity: is the kernel's code locked down and why not, what is frozen,
 * where it may be patched, which modules VTL1 let in, and what was refused. From
 * openvbs.ko's files and the kernel's messages, so a kernel that was taken over
 * can lie about it. Exit status: 0 locked down, 1 not, 4 it can't be told.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "integrity.h"
#include "kmsg.h"
#include "output.h"

#define SECURITYFS  "/sys/kernel/security"
#define OPENVBS     SECURITYFS "/openvbs"
#define TEXT_MAX    (4u << 20)
#define LINES_MAX   64 /* of a log that are kept: the last ones */
#define LINES_SHOWN 10

/* ---- reading -------------------------------------------------------------- */

/* What is read of a kernel that may be newer: all of it, as JSON values. */
struct facts {
	json_t *values;   /* object: the file "integrity" */
	json_t *modules;  /* array; NULL: not read */
	json_t *refusals; /* array of VTL1's lines; NULL likewise */
	json_t *messages; /* array of the kernel's lines; NULL likewise */
	const char *told; /* what tells kernel from programs; NULL: not known */
	bool locked;
};

static char *read_text(struct vbsctl *v, const char *path)
{
	size_t len;
	char *text = file_read_all(v, path, TEXT_MAX, &len);

	if (text)
		integrity_clean(text, len);
	return text;
}

static json_t *value_json(const char *text)
{
	long long n = integrity_number(text);

	return n < 0 ? json_string(text) : json_integer(n);
}

static json_t *values_json(char *text)
{
	json_t *all = json_object(), *others = json_array();
	struct integrity_line line;

	while (integrity_next(&text, &line))
		if (*line.name)
			json_object_set_new(all, line.name, value_json(line.value));
		else
			json_array_append_new(others, json_string(line.value));
	if (json_array_size(others))
		json_object_set(all, "Others", others);
	json_decref(others);
	return all;
}

/* "signer" is the member "Signer". */
static json_t *module_json(const struct integrity_table *table, const char *const cell[])
{
	json_t *one = json_object(), *value;
	char name[32];

	for (size_t i = 0; i < table->columns; i++) {
		const char *column = table->column[i];

		snprintf(name, sizeof(name), "%c%s", toupper((unsigned char)column[0]), column + 1);
		if (strcmp(column, "live") == 0)
			value = json_boolean(strcmp(cell[i], "yes") == 0);
		else if (strcmp(column, "name") == 0 || strcmp(column, "signer") == 0)
			value = json_string(cell[i]);
		else
			value = value_json(cell[i]);
		json_object_set_new(one, name, value);
	}
	return one;
}

static json_t *modules_json(char *text)
{
	const char *cell[INTEGRITY_COLUMNS];
	struct integrity_table table;
	json_t *all = json_array();

	if (integrity_table(&text, &table))
		while (integrity_row(&text, &table, cell))
			json_array_append_new(all, module_json(&table, cell));
	return all;
}

/* The last lines that have both words, without the priority that syslog(2) puts before. */
static json_t *lines_json(char *text, const char *a, const char *b)
{
	json_t *all = json_array();
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (!strstr(line, a) || !strstr(line, b))
			continue;
		if (line[0] == '<' && strchr(line, '>'))
			line = strchr(line, '>') + 1;
		if (json_array_size(all) == LINES_MAX)
			json_array_remove(all, 0);
		json_array_append_new(all, json_string(line));
	}
	return all;
}

/* As VTL1 says it at lockdown. */
static const char *told_by(const char *log)
{
	if (strstr(log, "told from programs by the CPU"))
		return "the CPU (mode-based execute control)";
	if (strstr(log, "told from programs by who runs a page first"))
		return "who runs a page first (SMEP, no mode-based execute control)";
	return NULL;
}

static void gather(struct vbsctl *v, char *integrity, struct facts *f)
{
	char *log = read_text(v, OPENVBS "/log"), *modules = read_text(v, OPENVBS "/modules");
	char *messages = kmsg_read(v);
	const char *state;

	*f = (struct facts){ .values = values_json(integrity), .told = log ? told_by(log) : NULL };
	f->modules = modules ? modules_json(modules) : NULL;
	f->refusals = log ? lines_json(log, "VTL1: ", "refused") : NULL;
	if (messages)
		integrity_clean(messages, strlen(messages));
	f->messages = messages ? lines_json(messages, "openvbs: integrity: ", "") : NULL;
	state = json_string_value(json_object_get(f->values, "State"));
	f->locked = state && strcmp(state, "locked down") == 0;
	free(log);
	free(modules);
	free(messages);
}

/* ---- what it means --------------------------------------------------------- */

static const char *state_of(const struct facts *f)
{
	const char *state = json_string_value(json_object_get(f->values, "State"));

	return state ? state : "unknown";
}

static bool is_refusing(const struct facts *f)
{
	const char *modules = json_string_value(json_object_get(f->values, "Modules"));

	return f->locked && modules && strcmp(modules, "judged") != 0;
}

static const char *advice(const struct facts *f)
{
	const char *state = state_of(f);

	if (is_refusing(f))
		return "no module can be loaded in this boot: the kernel's messages (dmesg) say what VTL1 lacks";
	if (f->locked)
		return "";
	if (strcmp(state, "off") == 0)
		return "put \"options openvbs integrity=1\" into /etc/modprobe.d/openvbs.conf, run update-initramfs -u, and reboot";
	if (strcmp(state, "frozen, not locked down") == 0)
		return "reboot: the kernel can't patch its own code any more; its messages (dmesg) say which step failed";
	return "the kernel's messages (dmesg) name the cause; end it, unload openvbs.ko and load it anew";
}

/* ---- showing ----------------------------------------------------------------- */

/* Lines of the file that have better names for people, and those that are no good if they are not 0. */
static const struct label {
	const char *name, *label;
	bool pages, bad;
} labels[] = {
	{ "State", "Memory integrity", false, false },
	{ "CodePages", "Frozen pages of code", true, false },
	{ "ConstantPages", "Frozen pages of constants", true, false },
	{ "Sites", "Places where the kernel may be patched", false, false },
	{ "JumpLabels", "  jump labels", false, false },
	{ "StaticCalls", "  static calls", false, false },
	{ "StaticCallTrampolines", "  static calls' trampolines", false, false },
	{ "TracedFunctions", "  traced functions", false, false },
	{ "TracerCalls", "  calls in tracers", false, false },
	{ "Modules", "Modules from now on", false, false },
	{ "Keys", "Keys that modules may be signed with", false, false },
	{ "Revocations", "Revoked keys and files", false, false },
	{ "Patches", "Patches of the kernel's code, carried out", false, false },
	{ "PatchesRefused", "Patches of the kernel's code, refused", false, true },
	{ "ExecutionsRefused", "Executions of what is no code of the kernel's, refused", false, true },
	{ "WritesRefused", "Writes to what is frozen, refused (with such patches)", false, true },
	{ "ModulesNow", "Modules that may run now (with those before lockdown)", false, false },
	{ "FrozenPagesNow", "Frozen pages now", true, false },
	{ "ModulesEver", "Modules that might run in this boot", false, false },
	{ "GivenBytes", "Bytes of memory given to VTL1 for it", false, false },
};

static const struct label *label_of(const char *name)
{
	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
		if (strcmp(labels[i].name, name) == 0)
			return &labels[i];
	return NULL;
}

static enum out_mark mark_of(const struct facts *f, const char *name, const struct label *l, long long n)
{
	if (strcmp(name, "State") == 0)
		return f->locked                       ? MARK_GOOD :
		       strcmp(state_of(f), "off") == 0 ? MARK_NONE :
							 MARK_BAD;
	if (strcmp(name, "Modules") == 0 && f->locked)
		return is_refusing(f) ? MARK_BAD : MARK_GOOD;
	return l && l->bad && n > 0 ? MARK_WARN : MARK_NONE;
}

static void print_value(struct vbsctl *v, const struct facts *f, const char *name, const json_t *value)
{
	const struct label *l = label_of(name);
	const char *label = l ? l->label : name;
	long long n = json_integer_value(value);
	enum out_mark mark = mark_of(f, name, l, n);

	if (json_is_string(value))
		out_line(v, mark, label, "%s", json_string_value(value));
	else if (l && l->pages)
		out_line(v, mark, label, "%lld (%lld.%lld MiB)", n, n / 256, n % 256 * 10 / 256);
	else
		out_line(v, mark, label, "%lld", n);
}

static void print_values(struct vbsctl *v, const struct facts *f)
{
	const json_t *others = json_object_get(f->values, "Others");
	const char *name;
	json_t *value;
	size_t i;

	json_object_foreach(f->values, name, value) if (value != others) print_value(v, f, name, value);
	if (f->locked)
		out_line(v, MARK_NONE, "The kernel's execution is told from programs' by", "%s",
			 f->told     ? f->told :
			 f->refusals ? "unknown: VTL1's line is no longer in its log" :
				       "unknown: VTL1's log can't be read (run as root)");
	json_array_foreach(others, i, value) out_text(v, "%s", json_string_value(value));
}

static const char *text_in(const json_t *module, const char *name)
{
	const char *text = json_string_value(json_object_get(module, name));

	return text ? text : "";
}

static void print_module(struct vbsctl *v, const json_t *module)
{
	const json_t *live = json_object_get(module, "Live");
	char label[64];

	snprintf(label, sizeof(label), "  %.40s%s", text_in(module, "Name"),
		 json_is_false(live) ? " (starting)" : "");
	out_line(v, MARK_NONE, label, "%s; %lld KiB of code, %lld places to patch",
		 text_in(module, "Signer"),
		 ((long long)json_integer_value(json_object_get(module, "Bytes")) + 1023) / 1024,
		 (long long)json_integer_value(json_object_get(module, "Sites")));
}

static void print_modules(struct vbsctl *v, const struct facts *f)
{
	json_t *module;
	size_t i;

	if (!f->locked)
		return;
	if (!f->modules) {
		out_line(v, MARK_NONE, "Modules that VTL1 let in",
			 "unknown: the list can't be read (run as root)");
		return;
	}
	out_line(v, MARK_NONE, "Modules that VTL1 let in", "%zu", json_array_size(f->modules));
	json_array_foreach(f->modules, i, module) print_module(v, module);
}

/* The last ones; @word: NULL, or all of them have it. */
static void print_lines(struct vbsctl *v, const char *title, const json_t *lines, const char *word)
{
	size_t n = 0, skip, i;
	json_t *line;

	json_array_foreach(lines, i, line) n += !word || strstr(json_string_value(line), word);
	if (n == 0)
		return;
	skip = n > LINES_SHOWN ? n - LINES_SHOWN : 0;
	out_text(v, "%s", "");
	out_text(v, "%s%s:", title, skip ? ", the last ones" : "");
	json_array_foreach(lines, i, line)
	{
		if (word && !strstr(json_string_value(line), word))
			continue;
		if (skip)
			skip--;
		else
			out_text(v, "  %s", json_string_value(line));
	}
}

static void print(struct vbsctl *v, const struct facts *f)
{
	print_values(v, f);
	print_modules(v, f);
	if (*advice(f))
		out_line(v, MARK_NONE, "What to do", "%s", advice(f));
	print_lines(v, "Refused, as VTL1 says", f->refusals, NULL);
	print_lines(v, "The kernel's messages", f->messages,
		    f->locked && !is_refusing(f) ? "refused" : NULL);
	if (!f->messages && !f->locked)
		vbsctl_note(v, "the kernel's messages can't be read: run as root");
}

static json_t *or_null(json_t *value)
{
	return value ? json_incref(value) : json_null();
}

static json_t *facts_json(const struct facts *f)
{
	return json_pack("{s:s, s:b, s:s, s:s?, s:O, s:o, s:o, s:o}", "State", state_of(f),
			 "LockedDown", f->locked, "WhatToDo", advice(f), "KernelToldBy", f->told,
			 "Values", f->values, "Modules", or_null(f->modules), "Refusals",
			 or_null(f->refusals), "Messages", or_null(f->messages));
}

/* ---- the command ------------------------------------------------------------- */

static int missing(struct vbsctl *v, int error)
{
	if (error == EACCES || error == EPERM)
		return vbsctl_error(v, VBSCTL_SYSTEM, "integrity: " OPENVBS "/integrity: %s: run as root",
				    strerror(error));
	if (error != ENOENT)
		return vbsctl_error(v, VBSCTL_SYSTEM, "integrity: " OPENVBS "/integrity: %s",
				    strerror(error));
	if (file_exists(v, OPENVBS))
		return vbsctl_error(v, VBSCTL_SYSTEM,
				    "integrity: the openvbs.ko that is loaded is older and does not tell: install the one of this version, and reboot");
	if (file_count(v, SECURITYFS) <= 0)
		return vbsctl_error(v, VBSCTL_SYSTEM,
				    "integrity: securityfs is not there: mount -t securityfs none " SECURITYFS);
	return vbsctl_error(v, VBSCTL_SYSTEM,
			    "integrity: openvbs.ko is not loaded: modprobe openvbs; if it is refused, vbsctl diagnose says why");
}

int cmd_integrity(struct vbsctl *v, int argc, char **argv)
{
	int status = VBSCTL_OK;
	struct facts f;
	char *text;

	if (argc != 1)
		return vbsctl_error(v, VBSCTL_USAGE, "integrity: \"%s\": there are no arguments", argv[1]);
	text = read_text(v, OPENVBS "/integrity");
	if (!text)
		return missing(v, errno);
	gather(v, text, &f);
	free(text);
	if (!json_is_string(json_object_get(f.values, "State")))
		status = vbsctl_error(v, VBSCTL_INPUT,
				      "integrity: " OPENVBS "/integrity has no line \"State: ...\"");
	if (v->json)
		v->out = facts_json(&f);
	else
		print(v, &f);
	json_decref(f.values);
	json_decref(f.modules);
	json_decref(f.refusals);
	json_decref(f.messages);
	return status ? status : f.locked ? VBSCTL_OK : VBSCTL_NO;
}
