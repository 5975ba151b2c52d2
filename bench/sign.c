// SPDX-License-Identifier: GPL-2.0-only
/*
 * sign: selftest as a Linux process, to compare with the trustlet. The same
 * sources, compiled and linked the same way, but for the backend
 * (backend_host.c) and for the requests, which come from here.
 *
 *     sign ed25519|p256 N        one request for N signatures, between the marks 24 and 25
 *
 * calls.c makes the same request to the trustlet.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../tests/unit/trustlet_client.h"
#include "mark.h"
#include "sign.h"

#define SESSION 1

static void need(uint32_t result, const char *what)
{
	if (result == OVBS_OK)
		return;
	fprintf(stderr, "sign: %s: %#x\n", what, (unsigned int)result);
	exit(1);
}

static void prepare(struct ovbs_tl_request *r, const struct signing *s, uint64_t times)
{
	rq_init(r, OVBS_TL_INVOKE, SESSION, s->command);
	rq_value(r, 0, VI, times, 0);
	rq_buffer(r, 1, BI, SIGN_MESSAGE, SIGN_MESSAGE_LEN);
	rq_buffer(r, 2, BO, NULL, 64);
	rq_buffer(r, 3, BO, NULL, s->public_size);
}

int main(int argc, char **argv)
{
	const struct signing *s = argc == 3 ? signing_named(argv[1]) : NULL;
	long n = argc == 3 ? atol(argv[2]) : 0;
	static struct ovbs_tl_request r;

	if (!s || n <= 0) {
		fprintf(stderr, "usage: sign ed25519|p256 N\n");
		return 2;
	}
	need(rq_open(SESSION), "open");
	prepare(&r, s, 1); /* makes the key */
	need(rq_call(&r), "the first signature");
	prepare(&r, s, (uint64_t)n);
	MARK(24);
	need(rq_call(&r), "sign");
	MARK(25);
	need(rq_close(SESSION), "close");
	return 0;
}
