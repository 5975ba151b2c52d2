/* SPDX-License-Identifier: MIT */
/*
 * What a trustlet and the secure kernel say to each other: the system calls of
 * openvbs's own, the request, and the policy that is packed with each trustlet.
 *
 * System calls use the x86-64 Linux convention (System V ABI, AMD64, A.2): number
 * in RAX, arguments in RDI, RSI, RDX, R10, R8, R9, result or -errno in RAX. The
 * Linux calls that a static program of glibc makes have their Linux numbers;
 * those below are openvbs's.
 */
#ifndef OPENVBS_TRUSTLET_ABI_H
#define OPENVBS_TRUSTLET_ABI_H

#include "vtl_abi.h"

enum ovbs_tl_call {
	/*
	 * (struct ovbs_tl_request *r): answer the request in @r (not looked at
	 * the first time) and wait for the next one, which is put into @r.
	 * Writes r->result, output values and the output buffers' bytes back to
	 * the caller. 0, or -EFAULT.
	 */
	OVBS_TL_REPLY_AND_RECEIVE = 0x4F00,
	/* (void *key): 32 bytes, this trustlet's sealing key. Needs OVBS_POLICY_SEAL. 0, -EPERM or -EFAULT. */
	OVBS_TL_SEAL_KEY = 0x4F01,
	/* (uint32_t which, uint64_t add): add to a monotonic counter; its new value. Needs OVBS_POLICY_COUNTER. -EPERM, -EINVAL, -EOVERFLOW (values end at INT64_MAX). */
	OVBS_TL_COUNTER = 0x4F02,
	/* (const char *text, size_t n): a line for the log, at most 120 bytes; VTL0 can read it. Needs OVBS_POLICY_LOG. 0, -EPERM, -EFAULT or -EINVAL. */
	OVBS_TL_LOG = 0x4F03,
};

#define OVBS_TL_COUNTERS     4 /* of each trustlet */
#define OVBS_TL_SEAL_KEY_LEN 32

enum ovbs_tl_request_kind {
	OVBS_TL_OPEN = 1,
	OVBS_TL_INVOKE = 2,
	OVBS_TL_CLOSE = 3, /* its result is ignored */
};

/*
 * One request: a page, laid out like the message it came from, so that buffers
 * keep their offsets. Types and bounds are checked by the secure kernel: each
 * buffer lies within data[], and buffers do not overlap.
 */
struct ovbs_tl_request {
	uint32_t kind;    /* enum ovbs_tl_request_kind */
	uint32_t command; /* OVBS_TL_INVOKE */
	uint64_t session;
	uint32_t types;
	uint32_t uid;    /* see struct ovbs_msg */
	uint32_t result; /* out: enum ovbs_result */
	uint32_t reserved;
	struct ovbs_param param[OVBS_PARAMS]; /* a buffer's a is its offset in this struct, b its size; out: b may shrink, or grow with OVBS_E_SHORT_BUFFER */
	uint8_t reserved2[OVBS_DATA_OFF - 96];
	uint8_t data[OVBS_DATA_SIZE];
};
_Static_assert(sizeof(struct ovbs_tl_request) == OVBS_PAGE_SIZE, "ABI");
_Static_assert(offsetof(struct ovbs_tl_request, data) == OVBS_DATA_OFF, "ABI");

/* What a trustlet may do beyond computing and answering. */
#define OVBS_POLICY_DEBUG   (1u << 0) /* a test's trustlet: refused by release builds' bundles */
#define OVBS_POLICY_SEAL    (1u << 1)
#define OVBS_POLICY_COUNTER (1u << 2)
#define OVBS_POLICY_LOG     (1u << 3)
#define OVBS_POLICY_ALL     0xFu

struct ovbs_policy {
	uint8_t uuid[16];
	char name[32]; /* ends with 0 */
	uint32_t security_version;
	uint32_t flags;      /* OVBS_POLICY_* */
	uint32_t memory_kib; /* limit for all of it: image, stack, heap */
	uint32_t budget_ms;  /* CPU time for one request */
	uint32_t sessions;   /* open at once, 1 to 64 */
	uint32_t reserved;
	uint64_t offset, size; /* of the ELF file in the bundle; offset is page aligned */
};
_Static_assert(sizeof(struct ovbs_policy) == 88, "ABI");

/* All trustlets, as one block of bytes; the files follow the policies. */
#define OVBS_BUNDLE_MAGIC   0x424C544Fu /* "OTLB" */
#define OVBS_BUNDLE_VERSION 1
#define OVBS_TRUSTLETS_MAX  16

struct ovbs_bundle {
	uint32_t magic;
	uint32_t version;
	uint32_t count;
	uint32_t policy_size; /* sizeof(struct ovbs_policy) */
	struct ovbs_policy policy[];
};
_Static_assert(sizeof(struct ovbs_bundle) == 16, "ABI");

#endif
