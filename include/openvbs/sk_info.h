/* SPDX-License-Identifier: MIT */
/*
 * What the loader hands to the secure kernel. Both come out of one signed file.
 *
 * VTL1's memory is one range of guest physical addresses (the same as system
 * physical ones), seen by the secure kernel at SK_VA_BASE:
 *
 *   offset 0 ......... image: the PT_LOADs of its ELF file, linked at SK_VA_BASE
 *   `info_off` ....... struct ovbs_sk_info (page aligned)        RW, NX
 *   `bundle_off` ..... the trustlets (struct ovbs_bundle)        R, NX
 *   `pool_off` ....... free pages, zeroed; the loader's page tables for the
 *                      secure kernel are the pages below `pool_next`  RW, NX
 *   `size` ........... end
 *
 * The secure kernel starts on the boot CPU with those page tables, a stack of
 * one page below `boot_stack_top`, and RDI = the info's virtual address.
 */
#ifndef OPENVBS_SK_INFO_H
#define OPENVBS_SK_INFO_H

#include <openvbs/boot_info.h>

#define SK_VA_BASE  0xFFFFFFFF80000000ULL
#define SK_VA_LIMIT (1ULL << 30) /* so much of VTL1's memory fits there */

#define OVBS_SK_INFO_MAGIC   0x314B5353425645ULL /* "EVBSSK1" */
#define OVBS_SK_INFO_VERSION 1
#define OVBS_SK_SEED_BYTES   48

/* Pages for the secure kernel itself, beside image, bundle and the trustlets' own limits. */
#define OVBS_SK_POOL_BASE    (16u << 18)
#define OVBS_SK_POOL_PER_CPU (64u << 10)

struct ovbs_sk_info {
	uint64_t magic;
	uint32_t version;
	uint32_t size; /* sizeof(struct ovbs_sk_info) */
	uint64_t gpa;  /* of VTL1's memory */
	uint64_t bytes;
	uint64_t info_off;
	uint64_t bundle_off, bundle_bytes;
	uint64_t pool_off, pool_next;
	uint64_t block_gpa, block_bytes; /* openvbs's whole block: nothing of VTL0's is in it */
	uint64_t tsc_khz;
	uint32_t cpu_count;
	uint32_t boot_cpu;
	uint32_t security_version;
	uint32_t build; /* major << 16 | minor << 8 | patch */
	uint64_t ram_count;
	struct ovbs_range ram[OVBS_MAX_RAM_RANGES]; /* what VTL0 may name: RAM, without the block */
	uint8_t seed[OVBS_SK_SEED_BYTES]; /* from the firmware's random number generator, if any, and counters; wiped once used */
};

#endif
