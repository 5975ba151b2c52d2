// SPDX-License-Identifier: GPL-2.0-only
/*
 * Promises of securekernel/sites.c: of Linux's own tables exactly the sites in
 * the range are taken, whatever numbers are in them; and a table is sealed only
 * if a form of each site stands there, and no two overlap.
 */
/* links: securekernel/patch.c securekernel/sites.c securekernel/forms.c */
#include "sk_patch_model.h"

static struct sk_sites built;
static struct sk_site built_array[64];
static uint64_t bad_site;

static void start_table(uint32_t max)
{
	assert_int_equal(sk_sites_init(&built, BASE, SIZE, built_array, max), 0);
}

static void put_relative(uint8_t *p, uint64_t place, uint64_t to)
{
	put32(p, (uint32_t)(to - place));
}

/* All kinds' tables made from want[], with entries of init text among them. */
static void add_tables(uint8_t *table, bool dyn_ftrace)
{
	size_t n = 0;

	FOR_SITES(e)
	{
		if (e->kind != SK_SITE_JUMP)
			continue;
		memset(table + n, 0xEE, 32);
		put_relative(table + n, TABLE + n, BASE + e->offset);
		put_relative(table + n + 4, TABLE + n + 4, BASE + e->offset + (uint64_t)(int64_t)e->target);
		n += 16;
		put_relative(table + n, TABLE + n, BASE + SIZE); /* init text */
		n += 16;
	}
	assert_int_equal(sk_sites_add_jumps(&built, TABLE, table, n, &text), 0);
	n = 0;
	FOR_SITES(e)
	{
		uint64_t key = 0xFFFFFFFF82000000 | (n & 64) >> 5; /* bit 1: init, as Linux marks it */

		if (e->kind != SK_SITE_CALL && e->kind != SK_SITE_TAIL && e->kind != SK_SITE_JCC)
			continue;
		if (e->offset == 0x520)
			continue; /* a trampoline */
		put_relative(table + n, TABLE + n, BASE + e->offset);
		put_relative(table + n + 4, TABLE + n + 4, key | (e->kind != SK_SITE_CALL));
		put_relative(table + n + 8, TABLE + n + 8, BASE - 1);
		put_relative(table + n + 12, TABLE + n + 12, key | 2);
		n += 16;
	}
	assert_int_equal(sk_sites_add_static_calls(&built, TABLE, table, n, &text), 0);
	n = 0;
	FOR_SITES(e)
	{
		uint64_t addr[2] = { BASE + e->offset, BASE + 0x401 };

		if (e->kind != SK_SITE_MCOUNT)
			continue;
		memcpy(table + n, addr, 16);
		n += dyn_ftrace ? 16 : 8;
	}
	memset(table + n, 0, 32);
	assert_int_equal(
		sk_sites_add_mcount(&built, table, n + 32, dyn_ftrace ? SK_DYN_FTRACE : SK_MCOUNT_LOC), 0);
	memset(table, 0, 12);
	put_relative(table + 4, TABLE + 4, BASE + 0x580);
	put_relative(table + 8, TABLE + 8, BASE + 0x581); /* no prefix there */
	put_relative(table + 12, TABLE + 12, BASE + SIZE);
	assert_int_equal(sk_sites_add_locks(&built, TABLE, table, 16, &text), 0);
	memcpy(mem + 0x525, "\x0F\xB9\xCC", 3);
	assert_int_equal(sk_sites_add_trampolines(&built, BASE + 0x520, 8, &text), 0);
	assert_int_equal(sk_sites_add_tracer(&built, BASE + 0x570), 0);
}

static void test_tables(void **state)
{
	static uint8_t table[1024];

	for (unsigned int form = 0; form < FORMS; form++) {
		FOR_SITES(e)
		set(e, form % e->forms, false);
		start_table(64);
		add_tables(table, form & 1);
		assert_int_equal(built.count, wants);
		assert_int_equal(sk_sites_seal(&built, &text, &bad_site), 0);
		for (unsigned int i = 0; i < wants; i++) {
			const struct sk_site site = site_of(&want[i]);

			assert_memory_equal(&built.site[i], &site, sizeof(site));
		}
	}
}

static void test_table_sizes(void **state)
{
	static const uint8_t zeros[64];

	start_table(64);
	for (size_t n = 0; n < 64; n++) {
		assert_int_equal(sk_sites_add_jumps(&built, TABLE, zeros, n, &text), n % 16 ? -EINVAL : 0);
		assert_int_equal(sk_sites_add_static_calls(&built, TABLE, zeros, n, &text),
				 n % 8 ? -EINVAL : 0);
		assert_int_equal(sk_sites_add_mcount(&built, zeros, n, SK_MCOUNT_LOC), n % 8 ? -EINVAL : 0);
		assert_int_equal(sk_sites_add_mcount(&built, zeros, n, SK_DYN_FTRACE),
				 n % 16 ? -EINVAL : 0);
		assert_int_equal(sk_sites_add_locks(&built, TABLE, zeros, n, &text), n % 4 ? -EINVAL : 0);
		for (unsigned int stride = 0; stride < 64; stride++)
			if (stride != 8 && stride != 16)
				assert_int_equal(sk_sites_add_mcount(&built, zeros, n, stride), -EINVAL);
	}
	assert_int_equal(built.count, 0);
	assert_int_equal(sk_sites_seal(&built, &text, &bad_site), 0); /* no site, no patch */
}

static void test_no_room(void **state)
{
	const uint64_t addr = BASE;
	uint8_t table[16] = { 0 };

	memcpy(mem + 0x525, "\x0F\xB9\xCC", 3);
	start_table(0);
	assert_int_equal(sk_sites_add_mcount(&built, (const uint8_t *)&addr, 8, 8), -ENOSPC);
	assert_int_equal(sk_sites_add_tracer(&built, BASE + 0x570), -ENOSPC);
	assert_int_equal(sk_sites_add_trampolines(&built, BASE + 0x520, 8, &text), -ENOSPC);
	put_relative(table, TABLE, BASE + 0x580);
	assert_int_equal(sk_sites_add_locks(&built, TABLE, table, 4, &text), -ENOSPC);
	put_relative(table, TABLE, BASE + 0x500);
	assert_int_equal(sk_sites_add_static_calls(&built, TABLE, table, 8, &text), -ENOSPC);
	put_relative(table, TABLE, BASE + 0x400);
	put_relative(table + 4, TABLE + 4, BASE + 0x440);
	assert_int_equal(sk_sites_add_jumps(&built, TABLE, table, 16, &text), -ENOSPC);
	/* And none after the seal. */
	start_table(8);
	assert_int_equal(sk_sites_seal(&built, &text, &bad_site), 0);
	assert_int_equal(sk_sites_add_mcount(&built, (const uint8_t *)&addr, 8, 8), -ENOSPC);
	assert_int_equal(sk_sites_seal(&built, &text, &bad_site), -EINVAL);
}

/* One jump entry whose site has these bytes: what the parser, then the seal say. */
static void try_jump(const char *bytes, uint64_t target, int parsed, int sealed)
{
	uint8_t table[16] = { 0 };

	setup(NULL);
	start_table(1);
	memcpy(mem + 0x600, bytes, 5);
	put_relative(table, TABLE, BASE + 0x600);
	put_relative(table + 4, TABLE + 4, target);
	assert_int_equal(sk_sites_add_jumps(&built, TABLE, table, 16, &text), parsed);
	if (!parsed)
		assert_int_equal(sk_sites_seal(&built, &text, &bad_site), sealed);
	if (!parsed && sealed)
		assert_int_equal(bad_site, BASE + 0x600);
}

static void test_jump_bytes(void **state)
{
	try_jump("\x66\x90\x0F\x1F\x44", BASE + 0x610, 0, 0);
	try_jump("\xEB\x0E\x00\x00\x00", BASE + 0x610, 0, 0);
	try_jump("\xE9\x0B\x00\x00\x00", BASE + 0x610, 0, 0);
	try_jump("\x0F\x1F\x44\x00\x00", BASE + 0x610, 0, 0);
	try_jump("\xEB\x0F\x00\x00\x00", BASE + 0x610, 0, -ENOEXEC);
	try_jump("\xE9\x0C\x00\x00\x00", BASE + 0x610, 0, -ENOEXEC);
	try_jump("\xE8\x0B\x00\x00\x00", BASE + 0x610, -ENOEXEC, 0);
	try_jump("\x66\x91\x0F\x1F\x44", BASE + 0x610, 0, -ENOEXEC);
	try_jump("\x0F\x1F\x44\x00\x01", BASE + 0x610, 0, -ENOEXEC);
	try_jump("\x0F\x1F\x40\x00\x00", BASE + 0x610, 0, -ENOEXEC);
	try_jump("\x90\x90\x90\x90\x90", BASE + 0x610, -ENOEXEC, 0);
	try_jump("\xCC\x90\x90\x90\x90", BASE + 0x610, -ENOEXEC, 0); /* being patched now */
	/* The target may be anywhere in the range, and nowhere else. */
	try_jump("\x0F\x1F\x44\x00\x00", BASE, 0, 0);
	try_jump("\x0F\x1F\x44\x00\x00", BASE + SIZE - 1, 0, 0);
	try_jump("\x0F\x1F\x44\x00\x00", BASE + SIZE, 0, -EINVAL);
	try_jump("\x0F\x1F\x44\x00\x00", BASE - 1, 0, -EINVAL);
}

/* Sites at the range's last bytes, and sums that wrap. */
static void test_table_edges(void **state)
{
	uint8_t table[16] = { 0 };
	uint64_t addr;

	for (unsigned int last = 1; last < 6; last++) {
		start_table(4);
		addr = BASE + SIZE - last;
		memset(mem + SIZE - last, 0, last);
		memcpy(mem + SIZE - last, "\x0F\x1F\x44\x00\x00", last < 5 ? last : 5);
		assert_int_equal(sk_sites_add_mcount(&built, (const uint8_t *)&addr, 8, 8), 0);
		assert_int_equal(sk_sites_seal(&built, &text, &bad_site), last < 5 ? -EINVAL : 0);
	}
	start_table(4);
	put_relative(table, TABLE, BASE + SIZE - 1);
	assert_int_equal(sk_sites_add_jumps(&built, TABLE, table, 16, &text), -EFAULT);
	assert_int_equal(sk_sites_add_static_calls(&built, TABLE, table, 8, &text), -EFAULT);
	hole = 0x580;
	put_relative(table, TABLE, BASE + 0x580);
	assert_int_equal(sk_sites_add_locks(&built, TABLE, table, 4, &text), -EFAULT);
	hole = 0x520;
	assert_int_equal(sk_sites_add_trampolines(&built, BASE + 0x520, 8, &text), -EFAULT);
	hole = 0;
	/* A table at the end of the address space: distances wrap, as in Linux. */
	put32(table, 0x10000000);
	assert_int_equal(sk_sites_add_locks(&built, UINT64_MAX - 3, table, 4, &text), 0);
	assert_int_equal(sk_sites_add_jumps(&built, UINT64_MAX - 15, table, 16, &text), 0);
	assert_int_equal(built.count, 0);
	assert_int_equal(sk_sites_add_tracer(&built, BASE - 1), -EINVAL);
	assert_int_equal(sk_sites_add_tracer(&built, BASE + SIZE), -EINVAL);
	/* A target further away than 2 GiB: no distance from the site says it. */
	memcpy(mem + 0x600, "\x0F\x1F\x44\x00\x00", 5);
	put_relative(table, BASE + 0x70000000, BASE + 0x600);
	put32(table + 4, 0x7FFFFFFF);
	assert_int_equal(sk_sites_add_jumps(&built, BASE + 0x70000000, table, 16, &text), -ENOEXEC);
}

/* A range that ends where there are more bytes, and a table that lies in the range. */
static void test_inner_range(void **state)
{
	uint8_t table[16] = { 0 };

	assert_int_equal(sk_sites_init(&built, BASE, 0x501, built_array, 4), 0);
	put_relative(table, TABLE, BASE + 0x500);
	assert_int_equal(sk_sites_add_static_calls(&built, TABLE, table, 8, &text), -EFAULT);
	assert_int_equal(sk_sites_init(&built, BASE, 0x504, built_array, 4), 0);
	assert_int_equal(sk_sites_add_static_calls(&built, TABLE, table, 8, &text), 0);
	assert_int_equal(sk_sites_seal(&built, &text, &bad_site), -EINVAL);
	assert_int_equal(bad_site, BASE + 0x500);
	start_table(4);
	memset(table, 0, sizeof(table)); /* no entries, though there is a prefix */
	assert_int_equal(sk_sites_add_locks(&built, BASE + 0x580, table, 4, &text), 0);
	assert_int_equal(built.count, 0);
}

/* One static call entry whose site has these bytes: its kind, and what the seal says. */
static void try_static_call(const char *bytes, bool tail, enum sk_site_kind kind, int sealed)
{
	uint8_t table[8] = { 0 };

	setup(NULL);
	start_table(1);
	memcpy(mem + 0x600, bytes, 6);
	put_relative(table, TABLE, BASE + 0x600);
	put_relative(table + 4, TABLE + 4, 0xFFFFFFFF82000000 + tail);
	assert_int_equal(sk_sites_add_static_calls(&built, TABLE, table, 8, &text), 0);
	assert_int_equal(built.site[0].kind, kind);
	assert_int_equal(sk_sites_seal(&built, &text, &bad_site), sealed);
}

static void test_static_call_bytes(void **state)
{
	/* FUNCTION is 0x505 before the end of five bytes at 0x600. */
	try_static_call("\xE8\xFB\xFA\xFF\xFF\x90", false, SK_SITE_CALL, 0);
	try_static_call("\x2E\x2E\x2E\x31\xC0\x90", false, SK_SITE_CALL, 0);
	try_static_call("\x0F\x1F\x44\x00\x00\x90", false, SK_SITE_CALL, 0);
	try_static_call("\xE9\xFB\xFA\xFF\xFF\x90", true, SK_SITE_TAIL, 0);
	try_static_call("\xC3\xCC\xCC\xCC\xCC\x90", true, SK_SITE_TAIL, 0);
	try_static_call("\x0F\x85\xFA\xFA\xFF\xFF", true, SK_SITE_JCC, 0);
	try_static_call("\x0F\x85\xFB\xFA\xFF\xFF", true, SK_SITE_JCC, -ENOEXEC);
	try_static_call("\x0F\x85\xFA\xFA\xFF\xFF", false, SK_SITE_CALL, -ENOEXEC);
	try_static_call("\xE9\xFB\xFA\xFF\xFF\x90", false, SK_SITE_CALL, -ENOEXEC);
	try_static_call("\xC3\xCC\xCC\xCC\xCC\x90", false, SK_SITE_CALL, -ENOEXEC);
	try_static_call("\xE8\xFB\xFA\xFF\xFF\x90", true, SK_SITE_TAIL, -ENOEXEC);
	try_static_call("\x0F\x1F\x44\x00\x00\x90", true, SK_SITE_TAIL, -ENOEXEC);
	try_static_call("\x0F\x95\xC0\x00\x00\x90", true, SK_SITE_TAIL, -ENOEXEC);
	try_static_call("\xC3\x90\x90\x90\x90\x90", true, SK_SITE_TAIL, -ENOEXEC);
	/* What 5.12 to 5.17 wrote. */
	try_static_call("\x66\x66\x48\x31\xC0\x90", false, SK_SITE_CALL, -ENOEXEC);
}

static void test_trampolines(void **state)
{
	static const uint8_t jump[8] = { 0xE9, 0, 0, 0, 0, 0x0F, 0xB9, 0xCC };

	for (unsigned int i = 0; i < 4; i++) {
		memcpy(mem + 0x600 + 8 * i, jump, 8);
		put32(mem + 0x601 + 8 * i, FUNCTION - (0x600 + 8 * i) - 5);
	}
	memcpy(mem + 0x608, "\xC3\xCC\xCC\xCC\xCC", 5);
	start_table(8);
	assert_int_equal(sk_sites_add_trampolines(&built, BASE + 0x600, 32, &text), 0);
	assert_int_equal(built.count, 4);
	assert_int_equal(sk_sites_seal(&built, &text, &bad_site), 0);
	/* The mark behind it is part of no site. */
	assert_int_equal(sk_patch_judge(&built, BASE + 0x605, (const uint8_t *)"\xCC", 1, &text),
			 SK_PATCH_NO_SITE);
	start_table(8);
	assert_int_equal(sk_sites_add_trampolines(&built, BASE + 0x600, 33, &text), -EINVAL);
	assert_int_equal(sk_sites_add_trampolines(&built, BASE + SIZE - 8, 16, &text), -EINVAL);
	assert_int_equal(sk_sites_add_trampolines(&built, BASE - 8, 16, &text), -EINVAL);
	assert_int_equal(sk_sites_add_trampolines(&built, BASE, UINT64_MAX - 7, &text), -EINVAL);
	assert_int_equal(sk_sites_add_trampolines(&built, BASE + 0x600, 40, &text), -ENOEXEC);
	for (unsigned int i = 5; i < 8; i++) {
		start_table(8);
		mem[0x600 + i] ^= 1;
		assert_int_equal(sk_sites_add_trampolines(&built, BASE + 0x600, 8, &text), -ENOEXEC);
		mem[0x600 + i] ^= 1;
	}
}

static int seal_one(struct sk_site site)
{
	start_table(4);
	built.site[built.count++] = site;
	bad_site = 0;
	return sk_sites_seal(&built, &text, &bad_site);
}

static void test_seal_fields(void **state)
{
	FOR_SITES(e)
	{
		const struct sk_site good = site_of(e);
		struct sk_site site = good;

		assert_int_equal(seal_one(good), 0);
		for (unsigned int size = 0; size < 256; size++) {
			site.size = (uint8_t)size;
			if (size != good.size)
				assert_int_not_equal(seal_one(site), 0);
		}
		site = good;
		for (unsigned int kind = SK_SITE_LOCK + 1; kind < 257; kind++) {
			site.kind = (uint8_t)kind;
			assert_int_equal(seal_one(site), -EINVAL);
			assert_int_equal(bad_site, BASE + e->offset);
		}
		site = good;
		site.reserved = 1;
		assert_int_equal(seal_one(site), -EINVAL);
		site = good;
		site.condition ^= 0x10;
		assert_int_equal(seal_one(site), -EINVAL);
		site = good;
		site.target ^= INT32_MIN;
		assert_int_equal(seal_one(site), -EINVAL);
		site = good;
		site.offset = SIZE;
		assert_int_equal(seal_one(site), -EINVAL);
		site.offset = UINT32_MAX;
		assert_int_equal(seal_one(site), -EINVAL);
		for (unsigned int f = 0; f < e->forms; f++) {
			set(e, f, false);
			assert_int_equal(seal_one(good), 0);
			set(e, f, true); /* being patched */
			assert_int_equal(seal_one(good), -ENOEXEC);
		}
		set(e, 0, false);
		hole = e->offset;
		if (hole)
			assert_int_equal(seal_one(good), -EFAULT);
		hole = 0;
	}
	start_table(4);
	built.count = 5;
	assert_int_equal(sk_sites_seal(&built, &text, &bad_site), -EINVAL);
}

static void test_overlaps(void **state)
{
	for (unsigned int gap = 0; gap < 8; gap++) {
		const struct sk_site a = { .offset = 0x600, .kind = SK_SITE_MCOUNT, .size = 5 };
		const struct sk_site b = { .offset = 0x600 + gap, .kind = SK_SITE_LOCK, .size = 1 };

		memcpy(mem + 0x600, "\x0F\x1F\x44\x00\x00\x3E\x3E\x3E", 8);
		if (gap == 4) { /* a call of CALLER, whose last byte is 3E */
			mem[0x600] = 0xE8;
			put32(mem + 0x601, CALLER - 0x605);
			assert_int_equal(mem[0x604], 0x3E);
		}
		for (unsigned int order = 0; order < 2; order++) {
			start_table(4);
			built.site[order] = a;
			built.site[1 - order] = b;
			built.count = 2;
			assert_int_equal(sk_sites_seal(&built, &text, &bad_site) == 0, gap >= 5);
			assert_int_equal(built.sealed, gap >= 5);
			if (gap == 4)
				assert_int_equal(sk_sites_seal(&built, &text, &bad_site), -EEXIST);
		}
	}
	start_table(4);
	built.count = 2;
	built.site[0] = built.site[1] = site_of(&want[0]);
	assert_int_equal(sk_sites_seal(&built, &text, &bad_site), -EEXIST);
	assert_int_equal(bad_site, BASE);
}

/* All orders of few sites, random ones of many. */
static void test_sort(void **state)
{
	static struct sk_site many[1000];
	struct sk_sites s;

	srandom(2);
	for (uint32_t n = 0; n < 1000; n = n < 20 ? n + 1 : n * 3) {
		for (unsigned int round = 0; round < 50; round++) {
			assert_int_equal(sk_sites_init(&s, BASE, SIZE, many, 1000), 0);
			for (uint32_t i = 0; i < n; i++) {
				many[i] = (struct sk_site){ .offset = 3 * i, .kind = SK_SITE_LOCK, .size = 1 };
				mem[3 * i] = 0xF0;
			}
			for (uint32_t i = n; i > 1; i--) {
				uint32_t j = (uint32_t)random() % i;
				struct sk_site t = many[j];

				many[j] = many[i - 1];
				many[i - 1] = t;
			}
			s.count = n;
			assert_int_equal(sk_sites_seal(&s, &text, &bad_site), 0);
			for (uint32_t i = 0; i < n; i++)
				assert_int_equal(many[i].offset, 3 * i);
			for (uint32_t i = 0; i < 3 * n + 9; i++)
				assert_ptr_equal(sk_sites_find(&s, BASE + i),
						 i % 3 == 0 && i / 3 < n ? &many[i / 3] : NULL);
		}
	}
}

static void test_init(void **state)
{
	struct sk_sites s;

	assert_int_equal(sk_sites_init(&s, BASE, 0, array, 64), -EINVAL);
	assert_int_equal(sk_sites_init(&s, BASE, 1ULL << 32, array, 64), -EINVAL);
	assert_int_equal(sk_sites_init(&s, 0, 1ULL << 32, array, 64), 0);
	assert_int_equal(sk_sites_init(&s, 0, (1ULL << 32) + 1, array, 64), -EINVAL);
	assert_int_equal(sk_sites_init(&s, UINT64_MAX - 0xFFF, 0x1000, array, 64), -EINVAL);
	assert_int_equal(sk_sites_init(&s, UINT64_MAX - 0x1000, 0x1000, array, 64), 0);
	assert_int_equal(sk_sites_init(&s, BASE, SIZE, array, UINT32_MAX), -EINVAL);
	assert_false(s.sealed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_tables, setup),
		cmocka_unit_test_setup(test_table_sizes, setup),
		cmocka_unit_test_setup(test_no_room, setup),
		cmocka_unit_test_setup(test_jump_bytes, setup),
		cmocka_unit_test_setup(test_table_edges, setup),
		cmocka_unit_test_setup(test_inner_range, setup),
		cmocka_unit_test_setup(test_static_call_bytes, setup),
		cmocka_unit_test_setup(test_trampolines, setup),
		cmocka_unit_test_setup(test_seal_fields, setup),
		cmocka_unit_test_setup(test_overlaps, setup),
		cmocka_unit_test_setup(test_sort, setup),
		cmocka_unit_test_setup(test_init, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
