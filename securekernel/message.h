/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Decoding VTL0's messages (include/openvbs/vtl_abi.h): pure functions over
 * bytes that were copied before, so that a host can test and fuzz them.
 */
#ifndef SK_MESSAGE_H
#define SK_MESSAGE_H

#include <stdbool.h>

#include <openvbs/trustlet_abi.h>

#include <ovbs_compiler.h>

/** message_check_header - version, reserved fields, known parameter types. OVBS_OK or OVBS_E_BAD_FORMAT. */
enum ovbs_result message_check_header(const struct ovbs_msg *m) __must_check;

/** message_check_buffers - each buffer in the data part of the page, none over another. OVBS_OK or OVBS_E_BAD_PARAMETERS. */
enum ovbs_result message_check_buffers(const struct ovbs_msg *m) __must_check;

/** message_param_in, message_param_out, message_is_buffer - what a parameter type says. */
bool message_is_buffer(unsigned int type);
bool message_param_in(unsigned int type);
bool message_param_out(unsigned int type);

/**
 * message_answer - what goes back of a trustlet's answer
 * @m: result, origin and parameters are filled
 * @given: the request's parameters as they came
 * @r: the answer, whose every field but the checked types is the trustlet's word
 *
 * An output's size is never larger than was given, but with OVBS_E_SHORT_BUFFER,
 * where it says what is needed and nothing is copied. A trustlet that breaks
 * this gets its result replaced by OVBS_E_GENERIC.
 */
void message_answer(struct ovbs_msg *m, const struct ovbs_param given[OVBS_PARAMS],
		    const struct ovbs_tl_request *r);

#endif
