/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hypervisor's log: a ring of text that VTL0 can read and not write
 * (include/openvbs/hv_abi.h). Nothing secret is ever logged. In debug builds
 * the lines go to the first serial port as well.
 */
#ifndef HV_CORE_LOG_H
#define HV_CORE_LOG_H

#include "core/cpu.h"

#define LOG_BYTES (64u << 10) /* header and data */

/** log_init - start the ring in @page (LOG_BYTES, zeroed, page aligned). Context: PREPARE. */
void log_init(void *page, bool serial);

/** hv_log - one line, without its newline; prefixed by the CPU. Cut at 200 bytes. Context: any. */
void hv_log(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** hv_log_denied - as hv_log(), for what VTL0 can cause at will: bounded for each CPU, then only counted. */
void hv_log_denied(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** hv_panic - stop every CPU for good and log why; reset if one can't be stopped. For broken invariants only, never for VTL0's input. */
void hv_panic(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

/** hv_stopped - did a CPU panic? The others stop at their next exit. */
bool hv_stopped(void);

/** hv_halt - this CPU does nothing any more. */
void hv_halt(void) __attribute__((noreturn));

#define hv_assert(cond)                                                                            \
	do {                                                                                       \
		if (!(cond))                                                                       \
			hv_panic("assertion failed: %s (%s:%d)", #cond, __FILE__, __LINE__);       \
	} while (0)

#endif
