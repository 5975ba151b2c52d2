// SPDX-License-Identifier: GPL-2.0-only
/*
 * Promises of securekernel/message.c: a message with anything unknown in it is
 * refused; buffers lie in the page's data part and none over another, whatever
 * numbers VTL0 writes; and of a trustlet's answer nothing comes back but what
 * the request's types allow, outputs never larger than what was given.
 */
/* links: securekernel/message.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "../../securekernel/message.h"

#define BUFFERS(n)                                                                                 \
	OVBS_PARAM_TYPES(OVBS_PARAM_BUFFER_##n, OVBS_PARAM_BUFFER_##n, OVBS_PARAM_BUFFER_##n,      \
			 OVBS_PARAM_BUFFER_##n)

static struct ovbs_msg msg(uint32_t types)
{
	return (struct ovbs_msg){ .abi = OVBS_MSG_ABI, .op = OVBS_MSG_INVOKE, .types = types };
}

static void test_types(void **state)
{
	static const struct {
		bool in, out, buffer;
	} want[16] = {
		[OVBS_PARAM_VALUE_IN] = { true, false, false },
		[OVBS_PARAM_VALUE_OUT] = { false, true, false },
		[OVBS_PARAM_VALUE_INOUT] = { true, true, false },
		[OVBS_PARAM_BUFFER_IN] = { true, false, true },
		[OVBS_PARAM_BUFFER_OUT] = { false, true, true },
		[OVBS_PARAM_BUFFER_INOUT] = { true, true, true },
	};

	for (unsigned int type = 0; type < 16; type++) {
		assert_int_equal(message_param_in(type), want[type].in);
		assert_int_equal(message_param_out(type), want[type].out);
		assert_int_equal(message_is_buffer(type), want[type].buffer);
	}
}

/* All 65536 combinations: good if each of the four is known. */
static void test_header_types(void **state)
{
	for (uint32_t types = 0; types <= 0xFFFF; types++) {
		struct ovbs_msg m = msg(types);
		bool good = true;

		for (unsigned int i = 0; i < OVBS_PARAMS; i++)
			good &= (0xEFu >> (types >> 4 * i & 0xF) & 1); /* 0 to 3, 5 to 7 */
		assert_int_equal(message_check_header(&m), good ? OVBS_OK : OVBS_E_BAD_FORMAT);
	}
	for (unsigned int bit = 16; bit < 32; bit++) {
		struct ovbs_msg m = msg(1u << bit);

		assert_int_equal(message_check_header(&m), OVBS_E_BAD_FORMAT);
	}
}

static void test_header_fields(void **state)
{
	struct ovbs_msg m = msg(0);

	assert_int_equal(message_check_header(&m), OVBS_OK);
	for (m.abi = 0; m.abi < 4; m.abi++)
		assert_int_equal(message_check_header(&m),
				 m.abi == OVBS_MSG_ABI ? OVBS_OK : OVBS_E_BAD_FORMAT);
	for (unsigned int i = 0; i < 3; i++) {
		m = msg(0);
		m.reserved[i] = 1u << 31;
		assert_int_equal(message_check_header(&m), OVBS_E_BAD_FORMAT);
	}
	/* What is VTL0's word alone does not matter here. */
	memset(&m, 0xFF, sizeof(m));
	m.abi = OVBS_MSG_ABI;
	m.types = 0;
	memset(m.reserved, 0, sizeof(m.reserved));
	assert_int_equal(message_check_header(&m), OVBS_OK);
}

static void test_buffer_bounds(void **state)
{
	static const struct {
		uint64_t a, b;
		enum ovbs_result want;
	} rows[] = {
		{ OVBS_DATA_OFF, 0, OVBS_OK },
		{ OVBS_DATA_OFF, OVBS_DATA_SIZE, OVBS_OK },
		{ OVBS_PAGE_SIZE, 0, OVBS_OK },
		{ OVBS_PAGE_SIZE - 1, 1, OVBS_OK },
		{ OVBS_DATA_OFF - 1, 0, OVBS_E_BAD_PARAMETERS },
		{ OVBS_DATA_OFF - 1, 1, OVBS_E_BAD_PARAMETERS },
		{ 0, 0, OVBS_E_BAD_PARAMETERS },
		{ OVBS_DATA_OFF, OVBS_DATA_SIZE + 1, OVBS_E_BAD_PARAMETERS },
		{ OVBS_PAGE_SIZE, 1, OVBS_E_BAD_PARAMETERS },
		{ OVBS_PAGE_SIZE + 1, 0, OVBS_E_BAD_PARAMETERS },
		{ OVBS_PAGE_SIZE + 1, ~0ULL, OVBS_E_BAD_PARAMETERS },
		{ OVBS_DATA_OFF, ~0ULL, OVBS_E_BAD_PARAMETERS },
		{ OVBS_DATA_OFF, 0 - (uint64_t)OVBS_DATA_OFF, OVBS_E_BAD_PARAMETERS }, /* the sum is 0 */
		{ 0 - 64ULL, 128, OVBS_E_BAD_PARAMETERS },
		{ 1ULL << 32 | OVBS_DATA_OFF, 16, OVBS_E_BAD_PARAMETERS }, /* good if cut to 32 bits */
		{ OVBS_DATA_OFF, 1ULL << 32 | 16, OVBS_E_BAD_PARAMETERS },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (unsigned int n = 0; n < OVBS_PARAMS; n++) {
			for (unsigned int type = 0; type < 8; type++) {
				struct ovbs_msg m = msg(type << 4 * n);

				m.param[n] = (struct ovbs_param){ rows[i].a, rows[i].b };
				assert_int_equal(message_check_buffers(&m),
						 type >= 5 ? rows[i].want : OVBS_OK);
			}
		}
	}
}

static enum ovbs_result two(uint64_t a, uint64_t an, uint64_t b, uint64_t bn, unsigned int i, unsigned int j)
{
	struct ovbs_msg m = msg(OVBS_PARAM_BUFFER_IN << 4 * i | OVBS_PARAM_BUFFER_OUT << 4 * j);

	m.param[i] = (struct ovbs_param){ a, an };
	m.param[j] = (struct ovbs_param){ b, bn };
	return message_check_buffers(&m);
}

/* Small buffers in all positions to each other, against a byte-by-byte model. */
static void test_buffer_overlap(void **state)
{
	for (unsigned int n = 0; n < 8 * 8 * 8 * 8; n++) {
		unsigned int a = n & 7, an = n >> 3 & 7, b = n >> 6 & 7, bn = n >> 9;
		bool meet = false;

		for (unsigned int x = a; x < a + an; x++)
			meet |= x >= b && x < b + bn;
		for (unsigned int i = 0; i < OVBS_PARAMS; i++)
			for (unsigned int j = 0; j < OVBS_PARAMS; j++)
				if (i != j)
					assert_int_equal(two(OVBS_DATA_OFF + a, an,
							     OVBS_DATA_OFF + b, bn, i, j),
							 meet ? OVBS_E_BAD_PARAMETERS : OVBS_OK);
	}
}

static const struct ovbs_param given[OVBS_PARAMS] = {
	{ 0x80, 0x10 }, { 0x90, 0x20 }, { 0x100, 0 }, { 0x200, 0xE00 }
};

static void answer(struct ovbs_msg *m, uint32_t types, uint32_t result, uint64_t a, uint64_t b)
{
	static struct ovbs_tl_request r;

	memset(&r, 0xA5, sizeof(r));
	r.result = result;
	for (unsigned int i = 0; i < OVBS_PARAMS; i++)
		r.param[i] = (struct ovbs_param){ a, b };
	*m = msg(types);
	message_answer(m, given, &r);
	assert_int_equal(m->origin, OVBS_ORIGIN_TRUSTLET);
	assert_int_equal(m->types, types); /* r's types and session do not count */
	assert_int_equal(m->session, 0);
}

static void test_answer_values(void **state)
{
	struct ovbs_msg m;

	answer(&m,
	       OVBS_PARAM_TYPES(OVBS_PARAM_VALUE_OUT, OVBS_PARAM_VALUE_INOUT, OVBS_PARAM_VALUE_IN,
				OVBS_PARAM_NONE),
	       OVBS_OK, ~0ULL, ~1ULL);
	assert_int_equal(m.result, OVBS_OK);
	for (unsigned int i = 0; i < 2; i++) {
		assert_true(m.param[i].a == ~0ULL);
		assert_true(m.param[i].b == ~1ULL);
	}
	assert_memory_equal(&m.param[2], &given[2], 2 * sizeof(given[0]));
}

/* A buffer's place is never the trustlet's word; its size may shrink. */
static void test_answer_buffers(void **state)
{
	struct ovbs_msg m;

	answer(&m, BUFFERS(IN), OVBS_OK, 7, 1 << 20);
	assert_int_equal(m.result, OVBS_OK);
	assert_memory_equal(m.param, given, sizeof(given));
	answer(&m, OVBS_PARAM_TYPES(OVBS_PARAM_BUFFER_OUT, OVBS_PARAM_BUFFER_INOUT, 0, 0), OVBS_OK, 7, 3);
	assert_int_equal(m.result, OVBS_OK);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(m.param[i].a, given[i].a);
		assert_int_equal(m.param[i].b, 3);
	}
}

/* Of four output buffers one is too large by one byte, or by all there is. */
static void test_answer_too_large(void **state)
{
	static const uint32_t results[] = { OVBS_OK, OVBS_E_GENERIC, OVBS_E_SECURITY, 12345 };

	for (unsigned int i = 0; i < OVBS_PARAMS; i++) {
		for (size_t n = 0; n < 2 * ARRAY_SIZE(results); n++) {
			const uint64_t size = n & 1 ? ~0ULL : given[i].b + 1;
			struct ovbs_msg m;

			answer(&m, OVBS_PARAM_BUFFER_OUT << 4 * i, results[n / 2], 0, size);
			assert_int_equal(m.result, OVBS_E_GENERIC);
			assert_int_equal(m.param[i].a, given[i].a);
			answer(&m, OVBS_PARAM_BUFFER_INOUT << 4 * i, OVBS_E_SHORT_BUFFER, 0, size);
			assert_int_equal(m.result, OVBS_E_SHORT_BUFFER);
			assert_int_equal(m.param[i].a, given[i].a);
			assert_true(m.param[i].b == size); /* what is needed */
		}
	}
}

/* "An output's size is never larger than was given, but with OVBS_E_SHORT_BUFFER": also in a refused answer. */
static void test_answer_refused_is_no_larger(void **state)
{
	struct ovbs_msg m;

	answer(&m, BUFFERS(OUT), OVBS_OK, 0, 1 << 20);
	assert_int_equal(m.result, OVBS_E_GENERIC);
	for (unsigned int i = 0; i < OVBS_PARAMS; i++)
		assert_true(m.param[i].b <= given[i].b);
}

static void test_results_of_the_kernel_alone(void **state)
{
	static const uint32_t ours[] = { OVBS_INTERRUPTED, OVBS_E_TARGET_DEAD, OVBS_E_BUSY };
	static const uint32_t free[] = {
		OVBS_OK,       OVBS_E_ACCESS_DENIED, OVBS_E_SHORT_BUFFER, OVBS_E_OUT_OF_MEMORY,
		OVBS_E_CANCEL, OVBS_E_SECURITY,      0x12345678,          0xFFFFFFFF
	};
	struct ovbs_msg m;

	for (size_t i = 0; i < ARRAY_SIZE(ours); i++) {
		answer(&m, 0, ours[i], 0, 0);
		assert_int_equal(m.result, OVBS_E_GENERIC);
	}
	for (size_t i = 0; i < ARRAY_SIZE(free); i++) {
		answer(&m, 0, free[i], 0, 0);
		assert_int_equal(m.result, free[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_header_types),
		cmocka_unit_test(test_header_fields),
		cmocka_unit_test(test_buffer_bounds),
		cmocka_unit_test(test_buffer_overlap),
		cmocka_unit_test(test_answer_values),
		cmocka_unit_test(test_answer_buffers),
		cmocka_unit_test(test_answer_too_large),
		cmocka_unit_test(test_answer_refused_is_no_larger),
		cmocka_unit_test(test_results_of_the_kernel_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
