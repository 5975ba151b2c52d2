/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Into VTL0 and back (APM 2, 15.5 and 15.6).
 *
 * svm_vmrun(uint64_t vmcb_spa, uint64_t *gpr, uint64_t host_spa)
 *
 * VMRUN and #VMEXIT switch RAX, RSP, RIP, the control registers and CS, SS, DS,
 * ES, GDTR, IDTR. FS, GS, TR, LDTR and the system-call MSRs stay behind: VMLOAD
 * and VMSAVE switch those, both ways, because the host needs its own TR: the
 * stack of its NMI handler comes from there. After the exit no general register
 * is left with a value of VTL0's, so that none can steer speculation.
 *
 * A VTL call or return need not go all the way: the VTLs share the general
 * registers, so only those that C may change are put aside while svm_fast()
 * looks whether it can be done right here; it gives the VMCB to go on with.
 * GIF is clear all the time, and the host needs no TR without an NMI.
 */
#include "arch/x86/gprs.inc"

#define HV_CALL_VTL_CALL 0x11 /* openvbs/tlfs.h */

	.text
	.globl svm_vmrun
	.type svm_vmrun, @function
svm_vmrun:
	endbr64
	push_callee_saved
	pushq	%rdx
	pushq	%rsi
	movq	%rdi, %rax
	movq	%rsi, %rdi
	load_guest_gprs

1:	vmload	%rax
	vmrun	%rax
	vmsave	%rax

	leaq	-HV_CALL_VTL_CALL(%rcx), %rax	/* RCX: HvCallVtlCall, or HvCallVtlReturn, the next number */
	cmpq	$1, %rax
	ja	2f
	pushq	%r11
	pushq	%r10
	pushq	%r9
	pushq	%r8
	pushq	%rdi
	pushq	%rsi
	pushq	%rdx
	pushq	%rcx
	movq	%rsp, %rdi
	subq	$8, %rsp
	call	svm_fast
	addq	$8, %rsp
	popq	%rcx
	popq	%rdx
	popq	%rsi
	popq	%rdi
	popq	%r8
	popq	%r9
	popq	%r10
	popq	%r11
	testq	%rax, %rax
	jnz	1b

2:	save_guest_gprs

	popq	%rsi
	popq	%rax
	vmload	%rax

	clear_scratch
	pop_callee_saved
	ret
	.size svm_vmrun, . - svm_vmrun

/*
 * svm_window(): GIF on for one instruction, so that a pending NMI, SMI or
 * (redirected) INIT is taken here. Interrupts stay off by RFLAGS.IF.
 */
	.globl svm_window
	.type svm_window, @function
svm_window:
	endbr64
	stgi
	nop
	clgi
	ret
	.size svm_window, . - svm_window

/*
 * svm_wait(volatile uint32_t *nmi_seen): as svm_window(), but sleep. By the
 * table .nmifix the NMI handler moves RIP to the end, so that an NMI between
 * the test and HLT is not slept through.
 */
	.globl svm_wait
	.type svm_wait, @function
svm_wait:
	endbr64
	stgi
svm_wait_begin:
	cmpl	$0, (%rdi)
	jne	svm_wait_end
	hlt
svm_wait_end:
	clgi
	ret
	.size svm_wait, . - svm_wait

	.pushsection .nmifix, "a"
	.quad	svm_wait_begin, svm_wait_end, svm_wait_end
	.popsection

	.section .note.GNU-stack, "", @progbits
