/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the loader's stub jumps to (include/openvbs/boot_info.h, "Calling"),
 * and the exception entries of the host. Interrupts are off; the stack pointer
 * is the firmware's and not mapped here.
 */
#include "arch/x86/layout.h"

	.section .text.entry, "ax"
	.globl hv_entry
	.type hv_entry, @function
hv_entry:
	endbr64
	cld
	cmpq	$1, %rdi
	je	1f

	/* ENTER: this CPU's own tables are active, and with them its stack. */
	movabsq	$PRIVATE_STACK_TOP, %rsp
	xorl	%ebp, %ebp
	movl	%edx, %edi
	call	hv_enter
	ud2

	/* PREPARE: once, on the boot CPU, on a stack of its own. */
1:	leaq	boot_stack_top(%rip), %rsp
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	xorl	%ebp, %ebp
	movq	%rsi, %rdi
	call	hv_prepare
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	jmpq	*%r12
	.size hv_entry, . - hv_entry

/*
 * load_segments(const void *gdtr) - load the GDT and all segment registers:
 * code 0x08, data 0x10.
 */
	.text
	.globl load_segments
	.type load_segments, @function
load_segments:
	endbr64
	lgdt	(%rdi)
	movl	$HOST_DS, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	xorl	%eax, %eax
	movl	%eax, %fs
	movl	%eax, %gs
	popq	%rdx
	pushq	$HOST_CS
	pushq	%rdx
	lretq
	.size load_segments, . - load_segments

/*
 * One entry for each exception vector, EXCEPTION_ENTRY_SIZE bytes apart. Each
 * leaves an error code (the CPU's, or 0) and the vector on the stack.
 */
	.globl exception_entries
	.balign EXCEPTION_ENTRY_SIZE
exception_entries:
	.set vector, 0
	.rept 32
	.balign EXCEPTION_ENTRY_SIZE
	endbr64
	.if !((vector == 8) || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30)
	pushq	$0
	.endif
	pushq	$vector
	jmp	exception_common
	.set vector, vector + 1
	.endr

exception_common:
	cld
	pushq	%r15
	pushq	%r14
	pushq	%r13
	pushq	%r12
	pushq	%r11
	pushq	%r10
	pushq	%r9
	pushq	%r8
	pushq	%rdi
	pushq	%rsi
	pushq	%rbp
	pushq	%rbx
	pushq	%rdx
	pushq	%rcx
	pushq	%rax
	movq	%rsp, %rdi
	call	host_exception
	popq	%rax
	popq	%rcx
	popq	%rdx
	popq	%rbx
	popq	%rbp
	popq	%rsi
	popq	%rdi
	popq	%r8
	popq	%r9
	popq	%r10
	popq	%r11
	popq	%r12
	popq	%r13
	popq	%r14
	popq	%r15
	addq	$16, %rsp
	iretq

	.bss
	.balign 16
boot_stack:
	.skip	16384
boot_stack_top:

	.section .note.GNU-stack, "", @progbits
