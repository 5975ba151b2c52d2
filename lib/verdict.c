/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Verdicts of checks: see verdict.h. Pure text work, tested on the host.
 */
#include "verdict.h"

#include <openvbs/boot_info.h>

#include "format.h"
#include "ovbs_string.h"

void verdict_set(struct verdict *v, enum ovbs_reason reason, const char *check, const char *fmt, ...)
{
	va_list args;

	v->reason = reason;
	ovbs_snprintf(v->check, sizeof(v->check), "%s", check);
	va_start(args, fmt);
	ovbs_vsnprintf(v->evidence, sizeof(v->evidence), fmt, args);
	va_end(args);
}

void verdict_add(struct verdict *v, const char *fmt, ...)
{
	size_t used = strlen(v->evidence);
	va_list args;

	if (used > 0) {
		ovbs_snprintf(v->evidence + used, sizeof(v->evidence) - used, "; ");
		used = strlen(v->evidence);
	}
	va_start(args, fmt);
	ovbs_vsnprintf(v->evidence + used, sizeof(v->evidence) - used, fmt, args);
	va_end(args);
}

void verdict_set_prepare(struct verdict *v, uint64_t code)
{
	static const struct {
		enum ovbs_reason reason;
		const char *check;
	} table[] = {
		[OVBS_HV_E_BOOT_INFO] = { OVBS_REASON_IMAGE_REFUSED, "hv.boot_info" },
		[OVBS_HV_E_MEMORY] = { OVBS_REASON_OUT_OF_MEMORY, "hv.memory" },
		[OVBS_HV_E_CPU] = { OVBS_REASON_NO_VIRTUALIZATION, "hv.cpu" },
		[OVBS_HV_E_LAYOUT] = { OVBS_REASON_OTHER, "hv.layout" },
	};

	if (code < ARRAY_SIZE(table) && table[code].check != NULL)
		verdict_set(v, table[code].reason, table[code].check,
			    "the hypervisor refused: error %llu", (unsigned long long)code);
	else
		verdict_set(v, OVBS_REASON_OTHER, "hv.error",
			    "the hypervisor refused: unknown error %llxh", (unsigned long long)code);
}

const char *reason_name(enum ovbs_reason reason)
{
	static const char *const names[] = {
		[OVBS_REASON_NONE] = "none",
		[OVBS_REASON_NOT_CONFIGURED] = "not configured",
		[OVBS_REASON_NO_VIRTUALIZATION] = "CPU lacks virtualization",
		[OVBS_REASON_FIRMWARE_OFF] = "virtualization is off in firmware",
		[OVBS_REASON_OTHER_HYPERVISOR] = "virtualization is held by another hypervisor",
		[OVBS_REASON_NO_SECURE_BOOT] = "no Secure Boot",
		[OVBS_REASON_NO_IOMMU] = "no IOMMU",
		[OVBS_REASON_IMAGE_REFUSED] = "image refused",
		[OVBS_REASON_OUT_OF_MEMORY] = "out of memory",
		[OVBS_REASON_REBOOT_REQUIRED] = "reboot required",
		[OVBS_REASON_OPTED_OUT] = "opted out",
		[OVBS_REASON_OTHER] = "other",
	};

	if ((unsigned int)reason >= ARRAY_SIZE(names))
		return "unknown";
	return names[reason];
}
