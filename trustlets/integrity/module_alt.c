// SPDX-License-Identifier: GPL-2.0-only
/*
 * Alternatives: instructions that the loader exchanges by CPU feature, in the
 * order of the table, as later entries may change what earlier ones wrote.
 * 6.1 fits a lone CALL or JMP to its new place and joins NOPs of one byte; 6.12
 * relocates all of a replacement and joins NOPs of any size.
 * Source: Linux, apply_alternatives(); struct alt_instr.
 */
#include "module_internal.h"

#define CALL     0xE8
#define JMP      0xE9
#define JMP8     0xEB
#define INT3     0xCC
#define NOP      0x90
#define LEN_MAX  254
#define NOT_6_1  0x8000u
#define NOT_6_12 1u
#define DIRECT   2u /* CALL through pv_ops becomes direct */

struct alt {
	const struct section *table;
	uint64_t at; /* in the table */
	uint8_t *instr, *repl;
	uint64_t instr_va, repl_va;
	unsigned int feature, flags, instr_len, repl_len;
	uint64_t room; /* of instr in its section */
};

static int bad(struct module *m, const struct alt *a, const char *why)
{
	return module_bad(m, -ENOEXEC, why, a->table, a->at);
}

static int read_alt(struct module *m, struct alt *a)
{
	const uint8_t *e = a->table->bytes + a->at;
	uint64_t va = a->table->address + a->at;

	a->instr_va = va + sign32(e);
	a->repl_va = va + 4 + sign32(e + 4);
	a->feature = get16(e + 8);
	if (m->policy->kernel == MODULE_LINUX_6_1) {
		a->flags = a->feature & NOT_6_1 ? NOT_6_12 : 0;
		a->feature &= ~NOT_6_1;
		e += 10;
	} else {
		a->flags = get16(e + 10);
		e += 12;
	}
	a->instr_len = e[0];
	a->repl_len = e[1];
	if (a->flags & ~(NOT_6_12 | DIRECT))
		return bad(m, a, "unknown flags of an alternative");
	if (a->instr_len > LEN_MAX || a->repl_len > a->instr_len)
		return bad(m, a, "wrong length of an alternative");
	if (a->feature >= m->policy->caps_words * 32)
		return bad(m, a, "an alternative for no feature");
	a->repl = module_at(m, a->repl_va, a->repl_len, SEC_X);
	if (a->repl_len && !a->repl)
		return bad(m, a, "a replacement outside of text");
	a->instr = module_at(m, a->instr_va, a->instr_len, SEC_X);
	if (!a->instr || !a->instr_len)
		return bad(m, a, "a site outside of text");
	a->room = module_room(m, a->instr_va);
	return 0;
}

/* 6.1: runs of one-byte NOPs. */
static void join_nops_6_1(uint8_t *p, size_t len, size_t room)
{
	size_t i = 0;

	while (i < len) {
		struct insn_shape shape;
		size_t start = i;

		if (!insn_shape(p + i, room - i, &shape))
			return;
		if (shape.length != 1 || p[i] != NOP) {
			i += shape.length;
			continue;
		}
		while (i < len && p[i] == NOP)
			i++;
		if (i - start > 1)
			module_nops(p + start, i - start);
	}
}

/* A lone JMP of 5 bytes at its new place: as short as it gets, forwards. */
static void place_jmp_6_1(const struct alt *a, uint8_t *b)
{
	int64_t distance = (int64_t)(a->repl_va + 5 + sign32(b + 1) - a->instr_va);

	if (distance >= 0 && (int32_t)distance - 2 <= 127) {
		b[0] = JMP8;
		b[1] = (uint8_t)(distance - 2);
		module_nops(b + 2, 3);
	} else {
		b[0] = JMP;
		put32(b + 1, (uint32_t)distance - 5);
	}
}

static int apply_6_1(struct module *m, const struct alt *a)
{
	uint8_t b[LEN_MAX];

	if (module_cap(m, a->feature) == !(a->flags & NOT_6_12)) {
		memset(b, NOP, a->instr_len);
		if (a->repl_len)
			memcpy(b, a->repl, a->repl_len);
		if (a->repl_len == 5 && b[0] == CALL)
			put32(b + 1, get32(b + 1) + (uint32_t)(a->repl_va - a->instr_va));
		if (a->repl_len == 5 && (b[0] == JMP || b[0] == JMP8))
			place_jmp_6_1(a, b);
		memcpy(a->instr, b, a->instr_len);
	}
	join_nops_6_1(a->instr, a->instr_len, a->room);
	return 0;
}

/* 6.12: one NOP up to 8 bytes, a jump over INT3 beyond. */
static void one_nop(uint8_t *p, size_t len)
{
	if (len <= 8) {
		module_nops(p, len);
		return;
	}
	memset(p, INT3, len);
	if (len < 128) {
		p[0] = JMP8;
		p[1] = (uint8_t)(len - 2);
	} else {
		p[0] = JMP;
		put32(p + 1, (uint32_t)(len - 5));
	}
}

static bool is_nop(const uint8_t *p, const struct insn_shape *s)
{
	const uint8_t *op = p + s->opcode;

	if (op[0] == NOP)
		return p[0] != 0xF3;
	return op[0] == 0x0F && op[1] == 0x1F;
}

/* `b` has at least MODULE_INSN_MAX bytes behind `len`. */
static void join_nops_6_12(uint8_t *b, size_t len)
{
	struct insn_shape s;

	for (size_t i = 0, end; i < len; i = end) {
		if (!insn_shape(b + i, MODULE_INSN_MAX, &s))
			return;
		end = i + s.length;
		if (!is_nop(b + i, &s))
			continue;
		if (end == len)
			return;
		while (end < len && insn_shape(b + end, MODULE_INSN_MAX, &s) && is_nop(b + end, &s))
			end += s.length;
		if (end <= len)
			one_nop(b + i, end - i);
	}
}

/* Adds the way from replacement to site, where the target at `offset` is not in the replacement itself. */
static bool shift(const struct alt *a, uint8_t *p, unsigned int size, int64_t next)
{
	uint64_t delta = a->repl_va - a->instr_va;
	int64_t value = size == 1 ? (int8_t)p[0] : (int32_t)get32(p);

	if (next + value >= 0 && next + value <= (int64_t)a->repl_len)
		return true;
	value = (int32_t)((uint32_t)value + (uint32_t)delta);
	if (size == 1 && value != (int8_t)value)
		return false;
	memcpy(p, &value, size);
	return true;
}

static bool is_branch(const uint8_t *op)
{
	return (op[0] == 0x0F && (op[1] & 0xF0) == 0x80) || (op[0] & 0xF0) == 0x70 ||
	       op[0] == JMP8 || op[0] == JMP || op[0] == CALL;
}

static bool relocate_6_12(const struct alt *a, uint8_t *b)
{
	struct insn_shape s;

	for (size_t i = 0; i < a->instr_len; i += s.length) {
		uint8_t *p = b + i, *op;

		if (!insn_shape(p, MODULE_INSN_MAX, &s) || i + s.length > a->instr_len)
			return false;
		op = p + s.opcode;
		if (is_branch(op)) {
			int32_t imm = (int32_t)get32(op + 1);

			if (!shift(a, p + s.imm, s.imm_size, (int64_t)(i + s.length)))
				return false;
			imm = (int32_t)((uint32_t)imm + (uint32_t)(a->repl_va - a->instr_va) + 3);
			if (op[0] == JMP && imm == (int8_t)imm) {
				memset(p, INT3, s.length);
				p[0] = JMP8;
				p[1] = (uint8_t)imm;
			}
		}
		if (s.disp && !shift(a, p + s.disp, 4, (int64_t)(i + s.length)))
			return false;
	}
	return true;
}

/* "call *pv_ops.x(%rip)" becomes a CALL of what is there. Return: bytes used, or -1. */
static int direct_call(struct module *m, const struct alt *a, uint8_t *b)
{
	uint64_t target = 0, from;

	if (a->repl_len != 5 || b[0] != CALL || a->instr_len != 6 || a->instr[0] != 0xFF ||
	    a->instr[1] != 0x15)
		return -1;
	from = a->instr_va + 6 + sign32(a->instr + 2);
	from -= m->policy->pv_ops;
	if (from % 8 || from / 8 >= m->policy->pv_count || from / 8 >= MODULE_PV_OPS)
		return -1;
	target = m->policy->pv_function[from / 8];
	if (target == m->policy->paravirt_nop)
		return 0;
	if (target)
		put32(b + 1, get32(b + 1) + (uint32_t)(target - m->policy->bug_func));
	return 5;
}

static int apply_6_12(struct module *m, const struct alt *a)
{
	uint8_t b[LEN_MAX + MODULE_INSN_MAX] = { 0 };
	int used = (int)a->repl_len;

	if (module_cap(m, a->feature) != !(a->flags & NOT_6_12)) {
		memcpy(b, a->instr, a->instr_len);
		join_nops_6_12(b, a->instr_len);
		memcpy(a->instr, b, a->instr_len);
		return 0;
	}
	if (a->repl_len)
		memcpy(b, a->repl, a->repl_len);
	if (a->flags & DIRECT)
		used = direct_call(m, a, b);
	if (used < 0)
		return bad(m, a, "no call that can be made direct");
	memset(b + used, NOP, a->instr_len - (unsigned int)used);
	if (!relocate_6_12(a, b))
		return bad(m, a, "a replacement that can't be moved");
	join_nops_6_12(b, a->instr_len);
	memcpy(a->instr, b, a->instr_len);
	return 0;
}

/* 6.12 lets entries for one place share the longest length, and writes it into the table. */
static void share_length(struct section *s, uint64_t at, uint64_t entry)
{
	uint8_t *a = s->bytes + at;

	for (uint64_t n = at + entry; n < s->size; n += entry) {
		uint8_t *b = s->bytes + n;

		if (at + sign32(a) != n + sign32(b))
			return;
		if (a[12] < b[12])
			a[12] = b[12];
		b[12] = a[12];
	}
}

int module_alternatives(struct module *m)
{
	bool new = m->policy->kernel == MODULE_LINUX_6_12;
	uint64_t entry = new ? 14 : 12;
	int rc = 0;
	unsigned int t = module_table(m, ".altinstructions", entry, &rc);
	struct alt a = { .table = &m->section[t] };

	for (; t && !rc && a.at < a.table->size; a.at += entry) {
		if (new)
			share_length(&m->section[t], a.at, entry);
		rc = read_alt(m, &a);
		if (!rc)
			rc = new ? apply_6_12(m, &a) : apply_6_1(m, &a);
		m->result->patched++;
	}
	return rc;
}
