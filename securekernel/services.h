/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What VTL0 asks of VTL1: see include/openvbs/vtl_abi.h. Context: a VTL call,
 * on the CPU that made it.
 */
#ifndef SK_SERVICES_H
#define SK_SERVICES_H

#include "cpu.h"

/** services_prepare - keep what the version call says. Context: boot CPU. */
void services_prepare(const struct ovbs_sk_info *info);

/** services_call - carry out the call in @r; the result for RAX. */
enum ovbs_result services_call(const struct vtl0_regs *r);

#endif
