/* links: */
// SPDX-License-Identifier: GPL-2.0-only
/*
 * Promises of securekernel/space.c: no page of a trustlet's is writable and
 * executable, or executable after it could be written; the limit counts every
 * page and a call does all or nothing; every page comes back wiped; and no
 * address that a trustlet may name leads a copy to anything but its own pages,
 * with its own rights.
 */
#include "sk_space.h"

#define AT  0x0000600000000000ULL
#define RX  (SPACE_R | SPACE_X)
#define RW  (SPACE_R | SPACE_W)
#define BIG 512u /* pages */

static struct space s;

static void create(unsigned int limit)
{
	begin(BIG);
	assert_int_equal(space_create(&s, limit, false), 0);
	assert_int_equal(assert_sound(&s), 0);
}

static void destroy(void)
{
	space_destroy(&s);
	assert_all_back(BIG);
	assert_null(s.root);
}

/* Pages of VTL1's own that are free. */
static uint64_t own_free(void)
{
	uint64_t fresh_pages = 0;

	for (unsigned int i = 0; i < MEMORY_PIECES; i++)
		fresh_pages += fresh[i];
	return memory_free_bytes() / PAGE_SIZE - given_free - fresh_pages;
}

/* What VTL0 gave is used first and not counted against the limit; code never lies in it; all of it holds zeros. */
static void test_given_memory(void **state)
{
	static const uint8_t zeros[PAGE_SIZE];
	uint8_t bytes[PAGE_SIZE];
	unsigned int mapped = 0;

	begin(BIG);
	assert_int_equal(memory_given_bytes(), 0);
	assert_int_equal(space_create(&s, 20, true), 0);
	assert_int_equal(space_limit(&s), 20);
	assert_int_equal(space_map(&s, AT, 17, RW), -ENOMEM);
	give_piece(0);
	give_piece(1);
	assert_int_equal(memory_given_bytes(), 2 * OVBS_GIVE_BYTES);
	assert_int_equal(space_limit(&s), 20 + 2 * PIECE_PAGES);
	assert_int_equal(space_map(&s, AT, 8, RX), 0);
	assert_int_equal(own_free(), BIG - 1 - 8 - 3); /* the root, code, and tables from before */
	for (; !space_map(&s, AT + (16 + mapped) * PAGE_SIZE, 1, RW); mapped++) {
		assert_int_equal(space_read(&s, AT + (16 + mapped) * PAGE_SIZE, bytes, PAGE_SIZE), 0);
		assert_memory_equal(bytes, zeros, PAGE_SIZE);
		memset(bytes, 0x5A, PAGE_SIZE);
		assert_int_equal(space_write(&s, AT + (16 + mapped) * PAGE_SIZE, bytes, PAGE_SIZE), 0);
	}
	assert_int_equal(assert_sound(&s), 8 + mapped);
	assert_int_equal(s.pages, space_limit(&s));
	assert_int_equal(s.given, 2 * PIECE_PAGES);
	assert_int_equal(own_free(), BIG - 20);
	/* A page that came back is the next one's, wiped. */
	space_unmap(&s, AT + 16 * PAGE_SIZE, mapped);
	assert_int_equal(space_map(&s, AT + 16 * PAGE_SIZE, 500, RW), 0);
	for (unsigned int i = 0; i < 500; i++) {
		assert_int_equal(space_read(&s, AT + (16 + i) * PAGE_SIZE, bytes, PAGE_SIZE), 0);
		assert_memory_equal(bytes, zeros, PAGE_SIZE);
	}
	space_destroy(&s);
	assert_int_equal(own_free(), BIG);
	assert_int_equal(memory_free_bytes(), (BIG + 2 * PIECE_PAGES) * PAGE_SIZE);
	/* Nobody else gets it. */
	assert_int_equal(space_create(&s, 20, false), 0);
	assert_int_equal(space_map(&s, AT, 17, RW), -ENOMEM);
	assert_int_equal(space_map(&s, AT, 8, RW), 0);
	assert_int_equal(s.given, 0);
	space_destroy(&s);
}

/* From the reservation on it is not VTL0's, page for page; the two kinds of addresses lead to each other. */
static void test_given_is_not_vtl0s(void **state)
{
	const struct ovbs_range ram = { PIECE_GPA(0) - SIZE_2M, PIECE_GPA(0) + 2 * SIZE_2M };
	char *page;

	begin(BIG);
	sk_info.ram_count = 1;
	sk_info.ram[0] = ram;
	assert_true(memory_is_vtl0_ram(ram.start, (ram.end - ram.start) / PAGE_SIZE));
	assert_int_equal(memory_reserve(PIECE_GPA(0)), 0);
	for (uint64_t at = ram.start; at < ram.end; at += PAGE_SIZE) {
		bool given = at >= PIECE_GPA(0) && at < PIECE_GPA(0) + SIZE_2M;

		assert_int_equal(memory_is_vtl0_ram(at, 1), !given);
		assert_int_equal(memory_is_given(at + 5), given);
	}
	assert_false(memory_is_vtl0_ram(ram.start, SIZE_2M / PAGE_SIZE + 1));
	assert_true(memory_is_vtl0_ram(ram.start, SIZE_2M / PAGE_SIZE));
	assert_false(memory_is_vtl0_ram(ram.start, (ram.end - ram.start) / PAGE_SIZE));
	assert_null(page_alloc_given()); /* VTL0 may still write it */
	assert_int_equal(memory_given_bytes(), 0);
	memory_accept(0);
	give_piece(2);
	for (unsigned int i = 0; i < 2 * PIECE_PAGES; i++) {
		page = page_alloc_given();
		assert_non_null(page);
		assert_true(page_is_given(page));
		assert_true(memory_is_given(memory_gpa(page)));
		assert_ptr_equal(memory_at(memory_gpa(page)), page);
		assert_ptr_equal(memory_at(memory_gpa(page) + 0xFFF), page + 0xFFF);
	}
	assert_null(page_alloc_given());
	assert_null(memory_at(PIECE_GPA(1)));
	page = page_alloc();
	assert_false(page_is_given(page));
	assert_ptr_equal(memory_at(memory_gpa(page)), page);
	sk_info.ram_count = 0;
}

/* No more pieces than can be, also where VTL1's own memory leaves less room. */
static void test_pieces_end(void **state)
{
	uint64_t bytes = sk_info.bytes;

	begin(BIG);
	for (unsigned int i = 0; i < MEMORY_PIECES; i++)
		assert_int_equal(memory_reserve(PIECE_GPA(i)), i);
	assert_int_equal(memory_reserve(PIECE_GPA(MEMORY_PIECES)), -ENOMEM);
	assert_false(memory_is_given(PIECE_GPA(MEMORY_PIECES)));
	piece_count = 0;
	sk_info.bytes = SK_VA_LIMIT - 2 * OVBS_GIVE_BYTES - PAGE_SIZE;
	assert_int_equal(memory_reserve(PIECE_GPA(0)), 0);
	assert_int_equal(memory_reserve(PIECE_GPA(1)), 1);
	assert_int_equal(memory_reserve(PIECE_GPA(2)), -ENOMEM);
	sk_info.bytes = bytes;
	piece_count = 0;
}

static void test_create(void **state)
{
	struct space low, high;

	begin(BIG);
	assert_int_equal(space_create(&low, 0, false), -ENOMEM);
	space_destroy(&low);
	assert_int_equal(space_create(&low, 1, false), 0);
	random_fill = 0xFF;
	assert_int_equal(space_create(&high, 1, false), 0);
	for (const struct space *p = &low;; p = &high) {
		assert_int_equal((p->image | p->map_top | p->stack_top) & ~PAGE_MASK, 0);
		assert_true(p->image < p->map_top && p->map_top < p->stack_top && p->stack_top <= SPACE_TOP);
		if (p == &high)
			break;
	}
	/* Each of the three has 28 random bits of its own. */
	assert_int_equal(high.image - low.image, ((1ULL << 28) - 1) << 12);
	assert_int_equal(high.map_top - low.map_top, ((1ULL << 28) - 1) << 12);
	assert_int_equal(high.stack_top - low.stack_top, ((1ULL << 28) - 1) << 12);
	random_counts = true;
	space_destroy(&high);
	assert_int_equal(space_create(&high, 1, false), 0);
	assert_true(high.image - low.image != high.map_top - low.map_top);
	space_destroy(&low);
	space_destroy(&high);
	assert_all_back(BIG);
}

static void test_no_memory_at_all(void **state)
{
	begin(1);
	assert_non_null(page_alloc());
	assert_int_equal(space_create(&s, 10, false), -ENOMEM);
	space_destroy(&s);
}

static void test_map_rights(void **state)
{
	create(BIG);
	for (unsigned int rights = 1; rights < 8; rights++) {
		uint64_t va = AT + rights * 16 * PAGE_SIZE;
		bool both = (rights & SPACE_W) && (rights & SPACE_X);

		assert_int_equal(space_map(&s, va, 3, rights), both ? -EINVAL : 0);
		for (unsigned int i = 0; i < 4; i++)
			assert_int_equal(cpu_rights(&s, va + i * PAGE_SIZE, NULL),
					 both || i == 3 ? 0 : rights | SPACE_R);
		assert_sound(&s);
	}
	destroy();
}

static void test_protect_rights(void **state)
{
	create(BIG);
	assert_int_equal(space_map(&s, AT, 4, RX), 0);
	assert_int_equal(space_map(&s, AT + 0x10000, 4, RW), 0);
	assert_int_equal(space_map(&s, AT + 0x20000, 4, SPACE_R), 0);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(space_protect(&s, AT + i * 0x10000, 4, SPACE_W | SPACE_X), -EACCES);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(space_protect(&s, AT + i * 0x10000, 4, SPACE_R | SPACE_W | SPACE_X),
				 -EACCES);
	/* What began without X never gets it; by way of other rights neither. */
	for (unsigned int i = 1; i < 3; i++) {
		for (unsigned int via = 0; via < 4; via++) {
			assert_int_equal(space_protect(&s, AT + i * 0x10000, 4, via), 0);
			assert_int_equal(space_protect(&s, AT + i * 0x10000, 4, RX), -EACCES);
			assert_int_equal(space_protect(&s, AT + i * 0x10000, 4, SPACE_X), -EACCES);
			assert_sound(&s);
		}
	}
	/* Code may rest and come back, until it could be written. */
	assert_int_equal(space_protect(&s, AT, 4, SPACE_R), 0);
	assert_int_equal(cpu_rights(&s, AT, NULL), SPACE_R);
	assert_int_equal(space_protect(&s, AT, 4, 0), 0);
	assert_int_equal(cpu_rights(&s, AT, NULL), 0);
	assert_int_equal(space_protect(&s, AT, 4, RX), 0);
	assert_int_equal(cpu_rights(&s, AT + 3 * PAGE_SIZE, NULL), RX);
	assert_int_equal(space_protect(&s, AT + PAGE_SIZE, 1, RW), 0);
	assert_int_equal(cpu_rights(&s, AT + PAGE_SIZE, NULL), RW);
	assert_int_equal(space_protect(&s, AT + PAGE_SIZE, 1, SPACE_R), 0);
	assert_int_equal(space_protect(&s, AT + PAGE_SIZE, 1, RX), -EACCES);
	assert_int_equal(space_protect(&s, AT, 1, RX), 0);
	/* A page that is made anew at the place starts with nothing of the old one. */
	space_unmap(&s, AT, 4);
	assert_int_equal(space_map(&s, AT, 4, SPACE_R), 0);
	assert_int_equal(space_protect(&s, AT, 4, RX), -EACCES);
	destroy();
}

/* One page in the row says no: none is changed. */
static void test_protect_all_or_nothing(void **state)
{
	for (unsigned int bad = 0; bad < 6; bad++) {
		create(BIG);
		assert_int_equal(space_map(&s, AT, 6, RX), 0);
		space_unmap(&s, AT + bad * PAGE_SIZE, 1);
		assert_int_equal(space_protect(&s, AT, 6, SPACE_R), -ENOMEM);
		assert_int_equal(space_map(&s, AT + bad * PAGE_SIZE, 1, SPACE_R), 0);
		assert_int_equal(space_protect(&s, AT, 6, SPACE_X), -EACCES);
		for (unsigned int i = 0; i < 6; i++)
			assert_int_equal(cpu_rights(&s, AT + i * PAGE_SIZE, NULL), i == bad ? SPACE_R : RX);
		assert_int_equal(space_protect(&s, AT + BIG * SIZE_1G, 1, SPACE_R), -ENOMEM); /* no table there */
		destroy();
	}
}

static bool was_flushed(uint64_t va)
{
	for (unsigned int i = 0; i < flushes && i < ARRAY_SIZE(flushed); i++)
		if (flushed[i] == va)
			return true;
	return false;
}

/* The CPU forgets what it had of a page whose rights change or that goes. */
static void test_flushes(void **state)
{
	create(BIG);
	assert_int_equal(space_map(&s, AT, 4, RW), 0);
	flushes = 0;
	assert_int_equal(space_protect(&s, AT, 2, SPACE_R), 0);
	assert_true(was_flushed(AT) && was_flushed(AT + PAGE_SIZE) && flushes == 2);
	flushes = 0;
	space_unmap(&s, AT + PAGE_SIZE, 3);
	for (unsigned int i = 1; i < 4; i++)
		assert_true(was_flushed(AT + i * PAGE_SIZE));
	destroy();
}

/* Whatever the limit: all pages and not one more than it, or none. */
static void test_limit_all_or_nothing(void **state)
{
	const uint64_t va = AT + SIZE_1G - 5 * PAGE_SIZE; /* over the border of two tables, of three levels */

	for (unsigned int limit = 1; limit < 24; limit++) {
		unsigned int leaves;
		int err;

		create(limit);
		err = space_map(&s, va, 10, RW);
		leaves = assert_sound(&s);
		assert_int_equal(err, limit < 16 ? -ENOMEM : 0); /* root, pdpt, 2 pd, 2 pt */
		assert_int_equal(leaves, err ? 0 : 10);
		destroy();
	}
}

/* The same where VTL1's memory itself is used up. */
static void test_memory_all_or_nothing(void **state)
{
	for (unsigned int pages = 1; pages < 24; pages++) {
		int err;

		begin(pages);
		assert_int_equal(space_create(&s, BIG, false), 0);
		err = space_map(&s, AT, 10, RW);
		assert_int_equal(err, pages < 14 ? -ENOMEM : 0);
		assert_int_equal(assert_sound(&s), err ? 0 : 10);
		space_destroy(&s);
		assert_all_back(pages);
	}
}

static void test_nothing_is_mapped_over(void **state)
{
	for (unsigned int there = 0; there < 6; there++) {
		const uint64_t at = AT + there * PAGE_SIZE, mark = 0x1234567890ABCDEF;
		uint64_t page, again;

		create(BIG);
		assert_int_equal(space_map(&s, at, 1, RW), 0);
		assert_int_equal(space_write(&s, at, &mark, sizeof(mark)), 0);
		cpu_rights(&s, at, &page);
		assert_int_equal(space_map(&s, AT, 6, SPACE_R), -EEXIST);
		assert_int_equal(assert_sound(&s), 1);
		assert_int_equal(cpu_rights(&s, at, &again), RW);
		assert_int_equal(page, again);
		assert_int_equal(*(uint64_t *)memory_at(page), mark);
		/* A page without rights is a page, too. */
		assert_int_equal(space_protect(&s, at, 1, 0), 0);
		assert_int_equal(space_map(&s, AT, 6, SPACE_R), -EEXIST);
		assert_int_equal(assert_sound(&s), 1);
		destroy();
	}
}

static void test_user_range(void **state)
{
	static const struct {
		uint64_t va, n;
		bool want;
	} rows[] = {
		{ 0, 0, false },
		{ 0, 1, false },
		{ PAGE_SIZE - 1, 1, false },
		{ PAGE_SIZE, 0, true },
		{ PAGE_SIZE, SPACE_TOP - PAGE_SIZE, true },
		{ PAGE_SIZE, SPACE_TOP - PAGE_SIZE + 1, false },
		{ SPACE_TOP - 1, 1, true },
		{ SPACE_TOP - 1, 2, false },
		{ SPACE_TOP, 0, false },
		{ SPACE_TOP - 1, ~0ULL, false },
		{ AT, 0 - AT, false },
		{ AT, 0 - AT + PAGE_SIZE, false },
		{ 0xFFFF800000000000, 8, false },
		{ SK_CPU_VA, 8, false },
		{ ~0ULL, 1, false },
		{ ~0ULL, 2, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(space_user_range(rows[i].va, rows[i].n), rows[i].want);
}

static void test_copies(void **state)
{
	static uint8_t out[3 * PAGE_SIZE], in[3 * PAGE_SIZE], zero[3 * PAGE_SIZE];
	static const uint64_t offsets[] = { 0, 1, 4088, 4095, 4096, 4097 };
	static const size_t lengths[] = { 0, 1, 8, 4095, 4096, 4097, 8000 };

	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i * 13 + i / 256 + 1);
	create(BIG);
	for (size_t o = 0; o < ARRAY_SIZE(offsets); o++) {
		for (size_t l = 0; l < ARRAY_SIZE(lengths); l++) {
			uint64_t va = AT + offsets[o];

			assert_int_equal(space_map(&s, AT, 3, RW), 0);
			if (offsets[o] + lengths[l] > sizeof(out))
				continue;
			assert_int_equal(space_write(&s, va, out, lengths[l]), 0);
			memset(in, 0xEE, sizeof(in));
			assert_int_equal(space_read(&s, va, in, lengths[l]), 0);
			assert_memory_equal(in, out, lengths[l]);
			if (lengths[l] < sizeof(in))
				assert_int_equal(in[lengths[l]], 0xEE);
			assert_int_equal(space_read(&s, AT, in, sizeof(in)), 0);
			assert_memory_equal(in, zero, offsets[o]);
			assert_memory_equal(in + offsets[o] + lengths[l], zero,
					    sizeof(in) - offsets[o] - lengths[l]);
			space_unmap(&s, AT, 3);
		}
	}
	destroy();
}

/* Three pages; the middle one is the user's to read, not to write, not at all, or not there. */
static void test_copies_refused(void **state)
{
	static uint8_t buf[3 * PAGE_SIZE];
	static const uint64_t bad[] = {
		0,         8,         SPACE_TOP,          SPACE_TOP - 4,   0x800000000000,
		SK_CPU_VA, ~0ULL - 2, 0xFFFF800000000000, SK_STACK_TOP - 8
	};

	create(BIG);
	assert_int_equal(space_map(&s, AT, 3, RW), 0);
	for (unsigned int i = 0; i < 4; i++) {
		int read = i == 0 ? 0 : -EFAULT;

		if (i == 0)
			assert_int_equal(space_protect(&s, AT + PAGE_SIZE, 1, SPACE_R), 0);
		else if (i == 1)
			assert_int_equal(space_protect(&s, AT + PAGE_SIZE, 1, 0), 0);
		else if (i == 2)
			assert_int_equal(space_protect(&s, AT + PAGE_SIZE, 1, SPACE_X), -EACCES);
		else
			space_unmap(&s, AT + PAGE_SIZE, 1);
		assert_int_equal(space_write(&s, AT, buf, sizeof(buf)), -EFAULT);
		assert_int_equal(space_write(&s, AT + PAGE_SIZE - 1, buf, 2), -EFAULT);
		assert_int_equal(space_read(&s, AT, buf, sizeof(buf)), read);
		assert_int_equal(space_read(&s, AT + PAGE_SIZE + 5, buf, 1), read);
		assert_int_equal(space_read(&s, AT + PAGE_SIZE - 1, buf, 1), 0);
		assert_int_equal(space_write(&s, AT + 2 * PAGE_SIZE, buf, 8), 0);
	}
	s.root[511] = s.root[index_of(AT, 4)]; /* as if the kernel had something the user may write */
	s.root[256] = s.root[511];
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(space_read(&s, bad[i], buf, 8), -EFAULT);
		assert_int_equal(space_write(&s, bad[i], buf, 8), -EFAULT);
	}
	assert_int_equal(space_read(&s, AT, buf, ~0ULL), -EFAULT);
	assert_int_equal(space_read(&s, AT, buf, 0 - AT + PAGE_SIZE), -EFAULT);
	destroy();
}

/* The upper half is the secure kernel's: it outlives every trustlet. */
static void test_destroy_leaves_the_kernels_half(void **state)
{
	uint64_t *kernel;

	create(BIG);
	kernel = page_alloc();
	kernel[510] = 0x1234;
	s.root[511] = memory_gpa(kernel) | PTE_P | PTE_RW | PTE_A;
	assert_int_equal(space_map(&s, AT, 20, RW), 0);
	space_destroy(&s);
	assert_int_equal(memory_free_bytes(), (BIG - 1) * PAGE_SIZE);
	assert_int_equal(kernel[510], 0x1234);
	page_free(kernel);
	assert_all_back(BIG);
}

static void test_pages_are_wiped(void **state)
{
	static uint8_t ones[16 * PAGE_SIZE], in[16 * PAGE_SIZE], zero[16 * PAGE_SIZE];

	memset(ones, 0xFF, sizeof(ones));
	begin(40);
	assert_int_equal(space_create(&s, 40, false), 0);
	for (unsigned int i = 0; i < 10; i++) {
		assert_int_equal(space_map(&s, AT, 16, RW), 0);
		assert_int_equal(space_read(&s, AT, in, sizeof(in)), 0);
		assert_memory_equal(in, zero, sizeof(in));
		assert_int_equal(space_write(&s, AT, ones, sizeof(ones)), 0);
		space_unmap(&s, AT, 16);
	}
	assert_int_equal(space_map(&s, AT, 16, RW), 0);
	assert_int_equal(space_write(&s, AT, ones, sizeof(ones)), 0);
	space_destroy(&s);
	assert_all_back(40);
}

static void test_find(void **state)
{
	create(100);
	assert_int_equal(space_find(&s, 1), s.map_top - PAGE_SIZE);
	assert_int_equal(space_find(&s, 100), s.map_top - 100 * PAGE_SIZE);
	assert_int_equal(space_map(&s, s.map_top - 4 * PAGE_SIZE, 1, 0), 0); /* used, without rights */
	assert_int_equal(space_find(&s, 3), s.map_top - 3 * PAGE_SIZE);
	assert_int_equal(space_find(&s, 4), s.map_top - 8 * PAGE_SIZE);
	assert_int_equal(space_map(&s, s.map_top - 3 * PAGE_SIZE, 3, RW), 0);
	assert_int_equal(space_find(&s, 1), s.map_top - 5 * PAGE_SIZE);
	/* Every second page: room for one between them, for more below. */
	for (unsigned int i = 6; i < 60; i += 2)
		assert_int_equal(space_map(&s, s.map_top - i * PAGE_SIZE, 1, RW), 0);
	assert_int_equal(space_find(&s, 1), s.map_top - 5 * PAGE_SIZE);
	assert_int_equal(space_find(&s, 2), s.map_top - 60 * PAGE_SIZE);
	for (unsigned int pages = 1; pages <= 40; pages++) {
		uint64_t at = space_find(&s, pages);

		assert_true(at && at + pages * PAGE_SIZE <= s.map_top);
		for (unsigned int i = 0; i < pages; i++)
			assert_int_equal(cpu_rights(&s, at + i * PAGE_SIZE, NULL), 0);
	}
	destroy();
}

static const struct pie_plan plan = {
	.entry = 0x1040,
	.size = 0x9000,
	.count = 3,
	.segment = { { 0, 0, 0x1234, 0x1234, ELF_R | ELF_X },
		     { 0x2010, 0x10, 0x20, 0x20, ELF_R },
		     { 0x3FF8, 0x1FF8, 0x1008, 0x5000, ELF_R | ELF_W } },
};

static void test_load(void **state)
{
	static uint8_t file[0x3000], got[0x5000];

	for (size_t i = 0; i < sizeof(file); i++)
		file[i] = (uint8_t)(i + i / 256 + 1);
	create(BIG);
	assert_int_equal(space_load(&s, &plan, file, 8), 0);
	assert_int_equal(assert_sound(&s), 2 + 1 + 6 + 8);
	assert_int_equal(s.image_size, plan.size);
	assert_true(s.brk == s.brk_start && s.brk >= s.image + plan.size && !(s.brk & ~PAGE_MASK));
	for (unsigned int i = 0; i < plan.count; i++) {
		const struct pie_segment *g = &plan.segment[i];

		assert_int_equal(space_read(&s, s.image + g->va, got, g->mem_size), 0);
		assert_memory_equal(got, file + g->file_off, g->file_size);
		for (uint64_t b = g->file_size; b < g->mem_size; b++)
			assert_int_equal(got[b], 0);
		assert_int_equal(cpu_rights(&s, s.image + g->va, NULL), i == 0 ? RX :
									i == 1 ? SPACE_R :
										 RW);
	}
	/* The rest of a segment's pages holds zeros, not the file's next bytes. */
	assert_int_equal(space_read(&s, s.image + 0x1234, got, 0x2000 - 0x1234), 0);
	for (unsigned int b = 0; b < 0x2000 - 0x1234; b++)
		assert_int_equal(got[b], 0);
	assert_int_equal(cpu_rights(&s, s.stack_top - 1, NULL), RW);
	assert_int_equal(cpu_rights(&s, s.stack_top - 8 * PAGE_SIZE, NULL), RW);
	assert_int_equal(cpu_rights(&s, s.stack_top - 9 * PAGE_SIZE, NULL), 0); /* a guard */
	assert_int_equal(space_protect(&s, s.image + 0x3000, 6, RX), -EACCES);
	destroy();
}

static void test_load_with_any_limit(void **state)
{
	static uint8_t file[0x3000];
	bool loaded = false;

	for (unsigned int limit = 1; limit < 64; limit++) {
		int err;

		create(limit);
		err = space_load(&s, &plan, file, 8);
		assert_true(err == 0 || err == -ENOMEM);
		assert_true(err == 0 || !loaded); /* more memory never does worse */
		loaded = err == 0;
		assert_sound(&s);
		destroy();
	}
	assert_true(loaded);
}

#define WINDOW 24u

/* What each page of the window should be. */
static struct {
	bool there, may_x;
	unsigned int rights;
} model[WINDOW];

static void check_model(void)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < WINDOW; i++) {
		unsigned int rights = model[i].rights | (model[i].rights & SPACE_W ? SPACE_R : 0); /* W means R */
		unsigned int want = model[i].there && (rights & SPACE_R) ? rights : 0;

		count += model[i].there;
		assert_int_equal(cpu_rights(&s, AT + i * PAGE_SIZE, NULL), want);
	}
	assert_int_equal(assert_sound(&s), count);
}

static void model_step(unsigned int op, unsigned int first, unsigned int n, unsigned int rights)
{
	bool wx = (rights & SPACE_W) && (rights & SPACE_X), all = true, none = true, x = true;

	for (unsigned int i = first; i < first + n; i++) {
		all &= model[i].there;
		none &= !model[i].there;
		x &= model[i].there && model[i].may_x;
	}
	if (op == 0) {
		rights |= SPACE_R; /* callers never map without */
		assert_int_equal(space_map(&s, AT + first * PAGE_SIZE, n, rights), wx   ? -EINVAL :
										   none ? 0 :
											  -EEXIST);
	} else if (op == 1) {
		space_unmap(&s, AT + first * PAGE_SIZE, n);
	} else {
		int err = space_protect(&s, AT + first * PAGE_SIZE, n, rights);

		if (wx || !all || ((rights & SPACE_X) && !x)) {
			assert_true(err == -EACCES || err == -ENOMEM);
			return;
		}
		assert_int_equal(err, 0);
	}
	for (unsigned int i = first; i < first + n; i++) {
		if (op == 0 && (wx || !none))
			return;
		model[i].may_x = op == 0 ? !!(rights & SPACE_X) :
					   op == 2 && model[i].may_x && !(rights & SPACE_W);
		model[i].there = op != 1;
		model[i].rights = rights;
	}
}

/* Ten thousand calls in no order, against a model of one page each. */
static void test_any_order(void **state)
{
	uint32_t random = 1;

	create(BIG);
	memset(model, 0, sizeof(model));
	for (unsigned int i = 0; i < 10000; i++) {
		unsigned int first, n, op;

		random = random * 1664525 + 1013904223;
		op = (random >> 28) % 3;
		first = (random >> 20) % WINDOW;
		n = 1 + (random >> 12) % 6;
		model_step(op, first, n > WINDOW - first ? WINDOW - first : n, random >> 8 & 7);
		check_model();
	}
	destroy();
}

static void test_ram_of_vtl0(void **state)
{
	begin(4);
	sk_info.ram_count = 2;
	sk_info.ram[0] = (struct ovbs_range){ 0, 0xA0000 };
	sk_info.ram[1] = (struct ovbs_range){ 0x100000, 0x40000000 };
	assert_true(memory_is_vtl0_ram(0, 1));
	assert_true(memory_is_vtl0_ram(0x9F000, 1));
	assert_true(memory_is_vtl0_ram(0x100000, 0x3FF00));
	assert_false(memory_is_vtl0_ram(0x100000, 0x3FF01));
	assert_false(memory_is_vtl0_ram(0x9F000, 2));
	assert_false(memory_is_vtl0_ram(0xA0000, 1));
	assert_false(memory_is_vtl0_ram(0x9FFFF, 1));
	assert_false(memory_is_vtl0_ram(0x1000, 0));
	assert_false(memory_is_vtl0_ram(0x1000, ~0ULL));
	assert_false(memory_is_vtl0_ram(0x1000, 1ULL << 52)); /* no bytes, if it wraps */
	assert_false(memory_is_vtl0_ram(~PAGE_MASK & ~0ULL, 1));
	assert_false(memory_is_vtl0_ram(0xFFFFFFFFFFFFF000, 1));
	sk_info.ram_count = 0;
	assert_false(memory_is_vtl0_ram(0x1000, 1));
}

/* Promise of sk_info.h: nothing of VTL0's is in the block, whatever the firmware's map says. */
static void test_block_is_not_vtl0s(void **state)
{
	begin(4);
	sk_info.block_gpa = POOL_GPA - SIZE_2M;
	sk_info.block_bytes = SIZE_2M + sk_info.bytes;
	sk_info.ram_count = 1;
	sk_info.ram[0] = (struct ovbs_range){ SIZE_1G, 2 * POOL_GPA };
	assert_true(memory_is_vtl0_ram(SIZE_1G, 1));
	assert_false(memory_is_vtl0_ram(POOL_GPA, 1));
	assert_false(memory_is_vtl0_ram(POOL_GPA - SIZE_2M - PAGE_SIZE, 2));
	sk_info.ram_count = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_given_memory),
		cmocka_unit_test(test_given_is_not_vtl0s),
		cmocka_unit_test(test_pieces_end),
		cmocka_unit_test(test_no_memory_at_all),
		cmocka_unit_test(test_map_rights),
		cmocka_unit_test(test_protect_rights),
		cmocka_unit_test(test_protect_all_or_nothing),
		cmocka_unit_test(test_flushes),
		cmocka_unit_test(test_limit_all_or_nothing),
		cmocka_unit_test(test_memory_all_or_nothing),
		cmocka_unit_test(test_nothing_is_mapped_over),
		cmocka_unit_test(test_user_range),
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_copies_refused),
		cmocka_unit_test(test_destroy_leaves_the_kernels_half),
		cmocka_unit_test(test_pages_are_wiped),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_load_with_any_limit),
		cmocka_unit_test(test_any_order),
		cmocka_unit_test(test_ram_of_vtl0),
		cmocka_unit_test(test_block_is_not_vtl0s),
	};

	return cmocka_run_group_tests(tests, map_memory, NULL);
}
