// SPDX-License-Identifier: GPL-2.0-only
/*
 * ACPI tables: FADT ports, \_S5_ in AML as compilers write it, the way from
 * the root pointer to the tables, and the CPUs of the MADT.
 */
/* links: boot/acpi_pm.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../../boot/acpi_pm.h"

/* --- \_S5_ ------------------------------------------------------------- */

static bool find(const void *aml, size_t len, uint8_t *a, uint8_t *b)
{
	uint8_t *exact = malloc(len ? len : 1);
	bool found;

	memcpy(exact, aml, len);
	found = acpi_find_s5(exact, len, a, b);
	free(exact);
	return found;
}

#define AML(text) text, sizeof(text) - 1

static void test_s5(void **state)
{
	static const struct {
		const char *name, *aml;
		size_t len;
		bool found;
		uint8_t a, b;
	} rows[] = {
		{ "QEMU q35", AML("\x08_S5_\x12\x06\x04\x00\x00\x00\x00"), true, 0, 0 },
		{ "bytes", AML("\x10\x08_S5_\x12\x0A\x04\x0A\x05\x0A\x07\x00\x00"), true, 5, 7 },
		{ "root prefix", AML("\x10\x08\\_S5_\x12\x08\x04\x0A\x05\x01\x00\x00"), true, 5, 1 },
		{ "word", AML("\x08_S5_\x12\x08\x02\x0B\x06\x00\x0A\x03"), true, 6, 3 },
		{ "two length bytes", AML("\x08_S5_\x12\x47\x00\x02\x0A\x02\x0A\x03"), true, 2, 3 },
		{ "four length bytes", AML("\x08_S5_\x12\xC7\x00\x00\x00\x02\x01\x01"), true, 1, 1 },
		{ "highest types", AML("\x08_S5_\x12\x06\x02\x0A\x07\x0A\x07"), true, 7, 7 },
		{ "shortest", AML("\x08_S5_\x12\x04\x02\x00\x01"), true, 0, 1 },
		{ "second one counts", AML("\x08_S5_\x11\x08_S5_\x12\x04\x02\x0A\x05\x00"), true, 5, 0 },
		{ "only used, not defined", AML("\x70_S5_\x12\x06\x04\x00\x00"), false, 0, 0 },
		{ "root prefix, only used", AML("\x70\\_S5_\x12\x06\x04\x00\x00"), false, 0, 0 },
		{ "nothing before it", AML("_S5_\x12\x06\x04\x00\x00"), false, 0, 0 },
		{ "another name", AML("\x08_S4_\x12\x06\x04\x00\x00"), false, 0, 0 },
		{ "one element", AML("\x08_S5_\x12\x03\x01\x00"), false, 0, 0 },
		{ "one element in the package", AML("\x08_S5_\x12\x03\x04\x0A\x05"), false, 0, 0 },
		{ "too large", AML("\x08_S5_\x12\x06\x02\x0A\x08\x00"), false, 0, 0 },
		{ "too large b", AML("\x08_S5_\x12\x06\x02\x00\x0A\x08"), false, 0, 0 },
		{ "word too large", AML("\x08_S5_\x12\x06\x02\x0B\x05\x01\x00"), false, 0, 0 },
		{ "a name in it", AML("\x08_S5_\x12\x08\x02_TYP\x00"), false, 0, 0 },
		{ "no package", AML("\x08_S5_\x0A\x05"), false, 0, 0 },
		{ "nothing", AML(""), false, 0, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t a = 0xAA, b = 0xBB;
		bool found = find(rows[i].aml, rows[i].len, &a, &b);

		if (found != rows[i].found)
			fail_msg("%s: %s", rows[i].name, found ? "found" : "not found");
		assert_int_equal(a, found ? rows[i].a : 0xAA);
		assert_int_equal(b, found ? rows[i].b : 0xBB);
	}
}

static void test_s5_truncated(void **state)
{
	static const char aml[] = "\x08_S5_\x12\xC7\x00\x00\x00\x02\x0B\x05\x00\x0A\x05";

	for (size_t len = 0; len < sizeof(aml) - 1; len++) {
		uint8_t a, b;

		assert_false(find(aml, len, &a, &b));
	}
}

/* --- tables in a small physical memory ----------------------------------- */

#define MEMORY_BASE 0x10000u
#define MEMORY_SIZE 0x4000u

struct physical {
	struct acpi_memory memory;
	uint8_t *bytes;
};

static const void *map(const struct acpi_memory *memory, uint64_t address, size_t len)
{
	const struct physical *p = (const struct physical *)memory;

	if (address < MEMORY_BASE || address - MEMORY_BASE > MEMORY_SIZE ||
	    len > MEMORY_SIZE - (address - MEMORY_BASE))
		return NULL;
	return p->bytes + (address - MEMORY_BASE);
}

static void put(struct physical *p, uint64_t address, uint64_t value, size_t size)
{
	memcpy(p->bytes + (address - MEMORY_BASE), &value, size);
}

static void put_table(struct physical *p, uint64_t address, const char *signature, uint32_t len)
{
	memcpy(p->bytes + (address - MEMORY_BASE), signature, 4);
	put(p, address + 4, len, 4);
}

#define RSDP 0x10000u
#define XSDT 0x10100u
#define RSDT 0x10300u
#define FADT 0x11000u
#define DSDT 0x12001u /* nothing promises an alignment */
#define SSDT 0x12800u
#define MADT 0x13000u

static const char S5[] = "\x08_S5_\x12\x07\x04\x0A\x05\x0A\x06\x00\x00";

static void put_s5(struct physical *p, uint64_t table, const char *signature)
{
	put_table(p, table, signature, 36 + sizeof(S5) - 1);
	memcpy(p->bytes + (table + 36 - MEMORY_BASE), S5, sizeof(S5) - 1);
}

static void put_gas(struct physical *p, uint64_t address, uint8_t space, uint64_t where)
{
	put(p, address, space, 1);
	put(p, address + 4, where, 8);
}

/* Like QEMU's q35, with a \_S5_ in the DSDT. */
static int setup(void **state)
{
	struct physical *p = calloc(1, sizeof(*p));

	p->memory.map = map;
	p->bytes = calloc(1, MEMORY_SIZE);
	memcpy(p->bytes, "RSD PTR ", 8);
	put(p, RSDP + 15, 2, 1);
	put(p, RSDP + 16, RSDT, 4);
	put(p, RSDP + 24, XSDT, 8);
	put_table(p, XSDT, "XSDT", 36 + 3 * 8);
	put(p, XSDT + 36, SSDT, 8);
	put(p, XSDT + 44, FADT, 8);
	put(p, XSDT + 52, MADT, 8);
	put_table(p, RSDT, "RSDT", 36 + 4);
	put(p, RSDT + 36, FADT, 4);
	put_table(p, FADT, "FACP", 276);
	put(p, FADT + 40, DSDT, 4);
	put(p, FADT + 56, 0x600, 4);
	put(p, FADT + 64, 0x604, 4);
	put(p, FADT + 112, 1 << 10, 4);
	put_gas(p, FADT + 116, 1, 0xCF9);
	put(p, FADT + 128, 0x0F, 1);
	put_s5(p, DSDT, "DSDT");
	put_table(p, SSDT, "SSDT", 36);
	put_table(p, MADT, "APIC", 44 + 3 * 8 + 16);
	for (unsigned int i = 0; i < 3; i++) {
		put(p, MADT + 44 + i * 8, 0x0800, 2); /* type 0, length 8 */
		put(p, MADT + 44 + i * 8 + 3, 4 + i, 1);
		put(p, MADT + 44 + i * 8 + 4, i != 0, 4); /* the first one is disabled */
	}
	put(p, MADT + 68, 0x1009, 2); /* x2APIC, length 16 */
	put(p, MADT + 68 + 4, 300, 4);
	put(p, MADT + 68 + 8, 1, 4);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct physical *p = *state;

	free(p->bytes);
	free(p);
	return 0;
}

static void test_all(void **state)
{
	struct physical *p = *state;
	struct ovbs_acpi_pm pm;

	memset(&pm, 0xAA, sizeof(pm));
	assert_int_equal(acpi_pm_read(&p->memory, RSDP, &pm), 0);
	assert_int_equal(pm.pm1a_evt_port, 0x600);
	assert_int_equal(pm.pm1b_evt_port, 0);
	assert_int_equal(pm.pm1a_cnt_port, 0x604);
	assert_int_equal(pm.pm1b_cnt_port, 0);
	assert_int_equal(pm.sleep_control_port, 0);
	assert_int_equal(pm.reset_port, 0xCF9);
	assert_int_equal(pm.reset_value, 0x0F);
	assert_int_equal(pm.s5_found, 1);
	assert_int_equal(pm.s5_typ_a, 5);
	assert_int_equal(pm.s5_typ_b, 6);
}

static void test_extended_fields_win(void **state)
{
	struct physical *p = *state;
	struct ovbs_acpi_pm pm;

	put_gas(p, FADT + 148, 1, 0x1000);
	put_gas(p, FADT + 160, 1, 0x1010);
	put_gas(p, FADT + 172, 1, 0x1004);
	put_gas(p, FADT + 184, 0, 0xFED00000); /* in memory: not a port */
	put(p, FADT + 68, 0x1014, 4);
	put(p, FADT + 140, SSDT, 8); /* X_DSDT */
	put_table(p, SSDT, "DSDT", 36);
	assert_int_equal(acpi_pm_read(&p->memory, RSDP, &pm), 0);
	assert_int_equal(pm.pm1a_evt_port, 0x1000);
	assert_int_equal(pm.pm1b_evt_port, 0x1010);
	assert_int_equal(pm.pm1a_cnt_port, 0x1004);
	assert_int_equal(pm.pm1b_cnt_port, 0x1014);
	assert_int_equal(pm.s5_found, 0);
}

static void test_port_range(void **state)
{
	struct physical *p = *state;
	struct ovbs_acpi_pm pm;

	put_gas(p, FADT + 148, 1, 0xFFFF);
	put_gas(p, FADT + 160, 1, 0x10000);
	assert_int_equal(acpi_pm_read(&p->memory, RSDP, &pm), 0);
	assert_int_equal(pm.pm1a_evt_port, 0xFFFF);
	assert_int_equal(pm.pm1b_evt_port, 0);
}

static void test_hardware_reduced(void **state)
{
	struct physical *p = *state;
	struct ovbs_acpi_pm pm;

	put(p, FADT + 112, 1 << 20, 4);
	put_gas(p, FADT + 244, 1, 0x620);
	assert_int_equal(acpi_pm_read(&p->memory, RSDP, &pm), 0);
	assert_int_equal(pm.sleep_control_port, 0x620);
	assert_int_equal(pm.pm1a_cnt_port, 0);
	assert_int_equal(pm.reset_port, 0); /* RESET_REG_SUP is not set */
	assert_int_equal(pm.reset_value, 0);
	put_gas(p, FADT + 244, 0, 0x620);
	assert_int_equal(acpi_pm_read(&p->memory, RSDP, &pm), 0);
	assert_int_equal(pm.sleep_control_port, 0);
}

/* ACPI 1.0: no XSDT, a FADT of 116 bytes that ends before RESET_REG. */
static void test_old_revision(void **state)
{
	struct physical *p = *state;
	struct ovbs_acpi_pm pm;

	put(p, RSDP + 15, 0, 1);
	put(p, FADT + 4, 116, 4);
	assert_int_equal(acpi_pm_read(&p->memory, RSDP, &pm), 0);
	assert_int_equal(pm.pm1a_cnt_port, 0x604);
	assert_int_equal(pm.reset_port, 0);
	assert_int_equal(pm.s5_found, 1);
	put(p, RSDT + 36, MADT, 4);
	assert_int_not_equal(acpi_pm_read(&p->memory, RSDP, &pm), 0);
}

static void test_s5_in_ssdt(void **state)
{
	struct physical *p = *state;
	struct ovbs_acpi_pm pm;

	put_table(p, DSDT, "DSDT", 36);
	put_s5(p, SSDT, "SSDT");
	assert_int_equal(acpi_pm_read(&p->memory, RSDP, &pm), 0);
	assert_int_equal(pm.s5_found, 1);
	put_table(p, SSDT, "XXXX", 36 + sizeof(S5) - 1);
	assert_int_equal(acpi_pm_read(&p->memory, RSDP, &pm), 0);
	assert_int_equal(pm.s5_found, 0);
}

/* Broken pointers and lengths: no fact is made up. */
static void test_broken(void **state)
{
	struct physical *p = *state;
	struct ovbs_acpi_pm pm;

	assert_int_not_equal(acpi_pm_read(&p->memory, 0, &pm), 0);
	assert_int_not_equal(acpi_pm_read(&p->memory, MEMORY_BASE + MEMORY_SIZE - 10, &pm), 0);
	assert_int_not_equal(acpi_pm_read(&p->memory, XSDT, &pm), 0);
	assert_int_equal(pm.pm1a_cnt_port, 0);

	put(p, DSDT + 4, 0xFFFFFFFF, 4);
	assert_int_equal(acpi_pm_read(&p->memory, RSDP, &pm), 0);
	assert_int_equal(pm.s5_found, 0);
	put(p, DSDT + 4, 35, 4);
	assert_int_equal(acpi_pm_read(&p->memory, RSDP, &pm), 0);
	assert_int_equal(pm.s5_found, 0);

	put(p, XSDT + 36, 1, 8); /* one bad entry does not hide the others */
	assert_int_equal(acpi_pm_read(&p->memory, RSDP, &pm), 0);
	put(p, FADT + 4, 71, 4);
	assert_int_not_equal(acpi_pm_read(&p->memory, RSDP, &pm), 0);
	put(p, FADT + 4, 276, 4);
	put(p, XSDT + 4, MEMORY_SIZE, 4); /* reaches beyond memory: the RSDT is used */
	assert_int_equal(acpi_pm_read(&p->memory, RSDP, &pm), 0);
	put(p, RSDT + 4, MEMORY_SIZE, 4);
	assert_int_not_equal(acpi_pm_read(&p->memory, RSDP, &pm), 0);
}

static void test_fadt_alone(void **state)
{
	struct physical *p = *state;
	const uint8_t *fadt = p->bytes + (FADT - MEMORY_BASE);
	struct ovbs_acpi_pm pm;

	for (size_t len = 0; len <= 276; len++) {
		uint8_t *exact = malloc(len ? len : 1);
		int rc;

		memcpy(exact, fadt, len);
		memset(&pm, 0xAA, sizeof(pm));
		rc = acpi_fadt_decode(exact, len, &pm);
		assert_int_equal(rc == 0, len >= 72);
		assert_int_equal(pm.s5_found, 0xAA); /* not its business */
		if (rc == 0)
			assert_int_equal(pm.reset_port, len >= 128 ? 0xCF9 : 0);
		free(exact);
	}
	p->bytes[FADT - MEMORY_BASE] = 'X';
	assert_int_not_equal(acpi_fadt_decode(fadt, 276, &pm), 0);
}

static void test_madt(void **state)
{
	struct physical *p = *state;
	uint32_t first = 0;

	assert_int_equal(acpi_madt_cpus(&p->memory, RSDP, MADT_F_ENABLED, &first), 3);
	assert_int_equal(first, 5);
	put(p, MADT + 4, 44 + 16, 4);
	assert_int_equal(acpi_madt_cpus(&p->memory, RSDP, MADT_F_ENABLED, &first), 1);
	put(p, MADT + 4, 44 + 15, 4); /* cut within the second entry */
	first = 77;
	assert_int_equal(acpi_madt_cpus(&p->memory, RSDP, MADT_F_ENABLED, &first), 0);
	assert_int_equal(first, 77);
	put(p, MADT + 4, 44 + 40, 4);
	put(p, MADT + 45, 0, 1); /* an entry of length 0 must not hang */
	assert_int_equal(acpi_madt_cpus(&p->memory, RSDP, MADT_F_ENABLED, &first), 0);
	put(p, XSDT + 52, 0, 8);
	assert_int_equal(acpi_madt_cpus(&p->memory, RSDP, MADT_F_ENABLED, &first), 0);
}

static void test_madt_flags(void **state)
{
	struct physical *p = *state;
	uint32_t first = 0;

	/* The second entry becomes a CPU that can be added later. */
	put(p, MADT + 44 + 8 + 4, MADT_F_ONLINE_CAPABLE, 4);
	assert_int_equal(acpi_madt_cpus(&p->memory, RSDP, MADT_F_ENABLED | MADT_F_ONLINE_CAPABLE, &first),
			 acpi_madt_cpus(&p->memory, RSDP, MADT_F_ENABLED, &first) + 1);
}

static void test_hpet(void **state)
{
	struct physical *p = *state;

	assert_int_equal(acpi_hpet_read(&p->memory, RSDP), 0);
	put_table(p, SSDT, "HPET", 56);
	put_gas(p, SSDT + 40, 0, 0xFED00000);
	assert_int_equal(acpi_hpet_read(&p->memory, RSDP), 0xFED00000);
	put_gas(p, SSDT + 40, 1, 0x600); /* in I/O space: none that is known */
	assert_int_equal(acpi_hpet_read(&p->memory, RSDP), 0);
	put_table(p, SSDT, "HPET", 40); /* ends before the address */
	assert_int_equal(acpi_hpet_read(&p->memory, RSDP), 0);
}

static void test_mcfg(void **state)
{
	struct physical *p = *state;
	uint64_t base = 77;

	assert_int_equal(acpi_mcfg_read(&p->memory, RSDP, &base), 0);
	assert_int_equal(base, 77);
	put_table(p, MADT, "MCFG", 44 + 32);
	memset(p->bytes + (MADT + 44 - MEMORY_BASE), 0, 32);
	put(p, MADT + 44, 0xF0000000, 8);
	put(p, MADT + 44 + 8, 1, 2); /* another segment: not ours */
	put(p, MADT + 60, 0xE0000000, 8);
	put(p, MADT + 60 + 11, 0xFF, 1);
	assert_int_equal(acpi_mcfg_read(&p->memory, RSDP, &base), 256);
	assert_int_equal(base, 0xE0000000);
	put(p, MADT + 4, 44 + 31, 4); /* cut within the second entry */
	assert_int_equal(acpi_mcfg_read(&p->memory, RSDP, &base), 0);
}

/* What looks like a CPU but is none, and the largest numbers. */
static void test_madt_entries(void **state)
{
	struct physical *p = *state;
	uint32_t first = 0;

	put(p, MADT + 68 + 8, 2, 4); /* online capable, not enabled */
	assert_int_equal(acpi_madt_cpus(&p->memory, RSDP, MADT_F_ENABLED, &first), 2);
	put(p, MADT + 52, 0x0802, 2); /* an interrupt override */
	assert_int_equal(acpi_madt_cpus(&p->memory, RSDP, MADT_F_ENABLED, &first), 1);
	assert_int_equal(first, 6);
	put(p, MADT + 60, 0x0400, 2); /* too short to have flags; then one that ends the table */
	put(p, MADT + 64, 0x1409, 2);
	put(p, MADT + 64 + 4, 300, 4);
	put(p, MADT + 64 + 8, 1, 4);
	assert_int_equal(acpi_madt_cpus(&p->memory, RSDP, MADT_F_ENABLED, &first), 1);
	assert_int_equal(first, 300);
	put(p, MADT + 65, 12, 1);
	assert_int_equal(acpi_madt_cpus(&p->memory, RSDP, MADT_F_ENABLED, &first), 0);
}

/* Only so many entries of the root are looked at. */
static void test_many_tables(void **state)
{
	struct physical *p = *state;
	struct ovbs_acpi_pm pm;

	memset(p->bytes + (0x12000 - MEMORY_BASE), 0, 0x1800);
	put(p, RSDP + 24, 0x12000, 8);
	put(p, RSDP + 16, 0, 4);
	put_table(p, 0x12000, "XSDT", 36 + 513 * 8);
	put(p, 0x12000 + 36 + 512 * 8, FADT, 8);
	assert_int_not_equal(acpi_pm_read(&p->memory, RSDP, &pm), 0);
	put(p, 0x12000 + 36 + 511 * 8, FADT, 8);
	assert_int_equal(acpi_pm_read(&p->memory, RSDP, &pm), 0);
}

/* A root pointer whose second half is beyond memory. */
static void test_rsdp_at_the_edge(void **state)
{
	struct physical *p = *state;
	struct ovbs_acpi_pm pm;
	uint64_t edge = MEMORY_BASE + MEMORY_SIZE - 35;

	memcpy(p->bytes + MEMORY_SIZE - 35, p->bytes, 35);
	assert_int_not_equal(acpi_pm_read(&p->memory, edge, &pm), 0);
	p->bytes[edge + 15 - MEMORY_BASE] = 0; /* revision 0: 20 bytes are all of it */
	assert_int_equal(acpi_pm_read(&p->memory, edge, &pm), 0);
}

#define WITH_TABLES(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_s5),
		cmocka_unit_test(test_s5_truncated),
		WITH_TABLES(test_all),
		WITH_TABLES(test_extended_fields_win),
		WITH_TABLES(test_hardware_reduced),
		WITH_TABLES(test_old_revision),
		WITH_TABLES(test_s5_in_ssdt),
		WITH_TABLES(test_broken),
		WITH_TABLES(test_fadt_alone),
		WITH_TABLES(test_madt),
		WITH_TABLES(test_madt_flags),
		WITH_TABLES(test_hpet),
		WITH_TABLES(test_mcfg),
		WITH_TABLES(test_madt_entries),
		WITH_TABLES(test_many_tables),
		WITH_TABLES(test_rsdp_at_the_edge),
		WITH_TABLES(test_port_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
