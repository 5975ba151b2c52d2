// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the loader patches once, in its order: paravirt calls, retpolines,
 * returns, alternatives (module_alt.c), ENDBR, mcount calls. All of it follows
 * from the policy, so each place gets exactly one form. Where the kernel would
 * warn and go on, or stop, the module is refused.
 * Source: Linux, arch/x86/kernel/{module,alternative,paravirt}.c, kernel/trace/ftrace.c.
 */
#include "module_internal.h"

#define CAP_ITS_6_1  (21 * 32 + 5)
#define CAP_ITS_6_12 (21 * 32 + 6)

#define CALL 0xE8
#define JMP  0xE9
#define INT3 0xCC
#define CS   0x2E

bool module_cap(const struct module *m, unsigned int bit)
{
	return bit / 32 < m->policy->caps_words && bit / 32 < MODULE_CAPS &&
	       (m->policy->caps[bit / 32] >> bit % 32 & 1);
}

void module_nops(uint8_t *p, uint64_t size)
{
	static const uint8_t nop[9][8] = {
		{ 0 },
		{ 0x90 },
		{ 0x66, 0x90 },
		{ 0x0F, 0x1F, 0x00 },
		{ 0x0F, 0x1F, 0x40, 0x00 },
		{ 0x0F, 0x1F, 0x44, 0x00, 0x00 },
		{ 0x66, 0x0F, 0x1F, 0x44, 0x00, 0x00 },
		{ 0x0F, 0x1F, 0x80, 0x00, 0x00, 0x00, 0x00 },
		{ 0x0F, 0x1F, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00 },
	};

	while (size) {
		uint64_t n = size > 8 ? 8 : size;

		memcpy(p, nop[n], n);
		p += n;
		size -= n;
	}
}

void module_branch(uint8_t *p, uint8_t opcode, uint64_t address, uint64_t target)
{
	p[0] = opcode;
	put32(p + 1, (uint32_t)(target - address - 5));
}

void module_return(const struct module *m, uint8_t *p, uint64_t address)
{
	const struct module_policy *k = m->policy;
	bool thunk = module_cap(m, CAP_RETHUNK);

	if (thunk && k->its_return_thunk && k->return_thunk == k->its_return_thunk && (address & 0x20))
		thunk = false; /* safe in the upper half of a cache line */
	if (thunk) {
		module_branch(p, JMP, address, k->return_thunk);
		return;
	}
	memset(p, INT3, 5);
	p[0] = 0xC3;
}

unsigned int module_table(struct module *m, const char *name, uint64_t entry, int *error)
{
	unsigned int t = module_find(m, name);
	const struct section *s = &m->section[t];

	if (!t || *error)
		return 0;
	if (s->part < 0 || !s->bytes || s->size % entry) {
		*error = module_bad(m, -ENOEXEC, "not a whole number of entries", s, s->size);
		return 0;
	}
	return t;
}

/* Calls @patch for each place that a table of 32-bit offsets names. */
static int each_offset(struct module *m, const char *name,
		       int (*patch)(struct module *m, uint8_t *p, uint64_t address))
{
	int rc = 0;
	unsigned int t = module_table(m, name, 4, &rc);
	const struct section *s = &m->section[t];

	for (uint64_t at = 0; t && !rc && at < s->size; at += 4) {
		uint64_t address = s->address + at + sign32(s->bytes + at);
		uint8_t *p = module_at(m, address, 4, SEC_X);

		if (!p)
			return module_bad(m, -ENOEXEC, "a site outside of text", s, at);
		rc = patch(m, p, address);
		m->result->patched++;
	}
	return rc;
}

static int paravirt(struct module *m)
{
	int rc = 0;
	unsigned int t = module_table(m, ".parainstructions", 16, &rc);
	const struct section *s = &m->section[t];

	for (uint64_t at = 0; t && !rc && at < s->size; at += 16) {
		uint64_t address = get64(s->bytes + at), function = 0;
		uint8_t type = s->bytes[at + 8], size = s->bytes[at + 9], used = 0;
		uint8_t *p = module_at(m, address, size, SEC_X);

		if (!p)
			return module_bad(m, -ENOEXEC, "a site outside of text", s, at);
		if (type >= m->policy->pv_count || type >= MODULE_PV_OPS)
			return module_bad(m, -ENOEXEC, "no such paravirt operation", s, at);
		function = m->policy->pv_function[type];
		if (function != m->policy->paravirt_nop) {
			if (size < 5)
				return module_bad(m, -ENOEXEC, "paravirt site too short", s, at);
			module_branch(p, CALL, address, function ? function : m->policy->bug_func);
			used = 5;
		}
		module_nops(p + used, size - used);
		m->result->patched++;
	}
	return rc;
}

/* CALL or JMP *reg at `p`. Return: bytes. */
static size_t indirect(uint8_t *p, uint8_t op, unsigned int reg)
{
	size_t n = 0;

	if (reg >= 8)
		p[n++] = 0x41;
	p[n++] = 0xFF;
	p[n++] = (uint8_t)((op == CALL ? 0xD0 : 0xE0) + (reg & 7));
	return n;
}

static int retpoline(struct module *m, uint8_t *p, uint64_t address)
{
	bool lfence = module_cap(m, CAP_RETPOLINE_LFENCE);
	uint64_t room = module_room(m, address), target;
	uint8_t b[16], op;
	unsigned int reg;
	size_t skip = p[0] == CS ? 1 : 0, size = 5 + skip, n = 0;
	bool jcc = p[0] == 0x0F && (p[1] & 0xF0) == 0x80;

	if (jcc)
		skip = 1, size = 6;
	op = jcc ? JMP : p[skip];
	if (room < size || (op != CALL && op != JMP))
		return module_bad(m, -ENOEXEC, "no retpoline call", NULL, address);
	target = address + size + sign32(p + skip + 1) - m->policy->indirect_thunks;
	reg = (unsigned int)(target / 32);
	if (target >= 16 * 32 || target % 32 || reg == 4)
		return module_bad(m, -ENOEXEC, "no retpoline call", NULL, address);
	if (module_cap(m, CAP_RETPOLINE) && !lfence)
		return 0;
	if (module_cap(m, m->policy->kernel == MODULE_LINUX_6_1 ? CAP_ITS_6_1 : CAP_ITS_6_12))
		return module_bad(m, -ENOEXEC, "ITS thunks are not supported", NULL, address);
	if (jcc) {
		b[n++] = 0x70 + ((p[1] & 0x0F) ^ 1);
		b[n++] = (uint8_t)(size - 2);
	}
	if (lfence) {
		memcpy(b + n, "\x0F\xAE\xE8", 3);
		n += 3;
	}
	n += indirect(b + n, op, reg);
	if (op == JMP && n < size)
		b[n++] = INT3;
	if (n > size)
		return 0;             /* does not fit: the kernel leaves it */
	module_nops(b + n, size - n); /* fewer than 5 bytes: one NOP */
	memcpy(p, b, size);
	return 0;
}

static int function_return(struct module *m, uint8_t *p, uint64_t address)
{
	if (module_room(m, address) < 5 || p[0] != JMP ||
	    address + 5 + sign32(p + 1) != m->policy->return_thunk_symbol)
		return module_bad(m, -ENOEXEC, "no jump to the return thunk", NULL, address);
	module_return(m, p, address);
	return 0;
}

static int seal(struct module *m, uint8_t *p, uint64_t address)
{
	static const uint8_t poison[4] = { 0x66, 0x0F, 0x1F, 0x00 };

	if (memcmp(p, "\xF3\x0F\x1E", 3) || (p[3] & 0xFE) != 0xFA)
		return module_bad(m, -ENOEXEC, "no ENDBR to seal", NULL, address);
	memcpy(p, poison, 4);
	return 0;
}

static int mcount(struct module *m)
{
	int rc = 0;
	unsigned int t = module_table(m, "__mcount_loc", 8, &rc);
	const struct section *s = &m->section[t];

	for (uint64_t at = 0; t && !rc && at < s->size; at += 8) {
		uint8_t *p = module_at(m, get64(s->bytes + at), 5, SEC_X);

		if (!p) /* module_collect() saw it */
			return module_bad(m, -ENOEXEC, "a site outside of text", s, at);
		module_nops(p, 5);
		m->result->patched++;
	}
	return rc;
}

int module_patch(struct module *m)
{
	bool new = m->policy->kernel == MODULE_LINUX_6_12;
	int rc = 0;

	if (new && (module_cap(m, CAP_CALL_DEPTH) || module_find(m, ".cfi_sites")))
		return module_bad(m, -ENOEXEC, "call depth tracking and FineIBT are not supported",
				  NULL, 0);
	if (!new)
		rc = paravirt(m);
	if (!rc)
		rc = each_offset(m, ".retpoline_sites", retpoline);
	if (!rc)
		rc = each_offset(m, ".return_sites", function_return);
	if (!rc)
		rc = module_alternatives(m);
	if (!rc && new)
		rc = each_offset(m, ".ibt_endbr_seal", seal);
	return rc ? rc : mcount(m);
}
