// SPDX-License-Identifier: GPL-2.0-only
/*
 * hello as a Linux process: each command, at its limits too.
 */
/* links: trustlets/hello/main.c trustlets/lib/trustlet.c trustlets/lib/seal.c trustlets/lib/backend_host.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../trustlets/hello/hello.h"
#include "trustlet_client.h"

static int setup(void **state)
{
	tl_host_policy(OVBS_POLICY_SEAL | OVBS_POLICY_LOG); /* as its policy.conf */
	assert_int_equal(rq_open(1), OVBS_OK);
	assert_string_equal(tl_host_last_log(), "hello, user 1000");
	return 0;
}

static int teardown(void **state)
{
	assert_int_equal(rq_close(1), OVBS_OK);
	return 0;
}

/* One buffer in, one of @room bytes out. */
static uint32_t call_buffers(struct ovbs_tl_request *r, uint32_t command, const void *in,
			     size_t size, size_t room)
{
	rq_init(r, OVBS_TL_INVOKE, 1, command);
	rq_buffer(r, 0, BI, in, size);
	rq_buffer(r, 1, BO, NULL, room);
	return rq_call(r);
}

static void test_greet(void **state)
{
	struct ovbs_tl_request r;
	char name[65];

	assert_int_equal(call_buffers(&r, HELLO_GREET, "World", 5, 100), OVBS_OK);
	assert_int_equal(r.param[1].b, 13);
	assert_memory_equal(rq_data(&r, 1), "Hello, World!", 13);
	assert_int_equal(call_buffers(&r, HELLO_GREET, "", 0, 8), OVBS_OK);
	assert_memory_equal(rq_data(&r, 1), "Hello, !", 8);
	for (size_t room = 0; room < 13; room++) {
		assert_int_equal(call_buffers(&r, HELLO_GREET, "World", 5, room), OVBS_E_SHORT_BUFFER);
		assert_int_equal(r.param[1].b, 13);
	}
	memset(name, 'n', sizeof(name));
	assert_int_equal(call_buffers(&r, HELLO_GREET, name, 64, 100), OVBS_OK);
	assert_int_equal(call_buffers(&r, HELLO_GREET, name, 65, 100), OVBS_E_BAD_PARAMETERS);
}

static void test_add(void **state)
{
	struct ovbs_tl_request r;

	rq_init(&r, OVBS_TL_INVOKE, 1, HELLO_ADD);
	rq_value(&r, 0, VI, 40, 2);
	rq_value(&r, 1, VO, 0, 0);
	assert_int_equal(rq_call(&r), OVBS_OK);
	assert_int_equal(r.param[1].a, 42);
	assert_int_equal(r.param[1].b, 0);
	r.param[0] = (struct ovbs_param){ UINT64_MAX, 1 };
	assert_int_equal(rq_call(&r), OVBS_OK);
	assert_int_equal(r.param[1].a, 0);
	assert_int_equal(r.param[1].b, 1);
	r.types = OVBS_PARAM_TYPES(VI, VI, 0, 0);
	assert_int_equal(rq_call(&r), OVBS_E_BAD_FORMAT);
}

static uint64_t count(uint64_t session, uint64_t *all)
{
	struct ovbs_tl_request r;

	rq_init(&r, OVBS_TL_INVOKE, session, HELLO_COUNT);
	rq_value(&r, 0, VO, 0, 0);
	assert_int_equal(rq_call(&r), OVBS_OK);
	*all = r.param[0].b;
	return r.param[0].a;
}

static void test_count(void **state)
{
	uint64_t start, all;

	assert_int_equal(rq_open(2), OVBS_OK);
	assert_int_equal(count(1, &start), 1);
	assert_int_equal(count(1, &all), 2);
	assert_int_equal(count(2, &all), 1);
	assert_int_equal(all, start + 2);
	assert_int_equal(rq_close(2), OVBS_OK);
}

static void test_notes(void **state)
{
	struct ovbs_tl_request r;
	uint8_t blob[256];
	size_t size;

	assert_int_equal(call_buffers(&r, HELLO_SEAL, "note", 4, 10), OVBS_E_SHORT_BUFFER);
	size = r.param[1].b;
	assert_int_equal(size, 4 + TL_SEAL_OVERHEAD);
	assert_int_equal(call_buffers(&r, HELLO_SEAL, "note", 4, size), OVBS_OK);
	assert_int_equal(r.param[1].b, size);
	memcpy(blob, rq_data(&r, 1), size);
	assert_int_equal(call_buffers(&r, HELLO_UNSEAL, blob, size, 3), OVBS_E_SHORT_BUFFER);
	assert_int_equal(r.param[1].b, 4);
	assert_int_equal(call_buffers(&r, HELLO_UNSEAL, blob, size, 100), OVBS_OK);
	assert_int_equal(r.param[1].b, 4);
	assert_memory_equal(rq_data(&r, 1), "note", 4);
	blob[size - 1] ^= 1;
	assert_int_equal(call_buffers(&r, HELLO_UNSEAL, blob, size, 100), OVBS_E_SECURITY);
	assert_int_equal(call_buffers(&r, HELLO_UNSEAL, "", 0, 100), OVBS_E_SECURITY);
	tl_host_policy(0);
	assert_int_equal(call_buffers(&r, HELLO_SEAL, "note", 4, 100), OVBS_E_ACCESS_DENIED);
}

static void test_unknown_command(void **state)
{
	struct ovbs_tl_request r;

	assert_int_equal(call_buffers(&r, 99, "", 0, 0), OVBS_E_NOT_SUPPORTED);
	assert_int_equal(call_buffers(&r, 0, "", 0, 0), OVBS_E_NOT_SUPPORTED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_greet),           TEST(test_add), TEST(test_count), TEST(test_notes),
		TEST(test_unknown_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
