/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between the files of the SVM backend.
 */
#ifndef HV_ARCH_SVM_SVM_H
#define HV_ARCH_SVM_SVM_H

#include "arch/contract.h"
#include "vmcb.h"

/* CPUID Fn8000_000A EDX (APM 3, appendix E.4.9). */
#define SVM_NPT            (1u << 0)
#define SVM_NRIPS          (1u << 3)
#define SVM_DECODE_ASSISTS (1u << 7)
#define SVM_VNMI           (1u << 25)

extern uint32_t svm_features;

/* Pages of PRIV_ARCH. */
enum {
	ARCH_VMCB_VTL0,
	ARCH_VMCB_VTL1,
	ARCH_VMCB_HOST,
	ARCH_HSAVE,
};

void svm_vmrun(uint64_t vmcb_spa, uint64_t *gpr, uint64_t host_spa);

/**
 * svm_fast - a VTL call or return right behind the exit, if nothing else is to be done
 * @rcx: the guest's RCX, where vmrun.S put it
 *
 * Return: physical address of the VMCB to go on with, whose VTL is this_cpu->active
 * then; 0: leave it to arch_handle_exit(). Context: between VMRUN and the host's
 * own state (vmrun.S).
 */
uint64_t svm_fast(uint64_t *rcx);
void svm_window(void);
void svm_wait(volatile uint32_t *nmi_seen);

/** svm_bitmaps_prepare - MSR and I/O permission maps. 0, or -ENOMEM. Context: PREPARE. */
int svm_bitmaps_prepare(void);

/** svm_msrpm, svm_iopm - physical addresses of the maps; with the x2APIC ICR and the writes of PIN_MSRS trapped or not. */
struct spa svm_msrpm(bool icr_trapped, bool pinned);
struct spa svm_iopm(void);

/** svm_virtual - is this CPU itself virtual (CPUID.1 ECX bit 31)? */
bool svm_virtual(void);

/** svm_vtl1_msrpm, svm_vtl1_iopm - VTL1's maps: no port, and no MSR but those of its system calls and thread pointers. */
struct spa svm_vtl1_msrpm(void);
struct spa svm_vtl1_iopm(void);

/** svm_pin_prepare - which bits of CR4 the CPU has. Context: PREPARE. */
void svm_pin_prepare(void);

/** svm_cr_write - the exit of a write to CR0 or CR4 (@name). */
void svm_cr_write(struct vcpu *v, enum hv_register_name name);

/** svm_write - CR0, CR4, EFER or an MSR of system calls := @value, for VTL0's @v. 0, -ENOENT, -EINVAL. */
int svm_write(struct vcpu *v, uint32_t name, uint64_t value);

/** svm_msr_field - where the VMCB holds the system calls' MSR @name; NULL: it is none. */
uint64_t *svm_msr_field(struct vmcb *b, uint32_t name);

/** svm_write_efer - EFER := @value. 0, or -EPERM: #GP. */
int svm_write_efer(struct vcpu *v, uint64_t value);

/** svm_irq_window - VTL1 takes interrupts now: deliver the notification that waits. */
void svm_irq_window(struct vcpu *v);

/** svm_after_exit - what the events in flight at the exit ask for: deliver again, or the #DB that is due. */
void svm_after_exit(struct vcpu *v);

/** svm_iret, svm_debug - exits that tell the end of VTL0's NMI handler. False: not ours. */
void svm_iret(struct vcpu *v);
bool svm_debug(struct vcpu *v);

#endif
