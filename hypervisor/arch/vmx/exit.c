// SPDX-License-Identifier: GPL-2.0-only
/*
 * The switch over VMX's exit reasons (SDM 3, appendix C). The default fails
 * closed.
 */
#include "vmx.h"

#include "core/exits.h"
#include "core/log.h"

static void on_ept_violation(struct vcpu *v)
{
	uint64_t q = v->arch.qualification;
	struct slat_fault f = {
		.gpa = gpa(vmread(VMCS_GUEST_PA)),
		.write = q & EPT_Q_WRITE,
		.fetch = q & EPT_Q_FETCH,
		.user = SEGMENT_DPL(vmread(VMCS_GUEST_SS_RIGHTS)) == 3 && (vmread(VMCS_GUEST_CR0) & CR0_PG),
		.indirect = !((q & EPT_Q_LINEAR) && (q & EPT_Q_FINAL)) || (v->arch.vectoring & EVENT_VALID),
	};

	/* The IRET comes again and must find NMIs blocked (28.2.3). */
	if ((q & EPT_Q_IRET) && !(v->arch.vectoring & EVENT_VALID))
		vmwrite(VMCS_SHADOW, vmread(VMCS_SHADOW) | SHADOW_NMI);
	exit_slat(v, &f);
}

/* Table 28-5: size - 1 in bits 0-2, IN 3, string 4, port 16-31. */
static void on_io(struct vcpu *v)
{
	uint64_t q = v->arch.qualification;
	struct io_access io = {
		.port = (uint16_t)(q >> 16),
		.size = (q & 7) + 1,
		.in = q & (1u << 3),
		.string = q & (1u << 4),
	};

	if (exit_io(v, &io))
		arch_skip_bytes(v, (unsigned int)vmread(VMCS_EXIT_LENGTH));
}

static void on_exception_or_nmi(struct vcpu *v)
{
	uint32_t event = (uint32_t)vmread(VMCS_EXIT_EVENT);

	if (EVENT_TYPE(event) != EVENT_NMI) {
		exit_unknown(v, event);
		return;
	}
	count_exit(OVBS_STAT_NMI);
	this_cpu->nmi_seen = 1; /* it was taken by this exit, the host's handler does not see it */
	arch_host_window();
}

/* Always exits (26.1.2), after the CPU's own checks of privilege and CR4. The value is checked by doing it. */
static void on_xsetbv(struct vcpu *v)
{
	uint64_t value = (uint32_t)v->gpr[GPR_RAX] | v->gpr[GPR_RDX] << 32;
	uint64_t cr4 = read_cr4();
	int err;

	count_exit(OVBS_STAT_OTHER);
	write_cr4(cr4 | CR4_OSXSAVE);
	err = xsetbv_safe((uint32_t)v->gpr[GPR_RCX], value);
	write_cr4(cr4);
	if (err)
		arch_inject(v, VEC_GP, true, 0);
	else
		arch_skip_bytes(v, (unsigned int)vmread(VMCS_EXIT_LENGTH));
}

static __attribute__((noreturn)) void on_invalid(struct vcpu *v)
{
	hv_log("VM entry refused the guest state: reason %x, qualification %llx", v->arch.reason,
	       (unsigned long long)v->arch.qualification);
	arch_dump(v);
	hv_panic("VM entry refused the guest state");
}

static void dispatch(struct vcpu *v)
{
	switch (v->arch.reason & 0xFFFF) {
	case EXIT_EPT_VIOLATION:
		on_ept_violation(v);
		break;
	case EXIT_NONE:
		break;
	case EXIT_CPUID:
		exit_cpuid(v);
		break;
	case EXIT_RDMSR:
		exit_rdmsr(v);
		break;
	case EXIT_WRMSR:
		exit_wrmsr(v);
		break;
	case EXIT_IO:
		on_io(v);
		break;
	case EXIT_EXCEPTION_NMI:
		on_exception_or_nmi(v);
		break;
	case EXIT_NMI_WINDOW:
		vmx_nmi_window(v); /* cpu_before_entry() injects */
		break;
	case EXIT_INIT:
		this_cpu->init_seen = 1;
		break;
	case EXIT_XSETBV:
		on_xsetbv(v);
		break;
	case EXIT_CR:
		vmx_cr_write(v);
		break;
	case EXIT_INVD:
		exit_invd(v);
		break;
	case EXIT_VMCALL:
		exit_hypercall(v);
		break;
	case EXIT_INTERRUPT:
		exit_interrupt(v);
		break;
	case EXIT_IRQ_WINDOW:
		vmx_irq_window(v);
		break;
	case EXIT_HLT:
		exit_halt(v);
		break;
	case EXIT_VMCLEAR ... EXIT_VMXON:
	case EXIT_INVEPT:
	case EXIT_INVVPID:
	case EXIT_VMFUNC:
	case EXIT_GETSEC:
	case EXIT_RSM:
		/* As without VMX and SMX: CR4.VMXE and CR4.SMXE, as VTL0 sees them, are 0. */
		count_exit(OVBS_STAT_VIRT_INSN);
		arch_inject(v, VEC_UD, false, 0);
		break;
	case EXIT_TASK_SWITCH:
		count_exit(OVBS_STAT_OTHER);
		hv_log_denied("task switch: not carried out, #GP");
		arch_inject(v, VEC_GP, true, 0);
		break;
	case EXIT_TRIPLE_FAULT:
		exit_shutdown(v);
	case EXIT_EPT_MISCONFIG:
		arch_dump(v);
		hv_panic("EPT misconfiguration at %llx", (unsigned long long)vmread(VMCS_GUEST_PA));
	default:
		exit_unknown(v, v->arch.reason);
	}
}

void arch_handle_exit(struct vcpu *v)
{
	if (v->arch.reason & EXIT_ENTRY_FAILED)
		on_invalid(v);
	dispatch(v);
	vmx_after_exit(v);
}
