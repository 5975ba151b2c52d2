/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page tables for the hypervisor's first steps, 4 or 5 levels.
 *
 * A pure builder: tables live in a pool that is seen at one address and used
 * by the CPU at another, so that the host's tests can walk them.
 */
#ifndef BOOT_TABLES_H
#define BOOT_TABLES_H

#include <stddef.h>
#include <stdint.h>

#include "elf.h"
#include "ovbs_compiler.h"

#define PAGE_SIZE       4096ULL
#define LARGE_PAGE_SIZE (2ULL << 20)

/* AMD APM volume 2, 5.4: fields of an entry */
#define PTE_P    (1ULL << 0)
#define PTE_W    (1ULL << 1)
#define PTE_A    (1ULL << 5)
#define PTE_D    (1ULL << 6)
#define PTE_PS   (1ULL << 7)
#define PTE_NX   (1ULL << 63)
#define PTE_ADDR 0x000FFFFFFFFFF000ULL

struct tables {
	uint8_t *pool;       /* zeroed, page aligned by the CPU's address */
	uint64_t spa;        /* of the pool */
	uint64_t size, used; /* bytes */
	unsigned int levels; /* 4 or 5 */
};

/**
 * tables_init() - take the root page
 * @t: filled; the root's physical address is t->spa
 *
 * Return: 0, -EINVAL (levels, alignment) or -ENOMEM. Context: any.
 */
int tables_init(struct tables *t, void *pool, uint64_t spa, uint64_t size, unsigned int levels) __must_check;

/**
 * tables_map() - map a range, with 2 MiB pages wherever they fit
 * @va: virtual, canonical for t->levels, page aligned
 * @pa: physical, page aligned
 * @size: bytes, page aligned
 * @rights: PTE_W, PTE_NX; PTE_W without PTE_NX is refused: no page is writable
 *          and executable at once
 *
 * Return: 0, -EINVAL, -EEXIST (a page is mapped already) or -ENOMEM; after an
 * error the tables are of no use. Context: any.
 */
int tables_map(struct tables *t, uint64_t va, uint64_t pa, uint64_t size, uint64_t rights) __must_check;

/** tables_map_image() - the segments of @plan, linked at @va, at physical @pa, each with its own rights. Return: as tables_map(). */
int tables_map_image(struct tables *t, const struct elf_plan *plan, uint64_t va, uint64_t pa) __must_check;

#endif
