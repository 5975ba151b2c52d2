/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The DMA map: I/O page tables in the format of one kind of IOMMU. A pure
 * builder over a pool of pages: it knows no registers, so the host's tests walk
 * what it builds.
 *
 * Invariants: an entry is either 0 (no access) or right in every bit; entries
 * change by single 64-bit stores, so a unit that walks at the same time sees
 * the old or the new one; what changed is written back from the CPU's cache,
 * because a unit need not snoop its tables (VT-d 4.1, ECAP_REG bit C).
 */
#ifndef HV_IOMMU_DMA_MAP_H
#define HV_IOMMU_DMA_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openvbs/platform.h>

#include "addr.h"

#define DMA_READ  (1u << 0)
#define DMA_WRITE (1u << 1)

struct dma_map {
	enum ovbs_iommu_kind kind;
	unsigned int levels;      /* 3 to 5 (VT-d SAGAW); AMD: 3 to 6 */
	unsigned int leaf_levels; /* bit n: leaves of level n may be used; bit 1 (4 KiB) always */
	/* a page for a table, zeroed; NULL: none left */
	void *(*page)(struct dma_map *map);
	/* a table that one leaf has taken the place of: true, its page may be had back once the units have forgotten it; false: no */
	bool (*spare)(struct dma_map *map, void *table);
	struct spa (*spa_of)(const void *va);
	void *(*va_of)(struct spa spa);
	/* by dma_map_init(): */
	uint64_t *root;
	struct spa root_spa;
};

/**
 * dma_map_init - take the root
 *
 * The fields above root are set by the caller. 1 GiB leaves are given up where
 * there are none of 2 MiB to split them into. 0, -ENOMEM, or -EINVAL (kind or
 * levels make no sense). Context: PREPARE.
 */
int dma_map_init(struct dma_map *map);

/**
 * dma_map_add - let devices read and write [@start, @end), identity, in bytes, page aligned
 *
 * The largest leaves that fit; what is in the map already stays as it is. 0,
 * -ENOMEM, or -EINVAL (not aligned, empty, or beyond the levels). Context: PREPARE.
 */
int dma_map_add(struct dma_map *map, uint64_t start, uint64_t end);

/**
 * dma_map_set - rights of one page: @read, @write; neither: the whole entry is 0
 *
 * Splits larger leaves. 0, -ENOMEM (nothing has changed then), or -EINVAL. A
 * unit may use the old entry until it is told to forget it. Context: host, the
 * map's lock held.
 */
int dma_map_set(struct dma_map *map, uint64_t page, bool read, bool write);

/**
 * dma_map_merge - make one leaf again of every table whose leaves all give both rights
 *
 * Asks spare() for each; may be called when page() has no more. Context: host,
 * the map's lock held.
 */
void dma_map_merge(struct dma_map *map);

/** dma_map_rights - DMA_READ, DMA_WRITE: what devices may do with the page. Context: any. */
unsigned int dma_map_rights(const struct dma_map *map, uint64_t page);

/** dma_write_back - write @bytes at @p back from the CPU's cache, before anything later. Context: any. */
void dma_write_back(const void *p, size_t bytes);

#endif
