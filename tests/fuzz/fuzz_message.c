// SPDX-License-Identifier: GPL-2.0-only
/*
 * The message layout of openvbs.ko on arbitrary calls and arbitrary answers.
 *
 * Whatever a program asks for: buffers lie in the data part, aligned, without
 * overlap, and no address of the program is sent. Whatever VTL1 answers: no
 * more is copied out than was laid out.
 */
/* links: linux/message.c */
#include "fuzz.h"

#include <errno.h>

#include "../../linux/message.h"

static void check_layout(const struct openvbs_layout *l, const struct ovbs_param *want)
{
	struct ovbs_msg msg;
	uint32_t end = OVBS_DATA_OFF;
	unsigned int n;

	FUZZ_CHECK(l->used >= OVBS_DATA_OFF && l->used <= OVBS_PAGE_SIZE);
	openvbs_msg_begin(&msg, OVBS_MSG_INVOKE, 1, 0);
	openvbs_layout_fill(l, want, &msg);
	FUZZ_CHECK(msg.types == l->types && !(msg.types >> 16));
	for (n = 0; n < OVBS_PARAMS; n++) {
		uint32_t type = OVBS_PARAM_TYPE(l->types, n);
		uint32_t size = l->buffer[n].size, offset = l->buffer[n].offset;

		FUZZ_CHECK(type != 4 && type < 8);
		FUZZ_CHECK(offset >= OVBS_DATA_OFF && offset % 16 == 0 && offset + size <= l->used);
		FUZZ_CHECK(openvbs_layout_in(l, n) == (type & 1 ? size : 0));
		if (type < OVBS_PARAM_BUFFER_IN) {
			FUZZ_CHECK(size == 0);
			continue;
		}
		FUZZ_CHECK(size == want[n].b && msg.param[n].a == offset && msg.param[n].b == size);
		if (size > 0) {
			FUZZ_CHECK(offset >= end);
			end = offset + size;
		}
	}
	FUZZ_CHECK(end <= l->used);
}

static void check_reply(const struct openvbs_layout *l, const struct ovbs_msg *reply,
			const struct ovbs_param *want)
{
	struct openvbs_call call = { 0 };
	unsigned int n;

	memcpy(call.param, want, sizeof(call.param));
	openvbs_reply_params(l, reply, &call);
	for (n = 0; n < OVBS_PARAMS; n++) {
		uint32_t type = OVBS_PARAM_TYPE(l->types, n), out = openvbs_layout_out(l, n, reply);

		FUZZ_CHECK(out <= l->buffer[n].size);
		FUZZ_CHECK(!out || (type & 2 && out == call.param[n].b));
		if (type >= OVBS_PARAM_BUFFER_IN || !(type & 2))
			FUZZ_CHECK(call.param[n].a == want[n].a);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	struct ovbs_param want[OVBS_PARAMS];
	struct ovbs_msg reply = { 0 };
	struct openvbs_layout l;
	uint32_t types = (uint32_t)fuzz_u64(&in);
	uint64_t total = 0;
	unsigned int n;
	int err;

	for (n = 0; n < OVBS_PARAMS; n++) {
		want[n].a = fuzz_u64(&in);
		want[n].b = fuzz_u64(&in);
		reply.param[n].a = fuzz_u64(&in);
		reply.param[n].b = fuzz_u64(&in);
		if (fuzz_u8(&in) & 1) /* mostly sizes that are near the limits */
			want[n].b %= 4200, reply.param[n].b %= 4200;
		if (OVBS_PARAM_TYPE(types, n) >= OVBS_PARAM_BUFFER_IN)
			total += want[n].b > 4096 ? 4096 : (want[n].b + 15) & ~15ULL;
	}
	reply.result = fuzz_u8(&in) & 1 ? OVBS_OK : OVBS_E_SHORT_BUFFER;
	reply.origin = fuzz_u8(&in) % 6;
	err = openvbs_layout_make(&l, types, want);
	if (err == 0) {
		check_layout(&l, want);
		check_reply(&l, &reply, want);
	}
	FUZZ_CHECK(err == 0 || err == -EINVAL || err == -E2BIG);
	if (err != -EINVAL)
		FUZZ_CHECK((err == -E2BIG) == (total > OVBS_DATA_SIZE));
	return 0;
}
