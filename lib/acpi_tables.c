/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * IOMMU tables and WSMT: see acpi_tables.h.
 *
 * Unlike the tables that power management needs (boot/acpi_pm.c), these are
 * claims about protection, so a wrong checksum or a length that does not fit
 * makes the whole table worthless. Every walk moves by a checked length that is
 * not 0. Units and ranges go into lists of fixed size, each compared with all before it.
 */
#include "acpi_tables.h"

#include <stdbool.h>

#include "format.h"
#include "ovbs_errno.h"
#include "ovbs_string.h"

#define TABLE_MAX (64u << 10) /* the largest real ones have some 10 KiB */

#define PAGE_BITS    12
#define PAGE         (1u << PAGE_BITS)
#define PHYSICAL_END (1ull << 52) /* no CPU and no IOMMU has more address bits */
#define ALL_ONES     UINT64_MAX

#define FIRST_BLOCK 48 /* of DMAR and of IVRS: header and 12 bytes */
#define BLOCK_MIN   4  /* type and length */

/* Intel VT-d 4.1, 8.1 to 8.3 */
#define DMAR_WIDTH     36 /* address width less 1 */
#define DMAR_FLAGS     37
#define DMAR_WIDTH_MIN 11 /* one page */
#define DMAR_WIDTH_MAX 63
#define DRHD           0
#define DRHD_SIZE      16 /* then device scopes */
#define DRHD_FLAGS     4
#define DRHD_PAGES     5 /* bits 3:0: log2 of the register set's 4 KiB pages */
#define DRHD_SEGMENT   6
#define DRHD_BASE      8
#define RMRR           1
#define RMRR_SIZE      24 /* then device scopes */
#define RMRR_BASE      8
#define RMRR_LIMIT     16 /* the last byte */
#define SCOPE_MIN      6

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
#define IVMD_FLAGS       1
#define IVMD_F_UNITY     1u
#define IVMD_F_EXCLUSION 8u
#define IVMD_START       16
#define IVMD_LENGTH      24
#define IVHD_ENTRY_HID   0xF0
#define IVHD_HID_SIZE    22 /* then the unique identifier */
#define IVHD_HID_UID_LEN 21

#define WSMT_FLAGS 36
#define WSMT_SIZE  40

struct table {
	const uint8_t *data;
	size_t len;
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
static int check_registers(uint64_t base, uint64_t size, uint64_t align, size_t at, char *why)
{
	if (base == 0 || base == ALL_ONES)
		return REFUSE(why, "offset %zu: registers at %s", at, base == 0 ? "0" : "all ones");
	if ((base & (align - 1)) != 0 || base > PHYSICAL_END - size)
		return REFUSE(why, "offset %zu: registers at %llxh", at, (unsigned long long)base);
	return 0;
}

static uint64_t registers_size(const struct ovbs_iommu_unit *u)
{
	return u->kind == OVBS_IOMMU_AMD ? IVHD_REGISTERS : u->size;
}

static bool overlaps(const struct ovbs_iommu_unit *u, uint64_t start, uint64_t end)
{
	return start < u->base + registers_size(u) && u->base < end;
}

/* A unit that no other one is, whose registers are nobody else's. */
static int add_unit(struct acpi_iommu *out, const struct ovbs_iommu_unit *u, size_t at)
{
	for (unsigned int i = 0; i < out->units; i++)
		if (overlaps(&out->unit[i], u->base, u->base + registers_size(u)))
			return REFUSE(out->why, "offset %zu: registers overlap those of unit %u", at, i);
	if (out->units == OVBS_MAX_IOMMUS)
		return REFUSE(out->why, "offset %zu: more than %u units", at, OVBS_MAX_IOMMUS);
	out->unit[out->units++] = *u;
	return 0;
}

/* Into the ascending list; what it touches becomes one range with it. False: no room. */
static bool insert_range(struct acpi_iommu *out, struct ovbs_range new)
{
	struct ovbs_range *r = out->range;
	unsigned int first = 0, last;

	while (first < out->ranges && r[first].end < new.start)
		first++;
	for (last = first; last < out->ranges && r[last].start <= new.end; last++) {
		if (r[last].start < new.start)
			new.start = r[last].start;
		if (r[last].end > new.end)
			new.end = r[last].end;
	}
	if (last == first && out->ranges == OVBS_MAX_DMA_RANGES)
		return false;
	memmove(&r[first + 1], &r[last], (out->ranges - last) * sizeof(*r));
	r[first] = new;
	out->ranges = (uint16_t)(out->ranges + 1 - (last - first));
	return true;
}

/* @last is the last byte's address. A page that is promised in part is mapped in whole. */
static int add_range(struct acpi_iommu *out, uint64_t start, uint64_t last, size_t at)
{
	struct ovbs_range r = { start & ~(uint64_t)(PAGE - 1), (last | (PAGE - 1)) + 1 };

	if (last < start)
		return REFUSE(out->why, "offset %zu: memory range ends before it starts", at);
	if (last >= PHYSICAL_END)
		return REFUSE(out->why, "offset %zu: range up to %llxh", at, (unsigned long long)last);
	if (!insert_range(out, r))
		return REFUSE(out->why, "offset %zu: more than %u ranges", at, OVBS_MAX_DMA_RANGES);
	return 0;
}

/* Whoever may write to a unit's registers can switch it off: nobody can be promised that. */
static int check_promises(struct acpi_iommu *out)
{
	for (unsigned int i = 0; i < out->units; i++)
		for (unsigned int n = 0; n < out->ranges; n++)
			if (overlaps(&out->unit[i], out->range[n].start, out->range[n].end))
				return REFUSE(out->why, "range at %llxh covers registers of unit %u",
					      (unsigned long long)out->range[n].start, i);
	return 0;
}

/* Nothing of a table that is refused is left for somebody to use. */
static int finish(struct acpi_iommu *out, int err)
{
	if (err == 0)
		err = check_promises(out);
	if (err != 0)
		out->units = out->ranges = 0;
	return err;
}

/* --- DMAR -------------------------------------------------------------- */

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

static int dmar_unit(const struct table *t, size_t at, size_t len, struct acpi_iommu *out)
{
	struct ovbs_iommu_unit u = { .kind = OVBS_IOMMU_INTEL };
	int err;

	if (len < DRHD_SIZE)
		return REFUSE(out->why, "offset %zu: DRHD of %zu bytes, not 16", at, len);
	u.base = get(t, at + DRHD_BASE, 8);
	u.size = 1u << (PAGE_BITS + (t->data[at + DRHD_PAGES] & 0xF));
	u.segment = (uint16_t)get(t, at + DRHD_SEGMENT, 2);
	u.flags = t->data[at + DRHD_FLAGS];
	err = check_registers(u.base, u.size, PAGE, at, out->why);
	if (err == 0)
		err = check_scopes(t, at + DRHD_SIZE, at + len, out->why);
	return err == 0 ? add_unit(out, &u, at) : err;
}

static int dmar_range(const struct table *t, size_t at, size_t len, struct acpi_iommu *out)
{
	int err;

	if (len < RMRR_SIZE)
		return REFUSE(out->why, "offset %zu: RMRR of %zu bytes, not 24", at, len);
	err = check_scopes(t, at + RMRR_SIZE, at + len, out->why);
	if (err != 0)
		return err;
	return add_range(out, get(t, at + RMRR_BASE, 8), get(t, at + RMRR_LIMIT, 8), at);
}

static int dmar_blocks(const struct table *t, struct acpi_iommu *out)
{
	size_t block;
	int err = 0;

	for (size_t at = FIRST_BLOCK; at < t->len && err == 0; at += block) {
		uint64_t type;

		block = t->len - at >= BLOCK_MIN ? (size_t)get(t, at + 2, 2) : 0;
		if (block < BLOCK_MIN || block > t->len - at)
			return REFUSE(out->why, "offset %zu: structure of %zu bytes", at, block);
		type = get(t, at, 2);
		if (type == DRHD)
			err = dmar_unit(t, at, block, out);
		else if (type == RMRR)
			err = dmar_range(t, at, block, out);
	}
	if (err == 0 && out->units == 0)
		return REFUSE(out->why, "no remapping unit (DRHD) in %zu bytes", t->len);
	return err;
}

int acpi_dmar_decode(const void *table, size_t len, struct acpi_iommu *out)
{
	struct table t = { table, len };
	int err;

	memset(out, 0, sizeof(*out));
	out->kind = OVBS_IOMMU_INTEL;
	err = open_table(&t, "DMAR", FIRST_BLOCK, out->why);
	if (err != 0)
		return err;
	if (t.data[DMAR_WIDTH] < DMAR_WIDTH_MIN || t.data[DMAR_WIDTH] > DMAR_WIDTH_MAX)
		return REFUSE(out->why, "offset 36: host address width field is %u", t.data[DMAR_WIDTH]);
	err = finish(out, dmar_blocks(&t, out));
	if (err == 0)
		out->flags = t.data[DMAR_FLAGS];
	return err;
}

/* --- IVRS -------------------------------------------------------------- */

/* Return: bytes before the device entries; 0: this is no IVHD. */
static size_t ivhd_header(uint8_t type)
{
	if (type == IVHD_10)
		return IVHD_10_SIZE;
	return type == IVHD_11 || type == IVHD_40 ? IVHD_11_SIZE : 0;
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
static int ivrs_known(struct acpi_iommu *out, const struct ovbs_iommu_unit *u, size_t at, bool *again)
{
	*again = false;
	for (unsigned int i = 0; i < out->units; i++) {
		const struct ovbs_iommu_unit *other = &out->unit[i];

		if (other->segment != u->segment || other->function != u->function)
			continue;
		if (other->base != u->base || other->capability != u->capability)
			return REFUSE(out->why, "offset %zu: %s not that of unit %u, the same device",
				      at, other->base != u->base ? "address is" : "capability is", i);
		*again = true;
	}
	return 0;
}

static int ivrs_unit(const struct table *t, size_t at, size_t len, struct acpi_iommu *out)
{
	struct ovbs_iommu_unit u = { .kind = OVBS_IOMMU_AMD };
	size_t header = ivhd_header(t->data[at]);
	bool again = false;
	int err;

	if (len < header)
		return REFUSE(out->why, "offset %zu: IVHD of %zu bytes, too short", at, len);
	u.base = get(t, at + IVHD_BASE, 8);
	u.segment = (uint16_t)get(t, at + IVHD_SEGMENT, 2);
	u.function = (uint16_t)get(t, at + IVHD_ID, 2);
	u.capability = (uint16_t)get(t, at + IVHD_CAPABILITY, 2);
	if (u.capability == 0)
		return REFUSE(out->why, "offset %zu: capability offset is 0", at);
	err = check_registers(u.base, IVHD_REGISTERS, IVHD_REGISTERS, at, out->why);
	if (err == 0)
		err = check_device_entries(t, at + header, at + len, out->why);
	if (err == 0)
		err = ivrs_known(out, &u, at, &again);
	return err == 0 && !again ? add_unit(out, &u, at) : err;
}

static int ivrs_range(const struct table *t, size_t at, size_t len, struct acpi_iommu *out)
{
	uint64_t start, size;

	if (len < IVMD_SIZE)
		return REFUSE(out->why, "offset %zu: IVMD of %zu bytes, not 32", at, len);
	if ((t->data[at + IVMD_FLAGS] & (IVMD_F_UNITY | IVMD_F_EXCLUSION)) == 0)
		return 0;
	start = get(t, at + IVMD_START, 8);
	size = get(t, at + IVMD_LENGTH, 8);
	if (size == 0 || size - 1 > ALL_ONES - start)
		return REFUSE(out->why, "offset %zu: memory range of %llxh bytes", at,
			      (unsigned long long)size);
	return add_range(out, start, start + (size - 1), at);
}

static int ivrs_blocks(const struct table *t, struct acpi_iommu *out)
{
	size_t block;
	int err = 0;

	for (size_t at = FIRST_BLOCK; at < t->len && err == 0; at += block) {
		block = t->len - at >= BLOCK_MIN ? (size_t)get(t, at + 2, 2) : 0;
		if (block < BLOCK_MIN || block > t->len - at)
			return REFUSE(out->why, "offset %zu: block of %zu bytes", at, block);
		if (t->data[at] >= IVMD_FIRST && t->data[at] <= IVMD_LAST)
			err = ivrs_range(t, at, block, out);
		else if (ivhd_header(t->data[at]) != 0)
			err = ivrs_unit(t, at, block, out);
	}
	if (err == 0 && out->units == 0)
		return REFUSE(out->why, "no remapping unit (IVHD) in %zu bytes", t->len);
	return err;
}

int acpi_ivrs_decode(const void *table, size_t len, struct acpi_iommu *out)
{
	struct table t = { table, len };
	int err;

	memset(out, 0, sizeof(*out));
	out->kind = OVBS_IOMMU_AMD;
	err = open_table(&t, "IVRS", FIRST_BLOCK, out->why);
	return err != 0 ? err : finish(out, ivrs_blocks(&t, out));
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
