// SPDX-License-Identifier: GPL-2.0-only
/*
 * The system calls of a trustlet: one const table; what is not in it is -ENOSYS.
 *
 * They are those that a single-threaded static program of glibc makes, and
 * openvbs's own; those of code integrity are in syscall_integrity.c. None waits for anything but the next request, and none takes
 * longer than its trustlet's memory limit allows.
 */
#include <ovbs_compiler.h>
#include <ovbs_errno.h>
#include <ovbs_string.h>

#include "log.h"
#include "memory.h"
#include "random.h"
#include "syscall.h"

#define PROT_KNOWN  7ULL
#define MAP_PRIVATE 0x02ULL
#define MAP_FIXED   0x10ULL
#define MAP_ANON    0x20ULL
#define MAP_IGNORED 0x0002C000ULL /* NORESERVE, POPULATE, STACK: hints, they ask for nothing */

#define ARCH_SET_FS 0x1002u
#define CLOCKS_MAX  12u
#define LOG_MAX     120u
#define RANDOM_MAX  4096u /* more takes another call: VTL0's interrupts wait meanwhile */
#define STACK_LIMIT (128u << 10)

#define MADV_DONTNEED 4u

static int64_t sys_log(struct trustlet *t, uint64_t at, uint64_t n)
{
	char text[LOG_MAX];

	if (n > sizeof(text))
		return -EINVAL;
	if (space_read(&t->space, at, text, n))
		return -EFAULT;
	while (n && text[n - 1] == '\n')
		n--;
	if (n)
		sk_log_bounded(&t->lines_left, "%s: %.*s", t->policy->name, (int)n, text);
	return 0;
}

/* Standard output and error are the log; a long write is cut, and says how much went out. */
static int64_t sys_write(struct call *c)
{
	uint64_t n = c->arg[2] < LOG_MAX ? c->arg[2] : LOG_MAX;
	int64_t err;

	if (c->arg[0] != 1 && c->arg[0] != 2)
		return -EBADF;
	if (!(c->t->policy->flags & OVBS_POLICY_LOG))
		return (int64_t)n; /* into the void, as to /dev/null */
	err = sys_log(c->t, c->arg[1], n);
	return err ? err : (int64_t)n;
}

static int64_t sys_tl_log(struct call *c)
{
	return sys_log(c->t, c->arg[0], c->arg[1]);
}

static uint64_t pages_of(uint64_t bytes)
{
	return bytes / PAGE_SIZE + (bytes % PAGE_SIZE != 0);
}

static int64_t sys_brk(struct call *c)
{
	struct space *s = &c->t->space;
	uint64_t old = pages_of(s->brk) * PAGE_SIZE, new = pages_of(c->arg[0]) * PAGE_SIZE;

	if (c->arg[0] < s->brk_start || !space_user_range(c->arg[0], 0) ||
	    (c->arg[0] - s->brk_start) / PAGE_SIZE > space_limit(s))
		return (int64_t)s->brk;
	if (new > old && space_map(s, old, (new - old) / PAGE_SIZE, SPACE_R | SPACE_W))
		return (int64_t)s->brk;
	if (new < old)
		space_unmap(s, new, (old - new) / PAGE_SIZE);
	s->brk = c->arg[0];
	return (int64_t)s->brk;
}

static int64_t sys_mmap(struct call *c)
{
	struct space *s = &c->t->space;
	uint64_t pages = pages_of(c->arg[1]), prot = c->arg[2], flags = c->arg[3], at;
	int err;

	if (!pages || (prot & ~PROT_KNOWN) || !(flags & MAP_ANON) || (flags & MAP_FIXED) ||
	    (flags & ~MAP_IGNORED) != (MAP_ANON | MAP_PRIVATE))
		return -EINVAL;
	if (prot & SPACE_X)
		return -EACCES; /* code comes from the image alone */
	if (pages > space_limit(s))
		return -ENOMEM;
	at = space_find(s, pages);
	if (!at)
		return -ENOMEM;
	err = space_map(s, at, pages, SPACE_R | (unsigned int)(prot & SPACE_W));
	if (!err && !(prot & SPACE_R))
		err = space_protect(s, at, pages, 0);
	return err ? err : (int64_t)at;
}

static bool range_ok(const struct call *c, uint64_t *pages)
{
	*pages = pages_of(c->arg[1]);
	return !(c->arg[0] & ~PAGE_MASK) && *pages <= SPACE_TOP / PAGE_SIZE &&
	       space_user_range(c->arg[0], *pages * PAGE_SIZE);
}

static int64_t sys_munmap(struct call *c)
{
	uint64_t pages;

	/* A range larger than all that can be there would only cost time. */
	if (!range_ok(c, &pages) || !pages || pages > 4 * space_limit(&c->t->space))
		return -EINVAL;
	space_unmap(&c->t->space, c->arg[0], pages);
	return 0;
}

static int64_t sys_mprotect(struct call *c)
{
	uint64_t pages;

	if (!range_ok(c, &pages) || (c->arg[2] & ~PROT_KNOWN))
		return -EINVAL;
	if (pages > space_limit(&c->t->space))
		return -ENOMEM;
	return space_protect(&c->t->space, c->arg[0], pages, (unsigned int)c->arg[2]);
}

static int64_t sys_madvise(struct call *c)
{
	static const uint8_t zeros[PAGE_SIZE];
	uint64_t pages;

	if (!range_ok(c, &pages) || pages > space_limit(&c->t->space))
		return -EINVAL;
	for (uint64_t i = 0; c->arg[2] == MADV_DONTNEED && i < pages; i++)
		if (space_write(&c->t->space, c->arg[0] + i * PAGE_SIZE, zeros, PAGE_SIZE))
			return -ENOMEM;
	return 0;
}

static int64_t sys_getrandom(struct call *c)
{
	uint8_t bytes[256];
	uint64_t n = c->arg[1], done = 0;
	int err = 0;

	if (n > RANDOM_MAX)
		n = RANDOM_MAX;
	while (done < n && !err) {
		uint64_t part = n - done < sizeof(bytes) ? n - done : sizeof(bytes);

		random_bytes(bytes, part);
		err = space_write(&c->t->space, c->arg[0] + done, bytes, part);
		done += part;
	}
	memset(bytes, 0, sizeof(bytes));
	asm volatile("" : : "r"(bytes) : "memory");
	return err ? err : (int64_t)n;
}

static int64_t sys_arch_prctl(struct call *c)
{
	if (c->arg[0] != ARCH_SET_FS)
		return -EINVAL;
	if (!space_user_range(c->arg[1], 0))
		return -EPERM;
	c->t->fs_base = c->arg[1];
	wrmsr(MSR_FS_BASE, c->arg[1]);
	return 0;
}

static int64_t sys_prlimit64(struct call *c)
{
	const uint64_t limit[2] = { STACK_LIMIT, STACK_LIMIT };

	if (c->arg[2])
		return -EPERM;
	return c->arg[3] && space_write(&c->t->space, c->arg[3], limit, sizeof(limit)) ? -EFAULT : 0;
}

/* Time since the CPU's reset, whatever the clock: VTL1 knows no time of day. */
static int64_t sys_clock_gettime(struct call *c)
{
	uint64_t ns = sk_ticks_to_ns(rdtsc());
	const uint64_t ts[2] = { ns / 1000000000, ns % 1000000000 };

	if (c->arg[0] >= CLOCKS_MAX)
		return -EINVAL;
	return space_write(&c->t->space, c->arg[1], ts, sizeof(ts)) ? -EFAULT : 0;
}

static int64_t sys_getpid(struct call *c)
{
	return c->t - trustlets + 2; /* 1 is the secure kernel in the list */
}

/* One thread: there is nobody to wake, and nobody who could wake it. */
static int64_t sys_futex(struct call *c)
{
	return (c->arg[1] & 0x7F) == 1 ? 0 : -EAGAIN;
}

static int64_t sys_readlink(struct call *c)
{
	return -ENOENT;
}

static int64_t sys_exit(struct call *c)
{
	sk_log_bounded(&c->t->lines_left, "trustlet %s ended with status %u", c->t->policy->name,
		       (unsigned int)(uint8_t)c->arg[0]);
	c->outcome = SYSCALL_ENDS;
	return 0;
}

static int64_t sys_reply_and_receive(struct call *c)
{
	struct trustlet *t = c->t;

	if (!space_user_range(c->arg[0], sizeof(*t->request)))
		return -EFAULT;
	if (t->outstanding) {
		if (space_read(&t->space, c->arg[0], t->request, sizeof(*t->request)))
			return -EFAULT;
		t->outstanding = false;
	}
	t->receive_at = c->arg[0];
	c->outcome = SYSCALL_WAITS;
	return 0;
}

static int64_t sys_seal_key(struct call *c)
{
	return space_write(&c->t->space, c->arg[0], c->t->seal_key, sizeof(c->t->seal_key)) ? -EFAULT : 0;
}

static int64_t sys_counter(struct call *c)
{
	uint64_t which = c->arg[0], value;

	if (which >= OVBS_TL_COUNTERS)
		return -EINVAL;
	value = c->t->counter[which] + c->arg[1];
	if (value < c->arg[1] || value > INT64_MAX)
		return -EOVERFLOW;
	c->t->counter[which] = value;
	return (int64_t)value;
}

/* By number: Linux's (x86-64), then our own. */
static const struct {
	uint32_t nr;
	uint32_t policy; /* all of these flags are needed, else -EPERM */
	int64_t (*handler)(struct call *c);
} table[] = {
	{ 1, 0, sys_write },
	{ 9, 0, sys_mmap },
	{ 10, 0, sys_mprotect },
	{ 11, 0, sys_munmap },
	{ 12, 0, sys_brk },
	{ 28, 0, sys_madvise },
	{ 39, 0, sys_getpid },
	{ 89, 0, sys_readlink },
	{ 158, 0, sys_arch_prctl },
	{ 186, 0, sys_getpid }, /* gettid */
	{ 202, 0, sys_futex },
	{ 218, 0, sys_getpid }, /* set_tid_address: the thread's number */
	{ 228, 0, sys_clock_gettime },
	{ 231, 0, sys_exit }, /* exit_group */
	{ 302, 0, sys_prlimit64 },
	{ 318, 0, sys_getrandom },
	{ OVBS_TL_REPLY_AND_RECEIVE, 0, sys_reply_and_receive },
	{ OVBS_TL_SEAL_KEY, OVBS_POLICY_SEAL, sys_seal_key },
	{ OVBS_TL_COUNTER, OVBS_POLICY_COUNTER, sys_counter },
	{ OVBS_TL_LOG, OVBS_POLICY_LOG, sys_tl_log },
	{ OVBS_TL_GUEST_COPY, OVBS_POLICY_INTEGRITY, sys_guest_copy },
	{ OVBS_TL_GUEST_FROZEN, OVBS_POLICY_INTEGRITY, sys_guest_frozen },
	{ OVBS_TL_LOCKED, OVBS_POLICY_INTEGRITY, sys_locked },
	{ OVBS_TL_MODULE_NEW, OVBS_POLICY_INTEGRITY, sys_module_new },
	{ OVBS_TL_MODULE_FREEZE, OVBS_POLICY_INTEGRITY, sys_module_freeze },
	{ OVBS_TL_MODULE_SITES, OVBS_POLICY_INTEGRITY, sys_module_sites },
	{ OVBS_TL_MODULE_FUNCTIONS, OVBS_POLICY_INTEGRITY, sys_module_functions },
	{ OVBS_TL_MODULE_GRANT, OVBS_POLICY_INTEGRITY, sys_module_grant },
	{ OVBS_TL_MODULE_LIVE, OVBS_POLICY_INTEGRITY, sys_module_live },
	{ OVBS_TL_MODULE_GONE, OVBS_POLICY_INTEGRITY, sys_module_gone },
};

enum syscall_outcome syscall(struct trustlet *t)
{
	uint64_t *r = t->regs.gpr;
	struct call c = { .t = t,
			  .arg = { r[GPR_RDI], r[GPR_RSI], r[GPR_RDX], r[GPR_R10], r[GPR_R8], r[GPR_R9] },
			  .outcome = SYSCALL_GO_ON };
	int64_t result = -ENOSYS;

	for (unsigned int i = 0; i < ARRAY_SIZE(table); i++) {
		if (table[i].nr != r[GPR_RAX])
			continue;
		result = (table[i].policy & ~t->policy->flags) ? -EPERM : table[i].handler(&c);
		break;
	}
	r[GPR_RAX] = (uint64_t)result;
	return c.outcome;
}
