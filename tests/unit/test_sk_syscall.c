/* links: */
// SPDX-License-Identifier: GPL-2.0-only
/*
 * Promises of securekernel/syscall.c: what is not in the table is -ENOSYS, what
 * the policy does not name is -EPERM, and whatever numbers a trustlet puts into
 * its registers, a call does what it says or nothing: no size wraps, no address
 * of the kernel's half is read or written, no limit is passed, and no page is
 * ever writable and executable.
 */
#include "sk_space.h"

#include <stdio.h>

#undef MAP_PRIVATE
#undef MAP_FIXED
#undef MAP_ANON
#undef MADV_DONTNEED
#define syscall trustlet_syscall /* the C library has one */
#include "../../securekernel/syscall.c"

#define BIG   900u /* pages */
#define LIMIT 200u
#define RX    (SPACE_R | SPACE_X)
#define RW    (SPACE_R | SPACE_W)
#define AT    0x0000600000000000ULL /* four pages: RW, RW, R, none */
#define PRIV  0x22u                 /* MAP_PRIVATE | MAP_ANONYMOUS */

enum {
	NR_WRITE = 1,
	NR_MMAP = 9,
	NR_MPROTECT = 10,
	NR_MUNMAP = 11,
	NR_BRK = 12,
	NR_MADVISE = 28,
	NR_ARCH_PRCTL = 158,
	NR_FUTEX = 202,
	NR_CLOCK = 228,
	NR_EXIT = 231,
	NR_PRLIMIT = 302,
	NR_RANDOM = 318
};

/* Addresses that no call may use: nothing there, or not the user's. */
static const uint64_t bad_at[] = {
	0,         8,         AT - 1, AT + 2 * PAGE_SIZE - 1, AT + 3 * PAGE_SIZE,
	SPACE_TOP, SK_CPU_VA, ~0ULL,  0x0000800000000000,     0xFFFF800000000000,
	SK_VA_BASE
};

struct trustlet trustlets[OVBS_TRUSTLETS_MAX];
unsigned int trustlet_count = 3;
static struct trustlet *t = &trustlets[2];
static struct ovbs_policy policy = { .name = "tester" };
static struct ovbs_tl_request request;
static char logged[256];
static unsigned int lines;
static enum syscall_outcome outcome;

/* Each line counts against the trustlet's own. */
void sk_log_bounded(uint32_t *left, const char *fmt, ...)
{
	va_list args;

	assert_ptr_equal(left, &t->lines_left);
	va_start(args, fmt);
	vsnprintf(logged, sizeof(logged), fmt, args);
	va_end(args);
	lines++;
}

uint64_t sk_ticks_to_ns(uint64_t ticks)
{
	return ticks * 3;
}

/* Each says which it is; they are test_sk_modules.c's. */
#define INTEGRITY_CALL(name, number)                                                               \
	int64_t name(struct call *c)                                                               \
	{                                                                                          \
		assert_ptr_equal(c->t, t);                                                         \
		return number;                                                                     \
	}
INTEGRITY_CALL(sys_guest_copy, 0xB10)
INTEGRITY_CALL(sys_guest_frozen, 0xB11)
INTEGRITY_CALL(sys_locked, 0xB12)
INTEGRITY_CALL(sys_module_new, 0xB13)
INTEGRITY_CALL(sys_module_freeze, 0xB14)
INTEGRITY_CALL(sys_module_sites, 0xB15)
INTEGRITY_CALL(sys_module_functions, 0xB16)
INTEGRITY_CALL(sys_module_grant, 0xB17)
INTEGRITY_CALL(sys_module_live, 0xB18)
INTEGRITY_CALL(sys_module_gone, 0xB19)

static int setup(void **state)
{
	begin(BIG);
	memset(trustlets, 0, sizeof(trustlets));
	memset(&request, 0, sizeof(request));
	t->policy = &policy;
	t->request = &request;
	policy.flags = OVBS_POLICY_ALL;
	lines = 0;
	logged[0] = 0;
	fs_base = now = 0;
	assert_int_equal(space_create(&t->space, LIMIT, false), 0);
	t->space.brk_start = t->space.brk = t->space.image + SIZE_1G;
	assert_int_equal(space_map(&t->space, AT, 2, RW), 0);
	assert_int_equal(space_map(&t->space, AT + 2 * PAGE_SIZE, 1, SPACE_R), 0);
	assert_int_equal(space_map(&t->space, AT + 3 * PAGE_SIZE, 1, RW), 0);
	assert_int_equal(space_protect(&t->space, AT + 3 * PAGE_SIZE, 1, 0), 0);
	return 0;
}

static int teardown(void **state)
{
	space_destroy(&t->space);
	assert_all_back(BIG);
	return 0;
}

static int64_t call6(uint64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	struct user_regs before;

	for (unsigned int i = 0; i < GPR_COUNT; i++)
		t->regs.gpr[i] = 0xA0A0 + i;
	t->regs.gpr[GPR_RAX] = nr;
	t->regs.gpr[GPR_RDI] = a;
	t->regs.gpr[GPR_RSI] = b;
	t->regs.gpr[GPR_RDX] = c;
	t->regs.gpr[GPR_R10] = d;
	t->regs.gpr[GPR_R8] = e;
	before = t->regs;
	outcome = trustlet_syscall(t);
	before.gpr[GPR_RAX] = t->regs.gpr[GPR_RAX];
	assert_memory_equal(&before, &t->regs, sizeof(before)); /* nothing but the result */
	assert_sound(&t->space);
	return (int64_t)t->regs.gpr[GPR_RAX];
}

static int64_t call(uint64_t nr, uint64_t a, uint64_t b, uint64_t c)
{
	return call6(nr, a, b, c, 0, 0);
}

static int64_t map(uint64_t bytes, uint64_t prot, uint64_t flags)
{
	return call6(NR_MMAP, 0, bytes, prot, flags, ~0ULL);
}

static void test_unknown_is_enosys(void **state)
{
	static const uint64_t known[] = { 1,   9,   10,     11,     12,     28,    39,
					  89,  158, 186,    202,    218,    228,   231,
					  302, 318, 0x4F00, 0x4F01, 0x4F02, 0x4F03,
					  0x4F10, 0x4F11, 0x4F12, 0x4F13, 0x4F14, 0x4F15,
					  0x4F16, 0x4F17, 0x4F18, 0x4F19 };
	unsigned int n = 0;

	for (uint64_t nr = 0; nr < 0x8000; nr++) {
		if (n < ARRAY_SIZE(known) && nr == known[n]) {
			n++;
			assert_int_equal(call(nr | 1ULL << 32, 0, 0, 0), -ENOSYS);
			assert_int_equal(call(nr | 1ULL << 63, 0, 0, 0), -ENOSYS);
			continue;
		}
		assert_int_equal(call(nr, AT, AT, AT), -ENOSYS);
		assert_int_equal(outcome, SYSCALL_GO_ON);
	}
	assert_int_equal(n, ARRAY_SIZE(known));
	assert_int_equal(call(~0ULL, 0, 0, 0), -ENOSYS);
}

static void test_policy_decides(void **state)
{
	static const struct {
		uint32_t nr, flag;
		uint64_t a, b;
		int64_t good;
	} rows[] = {
		{ OVBS_TL_SEAL_KEY, OVBS_POLICY_SEAL, AT, 0, 0 },
		{ OVBS_TL_COUNTER, OVBS_POLICY_COUNTER, 0, 0, 0 },
		{ OVBS_TL_LOG, OVBS_POLICY_LOG, AT, 5, 0 },
		{ OVBS_TL_GUEST_COPY, OVBS_POLICY_INTEGRITY, AT, 0, 0xB10 },
		{ OVBS_TL_GUEST_FROZEN, OVBS_POLICY_INTEGRITY, AT, 0, 0xB11 },
		{ OVBS_TL_LOCKED, OVBS_POLICY_INTEGRITY, AT, 0, 0xB12 },
		{ OVBS_TL_MODULE_NEW, OVBS_POLICY_INTEGRITY, AT, 0, 0xB13 },
		{ OVBS_TL_MODULE_FREEZE, OVBS_POLICY_INTEGRITY, AT, 0, 0xB14 },
		{ OVBS_TL_MODULE_SITES, OVBS_POLICY_INTEGRITY, AT, 0, 0xB15 },
		{ OVBS_TL_MODULE_FUNCTIONS, OVBS_POLICY_INTEGRITY, AT, 0, 0xB16 },
		{ OVBS_TL_MODULE_GRANT, OVBS_POLICY_INTEGRITY, AT, 0, 0xB17 },
		{ OVBS_TL_MODULE_LIVE, OVBS_POLICY_INTEGRITY, AT, 0, 0xB18 },
		{ OVBS_TL_MODULE_GONE, OVBS_POLICY_INTEGRITY, AT, 0, 0xB19 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (policy.flags = 0; policy.flags <= OVBS_POLICY_ALL; policy.flags++) {
			bool may = policy.flags & rows[i].flag;

			lines = 0;
			assert_int_equal(call(rows[i].nr, rows[i].a, rows[i].b, 0),
					 may ? rows[i].good : -EPERM);
			assert_true(may || !lines);
		}
	}
}

static void test_write(void **state)
{
	char text[300];

	memset(text, 'x', sizeof(text));
	assert_int_equal(space_write(&t->space, AT, text, sizeof(text)), 0);
	assert_int_equal(space_write(&t->space, AT, "hello\n\n", 7), 0);
	assert_int_equal(call(NR_WRITE, 1, AT, 7), 7);
	assert_string_equal(logged, "tester: hello");
	assert_int_equal(call(NR_WRITE, 2, AT + 10, 300), 120); /* the rest is for another call */
	assert_int_equal(strlen(logged), strlen("tester: ") + 120);
	assert_int_equal(call(NR_WRITE, 2, AT, ~0ULL), 120);
	lines = 0;
	assert_int_equal(call(NR_WRITE, 1, AT + 5, 2), 2); /* newlines alone */
	assert_int_equal(call(NR_WRITE, 1, AT, 0), 0);
	assert_int_equal(call(NR_WRITE, 0, AT, 7), -EBADF);
	assert_int_equal(call(NR_WRITE, 3, AT, 7), -EBADF);
	assert_int_equal(call(NR_WRITE, 1ULL << 32 | 1, AT, 7), -EBADF);
	for (size_t i = 0; i < ARRAY_SIZE(bad_at); i++)
		if (bad_at[i] != AT + 2 * PAGE_SIZE - 1) /* a page to read follows */
			assert_int_equal(call(NR_WRITE, 1, bad_at[i], 2), -EFAULT);
	assert_int_equal(call(NR_WRITE, 1, AT + 3 * PAGE_SIZE - 1, 2), -EFAULT);
	policy.flags &= ~OVBS_POLICY_LOG;
	assert_int_equal(call(NR_WRITE, 1, AT, 7), 7);
	assert_int_equal(lines, 0);
}

static void test_log(void **state)
{
	char text[120];

	memset(text, 'y', sizeof(text));
	assert_int_equal(space_write(&t->space, AT, text, sizeof(text)), 0);
	assert_int_equal(call(OVBS_TL_LOG, AT, 120, 0), 0);
	assert_int_equal(strlen(logged), strlen("tester: ") + 120);
	lines = 0;
	assert_int_equal(call(OVBS_TL_LOG, AT, 121, 0), -EINVAL);
	assert_int_equal(call(OVBS_TL_LOG, AT, ~0ULL, 0), -EINVAL);
	assert_int_equal(call(OVBS_TL_LOG, AT, 1ULL << 32, 0), -EINVAL);
	for (size_t i = 0; i < ARRAY_SIZE(bad_at); i++)
		if (bad_at[i] != AT + 2 * PAGE_SIZE - 1)
			assert_int_equal(call(OVBS_TL_LOG, bad_at[i], 2, 0), -EFAULT);
	assert_int_equal(lines, 0);
}

static void test_mmap(void **state)
{
	uint64_t pages = t->space.pages, page;
	int64_t at = map(3 * PAGE_SIZE - 5, RW, PRIV), low;

	assert_int_equal(at, t->space.map_top - 3 * PAGE_SIZE);
	assert_int_equal(cpu_rights(&t->space, (uint64_t)at, NULL), RW);
	assert_int_equal(cpu_rights(&t->space, (uint64_t)at + 2 * PAGE_SIZE, NULL), RW);
	assert_in_range(t->space.pages, pages + 3, pages + 6);
	low = map(1, SPACE_R, PRIV);
	assert_int_equal(low, at - (int64_t)PAGE_SIZE);
	assert_int_equal(cpu_rights(&t->space, (uint64_t)low, NULL), SPACE_R);
	low = map(1, 0, PRIV | 0x4000 | 0x20000); /* PROT_NONE, as malloc() reserves: there, and nobody's */
	assert_true(low > 0);
	cpu_rights(&t->space, (uint64_t)low, &page);
	assert_int_equal(cpu_rights(&t->space, (uint64_t)low, NULL), 0);
	assert_int_equal(call(NR_MPROTECT, (uint64_t)low, PAGE_SIZE, RW), 0);
	assert_int_equal(cpu_rights(&t->space, (uint64_t)low, NULL), RW);
	assert_int_equal(call(NR_MPROTECT, (uint64_t)low, PAGE_SIZE, RX), -EACCES);
	/* A hint does not count. */
	assert_int_equal(call6(NR_MMAP, AT, PAGE_SIZE, RW, PRIV, 0), low - (int64_t)PAGE_SIZE);
	assert_int_equal(call6(NR_MMAP, SK_CPU_VA, PAGE_SIZE, RW, PRIV, 0), low - 2 * (int64_t)PAGE_SIZE);
}

static void test_mmap_refused(void **state)
{
	static const uint64_t lengths[] = { ~0ULL,
					    1ULL << 63,
					    0 - PAGE_SIZE,
					    1ULL << 47,
					    (LIMIT + 1) * PAGE_SIZE,
					    LIMIT * PAGE_SIZE };
	static const uint64_t flags[] = {
		0, 0x02, 0x20, 0x21, 0x23, PRIV | 0x10, PRIV | 0x100000, PRIV | 0x40000
	};

	assert_int_equal(map(0, RW, PRIV), -EINVAL);
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++)
		assert_int_equal(map(lengths[i], RW, PRIV), -ENOMEM);
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		assert_int_equal(map(PAGE_SIZE, RW, flags[i]), -EINVAL);
	for (unsigned int prot = 4; prot < 8; prot++)
		assert_int_equal(map(PAGE_SIZE, prot, PRIV), -EACCES);
	assert_int_equal(map(PAGE_SIZE, 8, PRIV), -EINVAL);
	assert_int_equal(map(PAGE_SIZE, 0x01000000 | RW, PRIV), -EINVAL); /* PROT_GROWSDOWN */
}

/* Flags are 64 bits wide: an unknown one is refused in the upper half, too. */
static void test_high_halves_of_flags(void **state)
{
	for (unsigned int bit = 32; bit < 64; bit++) {
		assert_int_equal(map(PAGE_SIZE, RW, PRIV | 1ULL << bit), -EINVAL);
		assert_int_equal(map(PAGE_SIZE, 1ULL << bit | RW, PRIV), -EINVAL);
		assert_int_equal(call(NR_MPROTECT, AT, PAGE_SIZE, 1ULL << bit), -EINVAL);
	}
}

/* Until the limit, then all of it back, again and again: nothing is lost. */
static void test_mmap_to_the_limit(void **state)
{
	for (unsigned int round = 0; round < 5; round++) {
		int64_t at[LIMIT];
		unsigned int n = 0;

		while (n < LIMIT && (at[n] = map(2 * PAGE_SIZE, RW, PRIV)) > 0)
			n++;
		assert_int_equal(at[n], -ENOMEM);
		assert_in_range(n, 85, 100);
		assert_true(t->space.pages + 2 >= LIMIT);
		for (unsigned int i = 0; i < n; i++)
			assert_int_equal(call(NR_MUNMAP, (uint64_t)at[i], 2 * PAGE_SIZE, 0), 0);
	}
}

static void test_munmap(void **state)
{
	static const struct {
		uint64_t at, n;
	} bad[] = {
		{ AT + 1, PAGE_SIZE },
		{ AT, 0 },
		{ AT, ~0ULL },
		{ AT, 0 - AT },
		{ AT, 0 - AT + PAGE_SIZE },
		{ 0, PAGE_SIZE },
		{ SPACE_TOP, PAGE_SIZE },
		{ SPACE_TOP - PAGE_SIZE, PAGE_SIZE + 1 },
		{ SK_CPU_VA, PAGE_SIZE },
		{ 0x800000000000, PAGE_SIZE },
		{ 0 - PAGE_SIZE, PAGE_SIZE },
		{ 0 - PAGE_SIZE, 2 * PAGE_SIZE },
		{ AT, (4 * LIMIT + 1) * PAGE_SIZE },
		{ AT, 1ULL << 47 },
	};
	uint64_t pages = t->space.pages;

	t->space.root[511] = t->space.root[index_of(AT, 4)]; /* something to lose in the kernel's half */
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(call(NR_MUNMAP, bad[i].at, bad[i].n, 0), -EINVAL);
	assert_int_equal(t->space.pages, pages);
	assert_int_equal(call(NR_MUNMAP, AT + PAGE_SIZE, 1, 0), 0);
	assert_int_equal(t->space.pages, pages - 1);
	assert_int_equal(cpu_rights(&t->space, AT, NULL), RW);
	assert_int_equal(cpu_rights(&t->space, AT + PAGE_SIZE, NULL), 0);
	assert_int_equal(call(NR_MUNMAP, AT, 4 * LIMIT * PAGE_SIZE, 0), 0); /* holes are skipped */
	assert_int_equal(t->space.pages, pages - 4);
	t->space.root[511] = 0;
}

static void test_mprotect(void **state)
{
	static const struct {
		uint64_t at, n, prot;
		int64_t want;
	} rows[] = {
		{ AT, PAGE_SIZE, SPACE_R, 0 },
		{ AT, 2 * PAGE_SIZE, RW, 0 },
		{ AT, 1, 0, 0 },
		{ AT, 4 * PAGE_SIZE, RW, 0 },
		{ AT, 0, RW, 0 },
		{ AT, PAGE_SIZE, RX, -EACCES },
		{ AT, PAGE_SIZE, RW | SPACE_X, -EACCES },
		{ AT, PAGE_SIZE, SPACE_W | SPACE_X, -EACCES },
		{ AT, PAGE_SIZE, 8, -EINVAL },
		{ AT + 8, PAGE_SIZE, RW, -EINVAL },
		{ AT, 5 * PAGE_SIZE, SPACE_R, -ENOMEM },
		{ AT, (LIMIT + 1) * PAGE_SIZE, SPACE_R, -ENOMEM },
		{ AT, ~0ULL, RW, -EINVAL },
		{ AT, 0 - AT, RW, -EINVAL },
		{ SK_CPU_VA, PAGE_SIZE, RW, -EINVAL },
		{ 0 - PAGE_SIZE, PAGE_SIZE, RW, -EINVAL },
		{ 0, PAGE_SIZE, RW, -EINVAL },
	};

	t->space.root[511] = t->space.root[index_of(AT, 4)];
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(call(NR_MPROTECT, rows[i].at, rows[i].n, rows[i].prot), rows[i].want);
	t->space.root[511] = 0;
	assert_int_equal(cpu_rights(&t->space, AT + 3 * PAGE_SIZE, NULL), RW);
}

static void test_brk(void **state)
{
	const int64_t start = (int64_t)t->space.brk_start;
	uint64_t pages = t->space.pages;

	assert_int_equal(call(NR_BRK, 0, 0, 0), start);
	assert_int_equal(call(NR_BRK, (uint64_t)start + 100, 0, 0), start + 100);
	assert_int_equal(cpu_rights(&t->space, (uint64_t)start, NULL), RW);
	assert_int_equal(cpu_rights(&t->space, (uint64_t)start + PAGE_SIZE, NULL), 0);
	pages = t->space.pages;
	assert_int_equal(call(NR_BRK, (uint64_t)start + PAGE_SIZE, 0, 0), start + (int64_t)PAGE_SIZE);
	assert_int_equal(t->space.pages, pages);
	assert_int_equal(call(NR_BRK, (uint64_t)start + 50 * PAGE_SIZE + 1, 0, 0),
			 start + 50 * (int64_t)PAGE_SIZE + 1);
	assert_int_equal(t->space.pages, pages + 50);
	assert_int_equal(call(NR_BRK, (uint64_t)start + 10 * PAGE_SIZE, 0, 0),
			 start + 10 * (int64_t)PAGE_SIZE);
	assert_int_equal(t->space.pages, pages + 9);
	assert_int_equal(cpu_rights(&t->space, (uint64_t)start + 10 * PAGE_SIZE, NULL), 0);
	assert_int_equal(call(NR_BRK, (uint64_t)start, 0, 0), start);
	assert_int_equal(t->space.pages, pages - 1);
}

/* A break that can't be is answered with the one that is, as Linux does. */
static void test_brk_refused(void **state)
{
	const uint64_t start = t->space.brk_start, at = start + 3 * PAGE_SIZE;
	const uint64_t bad[] = { 1,
				 start - 1,
				 start - PAGE_SIZE,
				 SPACE_TOP,
				 SPACE_TOP - 1,
				 SK_CPU_VA,
				 ~0ULL,
				 0 - PAGE_SIZE,
				 0x800000000000,
				 start + (LIMIT + 1) * PAGE_SIZE,
				 start + LIMIT * PAGE_SIZE,
				 start + (1ULL << 40) };
	unsigned int leaves;

	assert_int_equal(call(NR_BRK, start + PAGE_SIZE, 0, 0), start + PAGE_SIZE);
	leaves = assert_sound(&t->space);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(call(NR_BRK, bad[i], 0, 0), start + PAGE_SIZE);
		assert_int_equal(assert_sound(&t->space), leaves);
	}
	/* Something is in the way: nothing is moved, nothing lost. */
	assert_int_equal(space_map(&t->space, at, 1, SPACE_R), 0);
	assert_int_equal(call(NR_BRK, start + 10 * PAGE_SIZE, 0, 0), start + PAGE_SIZE);
	assert_int_equal(cpu_rights(&t->space, at, NULL), SPACE_R);
	assert_int_equal(cpu_rights(&t->space, at - PAGE_SIZE, NULL), 0);
	assert_int_equal(assert_sound(&t->space), leaves + 1);
}

static void test_madvise(void **state)
{
	uint8_t ones[2 * PAGE_SIZE], got[2 * PAGE_SIZE];

	memset(ones, 0xFF, sizeof(ones));
	assert_int_equal(space_write(&t->space, AT, ones, sizeof(ones)), 0);
	assert_int_equal(call(NR_MADVISE, AT, 2 * PAGE_SIZE, 14), 0); /* advice that nobody follows */
	assert_int_equal(space_read(&t->space, AT, got, sizeof(got)), 0);
	assert_memory_equal(got, ones, sizeof(got));
	assert_int_equal(call(NR_MADVISE, AT + PAGE_SIZE, PAGE_SIZE, 4), 0); /* DONTNEED: zeros from now on */
	assert_int_equal(space_read(&t->space, AT, got, sizeof(got)), 0);
	assert_memory_equal(got, ones, PAGE_SIZE);
	for (unsigned int i = PAGE_SIZE; i < 2 * PAGE_SIZE; i++)
		assert_int_equal(got[i], 0);
	assert_int_equal(call(NR_MADVISE, AT + 2 * PAGE_SIZE, PAGE_SIZE, 4), -ENOMEM); /* read-only */
	assert_int_equal(call(NR_MADVISE, AT + 3 * PAGE_SIZE, PAGE_SIZE, 4), -ENOMEM);
	assert_int_equal(call(NR_MADVISE, AT + 1, PAGE_SIZE, 4), -EINVAL);
	assert_int_equal(call(NR_MADVISE, SK_CPU_VA, PAGE_SIZE, 4), -EINVAL);
	assert_int_equal(call(NR_MADVISE, AT, ~0ULL, 4), -EINVAL);
	assert_int_equal(call(NR_MADVISE, AT, 0 - AT, 4), -EINVAL);
	assert_int_equal(call(NR_MADVISE, AT, (LIMIT + 1) * PAGE_SIZE, 4), -EINVAL);
}

static void test_getrandom(void **state)
{
	static uint8_t got[70000];
	int64_t at = map(sizeof(got), RW, PRIV);

	random_fill = 1;
	random_counts = true;
	assert_int_equal(call(NR_RANDOM, AT, 600, 0), 600);
	assert_int_equal(space_read(&t->space, AT, got, 700), 0);
	for (unsigned int i = 0; i < 700; i++)
		assert_int_equal(got[i], i < 600 ? (uint8_t)(i + 1) : 0);
	assert_int_equal(call(NR_RANDOM, AT, 0, 0), 0);
	assert_int_equal(call(NR_RANDOM, (uint64_t)at, sizeof(got), 0), 4096);
	assert_int_equal(call(NR_RANDOM, (uint64_t)at, ~0ULL, 0), 4096);
	assert_int_equal(space_read(&t->space, (uint64_t)at, got, sizeof(got)), 0);
	assert_int_equal(got[4096], 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad_at); i++)
		assert_int_equal(call(NR_RANDOM, bad_at[i], 2, 0), -EFAULT);
	assert_int_equal(call(NR_RANDOM, AT + 2 * PAGE_SIZE - 300, 600, 0), -EFAULT);
	assert_int_equal(call(NR_RANDOM, 0 - 100ULL, 4096, 0), -EFAULT);
}

static void test_arch_prctl(void **state)
{
	assert_int_equal(call(NR_ARCH_PRCTL, 0x1002, AT + 0x40, 0), 0);
	assert_int_equal(fs_base, AT + 0x40);
	assert_int_equal(t->fs_base, AT + 0x40);
	for (uint64_t code = 0x1000; code < 0x1010; code++)
		if (code != 0x1002)
			assert_int_equal(call(NR_ARCH_PRCTL, code, AT, 0), -EINVAL);
	assert_int_equal(call(NR_ARCH_PRCTL, 1ULL << 32 | 0x1002, AT, 0), -EINVAL);
	/* A base that is not canonical would be a #GP of the kernel's. */
	assert_int_equal(call(NR_ARCH_PRCTL, 0x1002, 0x800000000000, 0), -EPERM);
	assert_int_equal(call(NR_ARCH_PRCTL, 0x1002, SK_CPU_VA, 0), -EPERM);
	assert_int_equal(call(NR_ARCH_PRCTL, 0x1002, ~0ULL, 0), -EPERM);
	assert_int_equal(fs_base, AT + 0x40);
	assert_int_equal(t->fs_base, AT + 0x40);
}

static void test_what_only_tells(void **state)
{
	uint64_t two[2];

	assert_int_equal(call6(NR_PRLIMIT, 0, 3, 0, AT, 0), 0);
	assert_int_equal(space_read(&t->space, AT, two, sizeof(two)), 0);
	assert_true(two[0] == 128 << 10 && two[1] == 128 << 10);
	assert_int_equal(call6(NR_PRLIMIT, 0, 3, 0, 0, 0), 0);
	assert_int_equal(call6(NR_PRLIMIT, 0, 3, AT, AT, 0), -EPERM);
	now = 0xFEDCBA987654321;
	for (uint64_t clock = 0; clock < 12; clock++) {
		assert_int_equal(call(NR_CLOCK, clock, AT + 8, 0), 0);
		assert_int_equal(space_read(&t->space, AT + 8, two, sizeof(two)), 0);
		assert_int_equal(two[0] * 1000000000 + two[1], now * 3);
		assert_true(two[1] < 1000000000);
	}
	assert_int_equal(call(NR_CLOCK, 12, AT, 0), -EINVAL);
	assert_int_equal(call(NR_CLOCK, 1ULL << 32, AT, 0), -EINVAL);
	for (size_t i = 0; i < ARRAY_SIZE(bad_at); i++) {
		assert_int_equal(call(NR_CLOCK, 1, bad_at[i], 0), -EFAULT);
		if (bad_at[i])
			assert_int_equal(call6(NR_PRLIMIT, 0, 3, 0, bad_at[i], 0), -EFAULT);
	}
	assert_int_equal(call(39, 0, 0, 0), 4);
	assert_int_equal(call(186, 0, 0, 0), 4);
	assert_int_equal(call(218, SK_CPU_VA, 0, 0), 4); /* the address is not looked at */
	assert_int_equal(call(NR_FUTEX, AT, 1, 1), 0);
	assert_int_equal(call(NR_FUTEX, AT, 0x81, 1), 0);
	assert_int_equal(call(NR_FUTEX, AT, 0, 1), -EAGAIN); /* it would wait for ever */
	assert_int_equal(call(NR_FUTEX, AT, 0x80, 1), -EAGAIN);
	assert_int_equal(call(89, AT, AT, 100), -ENOENT);
}

static void test_exit(void **state)
{
	assert_int_equal(call(NR_EXIT, 0x1FF, 0, 0), 0);
	assert_int_equal(outcome, SYSCALL_ENDS);
	assert_string_equal(logged, "trustlet tester ended with status 255");
}

static void test_seal_key(void **state)
{
	uint8_t got[OVBS_TL_SEAL_KEY_LEN + 1], zero = 0;

	memset(t->seal_key, 0x77, sizeof(t->seal_key));
	assert_int_equal(call(OVBS_TL_SEAL_KEY, AT + PAGE_SIZE - 7, 0, 0), 0);
	assert_int_equal(space_read(&t->space, AT + PAGE_SIZE - 7, got, sizeof(got)), 0);
	assert_memory_equal(got, t->seal_key, sizeof(t->seal_key));
	assert_int_equal(got[OVBS_TL_SEAL_KEY_LEN], zero);
	for (size_t i = 0; i < ARRAY_SIZE(bad_at); i++)
		assert_int_equal(call(OVBS_TL_SEAL_KEY, bad_at[i], 0, 0), -EFAULT);
}

static void test_counters(void **state)
{
	for (uint64_t which = 0; which < OVBS_TL_COUNTERS; which++) {
		uint64_t old;

		assert_int_equal(call(OVBS_TL_COUNTER, which, 0, 0), 0);
		assert_int_equal(call(OVBS_TL_COUNTER, which, which + 1, 0), which + 1);
		assert_int_equal(call(OVBS_TL_COUNTER, which, 0, 0), which + 1);
		old = t->counter[which];
		/* It never goes back. */
		assert_int_equal(call(OVBS_TL_COUNTER, which, ~0ULL, 0), -EOVERFLOW);
		assert_int_equal(call(OVBS_TL_COUNTER, which, 0 - old, 0), -EOVERFLOW);
		assert_int_equal(call(OVBS_TL_COUNTER, which, INT64_MAX, 0), -EOVERFLOW);
		assert_int_equal(call(OVBS_TL_COUNTER, which, 1ULL << 63, 0), -EOVERFLOW);
		assert_int_equal(t->counter[which], old);
		assert_int_equal(call(OVBS_TL_COUNTER, which, INT64_MAX - old, 0), INT64_MAX);
		assert_int_equal(call(OVBS_TL_COUNTER, which, 1, 0), -EOVERFLOW);
		assert_int_equal(call(OVBS_TL_COUNTER, which, 0, 0), INT64_MAX);
		if (which + 1 < OVBS_TL_COUNTERS)
			assert_int_equal(t->counter[which + 1], 0);
	}
	assert_int_equal(call(OVBS_TL_COUNTER, OVBS_TL_COUNTERS, 0, 0), -EINVAL);
	assert_int_equal(call(OVBS_TL_COUNTER, 1ULL << 32, 1, 0), -EINVAL);
	assert_int_equal(call(OVBS_TL_COUNTER, ~0ULL, 1, 0), -EINVAL);
	assert_true(t->counter[0] == INT64_MAX);
}

static void test_reply_and_receive(void **state)
{
	uint8_t *r = (uint8_t *)&request;

	/* The first time there is nothing to answer. */
	assert_int_equal(space_write(&t->space, AT, "first", 5), 0);
	(void)call(OVBS_TL_REPLY_AND_RECEIVE, AT, 0, 0);
	assert_int_equal(outcome, SYSCALL_WAITS);
	assert_int_equal(t->receive_at, AT);
	assert_int_equal(r[0], 0);
	/* With a request in its hands the whole page comes back, once. */
	t->outstanding = true;
	for (unsigned int i = 0; i < sizeof(request); i++) {
		uint8_t b = (uint8_t)(i * 3 + i / 256);

		assert_int_equal(space_write(&t->space, AT + 100 + i, &b, 1), 0);
	}
	(void)call(OVBS_TL_REPLY_AND_RECEIVE, AT + 100, 0, 0);
	assert_int_equal(outcome, SYSCALL_WAITS);
	assert_false(t->outstanding);
	assert_int_equal(t->receive_at, AT + 100);
	for (unsigned int i = 0; i < sizeof(request); i++)
		assert_int_equal(r[i], (uint8_t)(i * 3 + i / 256));
	memset(r, 0, sizeof(request));
	(void)call(OVBS_TL_REPLY_AND_RECEIVE, AT, 0, 0);
	assert_int_equal(r[1], 0);
}

static void test_reply_and_receive_refused(void **state)
{
	for (unsigned int i = 0; i < 2; i++) {
		t->outstanding = i;
		for (size_t n = 0; n < ARRAY_SIZE(bad_at); n++) {
			bool user = space_user_range(bad_at[n], OVBS_PAGE_SIZE);

			if (!i && user)
				continue; /* told when the request is to be put there */
			if (bad_at[n] == AT + 2 * PAGE_SIZE - 1)
				continue; /* it can be read */
			t->receive_at = 0;
			assert_int_equal(call(OVBS_TL_REPLY_AND_RECEIVE, bad_at[n], 0, 0), -EFAULT);
			assert_int_equal(outcome, SYSCALL_GO_ON);
			assert_int_equal(t->receive_at, 0);
			assert_int_equal(t->outstanding, i); /* it may try again */
		}
	}
	assert_int_equal(call(OVBS_TL_REPLY_AND_RECEIVE, SPACE_TOP - OVBS_PAGE_SIZE + 1, 0, 0), -EFAULT);
	assert_int_equal(call(OVBS_TL_REPLY_AND_RECEIVE, AT + 2 * PAGE_SIZE + 1, 0, 0), -EFAULT);
}

/* Any numbers in any order: the rules of the address space hold after each call. */
static void test_any_numbers(void **state)
{
	static const uint64_t nr[] = { NR_WRITE, NR_MMAP,    NR_MPROTECT, NR_MUNMAP,
				       NR_BRK,   NR_MADVISE, NR_RANDOM,   NR_CLOCK };
	uint64_t v[4], random = 88172645463325252ULL;

	for (unsigned int i = 0; i < 20000; i++) {
		for (unsigned int k = 0; k < 4; k++) {
			uint64_t bases[] = { AT, t->space.map_top, t->space.brk, t->space.image, 0,
					     0,  SPACE_TOP,        ~0ULL };

			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			v[k] = bases[random >> 8 & 7] +
			       (random >> 16 & 1 ? 0 - (random >> 20 & 0xF000) : random >> 20 & 0x1F007);
		}
		if (random >> 40 & 1)
			v[2] &= 7;
		(void)call6(nr[random >> 32 & 7], v[0], v[1], v[2], random >> 41 & 1 ? PRIV : v[3], 0);
		assert_int_equal(outcome, SYSCALL_GO_ON);
	}
}

#define IN_SPACE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_SPACE(test_unknown_is_enosys),
		IN_SPACE(test_policy_decides),
		IN_SPACE(test_write),
		IN_SPACE(test_log),
		IN_SPACE(test_mmap),
		IN_SPACE(test_mmap_refused),
		IN_SPACE(test_high_halves_of_flags),
		IN_SPACE(test_mmap_to_the_limit),
		IN_SPACE(test_munmap),
		IN_SPACE(test_mprotect),
		IN_SPACE(test_brk),
		IN_SPACE(test_brk_refused),
		IN_SPACE(test_madvise),
		IN_SPACE(test_getrandom),
		IN_SPACE(test_arch_prctl),
		IN_SPACE(test_what_only_tells),
		IN_SPACE(test_exit),
		IN_SPACE(test_seal_key),
		IN_SPACE(test_counters),
		IN_SPACE(test_reply_and_receive),
		IN_SPACE(test_reply_and_receive_refused),
		IN_SPACE(test_any_numbers),
	};

	return cmocka_run_group_tests(tests, map_memory, NULL);
}
