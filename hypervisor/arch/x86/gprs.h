/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Assembler macros for the way into VTL0 and back, the same for both backends:
 * general registers in an array at RDI, in the order of enum x86_gpr. RAX and
 * RSP are the vendor's. None of the macros that load changes the flags.
 */
#ifndef HV_ARCH_X86_GPRS_H
#define HV_ARCH_X86_GPRS_H

#define GPR(n) (8 * (n))(%rdi)

	.macro push_callee_saved
	pushq	%rbx
	pushq	%rbp
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	.endm

	.macro pop_callee_saved
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbp
	popq	%rbx
	.endm

	/* From the array; RDI last. */
	.macro load_guest_gprs
	movq	GPR(1), %rcx
	movq	GPR(2), %rdx
	movq	GPR(3), %rbx
	movq	GPR(5), %rbp
	movq	GPR(6), %rsi
	movq	GPR(8), %r8
	movq	GPR(9), %r9
	movq	GPR(10), %r10
	movq	GPR(11), %r11
	movq	GPR(12), %r12
	movq	GPR(13), %r13
	movq	GPR(14), %r14
	movq	GPR(15), %r15
	movq	GPR(7), %rdi
	.endm

	/* Back into the array, whose address is on top of the stack. Then RDI has it; RCX is used. */
	.macro save_guest_gprs
	pushq	%rdi
	movq	8(%rsp), %rdi
	movq	%rcx, GPR(1)
	movq	%rdx, GPR(2)
	movq	%rbx, GPR(3)
	movq	%rbp, GPR(5)
	movq	%rsi, GPR(6)
	movq	%r8, GPR(8)
	movq	%r9, GPR(9)
	movq	%r10, GPR(10)
	movq	%r11, GPR(11)
	movq	%r12, GPR(12)
	movq	%r13, GPR(13)
	movq	%r14, GPR(14)
	movq	%r15, GPR(15)
	popq	%rcx
	movq	%rcx, GPR(7)
	.endm

	/* With pop_callee_saved no general register but RAX keeps a value of VTL0's: none can steer speculation. */
	.macro clear_scratch
	xorl	%ecx, %ecx
	xorl	%edx, %edx
	xorl	%esi, %esi
	xorl	%edi, %edi
	xorl	%r8d, %r8d
	xorl	%r9d, %r9d
	xorl	%r10d, %r10d
	xorl	%r11d, %r11d
	.endm

#endif
