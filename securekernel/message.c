// SPDX-License-Identifier: GPL-2.0-only
/*
 * VTL0's messages: see message.h.
 */
#include "message.h"

bool message_is_buffer(unsigned int type)
{
	return type >= OVBS_PARAM_BUFFER_IN && type <= OVBS_PARAM_BUFFER_INOUT;
}

bool message_param_in(unsigned int type)
{
	return type == OVBS_PARAM_VALUE_IN || type == OVBS_PARAM_VALUE_INOUT ||
	       type == OVBS_PARAM_BUFFER_IN || type == OVBS_PARAM_BUFFER_INOUT;
}

bool message_param_out(unsigned int type)
{
	return type == OVBS_PARAM_VALUE_OUT || type == OVBS_PARAM_VALUE_INOUT ||
	       type == OVBS_PARAM_BUFFER_OUT || type == OVBS_PARAM_BUFFER_INOUT;
}

enum ovbs_result message_check_header(const struct ovbs_msg *m)
{
	if (m->abi != OVBS_MSG_ABI || m->types >> 16 || m->reserved[0] || m->reserved[1] || m->reserved[2])
		return OVBS_E_BAD_FORMAT;
	for (unsigned int i = 0; m->types >> 4 * i && i < OVBS_PARAMS; i++) {
		unsigned int type = OVBS_PARAM_TYPE(m->types, i);

		if (type && !message_param_in(type) && !message_param_out(type))
			return OVBS_E_BAD_FORMAT;
	}
	return OVBS_OK;
}

static bool overlap(const struct ovbs_param *a, const struct ovbs_param *b)
{
	return a->b && b->b && a->a < b->a + b->b && b->a < a->a + a->b;
}

enum ovbs_result message_check_buffers(const struct ovbs_msg *m)
{
	for (unsigned int i = 0; i < OVBS_PARAMS; i++) {
		const struct ovbs_param *p = &m->param[i];

		if (!message_is_buffer(OVBS_PARAM_TYPE(m->types, i)))
			continue;
		if (p->a < OVBS_DATA_OFF || p->a > OVBS_PAGE_SIZE || p->b > OVBS_PAGE_SIZE - p->a)
			return OVBS_E_BAD_PARAMETERS;
		for (unsigned int j = 0; j < i; j++)
			if (message_is_buffer(OVBS_PARAM_TYPE(m->types, j)) && overlap(p, &m->param[j]))
				return OVBS_E_BAD_PARAMETERS;
	}
	return OVBS_OK;
}

/* What only the secure kernel can know. */
static bool is_ours(uint32_t result)
{
	return result == OVBS_INTERRUPTED || result == OVBS_E_TARGET_DEAD || result == OVBS_E_BUSY;
}

void message_answer(struct ovbs_msg *m, const struct ovbs_param given[OVBS_PARAMS],
		    const struct ovbs_tl_request *r)
{
	m->result = is_ours(r->result) ? OVBS_E_GENERIC : r->result;
	m->origin = OVBS_ORIGIN_TRUSTLET;
	for (unsigned int i = 0; i < OVBS_PARAMS; i++) {
		unsigned int type = OVBS_PARAM_TYPE(m->types, i);

		m->param[i] = given[i];
		if (!message_param_out(type))
			continue;
		m->param[i].b = r->param[i].b;
		if (!message_is_buffer(type))
			m->param[i].a = r->param[i].a;
		else if (r->param[i].b > given[i].b && r->result != OVBS_E_SHORT_BUFFER) {
			m->result = OVBS_E_GENERIC;
			m->param[i].b = given[i].b;
		}
	}
}
