// SPDX-License-Identifier: GPL-2.0-only
/*
 * The strict DER reader: lengths, tags, values, what may stand inside of what,
 * depth; and real structures cut at every length.
 */
/* links: trustlets/integrity/der.c trustlets/integrity/reason.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../../trustlets/integrity/der.h"
#include "ci_sample.h"

#define S(text) ((struct ci_slice){ (const uint8_t *)(text), sizeof(text) - 1 })

/* In an allocation of the exact size, so that AddressSanitizer sees what is read behind it. */
static enum ci_reason read_exact(struct ci_slice in, struct der_element *e, size_t *left)
{
	uint8_t *copy = malloc(in.len);
	struct ci_slice s = { copy, in.len };
	enum ci_reason why;

	memcpy(copy, in.p, in.len);
	why = der_read(&s, e);
	*left = s.len;
	if (why == CI_OK) {
		assert_ptr_equal(e->whole.p, copy);
		assert_ptr_equal(e->content.p + e->content.len, s.p);
		assert_int_equal(e->whole.len + s.len, in.len);
	} else {
		assert_ptr_equal(s.p, copy);
	}
	free(copy);
	return why;
}

static void reads(struct ci_slice in, enum ci_reason expected, size_t content)
{
	struct der_element e;
	size_t left;

	assert_int_equal(read_exact(in, &e, &left), expected);
	if (expected == CI_OK) {
		assert_int_equal(e.content.len, content);
		assert_int_equal(e.tag, in.p[0]);
	}
}

static void test_lengths(void **state)
{
	uint8_t big[70000] = { 0x04 };

	reads(S(""), CI_E_DER_ELEMENT, 0);
	reads(S("\x04"), CI_E_DER_CUT, 0);
	reads(S("\x04\x00"), CI_OK, 0);
	reads(S("\x04\x02zz!"), CI_OK, 2);
	reads(S("\x04\x02z"), CI_E_DER_CUT, 0);
	reads(S("\x30\x80\x00\x00"), CI_E_DER_LENGTH, 0); /* indefinite */
	reads(S("\x04\x81\x01z"), CI_E_DER_LENGTH, 0);
	reads(S("\x04\x81"), CI_E_DER_CUT, 0);
	reads(S("\x04\x82\x01"), CI_E_DER_CUT, 0);
	reads(S("\x04\x82\x00\x80"), CI_E_DER_LENGTH, 0);
	reads(S("\x04\x84\xFF\xFF\xFF\xFF"), CI_E_DER_CUT, 0);
	reads(S("\x04\x85\x01\x00\x00\x00\x00"), CI_E_DER_LENGTH, 0);
	reads(S("\x04\xFF"), CI_E_DER_LENGTH, 0);
	memcpy(big + 1, "\x7F", 1);
	reads((struct ci_slice){ big, 129 }, CI_OK, 127);
	memcpy(big + 1, "\x81\x7F", 2);
	reads((struct ci_slice){ big, 130 }, CI_E_DER_LENGTH, 0);
	memcpy(big + 1, "\x81\x80", 2);
	reads((struct ci_slice){ big, 131 }, CI_OK, 128);
	reads((struct ci_slice){ big, 130 }, CI_E_DER_CUT, 0);
	memcpy(big + 1, "\x82\x00\xFF", 3);
	reads((struct ci_slice){ big, 300 }, CI_E_DER_LENGTH, 0);
	memcpy(big + 1, "\x82\x01\x00", 3);
	reads((struct ci_slice){ big, 260 }, CI_OK, 256);
	memcpy(big + 1, "\x83\x01\x00\x00", 4);
	reads((struct ci_slice){ big, 65541 }, CI_OK, 65536);
	reads((struct ci_slice){ big, 65540 }, CI_E_DER_CUT, 0);
}

static void test_tags(void **state)
{
	for (unsigned int tag = 0; tag < 256; tag++) {
		uint8_t bytes[] = { (uint8_t)tag, 0 };
		unsigned int number = tag & 0x1F;
		bool good = number != 0x1F && tag != 0;

		if (tag < 0x40)
			good = good && (number == 16 || number == 17) == ((tag & 0x20) != 0);
		if (tag == DER_INTEGER || tag == DER_BOOLEAN)
			reads((struct ci_slice){ bytes, 2 }, CI_E_DER_VALUE, 0);
		else
			reads((struct ci_slice){ bytes, 2 }, good ? CI_OK : CI_E_DER_TAG, 0);
	}
}

static void test_values(void **state)
{
	reads(S("\x02\x00"), CI_E_DER_VALUE, 0);
	reads(S("\x02\x01\x00"), CI_OK, 1);
	reads(S("\x02\x01\xFF"), CI_OK, 1);
	reads(S("\x02\x02\x00\x7F"), CI_E_DER_VALUE, 0);
	reads(S("\x02\x02\x00\x80"), CI_OK, 2);
	reads(S("\x02\x02\xFF\x80"), CI_E_DER_VALUE, 0);
	reads(S("\x02\x02\xFF\x7F"), CI_OK, 2);
	reads(S("\x01\x01\x00"), CI_OK, 1);
	reads(S("\x01\x01\xFF"), CI_OK, 1);
	reads(S("\x01\x01\x01"), CI_E_DER_VALUE, 0);
	reads(S("\x01\x02\xFF\xFF"), CI_E_DER_VALUE, 0);
	reads(S("\x05\x00"), CI_OK, 0);
	reads(S("\x05\x01\x00"), CI_E_DER_VALUE, 0);
}

static void test_take(void **state)
{
	struct ci_slice in = S("\x30\x03\x02\x01\x05\x05\x00"), seq, none;
	uint8_t n = 0;

	assert_int_equal(der_take(&in, DER_SET, &seq), CI_E_DER_ELEMENT);
	assert_int_equal(in.len, 7);
	assert_true(der_at(&in, DER_SEQUENCE));
	assert_int_equal(der_take(&in, DER_SEQUENCE, &seq), CI_OK);
	assert_int_equal(der_end(&in), CI_E_DER_TRAILING);
	assert_int_equal(der_take_small(&in, &n), CI_E_DER_ELEMENT);
	assert_int_equal(der_take(&in, DER_NULL, &none), CI_OK);
	assert_int_equal(der_end(&in), CI_OK);
	assert_false(der_at(&in, DER_NULL));
	assert_int_equal(der_take(&in, DER_NULL, &none), CI_E_DER_ELEMENT);
	assert_int_equal(der_take_small(&seq, &n), CI_OK);
	assert_int_equal(n, 5);
	assert_int_equal(der_take_small(&seq, &n), CI_E_DER_ELEMENT);
	in = S("\x02\x02\x00\x80");
	assert_int_equal(der_take_small(&in, &n), CI_E_DER_ELEMENT);
	in = S("\x02\x01\x80");
	assert_int_equal(der_take_small(&in, &n), CI_E_DER_ELEMENT);
	assert_int_equal(in.len, 3);
}

/* @depth SEQUENCEs, one in the other. */
static enum ci_reason check_nested(unsigned int depth)
{
	uint8_t bytes[64];

	for (unsigned int i = 0; i < depth; i++) {
		bytes[2 * i] = DER_SEQUENCE;
		bytes[2 * i + 1] = (uint8_t)(2 * (depth - 1 - i));
	}
	return der_check((struct ci_slice){ bytes, 2 * depth });
}

static void test_check(void **state)
{
	assert_int_equal(der_check(S("")), CI_E_DER_ELEMENT);
	assert_int_equal(der_check(S("\x05\x00")), CI_OK);
	assert_int_equal(der_check(S("\x05\x00\x05\x00")), CI_E_DER_TRAILING);
	assert_int_equal(der_check(S("\x30\x04\x05\x00\x05\x00")), CI_OK);
	assert_int_equal(der_check(S("\x30\x05\x05\x00\x05\x00\x05")), CI_E_DER_CUT);
	assert_int_equal(der_check(S("\x30\x04\x05\x00\x04\x01z")), CI_E_DER_TRAILING);
	assert_int_equal(der_check(S("\x30\x05\x05\x00\x04\x02z")), CI_E_DER_CUT);
	assert_int_equal(der_check(S("\x30\x06\x31\x04\x02\x02\x00\x01")), CI_E_DER_VALUE);
	assert_int_equal(der_check(S("\x30\x05\xA0\x03\x24\x01\x00")), CI_E_DER_TAG);
	assert_int_equal(der_check(S("\x30\x06\xA1\x80\x05\x00\x00\x00")), CI_E_DER_LENGTH);
	for (unsigned int depth = 1; depth <= 32; depth++)
		assert_int_equal(check_nested(depth), depth <= DER_DEPTH_MAX ? CI_OK : CI_E_DER_DEPTH);
}

static void test_samples(void **state)
{
	struct ci_slice in[] = { { sample_certificate, sizeof(sample_certificate) },
				 { sample_by_issuer, sizeof(sample_by_issuer) },
				 { sample_by_key_id, sizeof(sample_by_key_id) } };

	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(der_check(in[i]), CI_OK);
		for (size_t len = 0; len < in[i].len; len++) {
			uint8_t *cut = malloc(len);

			memcpy(cut, in[i].p, len);
			assert_int_equal(der_check((struct ci_slice){ cut, len }),
					 len == 0 ? CI_E_DER_ELEMENT : CI_E_DER_CUT);
			free(cut);
		}
	}
}

static void test_reasons(void **state)
{
	assert_string_equal(ci_reason_name(CI_OK), "OK");
	assert_string_equal(ci_reason_name(CI_E_MEMORY), "E_MEMORY");
	assert_string_equal(ci_reason_text(CI_OK), "accepted");
	assert_string_equal(ci_reason_name(CI_REASON_COUNT), "E_?");
	assert_string_equal(ci_reason_text((enum ci_reason)0xFFFFFFFF), "unknown reason");
	for (unsigned int i = 0; i < CI_REASON_COUNT; i++)
		assert_true(strlen(ci_reason_text(i)) > 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lengths), cmocka_unit_test(test_tags),
		cmocka_unit_test(test_values),  cmocka_unit_test(test_take),
		cmocka_unit_test(test_check),   cmocka_unit_test(test_samples),
		cmocka_unit_test(test_reasons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
