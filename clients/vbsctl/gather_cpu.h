/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The CPU as user space can see it: the CPUID instruction, and MSRs through
 * /dev/cpu/0/msr. See gather.h, which calls this.
 */
#ifndef VBSCTL_GATHER_CPU_H
#define VBSCTL_GATHER_CPU_H

#include "readiness.h"
#include "vbsctl.h"

/**
 * gather_cpu() - CPUID and, where they may be read, MSRs
 * @f: zeroed and filled
 * @host: registers and registers_why are filled
 */
void gather_cpu(const struct vbsctl *v, struct ovbs_cpu_facts *f, struct readiness_host *host);

/** gather_openvbs() - does CPUID show openvbs? UNKNOWN below a test's root. */
enum ovbs_fact gather_openvbs(const struct vbsctl *v);

#endif
