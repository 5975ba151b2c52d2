/* SPDX-License-Identifier: GPL-2.0-only */
/* The request for signatures that calls.c and sign.c both make: see there. */
#ifndef BENCH_SIGN_H
#define BENCH_SIGN_H

#include <stddef.h>
#include <string.h>

#include "../trustlets/selftest/selftest.h"

#define SIGN_MESSAGE     "openvbs bench: thirty-two bytes."
#define SIGN_MESSAGE_LEN (sizeof(SIGN_MESSAGE) - 1)
#define SIGN_TYPES                                                                                 \
	OVBS_PARAM_TYPES(OVBS_PARAM_VALUE_IN, OVBS_PARAM_BUFFER_IN, OVBS_PARAM_BUFFER_OUT,         \
			 OVBS_PARAM_BUFFER_OUT)

struct signing {
	const char *name;
	uint32_t command;
	size_t public_size;
};

static inline const struct signing *signing_named(const char *name)
{
	static const struct signing known[] = {
		{ "ed25519", SELFTEST_SIGN_ED25519, 32 },
		{ "p256", SELFTEST_SIGN_P256, 65 },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(name, known[i].name))
			return &known[i];
	return NULL;
}

#endif
