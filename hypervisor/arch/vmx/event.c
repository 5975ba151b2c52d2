// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events for VTL0: exceptions, NMIs, and what was being delivered when an exit
 * came in between (SDM 3, 25.8.3, 25.9.3, 27.6).
 */
#include "vmx.h"

#include "arch/x86/event.h"
#include "core/exits.h"
#include "core/log.h"

void arch_inject(struct vcpu *v, enum x86_vector vector, bool has_error, uint32_t error)
{
	uint32_t was = v->arch.vectoring;
	enum merged_event merged = MERGED_SECOND;

	if ((was & EVENT_VALID) && EVENT_TYPE(was) == EVENT_EXCEPTION)
		merged = event_merge(EVENT_VECTOR(was), vector);
	if (merged == MERGED_SHUTDOWN)
		exit_shutdown(v);
	if (merged == MERGED_DOUBLE_FAULT) {
		vector = VEC_DF;
		has_error = true;
		error = 0;
	}
	v->arch.vectoring = 0; /* replaced */
	/* A trap that MOV to SS held off is gone with the blocking: entry refuses one without the other (27.3.1.5). */
	vmwrite(VMCS_GUEST_PENDING_DB, 0);
	vmwrite(VMCS_SHADOW, vmread(VMCS_SHADOW) & ~(uint64_t)(SHADOW_STI | SHADOW_MOV_SS));
	has_error = has_error && (vmread(VMCS_GUEST_CR0) & CR0_PE); /* real mode pushes none (27.2.1.3) */
	v->arch.event = EVENT_VALID | EVENT_EXCEPTION | (has_error ? EVENT_ERROR_VALID : 0) | vector;
	v->arch.event_error = has_error ? error : 0;
	v->arch.event_length = 0;
}

/* What was in delivery at the exit is delivered again; an NMI without its own blocking in the way (27.3.1.5). */
static void replay(struct vcpu *v)
{
	uint32_t was = v->arch.vectoring;

	v->arch.event = was & ~(1u << 12); /* bit 12 is undefined on exit and reserved on entry */
	v->arch.event_error = was & EVENT_ERROR_VALID ? (uint32_t)vmread(VMCS_VECTORING_ERROR) : 0;
	v->arch.event_length = 0;
	switch (EVENT_TYPE(was)) {
	case EVENT_NMI:
		vmwrite(VMCS_SHADOW, vmread(VMCS_SHADOW) & ~(uint64_t)SHADOW_NMI);
		break;
	case EVENT_SOFT_INTERRUPT ... EVENT_SOFT_EXCEPTION: /* and ICEBP between them */
		v->arch.event_length = (uint32_t)vmread(VMCS_EXIT_LENGTH);
		break;
	default:
		break;
	}
}

void vmx_after_exit(struct vcpu *v)
{
	if (!(v->arch.event & EVENT_VALID) && (v->arch.vectoring & EVENT_VALID))
		replay(v);
	v->arch.vectoring = 0;
}

void vmx_write_event(struct vcpu *v)
{
	if (!v->arch.event)
		return;
	vmwrite(VMCS_ENTRY_EVENT, v->arch.event);
	if (v->arch.event & EVENT_ERROR_VALID)
		vmwrite(VMCS_ENTRY_ERROR, v->arch.event_error);
	if (v->arch.event_length)
		vmwrite(VMCS_ENTRY_LENGTH, v->arch.event_length);
}

static void set_nmi_window(bool on)
{
	uint64_t c = vmread(VMCS_PRIMARY);

	vmwrite(VMCS_PRIMARY, on ? c | CPU_NMI_WINDOW : c & ~(uint64_t)CPU_NMI_WINDOW);
}

void vmx_nmi_window(struct vcpu *v)
{
	set_nmi_window(false); /* whatever it was wanted for may be gone, by an INIT */
	v->arch.nmi_window = true;
}

/*
 * Virtual NMIs: the CPU keeps VTL0's mask from the injection to its IRET. The
 * NMI-window exit says when one fits; then the STI shadow does not count.
 */
bool arch_inject_nmi(struct vcpu *v)
{
	uint64_t shadow = vmread(VMCS_SHADOW);

	if (v->arch.event || (shadow & SHADOW_NMI) ||
	    (!v->arch.nmi_window && (shadow & (SHADOW_STI | SHADOW_MOV_SS)))) {
		set_nmi_window(true);
		return false;
	}
	set_nmi_window(false);
	vmwrite(VMCS_SHADOW, shadow & ~(uint64_t)(SHADOW_STI | SHADOW_MOV_SS));
	v->arch.event = EVENT_VALID | EVENT_NMI | VEC_NMI;
	v->arch.event_error = v->arch.event_length = 0;
	return true;
}
