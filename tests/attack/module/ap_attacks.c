// SPDX-License-Identifier: GPL-2.0-only
/*
 * INIT and SIPI by every way of addressing, to a CPU that Linux has given away
 * (ap.c), and attacks that this CPU makes itself, with paging off: physical
 * addresses, 32-bit task switches, its own INIT. After each the CPU is started
 * at our code and looked at, and in the end Linux takes all CPUs back.
 */
#include <linux/cpu.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "attack.h"

#define APIC_ICR_LOW  0xFEE00300u
#define APIC_ICR_HIGH 0xFEE00310u

static const struct ap_op nothing[] = { { AP_END } };

/* Put the CPU into our counting loop. */
static bool looping(struct report *r, const char *name, int cpu)
{
	const char *up = ap_start(cpu, nothing, 0, 0);

	if (!strcmp(up, "up") && ap_alive())
		return true;
	row(r, name, "unprepared", "the CPU did not reach our loop: %s", up);
	return false;
}

static void init_row(struct report *r, const char *name, int cpu, u32 dest, u32 icr)
{
	const char *sent;

	if (!looping(r, name, cpu))
		return;
	sent = lapic_send(dest, icr);
	wait_ms(2);
	if (ap_alive())
		row(r, name, "ignored", "sent: %s; the CPU runs on", sent);
	else
		row(r, name, ap_check(cpu), "sent: %s; the CPU stopped, then SIPI", sent);
}

static u32 logical_id(int cpu)
{
	u32 id = lapic_id(cpu);

	/* an offline CPU's flat logical id is 0 after INIT; x2APIC's is fixed */
	return lapic_x2() ? (id >> 4) << 16 | 1u << (id & 15) : 1u << cpu;
}

static void init_rows(struct report *r, int cpu)
{
	u32 id = lapic_id(cpu);

	init_row(r, "init_physical", cpu, id, ICR_INIT | ICR_ASSERT);
	init_row(r, "init_level_assert", cpu, id, ICR_INIT | ICR_ASSERT | ICR_LEVEL);
	init_row(r, "init_no_assert_edge", cpu, id, ICR_INIT);
	init_row(r, "init_with_vector", cpu, id, ICR_INIT | ICR_ASSERT | 0xFF);
	init_row(r, "init_all_but_self", cpu, 0, ICR_INIT | ICR_ASSERT | ICR_ALL_BUT);
	init_row(r, "init_all_but_self_level", cpu, 0, ICR_INIT | ICR_ASSERT | ICR_LEVEL | ICR_ALL_BUT);
	init_row(r, "init_all_but_self_logical", cpu, 0, ICR_INIT | ICR_ASSERT | ICR_LOGICAL | ICR_ALL_BUT);
	init_row(r, "init_logical", cpu, logical_id(cpu), ICR_INIT | ICR_ASSERT | ICR_LOGICAL);
	init_row(r, "init_deassert", cpu, id, ICR_INIT | ICR_LEVEL);
	init_row(r, "sipi_while_running", cpu, id, ICR_SIPI | ICR_ASSERT | 0x77);
}

/* Shorthands that hardware does not know for INIT (APM 2, table 16-4): sent by this CPU to itself. */
static void self_rows(struct report *r, int cpu)
{
	const char *sent = lapic_send(0, ICR_INIT | ICR_ASSERT | ICR_SELF);

	row(r, "init_self_shorthand", "ignored", "sent: %s; the sender runs on", sent);
	if (!looping(r, "init_all_shorthand", cpu))
		return;
	sent = lapic_send(0, ICR_INIT | ICR_ASSERT | ICR_ALL);
	wait_ms(2);
	row(r, "init_all_shorthand", ap_alive() ? "ignored" : ap_check(cpu),
	    "sent: %s; the sender runs on", sent);
}

static void wait_rows(struct report *r, int cpu)
{
	u32 id = lapic_id(cpu), i, n;

	if (!looping(r, "nmi_own_cpu", cpu))
		return;
	for (i = 0; i < 25; i++) {
		n = ap_nmis();
		lapic_send(id, ICR_NMI | ICR_ASSERT);
		WAIT_FOR(ap_nmis() != n, 1000);
	}
	wait_ms(5);
	row(r, "nmi_own_cpu",
	    ap_nmis() == 25 ? "exact" :
	    ap_nmis() < 25  ? "lost" :
			      "extra",
	    "%u of 25", ap_nmis());
	lapic_send(id, ICR_INIT | ICR_ASSERT);
	wait_ms(2);
	lapic_send(id, ICR_NMI | ICR_ASSERT);
	wait_ms(2);
	row(r, "nmi_before_sipi", ap_check(cpu), "INIT, NMI, SIPI");
	lapic_send(id, ICR_INIT | ICR_ASSERT);
	lapic_send(id, ICR_INIT | ICR_ASSERT);
	lapic_send(id, ICR_INIT | ICR_ASSERT);
	wait_ms(2);
	row(r, "init_three_times", ap_check(cpu), "INIT, INIT, INIT, SIPI");
}

static void give_back(struct report *r, const char *name, int cpu)
{
	int err = ap_give_back(cpu);

	row(r, name, err ? "failed" : system_guarded(), "%u CPUs online, error %d", num_online_cpus(), err);
}

/* An SMI for a CPU that Linux does not run: firmware gathers all CPUs, and all go on behind it. */
static void smi_rows(struct report *r, int cpu)
{
	static const struct {
		const char *name;
		u32 icr;
	} sends[] = {
		{ "smi_own_cpu", ICR_SMI | ICR_ASSERT },
		{ "smi_own_cpu_all_but_self", ICR_SMI | ICR_ASSERT | ICR_ALL_BUT },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sends); i++) {
		if (!looping(r, sends[i].name, cpu))
			continue;
		lapic_send(lapic_id(cpu), sends[i].icr);
		WAIT_FOR(ap_alive(), 5000);
		row(r, sends[i].name, ap_alive() ? "ok" : "stuck", "the CPU was in its loop");
		if (!looping(r, sends[i].name, cpu))
			continue;
		lapic_send(lapic_id(cpu), sends[i].icr);
		lapic_send(lapic_id(cpu), ICR_INIT | ICR_ASSERT);
		wait_ms(2000);
		row(r, i ? "smi_all_then_init" : "smi_then_init", ap_check(cpu),
		    "INIT right behind the SMI, then SIPI");
	}
}

static void run_smi_own(struct report *r)
{
	int cpu = ap_take();

	if (cpu < 0) {
		row(r, "smi_take", "norun", "error %d", cpu);
		return;
	}
	smi_rows(r, cpu);
	give_back(r, "after_smi_own", cpu);
}

/* CPU hotplug storm: what Linux itself does, many times, with an INIT in between that it does not expect. */
static void storm_row(struct report *r, int cpu)
{
	int i, bad = 0;

	for (i = 0; i < 3; i++) {
		bad += add_cpu(cpu) != 0;
		bad += remove_cpu(cpu) != 0;
		lapic_send(lapic_id(cpu), ICR_INIT | ICR_ASSERT);
	}
	row(r, "hotplug_with_init", bad ? "failed" : ap_check(cpu),
	    "%d times online and offline, %d failures", i, bad);
}

static void run_init(struct report *r)
{
	int cpu = ap_take();

	if (cpu < 0) {
		row(r, "init_take", "norun", "error %d", cpu);
		return;
	}
	init_rows(r, cpu);
	wait_rows(r, cpu);
	storm_row(r, cpu);
	give_back(r, "after_init", cpu);
}

static void run_shorthands(struct report *r)
{
	int cpu = ap_take();

	if (cpu < 0) {
		row(r, "shorthands_take", "norun", "error %d", cpu);
		return;
	}
	self_rows(r, cpu);
	give_back(r, "after_shorthands", cpu);
}

/* ---- attacks by the CPU of our own ---- */

struct script_row {
	const char *name;
	struct ap_op op;
	bool value; /* the outcome of an operation without exception is its value */
};

static void script_rows(struct report *r, int cpu, const struct script_row *rows, size_t n, u32 tss_at)
{
	struct ap_op ops[24];
	const char *outcome;
	size_t i, done;

	if (WARN_ON(n > ARRAY_SIZE(ops)))
		return;
	for (i = 0; i < n; i++)
		ops[i] = rows[i].op;
	outcome = ap_start(cpu, ops, n, tss_at);
	done = strcmp(outcome, "up") ? 0 : ap_results(ops, n);
	for (i = 0; i < n; i++) {
		if (i >= done)
			outcome = "norun";
		else if (ops[i].vector)
			outcome = vector_name(ops[i].vector - 1);
		else if (rows[i].value)
			outcome = ops[i].r[0] ? "content" : "zeros";
		else
			outcome = "ok";
		if (rows[i].name)
			row(r, rows[i].name, outcome, "%x %x", ops[i].r[0], ops[i].r[1]);
	}
}

static void run_physical(struct report *r)
{
	int cpu = ap_take();
	struct block b;
	u64 gpa;

	if (cpu < 0) {
		row(r, "phys_take", "norun", "error %d", cpu);
		return;
	}
	if (block_find(&b) && block_samples(&b, &gpa, 1) && gpa + 0x2000 < 1ULL << 32) {
		u32 at = (u32)gpa;
		const struct script_row rows[] = {
			{ "phys_read", { AP_READ32, at }, true },
			{ "phys_write", { AP_WRITE32, at, 0x5A5A5A5A }, false },
			{ "phys_fetch", { AP_CALL, at }, false },
			{ "phys_movs_in", { AP_MOVSB, 0x10000, at, 64 }, false },
			{ "phys_read_again", { AP_READ32, at }, true },
			{ "phys_log_write", { AP_WRITE32, (u32)b.log, 0 }, false },
			{ "phys_ltr_hidden", { AP_LTR, AP_TSS_AT }, false },
			{ "phys_task_save_hidden", { AP_TASK, AP_TSS_OTHER }, false },
			{ "phys_read_after_task", { AP_READ32, at }, true },
		};

		script_rows(r, cpu, rows, ARRAY_SIZE(rows), at + 0x100);
	} else {
		row(r, "phys_read", "none", "no hidden memory here, or above 4 GiB");
	}
	give_back(r, "after_phys", cpu);
}

/* The same instructions as in insn.c, in 32-bit protected mode; and the task switch itself works (a control). */
static void run_protected(struct report *r)
{
	static const struct script_row rows[] = {
		{ "prot_vmrun", { AP_BYTES, 0x90D8010F, 0x90909090 }, false },
		{ "prot_vmmcall", { AP_BYTES, 0x90D9010F, 0x90909090 }, false },
		{ "prot_vmsave", { AP_BYTES, 0x90DB010F, 0x90909090, 0x1F000 }, false },
		{ "prot_stgi", { AP_BYTES, 0x90DC010F, 0x90909090 }, false },
		{ "prot_clgi", { AP_BYTES, 0x90DD010F, 0x90909090 }, false },
		{ "prot_skinit", { AP_BYTES, 0x90DE010F, 0x90909090 }, false },
		{ "prot_invlpga", { AP_BYTES, 0x90DF010F, 0x90909090 }, false },
		{ "prot_rsm", { AP_BYTES, 0x9090AA0F, 0x90909090 }, false },
		{ "prot_vmcall", { AP_BYTES, 0x90C1010F, 0x90909090 }, false },
		{ "prot_vmlaunch", { AP_BYTES, 0x90C2010F, 0x90909090 }, false },
		{ "prot_vmread", { AP_BYTES, 0x90C0780F, 0x90909090 }, false },
		{ "prot_vmxoff", { AP_BYTES, 0x90C4010F, 0x90909090 }, false },
		{ "prot_efer_svme", { AP_WRMSR, 0xC0000080, 1 << 12, 0 }, false },
		{ "prot_hsave", { AP_RDMSR, 0xC0010117 }, false },
		{ "prot_vm_cr", { AP_RDMSR, 0xC0010114 }, false },
		{ "prot_vmx_basic", { AP_RDMSR, 0x480 }, false },
		{ "prot_ltr", { AP_LTR, AP_TSS_OWN }, false },
		{ "prot_task", { AP_TASK, AP_TSS_OTHER }, true },
	};
	int cpu = ap_take();

	if (cpu < 0) {
		row(r, "prot_take", "norun", "error %d", cpu);
		return;
	}
	script_rows(r, cpu, rows, ARRAY_SIZE(rows), 0);
	give_back(r, "after_prot", cpu);
}

/* The CPU sends INIT to itself by its own id: legal, it waits for a SIPI then, and must still be guarded. */
static void run_self_init(struct report *r)
{
	int cpu = ap_take();
	u32 id;

	if (cpu < 0) {
		row(r, "self_take", "norun", "error %d", cpu);
		return;
	}
	id = lapic_id(cpu);
	{
		/* after INIT in x2APIC mode the CPU stays in x2APIC mode */
		const struct ap_op x2[] = { { AP_WRMSR, 0x830, ICR_INIT | ICR_ASSERT, id } };
		const struct ap_op x1[] = { { AP_WRITE32, APIC_ICR_HIGH, id << 24 },
					    { AP_WRITE32, APIC_ICR_LOW, ICR_INIT | ICR_ASSERT } };
		const char *up = lapic_x2() ? ap_start(cpu, x2, 1, 0) : ap_start(cpu, x1, 2, 0);

		wait_ms(5);
		if (strcmp(up, "up") || ap_alive())
			row(r, "init_self_by_id", strcmp(up, "up") ? up : "ignored", "the script ran on");
		else
			row(r, "init_self_by_id", ap_check(cpu),
			    "INIT to itself, then SIPI from another CPU");
	}
	give_back(r, "after_self_init", cpu);
}

const struct attack ap_attacks[] = { { "init", run_init },
				     { "init_shorthands", run_shorthands },
				     { "smi_own", run_smi_own },
				     { "physical", run_physical },
				     { "protected_mode", run_protected },
				     { "self_init", run_self_init },
				     {} };
