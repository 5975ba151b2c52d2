// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the CMS reader and the module trailer's reader give out, on samples whose
 * every byte is known; then each byte of a signature changed to each value, and a
 * trailer with each field wrong. (Whole signatures of every kind, good and bad,
 * are test_ci_verify.c's.)
 */
/* links: trustlets/integrity/cms.c trustlets/integrity/modsig.c trustlets/integrity/der.c */
/* links: trustlets/integrity/reason.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../../trustlets/integrity/cms.h"
#include "../../trustlets/integrity/modsig.h"
#include "ci_sample.h"

#define MARKER  "~Module signature appended~\n"
#define TRAILER (12 + sizeof(MARKER) - 1)

/* Where something lies in sample_by_issuer and sample_by_key_id. */
#define ISSUER_AT    62
#define ISSUER_LEN   19
#define SERIAL_AT    83
#define KEY_ID_AT    60
#define VALUE_ISSUER 130
#define VALUE_KEY_ID 107

static void is_at(struct ci_slice s, const uint8_t *sample, size_t at, size_t len)
{
	assert_ptr_equal(s.p, sample + at);
	assert_int_equal(s.len, len);
}

static void test_fields(void **state)
{
	struct ci_slice in = { sample_by_issuer, sizeof(sample_by_issuer) };
	struct ci_cms cms;

	assert_int_equal(ci_cms_parse(in, &cms), CI_OK);
	assert_int_equal(cms.hash, CI_SHA256);
	assert_int_equal(cms.algorithm, CI_ECDSA);
	is_at(cms.issuer, sample_by_issuer, ISSUER_AT, ISSUER_LEN);
	is_at(cms.serial, sample_by_issuer, SERIAL_AT, 20);
	is_at(cms.value, sample_by_issuer, VALUE_ISSUER, sizeof(sample_by_issuer) - VALUE_ISSUER);
	assert_int_equal(cms.key_id.len, 0);

	in = (struct ci_slice){ sample_by_key_id, sizeof(sample_by_key_id) };
	assert_int_equal(ci_cms_parse(in, &cms), CI_OK);
	assert_int_equal(cms.issuer.len + cms.serial.len, 0);
	is_at(cms.key_id, sample_by_key_id, KEY_ID_AT, 20);
	is_at(cms.value, sample_by_key_id, VALUE_KEY_ID, sizeof(sample_by_key_id) - VALUE_KEY_ID);
	in.len--;
	assert_int_equal(ci_cms_parse(in, &cms), CI_E_DER_CUT);
	assert_int_equal(cms.key_id.len + cms.value.len, 0);
}

static bool inside(struct ci_slice s, const uint8_t *p, size_t len)
{
	return s.len == 0 || (s.p >= p && s.len <= len && (size_t)(s.p - p) <= len - s.len);
}

/*
 * Every change is refused, but in the bytes that this reader does not judge: a
 * name's text, a number, a key id, the signature's value; and the last byte of a
 * hash's OID does not stand alone.
 */
static void change_all(const uint8_t *sample, size_t len, size_t id_at, size_t id_end, size_t value_at)
{
	uint8_t *copy = malloc(len);
	struct ci_cms cms;

	for (size_t i = 0; i < len; i++) {
		for (unsigned int v = 0; v < 256; v++) {
			enum ci_reason why;

			memcpy(copy, sample, len);
			copy[i] = (uint8_t)v;
			why = ci_cms_parse((struct ci_slice){ copy, len }, &cms);
			assert_true(inside(cms.issuer, copy, len) && inside(cms.serial, copy, len) &&
				    inside(cms.key_id, copy, len) && inside(cms.value, copy, len));
			if (v != sample[i] && !(i >= id_at && i < id_end) && i < value_at && why == CI_OK)
				fail_msg("byte %zu as %u is accepted", i, v);
		}
	}
	free(copy);
}

static void test_changed(void **state)
{
	change_all(sample_by_issuer, sizeof(sample_by_issuer), ISSUER_AT, SERIAL_AT + 20, VALUE_ISSUER);
	change_all(sample_by_key_id, sizeof(sample_by_key_id), KEY_ID_AT, KEY_ID_AT + 20, VALUE_KEY_ID);
}

static void test_size(void **state)
{
	uint8_t *big = calloc(1, CI_SIGNATURE_MAX + 1);
	struct ci_cms cms;

	assert_int_equal(ci_cms_parse((struct ci_slice){ NULL, 0 }, &cms), CI_E_CMS_SIZE);
	assert_int_equal(ci_cms_parse((struct ci_slice){ big, CI_SIGNATURE_MAX }, &cms), CI_E_DER_TAG);
	assert_int_equal(ci_cms_parse((struct ci_slice){ big, CI_SIGNATURE_MAX + 1 }, &cms), CI_E_CMS_SIZE);
	assert_int_equal(ci_cms_parse((struct ci_slice){ big, SIZE_MAX }, &cms), CI_E_CMS_SIZE);
	free(big);
}

/* @body bytes, a signature of @sig bytes, a trailer that says @said; byte @at of the trailer becomes @value. */
static enum ci_reason split(size_t body, size_t sig, uint32_t said, size_t at, uint8_t value)
{
	size_t len = body + sig + TRAILER;
	uint8_t *m = calloc(1, len), *trailer = m + body + sig;
	struct ci_slice b = { 0 }, s = { 0 };
	enum ci_reason why;

	trailer[2] = 2;
	for (unsigned int i = 0; i < 4; i++)
		trailer[8 + i] = (uint8_t)(said >> (24 - 8 * i));
	memcpy(trailer + 12, MARKER, sizeof(MARKER) - 1);
	trailer[at] = value;
	why = ci_modsig_split((struct ci_slice){ m, len }, &b, &s);
	if (why == CI_OK) {
		is_at(b, m, 0, body + sig - said);
		is_at(s, m, body + sig - said, said);
	} else {
		assert_null(b.p);
		assert_null(s.p);
	}
	free(m);
	return why;
}

static void test_trailer(void **state)
{
	assert_int_equal(split(100, 50, 50, 2, 2), CI_OK);
	assert_int_equal(split(1, 1, 1, 2, 2), CI_OK);
	assert_int_equal(split(0, 100, 99, 2, 2), CI_OK);
	assert_int_equal(split(0, 100, 100, 2, 2), CI_E_TRAILER_LENGTH);
	assert_int_equal(split(0, 100, 101, 2, 2), CI_E_TRAILER_LENGTH);
	assert_int_equal(split(0, 100, 0, 2, 2), CI_E_TRAILER_LENGTH);
	assert_int_equal(split(0, 0, 0, 2, 2), CI_E_TRAILER_LENGTH);
	assert_int_equal(split(100, 50, 0xFFFFFFFF, 2, 2), CI_E_TRAILER_LENGTH);
	assert_int_equal(split(100, 50, 0x80000000, 2, 2), CI_E_TRAILER_LENGTH);
	for (unsigned int type = 0; type < 256; type++)
		assert_int_equal(split(100, 50, 50, 2, (uint8_t)type), type == 2 ? CI_OK : CI_E_TRAILER_TYPE);
	for (size_t at = 0; at < 8; at++) {
		if (at != 2)
			assert_int_equal(split(100, 50, 50, at, 1), CI_E_TRAILER);
	}
	for (size_t at = 12; at < TRAILER; at++)
		assert_int_equal(split(100, 50, 50, at, 0), CI_E_UNSIGNED);
}

static void test_short(void **state)
{
	static const char all[] = "\0\0\2\0\0\0\0\0\0\0\0\1" MARKER;

	for (size_t len = 0; len < sizeof(all); len++) {
		struct ci_slice b, s;
		uint8_t *end = malloc(len);

		memcpy(end, all + sizeof(all) - 1 - len, len);
		assert_int_equal(ci_modsig_split((struct ci_slice){ end, len }, &b, &s),
				 len < sizeof(MARKER) - 1 ? CI_E_UNSIGNED : CI_E_TRAILER_LENGTH);
		free(end);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields), cmocka_unit_test(test_changed),
		cmocka_unit_test(test_size),   cmocka_unit_test(test_trailer),
		cmocka_unit_test(test_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
