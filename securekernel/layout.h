/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Numbers that the secure kernel's C and assembler share.
 *
 * Each CPU has page tables of its own, which differ in one 2 MiB window: its
 * own data, stacks and views of VTL0's pages, always at the same address. So
 * "this CPU" is a constant, and no CPU runs on another's stack. Gaps are guard
 * pages, never mapped.
 */
#ifndef SK_LAYOUT_H
#define SK_LAYOUT_H

#define SK_CPU_VA 0xFFFFFFFFC0000000

#define SK_PAGE_CPU         0 /* struct sk_cpu */
#define SK_PAGE_CPU_COUNT   2
#define SK_PAGE_STACK       4
#define SK_PAGE_STACK_COUNT 4
#define SK_PAGE_IST         10
#define SK_PAGE_IST_COUNT   2
#define SK_PAGE_ASSIST      14 /* VP assist page */
#define SK_PAGE_CODE        16 /* the hypercall page */
#define SK_PAGE_MESSAGE     18 /* VTL0's message page of this CPU */
#define SK_PAGE_VTL0        20 /* the page of VTL0's that is looked at */

#define SK_STACK_TOP 0xFFFFFFFFC0008000
#define SK_IST_TOP   0xFFFFFFFFC000C000
#define SK_CODE_VA   0xFFFFFFFFC0010000

/* struct sk_cpu */
#define SK_CPU_USER    0 /* struct user_regs of the trustlet that runs */
#define SK_CPU_STACK   8 /* RSP to come back to from it */
#define SK_CPU_SCRATCH 16
#define SK_CPU_ERROR   24 /* of the last exception in user mode: error code, CR2 */
#define SK_CPU_FAULT   32
#define SK_CPU_RSP0    48 /* in the TSS: stack of exceptions in user mode */

/* struct user_regs */
#define USER_RIP    128
#define USER_RFLAGS 136

#define SK_CS   0x08
#define SK_DS   0x10
#define USER_DS 0x1B /* SYSCALL wants them in this order; CS is IRET's only */
#define USER_CS 0x23
#define SK_TR   0x28

#define SK_VECTOR_VINA 0x20 /* something of VTL0's waits */
#define SK_VECTORS     33

#define SK_EXCEPTION_STRIDE 16

/* Why user mode ended: what sk_user_enter() returns. */
#define USER_SYSCALL 0x100 /* else the vector */

#endif
