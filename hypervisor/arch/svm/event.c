// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events for VTL0: exceptions, NMIs, and what was being delivered when an exit
 * came in between (APM 2, 15.7.2, 15.20, 15.21).
 *
 * NMIs without hardware support (VNMI): VTL0's mask is kept here. It starts
 * with the injection and ends with the IRET, whose intercept tells. If one more
 * NMI waits then, the IRET runs under TF, and the NMI follows behind it.
 */
#include "svm.h"

#include "arch/x86/event.h"
#include "core/exits.h"
#include "core/log.h"

#define DR6_BS (1ULL << 14)

void arch_inject(struct vcpu *v, enum x86_vector vector, bool has_error, uint32_t error)
{
	struct vmcb *b = v->arch.vmcb;
	uint64_t was = b->exitintinfo;
	enum merged_event merged = MERGED_SECOND;

	if ((was & EVENT_VALID) && (was & EVENT_TYPE_MASK) == EVENT_EXCEPTION)
		merged = event_merge(EVENT_VECTOR(was), vector);
	if (merged == MERGED_SHUTDOWN)
		exit_shutdown(v);
	if (merged == MERGED_DOUBLE_FAULT) {
		vector = VEC_DF;
		has_error = true;
		error = 0;
	}
	b->exitintinfo = 0; /* replaced */
	v->arch.step_trap = false;
	has_error = has_error && (b->cr0 & CR0_PE); /* real mode pushes none */
	b->eventinj = (uint64_t)error << 32 | EVENT_VALID | EVENT_EXCEPTION |
		      (has_error ? EVENT_ERROR_VALID : 0) | vector;
}

/* INT n, INT3 and INTO are not replayed: RIP is still on them, VTL0 runs them again. */
static bool replayed_by_rip(uint64_t event)
{
	unsigned int vector = EVENT_VECTOR(event);

	return (event & EVENT_TYPE_MASK) == EVENT_SOFT ||
	       ((event & EVENT_TYPE_MASK) == EVENT_EXCEPTION && (vector == 3 || vector == 4));
}

void svm_after_exit(struct vcpu *v)
{
	struct vmcb *b = v->arch.vmcb;

	if (b->eventinj & EVENT_VALID)
		return;
	if ((b->exitintinfo & EVENT_VALID) && !replayed_by_rip(b->exitintinfo)) {
		b->eventinj = b->exitintinfo;
	} else if (v->arch.step_trap) {
		b->dr6 |= DR6_BS;
		b->eventinj = EVENT_VALID | EVENT_EXCEPTION | VEC_DB;
	}
	v->arch.step_trap = false;
}

static void step_iret(struct vcpu *v)
{
	struct vmcb *b = v->arch.vmcb;

	v->arch.nmi_masked = true;
	v->arch.nmi_stepping = true;
	v->arch.iret_runs = false;
	v->arch.step_dr6 = b->dr6;
	b->rflags |= RFLAGS_TF;
	b->intercept_exc |= 1u << VEC_DB;
}

bool arch_inject_nmi(struct vcpu *v)
{
	struct vmcb *b = v->arch.vmcb;

	if (svm_features & SVM_VNMI) {
		b->vintr |= VINTR_VNMI_PENDING;
		return true;
	}
	if (v->arch.nmi_masked)
		return false; /* its IRET is intercepted */
	if (v->arch.iret_runs && b->rip == v->arch.iret_rip) {
		step_iret(v); /* the IRET of the last handler has not run yet: behind it */
		return false;
	}
	/* If an NMI is what ended VTL0's run, the CPU was ready for one, whatever the shadow says. */
	if ((b->eventinj & EVENT_VALID) || ((b->shadow & 1) && b->exitcode != EXIT_NMI)) {
		/* An NMI to ourselves comes as an exit as soon as VTL0 could take one. */
		cpu_kick(this_cpu->shared);
		return false;
	}
	b->eventinj = EVENT_VALID | EVENT_NMI | VEC_NMI;
	b->shadow = 0;
	v->arch.nmi_masked = true;
	v->arch.iret_runs = false;
	b->intercept3 |= ICPT_IRET;
	return true;
}

void svm_iret(struct vcpu *v)
{
	struct vmcb *b = v->arch.vmcb;

	count_exit(OVBS_STAT_IRET);
	b->intercept3 &= ~ICPT_IRET;
	if (v->nmi_pending) {
		step_iret(v);
		return;
	}
	v->arch.nmi_masked = false;
	v->arch.iret_runs = true;
	v->arch.iret_rip = b->rip;
}

bool svm_debug(struct vcpu *v)
{
	struct vmcb *b = v->arch.vmcb;

	if (!v->arch.nmi_stepping)
		return false;
	count_exit(OVBS_STAT_DEBUG);
	v->arch.nmi_stepping = false;
	v->arch.nmi_masked = false;
	b->intercept_exc &= ~(1u << VEC_DB);
	if (b->dr6 & DR6_BS) {
		b->dr6 = v->arch.step_dr6;
	} else {
		/* A breakpoint of VTL0's on the IRET itself: its to see, without our TF. */
		b->rflags &= ~RFLAGS_TF;
		arch_inject(v, VEC_DB, false, 0);
	}
	return true;
}
