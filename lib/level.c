/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The platform level: see level.h.
 */
#include "level.h"

#include <openvbs/boot_info.h>

static bool check_configured(const struct settings *s, struct verdict *v)
{
	const struct settings_value *vbs = &s->v[OVBS_SET_VBS];

	if (vbs->value == 1)
		return true;
	if (vbs->source == OVBS_SOURCE_OPT_OUT)
		verdict_set(v, OVBS_REASON_OPTED_OUT, "settings.opt_out",
			    "switched off at the console by openvbs-optout.efi; `vbsctl enable` switches it on again");
	else if (vbs->source == OVBS_SOURCE_DEFAULT)
		verdict_set(v, OVBS_REASON_NOT_CONFIGURED, "settings.vbs",
			    "EnableVirtualizationBasedSecurity is absent");
	else
		verdict_set(v, OVBS_REASON_NOT_CONFIGURED, "settings.vbs",
			    "EnableVirtualizationBasedSecurity=0 by %s", source_name(vbs->source));
	return false;
}

const char *level_secure_boot(const struct ovbs_platform *p)
{
	if (p->secure_boot != OVBS_FACT_YES || p->setup_mode == OVBS_FACT_YES)
		return "level.secure_boot";
	return p->shim_off == OVBS_FACT_YES ? "level.shim" : NULL;
}

static const char *secure_boot_words(const struct ovbs_platform *p)
{
	if (p->secure_boot == OVBS_FACT_YES && p->setup_mode != OVBS_FACT_YES)
		return "MokSBState is 1: shim checks no signatures (mokutil --enable-validation)";
	if (p->secure_boot == OVBS_FACT_ABSENT)
		return "UEFI variable SecureBoot is absent";
	return p->setup_mode == OVBS_FACT_YES ? "UEFI variable SetupMode is 1: no platform key" :
						"UEFI variable SecureBoot is 0";
}

static const char *iommu_words(const struct ovbs_platform *p)
{
	if (p->iommu == OVBS_FACT_UNREADABLE)
		return p->iommu_kind == OVBS_IOMMU_AMD ? "IVRS is unreadable" : "DMAR is unreadable";
	return p->iommu == OVBS_FACT_UNKNOWN ? "whether IVRS or DMAR is there was not looked at" :
					       "neither IVRS nor DMAR is there";
}

static bool check_dma(const struct ovbs_platform *p, const char *by, struct verdict *v)
{
	bool unreadable = p->iommu == OVBS_FACT_UNREADABLE;

	if (p->iommu_kind == OVBS_IOMMU_NONE || p->iommu != OVBS_FACT_YES) {
		verdict_set(v, OVBS_REASON_NO_IOMMU, "level.iommu", "level 3 by %s; %s%s%.55s", by,
			    iommu_words(p), unreadable ? ": " : "", unreadable ? p->iommu_why : "");
		return false;
	}
	if (p->dma == OVBS_DMA_FAILED) {
		verdict_set(v, OVBS_REASON_NO_IOMMU, "iommu.enable",
			    "level 3 by %s; this boot could not switch the IOMMU on: %.55s", by,
			    p->iommu_why);
		return false;
	}
	return true;
}

bool level_decide(const struct settings *s, const struct ovbs_platform *p, struct verdict *v)
{
	uint32_t level = s->v[OVBS_SET_LEVEL].value;
	const char *by = source_name(s->v[OVBS_SET_LEVEL].source);

	if (!check_configured(s, v))
		return false;
	if (level != 0 && level_secure_boot(p) != NULL) {
		verdict_set(v, OVBS_REASON_NO_SECURE_BOOT, level_secure_boot(p),
			    "level %u by %s; %s", level, by, secure_boot_words(p));
		return false;
	}
	return level != 3 || check_dma(p, by, v);
}
