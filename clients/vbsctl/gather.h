/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The platform as Linux shows it: fills struct ovbs_platform where the loader's
 * copy is not there, and what only Linux can say in any case. What is refused
 * (rights, a module that is not loaded) is "unknown" with the reason.
 *
 * The loader's copy is always better: below openvbs, Linux sees a CPU whose
 * virtualization is hidden. Below a test's root nothing of the real machine is
 * looked at; the CPU is the file "cpu-facts" there, a struct ovbs_cpu_facts.
 */
#ifndef VBSCTL_GATHER_H
#define VBSCTL_GATHER_H

#include "live.h"
#include "readiness.h"
#include "vbsctl.h"

struct gathered {
	struct ovbs_platform platform;
	struct readiness_host host;
};

/**
 * gather_platform() - read everything
 * @loader: the copy in the loader's status, or NULL
 */
void gather_platform(struct vbsctl *v, const struct ovbs_platform *loader, struct gathered *out);

/** gather_secure_boot() - what level_secure_boot() asks for, as Linux sees it; the rest of @out stays as it is */
void gather_secure_boot(const struct vbsctl *v, struct gathered *out);

/**
 * gather_iommu() - IVRS or DMAR, as Linux shows it
 *
 * Below openvbs that enforces DMA protection neither is shown: then only the loader's copy tells.
 * @p: its iommu members are set; the rest stays as it is
 */
void gather_iommu(const struct vbsctl *v, struct ovbs_platform *p);

/** gather_judge() - gather and judge, for commands that show readiness. @out: filled wholly */
void gather_judge(struct vbsctl *v, const struct live *live, struct gathered *facts, struct readiness *out);

#endif
