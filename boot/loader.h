/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of the loader share: firmware's tables, the settings, and
 * what became of it all. One instance, in main.c.
 */
#ifndef BOOT_LOADER_H
#define BOOT_LOADER_H

#include <stdbool.h>
#include <stdint.h>

#include <openvbs/boot_info.h>
#include <openvbs/status.h>

#include "acpi_tables.h"
#include "checks.h"
#include "config.h"
#include "elf.h"
#include "settings.h"
#include "verdict.h"

#include "efi_api.h"

/* The records that settings come from; a source that is not there or not whole is NULL in `from`. */
struct records {
	struct ovbs_record lock, opt_out, policy, local;
	struct settings_sources from;
	enum ovbs_lock lock_state;
	bool reserved;     /* OpenvbsLock is there, and ours */
	uint32_t findings; /* OVBS_FOUND_* */
	char note[96];     /* the first of them in words */
};

struct loader {
	EFI_HANDLE image;
	EFI_SYSTEM_TABLE *st;
	EFI_BOOT_SERVICES *bs;
	EFI_RUNTIME_SERVICES *rt;
	EFI_LOADED_IMAGE *self;
	struct config config;
	struct verdict verdict;
	struct records records;
	struct settings settings;
	struct ovbs_platform platform;
	struct acpi_iommu iommu; /* facts.c: what the platform's DMAR or IVRS lists */
	uint8_t esp_partition[16]; /* GUID of the partition that this file lies on; 0 if there is none */
	bool second;               /* openvbs runs since an earlier start in this boot */
	enum cpu_kind kind;        /* of the boot CPU; all others must be of the same */

	/* image.c */
	const uint8_t *hv_file;
	struct elf_plan hv_plan, sk_plan;

	/* mp.c */
	struct mp_services *mp; /* NULL on a machine with one CPU and no protocol */
	unsigned int cpu_count, boot_cpu;
	uint32_t apic_id[OVBS_MAX_CPUS];
	struct ovbs_cpu_facts facts[OVBS_MAX_CPUS];

	/* launch.c */
	struct ovbs_boot_info *info; /* NULL before the block is there and once it is out of reach */
	bool running;
	uint64_t log_gpa, log_size, stats_gpa, stats_size, memory_bytes; /* if running */
};

/* file.c: a file on the loader's own volume, at most @max bytes, any status of UEFI 2.10, 13.5. */
EFI_STATUS file_read(const struct loader *l, CHAR16 *path, void *buf, UINTN max, UINTN *size);

/* options.c: fill l->config from load options, file, defaults. */
void options_read(struct loader *l);

/* records.c: the settings of this boot: l->records and l->settings. */
void records_read(struct loader *l);

/* records.c: write the UEFI lock if these settings ask for one. openvbs runs. */
void records_lock(struct loader *l);

/* records.c: the first start after somebody opted out. */
void records_bind(struct loader *l);

/* records.c: write OpenvbsLock, or (@guard NULL) delete it. It is sealed here, and read back. */
EFI_STATUS records_write(struct loader *l, struct ovbs_record *guard, const char *by);

/* facts.c: what this machine has: l->platform, l->esp_partition. */
void facts_gather(struct loader *l);

/* dma.c: does the level ask for DMA protection? Then nothing starts without it. */
bool dma_required(const struct loader *l);

/* dma.c: which IOMMUs the hypervisor gets: l->iommu. False: level 3 can't be had; l->verdict says why. */
bool dma_plan(struct loader *l) __must_check;

/* hide.c: keep DMAR and IVRS from the operating system. DMA protection is enforced. */
void hide_iommu(struct loader *l);

/* mandatory.c: is openvbs required to run? and: say why it does not, and stay. */
bool mandatory(const struct loader *l);
void mandatory_stop(struct loader *l) __noreturn;

/* image.c: find and check the hypervisor for l->kind inside this file. */
bool image_check(struct loader *l) __must_check;

/* platform.c: firmware's memory map, before anything else of it is used. */
void platform_init(const struct loader *l);

/* platform.c: are all @len bytes at @address memory of the map? */
bool platform_readable(uint64_t address, size_t len);

/* platform.c: Secure Boot and the ACPI tables. */
const char *platform_secure_boot(const struct loader *l);
const void *platform_table(const struct loader *l, const EFI_GUID *guid);
uint64_t platform_rsdp(const struct loader *l);

/* platform.c: @n bytes from EFI_RNG_PROTOCOL (UEFI 2.10, 37.5) where there is one, and clocks. */
void platform_random(const struct loader *l, uint8_t *buf, size_t n);

/* block.c: the hypervisor's memory. Both say in l->verdict what went wrong. */
bool block_create(struct loader *l) __must_check;
void block_free(struct loader *l);

/* launch.c: start the hypervisor on every CPU. */
bool launch(struct loader *l) __must_check;

/* status.c: did openvbs start before, in this boot? Then it runs, and its status stays. */
bool status_running(const struct loader *l);

/* status.c: tell the person and the operating system. */
void status_publish(struct loader *l);

/* next.c: start the next boot stage; returns only if that failed or ended. */
EFI_STATUS next_start(struct loader *l);

#endif
