// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kernel will patch while it runs: where, and which forms are allowed.
 * Sites are taken from the file's tables and the instructions as compiled; no
 * two may share a byte, and all are in text.
 */
#include <stdlib.h>

#include "module_internal.h"

#define CALL       0xE8
#define JMP        0xE9
#define JMP8       0xEB
#define SITE_FLAGS 3u /* low bits of a static call's key: tail, init */
#define SITE_TAIL  1u

const uint8_t module_tramp_ud[3] = { 0x0F, 0xB9, 0xCC };

static bool is_jcc(const uint8_t *p)
{
	return p[0] == 0x0F && (p[1] & 0xF0) == 0x80;
}

static int add(struct module *m, const struct module_site *s)
{
	struct module_result *r = m->result;

	if (r->sites == m->room)
		return module_bad(m, -ENOEXEC, "more sites than its tables have", NULL, s->address);
	r->site[r->sites] = *s;
	r->site[r->sites].init = m->section[m->last].part == MODULE_INIT_TEXT;
	r->sites++;
	return 0;
}

static int jump_labels(struct module *m)
{
	int rc = 0;
	unsigned int t = module_table(m, "__jump_table", 16, &rc);
	const struct section *s = &m->section[t];

	for (uint64_t at = 0; t && !rc && at < s->size; at += 16) {
		const uint8_t *e = s->bytes + at;
		uint64_t va = s->address + at, key = va + 8 + get64(e + 8);
		struct module_site site = { .kind = MODULE_SITE_JUMP_LABEL,
					    .address = va + sign32(e),
					    .target = va + 4 + sign32(e + 4),
					    .key = key & ~3ull,
					    .extra = key & 1 };
		const uint8_t *p = module_at(m, site.target, 1, SEC_X);

		if (!p)
			return module_bad(m, -ENOEXEC, "a jump label's target outside of text", s, at);
		p = module_at(m, site.address, 2, SEC_X);
		site.size = p && (p[0] == JMP8 || p[0] == 0x66) ? 2 : 5;
		if (!p || module_room(m, site.address) < site.size)
			return module_bad(m, -ENOEXEC, "a site outside of text", s, at);
		if (site.size == 2 && site.target - site.address - 2 !=
					      (uint64_t)(int8_t)(site.target - site.address - 2))
			return module_bad(m, -ENOEXEC, "a jump label too far from its target", s, at);
		if (!module_site_matches(m, &site, p))
			return module_bad(m, -ENOEXEC, "no jump label", s, at);
		rc = add(m, &site);
	}
	return rc;
}

static int static_calls(struct module *m)
{
	int rc = 0;
	unsigned int t = module_table(m, ".static_call_sites", 8, &rc);
	const struct section *s = &m->section[t];

	for (uint64_t at = 0; t && !rc && at < s->size; at += 8) {
		uint64_t va = s->address + at, key = va + 4 + sign32(s->bytes + at + 4);
		struct module_site site = { .kind = key & SITE_TAIL ? MODULE_SITE_STATIC_TAIL :
								      MODULE_SITE_STATIC_CALL,
					    .address = va + sign32(s->bytes + at),
					    .key = key & ~(uint64_t)SITE_FLAGS };
		const uint8_t *p = module_at(m, site.address, 5, SEC_X);
		bool jcc = p && (key & SITE_TAIL) && is_jcc(p);

		site.size = jcc ? 6 : 5;
		if (!p || module_room(m, site.address) < site.size)
			return module_bad(m, -ENOEXEC, "a site outside of text", s, at);
		if (!jcc && p[0] != (key & SITE_TAIL ? JMP : CALL))
			return module_bad(m, -ENOEXEC, "no static call", s, at);
		site.target = site.address + site.size + sign32(p + jcc + 1);
		site.extra = jcc ? p[1] : 0;
		rc = add(m, &site);
	}
	return rc;
}

static bool is_trampoline(struct module *m, uint64_t i)
{
	const uint8_t *symbol = module_symbol(m, i);
	const char *name = (const char *)m->section[m->strtab].bytes + get32(symbol);

	return get16(symbol + 6) != 0 && strncmp(name, "__SCT__", 7) == 0;
}

static int trampolines(struct module *m)
{
	uint64_t count = m->section[m->symtab].size / SYM_SIZE;
	int rc = 0;

	for (uint64_t i = 1; i < count && !rc; i++) {
		const uint8_t *symbol = module_symbol(m, i), *p;
		struct module_site site = { .kind = MODULE_SITE_TRAMPOLINE,
					    .address = get64(symbol + 8),
					    .size = 5 };

		if (!is_trampoline(m, i))
			continue;
		p = module_at(m, site.address, 8, SEC_X);
		if (!p || memcmp(p + 5, module_tramp_ud, 3))
			return module_bad(m, -ENOEXEC, "no static call trampoline",
					  &m->section[m->symtab], i * SYM_SIZE);
		rc = add(m, &site);
	}
	return rc;
}

static int mcounts(struct module *m)
{
	int rc = 0;
	unsigned int t = module_table(m, "__mcount_loc", 8, &rc);
	const struct section *s = &m->section[t];

	for (uint64_t at = 0; t && !rc && at < s->size; at += 8) {
		struct module_site site = { .kind = MODULE_SITE_MCOUNT,
					    .address = get64(s->bytes + at),
					    .target = m->policy->fentry,
					    .size = 5 };
		const uint8_t *p = module_at(m, site.address, 5, SEC_X);

		if (!p)
			return module_bad(m, -ENOEXEC, "a site outside of text", s, at);
		if (p[0] != CALL || site.address + 5 + sign32(p + 1) != m->policy->fentry)
			return module_bad(m, -ENOEXEC, "no call of __fentry__", s, at);
		rc = add(m, &site);
	}
	return rc;
}

static int locks(struct module *m)
{
	int rc = 0;
	unsigned int t = module_table(m, ".smp_locks", 4, &rc);
	const struct section *s = &m->section[t];

	for (uint64_t at = 0; t && !rc && at < s->size; at += 4) {
		struct module_site site = { .kind = MODULE_SITE_LOCK,
					    .address = s->address + at + sign32(s->bytes + at),
					    .size = 1 };
		const uint8_t *p = module_at(m, site.address, 1, SEC_X);

		if (!p)
			return module_bad(m, -ENOEXEC, "a site outside of text", s, at);
		if (m->policy->one_cpu && p[0] == 0xF0)
			rc = add(m, &site);
	}
	return rc;
}

/* As many as the tables have entries, in one piece: the heap of a trustlet is small. */
static int make_room(struct module *m)
{
	static const struct {
		const char *name;
		uint64_t entry;
	} tables[] = { { "__jump_table", 16 },
		       { ".static_call_sites", 8 },
		       { "__mcount_loc", 8 },
		       { ".smp_locks", 4 } };
	uint64_t count = m->section[m->symtab].size / SYM_SIZE;
	int rc = 0;

	for (unsigned int i = 0; i < 4; i++) {
		unsigned int t = module_table(m, tables[i].name, tables[i].entry, &rc);

		if (rc)
			return rc;
		if (t && (i < 3 || m->policy->one_cpu))
			m->room += m->section[t].size / tables[i].entry;
	}
	for (uint64_t i = 1; i < count; i++)
		m->room += is_trampoline(m, i);
	m->result->site = m->room ? malloc(m->room * sizeof(*m->result->site)) : NULL;
	return m->room && !m->result->site ? module_bad(m, -ENOMEM, "no memory", NULL, 0) : 0;
}

static int by_address(const void *a, const void *b)
{
	uint64_t x = ((const struct module_site *)a)->address;
	uint64_t y = ((const struct module_site *)b)->address;

	return x < y ? -1 : x > y;
}

int module_collect(struct module *m)
{
	const struct module_result *r = m->result;
	int rc = make_room(m);

	if (!rc)
		rc = jump_labels(m);
	if (!rc)
		rc = static_calls(m);
	if (!rc)
		rc = trampolines(m);
	if (!rc)
		rc = mcounts(m);
	if (!rc)
		rc = locks(m);
	if (rc || r->sites == 0)
		return rc;
	qsort(r->site, r->sites, sizeof(*r->site), by_address);
	for (size_t i = 1; i < r->sites; i++)
		if (r->site[i - 1].address + r->site[i - 1].size > r->site[i].address)
			return module_bad(m, -ENOEXEC, "sites share bytes", NULL, r->site[i].address);
	return 0;
}

/* What a trampoline does now: its target, or 0 if it only returns. Return: false if it is none. */
static bool trampoline_target(struct module *m, uint64_t trampoline, uint64_t *target)
{
	uint8_t p[8], plain[5];

	if (m->source->read(m->source->context, trampoline, p, sizeof(p)) ||
	    memcmp(p + 5, module_tramp_ud, 3))
		return false;
	module_return(m, plain, trampoline);
	*target = 0;
	if (!memcmp(p, plain, 5))
		return true;
	*target = trampoline + 5 + sign32(p + 1);
	return p[0] == JMP;
}

static bool static_call_matches(struct module *m, const struct module_site *s, const uint8_t *found)
{
	const struct module_policy *k = m->policy;
	uint64_t target;
	uint8_t b[6];

	if (!trampoline_target(m, s->target, &target))
		return false;
	if (s->size == 6) { /* Jcc */
		if (!target)
			target = !module_cap(m, CAP_RETHUNK)   ? k->static_call_return :
				 k->kernel == MODULE_LINUX_6_1 ? k->return_thunk_symbol :
								 k->return_thunk;
		b[0] = 0x0F;
		module_branch(b + 1, s->extra, s->address + 1, target);
	} else if (s->kind == MODULE_SITE_STATIC_TAIL) {
		if (target)
			module_branch(b, JMP, s->address, target);
		else
			module_return(m, b, s->address);
	} else if (!target) {
		module_nops(b, 5);
	} else if (target == k->static_call_return0) {
		memcpy(b, "\x2E\x2E\x2E\x31\xC0", 5);
	} else {
		module_branch(b, CALL, s->address, target);
	}
	return !memcmp(b, found, s->size);
}

static bool jump_label_matches(const struct module_site *s, const uint8_t *found)
{
	uint8_t b[5];

	module_nops(b, s->size);
	if (!memcmp(b, found, s->size))
		return true;
	if (s->size == 5) {
		module_branch(b, JMP, s->address, s->target);
	} else {
		b[0] = JMP8;
		b[1] = (uint8_t)(s->target - s->address - 2);
	}
	return !memcmp(b, found, s->size);
}

int module_site_matches(struct module *m, const struct module_site *s, const uint8_t *found)
{
	const uint8_t *expected = module_at(m, s->address, s->size, SEC_X);
	uint8_t b[5];

	switch (s->kind) {
	case MODULE_SITE_JUMP_LABEL:
		return jump_label_matches(s, found);
	case MODULE_SITE_STATIC_CALL:
	case MODULE_SITE_STATIC_TAIL:
		if (expected && !memcmp(expected, found, s->size))
			return true;
		return static_call_matches(m, s, found);
	case MODULE_SITE_MCOUNT:
		for (unsigned int i = 0; i < m->policy->ftrace_count; i++) {
			module_branch(b, CALL, s->address, m->policy->ftrace[i]);
			if (!memcmp(b, found, 5))
				return true;
		}
		break;
	case MODULE_SITE_LOCK:
		if (found[0] == 0x3E)
			return true;
		break;
	default:
		break;
	}
	return expected && !memcmp(expected, found, s->size);
}
