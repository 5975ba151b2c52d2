/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * void vtl1_fill_call(struct fill *f): a VTL call from registers that are all
 * filled, and what is in them afterwards. The layout of struct fill is in
 * vtl1_trustlet.c; its general registers are in the CPU's order.
 */
#define BEFORE   0
#define AFTER    128
#define YMM      256	/* 16 of 32 bytes: before */
#define YMM_OUT  768
#define FX       1280	/* FXSAVE before, and after */
#define FX_OUT   1792
#define AVX      2304	/* u32: the CPU has AVX */
#define INTEL    2308	/* u32: VMCALL */

	.text
	.globl vtl1_fill_call
	.balign 16
vtl1_fill_call:
	endbr64
	pushq	%rbx
	pushq	%rbp
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	pushq	%rdi
	cmpl	$0, AVX(%rdi)
	je	1f
	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	vmovups	YMM + 32 * \n(%rdi), %ymm\n
	.endr
	jmp	2f
1:
	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	movups	YMM + 32 * \n(%rdi), %xmm\n
	.endr
2:
	fxsave64 FX(%rdi)
	cmpl	$0, INTEL(%rdi)
	movq	BEFORE + 8 * 0(%rdi), %rax
	movq	BEFORE + 8 * 1(%rdi), %rcx
	movq	BEFORE + 8 * 2(%rdi), %rdx
	movq	BEFORE + 8 * 3(%rdi), %rbx
	movq	BEFORE + 8 * 5(%rdi), %rbp
	movq	BEFORE + 8 * 6(%rdi), %rsi
	.irp n, 8, 9, 10, 11, 12, 13, 14, 15
	movq	BEFORE + 8 * \n(%rdi), %r\n
	.endr
	movq	BEFORE + 8 * 7(%rdi), %rdi
	jne	3f
	vmmcall
	jmp	4f
3:
	vmcall
4:
	pushq	%rdi
	movq	8(%rsp), %rdi
	movq	%rax, AFTER + 8 * 0(%rdi)
	popq	%rax
	movq	%rax, AFTER + 8 * 7(%rdi)
	movq	%rcx, AFTER + 8 * 1(%rdi)
	movq	%rdx, AFTER + 8 * 2(%rdi)
	movq	%rbx, AFTER + 8 * 3(%rdi)
	movq	%rbp, AFTER + 8 * 5(%rdi)
	movq	%rsi, AFTER + 8 * 6(%rdi)
	.irp n, 8, 9, 10, 11, 12, 13, 14, 15
	movq	%r\n, AFTER + 8 * \n(%rdi)
	.endr
	fxsave64 FX_OUT(%rdi)
	cmpl	$0, AVX(%rdi)
	je	5f
	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	vmovups	%ymm\n, YMM_OUT + 32 * \n(%rdi)
	.endr
5:
	popq	%rdi
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbp
	popq	%rbx
	ret
	int3

	.section .note.GNU-stack, "", @progbits
