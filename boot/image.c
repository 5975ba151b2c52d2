/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What this very file carries: is it whole, and can it be loaded? There is a
 * hypervisor for each kind of CPU; the other one is not looked at.
 *
 * Firmware or shim verified the signature of the file where Secure Boot is on.
 * The checksum is no replacement for that; it notices a damaged file where
 * nobody looked.
 */
#include "loader.h"

#include <openvbs/sk_info.h>

#include "layout.h"
#include "manifest.h"

static bool refuse(struct loader *l, const char *check, const char *what)
{
	verdict_set(&l->verdict, OVBS_REASON_IMAGE_REFUSED, check, "%s", what);
	return false;
}

struct part {
	const char *section;
	const struct manifest_image *said;
	const uint8_t *start, *end;
};

static bool check_part(struct loader *l, const struct part *p)
{
	uint64_t size = (uint64_t)(p->end - p->start);
	uint32_t crc = 0;

	if (p->said->size != size || size == 0) {
		verdict_set(&l->verdict, OVBS_REASON_IMAGE_REFUSED, "image.size",
			    "section %s has %llu bytes, manifest says %llu", p->section,
			    (unsigned long long)size, (unsigned long long)p->said->size);
		return false;
	}
	if (l->bs->CalculateCrc32((void *)p->start, size, &crc) != EFI_SUCCESS)
		return refuse(l, "image.crc", "CalculateCrc32 failed");
	if (crc != p->said->crc32) {
		verdict_set(&l->verdict, OVBS_REASON_IMAGE_REFUSED, "image.crc",
			    "section %s: CRC32 is %08xh, manifest says %08xh", p->section, crc,
			    p->said->crc32);
		return false;
	}
	return true;
}

bool image_check(struct loader *l)
{
	const struct manifest *m = &image_manifest;
	const struct part hv[] = {
		[CPU_KIND_SVM] = { ".hvsvm", &m->svm, image_svm_start, image_svm_end },
		[CPU_KIND_VMX] = { ".hvvmx", &m->vmx, image_vmx_start, image_vmx_end },
	};
	const struct part *own = &hv[l->kind == CPU_KIND_VMX ? CPU_KIND_VMX : CPU_KIND_SVM];
	const struct part sk = { ".ovbssk", &m->sk, image_sk_start, image_sk_end };
	const struct part tl = { ".ovbstl", &m->trustlets, image_trustlets_start, image_trustlets_end };
	const char *why;

	if (m->magic != MANIFEST_MAGIC || m->version != MANIFEST_VERSION)
		return refuse(l, "image.manifest", "unknown manifest");
	if (!check_part(l, own) || !check_part(l, &sk) || !check_part(l, &tl))
		return false;
	if (elf_plan_decode(own->start, own->said->size, HV_VA_BASE, LAYOUT_IMAGE_MAX, &l->hv_plan,
			    &why) != 0)
		return refuse(l, "image.elf", why);
	if (elf_plan_decode(sk.start, sk.said->size, SK_VA_BASE, LAYOUT_IMAGE_MAX, &l->sk_plan, &why) != 0)
		return refuse(l, "image.elf", why);
	l->hv_file = own->start;
	return true;
}
