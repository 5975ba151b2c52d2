// SPDX-License-Identifier: GPL-2.0-only
/*
 * calls: requests to trustlets between marks, in the guest; for insncount.so.
 *
 *     calls hello N              N times: open, invoke and close hello, with the marks 26 to 29 around them
 *     calls ed25519|p256 N       one request for N signatures to selftest, between the marks 24 and 25
 *
 * sign.c makes the latter request to the same code in a process of its own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openvbs.h>

#include "../trustlets/hello/hello.h"
#include "mark.h"
#include "sign.h"

static void need(int ret, const char *what)
{
	if (!ret)
		return;
	fprintf(stderr, "calls: %s: %s\n", what, openvbs_strerror(ret));
	exit(1);
}

static void hello(struct openvbs *vbs, long n)
{
	uint8_t uuid[16];
	struct openvbs_param param[OVBS_PARAMS] = { { .value = { .a = 3, .b = 4 } } };
	struct openvbs_session *session;

	need(openvbs_uuid_parse("7c323f87-2709-4f17-a8bc-ff7929529125", uuid), "UUID");
	while (n--) {
		MARK(26);
		need(openvbs_open(vbs, uuid, &session), "open");
		MARK(27);
		need(openvbs_invoke(session, HELLO_ADD,
				    OVBS_PARAM_TYPES(OVBS_PARAM_VALUE_IN, OVBS_PARAM_VALUE_OUT, 0, 0),
				    param, NULL),
		     "invoke");
		MARK(28);
		openvbs_close(session);
		MARK(29);
	}
}

static void request(struct openvbs_session *session, const struct signing *s, uint64_t times)
{
	uint8_t signature[64], public[65], message[] = SIGN_MESSAGE;
	struct openvbs_param param[OVBS_PARAMS] = {
		{ .value = { .a = times } },
		{ .buffer = { .data = message, .size = SIGN_MESSAGE_LEN } },
		{ .buffer = { .data = signature, .size = sizeof(signature) } },
		{ .buffer = { .data = public, .size = s->public_size } },
	};

	need(openvbs_invoke(session, s->command, SIGN_TYPES, param, NULL), "sign");
}

static void sign(struct openvbs *vbs, const struct signing *s, long n)
{
	static const uint8_t uuid[16] = SELFTEST_UUID;
	struct openvbs_session *session;

	need(openvbs_open(vbs, uuid, &session), "open");
	request(session, s, 1); /* makes the key */
	MARK(24);
	request(session, s, (uint64_t)n);
	MARK(25);
	openvbs_close(session);
}

int main(int argc, char **argv)
{
	const struct signing *s = argc == 3 ? signing_named(argv[1]) : NULL;
	long n = argc == 3 ? atol(argv[2]) : 0;
	struct openvbs *vbs;

	if (n <= 0 || (!s && strcmp(argv[1], "hello"))) {
		fprintf(stderr, "usage: calls hello|ed25519|p256 N\n");
		return 2;
	}
	need(openvbs_connect(&vbs), "connect");
	if (s)
		sign(vbs, s, n);
	else
		hello(vbs, n);
	openvbs_disconnect(vbs);
	return 0;
}
