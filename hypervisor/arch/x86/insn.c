// SPDX-License-Identifier: GPL-2.0-only
/*
 * The small instruction decoder; see insn.h for what it knows and why.
 *
 * A cursor hands out each byte once and refuses to go past the end or past 15
 * bytes, so that every parser below is bounded by construction. The forms are
 * tables: what is not in a table is not known.
 */
#include "arch/x86/insn.h"

#include "ovbs_errno.h"

#define REX_W 0x08
#define REX_R 0x04
#define REX_B 0x01

struct cursor {
	const uint8_t *bytes;
	size_t len; /* at most INSN_MAX_LENGTH */
	size_t pos;
};

struct prefixes {
	uint8_t rex;    /* the last REX, 0 if none */
	bool stray_rex; /* a REX that is not next to the opcode: CPUs ignore it */
	bool opsize;    /* 66 */
	bool addrsize;  /* 67 */
	bool lock;      /* F0 */
	bool rep;       /* F2 or F3 */
};

static struct cursor cursor(const uint8_t *bytes, size_t len)
{
	return (struct cursor){
		.bytes = bytes,
		.len = len < INSN_MAX_LENGTH ? len : INSN_MAX_LENGTH,
	};
}

static bool next(struct cursor *c, uint8_t *byte)
{
	if (c->pos >= c->len)
		return false;
	*byte = c->bytes[c->pos++];
	return true;
}

static bool skip(struct cursor *c, size_t n)
{
	if (n > c->len - c->pos)
		return false;
	c->pos += n;
	return true;
}

static bool mode_valid(enum cpu_mode mode)
{
	return mode == CPU_MODE_16 || mode == CPU_MODE_32 || mode == CPU_MODE_64;
}

/* True if the byte is a legacy prefix (APM vol 3, table 1-1). */
static bool legacy_prefix(uint8_t byte, struct prefixes *p)
{
	switch (byte) {
	case 0x26: /* segment overrides: they change neither length nor meaning here */
	case 0x2E:
	case 0x36:
	case 0x3E:
	case 0x64:
	case 0x65:
		return true;
	case 0x66:
		p->opsize = true;
		return true;
	case 0x67:
		p->addrsize = true;
		return true;
	case 0xF0:
		p->lock = true;
		return true;
	case 0xF2:
	case 0xF3:
		p->rep = true;
		return true;
	default:
		return false;
	}
}

/* Reads all prefixes and the byte after them. */
static bool parse_prefixes(struct cursor *c, enum cpu_mode mode, struct prefixes *p, uint8_t *opcode)
{
	*p = (struct prefixes){ 0 };
	while (next(c, opcode)) {
		bool rex = mode == CPU_MODE_64 && (*opcode & 0xF0) == 0x40;

		if (!rex && !legacy_prefix(*opcode, p))
			return true;
		if (p->rex) {
			p->stray_rex = true;
			p->rex = 0;
		}
		if (rex)
			p->rex = *opcode;
	}
	return false;
}

/* Bytes of an address with these prefixes. */
static unsigned int address_width(enum cpu_mode mode, const struct prefixes *p)
{
	switch (mode) {
	case CPU_MODE_64:
		return p->addrsize ? 4 : 8;
	case CPU_MODE_32:
		return p->addrsize ? 2 : 4;
	default:
		return p->addrsize ? 4 : 2;
	}
}

static unsigned int operand_size(enum cpu_mode mode, const struct prefixes *p)
{
	if (p->rex & REX_W)
		return 8;
	return p->opsize == (mode == CPU_MODE_16) ? 4 : 2;
}

/*
 * Reads ModRM, SIB and displacement of a memory operand; reg is ModRM.reg
 * without REX.R. False if truncated, or if the operand is a register.
 */
static bool parse_modrm(struct cursor *c, unsigned int width, uint8_t *reg)
{
	uint8_t modrm, sib, mod, rm;
	bool no_base;

	if (!next(c, &modrm))
		return false;
	mod = modrm >> 6;
	rm = modrm & 7;
	*reg = modrm >> 3 & 7;
	if (mod == 3)
		return false;

	if (width == 2) { /* APM vol 3, 1.4.3: no SIB, 16-bit displacements */
		if (mod == 1)
			return skip(c, 1);
		return skip(c, mod == 2 || rm == 6 ? 2 : 0);
	}

	/* APM vol 3, 1.4: 4 means a SIB byte, 5 without mod a bare disp32 (or RIP + disp32). REX.B plays no part. */
	no_base = rm == 5;
	if (rm == 4) {
		if (!next(c, &sib))
			return false;
		no_base = (sib & 7) == 5;
	}
	if (mod == 1)
		return skip(c, 1);
	return skip(c, mod == 2 || no_base ? 4 : 0);
}

static bool parse_immediate(struct cursor *c, unsigned int size, uint64_t *value)
{
	unsigned int bytes = size == 8 ? 4 : size; /* C7 with REX.W: imm32, sign-extended */
	uint8_t byte;
	unsigned int i;

	*value = 0;
	for (i = 0; i < bytes; i++) {
		if (!next(c, &byte))
			return false;
		*value |= (uint64_t)byte << (8 * i);
	}
	if (size == 8 && *value >> 31)
		*value |= 0xFFFFFFFF00000000ULL;
	return true;
}

enum encoding {
	ENC_MODRM_REG, /* ModRM: memory and register */
	ENC_MODRM_IMM, /* ModRM with /0, then an immediate */
	ENC_MOFFS,     /* rAX and an absolute address */
	ENC_STOS,      /* rAX and ES:rDI */
};

static const struct form {
	uint8_t opcode;
	uint8_t op;       /* enum mmio_op */
	uint8_t encoding; /* enum encoding */
	bool byte;        /* 8-bit operand whatever the prefixes */
} forms[] = {
	{ 0x86, MMIO_XCHG, ENC_MODRM_REG, true },  { 0x87, MMIO_XCHG, ENC_MODRM_REG, false },
	{ 0x88, MMIO_STORE, ENC_MODRM_REG, true }, { 0x89, MMIO_STORE, ENC_MODRM_REG, false },
	{ 0x8A, MMIO_LOAD, ENC_MODRM_REG, true },  { 0x8B, MMIO_LOAD, ENC_MODRM_REG, false },
	{ 0xA0, MMIO_LOAD, ENC_MOFFS, true },      { 0xA1, MMIO_LOAD, ENC_MOFFS, false },
	{ 0xA2, MMIO_STORE, ENC_MOFFS, true },     { 0xA3, MMIO_STORE, ENC_MOFFS, false },
	{ 0xAA, MMIO_STORE, ENC_STOS, true },      { 0xAB, MMIO_STORE, ENC_STOS, false },
	{ 0xC6, MMIO_STORE, ENC_MODRM_IMM, true }, { 0xC7, MMIO_STORE, ENC_MODRM_IMM, false },
};

static const struct form *find_form(uint8_t opcode)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(forms); i++) {
		if (forms[i].opcode == opcode)
			return &forms[i];
	}
	return NULL;
}

/* What follows the opcode. */
static bool parse_operands(struct cursor *c, const struct form *form, unsigned int width,
			   const struct prefixes *p, struct mmio_insn *out)
{
	uint8_t reg;

	switch ((enum encoding)form->encoding) {
	case ENC_MODRM_REG:
		if (!parse_modrm(c, width, &reg))
			return false;
		out->reg = p->rex & REX_R ? reg + 8 : reg;
		return true;
	case ENC_MODRM_IMM:
		if (!parse_modrm(c, width, &reg) || reg != 0)
			return false;
		out->immediate = true;
		return parse_immediate(c, out->size, &out->value);
	case ENC_MOFFS:
		return skip(c, width);
	case ENC_STOS:
		out->di_width = (uint8_t)width;
		return true;
	}
	return false;
}

int insn_decode_mmio(const uint8_t *bytes, size_t len, enum cpu_mode mode, struct mmio_insn *out)
{
	struct cursor c = cursor(bytes, len);
	const struct form *form;
	struct mmio_insn insn = { 0 };
	struct prefixes p;
	uint8_t opcode;

	*out = (struct mmio_insn){ 0 };
	if (!mode_valid(mode) || !parse_prefixes(&c, mode, &p, &opcode))
		return -EINVAL;
	form = find_form(opcode);
	if (!form || p.rep || p.stray_rex)
		return -EINVAL;
	if (p.lock && form->op != MMIO_XCHG)
		return -EINVAL;

	insn.op = (enum mmio_op)form->op;
	insn.size = form->byte ? 1 : (uint8_t)operand_size(mode, &p);
	insn.supported = insn.size == 4;
	if (!parse_operands(&c, form, address_width(mode, &p), &p, &insn))
		return -EINVAL;
	insn.length = (uint8_t)c.pos;
	*out = insn;
	return 0;
}

/* MOV to CRn takes ModRM.mod for 3 whatever it is. */
int insn_decode_cr(const uint8_t *bytes, size_t len, enum cpu_mode mode, struct cr_insn *out)
{
	struct cursor c = cursor(bytes, len);
	struct prefixes p;
	uint8_t byte, modrm;
	bool lmsw;

	*out = (struct cr_insn){ 0 };
	if (!mode_valid(mode) || !parse_prefixes(&c, mode, &p, &byte) || p.lock || byte != 0x0F ||
	    !next(&c, &byte) || !next(&c, &modrm))
		return -EINVAL;
	lmsw = byte == 0x01 && modrm >> 6 == 3 && (modrm >> 3 & 7) == 6;
	if (byte != 0x22 && !lmsw)
		return -EINVAL;
	out->cr = lmsw ? 0 : (uint8_t)((modrm >> 3 & 7) + (p.rex & REX_R ? 8 : 0));
	out->reg = (uint8_t)((modrm & 7) + (p.rex & REX_B ? 8 : 0));
	out->lmsw = lmsw;
	out->length = (uint8_t)c.pos;
	return 0;
}

static const struct known {
	uint8_t kind;  /* enum insn_kind */
	uint8_t count; /* opcode bytes */
	uint8_t opcode[3];
	uint8_t immediate; /* bytes after them */
	bool no_prefix;    /* 66, F2 and F3 raise #UD */
} known[] = {
	{ INSN_CPUID, 2, { 0x0F, 0xA2 }, 0, false },
	{ INSN_RDMSR, 2, { 0x0F, 0x32 }, 0, false },
	{ INSN_WRMSR, 2, { 0x0F, 0x30 }, 0, false },
	{ INSN_INVD, 2, { 0x0F, 0x08 }, 0, false },
	{ INSN_WBINVD, 2, { 0x0F, 0x09 }, 0, false },
	{ INSN_VMMCALL, 3, { 0x0F, 0x01, 0xD9 }, 0, false },
	{ INSN_XSETBV, 3, { 0x0F, 0x01, 0xD1 }, 0, true },
	{ INSN_HLT, 1, { 0xF4 }, 0, false },
	{ INSN_IN, 1, { 0xE4 }, 1, false },
	{ INSN_IN, 1, { 0xE5 }, 1, false },
	{ INSN_IN, 1, { 0xEC }, 0, false },
	{ INSN_IN, 1, { 0xED }, 0, false },
	{ INSN_OUT, 1, { 0xE6 }, 1, false },
	{ INSN_OUT, 1, { 0xE7 }, 1, false },
	{ INSN_OUT, 1, { 0xEE }, 0, false },
	{ INSN_OUT, 1, { 0xEF }, 0, false },
	{ INSN_INS, 1, { 0x6C }, 0, false },
	{ INSN_INS, 1, { 0x6D }, 0, false },
	{ INSN_OUTS, 1, { 0x6E }, 0, false },
	{ INSN_OUTS, 1, { 0x6F }, 0, false },
};

/* Whether the instruction at the cursor, whose first opcode byte was read, is this one. */
static bool match_known(struct cursor *c, const struct known *k, uint8_t first)
{
	uint8_t byte;
	unsigned int i;

	if (first != k->opcode[0])
		return false;
	for (i = 1; i < k->count; i++) {
		if (!next(c, &byte) || byte != k->opcode[i])
			return false;
	}
	return skip(c, k->immediate);
}

int insn_length_known(const uint8_t *bytes, size_t len, enum cpu_mode mode, enum insn_kind kind)
{
	struct cursor c = cursor(bytes, len);
	struct prefixes p;
	uint8_t first;
	size_t i;

	if (!mode_valid(mode) || !parse_prefixes(&c, mode, &p, &first) || p.lock)
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(known); i++) {
		/* Rows of one kind differ in their first byte: at most one of them moves the cursor. */
		if (known[i].kind != kind || !match_known(&c, &known[i], first))
			continue;
		if (known[i].no_prefix && (p.opsize || p.rep))
			return -EINVAL;
		return (int)c.pos;
	}
	return -EINVAL;
}
