/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hypervisor inside this very file: is it whole, and can it be loaded? The
 * file carries one for each kind of CPU; the other one is not looked at.
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
	bool vmx = l->kind == CPU_KIND_VMX;
	const struct manifest *m = &image_manifest;
	const struct manifest_image *said = vmx ? &m->vmx : &m->svm;
	const uint8_t *start = vmx ? image_vmx_start : image_svm_start;
	uint64_t size = (uint64_t)((vmx ? image_vmx_end : image_svm_end) - start);
	const char *why;
	uint32_t crc = 0;

	if (m->magic != MANIFEST_MAGIC || m->version != MANIFEST_VERSION)
		return refuse(l, "image.manifest", "unknown manifest");
	if (said->size != size || size == 0)
		return refuse(l, "image.size", "hypervisor section and manifest differ in size");
	if (l->bs->CalculateCrc32((void *)start, size, &crc) != EFI_SUCCESS)
		return refuse(l, "image.crc", "CalculateCrc32 failed");
	if (crc != said->crc32) {
		verdict_set(&l->verdict, OVBS_REASON_IMAGE_REFUSED, "image.crc",
			    "section %s: CRC32 is %08xh, manifest says %08xh",
			    vmx ? ".hvvmx" : ".hvsvm", crc, said->crc32);
		return false;
	}
	if (elf_plan_decode(start, size, HV_VA_BASE, LAYOUT_IMAGE_MAX, &l->hv_plan, &why) != 0)
		return refuse(l, "image.elf", why);
	l->hv_file = start;
	return true;
}
