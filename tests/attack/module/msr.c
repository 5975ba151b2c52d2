// SPDX-License-Identifier: GPL-2.0-only
/*
 * Model-specific registers: named ones that would undermine a hypervisor, and
 * a sweep over all that a permission bitmap can and can't cover. A write that
 * is carried out is undone in the same try.
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <asm/msr.h>

#include "attack.h"

#define APIC_EN   (1ULL << 11)
#define APIC_EXTD (1ULL << 10)

enum change {
	GET,
	SAME,
	FLIP,
	VALUE,
	HIDDEN_PAGE,
	LOG_PAGE
}; /* the last two: that page's address | value */

struct msr_row {
	const char *name;
	u32 msr;
	enum change change;
	u64 value;
};

static const struct msr_row msr_rows[] = {
	{ "vm_cr_read", 0xC0010114, GET, 0 },
	{ "vm_cr_write_same", 0xC0010114, SAME, 0 },
	{ "vm_cr_svmdis", 0xC0010114, FLIP, 1 << 4 },
	{ "vm_cr_rinit", 0xC0010114, FLIP, 1 << 1 },
	{ "hsave_read", 0xC0010117, GET, 0 },
	{ "hsave_zero", 0xC0010117, VALUE, 0 },
	{ "hsave_hidden", 0xC0010117, HIDDEN_PAGE, 0 },
	{ "svm_key_read", 0xC0010118, GET, 0 },
	{ "svm_key_write", 0xC0010118, VALUE, 0x1234 },
	{ "apic_base_hidden", 0x1B, HIDDEN_PAGE, APIC_EN },
	{ "apic_base_log", 0x1B, LOG_PAGE, APIC_EN },
	{ "apic_base_bit9", 0x1B, FLIP, 1 << 9 },
	{ "apic_base_bit0", 0x1B, FLIP, 1 << 0 },
	{ "apic_base_bit52", 0x1B, FLIP, 1ULL << 52 },
	{ "apic_base_extd_without_en", 0x1B, VALUE, 0xFEE00000 | APIC_EXTD },
	{ "top_mem_zero", 0xC001001A, VALUE, 0 },
	{ "top_mem_hidden", 0xC001001A, HIDDEN_PAGE, 0 },
	{ "top_mem2_hidden", 0xC001001D, HIDDEN_PAGE, 0 },
	{ "top_mem2_4g", 0xC001001D, VALUE, 1ULL << 32 },
	{ "syscfg_tom2_off", 0xC0010010, FLIP, 1 << 21 },
	{ "syscfg_fix_dram", 0xC0010010, FLIP, 1 << 18 },
	{ "syscfg_mem_encrypt", 0xC0010010, FLIP, 1 << 23 },
	{ "iorr_base0", 0xC0010016, HIDDEN_PAGE, 0 },
	{ "iorr_mask0", 0xC0010017, VALUE, 0xFFFFE00800 },
	{ "iorr_base1", 0xC0010018, HIDDEN_PAGE, 0 },
	{ "iorr_mask1", 0xC0010019, VALUE, 0xFFFFE00800 },
	{ "smm_base", 0xC0010111, VALUE, 0x30000 },
	{ "smm_base_hidden", 0xC0010111, HIDDEN_PAGE, 0 },
	{ "smm_addr", 0xC0010112, HIDDEN_PAGE, 0 },
	{ "smm_mask", 0xC0010113, VALUE, 0 },
	{ "smm_mask_tclose", 0xC0010113, FLIP, 3 << 2 },
	{ "intel_smbase", 0x9E, VALUE, 0x30000 },
	{ "smm_monitor", 0x9B, VALUE, 1 },
	{ "vmx_basic", 0x480, GET, 0 },
	{ "vmx_true_pin", 0x48D, GET, 0 },
	{ "vmx_ept_vpid", 0x48C, GET, 0 },
	{ "vmx_vmfunc", 0x491, GET, 0 },
	{ "vmx_exit2", 0x493, GET, 0 },
	{ "ds_area_hidden", 0x600, HIDDEN_PAGE, 0 },
	{ "pebs_enable", 0x3F1, VALUE, 1 },
	{ "pebs_base_hidden", 0x3F4, HIDDEN_PAGE, 0 },
	{ "pebs_index", 0x3F5, VALUE, 1 << 4 },
	{ "rtit_output_hidden", 0x560, HIDDEN_PAGE, 0 },
	{ "rtit_mask", 0x561, VALUE, 0xFFF },
	{ "rtit_ctl", 0x570, VALUE, 1 << 2 | 1 },
	{ "hfi_ptr_hidden", 0x17D0, HIDDEN_PAGE, 1 },
	{ "hfi_config", 0x17D1, VALUE, 1 },
	{ "smrr_base_hidden", 0x1F2, HIDDEN_PAGE, 6 },
	{ "smrr_mask", 0x1F3, VALUE, 0 },
	{ "prmrr_hidden", 0x1F4, HIDDEN_PAGE, 6 },
	{ "tme_activate", 0x982, FLIP, 1 << 1 },
	{ "tme_exclude_hidden", 0x984, HIDDEN_PAGE, 0 },
	{ "trace_hub_hidden", 0x80, HIDDEN_PAGE, 1 },
	{ "mmio_config_hidden", 0xC0010058, HIDDEN_PAGE, 1 },
	{ "hwcr_smmlock", 0xC0010015, FLIP, 1 << 0 },
	{ "io_trap0", 0xC0010050, VALUE, 0x80 },
	{ "io_trap_ctl", 0xC0010054, VALUE, 1 << 1 },
	{ "smi_on_io", 0xC0010056, VALUE, 1 << 25 },
	{ "ghcb_hidden", 0xC0010130, HIDDEN_PAGE, 0 },
	{ "rmp_base_hidden", 0xC0010132, HIDDEN_PAGE, 0 },
	{ "rmp_end", 0xC0010133, VALUE, 0xFFFFFFFFF },
	{ "feature_control", 0x3A, VALUE, 5 },
	{ "feature_control_flip", 0x3A, FLIP, 1 << 2 },
	{ "pat_reserved_type", 0x277, VALUE, 0x0202020202020202 },
	{ "kvm_wall_clock_old", 0x11, HIDDEN_PAGE, 0 },
	{ "kvm_system_time_old", 0x12, HIDDEN_PAGE, 1 },
	{ "kvm_wall_clock", 0x4B564D00, HIDDEN_PAGE, 0 },
	{ "kvm_system_time", 0x4B564D01, HIDDEN_PAGE, 1 },
	{ "kvm_async_pf", 0x4B564D02, HIDDEN_PAGE, 1 },
	{ "kvm_steal_time", 0x4B564D03, HIDDEN_PAGE, 1 },
	{ "kvm_pv_eoi", 0x4B564D04, HIDDEN_PAGE, 1 },
	{ "kvm_migration", 0x4B564D08, VALUE, 1 },
	{ "hv_guest_os_id", 0x40000000, VALUE, 0x8100000000000000 },
	{ "hv_hypercall_page", 0x40000001, HIDDEN_PAGE, 1 },
	{ "hv_reset", 0x40000003, VALUE, 1 },
	{ "hv_reference_tsc", 0x40000021, HIDDEN_PAGE, 1 },
	{ "hv_icr", 0x40000071, VALUE, 0x000C4500 },
	{ "hv_vp_assist", 0x40000073, HIDDEN_PAGE, 1 },
	{ "hv_siefp", 0x40000082, HIDDEN_PAGE, 1 },
	{ "hv_simp", 0x40000083, HIDDEN_PAGE, 1 },
	{ "hv_crash_ctl", 0x40000105, VALUE, 1ULL << 63 },
	{ "xen_hypercall_page", 0x40000200, HIDDEN_PAGE, 0 },
	{ "vmware_backdoor", 0xFFFFFFFF, VALUE, 0x564D5868 },
};

struct msr_change {
	u32 msr;
	u64 old, write, after;
	bool read_only;
};

static void change_try(void *arg)
{
	struct msr_change *m = arg;

	m->after = m->old;
	msr_set(m->msr, m->write);
	m->after = msr_get(m->msr);
	if (m->after != m->old)
		msr_set(m->msr, m->old);
}

static u64 new_value(const struct msr_row *m, u64 old, const struct block *b, u64 hidden)
{
	switch (m->change) {
	case FLIP:
		return old ^ m->value;
	case VALUE:
		return m->value;
	case HIDDEN_PAGE:
		return hidden | m->value | (m->msr == 0x1B ? old & 0xFFF : 0);
	case LOG_PAGE:
		return b->log | m->value | (old & 0xFFF);
	default:
		return old;
	}
}

static void msr_one(struct report *r, const struct msr_row *m, const struct block *b, u64 hidden)
{
	struct msr_try get = { .msr = m->msr };
	struct msr_change set = { .msr = m->msr };
	struct caught c;
	const char *outcome = try_here(&c, try_msr_get, &get, 0);

	if (m->change == GET) {
		row(r, m->name, c.vector == CAUGHT_NOTHING && !get.value ? "zero" : outcome,
		    "MSR %x: %llx", m->msr, get.value);
		return;
	}
	set.old = get.value;
	set.write = new_value(m, get.value, b, hidden);
	outcome = try_here(&c, change_try, &set, 0);
	if (c.vector == CAUGHT_NOTHING)
		outcome = set.after == set.old ? "unchanged" : "changed";
	row(r, m->name, outcome, "MSR %x: was %llx, wrote %llx, reads %llx", m->msr, set.old,
	    set.write, set.after);
}

static void run_msrs(struct report *r)
{
	struct block b;
	u64 hidden = 0x100000; /* without openvbs: some page of RAM's address */
	struct msr_try efer = { .msr = MSR_EFER };
	struct caught c;
	size_t i;

	if (block_find(&b))
		block_samples(&b, &hidden, 1);
	migrate_disable();
	try_here(&c, try_msr_get, &efer, 0);
	row(r, "efer_svme_read", efer.value & (1 << 12) ? "shown" : "hidden", "EFER %llx", efer.value);
	for (i = 0; i < ARRAY_SIZE(msr_rows); i++)
		msr_one(r, &msr_rows[i], &b, hidden);
	migrate_enable();
}

/* ---- the sweep ---- */

struct msr_range {
	u32 from, to;
};

static const struct msr_range sweep_ranges[] = {
	{ 0x00000000, 0x00001FFF },
	{ 0xC0000000, 0xC0001FFF },
	{ 0xC0010000, 0xC0011FFF },
	/* outside of the bitmap */
	{ 0x00002000, 0x000020FF },
	{ 0x0000FFF0, 0x0001000F },
	{ 0x3FFFFFF0, 0x4000020F },
	{ 0x4B564D00, 0x4B564D1F },
	{ 0x7FFFFFF0, 0x8000000F },
	{ 0xBFFFFFF0, 0xBFFFFFFF },
	{ 0xC0002000, 0xC000200F },
	{ 0xC000FFF0, 0xC000FFFF },
	{ 0xC0012000, 0xC001200F },
	{ 0xC001FFF0, 0xC002000F },
	{ 0xFFFFFFF0, 0xFFFFFFFF },
};

/* Not written in the sweep, and why. */
static const struct {
	u32 msr;
	const char *why;
} unwritten[] = {
	{ 0x010, "the time stamp counter: the value read is old, Linux's clock would jump" },
	{ 0x079, "microcode loader: the value is a pointer to be run" },
	{ 0x830, "x2APIC ICR: would send the last interrupt once more; has rows of its own" },
	{ 0xC0010020, "microcode loader: the value is a pointer to be run" },
};

struct sweep_result {
	u64 value;
	char read, write; /* 'v' value, 'g' #GP, 'o' other exception; write also 's' skipped, 'c' changed */
};

static bool same_class(const struct sweep_result *a, const struct sweep_result *b)
{
	return a->value == b->value && a->read == b->read && a->write == b->write;
}

static char class_of(int vector)
{
	return vector == CAUGHT_NOTHING ? 'v' : vector == 13 ? 'g' : 'o';
}

static struct sweep_result sweep_one(u32 msr)
{
	struct msr_try m = { .msr = msr };
	struct sweep_result s = { 0 };
	struct caught c;
	size_t i;

	try_here(&c, try_msr_get, &m, 0);
	s.read = class_of(c.vector);
	s.value = s.read == 'v' ? m.value : 0;
	s.write = 's';
	if (s.read != 'v')
		return s;
	for (i = 0; i < ARRAY_SIZE(unwritten); i++)
		if (unwritten[i].msr == msr)
			return s;
	try_here(&c, try_msr_set, &m, 0);
	s.write = class_of(c.vector);
	try_here(&c, try_msr_get, &m, 0);
	if (c.vector != CAUGHT_NOTHING || m.value != s.value)
		s.write = 'c';
	return s;
}

static void sweep_range(struct report *r, const struct msr_range *range, unsigned int *odd)
{
	struct sweep_result run, s;
	u32 from = range->from, i;

	for (i = range->from;; i++) {
		s = sweep_one(i);
		*odd += s.read == 'o' || s.write == 'o';
		if (i == range->from)
			run = s;
		if (!same_class(&run, &s)) {
			say(r, "msr %08x %08x %c%c %llx\n", from, i - 1, run.read, run.write, run.value);
			run = s;
			from = i;
		}
		if (i == range->to)
			break;
		if (!(i & 0x3FF))
			cond_resched();
	}
	say(r, "msr %08x %08x %c%c %llx\n", from, i, run.read, run.write, run.value);
}

static void run_sweep(struct report *r)
{
	unsigned int odd = 0, n = 0;
	size_t i;

	migrate_disable();
	for (i = 0; i < ARRAY_SIZE(sweep_ranges); i++) {
		sweep_range(r, &sweep_ranges[i], &odd);
		n += sweep_ranges[i].to - sweep_ranges[i].from + 1;
	}
	migrate_enable();
	for (i = 0; i < ARRAY_SIZE(unwritten); i++)
		say(r, "unwritten %08x %s\n", unwritten[i].msr, unwritten[i].why);
	row(r, "msr_sweep", odd ? "odd" : "done", "%u MSRs, %u with an exception that is not #GP", n, odd);
}

/* ---- MTRRs: hypervisor memory made uncacheable ---- */

#define MTRR_CAP     0xFE
#define MTRR_BASE(i) (0x200u + 2 * (i))
#define MTRR_MASK(i) (0x201u + 2 * (i))
#define MTRR_VALID   (1ULL << 11)

static void run_mtrr(struct report *r)
{
	struct msr_change base = { 0 }, mask = { 0 };
	const char *outcome = "none", *second;
	struct caught c;
	struct block b;
	unsigned int i, count = msr_get(MTRR_CAP) & 0xFF;

	if (!block_find(&b)) {
		row(r, "mtrr_over_block", "none", "no hidden memory here");
		return;
	}
	migrate_disable();
	for (i = 0; i < count; i++) {
		if (msr_get(MTRR_MASK(i)) & MTRR_VALID)
			continue;
		base = (struct msr_change){ MTRR_BASE(i), msr_get(MTRR_BASE(i)), b.start, 0 };
		mask = (struct msr_change){ MTRR_MASK(i), msr_get(MTRR_MASK(i)),
					    0xFFFFE00000ULL | MTRR_VALID, 0 };
		outcome = try_here(&c, change_try, &base, 0);
		second = try_here(&c, change_try, &mask, 0);
		row(r, "mtrr_over_block", c.vector == CAUGHT_NOTHING ? "ok" : second,
		    "pair %u: base %s, mask %s: %llx %llx", i, outcome, second, base.after, mask.after);
		break;
	}
	migrate_enable();
	if (i == count)
		row(r, "mtrr_over_block", "none", "no free pair among %u", count);
}

const struct attack msr_attacks[] = {
	{ "msrs", run_msrs }, { "mtrr", run_mtrr }, { "msr_sweep", run_sweep, true }, {}
};
