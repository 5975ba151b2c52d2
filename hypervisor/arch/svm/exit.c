// SPDX-License-Identifier: GPL-2.0-only
/*
 * The switch over SVM's exit codes. The default fails closed.
 */
#include "svm.h"

#include "core/exits.h"
#include "core/log.h"
#include "core/power.h"

static void on_npf(struct vcpu *v, const struct vmcb *b)
{
	struct slat_fault f = {
		.gpa = gpa(b->exitinfo2),
		.write = b->exitinfo1 & NPF_WRITE,
		.fetch = b->exitinfo1 & NPF_FETCH,
		.user = (b->cpl & 3) == 3 && (b->cr0 & CR0_PG),
		.indirect = (b->exitinfo1 & NPF_TABLES) || (b->exitintinfo & EVENT_VALID),
	};

	exit_slat(v, &f);
}

/* EXITINFO1 (15.10.2): bit 0 IN, 2 string, 4-6 size, 16-31 port. EXITINFO2: the next RIP. */
static void on_ioio(struct vcpu *v, struct vmcb *b)
{
	struct io_access io = {
		.port = (uint16_t)(b->exitinfo1 >> 16),
		.size = b->exitinfo1 >> 4 & 7,
		.in = b->exitinfo1 & 1,
		.string = b->exitinfo1 & 4,
	};
	uint64_t next = b->exitinfo2;

	if (exit_io(v, &io))
		arch_skip_bytes(v, (unsigned int)(next - b->rip));
}

static void on_debug_exception(struct vcpu *v)
{
	if (!svm_debug(v))
		exit_unknown(v, v->arch.vmcb->exitcode);
}

/* Only real hardware comes here; the pending INIT is redirected to #SX and taken in the window. cpu_before_entry() acts. */
static void on_init(void)
{
	this_cpu->init_seen = 1;
	arch_host_window();
}

/*
 * Quirk unchecked-control-registers: real CPUs raise #GP when a reserved bit is
 * written to a control register; QEMU TCG takes it in guest mode and refuses
 * the next VMRUN. There the machine is reset, as after a triple fault. On
 * hardware only a bug of ours comes here.
 */
static __attribute__((noreturn)) void on_invalid(struct vcpu *v)
{
	hv_log("VMRUN refused the guest state");
	arch_dump(v);
	if (svm_virtual())
		machine_reset();
	hv_panic("VMRUN refused the guest state");
}

static void dispatch(struct vcpu *v, struct vmcb *b)
{
	switch (b->exitcode) {
	case EXIT_NPF:
		on_npf(v, b);
		break;
	case EXIT_CR0_SEL:
		svm_cr_write(v, HV_X64_REGISTER_CR0);
		break;
	case EXIT_CR4_WRITE:
		svm_cr_write(v, HV_X64_REGISTER_CR4);
		break;
	case EXIT_CPUID:
		exit_cpuid(v);
		break;
	case EXIT_MSR:
		if (b->exitinfo1)
			exit_wrmsr(v);
		else
			exit_rdmsr(v);
		break;
	case EXIT_IOIO:
		on_ioio(v, b);
		break;
	case EXIT_NMI:
		count_exit(OVBS_STAT_NMI);
		arch_host_window();
		break;
	case EXIT_SMI:
		count_exit(OVBS_STAT_SMI);
		arch_host_window();
		break;
	case EXIT_INIT:
		on_init();
		break;
	case EXIT_IRET:
		svm_iret(v);
		break;
	case EXIT_EXCP_BASE + VEC_DB:
		on_debug_exception(v);
		break;
	case EXIT_INVD:
		exit_invd(v);
		break;
	case EXIT_VMMCALL:
		exit_hypercall(v);
		break;
	case EXIT_INTR:
		exit_interrupt(v);
		break;
	case EXIT_VINTR:
		svm_irq_window(v);
		break;
	case EXIT_HLT:
		exit_halt(v);
		break;
	case EXIT_RSM:
	case EXIT_VMRUN:
	case EXIT_VMLOAD:
	case EXIT_VMSAVE:
	case EXIT_STGI:
	case EXIT_CLGI:
	case EXIT_SKINIT:
	case EXIT_INVLPGA:
		/* As without SVM: EFER.SVME, as VTL0 sees it, is 0. RSM: not in SMM. */
		count_exit(OVBS_STAT_VIRT_INSN);
		arch_inject(v, VEC_UD, false, 0);
		break;
	case EXIT_SHUTDOWN:
		exit_shutdown(v);
	default:
		exit_unknown(v, b->exitcode);
	}
}

void arch_handle_exit(struct vcpu *v)
{
	struct vmcb *b = v->arch.vmcb;

	/* -1, in 64 bits or, with older CPUs and emulators, in 32. */
	if ((uint32_t)b->exitcode == (uint32_t)EXIT_INVALID)
		on_invalid(v);
	dispatch(v, b);
	svm_after_exit(v);
}
