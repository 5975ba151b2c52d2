/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Taking an ACPI table away from the operating system: the IOMMU's, once the
 * hypervisor owns it. Without its table a stock kernel starts no driver for it,
 * and says nothing.
 *
 * The tables are read as in acpi_pm.h; where the list of tables lies, it must be
 * writable at the address that the callback gives.
 */
#ifndef BOOT_ACPI_HIDE_H
#define BOOT_ACPI_HIDE_H

#include "acpi_pm.h"

/* What became of a table; what is worse is larger. */
enum hide_result {
	HIDE_NOT_THERE,
	HIDE_DONE,    /* no list of tables names it any more */
	HIDE_RENAMED, /* a list could not be changed: its signature was */
	HIDE_FAILED,  /* neither could be changed */
};

/**
 * hide_entries() - take the entries of a table out of one list of tables
 * @memory: how to read the tables that the list names
 * @list: XSDT or RSDT, header included, writable
 * @len: bytes, what its header says
 * @width: of an entry: 8 (XSDT) or 4 (RSDT)
 * @signature: 4 characters: every entry goes whose table begins with them
 *
 * The entries behind move up, what becomes free is zeroed, length and checksum
 * are made right. Nothing is written if there is no such entry.
 *
 * Return: how many are gone. Source: ACPI 6.5, 5.2.6 to 5.2.8. Context: any.
 */
unsigned int hide_entries(const struct acpi_memory *memory, uint8_t *list, size_t len, size_t width,
			  const char *signature);

/**
 * hide_table() - the same for XSDT and RSDT of a root pointer
 * @memory: how to read
 * @rsdp: address of the root pointer
 * @signature: 4 characters
 *
 * Reads back whether that worked; if not, gives the table another signature.
 *
 * Return: what became of it. Context: boot services, identity mapped.
 */
enum hide_result hide_table(const struct acpi_memory *memory, uint64_t rsdp, const char *signature) __must_check;

#endif
