// SPDX-License-Identifier: GPL-2.0-only
/*
 * The boot order of the hypervisor, and its only loop. On the boot CPU VTL1 runs
 * first, until its first return.
 *
 * PREPARE builds everything that can fail, for all CPUs, while the firmware
 * still owns the machine. ENTER turns one CPU's firmware context into VTL0 and
 * cannot fail any more.
 */
#include <openvbs/boot_info.h>

#include <format.h>
#include <ovbs_errno.h>

#include "arch/contract.h"
#include "arch/x86/apic.h"
#include "arch/x86/host.h"
#include "arch/x86/speculation.h"
#include "core/a20.h"
#include "core/exits.h"
#include "core/fwcfg.h"
#include "core/hpet.h"
#include "core/icr.h"
#include "core/log.h"
#include "core/pci.h"
#include "core/power.h"
#include "core/vapic.h"
#include "core/vtl.h"
#include "iommu/iommu.h"
#include "mm/pool.h"
#include "mm/slat.h"

struct cpu_shared *cpus;
uint32_t cpu_count;
bool hv_prepared;

static struct ovbs_boot_info *boot_info;
static struct ovbs_stats *stats;

uint64_t __stack_chk_guard = 0x595E0BAD00AFF1CEULL; /* replaced by start_stack_guard() */
void __stack_chk_fail(void);
uint64_t hv_prepare(struct ovbs_boot_info *info) __attribute__((no_stack_protector));
void hv_enter(uint32_t index) __attribute__((noreturn));

void __stack_chk_fail(void)
{
	hv_panic("stack overflow in the hypervisor");
}

/* Not inlined anywhere with a guarded frame: the guard changes under its feet. */
static __attribute__((noinline, no_stack_protector)) void start_stack_guard(void)
{
	uint64_t v = rdtsc() * 0x9E3779B97F4A7C15ULL;

	if (cpuid(1, 0).ecx & (1u << 30))
		asm volatile("rdrand %0" : "+r"(v) : : "cc");
	__stack_chk_guard = (__stack_chk_guard ^ v) & ~0xFFULL;
}

static uint64_t check_info(const struct ovbs_boot_info *info)
{
	if (info->magic != OVBS_BOOT_INFO_MAGIC || info->version != OVBS_BOOT_INFO_VERSION ||
	    info->size != sizeof(*info))
		return OVBS_HV_E_BOOT_INFO;
	if (!info->cpu_count || info->cpu_count > OVBS_MAX_CPUS ||
	    info->boot_cpu >= info->cpu_count || info->ram_count > OVBS_MAX_RAM_RANGES ||
	    info->iommu_count > OVBS_MAX_IOMMUS || info->dma_range_count > OVBS_MAX_DMA_RANGES)
		return OVBS_HV_E_BOOT_INFO;
	return pool_init(info) ? OVBS_HV_E_LAYOUT : OVBS_HV_OK;
}

static unsigned int stats_pages(uint32_t count)
{
	uint64_t bytes = sizeof(*stats) + (uint64_t)count * OVBS_STAT_MAX * sizeof(uint64_t);

	return (unsigned int)((bytes + PAGE_SIZE - 1) / PAGE_SIZE);
}

/* Log and counters: pages that VTL0 may read. */
static int prepare_shown(struct ovbs_boot_info *info)
{
	unsigned int log_pages = LOG_BYTES / PAGE_SIZE, n = stats_pages(info->cpu_count);
	void *log = pool_pages(log_pages);

	stats = pool_pages(n);
	if (!log || !stats)
		return -ENOMEM;
	log_init(log, info->flags & OVBS_BOOT_F_SERIAL);
	stats->magic = OVBS_STATS_MAGIC;
	stats->version = OVBS_STATS_VERSION;
	stats->cpus = info->cpu_count;
	stats->slots = OVBS_STAT_MAX;
	info->log_gpa = shared_spa(log).v;
	info->log_size = LOG_BYTES;
	info->stats_gpa = shared_spa(stats).v;
	info->stats_size = n * PAGE_SIZE;
	if (slat_show(&vtl0_slat, gpa(info->log_gpa), log_pages, SLAT_R))
		return -ENOMEM;
	return slat_show(&vtl0_slat, gpa(info->stats_gpa), n, SLAT_R);
}

static int prepare_cpus(struct ovbs_boot_info *info)
{
	uint64_t bytes = info->cpu_count * sizeof(*cpus);

	cpus = pool_pages((unsigned int)((bytes + PAGE_SIZE - 1) / PAGE_SIZE));
	if (!cpus)
		return -ENOMEM;
	cpu_count = info->cpu_count;
	for (uint32_t i = 0; i < cpu_count; i++) {
		cpus[i].index = i;
		cpus[i].apic_id = info->cpu[i].apic_id;
		cpus[i].stats = &stats->count[(uint64_t)i * OVBS_STAT_MAX];
		info->cpu[i].root = host_prepare_cpu(i, info->loader_root, info->flags & OVBS_BOOT_F_LA57);
		if (!info->cpu[i].root)
			return -ENOMEM;
	}
	return 0;
}

/* What is mapped at the start: RAM, and the pages that get rights of their own then. */
static uint64_t eager_top(const struct ovbs_boot_info *info)
{
	uint64_t top = info->ram_top, ecam = info->ecam_base + ((uint64_t)info->ecam_buses << 20);

	if (info->ecam_buses && ecam > top)
		top = ecam;
	return info->hpet_base && info->hpet_base + HPET_BYTES > top ? info->hpet_base + HPET_BYTES : top;
}

uint64_t hv_prepare(struct ovbs_boot_info *info)
{
	const char *why = "";
	uint64_t err = check_info(info);
	int iommu;

	if (err)
		return err;
	boot_info = info;
	start_stack_guard();
	host_prepare();
	host_load_boot_tables();
	if (!arch_supported(&why)) {
		ovbs_snprintf(info->why, sizeof(info->why), "%s", why);
		return OVBS_HV_E_CPU;
	}
	if (slat_prepare(&vtl0_slat, eager_top(info), cpuid(0x80000008, 0).eax & 0xFF) ||
	    prepare_shown(info) || arch_prepare(info) || prepare_cpus(info))
		return OVBS_HV_E_MEMORY;
	power_prepare(&info->acpi);
	a20_prepare();
	vapic_prepare();
	speculation_prepare();
	if (icr_prepare(info) || pci_prepare(info) || fwcfg_prepare() || hpet_prepare(info) ||
	    vtl_prepare(info) || slat_prepare_end(&vtl0_slat, (unsigned int)info->piece_tables))
		return OVBS_HV_E_MEMORY;
	iommu = iommu_prepare(info); /* the last step: devices are held from here on */
	if (iommu)
		return iommu == -EPERM ? OVBS_HV_E_IOMMU : OVBS_HV_E_MEMORY;
	hv_prepared = true;
	return OVBS_HV_OK;
}

const struct ovbs_boot_info *hv_boot_info(void)
{
	return boot_info;
}

static void adopt(uint32_t index)
{
	struct cpu *c = this_cpu;

	c->index = index;
	c->shared = &cpus[index];
	for (unsigned int i = 0; i < VTL_COUNT; i++) {
		c->vtl[i].gpr = c->gpr;
		c->vtl[i].vtl = (uint8_t)i;
	}
	c->active = &c->vtl[0];
	host_enter_cpu();
	apic_enter_cpu();
	c->shared->apic_id = icr_own_apic_id(); /* what the CPU says, whatever the firmware's list says */
	arch_enter(&c->vtl[0], &boot_info->cpu[index].entry);
	__atomic_store_n(&c->shared->state, CPU_RUNNING, __ATOMIC_RELEASE);
	__atomic_add_fetch(&stats->online, 1, __ATOMIC_RELEASE);
	hv_log("CPU %u (APIC %x) runs VTL0", index, c->shared->apic_id);
}

void hv_enter(uint32_t index)
{
	struct cpu *c = this_cpu;

	adopt(index);
	if (index == boot_info->boot_cpu) {
		hpet_start();
		vtl_boot();
	}
	for (;;) {
		struct vcpu *v = c->active;

		cpu_before_entry(v);
		arch_run_guest(v);
		v = c->active; /* it may be the other VTL that exited */
		__atomic_store_n(&c->shared->in_guest, 0, __ATOMIC_RELEASE);
		arch_handle_exit(v);
		if (c->active != v)
			arch_switch_vtl(c->active);
	}
}
