/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which firmware and machine this is, from the SMBIOS structure table as Linux
 * shows it. Only what helps with a bug report and names nobody: serial
 * numbers, asset tags and UUIDs are never taken out. Buffers in, text out;
 * fuzzed. A table that breaks off or runs on is refused as a whole.
 * Source: DMTF DSP0134 (SMBIOS) 3.7, 5.2, 6.1, 7.1, 7.2.
 */
#ifndef VBSCTL_SMBIOS_H
#define VBSCTL_SMBIOS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SMBIOS_TEXT_MAX 64
#define SMBIOS_WHY_MAX  80

/* Texts: printable ASCII, "" if firmware gives none. */
struct smbios {
	uint8_t major, minor; /* of the entry point */
	uint32_t structures;
	char vendor[SMBIOS_TEXT_MAX], version[SMBIOS_TEXT_MAX], date[SMBIOS_TEXT_MAX]; /* of the firmware */
	char manufacturer[SMBIOS_TEXT_MAX], product[SMBIOS_TEXT_MAX]; /* of the system */
	bool virtual_machine;                                         /* firmware says so */
};

/**
 * smbios_decode() - entry point and structure table
 * @entry: as in smbios_entry_point, @entry_len bytes
 * @table: as in DMI, @len bytes
 * @out: filled after success
 * @why: SMBIOS_WHY_MAX bytes; written after an error
 *
 * Return: 0, or -EINVAL: no entry point, wrong checksum, a structure that does
 * not fit, strings without their end, no structure at all.
 */
int smbios_decode(const void *entry, size_t entry_len, const void *table, size_t len,
		  struct smbios *out, char *why);

#endif
