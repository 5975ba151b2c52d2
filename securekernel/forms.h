/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Places in frozen kernel text that Linux patches at run time, and the exact
 * bytes that it writes there (x86-64, 6.1 and 6.12: arch/x86/kernel/
 * {alternative,jump_label,static_call,ftrace}.c). A form that Linux would not
 * write is none, even if a CPU would run it all the same.
 *
 *   kind              bytes   forms
 *   SK_SITE_JUMP      2       66 90 | EB rel8, to the entry's target
 *                     5       0F 1F 44 00 00 | E9 rel32, to the entry's target
 *   SK_SITE_CALL      5       E8 rel32 | 0F 1F 44 00 00 | 2E 2E 2E 31 C0 (returns 0)
 *   SK_SITE_TAIL      5       E9 rel32 | C3 CC CC CC CC; trampolines, too
 *   SK_SITE_JCC       6       0F 8x rel32, x never changes
 *   SK_SITE_MCOUNT    5       0F 1F 44 00 00 | E8 rel32
 *   SK_SITE_TRACER    5       E8 rel32
 *   SK_SITE_LOCK      1       3E (one CPU) | F0
 *
 * Pure functions but for the caller's callbacks. Context: any; the caller holds
 * what keeps the text as it is.
 */
#ifndef SK_FORMS_H
#define SK_FORMS_H

#include <stdbool.h>
#include <stdint.h>

#include <ovbs_compiler.h>

#define SK_SITE_MAX 6u /* bytes of the longest site */
#define SK_INT3     0xCCu

enum sk_site_kind {
	SK_SITE_JUMP = 1, /* jump label */
	SK_SITE_CALL,     /* static call */
	SK_SITE_TAIL,     /* static call that is the last thing its function does; trampoline */
	SK_SITE_JCC,      /* conditional one of those */
	SK_SITE_MCOUNT,   /* ftrace, at a function's start */
	SK_SITE_TRACER,   /* the call in ftrace_caller and ftrace_regs_caller */
	SK_SITE_LOCK,     /* a lock prefix, not needed while there is one CPU */
};

struct sk_site {
	uint32_t offset;   /* from the range's start */
	int32_t target;    /* SK_SITE_JUMP: from the site's first byte; else 0 */
	uint8_t kind;      /* enum sk_site_kind */
	uint8_t size;      /* in bytes */
	uint8_t condition; /* SK_SITE_JCC: the second byte, 80h to 8Fh; else 0 */
	uint8_t reserved;  /* 0 */
};
_Static_assert(sizeof(struct sk_site) == 12, "vmlinux of 6.12 has 72,000 of them");

/** struct sk_text - what the judge must know of VTL0's text. Both may be asked about any address. */
struct sk_text {
	void *ctx;
	/* The @n bytes at @addr as they are now, across pages; false: they are not there. */
	bool (*read)(void *ctx, uint64_t addr, uint8_t *to, unsigned int n);
	/*
	 * May a site of @kind go to @addr? Only frozen code, where it is meant
	 * to be entered: the start of a function (CALL, TAIL, JCC; TRACER: one
	 * that traces), of a call thunk before it (CALL, 6.12 with
	 * retbleed=stuff), a return thunk (TAIL, JCC), __static_call_return
	 * (JCC), an ftrace or BPF trampoline (MCOUNT). Never asked for JUMP.
	 */
	bool (*is_target)(void *ctx, uint64_t addr, enum sk_site_kind kind);
};

enum sk_patch_verdict {
	SK_PATCH_OK,
	SK_PATCH_EXTENT, /* no bytes, too many, outside of the range, or not the extent of a step */
	SK_PATCH_NO_SITE,   /* it does not start at or in a site */
	SK_PATCH_ORDER,     /* not this site's next step */
	SK_PATCH_FORM,      /* nothing that Linux would write there */
	SK_PATCH_TARGET,    /* a known form, but it goes where it may not */
	SK_PATCH_UNREADABLE /* the site's bytes can't be read */
};

/** sk_form_check - are the site's bytes @b at @addr one of its forms? SK_PATCH_OK, _FORM or _TARGET. */
enum sk_patch_verdict sk_form_check(const struct sk_site *site, uint64_t addr, const uint8_t *b,
				    const struct sk_text *text) __must_check;

/** sk_form_check_tail - is there a form with @tail behind its first byte? As sk_form_check(). */
enum sk_patch_verdict sk_form_check_tail(const struct sk_site *site, uint64_t addr,
					 const uint8_t *tail, const struct sk_text *text) __must_check;

#endif
