// SPDX-License-Identifier: MIT
/*
 * As a Linux process: what the secure kernel does, played for tests.
 *
 * Requests come from a function (host.h) or as whole pages from standard input.
 * The sealing key is random and lives as long as the process, so do the
 * counters. No security is meant or given here.
 */
#include "host.h"

#include "backend.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool (*feed)(struct ovbs_tl_request *r, bool first, void *context);
static void *feed_context;
static bool started;
static uint32_t policy = OVBS_POLICY_ALL;
static uint8_t seal_key[OVBS_TL_SEAL_KEY_LEN];
static bool have_key;
static uint64_t counters[OVBS_TL_COUNTERS];
static char last_log[TL_LOG_MAX + 1];

void tl_host_feed(bool (*next)(struct ovbs_tl_request *r, bool first, void *context), void *context)
{
	feed = next;
	feed_context = context;
	started = false;
}

void tl_host_policy(uint32_t flags)
{
	policy = flags;
}

uint32_t tl_host_policy_now(void)
{
	return policy;
}

void tl_host_forget(void)
{
	have_key = false;
	memset(counters, 0, sizeof(counters));
}

const char *tl_host_last_log(void)
{
	return last_log;
}

/* All of a page, or false at the end. */
static bool read_page(int fd, void *page)
{
	for (size_t done = 0; done < OVBS_PAGE_SIZE;) {
		ssize_t n = read(fd, (uint8_t *)page + done, OVBS_PAGE_SIZE - done);

		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

static bool write_page(int fd, const void *page)
{
	for (size_t done = 0; done < OVBS_PAGE_SIZE;) {
		ssize_t n = write(fd, (const uint8_t *)page + done, OVBS_PAGE_SIZE - done);

		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

static bool next_from_pipe(struct ovbs_tl_request *r, bool first)
{
	static int out = -1;

	if (first) {
		/* What the trustlet itself prints must not end up among the answers. */
		out = dup(STDOUT_FILENO);
		if (out < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
			return false;
	} else if (!write_page(out, r)) {
		return false;
	}
	return read_page(STDIN_FILENO, r);
}

long tl_backend_receive(struct ovbs_tl_request *r)
{
	bool first = !started, more;

	started = true;
	more = feed != NULL ? feed(r, first, feed_context) : next_from_pipe(r, first);
	return more ? 0 : TL_BACKEND_END;
}

long tl_backend_seal_key(uint8_t key[OVBS_TL_SEAL_KEY_LEN])
{
	if ((policy & OVBS_POLICY_SEAL) == 0)
		return -EPERM;
	if (!have_key)
		tl_random(seal_key, sizeof(seal_key));
	have_key = true;
	memcpy(key, seal_key, sizeof(seal_key));
	return 0;
}

long tl_backend_counter(uint32_t which, uint64_t add)
{
	if ((policy & OVBS_POLICY_COUNTER) == 0)
		return -EPERM;
	if (which >= OVBS_TL_COUNTERS)
		return -EINVAL;
	if (add > INT64_MAX - counters[which])
		return -EOVERFLOW;
	counters[which] += add;
	return (long)counters[which];
}

long tl_backend_log(const char *text, size_t size)
{
	if ((policy & OVBS_POLICY_LOG) == 0)
		return -EPERM;
	if (size > TL_LOG_MAX)
		return -EINVAL;
	memcpy(last_log, text, size);
	last_log[size] = '\0';
	fprintf(stderr, "trustlet: %s\n", last_log);
	return 0;
}
