// SPDX-License-Identifier: GPL-2.0-only
/*
 * Laying out messages; see message.h. Freestanding: runs on the host in
 * tests/linux/message_test.c and tests/fuzz/fuzz_message.c.
 *
 * Invariants: buffers lie in the data part, aligned, without overlap; a size
 * that comes back never makes a copy larger than what was laid out.
 */
#include <linux/errno.h>

#include "message.h"

#define ALL_TYPES  0xFFFFu /* four of 4 bits; the upper half is 0 */
#define NO_TYPE_4  4u      /* GlobalPlatform leaves it out */
#define DIRECTION  3u      /* both kinds: bit 0 in, bit 1 out */
#define BUFFER_BIT 4u

static bool is_buffer(uint32_t type)
{
	return type & BUFFER_BIT;
}

static bool goes_in(uint32_t type)
{
	return type & DIRECTION & 1;
}

static bool comes_out(uint32_t type)
{
	return type & DIRECTION & 2;
}

static bool type_known(uint32_t type)
{
	return type <= OVBS_PARAM_BUFFER_INOUT && type != NO_TYPE_4;
}

int openvbs_layout_make(struct openvbs_layout *l, uint32_t types, const struct ovbs_param want[OVBS_PARAMS])
{
	uint32_t at = OVBS_DATA_OFF;
	unsigned int n;

	if (types & ~ALL_TYPES)
		return -EINVAL;
	for (n = 0; n < OVBS_PARAMS; n++)
		if (!type_known(OVBS_PARAM_TYPE(types, n)))
			return -EINVAL;
	l->types = types;
	for (n = 0; n < OVBS_PARAMS; n++) {
		/* An empty buffer needs an offset too, and the end of a full page would be none. */
		l->buffer[n].offset = OVBS_DATA_OFF;
		l->buffer[n].size = 0;
		if (!is_buffer(OVBS_PARAM_TYPE(types, n)) || !want[n].b)
			continue;
		/* `at` stays aligned and the page's end is: what fits, fits when rounded up. */
		if (want[n].b > OVBS_PAGE_SIZE - at)
			return -E2BIG;
		l->buffer[n].offset = at;
		l->buffer[n].size = (uint32_t)want[n].b;
		at += (l->buffer[n].size + OPENVBS_BUFFER_ALIGN - 1) & ~(OPENVBS_BUFFER_ALIGN - 1);
	}
	l->used = at;
	return 0;
}

void openvbs_layout_fill(const struct openvbs_layout *l, const struct ovbs_param want[OVBS_PARAMS],
			 struct ovbs_msg *msg)
{
	unsigned int n;

	msg->types = l->types;
	for (n = 0; n < OVBS_PARAMS; n++) {
		uint32_t type = OVBS_PARAM_TYPE(l->types, n);

		msg->param[n].a = 0;
		msg->param[n].b = 0;
		if (is_buffer(type)) {
			msg->param[n].a = l->buffer[n].offset;
			msg->param[n].b = l->buffer[n].size;
		} else if (goes_in(type)) {
			msg->param[n] = want[n];
		}
	}
}

uint32_t openvbs_layout_in(const struct openvbs_layout *l, unsigned int n)
{
	return goes_in(OVBS_PARAM_TYPE(l->types, n)) ? l->buffer[n].size : 0;
}

bool openvbs_reply_counts(const struct ovbs_msg *reply)
{
	return reply->result == OVBS_OK || reply->origin == OVBS_ORIGIN_TRUSTLET;
}

uint32_t openvbs_layout_out(const struct openvbs_layout *l, unsigned int n, const struct ovbs_msg *reply)
{
	if (!comes_out(OVBS_PARAM_TYPE(l->types, n)) || !openvbs_reply_counts(reply) ||
	    reply->param[n].b > l->buffer[n].size)
		return 0;
	return (uint32_t)reply->param[n].b;
}

void openvbs_reply_params(const struct openvbs_layout *l, const struct ovbs_msg *reply,
			  struct openvbs_call *call)
{
	unsigned int n;

	call->result = reply->result;
	call->origin = reply->origin;
	if (!openvbs_reply_counts(reply))
		return;
	for (n = 0; n < OVBS_PARAMS; n++) {
		uint32_t type = OVBS_PARAM_TYPE(l->types, n);

		if (!comes_out(type))
			continue;
		if (!is_buffer(type))
			call->param[n].a = reply->param[n].a;
		call->param[n].b = reply->param[n].b;
	}
}

void openvbs_msg_begin(struct ovbs_msg *msg, uint32_t op, uint64_t session, uint32_t uid)
{
	*msg = (struct ovbs_msg){
		.abi = OVBS_MSG_ABI,
		.op = op,
		.session = session,
		.uid = uid,
	};
}

enum openvbs_verdict openvbs_msg_verdict(const struct ovbs_msg *msg, uint32_t rax)
{
	uint32_t result = rax != OVBS_OK ? rax : msg->result;

	if (msg->origin == OVBS_ORIGIN_TRUSTLET)
		return OPENVBS_DONE;
	if (result == OVBS_INTERRUPTED)
		return OPENVBS_RESUME;
	return result == OVBS_E_BUSY ? OPENVBS_BUSY : OPENVBS_DONE;
}

void openvbs_msg_settle(struct ovbs_msg *msg, uint32_t rax)
{
	if (rax != OVBS_OK && msg->result != rax) {
		msg->result = rax;
		msg->origin = OVBS_ORIGIN_VTL1;
	}
	if (!msg->origin)
		msg->origin = OVBS_ORIGIN_VTL1;
}

int openvbs_result_errno(uint32_t result)
{
	switch (result) {
	case OVBS_OK:
		return 0;
	case OVBS_E_ITEM_NOT_FOUND:
	case OVBS_E_NO_DATA:
		return -ENOENT;
	case OVBS_E_ACCESS_DENIED:
		return -EACCES;
	case OVBS_E_OUT_OF_MEMORY:
		return -ENOMEM;
	case OVBS_E_NOT_IMPLEMENTED:
	case OVBS_E_NOT_SUPPORTED:
		return -EOPNOTSUPP;
	default:
		return -EIO;
	}
}
