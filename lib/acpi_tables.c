/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * IOMMU tables and WSMT: see acpi_tables.h.
 *
 * Unlike the tables that power management needs (boot/acpi_pm.c), these are
 * claims about protection, so a wrong checksum or a length that does not fit
 * makes the whole table worthless. Every walk moves by a checked length that is
 * not 0, and tables are short, since each unit is compared with all before it.
 */
#include "acpi_tables.h"

#include <stdbool.h>

#include "format.h"
#include "ovbs_errno.h"
#include "ovbs_string.h"

#define TABLE_MAX (64u << 10) /* the largest real ones have some 10 KiB */
#define UNITS_MAX 1024u

#define FIRST_BLOCK 48 /* of DMAR and of IVRS: header and 12 bytes */
#define BLOCK_MIN   4  /* type and length */

/* Intel VT-d 4.1, 8.1 to 8.3 */
#define DMAR_WIDTH     36 /* address width less 1 */
#define DMAR_FLAGS     37
#define DMAR_WIDTH_MIN 11 /* one page */
#define DMAR_WIDTH_MAX 63
#define DRHD           0
#define DRHD_SIZE      16 /* then device scopes */
#define DRHD_PAGES     5  /* bits 3:0: log2 of the register set's 4 KiB pages */
#define DRHD_BASE      8
#define SCOPE_MIN      6
#define PAGE_BITS      12
#define ALL_ONES       UINT64_MAX

/* AMD IOMMU 3.08, 5.2 */
#define IVHD_10          0x10
#define IVHD_11          0x11
#define IVHD_40          0x40
#define IVHD_10_SIZE     24 /* then device entries */
#define IVHD_11_SIZE     40
#define IVHD_ID          4 /* of the IOMMU in PCI */
#define IVHD_CAPABILITY  6
#define IVHD_BASE        8
#define IVHD_SEGMENT     16
#define IVHD_REGISTERS   0x4000u /* more with performance counters, which not every unit has */
#define IVMD_FIRST       0x20
#define IVMD_LAST        0x22
#define IVMD_SIZE        32
#define IVHD_ENTRY_HID   0xF0
#define IVHD_HID_SIZE    22 /* then the unique identifier */
#define IVHD_HID_UID_LEN 21

#define WSMT_FLAGS 36
#define WSMT_SIZE  40

struct table {
	const uint8_t *data;
	size_t len;
};

/* A remapping unit's registers, and which unit that is. */
struct unit {
	uint64_t base, size;
	uint32_t id; /* AMD: segment and device; Intel: the offset of the entry, as each is a unit */
};

/* The caller has checked that the field is inside. */
static uint64_t get(const struct table *t, size_t at, size_t size)
{
	uint64_t value = 0;

	memcpy(&value, t->data + at, size);
	return value;
}

#define REFUSE(why, ...) (ovbs_snprintf(why, ACPI_WHY_MAX, __VA_ARGS__), -EINVAL)

int acpi_table_check(const void *table, size_t len, const char *signature, char *why)
{
	struct table t = { table, len };
	uint8_t sum = 0;
	uint32_t said;

	if (len < ACPI_HEADER_SIZE)
		return REFUSE(why, "only %zu bytes, a header has 36", len);
	if (memcmp(table, signature, 4) != 0)
		return REFUSE(why, "signature is not %.4s", signature);
	said = (uint32_t)get(&t, 4, 4);
	if (said < ACPI_HEADER_SIZE || said > len || said > TABLE_MAX)
		return REFUSE(why, "length field says %u, %zu bytes are there", said, len);
	for (uint32_t i = 0; i < said; i++)
		sum = (uint8_t)(sum + t.data[i]);
	if (sum != 0)
		return REFUSE(why, "checksum is wrong: sum is %02xh, not 0", sum);
	return 0;
}

/* Checks the header and that there is something behind it; t->len becomes what the header says. */
static int open_table(struct table *t, const char *signature, size_t min, char *why)
{
	int err = acpi_table_check(t->data, t->len, signature, why);

	if (err != 0)
		return err;
	t->len = (size_t)get(t, 4, 4);
	if (t->len < min)
		return REFUSE(why, "length field says %zu, at least %zu are needed", t->len, min);
	return 0;
}

/* Registers that can't be there. An address of all ones is what broken firmware leaves. */
static int check_unit(const struct unit *u, size_t at, uint64_t align, char *why)
{
	if (u->base == 0 || u->base == ALL_ONES)
		return REFUSE(why, "offset %zu: registers at %s", at, u->base == 0 ? "0" : "all ones");
	if ((u->base & (align - 1)) != 0 || u->base > ALL_ONES - u->size)
		return REFUSE(why, "offset %zu: registers at %llxh", at, (unsigned long long)u->base);
	return 0;
}

static bool overlap(const struct unit *a, const struct unit *b)
{
	return a->base < b->base + b->size && b->base < a->base + a->size;
}

/* --- DMAR -------------------------------------------------------------- */

static bool drhd_at(const struct table *t, size_t at, size_t len, struct unit *u)
{
	if (get(t, at, 2) != DRHD || len < DRHD_SIZE)
		return false;
	u->base = get(t, at + DRHD_BASE, 8);
	u->size = 1ull << (PAGE_BITS + (t->data[at + DRHD_PAGES] & 0xF));
	u->id = (uint32_t)at;
	return true;
}

/* Device scopes: only their lengths are of interest here. */
static int check_scopes(const struct table *t, size_t at, size_t end, char *why)
{
	while (at < end) {
		size_t len = end - at >= 2 ? t->data[at + 1] : 0;

		if (len < SCOPE_MIN || len > end - at)
			return REFUSE(why, "offset %zu: device scope of %zu bytes", at, len);
		at += len;
	}
	return 0;
}

/* The units before @limit were checked: their lengths are good. */
static int dmar_distinct(const struct table *t, const struct unit *u, size_t limit, char *why)
{
	struct unit other;
	size_t len;

	for (size_t at = FIRST_BLOCK; at < limit; at += len) {
		len = (size_t)get(t, at + 2, 2);
		if (drhd_at(t, at, len, &other) && overlap(u, &other))
			return REFUSE(why, "offset %zu: registers overlap those of offset %zu", limit, at);
	}
	return 0;
}

static int dmar_unit(const struct table *t, size_t at, size_t len, struct acpi_iommu *out)
{
	struct unit u = { 0 };
	int err;

	if (!drhd_at(t, at, len, &u))
		return REFUSE(out->why, "offset %zu: DRHD of %zu bytes, not 16", at, len);
	if (out->units == UNITS_MAX)
		return REFUSE(out->why, "offset %zu: more than %u units", at, UNITS_MAX);
	err = check_unit(&u, at, 1u << PAGE_BITS, out->why);
	if (err == 0)
		err = check_scopes(t, at + DRHD_SIZE, at + len, out->why);
	if (err == 0)
		err = dmar_distinct(t, &u, at, out->why);
	if (err == 0)
		out->units++;
	return err;
}

int acpi_dmar_decode(const void *table, size_t len, struct acpi_iommu *out)
{
	struct table t = { table, len };
	size_t block;
	int err;

	memset(out, 0, sizeof(*out));
	out->kind = OVBS_IOMMU_INTEL;
	err = open_table(&t, "DMAR", FIRST_BLOCK, out->why);
	if (err != 0)
		return err;
	if (t.data[DMAR_WIDTH] < DMAR_WIDTH_MIN || t.data[DMAR_WIDTH] > DMAR_WIDTH_MAX)
		return REFUSE(out->why, "offset 36: host address width field is %u", t.data[DMAR_WIDTH]);
	for (size_t at = FIRST_BLOCK; at < t.len; at += block) {
		block = t.len - at >= BLOCK_MIN ? (size_t)get(&t, at + 2, 2) : 0;
		if (block < BLOCK_MIN || block > t.len - at)
			return REFUSE(out->why, "offset %zu: structure of %zu bytes", at, block);
		if (get(&t, at, 2) != DRHD)
			continue;
		err = dmar_unit(&t, at, block, out);
		if (err != 0)
			return err;
	}
	if (out->units == 0)
		return REFUSE(out->why, "no remapping unit (DRHD) in %zu bytes", t.len);
	out->flags = t.data[DMAR_FLAGS];
	return 0;
}

/* --- IVRS -------------------------------------------------------------- */

/* Return: bytes before the device entries; 0: this is no IVHD. */
static size_t ivhd_header(uint8_t type)
{
	if (type == IVHD_10)
		return IVHD_10_SIZE;
	return type == IVHD_11 || type == IVHD_40 ? IVHD_11_SIZE : 0;
}

/* As with drhd_at(): false for another block, and for one that is too short. */
static bool ivhd_at(const struct table *t, size_t at, size_t len, struct unit *u)
{
	size_t header = ivhd_header(t->data[at]);

	if (header == 0 || len < header)
		return false;
	u->base = get(t, at + IVHD_BASE, 8);
	u->size = IVHD_REGISTERS;
	u->id = (uint32_t)(get(t, at + IVHD_SEGMENT, 2) << 16 | get(t, at + IVHD_ID, 2));
	return true;
}

/* AMD IOMMU 3.08, 5.2.2.1: the type gives the length. Return: 0 if it can't be known. */
static size_t device_entry_size(const struct table *t, size_t at, size_t end)
{
	uint8_t type = t->data[at];

	if (type < IVHD_ENTRY_HID)
		return type < 64 ? 4 : type < 128 ? 8 : type < 192 ? 16 : 32;
	if (type != IVHD_ENTRY_HID || end - at < IVHD_HID_SIZE)
		return 0;
	return IVHD_HID_SIZE + (size_t)t->data[at + IVHD_HID_UID_LEN];
}

static int check_device_entries(const struct table *t, size_t at, size_t end, char *why)
{
	while (at < end) {
		size_t len = device_entry_size(t, at, end);

		if (len == 0 || len > end - at)
			return REFUSE(why, "offset %zu: device entry of type %02xh does not fit",
				      at, t->data[at]);
		at += len;
	}
	return 0;
}

/*
 * One unit has a block of each type that its firmware knows, with the same
 * registers; two units have different ones. Writes @again: it had one before.
 */
static int ivrs_distinct(const struct table *t, const struct unit *u, size_t limit, bool *again, char *why)
{
	struct unit other;
	size_t len;

	*again = false;
	for (size_t at = FIRST_BLOCK; at < limit; at += len) {
		len = (size_t)get(t, at + 2, 2);
		if (!ivhd_at(t, at, len, &other))
			continue;
		if (other.id == u->id && other.base == u->base)
			*again = true;
		else if (other.id == u->id || overlap(u, &other))
			return REFUSE(why, "offset %zu: registers %s offset %zu", limit,
				      other.id == u->id ? "are not those of" : "overlap those of", at);
	}
	return 0;
}

static int ivrs_unit(const struct table *t, size_t at, size_t len, struct acpi_iommu *out)
{
	struct unit u = { 0 };
	bool again;
	int err;

	if (!ivhd_at(t, at, len, &u))
		return REFUSE(out->why, "offset %zu: IVHD of %zu bytes, too short", at, len);
	if (out->units == UNITS_MAX)
		return REFUSE(out->why, "offset %zu: more than %u units", at, UNITS_MAX);
	if (get(t, at + IVHD_CAPABILITY, 2) == 0)
		return REFUSE(out->why, "offset %zu: capability offset is 0", at);
	err = check_unit(&u, at, IVHD_REGISTERS, out->why);
	if (err == 0)
		err = check_device_entries(t, at + ivhd_header(t->data[at]), at + len, out->why);
	if (err == 0)
		err = ivrs_distinct(t, &u, at, &again, out->why);
	if (err == 0 && !again)
		out->units++;
	return err;
}

int acpi_ivrs_decode(const void *table, size_t len, struct acpi_iommu *out)
{
	struct table t = { table, len };
	size_t block;
	int err;

	memset(out, 0, sizeof(*out));
	out->kind = OVBS_IOMMU_AMD;
	err = open_table(&t, "IVRS", FIRST_BLOCK, out->why);
	if (err != 0)
		return err;
	for (size_t at = FIRST_BLOCK; at < t.len; at += block) {
		block = t.len - at >= BLOCK_MIN ? (size_t)get(&t, at + 2, 2) : 0;
		if (block < BLOCK_MIN || block > t.len - at)
			return REFUSE(out->why, "offset %zu: block of %zu bytes", at, block);
		if (t.data[at] >= IVMD_FIRST && t.data[at] <= IVMD_LAST && block < IVMD_SIZE)
			return REFUSE(out->why, "offset %zu: IVMD of %zu bytes, not 32", at, block);
		if (ivhd_header(t.data[at]) == 0)
			continue;
		err = ivrs_unit(&t, at, block, out);
		if (err != 0)
			return err;
	}
	if (out->units == 0)
		return REFUSE(out->why, "no remapping unit (IVHD) in %zu bytes", t.len);
	return 0;
}

/* --- WSMT -------------------------------------------------------------- */

int acpi_wsmt_decode(const void *table, size_t len, uint32_t *flags, char *why)
{
	struct table t = { table, len };
	uint32_t value;
	int err = open_table(&t, "WSMT", WSMT_SIZE, why);

	if (err != 0)
		return err;
	value = (uint32_t)get(&t, WSMT_FLAGS, 4);
	if (value == UINT32_MAX)
		return REFUSE(why, "offset 36: protection flags are all ones");
	*flags = value;
	return 0;
}
