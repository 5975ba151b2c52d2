// SPDX-License-Identifier: GPL-2.0-only
/*
 * vbsctl reg: the settings in the language that administrators of Windows know,
 * with reg.exe's syntax and output. A key or name that is no setting is refused
 * by `add` and `delete`, which name one, and counted by `import`, whose file may
 * hold more than is meant for openvbs. Queries are in reg_query.c.
 */
#include "reg.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apply.h"
#include "output.h"
#include "ovbs_compiler.h"
#include "regfile.h"

#define USAGE                                                                                              \
	"usage: vbsctl reg add KEY /v NAME /t REG_DWORD /d NUMBER [/f] | delete KEY [/v NAME|/va] [/f] | " \
	"query KEY [/v NAME] [/s] | import FILE | export KEY FILE [/y] [--utf8]. See vbsctl(8)"

enum option {
	OPT_NAME = 1,
	OPT_TYPE = 2,
	OPT_DATA = 4,
	OPT_FORCE = 8,
	OPT_ALL = 16,
	OPT_UNNAMED = 32,
	OPT_DEEP = 64,
	OPT_YES = 128,
	OPT_UTF8 = 256,
	OPT_VIEW = 512, /* there is only one view of the registry here */
};

static const struct {
	const char *text;
	enum option option;
	bool has_value;
} known[] = {
	{ "/v", OPT_NAME, true },       { "/t", OPT_TYPE, true },
	{ "/d", OPT_DATA, true },       { "/f", OPT_FORCE, false },
	{ "/va", OPT_ALL, false },      { "/ve", OPT_UNNAMED, false },
	{ "/s", OPT_DEEP, false },      { "/y", OPT_YES, false },
	{ "--utf8", OPT_UTF8, false },  { "/reg:32", OPT_VIEW, false },
	{ "/reg:64", OPT_VIEW, false },
};

struct arguments {
	unsigned int given; /* enum option */
	const char *name, *type, *data;
	const char *word[2]; /* what is no option: KEY, FILE */
	unsigned int words;
};

static int take_option(struct vbsctl *v, struct arguments *a, size_t i, unsigned int allowed,
		       const char *value)
{
	if ((known[i].option & allowed) == 0)
		return vbsctl_error(v, VBSCTL_USAGE, "%s is no option of this command. " USAGE,
				    known[i].text);
	if ((a->given & known[i].option) != 0)
		return vbsctl_error(v, VBSCTL_USAGE, "%s is given twice", known[i].text);
	if (known[i].has_value && value == NULL)
		return vbsctl_error(v, VBSCTL_USAGE, "%s needs a value behind it", known[i].text);
	a->given |= known[i].option;
	if (known[i].option == OPT_NAME)
		a->name = value;
	else if (known[i].option == OPT_TYPE)
		a->type = value;
	else if (known[i].option == OPT_DATA)
		a->data = value;
	return VBSCTL_OK;
}

/* An unknown word with a slash is taken as a word: files may begin so, and a key that does is refused later. */
static int read_arguments(struct vbsctl *v, int argc, char **argv, unsigned int allowed,
			  unsigned int words, struct arguments *a)
{
	bool options = true;

	memset(a, 0, sizeof(*a));
	for (int at = 2; at < argc; at++) {
		size_t i = 0;

		while (options && i < ARRAY_SIZE(known) && !text_same(argv[at], known[i].text))
			i++;
		if (options && strcmp(argv[at], "--") == 0) {
			options = false;
		} else if (options && i < ARRAY_SIZE(known)) {
			int status = take_option(v, a, i, allowed, argv[at + 1]);

			if (status != VBSCTL_OK)
				return status;
			at += known[i].has_value;
		} else if (a->words == words) {
			return vbsctl_error(v, VBSCTL_USAGE, "what is \"%s\"? " USAGE, argv[at]);
		} else {
			a->word[a->words++] = argv[at];
		}
	}
	if (a->words < words)
		return vbsctl_error(v, VBSCTL_USAGE, USAGE);
	return VBSCTL_OK;
}

/* A key that the user typed. @below: out. */
static int read_key(struct vbsctl *v, const char *key, const char **below)
{
	const char *why = registry_path(key, below);

	if (why != NULL)
		return vbsctl_error(v, VBSCTL_INPUT, "%s: %s%s", key, why,
				    strchr(key, '\\') == NULL && key[0] == 'H' ?
					    ". Shells take backslashes away: put the key into quotes, '...'" :
					    "");
	if (*below == NULL)
		return vbsctl_error(v, VBSCTL_INPUT,
				    "%s: all settings of openvbs are in HKEY_LOCAL_MACHINE", key);
	return VBSCTL_OK;
}

/* A value that the user named. @value: out. */
static int read_name(struct vbsctl *v, const char *key, const char *below, const char *name,
		     const struct registry_value **value)
{
	char names[512] = "";
	size_t used = 0;

	*value = registry_find(below, name);
	if (*value != NULL)
		return VBSCTL_OK;
	for (size_t i = 0; i < REGISTRY_VALUES; i++)
		if (registry_in(below, &registry_values[i], false))
			used += (size_t)snprintf(names + used, sizeof(names) - used, " %s",
						 registry_values[i].name);
	if (used > 0)
		return vbsctl_error(v, VBSCTL_INPUT,
				    "%s: \"%s\" is no setting of openvbs; those of this key are:%s",
				    key, name, names);
	return vbsctl_error(v, VBSCTL_INPUT,
			    "%s: this key has no settings of openvbs; `vbsctl reg query HKLM /s` "
			    "lists those that have",
			    key);
}

/* Only a person at a terminal is asked; a script says /f. Return: VBSCTL_OK to go on. */
static int confirm(struct vbsctl *v, const struct arguments *a, const char *option, const char *question)
{
	char answer[16];

	if ((a->given & (OPT_FORCE | OPT_YES)) != 0)
		return VBSCTL_OK;
	if (v->json || !isatty(STDIN_FILENO))
		return vbsctl_error(v, VBSCTL_USAGE,
				    "%s Nobody can be asked here: say %s to do it. Nothing was changed",
				    question, option);
	fprintf(stderr, "%s (yes/no) ", question);
	fflush(stderr);
	if (fgets(answer, sizeof(answer), stdin) != NULL &&
	    (text_same(answer, "y\n") || text_same(answer, "yes\n")))
		return VBSCTL_OK;
	return vbsctl_error(v, VBSCTL_NO, "nothing was changed");
}

/* Decimal, or hexadecimal with 0x, as reg.exe; never octal. */
static bool read_number(const char *text, uint32_t *number)
{
	int base = text_begins(text, "0x") ? 16 : 10;
	const char *digits = text + (base == 16 ? 2 : 0);
	unsigned long long value;
	char *end;

	if (strspn(digits, base == 16 ? "0123456789abcdefABCDEF" : "0123456789") == 0)
		return false; /* strtoull() would take signs and blanks */
	errno = 0;
	value = strtoull(digits, &end, base);
	if (errno != 0 || *end != '\0' || value > UINT32_MAX)
		return false;
	*number = (uint32_t)value;
	return true;
}

static int add_arguments(struct vbsctl *v, const struct arguments *a, uint32_t *number)
{
	if (a->type == NULL)
		return vbsctl_error(v, VBSCTL_USAGE,
				    "/t is missing, and without it the type would be REG_SZ, but all "
				    "settings are numbers: say /t REG_DWORD");
	if (!text_same(a->type, "REG_DWORD") && !text_same(a->type, "REG_DWORD_LITTLE_ENDIAN"))
		return vbsctl_error(v, VBSCTL_INPUT,
				    "the type is %s, but all settings are numbers: say /t REG_DWORD",
				    a->type);
	if (a->data == NULL)
		return vbsctl_error(v, VBSCTL_USAGE, "/d is missing: say /d and the number");
	if (!read_number(a->data, number))
		return vbsctl_error(v, VBSCTL_INPUT,
				    "/d \"%s\" is no number: decimal, or hexadecimal with 0x, at most "
				    "0xffffffff",
				    a->data);
	return VBSCTL_OK;
}

static int reg_add(struct vbsctl *v, int argc, char **argv)
{
	const struct registry_value *value;
	struct change_count count;
	struct problem problem;
	struct arguments a;
	struct changes c;
	struct store s;
	const char *below;
	char question[160];
	uint32_t number = 0, old;
	int status = read_arguments(v, argc, argv,
				    OPT_NAME | OPT_TYPE | OPT_DATA | OPT_FORCE | OPT_UNNAMED | OPT_VIEW,
				    1, &a);

	if (status != VBSCTL_OK || (status = read_key(v, a.word[0], &below)) != VBSCTL_OK)
		return status;
	if (a.name == NULL && (a.given & (OPT_UNNAMED | OPT_TYPE | OPT_DATA)) == 0 &&
	    (registry_place(below) == REGISTRY_KEY || registry_place(below) == REGISTRY_INSIDE)) {
		vbsctl_note(v, "nothing was done: keys of openvbs need no creating, they are always there");
		return VBSCTL_OK;
	}
	status = read_name(v, a.word[0], below, a.name != NULL ? a.name : "", &value);
	if (status != VBSCTL_OK || (status = add_arguments(v, &a, &number)) != VBSCTL_OK)
		return status;
	changes_init(&c);
	if (!changes_set(&c, value, number, 0, &problem))
		return vbsctl_error(v, VBSCTL_INPUT, "%s; nothing was changed", problem.why);
	store_load(v, &s);
	if (record_get(&apply_source(&s, value->hive)->record, value->id, &old) && old != number) {
		snprintf(question, sizeof(question), "%s is 0x%x: overwrite it with 0x%x?",
			 value->name, old, number);
		status = confirm(v, &a, "/f", question);
		if (status != VBSCTL_OK)
			return status;
	}
	status = apply_changes(v, &s, &c, false, "vbsctl reg add", &count);
	if (status != VBSCTL_OK && status != VBSCTL_LOCKED)
		return status;
	if (count.changed > 0)
		out_text(v, "%s is set to 0x%x (settings count from the next boot on)", value->name, number);
	apply_report(v, &c, &count, NULL);
	return status;
}

/* What a delete is to remove. */
static int delete_changes(struct vbsctl *v, const struct arguments *a, struct changes *c)
{
	const struct registry_value *value;
	struct problem problem;
	const char *below;
	int status = read_key(v, a->word[0], &below);

	if (status != VBSCTL_OK)
		return status;
	if ((a->name != NULL) + ((a->given & OPT_ALL) != 0) + ((a->given & OPT_UNNAMED) != 0) > 1)
		return vbsctl_error(v, VBSCTL_USAGE, "/v, /ve and /va exclude each other");
	changes_init(c);
	if (a->name != NULL || (a->given & OPT_UNNAMED) != 0) {
		status = read_name(v, a->word[0], below, a->name != NULL ? a->name : "", &value);
		if (status == VBSCTL_OK)
			changes_remove(c, value, 0);
		return status;
	}
	if (!changes_remove_key(c, below, (a->given & OPT_ALL) == 0, 0, &problem))
		return vbsctl_error(v, VBSCTL_INPUT, "%s; nothing was changed", problem.why);
	if (c->ignored > 0)
		return read_name(v, a->word[0], below, "", &value);
	return VBSCTL_OK;
}

static int reg_delete(struct vbsctl *v, int argc, char **argv)
{
	struct change_count count;
	struct arguments a;
	struct changes c;
	struct store s;
	unsigned int there = 0;
	char question[160];
	uint32_t old;
	int status = read_arguments(v, argc, argv,
				    OPT_NAME | OPT_ALL | OPT_FORCE | OPT_UNNAMED | OPT_VIEW, 1, &a);

	if (status != VBSCTL_OK || (status = delete_changes(v, &a, &c)) != VBSCTL_OK)
		return status;
	store_load(v, &s);
	for (size_t i = 0; i < REGISTRY_VALUES; i++) {
		const struct store_source *from = apply_source(&s, registry_values[i].hive);

		if (c.of[i].what == CHANGE_NONE)
			continue;
		if (from->state == SOURCE_UNREADABLE)
			there++; /* perhaps: apply_changes() tells what is wrong */
		there += record_get(&from->record, registry_values[i].id, &old);
	}
	if (there == 0)
		return vbsctl_error(v, VBSCTL_NO, "%s%s%s: there is no such value; nothing was changed",
				    a.word[0], a.name != NULL ? " " : "", a.name != NULL ? a.name : "");
	snprintf(question, sizeof(question), "Delete %u %s?", there, there == 1 ? "value" : "values");
	status = confirm(v, &a, "/f", question);
	if (status != VBSCTL_OK)
		return status;
	status = apply_changes(v, &s, &c, false, "vbsctl reg delete", &count);
	if (status != VBSCTL_OK && status != VBSCTL_LOCKED)
		return status;
	out_text(v, "%u %s deleted", count.removed, count.removed == 1 ? "value" : "values");
	apply_report(v, &c, &count, NULL);
	return status;
}

static int reg_import(struct vbsctl *v, int argc, char **argv)
{
	struct change_count count;
	struct problem problem;
	struct arguments a;
	struct changes c;
	struct store s;
	void *data;
	size_t len;
	bool good;
	int status = read_arguments(v, argc, argv, OPT_VIEW, 1, &a);

	if (status != VBSCTL_OK)
		return status;
	data = apply_read_file(v, a.word[0], &len);
	if (data == NULL)
		return VBSCTL_INPUT;
	good = regfile_parse(data, len, &c, &problem);
	free(data);
	if (!good)
		return vbsctl_error(v, VBSCTL_INPUT, "%s, line %zu: %s; nothing was changed",
				    a.word[0], problem.where, problem.why);
	apply_near_miss(v, &c, a.word[0], "line");
	if (!changes_any(&c, SETTINGS_LOCAL) && !changes_any(&c, SETTINGS_POLICY))
		return vbsctl_error(v, VBSCTL_INPUT,
				    "%s: nothing of it is a setting of openvbs (%zu ignored); nothing was "
				    "changed. `vbsctl reg query HKLM /s` lists the keys that have settings",
				    a.word[0], c.ignored);
	store_load(v, &s);
	status = apply_changes(v, &s, &c, false, "vbsctl reg import", &count);
	if (status != VBSCTL_OK && status != VBSCTL_LOCKED)
		return status;
	apply_report(v, &c, &count, a.word[0]);
	apply_report_text(v, &c, &count);
	return status;
}

/* @replace: over a file that is there. Return: 0 or -errno; nothing half written stays. */
static int write_file(const char *path, bool replace, const uint8_t *data, size_t len)
{
	int error = 0,
	    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (replace ? O_TRUNC : O_EXCL), 0666);

	if (fd < 0)
		return -errno;
	for (size_t done = 0; !error && done < len;) {
		ssize_t n = write(fd, data + done, len - done);

		if (n < 0 && errno != EINTR)
			error = -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	if (close(fd) != 0 && !error)
		error = -errno;
	if (error && !replace)
		unlink(path);
	return error;
}

static int export_to(struct vbsctl *v, const struct arguments *a, const uint8_t *data, size_t len)
{
	bool there = access(a->word[1], F_OK) == 0;
	char question[4200];
	int error, status = VBSCTL_OK;

	if (there) {
		snprintf(question, sizeof(question), "%s exists: overwrite it?", a->word[1]);
		status = confirm(v, a, "/y", question);
	}
	if (status != VBSCTL_OK)
		return status;
	error = write_file(a->word[1], there, data, len);
	if (error)
		return vbsctl_error(v, VBSCTL_SYSTEM, "%s was not written: %s", a->word[1],
				    strerror(-error));
	return VBSCTL_OK;
}

static int reg_export(struct vbsctl *v, int argc, char **argv)
{
	uint8_t *buf;
	struct arguments a;
	struct store s;
	const char *below;
	unsigned int values;
	size_t len;
	int status = read_arguments(v, argc, argv, OPT_YES | OPT_UTF8 | OPT_VIEW, 2, &a);

	if (status != VBSCTL_OK || (status = read_key(v, a.word[0], &below)) != VBSCTL_OK)
		return status;
	store_load(v, &s);
	status = reg_readable(v, &s, below, true);
	if (status != VBSCTL_OK)
		return status;
	buf = malloc(REGFILE_EXPORT_MAX);
	if (buf == NULL)
		return vbsctl_error(v, VBSCTL_SYSTEM, "out of memory; no file was written");
	len = regfile_export(&s.local.record, &s.policy.record, below, (a.given & OPT_UTF8) != 0,
			     buf, &values);
	if (values == 0)
		status = vbsctl_error(v, VBSCTL_NO,
				      "%s: no setting of openvbs is set there; no file was written",
				      a.word[0]);
	else
		status = export_to(v, &a, buf, len);
	free(buf);
	if (status != VBSCTL_OK)
		return status;
	out_text(v, "%u %s exported", values, values == 1 ? "value" : "values");
	json_object_set_new(apply_json(v), "exported", json_integer(values));
	return VBSCTL_OK;
}

static int query(struct vbsctl *v, int argc, char **argv)
{
	struct arguments a;
	const char *below;
	int status = read_arguments(v, argc, argv, OPT_NAME | OPT_DEEP | OPT_VIEW, 1, &a);

	if (status != VBSCTL_OK || (status = read_key(v, a.word[0], &below)) != VBSCTL_OK)
		return status;
	return reg_query(v, a.word[0], below, a.name, (a.given & OPT_DEEP) != 0);
}

int cmd_reg(struct vbsctl *v, int argc, char **argv)
{
	static const struct {
		const char *name;
		vbsctl_command *run;
	} verbs[] = {
		{ "add", reg_add },       { "delete", reg_delete }, { "query", query },
		{ "import", reg_import }, { "export", reg_export },
	};

	for (size_t i = 0; argc > 1 && i < ARRAY_SIZE(verbs); i++)
		if (text_same(argv[1], verbs[i].name))
			return apply_end(v, verbs[i].run(v, argc, argv));
	return vbsctl_error(v, VBSCTL_USAGE, USAGE);
}
