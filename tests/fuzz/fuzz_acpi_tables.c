// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as DMAR, IVRS and WSMT: as they are, and as what stands behind a
 * good header with the right length and checksum, which gets to the structures.
 */
/* links: lib/acpi_tables.c lib/format.c */
#include "acpi_tables.h"
#include "fuzz.h"

typedef int decoder(const void *table, size_t len, struct acpi_iommu *out);

static void check(decoder *fn, const uint8_t *table, size_t len, enum ovbs_iommu_kind kind)
{
	struct acpi_iommu out;
	int err;

	memset(&out, 0xAA, sizeof(out));
	err = fn(table, len, &out);
	FUZZ_CHECK(out.kind == kind && memchr(out.why, '\0', sizeof(out.why)) != NULL);
	FUZZ_CHECK((err == 0) == (out.why[0] == '\0'));
	FUZZ_CHECK(err != 0 || (out.units > 0 && out.units <= 1024 && (size_t)out.units * 16 < len));
	for (const char *p = out.why; *p != '\0'; p++)
		FUZZ_CHECK(*p >= ' ' && *p <= '~');
}

static void check_wsmt(const uint8_t *table, size_t len)
{
	char why[ACPI_WHY_MAX];
	uint32_t flags = 0;

	if (acpi_wsmt_decode(table, len, &flags, why) != 0)
		FUZZ_CHECK(memchr(why, '\0', sizeof(why)) != NULL && flags == 0);
}

static void with_header(const uint8_t *data, size_t size, const char *signature)
{
	size_t len = 36 + size;
	uint8_t *table = calloc(1, len), sum = 0;

	memcpy(table, signature, 4);
	memcpy(table + 4, &(uint32_t){ (uint32_t)len }, 4);
	if (size > 0)
		memcpy(table + 36, data, size);
	if (memcmp(signature, "DMAR", 4) == 0 && size > 0)
		table[36] = 38;
	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + table[i]);
	table[9] = (uint8_t)-sum;
	check(acpi_dmar_decode, table, len, OVBS_IOMMU_INTEL);
	check(acpi_ivrs_decode, table, len, OVBS_IOMMU_AMD);
	check_wsmt(table, len);
	free(table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check(acpi_dmar_decode, data, size, OVBS_IOMMU_INTEL);
	check(acpi_ivrs_decode, data, size, OVBS_IOMMU_AMD);
	check_wsmt(data, size);
	with_header(data, size, "DMAR");
	with_header(data, size, "IVRS");
	with_header(data, size, "WSMT");
	return 0;
}
