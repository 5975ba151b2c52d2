// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the hypervisor's memory lies. The log's address comes from CPUID; the
 * block around it is a reserved region of the memory map, perhaps merged with
 * its neighbours, so the size that the loader's status table tells is used to
 * find its ends: the block is a multiple of 2 MiB and aligned to it.
 */
#include <linux/ioport.h>
#include <linux/sizes.h>
#include <asm/msr.h>
#include <asm/processor.h>
#include <openvbs/tlfs.h>

#include "attack.h"

static u64 known_bytes;

static bool signature_at(u32 leaf)
{
	u32 eax, text[3];

	cpuid(leaf, &eax, &text[0], &text[1], &text[2]);
	return !memcmp(text, OVBS_CPUID_SIGNATURE, sizeof(text));
}

void block_set_bytes(u64 bytes)
{
	known_bytes = bytes;
}

/* The smallest resource that holds @at and is a direct child of the root. */
static bool region_of(u64 at, u64 *start, u64 *end)
{
	const struct resource *res;

	for (res = iomem_resource.child; res; res = res->sibling) {
		if (res->start <= at && at <= res->end) {
			*start = res->start;
			*end = res->end + 1;
			return true;
		}
	}
	return false;
}

bool block_find(struct block *b)
{
	u32 lo, hi, bytes, unused;

	memset(b, 0, sizeof(*b));
	if (!signature_at(OVBS_CPUID_BASE) || !signature_at(OVBS_CPUID_OWN_BASE))
		return false;
	cpuid(OVBS_CPUID_LOG, &lo, &hi, &bytes, &unused);
	b->log = lo | (u64)hi << 32;
	b->log_bytes = ALIGN(bytes, SZ_4K);
	cpuid(OVBS_CPUID_STATS, &lo, &hi, &bytes, &unused);
	b->stats = lo | (u64)hi << 32;
	b->stats_bytes = ALIGN(bytes, SZ_4K);
	if (!rdmsrl_safe(HV_X64_MSR_HYPERCALL, &b->code))
		b->code &= PAGE_MASK;
	if (!region_of(b->log, &b->start, &b->end))
		return false;
	b->start = ALIGN(b->start, SZ_2M);
	b->end = ALIGN_DOWN(b->end, SZ_2M);
	return b->start <= b->log && b->log < b->end;
}

bool block_visible(const struct block *b, u64 gpa)
{
	return (gpa >= b->log && gpa < b->log + b->log_bytes) ||
	       (gpa >= b->stats && gpa < b->stats + b->stats_bytes) || (b->code && gpa == b->code);
}

static void add(const struct block *b, u64 at, u64 *gpa, size_t *n, size_t max)
{
	at = ALIGN_DOWN(at, SZ_4K);
	if (*n < max && at >= b->start && at < b->end && !block_visible(b, at))
		gpa[(*n)++] = at;
}

/* Ends, neighbours of what is visible, and steps over the rest. */
size_t block_samples(const struct block *b, u64 *gpa, size_t max)
{
	u64 step = max > 6 ? (b->end - b->start) / (max - 6) : 0;
	u64 edges[] = { b->start,     b->end - 1,
			b->log - 1,   b->log + b->log_bytes,
			b->stats - 1, b->stats + b->stats_bytes };
	size_t i, n = 0;
	u64 at;

	for (i = 0; i < ARRAY_SIZE(edges); i++)
		add(b, edges[i], gpa, &n, max);
	for (at = b->start + step; step && at < b->end; at += step)
		add(b, at, gpa, &n, max);
	return n;
}
