/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Multiprocessor services: see mp.h. PI 1.8, volume 2, 13.4.
 */
#include "mp.h"

#include "acpi_pm.h"
#include "platform.h"

/* Starting CPUs is a matter of milliseconds; emulators may need seconds. */
#define MP_TIMEOUT_US (60u * 1000 * 1000)

static bool refuse_status(struct loader *l, const char *what, EFI_STATUS status)
{
	verdict_set(&l->verdict, OVBS_REASON_OTHER, "cpu.mp", "%s: EFI status %llxh", what,
		    (unsigned long long)status);
	return false;
}

/* Without the protocol there is no way to reach a second CPU: it must not exist. */
static bool find_without_protocol(struct loader *l, EFI_STATUS status)
{
	uint32_t apic_id = 0;
	unsigned int cpus =
		acpi_madt_cpus(platform_acpi_memory(), platform_rsdp(l), MADT_F_ENABLED, &apic_id);

	if (cpus != 1) {
		verdict_set(&l->verdict, OVBS_REASON_OTHER, "cpu.mp",
			    "no multiprocessor services (EFI status %llxh), %u CPUs in the MADT",
			    (unsigned long long)status, cpus);
		return false;
	}
	l->mp = NULL;
	l->cpu_count = 1;
	l->boot_cpu = 0;
	l->apic_id[0] = apic_id;
	return true;
}

static bool find_cpu(struct loader *l, unsigned int index)
{
	struct mp_cpu_info info = { 0 };
	EFI_STATUS status = l->mp->get_processor_info(l->mp, index, &info);

	if (status != EFI_SUCCESS)
		return refuse_status(l, "GetProcessorInfo", status);
	if ((info.status & (MP_CPU_ENABLED | MP_CPU_HEALTHY)) != (MP_CPU_ENABLED | MP_CPU_HEALTHY)) {
		verdict_set(&l->verdict, OVBS_REASON_OTHER, "cpu.mp",
			    "CPU %u (APIC %llxh) is disabled or ill: status %xh", index,
			    (unsigned long long)info.apic_id, info.status);
		return false;
	}
	if (info.apic_id > UINT32_MAX) {
		verdict_set(&l->verdict, OVBS_REASON_OTHER, "cpu.mp",
			    "CPU %u: APIC identifier %llxh", index, (unsigned long long)info.apic_id);
		return false;
	}
	l->apic_id[index] = (uint32_t)info.apic_id;
	return true;
}

bool mp_find(struct loader *l)
{
	EFI_GUID guid = MP_SERVICES_GUID;
	uintptr_t all = 0, enabled = 0, self = 0;
	EFI_STATUS status = l->bs->LocateProtocol(&guid, NULL, (void **)&l->mp);

	if (status != EFI_SUCCESS)
		return find_without_protocol(l, status);
	status = l->mp->get_number_of_processors(l->mp, &all, &enabled);
	if (status != EFI_SUCCESS)
		return refuse_status(l, "GetNumberOfProcessors", status);
	if (all == 0 || all > OVBS_MAX_CPUS || enabled != all) {
		verdict_set(&l->verdict, OVBS_REASON_OTHER, "cpu.mp",
			    "%llu CPUs, %llu of them enabled; limit %u", (unsigned long long)all,
			    (unsigned long long)enabled, OVBS_MAX_CPUS);
		return false;
	}
	for (unsigned int i = 0; i < all; i++)
		if (!find_cpu(l, i))
			return false;
	status = l->mp->who_am_i(l->mp, &self);
	if (status != EFI_SUCCESS || self >= all)
		return refuse_status(l, "WhoAmI", status);
	l->cpu_count = (unsigned int)all;
	l->boot_cpu = (unsigned int)self;
	return true;
}

struct mp_call {
	struct mp_services *mp;
	mp_task task;
	void *argument;
};

/* WhoAmI is the one service that application processors may call (PI 1.8, volume 2, 13.4.8). */
static void EFIAPI run_task(void *argument)
{
	const struct mp_call *call = argument;
	uintptr_t self = OVBS_MAX_CPUS;

	if (call->mp->who_am_i(call->mp, &self) == EFI_SUCCESS && self < OVBS_MAX_CPUS)
		call->task(call->argument, (unsigned int)self);
}

EFI_STATUS mp_run_on_others(struct loader *l, mp_task task, void *argument)
{
	struct mp_call call = { l->mp, task, argument };

	if (l->cpu_count == 1)
		return EFI_SUCCESS;
	return l->mp->startup_all_aps(l->mp, run_task, FALSE, NULL, MP_TIMEOUT_US, &call, NULL);
}
