// SPDX-License-Identifier: GPL-2.0-only
/*
 * ICR decoding and destination resolution; see ipi.h.
 *
 * The low half of the ICR is laid out alike in xAPIC and x2APIC mode; only the
 * destination's width and the handling of reserved bits differ. Everything
 * here is a function of its arguments.
 */
#include "arch/x86/ipi.h"

#include "ovbs_errno.h"

#define ICR_LOGICAL   (1u << 11)
#define ICR_ASSERT    (1u << 14)
#define ICR_LEVEL     (1u << 15)
#define ICR_DELIVERY  8  /* shift, 3 bits */
#define ICR_SHORTHAND 18 /* shift, 2 bits */

/* Bits 13, 17:16 and 31:20; bit 12 is ignored (SDM vol 3A, 11.12.9). */
#define ICR_X2APIC_RESERVED 0xFFF32000u

#define XAPIC_BROADCAST  0xFFu
#define X2APIC_BROADCAST 0xFFFFFFFFu

#define DFR_FLAT    0xFu
#define DFR_CLUSTER 0x0u

static void decode_low(uint32_t low, struct ipi *out)
{
	out->vector = (uint8_t)low;
	out->delivery = (enum ipi_delivery)(low >> ICR_DELIVERY & 7);
	out->shorthand = (enum ipi_shorthand)(low >> ICR_SHORTHAND & 3);
	out->logical = low & ICR_LOGICAL;
	out->assert_level = low & ICR_ASSERT;
	out->level_triggered = low & ICR_LEVEL;
}

int ipi_decode_x2apic(uint64_t icr, struct ipi *out)
{
	if ((uint32_t)icr & ICR_X2APIC_RESERVED)
		return -EINVAL;

	decode_low((uint32_t)icr, out);
	out->dest = (uint32_t)(icr >> 32);
	out->x2apic = true;
	return 0;
}

void ipi_decode_xapic(uint32_t low, uint32_t high, struct ipi *out)
{
	decode_low(low, out);
	out->dest = high >> 24;
	out->x2apic = false;
}

/* The receiver compares: in its own mode, whatever the sender's. */
static bool logical_match(uint32_t dest, const struct ipi_cpu *cpu)
{
	uint32_t id;

	if (cpu->x2apic) {
		/* The logical ID is fixed by the APIC ID; clusters of 16. */
		uint32_t cluster = cpu->apic_id >> 4 & 0xFFFFu;

		return dest >> 16 == cluster && (dest & 1u << (cpu->apic_id & 15));
	}

	/* An xAPIC has 8 bits of logical ID: nothing wider can mean it. */
	if (dest > 0xFF)
		return false;
	id = cpu->ldr >> 24;
	switch (cpu->dfr >> 28) {
	case DFR_FLAT:
		return id & dest;
	case DFR_CLUSTER:
		return id >> 4 == dest >> 4 && (id & dest & 0xF);
	default:
		return false;
	}
}

bool ipi_targets(const struct ipi *ipi, const struct ipi_cpu *self, const struct ipi_cpu *cpu)
{
	bool is_self = cpu->apic_id == self->apic_id;

	switch (ipi->shorthand) {
	case IPI_TO_SELF:
		return is_self;
	case IPI_TO_ALL:
		return true;
	case IPI_TO_OTHERS:
		return !is_self;
	case IPI_TO_DEST:
		break;
	}

	/* Broadcast is the same in both destination modes. */
	if (ipi->dest == (ipi->x2apic ? X2APIC_BROADCAST : XAPIC_BROADCAST))
		return true;
	if (ipi->logical)
		return logical_match(ipi->dest, cpu);
	return ipi->dest == cpu->apic_id;
}

bool ipi_is_init_deassert(const struct ipi *ipi)
{
	return ipi->delivery == IPI_INIT && !ipi->assert_level && ipi->level_triggered;
}
