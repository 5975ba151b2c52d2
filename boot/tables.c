/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page table builder: see tables.h. AMD APM volume 2, 5.3 and 5.4.
 */
#include "tables.h"

#include <stdbool.h>

#include "ovbs_errno.h"

#define ENTRIES 512u
#define PA_LAST (PTE_ADDR | (PAGE_SIZE - 1))

int tables_init(struct tables *t, void *pool, uint64_t spa, uint64_t size, unsigned int levels)
{
	if ((levels != 4 && levels != 5) || spa % PAGE_SIZE != 0)
		return -EINVAL;
	if (size < PAGE_SIZE)
		return -ENOMEM;
	t->pool = pool;
	t->spa = spa;
	t->size = size;
	t->used = PAGE_SIZE;
	t->levels = levels;
	return 0;
}

static bool canonical(const struct tables *t, uint64_t va)
{
	unsigned int unused = 64 - (12 + 9 * t->levels);

	return (uint64_t)((int64_t)(va << unused) >> unused) == va;
}

/* Level 1 is the page table, whose entries map 4 KiB. */
static uint64_t *slot(const struct tables *t, uint64_t table_spa, uint64_t va, unsigned int level)
{
	uint64_t *table = (uint64_t *)(void *)(t->pool + (table_spa - t->spa));

	return &table[(va >> (12 + 9 * (level - 1))) % ENTRIES];
}

static int next_table(struct tables *t, uint64_t *entry, uint64_t *table_spa)
{
	if ((*entry & PTE_P) != 0) {
		if ((*entry & PTE_PS) != 0)
			return -EEXIST;
		*table_spa = *entry & PTE_ADDR;
		return 0;
	}
	if (t->size - t->used < PAGE_SIZE)
		return -ENOMEM;
	*table_spa = t->spa + t->used;
	t->used += PAGE_SIZE;
	*entry = *table_spa | PTE_P | PTE_W | PTE_A; /* rights are decided at the leaf */
	return 0;
}

/* Accessed and dirty are set beforehand, so that the CPU never writes to the tables. */
static int map_page(struct tables *t, uint64_t va, uint64_t pa, uint64_t rights, unsigned int leaf_level)
{
	uint64_t table = t->spa;
	uint64_t *entry;

	for (unsigned int level = t->levels; level > leaf_level; level--) {
		int rc = next_table(t, slot(t, table, va, level), &table);

		if (rc != 0)
			return rc;
	}
	entry = slot(t, table, va, leaf_level);
	if ((*entry & PTE_P) != 0)
		return -EEXIST;
	*entry = pa | rights | PTE_P | PTE_A;
	if ((rights & PTE_W) != 0)
		*entry |= PTE_D;
	if (leaf_level == 2)
		*entry |= PTE_PS;
	return 0;
}

int tables_map(struct tables *t, uint64_t va, uint64_t pa, uint64_t size, uint64_t rights)
{
	if ((va | pa | size) % PAGE_SIZE != 0 || (rights & ~(PTE_W | PTE_NX)) != 0)
		return -EINVAL;
	if ((rights & (PTE_W | PTE_NX)) == PTE_W)
		return -EINVAL;
	if (size == 0 || size - 1 > UINT64_MAX - va || pa > PA_LAST || size - 1 > PA_LAST - pa)
		return -EINVAL;
	if (!canonical(t, va) || !canonical(t, va + size - 1) || (int64_t)(va ^ (va + size - 1)) < 0)
		return -EINVAL;
	while (size > 0) {
		bool large = (va | pa) % LARGE_PAGE_SIZE == 0 && size >= LARGE_PAGE_SIZE;
		uint64_t step = large ? LARGE_PAGE_SIZE : PAGE_SIZE;
		int rc = map_page(t, va, pa, rights, large ? 2 : 1);

		if (rc != 0)
			return rc;
		va += step;
		pa += step;
		size -= step;
	}
	return 0;
}

int tables_map_image(struct tables *t, const struct elf_plan *plan, uint64_t va, uint64_t pa)
{
	for (unsigned int i = 0; i < plan->count; i++) {
		const struct elf_segment *s = &plan->segment[i];
		uint64_t size = (s->mem_size + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1);
		uint64_t rights = 0;
		int rc;

		if ((s->flags & ELF_W) != 0)
			rights |= PTE_W;
		if ((s->flags & ELF_X) == 0)
			rights |= PTE_NX;
		rc = tables_map(t, va + s->offset, pa + s->offset, size, rights);
		if (rc != 0)
			return rc;
	}
	return 0;
}
