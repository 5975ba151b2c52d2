// SPDX-License-Identifier: MIT
/*
 * Reading the parameters of ovbs-call: a prefix says type and source. See
 * args.h; the table below is the whole syntax.
 */
#define _GNU_SOURCE
#include "args.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int number_parse(const char *text, uint64_t max, uint64_t *n)
{
	unsigned long long v;
	char *end;

	if (*text < '0' || *text > '9') /* strtoull() takes signs and blanks */
		return -1;
	errno = 0;
	v = strtoull(text, &end, 0);
	if (errno || *end || v > max)
		return -1;
	*n = v;
	return 0;
}

static const char *parse_none(const char *text, struct arg *arg)
{
	return *text ? "nothing may follow" : NULL;
}

/* "A,B" or "A" */
static const char *parse_value(const char *text, struct arg *arg)
{
	char first[32];
	const char *comma = strchr(text, ',');
	size_t n = comma ? (size_t)(comma - text) : strlen(text);

	if (n >= sizeof(first))
		return "a number is too long";
	memcpy(first, text, n);
	first[n] = '\0';
	if (number_parse(first, UINT64_MAX, &arg->a) ||
	    (comma && number_parse(comma + 1, UINT64_MAX, &arg->b)))
		return "not a number, or two with a comma between them";
	return NULL;
}

static const char *parse_text(const char *text, struct arg *arg)
{
	arg->size = strlen(text);
	arg->data = (uint8_t *)strdup(text);
	return arg->data ? NULL : "out of memory";
}

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c | 0x20) : NULL; /* lower case */

	return at && (c >= 'A' || c <= '9') ? (int)(at - digits) : -1;
}

static const char *parse_hex(const char *text, struct arg *arg)
{
	size_t i, n = strlen(text);

	arg->size = n / 2;
	arg->data = malloc(arg->size + 1);
	if (!arg->data)
		return "out of memory";
	if (n % 2)
		return "an odd number of hexadecimal digits";
	for (i = 0; i < arg->size; i++) {
		int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return "not hexadecimal";
		arg->data[i] = (uint8_t)(high << 4 | low);
	}
	return NULL;
}

static const char *parse_file(const char *text, struct arg *arg)
{
	int fd = open(text, O_RDONLY | O_CLOEXEC);
	ssize_t n = 1;

	if (fd < 0)
		return strerror(errno);
	arg->data = malloc(ARG_SIZE_MAX + 1);
	while (arg->data && n > 0 && arg->size <= ARG_SIZE_MAX) {
		n = read(fd, arg->data + arg->size, ARG_SIZE_MAX + 1 - arg->size);
		arg->size += n > 0 ? (size_t)n : 0;
	}
	close(fd);
	if (!arg->data)
		return "out of memory";
	if (n < 0)
		return "the file can't be read";
	return arg->size > ARG_SIZE_MAX ? "the file is larger than 1 MiB" : NULL;
}

static const char *parse_size(const char *text, struct arg *arg)
{
	uint64_t n;

	if (number_parse(text, ARG_SIZE_MAX, &n))
		return "not a size, or more than 1 MiB";
	arg->size = (size_t)n;
	arg->data = calloc(1, arg->size + 1);
	return arg->data ? NULL : "out of memory";
}

static const struct {
	const char *prefix;
	uint32_t type;
	const char *(*parse)(const char *text, struct arg *arg);
} forms[] = {
	{ "-", OVBS_PARAM_NONE, parse_none },
	{ "v:", OVBS_PARAM_VALUE_IN, parse_value },
	{ "V:", OVBS_PARAM_VALUE_OUT, parse_none },
	{ "vV:", OVBS_PARAM_VALUE_INOUT, parse_value },
	{ "b:", OVBS_PARAM_BUFFER_IN, parse_text },
	{ "b@", OVBS_PARAM_BUFFER_IN, parse_file },
	{ "x:", OVBS_PARAM_BUFFER_IN, parse_hex },
	{ "B:", OVBS_PARAM_BUFFER_OUT, parse_size },
	{ "bB:", OVBS_PARAM_BUFFER_INOUT, parse_text },
	{ "bB@", OVBS_PARAM_BUFFER_INOUT, parse_file },
	{ "xB:", OVBS_PARAM_BUFFER_INOUT, parse_hex },
};

const char *arg_parse(const char *text, struct arg *arg)
{
	size_t i, n;

	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		n = strlen(forms[i].prefix);
		if (strncmp(text, forms[i].prefix, n) != 0)
			continue;
		*arg = (struct arg){ .type = forms[i].type };
		return forms[i].parse(text + n, arg);
	}
	return "unknown kind of parameter";
}
