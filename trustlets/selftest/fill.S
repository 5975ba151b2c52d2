/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A reply with SELFTEST_PATTERN in every register that the system call leaves
 * free: what VTL0 must never see after a VTL call.
 *
 * long selftest_reply_filled(struct ovbs_tl_request *r): System V ABI, so RBX,
 * RBP, R12 to R15 are kept. RAX and RDI carry the call, RCX and R11 are lost.
 */
#define PATTERN 0x5EC2E7D1A7A5F00D	/* SELFTEST_PATTERN */
#define REPLY_AND_RECEIVE 0x4F00	/* OVBS_TL_REPLY_AND_RECEIVE */

	.text
	.globl selftest_reply_filled
	.type selftest_reply_filled, @function
selftest_reply_filled:
	endbr64
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15

	movabs $PATTERN, %rbx
	movq %rbx, %xmm0
	punpcklqdq %xmm0, %xmm0
	.irp n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	movdqa %xmm0, %xmm\n
	.endr
	.irp reg, rcx, rdx, rsi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
	mov %rbx, %\reg
	.endr
	mov $REPLY_AND_RECEIVE, %eax
	syscall

	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	ret
	.size selftest_reply_filled, . - selftest_reply_filled

	.section .note.GNU-stack, "", @progbits
