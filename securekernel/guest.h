/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VTL0's memory and registers, as the secure kernel looks at them.
 *
 * Memory is seen through one page of this CPU's window; what is read may change
 * the next moment, so it is copied once. Context of all: ring 0 of VTL1, in an
 * entry from VTL0 on the CPU whose state is asked for.
 */
#ifndef SK_GUEST_H
#define SK_GUEST_H

#include <stdbool.h>

#include "gwalk.h"

/** guest_prepare - what the CPU says of addresses. Context: boot CPU, once. */
void guest_prepare(void);

/** guest_state - VTL0's paging as it is on this CPU now, for gwalk_linear() and gread_linear(), at CPL 0. */
struct gwalk guest_state(enum gwalk_access access);

/**
 * guest_flush_page - no cache has bytes of VTL0's page at @gpa any more, which it can't write
 *
 * A device that writes past the caches (PCIe: No Snoop) leaves memory other than
 * what they have; so what is read from now on is what memory has, and what will
 * be executed (SDM 3, 13.3.1, 13.12.4; APM 2, 7.6.4).
 */
void guest_flush_page(uint64_t gpa);

/** guest_read_at, guest_write_at - @n bytes at guest physical @gpa, which may cross pages. 0, or -EFAULT: not RAM of VTL0's; then nothing was written. Only frozen memory is written: VTL0 can't give that to VTL1 meanwhile. */
int guest_read_at(uint64_t gpa, void *to, size_t n) __must_check;
int guest_write_at(uint64_t gpa, const void *from, size_t n) __must_check;

#endif
