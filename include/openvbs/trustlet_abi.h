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

	/*
	 * Code integrity: all need OVBS_POLICY_INTEGRITY, -EPERM without. The
	 * trustlet decides what VTL0's kernel may execute; the secure kernel
	 * sees to it that nothing is executable that VTL0 can write. A call
	 * holds VTL0's interrupts up, so each has a limit.
	 */

	/* (uint64_t va, void *to, size_t n): a copy of VTL0's kernel memory, n up to OVBS_TL_COPY_MAX; VTL0 can change the original. 0, -EFAULT (not mapped there, no RAM of VTL0's, or no place at @to), -EINVAL. */
	OVBS_TL_GUEST_COPY = 0x4F10,
	/* The same of memory that is frozen, so what was read stays so until it is thawed; of a module, the pages that were frozen at @va, whatever VTL0's tables say now. -EACCES: a page is not frozen. */
	OVBS_TL_GUEST_FROZEN = 0x4F11,
	/* (): 1 after lockdown, 0 before. */
	OVBS_TL_LOCKED = 0x4F12,
	/* (): a new module without pages; its number, 1 and up, never used again in this boot. -ENOMEM: too many. */
	OVBS_TL_MODULE_NEW = 0x4F13,
	/*
	 * (uint64_t module, uint64_t va, uint64_t pages, uint32_t what): @pages pages, up to OVBS_TL_PAGES_MAX, that VTL0's
	 * kernel maps at @va are frozen as the module's: VTL0 can't write them, its kernel can't execute them. Pieces of one
	 * range follow each other, by address; @what: enum ovbs_tl_pages. Text, and init's text, are one range each, less than
	 * 4 GiB apart, and whole before the first SITES or FUNCTIONS. 0; -EACCES: a page is somebody's already (frozen,
	 * given, a message page); -EFAULT: not mapped, no RAM; -EINVAL; -ENOENT; -ENOMEM. After an error: OVBS_TL_MODULE_GONE.
	 */
	OVBS_TL_MODULE_FREEZE = 0x4F14,
	/* (uint64_t module, const struct ovbs_tl_site *site, uint32_t n): places in its text that the kernel may patch, any order, n up to OVBS_TL_SITES_MAX in a call; before GRANT, and of the module made last only. 0, -EFAULT, -EINVAL, -ENOENT, -ENOMEM. */
	OVBS_TL_MODULE_SITES = 0x4F15,
	/* (uint64_t module, const uint64_t *address, uint32_t n): where its functions begin, in ascending order over all calls: what patches may lead to; limits and errors as SITES. */
	OVBS_TL_MODULE_FUNCTIONS = 0x4F16,
	/* (uint64_t module): its text becomes executable; the number of pages that are left to do: call again until 0. The first calls check the sites: -EBADMSG, none of its forms stands there, or two overlap. -ENOENT, -EINVAL, -ENOMEM. After an error it never runs: MODULE_GONE. */
	OVBS_TL_MODULE_GRANT = 0x4F17,
	/* (uint64_t module): its init is over: init's pages are thawed, those of OVBS_TL_PAGES_R_AFTER_INIT are frozen. Pages left; -ENOENT, -EINVAL (not granted), -ENOMEM (init's are thawed, but not all others frozen). */
	OVBS_TL_MODULE_LIVE = 0x4F18,
	/* (uint64_t module): all of its pages are thawed, text first; at the end the number is forgotten. Pages left; -ENOENT. */
	OVBS_TL_MODULE_GONE = 0x4F19,
};

#define OVBS_TL_COPY_MAX  65536u
#define OVBS_TL_PAGES_MAX 256u
#define OVBS_TL_SITES_MAX 1024u

/* What becomes of a module's pages. Thawed: VTL0 can write them, its kernel can't execute them. */
enum ovbs_tl_pages {
	OVBS_TL_PAGES_RX = 0,            /* text */
	OVBS_TL_PAGES_R = 1,             /* read-only data */
	OVBS_TL_PAGES_R_AFTER_INIT = 2,  /* the module's, but not frozen before LIVE */
	OVBS_TL_PAGES_RX_UNTIL_INIT = 3, /* init's text; thawed by LIVE */
	OVBS_TL_PAGES_R_UNTIL_INIT = 4,
};

/* What a site's first bytes may be: as in securekernel/forms.h, whose kinds these are. */
enum ovbs_tl_site_kind {
	OVBS_TL_SITE_JUMP = 1,
	OVBS_TL_SITE_CALL = 2,
	OVBS_TL_SITE_TAIL = 3, /* and a static call's own trampoline */
	OVBS_TL_SITE_JCC = 4,
	OVBS_TL_SITE_MCOUNT = 5,
	OVBS_TL_SITE_LOCK = 7,
};

struct ovbs_tl_site {
	uint64_t address; /* in the module's text or init text */
	int32_t target;   /* JUMP: from the site's first byte on; else 0 */
	uint8_t kind;     /* enum ovbs_tl_site_kind */
	uint8_t size;     /* bytes */
	uint8_t condition; /* JCC: its second byte; else 0 */
	uint8_t reserved;  /* 0 */
};
_Static_assert(sizeof(struct ovbs_tl_site) == 16, "ABI");

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
#define OVBS_POLICY_INTEGRITY (1u << 4) /* say what VTL0's kernel may execute */
#define OVBS_POLICY_ALL     0x1Fu

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
