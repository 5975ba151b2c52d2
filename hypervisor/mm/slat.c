// SPDX-License-Identifier: GPL-2.0-only
/*
 * The second-level tables of both VTLs. The table format is the vendor's
 * (arch_slat_leaf/table); the walk is the same for both: 9 bits a level.
 * Entries change by single 64-bit stores, so a CPU that walks at the same time
 * sees the old or the new one.
 */
#include "mm/slat.h"

#include <ovbs_errno.h>
#include <ovbs_string.h>

#include "arch/contract.h"
#include "core/log.h"
#include "mm/pool.h"

#define ENTRIES 512u

struct slat vtl0_slat, vtl1_slat;

/* In place of the hypervisor's pages: one page of zeros, and one table full of it. */
static uint64_t *zero_table;
static struct spa zero_page;

static unsigned int level_shift(unsigned int level)
{
	return PAGE_SHIFT + 9 * (level - 1);
}

static unsigned int level_index(uint64_t addr, unsigned int level)
{
	return (addr >> level_shift(level)) & (ENTRIES - 1);
}

static void put(uint64_t *entry, uint64_t value)
{
	__atomic_store_n(entry, value, __ATOMIC_RELEASE);
}

static uint64_t *table_of(uint64_t entry)
{
	return (uint64_t *)((entry & PTE_ADDR) - block_start().v + HV_VA_BASE);
}

/* At the start from the pool; later from the reserve, whose user holds the lock. */
static uint64_t *table_page(struct slat *s)
{
	if (!s->piece_pool)
		return pool_pages(1);
	if (!s->piece_free)
		return NULL;
	while (s->piece_state[s->piece_next] != SLAT_PIECE_FREE)
		s->piece_next = (s->piece_next + 1) % s->piece_tables;
	s->piece_state[s->piece_next] = SLAT_PIECE_USED;
	s->piece_free--;
	return s->piece_pool + (uint64_t)s->piece_next * ENTRIES;
}

static uint64_t *new_table(uint64_t *entry)
{
	uint64_t *t = pool_pages(1);

	if (t)
		put(entry, arch_slat_table(shared_spa(t)));
	return t;
}

static bool is_large_leaf(uint64_t entry, unsigned int level)
{
	return level > 1 && (entry & PTE_PS);
}

/* Replace a large leaf by the table @t of the next smaller size that says the same. */
static void split_into(uint64_t *entry, unsigned int level, uint64_t *t)
{
	uint64_t from = *entry & PTE_ADDR & ~((1ULL << level_shift(level)) - 1);
	unsigned int rights = arch_slat_rights(*entry);

	for (unsigned int i = 0; i < ENTRIES; i++)
		t[i] = arch_slat_leaf(spa(from + ((uint64_t)i << level_shift(level - 1))), rights,
				      level - 1);
	put(entry, arch_slat_table(shared_spa(t)));
}

static uint64_t *split(struct slat *s, uint64_t *entry, unsigned int level)
{
	uint64_t *t = table_page(s);

	if (t)
		split_into(entry, level, t);
	return t;
}

/* Down to the table of @level that holds @addr's entry; makes what is missing, splits what is larger. NULL: no memory. */
static uint64_t *walk_to(struct slat *s, uint64_t addr, unsigned int level)
{
	uint64_t *t = s->root;

	for (unsigned int l = s->levels; l > level && t; l--) {
		uint64_t *e = &t[level_index(addr, l)];

		if (!*e)
			t = new_table(e);
		else
			t = is_large_leaf(*e, l) ? split(s, e, l) : table_of(*e);
	}
	return t;
}

/* In leaves of @level, or smaller ones where its memory types ask for that. */
static int map_run(struct slat *s, uint64_t from, uint64_t to, unsigned int level, unsigned int rights)
{
	for (uint64_t a = from; a < to; a += 1ULL << level_shift(level)) {
		uint64_t *t;

		if (level > 1 && !arch_slat_uniform(spa(a), level)) {
			if (map_run(s, a, a + (1ULL << level_shift(level)), level - 1, rights))
				return -ENOMEM;
			continue;
		}
		t = walk_to(s, a, level);
		if (!t)
			return -ENOMEM;
		put(&t[level_index(a, level)], arch_slat_leaf(spa(a), rights, level));
	}
	return 0;
}

/*
 * Memory types come from the MTRRs by 4 KiB translations of the guest; where
 * it runs with paging off, a large second-level page must not span different
 * types (APM 2, 7.7.4): small pages for the first 2 MiB (fixed-range MTRRs),
 * 2 MiB up to 4 GiB, where RAM and MMIO meet.
 */
static int map_eager(struct slat *s)
{
	int err = map_run(s, 0, SIZE_2M, 1, s->normal);

	if (!err)
		err = map_run(s, SIZE_2M, 4 * SIZE_1G, 2, s->normal);
	if (!err)
		err = map_run(s, 4 * SIZE_1G, s->eager_end, s->leaf, s->normal);
	return err;
}

int slat_set(struct slat *s, struct gpa g, struct spa to, unsigned int rights)
{
	uint64_t *t = walk_to(s, g.v, 1);

	if (!t)
		return -ENOMEM;
	put(&t[level_index(g.v, 1)], rights ? arch_slat_leaf(to, rights, 1) : 0);
	return 0;
}

static int hide_block(struct slat *s)
{
	void *zero = pool_pages(1);
	uint64_t end = block_start().v + block_size();

	zero_table = pool_pages(1);
	if (!zero || !zero_table)
		return -ENOMEM;
	zero_page = shared_spa(zero);
	for (unsigned int i = 0; i < ENTRIES; i++)
		zero_table[i] = arch_slat_leaf(shared_spa(zero), SLAT_R, 1);
	for (uint64_t a = block_start().v; a < end; a += SIZE_2M) {
		uint64_t *t = walk_to(s, a, 2);

		if (!t)
			return -ENOMEM;
		put(&t[level_index(a, 2)], arch_slat_table(shared_spa(zero_table)));
	}
	return 0;
}

/* A page of the block that VTL0 may read as it is: give its 2 MiB a table of its own. */
int slat_show(struct slat *s, struct gpa g, unsigned int pages, unsigned int rights)
{
	for (unsigned int i = 0; i < pages; i++) {
		uint64_t a = g.v + i * PAGE_SIZE;
		uint64_t *pd = walk_to(s, a, 2);
		uint64_t *e = &pd[level_index(a, 2)];
		uint64_t *t = table_of(*e);

		if (t == zero_table) {
			t = pool_pages(1);
			if (!t)
				return -ENOMEM;
			memcpy(t, zero_table, PAGE_SIZE);
			put(e, arch_slat_table(shared_spa(t)));
		}
		put(&t[level_index(a, 1)], arch_slat_leaf(spa(a), rights & ~SLAT_W, 1));
	}
	return 0;
}

int slat_hide(struct slat *s, struct gpa g, unsigned int pages)
{
	for (unsigned int i = 0; i < pages; i++)
		if (slat_set(s, gpa(g.v + i * PAGE_SIZE), zero_page, SLAT_R))
			return -ENOMEM;
	return 0;
}

int slat_prepare(struct slat *s, uint64_t ram_top, unsigned int phys_bits)
{
	uint64_t top = ram_top > 4 * SIZE_1G ? ram_top : 4 * SIZE_1G;

	if (top < block_start().v + block_size())
		top = block_start().v + block_size();

	s->normal = SLAT_RWX;
	s->levels = arch_slat_levels();
	s->leaf = arch_slat_1g() ? 3 : 2;
	/* 4 levels reach 48 bits; an address beyond would be taken for the one below it. */
	if (phys_bits > level_shift(s->levels + 1))
		phys_bits = level_shift(s->levels + 1);
	s->addr_limit = 1ULL << phys_bits;
	s->eager_end = (top + SIZE_1G - 1) & ~(SIZE_1G - 1);
	s->root = pool_pages(1);
	s->lazy_pool = pool_pages(SLAT_LAZY_TABLES);
	if (!s->root || !s->lazy_pool)
		return -ENOMEM;
	s->root_spa = shared_spa(s->root);
	if (map_eager(s) || hide_block(s))
		return -ENOMEM;
	return 0;
}

int slat_prepare_end(struct slat *s, unsigned int tables)
{
	uint64_t *reserve = pool_pages(tables);

	s->marks_runs = !arch_slat_user_apart();
	s->piece_state = pool_pages((tables + (unsigned int)PAGE_SIZE - 1) / (unsigned int)PAGE_SIZE);
	if (!reserve || !s->piece_state)
		return -ENOMEM;
	s->piece_tables = s->piece_free = tables;
	s->piece_pool = reserve;
	return 0;
}

/* The largest leaves that fit; [@from, @to) is page aligned. */
static int map_range(struct slat *s, uint64_t from, uint64_t to, unsigned int rights)
{
	for (uint64_t a = from, size; a < to; a += size) {
		unsigned int level = s->leaf;

		for (; level > 1; level--) {
			size = 1ULL << level_shift(level);
			if (!(a & (size - 1)) && to - a >= size)
				break;
		}
		size = 1ULL << level_shift(level);
		if (map_run(s, a, a + size, level, rights))
			return -ENOMEM;
	}
	return 0;
}

int slat_prepare_vtl1(struct slat *s, const struct ovbs_boot_info *info, struct spa code)
{
	uint64_t own = info->block_spa + info->vtl1_off, block_end = info->block_spa + info->block_size;
	int err;

	s->levels = arch_slat_levels();
	s->leaf = arch_slat_1g() ? 3 : 2;
	s->root = pool_pages(1);
	if (!s->root)
		return -ENOMEM;
	s->root_spa = shared_spa(s->root);
	err = map_range(s, own, own + info->vtl1_size, SLAT_RWX);
	if (!err)
		err = map_run(s, code.v, code.v + PAGE_SIZE, 1, SLAT_R | SLAT_X);
	for (unsigned int i = 0; i < info->ram_count && !err; i++) {
		uint64_t from = info->ram[i].start, to = info->ram[i].end;

		/* The loader took the block out; a mistake there must not show us to VTL1's windows. */
		if (from < block_end && to > info->block_spa)
			continue;
		err = map_range(s, from, to, SLAT_R | SLAT_W);
	}
	return err;
}

/* The entry that maps @g, and its level. NULL: none. */
static uint64_t *leaf_of(const struct slat *s, uint64_t addr, unsigned int *level)
{
	uint64_t *t = s->root;

	for (unsigned int l = s->levels;; l--) {
		uint64_t *e = &t[level_index(addr, l)];

		if (!*e)
			return NULL;
		if (l == 1 || is_large_leaf(*e, l)) {
			*level = l;
			return e;
		}
		t = table_of(*e);
	}
}

unsigned int slat_rights(const struct slat *s, struct gpa g)
{
	unsigned int level;
	const uint64_t *e = g.v < s->addr_limit ? leaf_of(s, g.v, &level) : NULL;

	return e ? arch_slat_rights(__atomic_load_n(e, __ATOMIC_ACQUIRE)) & ~SLAT_RUN : 0;
}

bool slat_hidden(const struct slat *s, struct gpa g)
{
	unsigned int level = 0;
	const uint64_t *e = g.v < s->addr_limit ? leaf_of(s, g.v, &level) : NULL;

	return e && level == 1 && (__atomic_load_n(e, __ATOMIC_ACQUIRE) & PTE_ADDR) == zero_page.v;
}

/* ---- rights of everything ------------------------------------------------- */

static bool is_normal(const struct slat *s, uint64_t entry)
{
	return entry && (arch_slat_rights(entry) & ~SLAT_RUN) == s->normal;
}

static void renew(struct slat *s, uint64_t *t, unsigned int level, unsigned int rights)
{
	for (unsigned int i = 0; i < ENTRIES; i++) {
		bool leaf = level == 1 || is_large_leaf(t[i], level);

		if (!t[i] || (!leaf && table_of(t[i]) == zero_table))
			continue;
		if (!leaf)
			renew(s, table_of(t[i]), level - 1, rights);
		else if (is_normal(s, t[i]))
			put(&t[i], arch_slat_leaf(spa(t[i] & PTE_ADDR & ~((1ULL << level_shift(level)) - 1)),
						  rights, level));
	}
}

void slat_set_normal(struct slat *s, unsigned int rights)
{
	lock_take(&s->lock);
	renew(s, s->root, s->levels, rights);
	s->normal = rights;
	lock_release(&s->lock);
}

/* ---- the reserve of tables, and who uses it -------------------------------- */

static bool is_of_reserve(const struct slat *s, const uint64_t *t)
{
	return t >= s->piece_pool && t < s->piece_pool + (uint64_t)s->piece_tables * ENTRIES;
}

static uint8_t *state_of(const struct slat *s, const uint64_t *table)
{
	return &s->piece_state[(uint64_t)(table - s->piece_pool) / ENTRIES];
}

/* A table of @level that says what one leaf would: it was made from one. */
static bool is_one_leaf(const struct slat *s, const uint64_t *t, unsigned int level)
{
	unsigned int n = 0;

	while (n < ENTRIES && is_normal(s, t[n]) && (level == 1 || is_large_leaf(t[n], level)))
		n++;
	return n == ENTRIES && is_of_reserve(s, t);
}

/*
 * Mark the reserve's tables that are in use. A piece whose pages all have the
 * normal rights becomes one leaf again; those that programs run have to fault
 * once more.
 */
static void mark_used(struct slat *s, uint64_t *t, unsigned int level)
{
	for (unsigned int i = 0; i < ENTRIES; i++) {
		uint64_t *below;

		if (!t[i] || is_large_leaf(t[i], level))
			continue;
		below = table_of(t[i]);
		if (level > 2)
			mark_used(s, below, level - 1);
		if (is_one_leaf(s, below, level - 1))
			put(&t[i], arch_slat_leaf(spa(below[0] & PTE_ADDR & ~((1ULL << level_shift(level)) - 1)),
						  s->normal, level));
		else if (is_of_reserve(s, below))
			*state_of(s, below) = SLAT_PIECE_USED;
	}
}

/* What is in use is found, not counted: tables also go with the lazy table that they hang below. */
static void unhook_unused(struct slat *s)
{
	for (unsigned int i = 0; i < s->piece_tables; i++)
		if (s->piece_state[i] == SLAT_PIECE_USED)
			s->piece_state[i] = SLAT_PIECE_LEAVING;
	mark_used(s, s->root, s->levels);
	for (unsigned int i = 0; i < s->piece_tables; i++)
		s->piece_leaving += s->piece_state[i] == SLAT_PIECE_LEAVING;
}

static void take_back(struct slat *s)
{
	for (unsigned int i = 0; i < s->piece_tables; i++)
		if (s->piece_state[i] == SLAT_PIECE_LEAVING)
			s->piece_state[i] = SLAT_PIECE_FREE;
	s->piece_free += s->piece_leaving;
	s->piece_leaving = 0;
	s->piece_round++;
}

/*
 * What @change does to the page at @at, with tables of the reserve; when it is
 * used up, with those that can be had back. -ENOMEM: none can; else what @change
 * returns, which changes nothing that counts when it is -ENOMEM.
 */
static int with_tables(struct slat *s, uint64_t at, unsigned int rights,
		       int (*change)(struct slat *s, uint64_t at, unsigned int rights))
{
	unsigned int round;
	bool leaving;
	int err;

	lock_take(&s->lock);
	round = s->piece_round;
	err = change(s, at, rights);
	if (err == -ENOMEM && !s->piece_leaving)
		unhook_unused(s);
	leaving = s->piece_leaving;
	lock_release(&s->lock);
	if (err != -ENOMEM || !leaving)
		return err;

	/*
	 * As in slat_touch(): what was unhooked may be in use until a flush that
	 * began later. This one did; whoever finds nothing to unhook has not. Then
	 * it may be written again, by one CPU.
	 */
	cpus_flush();
	lock_take(&s->lock);
	if (s->piece_round == round)
		take_back(s);
	err = change(s, at, rights);
	lock_release(&s->lock);
	return err;
}

static int set_page(struct slat *s, uint64_t at, unsigned int rights)
{
	uint64_t *t = walk_to(s, at, 1);

	if (!t)
		return -ENOMEM;
	put(&t[level_index(at, 1)], rights ? arch_slat_leaf(spa(at), rights, 1) : 0);
	return 0;
}

int slat_protect(struct slat *s, struct gpa g, unsigned int rights)
{
	uint64_t at = g.v & PAGE_MASK;

	if (at >= s->eager_end || block_has(at, PAGE_SIZE))
		return -EPERM;
	return with_tables(s, at, rights, set_page);
}

/* 0; -EPERM: no right to; -ENOMEM. */
static int try_run(struct slat *s, uint64_t at, unsigned int unused)
{
	unsigned int level, rights;
	uint64_t *e = at < s->addr_limit ? leaf_of(s, at, &level) : NULL;

	rights = e ? arch_slat_rights(*e) : 0;
	if (!(rights & SLAT_U))
		return -EPERM;
	if ((rights & (SLAT_X | SLAT_RUN)) || !s->marks_runs)
		return 0; /* another CPU was first */
	return set_page(s, at, rights | SLAT_RUN);
}

bool slat_run(struct slat *s, struct gpa g)
{
	/* If the tables are gone once more, the program just faults again. */
	return with_tables(s, g.v & PAGE_MASK, 0, try_run) != -EPERM;
}

static bool is_lazy(const struct slat *s, const uint64_t *table)
{
	return table >= s->lazy_pool && table < s->lazy_pool + SLAT_LAZY_TABLES * ENTRIES;
}

/* Unhook every table of the reserve. Those hang below tables of the start or the root only. */
static void lazy_unhook(struct slat *s, uint64_t *t, unsigned int level)
{
	for (unsigned int i = 0; i < ENTRIES; i++) {
		if (!t[i] || is_large_leaf(t[i], level))
			continue;
		if (is_lazy(s, table_of(t[i])))
			put(&t[i], 0);
		else if (level > 3)
			lazy_unhook(s, table_of(t[i]), level - 1);
	}
}

static uint64_t *lazy_table(struct slat *s, uint64_t *entry)
{
	uint64_t *t;

	if (s->lazy_used == SLAT_LAZY_TABLES)
		return NULL;
	t = s->lazy_pool + (uint64_t)s->lazy_used++ * ENTRIES;
	memset(t, 0, PAGE_SIZE);
	put(entry, arch_slat_table(shared_spa(t)));
	return t;
}

/* Map what holds @addr; leaves are 1 GiB, or 2 MiB where the CPU has no larger. False: reserve used up. */
static bool lazy_map(struct slat *s, uint64_t addr)
{
	unsigned int leaf = s->leaf;
	uint64_t *t = s->root;
	uint64_t at;

	for (unsigned int l = s->levels; l > leaf; l--) {
		uint64_t *e = &t[level_index(addr, l)];

		if (is_large_leaf(*e, l))
			return true;
		t = *e ? table_of(*e) : lazy_table(s, e);
		if (!t)
			return false;
	}
	at = addr & ~((1ULL << level_shift(leaf)) - 1);
	if (!t[level_index(addr, leaf)])
		put(&t[level_index(addr, leaf)], arch_slat_leaf(spa(at), s->normal, leaf));
	return true;
}

bool slat_touch(struct slat *s, struct gpa g)
{
	unsigned int round;
	bool done;

	if (g.v < s->eager_end || g.v >= s->addr_limit)
		return false;
	lock_take(&s->lock);
	round = s->lazy_round;
	done = lazy_map(s, g.v);
	if (!done)
		lazy_unhook(s, s->root, s->levels);
	lock_release(&s->lock);
	if (done)
		return true;

	/*
	 * The reserve is unhooked, but may still be in use by a walk on another
	 * CPU: only after the flush may its pages be written again. Of several
	 * CPUs that came here in the same round only the first begins anew;
	 * nothing of the round before is hooked any more. If the reserve is
	 * gone once more meanwhile, VTL0 just faults again.
	 */
	cpus_flush();
	lock_take(&s->lock);
	if (s->lazy_round == round) {
		s->lazy_round++;
		s->lazy_used = 0;
	}
	(void)lazy_map(s, g.v);
	lock_release(&s->lock);
	return true;
}
