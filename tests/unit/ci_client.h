/* SPDX-License-Identifier: GPL-2.0-only */
/* Commands of the trustlet integrity, as openvbs.ko sends them (session 1). */
#ifndef OPENVBS_CI_CLIENT_H
#define OPENVBS_CI_CLIENT_H

#include "../../include/openvbs/integrity_abi.h"
#include "../../trustlets/lib/host_ci.h"

#include "trustlet_client.h"

struct ci_answered {
	uint32_t result; /* of the command */
	uint64_t number; /* the file's token, the module's number */
	struct ovbs_ci_answer answer;
};

static inline uint32_t ci_number(uint32_t command, uint64_t number)
{
	struct ovbs_tl_request r;

	rq_init(&r, OVBS_TL_INVOKE, 1, command);
	rq_value(&r, 0, VI, number, 0);
	return rq_call(&r);
}

static inline uint32_t ci_bytes(uint32_t command, const void *bytes, size_t size)
{
	struct ovbs_tl_request r;

	rq_init(&r, OVBS_TL_INVOKE, 1, command);
	rq_buffer(&r, 0, BI, bytes, size);
	return rq_call(&r);
}

static inline uint32_t ci_number_bytes(uint32_t command, uint64_t number, const void *bytes, size_t size)
{
	struct ovbs_tl_request r;

	rq_init(&r, OVBS_TL_INVOKE, 1, command);
	rq_value(&r, 0, VI, number, 0);
	rq_buffer(&r, 1, BI, bytes, size);
	return rq_call(&r);
}

static inline uint32_t ci_close(void)
{
	struct ovbs_tl_request r;

	rq_init(&r, OVBS_TL_INVOKE, 1, OVBS_CI_CLOSE);
	return rq_call(&r);
}

static inline struct ci_answered ci_file(uint64_t file, uint64_t bytes, uint64_t signature,
					 uint64_t signature_bytes)
{
	struct ci_answered a = { 0 };
	struct ovbs_tl_request r;

	rq_init(&r, OVBS_TL_INVOKE, 1, OVBS_CI_FILE);
	rq_value(&r, 0, VI, file, bytes);
	rq_value(&r, 1, VI, signature, signature_bytes);
	rq_value(&r, 2, VO, 0, 0);
	rq_buffer(&r, 3, BO, NULL, sizeof(a.answer));
	a.result = rq_call(&r);
	if (a.result == OVBS_OK)
		memcpy(&a.answer, rq_data(&r, 3), sizeof(a.answer));
	a.number = r.param[2].a;
	return a;
}

static inline struct ci_answered ci_place(uint64_t token, const struct ovbs_ci_place *place)
{
	struct ci_answered a = { 0 };
	struct ovbs_tl_request r;

	rq_init(&r, OVBS_TL_INVOKE, 1, OVBS_CI_PLACE);
	rq_value(&r, 0, VIO, token, 0);
	rq_buffer(&r, 1, BI, place, sizeof(*place));
	rq_buffer(&r, 2, BO, NULL, sizeof(a.answer));
	a.result = rq_call(&r);
	if (a.result == OVBS_OK)
		memcpy(&a.answer, rq_data(&r, 2), sizeof(a.answer));
	a.number = a.result == OVBS_OK ? r.param[0].a : 0;
	return a;
}

/* Return: how many came. */
static inline uint64_t ci_list(uint64_t first, struct ovbs_ci_module *to, size_t room, uint64_t *all)
{
	struct ovbs_tl_request r;

	rq_init(&r, OVBS_TL_INVOKE, 1, OVBS_CI_LIST);
	rq_value(&r, 0, VIO, first, 0);
	rq_buffer(&r, 1, BO, NULL, room * sizeof(*to));
	if (rq_call(&r) != OVBS_OK)
		return UINT64_MAX;
	memcpy(to, rq_data(&r, 1), r.param[1].b);
	*all = r.param[0].b;
	return r.param[0].a;
}

/* Room for struct ovbs_ci_key and what follows. */
struct ci_key_message {
	uint8_t bytes[2048];
	size_t size;
};

static inline void ci_key_part(struct ci_key_message *m, const uint8_t *p, size_t len)
{
	if (len > 0)
		memcpy(m->bytes + m->size, p, len);
	m->size += len;
}

#endif
