// SPDX-License-Identifier: GPL-2.0-only
/*
 * linux/message.c on the host: which parameter types are taken, where buffers
 * lie, what is sent, what is copied back, and which answer is one. Numbers are
 * written out, not computed as the code computes them.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "message.h"

static unsigned int fails, passed;

#define CHECK(c)                                                                                   \
	do {                                                                                       \
		if (c) {                                                                           \
			passed++;                                                                  \
		} else {                                                                           \
			fails++;                                                                   \
			printf("FAIL %s:%d: %s\n", __func__, __LINE__, #c);                        \
		}                                                                                  \
	} while (0)

#define NONE  OVBS_PARAM_NONE
#define VIN   OVBS_PARAM_VALUE_IN
#define VOUT  OVBS_PARAM_VALUE_OUT
#define VBOTH OVBS_PARAM_VALUE_INOUT
#define BIN   OVBS_PARAM_BUFFER_IN
#define BOUT  OVBS_PARAM_BUFFER_OUT
#define BBOTH OVBS_PARAM_BUFFER_INOUT

static void types(void)
{
	static const struct ovbs_param empty[OVBS_PARAMS];
	static const int known[16] = { 1, 1, 1, 1, 0, 1, 1, 1 };
	struct openvbs_layout l;
	uint32_t t, n;

	for (t = 0; t < 16; t++)
		for (n = 0; n < OVBS_PARAMS; n++)
			CHECK(openvbs_layout_make(&l, t << 4 * n, empty) == (known[t] ? 0 : -EINVAL));
	for (n = 16; n < 32; n++)
		CHECK(openvbs_layout_make(&l, 1u << n, empty) == -EINVAL);
}

static void offsets(void)
{
	struct ovbs_param want[OVBS_PARAMS] = { { 0x1000, 1 }, { 7, 8 }, { 0x2000, 17 }, { 0x3000, 16 } };
	struct openvbs_layout l;

	CHECK(openvbs_layout_make(&l, OVBS_PARAM_TYPES(BIN, VIN, BOUT, BBOTH), want) == 0);
	CHECK(l.buffer[0].offset == 128 && l.buffer[0].size == 1);
	CHECK(l.buffer[1].size == 0); /* a value is no buffer, whatever its numbers */
	CHECK(l.buffer[2].offset == 144 && l.buffer[2].size == 17);
	CHECK(l.buffer[3].offset == 176 && l.buffer[3].size == 16);
	CHECK(l.used == 192);
	CHECK(openvbs_layout_in(&l, 0) == 1 && openvbs_layout_in(&l, 1) == 0);
	CHECK(openvbs_layout_in(&l, 2) == 0 && openvbs_layout_in(&l, 3) == 16);

	CHECK(openvbs_layout_make(&l, 0, want) == 0);
	CHECK(l.used == 128);
}

static void limits(void)
{
	struct ovbs_param want[OVBS_PARAMS] = { { 0, 3968 } };
	struct openvbs_layout l;

	/* All of the data, and no byte more. */
	CHECK(openvbs_layout_make(&l, OVBS_PARAM_TYPES(BIN, 0, 0, 0), want) == 0 && l.used == 4096);
	want[0].b = 3969;
	CHECK(openvbs_layout_make(&l, OVBS_PARAM_TYPES(BIN, 0, 0, 0), want) == -E2BIG);
	CHECK(openvbs_layout_make(&l, OVBS_PARAM_TYPES(VIN, 0, 0, 0), want) == 0);
	want[0].b = UINT64_MAX;
	CHECK(openvbs_layout_make(&l, OVBS_PARAM_TYPES(BOUT, 0, 0, 0), want) == -E2BIG);
	want[0].b = 1ULL << 32; /* 0 in 32 bits */
	CHECK(openvbs_layout_make(&l, OVBS_PARAM_TYPES(BOUT, 0, 0, 0), want) == -E2BIG);

	/* Rounding up counts: 1 byte takes 16. */
	want[0].b = 1;
	want[1].b = 3952;
	CHECK(openvbs_layout_make(&l, OVBS_PARAM_TYPES(BIN, BIN, 0, 0), want) == 0 && l.used == 4096);
	want[1].b = 3953;
	CHECK(openvbs_layout_make(&l, OVBS_PARAM_TYPES(BIN, BIN, 0, 0), want) == -E2BIG);
	/* An empty buffer fits into a full page, and lies inside of it. */
	want[1].b = 3952;
	want[2].b = 0;
	CHECK(openvbs_layout_make(&l, OVBS_PARAM_TYPES(BIN, BIN, BOUT, 0), want) == 0);
	CHECK(l.buffer[2].offset == 128 && l.buffer[2].size == 0 && l.used == 4096);
	want[2].b = 1;
	CHECK(openvbs_layout_make(&l, OVBS_PARAM_TYPES(BIN, BIN, BOUT, 0), want) == -E2BIG);
}

static void sent(void)
{
	const struct ovbs_param want[OVBS_PARAMS] = { { 1, 2 }, { 3, 4 }, { 0x7000, 5 }, { 6, 7 } };
	struct openvbs_layout l;
	struct ovbs_msg msg;

	memset(&msg, 0xFF, sizeof(msg));
	openvbs_msg_begin(&msg, OVBS_MSG_INVOKE, 0x1122334455667788, 1000);
	CHECK(msg.abi == 1 && msg.op == 4 && msg.session == 0x1122334455667788 && msg.uid == 1000);
	CHECK(msg.command == 0 && msg.result == 0 && msg.origin == 0 && msg.uuid[0] == 0);
	CHECK(!msg.reserved[0] && !msg.reserved[1] && !msg.reserved[2]);

	CHECK(openvbs_layout_make(&l, OVBS_PARAM_TYPES(VIN, VOUT, BBOTH, NONE), want) == 0);
	openvbs_layout_fill(&l, want, &msg);
	CHECK(msg.types == 0x0721);
	CHECK(msg.param[0].a == 1 && msg.param[0].b == 2);
	CHECK(msg.param[1].a == 0 && msg.param[1].b == 0);   /* only comes back */
	CHECK(msg.param[2].a == 128 && msg.param[2].b == 5); /* never the program's address */
	CHECK(msg.param[3].a == 0 && msg.param[3].b == 0);

	CHECK(openvbs_layout_make(&l, OVBS_PARAM_TYPES(VBOTH, BOUT, NONE, NONE), want) == 0);
	openvbs_layout_fill(&l, want, &msg);
	CHECK(msg.param[0].a == 1 && msg.param[0].b == 2);
	CHECK(msg.param[1].a == 128 && msg.param[1].b == 4);
}

static void answered(void)
{
	struct openvbs_call call = { .param = { { 0x1000, 8 }, { 1, 2 }, { 0x2000, 8 }, { 3, 4 } } };
	const struct openvbs_call before = call;
	struct ovbs_msg reply = { .result = OVBS_OK,
				  .origin = OVBS_ORIGIN_TRUSTLET,
				  .param = { { 666, 5 }, { 10, 20 }, { 666, 9 }, { 30, 40 } } };
	struct openvbs_layout l;

	CHECK(openvbs_layout_make(&l, OVBS_PARAM_TYPES(BOUT, VOUT, BBOTH, VIN), call.param) == 0);
	CHECK(openvbs_layout_out(&l, 0, &reply) == 5);
	CHECK(openvbs_layout_out(&l, 1, &reply) == 0);
	CHECK(openvbs_layout_out(&l, 2, &reply) == 0); /* 9 of 8: needed, not there */
	openvbs_reply_params(&l, &reply, &call);
	CHECK(call.param[0].a == 0x1000 && call.param[0].b == 5);
	CHECK(call.param[1].a == 10 && call.param[1].b == 20);
	CHECK(call.param[2].a == 0x2000 && call.param[2].b == 9);
	CHECK(call.param[3].a == 3 && call.param[3].b == 4); /* an input stays */
	CHECK(call.result == OVBS_OK && call.origin == OVBS_ORIGIN_TRUSTLET);

	reply.param[0].b = (1ULL << 32) + 5;
	CHECK(openvbs_layout_out(&l, 0, &reply) == 0);
	reply.param[0].b = 8;
	CHECK(openvbs_layout_out(&l, 0, &reply) == 8);

	/* The trustlet's own error: outputs count. Anybody else's: nobody wrote them. */
	reply.result = OVBS_E_SHORT_BUFFER;
	CHECK(openvbs_layout_out(&l, 0, &reply) == 8);
	reply.origin = OVBS_ORIGIN_VTL1;
	CHECK(openvbs_layout_out(&l, 0, &reply) == 0);
	call = before;
	openvbs_reply_params(&l, &reply, &call);
	CHECK(!memcmp(call.param, before.param, sizeof(call.param)));
	CHECK(call.result == OVBS_E_SHORT_BUFFER && call.origin == OVBS_ORIGIN_VTL1);

	/* Inputs are never copied out. */
	reply.result = OVBS_OK;
	CHECK(openvbs_layout_make(&l, OVBS_PARAM_TYPES(BIN, 0, 0, 0), call.param) == 0);
	CHECK(openvbs_layout_out(&l, 0, &reply) == 0);
}

static enum openvbs_verdict verdict(uint32_t rax, uint32_t result, uint32_t origin)
{
	struct ovbs_msg msg = { .result = result, .origin = origin };

	return openvbs_msg_verdict(&msg, rax);
}

static void verdicts(void)
{
	CHECK(verdict(OVBS_OK, OVBS_OK, OVBS_ORIGIN_TRUSTLET) == OPENVBS_DONE);
	CHECK(verdict(OVBS_INTERRUPTED, 0, 0) == OPENVBS_RESUME);
	CHECK(verdict(OVBS_E_BUSY, 0, 0) == OPENVBS_BUSY);
	CHECK(verdict(OVBS_OK, OVBS_E_BUSY, OVBS_ORIGIN_VTL1) == OPENVBS_BUSY);
	CHECK(verdict(OVBS_E_BAD_STATE, 0, 0) == OPENVBS_DONE);
	/* A trustlet's own answer, which must not make the kernel go round in circles. */
	CHECK(verdict(OVBS_E_BUSY, OVBS_E_BUSY, OVBS_ORIGIN_TRUSTLET) == OPENVBS_DONE);
	CHECK(verdict(OVBS_OK, OVBS_E_BUSY, OVBS_ORIGIN_TRUSTLET) == OPENVBS_DONE);
	CHECK(verdict(OVBS_INTERRUPTED, OVBS_INTERRUPTED, OVBS_ORIGIN_TRUSTLET) == OPENVBS_DONE);
}

static void settled(void)
{
	static const struct {
		uint32_t rax, result, origin, want_result, want_origin;
	} rows[] = {
		{ OVBS_OK, OVBS_OK, OVBS_ORIGIN_TRUSTLET, OVBS_OK, OVBS_ORIGIN_TRUSTLET },
		{ OVBS_OK, OVBS_E_NO_DATA, OVBS_ORIGIN_TRUSTLET, OVBS_E_NO_DATA, OVBS_ORIGIN_TRUSTLET },
		{ OVBS_E_NO_DATA, OVBS_E_NO_DATA, OVBS_ORIGIN_TRUSTLET, OVBS_E_NO_DATA, OVBS_ORIGIN_TRUSTLET },
		{ OVBS_E_BAD_STATE, 0, 0, OVBS_E_BAD_STATE, OVBS_ORIGIN_VTL1 }, /* not taken */
		{ OVBS_OK, OVBS_OK, 0, OVBS_OK, OVBS_ORIGIN_VTL1 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ovbs_msg msg = { .result = rows[i].result, .origin = rows[i].origin };

		openvbs_msg_settle(&msg, rows[i].rax);
		CHECK(msg.result == rows[i].want_result && msg.origin == rows[i].want_origin);
	}
	CHECK(openvbs_result_errno(OVBS_OK) == 0);
	CHECK(openvbs_result_errno(OVBS_E_ITEM_NOT_FOUND) == -ENOENT);
	CHECK(openvbs_result_errno(OVBS_E_NO_DATA) == -ENOENT);
	CHECK(openvbs_result_errno(OVBS_E_ACCESS_DENIED) == -EACCES);
	CHECK(openvbs_result_errno(OVBS_E_OUT_OF_MEMORY) == -ENOMEM);
	CHECK(openvbs_result_errno(OVBS_E_NOT_SUPPORTED) == -EOPNOTSUPP);
	CHECK(openvbs_result_errno(OVBS_E_GENERIC) == -EIO);
	CHECK(openvbs_result_errno(12345) == -EIO);
}

int main(void)
{
	types();
	offsets();
	limits();
	sent();
	answered();
	verdicts();
	settled();
	printf("message_test: %u passed, %u failed\n", passed, fails);
	return fails != 0;
}
