/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SVM's part of a virtual processor.
 */
#ifndef HV_ARCH_SVM_ARCH_VCPU_H
#define HV_ARCH_SVM_ARCH_VCPU_H

#include <stdbool.h>
#include <stdint.h>

struct vmcb;

struct arch_vcpu {
	struct vmcb *vmcb;
	uint64_t vmcb_spa;
	uint64_t host_spa; /* VMCB that keeps the host's FS, GS, TR, LDTR and system-call MSRs (VMLOAD, VMSAVE) */
	bool pinned;       /* writes of pinned MSRs exit (arch_pin()) */
	bool nmi_masked;   /* VTL0 is in its NMI handler (without VNMI: until its IRET) */
	bool nmi_stepping; /* that IRET runs under TF, for the NMI that comes behind it */
	bool iret_runs;    /* that IRET was let go at iret_rip, but may not have run yet */
	uint64_t iret_rip;
	bool step_trap;    /* an emulated instruction ran under TF: #DB is due */
	uint64_t step_dr6; /* DR6 before the step of ours */
};

#endif
