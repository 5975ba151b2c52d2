// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hypercalls, VTL calls and messages for the attacks on VTL1; see vtl1.h. Plain
 * VMMCALL or VMCALL: the hypercall page is for those who obey.
 */
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <asm/io.h>
#include <asm/msr.h>
#include <asm/processor.h>

#include "vtl1.h"
#include "selftest.h"

#define RESUMES 1000000u

const u8 selftest_uuid[16] = SELFTEST_UUID;

void hypercall_now(struct hypercall *h)
{
	register u64 r8 asm("r8") = h->r8;
	u64 rcx = h->control, rdx = h->rdx, rax = 0;

	if (boot_cpu_data.x86_vendor == X86_VENDOR_INTEL)
		asm volatile("vmcall" : "+a"(rax), "+c"(rcx), "+d"(rdx), "+r"(r8) : : "memory", "cc");
	else
		asm volatile("vmmcall" : "+a"(rax), "+c"(rcx), "+d"(rdx), "+r"(r8) : : "memory", "cc");
	h->result = rax;
	h->kept = rcx == h->control && rdx == h->rdx && r8 == h->r8;
}

static void call_it(void *arg)
{
	hypercall_now(arg);
}

const char *hv_status_name(u64 status)
{
	switch (status) {
	case HV_STATUS_SUCCESS:
		return "ok";
	case HV_STATUS_INVALID_HYPERCALL_CODE:
		return "bad_code";
	case HV_STATUS_INVALID_HYPERCALL_INPUT:
		return "bad_input";
	case HV_STATUS_INVALID_ALIGNMENT:
		return "bad_alignment";
	case HV_STATUS_INVALID_PARAMETER:
		return "bad_parameter";
	case HV_STATUS_ACCESS_DENIED:
		return "denied";
	case HV_STATUS_OPERATION_DENIED:
		return "not_here";
	case HV_STATUS_INVALID_PARTITION_ID:
		return "bad_partition";
	case HV_STATUS_INVALID_VP_INDEX:
		return "bad_vp";
	case HV_STATUS_VTL_ALREADY_ENABLED:
		return "already";
	default:
		return NULL;
	}
}

/* Beside the status RAX has the repetitions that were done, fewer than all, and nothing else. */
static bool result_ok(const struct hypercall *h)
{
	u32 reps = HV_RESULT_REPS(h->result);

	if (h->result & ~(0xFFFULL << 32 | 0xFFFF))
		return false;
	return !HV_RESULT_STATUS(h->result) || !reps || reps < HV_CALL_REP_COUNT(h->control);
}

const char *hypercall_try(struct hypercall *h)
{
	struct caught c;
	const char *o = try_here(&c, call_it, h, 0);

	if (c.vector != CAUGHT_NOTHING)
		return o;
	if (!h->kept || !result_ok(h))
		return "leaked";
	return hv_status_name(HV_RESULT_STATUS(h->result)) ?: "undocumented";
}

const char *result_name(u32 result)
{
	static const char *const errors[] = {
		"generic",	   "denied",	      "cancel",	   "conflict",	    "excess",
		"bad_format",	   "bad_parameters",  "bad_state", "not_found",	    "not_implemented",
		"not_supported", "no_data",	      "memory",	   "busy",	    "communication",
		"security",	   "short",
	};

	if (result == OVBS_OK)
		return "ok";
	if (result == OVBS_E_TARGET_DEAD)
		return "dead";
	if (result == OVBS_INTERRUPTED)
		return "interrupted";
	if (result >= OVBS_E_GENERIC && result - OVBS_E_GENERIC < ARRAY_SIZE(errors))
		return errors[result - OVBS_E_GENERIC];
	return NULL;
}

u32 vtl_call(u64 op, u64 r8)
{
	struct hypercall h = { .control = HV_CALL_VTL_CALL, .rdx = op, .r8 = r8 };

	hypercall_now(&h);
	return (u32)h.result;
}

u32 vtl1_register(const void *page)
{
	return vtl_call(OVBS_VTL_REGISTER, virt_to_phys((void *)page));
}

void vtl1_message(struct vtl_page *p, u32 op, u64 session, u32 command, u32 types)
{
	memset(&p->msg, 0, sizeof(p->msg));
	p->msg.abi = OVBS_MSG_ABI;
	p->msg.op = op;
	p->msg.session = session;
	p->msg.command = command;
	p->msg.types = types;
}

u32 vtl1_send(struct vtl_page *p)
{
	u32 op = p->msg.op, result = vtl_call(OVBS_VTL_MESSAGE, 0);
	unsigned int n;

	for (n = 0; result == OVBS_INTERRUPTED && n < RESUMES; n++) {
		p->msg.op = OVBS_MSG_RESUME;
		result = vtl_call(OVBS_VTL_MESSAGE, 0);
	}
	if (n)
		p->msg.op = op;
	return result;
}

void vtl1_allow_unused(const struct vtl_page *p, struct vtl_page *shadow)
{
	unsigned int i;

	for (i = 0; i < OVBS_PARAMS && p->msg.origin == OVBS_ORIGIN_TRUSTLET; i++)
		if (!OVBS_PARAM_TYPE(shadow->msg.types, i) && !p->msg.param[i].a && !p->msg.param[i].b)
			shadow->msg.param[i] = p->msg.param[i];
}

u32 vtl1_open(struct vtl1 *v)
{
	u32 result;

	vtl1_message(v->page, OVBS_MSG_OPEN, 0, 0, 0);
	memcpy(v->page->msg.uuid, selftest_uuid, sizeof(selftest_uuid));
	result = vtl1_send(v->page);
	v->session = result == OVBS_OK ? v->page->msg.session : 0;
	return result;
}

bool vtl1_alive(struct vtl1 *v)
{
	struct vtl_page *p = v->page;

	vtl1_message(p, OVBS_MSG_VERSION, 0, 0, 0);
	v->failed = vtl1_send(p);
	if (v->failed != OVBS_OK || p->msg.param[0].a != OVBS_MSG_ABI)
		return false;
	if (!v->session)
		v->failed = vtl1_open(v);
	if (v->failed != OVBS_OK)
		return false;
	vtl1_message(p, OVBS_MSG_INVOKE, v->session, SELFTEST_ECHO,
		     OVBS_PARAM_TYPES(OVBS_PARAM_VALUE_INOUT, 0, 0, 0));
	p->msg.param[0].a = 0x1234567890ABCDEFULL;
	v->failed = vtl1_send(p);
	return v->failed == OVBS_OK && p->msg.param[0].a == ~0x1234567890ABCDEFULL;
}

/* The size of VTL1's memory is no secret: it is the limit of the list's first entry. */
static bool find_memory(struct vtl1 *v)
{
	const struct ovbs_trustlet_info *info = (const void *)v->page->data;

	vtl1_message(v->page, OVBS_MSG_TRUSTLETS, 0, 0, 0);
	if (vtl1_send(v->page) != OVBS_OK || !v->page->msg.param[0].b ||
	    info->limit > v->block.end - v->block.start)
		return false;
	v->start = v->block.end - info->limit;
	return true;
}

static bool announced(void)
{
	return (cpuid_eax(HV_CPUID_FEATURES) & HV_EAX_HYPERCALL_MSRS) &&
	       (cpuid_ebx(HV_CPUID_FEATURES) & HV_EBX_ACCESS_VSM);
}

bool vtl1_begin(struct report *r, struct vtl1 *v, const char *name)
{
	u32 result;

	memset(v, 0, sizeof(*v));
	if (!block_find(&v->block) || !announced()) {
		row(r, name, "none", "no VTL1 here");
		return false;
	}
	v->page = (void *)get_zeroed_page(GFP_KERNEL);
	if (!v->page)
		return false;
	result = vtl1_register(v->page);
	if (result == OVBS_OK && find_memory(v) && vtl1_alive(v))
		return true;
	row(r, name, "unusable", "VTL1 does not take our page or answer: %x", result);
	vtl1_end(v);
	return false;
}

/* A page that VTL1 does not give back is not freed: it would write there. */
void vtl1_end(struct vtl1 *v)
{
	if (v->session) {
		vtl1_message(v->page, OVBS_MSG_CLOSE, v->session, 0, 0);
		vtl1_send(v->page);
	}
	if (vtl_call(OVBS_VTL_UNREGISTER, 0) == OVBS_OK)
		free_page((unsigned long)v->page);
}

u64 vtl1_place(const struct vtl1 *v, enum place what, u64 own)
{
	u64 limit = 1ULL << boot_cpu_data.x86_phys_bits;
	const u64 at[PLACES] = {
		[PLACE_OWN] = own,
		[PLACE_BLOCK] = v->block.start,
		[PLACE_VTL1] = v->start,
		[PLACE_VTL1_LAST] = v->block.end - PAGE_SIZE,
		[PLACE_LOG] = v->block.log,
		[PLACE_CODE] = v->block.code,
		[PLACE_APIC] = 0xFEE00000,
		[PLACE_IOAPIC] = 0xFEC00000,
		[PLACE_ROM] = 0xFFFF0000,
		[PLACE_BEYOND] = limit - PAGE_SIZE,
		[PLACE_LIMIT] = limit,
		[PLACE_TOP] = ~0ULL << PAGE_SHIFT,
	};

	return at[what];
}
