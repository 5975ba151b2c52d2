// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where each section goes. The kernel's rule (layout_sections, layout_symtab):
 * text, read-only data, read-only after init, data, each in the order of the
 * section table, each section aligned as it asks; what is named .init* goes to
 * the init part. 6.1 puts these behind each other in two areas, rounded up to
 * pages in between; 6.12 has an area for each. The symbol table adds to the
 * sizes, so it is counted too: a size that the kernel states must come out.
 */
#include "module_internal.h"

#define PAGE          4096u
#define KALLSYMS_SIZE 32 /* struct mod_kallsyms */

static uint64_t page_up(uint64_t v)
{
	return (v + PAGE - 1) & ~(uint64_t)(PAGE - 1);
}

static uint64_t align_up(uint64_t v, uint64_t align)
{
	return (v + align - 1) & ~(align - 1);
}

/* Which part, or -1: stays outside. */
static int part_of(const struct section *s)
{
	bool init = strncmp(s->name, ".init", 5) == 0;

	if (!(s->flags & SEC_A))
		return -1;
	if (!strcmp(s->name, ".modinfo") || !strcmp(s->name, "__versions") ||
	    !strcmp(s->name, ".data..percpu"))
		return -1;
	if (s->flags & SEC_X)
		return init ? MODULE_INIT_TEXT : MODULE_TEXT;
	if (!(s->flags & SEC_W))
		return init ? MODULE_INIT_RODATA : MODULE_RODATA;
	if (!strcmp(s->name, ".data..ro_after_init") || !strcmp(s->name, "__jump_table"))
		return MODULE_RO_AFTER_INIT;
	return init ? MODULE_INIT_DATA : MODULE_DATA;
}

/* Sections of one part, from `size` on; their address is an offset for now. */
static uint64_t lay_part(struct module *m, int part, uint64_t size)
{
	for (unsigned int i = 1; i < m->count; i++) {
		struct section *s = &m->section[i];

		if (s->part != part)
			continue;
		s->address = align_up(size, s->align);
		size = s->address + s->size;
	}
	return size;
}

static bool kept_symbol(const struct module *m, const uint8_t *symbol)
{
	uint16_t index = get16(symbol + 6);
	const struct section *s;

	if (index == 0 || index >= m->count || get32(symbol) == 0)
		return false;
	if (index == m->percpu)
		return true;
	s = &m->section[index];
	return s->part >= 0 && s->part < MODULE_INIT_TEXT;
}

/* What symbols take behind the data, and behind the init data. */
static uint64_t core_symbols(struct module *m, uint64_t size)
{
	uint64_t kept = 0, bytes = 0, count = m->section[m->symtab].size / SYM_SIZE;
	const uint8_t *names = m->section[m->strtab].bytes;

	for (uint64_t i = 0; i < count; i++) {
		const uint8_t *symbol = module_symbol(m, i);

		if (i && !kept_symbol(m, symbol))
			continue;
		kept++;
		bytes += strlen((const char *)names + get32(symbol)) + 1;
		if (bytes > MODULE_MAX) /* names may overlap: don't go on for hours */
			break;
	}
	return align_up(size, m->section[m->symtab].align) + kept * SYM_SIZE + bytes + kept;
}

static uint64_t init_symbols(const struct module *m, uint64_t size)
{
	const struct section *sym = &m->section[m->symtab], *str = &m->section[m->strtab];

	size = align_up(size, sym->align) + sym->size;
	size = align_up(size, str->align) + str->size;
	return align_up(size, 8) + KALLSYMS_SIZE + sym->size / SYM_SIZE;
}

static void give_range(struct module *m, int part, enum module_right right)
{
	struct module_range *r = &m->result->range[m->result->ranges];

	if (m->part[part].size == 0)
		return;
	r->start = m->part[part].base;
	r->end = r->start + m->part[part].size;
	r->right = right;
	m->result->ranges++;
}

static void set_part(struct module *m, int part, uint64_t base, uint64_t size)
{
	m->part[part].base = base;
	m->part[part].size = size;
}

/* An area of 6.1: parts behind each other, the last one with the symbols. Return: its size. */
static uint64_t lay_area(struct module *m, const int *parts, unsigned int count, uint64_t base)
{
	uint64_t start = 0, end = 0;

	for (unsigned int i = 0; i < count; i++) {
		end = page_up(lay_part(m, parts[i], start));
		if (parts[i] == MODULE_DATA)
			end = page_up(core_symbols(m, end));
		if (parts[i] == MODULE_INIT_DATA)
			end = page_up(init_symbols(m, end));
		set_part(m, parts[i], base + start, end - start);
		for (unsigned int n = 1; n < m->count; n++)
			if (m->section[n].part == parts[i])
				m->section[n].address += base;
		start = end;
	}
	return end;
}

static int lay_6_1(struct module *m)
{
	static const int core[] = { MODULE_TEXT, MODULE_RODATA, MODULE_RO_AFTER_INIT, MODULE_DATA };
	static const int init[] = { MODULE_INIT_TEXT, MODULE_INIT_RODATA, MODULE_INIT_DATA };
	const struct module_area *a = m->place->area;

	if (lay_area(m, core, 4, a[MODULE_TEXT].base) != a[MODULE_TEXT].size)
		return module_bad(m, -EACCES, "the core area has another size", NULL, a[MODULE_TEXT].size);
	if (lay_area(m, init, 3, a[MODULE_INIT_TEXT].base) != a[MODULE_INIT_TEXT].size)
		return module_bad(m, -EACCES, "the init area has another size", NULL,
				  a[MODULE_INIT_TEXT].size);
	return 0;
}

static int lay_6_12(struct module *m)
{
	const struct module_area *a = m->place->area;

	for (int part = 0; part < MODULE_PARTS; part++) {
		uint64_t size = lay_part(m, part, 0);

		if (part == MODULE_DATA)
			size = core_symbols(m, size);
		if (part == MODULE_INIT_DATA)
			size = init_symbols(m, size);
		set_part(m, part, a[part].base, page_up(size));
		if (m->part[part].size != a[part].size)
			return module_bad(m, -EACCES, "an area has another size", NULL, (uint64_t)part);
		for (unsigned int n = 1; n < m->count; n++)
			if (m->section[n].part == part)
				m->section[n].address += a[part].base;
	}
	return 0;
}

/* Areas are whole pages where modules may be, and no two share one. */
static int check_areas(struct module *m)
{
	const struct module_policy *p = m->policy;

	for (int i = 0; i < MODULE_PARTS; i++) {
		const struct module_area *a = &m->place->area[i];

		if (a->size == 0)
			continue;
		if (a->base % PAGE || a->size % PAGE || a->size > MODULE_MAX || a->base < p->low ||
		    a->base > p->high || a->size > p->high - a->base)
			return module_bad(m, -EACCES, "an area lies where no module can be", NULL, a->base);
		for (int j = 0; j < i; j++) {
			const struct module_area *b = &m->place->area[j];

			if (b->size && a->base < b->base + b->size && b->base < a->base + a->size)
				return module_bad(m, -EACCES, "areas overlap", NULL, a->base);
		}
	}
	return 0;
}

static int check_percpu(struct module *m)
{
	const struct module_policy *p = m->policy;
	uint64_t at = m->place->percpu, size;

	m->percpu = module_find(m, ".data..percpu");
	if (!m->percpu)
		return 0;
	size = m->section[m->percpu].size;
	if (size && (at < p->percpu_low || at > p->percpu_high || size > p->percpu_high - at ||
		     at % m->section[m->percpu].align))
		return module_bad(m, -EACCES, "per-CPU variables lie elsewhere", NULL, at);
	return 0;
}

int module_layout(struct module *m)
{
	uint64_t total = 0;
	int rc = check_areas(m);

	if (!rc)
		rc = check_percpu(m);
	if (rc)
		return rc;
	for (unsigned int i = 1; i < m->count; i++) {
		m->section[i].part = part_of(&m->section[i]);
		total += m->section[i].size + m->section[i].align;
	}
	if (total > MODULE_MAX)
		return module_bad(m, -ENOEXEC, "too large", NULL, total);
	rc = m->policy->kernel == MODULE_LINUX_6_1 ? lay_6_1(m) : lay_6_12(m);
	if (rc)
		return rc;
	give_range(m, MODULE_TEXT, MODULE_RX);
	give_range(m, MODULE_RODATA, MODULE_R);
	give_range(m, MODULE_RO_AFTER_INIT, MODULE_R_AFTER_INIT);
	give_range(m, MODULE_INIT_TEXT, MODULE_RX_UNTIL_INIT);
	give_range(m, MODULE_INIT_RODATA, MODULE_R_UNTIL_INIT);
	return 0;
}
