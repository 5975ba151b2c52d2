// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pinned registers on SVM (core/pin.h), and writes of VTL0's registers in its place.
 *
 * CR4: every write is an exit while bits are pinned. CR0: the selective
 * intercept, so that TS and MP stay the CPU's. The system calls' MSRs are in the
 * VMCB (VMLOAD, VMSAVE).
 */
#include "svm.h"

#include <ovbs_compiler.h>
#include <ovbs_errno.h>

#include "arch/x86/control.h"
#include "core/log.h"
#include "core/pin.h"

#define ATTR_L 0x200u

static uint64_t cr4_exists;

/* APM 3, appendix E: the CPUID bit that comes with each of CR4. */
void svm_pin_prepare(void)
{
	const struct cpuid_regs f1 = cpuid(1, 0), none = { 0 };
	const struct cpuid_regs f7 = cpuid(0, 0).eax >= 7 ? cpuid(7, 0) : none;
	const struct {
		uint32_t from;
		unsigned int bit;
		uint64_t cr4;
	} rows[] = {
		{ f1.edx, 1, CR4_VME | CR4_PVI }, { f1.edx, 2, CR4_DE },
		{ f1.edx, 3, CR4_PSE },           { f1.edx, 4, CR4_TSD },
		{ f1.edx, 6, CR4_PAE },           { f1.edx, 7, CR4_MCE },
		{ f1.edx, 13, CR4_PGE },          { f1.edx, 24, CR4_OSFXSR },
		{ f1.edx, 25, CR4_OSXMMEXCPT },   { f1.ecx, 17, CR4_PCIDE },
		{ f1.ecx, 26, CR4_OSXSAVE },      { f7.ebx, 0, CR4_FSGSBASE },
		{ f7.ebx, 7, CR4_SMEP },          { f7.ebx, 20, CR4_SMAP },
		{ f7.ecx, 2, CR4_UMIP },          { f7.ecx, 3, CR4_PKE },
		{ f7.ecx, 7, CR4_CET },           { f7.ecx, 16, CR4_LA57 },
	};

	cr4_exists = CR4_PCE; /* every AMD CPU with long mode */
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++)
		cr4_exists |= rows[i].from >> rows[i].bit & 1 ? rows[i].cr4 : 0;
}

void arch_pin(struct vcpu *v, uint64_t cr0, uint64_t cr4, bool msrs)
{
	struct vmcb *b = v->arch.vmcb;

	b->intercept_cr = cr4 ? ICPT_CR4_WRITE : 0;
	b->intercept3 = (b->intercept3 & ~ICPT_CR0_SEL) | (cr0 ? ICPT_CR0_SEL : 0);
	v->arch.pinned = msrs;
	arch_trap_x2apic_icr(v, this_cpu->icr_trapped);
}

uint64_t *svm_msr_field(struct vmcb *b, uint32_t name)
{
	size_t at;

	switch (name) {
	case HV_X64_REGISTER_STAR:
		at = offsetof(struct vmcb, star);
		break;
	case HV_X64_REGISTER_LSTAR:
		at = offsetof(struct vmcb, lstar);
		break;
	case HV_X64_REGISTER_CSTAR:
		at = offsetof(struct vmcb, cstar);
		break;
	case HV_X64_REGISTER_SFMASK:
		at = offsetof(struct vmcb, sfmask);
		break;
	case HV_X64_REGISTER_SYSENTER_CS:
		at = offsetof(struct vmcb, sysenter_cs);
		break;
	case HV_X64_REGISTER_SYSENTER_ESP:
		at = offsetof(struct vmcb, sysenter_esp);
		break;
	case HV_X64_REGISTER_SYSENTER_EIP:
		at = offsetof(struct vmcb, sysenter_eip);
		break;
	default:
		return NULL;
	}
	return (uint64_t *)((char *)b + at);
}

static int write_msr(struct vmcb *b, uint32_t name, uint64_t value)
{
	uint64_t *field = svm_msr_field(b, name);
	bool word = name == HV_X64_REGISTER_SFMASK || name == HV_X64_REGISTER_SYSENTER_CS;

	if (!field)
		return -ENOENT;
	if (word ? value >> 32 != 0 : name != HV_X64_REGISTER_STAR && !control_canonical(value, b->cr4))
		return -EINVAL;
	*field = value;
	return 0;
}

int svm_write(struct vcpu *v, uint32_t name, uint64_t value)
{
	struct vmcb *b = v->arch.vmcb;
	struct control c = { b->cr0, b->cr3, b->cr4, b->efer,
			     (b->efer & EFER_LMA) && (b->cs.attrib & ATTR_L) };
	bool flush;

	switch (name) {
	case HV_X64_REGISTER_CR0:
		if (!control_cr0_write(&c, value))
			return -EINVAL;
		flush = control_flushes_cr0(c.cr0 ^ b->cr0);
		b->cr0 = c.cr0;
		b->efer = c.efer;
		break;
	case HV_X64_REGISTER_CR4:
		if (!control_cr4_write(&c, value, cr4_exists))
			return -EINVAL;
		flush = control_flushes_cr4(c.cr4 ^ b->cr4);
		b->cr4 = c.cr4;
		break;
	case HV_X64_REGISTER_EFER:
		return svm_write_efer(v, value) ? -EINVAL : 0;
	default:
		return write_msr(b, name, value);
	}
	if (flush)
		b->tlb_control = TLB_FLUSH_ALL;
	return 0;
}

/* By the CPU's own decoding where it has it all, else from VTL0's memory: what is found there is what is done. */
static bool decode(struct vcpu *v, enum cpu_mode mode, struct cr_insn *out)
{
	const struct vmcb *b = v->arch.vmcb;
	uint8_t bytes[INSN_MAX_LENGTH];
	uint64_t length = b->next_rip - b->rip;

	if ((svm_features & SVM_DECODE_ASSISTS) && (svm_features & SVM_NRIPS) &&
	    length <= INSN_MAX_LENGTH && (b->exitinfo1 & CR_WRITE_MOV)) {
		*out = (struct cr_insn){ .length = (uint8_t)length,
					 .cr = b->exitcode == EXIT_CR4_WRITE ? 4 : 0,
					 .reg = b->exitinfo1 & 0xF };
		return true;
	}
	return !insn_decode_cr(bytes, arch_insn_bytes(v, bytes), mode, out);
}

void svm_cr_write(struct vcpu *v, enum hv_register_name name)
{
	struct gwalk w;
	uint64_t rip, value;
	enum cpu_mode mode = arch_walk(v, &w, &rip);
	struct cr_insn in;

	if (!decode(v, mode, &in) || in.cr != (name == HV_X64_REGISTER_CR4 ? 4 : 0)) {
		count_exit(OVBS_STAT_CR);
		hv_log_denied("write to CR0 or CR4 in a form that is not known: #GP");
		arch_inject(v, VEC_GP, true, 0);
		return;
	}
	value = mode == CPU_MODE_64 ? v->gpr[in.reg] : (uint32_t)v->gpr[in.reg];
	pin_cr_write(v, name, in.lmsw ? control_lmsw(v->arch.vmcb->cr0, value) : value, in.length);
}
