/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hypervisor inside this very file: is it whole, and can it be loaded?
 *
 * Firmware or shim verified the signature of the file where Secure Boot is on.
 * The checksum is no replacement for that; it notices a damaged file where
 * nobody looked.
 */
#include "loader.h"

#include "layout.h"
#include "manifest.h"

static bool refuse(struct loader *l, const char *check, const char *what)
{
	verdict_set(&l->verdict, OVBS_REASON_IMAGE_REFUSED, check, "%s", what);
	return false;
}

bool image_check(struct loader *l)
{
	const struct manifest *m = &image_manifest;
	uint64_t size = (uint64_t)(image_hv_end - image_hv_start);
	const char *why;
	uint32_t crc = 0;

	if (m->magic != MANIFEST_MAGIC || m->version != MANIFEST_VERSION)
		return refuse(l, "image.manifest", "unknown manifest");
	if (m->hv_size != size || size == 0)
		return refuse(l, "image.size", "hypervisor section and manifest differ in size");
	if (l->bs->CalculateCrc32((void *)image_hv_start, size, &crc) != EFI_SUCCESS)
		return refuse(l, "image.crc", "CalculateCrc32 failed");
	if (crc != m->hv_crc32) {
		verdict_set(&l->verdict, OVBS_REASON_IMAGE_REFUSED, "image.crc",
			    "hypervisor section: CRC32 is %08xh, manifest says %08xh", crc, m->hv_crc32);
		return false;
	}
	if (elf_plan_decode(image_hv_start, size, HV_VA_BASE, LAYOUT_IMAGE_MAX, &l->hv_plan, &why) != 0)
		return refuse(l, "image.elf", why);
	l->hv_file = image_hv_start;
	return true;
}
