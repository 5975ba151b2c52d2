/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The vendor contract: what common code asks of SVM or VMX. Each is
 * implemented once under arch/<vendor>/, and the linker chooses, so that no
 * exit goes through a function pointer. Common code has no vendor `if`.
 *
 * Unless said otherwise the context is: host mode, on the CPU that owns the
 * vcpu, GIF clear (interrupts, NMI, SMI and INIT held off).
 */
#ifndef HV_ARCH_CONTRACT_H
#define HV_ARCH_CONTRACT_H

#include <openvbs/tlfs.h>

#include "arch/x86/insn.h"
#include "core/cpu.h"
#include "gwalk.h"
#include "mm/slat.h"

/* ---- start ---------------------------------------------------------- */

/** arch_supported - can this CPU run the hypervisor? Fills *@why if not. Reads what arch_slat_*() need. Context: PREPARE. */
bool arch_supported(const char **why);

/** arch_prepare - tables shared by all CPUs (MSR and I/O bitmaps). 0 or -ENOMEM. Context: PREPARE. */
int arch_prepare(const struct ovbs_boot_info *info);

/** arch_enter - switch virtualization on and make the firmware state @e the VTL0 guest. Then arch_run_guest() works. */
void arch_enter(struct vcpu *v, const struct ovbs_cpu_entry *e);

/* ---- run ------------------------------------------------------------ */

/** arch_run_guest - enter the VTL whose state is current; returns at an exit of this_cpu->active, which may be the other one by then. */
void arch_run_guest(struct vcpu *v);

/** arch_switch_vtl - make @to's private state the one that runs on this CPU; RSP in the shared registers becomes @to's. */
void arch_switch_vtl(struct vcpu *to);

/** arch_vtl1_init - give VTL1's virtual processor @v the private state @c (checked by vtl_context_ok()). VTL0's is current. */
void arch_vtl1_init(struct vcpu *v, const struct hv_initial_vp_context *c);

/** arch_hypercall_insn - the vendor's hypercall instruction: 3 bytes. */
extern const uint8_t arch_hypercall_insn[3];

/** arch_hypercall_allowed - was this hypercall made in 64-bit mode at CPL 0? */
bool arch_hypercall_allowed(const struct vcpu *v);

/** arch_skip_hypercall - go on behind the hypercall instruction that exited. */
void arch_skip_hypercall(struct vcpu *v);

/**
 * arch_notify - deliver @vector to VTL1 as soon as it takes interrupts; 0: there is none, but physical ones must not make it exit for ever
 *
 * May be called again before arch_notify_end(): not any more, delivered or not.
 * VTL1's state is the current one.
 */
void arch_notify(struct vcpu *v, uint8_t vector);
void arch_notify_end(struct vcpu *v);

/**
 * arch_register - where the private register @name (enum hv_register_name) of @v is read (*@value filled) or written
 *
 * CR0, CR4, EFER and the MSRs of system calls are VTL0's only to write, and as VTL0
 * itself could with what the CPU has: with the TLB flush that goes with it. @v's
 * state is the current one. Return: 0, -ENOENT, -EINVAL (for VTL0: #GP).
 */
int arch_register(struct vcpu *v, uint32_t name, uint64_t *value, bool write);

/**
 * arch_pin - exit when VTL0 writes MOV to CR0 or CR4 that changes a bit of @cr0, @cr4, or, with @msrs, one of PIN_MSRS (core/pin.h)
 *
 * It may exit for other writes of these registers too. VTL0's state is the current
 * one. INIT may take the exits off: pin_after_init() sets them again.
 */
void arch_pin(struct vcpu *v, uint64_t cr0, uint64_t cr4, bool msrs);

/** arch_handle_exit - the vendor's switch over the exit reason, into the common handlers of core/exits.h. */
void arch_handle_exit(struct vcpu *v);

/** arch_host_window - let what is pending for the host (NMI, SMI, INIT) in for a moment; NMIs set cpu->nmi_seen. */
void arch_host_window(void);

/**
 * arch_host_wait - as arch_host_window(), but sleep until something comes, unless cpu->nmi_seen is already set
 *
 * With INIT_AND_SIPI_HELD this may go by VTL0's registers: they are undefined until arch_init_state().
 */
void arch_host_wait(void);

/* ---- guest state ---------------------------------------------------- */

/** arch_walk - paging mode, registers and CPL of VTL0, for gwalk; returns the width of its code segment. */
enum cpu_mode arch_walk(const struct vcpu *v, struct gwalk *w, uint64_t *linear_rip);

/** arch_skip - go on behind the instruction that exited. False: its bytes are not a @kind any more; VTL0 runs it again. */
bool arch_skip(struct vcpu *v, enum insn_kind kind);

/** arch_skip_bytes - go on @n bytes further (1 to 15). */
void arch_skip_bytes(struct vcpu *v, unsigned int n);

/** arch_rip, arch_set_rip - VTL0's RIP, as it stands. */
uint64_t arch_rip(const struct vcpu *v);
void arch_set_rip(struct vcpu *v, uint64_t rip);

/** arch_insn_bytes - up to 15 bytes of the instruction at VTL0's RIP; returns how many could be had. */
unsigned int arch_insn_bytes(struct vcpu *v, uint8_t buf[15]);

/** arch_inject - deliver exception @vector; while another event was being delivered: #DF or shutdown, as the CPU would. */
void arch_inject(struct vcpu *v, enum x86_vector vector, bool has_error, uint32_t error);

/** arch_inject_nmi - deliver an NMI if VTL0 can take it now. False: asked to be told when it can. */
bool arch_inject_nmi(struct vcpu *v);

/** arch_init_state - the state after INIT (APM 2, table 14-1; SDM 3, table 10-1). */
void arch_init_state(struct vcpu *v);

/** arch_sipi_state - from the INIT state to the first instruction at @vector << 12, real mode. */
void arch_sipi_state(struct vcpu *v, uint8_t vector);

/** arch_guest_cr4 - VTL0's CR4, for CPUID bits that mirror it. */
uint64_t arch_guest_cr4(const struct vcpu *v);

/** arch_dump - the guest's registers and the exit, into the log. */
void arch_dump(const struct vcpu *v);

/* ---- what VTL0 may see and touch ------------------------------------- */

/** arch_cpuid - take out of *@r what the vendor part keeps for itself. */
void arch_cpuid(uint32_t leaf, uint32_t subleaf, struct cpuid_regs *r);

/** arch_msr_read, arch_msr_write - vendor MSRs. 0, -EPERM: #GP, -ENOENT: not the vendor's, go by the common rules. */
int arch_msr_read(struct vcpu *v, uint32_t msr, uint64_t *value);
int arch_msr_write(struct vcpu *v, uint32_t msr, uint64_t value);

/** arch_trap_x2apic_icr - exit on this CPU's x2APIC ICR writes, or not. */
void arch_trap_x2apic_icr(struct vcpu *v, bool on);

/** arch_init_held - what the hardware alone keeps from a CPU that VTL0 sends INIT and SIPI to (docs/caveats.md, quirks). */
enum init_hold {
	INIT_NOT_HELD,      /* both are caught where they are sent */
	INIT_HELD,          /* INIT comes to the hypervisor; the SIPI is caught where it is sent */
	INIT_AND_SIPI_HELD, /* arch_host_wait() sees the SIPI too */
};
enum init_hold arch_init_held(void);

/** arch_trap_port - exit on @size bytes of I/O at @port, on all CPUs. Context: PREPARE or host. */
void arch_trap_port(uint16_t port, unsigned int size, bool on);

/* ---- second-level tables --------------------------------------------- */

/** arch_slat_flush - forget this CPU's second-level translations before the next entry. */
void arch_slat_flush(struct vcpu *v);

/** arch_slat_leaf, arch_slat_table - table entries; level 1 is 4 KiB, 2 is 2 MiB, 3 is 1 GiB. */
uint64_t arch_slat_leaf(struct spa to, unsigned int rights, unsigned int level);
uint64_t arch_slat_table(struct spa table);

/** arch_slat_rights - SLAT_* of a leaf. */
unsigned int arch_slat_rights(uint64_t entry);

/** arch_slat_uniform - may the memory at @at have one leaf of @level? (Not if its memory types differ.) Context: PREPARE. */
bool arch_slat_uniform(struct spa at, unsigned int level);

/** arch_slat_user_apart - does the CPU hold the execute rights of kernel and programs apart? If not: SLAT_RUN. After arch_supported(). */
bool arch_slat_user_apart(void);

/** arch_slat_levels - depth of the tables (4 or 5); arch_slat_1g - are 1 GiB leaves there? */
unsigned int arch_slat_levels(void);
bool arch_slat_1g(void);

#endif
