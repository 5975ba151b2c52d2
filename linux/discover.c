// SPDX-License-Identifier: GPL-2.0-only
/*
 * Finding the hypervisor by its CPUID leaves. The leaves answer although the
 * hypervisor bit (CPUID.1:ECX[31]) may be clear, so the signature alone
 * decides. Nothing is used before it was checked: a level below that merely
 * copies the signature must not make the kernel read outside of what it names.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <asm/processor.h>
#include <linux/errno.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/string.h>

#include "openvbs.h"

#define RANGE_MAX (64u << 20) /* no log or table of counters is larger */

struct hv_range {
	u64 gpa;
	u32 bytes;
	u32 extra; /* EDX */
};

static u32 leaf_signed(u32 leaf, char found[13])
{
	u32 max, *text = (u32 *)found;

	cpuid(leaf, &max, &text[0], &text[1], &text[2]);
	found[12] = '\0';
	return memcmp(found, OVBS_CPUID_SIGNATURE, 12) ? 0 : max;
}

static bool hypervisor_there(void)
{
	char found[16] __aligned(4);

	if (leaf_signed(OVBS_CPUID_BASE, found) < 0x40000002) {
		pr_err("no openvbs hypervisor: CPUID %xh gives \"%*pE\", not \"%s\"; see `vbsctl status`\n",
		       OVBS_CPUID_BASE, 12, found, OVBS_CPUID_SIGNATURE);
		return false;
	}
	if (leaf_signed(OVBS_CPUID_OWN_BASE, found) < OVBS_CPUID_STATS) {
		pr_err("the hypervisor does not announce its log and counters: CPUID %xh ends before %xh\n",
		       OVBS_CPUID_OWN_BASE, OVBS_CPUID_STATS);
		return false;
	}
	return true;
}

/* Map what a leaf names, if it can be what it should be: not empty, not huge, not Linux's own memory. */
static const void *map_range(u32 leaf, const char *what, size_t least, struct hv_range *r)
{
	const u64 limit = 1ULL << boot_cpu_data.x86_phys_bits;
	u32 lo, hi;
	const void *map;

	cpuid(leaf, &lo, &hi, &r->bytes, &r->extra);
	r->gpa = lo | (u64)hi << 32;
	if (r->bytes < least || r->bytes > RANGE_MAX || !r->gpa || !PAGE_ALIGNED(r->gpa) ||
	    r->gpa >= limit || r->bytes > limit - r->gpa) {
		pr_err("%s: CPUID %xh names %#x bytes at %#llx: makes no sense\n", what, leaf,
		       r->bytes, r->gpa);
		return NULL;
	}
	if (region_intersects(r->gpa, r->bytes, IORESOURCE_SYSTEM_RAM, IORES_DESC_NONE) != REGION_DISJOINT) {
		pr_err("%s: CPUID %xh names %#llx, which is Linux's own memory\n", what, leaf, r->gpa);
		return NULL;
	}
	map = memremap(r->gpa, r->bytes, MEMREMAP_WB);
	if (!map)
		pr_err("%s: %#x bytes at %#llx can't be mapped\n", what, r->bytes, r->gpa);
	return map;
}

static int take_log(struct openvbs_hv *hv)
{
	struct hv_range r;
	const struct ovbs_log *log = map_range(OVBS_CPUID_LOG, "log", sizeof(*log) + PAGE_SIZE / 2, &r);
	u64 size;

	if (!log)
		return -EPROTO;
	hv->log = log;
	size = READ_ONCE(log->data_size);
	if (READ_ONCE(log->magic) != OVBS_LOG_MAGIC || READ_ONCE(log->version) != OVBS_LOG_VERSION ||
	    size < PAGE_SIZE / 2 || size > r.bytes - sizeof(*log)) {
		pr_err("log: magic %#x, version %u, size %llu in %#x bytes: this module knows version %u\n",
		       log->magic, log->version, size, r.bytes, OVBS_LOG_VERSION);
		return -EPROTO;
	}
	hv->log_bytes = size;
	return 0;
}

static int take_stats(struct openvbs_hv *hv)
{
	struct hv_range r;
	const struct ovbs_stats *stats = map_range(OVBS_CPUID_STATS, "counters", sizeof(*stats), &r);
	u64 room;

	if (!stats)
		return -EPROTO;
	hv->stats = stats;
	hv->cpus = READ_ONCE(stats->cpus);
	hv->slots = READ_ONCE(stats->slots);
	room = (r.bytes - sizeof(*stats)) / sizeof(stats->count[0]);
	if (READ_ONCE(stats->magic) != OVBS_STATS_MAGIC ||
	    READ_ONCE(stats->version) != OVBS_STATS_VERSION || !hv->cpus || hv->cpus != r.extra ||
	    hv->slots < OVBS_STAT_COUNT || (u64)hv->cpus * hv->slots > room) {
		pr_err("counters: magic %#x, version %u, %u CPUs (CPUID: %u) of %u in %#x bytes: this module knows version %u\n",
		       stats->magic, stats->version, hv->cpus, r.extra, hv->slots, r.bytes,
		       OVBS_STATS_VERSION);
		return -EPROTO;
	}
	return 0;
}

int openvbs_discover(struct openvbs_hv *hv)
{
	u32 version, unused;
	int err;

	if (!hypervisor_there())
		return -ENODEV;
	cpuid(0x40000002, &hv->build, &version, &unused, &unused);
	hv->major = version >> 16;
	hv->minor = version & 0xFFFF;
	err = take_log(hv) ?: take_stats(hv);
	if (err)
		openvbs_forget(hv);
	return err;
}

void openvbs_forget(struct openvbs_hv *hv)
{
	if (hv->stats)
		memunmap((void *)hv->stats);
	if (hv->log)
		memunmap((void *)hv->log);
	memset(hv, 0, sizeof(*hv));
}
