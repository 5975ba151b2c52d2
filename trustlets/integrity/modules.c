// SPDX-License-Identifier: GPL-2.0-only
/* Accepted modules: see modules.h. */
#include "modules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The first that has this number or a higher one. */
static size_t place_of(const struct modules *m, uint64_t number)
{
	size_t low = 0, high = m->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (m->module[middle]->number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct accepted *modules_find(const struct modules *m, uint64_t number)
{
	size_t i = place_of(m, number);

	return i < m->count && m->module[i]->number == number ? m->module[i] : NULL;
}

bool modules_resolve(const struct modules *m, const char *name, uint64_t *address, struct accepted **owner)
{
	for (size_t i = 0; i < m->count; i++) {
		if (symbols_find(&m->module[i]->exports, name, address)) {
			*owner = m->module[i];
			return true;
		}
	}
	return false;
}

int accepted_need(struct accepted *a, struct accepted *other)
{
	struct accepted **more;

	for (size_t i = 0; i < a->need_count; i++) {
		if (a->needs[i] == other)
			return 0;
	}
	/* One at a time: a module needs a few others. */
	more = realloc(a->needs, (a->need_count + 1) * sizeof(*more));
	if (more == NULL)
		return -ENOMEM;
	a->needs = more;
	a->needs[a->need_count++] = other;
	other->users++;
	return 0;
}

void accepted_free(struct accepted *a)
{
	if (a == NULL)
		return;
	for (size_t i = 0; i < a->need_count; i++)
		a->needs[i]->users--;
	free(a->needs);
	symbols_free(&a->exports);
	free(a);
}

bool modules_full(const struct modules *m)
{
	return m->count == MODULES_MAX;
}

void modules_add(struct modules *m, struct accepted *a)
{
	size_t i = place_of(m, a->number);

	memmove(&m->module[i + 1], &m->module[i], (m->count - i) * sizeof(m->module[0]));
	m->module[i] = a;
	m->count++;
}

void modules_remove(struct modules *m, struct accepted *a)
{
	size_t i = place_of(m, a->number);

	m->count--;
	memmove(&m->module[i], &m->module[i + 1], (m->count - i) * sizeof(m->module[0]));
	accepted_free(a);
}
