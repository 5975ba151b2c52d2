/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a write to the interrupt command register (ICR) asks for, and of whom.
 *
 * The hypervisor traps the ICR only while a CPU waits for its SIPI. It must
 * then tell INIT and SIPI from the rest and find their targets, as the hardware
 * would. Pure: no state, no register access; the values are VTL0's and may be
 * anything.
 *
 * Sources: Intel SDM vol 3A, 11.6 (ICR, destinations) and 11.12 (x2APIC); AMD
 * APM vol 2, 16.5, 16.6 and 16.13, 16.14 (x2APIC).
 */
#ifndef HV_ARCH_X86_IPI_H
#define HV_ARCH_X86_IPI_H

#include <stdbool.h>
#include <stdint.h>

#include "ovbs_compiler.h"

/* ICR bits 10:8. */
enum ipi_delivery {
	IPI_FIXED = 0,
	IPI_LOWEST_PRIORITY = 1,
	IPI_SMI = 2,
	IPI_RESERVED = 3,
	IPI_NMI = 4,
	IPI_INIT = 5,
	IPI_SIPI = 6,
	IPI_EXTINT = 7, /* not valid in an IPI */
};

/* ICR bits 19:18. */
enum ipi_shorthand {
	IPI_TO_DEST = 0,
	IPI_TO_SELF = 1,
	IPI_TO_ALL = 2,
	IPI_TO_OTHERS = 3,
};

struct ipi {
	enum ipi_delivery delivery;
	enum ipi_shorthand shorthand;
	uint32_t dest;        /* 8 bits from an xAPIC, 32 bits from an x2APIC */
	uint8_t vector;       /* for a SIPI: physical address of the entry, bits 19:12 */
	bool logical;         /* dest is a logical destination, not an APIC ID */
	bool assert_level;    /* bit 14: 1 = assert */
	bool level_triggered; /* bit 15: 1 = level */
	bool x2apic;          /* sent by an APIC in x2APIC mode: dest has 32 bits */
};

/* What destination resolution needs to know of a CPU. */
struct ipi_cpu {
	uint32_t apic_id; /* unique in the machine */
	uint32_t ldr; /* xAPIC: the register as read, logical ID in 31:24; unused in x2APIC mode */
	uint32_t dfr; /* xAPIC: the register as read, model in 31:28; unused in x2APIC mode */
	bool x2apic;  /* the APIC is in x2APIC mode */
};

/**
 * ipi_decode_x2apic() - decode a write to the x2APIC ICR (MSR 830h)
 * @icr: the 64-bit value of WRMSR
 * @out: filled on success
 *
 * Bit 12 (delivery status of old) is accepted and ignored, as CPUs do.
 *
 * Return: 0, or -EINVAL if a reserved bit is set: the CPU would raise #GP.
 * Context: any.
 * Source: Intel SDM vol 3A, 11.12.9, figure 11-28; AMD APM vol 2, 16.13.
 */
int __must_check ipi_decode_x2apic(uint64_t icr, struct ipi *out);

/**
 * ipi_decode_xapic() - decode a write to the low half of the xAPIC ICR
 * @low: value written to offset 300h: the write that sends
 * @high: value of offset 310h at that moment
 * @out: filled
 *
 * Reserved bits are ignored, as CPUs do. Cannot fail.
 *
 * Context: any.
 * Source: Intel SDM vol 3A, 11.6.1, figure 11-12; AMD APM vol 2, 16.5.
 */
void ipi_decode_xapic(uint32_t low, uint32_t high, struct ipi *out);

/**
 * ipi_targets() - does this IPI go to that CPU?
 * @ipi: a decoded ICR value
 * @self: the CPU that wrote the ICR
 * @cpu: the CPU in question; may be self
 *
 * The sender's mode says how wide the destination is and what broadcast looks
 * like; the receiver's mode says how it compares a logical destination. The two
 * differ in practice: Linux switches the boot CPU to x2APIC mode, then starts
 * the others, which are still in xAPIC mode. For lowest priority the answer
 * means "is a candidate".
 *
 * A DFR model other than flat and cluster is reserved and matches no logical
 * destination but broadcast.
 *
 * Return: true if it does.
 * Context: any.
 * Source: Intel SDM vol 3A, 11.6.1 (shorthands), 11.6.2.1 (physical), 11.6.2.2
 * (logical), 11.12.10 (x2APIC logical ID); AMD APM vol 2, 16.6.1, 16.14.
 */
bool __must_check ipi_targets(const struct ipi *ipi, const struct ipi_cpu *self, const struct ipi_cpu *cpu);

/**
 * ipi_is_init_deassert() - is it the INIT level de-assert of old?
 * @ipi: a decoded ICR value
 *
 * It once reset the arbitration IDs. CPUs in use today ignore it, but Linux
 * still sends it after each INIT: taking it for another INIT would be wrong.
 *
 * Return: true for delivery mode INIT, level 0, trigger mode 1.
 * Context: any.
 * Source: Intel SDM vol 3A, 11.6.1, delivery mode 101; AMD APM vol 2, 16.5.
 */
bool __must_check ipi_is_init_deassert(const struct ipi *ipi);

#endif
