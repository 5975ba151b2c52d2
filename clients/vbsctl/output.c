/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Output for people, and errors and notes for both people and programs: see
 * output.h, vbsctl.h. What does not come from this program (texts of status and
 * records) was checked to be printable when it was read.
 */
#define _GNU_SOURCE
#include "output.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define RESET "\033[0m"

static const char *colour(const struct vbsctl *v, enum out_mark mark)
{
	if (!v->colour)
		return "";
	switch (mark) {
	case MARK_GOOD:
		return "\033[32m";
	case MARK_BAD:
		return "\033[31m";
	case MARK_WARN:
		return "\033[33m";
	default:
		return "";
	}
}

const char *out_mark(const struct vbsctl *v, enum out_mark mark)
{
	static const char *const signs[] = { " ", "\033[32m\xe2\x9c\x94" RESET,
					     "\033[31m\xe2\x9c\x98" RESET, "\033[33m!" RESET };
	static const char *const words[] = { "    ", "ok  ", "no  ", "warn" };

	return v->colour ? signs[mark] : words[mark];
}

static char *format(const char *fmt, va_list args)
{
	char *text;

	if (vasprintf(&text, fmt, args) < 0) {
		fputs("vbsctl: out of memory\n", stderr);
		exit(VBSCTL_SYSTEM);
	}
	return text;
}

void out_line(struct vbsctl *v, enum out_mark mark, const char *label, const char *fmt, ...)
{
	va_list args;
	char *value;

	if (v->json)
		return;
	va_start(args, fmt);
	value = format(fmt, args);
	va_end(args);
	if (v->colour)
		printf("%s ", out_mark(v, mark));
	if (*value)
		printf("%-*s %s%s%s\n", OUT_LABEL, label, colour(v, mark), value,
		       *colour(v, mark) ? RESET : "");
	else
		printf("%s\n", label);
	free(value);
}

void out_text(struct vbsctl *v, const char *fmt, ...)
{
	va_list args;

	if (v->json)
		return;
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
}

/* Kept apart from v->out, which a command may set after it said something. */
static json_t *error_value, *notes;

/* Texts may hold what is no UTF-8, such as file names: a program must get JSON all the same. */
static json_t *text_value(const char *text)
{
	json_t *value = json_string(text);
	char *ascii;

	if (value)
		return value;
	ascii = strdup(text);
	if (!ascii)
		return json_string("out of memory");
	for (char *c = ascii; *c; c++)
		if (*c & 0x80)
			*c = '?';
	value = json_string(ascii);
	free(ascii);
	return value;
}

int vbsctl_error(struct vbsctl *v, int status, const char *fmt, ...)
{
	va_list args;
	char *text;

	va_start(args, fmt);
	text = format(fmt, args);
	va_end(args);
	if (v->json) {
		json_decref(error_value);
		error_value = text_value(text);
	} else {
		fflush(stdout);
		fprintf(stderr, "vbsctl: %s\n", text);
	}
	free(text);
	return status;
}

void vbsctl_note(struct vbsctl *v, const char *fmt, ...)
{
	va_list args;
	char *text;

	va_start(args, fmt);
	text = format(fmt, args);
	va_end(args);
	if (v->json) {
		if (!notes)
			notes = json_array();
		json_array_append_new(notes, text_value(text));
	} else {
		fflush(stdout);
		fprintf(stderr, "vbsctl: note: %s\n", text);
	}
	free(text);
}

const char *vbsctl_path(const struct vbsctl *v, char *buf, const char *path)
{
	snprintf(buf, 4096, "%s%s", v->root, path);
	return buf;
}

/* What a command set may be no object: then it becomes a member of one. */
static void add_member(struct vbsctl *v, const char *name, json_t *value)
{
	if (!value)
		return;
	if (!v->out)
		v->out = json_object();
	else if (!json_is_object(v->out))
		v->out = json_pack("{s:o}", "value", v->out);
	json_object_set_new(v->out, name, value);
}

int out_finish(struct vbsctl *v, int status)
{
	if (v->json) {
		add_member(v, "notes", notes);
		add_member(v, "error", error_value);
		if (!v->out)
			v->out = json_object();
		if (json_dumpf(v->out, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER) == 0)
			putchar('\n');
		json_decref(v->out);
		v->out = notes = error_value = NULL;
	}
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	perror("vbsctl: writing the output");
	return VBSCTL_SYSTEM;
}
