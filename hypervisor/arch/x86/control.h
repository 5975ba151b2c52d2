/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a CPU refuses when a control register is written, for writes that the
 * hypervisor carries out in VTL0's place (core/pin.c). Both vendors' rules are
 * the same here (APM 2, 3.1; SDM 3, 2.5 and 4.1; SDM 2, MOV to control registers).
 *
 * Not carried out at all, and refused: 32-bit PAE paging, whose page directory
 * pointers the CPU would load. Registers are pinned in long mode.
 */
#ifndef HV_ARCH_X86_CONTROL_H
#define HV_ARCH_X86_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

struct control {
	uint64_t cr0, cr3, cr4, efer; /* as they stand */
	bool code64;                  /* a 64-bit code segment: CS.L */
};

/**
 * control_cr0_write - CR0 := @value, in the state @c
 *
 * Return: false: #GP. True: c->cr0 and c->efer (LMA) are what the CPU has then. Context: any; pure.
 */
bool control_cr0_write(struct control *c, uint64_t value);

/** control_cr4_write - CR4 := @value; @exists: the bits that the CPU has. False: #GP. Context: any; pure. */
bool control_cr4_write(struct control *c, uint64_t value, uint64_t exists);

/** control_flushes - does a change of these bits of CR0 or CR4 make linear translations void? Errs on the side of yes. Context: any; pure. */
bool control_flushes_cr0(uint64_t changed);
bool control_flushes_cr4(uint64_t changed);

/** control_lmsw - CR0 after LMSW of @source: it can set PE, but not clear it. Context: any; pure. */
uint64_t control_lmsw(uint64_t cr0, uint64_t source);

/** control_canonical - may @value be an address, with this CR4? Context: any; pure. */
bool control_canonical(uint64_t value, uint64_t cr4);

#endif
