// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as DMAR, IVRS and WSMT: as they are, and as what stands behind a
 * good header with the right length and checksum, which gets to the structures.
 */
/* links: lib/acpi_tables.c lib/format.c */
#include "acpi_tables.h"
#include "fuzz.h"

typedef int decoder(const void *table, size_t len, struct acpi_iommu *out);

#define END (1ull << 52)

/* What the hypervisor is told: no overlaps, all page aligned, nothing beyond 52 bits. */
static void check_lists(const struct acpi_iommu *out, size_t len, bool good)
{
	FUZZ_CHECK(good ? out->units > 0 : out->units == 0 && out->ranges == 0);
	FUZZ_CHECK(out->units <= OVBS_MAX_IOMMUS && (size_t)out->units * 16 <= len);
	FUZZ_CHECK(out->ranges <= OVBS_MAX_DMA_RANGES);
	for (unsigned int i = 0; i < out->units; i++) {
		const struct ovbs_iommu_unit *u = &out->unit[i];
		uint64_t size = u->kind == OVBS_IOMMU_AMD ? 0x4000 : u->size;

		FUZZ_CHECK(u->kind == out->kind && u->base != 0 && u->base % 4096 == 0);
		FUZZ_CHECK(size != 0 && size % 4096 == 0 && size <= END - u->base && u->base < END);
		FUZZ_CHECK(u->kind != OVBS_IOMMU_AMD || (u->size == 0 && u->capability != 0));
		for (unsigned int n = 0; n < i; n++)
			FUZZ_CHECK(out->unit[n].base != u->base);
		for (unsigned int n = 0; n < out->ranges; n++)
			FUZZ_CHECK(out->range[n].end <= u->base || u->base + size <= out->range[n].start);
	}
	for (unsigned int i = 0; i < out->ranges; i++) {
		const struct ovbs_range *r = &out->range[i];

		FUZZ_CHECK(r->start < r->end && r->end <= END && (r->start | r->end) % 4096 == 0);
		FUZZ_CHECK(i == 0 || out->range[i - 1].end < r->start);
	}
}

static void check(decoder *fn, const uint8_t *table, size_t len, enum ovbs_iommu_kind kind)
{
	struct acpi_iommu out;
	int err;

	memset(&out, 0xAA, sizeof(out));
	err = fn(table, len, &out);
	FUZZ_CHECK(out.kind == kind && memchr(out.why, '\0', sizeof(out.why)) != NULL);
	FUZZ_CHECK((err == 0) == (out.why[0] == '\0'));
	check_lists(&out, len, err == 0);
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
