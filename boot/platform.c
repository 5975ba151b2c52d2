/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Secure Boot's state and the way to the ACPI tables.
 */
#include "platform.h"

#include "cpu.h"
#include "ovbs_string.h"

/* UEFI 2.10, 2.3.4: all memory of the map is identity mapped during boot services. */
static const void *identity(const struct acpi_memory *memory, uint64_t address, size_t len)
{
	return address <= UINT64_MAX - len ? (const void *)address : NULL;
}

const struct acpi_memory *platform_acpi_memory(void)
{
	static const struct acpi_memory memory = { identity };

	return &memory;
}

/* UEFI 2.10, 3.3: SecureBoot is 1 in user mode with enforcement on. */
const char *platform_secure_boot(const struct loader *l)
{
	if (l->platform.secure_boot == OVBS_FACT_YES)
		return "Secure Boot on";
	return l->platform.setup_mode == OVBS_FACT_YES ? "Secure Boot off (setup mode)" : "Secure Boot off";
}

const void *platform_table(const struct loader *l, const EFI_GUID *guid)
{
	for (UINTN i = 0; i < l->st->NumberOfTableEntries; i++)
		if (memcmp(&l->st->ConfigurationTable[i].VendorGuid, guid, sizeof(*guid)) == 0)
			return l->st->ConfigurationTable[i].VendorTable;
	return NULL;
}

uint64_t platform_rsdp(const struct loader *l)
{
	static const EFI_GUID guids[] = { ACPI_20_TABLE_GUID, ACPI_TABLE_GUID };

	for (size_t g = 0; g < ARRAY_SIZE(guids); g++) {
		const void *rsdp = platform_table(l, &guids[g]);

		if (rsdp != NULL)
			return (uint64_t)rsdp;
	}
	return 0;
}

/* Both are mixed with the CPU's own generator in VTL1: without a protocol here the clock is still something. */
void platform_random(const struct loader *l, uint8_t *buf, size_t n)
{
	EFI_GUID guid = EFI_RNG_PROTOCOL_GUID;
	EFI_RNG_PROTOCOL *rng = NULL;

	if (l->bs->LocateProtocol(&guid, NULL, (void **)&rng) != EFI_SUCCESS ||
	    rng->GetRNG(rng, NULL, n, buf) != EFI_SUCCESS)
		memset(buf, 0, n);
	for (size_t i = 0; i < n; i++)
		buf[i] ^= (uint8_t)(cpu_rdtsc() >> (i % 4 * 4));
}
