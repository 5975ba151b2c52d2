/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The UEFI memory attributes table: does firmware's runtime code and data keep
 * write and execute apart? Buffer in, answer out; fuzzed.
 */
#ifndef OVBS_EFI_MAT_H
#define OVBS_EFI_MAT_H

#include <stddef.h>
#include <stdint.h>

#include "ovbs_compiler.h"

#define EFI_MAT_WHY_MAX     56
#define EFI_MAT_HEADER_SIZE 16 /* version, entries, descriptor size, flags */
#define EFI_MAT_BYTES_MAX   (256u << 10)

/**
 * efi_mat_size() - how many bytes the whole table has
 * @header: EFI_MAT_HEADER_SIZE bytes
 * @why: EFI_MAT_WHY_MAX bytes; written after an error
 *
 * Return: bytes, header included; 0 if the header makes no sense (version,
 * descriptor size, more than EFI_MAT_BYTES_MAX). Source: UEFI 2.10, 4.6.4. Context: any; pure.
 */
size_t efi_mat_size(const void *header, char *why) __must_check;

struct efi_mat {
	uint32_t entries;
	uint32_t both; /* runtime entries that are neither read-only nor no-execute */
};

/**
 * efi_mat_decode() - look at every entry
 * @why: EFI_MAT_WHY_MAX bytes; written after an error, and if @out->both is not 0: the first one
 *
 * Return: 0, or -EINVAL (header, length, overlapping or unaligned entries, other types than
 * runtime code and data). Source: UEFI 2.10, 4.6.4. Context: any; pure.
 */
int efi_mat_decode(const void *table, size_t len, struct efi_mat *out, char *why) __must_check;

#endif
