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
#include "arch/x86/gprs.inc"

#define VMCS_HOST_RSP 0x6C14

	.text
	.globl vmx_run
	.type vmx_run, @function
vmx_run:
	endbr64
	push_callee_saved
	pushq	%rdi
	movl	$VMCS_HOST_RSP, %eax
	vmwrite	%rsp, %rax
vmx_run_begin:
	cmpl	$0, (%rdx)
	jne	vmx_run_aborted
	testl	%esi, %esi		/* the flags stay until the branch below */
	movq	GPR(0), %rax
	load_guest_gprs
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
	save_guest_gprs
	movq	%rax, GPR(0)
	addq	$8, %rsp
	xorl	%eax, %eax

	/* No general register keeps a value of VTL0's. */
4:	clear_scratch
	pop_callee_saved
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
