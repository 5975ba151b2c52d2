// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a module's file says beside its bytes: its name, and where its functions
 * begin. A patch of a call may lead to the start of a function, so the list
 * becomes part of what is executable: symbols count only where they lie in text.
 */
#include <stdlib.h>

#include "module_internal.h"

#define STT_FUNC   2
#define TRAMPOLINE "__SCT__"

int module_name(struct module *m)
{
	const struct section *s = &m->section[module_find(m, ".modinfo")];
	static const char key[] = "name=";
	uint64_t at = 0;

	while (s->bytes && at < s->size) {
		const char *text = (const char *)s->bytes + at;
		size_t n = strnlen(text, s->size - at), name = n - (sizeof(key) - 1);

		at += n + 1;
		if (n < sizeof(key) || memcmp(text, key, sizeof(key) - 1))
			continue;
		if (name >= sizeof(m->result->name))
			break;
		for (size_t i = 0; i < name; i++) {
			char c = text[sizeof(key) - 1 + i];

			m->result->name[i] = c > ' ' && c <= '~' ? c : '?'; /* for logs */
		}
		m->result->name[name] = '\0';
		return 0;
	}
	return module_bad(m, -ENOEXEC, "no name, or a long one", s, 0);
}

/* Does function @i of the symbol table begin in text? A symbol at its section's very end is of no bytes. */
static bool is_function(struct module *m, uint64_t i, uint64_t *address)
{
	const uint8_t *symbol = module_symbol(m, i);
	const char *name = (const char *)m->section[m->strtab].bytes + get32(symbol);
	uint16_t index = get16(symbol + 6);
	const struct section *s;

	if (index == 0 || index >= m->count)
		return false;
	if ((symbol[4] & 0x0F) != STT_FUNC && strncmp(name, TRAMPOLINE, sizeof(TRAMPOLINE) - 1))
		return false;
	s = &m->section[index];
	*address = get64(symbol + 8);
	return s->part >= 0 && s->bytes && (s->flags & SEC_X) && *address >= s->address &&
	       *address - s->address < s->size;
}

static int ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

int module_functions(struct module *m)
{
	uint64_t count = m->section[m->symtab].size / SYM_SIZE, address;
	struct module_result *r = m->result;
	size_t n = 0, kept = 0;

	for (uint64_t i = 1; i < count; i++)
		n += is_function(m, i, &address);
	if (n == 0)
		return 0;
	r->function = malloc(n * sizeof(*r->function));
	if (!r->function)
		return module_bad(m, -ENOMEM, "no memory", NULL, 0);
	for (uint64_t i = 1; i < count; i++)
		if (is_function(m, i, &address))
			r->function[r->functions++] = address;
	qsort(r->function, r->functions, sizeof(*r->function), ascending);
	for (size_t i = 0; i < n; i++) /* aliases */
		if (i == 0 || r->function[i] != r->function[kept - 1])
			r->function[kept++] = r->function[i];
	r->functions = kept;
	return 0;
}
