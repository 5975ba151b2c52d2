// SPDX-License-Identifier: GPL-2.0-only
/*
 * Around user code: see user.h.
 *
 * CR4.OSXSAVE is 0 in VTL1, so user code has x87 and SSE only: FXSAVE saves all
 * it can change, and the wider registers keep VTL0's upper halves untouched and
 * unseen.
 */
#include "user.h"

#include <ovbs_string.h>

#include "memory.h"

#define FCW_RESET   0x037Fu
#define MXCSR_RESET 0x1F80u

#define STAR_SK ((uint64_t)SK_CS << 32) /* user code is left to IRET */

static void fxsave(uint8_t *to)
{
	asm volatile("fxsave64 %0" : "=m"(*(uint8_t(*)[512])to));
}

/*
 * AMD's FXRSTOR leaves the x87 instruction and data pointers of before where no
 * exception is pending (APM 5, FXRSTOR): they would tell one side's addresses to
 * the other. A load from here overwrites them first.
 */
static void fxrstor(const uint8_t *from)
{
	static const uint32_t anything;

	asm volatile("fnclex\n"
		     "emms\n"
		     "fildl %0\n"
		     "fxrstor64 %1\n"
		     :
		     : "m"(anything), "m"(*(const uint8_t(*)[512])from));
}

void user_begin(struct trustlet *t)
{
	struct sk_cpu *c = sk_this_cpu;

	c->vtl0_cr2 = read_cr2();
	c->vtl0_dr6 = read_dr6();
	c->vtl0_star = rdmsr(MSR_STAR);
	c->vtl0_lstar = rdmsr(MSR_LSTAR);
	c->vtl0_sfmask = rdmsr(MSR_SFMASK);
	wrmsr(MSR_STAR, STAR_SK);
	wrmsr(MSR_LSTAR, (uint64_t)sk_syscall);
	wrmsr(MSR_SFMASK, (uint32_t)~RFLAGS_FIXED);
	fxsave(c->vtl0_fx);
	fxrstor(t->fx);
	t->space.root[511] = memory_gpa(c->pdpt) | PTE_P | PTE_RW | PTE_A;
	write_cr3(memory_gpa(t->space.root));
	wrmsr(MSR_FS_BASE, t->fs_base);
}

void user_end(struct trustlet *t)
{
	struct sk_cpu *c = sk_this_cpu;

	write_cr3(c->root);
	fxsave(t->fx);
	fxrstor(c->vtl0_fx);
	memset(c->vtl0_fx, 0, sizeof(c->vtl0_fx));
	wrmsr(MSR_STAR, c->vtl0_star);
	wrmsr(MSR_LSTAR, c->vtl0_lstar);
	wrmsr(MSR_SFMASK, c->vtl0_sfmask);
	write_cr2(c->vtl0_cr2);
	write_dr6(c->vtl0_dr6);
}

void user_init(struct trustlet *t, uint64_t entry, uint64_t sp)
{
	const uint32_t mxcsr = MXCSR_RESET;
	const uint16_t fcw = FCW_RESET;

	memset(&t->regs, 0, sizeof(t->regs));
	t->regs.rip = entry;
	t->regs.rflags = RFLAGS_FIXED | RFLAGS_IF;
	t->regs.gpr[GPR_RSP] = sp;
	t->fs_base = 0;
	memset(t->fx, 0, sizeof(t->fx));
	memcpy(t->fx, &fcw, sizeof(fcw));
	memcpy(t->fx + 24, &mxcsr, sizeof(mxcsr)); /* SDM 1, table 10-2 */
}
