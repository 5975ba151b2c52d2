// SPDX-License-Identifier: GPL-2.0-only
/*
 * Trying what may fault, on an IDT of our own (catch.h), so that every vector
 * is seen, also from instruction fetches and with a broken stack: our gates
 * use the stack of IST 1, which Linux keeps for double faults.
 */
#include <linux/cpu.h>
#include <linux/irqflags.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/workqueue.h>
#include <asm/segment.h>

#include "attack.h"

#define VECTOR_DB  1
#define VECTOR_NMI 2
#define VECTOR_BP  3
#define VECTOR_MC  18

static struct catch **catches; /* one for each CPU */

static void copy_gate(struct catch *c, const struct catch_table_register *from, unsigned int vector)
{
	c->idt[vector] = ((const struct catch_gate *)from->base)[vector];
}

int try_start(void)
{
	struct catch_table_register old;
	unsigned int cpu, v;

	catch_idt_store(&old);
	catches = kcalloc(nr_cpu_ids, sizeof(*catches), GFP_KERNEL);
	if (!catches)
		return -ENOMEM;
	for_each_possible_cpu(cpu)
	{
		struct catch *c = kzalloc(sizeof(*c), GFP_KERNEL);

		if (!c) {
			try_stop();
			return -ENOMEM;
		}
		catches[cpu] = c;
		for (v = 0; v < 256; v++)
			copy_gate(c, &old, v);
		for (v = 0; v < CATCH_STUBS; v++)
			if (v != VECTOR_NMI && v != VECTOR_BP && v != VECTOR_MC)
				catch_gate_set(c, v, __KERNEL_CS, 1);
	}
	return 0;
}

void try_stop(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu) kfree(catches[cpu]);
	kfree(catches);
}

static u64 cr3_read(void)
{
	u64 v;

	asm volatile("mov %%cr3, %0" : "=r"(v));
	return v;
}

static void cr3_write(u64 v)
{
	asm volatile("mov %0, %%cr3" : : "r"(v) : "memory");
}

const char *try_here(struct caught *c, try_fn fn, void *arg, u64 cr3)
{
	struct catch_table_register ours, old;
	unsigned long flags;
	u64 old_cr3;
	struct catch *k;

	local_irq_save(flags);
	k = catches[smp_processor_id()];
	ours.limit = CATCH_IDT_BYTES - 1;
	ours.base = (u64)k->idt;
	catch_idt_store(&old);
	old_cr3 = cr3_read();
	catch_idt_load(&ours);
	if (cr3)
		cr3_write(cr3);
	c->vector = catch_call(k, fn, arg) ? (int)k->vector : CAUGHT_NOTHING;
	if (cr3)
		cr3_write(old_cr3);
	catch_idt_load(&old);
	c->error = k->error;
	c->rip = k->rip;
	c->cr2 = k->cr2;
	local_irq_restore(flags);
	return vector_name(c->vector);
}

const char *vector_name(int vector)
{
	static const char *const names[] = {
		[0] = "#DE",  [1] = "#DB",  [3] = "#BP",  [4] = "#OF",  [5] = "#BR",  [6] = "#UD",
		[7] = "#NM",  [8] = "#DF",  [10] = "#TS", [11] = "#NP", [12] = "#SS", [13] = "#GP",
		[14] = "#PF", [16] = "#MF", [17] = "#AC", [18] = "#MC", [19] = "#XF", [21] = "#CP",
		[28] = "#HV", [29] = "#VC", [30] = "#SX",
	};

	if (vector == CAUGHT_NOTHING)
		return "ok";
	if (vector < 0 || vector >= (int)ARRAY_SIZE(names) || !names[vector])
		return "#other";
	return names[vector];
}

struct here {
	const struct probe *probe;
	struct caught caught;
};

static long probe_here(void *arg)
{
	struct here *h = arg;

	try_here(&h->caught, h->probe->fn, h->probe->arg, 0);
	return 0;
}

void try_everywhere(struct report *r, const struct probe *probes, size_t n)
{
	const char *outcome;
	unsigned int cpu;
	struct here h;
	size_t i;

	for (i = 0; i < n; i++) {
		outcome = NULL;
		for_each_online_cpu(cpu)
		{
			h.probe = &probes[i];
			work_on_cpu(cpu, probe_here, &h);
			if (outcome && strcmp(outcome, vector_name(h.caught.vector)))
				outcome = "differs";
			else if (!outcome)
				outcome = vector_name(h.caught.vector);
		}
		row(r, probes[i].name, outcome ?: "none", "on %u CPUs", num_online_cpus());
	}
}
