// SPDX-License-Identifier: GPL-2.0-only
/*
 * The comparison of what is expected with memory: all pages of text and of
 * read-only data, sections and the zeros between and behind them. And
 * module_check() itself, the order of the steps.
 */
#include <stdlib.h>

#include "module_internal.h"

#define PAGE 4096u

struct reader {
	struct module *m;
	uint64_t page; /* that `bytes` holds; 1: none */
	uint8_t bytes[PAGE];
	size_t site; /* first one not compared yet */
};

static int show(struct module *m, const struct section *s, uint64_t address,
		const uint8_t *expected, const uint8_t *found, uint64_t size, const char *reason)
{
	struct module_result *r = m->result;

	if (!r->reason) {
		r->shown = size < MODULE_SHOWN ? (unsigned int)size : MODULE_SHOWN;
		if (expected)
			memcpy(r->expected, expected, r->shown);
		memcpy(r->found, found, r->shown);
		r->address = address;
	}
	return module_bad(m, -EACCES, reason, s, address - (s ? s->address : 0));
}

/* Up to `size` bytes of memory from `address` on, of one page. */
static const uint8_t *memory(struct reader *r, uint64_t address, uint64_t *size)
{
	uint64_t page = address & ~(uint64_t)(PAGE - 1), at = address - page;

	if (page != r->page) {
		r->page = 1;
		if (r->m->source->read(r->m->source->context, page, r->bytes, PAGE))
			return NULL;
		r->page = page;
	}
	if (*size > PAGE - at)
		*size = PAGE - at;
	return r->bytes + at;
}

static int unreadable(struct reader *r, const struct section *s, uint64_t offset)
{
	return module_bad(r->m, -EACCES, "memory can't be read", s, offset);
}

/* Memory against bytes of the copy; expected NULL: zeros. */
static int same(struct reader *r, const struct section *s, uint64_t address,
		const uint8_t *expected, uint64_t size)
{
	static const uint8_t zeros[PAGE];

	while (size) {
		uint64_t n = size, i = 0;
		const uint8_t *found = memory(r, address, &n), *want = expected ? expected : zeros;

		if (!found)
			return unreadable(r, s, address - (s ? s->address : 0));
		if (memcmp(found, want, n)) {
			while (found[i] == want[i])
				i++;
			return show(r->m, s, address + i, want + i, found + i, n - i,
				    s ? "memory differs from the file" : "bytes between sections");
		}
		r->m->result->compared += n;
		address += n;
		size -= n;
		if (expected)
			expected += n;
	}
	return 0;
}

static int same_site(struct reader *r, const struct section *s, const struct module_site *site)
{
	uint64_t at = site->address - s->address;
	uint8_t found[8];

	for (uint64_t done = 0, n; done < site->size; done += n) {
		const uint8_t *p;

		n = site->size - done;
		p = memory(r, site->address + done, &n);
		if (!p)
			return unreadable(r, s, at + done);
		memcpy(found + done, p, n);
	}
	r->m->result->compared += site->size;
	if (module_site_matches(r->m, site, found))
		return 0;
	return show(r->m, s, site->address, s->bytes + at, found, site->size,
		    "a patched site has none of its forms");
}

static int same_section(struct reader *r, const struct section *s)
{
	const struct module_result *result = r->m->result;
	uint64_t at = 0;

	while (s->bytes && r->site < result->sites && result->site[r->site].address < s->address + s->size) {
		const struct module_site *site = &result->site[r->site++];
		uint64_t offset = site->address - s->address;
		int rc = same(r, s, s->address + at, s->bytes + at, offset - at);

		if (!rc)
			rc = same_site(r, s, site);
		if (rc)
			return rc;
		at = offset + site->size;
	}
	return same(r, s, s->address + at, s->bytes ? s->bytes + at : NULL, s->size - at);
}

/* Sections of a part ascend with their index, and sites by their address. */
static int same_part(struct reader *r, int part)
{
	struct module *m = r->m;
	uint64_t at = m->part[part].base, end = at + m->part[part].size;
	const struct module_site *site = m->result->site;

	r->site = 0;
	while (r->site < m->result->sites && site[r->site].address < at)
		r->site++;
	for (unsigned int i = 1; i < m->count; i++) {
		const struct section *s = &m->section[i];
		int rc;

		if (s->part != part || s->size == 0)
			continue;
		rc = same(r, NULL, at, NULL, s->address - at);
		if (!rc)
			rc = same_section(r, s);
		if (rc)
			return rc;
		at = s->address + s->size;
	}
	return same(r, NULL, at, NULL, end - at);
}

int module_compare(struct module *m)
{
	static const int parts[] = { MODULE_TEXT, MODULE_RODATA, MODULE_INIT_TEXT, MODULE_INIT_RODATA };
	struct reader *r = calloc(1, sizeof(*r));
	int rc = 0;

	if (!r)
		return module_bad(m, -ENOMEM, "no memory", NULL, 0);
	r->m = m;
	r->page = 1;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && !rc; i++)
		rc = same_part(r, parts[i]);
	free(r);
	return rc;
}

static int (*const steps[])(struct module *m) = {
	module_parse,   module_name,     module_layout, /* the plan */
	module_symbols, module_relocate, module_exports, module_functions,
	module_collect, module_patch,    module_sort,    module_compare,
};
#define PLAN_STEPS 3
#define ALL_STEPS  (sizeof(steps) / sizeof(steps[0]))

/* @source: NULL for the plan. */
static int run(size_t count, uint8_t *file, size_t size, const struct module_place *place,
	       const struct module_policy *policy, const struct module_source *source,
	       struct module_result *result)
{
	struct module *m = calloc(1, sizeof(*m));
	int rc = 0;

	memset(result, 0, sizeof(*result));
	if (!m) {
		result->reason = "no memory";
		return -ENOMEM;
	}
	m->file = file;
	m->size = size;
	m->place = place;
	m->policy = policy;
	m->source = source;
	m->result = result;
	for (size_t i = 0; i < count && !rc; i++)
		rc = steps[i](m);
	free(m);
	return rc;
}

int module_plan(uint8_t *file, size_t size, const struct module_place *place,
		const struct module_policy *policy, struct module_result *result)
{
	return run(PLAN_STEPS, file, size, place, policy, NULL, result);
}

int module_check(uint8_t *file, size_t size, const struct module_place *place,
		 const struct module_policy *policy, const struct module_source *source,
		 struct module_result *result)
{
	return run(ALL_STEPS, file, size, place, policy, source, result);
}

void module_release(struct module_result *result)
{
	free(result->site);
	free(result->export);
	free(result->function);
	result->site = NULL;
	result->export = NULL;
	result->function = NULL;
	result->sites = result->exports = result->functions = 0;
}
