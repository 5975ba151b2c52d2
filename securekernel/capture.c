// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes of VTL0's to frozen text, captured: see capture.h.
 *
 * A write is captured by the one instruction that Linux's text_poke() makes it
 * with, REP MOVSB of at most 16 bytes: its operands are VTL0's registers, so
 * the whole write is known before a byte of it is made, and nothing else needs
 * decoding. Whatever else writes to frozen text is refused.
 */
#include "capture.h"

#include <ovbs_compiler.h>

#include "hypercall.h"
#include "log.h"

static bool in_64_bit_kernel(const struct hv_x64_intercept_message_header *h)
{
	return !(h->execution_state & 3) && (h->execution_state & 1u << 4) && (h->cs.attributes & 1u << 13);
}

static bool is_rep_movsb(struct gwalk w, uint64_t rip)
{
	uint8_t insn[2];

	w.access = GWALK_EXEC;
	return gread_linear(&w, rip, insn, sizeof(insn), NULL) == sizeof(insn) && insn[0] == 0xF3 &&
	       insn[1] == 0xA4;
}

const char *sk_capture(const struct hv_x64_memory_intercept_message *m, const struct vtl0_regs *r,
		       const struct gwalk *w, struct sk_captured *c)
{
	if (!in_64_bit_kernel(&m->header) || !is_rep_movsb(*w, m->header.rip))
		return "not by the instruction that Linux patches with";
	if ((m->header.rflags & RFLAGS_DF) || !r->rcx || r->rcx > SK_PATCH_MAX)
		return "more bytes than any patch has";
	c->va = r->rdi;
	c->n = (unsigned int)r->rcx;
	if (gread_linear(w, r->rsi, c->bytes, c->n, NULL) != c->n)
		return "its source can't be read";
	c->after = *r;
	c->after.rcx = 0;
	c->after.rsi += c->n;
	c->after.rdi += c->n;
	c->rip = m->header.rip + 2;
	return NULL;
}

void sk_capture_go_on(const struct sk_captured *c, struct vtl0_regs *r)
{
	*r = c->after;
	if (hv_set_register(0, HV_X64_REGISTER_RIP, c->rip))
		sk_panic("VTL0 can't be sent on behind a patch");
}
