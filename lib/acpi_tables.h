/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What openvbs reads of ACPI's IOMMU tables and of WSMT. Buffers in, numbers
 * and lists out; used by the loader and by vbsctl, and fuzzed. A table that
 * makes no sense (checksum, zero or excessive lengths, registers at 0 or all
 * ones, overlapping units, ranges that end before they start, more than there is
 * room for) is refused with words that name the offset, never half used.
 */
#ifndef OVBS_ACPI_TABLES_H
#define OVBS_ACPI_TABLES_H

#include <stddef.h>
#include <stdint.h>

#include <openvbs/boot_info.h>
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
	uint16_t ranges;
	struct ovbs_iommu_unit unit[OVBS_MAX_IOMMUS]; /* AMD: size is 0, the unit itself knows it */
	/* What devices are promised: RMRR, IVMD. Page aligned, ascending, neighbours merged, end exclusive. */
	struct ovbs_range range[OVBS_MAX_DMA_RANGES];
	char why[ACPI_WHY_MAX];
};

/**
 * acpi_dmar_decode() - Intel VT-d
 * @table: the table, at least @len bytes of it can be read
 * @len: bytes
 * @out: filled wholly; after an error kind and why count, and there are no units and ranges
 *
 * A reserved memory region (RMRR) is promised to its devices only; it is listed
 * without them, as all devices share one DMA map.
 *
 * Return: 0, or -EINVAL. Source: Intel VT-d 4.1, chapter 8. Context: any; pure.
 */
int acpi_dmar_decode(const void *table, size_t len, struct acpi_iommu *out) __must_check;

/**
 * acpi_ivrs_decode() - AMD-Vi; as acpi_dmar_decode()
 *
 * Ranges are the memory definition blocks (IVMD) with unity mapping, and those
 * with an exclusion range: these too are to be mapped, since the exclusion
 * register would let their devices past all tables.
 *
 * Return: 0, or -EINVAL. Source: AMD I/O Virtualization Technology (IOMMU) 3.08, 5.2. Context: any; pure.
 */
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
