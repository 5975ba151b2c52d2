/* SPDX-License-Identifier: MIT */
/*
 * What the library needs from where it runs: openvbs's own system calls.
 *
 * Two implementations, chosen by the linker: backend_vtl1.c asks the secure
 * kernel, backend_host.c plays its part in a Linux process. Errors are -errno,
 * as enum ovbs_tl_call says.
 */
#ifndef OPENVBS_TRUSTLET_BACKEND_H
#define OPENVBS_TRUSTLET_BACKEND_H

#include "trustlet.h"

/* Only from backend_host.c: there are no more requests. */
#define TL_BACKEND_END 1

/** tl_backend_receive() - OVBS_TL_REPLY_AND_RECEIVE. 0, TL_BACKEND_END or -errno */
long tl_backend_receive(struct ovbs_tl_request *r);

/** tl_backend_seal_key() - OVBS_TL_SEAL_KEY. 0 or -errno */
long tl_backend_seal_key(uint8_t key[OVBS_TL_SEAL_KEY_LEN]);

/** tl_backend_counter() - OVBS_TL_COUNTER. The new value, or -errno */
long tl_backend_counter(uint32_t which, uint64_t add);

/** tl_backend_log() - OVBS_TL_LOG. 0 or -errno */
long tl_backend_log(const char *text, size_t size);

/**
 * tl_accept() - look at a request that has just come
 *
 * Keeps its types and bounds, and clears outputs and result. Never fails: what
 * is wrong with it is in rq->valid.
 */
void tl_accept(struct tl_request *rq);

#endif
