// SPDX-License-Identifier: GPL-2.0-only
/* Pieces of VTL0's memory: see guest.h. */
#include "guest.h"

#include <errno.h>

#include "backend_ci.h"

_Static_assert(GUEST_ONCE == OVBS_TL_COPY_MAX, "as much as a call may have");

static int pieces(long (*piece)(uint64_t va, void *to, size_t n), uint64_t va, uint8_t *to, size_t n)
{
	if (n > UINT64_MAX - va)
		return -EFAULT;
	while (n > 0) {
		/* Up to a boundary, so that a page is in one piece. */
		size_t now = GUEST_ONCE - (va & (GUEST_ONCE - 1));
		long rc;

		now = n < now ? n : now;
		rc = piece(va, to, now);
		if (rc != 0)
			return rc < 0 ? (int)rc : -EIO;
		va += now;
		to += now;
		n -= now;
	}
	return 0;
}

int guest_copy(uint64_t va, void *to, size_t n)
{
	return pieces(tl_ci_copy, va, to, n);
}

int guest_frozen(uint64_t va, void *to, size_t n)
{
	return pieces(tl_ci_frozen, va, to, n);
}
