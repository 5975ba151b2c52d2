/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Into VTL0 and back (SDM 3, chapters 27 and 28).
 *
 * int vmx_run(uint64_t *gpr, uint32_t launched, const volatile uint32_t *nmi_seen)
 *
 * VMX switches RSP, RIP, RFLAGS, the control registers and segments; the other
 * general registers are swapped here. CR2 and DR0-3, DR6 stay VTL0's: the host
 * does not use them.
 *
 * VMX has no global interrupt flag: an NMI can come at any instruction of the
 * host. One that comes after the last look at nmi_seen and before VTL0 runs
 * would stay unnoticed until the next exit. So the NMI handler, by the table
 * .nmifix, goes on at vmx_run_aborted if it finds RIP in that stretch.
 */
#define GPR(n) (8 * (n))(%rdi)
#define VMCS_HOST_RSP 0x6C14

	.text
	.globl vmx_run
	.type vmx_run, @function
vmx_run:
	endbr64
	pushq	%rbx
	pushq	%rbp
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	pushq	%rdi
	movl	$VMCS_HOST_RSP, %eax
	vmwrite	%rsp, %rax
vmx_run_begin:
	cmpl	$0, (%rdx)
	jne	vmx_run_aborted
	testl	%esi, %esi		/* the flags stay until the branch below */
	movq	GPR(0), %rax
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
	jnz	1f
	vmlaunch
	jmp	2f
1:	vmresume
vmx_run_end:
2:	movl	$1, %eax
	jmp	3f
vmx_run_aborted:
	movl	$2, %eax
3:	addq	$8, %rsp
	jmp	4f

	/* VM exit: RSP is as it was at VMWRITE. */
	.globl vmx_exit_entry
vmx_exit_entry:
	pushq	%rdi
	movq	8(%rsp), %rdi
	movq	%rax, GPR(0)
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
	addq	$8, %rsp
	xorl	%eax, %eax

	/* No general register keeps a value of VTL0's. */
4:	xorl	%ecx, %ecx
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
	.size vmx_run, . - vmx_run

	.pushsection .nmifix, "a"
	.quad	vmx_run_begin, vmx_run_end, vmx_run_aborted
	.quad	vmx_wait_begin, vmx_wait_end, vmx_wait_end
	.popsection

/*
 * vmx_unblock_nmi(): after an exit that an NMI caused, NMIs are blocked until
 * the next IRET (27.3.1): this one, to the caller.
 */
	.globl vmx_unblock_nmi
	.type vmx_unblock_nmi, @function
vmx_unblock_nmi:
	endbr64
	popq	%rdx
	movq	%rsp, %rcx
	movl	%ss, %eax
	pushq	%rax
	pushq	%rcx
	pushfq
	movl	%cs, %eax
	pushq	%rax
	pushq	%rdx
	iretq
	.size vmx_unblock_nmi, . - vmx_unblock_nmi

/* vmx_wait(const volatile uint32_t *nmi_seen): sleep until an NMI, unless one was seen. */
	.globl vmx_wait
	.type vmx_wait, @function
vmx_wait:
	endbr64
vmx_wait_begin:
	cmpl	$0, (%rdi)
	jne	vmx_wait_end
	hlt
vmx_wait_end:
	ret
	.size vmx_wait, . - vmx_wait

	.section .note.GNU-stack, "", @progbits
