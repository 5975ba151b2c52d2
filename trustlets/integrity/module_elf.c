// SPDX-License-Identifier: GPL-2.0-only
/*
 * A module's file: an ELF64 relocatable object. Everything that later steps
 * rely on is checked here: sections lie inside of the file and do not share a
 * byte (relocating one must not change another), names and symbol names end
 * inside of their tables, there is one symbol table. What the kernel would
 * take but Debian's tools never make is refused.
 * Source: System V ABI, edition 4.1, chapter 4.
 */
#include "module_internal.h"

#define HEADER 64

int module_bad(struct module *m, int error, const char *reason, const struct section *s, uint64_t offset)
{
	struct module_result *r = m->result;

	if (r->reason)
		return error;
	r->reason = reason;
	r->offset = offset;
	if (s && s->name) {
		size_t n = strnlen(s->name, sizeof(r->section) - 1);

		memcpy(r->section, s->name, n);
		r->section[n] = '\0';
	}
	return error;
}

static const char *header_wrong(const struct module *m)
{
	static const uint8_t ident[7] = { 0x7F, 'E', 'L', 'F', 2, 1, 1 };
	const uint8_t *h = m->file;
	uint64_t offset, count;

	if (m->size < HEADER)
		return "shorter than an ELF header";
	if (memcmp(h, ident, sizeof(ident)))
		return "no 64-bit little endian ELF file";
	if (get16(h + 16) != 1 || get16(h + 18) != 62 || get32(h + 20) != 1)
		return "no relocatable x86-64 object";
	if (get16(h + 52) != HEADER || get16(h + 58) != 64)
		return "wrong header size";
	offset = get64(h + 40);
	count = get16(h + 60);
	if (count < 2 || count > MODULE_SECTIONS)
		return "no or too many sections";
	if (offset < HEADER || offset > m->size || count * 64 > m->size - offset)
		return "section table beyond the file";
	if (get16(h + 62) == 0 || get16(h + 62) >= count)
		return "wrong index of section names";
	return NULL;
}

static const char *section_wrong(const struct section *s)
{
	switch (s->type) {
	case SEC_PROGBITS:
	case SEC_SYMTAB:
	case SEC_STRTAB:
	case SEC_RELA:
	case SEC_NOTE:
	case SEC_NOBITS:
	case SEC_INIT_ARRAY:
		break;
	default:
		return "section of a kind that modules do not have";
	}
	if (s->flags & ~(uint64_t)SEC_ALLOWED)
		return "unknown section flags";
	if ((s->flags & SEC_W) && (s->flags & SEC_X))
		return "section writable and executable";
	if ((s->flags & SEC_A) && (s->type == SEC_SYMTAB || s->type == SEC_STRTAB || s->type == SEC_RELA))
		return "a table for the linker is to be loaded";
	if ((s->align & (s->align - 1)) || s->align > 65536)
		return "wrong alignment";
	if (s->size > MODULE_MAX)
		return "section too large";
	return NULL;
}

static int read_section(struct module *m, unsigned int i, const struct section *names)
{
	const uint8_t *h = m->file + get64(m->file + 40) + (uint64_t)i * 64;
	struct section *s = &m->section[i];
	const char *wrong;

	s->type = get32(h + 4);
	s->flags = get64(h + 8);
	s->offset = get64(h + 24);
	s->size = get64(h + 32);
	s->link = get32(h + 40);
	s->info = get32(h + 44);
	s->align = get64(h + 48);
	s->part = -1;
	if (get32(h) >= names->size)
		return module_bad(m, -ENOEXEC, "section name beyond its table", NULL, i);
	s->name = (const char *)names->bytes + get32(h);
	wrong = section_wrong(s);
	if (wrong)
		return module_bad(m, -ENOEXEC, wrong, s, 0);
	if (s->align == 0)
		s->align = 1;
	if (s->type == SEC_NOBITS)
		return 0;
	if (s->offset > m->size || s->size > m->size - s->offset)
		return module_bad(m, -ENOEXEC, "section beyond the file", s, 0);
	s->bytes = m->file + s->offset;
	return 0;
}

/* A table of strings, ending with a zero byte. */
static bool strings_ok(const struct section *s)
{
	return s->type == SEC_STRTAB && s->size > 0 && s->bytes[s->size - 1] == 0;
}

static int read_sections(struct module *m)
{
	static const uint8_t zeros[64];
	unsigned int index = get16(m->file + 62);
	const uint8_t *table = m->file + get64(m->file + 40), *h = table + (uint64_t)index * 64;
	struct section names = { .type = get32(h + 4), .offset = get64(h + 24), .size = get64(h + 32) };

	m->count = get16(m->file + 60);
	if (memcmp(table, zeros, sizeof(zeros)))
		return module_bad(m, -ENOEXEC, "section 0 is not empty", NULL, 0);
	if (names.offset > m->size || names.size > m->size - names.offset)
		return module_bad(m, -ENOEXEC, "section beyond the file", NULL, index);
	names.bytes = m->file + names.offset;
	if (!strings_ok(&names))
		return module_bad(m, -ENOEXEC, "section names do not end", NULL, index);
	m->section[0].name = "";
	m->section[0].part = -1;
	for (unsigned int i = 1; i < m->count; i++) {
		int rc = read_section(m, i, &names);

		if (rc)
			return rc;
	}
	return 0;
}

static bool overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	return a_size && b_size && a < b + b_size && b < a + a_size;
}

static int check_overlaps(struct module *m)
{
	uint64_t table = get64(m->file + 40), table_size = (uint64_t)m->count * 64;

	for (unsigned int i = 1; i < m->count; i++) {
		const struct section *s = &m->section[i];

		if (!s->bytes)
			continue;
		if (overlap(s->offset, s->size, 0, HEADER) || overlap(s->offset, s->size, table, table_size))
			return module_bad(m, -ENOEXEC, "section over a header", s, 0);
		for (unsigned int j = 1; j < i; j++)
			if (m->section[j].bytes &&
			    overlap(s->offset, s->size, m->section[j].offset, m->section[j].size))
				return module_bad(m, -ENOEXEC, "sections share bytes", s, 0);
	}
	return 0;
}

static int check_symbols(struct module *m)
{
	const struct section *strings, *s;

	for (unsigned int i = 1; i < m->count; i++) {
		if (m->section[i].type != SEC_SYMTAB)
			continue;
		if (m->symtab)
			return module_bad(m, -ENOEXEC, "two symbol tables", &m->section[i], 0);
		m->symtab = i;
	}
	s = &m->section[m->symtab];
	if (!m->symtab)
		return module_bad(m, -ENOEXEC, "no symbol table", NULL, 0);
	m->strtab = s->link;
	if (s->size % SYM_SIZE || s->size == 0 || m->strtab == 0 || m->strtab >= m->count)
		return module_bad(m, -ENOEXEC, "wrong symbol table", s, 0);
	strings = &m->section[m->strtab];
	if (!strings_ok(strings))
		return module_bad(m, -ENOEXEC, "symbol names do not end", strings, 0);
	for (uint64_t i = 0; i < s->size / SYM_SIZE; i++)
		if (get32(module_symbol(m, i)) >= strings->size)
			return module_bad(m, -ENOEXEC, "symbol name beyond its table", s, i * SYM_SIZE);
	return 0;
}

/* Tables that the loader acts on: two of one name, or one that is not loaded, would leave open which it takes. */
static int check_tables(struct module *m)
{
	static const char *const once[] = {
		".altinstructions",
		".parainstructions",
		".retpoline_sites",
		".return_sites",
		".call_sites",
		".cfi_sites",
		".ibt_endbr_seal",
		".smp_locks",
		".orc_unwind",
		".orc_unwind_ip",
		"__mcount_loc",
		"__jump_table",
		"__ex_table",
		".static_call_sites",
		"__ksymtab",
		"__ksymtab_gpl",
		".text",
		".data..ro_after_init",
		".data..percpu",
		".gnu.linkonce.this_module",
		".modinfo",
		"__versions",
	};

	for (size_t n = 0; n < sizeof(once) / sizeof(once[0]); n++) {
		unsigned int seen = 0;

		for (unsigned int i = 1; i < m->count; i++) {
			const struct section *s = &m->section[i];

			if (strcmp(s->name, once[n]))
				continue;
			if (seen++ || !(s->flags & SEC_A))
				return module_bad(m, -ENOEXEC, "table twice or not loaded", s, 0);
		}
	}
	return 0;
}

int module_parse(struct module *m)
{
	const char *wrong = header_wrong(m);
	int rc;

	if (wrong)
		return module_bad(m, -ENOEXEC, wrong, NULL, 0);
	rc = read_sections(m);
	if (!rc)
		rc = check_overlaps(m);
	if (!rc)
		rc = check_symbols(m);
	return rc ? rc : check_tables(m);
}

unsigned int module_find(const struct module *m, const char *name)
{
	for (unsigned int i = 1; i < m->count; i++)
		if ((m->section[i].flags & SEC_A) && !strcmp(m->section[i].name, name))
			return i;
	return 0;
}

static bool holds(const struct section *s, uint64_t address, uint64_t size)
{
	return s->part >= 0 && address >= s->address && address - s->address <= s->size &&
	       size <= s->size - (address - s->address);
}

uint8_t *module_at(struct module *m, uint64_t address, uint64_t size, uint32_t flags)
{
	unsigned int i = m->last;

	if (!holds(&m->section[i], address, size))
		for (i = 1; i < m->count && !holds(&m->section[i], address, size); i++)
			;
	if (i == m->count || !m->section[i].bytes || (m->section[i].flags & flags) != flags)
		return NULL;
	m->last = i;
	return m->section[i].bytes + (address - m->section[i].address);
}

uint64_t module_room(const struct module *m, uint64_t address)
{
	const struct section *s = &m->section[m->last];

	return s->size - (address - s->address);
}
