// SPDX-License-Identifier: GPL-2.0-only
/*
 * VTL1 on SVM: a VMCB of its own, ASID 2, VTL1's nested tables.
 *
 * Physical interrupts are VTL0's. While VTL1 takes interrupts (RFLAGS.IF) one
 * is an exit and stays pending; while it does not, it waits (15.13.1: without
 * V_INTR_MASKING the guest's IF counts for physical interrupts too).
 */
#include "svm.h"

#include <ovbs_errno.h>
#include <ovbs_string.h>

#include "arch/x86/host.h"
#include "core/vtl.h"
#include "mm/pool.h"

#define ASID_VTL1 2u
#define DR6_RESET 0xFFFF0FF0u
#define DR7_RESET 0x400u
#define ATTR_L    0x200u

#define VMMCALL_LENGTH 3u

const uint8_t arch_hypercall_insn[3] = { 0x0F, 0x01, 0xD9 };

static void fill_control(struct vmcb *b)
{
	b->intercept3 = ICPT_INTR | ICPT_NMI | ICPT_SMI | ICPT_INIT | ICPT_VINTR | ICPT_CPUID | ICPT_RSM |
			ICPT_INVD | ICPT_HLT | ICPT_INVLPGA | ICPT_IOIO | ICPT_MSR | ICPT_SHUTDOWN;
	b->intercept4 = ICPT_VMRUN | ICPT_VMMCALL | ICPT_VMLOAD | ICPT_VMSAVE | ICPT_STGI |
			ICPT_CLGI | ICPT_SKINIT;
	b->iopm_base = svm_vtl1_iopm().v;
	b->msrpm_base = svm_vtl1_msrpm().v;
	b->asid = ASID_VTL1;
	b->tlb_control = TLB_FLUSH_ALL;
	b->np_enable = VMCB_NP_ENABLE;
	b->n_cr3 = vtl1_slat.root_spa.v;
}

void arch_vtl1_init(struct vcpu *v, const struct hv_initial_vp_context *c)
{
	struct vmcb *b = PRIVATE_ADDR(PRIV_ARCH + ARCH_VMCB_VTL1);
	struct arch_vcpu *a = &v->arch;

	memset(b, 0, sizeof(*b));
	a->vmcb = b;
	a->vmcb_spa = private_page_spa(this_cpu->index, PRIV_ARCH + ARCH_VMCB_VTL1).v;
	a->host_spa = this_cpu->vtl[0].arch.host_spa;
	fill_control(b);
	b->es = vtl_segment(&c->es);
	b->cs = vtl_segment(&c->cs);
	b->ss = vtl_segment(&c->ss);
	b->ds = vtl_segment(&c->ds);
	b->fs = vtl_segment(&c->fs);
	b->gs = vtl_segment(&c->gs);
	b->ldtr = vtl_segment(&c->ldtr);
	b->tr = vtl_segment(&c->tr);
	b->gdtr = (struct ovbs_segment){ .limit = c->gdtr.limit, .base = c->gdtr.base };
	b->idtr = (struct ovbs_segment){ .limit = c->idtr.limit, .base = c->idtr.base };
	b->cr0 = c->cr0;
	b->cr3 = c->cr3;
	b->cr4 = c->cr4;
	b->efer = c->efer | EFER_SVME;
	b->g_pat = c->msr_cr_pat;
	b->dr6 = DR6_RESET;
	b->dr7 = DR7_RESET;
	b->rflags = c->rflags;
	b->rip = c->rip;
	b->rsp = c->rsp;
}

void arch_switch_vtl(struct vcpu *to)
{
	struct vcpu *from = &this_cpu->vtl[!to->vtl];

	from->arch.vmcb->rsp = from->gpr[GPR_RSP];
	to->gpr[GPR_RSP] = to->arch.vmcb->rsp;
}

bool arch_hypercall_allowed(const struct vcpu *v)
{
	const struct vmcb *b = v->arch.vmcb;

	return !(b->cpl & 3) && (b->efer & EFER_LMA) && (b->cs.attrib & ATTR_L);
}

/* VMMCALL with prefixes is longer; then what follows is wrong for the caller alone. */
static inline void skip(struct vcpu *v)
{
	struct vmcb *b = v->arch.vmcb;

	b->rip = (svm_features & SVM_NRIPS) && b->next_rip ? b->next_rip : b->rip + VMMCALL_LENGTH;
	b->shadow = 0;
	b->rflags &= ~RFLAGS_RF;
	v->arch.step_trap = b->rflags & RFLAGS_TF;
}

void arch_skip_hypercall(struct vcpu *v)
{
	skip(v);
}

uint64_t svm_fast(uint64_t *rcx)
{
	struct vcpu *v = this_cpu->active, *to;
	struct vmcb *b = v->arch.vmcb, *next;

	/* Every bit of RAX counts for a return (fast: the registers stay); that and a trap flag are rare. */
	if (b->exitcode != EXIT_VMMCALL || !arch_hypercall_allowed(v) || (b->rflags & RFLAGS_TF) ||
	    (b->exitintinfo & EVENT_VALID) || (v->vtl && b->rax))
		return 0;
	to = vtl_quick(v, *rcx);
	if (!to)
		return 0;
	skip(v);
	b->tlb_control = TLB_KEEP;
	b->eventinj = 0;
	next = to->arch.vmcb;
	if (to->vtl) {
		next->rax = b->rax;
	} else {
		next->rax = vtl_assist->vtl_return_rax;
		*rcx = vtl_assist->vtl_return_rcx;
	}
	/* As in arch_run_guest(): QEMU TCG leaves VTL0's breakpoints armed; VTL1's DR7 comes with VMRUN. */
	return to->arch.vmcb_spa;
}

static void inject(struct vmcb *b, uint8_t vector)
{
	b->vintr = 0;
	b->eventinj = EVENT_VALID | EVENT_INTERRUPT | vector;
}

/*
 * If VTL1 takes no interrupt now: a virtual one whose delivery is intercepted
 * says when it does (15.21.4). A physical one that waits comes first then, as
 * an exit, and asks again.
 *
 * QEMU TCG may deliver what is injected here a second time (docs/caveats.md,
 * quirk injected-twice); the secure kernel ignores one that finds it in ring 0.
 * Bochs does not mask physical interrupts by V_INTR_MASKING, so a virtual
 * interrupt alone, without the intercept, is no way around that.
 */
void arch_notify(struct vcpu *v, uint8_t vector)
{
	struct vmcb *b = v->arch.vmcb;

	if (!vector || (b->eventinj & EVENT_VALID))
		return;
	if ((b->rflags & RFLAGS_IF) && !(b->shadow & 1))
		inject(b, vector);
	else
		b->vintr = VINTR_IRQ | VINTR_IGNORE_TPR;
}

void svm_irq_window(struct vcpu *v)
{
	v->arch.vmcb->vintr = 0;
	arch_notify(v, this_cpu->vina);
}

void arch_notify_end(struct vcpu *v)
{
	v->arch.vmcb->vintr = 0;
}

int arch_register(struct vcpu *v, uint32_t name, uint64_t *value, bool write)
{
	struct vmcb *b = v->arch.vmcb;

	if (write && name != HV_X64_REGISTER_RIP)
		return v->vtl ? -EINVAL : svm_write(v, name, *value);
	switch (name) {
	case HV_X64_REGISTER_RIP:
		if (write)
			arch_set_rip(v, *value);
		*value = b->rip;
		return 0;
	case HV_X64_REGISTER_RFLAGS:
		*value = b->rflags;
		return 0;
	case HV_X64_REGISTER_CR0:
		*value = b->cr0;
		return 0;
	case HV_X64_REGISTER_CR3:
		*value = b->cr3;
		return 0;
	case HV_X64_REGISTER_CR4:
		*value = b->cr4;
		return 0;
	case HV_X64_REGISTER_EFER:
		*value = b->efer & ~EFER_SVME;
		return 0;
	default:
		if (v->vtl || !svm_msr_field(b, name)) /* VTL1 has its own by RDMSR */
			return -ENOENT;
		*value = *svm_msr_field(b, name);
		return 0;
	}
}
