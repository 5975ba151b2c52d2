/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Does openvbs take the IOMMUs? Level 0 asks for nothing, and leaves them to
 * the operating system (VFIO, interrupt remapping); level 1 takes them if they
 * can be had, level 3 does not start without.
 */
#include "loader.h"

#include "format.h"

/*
 * Interrupt remapping goes with the IOMMU, and without it interrupts reach
 * 8-bit APIC IDs only (Intel SDM volume 3, 11.11.1; 255 is everybody).
 */
#define APIC_ID_LAST 254u

bool dma_required(const struct loader *l)
{
	return l->settings.v[OVBS_SET_LEVEL].value == 3;
}

static bool far_cpus(const struct loader *l)
{
	for (unsigned int i = 0; i < l->cpu_count; i++)
		if (l->apic_id[i] > APIC_ID_LAST)
			return true;
	return false;
}

bool dma_plan(struct loader *l)
{
	if (l->settings.v[OVBS_SET_LEVEL].value == 0) {
		l->iommu.units = 0;
		return true;
	}
	if (l->iommu.units == 0 || !far_cpus(l))
		return true;
	l->iommu.units = 0;
	l->platform.dma = OVBS_DMA_FAILED;
	ovbs_snprintf(l->platform.iommu_why, sizeof(l->platform.iommu_why),
		      "CPUs beyond APIC ID %u need remapped interrupts", APIC_ID_LAST);
	if (!dma_required(l))
		return true;
	verdict_set(&l->verdict, OVBS_REASON_NO_IOMMU, "iommu.apic_id", "level 3 by %s; %s",
		    source_name(l->settings.v[OVBS_SET_LEVEL].source), l->platform.iommu_why);
	return false;
}
