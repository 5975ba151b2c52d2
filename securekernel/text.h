/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VTL0's kernel text, as the judge of patches (forms.h) asks about it: vmlinux's,
 * which lies in one piece of physical memory, and behind it modules' (modules.h).
 *
 * Where vmlinux's functions begin is read where it lies, in memory that is
 * frozen, one page for each question: the first one of each page is kept here.
 *
 * Context of all: text_lock is held.
 */
#ifndef SK_TEXT_H
#define SK_TEXT_H

#include <stdbool.h>

#include "lock.h"
#include "ranges.h"
#include "sites.h"

/* Of the text that is patched, and of all that is known of it, vmlinux's and modules'. Taken before protect.c's. */
extern struct lock text_lock;

struct kernel_text {
	uint64_t va, bytes, gpa; /* va: 0: none yet */
	struct sk_sites sites;
};
extern struct kernel_text kernel_text;

/**
 * text_read, text_is_target - what struct sk_text asks
 *
 * A branch may lead to where a function of vmlinux's text begins, thunks and
 * trampolines among them, or one of a module that may run; ftrace's calls and
 * tracers only into vmlinux. @ctx: a module (modules.h) that is about to be
 * allowed and may lead to itself, or NULL.
 */
bool text_read(void *ctx, uint64_t addr, uint8_t *to, unsigned int n);
bool text_is_target(void *ctx, uint64_t addr, enum sk_site_kind kind);

/** text_set_functions - u32[@count] at @gpa, page aligned: where vmlinux's functions begin, from its text on. 0; -EINVAL: not ascending, or too many; -EFAULT. */
int text_set_functions(uint64_t gpa, uint64_t count) __must_check;

/** text_add_tracer - ftrace_call or ftrace_regs_call at @addr: calls of ftrace may lead to what holds it. 0, or as sk_sites_add_tracer(). */
int text_add_tracer(uint64_t addr) __must_check;

/** struct text_place - where a byte of text runs, and the sites of the text that it belongs to. */
struct text_place {
	const struct sk_sites *sites;
	uint64_t addr;
};

/** text_place_of - of the byte at @gpa. False: no text, or none that may be patched now. */
bool text_place_of(uint64_t gpa, struct text_place *out);

/** text_is_range - does @r hold a module's text? */
bool text_is_range(const struct range *r);

#endif
