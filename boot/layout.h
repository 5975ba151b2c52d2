/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where things lie in the hypervisor's block of memory, and how high the
 * machine's RAM reaches. Pure arithmetic; the block's picture is in
 * include/openvbs/boot_info.h.
 */
#ifndef BOOT_LAYOUT_H
#define BOOT_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include <openvbs/boot_info.h>

#include "ovbs_compiler.h"

/* The hypervisor image may take so many bytes of address space. */
#define LAYOUT_IMAGE_MAX (8ULL << 20)

/**
 * layout_plan() - sizes and offsets of the block
 * @info: image_size, cpu_count, vtl1_size and iommu_count are read; block_size, info_off,
 *        shared_*, private_*, vtl1_off are filled; shared_next is where the loader's tables start
 *
 * The shared pool holds the loader's own tables on top of what the hypervisor
 * asks for, so that these never take pages from it.
 *
 * Return: 0, or -EINVAL. Context: any.
 */
int layout_plan(struct ovbs_boot_info *info) __must_check;

/* A line of the UEFI memory map (UEFI 2.10, 7.2.3, EFI_MEMORY_DESCRIPTOR). */
struct layout_range {
	uint32_t type;
	uint32_t pad;
	uint64_t start;
	uint64_t virtual_start;
	uint64_t pages;
	uint64_t attributes;
};
_Static_assert(sizeof(struct layout_range) == 40, "EFI_MEMORY_DESCRIPTOR");

/**
 * layout_ram_top() - first byte after the highest RAM
 * @map: the memory map
 * @map_size: bytes
 * @step: bytes from one descriptor to the next (firmware's, >= 40)
 *
 * "Reserved" may be RAM or a hole far above it (AMD machines reserve the
 * HyperTransport hole below 1 TiB). So reserved ranges only count where they
 * touch RAM that is known from other types, or other such ranges.
 *
 * Return: the address, 0 if the map holds no RAM. Context: any.
 */
uint64_t layout_ram_top(const void *map, size_t map_size, size_t step);

/**
 * layout_ram_ranges() - the machine's RAM, neighbours merged, ascending
 * @map, @map_size, @step: as for layout_ram_top()
 * @out: filled, at most @max of them; ranges that find no room are left out
 *
 * Reserved ranges are not RAM here: among them is openvbs's own block.
 * Return: how many. Context: any.
 */
unsigned int layout_ram_ranges(const void *map, size_t map_size, size_t step,
			       struct ovbs_range *out, unsigned int max);

#endif
