/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lines for the hypervisor's log, which VTL0 can read: nothing secret, no
 * address of a trustlet's (they are random for a reason).
 */
#ifndef SK_LOG_H
#define SK_LOG_H

#include <stdint.h>

#include <ovbs_compiler.h>

/** sk_log - one line of at most 159 bytes. Context: any CPU once it runs on its own tables. */
void sk_log(const char *fmt, ...) __printf(1, 2);

/**
 * sk_log_bounded - as sk_log(), for what VTL0 or a trustlet can cause at will
 *
 * @left: lines that this cause may still have; the last one says so. Without a
 * bound the ring would soon hold nothing else.
 */
void sk_log_bounded(uint32_t *left, const char *fmt, ...) __printf(2, 3);

/** sk_panic - an invariant of the secure kernel is broken: log it and stop the machine. Never for what VTL0 or a trustlet does. */
void sk_panic(const char *fmt, ...) __printf(1, 2) __noreturn;

#endif
