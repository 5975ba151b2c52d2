// SPDX-License-Identifier: GPL-2.0-only
/*
 * A CPU of our own: Linux gives its highest CPUs away (CPU hotplug), they are
 * started by INIT and SIPI at ap_code.S in low memory, do what a script says
 * with paging off, and go back to Linux, which starts them by its own INIT and
 * SIPIs. Linux keeps the first MiB for such code and uses little of it; what
 * lay there is saved.
 */
#include <linux/cpu.h>
#include <linux/ioport.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "attack.h"

#define LOW_BYTES 0x4000
#define AP_GDT    0x1000
#define AP_IDT    0x1100
#define AP_TSS0   0x1400
#define AP_TSS1   0x1500
#define AP_HEAD   0x3000
#define AP_OPS    0x3020
#define AP_MAX    ((LOW_BYTES - AP_OPS) / sizeof(struct ap_op))
#define WAIT_MS   1000

extern const u8 ap_code[], ap_code_end[], ap_code_protected[], ap_code_far[], ap_code_stubs[],
	ap_code_task[], ap_code_esp[], ap_gdtr[], ap_idtr[];

struct head {
	u32 count, starts, alive, nmis, done, current_op;
};

static u32 base; /* where the code runs, physical */
static u8 *low;  /* the same, mapped */
static u8 *saved;

static struct head *head(void)
{
	return (struct head *)(low + AP_HEAD);
}

static bool find_low(void)
{
	if (low)
		return true;
	for (base = 0x10000; base < 0x90000; base += 0x10000) {
		if (region_intersects(base, LOW_BYTES, IORESOURCE_SYSTEM_RAM, IORES_DESC_NONE) ==
		    REGION_INTERSECTS) {
			low = phys_to_virt(base);
			saved = kmemdup(low, LOW_BYTES, GFP_KERNEL);
			return saved;
		}
	}
	return false;
}

int ap_take(void)
{
	int cpu, last = cpumask_last(cpu_present_mask);

	if (!last || !find_low())
		return -ENODEV;
	for (cpu = last; cpu > 0; cpu--) {
		int err = cpu_online(cpu) ? remove_cpu(cpu) : 0;

		if (err)
			return err;
	}
	return last;
}

int ap_give_back(int last)
{
	int cpu, err = 0;

	lapic_send(lapic_id(last), ICR_INIT | ICR_ASSERT);
	wait_ms(2);
	lapic_clear_errors();
	memcpy(low, saved, LOW_BYTES);
	for (cpu = 1; cpu <= last; cpu++)
		err = add_cpu(cpu) ?: err;
	return err;
}

static u32 at(const u8 *symbol)
{
	return base + (u32)(symbol - ap_code);
}

static void put32(const u8 *symbol, u32 v)
{
	memcpy(low + (symbol - ap_code), &v, sizeof(v));
}

static u64 descriptor(u32 start, u32 limit, u32 access)
{
	return (limit & 0xFFFF) | (u64)(start & 0xFFFFFF) << 16 | (u64)(access & 0xFF) << 40 |
	       (u64)(limit >> 16 & 0xF) << 48 | (u64)(access >> 8 & 0xF) << 52 | (u64)(start >> 24) << 56;
}

/* A 32-bit TSS (APM 2, figure 12-2): ESP0, then CR3 to GS at their places. */
static void fill_tss(u32 *tss)
{
	u32 i;

	memset(tss, 0, 0x68);
	tss[1] = tss[14] = base + AP_HEAD; /* ESP0, ESP */
	tss[2] = 0x10;                     /* SS0 */
	tss[8] = at(ap_code_task);         /* EIP */
	tss[9] = 2;                        /* EFLAGS */
	for (i = 18; i <= 23; i++)         /* ES CS SS DS FS GS */
		tss[i] = i == 19 ? 0x08 : 0x10;
	tss[25] = 0x68 << 16;
}

void ap_load(const struct ap_op *ops, size_t n, u32 tss_at)
{
	u64 *gdt = (u64 *)(low + AP_GDT), *idt = (u64 *)(low + AP_IDT);
	unsigned int v;

	if (WARN_ON(n > AP_MAX))
		n = AP_MAX;
	/* the code is laid over itself: a CPU that should have been stopped and still counts does no harm */
	memcpy(low, ap_code, ap_code_end - ap_code);
	memset(low + AP_GDT, 0, LOW_BYTES - AP_GDT);
	put32(ap_code_far, at(ap_code_protected));
	put32(ap_code_esp - 4, base + AP_HEAD);
	put32(ap_gdtr + 2, base + AP_GDT);
	put32(ap_idtr + 2, base + AP_IDT);
	gdt[1] = descriptor(0, 0xFFFFF, 0xC9B);
	gdt[2] = descriptor(0, 0xFFFFF, 0xC93);
	gdt[3] = descriptor(base + AP_TSS0, 0x67, 0x089);
	gdt[4] = descriptor(base + AP_TSS1, 0x67, 0x089);
	gdt[5] = descriptor(tss_at, 0x67, 0x089);
	for (v = 0; v < 32; v++) {
		u32 to = at(ap_code_stubs) + 16 * v;

		idt[v] = (to & 0xFFFF) | 0x08ULL << 16 | 0x8E00ULL << 32 | (u64)(to >> 16) << 48;
	}
	fill_tss((u32 *)(low + AP_TSS0));
	fill_tss((u32 *)(low + AP_TSS1));
	memcpy(low + AP_OPS, ops, n * sizeof(*ops));
	head()->count = n;
	mb(); /* the CPU that reads this is started next */
}

const char *ap_sipi(int cpu)
{
	u32 starts = READ_ONCE(head()->starts);

	lapic_send(lapic_id(cpu), ICR_SIPI | ICR_ASSERT | base >> 12);
	return WAIT_FOR(READ_ONCE(head()->starts) != starts, WAIT_MS) ? "up" : "silent";
}

const char *ap_start(int cpu, const struct ap_op *ops, size_t n, u32 tss_at)
{
	lapic_send(lapic_id(cpu), ICR_INIT | ICR_ASSERT);
	wait_ms(2);
	ap_load(ops, n, tss_at);
	return ap_sipi(cpu);
}

size_t ap_results(struct ap_op *ops, size_t n)
{
	WAIT_FOR(READ_ONCE(head()->done), WAIT_MS);
	memcpy(ops, low + AP_OPS, n * sizeof(*ops));
	return READ_ONCE(head()->current_op);
}

bool ap_alive(void)
{
	u32 before = READ_ONCE(head()->alive);

	return WAIT_FOR(READ_ONCE(head()->alive) != before, 300);
}

u32 ap_nmis(void)
{
	return READ_ONCE(head()->nmis);
}

/* The script of ap_check(): which operation must give what. VMRUN comes before SVME: it must not succeed in a control. */
enum {
	C_SIGN,
	C_EFER,
	C_VMRUN,
	C_VMMCALL,
	C_VMXOFF,
	C_SVME,
	C_HSAVE,
	C_READ,
	C_WRITE,
	C_CALL,
	C_AGAIN,
	C_COUNT
};

/* Vector + 1 that each operation must give, and whether what it read must be zero. */
static const struct {
	u32 vector;
	bool zero;
} right[C_COUNT] = {
	[C_SIGN] = { 0, false },        [C_EFER] = { 0, false },       [C_VMRUN] = { 6 + 1, false },
	[C_VMMCALL] = { 6 + 1, false }, [C_VMXOFF] = { 6 + 1, false }, /* works in VMX root operation only */
	[C_SVME] = { 13 + 1, false },   [C_HSAVE] = { 13 + 1, false }, [C_READ] = { 0, true },
	[C_WRITE] = { 13 + 1, false },  [C_CALL] = { 13 + 1, false },  [C_AGAIN] = { 0, true },
};

static bool guarded(const struct ap_op *o, size_t n)
{
	bool good = true, here;
	size_t i;

	for (i = 0; i < n; i++) {
		here = o[i].vector == right[i].vector && !(right[i].zero && o[i].r[0]) &&
		       !(i == C_EFER && o[i].r[0] & (1 << 12));
		if (!here)
			pr_warn("attack: check %zu of the CPU of our own: %*ph\n", i, 32, &o[i]);
		good = good && here;
	}
	return good;
}

const char *ap_check(int cpu)
{
	struct ap_op o[C_COUNT] = {
		[C_SIGN] = { AP_CPUID, OVBS_CPUID_BASE },
		[C_EFER] = { AP_RDMSR, 0xC0000080 },
		[C_VMRUN] = { AP_BYTES, 0x90D8010F, 0x90909090 },
		[C_VMMCALL] = { AP_BYTES, 0x90D9010F, 0x90909090 },
		[C_VMXOFF] = { AP_BYTES, 0x90C4010F, 0x90909090 },
		[C_SVME] = { AP_WRMSR, 0xC0000080, 1 << 12, 0 },
		[C_HSAVE] = { AP_WRMSR, 0xC0010117, 0, 0 },
	};
	bool with_block;
	struct block b;
	u64 gpa = 0;

	with_block = block_find(&b) && block_samples(&b, &gpa, 1) && gpa < 1ULL << 32;
	if (with_block) {
		o[C_READ] = (struct ap_op){ AP_READ32, (u32)gpa };
		o[C_WRITE] = (struct ap_op){ AP_WRITE32, (u32)gpa, 0x5A5A5A5A };
		o[C_CALL] = (struct ap_op){ AP_CALL, (u32)gpa };
		o[C_AGAIN] = (struct ap_op){ AP_READ32, (u32)gpa };
	}
	ap_load(o, C_COUNT, 0);
	if (strcmp(ap_sipi(cpu), "up"))
		return "silent";
	if (ap_results(o, C_COUNT) != C_COUNT)
		return "stuck";
	if (memcmp(o[C_SIGN].r, OVBS_CPUID_SIGNATURE, 12))
		return b.log ? "ESCAPED" : "bare";
	return guarded(o, with_block ? C_COUNT : C_READ) ? "guarded" : "ESCAPED";
}

/* ---- the same on CPUs that run Linux ---- */

static void touch_hidden(void *arg)
{
	*(volatile u64 *)arg = 0x5A5A;
}

static void run_vmrun(void *arg)
{
	asm volatile(".byte 0x0f, 0x01, 0xd8" : : "a"(arg) : "memory");
}

static void run_vmxoff(void *unused)
{
	asm volatile(".byte 0x0f, 0x01, 0xc4" : : : "memory", "cc");
}

static void set_vmxe(void *unused)
{
	unsigned long cr4;

	asm volatile("mov %%cr4, %0" : "=r"(cr4));
	asm volatile("mov %0, %%cr4" : : "r"(cr4 | 1UL << 13) : "memory");
}

/* QEMU's TCG lets reserved bits of CR4 pass until the next VMRUN: only where the vendor is Intel. */
static bool vmx_closed(void)
{
	struct caught c;

	return !strcmp(try_here(&c, run_vmxoff, NULL, 0), "#UD") &&
	       (boot_cpu_data.x86_vendor != X86_VENDOR_INTEL ||
		!strcmp(try_here(&c, set_vmxe, NULL, 0), "#GP"));
}

static void see_hidden(void *arg)
{
	if (*(volatile u64 *)arg)
		asm volatile("ud2"); /* told apart by its vector */
}

static long guarded_here(void *unused)
{
	struct msr_try efer = { .msr = 0xC0000080 };
	struct space s;
	struct block b;
	struct caught c;
	u64 gpa;
	long ok;

	if (!block_find(&b) || !block_samples(&b, &gpa, 1) || space_make(&s))
		return 0;
	s.table[0][1] = gpa | PTE_RW;
	efer.value = msr_get(0xC0000080);
	ok = !(efer.value & (1 << 12));
	efer.value |= 1 << 12;
	ok = ok && !strcmp(try_here(&c, try_msr_set, &efer, 0), "#GP") &&
	     !strcmp(try_here(&c, run_vmrun, (void *)(gpa & ~4095UL), 0), "#UD") && vmx_closed() &&
	     !strcmp(try_here(&c, touch_hidden, SPACE_4K(1), s.cr3), "#GP") &&
	     !strcmp(try_here(&c, see_hidden, SPACE_4K(1), s.cr3), "ok");
	space_free(&s);
	return ok;
}

const char *system_guarded(void)
{
	unsigned int cpu;
	struct block b;

	if (!block_find(&b))
		return "bare";
	for_each_online_cpu(cpu) if (!work_on_cpu(cpu, guarded_here, NULL)) return "ESCAPED";
	return "guarded";
}
