/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How a call of a program becomes a message for VTL1, and the answer an answer
 * again: types, sizes, offsets, nothing else. All of it is arithmetic on what
 * was already copied, so that the host can test it (tests/linux/message_test.c,
 * tests/fuzz/fuzz_message.c). A layout is what the kernel decided itself; what
 * comes back from the page never decides how much is copied where.
 */
#ifndef OPENVBS_MESSAGE_H
#define OPENVBS_MESSAGE_H

#ifdef OVBS_HOST
#include <stdbool.h>
#include <stdint.h>
#else
#include <linux/types.h>
#endif

#include <openvbs/ioctl.h>

#define OPENVBS_BUFFER_ALIGN 16u

/**
 * struct openvbs_layout - where the buffers of one call lie in its page
 * @types: checked OVBS_PARAM_TYPES()
 * @used: bytes of the page, from its start, that the call needs
 * @buffer: of each parameter, offset in the page and size; size 0 if it is no
 *          buffer or an empty one
 */
struct openvbs_layout {
	uint32_t types;
	uint32_t used;
	struct {
		uint32_t offset;
		uint32_t size;
	} buffer[OVBS_PARAMS];
};

/**
 * openvbs_layout_make - check parameters and give each buffer its place
 * @l: out; undefined after an error
 * @types: as the program gave them
 * @want: as the program gave them: a buffer's b is its size
 *
 * 0; -EINVAL if @types makes no sense; -E2BIG if the buffers do not fit.
 */
int openvbs_layout_make(struct openvbs_layout *l, uint32_t types,
			const struct ovbs_param want[OVBS_PARAMS]);

/**
 * openvbs_layout_fill - write types and parameters of the message
 *
 * Numbers that only come back, and parameters that are not there, are sent as
 * 0: whatever a program left in them is not VTL1's business.
 */
void openvbs_layout_fill(const struct openvbs_layout *l, const struct ovbs_param want[OVBS_PARAMS],
			 struct ovbs_msg *msg);

/** openvbs_layout_in - bytes of parameter @n to copy from the program into the page */
uint32_t openvbs_layout_in(const struct openvbs_layout *l, unsigned int n);

/**
 * openvbs_layout_out - bytes of parameter @n to copy from the page to the program
 * @reply: the message as it came back
 *
 * 0 unless the reply counts (openvbs_reply_counts()), and 0 for a buffer that
 * was too short: then its size says how much is needed.
 */
uint32_t openvbs_layout_out(const struct openvbs_layout *l, unsigned int n, const struct ovbs_msg *reply);

/**
 * openvbs_reply_counts - do the output parameters mean something?
 *
 * They do if the call went well or if the trustlet itself refused it. If
 * somebody before it refused, nobody wrote them.
 */
bool openvbs_reply_counts(const struct ovbs_msg *reply);

/** openvbs_reply_params - result, origin, numbers and sizes of @reply into the program's call */
void openvbs_reply_params(const struct openvbs_layout *l, const struct ovbs_msg *reply,
			  struct openvbs_call *call);

/**
 * openvbs_msg_begin - a message with nothing in it yet
 * @msg: out
 * @op: enum ovbs_msg_op
 * @session: 0 for none
 * @uid: of the caller
 */
void openvbs_msg_begin(struct ovbs_msg *msg, uint32_t op, uint64_t session, uint32_t uid);

/* What to do with what came back from a VTL call. */
enum openvbs_verdict {
	OPENVBS_DONE,   /* an answer */
	OPENVBS_RESUME, /* it was interrupted and goes on with OVBS_MSG_RESUME */
	OPENVBS_BUSY,   /* nothing was begun; try again */
};

/**
 * openvbs_msg_verdict - is this the answer?
 * @msg: the message in the page, after the call; it was sent with origin 0
 * @rax: what the VTL call returned
 *
 * A trustlet may answer with any number. What it says itself is its answer,
 * even if the same number from the secure kernel would mean to try again.
 */
enum openvbs_verdict openvbs_msg_verdict(const struct ovbs_msg *msg, uint32_t rax);

/**
 * openvbs_msg_settle - one answer out of what came back
 * @msg: the message in the page, after the call
 * @rax: what the VTL call returned; the verdict is OPENVBS_DONE
 *
 * A call that VTL1 did not take at all leaves @msg as it was sent, so @rax goes
 * first if it is an error. An answer without an origin is the secure kernel's.
 */
void openvbs_msg_settle(struct ovbs_msg *msg, uint32_t rax);

/** openvbs_result_errno - a result of the secure kernel as -errno, for questions that have no result of their own */
int openvbs_result_errno(uint32_t result);

#endif
