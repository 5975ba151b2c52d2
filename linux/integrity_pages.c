// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is frozen: every page that the kernel's own page tables let it execute,
 * and its constants, with those of modules. By those tables, not by symbols: they have modules, BPF,
 * trampolines and all, and know which parts of a large page are in use for
 * something else.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitmap.h>
#include <linux/efi.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/printk.h>
#include <asm/io.h>
#include <asm/msr.h>
#include <asm/special_insns.h>

#include <openvbs/tlfs.h>

#include "integrity.h"

#define FREEZE_PAGES 512u /* in one message */
#define TABLE_ADDR   0x000FFFFFFFFFF000ULL
#define CR4_5_LEVELS (1UL << 12)

static bool frozen;

bool integrity_frozen(void)
{
	return frozen;
}

static int freeze(u64 gpa, u64 pages, enum ovbs_freeze how)
{
	while (pages) {
		u64 n = min_t(u64, pages, FREEZE_PAGES);
		int err = integrity_send(OVBS_MSG_FREEZE, INTEGRITY_TWO_VALUES, (struct ovbs_param){ gpa, n },
					 (struct ovbs_param){ how, 0 });

		if (err) {
			pr_err("integrity: %llu pages at %llx can't be frozen\n", n, gpa);
			return err;
		}
		frozen = true;
		gpa += n << PAGE_SHIFT;
		pages -= n;
	}
	return 0;
}

/* Where the kernel's loader and others have their code: what was there at lockdown stays frozen, and stays. */
static unsigned long *frozen_modules;
#define MODULE_PAGES ((MODULES_END - MODULES_VADDR) >> PAGE_SHIFT)

int integrity_pages_alloc(void)
{
	frozen_modules = frozen_modules ?: kvcalloc(BITS_TO_LONGS(MODULE_PAGES), sizeof(*frozen_modules), GFP_KERNEL);
	return frozen_modules ? 0 : -ENOMEM;
}

void integrity_pages_free(void)
{
	kvfree(frozen_modules);
	frozen_modules = NULL;
}

notrace bool integrity_frozen_module_page(unsigned long address)
{
	return address >= MODULES_VADDR && address < MODULES_END &&
	       test_bit((address - MODULES_VADDR) >> PAGE_SHIFT, frozen_modules);
}

static void note(unsigned long address, u64 bytes)
{
	u64 off;

	for (off = 0; off < bytes; off += PAGE_SIZE)
		if (address + off >= MODULES_VADDR && address + off < MODULES_END)
			set_bit((address + off - MODULES_VADDR) >> PAGE_SHIFT, frozen_modules);
}

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

/*
 * Every page below @table, which maps from @va on, that the kernel may execute,
 * by address, from entry @first on. @level: 1 is the page table. @allowed:
 * writable and user, as far as the tables above allow them. Bounded by the depth.
 */
static int walk(struct run *r, const u64 *table, unsigned int level, unsigned int first, u64 va, u64 allowed)
{
	unsigned int shift = PAGE_SHIFT + 9 * (level - 1), i;
	u64 size = 1ULL << shift;
	int err = 0;

	for (i = first; i < PTRS_PER_PTE && !err; i++) {
		u64 e = READ_ONCE(table[i]), rights = e & allowed;
		u64 gpa = e & TABLE_ADDR & ~(size - 1), at = va | (u64)i << shift;

		if (!(e & _PAGE_PRESENT) || (e & _PAGE_NX) || gpa == hypercall_page)
			continue;
		if (level > 1 && !(e & _PAGE_PSE)) {
			err = walk(r, phys_to_virt(e & TABLE_ADDR), level - 1, 0, at, rights);
		} else if (rights & _PAGE_USER) {
			continue; /* SMEP holds it, and VTL1 holds SMEP */
		} else if (rights & _PAGE_RW) {
			pr_err("integrity: the page at %llx is writable and executable: not locked down\n", at);
			err = -EPERM;
		} else {
			err = add(r, gpa, size);
			if (!r->dry)
				note(at, size);
		}
	}
	return err;
}

static unsigned int levels(void)
{
	return native_read_cr4() & CR4_5_LEVELS ? 5 : 4;
}

static int walk_kernel(struct run *r)
{
	u64 base = ~0ULL << (PAGE_SHIFT + 9 * levels()); /* of the upper half, but for the entry's own bits */

	return walk(r, phys_to_virt(__read_cr3() & TABLE_ADDR), levels(), PTRS_PER_PTE / 2, base,
		    _PAGE_RW | _PAGE_USER);
}

/* The entry that maps @va, of a table of @level; 0 if none does. */
static u64 leaf(const u64 *table, unsigned int level, u64 va)
{
	for (;; level--) {
		u64 e = READ_ONCE(table[va >> (PAGE_SHIFT + 9 * (level - 1)) & (PTRS_PER_PTE - 1)]);

		if (!(e & _PAGE_PRESENT))
			return 0;
		if (level == 1 || (e & _PAGE_PSE))
			return e;
		table = phys_to_virt(e & TABLE_ADDR);
	}
}

/*
 * A region of firmware's code has its data, too: the tables that it runs by
 * (efi_mm) tell them apart, as its memory attributes table told Linux.
 */
static int add_region(struct run *r, const efi_memory_desc_t *md)
{
	const u64 *table = (const u64 *)((struct mm_struct *)integrity_at[EFI_TABLES])->pgd;
	u64 off, bytes = md->num_pages << EFI_PAGE_SHIFT;
	int err = 0;

	for (off = 0; off < bytes && !err; off += PAGE_SIZE) {
		u64 e = leaf(table, levels(), md->virt_addr + off);

		if (!e || (e & _PAGE_NX))
			continue;
		if (e & _PAGE_RW) {
			pr_err("integrity: firmware's page at %llx is writable and executable: not locked down\n",
			       md->phys_addr + off);
			return -EPERM;
		}
		err = add(r, md->phys_addr + off, PAGE_SIZE);
	}
	return err;
}

static int walk_firmware(struct run *r)
{
	efi_memory_desc_t *md;
	int err = 0;

	if (!efi_enabled(EFI_MEMMAP) || !efi_enabled(EFI_RUNTIME_SERVICES))
		return 0;
	for_each_efi_memory_desc(md)
		if (!err && md->type == EFI_RUNTIME_SERVICES_CODE && (md->attribute & EFI_MEMORY_RUNTIME))
			err = add_region(r, md);
	return err;
}

int integrity_code(bool dry, u64 *pages)
{
	struct run r = { .how = OVBS_FREEZE_CODE, .dry = dry };
	int err;

	if (rdmsrl_safe(HV_X64_MSR_HYPERCALL, &hypercall_page))
		return -ENODEV;
	hypercall_page &= PAGE_MASK;
	err = walk_kernel(&r) ?: walk_firmware(&r) ?: flush(&r);
	*pages = r.pages;
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

/* Its constants, and what is constant since its start; a module that is still starting has none of the second kind yet. */
static int of_module(struct run *r, const struct module *m)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
	const struct module_memory *ro = &m->mem[MOD_RODATA], *after = &m->mem[MOD_RO_AFTER_INIT];

	return constants(r, (unsigned long)ro->base, (unsigned long)ro->base + ro->size) ?:
	       constants(r, (unsigned long)after->base, (unsigned long)after->base + after->size);
#else
	const struct module_layout *l = &m->core_layout;

	return constants(r, (unsigned long)l->base + l->text_size, (unsigned long)l->base + l->ro_after_init_size);
#endif
}

static int see_module(struct module *m, void *r)
{
	return of_module(r, m);
}

int integrity_data(const void *own, u64 more, u64 *pages)
{
	struct run r = { .how = OVBS_FREEZE_DATA };
	int err = constants(&r, integrity_at[RODATA], integrity_at[RODATA_END]) ?:
		  integrity_each_module(see_module, &r); /* others may be on their way, to be refused and freed */

	/* The kernel uses the IDT by a read-only alias; this one is the table itself. */
	err = err ?: add(&r, slow_virt_to_phys((void *)integrity_at[IDT]), PAGE_SIZE);
	err = err ?: add(&r, __pa(own), more) ?: flush(&r);
	*pages = r.pages;
	return err;
}
