// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lengths of instructions of 64-bit code, as far as alternatives of kernel
 * modules hold them: all of the one-byte map, 0F, 0F 38, 0F 3A, VEX and EVEX.
 * The loader steps over instructions to find NOPs and displacements; where it
 * and this table disagreed, a module would be refused, never accepted.
 * Source: Intel SDM volume 2, appendix A; AMD APM volume 3, appendix A.
 */
#include "module_internal.h"

/* What follows the opcode: one letter for each, 16 a row.
 * .  nothing   m  ModRM   b  imm8   z  imm16/32   v  imm16/32/64   w  imm16
 * M  ModRM imm8   Z  ModRM imm16/32   a  moffs   e  ENTER   g/G  groups F6, F7   -  no such */
static const char one_byte[] = "mmmmbz--mmmmbz--"  /* 00; 0F is an escape */
			       "mmmmbz--mmmmbz--"  /* 10 */
			       "mmmmbz--mmmmbz--"  /* 20 */
			       "mmmmbz--mmmmbz--"  /* 30 */
			       "----------------"  /* 40: REX, stripped before */
			       "................"  /* 50 */
			       "---m----zZbM...."  /* 60 */
			       "bbbbbbbbbbbbbbbb"  /* 70 */
			       "MZ-Mmmmmmmmmmmmm"  /* 80 */
			       "..........-....."  /* 90 */
			       "aaaa....bz......"  /* A0 */
			       "bbbbbbbbvvvvvvvv"  /* B0 */
			       "MMw.--MZe.w..b-."  /* C0 */
			       "mmmm---.mmmmmmmm"  /* D0 */
			       "bbbbbbbbzz-b...."  /* E0 */
			       "-.--..gG......mm"; /* F0 */

static const char two_byte[] = "mmmm-.....-.-m--"  /* 00 */
			       "mmmmmmmmmmmmmmmm"  /* 10 */
			       "mmmm----mmmmmmmm"  /* 20 */
			       "......-.--------"  /* 30 */
			       "mmmmmmmmmmmmmmmm"  /* 40 */
			       "mmmmmmmmmmmmmmmm"  /* 50 */
			       "mmmmmmmmmmmmmmmm"  /* 60 */
			       "MMMMmmm.mm--mmmm"  /* 70 */
			       "zzzzzzzzzzzzzzzz"  /* 80 */
			       "mmmmmmmmmmmmmmmm"  /* 90 */
			       "...mMm--...mMmmm"  /* A0 */
			       "mmmmmmmmmmMmmmmm"  /* B0 */
			       "mmMmMMMm........"  /* C0 */
			       "mmmmmmmmmmmmmmmm"  /* D0 */
			       "mmmmmmmmmmmmmmmm"  /* E0 */
			       "mmmmmmmmmmmmmmmm"; /* F0 */

struct cursor {
	const uint8_t *p;
	size_t size, at;
	bool word, rex_w, addr32; /* 66, REX.W, 67 */
	bool bad;
};

static uint8_t next(struct cursor *c)
{
	if (c->at >= c->size || c->at >= MODULE_INSN_MAX) {
		c->bad = true;
		return 0;
	}
	return c->p[c->at++];
}

static void skip_prefixes(struct cursor *c)
{
	while (c->at < c->size && c->at < MODULE_INSN_MAX) {
		uint8_t b = c->p[c->at];

		if (b == 0x66)
			c->word = true;
		else if (b == 0x67)
			c->addr32 = true;
		else if (b != 0x2E && b != 0x36 && b != 0x3E && b != 0x26 && b != 0x64 &&
			 b != 0x65 && b != 0xF0 && b != 0xF2 && b != 0xF3)
			break;
		c->at++;
	}
	if (c->at < c->size && (c->p[c->at] & 0xF0) == 0x40)
		c->rex_w = next(c) & 8;
}

/* ModRM, SIB, displacement. Return: the ModRM byte. */
static uint8_t modrm(struct cursor *c, struct insn_shape *s)
{
	uint8_t m = next(c), mod = m >> 6, rm = m & 7, base = rm;
	size_t size = 0;

	if (mod == 3)
		return m;
	if (rm == 4)
		base = next(c) & 7;
	if (mod == 1)
		size = 1;
	else if (mod == 2 || (mod == 0 && base == 5))
		size = 4;
	if (mod == 0 && rm == 5)
		s->disp = (uint8_t)c->at;
	while (size-- && !c->bad)
		next(c);
	return m;
}

static size_t imm_size(const struct cursor *c, char form)
{
	size_t z = c->word && !c->rex_w ? 2 : 4;

	switch (form) {
	case 'b':
	case 'M':
		return 1;
	case 'w':
		return 2;
	case 'e':
		return 3;
	case 'z':
	case 'Z':
		return z;
	case 'v':
		return c->rex_w ? 8 : z;
	case 'a':
		return c->addr32 ? 4 : 8;
	default:
		return 0;
	}
}

/* Opcode of the VEX and EVEX maps: ModRM always, but for VZEROUPPER; imm8 in map 3 and where 0F has it. */
static char vex_form(struct cursor *c, unsigned int map)
{
	uint8_t op = next(c);

	if (map == 1)
		return op == 0x77 ? '.' : two_byte[op] == 'M' ? 'M' : 'm';
	return map == 2 ? 'm' : map == 3 ? 'M' : '-';
}

static char opcode_form(struct cursor *c, struct insn_shape *s)
{
	uint8_t op = next(c);

	s->opcode = (uint8_t)(c->at - 1);
	if (op == 0xC5) {
		next(c);
		return vex_form(c, 1);
	}
	if (op == 0xC4) {
		unsigned int map = next(c) & 0x1F;

		next(c);
		return vex_form(c, map);
	}
	if (op == 0x62) {
		unsigned int map = next(c) & 7;

		next(c);
		next(c);
		return vex_form(c, map);
	}
	if (op != 0x0F)
		return one_byte[op];
	op = next(c);
	if (op == 0x38 || op == 0x3A) {
		next(c);
		return op == 0x38 ? 'm' : 'M';
	}
	if ((op & 0xF0) == 0x80)
		c->word = false; /* Jcc: 32 bits always */
	return two_byte[op];
}

bool insn_shape(const uint8_t *p, size_t size, struct insn_shape *shape)
{
	struct cursor c = { .p = p, .size = size };
	size_t imm;
	char form;

	*shape = (struct insn_shape){ 0 };
	skip_prefixes(&c);
	form = opcode_form(&c, shape);
	if (form == '-' || c.bad)
		return false;
	if (p[shape->opcode] == 0xE8 || p[shape->opcode] == 0xE9)
		c.word = false;
	if (form == 'm' || form == 'M' || form == 'Z' || form == 'g' || form == 'G') {
		uint8_t m = modrm(&c, shape);

		if (form == 'g' || form == 'G') /* TEST has an immediate, the others of the group none */
			form = (m & 0x30) ? 'm' : form == 'g' ? 'M' : 'Z';
	}
	imm = imm_size(&c, form);
	shape->imm = (uint8_t)c.at;
	shape->imm_size = (uint8_t)imm;
	while (imm-- && !c.bad)
		next(&c);
	shape->length = (uint8_t)c.at;
	return !c.bad;
}
