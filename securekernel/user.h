/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Around user code: what VTL0 and VTL1 share and user code uses is put aside
 * and put back (vector registers, CR2, and the registers of SYSCALL where the
 * CPU does not switch them itself).
 */
#ifndef SK_USER_H
#define SK_USER_H

#include "trustlet.h"

/** user_begin - @t's address space and vector registers are this CPU's. user_end - VTL0's vector registers are back. */
void user_begin(struct trustlet *t);
void user_end(struct trustlet *t);

/** user_init - registers of a program that begins at @entry with stack @sp. */
void user_init(struct trustlet *t, uint64_t entry, uint64_t sp);

#endif
