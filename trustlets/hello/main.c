// SPDX-License-Identifier: MIT
/*
 * hello: the trustlet to copy when you write one (docs/trustlets.md).
 *
 * It greets, adds, counts, and seals notes. Each command is a function of ten
 * lines and a line in the table at the end; the table is where parameter types
 * are checked.
 */
#include "hello.h"

#include <stdlib.h>
#include <string.h>

#include "trustlet.h"

#define NAME_MAX_LEN 64

/* What a session remembers. Sessions come and go; the trustlet stays. */
struct hello {
	uint64_t calls;
};

static uint64_t all_calls;

static uint32_t hello_open(struct tl_request *rq, void **session)
{
	struct hello *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return OVBS_E_OUT_OF_MEMORY;
	*session = h;
	tl_log("hello, user %u", tl_uid(rq));
	return OVBS_OK;
}

static void hello_close(void *session)
{
	free(session);
}

static void count_call(struct hello *h)
{
	h->calls++;
	all_calls++;
}

static uint32_t greet(struct tl_request *rq, void *session)
{
	static const char before[] = "Hello, ", after[] = "!";
	const size_t before_len = sizeof(before) - 1, after_len = sizeof(after) - 1;
	const uint8_t *name;
	size_t len, room;
	uint8_t *out;
	uint32_t r;

	count_call(session);
	r = tl_input(rq, 0, &name, &len);
	if (r != OVBS_OK)
		return r;
	if (len > NAME_MAX_LEN)
		return OVBS_E_BAD_PARAMETERS;
	r = tl_output(rq, 1, &out, &room);
	if (r != OVBS_OK)
		return r;
	/* First the size: if the caller has less room, this is the answer that tells how much it takes. */
	r = tl_set_size(rq, 1, before_len + len + after_len);
	if (r != OVBS_OK)
		return r;
	memcpy(out, before, before_len);
	memcpy(out + before_len, name, len);
	memcpy(out + before_len + len, after, after_len);
	return OVBS_OK;
}

static uint32_t add(struct tl_request *rq, void *session)
{
	uint64_t a, b, sum;
	uint32_t r = tl_value(rq, 0, &a, &b);

	count_call(session);
	if (r != OVBS_OK)
		return r;
	sum = a + b;
	return tl_set_value(rq, 1, sum, sum < a);
}

static uint32_t count(struct tl_request *rq, void *session)
{
	struct hello *h = session;

	count_call(h);
	return tl_set_value(rq, 0, h->calls, all_calls);
}

/*
 * The text that tells notes from whatever else this trustlet may seal one day:
 * a blob of another kind does not open as a note.
 */
static const char note_kind[] = "hello note 1";

static uint32_t seal_note(struct tl_request *rq, void *session)
{
	const uint8_t *note;
	uint8_t *blob;
	size_t len, size;
	uint32_t r, fits;

	count_call(session);
	r = tl_input(rq, 0, &note, &len);
	if (r == OVBS_OK)
		r = tl_output(rq, 1, &blob, &size);
	if (r == OVBS_OK) {
		r = tl_seal(note_kind, sizeof(note_kind), note, len, blob, &size);
		/* The size that was written, or that it would take. */
		fits = tl_set_size(rq, 1, size);
		if (r == OVBS_OK)
			r = fits;
	}
	return r;
}

static uint32_t unseal_note(struct tl_request *rq, void *session)
{
	const uint8_t *blob;
	uint8_t *note;
	size_t len, size;
	uint32_t r, fits;

	count_call(session);
	r = tl_input(rq, 0, &blob, &len);
	if (r == OVBS_OK)
		r = tl_output(rq, 1, &note, &size);
	if (r == OVBS_OK) {
		r = tl_unseal(note_kind, sizeof(note_kind), blob, len, note, &size);
		fits = tl_set_size(rq, 1, size);
		if (r == OVBS_OK)
			r = fits;
	}
	return r;
}

#define IN_OUT_BUFFERS OVBS_PARAM_TYPES(OVBS_PARAM_BUFFER_IN, OVBS_PARAM_BUFFER_OUT, 0, 0)
#define IN_OUT_VALUES  OVBS_PARAM_TYPES(OVBS_PARAM_VALUE_IN, OVBS_PARAM_VALUE_OUT, 0, 0)
#define OUT_VALUE      OVBS_PARAM_TYPES(OVBS_PARAM_VALUE_OUT, 0, 0, 0)

static const struct tl_command commands[] = {
	{ HELLO_GREET, IN_OUT_BUFFERS, greet },
	{ HELLO_ADD, IN_OUT_VALUES, add },
	{ HELLO_COUNT, OUT_VALUE, count },
	{ HELLO_SEAL, IN_OUT_BUFFERS, seal_note },
	{ HELLO_UNSEAL, IN_OUT_BUFFERS, unseal_note },
};

int main(void)
{
	static const struct tl_ops ops = {
		.open = hello_open,
		.close = hello_close,
		.commands = commands,
		.command_count = TL_ARRAY_LEN(commands),
	};

	return tl_serve(&ops);
}
