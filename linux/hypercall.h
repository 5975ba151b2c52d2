/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hypercall page (TLFS, Hypercall Interface): finding it, mapping it, and
 * calling into it. Used by vtl.c only.
 */
#ifndef OPENVBS_HYPERCALL_H
#define OPENVBS_HYPERCALL_H

#include <linux/types.h>

/**
 * openvbs_hypercall_start - find and map the hypercall page, find its VTL call
 *
 * 0, or -errno after one line in the kernel log: -ENODEV (no VTL1), -EPROTO
 * (what is announced makes no sense), -EOPNOTSUPP (this kernel can't call it).
 */
int openvbs_hypercall_start(void);

/** openvbs_hypercall_stop - unmap it; nothing if it isn't mapped */
void openvbs_hypercall_stop(void);

/**
 * openvbs_vtl_call - enter VTL1 (TLFS, VTL call) and come back
 * @op: enum ovbs_vtl_op
 * @gpa: for OVBS_VTL_REGISTER
 *
 * Returns enum ovbs_result. Preemption off, interrupts on.
 */
u32 openvbs_vtl_call(u32 op, u64 gpa);

#endif
