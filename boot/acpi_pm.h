/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The few facts of the ACPI tables that openvbs needs: the power management
 * ports, what to write there for power-off, the number of CPUs, where PCI's
 * configuration space and the HPET are.
 *
 * There is no AML interpreter: \_S5_ is found by its encoding. Tables are read
 * through a callback, so that tests and fuzzers can hand in buffers; nothing
 * is read beyond the length that a table's header gives and the callback
 * grants.
 */
#ifndef BOOT_ACPI_PM_H
#define BOOT_ACPI_PM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openvbs/boot_info.h>

#include "ovbs_compiler.h"

/* Physical memory, as far as the caller lets it be read. */
struct acpi_memory {
	/* `len` bytes at `address`, any alignment; NULL if they are not there. */
	const void *(*map)(const struct acpi_memory *memory, uint64_t address, size_t len);
};

/**
 * acpi_fadt_decode() - take the ports out of a FADT
 * @fadt: the table, header included
 * @len: bytes that may be read
 * @pm: port and reset fields are filled, 0 where the table has none; the s5_
 *      fields are left alone
 *
 * Return: 0, or -EINVAL (no FADT, or too short for the PM1 ports).
 * Source: ACPI 6.5, 5.2.9. Context: any; pure.
 */
int acpi_fadt_decode(const void *fadt, size_t len, struct ovbs_acpi_pm *pm) __must_check;

/**
 * acpi_find_s5() - look for Name (\_S5_, Package () {a, b, ...}) in AML
 * @aml: a DSDT or SSDT without its header
 * @len: bytes
 * @a: SLP_TYPa, at most 7
 * @b: SLP_TYPb, at most 7
 *
 * Return: whether it was found; a and b are only written then.
 * Source: ACPI 6.5, 7.4.2 and 20.2 (encoding). Context: any; pure.
 */
bool acpi_find_s5(const uint8_t *aml, size_t len, uint8_t *a, uint8_t *b) __must_check;

/**
 * acpi_pm_read() - find the tables and fill all of @pm
 * @memory: how to read
 * @rsdp: address of the root pointer
 * @pm: zeroed and filled
 *
 * Return: 0, or -ENOENT if a usable root pointer or FADT is not there. A
 * missing \_S5_ is no error: s5_found says it.
 * Source: ACPI 6.5, 5.2.5 to 5.2.9. Context: any.
 */
int acpi_pm_read(const struct acpi_memory *memory, uint64_t rsdp, struct ovbs_acpi_pm *pm) __must_check;

#define MADT_F_ENABLED        1u
#define MADT_F_ONLINE_CAPABLE 2u

/**
 * acpi_madt_cpus() - count the CPUs of the MADT
 * @memory: how to read
 * @rsdp: address of the root pointer
 * @flags: MADT_F_*: an entry counts if it has one of them
 * @first_id: APIC identifier of the first one; only written if there is one
 *
 * A CPU that has both a local APIC and a local x2APIC entry counts twice.
 *
 * Return: the number; 0 if there is no MADT.
 * Source: ACPI 6.5, 5.2.12.2 and 5.2.12.12. Context: any.
 */
unsigned int acpi_madt_cpus(const struct acpi_memory *memory, uint64_t rsdp, uint32_t flags,
			    uint32_t *first_id);

/**
 * acpi_mcfg_read() - where PCI configuration space is memory
 * @memory: how to read
 * @rsdp: address of the root pointer
 * @base: of bus 0 in segment 0; only written if there is one
 *
 * Return: how many buses it covers; 0 if there is no such entry.
 * Source: PCI Firmware 3.3, 4.1.2. Context: any.
 */
unsigned int acpi_mcfg_read(const struct acpi_memory *memory, uint64_t rsdp, uint64_t *base);

/**
 * acpi_hpet_read() - where the registers of the HPET are
 * @memory: how to read
 * @rsdp: address of the root pointer
 *
 * Return: their address in memory; 0 if there is no such table.
 * Source: IA-PC HPET 1.0a, 3.2.4. Context: any.
 */
uint64_t acpi_hpet_read(const struct acpi_memory *memory, uint64_t rsdp);

/**
 * acpi_root() - where the lists of tables are
 * @memory: how to read
 * @rsdp: address of the root pointer
 * @xsdt: 0 if the pointer is of ACPI 1.0
 * @rsdt: may be 0
 *
 * Return: whether there is a root pointer. Source: ACPI 6.5, 5.2.5.3. Context: any.
 */
bool acpi_root(const struct acpi_memory *memory, uint64_t rsdp, uint64_t *xsdt, uint32_t *rsdt) __must_check;

/**
 * acpi_find_table() - a table by its signature, for decoders that check it themselves
 * @memory: how to read
 * @rsdp: address of the root pointer
 * @signature: 4 characters
 * @table: the first one; only written if there is one
 * @len: bytes that may be read: what its header says, or of the header alone if that is nonsense
 *
 * Return: whether there is one. Source: ACPI 6.5, 5.2.5 to 5.2.8. Context: any.
 */
bool acpi_find_table(const struct acpi_memory *memory, uint64_t rsdp, const char *signature,
		     const void **table, size_t *len) __must_check;

#endif
