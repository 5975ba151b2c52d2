/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Into VTL1 and back to VTL0; into user mode and back.
 *
 * The general registers are shared by the VTLs (TLFS, Virtual Secure Mode): at
 * a VTL entry they hold VTL0's values, and they must again at the return. C
 * keeps the callee-saved ones; the others are put aside here. RAX and RCX go
 * back by the VP assist page. VTL1's flags and stack are its own.
 */
#include "layout.h"

	.text

/* The boot CPU's first instruction: the loader's tables and stack, RDI = info. */
	.globl sk_start
	.type sk_start, @function
sk_start:
	xorl	%ebp, %ebp
	andq	$-16, %rsp
	call	sk_boot			/* builds this CPU's tables and switches to them: RAX = the root */
	movq	%rax, %cr3
	movq	$SK_STACK_TOP, %rsp
	xorl	%ebp, %ebp
	call	sk_boot_cpu
	/* Nothing of VTL1's goes out in a register. */
	xorl	%ebx, %ebx
	xorl	%edx, %edx
	xorl	%esi, %esi
	xorl	%edi, %edi
	xorl	%r8d, %r8d
	xorl	%r9d, %r9d
	xorl	%r10d, %r10d
	xorl	%r11d, %r11d
	xorl	%r12d, %r12d
	xorl	%r13d, %r13d
	xorl	%r14d, %r14d
	xorl	%r15d, %r15d
	jmp	sk_loop
	.size sk_start, . - sk_start

	.macro save_vtl0
	subq	$8, %rsp
	pushq	%r11
	pushq	%r10
	pushq	%r9
	pushq	%r8
	pushq	%rdi
	pushq	%rsi
	pushq	%rdx
	pushq	%rcx
	pushq	%rax
	movq	%rsp, %rdi
	.endm

	.macro restore_vtl0
	addq	$16, %rsp
	popq	%rdx
	popq	%rsi
	popq	%rdi
	popq	%r8
	popq	%r9
	popq	%r10
	popq	%r11
	addq	$8, %rsp
	.endm

/* Another CPU's first VTL call. */
	.globl sk_ap_start
	.type sk_ap_start, @function
sk_ap_start:
	save_vtl0
	call	sk_ap_cpu
	restore_vtl0
	.size sk_ap_start, . - sk_ap_start

	.globl sk_loop
	.type sk_loop, @function
sk_loop:
	xorl	%ecx, %ecx		/* the VTL return is not fast: RAX and RCX come from the assist page */
	call	*sk_vtl_return(%rip)	/* VTL0 runs in there */
	save_vtl0
	call	sk_vtl_entry
	restore_vtl0
	jmp	sk_loop
	.size sk_loop, . - sk_loop

/*
 * unsigned int sk_user_enter(struct user_regs *regs)
 *
 * Runs user mode until a system call (USER_SYSCALL) or an exception or
 * interrupt (its vector), with the registers in *regs.
 */
	.globl sk_user_enter
	.type sk_user_enter, @function
sk_user_enter:
	pushq	%rbx
	pushq	%rbp
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	movq	%rdi, SK_CPU_VA + SK_CPU_USER
	movq	%rsp, SK_CPU_VA + SK_CPU_STACK
	movq	%rsp, SK_CPU_VA + SK_CPU_RSP0
	pushq	$USER_DS
	pushq	8 * 4(%rdi)
	pushq	USER_RFLAGS(%rdi)
	pushq	$USER_CS
	pushq	USER_RIP(%rdi)
	movq	8 * 0(%rdi), %rax
	movq	8 * 1(%rdi), %rcx
	movq	8 * 2(%rdi), %rdx
	movq	8 * 3(%rdi), %rbx
	movq	8 * 5(%rdi), %rbp
	movq	8 * 6(%rdi), %rsi
	movq	8 * 8(%rdi), %r8
	movq	8 * 9(%rdi), %r9
	movq	8 * 10(%rdi), %r10
	movq	8 * 11(%rdi), %r11
	movq	8 * 12(%rdi), %r12
	movq	8 * 13(%rdi), %r13
	movq	8 * 14(%rdi), %r14
	movq	8 * 15(%rdi), %r15
	movq	8 * 7(%rdi), %rdi
	iretq

/* All but RDI, which is in the scratch word; RDI = the registers' place. */
save_user:
	movq	%rax, 8 * 0(%rdi)
	movq	%rcx, 8 * 1(%rdi)
	movq	%rdx, 8 * 2(%rdi)
	movq	%rbx, 8 * 3(%rdi)
	movq	%rbp, 8 * 5(%rdi)
	movq	%rsi, 8 * 6(%rdi)
	movq	%r8, 8 * 8(%rdi)
	movq	%r9, 8 * 9(%rdi)
	movq	%r10, 8 * 10(%rdi)
	movq	%r11, 8 * 11(%rdi)
	movq	%r12, 8 * 12(%rdi)
	movq	%r13, 8 * 13(%rdi)
	movq	%r14, 8 * 14(%rdi)
	movq	%r15, 8 * 15(%rdi)
	movq	SK_CPU_VA + SK_CPU_SCRATCH, %rax
	movq	%rax, 8 * 7(%rdi)
	ret

/* EAX = why. No register keeps a value that user code could have chosen. */
leave_user:
	movq	SK_CPU_VA + SK_CPU_STACK, %rsp
	movq	$0, SK_CPU_VA + SK_CPU_USER
	pushq	$2
	popfq
	xorl	%ecx, %ecx
	xorl	%edx, %edx
	xorl	%esi, %esi
	xorl	%edi, %edi
	xorl	%r8d, %r8d
	xorl	%r9d, %r9d
	xorl	%r10d, %r10d
	xorl	%r11d, %r11d
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbp
	popq	%rbx
	ret
	.size sk_user_enter, . - sk_user_enter

/* SYSCALL: RCX = RIP, R11 = RFLAGS, RSP still the user's. */
	.globl sk_syscall
	.type sk_syscall, @function
sk_syscall:
	movq	%rdi, SK_CPU_VA + SK_CPU_SCRATCH
	movq	SK_CPU_VA + SK_CPU_USER, %rdi
	movq	%rsp, 8 * 4(%rdi)
	movq	%rcx, USER_RIP(%rdi)
	movq	%r11, USER_RFLAGS(%rdi)
	movq	SK_CPU_VA + SK_CPU_STACK, %rsp
	call	save_user
	movl	$USER_SYSCALL, %eax
	jmp	leave_user
	.size sk_syscall, . - sk_syscall

/* Vector and error code are on the stack, above the CPU's frame. */
exception:
	testb	$3, 24(%rsp)		/* CS */
	jz	kernel_exception
	movq	%rdi, SK_CPU_VA + SK_CPU_SCRATCH
	movq	SK_CPU_VA + SK_CPU_USER, %rdi
	call	save_user
	popq	%rax			/* vector */
	popq	%rcx			/* error code */
	movq	%rcx, SK_CPU_VA + SK_CPU_ERROR
	movq	%cr2, %rcx
	movq	%rcx, SK_CPU_VA + SK_CPU_FAULT
	popq	USER_RIP(%rdi)
	addq	$8, %rsp
	popq	USER_RFLAGS(%rdi)
	popq	8 * 4(%rdi)
	jmp	leave_user

kernel_exception:
	/* A notification finds ring 0 only by the emulator's quirk injected-twice (docs/caveats.md): it came already. */
	cmpq	$SK_VECTOR_VINA, (%rsp)
	jne	1f
	addq	$16, %rsp
	iretq
1:	movq	%rsp, %rdi
	movq	%cr2, %rsi
	andq	$-16, %rsp
	call	sk_kernel_exception
	ud2

	.balign SK_EXCEPTION_STRIDE
	.globl sk_exception_entries
sk_exception_entries:
	.set vec, 0
	.rept SK_VECTORS
	.balign SK_EXCEPTION_STRIDE
	.if vec != 8 && (vec < 10 || vec > 14) && vec != 17 && vec != 21 && vec != 29 && vec != 30
	pushq	$0
	.endif
	pushq	$vec
	jmp	exception
	.set vec, vec + 1
	.endr

	.section .note.GNU-stack, "", @progbits
