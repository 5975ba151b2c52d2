// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest page walk on tables built by hand, in every paging mode.
 *
 * One linear address per mode; the table of level n is at n * 4 KiB of a small
 * guest memory. A row of a table test changes one thing in a mapping that is
 * otherwise open to everybody, and says what must come of it. The callback
 * checks its own contract.
 */
/* links: lib/gwalk.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "gwalk.h"
#include "ovbs_errno.h"

#define CR0_WP   (1ULL << 16)
#define CR0_PG   (1ULL << 31)
#define CR4_PSE  (1ULL << 4)
#define CR4_PAE  (1ULL << 5)
#define CR4_LA57 (1ULL << 12)
#define CR4_SMEP (1ULL << 20)
#define CR4_SMAP (1ULL << 21)
#define EFER_LMA (1ULL << 10)
#define EFER_NXE (1ULL << 11)
#define AC       (1ULL << 18)

#define P  (1ULL << 0)
#define RW (1ULL << 1)
#define US (1ULL << 2)
#define PS (1ULL << 7)
#define NX (1ULL << 63)

#define BITS(high, low) ((~0ULL >> (63 - (high))) & (~0ULL << (low)))

#define RAM_SIZE 0x10000u
#define PAGE     0x8000u     /* where a 4 KiB leaf points to */
#define LARGE    0x40000000u /* where a large leaf points to */

enum mode { OFF, LEGACY, PAE, LONG4, LONG5 };

struct guest {
	uint8_t ram[RAM_SIZE];
	unsigned int reads;
	struct gwalk w;
	enum mode mode;
	unsigned int leaf; /* level */
	uint64_t linear;
};

static int read_ram(void *ctx, uint64_t gpa, void *buf, size_t len)
{
	struct guest *g = ctx;

	g->reads++;
	assert_true(len > 0 && len <= 4096 - (gpa & 4095));
	assert_true(gpa >> g->w.maxphyaddr == 0);
	if (gpa > RAM_SIZE || len > RAM_SIZE - gpa)
		return -EFAULT;
	memcpy(buf, g->ram + gpa, len);
	return 0;
}

static unsigned int levels(enum mode mode)
{
	static const unsigned int n[] = { [LEGACY] = 2, [PAE] = 3, [LONG4] = 4, [LONG5] = 5 };

	return n[mode];
}

static unsigned int entry_size(enum mode mode)
{
	return mode == LEGACY ? 4 : 8;
}

static unsigned int level_shift(enum mode mode, unsigned int level)
{
	return 12 + (level - 1) * (mode == LEGACY ? 10 : 9);
}

/* PAE's root is 32 bytes: not on a page border here. The root of two levels is moved up, to an odd page. */
static uint64_t table(enum mode mode, unsigned int level)
{
	if (mode == LEGACY)
		return (level + 1) * 0x1000u;
	return level * 0x1000u + (mode == PAE && level == 3 ? 0xFE0 : 0);
}

static uint64_t entry_gpa(const struct guest *g, unsigned int level)
{
	uint64_t index = g->linear >> level_shift(g->mode, level) & (g->mode == LEGACY ? 1023 : 511);

	return table(g->mode, level) + index * entry_size(g->mode);
}

static uint64_t get_entry(const struct guest *g, unsigned int level)
{
	uint64_t v = 0;

	memcpy(&v, g->ram + entry_gpa(g, level), entry_size(g->mode));
	return v;
}

static void set_entry(struct guest *g, unsigned int level, uint64_t v)
{
	memcpy(g->ram + entry_gpa(g, level), &v, entry_size(g->mode));
}

/* A mapping of g->linear that lets everybody do everything. */
static void build(struct guest *g, enum mode mode, unsigned int leaf)
{
	static const uint64_t linears[] = {
		[OFF] = 0xDEADBEEF,
		[LEGACY] = 0xDEADBEEF,
		[PAE] = 0xDEADBEEF,
		[LONG4] = 0xFFFF8ABCDEF12345ULL,
		[LONG5] = 0xFF12345678ABCDEFULL,
	};
	unsigned int level;

	memset(g, 0, sizeof(*g));
	g->mode = mode;
	g->leaf = leaf;
	g->linear = linears[mode];
	g->w = (struct gwalk){
		.cr0 = mode == OFF ? CR0_WP : CR0_PG | CR0_WP,
		.cr4 = CR4_PSE | (mode >= PAE ? CR4_PAE : 0) | (mode == LONG5 ? CR4_LA57 : 0),
		.efer = mode >= LONG4 ? EFER_LMA | EFER_NXE : EFER_NXE,
		.maxphyaddr = 40,
		.cpl = 3,
		.read_gpa = read_ram,
		.ctx = g,
	};
	if (mode == OFF)
		return;
	/* Flags and a PCID in the low bits play no part. */
	g->w.cr3 = table(mode, levels(mode)) | 0x1B;
	for (level = levels(mode); level > leaf; level--)
		set_entry(g, level, table(mode, level - 1) | P | (mode == PAE && level == 3 ? 0 : RW | US));
	set_entry(g, leaf, leaf == 1 ? PAGE | P | RW | US : LARGE | P | RW | US | PS);
}

static uint64_t leaf_size(const struct guest *g)
{
	return g->mode == OFF ? 4096 : 1ULL << level_shift(g->mode, g->leaf);
}

/* Walks to the leaf that build() made, or to what the caller expects instead. */
static void expect_gpa(struct guest *g, uint64_t gpa)
{
	struct gwalk_result r;

	g->reads = 0;
	assert_int_equal(gwalk_linear(&g->w, g->linear, &r), 0);
	assert_int_equal(r.status, 0);
	assert_int_equal(r.error_code, 0);
	assert_int_equal(r.gpa, gpa);
	assert_int_equal(r.page_size, leaf_size(g));
	assert_int_equal(r.linear, g->linear);
	/* Each entry is read once. */
	assert_int_equal(g->reads, g->mode == OFF ? 0 : levels(g->mode) - g->leaf + 1);
}

static const struct {
	enum mode mode;
	unsigned int leaf;
} shapes[] = {
	{ LEGACY, 1 }, { LEGACY, 2 }, { PAE, 1 },   { PAE, 2 },   { LONG4, 1 },
	{ LONG4, 2 },  { LONG4, 3 },  { LONG5, 1 }, { LONG5, 2 }, { LONG5, 3 },
};

static void test_translation(void **state)
{
	struct guest g;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(shapes); i++) {
		build(&g, shapes[i].mode, shapes[i].leaf);
		expect_gpa(&g, (g.leaf == 1 ? PAGE : LARGE) | (g.linear & (leaf_size(&g) - 1)));
	}
}

static void test_paging_off(void **state)
{
	struct gwalk_result r;
	struct guest g;

	build(&g, OFF, 0);
	expect_gpa(&g, 0xDEADBEEF);
	/* No 33rd bit, and no rights. */
	g.w.access = GWALK_WRITE;
	assert_int_equal(gwalk_linear(&g.w, 0x123456789ULL, &r), 0);
	assert_int_equal(r.gpa, 0x23456789);
	assert_int_equal(r.linear, 0x23456789);
	/* EFER.LMA without paging means nothing. */
	g.w.efer |= EFER_LMA;
	assert_int_equal(gwalk_linear(&g.w, 0x1000, &r), 0);
}

static void test_legacy_details(void **state)
{
	struct gwalk_result r;
	struct guest g;

	/* Bits above 31 of CR3 and of the address do not exist outside long mode. */
	build(&g, LEGACY, 1);
	g.w.cr3 |= 0xFFFFFFFF00000000ULL;
	expect_gpa(&g, PAGE | 0xEEF);
	assert_int_equal(gwalk_linear(&g.w, g.linear | 0x100000000ULL, &r), 0);
	assert_int_equal(r.linear, g.linear);
	build(&g, PAE, 1);
	g.w.cr3 |= 0xFFFFFFFF00000000ULL;
	expect_gpa(&g, PAGE | 0xEEF);

	/* PSE-36: bits 20:13 are bits 39:32. */
	build(&g, LEGACY, 2);
	set_entry(&g, 2, 0xC0400000u | 0xA5u << 13 | P | RW | US | PS);
	expect_gpa(&g, 0xA5C0400000ULL | (g.linear & 0x3FFFFF));

	/* Without CR4.PSE the PS bit is ignored: the entry is a table. */
	build(&g, LEGACY, 1);
	set_entry(&g, 2, get_entry(&g, 2) | PS);
	g.w.cr4 &= ~CR4_PSE;
	expect_gpa(&g, PAGE | 0xEEF);

	/* Nor does PAE need CR4.PSE. */
	build(&g, PAE, 2);
	g.w.cr4 &= ~CR4_PSE;
	expect_gpa(&g, LARGE | (g.linear & 0x1FFFFF));

	/* EFER.LMA decides about long mode, not LME; PAE's EFER has it clear. */
	build(&g, PAE, 1);
	g.w.efer |= 1ULL << 8;
	expect_gpa(&g, PAGE | 0xEEF);
}

/* Flips each bit of each entry: reserved ones fault as such, all others do not. */
static void check_reserved(enum mode mode, unsigned int leaf, unsigned int level, bool nxe,
			   uint8_t maxphyaddr, uint64_t reserved)
{
	unsigned int bit;

	for (bit = 1; bit < 8 * entry_size(mode); bit++) {
		struct gwalk_result r;
		struct guest g;
		bool is_reserved = reserved >> bit & 1;
		bool fault;

		/* PS in a table entry turns it into a leaf, which the shapes above cover. */
		if (bit == 7 && level > leaf && !is_reserved)
			continue;
		build(&g, mode, leaf);
		g.w.maxphyaddr = maxphyaddr;
		if (!nxe)
			g.w.efer &= ~EFER_NXE;
		set_entry(&g, level, get_entry(&g, level) | 1ULL << bit);
		fault = gwalk_linear(&g.w, g.linear, &r) == -EFAULT && (r.error_code & GWALK_PF_RSVD);
		if (fault != is_reserved)
			fail_msg("mode %d leaf %u level %u bit %u: %d", mode, leaf, level, bit, r.status);
		if (fault)
			assert_int_equal(r.error_code, GWALK_PF_P | GWALK_PF_RSVD | GWALK_PF_U);
	}
}

static void test_reserved_bits(void **state)
{
	static const struct {
		enum mode mode;
		unsigned int leaf, level;
		uint64_t reserved; /* with NX on and 40 address bits */
	} rows[] = {
		{ LEGACY, 1, 2, 0 },
		{ LEGACY, 1, 1, 0 },
		{ LEGACY, 2, 2, BITS(21, 21) },
		{ PAE, 1, 3, BITS(63, 40) | BITS(8, 5) | BITS(2, 1) },
		{ PAE, 1, 2, BITS(62, 40) },
		{ PAE, 1, 1, BITS(62, 40) },
		{ PAE, 2, 2, BITS(62, 40) | BITS(20, 13) },
		{ LONG4, 1, 4, BITS(51, 40) | BITS(7, 7) },
		{ LONG4, 1, 3, BITS(51, 40) },
		{ LONG4, 1, 2, BITS(51, 40) },
		{ LONG4, 1, 1, BITS(51, 40) },
		{ LONG4, 2, 2, BITS(51, 40) | BITS(20, 13) },
		{ LONG4, 3, 3, BITS(51, 40) | BITS(29, 13) },
		{ LONG5, 1, 5, BITS(51, 40) | BITS(7, 7) },
		{ LONG5, 1, 4, BITS(51, 40) | BITS(7, 7) },
		{ LONG5, 1, 1, BITS(51, 40) },
		{ LONG5, 3, 3, BITS(51, 40) | BITS(29, 13) },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		enum mode mode = rows[i].mode;
		uint64_t reserved = rows[i].reserved;

		check_reserved(mode, rows[i].leaf, rows[i].level, true, 40, reserved);
		if (mode == LEGACY)
			continue;
		check_reserved(mode, rows[i].leaf, rows[i].level, false, 40, reserved | NX);
		check_reserved(mode, rows[i].leaf, rows[i].level, true, 48, reserved & ~BITS(47, 40));
		check_reserved(mode, rows[i].leaf, rows[i].level, true, 52, reserved & ~BITS(51, 40));
	}
	/* PSE-36 reaches no further than the CPU's address width. */
	check_reserved(LEGACY, 2, 2, true, 52, BITS(21, 21));
	check_reserved(LEGACY, 2, 2, true, 39, BITS(21, 20));
	check_reserved(LEGACY, 2, 2, true, 36, BITS(21, 17));
	check_reserved(LEGACY, 2, 2, true, 32, BITS(21, 13));
}

/* Not present wins over reserved bits, at every level. */
static void test_not_present(void **state)
{
	struct gwalk_result r;
	struct guest g;
	unsigned int level;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(shapes); i++) {
		for (level = shapes[i].leaf; level <= levels(shapes[i].mode); level++) {
			build(&g, shapes[i].mode, shapes[i].leaf);
			set_entry(&g, level, ~0ULL & ~P);
			g.reads = 0;
			assert_int_equal(gwalk_linear(&g.w, g.linear, &r), -EFAULT);
			assert_int_equal(r.status, -EFAULT);
			assert_int_equal(r.error_code, GWALK_PF_U);
			assert_int_equal(r.linear, g.linear);
			assert_int_equal(g.reads, levels(shapes[i].mode) - level + 1);
		}
	}
}

struct rights_row {
	const char *what;
	enum gwalk_access access;
	uint8_t cpl;
	uint64_t clear, set; /* in one entry: tried in that of each level that has rights */
	uint64_t cr0_clear, cr4_set, efer_clear, rflags;
	int status;
	uint32_t code;
};

#define ALLOWED   .status = 0, .code = 0
#define DENIED(c) .status = -EFAULT, .code = GWALK_PF_P | (c)
#define W_        GWALK_PF_W
#define U_        GWALK_PF_U
#define I_        GWALK_PF_I

static const struct rights_row rights_rows[] = {
	{ "user read", GWALK_READ, 3, ALLOWED },
	{ "user write", GWALK_WRITE, 3, ALLOWED },
	{ "user exec", GWALK_EXEC, 3, ALLOWED },
	{ "kernel read of a user page", GWALK_READ, 0, ALLOWED },
	{ "kernel write of a user page", GWALK_WRITE, 0, ALLOWED },
	{ "kernel exec of a user page, no SMEP", GWALK_EXEC, 0, ALLOWED },

	{ "user read, kernel page", GWALK_READ, 3, .clear = US, DENIED(U_) },
	{ "user write, kernel page", GWALK_WRITE, 3, .clear = US, DENIED(W_ | U_) },
	{ "kernel read, kernel page", GWALK_READ, 0, .clear = US },
	{ "CPL 1 counts as kernel", GWALK_READ, 1, .clear = US },
	{ "CPL 2 counts as kernel", GWALK_READ, 2, .clear = US },

	{ "user write, read-only", GWALK_WRITE, 3, .clear = RW, DENIED(W_ | U_) },
	{ "user write, read-only, no WP", GWALK_WRITE, 3, .clear = RW, .cr0_clear = CR0_WP, DENIED(W_ | U_) },
	{ "user read, read-only", GWALK_READ, 3, .clear = RW },
	{ "user exec, read-only", GWALK_EXEC, 3, .clear = RW },
	{ "kernel write, read-only", GWALK_WRITE, 0, .clear = RW, DENIED(W_) },
	{ "kernel write, read-only, no WP", GWALK_WRITE, 0, .clear = RW, .cr0_clear = CR0_WP },

	{ "kernel exec, user page, SMEP", GWALK_EXEC, 0, .cr4_set = CR4_SMEP, DENIED(I_) },
	{ "kernel exec, kernel page, SMEP", GWALK_EXEC, 0, .clear = US, .cr4_set = CR4_SMEP },
	{ "user exec, SMEP", GWALK_EXEC, 3, .cr4_set = CR4_SMEP },
	{ "kernel read, SMEP", GWALK_READ, 0, .cr4_set = CR4_SMEP },

	{ "kernel read, user page, SMAP", GWALK_READ, 0, .cr4_set = CR4_SMAP, DENIED(0) },
	{ "kernel write, user page, SMAP", GWALK_WRITE, 0, .cr4_set = CR4_SMAP, DENIED(W_) },
	{ "kernel read, user page, SMAP, AC", GWALK_READ, 0, .cr4_set = CR4_SMAP, .rflags = AC },
	{ "kernel read, kernel page, SMAP", GWALK_READ, 0, .clear = US, .cr4_set = CR4_SMAP },
	{ "kernel exec, user page, SMAP: that is SMEP's", GWALK_EXEC, 0, .cr4_set = CR4_SMAP },
	{ "user read, SMAP", GWALK_READ, 3, .cr4_set = CR4_SMAP },
	{ "kernel write, read-only user page, SMAP, no WP", GWALK_WRITE, 0, .clear = RW,
	  .cr0_clear = CR0_WP, .cr4_set = CR4_SMAP, DENIED(W_) },
};

/* NX: with entries of 8 bytes only. */
static const struct rights_row nx_rows[] = {
	{ "user exec, NX", GWALK_EXEC, 3, .set = NX, DENIED(U_ | I_) },
	{ "kernel exec, NX", GWALK_EXEC, 0, .set = NX, .clear = US, DENIED(I_) },
	{ "user read, NX", GWALK_READ, 3, .set = NX },
	{ "user write, NX", GWALK_WRITE, 3, .set = NX },
	{ "user exec, kernel page", GWALK_EXEC, 3, .clear = US, DENIED(U_ | I_) },
	{ "user exec, NX off: reserved", GWALK_EXEC, 3, .set = NX, .efer_clear = EFER_NXE,
	  DENIED(U_ | GWALK_PF_RSVD) },
	{ "user exec, NX off, SMEP: reserved, with the fetch bit", GWALK_EXEC, 3, .set = NX,
	  .cr4_set = CR4_SMEP, .efer_clear = EFER_NXE, DENIED(U_ | I_ | GWALK_PF_RSVD) },
	{ "user exec, kernel page, NX off", GWALK_EXEC, 3, .clear = US, .efer_clear = EFER_NXE, DENIED(U_) },
};

/* Without PAE neither NX nor SMEP is there to report a fetch. */
static const struct rights_row legacy_rows[] = {
	{ "user exec, kernel page", GWALK_EXEC, 3, .clear = US, DENIED(U_) },
	{ "user exec, kernel page, SMEP", GWALK_EXEC, 3, .clear = US, .cr4_set = CR4_SMEP, DENIED(U_ | I_) },
};

static void check_rights(const struct rights_row *rows, size_t count, enum mode mode, unsigned int leaf)
{
	unsigned int level;
	size_t i;

	for (i = 0; i < count; i++) {
		const struct rights_row *row = &rows[i];

		for (level = leaf; level <= (mode == PAE ? 2 : levels(mode)); level++) {
			struct gwalk_result r;
			struct guest g;

			build(&g, mode, leaf);
			set_entry(&g, level, (get_entry(&g, level) & ~row->clear) | row->set);
			g.w.access = row->access;
			g.w.cpl = row->cpl;
			g.w.cr0 &= ~row->cr0_clear;
			g.w.cr4 |= row->cr4_set;
			g.w.efer &= ~row->efer_clear;
			g.w.rflags = row->rflags;
			if (gwalk_linear(&g.w, g.linear, &r) != row->status || r.error_code != row->code)
				fail_msg("mode %d, leaf %u, level %u, %s: %d, error code %x", mode,
					 leaf, level, row->what, r.status, r.error_code);
		}
	}
}

static void test_rights(void **state)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(shapes); i++) {
		enum mode mode = shapes[i].mode;

		check_rights(rights_rows, ARRAY_SIZE(rights_rows), mode, shapes[i].leaf);
		if (mode == LEGACY)
			check_rights(legacy_rows, ARRAY_SIZE(legacy_rows), mode, shapes[i].leaf);
		else
			check_rights(nx_rows, ARRAY_SIZE(nx_rows), mode, shapes[i].leaf);
	}
}

static void test_canonical(void **state)
{
	static const struct {
		enum mode mode;
		uint64_t linear;
		bool canonical;
	} rows[] = {
		{ LONG4, 0, true },
		{ LONG4, 0x00007FFFFFFFFFFFULL, true },
		{ LONG4, 0x0000800000000000ULL, false },
		{ LONG4, 0xFFFF7FFFFFFFFFFFULL, false },
		{ LONG4, 0xFFFF800000000000ULL, true },
		{ LONG4, 0x8000000000000000ULL, false },
		{ LONG4, ~0ULL, true },
		{ LONG5, 0x0000800000000000ULL, true },
		{ LONG5, 0x00FFFFFFFFFFFFFFULL, true },
		{ LONG5, 0x0100000000000000ULL, false },
		{ LONG5, 0xFEFFFFFFFFFFFFFFULL, false },
		{ LONG5, 0xFF00000000000000ULL, true },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct gwalk_result r;
		struct guest g;

		build(&g, rows[i].mode, 1);
		g.reads = 0;
		/* Only the one address is mapped: a canonical one that is not, faults. */
		assert_int_equal(gwalk_linear(&g.w, rows[i].linear, &r),
				 rows[i].canonical ? -EFAULT : -ERANGE);
		assert_int_equal(r.linear, rows[i].linear);
		assert_int_equal(g.reads > 0, rows[i].canonical);
	}
}

/* Tables where the callback does not read; CR3 beyond the address width. */
static void test_unreadable_tables(void **state)
{
	struct gwalk_result r;
	struct guest g;
	unsigned int level;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(shapes); i++) {
		for (level = shapes[i].leaf + 1; level <= levels(shapes[i].mode); level++) {
			build(&g, shapes[i].mode, shapes[i].leaf);
			set_entry(&g, level, get_entry(&g, level) | 0x100000);
			assert_int_equal(gwalk_linear(&g.w, g.linear, &r), -EIO);
			assert_int_equal(r.status, -EIO);
		}
		build(&g, shapes[i].mode, shapes[i].leaf);
		g.w.cr3 = 0xFFFFF000;
		assert_int_equal(gwalk_linear(&g.w, g.linear, &r), -EIO);
	}
	build(&g, LONG4, 1);
	g.w.cr3 |= 1ULL << 40;
	assert_int_equal(gwalk_linear(&g.w, g.linear, &r), -EINVAL);
	g.w.cr3 &= ~(1ULL << 40);
	g.w.cr3 |= 1ULL << 63;
	assert_int_equal(gwalk_linear(&g.w, g.linear, &r), 0);
}

static void test_invalid_state(void **state)
{
	struct gwalk_result r;
	struct guest g;

	build(&g, LONG4, 1);
	g.w.maxphyaddr = 31;
	assert_int_equal(gwalk_linear(&g.w, g.linear, &r), -EINVAL);
	g.w.maxphyaddr = 53;
	assert_int_equal(gwalk_linear(&g.w, g.linear, &r), -EINVAL);
	g.w.maxphyaddr = 52;
	assert_int_equal(gwalk_linear(&g.w, g.linear, &r), 0);
	g.w.cpl = 4;
	assert_int_equal(gwalk_linear(&g.w, g.linear, &r), -EINVAL);
	g.w.cpl = 0;
	g.w.access = (enum gwalk_access)3;
	assert_int_equal(gwalk_linear(&g.w, g.linear, &r), -EINVAL);
	g.w.access = GWALK_READ;
	g.w.cr4 &= ~CR4_PAE;
	assert_int_equal(gwalk_linear(&g.w, g.linear, &r), -EINVAL);
	assert_int_equal(r.status, -EINVAL);
}

/* A table that points to itself: as deep as the levels go, no deeper. */
static void test_recursive_table(void **state)
{
	struct guest g;

	build(&g, LONG4, 1);
	g.linear = 0xFFFFFFFFFFFFFABCULL;
	set_entry(&g, 4, 0x4000 | P | RW | US);
	expect_gpa(&g, 0x4ABC);
}

/* Two pages that follow each other in linear memory but not in physical memory. */
static void build_two_pages(struct guest *g, enum mode mode)
{
	unsigned int level;
	size_t i;

	build(g, mode, 1);
	g->linear = mode == LONG4 ? 0x00007FFFFFFFE000ULL : 0x00200000;
	for (i = 0; i < 2; i++) {
		for (level = levels(mode); level > 1; level--)
			set_entry(g, level,
				  table(mode, level - 1) | P | (mode == PAE && level == 3 ? 0 : RW | US));
		set_entry(g, 1, (i == 0 ? 0x9000 : 0x8000) | P | RW | US);
		g->linear += 0x1000;
	}
	g->linear -= 0x2000;
	for (i = 0; i < 0x1000; i++) {
		g->ram[0x9000 + i] = (uint8_t)(i * 3);
		g->ram[0x8000 + i] = (uint8_t)(0x80 + i * 5);
	}
}

static void test_read_across(void **state)
{
	static const enum mode modes[] = { LEGACY, PAE, LONG4 };
	struct gwalk_result fault;
	uint8_t buf[16], want[16];
	struct guest g;
	size_t m, before, n;

	for (m = 0; m < ARRAY_SIZE(modes); m++) {
		build_two_pages(&g, modes[m]);
		for (before = 1; before <= 16; before++) {
			for (n = 0; n <= 15; n++) {
				uint64_t at = g.linear + 0x1000 - before;
				size_t first = n < before ? n : before;

				memcpy(want, g.ram + 0xA000 - before, first);
				memcpy(want + first, g.ram + 0x8000, n - first);
				memset(buf, 0x5A, sizeof(buf));
				assert_int_equal(gread_linear(&g.w, at, buf, n, &fault), n);
				assert_memory_equal(buf, want, n);
				assert_int_equal(buf[n], 0x5A);
				assert_int_equal(fault.status, 0);
				assert_int_equal(gread_linear(&g.w, at, buf, n, NULL), n);
			}
		}
	}
}

static void test_read_short(void **state)
{
	struct gwalk_result fault;
	uint8_t buf[16];
	struct guest g;

	/* The second page is not there. */
	build_two_pages(&g, LONG4);
	g.w.access = GWALK_EXEC;
	g.linear += 0x1000;
	set_entry(&g, 1, 0);
	assert_int_equal(gread_linear(&g.w, g.linear - 5, buf, 15, &fault), 5);
	assert_int_equal(fault.status, -EFAULT);
	assert_int_equal(fault.error_code, GWALK_PF_U | GWALK_PF_I);
	assert_int_equal(fault.linear, g.linear);
	assert_memory_equal(buf, g.ram + 0x9FFB, 5);
	assert_int_equal(gread_linear(&g.w, g.linear, buf, 15, &fault), 0);
	assert_int_equal(fault.status, -EFAULT);

	/* It is, but nothing there may be read. */
	set_entry(&g, 1, 0x20000000 | P | RW | US);
	assert_int_equal(gread_linear(&g.w, g.linear - 5, buf, 15, &fault), 5);
	assert_int_equal(fault.status, -EIO);
	assert_int_equal(fault.linear, g.linear);

	/* Nothing asked for, nothing walked. */
	g.reads = 0;
	assert_int_equal(gread_linear(&g.w, g.linear, buf, 0, &fault), 0);
	assert_int_equal(fault.status, 0);
	assert_int_equal(g.reads, 0);
}

/* The end of the canonical half, of the address space, and of the first 4 GiB. */
static void test_read_edges(void **state)
{
	struct gwalk_result fault;
	uint8_t buf[16];
	struct guest g;

	build_two_pages(&g, LONG4);
	assert_int_equal(gread_linear(&g.w, 0x00007FFFFFFFFFFDULL, buf, 15, &fault), 3);
	assert_int_equal(fault.status, -ERANGE);
	assert_int_equal(fault.linear, 0x0000800000000000ULL);

	build(&g, LONG4, 1);
	g.linear = ~0ULL;
	set_entry(&g, 4, 0x4000 | P | RW | US);
	assert_int_equal(gread_linear(&g.w, ~0ULL - 2, buf, 15, &fault), 3);
	assert_int_equal(fault.status, -ERANGE);
	assert_int_equal(gread_linear(&g.w, ~0ULL - 2, buf, 3, &fault), 3);
	assert_int_equal(fault.status, 0);

	build(&g, LEGACY, 1);
	g.linear = 0xFFFFFFFF;
	set_entry(&g, 2, table(LEGACY, 1) | P | RW | US);
	set_entry(&g, 1, PAGE | P | RW | US);
	assert_int_equal(gread_linear(&g.w, 0xFFFFFFFE, buf, 15, &fault), 2);
	assert_int_equal(fault.status, -ERANGE);

	/* Real mode: physical memory, page by page. */
	build(&g, OFF, 0);
	memcpy(g.ram + 0x1FFE, "\x01\x02\x03\x04", 4);
	assert_int_equal(gread_linear(&g.w, 0x1FFE, buf, 4, &fault), 4);
	assert_memory_equal(buf, "\x01\x02\x03\x04", 4);
	assert_int_equal(gread_linear(&g.w, RAM_SIZE - 2, buf, 4, &fault), 2);
	assert_int_equal(fault.status, -EIO);
}

/* A large read goes page by page: read_ram() asserts it. */
static void test_read_large(void **state)
{
	static uint8_t buf[0x3000];
	struct guest g;

	build(&g, OFF, 0);
	memset(g.ram + 0x4000, 0xC3, 0x3000);
	g.reads = 0;
	assert_int_equal(gread_linear(&g.w, 0x4800, buf, 0x2000, NULL), 0x2000);
	assert_int_equal(g.reads, 3);
	assert_int_equal(buf[0], 0xC3);
	assert_int_equal(buf[0x1FFF], 0xC3);
	assert_int_equal(buf[0x2000], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_translation),    cmocka_unit_test(test_paging_off),
		cmocka_unit_test(test_legacy_details), cmocka_unit_test(test_reserved_bits),
		cmocka_unit_test(test_not_present),    cmocka_unit_test(test_rights),
		cmocka_unit_test(test_canonical),      cmocka_unit_test(test_unreadable_tables),
		cmocka_unit_test(test_invalid_state),  cmocka_unit_test(test_recursive_table),
		cmocka_unit_test(test_read_across),    cmocka_unit_test(test_read_short),
		cmocka_unit_test(test_read_edges),     cmocka_unit_test(test_read_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
