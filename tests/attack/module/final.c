// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attacks after which a machine is reset, as hardware without SVM does it: a
 * triple fault through tables in hidden memory, INIT to the boot CPU. Each
 * takes a boot of its own; that this code runs on afterwards is reported too.
 */
#include <linux/kernel.h>
#include <asm/io.h>

#include "attack.h"

static void survived(struct report *r, const char *name, const char *outcome)
{
	wait_ms(100);
	row(r, name, "survived", "%s; %s", outcome, system_guarded());
}

static bool hidden_space(struct report *r, const char *name, struct space *s, u64 *gpa)
{
	struct block b;

	if (block_find(&b) && block_samples(&b, gpa, 1) && !space_make(s)) {
		s->table[0][1] = *gpa | PTE_RW;
		return true;
	}
	row(r, name, "none", "no hidden memory here");
	return false;
}

static void load_idt_here(void *at)
{
	struct catch_table_register t = { .limit = 0xFFF, .base = (u64)at };

	asm volatile("lidt %0; ud2" : : "m"(t));
}

static void run_idt(struct report *r)
{
	struct space s;
	struct caught c;
	u64 gpa;

	if (hidden_space(r, "final_idt_hidden", &s, &gpa))
		survived(r, "final_idt_hidden", try_here(&c, load_idt_here, SPACE_4K(1), s.cr3));
}

static void set_cr3(void *root)
{
	asm volatile("mov %0, %%cr3" : : "r"(root) : "memory");
}

static void run_cr3(struct report *r)
{
	struct space s;
	struct caught c;
	u64 gpa;

	if (hidden_space(r, "final_cr3_hidden", &s, &gpa))
		survived(r, "final_cr3_hidden", try_here(&c, set_cr3, (void *)gpa, s.cr3));
}

static void load_gdt_here(void *at)
{
	struct catch_table_register t = { .limit = 0xFFF, .base = (u64)at };

	asm volatile("lgdt %0; ud2" : : "m"(t));
}

static void run_gdt(struct report *r)
{
	struct space s;
	struct caught c;
	u64 gpa;

	if (hidden_space(r, "final_gdt_hidden", &s, &gpa))
		survived(r, "final_gdt_hidden", try_here(&c, load_gdt_here, SPACE_4K(1), s.cr3));
}

static void run_triple(struct report *r)
{
	struct caught c;

	survived(r, "final_triple_fault", try_here(&c, load_idt_here, NULL, 0));
}

static void run_init_boot_cpu(struct report *r)
{
	survived(r, "final_init_boot_cpu", lapic_send(lapic_id(0), ICR_INIT | ICR_ASSERT));
}

static void run_init_broadcast(struct report *r)
{
	survived(r, "final_init_broadcast", lapic_send(lapic_x2() ? ~0u : 0xFF, ICR_INIT | ICR_ASSERT));
}

static void run_port92(struct report *r)
{
	u8 v = inb(0x92);

	outb(v & ~1, 0x92);
	outb(v | 1, 0x92);
	survived(r, "final_port92", "ok");
}

static void run_keyboard(struct report *r)
{
	outb(0xFE, 0x64);
	survived(r, "final_keyboard", "ok");
}

/* The APIC's mode changed behind Linux's back on a CPU of our own: then INIT and SIPI to it in the new mode. */
static void run_mode(struct report *r)
{
	int cpu = ap_take();
	struct ap_op ops[] = {
		{ AP_RDMSR, 0x1B },
		{ AP_WRMSR, 0x1B, 0xFEE00C00, 0 }, /* xAPIC to x2APIC; from x2APIC: nothing changes */
		{ AP_RDMSR, 0x1B },
		{ AP_WRMSR, 0x1B, 0xFEE00800, 0 }, /* x2APIC to xAPIC: #GP (SDM 3, 11.12.5) */
		{ AP_WRMSR, 0x830, ICR_INIT | ICR_ASSERT, 0 },
	};
	size_t done;

	if (cpu < 0) {
		row(r, "apic_mode", "norun", "error %d", cpu);
		return;
	}
	ops[4].c = lapic_id(cpu);
	if (strcmp(ap_start(cpu, ops, ARRAY_SIZE(ops), 0), "up")) {
		row(r, "apic_mode", "silent", "CPU %d", cpu);
		return;
	}
	done = ap_results(ops, ARRAY_SIZE(ops));
	row(r, "apic_mode_to_x2", ops[1].vector ? vector_name(ops[1].vector - 1) : "ok",
	    "APIC base %x, then %x", ops[0].r[0], ops[2].r[0]);
	row(r, "apic_mode_back", ops[3].vector ? vector_name(ops[3].vector - 1) : "ok",
	    "x2APIC to xAPIC at once");
	wait_ms(5);
	row(r, "apic_mode_self_init", ap_alive() ? "ignored" : ap_check(cpu), "%zu operations done", done);
	row(r, "apic_mode_after", system_guarded(), "CPUs that Linux runs");
}

const struct attack final_attacks[] = { { "final_idt_hidden", run_idt },
					{ "final_cr3_hidden", run_cr3 },
					{ "final_gdt_hidden", run_gdt },
					{ "final_triple_fault", run_triple },
					{ "final_init_boot_cpu", run_init_boot_cpu },
					{ "final_init_broadcast", run_init_broadcast },
					{ "final_port92", run_port92 },
					{ "final_keyboard", run_keyboard },
					{ "apic_mode", run_mode },
					{} };
