// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lockdown: this module freezes all code that the kernel's page tables hold
 * now, as a loader of memory integrity would, and then tries what a kernel that
 * was taken over would: to write frozen pages and to execute others, by
 * mappings of its own. What is refused is judged by the physical page.
 */
#include <linux/efi.h>
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/ptrace.h>
#include <linux/sched/task_stack.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include <asm/io.h>
#include <asm/special_insns.h>

#include "vtl1.h"

#define ADDRESS  0x000FFFFFFFFFF000ULL
#define CR4_LA57 (1UL << 12)
#define RET      0xC3

static bool locked;

/* ---- freezing ---------------------------------------------------------- */

struct frozen {
	const struct vtl1 *v;
	u64 from, to; /* what is gathered, not sent yet */
	u64 pages, calls;
	u32 failed;
};

static u32 freeze(const struct vtl1 *v, u64 gpa, u64 pages, u64 how)
{
	vtl1_message(v->page, OVBS_MSG_FREEZE, 0, 0, OVBS_PARAM_TYPES(OVBS_PARAM_VALUE_IN, OVBS_PARAM_VALUE_IN, 0, 0));
	v->page->msg.param[0] = (struct ovbs_param){ gpa, pages };
	v->page->msg.param[1] = (struct ovbs_param){ how, 0 };
	return vtl1_send(v->page);
}

static u32 lockdown(const struct vtl1 *v)
{
	vtl1_message(v->page, OVBS_MSG_LOCKDOWN, 0, 0, 0);
	return vtl1_send(v->page);
}

static void send(struct frozen *f)
{
	while (f->from < f->to && !f->failed) {
		u64 n = min_t(u64, (f->to - f->from) >> PAGE_SHIFT, 512);

		f->failed = freeze(f->v, f->from, n, OVBS_FREEZE_CODE);
		f->from += n << PAGE_SHIFT;
		f->pages += n;
		f->calls++;
	}
}

static void gather(struct frozen *f, u64 at, u64 bytes)
{
	if (at != f->to) {
		send(f);
		f->from = at;
	}
	f->to = at + bytes;
}

/* Every leaf below @table that the kernel may execute. @level: 1 is the page table. */
static void walk(struct frozen *f, const u64 *table, unsigned int level, unsigned int first)
{
	u64 size = 1ULL << (PAGE_SHIFT + 9 * (level - 1));
	unsigned int i;

	for (i = first; i < 512 && !f->failed; i++) {
		u64 e = READ_ONCE(table[i]);

		if (!(e & PTE_P) || (e & PTE_NX))
			continue;
		if (level > 1 && !(e & PTE_PS))
			walk(f, phys_to_virt(e & ADDRESS), level - 1, 0);
		else if (!(e & PTE_U))
			gather(f, e & ADDRESS & ~(size - 1), size);
	}
}

static void walk_kernel(struct frozen *f)
{
	unsigned int levels = native_read_cr4() & CR4_LA57 ? 5 : 4;

	walk(f, phys_to_virt(__read_cr3() & ADDRESS), levels, 256);
	send(f);
}

static void efi_code(struct frozen *f)
{
	efi_memory_desc_t *md;

	if (!efi_enabled(EFI_MEMMAP))
		return;
	for_each_efi_memory_desc(md)
	{
		if (md->type == EFI_RUNTIME_SERVICES_CODE)
			gather(f, md->phys_addr, md->num_pages << PAGE_SHIFT);
	}
	send(f);
}

/* ---- trying ------------------------------------------------------------ */

static void call_it(void *at)
{
	asm volatile("call *%0" : : "r"(at) : "memory", "cc");
}

/* @fn of the byte at @off in the page at @gpa, by a mapping of our own with these @rights. */
static const char *by_mapping(try_fn fn, u64 gpa, unsigned int off, u64 rights)
{
	struct caught c;
	struct space s;
	const char *o;

	if (space_make(&s))
		return "norun";
	s.table[0][1] = gpa | rights;
	o = try_here(&c, fn, (u8 *)SPACE_4K(1) + off, s.cr3);
	space_free(&s);
	return o;
}

static const char *execute(u64 gpa, unsigned int off)
{
	return by_mapping(call_it, gpa, off, PTE_P | PTE_A);
}

static void write_byte(void *at)
{
	WRITE_ONCE(*(u8 *)at, READ_ONCE(*(u8 *)at));
}

static const char *write_to(u64 gpa)
{
	return by_mapping(write_byte, gpa, 0x123, PTE_RW | PTE_NX);
}

/* Code of this module's that needs nothing but a stack. */
extern const u8 return_at_once[];
asm(".text\n"
    "return_at_once: .byte 0xC3\n");

static u64 text_gpa(const void *function)
{
	return slow_virt_to_phys((void *)function) & PAGE_MASK;
}

static void execute_rows(struct report *r)
{
	u8 *page = (void *)__get_free_page(GFP_KERNEL), *far = vmalloc(PAGE_SIZE);
	u8 on_stack[64];

	if (!page || !far)
		return;
	memset(page, RET, PAGE_SIZE);
	memset(far, RET, PAGE_SIZE);
	memset(on_stack, RET, sizeof(on_stack));
	barrier_data(on_stack);
	row(r, "lockdown_exec_page", execute(virt_to_phys(page), 0), "a page of the direct map");
	row(r, "lockdown_exec_vmalloc", execute((u64)vmalloc_to_pfn(far) << PAGE_SHIFT, 0), "set executable");
	row(r, "lockdown_exec_stack",
	    execute(slow_virt_to_phys(on_stack) & PAGE_MASK, offset_in_page(on_stack)), "the kernel's stack");
	row(r, "lockdown_exec_low", execute(0x1000, 0), "memory below 1 MiB");
	row(r, "lockdown_exec_mmio", execute(0xFED00000, 0), "a device's registers");
	free_page((unsigned long)page);
	vfree(far);
}

static void write_rows(struct report *r, u64 data)
{
	row(r, "lockdown_write_text", write_to(text_gpa((const void *)(unsigned long)_printk)), "of the kernel");
	row(r, "lockdown_write_module", write_to(text_gpa(execute_rows)), "of a module");
	row(r, "lockdown_write_data", write_to(data), "a page frozen as data");
	row(r, "lockdown_exec_data", execute(data, 0), "a page frozen as data");
	row(r, "lockdown_exec_text", execute(text_gpa(return_at_once), offset_in_page(return_at_once)),
	    "frozen code by another mapping");
}

static void set_cr0(void *value)
{
	asm volatile("mov %0, %%cr0" : : "r"(value) : "memory");
}

static void set_cr4(void *value)
{
	asm volatile("mov %0, %%cr4" : : "r"(value) : "memory");
}

static u64 cr0(void)
{
	u64 value;

	asm volatile("mov %%cr0, %0" : "=r"(value));
	return value;
}

/* What would let this kernel run programs' pages, write what is read-only to it, or be entered elsewhere. */
static void pin_rows(struct report *r)
{
	static const u32 msrs[] = { 0xC0000081, 0xC0000082, 0xC0000083, 0xC0000084, 0x176 };
	u64 cr4 = native_read_cr4(), was = cr0(), now;
	const char *o = "#GP", *kept = "ok";
	struct msr_try m;
	struct caught c;
	size_t i;

	row(r, "lockdown_cr0_wp", try_here(&c, set_cr0, (void *)(was & ~(1ULL << 16)), 0), "WP off");
	now = cr0();
	set_cr0((void *)was);
	row(r, "lockdown_cr0_kept", now == was ? "kept" : "changed", "%llx", now);
	row(r, "lockdown_cr4_smep", cr4 & 1ULL << 20 ? try_here(&c, set_cr4, (void *)(cr4 & ~(1ULL << 20)), 0) : "none", "SMEP off");
	row(r, "lockdown_cr4_pge", try_here(&c, set_cr4, (void *)(cr4 ^ 1ULL << 7), 0), "PGE toggled");
	set_cr4((void *)cr4);
	row(r, "lockdown_cr4_kept", native_read_cr4() == cr4 ? "kept" : "changed", "%llx", (u64)native_read_cr4());
	m = (struct msr_try){ 0xC0000080, msr_get(0xC0000080) & ~(1ULL << 11) };
	row(r, "lockdown_efer_nxe", try_here(&c, try_msr_set, &m, 0), "NXE off");
	for (i = 0; i < ARRAY_SIZE(msrs); i++) {
		const char *one;

		m = (struct msr_try){ msrs[i], msr_get(msrs[i]) };
		if (strcmp(try_here(&c, try_msr_set, &m, 0), "ok"))
			kept = "refused";
		m.value ^= 0x100;
		one = try_here(&c, try_msr_set, &m, 0);
		if (strcmp(one, "#GP"))
			o = one;
	}
	row(r, "lockdown_msrs", o, "STAR, LSTAR, CSTAR, SFMASK, SYSENTER_EIP changed");
	row(r, "lockdown_msrs_same", kept, "written as they are");
}

/* A kernel that was started without SMEP (clearcpuid=smep) would not be kept from programs' pages. */
static void no_smep_row(struct report *r, const struct vtl1 *v)
{
	u64 cr4 = native_read_cr4();
	unsigned long flags;
	u32 result;

	local_irq_save(flags);
	set_cr4((void *)(cr4 & ~(1ULL << 20)));
	result = lockdown(v);
	set_cr4((void *)cr4);
	local_irq_restore(flags);
	row(r, "lockdown_no_smep", result_name(result) ?: "undocumented", "CR4 %llx", cr4);
}

/* Freeze all code, and the page at @data as data; then lockdown. */
static bool lock(struct report *r, const struct vtl1 *v, const char *name, u64 data)
{
	struct frozen f = { .v = v };
	char freezing[32];
	u32 result;

	walk_kernel(&f);
	efi_code(&f);
	if (!f.failed)
		f.failed = freeze(v, data, 1, OVBS_FREEZE_DATA);
	scnprintf(freezing, sizeof(freezing), "%s_freeze", name);
	row(r, freezing, result_name(f.failed) ?: "undocumented", "%llu pages of code by %llu calls", f.pages, f.calls);
	if (f.failed)
		return false;
	result = lockdown(v);
	row(r, name, result_name(result) ?: "undocumented", "-");
	locked = result == OVBS_OK;
	return locked;
}

static void run_lockdown(struct report *r)
{
	u8 *data = (void *)__get_free_page(GFP_KERNEL), *later = (void *)get_zeroed_page(GFP_KERNEL);
	struct vtl1 v;

	if (!data || !later || !vtl1_begin(r, &v, "lockdown"))
		return;
	memset(data, RET, PAGE_SIZE);
	row(r, "lockdown_before", execute(virt_to_phys(data), 0), "a page of the direct map");
	no_smep_row(r, &v);
	if (!lock(r, &v, "lockdown", virt_to_phys(data)))
		return;
	execute_rows(r);
	write_rows(r, virt_to_phys(data));
	pin_rows(r);
	row(r, "lockdown_twice", result_name(lockdown(&v)) ?: "undocumented", "-");
	row(r, "lockdown_freeze_later",
	    result_name(freeze(&v, virt_to_phys(later), 1, OVBS_FREEZE_CODE)) ?: "undocumented", "-");
	row(r, "lockdown_exec_later", execute(virt_to_phys(later), 0), "what was not frozen");
	vtl1_message(v.page, OVBS_MSG_PROTECT, 0, 0, OVBS_PARAM_TYPES(OVBS_PARAM_VALUE_IN, 0, 0, 0));
	v.page->msg.param[0] = (struct ovbs_param){ virt_to_phys(later), 1 };
	row(r, "lockdown_protect", result_name(vtl1_send(v.page)) ?: "undocumented", "-");
	row(r, "lockdown_exec_protected", execute(virt_to_phys(later), 0), "what VTL0 gave up writing only");
	vtl_call(OVBS_VTL_RESET, 0);
	row(r, "lockdown_exec_reset", execute(virt_to_phys(later), 0), "after VTL0 reset VTL1's sessions");
	v.session = 0;
	row(r, "lockdown_alive", vtl1_alive(&v) ? "alive" : "silent", "last result %x", v.failed);
	vtl1_end(&v);
}

/* A program's code page, as the kernel may map it for itself: the program has just run it, after lockdown. */
static void run_lockdown_user(struct report *r)
{
	unsigned long ip = task_pt_regs(current)->ip;
	struct page *page;
	const u8 *bytes;
	unsigned int off;

	if (!locked) {
		row(r, "lockdown_exec_user", "none", "no lockdown before");
		return;
	}
	if (get_user_pages_fast(ip & PAGE_MASK, 1, 0, &page) != 1) {
		row(r, "lockdown_exec_user", "norun", "no page at %lx", ip);
		return;
	}
	bytes = page_address(page);
	for (off = 0; off < PAGE_SIZE && bytes[off] != RET; off++)
		;
	row(r, "lockdown_exec_user", off == PAGE_SIZE ? "norun" : execute(page_to_phys(page), off),
	    "RET of a program's page");
	put_page(page);
}

/*
 * A CPU that Linux gave away before is started in low memory that nobody froze:
 * with paging off there are no user and kernel addresses to be told apart by.
 */
static void run_lockdown_ap(struct report *r)
{
	u8 *data = (void *)get_zeroed_page(GFP_KERNEL);
	struct vtl1 v;
	int cpu;

	if (!data || !vtl1_begin(r, &v, "lockdown_ap"))
		return;
	cpu = ap_take();
	if (cpu < 0) {
		row(r, "lockdown_ap", "norun", "CPU %d", cpu);
		return;
	}
	if (!lock(r, &v, "lockdown_ap", virt_to_phys(data)))
		return;
	row(r, "lockdown_real_mode", ap_start(cpu, NULL, 0, 0), "code in low memory");
	row(r, "lockdown_ap_alive", vtl1_alive(&v) ? "alive" : "silent", "last result %x", v.failed);
}

const struct attack lockdown_attacks[] = {
	{ "lockdown", run_lockdown }, { "lockdown_user", run_lockdown_user }, { "lockdown_ap", run_lockdown_ap }, {}
};
