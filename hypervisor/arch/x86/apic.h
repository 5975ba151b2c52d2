/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The local APIC of this CPU, xAPIC or x2APIC as VTL0 has set it (APM 2,
 * chapter 16; SDM 3, chapter 11). VTL0 owns it; the hypervisor sends its own
 * NMIs with it, and stands between VTL0 and INIT and SIPI.
 */
#ifndef HV_ARCH_X86_APIC_H
#define HV_ARCH_X86_APIC_H

#include "core/cpu.h"

#define APIC_ID            0x020
#define APIC_TPR           0x080
#define APIC_EOI           0x0B0
#define APIC_LDR           0x0D0
#define APIC_DFR           0x0E0
#define APIC_SVR           0x0F0
#define APIC_ISR           0x100
#define APIC_ESR           0x280
#define APIC_ICR           0x300
#define APIC_ICR_HIGH      0x310
#define APIC_LVT_TIMER     0x320
#define APIC_LVT_ERROR     0x370
#define APIC_TIMER_INITIAL 0x380
#define APIC_TIMER_DIVIDE  0x3E0

/** apic_enter_cpu - note the mode and the addresses of this CPU's APIC, map its registers. Context: ENTER. */
void apic_enter_cpu(void);

/** apic_note_page - remember where the registers are. Context: PREPARE. */
void apic_note_page(void);

/** apic_mode_changed - VTL0 wrote @base to IA32_APIC_BASE. */
void apic_mode_changed(uint64_t base);

/** apic_read, apic_write - a register by its xAPIC offset, in either mode. */
uint32_t apic_read(unsigned int reg);
void apic_write(unsigned int reg, uint32_t v);

/** apic_send_nmi - to the CPU with @apic_id. Keeps VTL0's half-written ICR. */
void apic_send_nmi(uint32_t apic_id);

/** apic_reset - the registers as INIT leaves them (APM 2, 16.3.5); the ID stays. */
void apic_reset(void);

/** apic_page - guest physical address of the xAPIC's registers, the same on all CPUs. */
uint64_t apic_page(void);

#endif
