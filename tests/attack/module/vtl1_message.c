// SPDX-License-Identifier: GPL-2.0-only
/*
 * Message pages and messages that make no sense, that change while they are
 * read, and that come while VTL1 is busy. Each must be refused by the code that
 * vtl_abi.h says, without a change to the page but in result and origin.
 */
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/workqueue.h>
#include <asm/io.h>

#include "vtl1.h"
#include "selftest.h"

#define RACES   4000u
#define WORK_MS 400u

/* ---- registration ---- */

static const struct {
	const char *name;
	enum place place;
	u64 add; /* to the address; of our own page else */
} registrations[] = {
	{ "reg_unaligned", PLACE_OWN, 8 },	{ "reg_bit52", PLACE_OWN, 1ULL << 52 },
	{ "reg_bit62", PLACE_OWN, 1ULL << 62 }, { "reg_bit63", PLACE_OWN, 1ULL << 63 },
	{ "reg_zero_bit0", PLACE_OWN, 1 },	{ "reg_block", PLACE_BLOCK, 0 },
	{ "reg_vtl1", PLACE_VTL1, 0 },		{ "reg_vtl1_last", PLACE_VTL1_LAST, 0 },
	{ "reg_log", PLACE_LOG, 0 },		{ "reg_code", PLACE_CODE, 0 },
	{ "reg_apic", PLACE_APIC, 0 },		{ "reg_ioapic", PLACE_IOAPIC, 0 },
	{ "reg_rom", PLACE_ROM, 0 },		{ "reg_beyond", PLACE_BEYOND, 0 },
	{ "reg_limit", PLACE_LIMIT, 0 },	{ "reg_top", PLACE_TOP, 0 },
};

static void word_row(struct report *r, const char *name, u32 result)
{
	row(r, name, result_name(result) ?: "undocumented", "%x", result);
}

/* Nobody's page but ours may be told; a refusal must leave the old one in place. */
static void run_register(struct report *r)
{
	static const u64 ops[] = { 0, 0x7FFF, ~0ULL, OVBS_VTL_MESSAGE | 1ULL << 32 };
	struct vtl_page *other = (void *)get_zeroed_page(GFP_KERNEL);
	struct vtl1 v;
	size_t i;
	char name[24];

	if (!other || !vtl1_begin(r, &v, registrations[0].name))
		return;
	for (i = 0; i < ARRAY_SIZE(registrations); i++)
		word_row(r, registrations[i].name,
			 vtl_call(OVBS_VTL_REGISTER,
				  vtl1_place(&v, registrations[i].place, virt_to_phys(other)) +
					  registrations[i].add));
	row(r, "reg_other_untouched", memchr_inv(other, 0, PAGE_SIZE) ? "written" : "zeros", "the page that was named");
	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		snprintf(name, sizeof(name), "vtl_op_%zu", i);
		word_row(r, name, vtl_call(ops[i], virt_to_phys(other)));
	}
	row(r, "register_alive", vtl1_alive(&v) ? "alive" : "silent", "last result %x", v.failed);
	word_row(r, "unregister", vtl_call(OVBS_VTL_UNREGISTER, 0));
	word_row(r, "unregister_again", vtl_call(OVBS_VTL_UNREGISTER, 0));
	memset(v.page, 0, sizeof(*v.page));
	word_row(r, "message_without_page", vtl_call(OVBS_VTL_MESSAGE, 0));
	row(r, "page_given_back", memchr_inv(v.page, 0, PAGE_SIZE) ? "written" : "zeros", "after all that");
	vtl1_register(v.page);
	vtl1_end(&v);
	free_page((unsigned long)other);
}

/* ---- bad messages ---- */

/* A good message with up to two fields changed. */
struct bad {
	const char *name;
	struct patch {
		u16 off, size;
		u64 value;
	} patch[2];
};

#define AT(field)    offsetof(struct ovbs_msg, field), sizeof(((struct ovbs_msg *)0)->field)
#define TYPES(...)   { AT(types), OVBS_PARAM_TYPES(__VA_ARGS__) }
#define OP(what)     { AT(op), what }
#define A(n, value)  { offsetof(struct ovbs_msg, param) + 16 * (n), 8, value }
#define B(n, value)  { offsetof(struct ovbs_msg, param) + 16 * (n) + 8, 8, value }

static const struct bad bads[] = {
	{ "abi_0", { { AT(abi), 0 } } },
	{ "abi_2", { { AT(abi), 2 } } },
	{ "abi_max", { { AT(abi), ~0u } } },
	{ "reserved_0", { { AT(reserved[0]), 1 } } },
	{ "reserved_1", { { AT(reserved[1]), 0x80000000 } } },
	{ "reserved_2", { { AT(reserved[2]), ~0u } } },
	{ "type_4", { TYPES(4, 0, 0, 0) } },
	{ "type_8", { TYPES(0, 8, 0, 0) } },
	{ "type_9", { TYPES(9, 0, 0, 0) } },
	{ "type_15", { TYPES(0, 0, 0, 15) } },
	{ "type_upper", { { AT(types), 0x10000 } } },
	{ "type_top", { { AT(types), 0x80000000 } } },
	{ "op_0", { OP(0) } },
	{ "op_13", { OP(OVBS_MSG_INTEGRITY + 1) } },
	{ "op_huge", { OP(0x7FFFFFFF) } },
	{ "op_max", { OP(~0u) } },
	{ "offset_0", { A(0, 0) } },
	{ "offset_127", { A(0, 127) } },
	{ "offset_4097", { A(0, 4097), B(0, 0) } },
	{ "offset_4096", { A(0, 4096), B(0, 1) } },
	{ "offset_max", { A(0, ~0ULL) } },
	{ "offset_2_to_32", { A(0, (1ULL << 32) + 128) } },
	{ "size_past", { A(0, 128), B(0, 3969) } },
	{ "size_wraps", { A(0, 128), B(0, ~0ULL) } },
	{ "size_wraps_to_start", { A(0, 136), B(0, ~0ULL - 135) } },
	{ "size_2_to_32", { B(0, 1ULL << 32) } },
	{ "out_offset_0", { A(1, 0) } },
	{ "out_size_past", { A(1, 256), B(1, 3841) } },
	{ "out_wraps", { A(1, ~0ULL - 15), B(1, 32) } },
	{ "overlap_same", { A(1, 128) } },
	{ "overlap_by_one", { A(1, 143) } },
	{ "overlap_around", { A(1, 129), B(1, 1) } },
	{ "session_0", { { AT(session), 0 } } },
	{ "session_max", { { AT(session), ~0ULL } } },
	{ "session_slot_0", { { AT(session), 0x10200 } } },
	{ "session_trustlet_255", { { AT(session), 0x1FF01 } } },
	{ "session_future", { { AT(session), 0x7FFFFFFF0201ULL } } },
	{ "open_unknown_uuid", { OP(OVBS_MSG_OPEN) } },
	{ "resume_nothing", { OP(OVBS_MSG_RESUME) } },
	{ "resume_session_0", { OP(OVBS_MSG_RESUME), { AT(session), 0 } } },
	{ "close_with_types", { OP(OVBS_MSG_CLOSE) } },
	{ "protect_without_types", { OP(OVBS_MSG_PROTECT) } },
	{ "command_unknown", { { AT(command), 0x7FFFFFFF }, TYPES(OVBS_PARAM_BUFFER_IN, 0, 0, 0) } },
};

/* ECHO with a buffer in, a buffer out and a value. */
static void good_message(const struct vtl1 *v)
{
	struct vtl_page *p = v->page;

	vtl1_message(p, OVBS_MSG_INVOKE, v->session, SELFTEST_ECHO,
		     OVBS_PARAM_TYPES(OVBS_PARAM_BUFFER_IN, OVBS_PARAM_BUFFER_OUT, OVBS_PARAM_VALUE_IN, 0));
	p->msg.param[0] = (struct ovbs_param){ 128, 16 };
	p->msg.param[1] = (struct ovbs_param){ 256, 16 };
	memset(p->data, 0xC3, sizeof(p->data));
}

/* "changed": more than result and origin was written, or the result is not the one in RAX. */
static const char *try_bad(const struct vtl1 *v, struct vtl_page *shadow, const struct bad *b, u32 *result)
{
	unsigned int i;

	good_message(v);
	for (i = 0; i < ARRAY_SIZE(b->patch); i++)
		memcpy((u8 *)v->page + b->patch[i].off, &b->patch[i].value, b->patch[i].size);
	memcpy(shadow, v->page, sizeof(*shadow));
	*result = vtl1_send(v->page);
	if (v->page->msg.result != *result)
		return "changed";
	shadow->msg.result = *result;
	shadow->msg.origin = v->page->msg.origin;
	vtl1_allow_unused(v->page, shadow);
	if (memcmp(shadow, v->page, sizeof(*shadow)))
		return "changed";
	return result_name(*result) ?: "undocumented";
}

static void closed_rows(struct report *r, struct vtl1 *v)
{
	u64 session = v->session;
	u32 result;

	vtl1_message(v->page, OVBS_MSG_CLOSE, session, 0, 0);
	word_row(r, "close_once", vtl1_send(v->page));
	vtl1_message(v->page, OVBS_MSG_CLOSE, session, 0, 0);
	word_row(r, "close_twice", vtl1_send(v->page));
	good_message(v);
	word_row(r, "invoke_closed", vtl1_send(v->page));
	v->session = 0;
	vtl1_message(v->page, OVBS_MSG_TRUSTLETS, 0, 0, 0);
	v->page->msg.param[0].a = ~0ULL;
	result = vtl1_send(v->page);
	row(r, "list_from_max", v->page->msg.param[0].b ? "listed" : result_name(result), "%llu entries",
	    v->page->msg.param[0].b);
}

static void run_messages(struct report *r)
{
	struct vtl_page *shadow = (void *)get_zeroed_page(GFP_KERNEL);
	struct vtl1 v;
	u32 result;
	size_t i;

	if (!shadow || !vtl1_begin(r, &v, bads[0].name))
		return;
	for (i = 0; i < ARRAY_SIZE(bads); i++) {
		const char *o = try_bad(&v, shadow, &bads[i], &result);

		row(r, bads[i].name, o, "%x", result);
	}
	closed_rows(r, &v);
	row(r, "messages_alive", vtl1_alive(&v) ? "alive" : "silent", "last result %x", v.failed);
	vtl1_end(&v);
	free_page((unsigned long)shadow);
}

/* ---- from two CPUs at once ---- */

struct other {
	struct work_struct work;
	struct vtl_page *page; /* that is written at the same time, or the other CPU's own */
	u64 session;
	bool stop, registered;
	u32 result;
};

/* Fields that are looked at more than once if anybody does: sizes, offsets, types, what to do. */
static void flip(struct work_struct *w)
{
	struct other *o = container_of(w, struct other, work);
	struct ovbs_msg *m = &o->page->msg;
	unsigned int n;

	for (n = 0; !READ_ONCE(o->stop); n++) {
		WRITE_ONCE(m->param[0].b, n & 1 ? 16 : ~0ULL);
		WRITE_ONCE(m->param[1].a, n & 2 ? 256 : 4090);
		WRITE_ONCE(m->param[0].a, n & 4 ? 128 : 0);
		WRITE_ONCE(m->types, n & 8 ? 0x165 : 0x567);
		WRITE_ONCE(m->session, n & 64 ? 0 : o->session);
		cpu_relax();
	}
}

static void run_race(struct report *r)
{
	struct other o = { .stop = false };
	unsigned int i, odd = 0, good = 0;
	struct vtl1 v;
	u32 result;

	if (!vtl1_begin(r, &v, "message_race"))
		return;
	o.page = v.page;
	o.session = v.session;
	INIT_WORK_ONSTACK(&o.work, flip);
	queue_work_on(1, system_long_wq, &o.work);
	for (i = 0; i < RACES / wait_divisor; i++) {
		good_message(&v);
		result = vtl1_send(v.page);
		good += result == OVBS_OK;
		odd += !result_name(result);
		cond_resched();
	}
	WRITE_ONCE(o.stop, true);
	flush_work(&o.work);
	destroy_work_on_stack(&o.work);
	row(r, "message_race", odd ? "undocumented" : "documented", "%u messages, %u ok, %u odd", i, good, odd);
	/* A call that was interrupted when another session stood in its page waits for a resume that nobody can send. */
	vtl_call(OVBS_VTL_RESET, 0);
	v.session = 0;
	row(r, "race_alive", vtl1_alive(&v) ? "alive" : "silent", "last result %x", v.failed);
	vtl1_end(&v);
}

/* On the other CPU: a call that takes its time, on a page of that CPU's. */
static void long_call(struct work_struct *w)
{
	struct other *o = container_of(w, struct other, work);
	struct ovbs_msg *m = &o->page->msg;

	if (vtl1_register(o->page) != OVBS_OK)
		return;
	vtl1_message(o->page, OVBS_MSG_INVOKE, o->session, SELFTEST_WORK,
		     OVBS_PARAM_TYPES(OVBS_PARAM_VALUE_IN, OVBS_PARAM_VALUE_OUT, 0, 0));
	m->param[0].a = WORK_MS;
	WRITE_ONCE(o->registered, true);
	o->result = vtl1_send(o->page);
	vtl_call(OVBS_VTL_UNREGISTER, 0);
	WRITE_ONCE(o->stop, true);
}

/* The first answer that is not OK: what a call into a trustlet that runs elsewhere comes to. */
static u32 disturb(struct vtl1 *v, struct other *o, u32 op)
{
	u32 result = OVBS_OK;

	while (!READ_ONCE(o->stop) && result == OVBS_OK) {
		vtl1_message(v->page, op, v->session, SELFTEST_ECHO, 0);
		result = vtl1_send(v->page);
	}
	return result;
}

static void run_busy(struct report *r)
{
	struct other o = { .stop = false };
	u32 busy, close, resume;
	struct vtl1 v;

	if (!vtl1_begin(r, &v, "busy_invoke"))
		return;
	o.page = (void *)get_zeroed_page(GFP_KERNEL);
	o.session = v.session;
	if (!o.page)
		return;
	INIT_WORK_ONSTACK(&o.work, long_call);
	queue_work_on(1, system_long_wq, &o.work);
	WAIT_FOR(READ_ONCE(o.registered), 1000);
	busy = disturb(&v, &o, OVBS_MSG_INVOKE);
	close = disturb(&v, &o, OVBS_MSG_CLOSE);
	if (close == OVBS_OK)
		v.session = 0; /* the other CPU was done already */
	vtl1_message(v.page, OVBS_MSG_VERSION, 0, 0, 0);
	row(r, "busy_version", result_name(vtl1_send(v.page)) ?: "undocumented", "beside it");
	/* Between two parts of the call anybody may go on with it; then this is its end. */
	resume = disturb(&v, &o, OVBS_MSG_RESUME);
	flush_work(&o.work);
	destroy_work_on_stack(&o.work);
	word_row(r, "busy_invoke", busy);
	word_row(r, "busy_close", close);
	word_row(r, "busy_resume", resume);
	word_row(r, "busy_call", o.result);
	row(r, "busy_alive", vtl1_alive(&v) ? "alive" : "silent", "last result %x", v.failed);
	vtl1_end(&v);
	free_page((unsigned long)o.page);
}

/* A call into a trustlet whose call was interrupted, from the same CPU. */
static void run_recursion(struct report *r)
{
	u32 result = OVBS_OK, inner = OVBS_OK, wrong = OVBS_OK;
	struct vtl1 v;
	int i;

	if (!vtl1_begin(r, &v, "recursion"))
		return;
	for (i = 0; i < 20 && result != OVBS_INTERRUPTED; i++) {
		vtl1_message(v.page, OVBS_MSG_INVOKE, v.session, SELFTEST_WORK,
			     OVBS_PARAM_TYPES(OVBS_PARAM_VALUE_IN, OVBS_PARAM_VALUE_OUT, 0, 0));
		v.page->msg.param[0].a = 100;
		result = vtl_call(OVBS_VTL_MESSAGE, 0);
	}
	if (result == OVBS_INTERRUPTED) {
		vtl1_message(v.page, OVBS_MSG_INVOKE, v.session, SELFTEST_ECHO, 0);
		inner = vtl_call(OVBS_VTL_MESSAGE, 0);
		vtl1_message(v.page, OVBS_MSG_RESUME, v.session ^ 3, 0, 0);
		wrong = vtl_call(OVBS_VTL_MESSAGE, 0);
		vtl1_message(v.page, OVBS_MSG_RESUME, v.session, 0, 0);
		result = vtl1_send(v.page);
	}
	word_row(r, "recursion", inner);
	word_row(r, "resume_other_session", wrong);
	word_row(r, "recursion_outer", result);
	row(r, "recursion_alive", vtl1_alive(&v) ? "alive" : "silent", "last result %x", v.failed);
	vtl1_end(&v);
}

/* All trustlets are ended: one that is idle, one whose call waits, and (on another CPU) one that runs. */
static void run_reset(struct report *r)
{
	struct other o = { .stop = false };
	struct vtl1 v;
	int i;

	if (!vtl1_begin(r, &v, "reset"))
		return;
	word_row(r, "reset", vtl_call(OVBS_VTL_RESET, 0));
	good_message(&v);
	word_row(r, "reset_session", vtl1_send(v.page));
	v.session = 0;
	row(r, "reset_idle_alive", vtl1_alive(&v) ? "alive" : "silent", "last result %x", v.failed);
	o.page = num_online_cpus() > 1 ? (void *)get_zeroed_page(GFP_KERNEL) : NULL;
	o.session = v.session;
	if (o.page) {
		INIT_WORK_ONSTACK(&o.work, long_call);
		queue_work_on(1, system_long_wq, &o.work);
		WAIT_FOR(READ_ONCE(o.registered), 1000);
		for (i = 0; i < 10; i++) {
			vtl_call(OVBS_VTL_RESET, 0);
			wait_ms(5);
		}
		flush_work(&o.work);
		destroy_work_on_stack(&o.work);
		free_page((unsigned long)o.page);
		word_row(r, "reset_running", o.result);
		v.session = 0;
	}
	row(r, "reset_alive", vtl1_alive(&v) ? "alive" : "silent", "last result %x", v.failed);
	vtl1_end(&v);
}

const struct attack message_attacks[] = {
	{ "vtl1_register", run_register }, { "vtl1_messages", run_messages }, { "vtl1_race", run_race },
	{ "vtl1_busy", run_busy },	   { "vtl1_recursion", run_recursion }, { "vtl1_reset", run_reset }, {}
};
