/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A hypervisor that does not virtualize anything: it tests the loader.
 *
 * PREPARE gives every CPU a root, and leaves behind what a real one does:
 * another GDT, IDT and segments, and garbage in the registers it may change.
 * ENTER goes back in place, with garbage again. Nothing answers by CPUID
 * afterwards, so the loader must notice and stop the machine.
 *
 * The build says what PREPARE returns (PREPARE_STATUS), 0 or an error.
 *
 * 4 levels only. The roots map the low 512 GiB at their identity address with
 * 1 GiB pages: ENTER's way back runs there, since firmware's tables do not map
 * our own addresses.
 */

#include "fakehv_offsets.h" /* from offsets.c */

#define HV_VA_BASE 0xFFFFFF8000000000
#define PAGE       4096

	.section .text, "ax"
	.globl fake_entry
fake_entry:
	cmpl $OP_PREPARE, %edi
	jne enter

	/* Two pages of the shared pool: a PML4 and a table of 1 GiB pages. */
	movabsq $HV_VA_BASE, %r8
	addq INFO_SHARED_NEXT(%rsi), %r8
	movq INFO_BLOCK_SPA(%rsi), %r9
	addq INFO_SHARED_NEXT(%rsi), %r9
	testl $FLAG_LA57, INFO_FLAGS(%rsi)
	movl $E_LAYOUT, %eax
	jnz prepared

	/* Upper half as the loader has it. Its root is the first page of the shared pool. */
	movabsq $HV_VA_BASE, %r10
	addq INFO_LOADER_ROOT(%rsi), %r10
	subq INFO_BLOCK_SPA(%rsi), %r10
	movq 511*8(%r10), %rax
	movq %rax, 511*8(%r8)
	leaq PAGE(%r9), %rax
	orq $3, %rax                    /* present, writable */
	movq %rax, (%r8)
	leaq PAGE(%r8), %rdi
	xorl %ecx, %ecx
	movl $0x83, %eax                /* present, writable, 1 GiB */
1:	movq %rax, (%rdi,%rcx,8)
	addq $0x40000000, %rax
	incl %ecx
	cmpl $512, %ecx
	jne 1b

	/* The same root for all. */
	movl INFO_CPU_COUNT(%rsi), %ecx
	leaq INFO_CPU(%rsi), %rdi
2:	movq %r9, (%rdi)
	addq $CPU_SIZE, %rdi
	decl %ecx
	jnz 2b

	/* What a real hypervisor leaves behind: its own tables and segments. */
	leaq stack_top(%rip), %rsp
	lgdtq gdt_register(%rip)
	lidtq idt_register(%rip)
	pushq $8
	leaq 3f(%rip), %rax
	pushq %rax
	lretq
3:	movl $16, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	movl %eax, %fs
	movl %eax, %gs
	movl $0xC0000101, %ecx          /* GS base, as per-CPU data would have */
	movl $0xBAD0, %eax
	movl $0xFFFFFF80, %edx
	wrmsr
	movl $PREPARE_STATUS, %eax
prepared:
	movabsq $0xBAD0BAD0BAD0BAD0, %rbx
	movq %rbx, %rcx
	movq %rbx, %rdx
	movq %rbx, %rsi
	movq %rbx, %rdi
	movq %rbx, %rbp
	movq %rbx, %r8
	movq %rbx, %r9
	movq %rbx, %r10
	movq %rbx, %r11
	jmpq *%r12

enter:
	imulq $CPU_SIZE, %rdx, %rdx
	leaq INFO_CPU(%rsi,%rdx), %rdx
	movq CPU_RIP(%rdx), %rbx
	movq CPU_RSP(%rdx), %rcx
	movq CPU_CR3(%rdx), %r8
	/* Our own identity address: firmware's tables map that too. */
	leaq 4f(%rip), %rax
	movabsq $HV_VA_BASE, %rdx
	subq %rdx, %rax
	addq INFO_BLOCK_SPA(%rsi), %rax
	jmpq *%rax
4:	movq %r8, %cr3
	movq %rcx, %rsp
	movabsq $0xBAD0BAD0BAD0BAD0, %rbp
	movq %rbp, %rcx
	movq %rbp, %rdx
	movq %rbp, %rsi
	movq %rbp, %rdi
	movq %rbp, %r8
	movq %rbp, %r9
	movq %rbp, %r10
	movq %rbp, %r11
	movq %rbp, %r12
	movq %rbp, %r13
	movq %rbp, %r14
	movq %rbp, %r15
	xorl %eax, %eax
	jmpq *%rbx

	.section .rodata, "a"
	.balign 8
gdt:	.quad 0
	.quad 0x00AF9B000000FFFF        /* 64-bit code */
	.quad 0x00CF93000000FFFF        /* data */
gdt_register:
	.word . - gdt - 1
	.quad gdt
idt_register:
	.word 0
	.quad 0

	.section .data, "aw"
	.balign 16
	.quad 0x0123456789ABCDEF        /* so that the segment has bytes in the file */
	.section .bss, "aw", @nobits
	.balign 16
	.skip 256
stack_top:
