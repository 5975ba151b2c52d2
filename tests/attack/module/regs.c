// SPDX-License-Identifier: GPL-2.0-only
/*
 * Control registers, XCR0 and single-stepping: values that a CPU refuses, and
 * the small print that a hypervisor which skips instructions gets wrong. What
 * should have been refused and was not is put back at once, inside the try.
 */
#include <linux/kernel.h>
#include <linux/preempt.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/processor.h>
#include <asm/special_insns.h>

#include "attack.h"

#define BITQ(n) (1ULL << (n))

enum which { CR0, CR3, CR4, CR8, DR6, DR7, XCR0, XCR1, EFER };

struct reg_try {
	const char *name;
	enum which reg;
	u64 set, clear; /* bits */
	u64 value;      /* with @fixed: the very value */
	bool fixed;
	bool leave; /* leave the guest once (CPUID) before it is put back: VMRUN then sees the value */
};

static u64 get(enum which reg)
{
	u64 v = 0;
	u32 hi = 0;

	switch (reg) {
	case CR0:
		asm volatile("mov %%cr0, %0" : "=r"(v));
		break;
	case CR3:
		asm volatile("mov %%cr3, %0" : "=r"(v));
		break;
	case CR4:
		asm volatile("mov %%cr4, %0" : "=r"(v));
		break;
	case CR8:
		asm volatile("mov %%cr8, %0" : "=r"(v));
		break;
	case DR6:
		asm volatile("mov %%dr6, %0" : "=r"(v));
		break;
	case DR7:
		asm volatile("mov %%dr7, %0" : "=r"(v));
		break;
	case XCR0:
	case XCR1:
		asm volatile("xgetbv" : "=a"(v), "=d"(hi) : "c"(0));
		break;
	case EFER:
		v = msr_get(MSR_EFER);
		break;
	}
	return v | (u64)hi << 32;
}

static void put(enum which reg, u64 v)
{
	switch (reg) {
	case CR0:
		asm volatile("mov %0, %%cr0" : : "r"(v) : "memory");
		break;
	case CR3:
		asm volatile("mov %0, %%cr3" : : "r"(v) : "memory");
		break;
	case CR4:
		asm volatile("mov %0, %%cr4" : : "r"(v) : "memory");
		break;
	case CR8:
		asm volatile("mov %0, %%cr8" : : "r"(v) : "memory");
		break;
	case DR6:
		asm volatile("mov %0, %%dr6" : : "r"(v) : "memory");
		break;
	case DR7:
		asm volatile("mov %0, %%dr7" : : "r"(v) : "memory");
		break;
	case XCR0:
	case XCR1:
		asm volatile("xsetbv" : : "a"((u32)v), "d"((u32)(v >> 32)), "c"(reg == XCR1));
		break;
	case EFER:
		msr_set(MSR_EFER, v);
		break;
	}
}

static void reg_write(void *arg)
{
	const struct reg_try *t = arg;
	u64 old = get(t->reg);

	put(t->reg, t->fixed ? t->value : (old | t->set) & ~t->clear);
	if (t->leave)
		cpuid_eax(0);
	if (t->reg != XCR1)
		put(t->reg, old);
}

static const struct reg_try reg_tries[] = {
	{ "cr0_bit32", CR0, .set = BITQ(32) },
	{ "cr0_bit63", CR0, .set = BITQ(63) },
	{ "cr0_nw_without_cd", CR0, .set = X86_CR0_NW, .clear = X86_CR0_CD },
	{ "cr8_bit4", CR8, .set = BITQ(4) },
	{ "dr6_bit32", DR6, .set = BITQ(32) },
	{ "dr7_bit32", DR7, .set = BITQ(32) },
	{ "xcr0_zero", XCR0, .fixed = true, .value = 0 },
	{ "xcr0_no_x87", XCR0, .clear = 1 },
	{ "xcr0_avx_without_sse", XCR0, .fixed = true, .value = 5 },
	{ "xcr0_bit63", XCR0, .set = BITQ(63) },
	{ "xcr0_bit40", XCR0, .set = BITQ(40) },
	{ "xcr1", XCR1, .fixed = true, .value = 1 },
	{ "efer_svme", EFER, .set = BITQ(12) },
};

/*
 * #GP on hardware. QEMU's TCG ends the guest (VMEXIT_INVALID) instead for CR3
 * and CR4, lets CR0 pass, and hangs by itself without a hypervisor.
 */
static const struct reg_try reserved_tries[] = {
	{ "efer_bit1", EFER, .set = BITQ(1) },
	{ "efer_bit9", EFER, .set = BITQ(9) },
	{ "efer_bit63", EFER, .set = BITQ(63) },
	{ "cr3_bit52", CR3, .set = BITQ(52) },
	{ "cr3_bit62", CR3, .set = BITQ(62) },
	{ "cr4_bit31", CR4, .set = BITQ(31) },
	{ "cr4_bit63", CR4, .set = BITQ(63) },
	{ "cr4_bit15", CR4, .set = BITQ(15) },
	{ "cr4_vmxe", CR4, .set = BITQ(13) },
	{ "cr4_smxe", CR4, .set = BITQ(14) },
	{ "cr4_pae_off", CR4, .clear = X86_CR4_PAE },
	{ "cr4_fred", CR4, .set = BITQ(32) },
	{ "cr0_bit32_exit", CR0, .set = BITQ(32), .leave = true },
	{ "cr0_nw_exit", CR0, .set = X86_CR0_NW, .clear = X86_CR0_CD, .leave = true },
	{ "dr7_bit32_exit", DR7, .set = BITQ(32), .leave = true },
};

static void la57_flip(void *unused)
{
	u64 cr4 = get(CR4);

	put(CR4, cr4 ^ BITQ(12));
}

static void xsetbv_without_osxsave(void *unused)
{
	u64 cr4 = get(CR4);

	put(CR4, cr4 & ~BITQ(18));
	put(XCR0, 1);
	put(CR4, cr4);
}

static u64 cr4_kept;

static void cr4_restore(void *unused)
{
	put(CR4, cr4_kept);
}

static void reg_rows(struct report *r, const struct reg_try *tries, size_t n)
{
	struct probe p = { .fn = reg_write };
	size_t i;

	for (i = 0; i < n; i++) {
		p.name = tries[i].name;
		p.arg = (void *)&tries[i];
		try_everywhere(r, &p, 1);
	}
}

/* Each is an attack of its own: it may cost the machine. */
#define RESERVED(i)                                                                                \
	static void run_reserved_##i(struct report *r)                                             \
	{                                                                                          \
		reg_rows(r, &reserved_tries[i], 1);                                                \
	}
RESERVED(0)
RESERVED(1)
RESERVED(2)
RESERVED(3)
RESERVED(4)
RESERVED(5)
RESERVED(6)
RESERVED(7)
RESERVED(8)
RESERVED(9)
RESERVED(10)
RESERVED(11)
RESERVED(12)
RESERVED(13)
RESERVED(14)
static_assert(ARRAY_SIZE(reserved_tries) == 15);

static void run_la57(struct report *r)
{
	struct probe p = { "cr4_la57_flip", la57_flip, NULL };

	try_everywhere(r, &p, 1);
}

static void run_regs(struct report *r)
{
	struct caught c;
	const char *outcome;

	reg_rows(r, reg_tries, ARRAY_SIZE(reg_tries));
	migrate_disable();
	cr4_kept = get(CR4);
	outcome = try_here(&c, xsetbv_without_osxsave, NULL, 0);
	try_here(&c, cr4_restore, NULL, 0);
	migrate_enable();
	row(r, "xsetbv_without_osxsave", outcome, "on this CPU");
}

/* CR4.OSXSAVE and CR4.PKE show in CPUID at once (APM 3, CPUID Fn1 ECX[27], Fn7 ECX[4]). */
struct mirror {
	u64 cr4_bit;
	u32 leaf, bit;
	u32 off, on; /* what CPUID said */
};

static u32 leaf_ecx(u32 leaf)
{
	u32 a = leaf, b, c = 0, d;

	asm volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return c;
}

static void mirror_try(void *arg)
{
	struct mirror *m = arg;
	u64 cr4 = get(CR4);

	put(CR4, cr4 & ~m->cr4_bit);
	m->off = leaf_ecx(m->leaf) >> m->bit & 1;
	put(CR4, cr4 | m->cr4_bit);
	m->on = leaf_ecx(m->leaf) >> m->bit & 1;
	put(CR4, cr4);
}

static void mirror_row(struct report *r, const char *name, struct mirror m)
{
	const char *outcome;
	struct caught c;

	outcome = try_here(&c, mirror_try, &m, 0);
	if (c.vector == CAUGHT_NOTHING)
		outcome = !m.off && m.on ? "follows" : "fixed";
	row(r, name, outcome, "bit is %u with CR4 clear, %u with it set", m.off, m.on);
}

static void run_mirrors(struct report *r)
{
	mirror_row(r, "cpuid_osxsave", (struct mirror){ BITQ(18), 1, 27, 0, 0 });
	if (boot_cpu_has(X86_FEATURE_PKU))
		mirror_row(r, "cpuid_ospke", (struct mirror){ BITQ(22), 7, 4, 0, 0 });
	else
		row(r, "cpuid_ospke", "absent", "no protection keys here");
}

/*
 * One instruction under TF: the trap must come right behind it, not an
 * instruction later, also when a hypervisor carried it out.
 */
#define STEP(name, setup, insn)                                                                    \
	static void step_##name(void *arg)                                                         \
	{                                                                                          \
		u64 *behind = arg;                                                                 \
		asm volatile("lea 1f(%%rip), %%rax; mov %%rax, (%0)\n\t" setup                     \
			     "pushfq; orl $0x100, (%%rsp); popfq\n\t" insn                         \
			     "\n1:\tnop; nop; nop; nop; pushfq; andl $~0x100, (%%rsp); popfq"      \
			     :                                                                     \
			     : "r"(behind)                                                         \
			     : "rax", "rbx", "rcx", "rdx", "memory", "cc");                        \
	}

STEP(nop, "", "nop")
STEP(cpuid, "xor %%eax, %%eax; xor %%ecx, %%ecx;", "cpuid")
STEP(cpuid_hv, "mov $0x40000000, %%eax; xor %%ecx, %%ecx;", "cpuid")
STEP(rdmsr_efer, "mov $0xc0000080, %%ecx;", "rdmsr")
STEP(wrmsr_efer, "mov $0xc0000080, %%ecx; rdmsr;", "wrmsr")
STEP(wbinvd, "", "wbinvd")

/*
 * MOV to SS holds the trap off for one instruction; where that one exits and is
 * answered by an exception, VM entry checks that the two fit (SDM 3, 27.3.1.5).
 */
#define STEP_HELD(name, setup, insn)                                                               \
	static void held_##name(void *unused)                                                      \
	{                                                                                          \
		asm volatile("mov %%ss, %%edi;" setup "pushfq; orl $0x100, (%%rsp); popfq\n\t"     \
			     "mov %%edi, %%ss\n\t" insn "\n\tpushfq; andl $~0x100, (%%rsp); popfq" \
			     :                                                                     \
			     :                                                                     \
			     : "rax", "rcx", "rdx", "rdi", "memory", "cc");                        \
	}

STEP_HELD(vmcall, "", ".byte 0x0f, 0x01, 0xc1")
STEP_HELD(vmmcall, "", ".byte 0x0f, 0x01, 0xd9")
STEP_HELD(rdmsr, "mov $0x40000000, %%ecx;", "rdmsr")
STEP_HELD(wrmsr, "mov $0x1b, %%ecx; rdmsr; xor $0x1000, %%eax;", "wrmsr")

static void run_steps_held(struct report *r)
{
	static const struct probe probes[] = {
		{ "held_vmcall", held_vmcall, NULL },
		{ "held_vmmcall", held_vmmcall, NULL },
		{ "held_rdmsr", held_rdmsr, NULL },
		{ "held_wrmsr", held_wrmsr, NULL },
	};

	try_everywhere(r, probes, ARRAY_SIZE(probes));
	row(r, "after_held", system_guarded(), "every CPU");
}

static void run_steps(struct report *r)
{
	static const struct probe probes[] = {
		{ "step_nop", step_nop, NULL },
		{ "step_cpuid", step_cpuid, NULL },
		{ "step_cpuid_hv", step_cpuid_hv, NULL },
		{ "step_rdmsr_efer", step_rdmsr_efer, NULL },
		{ "step_wrmsr_efer", step_wrmsr_efer, NULL },
		{ "step_wbinvd", step_wbinvd, NULL },
	};
	const char *outcome;
	struct caught c;
	u64 behind;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(probes); i++) {
		behind = 0;
		outcome = try_here(&c, probes[i].fn, &behind, 0);
		if (c.vector == 1 && c.rip != behind)
			outcome = "late";
		row(r, probes[i].name, outcome, "trap at %+lld bytes from the next instruction",
		    (long long)(c.rip - behind));
	}
}

const struct attack regs_attacks[] = { { "regs", run_regs },
				       { "efer_bit1", run_reserved_0 },
				       { "efer_bit9", run_reserved_1 },
				       { "efer_bit63", run_reserved_2 },
				       { "cr3_bit52", run_reserved_3 },
				       { "cr3_bit62", run_reserved_4 },
				       { "cr4_bit31", run_reserved_5 },
				       { "cr4_bit63", run_reserved_6 },
				       { "cr4_bit15", run_reserved_7 },
				       { "cr4_vmxe", run_reserved_8 },
				       { "cr4_smxe", run_reserved_9 },
				       { "cr4_pae_off", run_reserved_10 },
				       { "cr4_fred", run_reserved_11 },
				       { "cr0_bit32_exit", run_reserved_12 },
				       { "cr0_nw_exit", run_reserved_13 },
				       { "dr7_bit32_exit", run_reserved_14 },
				       { "cr4_la57_flip", run_la57 },
				       { "cpuid_mirrors", run_mirrors },
				       { "steps", run_steps },
				       { "steps_held", run_steps_held },
				       {} };
