// SPDX-License-Identifier: GPL-2.0-only
/*
 * ICR decoding and destination resolution on arbitrary register values.
 *
 * The properties that the start of CPUs rests on: shorthands and broadcast are
 * exact, a physical destination is at most one CPU, and an empty logical set
 * is nobody.
 */
/* links: hypervisor/arch/x86/ipi.c */
#include "fuzz.h"

#include "arch/x86/ipi.h"
#include "ovbs_errno.h"

#define CPUS 8

static void check_ipi(const struct ipi *ipi, const struct ipi_cpu *cpus)
{
	bool broadcast = ipi->dest == (ipi->x2apic ? 0xFFFFFFFFu : 0xFFu);
	unsigned int hits = 0, i;

	FUZZ_CHECK(ipi->delivery <= IPI_EXTINT && ipi->shorthand <= IPI_TO_OTHERS);
	FUZZ_CHECK(ipi->x2apic || ipi->dest <= 0xFF);
	FUZZ_CHECK(!ipi_is_init_deassert(ipi) || ipi->delivery == IPI_INIT);
	for (i = 0; i < CPUS; i++) {
		bool hit = ipi_targets(ipi, &cpus[0], &cpus[i]);

		hits += hit;
		switch (ipi->shorthand) {
		case IPI_TO_SELF:
			FUZZ_CHECK(hit == (i == 0));
			continue;
		case IPI_TO_ALL:
			FUZZ_CHECK(hit);
			continue;
		case IPI_TO_OTHERS:
			FUZZ_CHECK(hit == (i != 0));
			continue;
		case IPI_TO_DEST:
			break;
		}
		if (broadcast)
			FUZZ_CHECK(hit);
		else if (!ipi->logical)
			FUZZ_CHECK(hit == (ipi->dest == cpus[i].apic_id));
		else if ((ipi->dest & 0xFFFF) == 0)
			FUZZ_CHECK(!hit);
	}
	if (ipi->shorthand == IPI_TO_DEST && !ipi->logical && !broadcast)
		FUZZ_CHECK(hits <= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	uint64_t icr = fuzz_u64(&in);
	struct ipi_cpu cpus[CPUS];
	uint32_t id = 0;
	struct ipi ipi;
	unsigned int i;

	for (i = 0; i < CPUS; i++) {
		uint64_t v = fuzz_u64(&in);

		/* APIC IDs are unique. */
		id += 1 + (uint32_t)(v >> 60 & 0xF);
		cpus[i] = (struct ipi_cpu){
			.apic_id = id,
			.ldr = (uint32_t)v,
			.dfr = (uint32_t)(v >> 20),
			.x2apic = v >> 59 & 1,
		};
	}
	ipi_decode_xapic((uint32_t)icr, (uint32_t)(icr >> 32), &ipi);
	check_ipi(&ipi, cpus);
	if (ipi_decode_x2apic(icr, &ipi) == 0)
		check_ipi(&ipi, cpus);
	else
		FUZZ_CHECK(icr & 0xFFF32000u);
	return 0;
}
