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

static bool flag_variable(const struct loader *l, CHAR16 *name)
{
	EFI_GUID global = EFI_GLOBAL_VARIABLE;
	uint8_t value = 0;
	UINTN size = sizeof(value);

	return l->rt->GetVariable(name, &global, NULL, &size, &value) == EFI_SUCCESS && value == 1;
}

/* UEFI 2.10, 3.3: SecureBoot is 1 in user mode with enforcement on. */
const char *platform_secure_boot(const struct loader *l)
{
	if (flag_variable(l, UCS2("SecureBoot")))
		return "Secure Boot on";
	return flag_variable(l, UCS2("SetupMode")) ? "Secure Boot off (setup mode)" : "Secure Boot off";
}

uint64_t platform_rsdp(const struct loader *l)
{
	static const EFI_GUID guids[] = { ACPI_20_TABLE_GUID, ACPI_TABLE_GUID };

	for (size_t g = 0; g < ARRAY_SIZE(guids); g++)
		for (UINTN i = 0; i < l->st->NumberOfTableEntries; i++)
			if (memcmp(&l->st->ConfigurationTable[i].VendorGuid, &guids[g],
				   sizeof(guids[g])) == 0)
				return (uint64_t)l->st->ConfigurationTable[i].VendorTable;
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
