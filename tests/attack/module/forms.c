// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every kind of instruction that reads or writes memory, aimed at a hidden
 * page; also with the other half of the operand in memory of our own, in front
 * of the hidden page and behind it.
 */
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <asm/fpu/api.h>

#include "attack.h"

struct access {
	u8 *p; /* the target */
	u8 got[64] __aligned(64);
	u8 *scratch; /* mapped on both sides */
};

struct form {
	const char *name;
	try_fn fn;
	unsigned int bytes;
};

/* %0 the target, %1 room for what is read. */
#define READS(name, text)                                                                          \
	static void r_##name(void *arg)                                                            \
	{                                                                                          \
		struct access *a = arg;                                                            \
		asm volatile(text                                                                  \
			     :                                                                     \
			     : "S"(a->p), "D"(a->got)                                              \
			     : "rax", "rbx", "rcx", "rdx", "memory", "cc");                        \
	}
/* %0 the target, %1 sixteen bytes that are not zero. */
#define WRITES(name, text)                                                                         \
	static void w_##name(void *arg)                                                            \
	{                                                                                          \
		struct access *a = arg;                                                            \
		asm volatile(text                                                                  \
			     :                                                                     \
			     : "D"(a->p), "S"(a->got)                                              \
			     : "rax", "rbx", "rcx", "rdx", "memory", "cc");                        \
	}

READS(movb, "movb (%0), %%al; movb %%al, (%1)")
READS(movw, "movw (%0), %%ax; movw %%ax, (%1)")
READS(movl, "movl (%0), %%eax; movl %%eax, (%1)")
READS(movq, "movq (%0), %%rax; movq %%rax, (%1)")
READS(movzx, "movzbl (%0), %%eax; movl %%eax, (%1)")
READS(movsq, "push %%rsi; push %%rdi; movsq; pop %%rdi; pop %%rsi")
READS(rep_movsb, "push %%rsi; push %%rdi; mov $32, %%ecx; rep movsb; pop %%rdi; pop %%rsi")
READS(lodsq, "push %%rsi; lodsq; pop %%rsi; movq %%rax, (%1)")
READS(push, "pushq (%0); popq (%1)")
READS(add, "xor %%eax, %%eax; addq (%0), %%rax; movq %%rax, (%1)")
READS(cmp, "cmpq $0, (%0); setne (%1)")
READS(bt, "btl $0, (%0); setc (%1)")
READS(movbe, "movbe (%0), %%rax; movq %%rax, (%1)")
READS(movups, "movups (%0), %%xmm0; movups %%xmm0, (%1)")
READS(lddqu, "lddqu (%0), %%xmm0; movups %%xmm0, (%1)")
READS(vmovdqu, "vmovdqu (%0), %%ymm0; vmovdqu %%ymm0, (%1)")
READS(fld, "fldl (%0); fstpl (%1)")
READS(outsb, "push %%rsi; mov $0x80, %%edx; outsb; pop %%rsi")
READS(crc32, "xor %%eax, %%eax; crc32b (%0), %%eax; movl %%eax, (%1)")
READS(prefetchw, "prefetchw (%0)")
READS(clflush, "clflush (%0)")
READS(clflushopt, "clflushopt (%0)")
READS(clwb, "clwb (%0)")
READS(monitor, "mov %0, %%rax; xor %%ecx, %%ecx; xor %%edx, %%edx; monitor")
READS(invlpg, "invlpg (%0)")

#define R(name, bytes)                                                                             \
	{                                                                                          \
		"read_" #name, r_##name, bytes                                                     \
	}
static const struct form reads[] = {
	R(movb, 1),     R(movw, 2),       R(movl, 4),  R(movq, 8),    R(movzx, 1),
	R(movsq, 8),    R(rep_movsb, 32), R(lodsq, 8), R(push, 8),    R(add, 8),
	R(cmp, 8),      R(bt, 4),         R(movbe, 8), R(movups, 16), R(lddqu, 16),
	R(vmovdqu, 32), R(fld, 8),        R(outsb, 1), R(crc32, 1),   R(prefetchw, 1),
	R(clflush, 1),  R(clflushopt, 1), R(clwb, 1),  R(monitor, 1), R(invlpg, 1),
};

WRITES(movb, "movb $0x5a, (%0)")
WRITES(movw, "movw $0x5a5a, (%0)")
WRITES(movl, "movl $0x5a5a5a5a, (%0)")
WRITES(movq, "movq (%1), %%rax; movq %%rax, (%0)")
WRITES(stosb, "push %%rdi; mov $0x5a, %%al; stosb; pop %%rdi")
WRITES(stosq, "push %%rdi; movq (%1), %%rax; stosq; pop %%rdi")
WRITES(rep_movsb, "push %%rsi; push %%rdi; mov $32, %%ecx; rep movsb; pop %%rdi; pop %%rsi")
WRITES(rep_movsb_down,
       "push %%rsi; push %%rdi; add $31, %%rsi; add $31, %%rdi; mov $32, %%ecx; std; rep movsb; cld; pop %%rdi; pop %%rsi")
WRITES(xchg, "movq (%1), %%rax; xchgq %%rax, (%0)")
WRITES(add, "addq $1, (%0)")
WRITES(lock_inc, "lock incq (%0)")
WRITES(cmpxchg_equal, "xor %%eax, %%eax; movq (%1), %%rbx; lock cmpxchgq %%rbx, (%0)")
WRITES(cmpxchg_other, "mov $1, %%eax; mov $2, %%ebx; lock cmpxchgq %%rbx, (%0)")
WRITES(cmpxchg16b, "xor %%eax, %%eax; xor %%edx, %%edx; mov $1, %%ebx; mov $2, %%ecx; lock cmpxchg16b (%0)")
WRITES(xadd, "mov $1, %%eax; lock xaddq %%rax, (%0)")
WRITES(bts, "btsl $3, (%0)")
WRITES(setcc, "xor %%eax, %%eax; sete (%0)")
WRITES(not, "notq (%0)")
WRITES(movnti, "movq (%1), %%rax; movnti %%rax, (%0)")
WRITES(movbe, "movq (%1), %%rax; movbe %%rax, (%0)")
WRITES(movups, "movups (%1), %%xmm0; movups %%xmm0, (%0)")
WRITES(movntdq, "movups (%1), %%xmm0; movntdq %%xmm0, (%0)")
WRITES(vmovdqu, "vmovdqu (%1), %%ymm0; vmovdqu %%ymm0, (%0)")
WRITES(fst, "fld1; fstpl (%0)")
WRITES(fxsave, "fxsave64 (%0)")
WRITES(xsave, "mov $7, %%eax; xor %%edx, %%edx; xsave64 (%0)")
WRITES(stmxcsr, "stmxcsr (%0)")
WRITES(pop, "pushq (%1); popq (%0)")
WRITES(push_stack, "mov %%rsp, %%rbx; lea 8(%0), %%rsp; pushq $0x5a; mov %%rbx, %%rsp")
WRITES(call_stack, "mov %%rsp, %%rbx; lea 8(%0), %%rsp; call 1f; 1: mov %%rbx, %%rsp")
WRITES(enter_stack, "mov %%rsp, %%rbx; mov %%rbp, %%rdx; lea 8(%0), %%rsp; enter $0, $0; mov %%rbx, %%rsp; mov %%rdx, %%rbp")
WRITES(sgdt, "sgdt (%0)")
WRITES(sidt, "sidt (%0)")
WRITES(smsw, "smsw (%0)")
WRITES(str, "str (%0)")
WRITES(sldt, "sldt (%0)")
WRITES(mov_sreg, "mov %%ss, (%0)")
WRITES(insb, "push %%rdi; mov $0x80, %%edx; insb; pop %%rdi")
WRITES(pushf_stack, "mov %%rsp, %%rbx; lea 8(%0), %%rsp; pushfq; mov %%rbx, %%rsp")

#define W(name, bytes)                                                                             \
	{                                                                                          \
		"write_" #name, w_##name, bytes                                                    \
	}
static const struct form writes[] = {
	W(movb, 1),          W(movw, 2),        W(movl, 4),        W(movq, 8),
	W(stosb, 1),         W(stosq, 8),       W(rep_movsb, 32),  W(rep_movsb_down, 32),
	W(xchg, 8),          W(add, 8),         W(lock_inc, 8),    W(cmpxchg_equal, 8),
	W(cmpxchg_other, 8), W(cmpxchg16b, 16), W(xadd, 8),        W(bts, 4),
	W(setcc, 1),         W(not, 8),         W(movnti, 8),      W(movbe, 8),
	W(movups, 16),       W(movntdq, 16),    W(vmovdqu, 32),    W(fst, 8),
	W(fxsave, 512),      W(xsave, 512),     W(stmxcsr, 4),     W(pop, 8),
	W(push_stack, 8),    W(call_stack, 8),  W(enter_stack, 8), W(sgdt, 10),
	W(sidt, 10),         W(smsw, 2),        W(str, 2),         W(sldt, 2),
	W(mov_sreg, 2),      W(insb, 1),        W(pushf_stack, 8),
};

/* Target, its neighbours on both sides in our own page, and the page tables for them. */
struct place {
	struct space s;
	u8 *own;      /* a page of ours, mapped before and behind the hidden one */
	bool hidden;  /* the middle page is the hypervisor's */
	u8 *stand_in; /* without a hypervisor: a page of ours in the middle */
};

static int place_make(struct place *p)
{
	struct block b;
	u64 gpa;

	memset(p, 0, sizeof(*p));
	p->own = (u8 *)get_zeroed_page(GFP_KERNEL);
	p->stand_in = (u8 *)get_zeroed_page(GFP_KERNEL);
	if (!p->own || !p->stand_in || space_make(&p->s))
		return -ENOMEM;
	p->hidden = block_find(&b) && block_samples(&b, &gpa, 1);
	if (!p->hidden)
		gpa = virt_to_phys(p->stand_in);
	p->s.table[0][1] = virt_to_phys(p->own) | PTE_RW;
	p->s.table[0][2] = gpa | PTE_RW;
	p->s.table[0][3] = virt_to_phys(p->own) | PTE_RW;
	return 0;
}

static void place_free(struct place *p)
{
	free_page((unsigned long)p->own);
	free_page((unsigned long)p->stand_in);
	space_free(&p->s);
}

static void all_zero(void *arg)
{
	struct access *a = arg;
	unsigned int i;

	a->got[0] = 0;
	for (i = 0; i < PAGE_SIZE; i++)
		a->got[0] |= ((u8 *)SPACE_4K(2))[i];
}

static const char *form_try(struct place *p, const struct form *f, u8 *at, bool write, bool *dirty)
{
	struct access a = { .p = at };
	const char *outcome;
	struct caught c;

	memset(a.got, write ? 0x5A : 0, sizeof(a.got));
	memset(p->own, 0, PAGE_SIZE);
	kernel_fpu_begin();
	outcome = try_here(&c, f->fn, &a, p->s.cr3);
	kernel_fpu_end();
	if (!write && c.vector == CAUGHT_NOTHING)
		outcome = memchr_inv(a.got, 0, sizeof(a.got)) ? "content" : "zeros";
	try_here(&c, all_zero, &a, p->s.cr3);
	*dirty = c.vector != CAUGHT_NOTHING || a.got[0];
	if (!p->hidden)
		memset(p->stand_in, 0, PAGE_SIZE);
	return outcome;
}

static void forms_rows(struct report *r, const struct form *forms, size_t n, bool write)
{
	const char *outcome;
	struct place p;
	bool dirty;
	size_t i;

	if (!place_make(&p)) {
		for (i = 0; i < n; i++) {
			outcome = form_try(&p, &forms[i], (u8 *)SPACE_4K(2) + 0x400, write, &dirty);
			row(r, forms[i].name, dirty && write ? "accepted" : outcome, "%u bytes%s",
			    forms[i].bytes, dirty ? ", the page changed" : "");
		}
	}
	place_free(&p);
}

static void run_reads(struct report *r)
{
	forms_rows(r, reads, ARRAY_SIZE(reads), false);
}

static void run_writes(struct report *r)
{
	forms_rows(r, writes, ARRAY_SIZE(writes), true);
}

static void straddle(struct report *r, struct place *p, const struct form *f, const char *side,
		     u8 *at, bool write)
{
	char name[48];
	const char *outcome;
	bool dirty;

	outcome = form_try(p, f, at, write, &dirty);
	snprintf(name, sizeof(name), "%s_%s", side, f->name);
	row(r, name, dirty && write ? "accepted" : outcome, "%u bytes over the border%s", f->bytes,
	    dirty ? ", the hidden page changed" : "");
}

static void run_straddle(struct report *r)
{
	u8 *middle = SPACE_4K(2);
	struct place p;
	size_t i;

	if (!place_make(&p)) {
		for (i = 0; i < ARRAY_SIZE(writes); i++) {
			if (writes[i].bytes < 4 || writes[i].bytes > 32 ||
			    writes[i].fn == w_cmpxchg16b || writes[i].fn == w_movntdq)
				continue;
			straddle(r, &p, &writes[i], "into", middle - writes[i].bytes / 2, true);
			straddle(r, &p, &writes[i], "outof", middle + PAGE_SIZE - writes[i].bytes / 2, true);
		}
		for (i = 0; i < ARRAY_SIZE(reads); i++) {
			if (reads[i].bytes < 4)
				continue;
			straddle(r, &p, &reads[i], "into", middle - reads[i].bytes / 2, false);
			straddle(r, &p, &reads[i], "outof", middle + PAGE_SIZE - reads[i].bytes / 2, false);
		}
	}
	place_free(&p);
}

/* Code of ours that runs on into the hidden page, and one instruction half here, half there. */
static void run_off(void *at)
{
	asm volatile("xor %%eax, %%eax; call *%0" : : "r"(at) : "rax", "memory", "cc");
}

static void run_into(struct report *r)
{
	static const u8 whole[] = { 0x90, 0x90 }; /* nop; nop, then the border */
	static const u8 half[] = { 0x48, 0xB8, 1, 2 }; /* movabs $..., %rax: six of its bytes are missing */
	u8 *border = SPACE_4K(2);
	struct caught c;
	struct place p;
	const char *outcome;

	if (!place_make(&p) && p.hidden) {
		memcpy(p.own + PAGE_SIZE - sizeof(whole), whole, sizeof(whole));
		outcome = try_here(&c, run_off, border - sizeof(whole), p.s.cr3);
		row(r, "fetch_run_into", outcome, "at %+lld from the border", (s64)(c.rip - (u64)border));
		memcpy(p.own + PAGE_SIZE - sizeof(half), half, sizeof(half));
		outcome = try_here(&c, run_off, border - sizeof(half), p.s.cr3);
		row(r, "fetch_half_instruction", outcome, "at %+lld from the border",
		    (s64)(c.rip - (u64)border));
	} else {
		row(r, "fetch_run_into", "none", "no hidden memory here");
		row(r, "fetch_half_instruction", "none", "no hidden memory here");
	}
	place_free(&p);
}

const struct attack forms_attacks[] = { { "reads", run_reads },
					{ "writes", run_writes },
					{ "straddle", run_straddle },
					{ "run_into", run_into },
					{} };
