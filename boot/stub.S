/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The only code that runs under two page tables: it leaves firmware's for the
 * hypervisor's and comes back.
 *
 * It lies on pages of its own, mapped at their identity address (R-X) in the
 * hypervisor's tables, is position independent, and touches neither the stack
 * nor data between the two CR3 switches: nothing else is mapped there.
 * Called by the Microsoft x64 convention (UEFI 2.10, 2.3.4.2): arguments in
 * RCX RDX R8 R9; RBX RBP RDI RSI R12-R15 are the caller's.
 */

/* struct stub_context (stub.h) */
#define CTX_GDTR    0
#define CTX_IDTR    16
#define CTX_CS      32
#define CTX_DS      34
#define CTX_ES      36
#define CTX_SS      38
#define CTX_FS      40
#define CTX_GS      42
#define CTX_FS_BASE 48
#define CTX_GS_BASE 56

/* struct ovbs_boot_cpu and its entry (openvbs/boot_info.h) */
#define CPU_ROOT    0
#define CPU_ENTRY   16
#define ENTRY_RIP   (CPU_ENTRY + 0)
#define ENTRY_RSP   (CPU_ENTRY + 8)
#define ENTRY_FLAGS (CPU_ENTRY + 16)
#define ENTRY_CR0   (CPU_ENTRY + 24)
#define ENTRY_CR3   (CPU_ENTRY + 32)
#define ENTRY_CR4   (CPU_ENTRY + 40)

#define OP_PREPARE 1
#define OP_ENTER   2

#define MSR_FS_BASE 0xC0000100
#define MSR_GS_BASE 0xC0000101

.macro SAVE_CALLER
	pushfq
	cli
	pushq %rbx
	pushq %rbp
	pushq %rdi
	pushq %rsi
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
.endm

/* POPFQ is last: interrupts come on again only when everything is as it was. */
.macro RESTORE_CALLER
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rsi
	popq %rdi
	popq %rbp
	popq %rbx
	popfq
.endm

.macro RESTORE_BASE msr, offset
	movl $\msr, %ecx
	movl \offset(%r13), %eax
	movl \offset+4(%r13), %edx
	wrmsr
.endm

	.section .stub,"xr"
	.p2align 12
	.globl stub_start
stub_start:

	.globl stub_prepare
stub_prepare:
	SAVE_CALLER
	movq %r9, %r13          /* the hypervisor keeps R13-R15 */
	movq %cr3, %r14
	movq %rsp, %r15
	leaq 1f(%rip), %r12
	movq %rcx, %rax
	movq %rdx, %rsi
	movl $OP_PREPARE, %edi
	xorl %edx, %edx
	movq %r8, %cr3
	jmpq *%rax
1:	/* RAX = status; GDT, IDT and segments are the hypervisor's */
	movq %r14, %cr3
	movq %r15, %rsp
	movq %rax, %rbx
	lgdtq CTX_GDTR(%r13)
	lidtq CTX_IDTR(%r13)
	movzwl CTX_CS(%r13), %ecx
	leaq 2f(%rip), %rdx
	pushq %rcx
	pushq %rdx
	lretq
2:	movw CTX_DS(%r13), %ds
	movw CTX_ES(%r13), %es
	movw CTX_SS(%r13), %ss
	movw CTX_FS(%r13), %fs
	movw CTX_GS(%r13), %gs
	/* Loading a selector may have changed the base: the MSRs come last. */
	RESTORE_BASE MSR_FS_BASE, CTX_FS_BASE
	RESTORE_BASE MSR_GS_BASE, CTX_GS_BASE
	movq %rbx, %rax
	RESTORE_CALLER
	retq

	.globl stub_enter
stub_enter:
	SAVE_CALLER
	leaq 1f(%rip), %rax
	movq %rax, ENTRY_RIP(%r8)
	movq %rsp, ENTRY_RSP(%r8)
	pushfq
	popq ENTRY_FLAGS(%r8)   /* with IF clear */
	movq %cr0, %rax
	movq %rax, ENTRY_CR0(%r8)
	movq %cr3, %rax
	movq %rax, ENTRY_CR3(%r8)
	movq %cr4, %rax
	movq %rax, ENTRY_CR4(%r8)
	movq %rcx, %rax
	movq %rdx, %rsi
	movq %r9, %rdx
	movl $OP_ENTER, %edi
	movq CPU_ROOT(%r8), %r8
	movq %r8, %cr3
	jmpq *%rax
1:	/* The guest: RIP, RSP, RFLAGS, CR3 and segments as stored above, RAX = 0. */
	RESTORE_CALLER
	retq

	.globl stub_end
stub_end:
