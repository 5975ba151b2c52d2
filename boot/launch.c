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

static void take_dma(struct loader *l)
{
	const struct ovbs_boot_info *info = l->info;

	if (l->iommu.units == 0)
		return; /* the hypervisor was not asked */
	l->platform.dma = info->dma_state <= OVBS_DMA_ENFORCED ? (uint8_t)info->dma_state : OVBS_DMA_FAILED;
	if (l->platform.dma == OVBS_DMA_FAILED)
		ovbs_snprintf(l->platform.iommu_why, sizeof(l->platform.iommu_why), "%.*s",
			      (int)sizeof(info->dma_why),
			      info->dma_why[0] != '\0' ? info->dma_why : "no reason given");
}

/* Level 3 asks for DMA protection, and the hypervisor could not switch it on. */
static void set_no_dma(struct loader *l, const char *why, size_t size)
{
	verdict_set(&l->verdict, OVBS_REASON_NO_IOMMU, "iommu.enable", "level 3 by %s; %.*s",
		    source_name(l->settings.v[OVBS_SET_LEVEL].source), (int)size, why);
}

static void set_refused(struct loader *l, uint64_t code)
{
	const struct ovbs_boot_info *info = l->info;

	if (code == OVBS_HV_E_IOMMU) {
		take_dma(l);
		set_no_dma(l, info->why, sizeof(info->why));
		return;
	}
	verdict_set_prepare(&l->verdict, code);
	if (info->why[0] != '\0')
		verdict_add(&l->verdict, "%.*s", (int)sizeof(info->why), info->why);
}

/*
 * An image that knows nothing of DMA protection, or of the flag, does not
 * refuse; nothing has been entered yet, so the level can still be kept.
 */
static bool keeps_level(struct loader *l)
{
	const struct ovbs_boot_info *info = l->info;

	if (!dma_required(l) || info->dma_state == OVBS_DMA_ENFORCED)
		return true;
	take_dma(l);
	if (info->dma_why[0] != '\0')
		set_no_dma(l, info->dma_why, sizeof(info->dma_why));
	else
		set_no_dma(l, "the hypervisor did not switch it on", 64);
	return false;
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
	if (code == OVBS_HV_OK && keeps_level(launch->l))
		return true;
	cpu_set_nx(nx);
	if (code != OVBS_HV_OK)
		set_refused(launch->l, code);
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
	take_dma(l);
}

/* Where no level asks for it, it runs without; but not silently. */
static void finish_dma(struct loader *l)
{
	if (l->platform.dma == OVBS_DMA_ENFORCED)
		hide_iommu(l);
	else if (l->platform.dma == OVBS_DMA_FAILED)
		verdict_add(&l->verdict, "DMA protection off: %s", l->platform.iommu_why);
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
	if (!mp_find(l) || !check_all_cpus(&launch) || !dma_plan(l) || !block_create(l))
		return false;
	launch.entry = l->hv_plan.entry;
	launch.info_va = HV_VA_BASE + l->info->info_off;
	if (!start_hypervisor(&launch)) {
		block_free(l);
		return false;
	}
	l->running = true;
	finish_dma(l);
	return true;
}
