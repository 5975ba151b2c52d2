// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading, writing and running the hypervisor's memory through every mapping
 * that ring 0 can make: page sizes, cache types, user bit, Linux's own means.
 * Reads must give zeros everywhere but in log, counters and hypercall page; nothing may be
 * written or run. Each page of the block is tried on each CPU.
 */
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>
#include <asm/pgtable.h>

#include "attack.h"

#define SAMPLES          16
#define MARK             0x5A5AA5A5DEADC0DEULL
#define OFFSET           0x7F8 /* where in a page the mark goes */
#define NOTHING(r, name) row(r, name, "none", "no hidden memory here")

/* One page: what reading all of it gave, and what writing one word did. */
struct page_try {
	volatile u64 *at;
	u64 or_of_all;
	u64 before, after;
	u64 write;
};

static void page_read(void *arg)
{
	struct page_try *p = arg;
	unsigned int i;

	p->or_of_all = 0;
	for (i = 0; i < PAGE_SIZE / sizeof(u64); i++)
		p->or_of_all |= p->at[i];
}

/* What was written and did stick is put back, so that a neighbour's page survives. */
static void page_write(void *arg)
{
	struct page_try *p = arg;

	p->at[OFFSET / 8] = p->write;
	p->after = p->at[OFFSET / 8];
	p->at[OFFSET / 8] = p->before;
}

static void page_word(void *arg)
{
	struct page_try *p = arg;

	p->before = p->at[OFFSET / 8];
}

struct tally {
	unsigned int pages, zeros, visible, read_faults, denied, stuck, write_other;
	u64 first_odd;
};

static void tally_page(struct tally *t, struct space *s, const struct block *b, u64 gpa)
{
	struct page_try p = { .at = SPACE_4K(1) };
	bool visible = block_visible(b, gpa);
	struct caught c;

	s->table[0][1] = gpa | PTE_RW;
	t->pages++;
	t->visible += visible;
	try_here(&c, page_read, &p, s->cr3);
	if (c.vector != CAUGHT_NOTHING)
		t->read_faults++;
	else if (!p.or_of_all && !visible)
		t->zeros++;
	try_here(&c, page_word, &p, s->cr3);
	p.write = visible ? p.before : MARK; /* never destroy what others read */
	p.after = p.before;
	try_here(&c, page_write, &p, s->cr3);
	if (c.vector == 13)
		t->denied++;
	else if (c.vector != CAUGHT_NOTHING)
		t->write_other++;
	else
		t->stuck++;
	try_here(&c, page_read, &p, s->cr3);
	if (!visible && (c.vector != CAUGHT_NOTHING || p.or_of_all || t->stuck) && !t->first_odd)
		t->first_odd = gpa;
}

struct walk {
	struct block b;
	struct tally t;
	int err;
};

static long walk_here(void *arg)
{
	struct walk *w = arg;
	struct space s;
	u64 gpa;

	memset(&w->t, 0, sizeof(w->t));
	w->err = space_make(&s);
	if (w->err)
		return w->err;
	for (gpa = w->b.start; gpa < w->b.end; gpa += PAGE_SIZE) {
		tally_page(&w->t, &s, &w->b, gpa);
		cond_resched();
	}
	space_free(&s);
	return 0;
}

static void run_block(struct report *r)
{
	unsigned int cpu, n = 0, good_reads = 0, good_writes = 0;
	struct walk w;

	if (!block_find(&w.b)) {
		NOTHING(r, "block_size");
		NOTHING(r, "block_read");
		NOTHING(r, "block_write");
		return;
	}
	for_each_online_cpu(cpu)
	{
		const struct tally *t = &w.t;

		work_on_cpu(cpu, walk_here, &w);
		n++;
		good_reads += t->pages && t->zeros + t->visible == t->pages && !t->read_faults;
		good_writes += t->pages && t->denied == t->pages;
		say(r, "block cpu%u %llx-%llx pages %u zeros %u visible %u readfaults %u denied %u stuck %u other %u odd %llx\n",
		    cpu, w.b.start, w.b.end, t->pages, t->zeros, t->visible, t->read_faults,
		    t->denied, t->stuck, t->write_other, t->first_odd);
	}
	row(r, "block_size", "known", "%llu bytes", w.b.end - w.b.start);
	row(r, "block_read", good_reads == n ? "zeros" : "content", "%u of %u CPUs", good_reads, n);
	row(r, "block_write", good_writes == n ? "#GP" : "accepted", "%u of %u CPUs", good_writes, n);
}

/* ---- instruction fetch ---- */

static u8 fetch_scratch[64];

/* Zero bytes are `add %al, (%rax)`: if they run, they change the scratch byte; behind the page nothing is mapped. */
static void fetch(void *at)
{
	asm volatile("mov %1, %%eax; lea (%2, %%rax), %%rax; movb $0, (%%rax); call *%0"
		     :
		     : "r"(at), "i"(1), "b"(fetch_scratch)
		     : "rax", "memory", "cc");
}

const char *fetch_pages(const u64 *gpa, size_t n, size_t *tried)
{
	const char *outcome = NULL, *o;
	struct space s;
	struct caught c;
	size_t i;
	u8 *at;

	if (space_make(&s))
		return "nomem";
	for (i = 0; i < 2 * n; i++) {
		s.table[0][1] = gpa[i / 2] | PTE_P | PTE_A | (i & 1 ? PTE_W | PTE_D : 0);
		at = (u8 *)SPACE_4K(1) + (i & 1 ? PAGE_SIZE - 2 : 0);
		memset(fetch_scratch, 0, sizeof(fetch_scratch));
		o = try_here(&c, fetch, at, s.cr3);
		if (memchr_inv(fetch_scratch, 0, sizeof(fetch_scratch)) ||
		    (c.vector != CAUGHT_NOTHING && c.rip != (u64)at && c.rip >> 40 == (u64)at >> 40))
			o = "executed";
		if (!outcome || !strcmp(outcome, "#GP"))
			outcome = o;
		(*tried)++;
	}
	space_free(&s);
	return outcome ?: "none";
}

struct fetches {
	u64 gpa[SAMPLES];
	size_t n, tried;
	const char *outcome;
};

static long fetch_here(void *arg)
{
	struct fetches *f = arg;

	f->outcome = fetch_pages(f->gpa, f->n, &f->tried);
	return 0;
}

static void fetch_row(struct report *r, const char *name, struct fetches *f)
{
	const char *outcome = NULL;
	unsigned int cpu;

	f->tried = 0;
	for_each_online_cpu(cpu)
	{
		work_on_cpu(cpu, fetch_here, f);
		if (!outcome || !strcmp(outcome, "#GP"))
			outcome = f->outcome;
	}
	row(r, name, outcome ?: "none", "%zu fetches", f->tried);
}

static void run_fetch(struct report *r)
{
	struct fetches f;
	struct block b;

	if (!block_find(&b)) {
		NOTHING(r, "fetch_hidden");
		NOTHING(r, "fetch_log");
		NOTHING(r, "fetch_counters");
		return;
	}
	f.n = block_samples(&b, f.gpa, SAMPLES);
	fetch_row(r, "fetch_hidden", &f);
	f.n = 1;
	f.gpa[0] = b.log;
	fetch_row(r, "fetch_log", &f);
	f.gpa[0] = b.stats;
	fetch_row(r, "fetch_counters", &f);
}

/* ---- kinds of mapping ---- */

struct mapping {
	const char *name;
	unsigned int level; /* 0: 4 KiB, 1: 2 MiB, 2: 1 GiB */
	u64 flags;
};

#define PAT_SMALL (1ULL << 7)
#define PAT_LARGE (1ULL << 12)

static const struct mapping mappings[] = {
	{ "map_4k_wb", 0, 0 },
	{ "map_4k_pwt", 0, PTE_PWT },
	{ "map_4k_pcd", 0, PTE_PCD },
	{ "map_4k_uc", 0, PTE_PCD | PTE_PWT },
	{ "map_4k_pat4", 0, PAT_SMALL },
	{ "map_4k_pat7", 0, PAT_SMALL | PTE_PCD | PTE_PWT },
	{ "map_4k_nx", 0, PTE_NX },
	{ "map_4k_not_accessed", 0, PTE_A | PTE_D }, /* these two are cleared there */
	{ "map_2m_wb", 1, 0 },
	{ "map_2m_uc", 1, PTE_PCD | PTE_PWT },
	{ "map_2m_pat4", 1, PAT_LARGE },
	{ "map_1g_wb", 2, 0 },
	{ "map_1g_uc", 2, PTE_PCD | PTE_PWT },
	{ "map_1g_pat4", 2, PAT_LARGE },
};

static u64 leaf_flags(const struct mapping *m)
{
	bool fresh = m->flags & (PTE_A | PTE_D);
	u64 flags = fresh ? PTE_P | PTE_W : PTE_RW | m->flags;

	return m->level ? flags | PTE_PS : flags;
}

static void *map_leaf(struct space *s, const struct mapping *m, u64 gpa)
{
	u64 size = 1ULL << (12 + 9 * m->level);

	s->table[m->level][1] = ALIGN_DOWN(gpa, size) | leaf_flags(m);
	return (u8 *)SPACE_VA + size + (gpa & (size - 1));
}

const char *page_outcome(void *at, u64 cr3)
{
	struct page_try p = { .at = at, .write = MARK };
	struct caught c;
	const char *o = try_here(&c, page_read, &p, cr3);

	if (c.vector != CAUGHT_NOTHING)
		return o;
	if (p.or_of_all)
		return "content";
	o = try_here(&c, page_write, &p, cr3);
	if (c.vector == CAUGHT_NOTHING)
		return "accepted";
	if (c.vector != 13)
		return o;
	try_here(&c, page_read, &p, cr3);
	return p.or_of_all ? "content" : "denied";
}

static void run_mappings(struct report *r)
{
	const char *outcome, *o;
	u64 gpa[SAMPLES];
	struct block b;
	struct space s;
	size_t i, k, n = 0;

	if (block_find(&b))
		n = block_samples(&b, gpa, SAMPLES);
	if (space_make(&s))
		return;
	for (i = 0; i < ARRAY_SIZE(mappings); i++) {
		outcome = n ? "denied" : "none";
		for (k = 0; k < n; k++) {
			o = page_outcome(map_leaf(&s, &mappings[i], gpa[k]), s.cr3);
			if (strcmp(o, "denied"))
				outcome = o;
		}
		row(r, mappings[i].name, outcome, "%zu pages", n);
	}
	space_free(&s);
}

/* ---- what Linux itself offers ---- */

static void own_row(struct report *r, const char *name, void *map)
{
	row(r, name, map ? page_outcome(map, 0) : "unmapped", "at %px", map);
}

static void run_linux_maps(struct report *r)
{
	unsigned int level;
	u64 gpa[1];
	struct block b;
	void *p;

	if (!block_find(&b) || !block_samples(&b, gpa, 1)) {
		NOTHING(r, "ioremap");
		return;
	}
	p = (void __force *)ioremap(gpa[0], PAGE_SIZE);
	own_row(r, "ioremap", p);
	iounmap((void __iomem *)p);
	p = (void __force *)ioremap_cache(gpa[0], PAGE_SIZE);
	own_row(r, "ioremap_cache", p);
	iounmap((void __iomem *)p);
	p = (void __force *)ioremap_wc(gpa[0], PAGE_SIZE);
	own_row(r, "ioremap_wc", p);
	iounmap((void __iomem *)p);
	p = memremap(gpa[0], PAGE_SIZE, MEMREMAP_WT);
	own_row(r, "memremap_wt", p);
	if (p)
		memunmap(p);
	p = phys_to_virt(gpa[0]);
	own_row(r, "direct_map", lookup_address((unsigned long)p, &level) ? p : NULL);
}

/* A page that may only be read stays so by the guest's own tables: the order of checks is the hardware's. */
static void run_readonly(struct report *r)
{
	struct page_try p = { .at = SPACE_4K(1), .write = MARK };
	struct block b;
	struct space s;
	struct caught c;
	u64 gpa;

	if (!block_find(&b) || !block_samples(&b, &gpa, 1)) {
		NOTHING(r, "map_4k_readonly");
		return;
	}
	if (space_make(&s))
		return;
	s.table[0][1] = gpa | PTE_P | PTE_A;
	row(r, "map_4k_readonly", try_here(&c, page_write, &p, s.cr3),
	    "a write through a read-only page table entry");
	space_free(&s);
}

const struct attack memory_attacks[] = {
	{ "block", run_block },       { "fetch", run_fetch },
	{ "mappings", run_mappings }, { "linux_maps", run_linux_maps },
	{ "readonly", run_readonly }, {}
};
