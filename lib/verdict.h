/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The answer of a check: why openvbs can't run, which check said so, and what
 * it read. The words go into the status table as they stand, so that every
 * surface of the running system prints the same ones.
 */
#ifndef OVBS_VERDICT_H
#define OVBS_VERDICT_H

#include <stdint.h>

#include <openvbs/status.h>

#include "ovbs_compiler.h"

struct verdict {
	enum ovbs_reason reason; /* OVBS_REASON_NONE: nothing is in the way */
	char check[32];          /* one word, sizes as in struct ovbs_status */
	char evidence[160];
};

/**
 * verdict_set() - say that a check failed
 * @v: filled
 * @reason: why, from the fixed list
 * @check: one word, for example "vm_cr.svmdis"
 * @fmt: the evidence: the values that were read
 *
 * Too long text is cut. Context: any.
 */
void verdict_set(struct verdict *v, enum ovbs_reason reason, const char *check, const char *fmt, ...)
	__printf(4, 5);

/**
 * verdict_add() - add words to the evidence, after a "; " if there is some
 * @v: changed
 * @fmt: the words
 *
 * Too long text is cut. Context: any.
 */
void verdict_add(struct verdict *v, const char *fmt, ...) __printf(2, 3);

/**
 * verdict_set_prepare() - say that the hypervisor refused to be prepared
 * @v: filled
 * @code: what PREPARE returned, an enum ovbs_hv_error but not OVBS_HV_OK
 *
 * Context: any.
 */
void verdict_set_prepare(struct verdict *v, uint64_t code);

/**
 * reason_name() - the name of a reason, as people read it
 *
 * Return: a constant string, never NULL. Context: any.
 */
const char *reason_name(enum ovbs_reason reason);

#endif
