/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ACPI tables: see acpi_pm.h.
 *
 * Checksums are not verified: firmware with wrong ones exists and operating
 * systems boot on it. What matters is that no length is believed unchecked.
 */
#include "acpi_pm.h"

#include "ovbs_errno.h"
#include "ovbs_string.h"

#define HEADER_SIZE 36u
#define TABLE_MAX   (16u << 20) /* no table of a real machine comes near */
#define ENTRIES_MAX 512u

/* ACPI 6.5, table 5.9 */
#define FADT_DSDT          40
#define FADT_PM1A_EVT      56
#define FADT_PM1B_EVT      60
#define FADT_PM1A_CNT      64
#define FADT_PM1B_CNT      68
#define FADT_FLAGS         112
#define FADT_RESET_REG     116
#define FADT_RESET_VALUE   128
#define FADT_X_DSDT        140
#define FADT_X_PM1A_EVT    148
#define FADT_X_PM1B_EVT    160
#define FADT_X_PM1A_CNT    172
#define FADT_X_PM1B_CNT    184
#define FADT_SLEEP_CONTROL 244
#define FADT_PM1_END       72 /* a shorter table has no PM1 control ports */

#define FADT_F_RESET_REG  (1u << 10)
#define FADT_F_HW_REDUCED (1u << 20)

/* ACPI 6.5, table 5.1 */
#define GAS_SYSTEM_MEMORY 0
#define GAS_SYSTEM_IO     1
#define GAS_SIZE          12

/* ACPI 6.5, 20.2: AML encoding */
#define AML_ZERO    0x00
#define AML_ONE     0x01
#define AML_NAME    0x08
#define AML_BYTE    0x0A
#define AML_WORD    0x0B
#define AML_PACKAGE 0x12
#define AML_ROOT    0x5C /* '\' */
#define SLP_TYP_MAX 7

struct table {
	const uint8_t *data;
	size_t len;
};

/* Fields beyond the table's end read as 0: older revisions are shorter. */
static uint64_t field(const struct table *t, size_t at, size_t size)
{
	uint64_t value = 0;

	if (at <= t->len && size <= t->len - at)
		memcpy(&value, t->data + at, size);
	return value;
}

static uint16_t io_port(uint64_t address)
{
	return address <= UINT16_MAX ? (uint16_t)address : 0;
}

static uint16_t gas_port(const struct table *t, size_t at)
{
	if (field(t, at, 1) != GAS_SYSTEM_IO)
		return 0;
	return io_port(field(t, at + 4, 8));
}

/* The extended field wins where it is there (ACPI 6.5, table 5.9). */
static uint16_t pm1_port(const struct table *t, size_t extended, size_t legacy)
{
	uint16_t port = gas_port(t, extended);

	return port != 0 ? port : io_port(field(t, legacy, 4));
}

int acpi_fadt_decode(const void *fadt, size_t len, struct ovbs_acpi_pm *pm)
{
	struct table t = { fadt, len };
	uint32_t flags;

	if (len < FADT_PM1_END || memcmp(fadt, "FACP", 4) != 0)
		return -EINVAL;
	pm->pm1a_evt_port = pm->pm1b_evt_port = pm->pm1a_cnt_port = pm->pm1b_cnt_port = 0;
	pm->sleep_control_port = pm->reset_port = 0;
	pm->reset_value = 0;
	flags = (uint32_t)field(&t, FADT_FLAGS, 4);
	if ((flags & FADT_F_HW_REDUCED) != 0) {
		pm->sleep_control_port = gas_port(&t, FADT_SLEEP_CONTROL);
	} else {
		pm->pm1a_evt_port = pm1_port(&t, FADT_X_PM1A_EVT, FADT_PM1A_EVT);
		pm->pm1b_evt_port = pm1_port(&t, FADT_X_PM1B_EVT, FADT_PM1B_EVT);
		pm->pm1a_cnt_port = pm1_port(&t, FADT_X_PM1A_CNT, FADT_PM1A_CNT);
		pm->pm1b_cnt_port = pm1_port(&t, FADT_X_PM1B_CNT, FADT_PM1B_CNT);
	}
	if ((flags & FADT_F_RESET_REG) != 0) {
		pm->reset_port = gas_port(&t, FADT_RESET_REG);
		pm->reset_value = (uint8_t)field(&t, FADT_RESET_VALUE, 1);
	}
	return 0;
}

/* A constant integer of one or two bytes; *at moves behind it. */
static bool aml_integer(const struct table *t, size_t *at, uint64_t *value)
{
	size_t bytes;

	if (*at >= t->len)
		return false;
	switch (t->data[(*at)++]) {
	case AML_ZERO:
		*value = 0;
		return true;
	case AML_ONE:
		*value = 1;
		return true;
	case AML_BYTE:
		bytes = 1;
		break;
	case AML_WORD:
		bytes = 2;
		break;
	default:
		return false;
	}
	if (t->len - *at < bytes)
		return false;
	*value = field(t, *at, bytes);
	*at += bytes;
	return true;
}

/* From the byte after the name: PackageOp, PkgLength, NumElements, two integers. */
static bool aml_sleep_package(const struct table *t, size_t at, uint8_t *a, uint8_t *b)
{
	uint64_t typ_a, typ_b;
	size_t more;

	if (t->len - at < 2 || t->data[at] != AML_PACKAGE)
		return false;
	at++;
	more = t->data[at] >> 6; /* 20.2.4: bits 7-6 say how many length bytes follow */
	if (t->len - at < 1 + more + 1)
		return false;
	at += 1 + more;
	if (t->data[at++] < 2)
		return false;
	if (!aml_integer(t, &at, &typ_a) || !aml_integer(t, &at, &typ_b))
		return false;
	if (typ_a > SLP_TYP_MAX || typ_b > SLP_TYP_MAX)
		return false;
	*a = (uint8_t)typ_a;
	*b = (uint8_t)typ_b;
	return true;
}

bool acpi_find_s5(const uint8_t *aml, size_t len, uint8_t *a, uint8_t *b)
{
	struct table t = { aml, len };

	for (size_t at = 1; at < len && len - at >= 4; at++) {
		bool named;

		if (memcmp(aml + at, "_S5_", 4) != 0)
			continue;
		named = aml[at - 1] == AML_NAME ||
			(aml[at - 1] == AML_ROOT && at >= 2 && aml[at - 2] == AML_NAME);
		if (named && aml_sleep_package(&t, at + 4, a, b))
			return true;
	}
	return false;
}

/* A whole table, by the length in its header. */
static bool map_table(const struct acpi_memory *memory, uint64_t address, struct table *t)
{
	uint32_t len;

	t->data = address != 0 ? memory->map(memory, address, HEADER_SIZE) : NULL;
	if (t->data == NULL)
		return false;
	memcpy(&len, t->data + 4, sizeof(len));
	if (len < HEADER_SIZE || len > TABLE_MAX)
		return false;
	t->data = memory->map(memory, address, len);
	t->len = len;
	return t->data != NULL;
}

bool acpi_root(const struct acpi_memory *memory, uint64_t rsdp, uint64_t *xsdt, uint32_t *rsdt)
{
	const uint8_t *p = rsdp != 0 ? memory->map(memory, rsdp, 20) : NULL;

	if (p == NULL || memcmp(p, "RSD PTR ", 8) != 0)
		return false;
	memcpy(rsdt, p + 16, sizeof(*rsdt));
	*xsdt = 0;
	if (p[15] < 2)
		return true;
	p = memory->map(memory, rsdp, 36);
	if (p != NULL)
		memcpy(xsdt, p + 24, sizeof(*xsdt));
	return p != NULL;
}

/* XSDT or RSDT; *width is the size of an entry. */
static bool map_root(const struct acpi_memory *memory, uint64_t rsdp, struct table *root, size_t *width)
{
	uint64_t xsdt;
	uint32_t rsdt;

	if (!acpi_root(memory, rsdp, &xsdt, &rsdt))
		return false;
	*width = 8;
	if (map_table(memory, xsdt, root) && memcmp(root->data, "XSDT", 4) == 0)
		return true;
	*width = 4;
	return map_table(memory, rsdt, root) && memcmp(root->data, "RSDT", 4) == 0;
}

/* The n-th table (from *index on) with this signature; *index moves behind it. */
static bool next_named(const struct acpi_memory *memory, uint64_t rsdp, const char *signature,
		       size_t *index, struct table *t)
{
	struct table root;
	size_t width, count;

	if (!map_root(memory, rsdp, &root, &width))
		return false;
	count = (root.len - HEADER_SIZE) / width;
	if (count > ENTRIES_MAX)
		count = ENTRIES_MAX;
	while (*index < count) {
		uint64_t address = field(&root, HEADER_SIZE + *index * width, width);

		(*index)++;
		if (map_table(memory, address, t) && memcmp(t->data, signature, 4) == 0)
			return true;
	}
	return false;
}

static bool table_has_s5(const struct table *t, struct ovbs_acpi_pm *pm)
{
	return acpi_find_s5(t->data + HEADER_SIZE, t->len - HEADER_SIZE, &pm->s5_typ_a, &pm->s5_typ_b);
}

static bool read_s5(const struct acpi_memory *memory, uint64_t rsdp, const struct table *fadt,
		    struct ovbs_acpi_pm *pm)
{
	uint64_t address = field(fadt, FADT_X_DSDT, 8);
	struct table t;
	size_t index = 0;

	if (address == 0)
		address = field(fadt, FADT_DSDT, 4);
	if (map_table(memory, address, &t) && memcmp(t.data, "DSDT", 4) == 0 && table_has_s5(&t, pm))
		return true;
	while (next_named(memory, rsdp, "SSDT", &index, &t))
		if (table_has_s5(&t, pm))
			return true;
	return false;
}

int acpi_pm_read(const struct acpi_memory *memory, uint64_t rsdp, struct ovbs_acpi_pm *pm)
{
	struct table fadt;
	size_t index = 0;

	memset(pm, 0, sizeof(*pm));
	if (!next_named(memory, rsdp, "FACP", &index, &fadt))
		return -ENOENT;
	if (acpi_fadt_decode(fadt.data, fadt.len, pm) != 0)
		return -ENOENT;
	pm->s5_found = read_s5(memory, rsdp, &fadt, pm);
	return 0;
}

#define MADT_FIRST  44 /* after the header, local APIC address and flags */
#define MADT_LAPIC  0  /* processor, identifier, flags */
#define MADT_X2APIC 9

unsigned int acpi_madt_cpus(const struct acpi_memory *memory, uint64_t rsdp, uint32_t flags, uint32_t *first_id)
{
	unsigned int cpus = 0;
	struct table madt;
	size_t index = 0;

	if (!next_named(memory, rsdp, "APIC", &index, &madt))
		return 0;
	for (size_t at = MADT_FIRST; at < madt.len && madt.len - at >= 2;) {
		uint8_t type = madt.data[at], len = madt.data[at + 1];
		bool x2 = type == MADT_X2APIC && len >= 16, x1 = type == MADT_LAPIC && len >= 8;

		if (len < 2 || len > madt.len - at)
			break;
		if ((x1 && (field(&madt, at + 4, 4) & flags) != 0) ||
		    (x2 && (field(&madt, at + 8, 4) & flags) != 0)) {
			if (cpus++ == 0)
				*first_id = (uint32_t)(x1 ? field(&madt, at + 3, 1) :
							    field(&madt, at + 4, 4));
		}
		at += len;
	}
	return cpus;
}

#define MCFG_FIRST 44 /* after the header and a reserved field */
#define MCFG_ENTRY 16 /* base, segment, first and last bus, reserved */

unsigned int acpi_mcfg_read(const struct acpi_memory *memory, uint64_t rsdp, uint64_t *base)
{
	struct table mcfg;
	size_t index = 0;

	if (!next_named(memory, rsdp, "MCFG", &index, &mcfg))
		return 0;
	for (size_t at = MCFG_FIRST; at < mcfg.len && mcfg.len - at >= MCFG_ENTRY; at += MCFG_ENTRY) {
		uint8_t first = mcfg.data[at + 10], last = mcfg.data[at + 11];

		if (field(&mcfg, at + 8, 2) != 0 || first != 0)
			continue;
		*base = field(&mcfg, at, 8);
		return last + 1u;
	}
	return 0;
}

#define HPET_GAS 40 /* IA-PC HPET 1.0a, 3.2.4: base address, 12 bytes */

uint64_t acpi_hpet_read(const struct acpi_memory *memory, uint64_t rsdp)
{
	struct table hpet;
	size_t index = 0;

	if (!next_named(memory, rsdp, "HPET", &index, &hpet) || field(&hpet, HPET_GAS, 1) != GAS_SYSTEM_MEMORY)
		return 0;
	return field(&hpet, HPET_GAS + 4, 8);
}

bool acpi_find_table(const struct acpi_memory *memory, uint64_t rsdp, const char *signature,
		     const void **table, size_t *len)
{
	struct table root, t;
	size_t width, count;

	if (!map_root(memory, rsdp, &root, &width))
		return false;
	count = (root.len - HEADER_SIZE) / width;
	for (size_t i = 0; i < count && i < ENTRIES_MAX; i++) {
		uint64_t address = field(&root, HEADER_SIZE + i * width, width);

		t.data = address != 0 ? memory->map(memory, address, HEADER_SIZE) : NULL;
		if (t.data == NULL || memcmp(t.data, signature, 4) != 0)
			continue;
		*len = HEADER_SIZE;
		*table = t.data;
		if (map_table(memory, address, &t)) {
			*table = t.data;
			*len = t.len;
		}
		return true;
	}
	return false;
}
