/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VTL0's kernel memory in pieces that a system call may have: so VTL0's
 * interrupts wait for 64 KiB at most.
 */
#ifndef OPENVBS_CI_GUEST_H
#define OPENVBS_CI_GUEST_H

#include <stddef.h>
#include <stdint.h>

#include "der.h"

#define GUEST_ONCE 65536u /* OVBS_TL_COPY_MAX */

/**
 * guest_copy() - a copy of memory that VTL0 can change
 *
 * What comes back is to be judged as it is: reading it again may give something else.
 *
 * Return: 0, or -errno as of OVBS_TL_GUEST_COPY (then part of @to is written).
 */
int guest_copy(uint64_t va, void *to, size_t n) CI_MUST_CHECK;

/** guest_frozen() - the same of memory that stays as it is; -EACCES: some of it does not */
int guest_frozen(uint64_t va, void *to, size_t n) CI_MUST_CHECK;

#endif
