/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Calling a trustlet that is linked into the test: a request is made, sent
 * through trustlet_main(), and holds the answer afterwards.
 *
 * Each call runs main() until it asks for the request after; what the trustlet
 * keeps between requests (sessions, heap) stays.
 */
#ifndef OVBS_TESTS_TRUSTLET_CLIENT_H
#define OVBS_TESTS_TRUSTLET_CLIENT_H

#include <string.h>

#include "../../trustlets/lib/host.h"

#define NONE OVBS_PARAM_NONE
#define VI   OVBS_PARAM_VALUE_IN
#define VO   OVBS_PARAM_VALUE_OUT
#define VIO  OVBS_PARAM_VALUE_INOUT
#define BI   OVBS_PARAM_BUFFER_IN
#define BO   OVBS_PARAM_BUFFER_OUT
#define BIO  OVBS_PARAM_BUFFER_INOUT

/* Full of a pattern, so that what is not cleared shows. */
static inline void rq_init(struct ovbs_tl_request *r, uint32_t kind, uint64_t session, uint32_t command)
{
	memset(r, 0xEE, sizeof(*r));
	memset(r, 0, OVBS_DATA_OFF);
	r->kind = kind;
	r->session = session;
	r->command = command;
	r->uid = 1000;
}

static inline void rq_value(struct ovbs_tl_request *r, unsigned int n, uint32_t type, uint64_t a, uint64_t b)
{
	r->types |= type << 4 * n;
	r->param[n] = (struct ovbs_param){ .a = a, .b = b };
}

/* @data NULL: room that is not filled. Buffers are set in the order of their numbers. */
static inline void rq_buffer(struct ovbs_tl_request *r, unsigned int n, uint32_t type,
			     const void *data, size_t size)
{
	uint64_t at = OVBS_DATA_OFF;

	for (unsigned int i = 0; i < n; i++) {
		if (OVBS_PARAM_TYPE(r->types, i) >= BI)
			at = r->param[i].a + r->param[i].b;
	}
	r->types |= type << 4 * n;
	r->param[n] = (struct ovbs_param){ .a = at, .b = size };
	if (data != NULL)
		memcpy((uint8_t *)r + at, data, size);
}

static inline void *rq_data(struct ovbs_tl_request *r, unsigned int n)
{
	return (uint8_t *)r + r->param[n].a;
}

static inline bool rq_feed(struct ovbs_tl_request *r, bool first, void *context)
{
	struct ovbs_tl_request *mine = context;

	if (first)
		*r = *mine;
	else
		*mine = *r;
	return first;
}

/* The answer's result. */
static inline uint32_t rq_call(struct ovbs_tl_request *r)
{
	tl_host_feed(rq_feed, r);
	(void)trustlet_main();
	return r->result;
}

static inline uint32_t rq_open(uint64_t session)
{
	struct ovbs_tl_request r;

	rq_init(&r, OVBS_TL_OPEN, session, 0);
	return rq_call(&r);
}

static inline uint32_t rq_close(uint64_t session)
{
	struct ovbs_tl_request r;

	rq_init(&r, OVBS_TL_CLOSE, session, 0);
	return rq_call(&r);
}

#endif
