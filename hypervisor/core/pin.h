/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pinned registers of VTL0: the TLFS's secure register intercepts.
 *
 * VTL1 names, for its own CPU, control registers' bits and MSRs of VTL0 that
 * are not to change any more. What such a bit or MSR holds at that moment is its
 * pinned value. A write that would change it is not carried out: VTL1 is told,
 * and decides. All other writes are carried out by the CPU, or here, without VTL1.
 *
 * INIT takes CR0, CR4 and EFER to their reset values, which are not the pinned
 * ones. Nothing comes off for that:
 * - MSRs but EFER keep their values, and their pins (as the hardware's do).
 * - The bits PIN_HELD of CR0 and CR4 have their pinned values at once, in real
 *   mode, where they mean nothing; what VTL0 writes there without them leaves them
 *   as they are, silently, until it has written them itself, or LSTAR (the last of
 *   what Linux sets on its way up; with a read shadow, VMX, a write of what is there
 *   is no exit). So no instruction of VTL0's runs with paging on and without them.
 * - All other bits, and EFER, may go to their pinned value, and not back.
 * - A CPU that VTL1 never pinned (off at lockdown) starts with the pins, and the
 *   MSRs, of the CPU that was pinned last.
 *
 * Descriptor table registers (GDTR, IDTR, LDTR, TR) can't be pinned: docs/abi.md says why.
 *
 * Context of all: host, GIF clear, VTL0's state is the current one, unless said.
 */
#ifndef HV_CORE_PIN_H
#define HV_CORE_PIN_H

#include <openvbs/tlfs.h>

#include "core/cpu.h"

/* The MSRs whose writes are exits while one of them is pinned. */
#define PIN_MSRS                                                                                   \
	MSR_EFER, MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_SFMASK, MSR_SYSENTER_CS, MSR_SYSENTER_ESP, MSR_SYSENTER_EIP

/* Bits of which masks may be made, and those of them that are held after INIT. */
#define PIN_CR0      (CR0_PE | CR0_WP | CR0_NW | CR0_CD | CR0_PG)
#define PIN_HELD_CR0 CR0_WP
#define PIN_HELD_CR4 (CR4_SMEP | CR4_SMAP | CR4_UMIP)

/** pin_is_register - is @name one of the three that VTL1 sets? Context: any. */
bool pin_is_register(uint32_t name);

/** pin_get - this CPU's. Context: any VTL's state. */
uint64_t pin_get(uint32_t name);

/** pin_set - VTL1 sets the register @name of this CPU's. HV_STATUS_INVALID_REGISTER_VALUE: a bit that can't be pinned. */
enum hv_status pin_set(uint32_t name, uint64_t value);

/** pin_moved - VTL1 set VTL0's register @name: the bits that it changed are pinned as they are now. */
void pin_moved(uint32_t name, uint64_t from, uint64_t to);

/** pin_after_init - this CPU got an INIT: its state is the reset one. */
void pin_after_init(struct vcpu *v);

/**
 * pin_cr_write - VTL0 writes @value to the register @name (CR0 or CR4), and it is an exit
 * @length: of the instruction, bytes
 *
 * Carried out, or VTL1 runs next, or #GP.
 */
void pin_cr_write(struct vcpu *v, enum hv_register_name name, uint64_t value, unsigned int length);

enum { PIN_TOLD = 1 };

/**
 * pin_msr_write - VTL0 writes @value to @msr; RIP is behind the instruction, at @rip it begins
 *
 * Return: 0: done; PIN_TOLD: VTL1 runs next, RIP is back at the instruction; -EPERM:
 * #GP; -ENOENT: nothing pinned is changed, go by the other rules.
 */
int pin_msr_write(struct vcpu *v, uint32_t msr, uint64_t value, uint64_t rip);

#endif
