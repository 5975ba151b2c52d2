// SPDX-License-Identifier: GPL-2.0-only
/*
 * VTL1's memory from VTL0, and hypercalls that VTL0 may not make or that make
 * no sense: rights, formats, addresses. Each must fail by a status of its own,
 * change nothing but RAX, and write nowhere.
 */
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <asm/io.h>

#include "vtl1.h"

#define FILL  0xA5
#define EDGES 8

/* ---- VTL1's memory ---- */

/* By a 4 KiB mapping, every page; what differs from "denied" is the outcome. */
static const char *all_pages(const struct vtl1 *v, u64 *n)
{
	const char *outcome = "denied", *o;
	struct space s;
	u64 gpa;

	*n = 0;
	if (space_make(&s))
		return "nomem";
	for (gpa = v->start; gpa < v->block.end; gpa += PAGE_SIZE) {
		s.table[0][1] = gpa | PTE_RW;
		o = page_outcome(SPACE_4K(1), s.cr3);
		if (strcmp(o, "denied"))
			outcome = o;
		(*n)++;
		cond_resched();
	}
	space_free(&s);
	return outcome;
}

static const char *alias(u64 gpa)
{
	void *p = (void __force *)ioremap_cache(gpa, PAGE_SIZE);
	const char *o = p ? page_outcome(p, 0) : "unmapped";

	iounmap((void __iomem *)p);
	return o;
}

static void run_memory(struct report *r)
{
	const char *first, *middle, *last;
	u64 gpa[2 * EDGES + 1], n;
	struct vtl1 v;
	size_t i, tried = 0;

	if (!vtl1_begin(r, &v, "vtl1_read_write"))
		return;
	row(r, "vtl1_read_write", all_pages(&v, &n), "%llu pages from %llx", n, v.start);
	for (i = 0; i < EDGES; i++) {
		gpa[i] = v.start + i * PAGE_SIZE;
		gpa[EDGES + i] = v.block.end - (i + 1) * PAGE_SIZE;
	}
	gpa[2 * EDGES] = ALIGN_DOWN(v.start + (v.block.end - v.start) / 2, PAGE_SIZE);
	row(r, "vtl1_exec", fetch_pages(gpa, ARRAY_SIZE(gpa), &tried), "%zu fetches", tried);
	first = alias(v.start);
	middle = alias(gpa[2 * EDGES]);
	last = alias(v.block.end - PAGE_SIZE);
	row(r, "vtl1_ioremap", first == middle && middle == last ? first : "differs", "%s %s %s",
	    first, middle, last);
	row(r, "vtl1_memory_alive", vtl1_alive(&v) ? "alive" : "silent", "last result %x", v.failed);
	vtl1_end(&v);
}

/* ---- rights and formats ---- */

struct hc_case {
	const char *name;
	u64 control;
	u64 in[6];
};

#define SELF       HV_PARTITION_ID_SELF
#define VP(vp, v)  ((u64)(u32)(vp) | (u64)(v) << 32)
#define ME         HV_VP_INDEX_SELF
#define ONE(code)  (HV_CALL_##code | HV_CALL_REPS(1))
#define GET        ONE(GET_VP_REGISTERS)
#define SET        ONE(SET_VP_REGISTERS)
#define MODIFY     ONE(MODIFY_VTL_PROTECTION_MASK)
#define OFFSETS    HV_REGISTER_VSM_CODE_PAGE_OFFSETS
#define START(n)   ((u64)(n) << 48)
#define VARHEAD(n) ((u64)(n) << 17)

static const struct hc_case cases[] = {
	/* What VTL1 alone may do. */
	{ "hc_modify_read_only", MODIFY, { SELF, VP(HV_MAP_GPA_READABLE, 0x10), 1 } },
	{ "hc_modify_all", MODIFY, { SELF, VP(HV_MAP_GPA_ALL, 0x10), 1 } },
	{ "hc_modify_for_vtl1", MODIFY, { SELF, VP(HV_MAP_GPA_ALL, 0x11), 1 } },
	{ "hc_set_vtl1_rip", SET, { SELF, VP(ME, 0x11), HV_X64_REGISTER_RIP, 0, 0x1000 } },
	{ "hc_set_vtl1_cr3", SET, { SELF, VP(ME, 0x11), HV_X64_REGISTER_CR3, 0, 0x1000 } },
	{ "hc_set_vtl1_assist", SET, { SELF, VP(ME, 0x11), HV_REGISTER_VP_ASSIST_PAGE, 0, 0x1001 } },
	{ "hc_set_vtl1_vina", SET, { SELF, VP(ME, 0x11), HV_REGISTER_VSM_VINA, 0, 0x120 } },
	{ "hc_set_vtl1_event", SET, { SELF, VP(ME, 0x11), HV_REGISTER_PENDING_EVENT0, 0, 0xD0101 } },
	{ "hc_set_vtl0_rip", SET, { SELF, VP(ME, 0x10), HV_X64_REGISTER_RIP, 0, 0x1000 } },
	{ "hc_set_own_rip", SET, { SELF, VP(ME, 0), HV_X64_REGISTER_RIP, 0, 0x1000 } },
	{ "hc_set_own_assist", SET, { SELF, VP(ME, 0), HV_REGISTER_VP_ASSIST_PAGE, 0, 0x1001 } },
	{ "hc_set_own_event", SET, { SELF, VP(ME, 0), HV_REGISTER_PENDING_EVENT0, 0, 0xD0101 } },
	{ "hc_get_vtl1_rip", GET, { SELF, VP(ME, 0x11), HV_X64_REGISTER_RIP } },
	{ "hc_get_vtl1_rsp", GET, { SELF, VP(ME, 0x11), HV_X64_REGISTER_RAX + 4 } },
	{ "hc_get_vtl1_cr3", GET, { SELF, VP(ME, 0x11), HV_X64_REGISTER_CR3 } },
	{ "hc_get_vtl1_assist", GET, { SELF, VP(ME, 0x11), HV_REGISTER_VP_ASSIST_PAGE } },
	{ "hc_enable_vp", HV_CALL_ENABLE_VP_VTL, { SELF, VP(ME, 1) } },
	{ "hc_enable_vp_other", HV_CALL_ENABLE_VP_VTL, { SELF, VP(1, 1) } },
	{ "hc_log", HV_CALL_OVBS_LOG | HV_CALL_FAST, { 0 } },
	{ "hc_enable_partition", HV_CALL_ENABLE_PARTITION_VTL, { SELF, 1 } },
	/* What nobody may. */
	{ "hc_get_vtl2", GET, { SELF, VP(ME, 0x12), HV_X64_REGISTER_RIP } },
	{ "hc_get_vtl_flag", GET, { SELF, VP(ME, 0x20), HV_X64_REGISTER_RIP } },
	{ "hc_get_reserved", GET, { SELF, VP(ME, 0x100), HV_X64_REGISTER_RIP } },
	{ "hc_get_unknown", GET, { SELF, VP(ME, 0), 0x12345678 } },
	{ "hc_get_partition", GET, { 1, VP(ME, 0), OFFSETS } },
	{ "hc_get_vp_far", GET, { SELF, VP(0x1000, 0), OFFSETS } },
	{ "hc_get_vp_other", GET, { SELF, VP(1, 0), OFFSETS } },
	{ "hc_enable_partition_2", HV_CALL_ENABLE_PARTITION_VTL, { SELF, 2 } },
	{ "hc_enable_partition_flags", HV_CALL_ENABLE_PARTITION_VTL, { SELF, 0x101 } },
	{ "hc_code_0", 0, { 0 } },
	{ "hc_code_unknown", 0x4444, { 0 } },
	{ "hc_code_all_ones", ~0ULL, { 0 } },
	{ "hc_vtl_call_fast", HV_CALL_VTL_CALL | HV_CALL_FAST, { 0 } },
	{ "hc_vtl_return", HV_CALL_VTL_RETURN, { 0 } },
	{ "hc_vtl_return_fast", HV_CALL_VTL_RETURN | HV_CALL_FAST, { 0 } },
	/* Formats. */
	{ "hc_fast", GET | HV_CALL_FAST, { SELF, VP(ME, 0), OFFSETS } },
	{ "hc_no_reps", HV_CALL_GET_VP_REGISTERS, { SELF, VP(ME, 0), OFFSETS } },
	{ "hc_start_at_end", GET | START(1), { SELF, VP(ME, 0), OFFSETS } },
	{ "hc_start_far", GET | START(0xFFF), { SELF, VP(ME, 0), OFFSETS } },
	{ "hc_reps_of_no_rep", ONE(ENABLE_PARTITION_VTL), { SELF, 1 } },
	{ "hc_start_of_no_rep", HV_CALL_ENABLE_PARTITION_VTL | START(1), { SELF, 1 } },
	{ "hc_varhead", GET | VARHEAD(1), { SELF, VP(ME, 0), OFFSETS } },
	{ "hc_reserved_27", GET | 1ULL << 27, { SELF, VP(ME, 0), OFFSETS } },
	{ "hc_reserved_44", GET | 1ULL << 44, { SELF, VP(ME, 0), OFFSETS } },
	{ "hc_reserved_63", GET | 1ULL << 63, { SELF, VP(ME, 0), OFFSETS } },
	{ "hc_reps_too_many", HV_CALL_GET_VP_REGISTERS | HV_CALL_REPS(0xFFF), { SELF, VP(ME, 0), OFFSETS } },
	{ "hc_reps_two_pages", HV_CALL_GET_VP_REGISTERS | HV_CALL_REPS(300), { SELF, VP(ME, 0), OFFSETS } },
};

/* Two pages, so that what crosses the border stays ours: input on the first, output in the middle of the second. */
struct buffers {
	u8 *in, *out;
};

static bool make_buffers(struct buffers *b)
{
	b->in = (void *)__get_free_pages(GFP_KERNEL | __GFP_ZERO, 2);
	if (!b->in)
		return false;
	b->out = b->in + 2 * PAGE_SIZE;
	return true;
}

static void free_buffers(struct buffers *b)
{
	free_pages((unsigned long)b->in, 2);
}

static const char *try_case(struct buffers *b, const u64 in[6], u64 control, u64 at, u64 out, u64 *result)
{
	struct hypercall h = { .control = control, .rdx = at, .r8 = out };
	const char *o;

	memcpy(b->in, in, 6 * sizeof(u64));
	memcpy(b->in + PAGE_SIZE - 16, in, 6 * sizeof(u64)); /* for what crosses */
	memset(b->out, FILL, 2 * PAGE_SIZE);
	o = hypercall_try(&h);
	*result = h.result;
	if (HV_RESULT_STATUS(h.result) && memchr_inv(b->out, FILL, 2 * PAGE_SIZE))
		return "written";
	return o;
}

static void run_hypercalls(struct report *r)
{
	struct buffers b;
	struct vtl1 v;
	size_t i;
	u64 result;

	if (!vtl1_begin(r, &v, cases[0].name))
		return;
	if (make_buffers(&b)) {
		for (i = 0; i < ARRAY_SIZE(cases); i++) {
			const char *o = try_case(&b, cases[i].in, cases[i].control, virt_to_phys(b.in),
						 virt_to_phys(b.out), &result);

			row(r, cases[i].name, o, "%llx", result);
		}
		free_buffers(&b);
	}
	row(r, "hypercalls_alive", vtl1_alive(&v) ? "alive" : "silent", "last result %x", v.failed);
	vtl1_end(&v);
}

/* ---- addresses ---- */

static const char *const place_names[PLACES] = {
	[PLACE_BLOCK] = "block",   [PLACE_VTL1] = "vtl1",     [PLACE_VTL1_LAST] = "vtl1_last",
	[PLACE_LOG] = "log",	   [PLACE_CODE] = "code",     [PLACE_APIC] = "apic",
	[PLACE_IOAPIC] = "ioapic", [PLACE_ROM] = "rom",	      [PLACE_BEYOND] = "beyond",
	[PLACE_LIMIT] = "limit",   [PLACE_TOP] = "top",
};

static const u64 good[6] = { SELF, VP(ME, 0), OFFSETS };

static bool is_device(int place)
{
	return place == PLACE_APIC || place == PLACE_IOAPIC || place == PLACE_ROM;
}

/* The input or the output at each place that is not VTL0's RAM; devices or the others. */
static void place_rows(struct report *r, struct vtl1 *v, struct buffers *b, bool devices)
{
	u64 in = virt_to_phys(b->in), out = virt_to_phys(b->out), result;
	char name[32];
	int i;

	for (i = PLACE_OWN + 1; i < PLACES; i++) {
		u64 at = vtl1_place(v, i, 0);
		const char *o;

		if (is_device(i) != devices)
			continue;
		o = try_case(b, good, GET, at, out, &result);
		snprintf(name, sizeof(name), "hc_in_%s", place_names[i]);
		row(r, name, o, "%llx at %llx", result, at);
		o = try_case(b, good, GET, in, at, &result);
		snprintf(name, sizeof(name), "hc_out_%s", place_names[i]);
		row(r, name, o, "%llx at %llx", result, at);
	}
}

static void run_places(struct report *r)
{
	static const struct {
		const char *name;
		int in, out; /* added to the good addresses */
	} odd[] = {
		{ "hc_in_unaligned", 4, 0 },		{ "hc_in_odd", 1, 0 },
		{ "hc_in_crossing", PAGE_SIZE - 16, 0 }, { "hc_out_unaligned", 0, 4 },
		{ "hc_out_odd", 0, 1 },			{ "hc_out_crossing", 0, PAGE_SIZE - 8 },
		{ "hc_good", 0, 0 },
	};
	struct buffers b;
	struct vtl1 v;
	size_t i;
	u64 result;

	if (!vtl1_begin(r, &v, "hc_good"))
		return;
	if (make_buffers(&b)) {
		for (i = 0; i < ARRAY_SIZE(odd); i++) {
			const char *o = try_case(&b, good, GET, virt_to_phys(b.in) + odd[i].in,
						 virt_to_phys(b.out) + odd[i].out, &result);

			row(r, odd[i].name, o, "%llx", result);
		}
		place_rows(r, &v, &b, false);
		free_buffers(&b);
	}
	row(r, "places_alive", vtl1_alive(&v) ? "alive" : "silent", "last result %x", v.failed);
	vtl1_end(&v);
}

/* Apart, since an emulator may end where a device is read by other means than it is meant for. */
static void run_devices(struct report *r)
{
	struct buffers b;
	struct vtl1 v;

	if (!vtl1_begin(r, &v, "hc_in_apic"))
		return;
	if (make_buffers(&b)) {
		place_rows(r, &v, &b, true);
		free_buffers(&b);
	}
	row(r, "devices_alive", vtl1_alive(&v) ? "alive" : "silent", "last result %x", v.failed);
	vtl1_end(&v);
}

/* ---- the registers around it, and the page ---- */

static void write_byte(void *at)
{
	*(volatile u8 *)at = 0x90;
}

static void run_at(void *at)
{
	asm volatile("call *%0" : : "r"(at), "a"(0), "c"(0) : "memory", "cc");
}

/* The page is mapped with all rights by tables of our own: the second-level ones are what holds. */
static void page_rows(struct report *r, const struct vtl1 *v)
{
	struct caught c;
	struct space s;

	if (space_make(&s))
		return;
	s.table[0][1] = v->block.code | PTE_RW;
	row(r, "hc_page_write", try_here(&c, write_byte, SPACE_4K(1), s.cr3), "at %llx", v->block.code);
	row(r, "hc_page_vtl_return", try_here(&c, run_at, (u8 *)SPACE_4K(1) + 0x80, s.cr3), "its third entry");
	space_free(&s);
}

static void run_page(struct report *r)
{
	struct msr_try m[] = {
		{ HV_X64_MSR_HYPERCALL, 0 },	   { HV_X64_MSR_HYPERCALL, 0x1001 },
		{ HV_X64_MSR_HYPERCALL, 0x1003 },  { HV_X64_MSR_VP_INDEX, 1 },
		{ HV_X64_MSR_VP_ASSIST_PAGE, 0 },  { HV_X64_MSR_VP_ASSIST_PAGE, 0x1001 },
	};
	static const char *const names[] = { "hv_page_off",	 "hv_page_move",       "hv_page_move_lock",
					     "hv_vp_index_set", "hv_assist_off", "hv_assist_set" };
	struct msr_try get = { HV_X64_MSR_VP_ASSIST_PAGE, 0 };
	struct caught c;
	struct vtl1 v;
	size_t i;

	if (!vtl1_begin(r, &v, "hc_page_write"))
		return;
	page_rows(r, &v);
	for (i = 0; i < ARRAY_SIZE(m); i++)
		row(r, names[i], try_here(&c, try_msr_set, &m[i], 0), "%x = %llx", m[i].msr, m[i].value);
	row(r, "hv_assist_get", try_here(&c, try_msr_get, &get, 0), "%llx", get.value);
	row(r, "page_alive", vtl1_alive(&v) ? "alive" : "silent", "last result %x", v.failed);
	vtl1_end(&v);
}

const struct attack hypercall_attacks[] = {
	{ "vtl1_memory", run_memory }, { "hypercalls", run_hypercalls }, { "hypercall_places", run_places },
	{ "hypercall_devices", run_devices }, { "hypercall_page", run_page }, {}
};
