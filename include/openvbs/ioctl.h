/* SPDX-License-Identifier: MIT */
/*
 * /dev/openvbs: how a program of VTL0 opens, calls and closes a trustlet.
 * Result codes and parameter types are those of vtl_abi.h.
 *
 * Each ioctl returns 0 if the call was carried out; then `result` and `origin`
 * say how it went. -1 with errno: EFAULT (a pointer), EINVAL (reserved fields,
 * parameter types), E2BIG (buffers together over OVBS_DATA_SIZE after rounding
 * each up to 16 bytes), EBADF (session of another open file), ENODEV (no VTL1),
 * ENOMEM, EINTR (a fatal signal came while waiting for a busy trustlet; nothing was begun).
 * Sessions end with the open file. A trustlet that is the kernel's own can't be
 * opened: OVBS_E_ACCESS_DENIED from OVBS_ORIGIN_COMMS.
 */
#ifndef OPENVBS_IOCTL_H
#define OPENVBS_IOCTL_H

#ifdef __KERNEL__
#include <linux/ioctl.h>
#include <linux/types.h>
#else
#include <stdint.h>
#include <sys/ioctl.h>
#endif

#include "vtl_abi.h"

/* A value: a and b. A buffer: a is the address in the caller's memory, b its size; on return b is the size written or needed. */
struct openvbs_call {
	uint64_t session; /* OPEN: out; INVOKE, CLOSE: in */
	uint8_t uuid[16]; /* OPEN: in */
	uint32_t command; /* INVOKE: in */
	uint32_t types;
	struct ovbs_param param[OVBS_PARAMS];
	uint32_t result, origin; /* out */
	uint64_t reserved[2];    /* 0 */
};
_Static_assert(sizeof(struct openvbs_call) == 120, "ABI");

/* Versions. Index from 0 with OPENVBS_TRUSTLET: 0 is the secure kernel; ENOENT past the last. */
struct openvbs_version {
	uint32_t abi, security_version; /* of VTL1 */
	uint32_t build;                 /* major << 16 | minor << 8 | patch */
	uint32_t trustlets;
	uint32_t services; /* OVBS_SERVICE_* that run */
	uint32_t reserved[3];
};
_Static_assert(sizeof(struct openvbs_version) == 32, "ABI");

struct openvbs_trustlet {
	uint32_t index; /* in */
	uint32_t reserved;
	struct ovbs_trustlet_info info; /* out */
};
_Static_assert(sizeof(struct openvbs_trustlet) == 112, "ABI");

#define OPENVBS_IOC_MAGIC 0xB7
#define OPENVBS_VERSION   _IOR(OPENVBS_IOC_MAGIC, 1, struct openvbs_version)
#define OPENVBS_TRUSTLET  _IOWR(OPENVBS_IOC_MAGIC, 2, struct openvbs_trustlet)
#define OPENVBS_OPEN      _IOWR(OPENVBS_IOC_MAGIC, 3, struct openvbs_call)
#define OPENVBS_INVOKE    _IOWR(OPENVBS_IOC_MAGIC, 4, struct openvbs_call)
#define OPENVBS_CLOSE     _IOWR(OPENVBS_IOC_MAGIC, 5, struct openvbs_call)

#endif
