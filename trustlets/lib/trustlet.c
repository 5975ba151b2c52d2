// SPDX-License-Identifier: MIT
/*
 * Requests: check, find the session, dispatch, answer.
 *
 * The secure kernel has checked types and bounds and copied everything once. All
 * of it is checked here again, once, in tl_accept(); from then on only the
 * copies in struct tl_request count. An output starts as zeros and a failed
 * request gives nothing out, so that a forgotten byte is no leak.
 */
#include "backend.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static bool is_value(uint32_t type)
{
	return type >= OVBS_PARAM_VALUE_IN && type <= OVBS_PARAM_VALUE_INOUT;
}

static bool is_buffer(uint32_t type)
{
	return type >= OVBS_PARAM_BUFFER_IN && type <= OVBS_PARAM_BUFFER_INOUT;
}

/* The low two bits say the direction, for values and buffers alike. */
static bool is_input(uint32_t type)
{
	return (type & 1) != 0;
}

static bool is_output(uint32_t type)
{
	return (type & 2) != 0;
}

/* A buffer's bounds, from numbers that may be anything. */
static bool take_bounds(struct tl_request *rq, unsigned int n)
{
	uint64_t offset = rq->page.param[n].a, size = rq->page.param[n].b;

	if (offset < OVBS_DATA_OFF || offset > OVBS_PAGE_SIZE || size > OVBS_PAGE_SIZE - offset)
		return false;
	for (unsigned int i = 0; i < n; i++) {
		if (is_buffer(tl_type(rq, i)) && size > 0 && rq->size[i] > 0 &&
		    offset < rq->offset[i] + rq->size[i] && rq->offset[i] < offset + size)
			return false;
	}
	rq->offset[n] = (uint32_t)offset;
	rq->size[n] = (uint32_t)size;
	return true;
}

static uint32_t check_request(struct tl_request *rq)
{
	if (rq->page.types >> 4 * OVBS_PARAMS != 0)
		return OVBS_E_BAD_FORMAT;
	rq->types = rq->page.types;
	for (unsigned int n = 0; n < OVBS_PARAMS; n++) {
		uint32_t type = tl_type(rq, n);

		if (type != OVBS_PARAM_NONE && !is_value(type) && !is_buffer(type))
			return OVBS_E_BAD_FORMAT;
		if (is_buffer(type) && !take_bounds(rq, n))
			return OVBS_E_BAD_PARAMETERS;
	}
	return OVBS_OK;
}

void tl_accept(struct tl_request *rq)
{
	rq->types = 0;
	memset(rq->offset, 0, sizeof(rq->offset));
	memset(rq->size, 0, sizeof(rq->size));
	rq->valid = check_request(rq);
	if (rq->valid != OVBS_OK)
		rq->types = 0;
	rq->page.result = OVBS_E_GENERIC;
	for (unsigned int n = 0; n < OVBS_PARAMS; n++) {
		if (tl_type(rq, n) == OVBS_PARAM_BUFFER_OUT)
			memset((uint8_t *)&rq->page + rq->offset[n], 0, rq->size[n]);
		else if (tl_type(rq, n) == OVBS_PARAM_VALUE_OUT)
			memset(&rq->page.param[n], 0, sizeof(rq->page.param[n]));
	}
}

struct tl_request *tl_receive(void)
{
	static struct tl_request request __attribute__((aligned(OVBS_PAGE_SIZE)));
	long rc = tl_backend_receive(&request.page);

	if (rc == TL_BACKEND_END)
		return NULL;
	if (rc != 0)
		abort(); /* nobody to answer to */
	tl_accept(&request);
	return &request;
}

void tl_reply(struct tl_request *rq, uint32_t result)
{
	rq->page.result = result;
	if (result == OVBS_OK)
		return;
	for (unsigned int n = 0; n < OVBS_PARAMS; n++) {
		if (!is_output(tl_type(rq, n)))
			continue;
		if (is_value(tl_type(rq, n))) {
			memset(&rq->page.param[n], 0, sizeof(rq->page.param[n]));
			continue;
		}
		memset((uint8_t *)&rq->page + rq->offset[n], 0, rq->size[n]);
		if (result != OVBS_E_SHORT_BUFFER)
			rq->page.param[n].b = 0;
	}
}

/* Sessions: few, so a table that is walked. */
static struct session {
	bool used;
	uint64_t id;
	void *state;
} sessions[TL_SESSIONS_MAX];

/* The session of that number, or (@used false) a free place. */
static struct session *find_session(bool used, uint64_t id)
{
	for (size_t i = 0; i < TL_ARRAY_LEN(sessions); i++) {
		if (sessions[i].used == used && (!used || sessions[i].id == id))
			return &sessions[i];
	}
	return NULL;
}

static uint32_t open_session(const struct tl_ops *ops, struct tl_request *rq)
{
	struct session *s = find_session(false, 0);
	void *state = NULL;
	uint32_t result;

	if (find_session(true, rq->page.session) != NULL)
		return OVBS_E_BAD_STATE;
	if (s == NULL)
		return OVBS_E_OUT_OF_MEMORY;
	if (rq->types != ops->open_types && ops->open_types != TL_TYPES_ANY)
		return OVBS_E_BAD_FORMAT;
	result = ops->open != NULL ? ops->open(rq, &state) : OVBS_OK;
	if (result == OVBS_OK)
		*s = (struct session){ .used = true, .id = rq->page.session, .state = state };
	return result;
}

static uint32_t invoke(const struct tl_ops *ops, struct tl_request *rq)
{
	const struct session *s = find_session(true, rq->page.session);

	if (s == NULL)
		return OVBS_E_ITEM_NOT_FOUND;
	for (size_t i = 0; i < ops->command_count; i++) {
		const struct tl_command *c = &ops->commands[i];

		if (c->command != rq->page.command)
			continue;
		if (c->types != rq->types && c->types != TL_TYPES_ANY)
			return OVBS_E_BAD_FORMAT;
		return c->run(rq, s->state);
	}
	return ops->invoke != NULL ? ops->invoke(rq, s->state) : OVBS_E_NOT_SUPPORTED;
}

static uint32_t close_session(const struct tl_ops *ops, struct tl_request *rq)
{
	struct session *s = find_session(true, rq->page.session);
	void *state;

	if (s == NULL)
		return OVBS_E_ITEM_NOT_FOUND;
	state = s->state;
	*s = (struct session){ 0 };
	if (ops->close != NULL)
		ops->close(state);
	return OVBS_OK;
}

uint32_t tl_dispatch(const struct tl_ops *ops, struct tl_request *rq)
{
	/* First: a close must work whatever else is in the request, or sessions pile up. */
	if (rq->page.kind == OVBS_TL_CLOSE)
		return close_session(ops, rq);
	if (rq->valid != OVBS_OK)
		return rq->valid;
	switch (rq->page.kind) {
	case OVBS_TL_OPEN:
		return open_session(ops, rq);
	case OVBS_TL_INVOKE:
		return invoke(ops, rq);
	default:
		return OVBS_E_NOT_SUPPORTED;
	}
}

int tl_serve(const struct tl_ops *ops)
{
	struct tl_request *rq;

	while ((rq = tl_receive()) != NULL)
		tl_reply(rq, tl_dispatch(ops, rq));
	return 0;
}

uint32_t tl_type(const struct tl_request *rq, unsigned int n)
{
	return n < OVBS_PARAMS ? OVBS_PARAM_TYPE(rq->types, n) : (uint32_t)OVBS_PARAM_NONE;
}

uint32_t tl_value(const struct tl_request *rq, unsigned int n, uint64_t *a, uint64_t *b)
{
	if (!is_value(tl_type(rq, n)) || !is_input(tl_type(rq, n)))
		return OVBS_E_BAD_FORMAT;
	if (a != NULL)
		*a = rq->page.param[n].a;
	if (b != NULL)
		*b = rq->page.param[n].b;
	return OVBS_OK;
}

uint32_t tl_set_value(struct tl_request *rq, unsigned int n, uint64_t a, uint64_t b)
{
	if (!is_value(tl_type(rq, n)) || !is_output(tl_type(rq, n)))
		return OVBS_E_BAD_FORMAT;
	rq->page.param[n] = (struct ovbs_param){ .a = a, .b = b };
	return OVBS_OK;
}

uint32_t tl_input(const struct tl_request *rq, unsigned int n, const uint8_t **data, size_t *size)
{
	if (!is_buffer(tl_type(rq, n)) || !is_input(tl_type(rq, n)))
		return OVBS_E_BAD_FORMAT;
	*data = (const uint8_t *)&rq->page + rq->offset[n];
	*size = rq->size[n];
	return OVBS_OK;
}

uint32_t tl_output(struct tl_request *rq, unsigned int n, uint8_t **data, size_t *room)
{
	if (!is_buffer(tl_type(rq, n)) || !is_output(tl_type(rq, n)))
		return OVBS_E_BAD_FORMAT;
	*data = (uint8_t *)&rq->page + rq->offset[n];
	*room = rq->size[n];
	return OVBS_OK;
}

uint32_t tl_set_size(struct tl_request *rq, unsigned int n, size_t size)
{
	if (!is_buffer(tl_type(rq, n)) || !is_output(tl_type(rq, n)))
		return OVBS_E_BAD_FORMAT;
	rq->page.param[n].b = size;
	return size <= rq->size[n] ? OVBS_OK : OVBS_E_SHORT_BUFFER;
}

uint32_t tl_put(struct tl_request *rq, unsigned int n, const void *data, size_t size)
{
	uint32_t result = tl_set_size(rq, n, size);

	if (result == OVBS_OK && size > 0)
		memcpy((uint8_t *)&rq->page + rq->offset[n], data, size);
	return result;
}

uint32_t tl_counter(uint32_t which, uint64_t add, uint64_t *value)
{
	long rc = tl_backend_counter(which, add);

	if (rc >= 0) {
		*value = (uint64_t)rc;
		return OVBS_OK;
	}
	switch (-rc) {
	case EPERM:
		return OVBS_E_ACCESS_DENIED;
	case EINVAL:
	case EOVERFLOW:
		return OVBS_E_BAD_PARAMETERS;
	default:
		return OVBS_E_GENERIC;
	}
}

void tl_random(void *buffer, size_t size)
{
	uint8_t *p = buffer;

	while (size > 0) {
		ssize_t n = getrandom(p, size, 0);

		if (n < 0 && errno == EINTR)
			continue;
		/* A key of zeros would look like one: better no trustlet. */
		if (n <= 0 || (size_t)n > size)
			abort();
		p += n;
		size -= (size_t)n;
	}
}

void tl_log(const char *format, ...)
{
	char text[TL_LOG_MAX + 1];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (n > TL_LOG_MAX)
		n = TL_LOG_MAX;
	if (n > 0)
		(void)tl_backend_log(text, (size_t)n); /* nothing depends on a log */
}
