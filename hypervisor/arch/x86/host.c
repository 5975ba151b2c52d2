// SPDX-License-Identifier: GPL-2.0-only
/*
 * Host page tables, descriptor tables and exceptions.
 *
 * All CPUs share the tables under PML4 entry 511 (image and shared pool, as the
 * loader mapped them: text R-X, the rest without X); entry 510 is the CPU's own
 * private window. Nothing else is mapped: no guest memory but one page at a
 * time while it is read.
 */
#include "arch/x86/host.h"

#include <ovbs_errno.h>
#include <ovbs_string.h>

#include "arch/contract.h"
#include "arch/x86/apic.h"
#include "arch/x86/layout.h"
#include "core/log.h"
#include "core/vtl.h"
#include "mm/pool.h"

_Static_assert(PRIVATE_STACK_TOP == HV_PRIVATE_VA + (PRIV_STACK + PRIV_STACK_PAGES) * PAGE_SIZE, "layout.h");

#define HOST_PTE (PTE_P | PTE_RW | PTE_NX | PTE_A | PTE_D)
#define HOST_DIR (PTE_P | PTE_RW | PTE_A)

#define CR0_HOST (CR0_PE | CR0_ET | CR0_NE | CR0_WP | CR0_PG)

#define PML4_PRIVATE 510
#define PML4_SHARED  511

struct idt_entry {
	uint16_t offset_low, selector;
	uint8_t ist, type;
	uint16_t offset_mid;
	uint32_t offset_high, reserved;
} __attribute__((packed));

struct descriptor_ptr {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

struct host_frame {
	uint64_t rax, rcx, rdx, rbx, rbp, rsi, rdi;
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t vector, error;
	uint64_t rip, cs, rflags, rsp, ss;
};

/* An NMI at [from, to) goes on at go_on: the host was about to sleep or to run VTL0, and has to look again. */
struct nmifix_entry {
	uint64_t from, to, go_on;
};

struct extable_entry {
	uint64_t at, go_on;
};

/* Hidden: in this image, so no address of theirs has to be looked up in a table. */
#define IN_IMAGE extern __attribute__((visibility("hidden")))

IN_IMAGE const struct extable_entry extable_start[], extable_end[];
IN_IMAGE const char exception_entries[];
IN_IMAGE const struct nmifix_entry nmifix_start[], nmifix_end[];
void load_segments(const struct descriptor_ptr *gdtr);
void host_exception(struct host_frame *f);

static struct idt_entry idt[32], boot_idt[32];
static const struct gdt boot_gdt = {
	.code = 0x00AF9B000000FFFF, /* 64-bit code, present, accessed, DPL 0 */
	.data = 0x00CF93000000FFFF,
};

static void set_gate(struct idt_entry *e, unsigned int vector, uint8_t ist)
{
	uint64_t at = (uint64_t)exception_entries + vector * EXCEPTION_ENTRY_SIZE;

	*e = (struct idt_entry){
		.offset_low = (uint16_t)at,
		.offset_mid = (uint16_t)(at >> 16),
		.offset_high = (uint32_t)(at >> 32),
		.selector = HOST_CS,
		.ist = ist,
		.type = 0x8E, /* interrupt gate, present */
	};
}

void host_prepare(void)
{
	for (unsigned int i = 0; i < 32; i++) {
		set_gate(&boot_idt[i], i, 0);
		set_gate(&idt[i], i, i == VEC_NMI ? 1 : i == VEC_DF ? 2 : i == VEC_MC ? 3 : 0);
	}
}

static void load_idt(const void *table)
{
	struct descriptor_ptr p = { sizeof(idt) - 1, (uint64_t)table };

	asm volatile("lidt %0" : : "m"(p));
}

void host_load_boot_tables(void)
{
	struct descriptor_ptr p = { sizeof(boot_gdt) - 1, (uint64_t)&boot_gdt };

	load_segments(&p);
	load_idt(boot_idt);
}

/* Pages of the private part go to these window pages, in this order. */
static const struct {
	uint8_t page, count;
} private_map[] = {
	{ PRIV_CPU, PRIV_CPU_PAGES },     { PRIV_STACK, PRIV_STACK_PAGES },
	{ PRIV_IST_NMI, PRIV_IST_PAGES }, { PRIV_IST_DF, PRIV_IST_PAGES },
	{ PRIV_IST_MC, PRIV_IST_PAGES },  { PRIV_ARCH, PRIV_ARCH_PAGES },
};

struct spa private_page_spa(uint32_t cpu, unsigned int window_page)
{
	unsigned int nth = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(private_map); i++) {
		if (window_page >= private_map[i].page &&
		    window_page < private_map[i].page + private_map[i].count)
			return private_spa(cpu, nth + window_page - private_map[i].page);
		nth += private_map[i].count;
	}
	hv_panic("no private page %u", window_page);
}

/* Where the shared pool's copy of each CPU's private page table is, for struct cpu. */
static uint64_t *private_tables[OVBS_MAX_CPUS];
static uint64_t *host_roots[OVBS_MAX_CPUS];

static uint64_t *table_at(uint64_t table_spa)
{
	return (uint64_t *)(table_spa - block_start().v + HV_VA_BASE);
}

static uint64_t dir_entry(const void *table)
{
	return shared_spa(table).v | HOST_DIR;
}

uint64_t host_prepare_cpu(uint32_t index, uint64_t loader_root, bool la57)
{
	uint64_t *root = pool_pages(1), *pdpt = pool_pages(1), *pd = pool_pages(1), *pt = pool_pages(1);
	uint64_t *pml4 = root;

	if (!root || !pdpt || !pd || !pt)
		return 0;
	memcpy(root, table_at(loader_root), PAGE_SIZE);
	if (la57) {
		pml4 = pool_pages(1);
		if (!pml4)
			return 0;
		memcpy(pml4, table_at(root[511] & PTE_ADDR), PAGE_SIZE);
		root[511] = dir_entry(pml4);
	}
	pml4[PML4_PRIVATE] = dir_entry(pdpt);
	pdpt[0] = dir_entry(pd);
	pd[0] = dir_entry(pt);
	for (unsigned int i = 0; i < ARRAY_SIZE(private_map); i++)
		for (unsigned int j = 0; j < private_map[i].count; j++) {
			unsigned int page = private_map[i].page + j;

			pt[page] = private_page_spa(index, page).v | HOST_PTE;
		}
	private_tables[index] = pt;
	host_roots[index] = root;
	return shared_spa(root).v;
}

void host_control_registers(uint64_t cr4)
{
	struct cpuid_regs f = cpuid(7, 0);

	cr4 |= CR4_PAE | CR4_MCE | (read_cr4() & CR4_LA57);
	cr4 |= f.ebx & (1u << 7) ? CR4_SMEP : 0;
	cr4 |= f.ebx & (1u << 20) ? CR4_SMAP : 0;
	cr4 |= f.ecx & (1u << 2) ? CR4_UMIP : 0;
	write_cr0(CR0_HOST | (read_cr0() & (CR0_CD | CR0_NW)));
	write_cr4(cr4);
}

static void init_tss(struct cpu *c)
{
	uint64_t at = (uint64_t)&c->tss;
	struct descriptor_ptr p = { sizeof(c->gdt) - 1, (uint64_t)&c->gdt };

	c->tss.ist[0] = HV_PRIVATE_VA + (PRIV_IST_NMI + PRIV_IST_PAGES) * PAGE_SIZE;
	c->tss.ist[1] = HV_PRIVATE_VA + (PRIV_IST_DF + PRIV_IST_PAGES) * PAGE_SIZE;
	c->tss.ist[2] = HV_PRIVATE_VA + (PRIV_IST_MC + PRIV_IST_PAGES) * PAGE_SIZE;
	c->tss.iomap_base = sizeof(struct tss);
	c->gdt = boot_gdt;
	c->gdt.tss_low = (sizeof(struct tss) - 1) | (at & 0xFFFFFF) << 16 | 0x89ULL << 40 |
			 (at >> 24 & 0xFF) << 56;
	c->gdt.tss_high = at >> 32;
	load_segments(&p);
	asm volatile("ltr %w0" : : "r"(HOST_TR));
	asm volatile("lldt %w0" : : "r"(0));
}

void host_enter_cpu(void)
{
	struct cpu *c = this_cpu;
	uint64_t *root = host_roots[c->index];

	init_tss(c);
	load_idt(idt);
	c->private_pt = private_tables[c->index];
	for (unsigned int i = 0; i < PML4_PRIVATE; i++)
		root[i] = 0;
	if (read_cr4() & CR4_LA57)
		root[PML4_PRIVATE] = 0;
	write_cr3(read_cr3());
}

void host_map_apic(uint64_t base)
{
	this_cpu->private_pt[PRIV_APIC] = base | HOST_PTE | PTE_PCD | PTE_PWT;
	invlpg(PRIVATE_ADDR(PRIV_APIC));
}

void host_map_assist(struct spa page)
{
	this_cpu->private_pt[PRIV_ASSIST] = page.v ? page.v | HOST_PTE : 0;
	invlpg(PRIVATE_ADDR(PRIV_ASSIST));
}

uint64_t host_vtl1_cr4(void)
{
	return (read_cr4() & (CR4_SMEP | CR4_SMAP | CR4_UMIP)) | CR4_PAE | CR4_MCE | CR4_PGE |
	       CR4_OSFXSR | CR4_OSXMMEXCPT;
}

static void *guest_window(uint64_t g, uint64_t rights)
{
	this_cpu->private_pt[PRIV_GUEST_WINDOW] = (g & PTE_ADDR) | PTE_P | PTE_NX | PTE_A | rights;
	invlpg(PRIVATE_ADDR(PRIV_GUEST_WINDOW));
	return (char *)PRIVATE_ADDR(PRIV_GUEST_WINDOW) + (g & ~PAGE_MASK);
}

static void guest_window_close(void)
{
	this_cpu->private_pt[PRIV_GUEST_WINDOW] = 0;
	invlpg(PRIVATE_ADDR(PRIV_GUEST_WINDOW));
}

static void window_read(uint64_t g, void *buf, size_t n)
{
	memcpy(buf, guest_window(g, 0), n);
	guest_window_close();
}

/*
 * VTL0 finds zeros in the block and in hidden registers; so does the hypervisor on its behalf.
 * It reads RAM and MMIO up to the end of what is mapped at the start,
 * which VTL0 could read itself, but for what VTL1 took from it. Under the
 * lock: what is read was VTL0's to read, not what VTL1 put there since.
 */
static int read_vtl0(uint64_t g, void *buf, size_t n)
{
	struct slat *s = &vtl0_slat;
	int err = 0;

	if (g >= s->eager_end)
		return -EFAULT;
	lock_take(&s->lock);
	if (block_has(g, n) || slat_hidden(s, gpa(g)))
		memset(buf, 0, n);
	else if (!(slat_rights(s, gpa(g)) & SLAT_R) || (g & PAGE_MASK) == apic_page())
		err = -EFAULT;
	else
		window_read(g, buf, n);
	lock_release(&s->lock);
	return err;
}

int host_read_guest(void *ctx, uint64_t g, void *buf, size_t n)
{
	const struct vcpu *v = ctx;

	if (n > PAGE_SIZE - (g & ~PAGE_MASK))
		return -EFAULT;
	if (!v->vtl)
		return read_vtl0(g, buf, n);
	if (!vtl1_owns(g, n))
		return -EFAULT;
	window_read(g, buf, n);
	return 0;
}

int host_write_guest(struct vcpu *v, uint64_t g, const void *buf, size_t n)
{
	struct slat *s = &vtl0_slat;
	int err = 0;

	if (n > PAGE_SIZE - (g & ~PAGE_MASK))
		return -EFAULT;
	if (v->vtl) {
		if (!vtl1_owns(g, n))
			return -EFAULT;
		memcpy(guest_window(g, PTE_RW | PTE_D), buf, n);
		guest_window_close();
		return 0;
	}
	/* Under the lock, so that a page can't be taken away in between. */
	lock_take(&s->lock);
	if (!vtl0_ram(g, n) || !(slat_rights(s, gpa(g)) & SLAT_W)) {
		err = -EFAULT;
	} else {
		memcpy(guest_window(g, PTE_RW | PTE_D), buf, n);
		guest_window_close();
	}
	lock_release(&s->lock);
	return err;
}

/* The window on @at's page; closed by window_close(). A register that crosses a page does not exist. */
static volatile void *window_open(uint64_t at, unsigned int size)
{
	uint64_t off = at & ~PAGE_MASK;

	hv_assert(off + size <= PAGE_SIZE && !block_has(at, size));
	this_cpu->private_pt[PRIV_MMIO] = (at & PTE_ADDR) | HOST_PTE | PTE_PCD | PTE_PWT;
	invlpg(PRIVATE_ADDR(PRIV_MMIO));
	return (char *)PRIVATE_ADDR(PRIV_MMIO) + off;
}

static void window_close(void)
{
	this_cpu->private_pt[PRIV_MMIO] = 0;
	invlpg(PRIVATE_ADDR(PRIV_MMIO));
}

uint32_t host_mmio_read(uint64_t at, unsigned int size)
{
	volatile void *p = window_open(at, size);
	uint32_t v = size == 1 ? *(volatile uint8_t *)p :
		     size == 2 ? *(volatile uint16_t *)p :
				 *(volatile uint32_t *)p;

	window_close();
	return v;
}

void host_mmio_write(uint64_t at, unsigned int size, uint32_t value)
{
	volatile void *p = window_open(at, size);

	if (size == 1)
		*(volatile uint8_t *)p = (uint8_t)value;
	else if (size == 2)
		*(volatile uint16_t *)p = (uint16_t)value;
	else
		*(volatile uint32_t *)p = value;
	window_close();
}

void host_mmio_write64(uint64_t at, uint64_t value)
{
	*(volatile uint64_t *)window_open(at, 8) = value;
	window_close();
}

static bool fix_up(struct host_frame *f)
{
	for (const struct extable_entry *e = extable_start; e < extable_end; e++)
		if (e->at == f->rip) {
			f->rip = e->go_on;
			return true;
		}
	return false;
}

void host_exception(struct host_frame *f)
{
	switch (f->vector) {
	case VEC_NMI:
		if (!hv_prepared) /* the firmware's; it is off the machine for microseconds only */
			return;
		this_cpu->nmi_seen = 1;
		for (const struct nmifix_entry *e = nmifix_start; e < nmifix_end; e++)
			if (f->rip >= e->from && f->rip < e->to)
				f->rip = e->go_on;
		return;
	case VEC_SX: /* an INIT, redirected (APM 2, 15.30.1) */
		this_cpu->init_seen = 1;
		return;
	case VEC_DB: /* only an emulator leaves VTL0's breakpoints armed in the host */
		write_dr7(0x400);
		f->rflags |= RFLAGS_RF;
		return;
	case VEC_GP:
		if (fix_up(f))
			return;
		break;
	default:
		break;
	}
	hv_panic("host exception %llu error %llx rip %llx rsp %llx cr2 %llx rax %llx rdi %llx",
		 (unsigned long long)f->vector, (unsigned long long)f->error,
		 (unsigned long long)f->rip, (unsigned long long)f->rsp, (unsigned long long)read_cr2(),
		 (unsigned long long)f->rax, (unsigned long long)f->rdi);
}
