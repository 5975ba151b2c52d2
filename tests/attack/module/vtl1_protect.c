// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages whose right to be written VTL0 gave up (OVBS_MSG_PROTECT): by no way
 * may it write them afterwards, not by the hypervisor's or VTL1's hand either.
 * They stay protected until reset, so the pages are never freed.
 */
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <asm/io.h>

#include "vtl1.h"

#define MARK 0x5AFE5AFE5AFE5AFEULL

static u32 protect(const struct vtl1 *v, u64 gpa, u64 pages)
{
	vtl1_message(v->page, OVBS_MSG_PROTECT, 0, 0, OVBS_PARAM_TYPES(OVBS_PARAM_VALUE_IN, 0, 0, 0));
	v->page->msg.param[0] = (struct ovbs_param){ gpa, pages };
	return vtl1_send(v->page);
}

static void result_row(struct report *r, const char *name, u32 result)
{
	row(r, name, result_name(result) ?: "undocumented", "%x", result);
}

/* What is not VTL0's RAM, or is in use for messages. */
static void refused_rows(struct report *r, const struct vtl1 *v, u64 own)
{
	const struct {
		const char *name;
		u64 gpa, pages;
	} ranges[] = {
		{ "protect_block", v->block.start, 1 },
		{ "protect_vtl1", v->start, 1 },
		{ "protect_into_block", v->block.start - PAGE_SIZE, 2 },
		{ "protect_code", v->block.code, 1 },
		{ "protect_apic", 0xFEE00000, 1 },
		{ "protect_rom", 0xFFFF0000, 1 },
		{ "protect_beyond", vtl1_place(v, PLACE_BEYOND, 0), 1 },
		{ "protect_top", ~0ULL << PAGE_SHIFT, 1 },
		{ "protect_unaligned", own + 8, 1 },
		{ "protect_nothing", own, 0 },
		{ "protect_513", own, 513 },
		{ "protect_2_to_52", own, 1ULL << 52 },
		{ "protect_2_to_63", own, 1ULL << 63 },
		{ "protect_max", own, ~0ULL },
		{ "protect_bit52", own | 1ULL << 52, 1 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ranges); i++)
		result_row(r, ranges[i].name, protect(v, ranges[i].gpa, ranges[i].pages));
	result_row(r, "protect_messages", protect(v, virt_to_phys(v->page), 1));
}

static void write_word(void *at)
{
	*(volatile u64 *)at = MARK;
}

static void write_locked(void *at)
{
	asm volatile("lock orq $1, (%0)" : : "r"(at) : "memory", "cc");
}

static void write_string(void *at)
{
	asm volatile("rep stosb" : "+D"(at) : "a"(0x5A), "c"(16L) : "memory");
}

static void write_state(void *at)
{
	asm volatile("fxsave64 (%0)" : : "r"(at) : "memory");
}

static void write_descriptor(void *at)
{
	asm volatile("sgdt (%0)" : : "r"(at) : "memory");
}

static u64 get_register(u64 in, u64 out)
{
	const u64 body[] = { HV_PARTITION_ID_SELF, HV_VP_INDEX_SELF, HV_REGISTER_VSM_CODE_PAGE_OFFSETS };
	struct hypercall h = { HV_CALL_GET_VP_REGISTERS | HV_CALL_REPS(1), in, out };

	memcpy(phys_to_virt(in), body, sizeof(body));
	hypercall_try(&h);
	return h.result;
}

static void written_rows(struct report *r, const struct vtl1 *v, u64 *page, u64 *scratch)
{
	static const struct {
		const char *name;
		try_fn fn;
	} writes[] = {
		{ "protected_write", write_word },     { "protected_locked", write_locked },
		{ "protected_string", write_string },  { "protected_fxsave", write_state },
		{ "protected_sgdt", write_descriptor },
	};
	struct caught c;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(writes); i++) {
		const char *o = try_here(&c, writes[i].fn, page + 64, 0);

		row(r, writes[i].name, memchr_inv(page, 0x11, PAGE_SIZE) ? "written" : o, "vector %d", c.vector);
	}
	row(r, "protected_hypercall", hv_status_name(HV_RESULT_STATUS(get_register(virt_to_phys(scratch), virt_to_phys(page)))) ?: "undocumented",
	    "output there");
	result_row(r, "protected_register", vtl1_register(page));
	result_row(r, "protected_again", protect(v, virt_to_phys(page), 1));
	row(r, "protected_content", memchr_inv(page, 0x11, PAGE_SIZE) ? "written" : "kept", "after all that");
}

/* As a page table whose entry has no accessed bit yet: the walk itself would write. */
static void walk_row(struct report *r, const struct vtl1 *v)
{
	struct caught c;
	struct space s;
	const char *o;
	u64 entry;

	if (space_make(&s))
		return;
	entry = virt_to_phys(v->page) | PTE_P | PTE_W;
	s.table[0][1] = entry;
	if (protect(v, virt_to_phys(s.table[0]), 1) != OVBS_OK) {
		row(r, "protected_walk", "norun", "not protected");
		return;
	}
	o = try_here(&c, write_word, (u8 *)SPACE_4K(1) + PAGE_SIZE - 8, s.cr3);
	row(r, "protected_walk", READ_ONCE(s.table[0][1]) != entry ? "written" : o, "entry %llx", s.table[0][1]);
	/* The tables stay: one of them can't be freed. */
}

static void run_protect(struct report *r)
{
	u64 *page = (void *)__get_free_page(GFP_KERNEL), *scratch = (void *)get_zeroed_page(GFP_KERNEL);
	struct vtl1 v;

	if (!page || !scratch || !vtl1_begin(r, &v, "protect_own"))
		return;
	memset(page, 0x11, PAGE_SIZE);
	refused_rows(r, &v, virt_to_phys(page));
	result_row(r, "protect_own", protect(&v, virt_to_phys(page), 1));
	written_rows(r, &v, page, scratch);
	walk_row(r, &v);
	row(r, "protect_alive", vtl1_alive(&v) ? "alive" : "silent", "last result %x", v.failed);
	vtl1_end(&v);
	free_page((unsigned long)scratch);
}

const struct attack protect_attacks[] = { { "vtl1_protect", run_protect }, {} };
