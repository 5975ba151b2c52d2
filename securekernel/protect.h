/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pages of VTL0's that VTL0 gave its right to write up (OVBS_MSG_PROTECT), and
 * the message pages that VTL1 writes for VTL0: no page may be both, or VTL0
 * could have VTL1 write where it may not.
 */
#ifndef SK_PROTECT_H
#define SK_PROTECT_H

#include <openvbs/vtl_abi.h>

#include <stdbool.h>
#include <stdint.h>

#include <openvbs/tlfs.h>

#include "cpu.h"

/** protect_pages - no writes by VTL0 to @pages pages from @gpa on, until reset. */
enum ovbs_result protect_pages(uint64_t gpa, uint64_t pages);

/** protect_freeze - the same for pages that are code or not (@how: enum ovbs_freeze). OVBS_E_BAD_STATE after lockdown. */
enum ovbs_result protect_freeze(uint64_t gpa, uint64_t pages, uint64_t how);

/** protect_is_frozen - is the page at @gpa frozen so? protect_locked - was there a lockdown? */
bool protect_is_frozen(uint64_t gpa, enum ovbs_freeze how);
bool protect_locked(void);

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

#endif
