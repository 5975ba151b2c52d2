/* SPDX-License-Identifier: MIT */
/*
 * The parameters of ovbs-call, as they are written on the command line. What is
 * read here stays as it is: each thread and each repetition works on a copy.
 */
#ifndef OVBS_CALL_ARGS_H
#define OVBS_CALL_ARGS_H

#include <stddef.h>
#include <stdint.h>

#include <openvbs.h>

#define ARG_SIZE_MAX                                                                               \
	(1u << 20) /* far more than one call takes: that it is refused can be tried too */

struct arg {
	uint32_t type; /* enum ovbs_param_type */
	uint64_t a, b; /* a value's numbers */
	uint8_t *data; /* a buffer's bytes; zeros for an output */
	size_t size;
};

/**
 * arg_parse() - one parameter of the command line
 * @text: see ovbs-call(1)
 * @arg: out; its data is allocated
 *
 * Return: NULL, or what is wrong with it.
 */
const char *arg_parse(const char *text, struct arg *arg);

/** number_parse() - decimal, 0x hexadecimal or 0 octal, nothing behind it; 0 or -1 */
int number_parse(const char *text, uint64_t max, uint64_t *n);

#endif
