/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The EFI system partition that openvbs was started from: where it is mounted,
 * and how firmware names it. Never a guess: if the loader said which partition
 * it was, no other one will do.
 */
#ifndef VBSCTL_ESP_H
#define VBSCTL_ESP_H

#include <stdbool.h>
#include <stdint.h>

#include "vbsctl.h"

#define ESP_FOLDER "EFI/openvbs"
#define ESP_WHY    160

struct esp {
	char mount[4096]; /* with the root prefix; "" if none */
	char source[256]; /* "/dev/sda1" */
	bool read_only;
	char why[ESP_WHY]; /* if there is none: what was looked for, and what to do */
};

/**
 * esp_find() - find the mounted ESP
 * @partition: its GUID as in the status, or NULL: then the first FAT file
 *	system on /boot/efi, /efi or /boot with a folder EFI/openvbs
 */
void esp_find(const struct vbsctl *v, const uint8_t partition[16], struct esp *out);

/* How firmware names a partition (UEFI 2.10, 10.3.5.1). */
struct esp_partition {
	uint32_t number;
	uint64_t start, blocks; /* in the disk's logical blocks */
	uint8_t guid[16];
};

/** esp_partition() - of a mounted ESP. Return: 0, or -errno with @why (ESP_WHY bytes). */
int esp_partition(const struct vbsctl *v, const struct esp *esp, struct esp_partition *out, char *why);

#endif
