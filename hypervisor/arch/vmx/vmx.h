/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between the files of the VMX backend, and the VMX instructions.
 */
#ifndef HV_ARCH_VMX_VMX_H
#define HV_ARCH_VMX_VMX_H

#include "arch/contract.h"
#include "vmcs.h"

#define CR4_VMXE (1ULL << 13)
#define CR4_SMXE (1ULL << 14)
#define CR4_FRED (1ULL << 32)

/** vmx_run() - see vmrun.S. */
enum vmx_run_result {
	VMX_RUN_EXIT = 0,    /* VTL0 ran, or the entry failed with an exit reason */
	VMX_RUN_FAIL = 1,    /* VMfail: VMCS_INSN_ERROR */
	VMX_RUN_ABORTED = 2, /* an NMI came just before the entry: look at the letter box again */
};
int vmx_run(uint64_t *gpr, uint32_t launched, const volatile uint32_t *nmi_seen);
void vmx_unblock_nmi(void);
void vmx_wait(const volatile uint32_t *nmi_seen);
extern const char vmx_exit_entry[] __attribute__((visibility("hidden")));

/**
 * vmread, vmwrite - a field of the current VMCS. A field that does not exist is
 * a bug of ours: the fields used here exist wherever their control does.
 */
uint64_t vmread(enum vmcs_field f);
void vmwrite(enum vmcs_field f, uint64_t v);

/** vmx_fill_controls - controls for @vtl as the capability MSRs allow, bitmaps, EPT pointer. Context: its VMCS is current. */
void vmx_fill_controls(unsigned int vtl);

/** vmx_fill_guest - the firmware's state @e, with @efer, as VTL0's. Context: the VMCS is current. */
void vmx_fill_guest(const struct ovbs_cpu_entry *e, uint64_t efer);

/** vmx_controls_prepare - choose the controls. False: one that is needed is missing, named in *@why. Context: PREPARE. */
bool vmx_controls_prepare(const char **why);

/** vmx_has2 - is this secondary control (CPU2_*) on? */
bool vmx_has2(uint32_t control);

/** vmx_bitmaps_prepare - MSR and I/O bitmaps. 0, or -ENOMEM. Context: PREPARE. */
int vmx_bitmaps_prepare(void);

/** vmx_hide_xss - no hidden state in IA32_XSS at the start. Context: the CPU that enters. */
void vmx_hide_xss(void);

/** vmx_msr_bitmap, vmx_io_bitmap - their physical addresses; with the x2APIC ICR and the writes of PIN_MSRS trapped or not. */
struct spa vmx_msr_bitmap(bool icr_trapped, bool pinned);
struct spa vmx_io_bitmap(void);

/** vmx_vtl1_msr_bitmap - VTL1's: none but its system calls' and thread pointers. */
struct spa vmx_vtl1_msr_bitmap(void);

/** vmx_ept_prepare - MTRRs, EPT capabilities, vmx_phys_bits. Context: PREPARE. */
void vmx_ept_prepare(void);

extern uint8_t vmx_phys_bits; /* of a physical address; CPUID would be slow on each exit */

/** vmx_ept_pointer - EPTP of @s. */
uint64_t vmx_ept_pointer(const struct slat *s);

/** vmx_fill_host - what a VM exit loads. Context: the VMCS is current. */
void vmx_fill_host(void);

/** vmx_load - make @v's VMCS, already cleared once, the current one. */
void vmx_load(const struct vcpu *v);

/** vmx_clear - VMCLEAR for the VMCS in the private page @page, whose revision is set; returns its address. Not current afterwards. */
uint64_t vmx_clear(unsigned int page);

/* Pages of PRIV_ARCH. */
enum {
	ARCH_VMCS_VTL0,
	ARCH_VMCS_VTL1,
	ARCH_VMXON,
};

/** vmx_put_segment - the @nth segment register (ES, CS, SS, DS, FS, GS, LDTR, TR). Context: the VMCS is current. */
void vmx_put_segment(unsigned int nth, const struct ovbs_segment *s);

/** vmx_put_control_registers, vmx_put_efer - as a CPU in VMX operation may hold them. Context: the VMCS is current. */
void vmx_put_control_registers(uint64_t cr0, uint64_t cr3, uint64_t cr4);
void vmx_put_efer(uint64_t efer);

/** vmx_flush_linear - drop this CPU's cached linear translations of VTL0 (its paging mode changed). */
void vmx_flush_linear(struct vcpu *v);

/** vmx_hidden_cr4 - bits of CR4 that VTL0 can't set, because what they switch on is hidden. */
uint64_t vmx_hidden_cr4(void);

/** vmx_cr_write - the exit of a MOV to CR0 or CR4, or an LMSW, that would change a masked bit. */
void vmx_cr_write(struct vcpu *v);

/** vmx_cr0 - CR0 as the guest sees it. Context: the VMCS is current. */
uint64_t vmx_cr0(void);

/** vmx_code64 - does VTL0 run 64-bit code? Context: the VMCS is current. */
bool vmx_code64(void);

/** vmx_write - CR0, CR4, EFER or an MSR of system calls := @value, for VTL0's @v. 0, -ENOENT, -EINVAL. */
int vmx_write(struct vcpu *v, uint32_t name, uint64_t value);

/** vmx_read_msr - the system calls' MSR @name of VTL0. 0, or -ENOENT: it is none. */
int vmx_read_msr(uint32_t name, uint64_t *value);

/** vmx_write_efer - EFER := @value. 0, or -EPERM: #GP. */
int vmx_write_efer(struct vcpu *v, uint64_t value);

/** vmx_after_exit - deliver again what an exit interrupted, unless the handler put something else in its place. */
void vmx_after_exit(struct vcpu *v);

/** vmx_nmi_window - VTL0 can take an NMI now, if there still is one: the exit for it is switched off. */
void vmx_nmi_window(struct vcpu *v);

/** vmx_irq_window - VTL1 takes interrupts now: deliver the notification that waits. */
void vmx_irq_window(struct vcpu *v);

/** vmx_write_event - hand the pending event to the next VM entry. */
void vmx_write_event(struct vcpu *v);

#endif
