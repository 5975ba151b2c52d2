// SPDX-License-Identifier: GPL-2.0-only
/*
 * The CPUs of the secure kernel: see cpu.h.
 */
#include "cpu.h"

#include <ovbs_string.h>

#include "log.h"
#include "memory.h"

_Static_assert(sizeof(struct sk_cpu) <= SK_PAGE_CPU_COUNT * PAGE_SIZE, "the window");
_Static_assert(offsetof(struct sk_cpu, user) == SK_CPU_USER, "layout.h");
_Static_assert(offsetof(struct sk_cpu, stack) == SK_CPU_STACK, "layout.h");
_Static_assert(offsetof(struct sk_cpu, scratch) == SK_CPU_SCRATCH, "layout.h");
_Static_assert(offsetof(struct sk_cpu, error) == SK_CPU_ERROR, "layout.h");
_Static_assert(offsetof(struct sk_cpu, fault_address) == SK_CPU_FAULT, "layout.h");
_Static_assert(offsetof(struct sk_cpu, tss) + offsetof(struct sk_tss, rsp) == SK_CPU_RSP0, "layout.h");
_Static_assert(offsetof(struct user_regs, rip) == USER_RIP, "layout.h");
_Static_assert(offsetof(struct user_regs, rflags) == USER_RFLAGS, "layout.h");
_Static_assert(SK_STACK_TOP == SK_CPU_VA + (SK_PAGE_STACK + SK_PAGE_STACK_COUNT) * PAGE_SIZE, "layout.h");
_Static_assert(SK_IST_TOP == SK_CPU_VA + (SK_PAGE_IST + SK_PAGE_IST_COUNT) * PAGE_SIZE, "layout.h");
_Static_assert(SK_CODE_VA == SK_CPU_VA + SK_PAGE_CODE * PAGE_SIZE, "layout.h");

#define PDPT_SHARED 510
#define PDPT_WINDOW 511

#define GDT_BYTES (7 * 8)

struct gate {
	uint16_t offset_low, selector;
	uint8_t ist, type;
	uint16_t offset_mid;
	uint32_t offset_high, reserved;
} __attribute__((packed));

struct descriptor_ptr {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

static struct gate idt[SK_VECTORS];
static struct sk_cpu *all[OVBS_MAX_CPUS]; /* by the direct map, for the preparation only */
static uint64_t *shared_pd;               /* of the 1 GiB that all CPUs' tables have at SK_VA_BASE */

static void set_gate(unsigned int vector)
{
	uint64_t at = (uint64_t)sk_exception_entries + vector * SK_EXCEPTION_STRIDE;

	idt[vector] = (struct gate){
		.offset_low = (uint16_t)at,
		.offset_mid = (uint16_t)(at >> 16),
		.offset_high = (uint32_t)(at >> 32),
		.selector = SK_CS,
		/* Exceptions that must not trust the stack they find. */
		.ist = vector == VEC_DF || vector == VEC_MC || vector == VEC_NMI,
		.type = 0x8E,
	};
}

static uint64_t leaf(const void *page)
{
	return memory_gpa(page) | PTE_P | PTE_RW | PTE_NX | PTE_A | PTE_D;
}

static uint64_t dir(const void *table)
{
	return memory_gpa(table) | PTE_P | PTE_RW | PTE_A;
}

static void fill_descriptors(struct sk_cpu *c)
{
	uint64_t tss = SK_CPU_VA + offsetof(struct sk_cpu, tss);

	c->gdt[SK_CS / 8] = 0x00AF9B000000FFFF;
	c->gdt[SK_DS / 8] = 0x00CF93000000FFFF;
	c->gdt[USER_DS / 8] = 0x00CFF3000000FFFF;
	c->gdt[USER_CS / 8] = 0x00AFFB000000FFFF;
	c->gdt[SK_TR / 8] = (sizeof(struct sk_tss) - 1) | (tss & 0xFFFFFF) << 16 | 0x8BULL << 40 |
			    (tss >> 24 & 0xFF) << 56;
	c->gdt[SK_TR / 8 + 1] = tss >> 32;
	c->tss.rsp[0] = SK_STACK_TOP; /* sk_user_enter() replaces it */
	c->tss.ist[0] = SK_IST_TOP;
	c->tss.iomap_base = sizeof(struct sk_tss);
}

static void map_own(uint64_t *pt, unsigned int first, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		pt[first + i] = leaf(memory_boot_pages(1));
}

static void prepare(uint32_t index, const uint64_t *loader_pdpt)
{
	uint64_t *root = memory_boot_pages(1), *pdpt = memory_boot_pages(1);
	uint64_t *pd = memory_boot_pages(1), *pt = memory_boot_pages(1);
	struct sk_cpu *c = memory_boot_pages(SK_PAGE_CPU_COUNT);

	root[511] = dir(pdpt);
	pdpt[PDPT_SHARED] = loader_pdpt[PDPT_SHARED];
	pdpt[PDPT_WINDOW] = dir(pd);
	pd[0] = dir(pt);
	for (unsigned int i = 0; i < SK_PAGE_CPU_COUNT; i++)
		pt[SK_PAGE_CPU + i] = leaf((char *)c + i * PAGE_SIZE);
	map_own(pt, SK_PAGE_STACK, SK_PAGE_STACK_COUNT);
	map_own(pt, SK_PAGE_IST, SK_PAGE_IST_COUNT);
	map_own(pt, SK_PAGE_ASSIST, 1);
	c->index = index;
	c->window_pt = pt;
	c->pdpt = pdpt;
	c->root = memory_gpa(root);
	fill_descriptors(c);
	all[index] = c;
}

void cpus_prepare(const struct ovbs_sk_info *info)
{
	const uint64_t *loader_root = memory_at(read_cr3() & PTE_ADDR);
	const uint64_t *loader_pdpt = memory_at(loader_root[511] & PTE_ADDR);

	shared_pd = memory_at(loader_pdpt[PDPT_SHARED] & PTE_ADDR);
	for (unsigned int i = 0; i < SK_VECTORS; i++)
		set_gate(i);
	for (uint32_t i = 0; i < info->cpu_count; i++)
		prepare(i, loader_pdpt);
}

uint64_t cpu_root(uint32_t index)
{
	return all[index]->root;
}

static uint64_t control4(void)
{
	struct cpuid_regs f = cpuid(7, 0);

	return CR4_PAE | CR4_MCE | CR4_OSFXSR | CR4_OSXMMEXCPT | (f.ebx & (1u << 7) ? CR4_SMEP : 0) |
	       (f.ebx & (1u << 20) ? CR4_SMAP : 0) | (f.ecx & (1u << 2) ? CR4_UMIP : 0);
}

#define EFER_SK (EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE)
#define CR0_SK  (CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG)

struct hv_initial_vp_context cpu_context(uint32_t index)
{
	const struct hv_x64_segment_register data = { .limit = ~0u, .selector = SK_DS, .attributes = 0xC093 };

	return (struct hv_initial_vp_context){
		.rip = (uint64_t)sk_ap_start,
		.rsp = SK_STACK_TOP,
		.rflags = RFLAGS_FIXED,
		.cs = { .limit = ~0u, .selector = SK_CS, .attributes = 0xA09B },
		.ds = data,
		.es = data,
		.fs = data,
		.gs = data,
		.ss = data,
		.tr = { .base = SK_CPU_VA + offsetof(struct sk_cpu, tss),
			.limit = sizeof(struct sk_tss) - 1,
			.selector = SK_TR,
			.attributes = 0x008B },
		.ldtr = { .attributes = 0x0082 },
		.idtr = { .limit = sizeof(idt) - 1, .base = (uint64_t)idt },
		.gdtr = { .limit = GDT_BYTES - 1, .base = SK_CPU_VA + offsetof(struct sk_cpu, gdt) },
		.efer = EFER_SK,
		.cr0 = CR0_SK,
		.cr3 = cpu_root(index),
		.cr4 = control4(),
		.msr_cr_pat = 0x0007040600070406ULL,
	};
}

void cpu_load_tables(void)
{
	struct descriptor_ptr gdtr = { GDT_BYTES - 1, (uint64_t)sk_this_cpu->gdt };
	struct descriptor_ptr idtr = { sizeof(idt) - 1, (uint64_t)idt };

	sk_this_cpu->gdt[SK_TR / 8] &= ~(2ULL << 40); /* LTR wants it not busy, and sets that */
	asm volatile("lgdt %0\n"
		     "mov %w2, %%ds\n"
		     "mov %w2, %%es\n"
		     "mov %w2, %%fs\n"
		     "mov %w2, %%gs\n"
		     "mov %w2, %%ss\n"
		     "lidt %1\n"
		     "ltr %w3\n"
		     :
		     : "m"(gdtr), "m"(idtr), "r"(SK_DS), "r"(SK_TR)
		     : "memory");
	write_cr0(CR0_SK);
	write_cr4(control4());
}

void cpu_map_shared(const void *va, uint64_t gpa)
{
	uint64_t *e = &shared_pd[(uint64_t)va >> 21 & 511];

	if (*e || (uint64_t)va - SK_VA_BASE >= SK_VA_LIMIT)
		sk_panic("something is at %llx already", (unsigned long long)va);
	/* No CPU remembers that nothing was there (SDM 3, 4.10.2.3). */
	__atomic_store_n(e, gpa | PTE_P | PTE_RW | PTE_PS | PTE_NX | PTE_A | PTE_D, __ATOMIC_RELEASE);
}

void cpu_map_window(unsigned int page, uint64_t gpa, uint64_t rights)
{
	sk_this_cpu->window_pt[page] = rights ? gpa | rights | PTE_P | PTE_A | PTE_D : 0;
	invlpg((const void *)(SK_CPU_VA + page * PAGE_SIZE));
}
