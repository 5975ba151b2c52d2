// SPDX-License-Identifier: GPL-2.0-only
/*
 * Quirk "unchecked-control-registers", of virtual CPUs only.
 *
 * A CPU refuses a reserved bit in a control register when it is written (#GP);
 * QEMU TCG takes it in guest mode, and refuses the next VMRUN instead, after it
 * has overwritten parts of the VMCB's save area. Without this, VTL0 could stop
 * the machine that way. So the save area is kept at each VMRUN; if VMRUN is
 * refused, it is put back, with the control registers of the last VMRUN that
 * was taken. No #GP: by now VTL0 may be anywhere, in an interrupt handler for
 * example. A second refusal in a row is ours.
 */
#include "svm.h"

#include <ovbs_string.h>

#include "core/log.h"

#define SAVE_AREA offsetof(struct vmcb, es)
#define SAVE_SIZE (offsetof(struct vmcb, reserved670) - SAVE_AREA)

static void copy_save_area(struct vmcb *to, const struct vmcb *from)
{
	memcpy((char *)to + SAVE_AREA, (const char *)from + SAVE_AREA, SAVE_SIZE);
}

void svm_note_entry(struct vcpu *v)
{
	copy_save_area(v->arch.entry, v->arch.vmcb);
}

static bool refused(const struct vmcb *b)
{
	return (uint32_t)b->exitcode == (uint32_t)EXIT_INVALID;
}

void svm_note_taken(struct vcpu *v)
{
	struct arch_vcpu *a = &v->arch;
	const struct vmcb *e = a->entry;

	if (refused(a->vmcb)) {
		copy_save_area(a->vmcb, e);
		a->vmcb->exitcode = EXIT_INVALID;
		a->vmcb->exitintinfo = 0;
		return;
	}
	a->good_cr0 = e->cr0;
	a->good_cr4 = e->cr4;
	a->good_efer = e->efer;
	a->good_dr6 = e->dr6;
	a->good_dr7 = e->dr7;
	a->repaired = false;
}

bool svm_repair(struct vcpu *v)
{
	struct arch_vcpu *a = &v->arch;
	struct vmcb *b = a->vmcb;

	if (!svm_virtual() || a->repaired || !a->good_cr0)
		return false;
	hv_log_denied("VTL0 left a reserved bit set (cr0 %llx cr3 %llx cr4 %llx dr7 %llx): taken back",
		      (unsigned long long)b->cr0, (unsigned long long)b->cr3, (unsigned long long)b->cr4,
		      (unsigned long long)b->dr7);
	b->cr0 = a->good_cr0;
	b->cr4 = a->good_cr4;
	b->efer = a->good_efer;
	b->dr6 = a->good_dr6;
	b->dr7 = a->good_dr7;
	b->cr3 &= (1ULL << (cpuid(0x80000008, 0).eax & 0xFF)) - 1;
	b->tlb_control = TLB_FLUSH_ALL;
	a->repaired = true;
	return true;
}
