/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For tests of the second-level maps: mm/pool.c and mm/slat.c with a fake vendor
 * and a block of memory of this process, and a walk as the CPU would do it.
 */
#ifndef SLAT_MODEL_H
#define SLAT_MODEL_H

#define HV_VA_BASE 0x200000000000ULL

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "../../hypervisor/mm/pool.c"
#include "../../hypervisor/mm/slat.c"

#define BLOCK_SIZE (10 * SIZE_2M)
#define VTL1_OFF   (8 * SIZE_2M) /* to the end */
#define SHOWN_AT   (SIZE_2M + 0x3000)
#define TABLES     24u
#define SW_X       (1ULL << 9)
#define SW_U       (1ULL << 10)

struct cpu_shared *cpus;
uint32_t cpu_count;
bool hv_prepared;

static unsigned int levels, flushes;
static bool has_1g, user_apart;
static uint64_t block_at;
static uint64_t border; /* memory types differ below and above it */
static void (*on_flush)(void);

uint64_t arch_slat_leaf(struct spa to, unsigned int rights, unsigned int level)
{
	return to.v | PTE_P | PTE_US | (rights & SLAT_W ? PTE_RW : 0) |
	       (rights & (SLAT_X | SLAT_RUN) ? 0 : PTE_NX) | (rights & SLAT_X ? SW_X : 0) |
	       (rights & SLAT_U ? SW_U : 0) | (level > 1 ? PTE_PS : 0);
}

uint64_t arch_slat_table(struct spa table)
{
	return table.v | PTE_P | PTE_RW | PTE_US;
}

unsigned int arch_slat_rights(uint64_t entry)
{
	return (entry & PTE_P ? SLAT_R : 0) | (entry & PTE_RW ? SLAT_W : 0) |
	       (entry & SW_X ? SLAT_X : 0) | (entry & SW_U ? SLAT_U : 0) |
	       (entry & (PTE_NX | SW_X) ? 0 : SLAT_RUN);
}

bool arch_slat_user_apart(void)
{
	return user_apart;
}

unsigned int arch_slat_levels(void)
{
	return levels;
}

bool arch_slat_1g(void)
{
	return has_1g;
}

bool arch_slat_uniform(struct spa at, unsigned int level)
{
	return border <= at.v || border >= at.v + (1ULL << (12 + 9 * (level - 1)));
}

void cpus_flush(void)
{
	void (*hook)(void) = on_flush;

	flushes++;
	on_flush = NULL;
	if (hook)
		hook();
}

void hv_panic(const char *fmt, ...)
{
	fail_msg("panic: %s", fmt);
	abort();
}

struct place {
	unsigned int level; /* of the leaf */
	bool mapped;
	uint64_t to;
	bool writable, executable; /* by kernel or program: the hardware's */
	bool user;                 /* what software says of programs */
};

/* As the CPU would: rights are the least of all levels. */
static struct place walk_in(const struct slat *s, uint64_t addr)
{
	struct place p = { .writable = true, .executable = true };
	uint64_t *t = s->root;

	for (unsigned int l = s->levels; l > 0; l--) {
		uint64_t e = t[addr >> (12 + 9 * (l - 1)) & 511];
		uint64_t offset = (1ULL << (12 + 9 * (l - 1))) - 1;

		if (!(e & PTE_P))
			return (struct place){ 0 };
		p.writable &= !!(e & PTE_RW);
		p.executable &= !(e & PTE_NX);
		if (l == 1 || (e & PTE_PS)) {
			p.mapped = true;
			p.user = e & SW_U;
			p.level = l;
			p.to = (e & PTE_ADDR & ~offset) | (addr & offset);
			return p;
		}
		/* A table outside the block would be memory that VTL0 can write. */
		assert_true(range_has(block_at, BLOCK_SIZE, e & PTE_ADDR));
		t = (uint64_t *)((e & PTE_ADDR) - block_at + HV_VA_BASE);
	}
	return p;
}

static struct place walk(uint64_t addr)
{
	return walk_in(&vtl0_slat, addr);
}

static struct ovbs_boot_info info;

static void build(uint64_t at, uint64_t ram_top, unsigned int phys_bits, unsigned int depth, bool large)
{
	memset((void *)HV_VA_BASE, 0, BLOCK_SIZE);
	memset(&vtl0_slat, 0, sizeof(vtl0_slat));
	block_at = at;
	levels = depth;
	has_1g = large;
	flushes = 0;
	on_flush = NULL;
	info.block_spa = at;
	info.block_size = BLOCK_SIZE;
	info.image_size = SIZE_2M / 2;
	info.info_off = SIZE_2M / 2;
	info.shared_off = SIZE_2M;
	info.shared_next = SIZE_2M;
	info.shared_size = 6 * SIZE_2M;
	info.private_off = 7 * SIZE_2M;
	info.private_size = SIZE_2M;
	info.vtl1_off = VTL1_OFF;
	info.vtl1_size = BLOCK_SIZE - VTL1_OFF;
	info.cpu_count = 4;
	assert_int_equal(pool_init(&info), 0);
	assert_int_equal(slat_prepare(&vtl0_slat, ram_top, phys_bits), 0);
}

static int map_block(void **state)
{
	void *at = mmap((void *)HV_VA_BASE, BLOCK_SIZE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	return at == (void *)HV_VA_BASE ? 0 : -1;
}

static const struct {
	uint64_t at;
	unsigned int depth;
	bool large;
} machines[] = {
	{ 0x3E000000, 4, true },  { 0x3E000000, 4, false },  { 0x3E000000, 5, true },
	{ 0x17FE00000, 4, true }, { 0x17FE00000, 4, false }, { 0x17FE00000, 5, false },
};

#define FOR_EACH_MACHINE(i)                                                                        \
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {                                        \
		build(machines[i].at, 0x180000000, 48, machines[i].depth, machines[i].large);

#define RAM_TOP 0x180000000ULL

static unsigned int rights_of(const struct slat *s, uint64_t addr)
{
	struct place p = walk_in(s, addr);

	if (p.mapped)
		assert_int_equal(p.to, addr);
	return (p.mapped ? SLAT_R : 0) | (p.writable ? SLAT_W : 0) | (p.executable ? SLAT_X : 0) |
	       (p.user ? SLAT_U : 0);
}

static void assert_rights(uint64_t addr, unsigned int want)
{
	assert_int_equal(rights_of(&vtl0_slat, addr), want);
	assert_int_equal(slat_rights(&vtl0_slat, gpa(addr)), want);
	assert_int_equal(slat_rights(&vtl0_slat, gpa(addr + 0x123)), want);
}

#endif
