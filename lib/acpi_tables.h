/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What openvbs reads of ACPI's IOMMU tables and of WSMT. Buffers in, numbers
 * out; used by the loader and by vbsctl, and fuzzed. A table that makes no
 * sense (checksum, zero or excessive lengths, registers at 0 or all ones,
 * overlapping units) is refused with words that name the offset, never half used.
 */
#ifndef OVBS_ACPI_TABLES_H
#define OVBS_ACPI_TABLES_H

#include <stddef.h>
#include <stdint.h>

#include <openvbs/platform.h>

#include "ovbs_compiler.h"

#define ACPI_WHY_MAX     56
#define ACPI_HEADER_SIZE 36

/**
 * acpi_table_check() - header, length and checksum
 * @table: the table, at least @len bytes of it can be read
 * @len: bytes
 * @signature: 4 characters
 * @why: ACPI_WHY_MAX bytes; written after an error
 *
 * Return: 0, or -EINVAL. Source: ACPI 6.5, 5.2.6. Context: any; pure.
 */
int acpi_table_check(const void *table, size_t len, const char *signature, char *why) __must_check;

struct acpi_iommu {
	enum ovbs_iommu_kind kind;
	uint8_t flags;  /* DMAR flags; 0 for IVRS */
	uint16_t units; /* DRHD, or IVHD of distinct units (one unit may have several IVHD types) */
	char why[ACPI_WHY_MAX];
};

/**
 * acpi_dmar_decode() - Intel VT-d
 * @out: kind and why are always set, the rest after success
 *
 * Return: 0, or -EINVAL. Source: Intel VT-d 4.1, chapter 8. Context: any; pure.
 */
int acpi_dmar_decode(const void *table, size_t len, struct acpi_iommu *out) __must_check;

/** acpi_ivrs_decode() - AMD-Vi; as acpi_dmar_decode(). Source: AMD I/O Virtualization Technology (IOMMU) 3.08, chapter 5. */
int acpi_ivrs_decode(const void *table, size_t len, struct acpi_iommu *out) __must_check;

/**
 * acpi_wsmt_decode() - Windows SMM Security Mitigations Table
 * @flags: protection flags; only written after success
 * @why: ACPI_WHY_MAX bytes; written after an error
 *
 * Return: 0, or -EINVAL. Context: any; pure.
 */
int acpi_wsmt_decode(const void *table, size_t len, uint32_t *flags, char *why) __must_check;

#endif
