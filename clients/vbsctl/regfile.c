// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading and writing .reg files: see regfile.h. The text is decoded as a whole
 * and then read with one cursor; keys and names are cut out of it in place.
 */
#include "regfile.h"

#include <stdlib.h>
#include <string.h>

#include "ovbs_compiler.h"

#define REG_BINARY 3
#define REG_DWORD  4

struct reader {
	char *p;
	size_t line;
	struct problem *problem;
	enum {
		NO_KEY, /* before the first [key] */
		IN_KEY,
		KEY_DELETED,
	} state;
	const char *below; /* of the key; NULL: in another root */
};

/* What stands behind the = of a value. */
struct data {
	enum {
		DATA_DWORD,
		DATA_DELETE,
		DATA_STRING,
		DATA_HEX,
	} kind;
	uint32_t dword; /* if DWORD */
	uint32_t type;  /* if HEX */
	size_t bytes;   /* the same */
	uint8_t first[4];
};

static bool bad(struct reader *r, const char *what)
{
	return problem_at(r->problem, r->line, "%s", what);
}

static void skip_blanks(struct reader *r)
{
	while (*r->p == ' ' || *r->p == '\t')
		r->p++;
}

/* To the next line, if there is nothing but a comment in this one. */
static bool end_line(struct reader *r)
{
	skip_blanks(r);
	if (*r->p == ';')
		r->p += strcspn(r->p, "\n");
	if (*r->p == '\0')
		return true;
	if (*r->p != '\n')
		return problem_at(r->problem, r->line, "what is this behind the end of the entry: %.40s",
				  strtok(r->p, "\n"));
	r->p++;
	r->line++;
	return true;
}

static bool read_header(struct reader *r)
{
	static const char v5[] = "Windows Registry Editor Version 5.00", v4[] = "REGEDIT4";

	if (strncmp(r->p, v5, strlen(v5)) == 0)
		r->p += strlen(v5);
	else if (strncmp(r->p, v4, strlen(v4)) == 0)
		r->p += strlen(v4);
	else
		return bad(r, "no registry file: the first line must be \"Windows Registry Editor Version 5.00\" "
			      "or REGEDIT4");
	return end_line(r);
}

/*
 * The ] that ends a key: a key's name may have one too, but no entry goes on
 * behind the last. NULL: there is none in this line.
 */
static char *key_end(char *p)
{
	for (p += strcspn(p, "]\n"); *p == ']'; p += 1 + strcspn(p + 1, "]\n")) {
		char next = p[1 + strspn(p + 1, " \t")];

		if (next == '\0' || next == '\n' || next == ';')
			return p;
	}
	return NULL;
}

static bool read_key(struct reader *r, struct changes *c)
{
	char *path = r->p + 1, *end = key_end(path);
	bool deleted = *path == '-';
	const char *why;

	if (end == NULL)
		return bad(r, "the key has no ] at its end");
	*end = '\0';
	path += deleted;
	why = registry_path(path, &r->below);
	if (why != NULL)
		return problem_at(r->problem, r->line, "[%.60s]: %s", path, why);
	r->state = deleted ? KEY_DELETED : IN_KEY;
	if (deleted && r->below == NULL)
		changes_ignore(c, NULL, r->line);
	if (deleted && r->below != NULL && !changes_remove_key(c, r->below, true, r->line, r->problem))
		return false;
	r->p = end + 1;
	return end_line(r);
}

/* "text", in which \\ and \" stand for \ and "; @out is written in place, or NULL: skip it. */
static bool read_quoted(struct reader *r, bool many_lines, char *out)
{
	size_t start = r->line;

	for (r->p++; *r->p != '"'; r->p++) {
		if (*r->p == '\\' && (r->p[1] == '\\' || r->p[1] == '"'))
			r->p++;
		if (*r->p == '\0' || (*r->p == '\n' && !many_lines))
			return problem_at(r->problem, start, "the text has no \" at its end");
		r->line += *r->p == '\n';
		if (out != NULL)
			*out++ = *r->p;
	}
	r->p++;
	if (out != NULL)
		*out = '\0'; /* at the latest over the closing quote, which was read */
	return true;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' :
	       c >= 'a' && c <= 'f' ? c - 'a' + 10 :
	       c >= 'A' && c <= 'F' ? c - 'A' + 10 :
				      -1;
}

/* Return: false if there are no digits, or more than @max. */
static bool read_hex(struct reader *r, unsigned int max, uint32_t *value)
{
	unsigned int n = 0;

	for (*value = 0; hex_digit(*r->p) >= 0; r->p++) {
		if (++n > max)
			return false;
		*value = *value << 4 | (uint32_t)hex_digit(*r->p);
	}
	return n > 0;
}

/* Bytes with commas between them; a \ at the end of a line continues in the next one. */
static bool read_bytes(struct reader *r, struct data *d)
{
	uint32_t byte;

	for (skip_blanks(r);; skip_blanks(r)) {
		if (*r->p == '\\') {
			r->p++;
			if (!end_line(r))
				return false;
			if (*r->p == '\0')
				return bad(r, "the file ends where bytes of a value should continue: truncated?");
			continue;
		}
		if (d->bytes == 0 && (*r->p == '\n' || *r->p == '\0' || *r->p == ';'))
			return true; /* no bytes at all */
		if (!read_hex(r, 2, &byte))
			return bad(r, "expected a byte as two hexadecimal digits");
		if (d->bytes < sizeof(d->first))
			d->first[d->bytes] = (uint8_t)byte;
		d->bytes++;
		skip_blanks(r);
		if (*r->p != ',')
			return true;
		r->p++;
	}
}

static bool read_data(struct reader *r, struct data *d)
{
	memset(d, 0, sizeof(*d));
	skip_blanks(r);
	if (*r->p == '-') {
		d->kind = DATA_DELETE;
		r->p++;
		return true;
	}
	if (*r->p == '"') {
		d->kind = DATA_STRING;
		return read_quoted(r, true, NULL);
	}
	if (text_begins(r->p, "dword:")) {
		d->kind = DATA_DWORD;
		r->p += strlen("dword:");
		skip_blanks(r);
		return read_hex(r, 8, &d->dword) ||
		       bad(r, "dword: needs 1 to 8 hexadecimal digits behind it");
	}
	if (!text_begins(r->p, "hex"))
		return bad(r, "the value is none of dword:, hex:, hex(N):, \"text\" and - (delete)");
	r->p += strlen("hex");
	d->kind = DATA_HEX;
	d->type = REG_BINARY;
	if (*r->p == '(') {
		r->p++;
		if (!read_hex(r, 8, &d->type) || *r->p++ != ')')
			return bad(r, "hex( needs a type in hexadecimal digits and ) behind it");
	}
	if (*r->p != ':')
		return bad(r, "hex needs : behind it");
	r->p++;
	return read_bytes(r, d);
}

static bool use_value(struct changes *c, const struct registry_value *v, size_t line,
		      struct data *d, struct problem *problem)
{
	if (d->kind == DATA_DELETE) {
		changes_remove(c, v, line);
		return true;
	}
	if (d->kind == DATA_HEX && d->type == REG_DWORD && d->bytes == 4) {
		d->kind = DATA_DWORD;
		d->dword = d->first[0] | (uint32_t)d->first[1] << 8 | (uint32_t)d->first[2] << 16 |
			   (uint32_t)d->first[3] << 24;
	}
	if (d->kind == DATA_DWORD)
		return changes_set(c, v, d->dword, line, problem);
	if (d->kind == DATA_STRING)
		return problem_at(problem, line,
				  "%s is a text here, but must be a dword: write %s=dword:00000001, "
				  "or another number, without quotes",
				  v->name, v->name);
	return problem_at(problem, line, "%s has type %x and %zu bytes, but must be a dword",
			  v->name, d->type, d->bytes);
}

static bool read_value(struct reader *r, struct changes *c)
{
	const struct registry_value *v = NULL;
	size_t line = r->line;
	char *name = NULL;
	struct data d;

	if (r->state != IN_KEY)
		return bad(r, r->state == NO_KEY ? "a value before the first [key]" :
						   "a value of a key that the line above deletes");
	if (*r->p == '@') { /* the key's value without a name */
		r->p++;
	} else {
		name = r->p;
		if (!read_quoted(r, false, name))
			return false;
	}
	skip_blanks(r);
	if (*r->p != '=')
		return bad(r, "expected = behind the name of the value");
	r->p++;
	if (!read_data(r, &d) || !end_line(r))
		return false;
	if (name != NULL && r->below != NULL)
		v = registry_find(r->below, name);
	if (v != NULL)
		return use_value(c, v, line, &d, r->problem);
	changes_ignore(c, r->below, line);
	return true;
}

static bool read_all(struct reader *r, struct changes *c)
{
	if (!read_header(r))
		return false;
	for (skip_blanks(r); *r->p != '\0'; skip_blanks(r)) {
		bool good;

		if (*r->p == '[')
			good = read_key(r, c);
		else if (*r->p == '"' || *r->p == '@')
			good = read_value(r, c);
		else if (*r->p == ';' || *r->p == '\n')
			good = end_line(r);
		else
			good = bad(r, "neither [key], nor \"name\"=value, nor ; comment");
		if (!good)
			return false;
	}
	return true;
}

bool regfile_parse(const void *data, size_t len, struct changes *out, struct problem *problem)
{
	char *text = text_decode(data, len, problem);
	struct reader r = { .p = text, .line = 1, .problem = problem };
	bool good;

	changes_init(out);
	if (text == NULL)
		return false;
	good = read_all(&r, out);
	free(text);
	if (!good)
		changes_init(out);
	return good;
}

struct out {
	uint8_t *buf;
	size_t used;
	bool utf8;
};

static void put(struct out *o, char c)
{
	if (o->used + 2 > REGFILE_EXPORT_MAX)
		return; /* does not happen: see the unit test of the largest file */
	o->buf[o->used++] = (uint8_t)c;
	if (!o->utf8)
		o->buf[o->used++] = 0;
}

/* ASCII only; all that is written is. */
static void put_text(struct out *o, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\n' && !o->utf8)
			put(o, '\r');
		put(o, *text);
	}
}

static void put_value(struct out *o, const char *name, uint32_t value)
{
	put_text(o, "\"");
	put_text(o, name);
	put_text(o, "\"=dword:");
	for (int shift = 28; shift >= 0; shift -= 4)
		put(o, "0123456789abcdef"[value >> shift & 0xF]);
	put_text(o, "\n");
}

size_t regfile_export(const struct ovbs_record *local, const struct ovbs_record *policy,
		      const char *below, bool utf8, uint8_t *buf, unsigned int *values)
{
	struct out o = { .buf = buf, .utf8 = utf8 };
	const char *key = "";

	*values = 0;
	if (!utf8) {
		buf[o.used++] = 0xFF;
		buf[o.used++] = 0xFE;
	}
	put_text(&o, "Windows Registry Editor Version 5.00\n");
	for (size_t i = 0; i < REGISTRY_VALUES; i++) {
		const struct registry_value *v = &registry_values[i];
		const struct ovbs_record *r = v->hive == SETTINGS_POLICY ? policy : local;
		uint32_t value;

		if (r == NULL || !registry_in(below, v, true) || !record_get(r, v->id, &value))
			continue;
		if (strcmp(key, v->key) != 0) {
			put_text(&o, "\n[" REGISTRY_ROOT "\\");
			put_text(&o, v->key);
			put_text(&o, "]\n");
		}
		key = v->key;
		put_value(&o, v->name, value);
		++*values;
	}
	put_text(&o, "\n");
	return o.used;
}
