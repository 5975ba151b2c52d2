/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The IOMMU's table is hidden once the hypervisor owns the IOMMU, and never
 * else: a system without openvbs must find its IOMMU.
 */
#include "loader.h"

#include "acpi_hide.h"
#include "ovbs_string.h"
#include "platform.h"
#include "print.h"

/* What can't be hidden is only told: the registers are the hypervisor's, a driver finds nothing there. */
static void hide_one(struct loader *l, uint64_t rsdp, const char *signature)
{
	switch (hide_table(platform_acpi_memory(), rsdp, signature)) {
	case HIDE_NOT_THERE:
	case HIDE_DONE:
		break;
	case HIDE_RENAMED:
		say(l->st, "openvbs: ACPI: the list of tables can't be changed, so %s was renamed",
		    signature);
		break;
	case HIDE_FAILED:
		say(l->st, "openvbs: ACPI: neither the list of tables nor %s can be changed: it stays in sight",
		    signature);
		verdict_add(&l->verdict, "ACPI table %s could not be hidden", signature);
		break;
	}
}

/*
 * Firmware may publish two root pointers (UEFI 2.10, 4.6.1: ACPI 1.0, and 2.0
 * and later), each with lists of its own.
 */
void hide_iommu(struct loader *l)
{
	static const EFI_GUID guids[] = { ACPI_20_TABLE_GUID, ACPI_TABLE_GUID };

	for (size_t i = 0; i < ARRAY_SIZE(guids); i++) {
		uint64_t rsdp = (uint64_t)platform_table(l, &guids[i]);

		hide_one(l, rsdp, "DMAR");
		hide_one(l, rsdp, "IVRS");
	}
}
