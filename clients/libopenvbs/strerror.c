// SPDX-License-Identifier: MIT
/*
 * libopenvbs: what return values mean, in words a person can act on. Errnos
 * that mean something of their own here come first; the C library's words are
 * for the rest.
 */
#define _GNU_SOURCE
#include "openvbs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
	int ret;
	const char *text;
} texts[] = {
	{ 0, "success" },
	{ -ENODEV, "no VTL1: openvbs does not run below this system, or openvbs.ko is not loaded" },
	{ -EACCES, "no access to /dev/openvbs: the user is not in the group openvbs" },
	{ -EPROTONOSUPPORT, "VTL1 speaks another version of the ABI than this library" },
	{ -EINVAL, "an argument or the parameter types make no sense" },
	{ -E2BIG, "the buffers are larger than one call can take" },
	{ -EFAULT, "a buffer is not memory of this program" },
	{ -EBADF, "the session is not open" },
	{ -ENOENT, "no trustlet with this index" },
	{ -EINTR, "interrupted before it was begun" },
	{ -EIO, "VTL1 does not answer as it should; see the kernel log" },
	{ OPENVBS_RESULT(OVBS_E_GENERIC), "the trustlet failed" },
	{ OPENVBS_RESULT(OVBS_E_ACCESS_DENIED), "access denied" },
	{ OPENVBS_RESULT(OVBS_E_CANCEL), "cancelled" },
	{ OPENVBS_RESULT(OVBS_E_ACCESS_CONFLICT), "access conflict" },
	{ OPENVBS_RESULT(OVBS_E_EXCESS_DATA), "too much data" },
	{ OPENVBS_RESULT(OVBS_E_BAD_FORMAT), "bad format" },
	{ OPENVBS_RESULT(OVBS_E_BAD_PARAMETERS), "bad parameters" },
	{ OPENVBS_RESULT(OVBS_E_BAD_STATE), "not possible in this state" },
	{ OPENVBS_RESULT(OVBS_E_ITEM_NOT_FOUND), "not found: no such trustlet, session or item" },
	{ OPENVBS_RESULT(OVBS_E_NOT_IMPLEMENTED), "not implemented" },
	{ OPENVBS_RESULT(OVBS_E_NOT_SUPPORTED), "not supported: unknown command" },
	{ OPENVBS_RESULT(OVBS_E_NO_DATA), "no data" },
	{ OPENVBS_RESULT(OVBS_E_OUT_OF_MEMORY), "out of memory in VTL1" },
	{ OPENVBS_RESULT(OVBS_E_BUSY), "busy" },
	{ OPENVBS_RESULT(OVBS_E_COMMUNICATION), "communication failed" },
	{ OPENVBS_RESULT(OVBS_E_SECURITY), "authentication of data failed" },
	{ OPENVBS_RESULT(OVBS_E_SHORT_BUFFER), "a buffer is too short" },
	{ OPENVBS_RESULT(OVBS_E_TARGET_DEAD), "the trustlet crashed; open it again" },
};

const char *openvbs_strerror(int ret)
{
	static _Thread_local char other[64];
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].ret == ret)
			return texts[i].text;
	if (!OPENVBS_IS_ERRNO(ret))
		snprintf(other, sizeof(other), "result %#x of the trustlet", (unsigned int)ret);
	else if (strerrordesc_np(-ret))
		return strerrordesc_np(-ret);
	else
		snprintf(other, sizeof(other), "system error %d", -ret);
	return other;
}

const char *openvbs_origin_name(uint32_t origin)
{
	static const char *const names[] = {
		[OVBS_ORIGIN_API] = "library",
		[OVBS_ORIGIN_COMMS] = "kernel",
		[OVBS_ORIGIN_VTL1] = "VTL1",
		[OVBS_ORIGIN_TRUSTLET] = "trustlet",
	};

	if (origin >= sizeof(names) / sizeof(names[0]) || !names[origin])
		return "unknown";
	return names[origin];
}
