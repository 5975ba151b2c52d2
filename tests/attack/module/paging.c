// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hypervisor's memory as the CPU's own data: page tables, descriptor
 * tables. The walker must find nothing in it and set no accessed or dirty bit;
 * log and counters are readable, and their first words are present entries
 * (magic 4Fh: present, writable, accessed bit clear), so the walker would
 * write there if it could.
 */
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "attack.h"

#define NOTHING(r, name) row(r, name, "none", "no hidden memory here")

static u64 walk_got;

static void walk_read(void *at)
{
	walk_got = *(volatile u64 *)at;
}

static void walk_write(void *at)
{
	*(volatile u64 *)at = 0x5A5A5A5A5A5A5A5AULL;
}

static u64 first_word(struct space *s, u64 gpa)
{
	struct caught c;

	s->table[0][2] = gpa | PTE_P | PTE_A;
	walk_got = 0;
	try_here(&c, walk_read, SPACE_4K(2), s->cr3);
	return walk_got;
}

/* Entry 1 of each level of ours leads to entry 0 of the table at @gpa. */
static void table_rows(struct report *r, struct space *s, const char *what, u64 gpa)
{
	static const char *const levels[] = { "", "pt", "pd", "pdpt" };
	u64 before = first_word(s, gpa);
	const char *outcome;
	unsigned int level, write;
	struct caught c;
	char name[48];

	for (level = 1; level <= 3; level++) {
		for (write = 0; write < 2; write++) {
			u64 *entry = level == 3 ? &s->pml4[SPACE_SLOT + 1] : &s->table[level][1];
			void *at = (u8 *)SPACE_VA + (1ULL << (12 + 9 * level));

			*entry = gpa | PTE_P | PTE_W | PTE_A;
			outcome = try_here(&c, write ? walk_write : walk_read, at, s->cr3);
			*entry = 0;
			snprintf(name, sizeof(name), "%s_as_%s_%s", what, levels[level],
				 write ? "write" : "read");
			if (first_word(s, gpa) != before)
				outcome = "changed";
			row(r, name, outcome, "error code %x, CR2 %llx, first word %llx", c.error,
			    c.cr2, before);
		}
	}
}

static void run_tables(struct report *r)
{
	struct block b;
	struct space s;
	u64 gpa;

	if (!block_find(&b) || !block_samples(&b, &gpa, 1)) {
		NOTHING(r, "hidden_as_pt_read");
		return;
	}
	if (space_make(&s))
		return;
	table_rows(r, &s, "hidden", gpa);
	table_rows(r, &s, "log", b.log);
	table_rows(r, &s, "counters", b.stats);
	space_free(&s);
}

/* ---- descriptor tables: looked at with LAR, which does not fault ---- */

struct descriptors {
	struct catch_table_register table;
	u32 selector, rights;
	bool found;
	u64 base;
};

/* No exception can be delivered while the GDT is elsewhere: only what can't fault stands between. */
static void gdt_elsewhere(void *arg)
{
	struct descriptors *d = arg;
	struct catch_table_register old;

	asm volatile("sgdt %[old]; lgdt %[table]; lar %[sel], %[rights]; setz %[found]; lgdt %[old]"
		     : [old] "+m"(old), [rights] "=&r"(d->rights), [found] "=m"(d->found)
		     : [table] "m"(d->table), [sel] "r"(d->selector)
		     : "memory", "cc");
}

static void gdt_row(struct report *r, const char *name, u64 gpa, struct space *s)
{
	struct descriptors d = { .table = { .limit = 0xFFF, .base = (u64)SPACE_4K(1) }, .selector = 0x10 };
	struct caught c;
	const char *outcome;

	s->table[0][1] = gpa | PTE_RW;
	outcome = try_here(&c, gdt_elsewhere, &d, s->cr3);
	if (c.vector == CAUGHT_NOTHING)
		outcome = d.found ? "found" : "zeros";
	row(r, name, outcome, "LAR of selector 10h: %x", d.found ? d.rights : 0);
}

static void store_gdt(void *at)
{
	asm volatile("sgdt (%0)" : : "r"(at) : "memory");
}

static void run_descriptors(struct report *r)
{
	struct block b;
	struct space s;
	struct caught c;
	u64 gpa;

	if (!block_find(&b) || !block_samples(&b, &gpa, 1)) {
		NOTHING(r, "gdt_hidden");
		return;
	}
	if (space_make(&s))
		return;
	gdt_row(r, "gdt_hidden", gpa, &s);
	gdt_row(r, "gdt_log", b.log, &s);
	s.table[0][1] = gpa | PTE_RW;
	row(r, "sgdt_hidden", try_here(&c, store_gdt, SPACE_4K(1), s.cr3), "SGDT to it");
	s.table[0][1] = b.log | PTE_RW;
	row(r, "sgdt_log", try_here(&c, store_gdt, SPACE_4K(1), s.cr3), "SGDT to it");
	space_free(&s);
}

const struct attack paging_attacks[] = { { "tables", run_tables }, { "descriptors", run_descriptors }, {} };
