// SPDX-License-Identifier: GPL-2.0-only
/*
 * The code-integrity trustlet. Its commands come with the secure kernel's side of
 * them; until then it takes no session, and verify.h is used by tests only.
 */
#include "trustlet.h"

static uint32_t no_session(struct tl_request *rq, void **session)
{
	return OVBS_E_ACCESS_DENIED;
}

int main(void)
{
	static const struct tl_ops ops = { .open = no_session };

	return tl_serve(&ops);
}
