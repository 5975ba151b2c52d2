// SPDX-License-Identifier: GPL-2.0-only
/*
 * A fuzzer in ring 0 of VTL0: hypercalls, VTL calls and messages, random or
 * nearly right, by a seed that repeats. Each answer must be a documented one,
 * each byte that is not an output must stay, and after each batch VTL1 must
 * still answer. Addresses are chosen so that a success can't hurt the kernel
 * that we run in: pages of our own, or what is nobody's RAM.
 */
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <asm/io.h>

#include "vtl1.h"
#include "selftest.h"

#define BATCH     256u
#define OWN_PAGES 4u
#define COUNTS    48u

static ulong fuzz_seed = 1, fuzz_count = 100000;
module_param(fuzz_seed, ulong, 0600);
module_param(fuzz_count, ulong, 0600);
MODULE_PARM_DESC(fuzz_count, "inputs of the attack vtl1_fuzz");

/* Results by kind of input, for the histogram. */
struct tally {
	char kind;
	u32 result;
	u64 n;
};

struct fuzz {
	struct vtl1 v;
	u8 *own;                 /* OWN_PAGES */
	struct vtl_page *shadow; /* the page as it was sent */
	u64 state;
	struct tally tally[COUNTS];
	const char *wrong; /* the first thing that is not as documented */
	u64 wrong_at, wrong_value;
};

/* xorshift64*, Vigna 2016. */
static u64 next(struct fuzz *f)
{
	f->state ^= f->state >> 12;
	f->state ^= f->state << 25;
	f->state ^= f->state >> 27;
	return f->state * 0x2545F4914F6CDD1DULL;
}

static u64 below(struct fuzz *f, u64 n)
{
	return (next(f) >> 11) % n;
}

static void count(struct fuzz *f, char kind, u32 result)
{
	struct tally *t = f->tally;

	while (t < f->tally + COUNTS - 1 && t->n && (t->kind != kind || t->result != result))
		t++;
	t->kind = kind;
	t->result = result;
	t->n++;
}

static void wrong(struct fuzz *f, const char *what, u64 value)
{
	f->wrong_value = f->wrong ? f->wrong_value : value;
	f->wrong = f->wrong ?: what;
}

/* An address where nothing of Linux can be written: in our pages, or no RAM. */
static u64 address(struct fuzz *f)
{
	u64 own = virt_to_phys(f->own) + below(f, OWN_PAGES) * PAGE_SIZE;

	switch (below(f, 8)) {
	case 0:
	case 1:
		return own;
	case 2:
		return own + below(f, PAGE_SIZE / 8 - 4) * 8;
	case 3:
		return own + below(f, PAGE_SIZE - 32);
	case 4:
		return own | 1ULL << (52 + below(f, 12));
	case 5:
		return next(f) | 1ULL << 63;
	default:
		return vtl1_place(&f->v, 1 + below(f, PLACES - 1), 0) + (below(f, 2) ? below(f, PAGE_SIZE) : 0);
	}
}

/* ---- hypercalls ---- */

static u64 control(struct fuzz *f)
{
	static const u16 codes[] = { HV_CALL_MODIFY_VTL_PROTECTION_MASK, HV_CALL_ENABLE_PARTITION_VTL,
				     HV_CALL_ENABLE_VP_VTL, HV_CALL_VTL_RETURN, HV_CALL_GET_VP_REGISTERS,
				     HV_CALL_SET_VP_REGISTERS, HV_CALL_OVBS_LOG };
	u64 c = below(f, 8) ? codes[below(f, ARRAY_SIZE(codes))] : below(f, 0x10000);

	if (below(f, 4) == 0)
		c |= HV_CALL_FAST;
	if (below(f, 4))
		c |= HV_CALL_REPS(below(f, 3) ? 1 : below(f, 0x1000));
	if (below(f, 8) == 0)
		c |= below(f, 0x1000) << 48;
	if (below(f, 16) == 0)
		c |= 1ULL << below(f, 64);
	/* A VTL call by chance would be one with whatever is in RDX. */
	return c == HV_CALL_VTL_CALL ? c | HV_CALL_FAST : c;
}

static void fill_input(struct fuzz *f, u8 *at)
{
	u64 *in = (u64 *)at;
	static const u32 names[] = { HV_REGISTER_VSM_CODE_PAGE_OFFSETS, HV_REGISTER_VSM_VP_STATUS, HV_X64_REGISTER_RIP,
				     HV_X64_REGISTER_CR3, HV_X64_REGISTER_RAX, HV_REGISTER_VP_ASSIST_PAGE,
				     HV_REGISTER_PENDING_EVENT0, HV_REGISTER_VSM_VINA };
	unsigned int i;

	in[0] = below(f, 8) ? HV_PARTITION_ID_SELF : next(f);
	in[1] = (below(f, 4) ? HV_VP_INDEX_SELF : below(f, 4)) | (below(f, 2) ? 0 : 0x10 | below(f, 4)) << 32;
	if (below(f, 16) == 0)
		in[1] ^= 1ULL << below(f, 64);
	for (i = 2; i < 16; i++)
		in[i] = below(f, 4) ? names[below(f, ARRAY_SIZE(names))] : next(f);
}

static void one_hypercall(struct fuzz *f)
{
	struct hypercall h = { .control = control(f), .rdx = address(f), .r8 = address(f) };
	u8 *page = f->own + below(f, OWN_PAGES) * PAGE_SIZE;
	const char *o;

	fill_input(f, page);
	if (below(f, 2))
		h.rdx = virt_to_phys(page);
	o = hypercall_try(&h);
	if (h.control == HV_CALL_VTL_RETURN) {
		if (strcmp(o, "#UD"))
			wrong(f, "vtl_return", h.control);
		return;
	}
	if (o[0] == '#' || !strcmp(o, "leaked") || !strcmp(o, "undocumented"))
		wrong(f, o, h.control);
	count(f, 'h', HV_RESULT_STATUS(h.result));
}

/* ---- messages ---- */

static u64 odd_value(struct fuzz *f)
{
	static const u64 values[] = { 0, 1, 15, 16, 127, 128, 129, 3968, 3969, 4095, 4096, 4097, 0x7FFFFFFF,
				      0x80000000, 0xFFFFFFFF, 0x100000000, 0x100000080, 0x7FFFFFFFFFFFFFFF,
				      0x8000000000000000, ~0ULL, ~0ULL - 127 };

	return below(f, 4) ? values[below(f, ARRAY_SIZE(values))] : next(f);
}

static void start_message(struct fuzz *f, struct vtl_page *p)
{
	static const u8 ops[] = { OVBS_MSG_VERSION, OVBS_MSG_TRUSTLETS, OVBS_MSG_OPEN,    OVBS_MSG_INVOKE,
				  OVBS_MSG_INVOKE,  OVBS_MSG_INVOKE,	OVBS_MSG_RESUME, OVBS_MSG_PROTECT,
				  OVBS_MSG_FREEZE,  OVBS_MSG_LOCKDOWN,	OVBS_MSG_SITES,  OVBS_MSG_GIVE,
				  OVBS_MSG_INTEGRITY };
	static const u8 types[] = { 0, 1, 2, 3, 5, 6, 7, 5 };
	unsigned int i;

	vtl1_message(p, ops[below(f, ARRAY_SIZE(ops))], f->v.session, SELFTEST_ECHO, 0);
	memcpy(p->msg.uuid, selftest_uuid, sizeof(p->msg.uuid));
	p->msg.uid = (u32)next(f);
	for (i = 0; i < OVBS_PARAMS; i++) {
		p->msg.types |= (u32)types[below(f, ARRAY_SIZE(types))] << 4 * i;
		p->msg.param[i] = (struct ovbs_param){ 128 + 900 * i + below(f, 256), below(f, 512) };
	}
	if (p->msg.op == OVBS_MSG_OPEN && below(f, 4))
		p->msg.op = OVBS_MSG_INVOKE; /* a new session costs a key pair */
	if (p->msg.op == OVBS_MSG_OPEN)
		p->msg.types = 0;
}

/* What would do harm: a page of Linux's own protected for good, a command that takes seconds. */
static void keep_harmless(struct fuzz *f, struct vtl_page *p)
{
	struct ovbs_msg *m = &p->msg;

	if (m->op == OVBS_MSG_LOCKDOWN)
		m->types |= 1; /* this kernel is not frozen */
	if (m->op == OVBS_MSG_PROTECT || m->op == OVBS_MSG_FREEZE || m->op == OVBS_MSG_GIVE)
		m->param[0].a |= below(f, 2) ? 1 : 1ULL << 63;
	if (m->op == OVBS_MSG_PROTECT && below(f, 2)) {
		m->param[0].a = vtl1_place(&f->v, 1 + below(f, PLACES - 1), 0);
		m->types = OVBS_PARAM_VALUE_IN;
	}
	if (m->command > SELFTEST_ECHO && m->command < 64)
		m->command = SELFTEST_ECHO;
	if (m->op == OVBS_MSG_INVOKE && below(f, 2000) == 0)
		m->command = SELFTEST_CRASH_NULL;
}

static void mutate(struct fuzz *f, struct vtl_page *p)
{
	struct ovbs_msg *m = &p->msg;

	switch (below(f, 10)) {
	case 0:
		((u8 *)m)[below(f, sizeof(*m))] ^= 1u << below(f, 8);
		break;
	case 1:
		m->op = (u32)odd_value(f);
		break;
	case 2:
		m->session = below(f, 2) ? odd_value(f) : m->session ^ 1ULL << below(f, 64);
		break;
	case 3:
		m->types = below(f, 2) ? (u32)next(f) & 0xFFFF : (u32)odd_value(f);
		break;
	case 4:
		m->command = (u32)odd_value(f);
		break;
	case 5:
		m->reserved[below(f, 3)] = (u32)odd_value(f);
		break;
	case 6:
	case 7:
		m->param[below(f, OVBS_PARAMS)].a = odd_value(f);
		break;
	default:
		m->param[below(f, OVBS_PARAMS)].b = odd_value(f);
		break;
	}
}

static bool is_out(unsigned int type)
{
	return type == OVBS_PARAM_VALUE_OUT || type == OVBS_PARAM_VALUE_INOUT || type >= OVBS_PARAM_BUFFER_OUT;
}

/* Copy the outputs that the message may have into the shadow: what differs then was written without a right to. */
static void allow_outputs(const struct vtl_page *p, struct vtl_page *s)
{
	bool list = s->msg.op == OVBS_MSG_TRUSTLETS, call = s->msg.op == OVBS_MSG_OPEN || s->msg.op == OVBS_MSG_INVOKE;
	unsigned int i;

	s->msg.result = p->msg.result;
	s->msg.origin = p->msg.origin;
	if (s->msg.op == OVBS_MSG_OPEN)
		s->msg.session = p->msg.session;
	if (p->msg.result == OVBS_OK && s->msg.op == OVBS_MSG_VERSION)
		memcpy(s->msg.param, p->msg.param, 3 * sizeof(s->msg.param[0]));
	if (p->msg.result == OVBS_OK && s->msg.op == OVBS_MSG_INTEGRITY)
		memcpy(s->msg.param, p->msg.param, sizeof(s->msg.param));
	if (p->msg.result == OVBS_OK && list) {
		s->msg.param[0].b = p->msg.param[0].b;
		memcpy(s->data, p->data, min_t(u64, p->msg.param[0].b, OVBS_TRUSTLETS_PER_PAGE) *
						 sizeof(struct ovbs_trustlet_info));
	}
	for (i = 0; call && p->msg.origin == OVBS_ORIGIN_TRUSTLET && i < OVBS_PARAMS; i++) {
		unsigned int type = OVBS_PARAM_TYPE(s->msg.types, i);
		u64 a = s->msg.param[i].a, b = s->msg.param[i].b;

		if (!is_out(type))
			continue;
		s->msg.param[i].b = p->msg.param[i].b;
		if (type < OVBS_PARAM_BUFFER_IN)
			s->msg.param[i].a = p->msg.param[i].a;
		else if (a >= OVBS_DATA_OFF && a <= OVBS_PAGE_SIZE && b <= OVBS_PAGE_SIZE - a)
			memcpy((u8 *)s + a, (const u8 *)p + a, b);
	}
}

static void after_message(struct fuzz *f, struct vtl_page *p, u32 result)
{
	if (!result_name(result))
		wrong(f, "undocumented", result);
	if (p->msg.result != result)
		wrong(f, "rax_differs", result);
	allow_outputs(p, f->shadow);
	vtl1_allow_unused(p, f->shadow);
	if (memcmp(p, f->shadow, sizeof(*p)))
		wrong(f, "page_changed", f->shadow->msg.op);
	if (result == OVBS_E_TARGET_DEAD && f->shadow->msg.session == f->v.session)
		f->v.session = 0;
	if (f->shadow->msg.op == OVBS_MSG_CLOSE && result == OVBS_OK)
		f->v.session = 0; /* there is no other */
	count(f, 'm', result);
	if (f->shadow->msg.op == OVBS_MSG_OPEN && result == OVBS_OK) {
		vtl1_message(p, OVBS_MSG_CLOSE, p->msg.session, 0, 0);
		if (vtl1_send(p) != OVBS_OK)
			wrong(f, "close", 0);
	}
	if (!f->v.session)
		vtl1_open(&f->v);
}

static void one_message(struct fuzz *f)
{
	struct vtl_page *p = f->v.page;
	u64 i, n = below(f, 4);
	u32 result;

	start_message(f, p);
	for (i = 0; i < n; i++)
		mutate(f, p);
	if (below(f, 32) == 0)
		for (i = 0; i < sizeof(p->msg) / 8; i++)
			((u64 *)p)[i] = next(f);
	keep_harmless(f, p);
	((u64 *)p->data)[below(f, OVBS_DATA_SIZE / 8)] = next(f);
	memcpy(f->shadow, p, sizeof(*p));
	result = vtl1_send(p);
	after_message(f, p, result);
}

/* ---- VTL calls ---- */

/* Whatever page is registered then: ours comes back at the end. */
static void one_vtl_call(struct fuzz *f)
{
	u64 op = below(f, 4) ? below(f, 8) : next(f), at = address(f);
	u32 result;

	if (op == OVBS_VTL_MESSAGE || (op == OVBS_VTL_RESET && below(f, 64)))
		op = OVBS_VTL_REGISTER;
	result = vtl_call(op, at);
	count(f, 'v', result);
	if (!result_name(result))
		wrong(f, "undocumented", op);
	if (op == OVBS_VTL_RESET)
		f->v.session = 0; /* all trustlets were ended */
	if (result == OVBS_OK && op == OVBS_VTL_REGISTER &&
	    ((at & ~PAGE_MASK) || at - virt_to_phys(f->own) >= OWN_PAGES * PAGE_SIZE))
		wrong(f, "registered", at);
	if (vtl1_register(f->v.page) != OVBS_OK)
		wrong(f, "page_refused", at);
	if (!f->v.session)
		vtl1_open(&f->v);
}

static void one(struct fuzz *f)
{
	u64 what = below(f, 16);

	if (!what)
		one_vtl_call(f);
	else if (what < 8)
		one_hypercall(f);
	else
		one_message(f);
}

static u64 loop(struct fuzz *f)
{
	u64 i, n = max(1UL, fuzz_count / (wait_divisor * wait_divisor));

	for (i = 0; i < n && !f->wrong; i++) {
		one(f);
		f->wrong_at = i;
		if (i % BATCH == BATCH - 1 && !vtl1_alive(&f->v))
			wrong(f, "silent", f->v.failed);
		if (fatal_signal_pending(current))
			wrong(f, "stopped", i);
		cond_resched();
	}
	return i;
}

static void fuzz_report(struct report *r, const struct fuzz *f, u64 n, u64 ns)
{
	unsigned int i;

	for (i = 0; i < COUNTS && f->tally[i].n; i++) {
		const char *name = f->tally[i].kind == 'h' ? hv_status_name(f->tally[i].result) :
							     result_name(f->tally[i].result);

		say(r, "fuzz %c %s %llu\n", f->tally[i].kind, name ?: "undocumented", f->tally[i].n);
	}
	if (f->wrong)
		row(r, "vtl1_fuzz", f->wrong, "seed %lu, input %llu, value %llx", fuzz_seed, f->wrong_at, f->wrong_value);
	else
		row(r, "vtl1_fuzz", "documented", "seed %lu, %llu inputs, %llu a second", fuzz_seed, n,
		    n * 1000000000ULL / (ns | 1));
}

static void run_fuzz(struct report *r)
{
	struct fuzz *f = (void *)__get_free_pages(GFP_KERNEL | __GFP_ZERO, 1);
	u64 start, n;

	BUILD_BUG_ON(sizeof(*f) > 2 * PAGE_SIZE);
	if (!f || !vtl1_begin(r, &f->v, "vtl1_fuzz"))
		return;
	f->own = (void *)__get_free_pages(GFP_KERNEL | __GFP_ZERO, 2);
	f->shadow = (void *)get_zeroed_page(GFP_KERNEL);
	f->state = fuzz_seed ?: 1;
	if (f->own && f->shadow) {
		start = ktime_get_ns();
		n = loop(f);
		fuzz_report(r, f, n, ktime_get_ns() - start);
		row(r, "fuzz_alive", vtl1_alive(&f->v) ? "alive" : "silent", "last result %x", f->v.failed);
	}
	vtl1_end(&f->v);
	free_pages((unsigned long)f->own, 2);
	free_page((unsigned long)f->shadow);
	free_pages((unsigned long)f, 1);
}

const struct attack fuzz_attacks[] = { { "vtl1_fuzz", run_fuzz }, {} };
