/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * INIT and SIPI between VTL0's CPUs, and when the ICR has to be trapped for
 * them.
 *
 * A CPU that takes INIT and SIPI for real leaves the hypervisor. So both are
 * caught where they are sent. On CPUs whose INIT intercept alone keeps VTL0 in
 * (arch_init_held()), the trap is needed only while a CPU waits for its SIPI,
 * or has not come up by one yet; it is dropped for the steady state, where an
 * IPI then costs no exit. Elsewhere it stays.
 */
#ifndef HV_CORE_ICR_H
#define HV_CORE_ICR_H

#include "core/cpu.h"

/** icr_prepare - set the trap for the start. 0, or -ENOMEM. Context: PREPARE. */
int icr_prepare(const struct ovbs_boot_info *info);

/** icr_update - set or drop the trap as the CPUs' states ask for. Context: host, no lock held. */
void icr_update(void);

/** icr_trapped - is the trap set? */
bool icr_trapped(void);

/** icr_open - debug builds, if the boot asked for it (bench): drop the trap for good. False: not allowed. */
bool icr_open(void);

/** icr_own_apic_id - this CPU's APIC ID, by CPUID. */
uint32_t icr_own_apic_id(void);

/**
 * icr_write_x2apic - VTL0 writes @value to the x2APIC ICR.
 * 0: done, -EPERM: #GP.
 */
int icr_write_x2apic(uint64_t value);

/**
 * icr_write_xapic - VTL0 stored to the trapped APIC page at @gpa.
 *
 * Emulates the store, goes on behind it, or injects the fault.
 */
void icr_write_xapic(struct vcpu *v, struct gpa g);

#endif
