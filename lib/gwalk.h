/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest page walk: linear to guest physical, as the CPU would do it.
 *
 * Needed to fetch an instruction that exited, and later to look through VTL0's
 * eyes. Tables are hostile and may change while they are walked: each entry is
 * read once, into a local, and every address is checked to be below the guest's
 * physical width; whether it may be read at all is for the callback to say.
 *
 * Accessed and dirty bits are not set. The CPU has set A for an instruction it
 * fetched; doing it here would mean locked writes into VTL0's memory, at
 * addresses VTL0 chooses, for nothing in return.
 */
#ifndef OVBS_GWALK_H
#define OVBS_GWALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ovbs_compiler.h"

enum gwalk_access {
	GWALK_READ,
	GWALK_WRITE,
	GWALK_EXEC,
};

/* Page-fault error code (AMD APM vol 2, 8.4.2). */
#define GWALK_PF_P    (1u << 0) /* the page was present: a rights violation */
#define GWALK_PF_W    (1u << 1) /* write */
#define GWALK_PF_U    (1u << 2) /* at CPL 3 */
#define GWALK_PF_RSVD (1u << 3) /* a reserved bit was set */
#define GWALK_PF_I    (1u << 4) /* instruction fetch */

/* The guest's state, and how to read its memory. */
struct gwalk {
	uint64_t cr0, cr3, cr4, efer;
	uint64_t rflags;          /* only AC is used, for SMAP */
	uint8_t maxphyaddr;       /* guest physical address bits, 32..52 (CPUID 8000_0008h EAX) */
	uint8_t cpl;              /* 0..3 */
	enum gwalk_access access; /* what is checked */

	/*
	 * Copies len bytes at gpa into buf: 0, or a negative error if they may
	 * not or cannot be read. Never asked for more than a page, nor across a
	 * 4 KiB border; gpa is below 1 << maxphyaddr.
	 */
	int (*read_gpa)(void *ctx, uint64_t gpa, void *buf, size_t len);
	void *ctx;
};

struct gwalk_result {
	int status;          /* what gwalk_linear() returned */
	uint32_t error_code; /* GWALK_PF_*, if status is -EFAULT */
	uint64_t linear;     /* the address that was walked: CR2 for a page fault */
	uint64_t gpa;        /* if status is 0 */
	uint64_t page_size;  /* if status is 0: bytes of the page, 4 KiB with paging off */
};

/**
 * gwalk_linear() - translate one linear address
 * @w: guest state
 * @linear: the address, segment base already added; outside long mode only the
 *	low 32 bits count
 * @out: filled in any case
 *
 * Paging off, 32-bit (with 4 MiB pages and PSE-36), PAE, 4 levels and 5 levels.
 * Checks P, reserved bits, U/S, R/W with CR0.WP, NX, SMEP, SMAP and canonical
 * form. Not checked: protection keys, which never apply to a fetch, and whether
 * the CPU has 1 GiB pages (it then fails where this succeeds). PAE's four PDPTEs
 * are read from memory, as CPUs do with nested paging (APM vol 2, 15.25.10).
 *
 * Return: 0;
 * -EFAULT: a page fault, see error_code;
 * -ERANGE: not canonical: #GP, or #SS for a stack access;
 * -EIO: a table entry lies where read_gpa refuses to read;
 * -EINVAL: a state that no CPU can be in.
 * Context: any; calls read_gpa up to 5 times.
 * Source: AMD APM vol 2, 5.2 to 5.6; Intel SDM vol 3A, 4.3 to 4.7.
 */
int __must_check gwalk_linear(const struct gwalk *w, uint64_t linear, struct gwalk_result *out);

/**
 * gread_linear() - copy guest memory at a linear address
 * @w: guest state; w->access is checked on each page (GWALK_EXEC for a fetch)
 * @linear: first byte
 * @buf: at least n bytes
 * @n: bytes wanted; pages are crossed
 * @fault: filled with the last walk; may be NULL. If less than n bytes came, it
 *	says why and where: its status is then not 0
 *
 * Does not wrap around the end of the address space.
 *
 * Return: the bytes copied, 0..n; buf is undefined beyond them.
 * Context: any; calls read_gpa up to 6 times for each page touched.
 */
size_t __must_check gread_linear(const struct gwalk *w, uint64_t linear, void *buf, size_t n,
				 struct gwalk_result *fault);

#endif
