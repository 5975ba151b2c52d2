// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading Registry.pol: see preg.h. A record is first taken apart completely,
 * with each length held against what is left of the file, and then looked at.
 */
#include "preg.h"

#include <string.h>

#include "ovbs_compiler.h"

#define REG_SZ    1
#define REG_DWORD 4

#define HEADER_SIZE 8
#define VERSION     1
#define TEXT_MAX    1024 /* bytes; a longer key or name is none of ours */

struct input {
	const uint8_t *data;
	size_t len, at;
	struct problem *problem;
};

/* One record. Of a string that was too long for its array there is only a part: it isn't in the table. */
struct record {
	size_t where; /* of its [ */
	char key[TEXT_MAX], name[TEXT_MAX];
	bool key_long, name_long;
	uint32_t type, size;
	const uint8_t *data;
};

static uint32_t le32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static bool take_mark(struct input *in, char mark)
{
	if (in->len - in->at < 2)
		return problem_at(in->problem, in->at,
				  "the file ends where '%c' should be: truncated?", mark);
	if (in->data[in->at] != mark || in->data[in->at + 1] != 0)
		return problem_at(in->problem, in->at, "expected '%c', found the bytes %02x %02x",
				  mark, in->data[in->at], in->data[in->at + 1]);
	in->at += 2;
	return true;
}

static bool take_u32(struct input *in, const char *what, uint32_t *value)
{
	if (in->len - in->at < 4)
		return problem_at(in->problem, in->at,
				  "the file ends inside the %s of a record: truncated?", what);
	*value = le32(in->data + in->at);
	in->at += 4;
	return true;
}

static bool take_text(struct input *in, const char *what, char *out, bool *too_long)
{
	size_t start = in->at;
	enum text_result result;

	for (;; in->at += 2) {
		if (in->len - in->at < 2)
			return problem_at(in->problem, start,
					  "the %s that begins here has no end: truncated?", what);
		if (in->data[in->at] == 0 && in->data[in->at + 1] == 0)
			break;
	}
	result = text_from_utf16le(in->data + start, (in->at - start) / 2, out, TEXT_MAX);
	if (result == TEXT_BAD)
		return problem_at(in->problem, start,
				  "the %s is not UTF-16: half of a surrogate pair", what);
	*too_long = result == TEXT_LONG;
	in->at += 2;
	return true;
}

static bool take_record(struct input *in, struct record *r)
{
	r->where = in->at;
	if (!take_mark(in, '[') || !take_text(in, "key", r->key, &r->key_long) ||
	    !take_mark(in, ';') || !take_text(in, "value name", r->name, &r->name_long) ||
	    !take_mark(in, ';') || !take_u32(in, "type", &r->type) || !take_mark(in, ';') ||
	    !take_u32(in, "size", &r->size) || !take_mark(in, ';'))
		return false;
	if (r->size > in->len - in->at)
		return problem_at(in->problem, in->at,
				  "the data should have %u bytes, but the file has only %zu more",
				  r->size, in->len - in->at);
	r->data = in->data + in->at;
	in->at += r->size;
	return take_mark(in, ']');
}

/* Characters up to a ";" or the end, without blanks around them. Return: what follows, or NULL at the end. */
static char *cut_item(char *list, char **item)
{
	char *end = list + strcspn(list, ";");
	char *next = *end == ';' ? end + 1 : NULL;

	while (*list == ' ')
		list++;
	while (end > list && end[-1] == ' ')
		end--;
	*end = '\0';
	*item = list;
	return next;
}

static bool delete_value(struct changes *c, const struct record *r, const char *name)
{
	const struct registry_value *v = registry_find(r->key, name);

	if (v != NULL)
		changes_remove(c, v, r->where);
	else
		changes_ignore(c, r->key, r->where);
	return true;
}

static bool delete_key(struct changes *c, const struct record *r, const char *name, struct problem *problem)
{
	char path[2 * TEXT_MAX];
	size_t n = strlen(r->key);

	memcpy(path, r->key, n);
	if (n > 0)
		path[n++] = '\\';
	memcpy(path + n, name, strlen(name) + 1);
	return changes_remove_key(c, path, true, r->where, problem);
}

/* **DeleteValues, **DeleteKeys: names with ";" between them are the data. */
static bool delete_list(struct changes *c, const struct record *r, bool keys, struct problem *problem)
{
	char text[TEXT_MAX], *list = text, *item;
	size_t units = 0;
	enum text_result result;

	if (registry_place(r->key) == REGISTRY_OTHER) {
		changes_ignore(c, NULL, r->where);
		return true;
	}
	if (r->type != REG_SZ || r->size % 2 != 0)
		return problem_at(problem, r->where, "%s with data of type %u and %u bytes, not a string",
				  r->name, r->type, r->size);
	while (2 * units < r->size && (r->data[2 * units] != 0 || r->data[2 * units + 1] != 0))
		units++;
	result = text_from_utf16le(r->data, units, text, sizeof(text));
	if (result != TEXT_GOOD)
		return problem_at(problem, r->where, "the list of %s is %s", r->name,
				  result == TEXT_LONG ? "longer than 1023 bytes" : "not UTF-16");
	while (list != NULL) {
		list = cut_item(list, &item);
		if (*item == '\0')
			continue;
		if (keys && !delete_key(c, r, item, problem))
			return false;
		if (!keys)
			delete_value(c, r, item);
	}
	return true;
}

static bool set_value(struct changes *c, const struct record *r, const char *name, bool soft,
		      struct problem *problem)
{
	const struct registry_value *v = registry_find(r->key, name);
	struct changes unused;

	changes_init(&unused);
	if (v == NULL) {
		if (*name != '\0' || r->name_long) /* without a name the record only makes the key */
			changes_ignore(c, r->key, r->where);
		return true;
	}
	if (r->type != REG_DWORD || r->size != 4)
		return problem_at(problem, r->where,
				  "%s has type %u and %u bytes, but must be a REG_DWORD (type 4, 4 bytes)",
				  v->name, r->type, r->size);
	/* A soft one that comes too late is not used, but has to be good all the same. */
	return changes_set(soft && c->of[v - registry_values].what == CHANGE_SET ? &unused : c, v,
			   le32(r->data), r->where, problem);
}

static bool special(struct changes *c, const struct record *r, struct problem *problem)
{
	static const char del[] = "**Del.", soft[] = "**Soft.", keys[] = "**DeleteKeys";
	const char *name = r->name;

	if (text_begins(name, del))
		return delete_value(c, r, name + strlen(del));
	if (text_begins(name, soft))
		return set_value(c, r, name + strlen(soft), true, problem);
	if (text_same(name, "**DelVals") || text_same(name, "**DelVals."))
		return changes_remove_key(c, r->key, false, r->where, problem);
	if (text_same(name, "**DeleteValues"))
		return delete_list(c, r, false, problem);
	/* A blank may stand in place of the end, and text behind it is not part of the name. */
	if (text_begins(name, keys) && (name[strlen(keys)] == '\0' || name[strlen(keys)] == ' '))
		return delete_list(c, r, true, problem);
	if (!text_same(name, "**SecureKey") && !text_begins(name, "**Comment") &&
	    registry_place(r->key) == REGISTRY_KEY)
		return problem_at(problem, r->where, "the special name %.64s is not known", name);
	changes_ignore(c, NULL, r->where);
	return true;
}

static bool use_record(struct changes *c, const struct record *r, struct problem *problem)
{
	if (r->key[0] == '\\' || strstr(r->key, "\\\\") != NULL)
		return problem_at(problem, r->where, "a key without a name: %.64s", r->key);
	if (r->key_long || r->name_long) {
		changes_ignore(c, r->key_long ? NULL : r->key, r->where);
		return true;
	}
	if (text_begins(r->name, "**"))
		return special(c, r, problem);
	return set_value(c, r, r->name, false, problem);
}

static bool parse(struct input *in, struct changes *c)
{
	struct record r;

	if (in->len < HEADER_SIZE || memcmp(in->data, "PReg", 4) != 0)
		return problem_at(in->problem, 0,
				  "no policy file: it does not begin with PReg and a version");
	if (le32(in->data + 4) != VERSION)
		return problem_at(in->problem, 4, "version %u of the format, only %u is known",
				  le32(in->data + 4), VERSION);
	in->at = HEADER_SIZE;
	while (in->at < in->len)
		if (!take_record(in, &r) || !use_record(c, &r, in->problem))
			return false;
	return true;
}

bool preg_parse(const void *data, size_t len, struct changes *out, struct problem *problem)
{
	struct input in = { .data = data, .len = len, .problem = problem };

	changes_init(out);
	if (parse(&in, out))
		return true;
	changes_init(out);
	return false;
}
