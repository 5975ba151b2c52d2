// SPDX-License-Identifier: GPL-2.0-only
/*
 * selftest: what tests, attacks and benches of VTL1 ask a trustlet to do.
 *
 * Commands and their parameters: selftest.h. Here are the table, the sessions
 * and the small commands; faults.c crashes, limits.c presses against memory and
 * system calls, crypto.c signs and seals.
 */
#include <stdlib.h>

#include "backend.h"
#include "internal.h"

int main(void);

static uint32_t selftest_open(struct tl_request *rq, void **session)
{
	struct selftest *s = malloc(sizeof(*s));

	if (s == NULL)
		return OVBS_E_OUT_OF_MEMORY;
	crypto_sign_keypair(s->ed25519_public, s->ed25519_secret);
	*session = s;
	return OVBS_OK;
}

static void selftest_close(void *session)
{
	struct selftest *s = session;

	tl_wipe(s->ed25519_secret, sizeof(s->ed25519_secret));
	free(s);
}

/* The first parameter of that type, or OVBS_PARAMS. */
static unsigned int find_type(const struct tl_request *rq, uint32_t type)
{
	unsigned int n = 0;

	while (n < OVBS_PARAMS && tl_type(rq, n) != type)
		n++;
	return n;
}

static uint32_t echo_value(struct tl_request *rq, unsigned int n)
{
	uint64_t a = n, b = rq->types;

	if (tl_type(rq, n) == OVBS_PARAM_VALUE_INOUT) {
		uint32_t r = tl_value(rq, n, &a, &b);

		return r == OVBS_OK ? tl_set_value(rq, n, ~a, ~b) : r;
	}
	/* Without a VALUE_IN this leaves place and types. */
	(void)!tl_value(rq, find_type(rq, OVBS_PARAM_VALUE_IN), &a, &b);
	return tl_set_value(rq, n, a, b);
}

static uint32_t echo_buffer(struct tl_request *rq, unsigned int n)
{
	const uint8_t *in;
	size_t size, room;
	uint8_t *out;
	uint32_t r;

	if (tl_type(rq, n) == OVBS_PARAM_BUFFER_OUT &&
	    tl_input(rq, find_type(rq, OVBS_PARAM_BUFFER_IN), &in, &size) == OVBS_OK)
		return tl_put(rq, n, in, size);
	r = tl_output(rq, n, &out, &room);
	if (r != OVBS_OK)
		return r;
	for (size_t i = 0; i < room; i++) {
		if (tl_type(rq, n) == OVBS_PARAM_BUFFER_OUT)
			out[i] = (uint8_t)(n + 1);
		else
			out[i] = (uint8_t)~out[i];
	}
	return OVBS_OK;
}

static uint32_t echo(struct tl_request *rq, void *session)
{
	uint32_t r = OVBS_OK;

	for (unsigned int n = 0; n < OVBS_PARAMS && r == OVBS_OK; n++) {
		switch (tl_type(rq, n)) {
		case OVBS_PARAM_VALUE_OUT:
		case OVBS_PARAM_VALUE_INOUT:
			r = echo_value(rq, n);
			break;
		case OVBS_PARAM_BUFFER_OUT:
		case OVBS_PARAM_BUFFER_INOUT:
			r = echo_buffer(rq, n);
			break;
		default:
			break;
		}
	}
	return r;
}

static uint32_t addresses(struct tl_request *rq, void *session)
{
	static int static_data;
	void *heap = malloc(16);
	int stack;
	uint32_t r = tl_set_value(rq, 0, (uintptr_t)&main, (uintptr_t)&stack);

	if (r == OVBS_OK)
		r = tl_set_value(rq, 1, (uintptr_t)heap, (uintptr_t)&static_data);
	free(heap);
	return r;
}

static uint32_t random_bytes(struct tl_request *rq, void *session)
{
	uint8_t *out;
	size_t room;
	uint32_t r = tl_output(rq, 0, &out, &room);

	if (r == OVBS_OK)
		tl_random(out, room);
	return r;
}

static uint32_t counter(struct tl_request *rq, void *session)
{
	uint64_t which, add, value;
	uint32_t r = tl_value(rq, 0, &which, &add);

	if (r == OVBS_OK && which > UINT32_MAX)
		r = OVBS_E_BAD_PARAMETERS;
	if (r == OVBS_OK)
		r = tl_counter((uint32_t)which, add, &value);
	return r == OVBS_OK ? tl_set_value(rq, 1, value, 0) : r;
}

static uint32_t log_text(struct tl_request *rq, void *session)
{
	const uint8_t *text;
	size_t size;
	uint32_t r = tl_input(rq, 0, &text, &size);

	if (r == OVBS_OK)
		tl_log("%.*s", (int)size, (const char *)text);
	return r;
}

static bool fill_registers;

static uint32_t ask_fill_registers(struct tl_request *rq, void *session)
{
	fill_registers = true;
	return OVBS_OK;
}

/* Short names, for the table to be readable. */
enum {
	VI = OVBS_PARAM_VALUE_IN,
	VO = OVBS_PARAM_VALUE_OUT,
	VIO = OVBS_PARAM_VALUE_INOUT,
	BI = OVBS_PARAM_BUFFER_IN,
	BO = OVBS_PARAM_BUFFER_OUT,
};
#define TYPES(a, b, c, d) ((uint32_t)OVBS_PARAM_TYPES(a, b, c, d))

static const struct tl_command commands[] = {
	{ SELFTEST_ECHO, TL_TYPES_ANY, echo },
	{ SELFTEST_CRASH_NULL, 0, selftest_crash_null },
	{ SELFTEST_CRASH_STACK, 0, selftest_crash_stack },
	{ SELFTEST_LOOP_FOREVER, 0, selftest_loop_forever },
	{ SELFTEST_READ_ADDRESS, TYPES(VI, VO, 0, 0), selftest_read_address },
	{ SELFTEST_WRITE_TEXT, 0, selftest_write_text },
	{ SELFTEST_EXEC_DATA, TYPES(VI, 0, 0, 0), selftest_exec_data },
	{ SELFTEST_CRASH_CANARY, 0, selftest_crash_canary },
	{ SELFTEST_PRIVILEGED, TYPES(VI, 0, 0, 0), selftest_privileged },
	{ SELFTEST_EXIT, TYPES(VI, 0, 0, 0), selftest_exit },
	{ SELFTEST_EXHAUST_MEMORY, TYPES(VIO, 0, 0, 0), selftest_exhaust_memory },
	{ SELFTEST_MPROTECT_WX, TYPES(VI, VO, 0, 0), selftest_mprotect_wx },
	{ SELFTEST_SYSCALL, TYPES(VI, VO, 0, 0), selftest_syscall },
	{ SELFTEST_FILL_REGISTERS, 0, ask_fill_registers },
	{ SELFTEST_ADDRESSES, TYPES(VO, VO, 0, 0), addresses },
	{ SELFTEST_RANDOM, TYPES(BO, 0, 0, 0), random_bytes },
	{ SELFTEST_MALLOC_STRESS, TYPES(VI, VO, 0, 0), selftest_malloc_stress },
	{ SELFTEST_WORK, TYPES(VI, VO, 0, 0), selftest_work },
	{ SELFTEST_SEAL, TYPES(BI, BI, BO, 0), selftest_seal },
	{ SELFTEST_UNSEAL, TYPES(BI, BI, BO, 0), selftest_unseal },
	{ SELFTEST_COUNTER, TYPES(VI, VO, 0, 0), counter },
	{ SELFTEST_SIGN_ED25519, TYPES(VI, BI, BO, BO), selftest_sign_ed25519 },
	{ SELFTEST_SIGN_P256, TYPES(VI, BI, BO, BO), selftest_sign_p256 },
	{ SELFTEST_CRYPTO_VECTORS, TYPES(VO, 0, 0, 0), selftest_crypto_vectors },
	{ SELFTEST_LOG, TYPES(BI, 0, 0, 0), log_text },
};

/* tl_receive(), once with filled registers if that was asked for. */
static struct tl_request *next_request(struct tl_request *rq)
{
	if (!fill_registers)
		return tl_receive();
	fill_registers = false;
	/* Linux does not know the call: then the ordinary way. */
	if (selftest_reply_filled(&rq->page) != 0)
		return tl_receive();
	tl_accept(rq);
	return rq;
}

int main(void)
{
	static const struct tl_ops ops = {
		.open = selftest_open,
		.close = selftest_close,
		.commands = commands,
		.command_count = TL_ARRAY_LEN(commands),
	};
	struct tl_request *rq = NULL;

	if (sodium_init() < 0)
		return 1;
	while ((rq = next_request(rq)) != NULL)
		tl_reply(rq, tl_dispatch(&ops, rq));
	return 0;
}
