/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Starting the hypervisor: look at every CPU, PREPARE once, ENTER on the other
 * CPUs and last on the boot CPU, then ask every CPU whether the hypervisor
 * and VTL1 answer.
 *
 * Up to and including PREPARE everything can be undone. From the first ENTER
 * on there is no way back: a CPU that stayed out would be a hole in every
 * promise, so the machine stops rather than go on.
 */
#include "loader.h"

#include "cpu.h"
#include "format.h"
#include "mp.h"
#include "ovbs_string.h"
#include "print.h"
#include "stub.h"

/* What each CPU says of itself; each writes its own slot only. */
struct report {
	bool seen;    /* took part */
	bool entered; /* came back from ENTER */
	bool answers; /* sees the hypervisor */
	bool vtl1;    /* and VTL1 answers it */
	int error;
};

struct launch {
	struct loader *l;
	uint64_t entry, info_va;
	struct report cpu[OVBS_MAX_CPUS];
};

static void gather_task(void *argument, unsigned int index)
{
	struct launch *launch = argument;
	struct ovbs_cpu_entry scratch;

	cpu_gather(&launch->l->facts[index]);
	launch->cpu[index].error = cpu_capture_segments(&scratch);
	launch->cpu[index].seen = true;
}

/* Every CPU must pass, not only the one that boots; and use the same kind of tables. */
static bool check_cpu(struct launch *launch, unsigned int index)
{
	struct loader *l = launch->l;
	const struct ovbs_cpu_facts *facts = &l->facts[index], *first = &l->facts[l->boot_cpu];

	if (!launch->cpu[index].seen) {
		verdict_set(&l->verdict, OVBS_REASON_OTHER, "cpu.mp", "CPU %u did not run our code", index);
		return false;
	}
	if (!checks_decide(facts, &l->verdict)) {
		verdict_add(&l->verdict, "CPU %u", index);
		return false;
	}
	if (checks_kind(facts) != l->kind) {
		verdict_set(&l->verdict, OVBS_REASON_OTHER, "cpu.kind",
			    "CPU %u has %s, CPU %u has %s: one image can't run on both", index,
			    cpu_kind_name(checks_kind(facts)), l->boot_cpu, cpu_kind_name(l->kind));
		return false;
	}
	if (launch->cpu[index].error != 0) {
		verdict_set(&l->verdict, OVBS_REASON_OTHER, "cpu.segments",
			    "CPU %u: a segment register does not fit its GDT", index);
		return false;
	}
	if (((facts->cr4 ^ first->cr4) & CR4_LA57) != 0) {
		verdict_set(&l->verdict, OVBS_REASON_OTHER, "cpu.la57",
			    "CPU %u: CR4=%llxh, CPU %u: CR4=%llxh", index,
			    (unsigned long long)facts->cr4, l->boot_cpu, (unsigned long long)first->cr4);
		return false;
	}
	return true;
}

static bool check_all_cpus(struct launch *launch)
{
	struct loader *l = launch->l;
	EFI_STATUS status;

	gather_task(launch, l->boot_cpu);
	status = mp_run_on_others(l, gather_task, launch);
	if (status != EFI_SUCCESS) {
		verdict_set(&l->verdict, OVBS_REASON_OTHER, "cpu.mp",
			    "StartupAllAPs: EFI status %llxh", (unsigned long long)status);
		return false;
	}
	for (unsigned int i = 0; i < l->cpu_count; i++)
		if (!check_cpu(launch, i))
			return false;
	return true;
}

/* The hypervisor's tables use NX, which is a reserved bit while EFER.NXE is 0. */
static bool prepare(struct launch *launch)
{
	struct ovbs_boot_info *info = launch->l->info;
	struct stub_context context;
	bool nx = cpu_set_nx(true);
	uint64_t code;

	cpu_capture_context(&context);
	code = stub_prepare(launch->entry, launch->info_va, info->loader_root, &context);
	if (code == OVBS_HV_OK)
		return true;
	cpu_set_nx(nx);
	verdict_set_prepare(&launch->l->verdict, code);
	if (info->why[0] != '\0')
		verdict_add(&launch->l->verdict, "%.*s", (int)sizeof(info->why), info->why);
	return false;
}

static void enter_task(void *argument, unsigned int index)
{
	struct launch *launch = argument;
	struct ovbs_boot_cpu *cpu = &launch->l->info->cpu[index];
	struct report *report = &launch->cpu[index];

	report->error = cpu_capture_segments(&cpu->entry);
	if (report->error != 0)
		return;
	cpu_set_nx(true);
	stub_enter(launch->entry, launch->info_va, cpu, index);
	report->entered = true;
}

static void verify_task(void *argument, unsigned int index)
{
	struct launch *launch = argument;

	struct report *r = &launch->cpu[index];

	r->answers = cpu_hypervisor_answers();
	r->vtl1 = r->answers && cpu_vtl1_answers(launch->l->kind);
}

static void stop_machine(struct launch *launch, EFI_STATUS entered, EFI_STATUS verified)
{
	EFI_SYSTEM_TABLE *st = launch->l->st;

	say(st, "openvbs: the hypervisor does not run on every CPU (EFI status %llxh, %llxh):",
	    (unsigned long long)entered, (unsigned long long)verified);
	for (unsigned int i = 0; i < launch->l->cpu_count; i++)
		if (!launch->cpu[i].vtl1)
			say(st, "openvbs: CPU %u: %s", i,
			    !launch->cpu[i].entered ? "did not come back" :
			    launch->cpu[i].answers  ? "came back, but VTL1 does not answer" :
						      "came back, but no hypervisor answers");
	say(st, "openvbs: machine stopped");
	cpu_stop();
}

static bool all_answer(const struct launch *launch)
{
	for (unsigned int i = 0; i < launch->l->cpu_count; i++)
		if (!launch->cpu[i].vtl1)
			return false;
	return true;
}

/* The block is the hypervisor's from the first ENTER on: read now what the status needs. */
static void take_results(struct loader *l)
{
	const struct ovbs_boot_info *info = l->info;

	l->log_gpa = info->log_gpa;
	l->log_size = info->log_size;
	l->stats_gpa = info->stats_gpa;
	l->stats_size = info->stats_size;
	l->memory_bytes = info->block_size;
}

/*
 * From PREPARE to the boot CPU's ENTER nothing else may run on the boot CPU:
 * a timer callback could send an INIT to a CPU that is a guest by then.
 */
static bool start_hypervisor(struct launch *launch)
{
	struct loader *l = launch->l;
	EFI_STATUS entered, verified;
	EFI_TPL tpl;

	tpl = l->bs->RaiseTPL(TPL_HIGH_LEVEL);
	if (!prepare(launch)) {
		l->bs->RestoreTPL(tpl);
		return false;
	}
	take_results(l);
	entered = mp_run_on_others(l, enter_task, launch);
	enter_task(launch, l->boot_cpu);
	l->info = NULL;
	l->bs->RestoreTPL(tpl);
	verify_task(launch, l->boot_cpu);
	verified = entered == EFI_SUCCESS ? mp_run_on_others(l, verify_task, launch) : entered;
	if (entered != EFI_SUCCESS || verified != EFI_SUCCESS || !all_answer(launch))
		stop_machine(launch, entered, verified);
	return true;
}

bool launch(struct loader *l)
{
	static struct launch launch;

	memset(&launch, 0, sizeof(launch));
	launch.l = l;
	if (!mp_find(l) || !check_all_cpus(&launch) || !block_create(l))
		return false;
	launch.entry = l->hv_plan.entry;
	launch.info_va = HV_VA_BASE + l->info->info_off;
	if (!start_hypervisor(&launch)) {
		block_free(l);
		return false;
	}
	l->running = true;
	return true;
}
