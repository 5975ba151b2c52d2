// SPDX-License-Identifier: GPL-2.0-only
/*
 * The services' dispatch: one const table {handler}, messages copied in once,
 * decoded (message.c), then carried out.
 */
#include "services.h"

#include <ovbs_compiler.h>
#include <ovbs_string.h>

#include "hypercall.h"
#include "integrity.h"
#include "log.h"
#include "memory.h"
#include "message.h"
#include "protect.h"
#include "trustlet.h"

static const struct ovbs_sk_info *boot;

void services_prepare(const struct ovbs_sk_info *info)
{
	boot = info;
}

/* Each byte of VTL0's page comes through here, and only once per call. */
static void copy_in(void *to, unsigned int off, unsigned int n)
{
	memcpy(to, sk_message + off, n);
}

static void copy_out(unsigned int off, const void *from, unsigned int n)
{
	memcpy(sk_message + off, from, n);
}

static enum ovbs_result version(struct ovbs_msg *m)
{
	m->param[0] = (struct ovbs_param){ OVBS_MSG_ABI, boot->security_version };
	m->param[1] = (struct ovbs_param){ boot->build, trustlet_count };
	m->param[2] = (struct ovbs_param){ protect_locked() ? OVBS_SERVICE_MEMORY_INTEGRITY : 0, 0 };
	return OVBS_OK;
}

static enum ovbs_result list(struct ovbs_msg *m)
{
	struct ovbs_trustlet_info info;
	uint64_t first = m->param[0].a, n = 0;

	while (n < OVBS_TRUSTLETS_PER_PAGE && first + n >= first && first + n <= trustlet_count &&
	       trustlet_info((uint32_t)(first + n), &info)) {
		copy_out(OVBS_DATA_OFF + (unsigned int)n * sizeof(info), &info, sizeof(info));
		n++;
	}
	m->param[0].b = n;
	return OVBS_OK;
}

/* The request page of @t, which is this CPU's: parameters, and the buffers' bytes at the offsets they have. */
static void fill_request(struct trustlet *t, const struct ovbs_msg *m, enum ovbs_tl_request_kind kind)
{
	struct ovbs_tl_request *r = t->request;

	memset(r, 0, sizeof(*r));
	r->kind = kind;
	r->command = m->command;
	r->session = t->session;
	r->types = m->types;
	r->uid = m->uid;
	for (unsigned int i = 0; i < OVBS_PARAMS; i++) {
		unsigned int type = OVBS_PARAM_TYPE(m->types, i);

		t->given[i] = (struct ovbs_param){ 0 }; /* nothing of an earlier call's */
		if (!type)
			continue;
		t->given[i] = r->param[i] = m->param[i];
		if (type == OVBS_PARAM_VALUE_OUT)
			r->param[i] = (struct ovbs_param){ 0 };
		if (message_is_buffer(type) && message_param_in(type))
			copy_in((uint8_t *)r + m->param[i].a, (unsigned int)m->param[i].a,
				(unsigned int)m->param[i].b);
	}
	t->types = m->types;
	t->kind = kind;
	t->request_ticks = 0;
	t->pending = true;
}

static void give_answer(struct trustlet *t, struct ovbs_msg *m)
{
	m->types = t->types;
	m->session = t->session;
	message_answer(m, t->given, t->request);
	for (unsigned int i = 0; i < OVBS_PARAMS && m->result != OVBS_E_GENERIC; i++) {
		unsigned int type = OVBS_PARAM_TYPE(t->types, i);

		if (message_is_buffer(type) && message_param_out(type) &&
		    m->param[i].b <= t->given[i].b)
			copy_out((unsigned int)m->param[i].a,
				 (const uint8_t *)t->request + m->param[i].a,
				 (unsigned int)m->param[i].b);
	}
}

/* A trustlet that was acquired and has a request: until its answer, or VTL0's business. */
static enum ovbs_result go_on(struct trustlet *t, struct ovbs_msg *m)
{
	uint64_t session = t->session;
	enum ovbs_result result = trustlet_run(t);

	m->session = session; /* also of an open that is not done yet: to resume it */
	if (result) {
		m->origin = OVBS_ORIGIN_VTL1;
		return result;
	}
	give_answer(t, m);
	trustlet_release(t, t->kind == OVBS_TL_CLOSE || (t->kind == OVBS_TL_OPEN && m->result));
	return m->result;
}

static enum ovbs_result open(struct ovbs_msg *m)
{
	struct trustlet *t;
	enum ovbs_result result = message_check_buffers(m);

	if (!result)
		result = trustlet_acquire_new(m->uuid, &t);
	if (result)
		return result;
	fill_request(t, m, OVBS_TL_OPEN);
	return go_on(t, m);
}

static enum ovbs_result call_session(struct ovbs_msg *m, enum ovbs_tl_request_kind kind)
{
	struct trustlet *t;
	enum ovbs_result result = message_check_buffers(m);

	if (!result)
		result = trustlet_acquire(m->session, false, &t);
	if (result)
		return result;
	fill_request(t, m, kind);
	return go_on(t, m);
}

static enum ovbs_result invoke(struct ovbs_msg *m)
{
	return call_session(m, OVBS_TL_INVOKE);
}

static enum ovbs_result close(struct ovbs_msg *m)
{
	if (m->types)
		return OVBS_E_BAD_FORMAT;
	return call_session(m, OVBS_TL_CLOSE);
}

static enum ovbs_result resume(struct ovbs_msg *m)
{
	struct trustlet *t;
	enum ovbs_result result = trustlet_acquire(m->session, true, &t);

	return result ? result : go_on(t, m);
}

static enum ovbs_result protect(struct ovbs_msg *m)
{
	if (m->types != OVBS_PARAM_TYPES(OVBS_PARAM_VALUE_IN, 0, 0, 0))
		return OVBS_E_BAD_FORMAT;
	return protect_pages(m->param[0].a, m->param[0].b);
}

static enum ovbs_result freeze(struct ovbs_msg *m)
{
	if (m->types != OVBS_PARAM_TYPES(OVBS_PARAM_VALUE_IN, OVBS_PARAM_VALUE_IN, 0, 0))
		return OVBS_E_BAD_FORMAT;
	if (m->param[1].b)
		return OVBS_E_BAD_PARAMETERS;
	return protect_freeze(m->param[0].a, m->param[0].b, m->param[1].a);
}

static enum ovbs_result lockdown(struct ovbs_msg *m)
{
	return m->types ? OVBS_E_BAD_FORMAT : protect_lockdown();
}

static enum ovbs_result sites(struct ovbs_msg *m)
{
	if (m->types != OVBS_PARAM_TYPES(OVBS_PARAM_VALUE_IN, OVBS_PARAM_VALUE_IN, 0, 0))
		return OVBS_E_BAD_FORMAT;
	if (m->param[1].b)
		return OVBS_E_BAD_PARAMETERS;
	return integrity_add(m->param[0].a, m->param[0].b, m->param[1].a);
}

static enum ovbs_result give(struct ovbs_msg *m)
{
	if (m->types != OVBS_PARAM_TYPES(OVBS_PARAM_VALUE_IN, 0, 0, 0))
		return OVBS_E_BAD_FORMAT;
	return protect_give(m->param[0].a, m->param[0].b);
}

static enum ovbs_result integrity(struct ovbs_msg *m)
{
	struct integrity_counts n;
	struct protect_counts p;

	if (m->types != OVBS_PARAM_TYPES(OVBS_PARAM_VALUE_OUT, OVBS_PARAM_VALUE_OUT, OVBS_PARAM_VALUE_OUT,
					 OVBS_PARAM_VALUE_OUT))
		return OVBS_E_BAD_FORMAT;
	n = integrity_count();
	p = protect_count();
	m->param[0] = (struct ovbs_param){ n.patches, n.refused };
	m->param[1] = (struct ovbs_param){ p.executions, p.writes };
	m->param[2] = (struct ovbs_param){ n.modules, p.frozen_pages };
	m->param[3] = (struct ovbs_param){ n.modules_ever, memory_given_bytes() };
	return OVBS_OK;
}

static enum ovbs_result (*const table[16])(struct ovbs_msg *m) = {
	[OVBS_MSG_VERSION] = version, [OVBS_MSG_TRUSTLETS] = list, [OVBS_MSG_OPEN] = open,
	[OVBS_MSG_INVOKE] = invoke,   [OVBS_MSG_CLOSE] = close,    [OVBS_MSG_RESUME] = resume,
	[OVBS_MSG_PROTECT] = protect, [OVBS_MSG_FREEZE] = freeze,   [OVBS_MSG_LOCKDOWN] = lockdown,
	[OVBS_MSG_SITES] = sites,     [OVBS_MSG_GIVE] = give,      [OVBS_MSG_INTEGRITY] = integrity,
};

/* Masked, so that no speculation goes past the table. */
#define handler(op) table[(op) & (ARRAY_SIZE(table) - 1)]
_Static_assert((ARRAY_SIZE(table) & (ARRAY_SIZE(table) - 1)) == 0, "a power of two, for the mask");

static enum ovbs_result message(void)
{
	struct ovbs_msg m;
	enum ovbs_result result;

	if (!sk_this_cpu->message_gpa)
		return OVBS_E_BAD_STATE;
	copy_in(&m, 0, sizeof(m));
	m.origin = OVBS_ORIGIN_VTL1;
	result = message_check_header(&m);
	if (!result)
		result = m.op < ARRAY_SIZE(table) && handler(m.op) ? handler(m.op)(&m) : OVBS_E_NOT_SUPPORTED;
	m.result = result;
	copy_out(0, &m, sizeof(m));
	return result;
}

enum ovbs_result services_call(const struct vtl0_regs *r)
{
	switch (r->rdx) {
	case OVBS_VTL_MESSAGE:
		return message();
	case OVBS_VTL_REGISTER:
		return protect_register(r->r8);
	case OVBS_VTL_UNREGISTER:
		return protect_unregister();
	case OVBS_VTL_RESET:
		trustlets_reset();
		return OVBS_OK;
	default:
		return OVBS_E_NOT_SUPPORTED;
	}
}
