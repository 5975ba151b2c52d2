// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions that belong to a hypervisor, to SMM or to another vendor, each
 * with usable operands. A CPU without SVM knows none of them.
 */
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/random.h>
#include <asm/io.h>
#include <asm/msr.h>

#include <openvbs/tlfs.h>

#include "attack.h"

#define EFER_SVME_BIT (1ULL << 12)

static u64 operand; /* a physical page of our own */

#define INSN(name, bytes)                                                                          \
	static void i_##name(void *unused)                                                         \
	{                                                                                          \
		u64 a = operand, b = 0, c = 0, d = 0;                                              \
		asm volatile(".byte " bytes                                                        \
			     : "+a"(a), "+b"(b), "+c"(c), "+d"(d)                                  \
			     :                                                                     \
			     : "memory", "cc");                                                    \
	}

/* AMD APM 3, system instructions; the opcodes are the same with SVM off. */
INSN(vmrun, "0x0f, 0x01, 0xd8")
INSN(vmmcall, "0x0f, 0x01, 0xd9")
INSN(vmload, "0x0f, 0x01, 0xda")
INSN(vmsave, "0x0f, 0x01, 0xdb")
INSN(stgi, "0x0f, 0x01, 0xdc")
INSN(clgi, "0x0f, 0x01, 0xdd")
INSN(skinit, "0x0f, 0x01, 0xde")
INSN(invlpga, "0x0f, 0x01, 0xdf")
INSN(vmrun_a32, "0x67, 0x0f, 0x01, 0xd8")
INSN(vmrun_o16, "0x66, 0x0f, 0x01, 0xd8")
INSN(vmrun_lock, "0xf0, 0x0f, 0x01, 0xd8")
INSN(vmrun_rep, "0xf3, 0x0f, 0x01, 0xd8")
INSN(vmload_a32, "0x67, 0x0f, 0x01, 0xda")
INSN(vmsave_a32, "0x67, 0x0f, 0x01, 0xdb")
INSN(vmgexit, "0xf3, 0x0f, 0x01, 0xd9")
INSN(vmgexit_f2, "0xf2, 0x0f, 0x01, 0xd9")
INSN(vmmcall_lock, "0xf0, 0x0f, 0x01, 0xd9")
INSN(invlpgb, "0x0f, 0x01, 0xfe")
INSN(tlbsync, "0x0f, 0x01, 0xff")
INSN(psmash, "0xf3, 0x0f, 0x01, 0xff")
INSN(pvalidate, "0xf2, 0x0f, 0x01, 0xff")
INSN(rmpadjust, "0xf3, 0x0f, 0x01, 0xfe")
INSN(rmpupdate, "0xf2, 0x0f, 0x01, 0xfe")
INSN(rmpquery, "0xf3, 0x0f, 0x01, 0xfd")
/* Intel SDM 2: VMX and SMX. */
INSN(vmcall, "0x0f, 0x01, 0xc1")
INSN(vmlaunch, "0x0f, 0x01, 0xc2")
INSN(vmresume, "0x0f, 0x01, 0xc3")
INSN(vmxoff, "0x0f, 0x01, 0xc4")
INSN(vmfunc, "0x0f, 0x01, 0xd4")
INSN(vmread, "0x0f, 0x78, 0xc0")
INSN(vmwrite, "0x0f, 0x79, 0xc0")
INSN(getsec, "0x0f, 0x37")
INSN(encls, "0x0f, 0x01, 0xcf")
INSN(tdcall, "0x66, 0x0f, 0x01, 0xcc")
INSN(seamcall, "0x66, 0x0f, 0x01, 0xcf")
INSN(seamret, "0x66, 0x0f, 0x01, 0xcd")
INSN(seamops, "0x66, 0x0f, 0x01, 0xce")
INSN(rsm, "0x0f, 0xaa")
INSN(ud2, "0x0f, 0x0b")

/* With memory operands (SDM 2, VMX instructions): @operand holds a physical address, @invalidate a descriptor. */
static u64 invalidate[2], stored;

#define INSN_MEMORY(name, bytes, memory)                                                           \
	static void i_##name(void *unused)                                                         \
	{                                                                                          \
		asm volatile(".byte " bytes : : "a"(memory), "c"(1L) : "memory", "cc");            \
	}

INSN_MEMORY(vmxon, "0xf3, 0x0f, 0xc7, 0x30", &operand)
INSN_MEMORY(vmclear, "0x66, 0x0f, 0xc7, 0x30", &operand)
INSN_MEMORY(vmptrld, "0x0f, 0xc7, 0x30", &operand)
INSN_MEMORY(vmptrst, "0x0f, 0xc7, 0x38", &stored)
INSN_MEMORY(invept, "0x66, 0x0f, 0x38, 0x80, 0x08", invalidate)
INSN_MEMORY(invvpid, "0x66, 0x0f, 0x38, 0x81, 0x08", invalidate)

#define PROBE(name)                                                                                \
	{                                                                                          \
#name, i_##name, NULL                                                              \
	}

static void run_insns(struct report *r)
{
	static const struct probe probes[] = {
		PROBE(vmsave),       PROBE(vmload),     PROBE(vmrun),      PROBE(stgi),
		PROBE(clgi),         PROBE(skinit),     PROBE(invlpga),    PROBE(vmmcall),
		PROBE(vmrun_a32),    PROBE(vmrun_o16),  PROBE(vmrun_lock), PROBE(vmrun_rep),
		PROBE(vmsave_a32),   PROBE(vmload_a32), PROBE(vmgexit),    PROBE(vmgexit_f2),
		PROBE(vmmcall_lock), PROBE(invlpgb),    PROBE(tlbsync),    PROBE(psmash),
		PROBE(pvalidate),    PROBE(rmpadjust),  PROBE(rmpupdate),  PROBE(rmpquery),
		PROBE(vmcall),       PROBE(vmlaunch),   PROBE(vmresume),   PROBE(vmxoff),
		PROBE(vmfunc),       PROBE(vmread),     PROBE(vmwrite),    PROBE(getsec),
		PROBE(encls),        PROBE(tdcall),     PROBE(rsm),        PROBE(ud2),
		PROBE(vmxon),        PROBE(vmclear),    PROBE(vmptrld),    PROBE(vmptrst),
		PROBE(invept),       PROBE(invvpid),    PROBE(seamcall),   PROBE(seamret),
		PROBE(seamops),
	};
	u64 page = get_zeroed_page(GFP_KERNEL);

	if (!page)
		return;
	operand = virt_to_phys((void *)page);
	try_everywhere(r, probes, ARRAY_SIZE(probes));
	free_page(page);
}

/*
 * As far as ring 0 comes: EFER.SVME, a host save area, then each instruction.
 * VMSAVE fills the page that VMLOAD then loads, so that a CPU with SVM
 * survives it; the page's zeroed control area makes VMRUN come back at once.
 */
static void run_svm_on(struct report *r)
{
	static const struct probe probes[] = {
		{ "svme_vmsave", i_vmsave, NULL }, { "svme_vmload", i_vmload, NULL },
		{ "svme_vmrun", i_vmrun, NULL },   { "svme_stgi", i_stgi, NULL },
		{ "svme_clgi", i_clgi, NULL },     { "svme_stgi_again", i_stgi, NULL },
	};
	u64 page = __get_free_pages(GFP_KERNEL | __GFP_ZERO, 1);
	struct msr_try efer = { .msr = MSR_EFER }, hsave = { .msr = MSR_VM_HSAVE_PA };
	const char *outcome;
	struct caught c;
	size_t i;

	if (!page)
		return;
	operand = virt_to_phys((void *)page);
	hsave.value = operand + PAGE_SIZE;
	migrate_disable();
	efer.value = msr_get(MSR_EFER) | EFER_SVME_BIT;
	outcome = try_here(&c, try_msr_set, &efer, 0);
	row(r, "svme_set", outcome, "EFER.SVME written");
	outcome = try_here(&c, try_msr_set, &hsave, 0);
	row(r, "svme_hsave", outcome, "VM_HSAVE_PA written");
	for (i = 0; i < ARRAY_SIZE(probes); i++) {
		outcome = try_here(&c, probes[i].fn, NULL, 0);
		row(r, probes[i].name, outcome, "after EFER.SVME was written");
	}
	efer.value &= ~EFER_SVME_BIT;
	try_here(&c, try_msr_set, &efer, 0);
	migrate_enable();
	free_pages(page, 1);
}

#define CR4_VMXE_BIT  (1UL << 13)
#define CR4_SMXE_BIT  (1UL << 14)
#define MSR_VMX_BASIC 0x480u

static void cr4_set(void *arg)
{
	unsigned long cr4;

	asm volatile("mov %%cr4, %0" : "=r"(cr4));
	asm volatile("mov %0, %%cr4" : : "r"(cr4 | *(const u64 *)arg) : "memory");
}

static void cr4_clear(void *arg)
{
	unsigned long cr4;

	asm volatile("mov %%cr4, %0" : "=r"(cr4));
	asm volatile("mov %0, %%cr4" : : "r"(cr4 & ~*(const u64 *)arg) : "memory");
}

/*
 * As far as ring 0 comes with VMX: CR4.VMXE, a VMXON region and a VMCS with
 * the CPU's own revision, then each instruction. The VMCS is empty: where VMX
 * works, VMLAUNCH fails in its flags. VMXOFF comes last.
 */
static void run_vmx_on(struct report *r)
{
	static const struct probe probes[] = {
		{ "vmxe_vmxon", i_vmxon, NULL },     { "vmxe_vmcall", i_vmcall, NULL },
		{ "vmxe_vmptrst", i_vmptrst, NULL }, { "vmxe_invept", i_invept, NULL },
		{ "vmxe_invvpid", i_invvpid, NULL }, { "vmxe_vmclear", i_vmclear, NULL },
		{ "vmxe_vmptrld", i_vmptrld, NULL }, { "vmxe_vmread", i_vmread, NULL },
		{ "vmxe_vmwrite", i_vmwrite, NULL }, { "vmxe_vmlaunch", i_vmlaunch, NULL },
		{ "vmxe_vmxoff", i_vmxoff, NULL },
	};
	u32 *pages = (u32 *)__get_free_pages(GFP_KERNEL | __GFP_ZERO, 1);
	u64 vmxe = CR4_VMXE_BIT, smxe = CR4_SMXE_BIT;
	struct msr_try basic = { .msr = MSR_VMX_BASIC };
	const char *outcome;
	struct caught c;
	size_t i;

	if (!pages)
		return;
	migrate_disable();
	outcome = try_here(&c, try_msr_get, &basic, 0);
	pages[0] = pages[PAGE_SIZE / sizeof(u32)] = (u32)basic.value & 0x7FFFFFFF;
	row(r, "vmxe_set", try_here(&c, cr4_set, &vmxe, 0), "CR4.VMXE written; IA32_VMX_BASIC: %s", outcome);
	for (i = 0; i < ARRAY_SIZE(probes); i++) {
		operand = virt_to_phys(pages) + (i ? PAGE_SIZE : 0);
		outcome = try_here(&c, probes[i].fn, NULL, 0);
		row(r, probes[i].name, outcome, "after CR4.VMXE was written");
	}
	try_here(&c, cr4_clear, &vmxe, 0);
	row(r, "smxe_set", try_here(&c, cr4_set, &smxe, 0), "CR4.SMXE written");
	row(r, "smxe_getsec", try_here(&c, i_getsec, NULL, 0), "after CR4.SMXE was written");
	try_here(&c, cr4_clear, &smxe, 0);
	migrate_enable();
	free_pages((unsigned long)pages, 1);
}

struct regs {
	u64 a, b, c, d, si, di, r8, r9;
};

static void vmmcall_with(void *arg)
{
	struct regs *v = arg;
	register u64 r8 asm("r8") = v->r8;
	register u64 r9 asm("r9") = v->r9;

	asm volatile(".byte 0x0f, 0x01, 0xd9"
		     : "+a"(v->a), "+b"(v->b), "+c"(v->c), "+d"(v->d), "+S"(v->si), "+D"(v->di),
		       "+r"(r8), "+r"(r9)
		     :
		     : "memory", "cc");
}

/* Hypercall numbers of the TLFS and of KVM among random ones: whoever listens below must not answer ring 0 of VTL0. */
/*
 * Whatever is in the registers, a hypercall has an answer, and one that VTL0
 * may not make is #UD: the VTL return. Or all are #UD, where VMMCALL is not it.
 */
static void run_vmmcall_random(struct report *r)
{
	unsigned int i, answers = 0, undefined = 0, odd = 0;
	struct caught c;
	struct regs v;

	for (i = 0; i < 2000; i++) {
		get_random_bytes(&v, sizeof(v));
		if (i % 4 == 1)
			v.a = v.c = i / 4 % 0x100;
		if (i % 4 == 2)
			v.c = (i / 4 % 0x100) | 0x10000;
		try_here(&c, vmmcall_with, &v, 0);
		if (c.vector == CAUGHT_NOTHING)
			answers++;
		else if (c.vector == 6 && !(answers && v.c != HV_CALL_VTL_RETURN))
			undefined++;
		else
			odd++;
	}
	row(r, "vmmcall_random",
	    odd || (answers && undefined > 2000 / 4 / 0x100 + 1) ? "differs" : answers ? "answered" : "#UD",
	    "%u calls, %u answered, %u #UD", i, answers, undefined);
}

/* INVD would lose what is in the caches, the hypervisor's too; a machine that turns it into WBINVD loses nothing. */
static void invd_try(void *arg)
{
	volatile u64 *words = arg;
	unsigned int i;

	for (i = 0; i < PAGE_SIZE / 8; i++)
		words[i] = 0x1234567800000000ULL + i;
	asm volatile("invd" : : : "memory");
}

static void run_invd(struct report *r)
{
	u64 *words = (u64 *)get_zeroed_page(GFP_KERNEL);
	const char *outcome;
	struct caught c;
	unsigned int i, lost = 0;

	if (!words)
		return;
	outcome = try_here(&c, invd_try, words, 0);
	for (i = 0; i < PAGE_SIZE / 8; i++)
		lost += words[i] != 0x1234567800000000ULL + i;
	if (c.vector == CAUGHT_NOTHING)
		outcome = lost ? "lost" : "kept";
	row(r, "invd", outcome, "%u words written just before are lost", lost);
	free_page((unsigned long)words);
}

const struct attack insn_attacks[] = { { "invd", run_invd },
				       { "insns", run_insns },
				       { "svme", run_svm_on },
				       { "vmxe", run_vmx_on },
				       { "vmmcall_random", run_vmmcall_random },
				       {} };
