/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What selftest's files share: the handlers of its command table.
 */
#ifndef OPENVBS_SELFTEST_INTERNAL_H
#define OPENVBS_SELFTEST_INTERNAL_H

#include <sodium.h>

#include "selftest.h"
#include "trustlet.h"

struct selftest {
	uint8_t ed25519_public[crypto_sign_PUBLICKEYBYTES];
	uint8_t ed25519_secret[crypto_sign_SECRETKEYBYTES];
};

/* faults.c */
uint32_t selftest_crash_null(struct tl_request *rq, void *session);
uint32_t selftest_crash_stack(struct tl_request *rq, void *session);
uint32_t selftest_crash_canary(struct tl_request *rq, void *session);
uint32_t selftest_loop_forever(struct tl_request *rq, void *session);
uint32_t selftest_read_address(struct tl_request *rq, void *session);
uint32_t selftest_write_text(struct tl_request *rq, void *session);
uint32_t selftest_exec_data(struct tl_request *rq, void *session);
uint32_t selftest_privileged(struct tl_request *rq, void *session);
uint32_t selftest_exit(struct tl_request *rq, void *session);

/* limits.c */
uint32_t selftest_exhaust_memory(struct tl_request *rq, void *session);
uint32_t selftest_mprotect_wx(struct tl_request *rq, void *session);
uint32_t selftest_syscall(struct tl_request *rq, void *session);
uint32_t selftest_malloc_stress(struct tl_request *rq, void *session);
uint32_t selftest_work(struct tl_request *rq, void *session);

/* crypto.c */
uint32_t selftest_seal(struct tl_request *rq, void *session);
uint32_t selftest_unseal(struct tl_request *rq, void *session);
uint32_t selftest_sign_ed25519(struct tl_request *rq, void *session);
uint32_t selftest_sign_p256(struct tl_request *rq, void *session);
uint32_t selftest_crypto_vectors(struct tl_request *rq, void *session);

/**
 * selftest_reply_filled() - OVBS_TL_REPLY_AND_RECEIVE with SELFTEST_PATTERN in the registers
 *
 * fill.S. Return: that system call's result.
 */
long selftest_reply_filled(struct ovbs_tl_request *r);

#endif
