/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The manifest that the build writes into the section .ovbsman of openvbs.efi
 * (boot/manifest.py): which images the file carries, and how to notice a
 * damaged one where no Secure Boot looks after that.
 */
#ifndef BOOT_MANIFEST_H
#define BOOT_MANIFEST_H

#include <stddef.h>
#include <stdint.h>

#define MANIFEST_MAGIC   0x4E414D4Fu /* "OMAN" */
#define MANIFEST_VERSION 3u

struct manifest_image {
	uint64_t size;  /* bytes in the section */
	uint32_t crc32; /* as BootServices->CalculateCrc32 */
	uint32_t reserved;
};

struct manifest {
	uint32_t magic;
	uint32_t version;
	uint32_t security_version; /* raised when an older build must not be accepted any more */
	uint32_t reserved;
	struct manifest_image svm, vmx, sk, trustlets; /* the sections .hvsvm, .hvvmx, .ovbssk, .ovbstl */
	char build[32];                                /* version of openvbs */
};
_Static_assert(sizeof(struct manifest) == 112, "known to manifest.py");

/* Defined by the build, in the sections .ovbsman and those above. */
extern const struct manifest image_manifest;
extern const uint8_t image_svm_start[], image_svm_end[];
extern const uint8_t image_vmx_start[], image_vmx_end[];
extern const uint8_t image_sk_start[], image_sk_end[];
extern const uint8_t image_trustlets_start[], image_trustlets_end[];

#endif
