// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes of VTL0's to frozen text, captured: see capture.h.
 *
 * text_poke() makes a write by one memcpy, of which Linux has two that matter
 * here (arch/x86/lib/memcpy_64.S, the same bytes in 6.1 and 6.12):
 *
 *   REP MOVSB     on CPUs with fast short REP MOVSB; 6.1 also with ERMS, and, for
 *                 less than 8 bytes, with REP_GOOD
 *   memcpy_orig   elsewhere: loads all of it into registers, then stores them
 *
 * Both are known from VTL0's registers when they make their first store, so
 * nothing needs a decoder: the code around RIP is one of the sequences below or
 * it is refused. Whose code it is does not matter, what it writes is judged; but
 * it lies in frozen code, which stays what it was when it was looked at.
 */
#include "capture.h"

#include <stddef.h>

#include <ovbs_compiler.h>
#include <ovbs_string.h>

#include "hypercall.h"
#include "log.h"
#include "protect.h"

static bool in_64_bit_kernel(const struct hv_x64_intercept_message_header *h)
{
	return !(h->execution_state & 3) && (h->execution_state & 1u << 4) &&
	       (h->cs.attributes & 1u << 13);
}

/* @n bytes of frozen code at @va, by VTL0's tables. */
static bool read_code(struct gwalk w, uint64_t va, uint8_t *to, unsigned int n)
{
	w.access = GWALK_EXEC;
	for (unsigned int done = 0, part; done < n; done += part) {
		struct gwalk_result at;

		if (gwalk_linear(&w, va + done, &at) || !protect_is_frozen(at.gpa, OVBS_FREEZE_CODE))
			return false;
		part = (unsigned int)(PAGE_SIZE - (at.gpa & ~PAGE_MASK));
		if (part > n - done)
			part = n - done;
		if (guest_read_at(at.gpa, to + done, part))
			return false;
	}
	return true;
}

/* ---- REP MOVSB ---------------------------------------------------------- */

static const uint8_t rep_movsb[2] = { 0xF3, 0xA4 };

static bool is_rep_movsb(const struct gwalk *w, uint64_t rip)
{
	uint8_t code[sizeof(rep_movsb)];

	return read_code(*w, rip, code, sizeof(code)) && !memcmp(code, rep_movsb, sizeof(code));
}

static const char *capture_rep_movsb(const struct hv_x64_memory_intercept_message *m,
				     const struct vtl0_regs *r, const struct gwalk *w,
				     struct sk_captured *c)
{
	if ((m->header.rflags & RFLAGS_DF) || !r->rcx || r->rcx > SK_PATCH_MAX)
		return "more bytes than any patch has";
	c->n = (unsigned int)r->rcx;
	if (gread_linear(w, r->rsi, c->bytes, c->n, NULL) != c->n)
		return "its source can't be read";
	c->after.rcx = 0;
	c->after.rsi += c->n;
	c->after.rdi += c->n;
	c->rip = m->header.rip + sizeof(rep_movsb);
	return NULL;
}

/* ---- memcpy_orig -------------------------------------------------------- */

/*
 * Its ends, each from the first load to the last store. RDI: to, RSI: from, RDX:
 * bytes; of 1 to 3 one less, by the instruction that the end begins with.
 */
static const uint8_t copy_16_to_31[] = {
	0x4C, 0x8B, 0x06,             /*  0 mov (%rsi), %r8 */
	0x4C, 0x8B, 0x4E, 0x08,       /*  3 mov 8(%rsi), %r9 */
	0x4C, 0x8B, 0x54, 0x16, 0xF0, /*  7 mov -16(%rsi, %rdx), %r10 */
	0x4C, 0x8B, 0x5C, 0x16, 0xF8, /* 12 mov -8(%rsi, %rdx), %r11 */
	0x4C, 0x89, 0x07,             /* 17 mov %r8, (%rdi) */
	0x4C, 0x89, 0x4F, 0x08,       /* 20 mov %r9, 8(%rdi) */
	0x4C, 0x89, 0x54, 0x17, 0xF0, /* 24 mov %r10, -16(%rdi, %rdx) */
	0x4C, 0x89, 0x5C, 0x17, 0xF8, /* 29 mov %r11, -8(%rdi, %rdx) */
};

static const uint8_t copy_8_to_15[] = {
	0x4C, 0x8B, 0x06,             /*  0 mov (%rsi), %r8 */
	0x4C, 0x8B, 0x4C, 0x16, 0xF8, /*  3 mov -8(%rsi, %rdx), %r9 */
	0x4C, 0x89, 0x07,             /*  8 mov %r8, (%rdi) */
	0x4C, 0x89, 0x4C, 0x17, 0xF8, /* 11 mov %r9, -8(%rdi, %rdx) */
};

static const uint8_t copy_4_to_7[] = {
	0x8B, 0x0E,                   /*  0 mov (%rsi), %ecx */
	0x44, 0x8B, 0x44, 0x16, 0xFC, /*  2 mov -4(%rsi, %rdx), %r8d */
	0x89, 0x0F,                   /*  7 mov %ecx, (%rdi) */
	0x44, 0x89, 0x44, 0x17, 0xFC, /*  9 mov %r8d, -4(%rdi, %rdx) */
};

static const uint8_t copy_1_to_3[] = {
	0x83, 0xEA, 0x01,             /*  0 sub $1, %edx */
	0x72, 0x19,                   /*  3 jb behind the last store */
	0x0F, 0xB6, 0x0E,             /*  5 movzbl (%rsi), %ecx */
	0x74, 0x12,                   /*  8 jz to the last store */
	0x4C, 0x0F, 0xB6, 0x46, 0x01, /* 10 movzbq 1(%rsi), %r8 */
	0x4C, 0x0F, 0xB6, 0x0C, 0x16, /* 15 movzbq (%rsi, %rdx), %r9 */
	0x44, 0x88, 0x47, 0x01,       /* 20 mov %r8b, 1(%rdi) */
	0x44, 0x88, 0x0C, 0x17,       /* 24 mov %r9b, (%rdi, %rdx) */
	0x88, 0x0F,                   /* 28 mov %cl, (%rdi) */
};

#define CODE_MAX sizeof(copy_16_to_31) /* the longest */

/* Bytes of a register to where they go. Bounds of RDX keep all of them within the write. */
struct store {
	uint8_t reg;  /* its place in struct vtl0_regs; the low bytes of it are stored */
	uint8_t size; /* in bytes */
	int8_t offset;
	bool from_rdx; /* @offset counts from RDI + RDX, not from RDI */
};

#define FROM(reg) offsetof(struct vtl0_regs, reg)

/* An end that is at its first store. */
struct copy {
	const uint8_t *code;
	uint8_t size, at;    /* of the code; of that store in it */
	uint8_t first, last; /* what RDX may be: no other copy has that */
	uint8_t more;        /* bytes that are written are RDX and so many */
	uint8_t count;       /* of stores */
	struct store stores[4];
};

static const struct copy copies[] = {
	{ copy_1_to_3, sizeof(copy_1_to_3), .at = 28, .first = 0, .last = 0, .more = 1, .count = 1,
	  .stores = { { FROM(rcx), 1, 0, false } } },
	{ copy_1_to_3, sizeof(copy_1_to_3), .at = 20, .first = 1, .last = 2, .more = 1, .count = 3,
	  .stores = { { FROM(r8), 1, 1, false }, { FROM(r9), 1, 0, true }, { FROM(rcx), 1, 0, false } } },
	{ copy_4_to_7, sizeof(copy_4_to_7), .at = 7, .first = 4, .last = 7, .more = 0, .count = 2,
	  .stores = { { FROM(rcx), 4, 0, false }, { FROM(r8), 4, -4, true } } },
	{ copy_8_to_15, sizeof(copy_8_to_15), .at = 8, .first = 8, .last = 15, .more = 0,
	  .count = 2, .stores = { { FROM(r8), 8, 0, false }, { FROM(r9), 8, -8, true } } },
	{ copy_16_to_31, sizeof(copy_16_to_31), .at = 17, .first = 16, .last = SK_PATCH_MAX,
	  .more = 0, .count = 4,
	  .stores = { { FROM(r8), 8, 0, false },
		      { FROM(r9), 8, 8, false },
		      { FROM(r10), 8, -16, true },
		      { FROM(r11), 8, -8, true } } },
};

static const struct copy *find_copy(const struct gwalk *w, uint64_t rip, uint64_t rdx)
{
	uint8_t code[CODE_MAX];

	for (unsigned int i = 0; i < ARRAY_SIZE(copies); i++) {
		const struct copy *k = &copies[i];

		if (rdx < k->first || rdx > k->last)
			continue;
		if (!read_code(*w, rip - k->at, code, k->size) || memcmp(code, k->code, k->size))
			return NULL;
		return k;
	}
	return NULL;
}

/* All its stores; a later one goes over bytes of an earlier one. They change no register. */
static void capture_copy(const struct copy *k, uint64_t rip, const struct vtl0_regs *r,
			 struct sk_captured *c)
{
	unsigned int rdx = (unsigned int)r->rdx;

	c->n = rdx + k->more;
	for (unsigned int i = 0; i < k->count; i++) {
		const struct store *s = &k->stores[i];
		int to = s->offset + (s->from_rdx ? (int)rdx : 0);

		memcpy(c->bytes + to, (const uint8_t *)r + s->reg, s->size);
	}
	c->rip = rip - k->at + k->size;
}

/* ---- either ------------------------------------------------------------- */

const char *sk_capture(const struct hv_x64_memory_intercept_message *m, const struct vtl0_regs *r,
		       const struct gwalk *w, struct sk_captured *c)
{
	const struct copy *copy;

	c->va = r->rdi;
	c->after = *r;
	if (!in_64_bit_kernel(&m->header))
		return "not by the kernel";
	if (is_rep_movsb(w, m->header.rip))
		return capture_rep_movsb(m, r, w, c);
	copy = find_copy(w, m->header.rip, r->rdx);
	if (!copy)
		return "not by code that Linux patches with";
	capture_copy(copy, m->header.rip, r, c);
	return NULL;
}

void sk_capture_go_on(const struct sk_captured *c, struct vtl0_regs *r)
{
	*r = c->after;
	if (hv_set_register(0, HV_X64_REGISTER_RIP, c->rip))
		sk_panic("VTL0 can't be sent on behind a patch");
}
