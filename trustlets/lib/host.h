/* SPDX-License-Identifier: MIT */
/*
 * What tests and fuzzers set in backend_host.c, where a trustlet is a Linux process.
 *
 * Without a call of tl_host_feed(), requests are whole struct ovbs_tl_request
 * read from standard input, and answers are written to standard output.
 */
#ifndef OPENVBS_TRUSTLET_HOST_H
#define OPENVBS_TRUSTLET_HOST_H

#include "trustlet.h"

/** trustlet_main() - the trustlet's main(), as it is called where a test is linked with it */
int trustlet_main(void);

/**
 * tl_host_feed() - have a function play the secure kernel
 * @next: is given the answer in the request (not the first time) and puts the
 *	next request there; returns false when there are no more
 * @context: passed to it
 *
 * Starts anew: the next call of @next is the first.
 */
void tl_host_feed(bool (*next)(struct ovbs_tl_request *r, bool first, void *context), void *context);

/** tl_host_policy() - OVBS_POLICY_* that are allowed from now on; all at the start */
void tl_host_policy(uint32_t flags);

/** tl_host_policy_now() - what is allowed now */
uint32_t tl_host_policy_now(void);

/** tl_host_forget() - another sealing key and counters of 0: as another machine */
void tl_host_forget(void);

/** tl_host_last_log() - the last line that was logged, ends with 0 */
const char *tl_host_last_log(void);

#endif
