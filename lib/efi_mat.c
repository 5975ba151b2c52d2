/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The UEFI memory attributes table: see efi_mat.h.
 *
 * Versions 1 and 2 have the same layout: what is "flags" in version 2 was
 * reserved before. Entries in ascending order, as firmware writes them, cost
 * one look each; any other order is compared with all before it.
 */
#include "efi_mat.h"

#include <stdbool.h>

#include "format.h"
#include "ovbs_errno.h"
#include "ovbs_string.h"

/* UEFI 2.10, 4.6.4 and 7.2.3 */
#define MAT_VERSION         0
#define MAT_ENTRIES         4
#define MAT_DESCRIPTOR_SIZE 8
#define DESCRIPTOR_MIN      40
#define DESCRIPTOR_MAX      1024
#define DESCRIPTOR_START    8
#define DESCRIPTOR_PAGES    24
#define DESCRIPTOR_ATTRIBS  32
#define TYPE_RUNTIME_CODE   5
#define TYPE_RUNTIME_DATA   6
#define MEMORY_XP           0x4000ull
#define MEMORY_RO           0x20000ull
#define PAGE_SIZE_EFI       4096ull

struct region {
	uint32_t type;
	uint64_t start, end, attributes;
};

static uint64_t get(const uint8_t *at, size_t size)
{
	uint64_t value = 0;

	memcpy(&value, at, size);
	return value;
}

size_t efi_mat_size(const void *header, char *why)
{
	const uint8_t *h = header;
	uint32_t version = (uint32_t)get(h + MAT_VERSION, 4);
	uint32_t entries = (uint32_t)get(h + MAT_ENTRIES, 4);
	uint32_t size = (uint32_t)get(h + MAT_DESCRIPTOR_SIZE, 4);

	if (version != 1 && version != 2) {
		ovbs_snprintf(why, EFI_MAT_WHY_MAX, "version is %u, not 1 or 2", version);
		return 0;
	}
	if (size < DESCRIPTOR_MIN || size > DESCRIPTOR_MAX || size % 8 != 0) {
		ovbs_snprintf(why, EFI_MAT_WHY_MAX, "descriptor size is %u", size);
		return 0;
	}
	if (entries == 0 || entries > (EFI_MAT_BYTES_MAX - EFI_MAT_HEADER_SIZE) / size) {
		ovbs_snprintf(why, EFI_MAT_WHY_MAX, "%u entries of %u bytes", entries, size);
		return 0;
	}
	return EFI_MAT_HEADER_SIZE + (size_t)entries * size;
}

static void region_at(const uint8_t *table, size_t descriptor, uint32_t i, struct region *r)
{
	const uint8_t *at = table + EFI_MAT_HEADER_SIZE + i * descriptor;

	r->type = (uint32_t)get(at, 4);
	r->start = get(at + DESCRIPTOR_START, 8);
	r->end = r->start + get(at + DESCRIPTOR_PAGES, 8) * PAGE_SIZE_EFI;
	r->attributes = get(at + DESCRIPTOR_ATTRIBS, 8);
}

/* What is wrong with an entry by itself; NULL: nothing. */
static const char *region_problem(const uint8_t *table, size_t descriptor, uint32_t i)
{
	const uint8_t *at = table + EFI_MAT_HEADER_SIZE + i * descriptor;
	uint64_t pages = get(at + DESCRIPTOR_PAGES, 8);
	struct region r;

	region_at(table, descriptor, i, &r);
	if (r.type != TYPE_RUNTIME_CODE && r.type != TYPE_RUNTIME_DATA)
		return "neither runtime code nor data";
	if (r.start % PAGE_SIZE_EFI != 0)
		return "start is not a page's";
	if (pages == 0)
		return "no pages";
	if (pages > UINT64_MAX / PAGE_SIZE_EFI || r.end <= r.start)
		return "ends beyond 64 bits";
	return NULL;
}

static bool overlaps_before(const uint8_t *table, size_t descriptor, uint32_t i, const struct region *r)
{
	struct region other;

	for (uint32_t k = 0; k < i; k++) {
		region_at(table, descriptor, k, &other);
		if (r->start < other.end && other.start < r->end)
			return true;
	}
	return false;
}

int efi_mat_decode(const void *table, size_t len, struct efi_mat *out, char *why)
{
	size_t need = len >= EFI_MAT_HEADER_SIZE ? efi_mat_size(table, why) : 0;
	struct efi_mat found = { 0 };
	uint64_t highest = 0;
	size_t descriptor;
	struct region r;

	if (len < EFI_MAT_HEADER_SIZE || (need != 0 && len < need))
		ovbs_snprintf(why, EFI_MAT_WHY_MAX, "only %zu bytes of %zu", len,
			      need != 0 ? need : EFI_MAT_HEADER_SIZE);
	if (need == 0 || len < need)
		return -EINVAL;
	found.entries = (uint32_t)get((const uint8_t *)table + MAT_ENTRIES, 4);
	descriptor = (need - EFI_MAT_HEADER_SIZE) / found.entries;
	for (uint32_t i = 0; i < found.entries; i++) {
		const char *problem = region_problem(table, descriptor, i);

		region_at(table, descriptor, i, &r);
		if (problem == NULL && r.start < highest && overlaps_before(table, descriptor, i, &r))
			problem = "overlaps another";
		if (problem != NULL) {
			ovbs_snprintf(why, EFI_MAT_WHY_MAX, "entry %u: %s", i, problem);
			return -EINVAL;
		}
		if (r.end > highest)
			highest = r.end;
		if ((r.attributes & (MEMORY_RO | MEMORY_XP)) == 0 && found.both++ == 0)
			ovbs_snprintf(why, EFI_MAT_WHY_MAX, "entry %u at %llxh: write and execute",
				      i, (unsigned long long)r.start);
	}
	*out = found;
	return 0;
}
