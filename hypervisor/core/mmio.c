// SPDX-License-Identifier: GPL-2.0-only
/*
 * See mmio.h. Byte operands of AH to BH are not emulated: no driver stores from
 * them, and the decoder does not tell them from SPL to DIL.
 */
#include "core/mmio.h"

#include "core/log.h"

static bool emulated(const struct mmio_insn *in, unsigned int max)
{
	if (in->op == MMIO_LOAD || in->size > max || (in->op == MMIO_XCHG && in->size > 4))
		return false;
	return in->size != 1 || in->immediate || in->reg < GPR_RSP || in->reg > GPR_RDI;
}

static bool decode(struct vcpu *v, struct gpa g, unsigned int max, struct mmio_insn *in, uint64_t *value)
{
	uint8_t bytes[INSN_MAX_LENGTH];
	struct gwalk w;
	uint64_t rip;
	enum cpu_mode mode = arch_walk(v, &w, &rip);
	unsigned int n = arch_insn_bytes(v, bytes);

	if (insn_decode_mmio(bytes, n, mode, in) || !emulated(in, max)) {
		hv_log_denied("store to device register %llx in a form that is not emulated (%u bytes at %llx): #GP",
			      (unsigned long long)g.v, n, (unsigned long long)rip);
		arch_inject(v, VEC_GP, true, 0);
		return false;
	}
	*value = in->immediate ? in->value : v->gpr[in->reg];
	return true;
}

bool mmio_decode(struct vcpu *v, struct gpa g, struct mmio_insn *in, uint32_t *value)
{
	uint64_t wide = 0;
	bool good = decode(v, g, 4, in, &wide);

	*value = (uint32_t)wide;
	return good;
}

bool mmio_decode64(struct vcpu *v, struct gpa g, struct mmio_insn *in, uint64_t *value)
{
	return decode(v, g, 8, in, value);
}

static void stos_advance(struct vcpu *v, const struct mmio_insn *in, bool down)
{
	uint64_t mask = in->di_width == 8 ? ~0ULL : (1ULL << (8 * in->di_width)) - 1;
	uint64_t di = v->gpr[GPR_RDI] + (down ? -(uint64_t)in->size : in->size);

	/* A 32-bit result clears the upper half, a 16-bit one keeps it. */
	if (in->di_width == 2)
		di = (v->gpr[GPR_RDI] & ~mask) | (di & mask);
	else
		di &= mask;
	v->gpr[GPR_RDI] = di;
}

void mmio_done(struct vcpu *v, const struct mmio_insn *in, uint32_t old)
{
	uint64_t *reg = &v->gpr[in->reg];
	struct gwalk w;
	uint64_t rip;

	(void)arch_walk(v, &w, &rip);
	if (in->op == MMIO_XCHG)
		*reg = in->size == 4 ? old :
		       in->size == 2 ? (*reg & ~0xFFFFULL) | old :
				       (*reg & ~0xFFULL) | old;
	if (in->di_width)
		stos_advance(v, in, w.rflags & RFLAGS_DF);
	arch_skip_bytes(v, in->length);
}
