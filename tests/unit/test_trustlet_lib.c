// SPDX-License-Identifier: GPL-2.0-only
/*
 * The trustlets' library: what its accessors refuse, what an answer may hold,
 * sessions, sealing with every byte of a blob changed, counters, log.
 */
/* links: trustlets/lib/trustlet.c trustlets/lib/seal.c trustlets/lib/backend_host.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "trustlet_client.h"

/* The trustlet under test is this: what a request's handler does, a test says. */
static uint32_t (*handler)(struct tl_request *rq);
static int opened, closed;

static uint32_t on_command(struct tl_request *rq, void *session)
{
	assert_ptr_equal(session, &opened);
	return handler(rq);
}

static uint32_t on_open(struct tl_request *rq, void **session)
{
	if (tl_uid(rq) == 0)
		return OVBS_E_ACCESS_DENIED;
	opened++;
	*session = &opened;
	return OVBS_OK;
}

static void on_close(void *session)
{
	assert_ptr_equal(session, &opened);
	closed++;
}

static const struct tl_command commands[] = {
	{ 1, OVBS_PARAM_TYPES(VI, VO, VIO, NONE), on_command },
	{ 2, OVBS_PARAM_TYPES(BI, BO, BIO, NONE), on_command },
	{ 3, TL_TYPES_ANY, on_command },
};

int trustlet_main(void)
{
	static const struct tl_ops ops = {
		.open = on_open,
		.close = on_close,
		.commands = commands,
		.command_count = TL_ARRAY_LEN(commands),
	};

	return tl_serve(&ops);
}

static uint32_t must_not_run(struct tl_request *rq)
{
	fail_msg("the handler ran");
	return OVBS_OK;
}

static int setup(void **state)
{
	tl_host_policy(OVBS_POLICY_ALL);
	tl_host_forget();
	assert_int_equal(rq_open(1), OVBS_OK);
	return 0;
}

static int teardown(void **state)
{
	assert_int_equal(rq_close(1), OVBS_OK);
	return 0;
}

static uint32_t use_values(struct tl_request *rq)
{
	const uint8_t *in;
	uint8_t *out;
	uint64_t a, b;
	size_t n;

	assert_int_equal(tl_command(rq), 1);
	assert_int_equal(tl_value(rq, 0, &a, &b), OVBS_OK);
	assert_int_equal(a, 10);
	assert_int_equal(b, 20);
	assert_int_equal(tl_value(rq, 2, &a, NULL), OVBS_OK);
	assert_int_equal(a, 30);
	/* Each accessor at each place that is not of its type. */
	assert_int_equal(tl_value(rq, 1, &a, &b), OVBS_E_BAD_FORMAT);
	assert_int_equal(tl_value(rq, 3, &a, &b), OVBS_E_BAD_FORMAT);
	assert_int_equal(tl_value(rq, 4, &a, &b), OVBS_E_BAD_FORMAT);
	assert_int_equal(tl_value(rq, UINT32_MAX, &a, &b), OVBS_E_BAD_FORMAT);
	assert_int_equal(tl_set_value(rq, 0, 1, 1), OVBS_E_BAD_FORMAT);
	assert_int_equal(tl_set_value(rq, 3, 1, 1), OVBS_E_BAD_FORMAT);
	assert_int_equal(tl_set_value(rq, 4, 1, 1), OVBS_E_BAD_FORMAT);
	for (unsigned int i = 0; i < 5; i++) {
		assert_int_equal(tl_input(rq, i, &in, &n), OVBS_E_BAD_FORMAT);
		assert_int_equal(tl_output(rq, i, &out, &n), OVBS_E_BAD_FORMAT);
		assert_int_equal(tl_set_size(rq, i, 0), OVBS_E_BAD_FORMAT);
		assert_int_equal(tl_put(rq, i, "x", 1), OVBS_E_BAD_FORMAT);
	}
	assert_int_equal(tl_set_value(rq, 1, 11, 21), OVBS_OK);
	assert_int_equal(tl_set_value(rq, 2, 31, 41), OVBS_OK);
	return OVBS_OK;
}

static void values(struct ovbs_tl_request *r)
{
	rq_init(r, OVBS_TL_INVOKE, 1, 1);
	rq_value(r, 0, VI, 10, 20);
	rq_value(r, 1, VO, 77, 77);
	rq_value(r, 2, VIO, 30, 40);
}

static void test_values(void **state)
{
	struct ovbs_tl_request r;

	values(&r);
	handler = use_values;
	assert_int_equal(rq_call(&r), OVBS_OK);
	assert_int_equal(r.param[1].a, 11);
	assert_int_equal(r.param[1].b, 21);
	assert_int_equal(r.param[2].a, 31);
	assert_int_equal(r.param[2].b, 41);
}

static uint32_t do_nothing(struct tl_request *rq)
{
	return OVBS_OK;
}

static uint32_t fail_after_use(struct tl_request *rq)
{
	assert_int_equal(use_values(rq), OVBS_OK);
	return OVBS_E_GENERIC;
}

static void test_forgotten_outputs_are_zero(void **state)
{
	struct ovbs_tl_request r;

	values(&r);
	handler = do_nothing;
	assert_int_equal(rq_call(&r), OVBS_OK);
	assert_int_equal(r.param[1].a, 0);
	assert_int_equal(r.param[1].b, 0);
	assert_int_equal(r.param[2].a, 30); /* an INOUT that is left alone stays */
	assert_int_equal(r.param[2].b, 40);

	values(&r);
	handler = fail_after_use;
	assert_int_equal(rq_call(&r), OVBS_E_GENERIC);
	for (int i = 1; i < 3; i++) {
		assert_int_equal(r.param[i].a, 0);
		assert_int_equal(r.param[i].b, 0);
	}
}

static void buffers(struct ovbs_tl_request *r)
{
	rq_init(r, OVBS_TL_INVOKE, 1, 2);
	rq_buffer(r, 0, BI, "input", 5);
	rq_buffer(r, 1, BO, NULL, 8);
	rq_buffer(r, 2, BIO, "inout", 5);
}

static uint32_t use_buffers(struct tl_request *rq)
{
	const uint8_t *in;
	uint8_t *out;
	size_t n;

	assert_int_equal(tl_input(rq, 0, &in, &n), OVBS_OK);
	assert_int_equal(n, 5);
	assert_memory_equal(in, "input", 5);
	assert_int_equal(tl_input(rq, 1, &in, &n), OVBS_E_BAD_FORMAT);
	assert_int_equal(tl_input(rq, 2, &in, &n), OVBS_OK);
	assert_memory_equal(in, "inout", 5);
	assert_int_equal(tl_output(rq, 0, &out, &n), OVBS_E_BAD_FORMAT);
	assert_int_equal(tl_set_size(rq, 0, 1), OVBS_E_BAD_FORMAT);
	assert_int_equal(tl_output(rq, 1, &out, &n), OVBS_OK);
	assert_int_equal(n, 8);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(out[i], 0);
	assert_int_equal(tl_value(rq, 0, NULL, NULL), OVBS_E_BAD_FORMAT);
	assert_int_equal(tl_set_value(rq, 1, 0, 0), OVBS_E_BAD_FORMAT);
	assert_int_equal(tl_put(rq, 1, "123456789", 9), OVBS_E_SHORT_BUFFER);
	/* What the page says now does not widen the buffer. */
	assert_int_equal(tl_output(rq, 1, &out, &n), OVBS_OK);
	assert_int_equal(n, 8);
	assert_int_equal(tl_put(rq, 1, "12345678", 8), OVBS_OK);
	assert_int_equal(tl_put(rq, 1, "abc", 3), OVBS_OK);
	assert_int_equal(tl_put(rq, 1, NULL, 0), OVBS_OK);
	assert_int_equal(tl_set_size(rq, 1, 3), OVBS_OK);
	return tl_set_size(rq, 2, 4);
}

static uint32_t short_buffer(struct tl_request *rq)
{
	uint8_t *out;
	size_t n;

	assert_int_equal(tl_output(rq, 1, &out, &n), OVBS_OK);
	memset(out, 'S', n);
	return tl_set_size(rq, 1, SIZE_MAX);
}

static void test_buffers(void **state)
{
	struct ovbs_tl_request r;

	buffers(&r);
	handler = use_buffers;
	assert_int_equal(rq_call(&r), OVBS_OK);
	assert_int_equal(r.param[1].b, 3);
	assert_memory_equal(rq_data(&r, 1), "abc45678", 8);
	assert_int_equal(r.param[2].b, 4);
	assert_memory_equal(rq_data(&r, 0), "input", 5);

	/* Too short: the size comes out, no byte does. */
	buffers(&r);
	handler = short_buffer;
	assert_int_equal(rq_call(&r), OVBS_E_SHORT_BUFFER);
	assert_true(r.param[1].b == SIZE_MAX);
	assert_memory_equal(rq_data(&r, 1), "\0\0\0\0\0\0\0\0", 8);
}

static uint32_t write_and_fail(struct tl_request *rq)
{
	uint8_t *out;
	size_t n;

	assert_int_equal(tl_output(rq, 1, &out, &n), OVBS_OK);
	memset(out, 'S', n);
	assert_int_equal(tl_output(rq, 2, &out, &n), OVBS_OK);
	memset(out, 'S', n);
	return OVBS_E_SECURITY;
}

static void test_a_failure_gives_nothing_out(void **state)
{
	struct ovbs_tl_request r;

	buffers(&r);
	handler = write_and_fail;
	assert_int_equal(rq_call(&r), OVBS_E_SECURITY);
	assert_int_equal(r.param[1].b, 0);
	assert_int_equal(r.param[2].b, 0);
	assert_memory_equal(rq_data(&r, 1), "\0\0\0\0\0\0\0\0", 8);
	assert_memory_equal(rq_data(&r, 2), "\0\0\0\0\0", 5);
	assert_memory_equal(rq_data(&r, 0), "input", 5);
}

/* What the secure kernel would never send is refused before a handler runs. */
static void test_bad_requests(void **state)
{
	static const struct {
		uint64_t a, b;
	} bad[] = {
		{ 0, 8 },
		{ OVBS_DATA_OFF - 1, 1 },
		{ OVBS_PAGE_SIZE, 1 },
		{ OVBS_PAGE_SIZE + 1, 0 },
		{ OVBS_DATA_OFF, OVBS_DATA_SIZE + 1 },
		{ UINT64_MAX, 1 },
		{ OVBS_DATA_OFF, UINT64_MAX },
		{ 1ULL << 32 | OVBS_DATA_OFF, 1 },
		{ OVBS_DATA_OFF + 4, 1 }, /* within the first one */
		{ OVBS_DATA_OFF, 5 },
	};
	struct ovbs_tl_request r;

	handler = must_not_run;
	for (size_t i = 0; i < TL_ARRAY_LEN(bad); i++) {
		buffers(&r);
		r.param[1].a = bad[i].a;
		r.param[1].b = bad[i].b;
		assert_int_equal(rq_call(&r), OVBS_E_BAD_PARAMETERS);
	}
	for (uint32_t type = 1; type < 16; type++) {
		buffers(&r);
		r.types |= type << 12; /* the fourth is to be none */
		assert_int_equal(rq_call(&r), type == BI || type == BO || type == BIO ?
						      OVBS_E_BAD_PARAMETERS :
						      OVBS_E_BAD_FORMAT);
	}
	buffers(&r);
	r.types |= 1u << 16;
	r.command = 3; /* which takes any types there are */
	assert_int_equal(rq_call(&r), OVBS_E_BAD_FORMAT);
	buffers(&r);
	r.command = 1; /* whose types are others */
	assert_int_equal(rq_call(&r), OVBS_E_BAD_FORMAT);
	buffers(&r);
	r.command = 4;
	assert_int_equal(rq_call(&r), OVBS_E_NOT_SUPPORTED);
	buffers(&r);
	r.kind = 4;
	assert_int_equal(rq_call(&r), OVBS_E_NOT_SUPPORTED);
	buffers(&r);
	r.session = 2;
	assert_int_equal(rq_call(&r), OVBS_E_ITEM_NOT_FOUND);
}

/* A buffer may be empty anywhere, and reach to the very end. */
static void test_bounds_that_are_fine(void **state)
{
	struct ovbs_tl_request r;

	handler = do_nothing;
	rq_init(&r, OVBS_TL_INVOKE, 1, 3);
	rq_buffer(&r, 0, BIO, NULL, OVBS_DATA_SIZE);
	rq_buffer(&r, 1, BI, NULL, 0);
	assert_int_equal(r.param[1].a, OVBS_PAGE_SIZE);
	assert_int_equal(rq_call(&r), OVBS_OK);
	r.param[1].a = OVBS_DATA_OFF + 1;
	assert_int_equal(rq_call(&r), OVBS_OK);
}

static void test_sessions(void **state)
{
	struct ovbs_tl_request r;
	int before = closed;

	rq_init(&r, OVBS_TL_OPEN, 2, 0);
	r.uid = 0;
	assert_int_equal(rq_call(&r), OVBS_E_ACCESS_DENIED);
	assert_int_equal(rq_close(2), OVBS_E_ITEM_NOT_FOUND);
	rq_init(&r, OVBS_TL_OPEN, 2, 0);
	rq_value(&r, 0, VI, 1, 2);
	assert_int_equal(rq_call(&r), OVBS_E_BAD_FORMAT);
	assert_int_equal(rq_open(1), OVBS_E_BAD_STATE);
	for (uint64_t i = 2; i <= TL_SESSIONS_MAX; i++)
		assert_int_equal(rq_open(i), OVBS_OK);
	assert_int_equal(rq_open(TL_SESSIONS_MAX + 1), OVBS_E_OUT_OF_MEMORY);
	assert_int_equal(closed, before);
	/* A close works even if the rest of the request is nonsense. */
	rq_init(&r, OVBS_TL_CLOSE, 2, 0);
	r.types = UINT32_MAX;
	assert_int_equal(rq_call(&r), OVBS_OK);
	assert_int_equal(rq_open(TL_SESSIONS_MAX + 1), OVBS_OK);
	for (uint64_t i = 3; i <= TL_SESSIONS_MAX + 1; i++)
		assert_int_equal(rq_close(i), OVBS_OK);
	assert_int_equal(closed, before + TL_SESSIONS_MAX);
}

static const char secret[] = "a secret of some length";
#define BLOB_LEN (sizeof(secret) + TL_SEAL_OVERHEAD)

static void seal(uint8_t *blob)
{
	size_t size = BLOB_LEN;

	assert_int_equal(tl_seal("ad", 2, secret, sizeof(secret), blob, &size), OVBS_OK);
	assert_int_equal(size, BLOB_LEN);
}

/* Unsealing a copy whose length is exact, so that AddressSanitizer sees each byte beyond. */
static uint32_t unseal(const char *ad, const uint8_t *blob, size_t size, size_t room)
{
	uint8_t *in = malloc(size), *out = malloc(room);
	size_t got = room;
	uint32_t r;

	memcpy(in, blob, size);
	memset(out, 0x55, room);
	r = tl_unseal(ad, strlen(ad), in, size, out, &got);
	if (r == OVBS_OK) {
		assert_int_equal(got, sizeof(secret));
		assert_memory_equal(out, secret, sizeof(secret));
	} else if (r == OVBS_E_SHORT_BUFFER) {
		assert_int_equal(got, size - TL_SEAL_OVERHEAD);
	} else {
		assert_int_equal(got, 0);
		/* Nothing of what could not be authenticated. */
		for (size_t i = 0; i + sizeof(secret) <= room; i++)
			assert_memory_not_equal(out + i, secret, 4);
	}
	free(in);
	free(out);
	return r;
}

static void test_seal(void **state)
{
	uint8_t blob[BLOB_LEN], other[BLOB_LEN];

	seal(blob);
	seal(other);
	assert_memory_not_equal(blob + 8, other + 8, 24); /* nonces */
	assert_memory_not_equal(blob + 32, other + 32, sizeof(secret));
	for (size_t i = 0; i + 4 <= sizeof(blob); i++)
		assert_memory_not_equal(blob + i, secret, 4);
	assert_int_equal(unseal("ad", blob, sizeof(blob), sizeof(secret)), OVBS_OK);
	assert_int_equal(unseal("ad", blob, sizeof(blob), sizeof(secret) + 9), OVBS_OK);
	for (size_t i = 0; i < sizeof(blob); i++) {
		for (int bit = 0; bit < 8; bit++) {
			blob[i] ^= (uint8_t)(1 << bit);
			assert_int_equal(unseal("ad", blob, sizeof(blob), 64), OVBS_E_SECURITY);
			blob[i] ^= (uint8_t)(1 << bit);
		}
	}
	for (size_t i = 0; i < sizeof(blob); i++)
		assert_int_equal(unseal("ad", blob, i, 64), OVBS_E_SECURITY);
	for (size_t i = 0; i < sizeof(secret); i++)
		assert_int_equal(unseal("ad", blob, sizeof(blob), i), OVBS_E_SHORT_BUFFER);
	assert_int_equal(unseal("", blob, sizeof(blob), 64), OVBS_E_SECURITY);
	assert_int_equal(unseal("aD", blob, sizeof(blob), 64), OVBS_E_SECURITY);
	assert_int_equal(unseal("ad2", blob, sizeof(blob), 64), OVBS_E_SECURITY);
	assert_int_equal(unseal("ad", blob, sizeof(blob), 64), OVBS_OK);
	tl_host_forget(); /* another key */
	assert_int_equal(unseal("ad", blob, sizeof(blob), 64), OVBS_E_SECURITY);
}

static void test_seal_refusals(void **state)
{
	uint8_t blob[BLOB_LEN], ad[TL_SEAL_AD_MAX + 1] = { 0 }, out[4];
	size_t size;

	for (size = 0; size < BLOB_LEN; size++) {
		size_t got = size;

		assert_int_equal(tl_seal("ad", 2, secret, sizeof(secret), blob, &got), OVBS_E_SHORT_BUFFER);
		assert_int_equal(got, BLOB_LEN);
	}
	size = sizeof(blob);
	assert_int_equal(tl_seal(ad, sizeof(ad), "x", 1, blob, &size), OVBS_E_BAD_PARAMETERS);
	size = sizeof(blob);
	assert_int_equal(tl_seal("ad", 2, secret, SIZE_MAX - 8, blob, &size), OVBS_E_BAD_PARAMETERS);
	/* Nothing is sealed too, and the longest associated data. */
	size = sizeof(blob);
	assert_int_equal(tl_seal(ad, TL_SEAL_AD_MAX, NULL, 0, blob, &size), OVBS_OK);
	assert_int_equal(size, TL_SEAL_OVERHEAD);
	size = 0;
	assert_int_equal(tl_unseal(ad, TL_SEAL_AD_MAX, blob, TL_SEAL_OVERHEAD, NULL, &size), OVBS_OK);
	size = sizeof(out);
	assert_int_equal(tl_unseal(ad, TL_SEAL_AD_MAX - 1, blob, TL_SEAL_OVERHEAD, out, &size),
			 OVBS_E_SECURITY);
	size = sizeof(out);
	assert_int_equal(tl_unseal(ad, sizeof(ad), blob, TL_SEAL_OVERHEAD, out, &size),
			 OVBS_E_BAD_PARAMETERS);
	tl_host_policy(OVBS_POLICY_ALL & ~OVBS_POLICY_SEAL);
	size = sizeof(blob);
	assert_int_equal(tl_seal("ad", 2, "x", 1, blob, &size), OVBS_E_ACCESS_DENIED);
	size = sizeof(out);
	assert_int_equal(tl_unseal(ad, TL_SEAL_AD_MAX, blob, TL_SEAL_OVERHEAD, out, &size),
			 OVBS_E_ACCESS_DENIED);
}

static void test_counter(void **state)
{
	uint64_t v = 99;

	assert_int_equal(tl_counter(0, 0, &v), OVBS_OK);
	assert_int_equal(v, 0);
	assert_int_equal(tl_counter(0, 5, &v), OVBS_OK);
	assert_int_equal(tl_counter(0, 1, &v), OVBS_OK);
	assert_int_equal(v, 6);
	assert_int_equal(tl_counter(3, 1, &v), OVBS_OK);
	assert_int_equal(v, 1);
	assert_int_equal(tl_counter(OVBS_TL_COUNTERS, 0, &v), OVBS_E_BAD_PARAMETERS);
	assert_int_equal(tl_counter(0, UINT64_MAX, &v), OVBS_E_BAD_PARAMETERS);
	assert_int_equal(tl_counter(0, 0, &v), OVBS_OK);
	assert_int_equal(v, 6);
	tl_host_policy(OVBS_POLICY_ALL & ~OVBS_POLICY_COUNTER);
	assert_int_equal(tl_counter(0, 0, &v), OVBS_E_ACCESS_DENIED);
}

static void test_log_and_random(void **state)
{
	uint8_t a[64] = { 0 }, b[64] = { 0 };

	tl_log("%s %d", "line", 7);
	assert_string_equal(tl_host_last_log(), "line 7");
	tl_log("%0200d", 1);
	assert_int_equal(strlen(tl_host_last_log()), TL_LOG_MAX);
	tl_host_policy(0);
	tl_log("dropped");
	assert_int_equal(strlen(tl_host_last_log()), TL_LOG_MAX);
	tl_random(a, sizeof(a));
	tl_random(b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
	tl_random(b, 0);
	tl_wipe(a, sizeof(a));
	for (size_t i = 0; i < sizeof(a); i++)
		assert_int_equal(a[i], 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_values),         TEST(test_forgotten_outputs_are_zero),
		TEST(test_buffers),        TEST(test_a_failure_gives_nothing_out),
		TEST(test_bad_requests),   TEST(test_bounds_that_are_fine),
		TEST(test_sessions),       TEST(test_seal),
		TEST(test_seal_refusals),  TEST(test_counter),
		TEST(test_log_and_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
