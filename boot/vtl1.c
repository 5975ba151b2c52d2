/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VTL1's memory: see vtl1.h.
 */
#include "vtl1.h"

#include <openvbs/sk_info.h>

#include "ovbs_errno.h"
#include "ovbs_string.h"
#include "tables.h"

static uint64_t up(uint64_t n, uint64_t unit)
{
	return (n + unit - 1) / unit * unit;
}

/* Page tables for at most SK_VA_LIMIT: three of the upper levels, and one for each 2 MiB. */
static uint64_t tables_bytes(uint64_t size)
{
	return (4 + size / LARGE_PAGE_SIZE) * PAGE_SIZE;
}

uint64_t vtl1_bytes(const struct vtl1_parts *p, uint32_t cpus)
{
	const struct ovbs_bundle *b = p->bundle;
	uint64_t size;

	if (p->bundle_bytes < sizeof(*b) || b->magic != OVBS_BUNDLE_MAGIC ||
	    b->version != OVBS_BUNDLE_VERSION || b->policy_size != sizeof(b->policy[0]) ||
	    b->count > OVBS_TRUSTLETS_MAX ||
	    b->count > (p->bundle_bytes - sizeof(*b)) / sizeof(b->policy[0]))
		return 0;
	size = p->plan->image_size + up(sizeof(struct ovbs_sk_info), PAGE_SIZE) +
	       up(p->bundle_bytes, PAGE_SIZE) + OVBS_SK_POOL_BASE + (uint64_t)cpus * OVBS_SK_POOL_PER_CPU;
	for (uint32_t i = 0; i < b->count; i++)
		size += (uint64_t)b->policy[i].memory_kib * 1024 + PAGE_SIZE; /* and its request page */
	size += tables_bytes(size) + PAGE_SIZE;
	return up(size, LARGE_PAGE_SIZE);
}

static void fill_info(const struct vtl1_parts *p, const struct ovbs_boot_info *info, struct ovbs_sk_info *sk)
{
	sk->magic = OVBS_SK_INFO_MAGIC;
	sk->version = OVBS_SK_INFO_VERSION;
	sk->size = sizeof(*sk);
	sk->gpa = info->block_spa + info->vtl1_off;
	sk->bytes = info->vtl1_size;
	sk->info_off = p->plan->image_size;
	sk->bundle_off = sk->info_off + up(sizeof(*sk), PAGE_SIZE);
	sk->bundle_bytes = p->bundle_bytes;
	sk->pool_off = sk->bundle_off + up(p->bundle_bytes, PAGE_SIZE);
	sk->block_gpa = info->block_spa;
	sk->block_bytes = info->block_size;
	sk->tsc_khz = p->tsc_khz;
	sk->cpu_count = info->cpu_count;
	sk->boot_cpu = info->boot_cpu;
	sk->security_version = p->security_version;
	sk->build = p->build;
	sk->ram_count = info->ram_count;
	memcpy(sk->ram, info->ram, sizeof(sk->ram));
	memcpy(sk->seed, p->seed, sizeof(sk->seed));
}

static int map_all(struct tables *t, const struct vtl1_parts *p, const struct ovbs_sk_info *sk)
{
	uint64_t pool = sk->bytes - sk->pool_off;
	int rc = tables_map_image(t, p->plan, SK_VA_BASE, sk->gpa);

	if (rc == 0)
		rc = tables_map(t, SK_VA_BASE + sk->info_off, sk->gpa + sk->info_off,
				sk->bundle_off - sk->info_off, PTE_W | PTE_NX);
	if (rc == 0)
		rc = tables_map(t, SK_VA_BASE + sk->bundle_off, sk->gpa + sk->bundle_off,
				sk->pool_off - sk->bundle_off, PTE_NX);
	if (rc == 0)
		rc = tables_map(t, SK_VA_BASE + sk->pool_off, sk->gpa + sk->pool_off, pool, PTE_W | PTE_NX);
	return rc;
}

int vtl1_fill(const struct vtl1_parts *p, struct ovbs_boot_info *info, void *at)
{
	struct ovbs_sk_info *sk = (void *)((uint8_t *)at + p->plan->image_size);
	struct tables t;
	uint64_t pool;
	int rc;

	_Static_assert(sizeof(p->seed) == sizeof(sk->seed), "sk_info.h");
	fill_info(p, info, sk);
	elf_plan_load(p->plan, p->image, at);
	memcpy((uint8_t *)at + sk->bundle_off, p->bundle, p->bundle_bytes);
	pool = sk->gpa + sk->pool_off;
	/* VTL1 has 4 levels whatever the firmware uses. */
	rc = tables_init(&t, (uint8_t *)at + sk->pool_off, pool, sk->bytes - sk->pool_off, 4);
	if (rc == 0)
		rc = map_all(&t, p, sk);
	if (rc != 0)
		return rc;
	sk->pool_next = sk->pool_off + t.used + PAGE_SIZE; /* one page: the first stack */
	info->vtl1.rip = p->plan->entry;
	info->vtl1.rsp = SK_VA_BASE + sk->pool_next;
	info->vtl1.cr3 = t.spa;
	info->vtl1.rdi = SK_VA_BASE + sk->info_off;
	return 0;
}
