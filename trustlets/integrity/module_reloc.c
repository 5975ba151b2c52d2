// SPDX-License-Identifier: GPL-2.0-only
/*
 * Symbols get their addresses, relocations are carried out in the copy, the
 * module's exports are listed. Anything that the kernel's loader refuses
 * (simplify_symbols, apply_relocate_add) is refused.
 * Source: x86-64 psABI 1.0, table 4.9.
 */
#include <stdlib.h>

#include "module_internal.h"

#define RELA_SIZE     24
#define SHN_LORESERVE 0xFF00
#define SHN_ABS       0xFFF1
#define STB_WEAK      2
#define EXPORT_SIZE   12 /* three 32-bit offsets: value, name, namespace */

static int resolve(struct module *m, uint8_t *symbol, uint64_t i)
{
	const char *name = (const char *)m->section[m->strtab].bytes + get32(symbol);
	uint64_t address = 0;

	if (m->source->resolve(m->source->context, name, &address)) {
		if (symbol[4] >> 4 != STB_WEAK && strcmp(name, "_GLOBAL_OFFSET_TABLE_"))
			return module_bad(m, -ENOENT, "a symbol is not exported",
					  &m->section[m->symtab], i * SYM_SIZE);
		return 0; /* stays what the file has */
	}
	put64(symbol + 8, address);
	return 0;
}

int module_symbols(struct module *m)
{
	uint64_t count = m->section[m->symtab].size / SYM_SIZE;

	for (uint64_t i = 1; i < count; i++) {
		uint8_t *symbol = module_symbol(m, i);
		uint16_t index = get16(symbol + 6);

		if (index == 0) {
			int rc = resolve(m, symbol, i);

			if (rc)
				return rc;
			continue;
		}
		if (index == SHN_ABS)
			continue;
		if (index >= m->count)
			return module_bad(m, -ENOEXEC,
					  index < SHN_LORESERVE ?
						  "symbol of a section that is not there" :
						  "common, live patch or extended symbol",
					  &m->section[m->symtab], i * SYM_SIZE);
		if (index == m->percpu)
			put64(symbol + 8, get64(symbol + 8) + m->place->percpu);
		else if (m->section[index].part >= 0)
			put64(symbol + 8, get64(symbol + 8) + m->section[index].address);
	}
	return 0;
}

/* Writes @value if it fits as the type says. Return: NULL, or what is wrong. */
static const char *write_value(uint8_t *p, uint32_t type, uint64_t value, uint64_t place)
{
	switch (type) {
	case 24: /* PC64 */
		value -= place;
		/* fall through */
	case 1: /* 64 */
		if (get64(p))
			return "relocation of a field that is not zero";
		put64(p, value);
		return NULL;
	case 2: /* PC32 */
	case 4: /* PLT32 */
		value -= place;
		break;
	case 10: /* 32 */
		if (value >> 32)
			return "relocation does not fit";
		break;
	case 11: /* 32S */
		if (value != (uint64_t)(int64_t)(int32_t)value)
			return "relocation does not fit";
		break;
	default:
		return "unknown relocation";
	}
	if (get32(p))
		return "relocation of a field that is not zero";
	put32(p, (uint32_t)value);
	return NULL;
}

static int relocate_one(struct module *m, const struct section *rela, struct section *s, uint64_t at)
{
	const uint8_t *r = rela->bytes + at;
	uint64_t offset = get64(r), symbols = m->section[m->symtab].size / SYM_SIZE;
	uint32_t type = get32(r + 8), index = get32(r + 12);
	uint64_t width = type == 1 || type == 24 ? 8 : 4;
	const uint8_t *symbol;
	const char *wrong;
	uint16_t home;

	if (index >= symbols)
		return module_bad(m, -ENOEXEC, "relocation to no symbol", rela, at);
	if (type == 0)
		return 0;
	if (!s->bytes || offset > s->size || width > s->size - offset)
		return module_bad(m, -ENOEXEC, "relocation outside of its section", rela, at);
	symbol = module_symbol(m, index);
	home = get16(symbol + 6);
	if (home && home < m->count && home != m->percpu && m->section[home].part < 0)
		return module_bad(m, -ENOEXEC, "relocation to what is not loaded", rela, at);
	wrong = write_value(s->bytes + offset, type, get64(symbol + 8) + get64(r + 16), s->address + offset);
	return wrong ? module_bad(m, -ENOEXEC, wrong, s, offset) : 0;
}

int module_relocate(struct module *m)
{
	for (unsigned int i = 1; i < m->count; i++) {
		const struct section *rela = &m->section[i];
		struct section *s;

		if (rela->type != SEC_RELA)
			continue;
		if (rela->info == 0 || rela->info >= m->count || rela->link != m->symtab ||
		    rela->size % RELA_SIZE)
			return module_bad(m, -ENOEXEC, "wrong relocation table", rela, 0);
		s = &m->section[rela->info];
		if (s->part < 0)
			continue;
		for (uint64_t at = 0; at < rela->size; at += RELA_SIZE) {
			int rc = relocate_one(m, rela, s, at);

			if (rc)
				return rc;
		}
	}
	return 0;
}

/* One of the two export tables: names are found by their address. */
static int exports_of(struct module *m, unsigned int index, bool fill)
{
	const struct section *s = &m->section[index];

	for (uint64_t at = 0; at < s->size; at += EXPORT_SIZE) {
		const uint8_t *e = s->bytes + at;
		uint64_t name = s->address + at + 4 + sign32(e + 4);
		const uint8_t *text = module_at(m, name, 1, 0);

		if (!text || !memchr(text, 0, module_room(m, name)))
			return module_bad(m, -ENOEXEC, "an export has no name", s, at);
		if (fill) {
			struct module_export *x = &m->result->export[m->result->exports++];

			x->name = (const char *)text;
			x->address = s->address + at + sign32(e);
		}
	}
	return 0;
}

int module_exports(struct module *m)
{
	static const char *const names[] = { "__ksymtab", "__ksymtab_gpl" };
	uint64_t count = 0;
	int rc = 0;

	for (int i = 0; i < 2; i++) {
		unsigned int t = module_table(m, names[i], EXPORT_SIZE, &rc);

		if (rc || (t && (rc = exports_of(m, t, false))))
			return rc;
		count += t ? m->section[t].size / EXPORT_SIZE : 0;
	}
	if (count == 0)
		return 0;
	m->result->export = calloc(count, sizeof(*m->result->export));
	if (!m->result->export)
		return module_bad(m, -ENOMEM, "no memory", NULL, 0);
	for (int i = 0; i < 2; i++) {
		unsigned int t = module_table(m, names[i], EXPORT_SIZE, &rc);

		if (t && (rc = exports_of(m, t, true)))
			return rc;
	}
	return 0;
}
