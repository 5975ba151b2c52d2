/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a CPU of our own runs: from the SIPI in real mode to 32-bit protected
 * mode without paging, where it carries out a script (struct ap_op), then
 * counts in a loop. It runs at a multiple of 64 KiB below 1 MiB, so EIP with
 * its low half cleared is the base, and never trusts a register over an
 * exception. ap.c fills in what depends on the base, and the tables.
 *
 *   0000 this code   1000 GDT, 1100 IDT, 1400 TSSs   2000-3000 stack
 *   3000 head: count, starts, alive, nmis, done, current    3020 operations
 */
#define GDT       0x1000
#define TSS_OTHER 0x1500
#define STACK     0x3000
#define COUNT     0x3000
#define STARTS    0x3004
#define ALIVE     0x3008
#define NMIS      0x300C
#define DONE      0x3010
#define CURRENT   0x3014
#define OPS       0x3020
#define OP_BYTES  32

	.section .rodata

/* EBX = base, whatever went before. */
.macro base
	call 77f
77:	pop %ebx
	and $0xFFFF0000, %ebx
.endm

	.globl ap_code, ap_code_end, ap_code_protected, ap_code_far, ap_code_stubs, ap_code_task
	.balign 16
ap_code:
	.code16
	cli
	cld
	mov %cs, %ax
	mov %ax, %ds
	lgdtl ap_gdtr - ap_code
	mov %cr0, %eax
	and $0x1FFFFFFF, %eax		/* paging off, caches on */
	or $1, %eax
	mov %eax, %cr0
	.byte 0x66, 0xEA		/* ljmpl $8, base + protected */
ap_code_far:
	.long 0
	.word 8

	.balign 8
	.globl ap_gdtr
ap_gdtr:
	.word 0x3F
	.long 0				/* base + GDT */
	.word 0
	.globl ap_idtr
ap_idtr:
	.word 0xFF
	.long 0				/* base + IDT */
	.word 0

	.code32
ap_code_protected:
	mov $0x10, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %fs
	mov %eax, %gs
	mov %eax, %ss
	mov $0, %esp
	.globl ap_code_esp
ap_code_esp:				/* the four bytes before this are base + STACK */
	base
	lidt ap_idtr - ap_code(%ebx)
	incl STARTS(%ebx)
	movl $0, CURRENT(%ebx)

next:
	base
	mov CURRENT(%ebx), %ecx
	cmp COUNT(%ebx), %ecx
	jae finished
	shl $5, %ecx			/* * OP_BYTES */
	lea OPS(%ebx, %ecx), %esi
	mov (%esi), %eax
	cmp $10, %eax
	ja done_op
	mov jumps - ap_code(%ebx, %eax, 4), %eax
	add %ebx, %eax
	jmp *%eax
done_op:
	base
	lea STACK(%ebx), %esp
	cld
	incl CURRENT(%ebx)
	jmp next

finished:
	movl $1, DONE(%ebx)
count:
	incl ALIVE(%ebx)
	pause
	jmp count

	.balign 4
jumps:
	.long done_op - ap_code, op_read - ap_code, op_write - ap_code, op_call - ap_code, op_rdmsr - ap_code
	.long op_wrmsr - ap_code, op_cpuid - ap_code, op_bytes - ap_code, op_task - ap_code, op_ltr - ap_code
	.long op_movsb - ap_code

/* ESI = the operation: op, a, b, c, vector, r0, r1, r2 */
op_read:
	mov 4(%esi), %edx
	mov (%edx), %eax
	mov %eax, 20(%esi)
	jmp done_op
op_write:
	mov 4(%esi), %edx
	mov 8(%esi), %eax
	mov %eax, (%edx)
	jmp done_op
op_call:
	mov 4(%esi), %edx
	lea 0x2800(%ebx), %eax		/* zero bytes write there, if they run */
	call *%edx
	jmp done_op
op_rdmsr:
	mov 4(%esi), %ecx
	rdmsr
	mov %eax, 20(%esi)
	mov %edx, 24(%esi)
	jmp done_op
op_wrmsr:
	mov 4(%esi), %ecx
	mov 8(%esi), %eax
	mov 12(%esi), %edx
	wrmsr
	jmp done_op
op_cpuid:
	mov 4(%esi), %eax
	xor %ecx, %ecx
	push %ebx
	cpuid
	mov %ebx, 20(%esi)
	pop %ebx
	mov %ecx, 24(%esi)
	mov %edx, 28(%esi)
	jmp done_op
op_bytes:				/* run a and b (then RET) on the stack's low end */
	lea 0x2000(%ebx), %edi
	mov 4(%esi), %eax
	mov %eax, (%edi)
	mov 8(%esi), %eax
	mov %eax, 4(%edi)
	movb $0xC3, 8(%edi)
	mov 12(%esi), %eax
	mov %esi, %ebp
	call *%edi
	base
	mov CURRENT(%ebx), %ecx
	shl $5, %ecx
	mov %eax, OPS + 20(%ebx, %ecx)
	jmp done_op
op_task:
	mov 4(%esi), %eax
	movl $0, 0x2010(%ebx)
	mov %eax, 0x2014(%ebx)
	ljmp *0x2010(%ebx)
	jmp done_op			/* a task that comes back here */
op_ltr:
	mov 4(%esi), %eax
	ltr %ax
	jmp done_op
op_movsb:
	mov 8(%esi), %edi
	mov 12(%esi), %ecx
	mov 4(%esi), %esi
	rep movsb
	jmp done_op

ap_code_task:				/* the other task begins here: the switch was made */
	base
	mov CURRENT(%ebx), %ecx
	shl $5, %ecx
	movl $1, OPS + 20(%ebx, %ecx)
	jmp done_op

/* Exceptions: [error,] EIP, CS, EFLAGS. NMI: counted, and back. */
fault:
	push %ebx
	base
	pop %eax			/* EBX, not needed */
	pop %eax			/* the vector */
	mov CURRENT(%ebx), %ecx
	cmp COUNT(%ebx), %ecx
	jae finished
	shl $5, %ecx
	inc %eax
	mov %eax, OPS + 16(%ebx, %ecx)
	jmp done_op
nmi:
	push %ebx
	base
	incl NMIS(%ebx)
	pop %ebx
	iret

	.balign 16
ap_code_stubs:
	number = 0
	.rept 32
	.balign 16
	.if number == 2
	jmp nmi
	.else
	push $number
	jmp fault
	.endif
	number = number + 1
	.endr
ap_code_end:
	.code64
