// SPDX-License-Identifier: GPL-2.0-only
/*
 * VTL0's part of memory integrity: tells VTL1 which pages are the kernel's code
 * and constants, and where the kernel patches its own text; then asks for
 * lockdown. From the initramfs, where the kernel is as trusted as its boot
 * chain. Nothing here protects anything: VTL1 does, from then on.
 *
 * What is asked for is checked before the first page is frozen: a frozen kernel
 * that VTL1 has no table of sites for dies at its next jump label.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpu.h>
#include <linux/efi.h>
#include <linux/gfp.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/smp.h>
#include <linux/sort.h>
#include <linux/version.h>
#include <asm/io.h>
#include <asm/msr.h>
#include <asm/special_insns.h>

#include <openvbs/tlfs.h>

#include "hypercall.h"
#include "openvbs.h"
#include "vtl.h"

#define FREEZE_PAGES 512u /* in one message */
#define TABLE_ADDR   0x000FFFFFFFFFF000ULL
#define CR4_5_LEVELS (1UL << 12)
#define JUMP_BYTES   16u /* struct jump_entry, relative */
#define CALL_BYTES   8u  /* struct static_call_site */

static bool integrity;
module_param(integrity, bool, 0444);
MODULE_PARM_DESC(integrity, "lock the kernel's code down at load; not complete: modules that are loaded later can't run");

/* The kernel's own, in no header that a module may see (kernel/trace/ftrace.c, 6.1 and 6.12). */
struct ftrace_page_head {
	struct ftrace_page_head *next;
	const void *records; /* struct dyn_ftrace[] */
	int index;           /* in use */
	int order;
};
#define FTRACE_RECORD 16u

static struct {
	u64 code_pages, data_pages, sites_sent;
	const char *state;
} report = { .state = "off" };

static unsigned long (*lookup)(const char *name);

/* kallsyms_lookup_name() is not exported; a probe that is never armed tells where it is. */
static int find_lookup(void)
{
	struct kprobe probe = { .symbol_name = "kallsyms_lookup_name", .flags = KPROBE_FLAG_DISABLED };
	int err = register_kprobe(&probe);

	if (err)
		return err;
	lookup = (void *)probe.addr;
	unregister_kprobe(&probe);
	return 0;
}

enum {
	TEXT, TEXT_END, RODATA, RODATA_END, IDT, JUMPS, JUMPS_END, CALLS, CALLS_END, TRAMPOLINES,
	TRAMPOLINES_END, FTRACE_PAGES, FTRACE_CALL, FTRACE_REGS_CALL, EACH_SYMBOL,
	TEXT_MUTEX, NAMES
};

static const char *const names[NAMES] = {
	[TEXT] = "_text",
	[TEXT_END] = "_etext",
	[RODATA] = "__start_rodata",
	[RODATA_END] = "__end_rodata",
	[IDT] = "idt_table",
	[JUMPS] = "__start___jump_table",
	[JUMPS_END] = "__stop___jump_table",
	[CALLS] = "__start_static_call_sites",
	[CALLS_END] = "__stop_static_call_sites",
	[TRAMPOLINES] = "__static_call_text_start",
	[TRAMPOLINES_END] = "__static_call_text_end",
	[FTRACE_PAGES] = "ftrace_pages_start",
	[FTRACE_CALL] = "ftrace_call",
	[FTRACE_REGS_CALL] = "ftrace_regs_call",
	[EACH_SYMBOL] = "kallsyms_on_each_symbol",
	[TEXT_MUTEX] = "text_mutex",
};

static unsigned long at[NAMES];

static int find_names(void)
{
	unsigned int i;

	for (i = 0; i < NAMES; i++) {
		at[i] = lookup(names[i]);
		if (!at[i]) {
			pr_err("integrity: this kernel has no %s: not locked down\n", names[i]);
			return -ENOENT;
		}
	}
	return 0;
}

/* ---- functions ---------------------------------------------------------------- */

/* Where the text's functions begin, from its start on. VTL1 reads them where they are; the pages stay frozen. */
static u32 *functions;
static size_t function_count;
#define FUNCTIONS_BYTES (1u << 20)

static int add_function(unsigned long address)
{
	if (address < at[TEXT] || address >= at[TEXT_END])
		return 0;
	if (function_count == FUNCTIONS_BYTES / sizeof(*functions))
		return -ENOSPC;
	functions[function_count++] = (u32)(address - at[TEXT]);
	return 0;
}

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
static int see_symbol(void *unused, const char *name, struct module *mod, unsigned long address)
#else
static int see_symbol(void *unused, const char *name, unsigned long address)
#endif
{
	return add_function(address);
}

static int compare(const void *a, const void *b)
{
	return *(const u32 *)a < *(const u32 *)b ? -1 : *(const u32 *)a > *(const u32 *)b;
}

static int find_functions(void)
{
	int (*each)(typeof(&see_symbol) see, void *data) = (void *)at[EACH_SYMBOL];
	int err;

	functions = (void *)__get_free_pages(GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN, get_order(FUNCTIONS_BYTES));
	if (!functions)
		return -ENOMEM;
	err = each(see_symbol, NULL);
	sort(functions, function_count, sizeof(*functions), compare, NULL);
	return err;
}

/* ---- messages ------------------------------------------------------------ */

static struct openvbs_page *page;

static int send(u32 op, u32 types, const struct ovbs_param *first, const struct ovbs_param *second)
{
	int err;

	openvbs_msg_begin(&page->msg, op, 0, 0);
	page->msg.types = types;
	if (first)
		page->msg.param[0] = *first;
	if (second)
		page->msg.param[1] = *second;
	err = openvbs_exchange(page, sizeof(*page), false);
	if (err)
		return err;
	if (page->msg.result != OVBS_OK)
		pr_err("integrity: VTL1 refuses message %u: %#x\n", op, page->msg.result);
	return openvbs_result_errno(page->msg.result);
}

#define TWO_VALUES OVBS_PARAM_TYPES(OVBS_PARAM_VALUE_IN, OVBS_PARAM_VALUE_IN, 0, 0)

static int freeze(u64 gpa, u64 pages, enum ovbs_freeze how)
{
	while (pages) {
		u64 n = min_t(u64, pages, FREEZE_PAGES);
		const struct ovbs_param range = { gpa, n }, rights = { how, 0 };
		int err = send(OVBS_MSG_FREEZE, TWO_VALUES, &range, &rights);

		if (err) {
			pr_err("integrity: %llu pages at %llx can't be frozen\n", n, gpa);
			return err;
		}
		gpa += n << PAGE_SHIFT;
		pages -= n;
	}
	return 0;
}

static int send_sites(enum ovbs_sites kind, unsigned long va, u64 bytes)
{
	const struct ovbs_param where = { kind, va }, what = { bytes, 0 };

	return send(OVBS_MSG_SITES, TWO_VALUES, &where, &what);
}

static int send_table(enum ovbs_sites kind, unsigned long va, u64 bytes, unsigned int entry)
{
	const u64 most = OVBS_SITES_BYTES / entry * entry;
	int err = 0;

	report.sites_sent += bytes / entry;
	for (; bytes && !err; bytes -= min(bytes, most)) {
		err = send_sites(kind, va, min(bytes, most));
		va += most;
	}
	return err;
}

/* ---- pages ----------------------------------------------------------------- */

/* A run of pages with the same rights; collected, so that there are few messages. */
struct run {
	u64 from, to;
	enum ovbs_freeze how;
	bool dry; /* only look */
	u64 pages;
};

static int flush(struct run *r)
{
	u64 pages = (r->to - r->from) >> PAGE_SHIFT;
	int err = r->dry || !pages ? 0 : freeze(r->from, pages, r->how);

	r->pages += pages;
	r->from = r->to;
	return err;
}

static int add(struct run *r, u64 gpa, u64 bytes)
{
	int err = 0;

	if (gpa != r->to) {
		err = flush(r);
		r->from = gpa;
	}
	r->to = gpa + bytes;
	return err;
}

/* Executable as it is: it is the hypervisor's, and no memory of the kernel's. */
static u64 hypercall_page;

/* Every page below @table that the kernel may execute, by address. @level: 1 is the page table. */
static int walk(struct run *r, const u64 *table, unsigned int level, unsigned int first)
{
	u64 size = 1ULL << (PAGE_SHIFT + 9 * (level - 1));
	unsigned int i;
	int err = 0;

	for (i = first; i < PTRS_PER_PTE && !err; i++) {
		u64 e = READ_ONCE(table[i]);
		u64 gpa = e & TABLE_ADDR & ~(size - 1);

		if (!(e & _PAGE_PRESENT) || (e & _PAGE_NX) || gpa == hypercall_page)
			continue;
		if (level > 1 && !(e & _PAGE_PSE)) {
			err = walk(r, phys_to_virt(e & TABLE_ADDR), level - 1, 0);
		} else if (e & _PAGE_RW) {
			pr_err("integrity: the page at %llx is writable and executable: not locked down\n", gpa);
			err = -EPERM;
		} else if (!(e & _PAGE_USER)) {
			err = add(r, gpa, size);
		}
	}
	return err;
}

static int code(bool dry)
{
	struct run r = { .how = OVBS_FREEZE_CODE, .dry = dry };
	unsigned int levels = native_read_cr4() & CR4_5_LEVELS ? 5 : 4;
	efi_memory_desc_t *md;
	int err = walk(&r, phys_to_virt(__read_cr3() & TABLE_ADDR), levels, PTRS_PER_PTE / 2) ?: flush(&r);

	/* Firmware's code has tables of its own (efi_mm). */
	if (!err && efi_enabled(EFI_MEMMAP))
		for_each_efi_memory_desc(md)
			if (!err && md->type == EFI_RUNTIME_SERVICES_CODE)
				err = add(&r, md->phys_addr, md->num_pages << PAGE_SHIFT);
	err = err ?: flush(&r);
	report.code_pages = r.pages;
	return err;
}

/* What the kernel itself maps read-only there; the rest of a large page may be in use for something else. */
static int constants(struct run *r, unsigned long va, unsigned long end)
{
	int err = 0;

	for (; va < end && !err; va += PAGE_SIZE) {
		unsigned int level;
		const pte_t *pte = lookup_address(va, &level);

		if (pte && pte_present(*pte) && !pte_write(*pte))
			err = add(r, slow_virt_to_phys((void *)va), PAGE_SIZE);
	}
	return err;
}

static int data(void)
{
	struct run r = { .how = OVBS_FREEZE_DATA };
	int err = constants(&r, at[RODATA], at[RODATA_END]) ?: flush(&r);

	/* The kernel uses the IDT by a read-only alias; this one is the table itself. */
	err = err ?: add(&r, slow_virt_to_phys((void *)at[IDT]), PAGE_SIZE) ?: flush(&r);
	err = err ?: add(&r, virt_to_phys(functions), FUNCTIONS_BYTES) ?: flush(&r);
	report.data_pages = r.pages;
	return err;
}

/* ---- sites ------------------------------------------------------------------ */

static int ftrace_sites(void)
{
	const struct ftrace_page_head *p = *(struct ftrace_page_head **)at[FTRACE_PAGES];
	int err = 0;

	for (; p && !err; p = p->next) {
		if (p->index < 0 || p->index > (int)(PAGE_SIZE << 10)) {
			pr_err("integrity: ftrace's records are not where they should be\n");
			return -EPROTO;
		}
		if (p->index)
			err = send_table(OVBS_SITES_FTRACE, (unsigned long)p->records, (u64)p->index * FTRACE_RECORD, FTRACE_RECORD);
	}
	return err;
}

static int sites(void)
{
	return send_sites(OVBS_SITES_TEXT, at[TEXT], at[TEXT_END] - at[TEXT]) ?:
	       send_sites(OVBS_SITES_FUNCTIONS, (unsigned long)functions, function_count * sizeof(*functions)) ?:
	       send_table(OVBS_SITES_JUMPS, at[JUMPS], at[JUMPS_END] - at[JUMPS], JUMP_BYTES) ?:
	       send_table(OVBS_SITES_STATIC_CALLS, at[CALLS], at[CALLS_END] - at[CALLS], CALL_BYTES) ?:
	       send_sites(OVBS_SITES_TRAMPOLINES, at[TRAMPOLINES], at[TRAMPOLINES_END] - at[TRAMPOLINES]) ?:
	       ftrace_sites() ?:
	       send_sites(OVBS_SITES_TRACER, at[FTRACE_CALL], 5) ?:
	       send_sites(OVBS_SITES_TRACER, at[FTRACE_REGS_CALL], 5);
}

/* After lockdown VTL1 pins the registers of each CPU when it sees it. */
static void enter_vtl1(void *unused)
{
	openvbs_vtl_call(0, 0); /* no operation: not the message that happens to be in this CPU's page */
}

/* Nobody patches between the table of sites and lockdown, and no CPU comes or goes. */
static int lock_down(void)
{
	struct mutex *text = (struct mutex *)at[TEXT_MUTEX];
	int err;

	if (rdmsrl_safe(HV_X64_MSR_HYPERCALL, &hypercall_page))
		return -ENODEV;
	hypercall_page &= PAGE_MASK;
	cpus_read_lock();
	mutex_lock(text);
	err = code(true) ?: code(false) ?: data() ?: sites() ?: send(OVBS_MSG_LOCKDOWN, 0, NULL, NULL);
	if (!err)
		on_each_cpu(enter_vtl1, NULL, 1);
	mutex_unlock(text);
	cpus_read_unlock();
	return err;
}

void openvbs_integrity_start(void)
{
	int err;

	if (!integrity)
		return;
	report.state = "not locked down";
	if (!openvbs_vtl_there()) {
		pr_err("integrity: there is no VTL1: not locked down\n");
		return;
	}
	page = (void *)get_zeroed_page(GFP_KERNEL);
	err = page ? find_lookup() ?: find_names() ?: find_functions() ?: lock_down() : -ENOMEM;
	free_page((unsigned long)page);
	if (err) {
		pr_err("integrity: %d: not locked down\n", err);
		return;
	}
	report.state = "locked down";
	pr_info("integrity: locked down: %llu pages of code, %llu of constants, %llu places in tables that may be patched\n",
		report.code_pages, report.data_pages, report.sites_sent);
}

int openvbs_integrity_show(struct seq_file *m, void *unused)
{
	seq_printf(m, "State: %s\nCodePages: %llu\nConstantPages: %llu\nSites: %llu\n", report.state,
		   report.code_pages, report.data_pages, report.sites_sent);
	return 0;
}
