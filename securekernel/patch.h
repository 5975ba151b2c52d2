/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The judge of VTL0's writes to its frozen text.
 *
 * Linux changes a running instruction in three writes (text_poke_bp(), the same
 * in 6.1 and 6.12), each one memcpy, with all CPUs serialised in between:
 *
 *   ARM     int3 over the site's first byte
 *   TAIL    the new form without its first byte, always all of it, also if
 *           nothing changes; such a write can cross a page
 *   FINISH  the new form's first byte
 *
 * Of a batch (up to 256 sites, by address) it makes all ARMs, then all TAILs,
 * then all FINISHes; no write is ever of two sites. One single write is legal
 * besides: 3E -> F0 at a lock prefix, when the second CPU comes (text_poke(),
 * alternatives_smp_lock()). Int3s of kprobes and kgdb, jumps of optimised
 * kprobes, livepatch's relocations, call thunks that are written late (6.12 with
 * retbleed=stuff) are none of these and refused.
 *
 * **The text is the state.** A site is armed if, and only if, its first byte is
 * CC: no form begins so. What was armed, what tail is written and what may
 * finish it can all be read from the site, which nobody but the owner of this
 * judge writes. So nothing can get out of step, whatever CPUs of VTL0 race for,
 * and no state is kept. A sealed table makes the start of an invariant that
 * each accepted write keeps:
 *
 *   a site's bytes are a legal form, or CC and the tail of one; the other bytes
 *   of the range never change.
 *
 * "Legal" is as of the write. If a target can stop being one (a trampoline or a
 * module that goes), its owner must see that no site leads there any more; a
 * tail that was written before is judged again, as a whole, by its FINISH.
 *
 * **When a refusal is seen.** Linux calls BUG() if a write did not happen, with
 * text_mutex held, so the sooner the better:
 *   - at ARM: every place that is not the start of a site, so kprobes, kgdb
 *     breakpoints and tables that were changed after the seal
 *   - at TAIL only: a target that may not be. ARM does not say what is to come.
 *     A batch offered before (sk_patch_judge_batch()) says it before ARM
 *   - at FINISH only: a first byte that makes another form of an accepted tail,
 *     and a target that stopped being one since TAIL. Linux does neither
 *
 * **What stays half done.** CC is an exception that goes to VTL0's own handler,
 * which is frozen text: it does what the new form would (poke_int3_handler()) or
 * panics. No code of VTL0's choice runs; that the handler goes where VTL0's data
 * say is no more than any function pointer gives. FINISH with the old first byte
 * over the old tail is legal (it undoes ARM); a second TAIL, too. A second ARM is
 * not.
 *
 * Left to the caller: a CPU of a hostile VTL0 that fetched the old first byte
 * before ARM and is not serialised (Linux sends an IPI, nobody makes it) could
 * in theory run it with the new tail, if its fetch of a site over two cache
 * lines took as long as two exits of the writer. Whoever wants that shut makes
 * the other CPUs exit once between ARM and TAIL.
 *
 * Context: the caller's lock is held from the read of the text to the end of
 * the write, which the caller makes itself, of exactly the judged bytes, and
 * visible before VTL0's next instruction.
 */
#ifndef SK_PATCH_H
#define SK_PATCH_H

#include "sites.h"

#define SK_PATCH_MAX 16u /* bytes of a write that is looked at */

/**
 * sk_patch_judge - may VTL0 write the @n bytes at @addr?
 * @s: the sealed table of the range that @addr lies in
 * @addr: where the text runs, not the alias that is written through. A write
 * over the end of a page is one only if both pages belong to the range, in this
 * order
 * @bytes: a copy
 *
 * The whole write of one instruction, never a part of it: a repeated string
 * instruction's all iterations.
 *
 * Return: SK_PATCH_OK, or why not.
 */
enum sk_patch_verdict sk_patch_judge(const struct sk_sites *s, uint64_t addr, const uint8_t *bytes,
				     unsigned int n, const struct sk_text *text) __must_check;

/** struct sk_patch_offer - a site is to get this form. @size: the site's; bytes beyond it are not looked at. */
struct sk_patch_offer {
	uint64_t addr;
	uint8_t size;
	uint8_t bytes[SK_SITE_MAX];
	uint8_t reserved; /* 0 */
};

/**
 * sk_patch_judge_batch - may all of these sites, at rest, be taken to these forms?
 * @offer: a copy, by ascending address, each site once
 * @bad: the first one that is refused
 *
 * The same checks as three writes for each. The caller then makes the writes in
 * Linux's order, with the other CPUs serialised as Linux does it, or stopped.
 */
enum sk_patch_verdict sk_patch_judge_batch(const struct sk_sites *s,
					   const struct sk_patch_offer *offer, uint32_t count,
					   const struct sk_text *text, uint32_t *bad) __must_check;

/** sk_patch_reason - a verdict in words, for the log. */
const char *sk_patch_reason(enum sk_patch_verdict verdict);

#endif
