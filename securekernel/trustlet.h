/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Trustlets: one program each, one address space, one thread, one request at a
 * time. It is started by the first open, waits in its receive call, and ends by
 * a crash, by using up its budget, or by its own wish; then all its sessions are
 * gone and the next open starts it anew.
 *
 * There is no scheduler: a request runs on the CPU whose VTL0 brought it, until
 * it is answered or VTL0 has something to do. In between the trustlet belongs to
 * that CPU (TRUSTLET_RUNNING) or to nobody (TRUSTLET_SUSPENDED).
 */
#ifndef SK_TRUSTLET_H
#define SK_TRUSTLET_H

#include <openvbs/trustlet_abi.h>

#include "cpu.h"
#include "lock.h"
#include "space.h"

enum trustlet_run {
	TRUSTLET_STOPPED,
	TRUSTLET_READY,     /* waits for a request */
	TRUSTLET_RUNNING,   /* a CPU has it */
	TRUSTLET_SUSPENDED, /* in a request; any CPU may go on with it */
};

struct trustlet {
	struct lock lock; /* guards `run`, sessions and statistics; the rest is the owner's */
	enum trustlet_run run;
	const struct ovbs_policy *policy;
	const uint8_t *file;
	struct pie_plan plan;

	uint64_t generation; /* one more with each start */
	uint64_t sessions;   /* bit map of those open */
	uint64_t session;    /* of the request in progress */

	struct space space;
	struct user_regs regs;
	uint64_t fs_base;
	uint8_t fx[512] __attribute__((aligned(16)));

	struct ovbs_tl_request *request;      /* a page: the request, then its answer */
	struct ovbs_param given[OVBS_PARAMS]; /* the parameters as they came */
	uint32_t types;
	enum ovbs_tl_request_kind kind;
	uint64_t receive_at; /* where the waiting program wants its request */
	bool pending;        /* the request is to be handed over */
	bool outstanding;    /* it is in the program's hands */

	uint64_t request_ticks;
	uint64_t ticks, calls, crashes;
	uint32_t lines_left; /* of the log, for its own lines and for those about it */
	uint64_t pages;      /* copy of space.pages, for others to read */
	uint8_t seal_key[OVBS_TL_SEAL_KEY_LEN];
	uint64_t counter[OVBS_TL_COUNTERS];
};

extern struct trustlet trustlets[OVBS_TRUSTLETS_MAX];
extern unsigned int trustlet_count;

/** trustlets_prepare - check the bundle and what it says of each trustlet; panics if it is broken (it is part of the signed file). Context: boot CPU. */
void trustlets_prepare(const struct ovbs_sk_info *info);

/** trustlet_acquire_new - take @uuid's trustlet for an open: a new session, in t->session. */
enum ovbs_result trustlet_acquire_new(const uint8_t uuid[16], struct trustlet **t) __must_check;

/** trustlet_acquire - take the trustlet of @session for a request; or, with @resume, for going on with the one in progress. */
enum ovbs_result trustlet_acquire(uint64_t session, bool resume, struct trustlet **t) __must_check;

/**
 * trustlet_run - go on with the request in t->request, kind and all, of a trustlet that was acquired
 *
 * OVBS_OK: answered, the answer is in t->request, t is still this CPU's.
 * OVBS_INTERRUPTED: VTL0 has something to do; t is nobody's.
 * OVBS_E_TARGET_DEAD, OVBS_E_OUT_OF_MEMORY: t has ended, or did not start, and is nobody's.
 */
enum ovbs_result trustlet_run(struct trustlet *t) __must_check;

/** trustlet_release - done with the answer: t is nobody's. @close: its session ends. */
void trustlet_release(struct trustlet *t, bool close);

/** trustlets_reset - every trustlet that no CPU has ends, and with it its sessions: VTL0 starts over (kexec, the module's load). */
void trustlets_reset(void);

/** trustlet_info - line @index of the list; 0 is the secure kernel. False: past the end. */
bool trustlet_info(uint32_t index, struct ovbs_trustlet_info *out);

/** sk_ticks_to_ns - time stamp counter ticks in nanoseconds. */
uint64_t sk_ticks_to_ns(uint64_t ticks);

enum syscall_outcome {
	SYSCALL_GO_ON,
	SYSCALL_WAITS, /* for the next request */
	SYSCALL_ENDS,
};

/** syscall - the one that t->regs ask for; the result goes there, too. */
enum syscall_outcome syscall(struct trustlet *t);

#endif
