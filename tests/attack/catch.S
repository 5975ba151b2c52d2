/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Exception stubs and catch_call(); see catch.h. Plain GNU as, without ELF
 * directives, so that it also becomes a COFF object for the EFI program.
 */
#define RSP    4096
#define VECTOR 4104
#define ERROR  4112
#define RIP    4120
#define CR2    4128
#define RFLAGS 4136

	.text

	.globl catch_call
	.balign 16
catch_call:
	endbr64
	pushq %rbx
	pushq %rbp
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	pushfq				/* seven words: the stack is aligned for the call */
	movq %rsp, RSP(%rdi)
	movq %rsi, %rax
	movq %rdx, %rdi
	cld
	call *%rax
	xorl %eax, %eax
catch_return:
	popfq
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbp
	popq %rbx
	ret
	int3

/* The exception's frame: [error,] RIP, CS, RFLAGS, RSP, SS. Nothing is returned to. */
catch_common:
	subq $16, %rsp
	sidt 6(%rsp)
	movq 8(%rsp), %rbx
	addq $16, %rsp
	popq VECTOR(%rbx)
	popq ERROR(%rbx)
	popq %rax
	movq %rax, RIP(%rbx)
	movq 8(%rsp), %rax
	movq %rax, RFLAGS(%rbx)
	movq %cr2, %rax
	movq %rax, CR2(%rbx)
	movq RSP(%rbx), %rsp
	movl $1, %eax
	jmp catch_return

	.globl catch_stubs
	.balign 16
catch_stubs:
	vector = 0
	.rept 32
	.balign 16
	endbr64
	/* #DF #TS #NP #SS #GP #PF #AC #CP #VC #SX push an error code */
	.if (0x60227D00 >> vector) & 1
	.else
	pushq $0
	.endif
	pushq $vector
	jmp catch_common
	vector = vector + 1
	.endr
