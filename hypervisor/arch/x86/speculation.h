/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the CPU must forget at the border between the VTLs, as far as CPUID says
 * that it can and needs to, and what must not watch VTL1: performance counters
 * and last-branch records that VTL0 started. VTL0 keeps SPEC_CTRL and its own
 * mitigations.
 */
#ifndef HV_ARCH_X86_SPECULATION_H
#define HV_ARCH_X86_SPECULATION_H

#include <stdbool.h>

/** speculation_prepare - find out what this kind of CPU has. Context: PREPARE. */
void speculation_prepare(void);

/** speculation_to_vtl1 - predictions that VTL0 trained must not steer VTL1: IBPB; counters and records stop. Context: host. */
void speculation_to_vtl1(void);

/** speculation_to_vtl0 - data of VTL1 must not stay in buffers: VERW (MDS), L1D flush (L1TF); counters and records go on. Context: host. */
void speculation_to_vtl0(void);

#endif
