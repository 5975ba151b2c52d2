/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stores of VTL0 to device pages that are mapped read-only, because a few of
 * their registers must not be written: the APIC's ICR, chipset registers that
 * route memory. The store is decoded, judged by the page's owner, and done by
 * the hypervisor. Loads go straight to the device.
 */
#ifndef HV_CORE_MMIO_H
#define HV_CORE_MMIO_H

#include "arch/contract.h"

/**
 * mmio_decode - what does the store at VTL0's RIP write?
 *
 * True: *@in and *@value (its low in->size bytes) are filled; the caller does
 * the effect and calls mmio_done(). False: a form that is not emulated; #GP was
 * injected and logged. Context: host.
 */
bool mmio_decode(struct vcpu *v, struct gpa g, struct mmio_insn *in, uint32_t *value);

/** mmio_decode64 - the same for a device that also takes plain stores of 8 bytes. */
bool mmio_decode64(struct vcpu *v, struct gpa g, struct mmio_insn *in, uint64_t *value);

/** mmio_done - registers as the instruction leaves them (@old: what XCHG read), RIP behind it. */
void mmio_done(struct vcpu *v, const struct mmio_insn *in, uint32_t old);

#endif
