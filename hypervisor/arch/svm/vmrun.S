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
 */
#define GPR(n) (8 * (n))(%rdi)

	.text
	.globl svm_vmrun
	.type svm_vmrun, @function
svm_vmrun:
	endbr64
	pushq	%rbx
	pushq	%rbp
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	pushq	%rdx
	pushq	%rsi
	movq	%rdi, %rax
	movq	%rsi, %rdi
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

	vmload	%rax
	vmrun	%rax
	vmsave	%rax

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

	popq	%rsi
	popq	%rax
	vmload	%rax

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
