/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VTL1's memory: how much it takes, and what the loader puts into it. The
 * picture is in include/openvbs/sk_info.h.
 */
#ifndef BOOT_VTL1_H
#define BOOT_VTL1_H

#include <stdint.h>

#include <openvbs/boot_info.h>
#include <openvbs/trustlet_abi.h>

#include "elf.h"

/* Everything that goes in. */
struct vtl1_parts {
	const struct elf_plan *plan; /* of the secure kernel's image */
	const uint8_t *image;
	const struct ovbs_bundle *bundle;
	uint64_t bundle_bytes;
	uint64_t tsc_khz;
	uint32_t security_version, build;
	uint8_t seed[48];
};

/**
 * vtl1_bytes() - memory that VTL1 needs: image, bundle, its own pages for @cpus
 * CPUs, and what each trustlet may use at most; a multiple of 2 MiB
 *
 * Return: bytes, or 0 if the bundle makes no sense. Context: any.
 */
uint64_t vtl1_bytes(const struct vtl1_parts *p, uint32_t cpus);

/**
 * vtl1_fill() - load image and bundle, build the page tables, say where VTL1 begins
 * @info: the block's layout, RAM ranges and CPUs are read; info->vtl1 is filled
 * @at: VTL1's memory, zeroed, at its identity address
 *
 * Return: 0, -EINVAL, -EEXIST or -ENOMEM. Context: any.
 */
int vtl1_fill(const struct vtl1_parts *p, struct ovbs_boot_info *info, void *at) __must_check;

#endif
