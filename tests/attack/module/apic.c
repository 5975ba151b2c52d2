// SPDX-License-Identifier: GPL-2.0-only
/*
 * NMIs by every way of addressing, counted by a handler: none may be lost, and
 * none may come twice. Also SMIs, and interrupts of kinds that don't exist.
 * The CPUs are those that Linux runs; INIT and SIPI are in ap_attacks.c.
 */
#include <linux/cpu.h>
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/nmi.h>
#include <linux/percpu.h>
#include <linux/workqueue.h>
#include <asm/nmi.h>

#include "attack.h"

#define ROUNDS  25
#define WAIT_MS 2000 /* an emulator that runs its CPUs in turn takes its time */

static DEFINE_PER_CPU(unsigned int, nmis);
static unsigned int nest; /* NMIs to send from the handler */

static int count_nmi(unsigned int type, struct pt_regs *regs)
{
	this_cpu_inc(nmis);
	if (nest) {
		nest--;
		if (lapic_page()) {
			writel(lapic_id(smp_processor_id()) << 24, lapic_page() + 0x310);
			writel(ICR_NMI | ICR_ASSERT, lapic_page() + 0x300);
		} else {
			msr_set(0x830, (u64)lapic_id(smp_processor_id()) << 32 | ICR_NMI | ICR_ASSERT);
		}
	}
	return NMI_HANDLED;
}

static unsigned int got(unsigned int cpu)
{
	return READ_ONCE(*per_cpu_ptr(&nmis, cpu));
}

static bool wait_for(unsigned int cpu, unsigned int n)
{
	return WAIT_FOR(got(cpu) >= n, WAIT_MS);
}

static void clear(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu) * per_cpu_ptr(&nmis, cpu) = 0;
}

static const char *verdict(unsigned int n, unsigned int want)
{
	return n == want ? "exact" : n < want ? (n ? "lost" : "none") : "extra";
}

/* ROUNDS sends, each awaited on @cpu, until one does not come; then nothing more may come. */
static void nmi_row(struct report *r, const char *name, u32 dest, u32 low, unsigned int cpu)
{
	const char *sent = "ok";
	unsigned int i, n;

	clear();
	for (i = 1; i <= ROUNDS && !strcmp(sent, "ok"); i++) {
		sent = lapic_send(dest, low);
		if (!wait_for(cpu, i))
			break;
	}
	wait_ms(5);
	n = got(cpu);
	row(r, name, strcmp(sent, "ok") ? sent : verdict(n, ROUNDS), "CPU %u: %u of %u", cpu, n, ROUNDS);
}

/* One send to many: each other CPU gets exactly as many; what the sender gets is its own affair. */
static void broadcast_row(struct report *r, const char *name, u32 dest, u32 low)
{
	unsigned int me = smp_processor_id(), cpu, i, n = 0, want = 0;
	const char *sent = "ok", *outcome = "exact";

	clear();
	for (i = 1; i <= ROUNDS && !strcmp(sent, "ok"); i++) {
		sent = lapic_send(dest, low);
		for_each_online_cpu(cpu) if (cpu != me) wait_for(cpu, i);
	}
	wait_ms(5);
	for_each_online_cpu(cpu)
	{
		if (cpu == me)
			continue;
		want += ROUNDS;
		n += got(cpu);
		if (got(cpu) != ROUNDS)
			outcome = verdict(got(cpu), ROUNDS);
	}
	row(r, name,
	    strcmp(sent, "ok") ? sent :
	    want               ? outcome :
				 "none",
	    "others %u of %u, sender %u", n, want, got(me));
}

static u32 logical_id(unsigned int cpu)
{
	/* x2APIC: cluster and bit from the id; flat xAPIC: Linux gives CPU n bit n */
	u32 id = lapic_id(cpu);

	return lapic_x2() ? (id >> 4) << 16 | 1u << (id & 15) : 1u << cpu;
}

/* All ways of addressing, sent by this CPU. */
static long nmi_rows(void *arg)
{
	unsigned int me = smp_processor_id(), cpu;
	struct report *r = arg;
	char name[40];

	for_each_online_cpu(cpu)
	{
		snprintf(name, sizeof(name), "nmi_%u_to_%u_physical", me, cpu);
		nmi_row(r, name, lapic_id(cpu), ICR_NMI | ICR_ASSERT, cpu);
		snprintf(name, sizeof(name), "nmi_%u_to_%u_logical", me, cpu);
		nmi_row(r, name, logical_id(cpu), ICR_NMI | ICR_ASSERT | ICR_LOGICAL, cpu);
	}
	snprintf(name, sizeof(name), "nmi_%u_self_shorthand", me);
	nmi_row(r, name, 0, ICR_NMI | ICR_ASSERT | ICR_SELF, me);
	snprintf(name, sizeof(name), "nmi_%u_all_but_self", me);
	broadcast_row(r, name, 0, ICR_NMI | ICR_ASSERT | ICR_ALL_BUT);
	snprintf(name, sizeof(name), "nmi_%u_all", me);
	broadcast_row(r, name, 0, ICR_NMI | ICR_ASSERT | ICR_ALL);
	snprintf(name, sizeof(name), "nmi_%u_broadcast_id", me);
	broadcast_row(r, name, lapic_x2() ? ~0u : 0xFF, ICR_NMI | ICR_ASSERT);
	return 0;
}

/* NMI inside of an NMI handler: held until its IRET, then delivered once. */
static void nested_row(struct report *r)
{
	unsigned int me = smp_processor_id(), i, n;

	clear();
	for (i = 1; i <= ROUNDS; i++) {
		nest = 1;
		lapic_send(lapic_id(me), ICR_NMI | ICR_ASSERT);
		wait_for(me, 2 * i);
	}
	wait_ms(5);
	n = got(me);
	row(r, "nmi_in_nmi", verdict(n, 2 * ROUNDS), "%u of %u", n, 2 * ROUNDS);
}

/* As fast as can be: several may become one (APM 2, 8.2.3), but at least one arrives, and no more than were sent. */
static void burst_row(struct report *r)
{
	unsigned int me = smp_processor_id(), cpu, i, n;
	char name[40];

	for_each_online_cpu(cpu)
	{
		if (cpu == me)
			continue;
		clear();
		for (i = 0; i < 200; i++)
			lapic_send(lapic_id(cpu), ICR_NMI | ICR_ASSERT);
		wait_ms(20);
		n = got(cpu);
		snprintf(name, sizeof(name), "nmi_burst_cpu%u", cpu);
		row(r, name, n >= 1 && n <= 200 ? "ok" : verdict(n, 200), "%u of 200 seen", n);
	}
}

static void run_nmi(struct report *r)
{
	if (register_nmi_handler(NMI_LOCAL, count_nmi, 0, "openvbs_attack")) {
		row(r, "nmi", "norun", "no handler could be registered");
		return;
	}
	work_on_cpu(0, nmi_rows, r);
	work_on_cpu(cpumask_last(cpu_online_mask), nmi_rows, r);
	migrate_disable();
	nested_row(r);
	burst_row(r);
	migrate_enable();
	unregister_nmi_handler(NMI_LOCAL, "openvbs_attack");
	row(r, "after_nmi", system_guarded(), "every CPU");
}

/* Kinds and vectors that are reserved (APM 2, 16.5): to the highest CPU. Nothing but an answer is asked for. */
static void run_odd(struct report *r)
{
	static const struct {
		const char *name;
		u32 low;
	} odd[] = {
		{ "icr_vector0", ICR_ASSERT | 0x00 },
		{ "icr_vector15", ICR_ASSERT | 0x0F },
		{ "icr_mode3", ICR_ASSERT | 0x300 },
		{ "icr_extint", ICR_ASSERT | 0x700 },
		{ "icr_lowest_vector0", ICR_ASSERT | 0x100 },
		{ "icr_sipi_running", ICR_ASSERT | ICR_SIPI | 0x10 },
		{ "icr_init_deassert", ICR_INIT | ICR_LEVEL },
		{ "icr_init_deassert_all", ICR_INIT | ICR_LEVEL | ICR_ALL },
		{ "icr_absent_cpu", ICR_ASSERT | ICR_INIT },
	};
	unsigned int cpu = cpumask_last(cpu_online_mask);
	const char *outcome;
	size_t i;

	migrate_disable();
	for (i = 0; i < ARRAY_SIZE(odd); i++) {
		u32 dest = i == ARRAY_SIZE(odd) - 1 ? 0xEE : lapic_id(cpu);

		outcome = lapic_send(dest, odd[i].low);
		wait_ms(2);
		row(r, odd[i].name, outcome, "to CPU %u", cpu);
	}
	migrate_enable();
	row(r, "after_odd_ipis", system_guarded(), "every CPU");
}

/* Reserved bits of the x2APIC's ICR and neighbours (APM 2, 16.13; SDM 3, 11.12): #GP. */
static void run_x2_reserved(struct report *r)
{
	static const struct {
		const char *name;
		u32 msr;
		u64 value;
	} tries[] = {
		{ "x2_icr_bit12", 0x830, 0x1000 | ICR_ASSERT | ICR_NMI },
		{ "x2_icr_bit13", 0x830, 0x2000 | ICR_ASSERT | ICR_NMI },
		{ "x2_icr_bit16", 0x830, 0x10000 | ICR_ASSERT | ICR_NMI },
		{ "x2_icr_bit20", 0x830, 0x100000 | ICR_ASSERT | ICR_NMI },
		{ "x2_icr_bit31", 0x830, 0x80000000 | ICR_ASSERT | ICR_NMI },
		{ "x2_icr_high", 0x831, 0 },
		{ "x2_self_ipi_high", 0x83F, 0x100 },
		{ "x2_eoi_one", 0x80B, 1 },
		{ "x2_id", 0x802, 0 },
	};
	unsigned int cpu = cpumask_last(cpu_online_mask);
	struct msr_try m;
	struct caught c;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(tries); i++) {
		m.msr = tries[i].msr;
		m.value = tries[i].value | (m.msr == 0x830 ? (u64)lapic_id(cpu) << 32 : 0);
		if (lapic_x2())
			row(r, tries[i].name, try_here(&c, try_msr_set, &m, 0), "MSR %x: %llx",
			    m.msr, m.value);
		else
			row(r, tries[i].name, "xapic", "not in x2APIC mode");
		wait_ms(1);
	}
	row(r, "after_x2_reserved", system_guarded(), "every CPU");
}

/* SMI: firmware's handler runs and comes back (only where firmware has one: run.py knows). */
static void run_smi(struct report *r)
{
	unsigned int cpu;
	char name[40];

	migrate_disable();
	for_each_online_cpu(cpu)
	{
		snprintf(name, sizeof(name), "smi_cpu%u", cpu);
		row(r, name, lapic_send(lapic_id(cpu), ICR_SMI | ICR_ASSERT), "from CPU %u",
		    smp_processor_id());
		wait_ms(2);
	}
	row(r, "smi_all_but_self", lapic_send(0, ICR_SMI | ICR_ASSERT | ICR_ALL_BUT), "from CPU %u",
	    smp_processor_id());
	wait_ms(2);
	migrate_enable();
	row(r, "after_smi", system_guarded(), "every CPU");
}

const struct attack apic_attacks[] = { { "nmi", run_nmi },
				       { "odd_ipis", run_odd },
				       { "x2_reserved", run_x2_reserved, true },
				       { "smi", run_smi },
				       {} };
