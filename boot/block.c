/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hypervisor's block of memory: allocated, laid out, filled.
 * The picture is in include/openvbs/boot_info.h.
 */
#include "loader.h"

#include <openvbs/sk_info.h>

#include "cpu.h"
#include "layout.h"
#include "manifest.h"
#include "ovbs_string.h"
#include "platform.h"
#include "stub.h"
#include "tables.h"
#include "vtl1.h"

/*
 * EfiReservedMemoryType: the operating system must never touch it, and keeps
 * no mapping of it (UEFI 2.10, 7.2.1). Firmware aligns to 4 KiB only, so take
 * more and give the edges back.
 */
static bool allocate(struct loader *l, uint64_t size, uint64_t *spa)
{
	uint64_t pages = size / PAGE_SIZE;
	uint64_t extra = LARGE_PAGE_SIZE / PAGE_SIZE - 1;
	EFI_PHYSICAL_ADDRESS got = 0;
	EFI_STATUS status;
	uint64_t before;

	status = l->bs->AllocatePages(AllocateAnyPages, EfiReservedMemoryType, pages + extra, &got);
	if (status != EFI_SUCCESS) {
		verdict_set(&l->verdict, OVBS_REASON_OUT_OF_MEMORY, "memory.block",
			    "%llu KiB of reserved memory: EFI status %llxh",
			    (unsigned long long)(size + extra * PAGE_SIZE) / 1024,
			    (unsigned long long)status);
		return false;
	}
	*spa = (got + LARGE_PAGE_SIZE - 1) & ~(LARGE_PAGE_SIZE - 1);
	before = (*spa - got) / PAGE_SIZE;
	if (before > 0)
		l->bs->FreePages(got, before);
	if (extra > before)
		l->bs->FreePages(*spa + size, extra - before);
	return true;
}

static bool read_memory_map(struct loader *l, struct ovbs_boot_info *info)
{
	UINTN size = 0, key, step = 0;
	EFI_MEMORY_DESCRIPTOR *map = NULL;
	UINT32 version;
	EFI_STATUS status;

	/* The allocation itself may add lines: ask for room for a few more. */
	l->bs->GetMemoryMap(&size, NULL, &key, &step, &version);
	size += 8 * step;
	status = l->bs->AllocatePool(EfiLoaderData, size, (void **)&map);
	if (status == EFI_SUCCESS)
		status = l->bs->GetMemoryMap(&size, map, &key, &step, &version);
	if (status == EFI_SUCCESS) {
		info->ram_top = layout_ram_top(map, size, step);
		info->ram_count = layout_ram_ranges(map, size, step, info->ram, OVBS_MAX_RAM_RANGES);
	}
	if (map != NULL)
		l->bs->FreePool(map);
	if (info->ram_top == 0) {
		verdict_set(&l->verdict, OVBS_REASON_OTHER, "memory.map",
			    "memory map: EFI status %llxh", (unsigned long long)status);
		return false;
	}
	return true;
}

/* Image, boot info and shared pool at their virtual addresses; the stub where it is. */
static int build_tables(struct ovbs_boot_info *info, const struct elf_plan *plan)
{
	uint64_t stub = (uint64_t)stub_start & ~(PAGE_SIZE - 1);
	uint64_t stub_top = ((uint64_t)stub_end + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
	uint64_t pool = info->block_spa + info->shared_off;
	uint64_t data = info->private_off - info->info_off;
	struct tables t;
	int rc;

	rc = tables_init(&t, (void *)pool, pool, info->shared_size,
			 (info->flags & OVBS_BOOT_F_LA57) != 0 ? 5 : 4);
	if (rc == 0)
		rc = tables_map_image(&t, plan, HV_VA_BASE, info->block_spa);
	if (rc == 0)
		rc = tables_map(&t, HV_VA_BASE + info->info_off, info->block_spa + info->info_off,
				data, PTE_W | PTE_NX);
	if (rc == 0)
		rc = tables_map(&t, stub, stub, stub_top - stub, 0);
	info->loader_root = t.spa;
	info->shared_next = info->shared_off + t.used;
	return rc;
}

/* A table that makes no sense left nothing in the lists: then there is no IOMMU. */
static void fill_iommu(const struct loader *l, struct ovbs_boot_info *info)
{
	_Static_assert(sizeof(info->iommu) == sizeof(l->iommu.unit), "the same list");
	_Static_assert(sizeof(info->dma_range) == sizeof(l->iommu.range), "the same list");
	info->iommu_count = l->iommu.units;
	info->dma_range_count = l->iommu.ranges;
	memcpy(info->iommu, l->iommu.unit, sizeof(info->iommu));
	memcpy(info->dma_range, l->iommu.range, sizeof(info->dma_range));
	if (dma_required(l))
		info->flags |= OVBS_BOOT_F_DMA_REQUIRED;
}

static void fill_info(struct loader *l, struct ovbs_boot_info *info)
{
	uint32_t first;

	info->magic = OVBS_BOOT_INFO_MAGIC;
	info->version = OVBS_BOOT_INFO_VERSION;
	info->size = sizeof(*info);
	info->boot_cpu = l->boot_cpu;
	for (unsigned int i = 0; i < l->cpu_count; i++)
		info->cpu[i].apic_id = l->apic_id[i];
	if ((l->facts[l->boot_cpu].cr4 & CR4_LA57) != 0)
		info->flags |= OVBS_BOOT_F_LA57;
	if (OVBS_DEBUG && l->config.icr_open)
		info->flags |= OVBS_BOOT_F_ICR_OPEN;
	if (OVBS_DEBUG && !l->config.serial_off)
		info->flags |= OVBS_BOOT_F_SERIAL;
	if (acpi_pm_read(platform_acpi_memory(), platform_rsdp(l), &info->acpi) != 0)
		verdict_add(&l->verdict, "no ACPI FADT found");
	if (acpi_madt_cpus(platform_acpi_memory(), platform_rsdp(l),
			   MADT_F_ENABLED | MADT_F_ONLINE_CAPABLE, &first) == l->cpu_count)
		info->flags |= OVBS_BOOT_F_ALL_CPUS;
	info->ecam_buses = acpi_mcfg_read(platform_acpi_memory(), platform_rsdp(l), &info->ecam_base);
	info->hpet_base = acpi_hpet_read(platform_acpi_memory(), platform_rsdp(l));
	fill_iommu(l, info);
}

/* Ticks in 10 ms by the firmware's clock. */
static uint64_t measure_tsc_khz(struct loader *l)
{
	uint64_t before = cpu_rdtsc();

	l->bs->Stall(10000);
	return (cpu_rdtsc() - before) / 10;
}

static bool gather_vtl1(struct loader *l, struct vtl1_parts *p, struct ovbs_boot_info *plan)
{
	p->plan = &l->sk_plan;
	p->image = image_sk_start;
	p->bundle = (const void *)image_trustlets_start;
	p->bundle_bytes = (uint64_t)(image_trustlets_end - image_trustlets_start);
	p->tsc_khz = measure_tsc_khz(l);
	p->security_version = image_manifest.security_version;
	p->build = OVBS_VERSION_MAJOR << 16 | OVBS_VERSION_MINOR << 8 | OVBS_VERSION_BUILD;
	platform_random(l, p->seed, sizeof(p->seed));
	plan->vtl1_size = vtl1_bytes(p, l->cpu_count);
	if (plan->vtl1_size != 0 && plan->vtl1_size <= SK_VA_LIMIT)
		return true;
	verdict_set(&l->verdict, OVBS_REASON_IMAGE_REFUSED, "image.trustlets",
		    "the bundle of trustlets makes no sense: VTL1 would take %llu KiB",
		    (unsigned long long)plan->vtl1_size / 1024);
	return false;
}

bool block_create(struct loader *l)
{
	static struct ovbs_boot_info plan; /* too large for a stack */
	static struct vtl1_parts vtl1;
	struct ovbs_boot_info *info;
	int rc;

	memset(&plan, 0, sizeof(plan));
	plan.image_size = l->hv_plan.image_size;
	plan.cpu_count = l->cpu_count;
	plan.iommu_count = l->iommu.units;
	if (!gather_vtl1(l, &vtl1, &plan) || !read_memory_map(l, &plan))
		return false;
	rc = layout_plan(&plan);
	if (rc != 0) {
		verdict_set(&l->verdict, OVBS_REASON_OTHER, "memory.layout", "image of %llu bytes, %u CPUs",
			    (unsigned long long)plan.image_size, plan.cpu_count);
		return false;
	}
	if (!allocate(l, plan.block_size, &plan.block_spa))
		return false;
	memset((void *)plan.block_spa, 0, plan.block_size);
	info = (struct ovbs_boot_info *)(plan.block_spa + plan.info_off);
	l->info = info;
	*info = plan;
	fill_info(l, info);
	elf_plan_load(&l->hv_plan, l->hv_file, (void *)info->block_spa);
	rc = build_tables(info, &l->hv_plan);
	if (rc == 0 && !read_memory_map(l, info)) {
		block_free(l);
		return false;
	}
	if (rc == 0)
		rc = vtl1_fill(&vtl1, info, (void *)(info->block_spa + info->vtl1_off));
	memset(vtl1.seed, 0, sizeof(vtl1.seed));
	if (rc != 0) {
		verdict_set(&l->verdict, OVBS_REASON_OTHER, "memory.tables", "page tables: error %d", rc);
		block_free(l);
		return false;
	}
	return true;
}

void block_free(struct loader *l)
{
	uint64_t spa = l->info->block_spa, size = l->info->block_size;

	if (l->info->dma_stuck != 0) { /* an IOMMU may still walk tables in it */
		verdict_add(&l->verdict, "%llu KiB stay taken", (unsigned long long)size / 1024);
		l->info = NULL;
		return;
	}
	memset((void *)spa, 0, size);
	l->bs->FreePages(spa, size / PAGE_SIZE);
	l->info = NULL;
}
