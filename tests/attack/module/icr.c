// SPDX-License-Identifier: GPL-2.0-only
/*
 * An INIT hidden in every form of store that can reach the ICR: the hypervisor
 * that lets one through without noticing loses the CPU, since the INIT resets
 * it outside of the guest. The target is a CPU of our own in a loop (ap.c).
 * For each form: did the INIT arrive, and is the CPU still guarded after it?
 */
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <asm/fpu/api.h>

#include "attack.h"

#define INIT_WORD (ICR_INIT | ICR_ASSERT)

struct icr {
	u8 *p; /* the ICR's low word */
	u32 v[8] __aligned(32);
	u32 dest;
	u8 *code; /* with code of ours: where it lies */
};

struct icr_form {
	const char *name;
	try_fn fn;
};

#define FORM(name, text)                                                                           \
	static void f_##name(void *arg)                                                            \
	{                                                                                          \
		struct icr *i = arg;                                                               \
		asm volatile(text                                                                  \
			     :                                                                     \
			     : "D"(i->p), "S"(i->v), "c"(i->v[0])                                  \
			     : "rax", "rbx", "rdx", "r8", "memory", "cc");                         \
	}

/* %0 = RDI: the ICR, %1 = RSI: the value in memory, %2 = RCX: the value. */
FORM(mov_ecx, "movl %%ecx, (%0)")
FORM(mov_r8d, "movl %%ecx, %%r8d; movl %%r8d, (%0)")
FORM(mov_imm, "movl $0x4500, (%0)")
FORM(mov_disp8, "lea -16(%0), %%rax; movl %%ecx, 16(%%rax)")
FORM(mov_disp32, "lea -0x12345(%0), %%rax; movl %%ecx, 0x12345(%%rax)")
FORM(mov_sib, "xor %%eax, %%eax; movl %%ecx, (%0, %%rax, 8)")
FORM(mov_rep_prefix, ".byte 0xf3, 0x89, 0x0f")
FORM(mov_rex_w, "movl %%ecx, %%eax; movq %%rax, (%0)")
FORM(mov_16, "movw %%cx, (%0)")
FORM(mov_8, "movb %%ch, 1(%0)")
FORM(mov_16_imm, "movw $0x4500, (%0)")
FORM(mov_below, "mov %%ecx, %%eax; shl $16, %%rax; movq %%rax, -2(%0)")
FORM(mov_unaligned, "movl $0x45, 1(%0)")
FORM(mov_crossing, "movl $0x45000000, -3(%0)")
FORM(xchg, "mov %%ecx, %%eax; xchgl %%eax, (%0)")
FORM(stosl, "mov %%rdi, %%rdx; mov %%ecx, %%eax; stosl; mov %%rdx, %%rdi")
FORM(rep_stosl, "mov %%rdi, %%rdx; mov %%ecx, %%eax; mov %%rcx, %%rbx; mov $1, %%ecx; rep stosl; mov %%rbx, %%rcx; mov %%rdx, %%rdi")
FORM(movsl, "mov %%rdi, %%rdx; mov %%rsi, %%rbx; movsl; mov %%rbx, %%rsi; mov %%rdx, %%rdi")
FORM(rep_movsl, "mov %%rdi, %%rdx; mov %%rsi, %%rbx; mov %%rcx, %%rax; mov $1, %%ecx; rep movsl; mov %%rax, %%rcx; mov %%rbx, %%rsi; mov %%rdx, %%rdi")
FORM(rep_movsl_from_below,
     "mov %%rdi, %%rdx; mov %%rsi, %%rbx; mov %%rcx, %%rax; lea -0x10(%%rdi), %%rdi; xor %%ecx, %%ecx; mov %%ecx, 0(%%rsi); mov %%ecx, 4(%%rsi); mov %%ecx, 8(%%rsi); mov %%ecx, 12(%%rsi); mov %%eax, 16(%%rsi); mov $5, %%ecx; rep movsl; mov %%rax, %%rcx; mov %%rbx, %%rsi; mov %%rdx, %%rdi")
FORM(rep_movsb, "mov %%rdi, %%rdx; mov %%rsi, %%rbx; mov %%rcx, %%rax; mov $4, %%ecx; rep movsb; mov %%rax, %%rcx; mov %%rbx, %%rsi; mov %%rdx, %%rdi")
FORM(movnti, "movnti %%ecx, (%0)")
FORM(movbe, "mov %%ecx, %%eax; bswap %%eax; movbe %%eax, (%0)")
FORM(or, "movl $0, (%0); orl %%ecx, (%0)")
FORM(add, "movl $0, (%0); addl %%ecx, (%0)")
FORM(xor, "movl $0, (%0); xorl %%ecx, (%0)")
FORM(sub, "movl $0, (%0); subl $-0x4500, (%0)")
FORM(lock_or, "movl $0, (%0); lock orl %%ecx, (%0)")
FORM(inc, "movl $0x44ff, (%0); incl (%0)")
FORM(bts, "movl $0x4400, (%0); btsl $8, (%0)")
FORM(shl, "movl $0, (%0); orl $0x2280, (%0); shll $1, (%0)")
FORM(cmpxchg, "movl $0, (%0); movl (%0), %%eax; lock cmpxchgl %%ecx, (%0)")
FORM(xadd, "movl $0, (%0); mov %%ecx, %%eax; lock xaddl %%eax, (%0)")
FORM(pop, "pushq %%rcx; popq (%0)")
FORM(pop_16, "pushw %%cx; popw (%0)")
FORM(push_stack, "mov %%rsp, %%rbx; lea 8(%0), %%rsp; pushq %%rcx; mov %%rbx, %%rsp")
FORM(push_16_stack, "mov %%rsp, %%rbx; lea 2(%0), %%rsp; pushw %%cx; mov %%rbx, %%rsp")
FORM(movd_xmm, "movd %%ecx, %%xmm0; movd %%xmm0, (%0)")
FORM(movss, "movd %%ecx, %%xmm0; movss %%xmm0, (%0)")
FORM(movups, "movups (%1), %%xmm0; movups %%xmm0, (%0)")
FORM(vmovdqu, "vmovdqu (%1), %%ymm0; vmovdqu %%ymm0, (%0)")
FORM(pextrd, "movd %%ecx, %%xmm0; pextrd $0, %%xmm0, (%0)")
FORM(movnti_q, "mov %%ecx, %%eax; movnti %%rax, (%0)")
FORM(fistl, "fildl (%1); fistpl (%0)")
FORM(fsts, "flds (%1); fstps (%0)")
FORM(mov_fs, "movl $0xc0000100, %%ecx; rdmsr; mov %%eax, %%ebx; mov %%edx, %%r8d; mov %0, %%rax; sub $0x10, %%rax; mov %%rax, %%rdx; shr $32, %%rdx; wrmsr; mov (%1), %%eax; movl %%eax, %%fs:0x10; mov %%ebx, %%eax; mov %%r8d, %%edx; wrmsr; mov (%1), %%ecx")

/* An instruction that lies across two pages which are not neighbours in memory, run from tables of our own. */
static void f_code_across_pages(void *arg)
{
	struct icr *i = arg;

	asm volatile("call *%3"
		     :
		     : "D"(i->p), "S"(i->v), "c"(i->v[0]), "r"(i->code)
		     : "rax", "memory", "cc");
}

#define F(name)                                                                                    \
	{                                                                                          \
		"icr_" #name, f_##name                                                             \
	}
static const struct icr_form xapic_forms[] = {
	F(mov_ecx),
	F(mov_r8d),
	F(mov_imm),
	F(mov_disp8),
	F(mov_disp32),
	F(mov_sib),
	F(mov_rep_prefix),
	F(mov_rex_w),
	F(mov_16),
	F(mov_8),
	F(mov_16_imm),
	F(mov_below),
	F(mov_unaligned),
	F(mov_crossing),
	F(xchg),
	F(stosl),
	F(rep_stosl),
	F(movsl),
	F(rep_movsl),
	F(rep_movsl_from_below),
	F(rep_movsb),
	F(movnti),
	F(movbe),
	F(or),
	F(add),
	F(xor),
	F(sub),
	F(lock_or),
	F(inc),
	F(bts),
	F(shl),
	F(cmpxchg),
	F(xadd),
	F(pop),
	F(pop_16),
	F(push_stack),
	F(push_16_stack),
	F(movd_xmm),
	F(movss),
	F(movups),
	F(vmovdqu),
	F(pextrd),
	F(movnti_q),
	F(fistl),
	F(fsts),
	F(mov_fs),
	F(code_across_pages),
};

static const struct ap_op nothing[] = { { AP_END } };

/* "delivered" (and guarded after it), "dropped", "ESCAPED", or the exception and the one of these that matters. */
static const char *after(int cpu, const char *outcome)
{
	const char *state;

	wait_ms(2);
	if (ap_alive())
		return strcmp(outcome, "ok") ? outcome : "dropped";
	state = ap_check(cpu);
	if (!strcmp(state, "guarded") || !strcmp(state, "bare"))
		return "delivered";
	return state;
}

static bool ready(struct report *r, const char *name, int cpu)
{
	const char *up = ap_start(cpu, nothing, 0, 0);

	if (!strcmp(up, "up") && ap_alive())
		return true;
	row(r, name, strcmp(up, "up") ? up : "stuck", "the CPU did not come up for this row");
	return false;
}

static void form_row(struct report *r, const struct icr_form *f, const char *name, int cpu,
		     struct icr *i, u64 cr3)
{
	const char *outcome;
	struct caught c;

	if (!ready(r, name, cpu))
		return;
	memset(i->v, 0, sizeof(i->v));
	i->v[0] = INIT_WORD;
	writel(lapic_id(cpu) << 24, lapic_page() + 0x310);
	kernel_fpu_begin();
	outcome = try_here(&c, f->fn, i, cr3);
	kernel_fpu_end();
	row(r, name, after(cpu, outcome), "the instruction: %s", outcome);
}

/* The APIC page through other mappings than Linux's: big pages, write-back. */
static void mapping_rows(struct report *r, int cpu, struct space *s, struct icr *i)
{
	static const struct icr_form plain = F(mov_ecx);

	s->table[1][1] = 0xFEE00000 | PTE_RW | PTE_PS | PTE_PCD;
	i->p = (u8 *)SPACE_2M(1) + 0x300;
	form_row(r, &plain, "icr_through_2m", cpu, i, s->cr3);
	s->table[2][1] = 0xC0000000 | PTE_RW | PTE_PS | PTE_PCD;
	i->p = (u8 *)SPACE_1G(1) + 0x3EE00300;
	form_row(r, &plain, "icr_through_1g", cpu, i, s->cr3);
	s->table[0][1] = 0xFEE00000 | PTE_RW;
	i->p = (u8 *)SPACE_4K(1) + 0x300;
	form_row(r, &plain, "icr_write_back_mapping", cpu, i, s->cr3);
}

/* Pages: [1] the APIC, [2] and [3] code of ours, of which [3] lies in front of [2] in memory. */
static bool code_pages(struct space *s, struct icr *i, u8 *two_pages)
{
	static const u8 code[] = { 0x90, 0x89, 0x0F, 0xC3 }; /* nop; mov %ecx, (%rdi); ret */
	u8 *first = two_pages + PAGE_SIZE, *second = two_pages;

	memcpy(first + PAGE_SIZE - 2, code, 2);
	memcpy(second, code + 2, 2);
	s->table[0][2] = virt_to_phys(first) | PTE_P | PTE_A;
	s->table[0][3] = virt_to_phys(second) | PTE_P | PTE_A;
	i->code = (u8 *)SPACE_4K(3) - 2;
	return true;
}

static void xapic_rows(struct report *r, int cpu, struct space *s, u8 *pages)
{
	struct icr i = { 0 };
	size_t k;

	code_pages(s, &i, pages);
	for (k = 0; k < ARRAY_SIZE(xapic_forms); k++) {
		i.p = (u8 __force *)lapic_page() + 0x300;
		form_row(r, &xapic_forms[k], xapic_forms[k].name, cpu, &i, s->cr3);
	}
	mapping_rows(r, cpu, s, &i);
}

static void x2_rows(struct report *r, int cpu)
{
	static const struct {
		const char *name;
		u32 low;
	} tries[] = {
		{ "x2_init", INIT_WORD },
		{ "x2_init_bit12", INIT_WORD | 1 << 12 },
		{ "x2_init_bit13", INIT_WORD | 1 << 13 },
		{ "x2_init_bit16", INIT_WORD | 1 << 16 },
		{ "x2_init_bit20", INIT_WORD | 1 << 20 },
		{ "x2_init_bit31", INIT_WORD | 1u << 31 },
		{ "x2_init_level", INIT_WORD | ICR_LEVEL },
		{ "x2_init_logical", INIT_WORD | ICR_LOGICAL },
		{ "x2_init_all_but_self", INIT_WORD | ICR_ALL_BUT },
		{ "x2_init_all_but_self_reserved", INIT_WORD | ICR_ALL_BUT | 1 << 17 },
	};
	u32 id = lapic_id(cpu);
	struct msr_try m = { .msr = 0x830 };
	const char *outcome;
	struct caught c;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(tries); i++) {
		u32 dest = tries[i].low & ICR_LOGICAL ? (id >> 4) << 16 | 1u << (id & 15) : id;

		if (!ready(r, tries[i].name, cpu))
			continue;
		m.value = (u64)dest << 32 | tries[i].low;
		outcome = try_here(&c, try_msr_set, &m, 0);
		row(r, tries[i].name, after(cpu, outcome), "ICR %llx: %s", m.value, outcome);
	}
}

static void run_icr(struct report *r)
{
	u8 *pages = (u8 *)__get_free_pages(GFP_KERNEL, 1);
	int cpu = ap_take();
	struct space s;
	int err;

	if (cpu < 0 || !pages || space_make(&s)) {
		row(r, "icr_take", "norun", "error %d", cpu);
		return;
	}
	if (lapic_x2())
		x2_rows(r, cpu);
	else
		xapic_rows(r, cpu, &s, pages);
	err = ap_give_back(cpu);
	row(r, "after_icr", err ? "failed" : system_guarded(), "%u CPUs online, error %d",
	    num_online_cpus(), err);
	space_free(&s);
	free_pages((unsigned long)pages, 1);
}

/*
 * Bit 12 is read-only on hardware (delivery status). Where it sticks (QEMU),
 * whoever waits for it to clear before sending the next interrupt waits for
 * ever: set it, then send an INIT, which makes the hypervisor send one.
 */
static void busy_try(void *arg)
{
	const struct icr *i = arg;

	writel(i->dest, lapic_page() + 0x310);
	writel(1 << 12 | ICR_ASSERT, lapic_page() + 0x300);
	writel(INIT_WORD, lapic_page() + 0x300);
}

static void run_busy(struct report *r)
{
	int cpu = lapic_x2() ? -ENODEV : ap_take();
	struct icr i = { 0 };
	struct caught c;
	const char *outcome;

	if (cpu < 0) {
		row(r, "icr_busy_then_init", "xapic", "in xAPIC mode only, error %d", cpu);
		return;
	}
	if (ready(r, "icr_busy_then_init", cpu)) {
		i.dest = lapic_id(cpu) << 24;
		outcome = try_here(&c, busy_try, &i, 0);
		row(r, "icr_busy_then_init", after(cpu, outcome), "the stores: %s", outcome);
	}
	ap_give_back(cpu);
	row(r, "after_icr_busy", system_guarded(), "every CPU");
}

const struct attack icr_attacks[] = { { "icr_forms", run_icr }, { "icr_busy", run_busy }, {} };
