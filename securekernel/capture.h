/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writes of VTL0's to frozen text, captured: what is written where, known before
 * a byte of it is made.
 */
#ifndef SK_CAPTURE_H
#define SK_CAPTURE_H

#include <stdint.h>

#include <openvbs/tlfs.h>

#include "cpu.h"
#include "guest.h"
#include "patch.h"

/** struct sk_captured - a write, whole, and VTL0's registers as they are behind it. */
struct sk_captured {
	uint64_t va; /* where to, by VTL0's tables: not where the text runs */
	unsigned int n;
	uint8_t bytes[SK_PATCH_MAX];
	struct vtl0_regs after;
	uint64_t rip;
};

/**
 * sk_capture - the write that VTL0, with the registers @r, is about to make as @m says
 * @w: its paging, to read
 *
 * That the @n bytes at @va lie where the write faulted, and may be written, is the
 * caller's to see.
 *
 * Return: NULL, or in words why it is none of those that Linux patches with.
 */
const char *sk_capture(const struct hv_x64_memory_intercept_message *m, const struct vtl0_regs *r,
		       const struct gwalk *w, struct sk_captured *c) __must_check;

/** sk_capture_go_on - VTL0 goes on behind the write, which the caller made, as if its own CPU had. @r: its registers. */
void sk_capture_go_on(const struct sk_captured *c, struct vtl0_regs *r);

#endif
