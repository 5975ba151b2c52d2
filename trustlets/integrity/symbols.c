// SPDX-License-Identifier: GPL-2.0-only
/* Tables of exported symbols: see symbols.h. */
#include "symbols.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "guest.h"

#define ENTRY 12 /* value, name, namespace */
#define PAGE  4096u

static uint64_t relative(const uint8_t *field, uint64_t at)
{
	int32_t offset;

	memcpy(&offset, field, sizeof(offset));
	return at + (uint64_t)(int64_t)offset;
}

/* Where entry @i of the table's copy says that its value or its name is. */
static uint64_t value_of(const uint8_t *table, uint64_t start, size_t i)
{
	return relative(table + i * ENTRY, start + i * ENTRY);
}

static uint64_t name_of(const uint8_t *table, uint64_t start, size_t i)
{
	return relative(table + i * ENTRY + 4, start + i * ENTRY + 4);
}

/* The last name's end, which no table tells: page by page, as there may be no page behind it. */
static int read_end(uint64_t va, char *to, size_t room, size_t *size)
{
	for (size_t done = 0; done < room;) {
		size_t n = PAGE - ((va + done) & (PAGE - 1));
		char *end;
		int rc;

		n = n < room - done ? n : room - done;
		rc = guest_copy(va + done, to + done, n);
		if (rc != 0)
			return rc;
		end = memchr(to + done, 0, n);
		if (end != NULL) {
			*size = (size_t)(end - to) + 1;
			return 0;
		}
		done += n;
	}
	return -EINVAL;
}

/* All names: they lie together. @base: address of the first. */
static int read_names(const uint8_t *table, uint64_t start, struct symbols *s, uint64_t *base)
{
	uint64_t low = name_of(table, start, 0), high = low, span;
	size_t end;
	int rc;

	for (size_t i = 1; i < s->count; i++) {
		uint64_t at = name_of(table, start, i);

		low = at < low ? at : low;
		high = at > high ? at : high;
	}
	span = high - low;
	if (span > SYMBOL_NAMES_MAX || high > UINT64_MAX - SYMBOL_NAME_MAX)
		return -EINVAL;
	s->names = malloc(span + SYMBOL_NAME_MAX);
	if (s->names == NULL)
		return -ENOMEM;
	*base = low;
	rc = guest_copy(low, s->names, span);
	return rc != 0 ? rc : read_end(high, s->names + span, SYMBOL_NAME_MAX, &end);
}

static bool ascending(const struct symbols *s)
{
	for (size_t i = 1; i < s->count; i++) {
		if (strcmp(s->entry[i - 1].name, s->entry[i].name) >= 0)
			return false;
	}
	return true;
}

static int read_entries(const uint8_t *table, uint64_t start, struct symbols *s)
{
	uint64_t base;
	int rc = read_names(table, start, s, &base);

	if (rc != 0)
		return rc;
	s->entry = malloc(s->count * sizeof(*s->entry));
	if (s->entry == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < s->count; i++) {
		s->entry[i].name = s->names + (name_of(table, start, i) - base);
		s->entry[i].address = value_of(table, start, i);
	}
	return ascending(s) ? 0 : -EINVAL;
}

int symbols_read(uint64_t start, uint64_t end, struct symbols *out)
{
	uint64_t size = end - start;
	struct symbols s = { 0 };
	uint8_t *table;
	int rc;

	*out = (struct symbols){ 0 };
	if (start > end || size % ENTRY != 0 || size / ENTRY > SYMBOLS_MAX)
		return -EINVAL;
	if (size == 0)
		return 0;
	table = malloc(size);
	if (table == NULL)
		return -ENOMEM;
	s.count = size / ENTRY;
	rc = guest_copy(start, table, size);
	if (rc == 0)
		rc = read_entries(table, start, &s);
	free(table);
	if (rc == 0)
		*out = s;
	else
		symbols_free(&s);
	return rc;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct symbol *)a)->name, ((const struct symbol *)b)->name);
}

int symbols_of(const struct module_export *export, size_t count, struct symbols *out)
{
	struct symbols s = { .count = count };
	size_t bytes = 0;
	char *to;

	*out = (struct symbols){ 0 };
	if (count == 0)
		return 0;
	if (count > SYMBOLS_MAX)
		return -EINVAL;
	for (size_t i = 0; i < count; i++) {
		size_t n = strnlen(export[i].name, SYMBOL_NAME_MAX);

		if (n == SYMBOL_NAME_MAX)
			return -EINVAL;
		bytes += n + 1;
	}
	s.entry = malloc(count * sizeof(*s.entry));
	s.names = to = malloc(bytes);
	if (s.entry == NULL || s.names == NULL) {
		symbols_free(&s);
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++) {
		size_t n = strlen(export[i].name) + 1;

		memcpy(to, export[i].name, n);
		s.entry[i] = (struct symbol){ to, export[i].address };
		to += n;
	}
	qsort(s.entry, count, sizeof(*s.entry), by_name);
	if (!ascending(&s)) {
		symbols_free(&s);
		return -EEXIST;
	}
	*out = s;
	return 0;
}

bool symbols_find(const struct symbols *s, const char *name, uint64_t *address)
{
	size_t low = 0, high = s->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(name, s->entry[middle].name);

		if (order == 0) {
			*address = s->entry[middle].address;
			return true;
		}
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

void symbols_free(struct symbols *s)
{
	free(s->entry);
	free(s->names);
	*s = (struct symbols){ 0 };
}
