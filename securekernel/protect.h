/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pages of VTL0's that have rights of their own: frozen by VTL0's kernel for good
 * (OVBS_MSG_PROTECT, OVBS_MSG_FREEZE), frozen for a module until it goes, given
 * to VTL1 (OVBS_MSG_GIVE); and the message pages that VTL1 writes for VTL0: no
 * page may be two of these, or VTL0 could have VTL1 write where it may not.
 *
 * What the table says and what the hypervisor enforces change under one lock, so
 * an answer is true as long as nobody thaws.
 */
#ifndef SK_PROTECT_H
#define SK_PROTECT_H

#include <openvbs/vtl_abi.h>

#include <stdbool.h>
#include <stdint.h>

#include <openvbs/tlfs.h>

#include "cpu.h"
#include "ranges.h"

#define PROTECT_PAGES_MAX 256u /* of a module's, in one call */

/** protect_prepare - room for the table. Context: boot CPU, before page_alloc(). */
void protect_prepare(void);

/** protect_pages - no writes by VTL0 to @pages pages from @gpa on, until reset. */
enum ovbs_result protect_pages(uint64_t gpa, uint64_t pages);

/** protect_freeze - the same for pages that are code or not (@how: enum ovbs_freeze). OVBS_E_BAD_STATE after lockdown. */
enum ovbs_result protect_freeze(uint64_t gpa, uint64_t pages, uint64_t how);

/** protect_is_frozen - is the page at @gpa frozen so? protect_locked - was there a lockdown? */
bool protect_is_frozen(uint64_t gpa, enum ovbs_freeze how);
bool protect_locked(void);

/** protect_find, protect_find_va - a copy of the range that has the byte at @gpa, or of the module's that has @va. False: none. */
bool protect_find(uint64_t gpa, struct range *out);
bool protect_find_va(uint64_t va, struct range *out);

/** protect_writable, protect_executable - may VTL0 write the pages of @r? May its kernel execute them? */
bool protect_writable(const struct range *r);
bool protect_executable(const struct range *r);

/**
 * protect_claim - pages for a module
 * @owner: its number
 * @what: enum ovbs_tl_pages
 * @va: where VTL0's kernel has them, one behind the other
 * @gpa: the @n pages, at most PROTECT_PAGES_MAX
 *
 * Frozen as data, also text: see protect_step(). Those of OVBS_TL_PAGES_R_AFTER_INIT
 * stay writable, but are the module's. 0; -EACCES: one is somebody's already, this
 * module's too, or is no RAM of VTL0's, or something is at @va; -ENOMEM. After an
 * error pages may be claimed, and are frozen then.
 */
int protect_claim(uint32_t owner, unsigned int what, uint64_t va, const uint64_t *gpa,
		  unsigned int n) __must_check;

/** protect_adopt - pages that the kernel froze as code are @owner's text at @va; they are never thawed. 0, -EACCES or -ENOMEM. */
int protect_adopt(uint32_t owner, uint64_t va, const uint64_t *gpa, unsigned int n) __must_check;

enum protect_step {
	PROTECT_GRANT, /* VTL0's kernel may execute them, and nobody may write them */
	PROTECT_FREEZE,
	PROTECT_THAW, /* nobody's any more. After lockdown VTL0's kernel can't execute them */
};

/**
 * protect_step - some of @owner's pages in [@va, @end), PROTECT_PAGES_MAX at most, become so
 * @done: how many did
 * @left: how many are not so yet
 *
 * 0, or -ENOMEM (in the hypervisor; those before it are done).
 */
int protect_step(enum protect_step step, uint32_t owner, uint64_t va, uint64_t end, uint64_t *done,
		 uint64_t *left) __must_check;

/** protect_to_do - how many pages of @owner's in [@va, @end) are not so yet. */
uint64_t protect_to_do(enum protect_step step, uint32_t owner, uint64_t va, uint64_t end);

/** protect_give - @pieces pieces of OVBS_GIVE_BYTES from @gpa on are VTL1's memory until reset. */
enum ovbs_result protect_give(uint64_t gpa, uint64_t pieces);

/**
 * protect_lockdown - from now on, until reset, VTL0's kernel executes frozen code only
 *
 * Programs of VTL0 may execute everything, as before. Once; then OVBS_E_BAD_STATE.
 * OVBS_E_SECURITY: VTL0 has SMEP off on this CPU, which has it.
 */
enum ovbs_result protect_lockdown(void);

/** protect_register - @gpa is this CPU's message page from now on. protect_unregister - it has none. */
enum ovbs_result protect_register(uint64_t gpa);
enum ovbs_result protect_unregister(void);

/**
 * protect_intercept - VTL0, with the registers @r, touched such a page as @m says
 *
 * A patch of its text is carried out; else it gets the #GP of a machine without
 * such a page.
 */
void protect_intercept(const struct hv_x64_memory_intercept_message *m, struct vtl0_regs *r);

/** struct protect_counts - since the machine's reset, but for the pages that are frozen now. */
struct protect_counts {
	uint64_t executions, writes; /* refused */
	uint64_t frozen_pages;
};

/** protect_count - these numbers. */
struct protect_counts protect_count(void);

#endif
