/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Secure Boot's state and the way to the ACPI tables.
 */
#include "platform.h"

#include "cpu.h"
#include "tables.h"
#include "ovbs_string.h"

#define MAP_SLACK 8 /* entries that asking for the map may add to it */

static EFI_MEMORY_DESCRIPTOR *map;
static UINTN map_size, map_step;

void platform_init(const struct loader *l)
{
	UINT32 version;
	UINTN key;

	map_size = 0;
	if (l->bs->GetMemoryMap(&map_size, NULL, &key, &map_step, &version) != EFI_BUFFER_TOO_SMALL)
		return;
	map_size += MAP_SLACK * map_step;
	if (l->bs->AllocatePool(EfiLoaderData, map_size, (void **)&map) != EFI_SUCCESS)
		map_size = 0;
	else if (l->bs->GetMemoryMap(&map_size, map, &key, &map_step, &version) != EFI_SUCCESS)
		map_size = 0;
}

/* The end of the map's entry that @address lies in; 0: in none. */
static uint64_t entry_end(uint64_t address)
{
	for (UINTN at = 0; at + map_step <= map_size; at += map_step) {
		const EFI_MEMORY_DESCRIPTOR *d = (const void *)((const uint8_t *)map + at);

		if (address >= d->PhysicalStart && (address - d->PhysicalStart) / PAGE_SIZE < d->NumberOfPages)
			return d->PhysicalStart + d->NumberOfPages * PAGE_SIZE;
	}
	return 0;
}

/*
 * UEFI 2.10, 2.3.4: all memory of the map is identity mapped during boot
 * services. What a damaged table points to may be anywhere else.
 */
static const void *identity(const struct acpi_memory *memory, uint64_t address, size_t len)
{
	uint64_t end = address, last = address + len;

	if (last < address)
		return NULL;
	while (end < last) {
		end = entry_end(end);
		if (end == 0)
			return NULL;
	}
	return (const void *)address;
}

bool platform_readable(uint64_t address, size_t len)
{
	return identity(NULL, address, len) != NULL;
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
