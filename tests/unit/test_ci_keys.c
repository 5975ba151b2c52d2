// SPDX-License-Identifier: GPL-2.0-only
/*
 * Keys of the code-integrity trustlet: certificates of ci_vectors.py, weak and
 * odd ones among them; lists of certificates; the close; the bounds; which key a
 * signature finds; revocations.
 */
/* links: trustlets/integrity/keys.c trustlets/integrity/cms.c trustlets/integrity/der.c */
/* links: trustlets/integrity/reason.c */
#define _GNU_SOURCE /* memmem */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ci_raw.h"

static struct ci_keys keys;
static struct ci_keys certificates; /* that raw keys are taken from */

static int setup(void **state)
{
	ci_keys_init(&keys);
	return 0;
}

static int teardown(void **state)
{
	ci_keys_free(&keys);
	ci_keys_free(&certificates);
	return 0;
}

static void test_certificates(void **state)
{
	struct ci_file list = ci_load("certificates");
	char expected[64], name[64];
	unsigned int count = 0;

	list.p = realloc(list.p, list.len + 1);
	list.p[list.len] = '\0';
	for (char *line = strtok((char *)list.p, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		size_t before = keys.count;

		assert_int_equal(sscanf(line, "%63s %63s", expected, name), 2);
		ci_add_file(&keys, name, CI_ORIGIN_MOK, expected);
		assert_int_equal(keys.count, before + (strcmp(expected, "OK") == 0));
		count++;
	}
	assert_true(count >= 40);
	print_message("%u certificates, %zu of them good\n", count, keys.count);
	for (size_t i = 0; i < keys.count; i++) {
		for (const char *c = keys.key[i].subject; *c != '\0'; c++)
			assert_true(*c >= ' ' && *c <= '~');
		assert_true(keys.key[i].subject[0] != '\0');
	}
	free(list.p);
}

static void test_twice(void **state)
{
	ci_add_file(&keys, "p384.der", CI_ORIGIN_BUILTIN, "OK");
	ci_add_file(&keys, "p384.der", CI_ORIGIN_DB, "OK");
	assert_int_equal(keys.count, 1);
	assert_int_equal(keys.key[0].origin, CI_ORIGIN_BUILTIN);
	ci_keys_close(&keys);
	ci_add_file(&keys, "p384.der", CI_ORIGIN_BUILTIN, "E_KEY_CLOSED");
	ci_add_file(&keys, "p256.der", CI_ORIGIN_BUILTIN, "E_KEY_CLOSED");
	assert_int_equal(keys.count, 1);
}

/* @names one behind the other. */
static struct ci_file join(const char *const names[], size_t n)
{
	struct ci_file all = { NULL, 0 };

	for (size_t i = 0; i < n; i++) {
		struct ci_file f = ci_load(names[i]);

		all.p = realloc(all.p, all.len + f.len);
		memcpy(all.p + all.len, f.p, f.len);
		all.len += f.len;
		free(f.p);
	}
	return all;
}

static void test_list(void **state)
{
	static const char *const names[] = { "rsa4096.der", "cert-rsa1024.der", "cert-null.der",
					     "p384.der",    "cert-p521.der",    "rsa4096.der" };
	struct ci_file all = join(names, 6), some = join(names, 5);
	struct ci_added added;

	assert_int_equal(ci_keys_add_list(&keys, ci_slice_of(&all), CI_ORIGIN_BUILTIN, &added), CI_OK);
	assert_int_equal(added.taken, 3);
	assert_int_equal(added.refused, 3);
	assert_int_equal(added.first_refused, CI_E_KEY_SHORT);
	assert_int_equal(keys.count, 2);
	for (size_t len = some.len + 1; len < all.len; len++) {
		uint8_t *cut = malloc(len);

		memcpy(cut, all.p, len);
		assert_int_equal(ci_keys_add_list(&keys, (struct ci_slice){ cut, len },
						  CI_ORIGIN_BUILTIN, &added),
				 CI_E_DER_CUT);
		assert_int_equal(added.taken, 2);
		free(cut);
	}
	assert_int_equal(ci_keys_add_list(&keys, (struct ci_slice){ NULL, 0 }, CI_ORIGIN_MOK, &added), CI_OK);
	assert_int_equal(added.taken + added.refused, 0);
	ci_keys_close(&keys);
	assert_int_equal(ci_keys_add_list(&keys, ci_slice_of(&all), CI_ORIGIN_MOK, &added), CI_E_KEY_CLOSED);
	free(all.p);
	free(some.p);
}

/* Certificates that differ in one byte of the key id and one of the number; the last byte is the signature's. */
static void test_full(void **state)
{
	struct ci_file f = ci_load("cert-p256.der");
	uint8_t *id, *serial = memmem(f.p, f.len, "\xA0\x03\x02\x01\x02\x02\x01", 7);

	assert_non_null(serial);
	serial += 7;
	id = memmem(f.p, f.len, "\x55\x1D\x0E\x04\x16\x04\x14", 7);
	assert_non_null(id);
	id += 7;
	for (unsigned int i = 0; i < CI_KEYS_MAX; i++) {
		*serial = *id = (uint8_t)(i + 1);
		assert_int_equal(ci_keys_add(&keys, ci_slice_of(&f), CI_ORIGIN_MOK), CI_OK);
	}
	assert_int_equal(ci_keys_add(&keys, ci_slice_of(&f), CI_ORIGIN_MOK), CI_OK);
	f.p[f.len - 1] ^= 1;
	assert_int_equal(ci_keys_add(&keys, ci_slice_of(&f), CI_ORIGIN_MOK), CI_E_KEY_FULL);
	assert_int_equal(keys.count, CI_KEYS_MAX);
	ci_add_file(&keys, "p384.der", CI_ORIGIN_MOK, "E_KEY_FULL");
	ci_add_file(&keys, "cert-rsa1024.der", CI_ORIGIN_MOK, "E_KEY_SHORT");
	free(f.p);
}

/* A changed certificate is refused or another one, never a crash; and nothing is left behind. */
static void test_damaged(void **state)
{
	struct ci_file f = ci_load("p256.der");

	for (size_t i = 0; i < f.len; i++) {
		for (unsigned int bit = 0; bit < 8; bit++) {
			f.p[i] ^= (uint8_t)(1 << bit);
			if (ci_keys_add(&keys, ci_slice_of(&f), CI_ORIGIN_MOK) == CI_OK) {
				assert_int_equal(keys.count, 1);
				ci_keys_free(&keys);
				ci_keys_init(&keys);
			}
			assert_int_equal(keys.count, 0);
			f.p[i] ^= (uint8_t)(1 << bit);
		}
	}
	free(f.p);
}

static void find(const char *signature, const char *expected, const struct ci_key *key)
{
	struct ci_file f = ci_load(signature);
	const struct ci_key *found = NULL;
	struct ci_cms cms;

	assert_int_equal(ci_cms_parse(ci_slice_of(&f), &cms), CI_OK);
	ci_expect(signature, ci_keys_find(&keys, &cms, &found), expected);
	assert_ptr_equal(found, key);
	free(f.p);
}

static void test_find(void **state)
{
	struct ci_slice id;

	find("p384-sha256.p7s", "E_KEY_UNKNOWN", NULL);
	ci_add_file(&keys, "rsa4096.der", CI_ORIGIN_BUILTIN, "OK");
	ci_add_file(&keys, "p384.der", CI_ORIGIN_BUILTIN, "OK");
	ci_add_file(&keys, "cert-no-key-id.der", CI_ORIGIN_BUILTIN, "OK");
	find("p384-sha256.p7s", "OK", &keys.key[1]);
	find("p384-sha256-keyid.p7s", "OK", &keys.key[1]);
	find("p256-sha256.p7s", "E_KEY_UNKNOWN", NULL);
	find("p256-sha256-keyid.p7s", "E_KEY_UNKNOWN", NULL);
	/* The same key in another certificate with the same key id, of which one is revoked. */
	ci_add_file(&keys, "cert-again.der", CI_ORIGIN_BUILTIN, "OK");
	find("rsa4096-sha256-keyid.p7s", "OK", &keys.key[0]);
	id = (struct ci_slice){ keys.key[0].sha256, CI_SHA256_SIZE };
	assert_int_equal(ci_keys_revoke(&keys, CI_REVOKED_CERTIFICATE, id), CI_OK);
	find("rsa4096-sha256.p7s", "E_KEY_REVOKED", &keys.key[0]);
	find("rsa4096-sha256-keyid.p7s", "OK", &keys.key[3]);
	assert_int_equal(ci_keys_revoke(&keys, CI_REVOKED_KEY_ID, keys.key[0].key_id), CI_OK);
	find("rsa4096-sha256-keyid.p7s", "E_KEY_REVOKED", &keys.key[3]);
	find("p384-sha256-keyid.p7s", "OK", &keys.key[1]);
}

static uint8_t raw_id[512];

static struct ci_raw_key raw_file(const char *name)
{
	ci_keys_free(&certificates);
	ci_keys_init(&certificates);
	ci_add_file(&certificates, name, CI_ORIGIN_MOK, "OK");
	return raw_of(&certificates.key[0], raw_id);
}

static void add_raw(struct ci_raw_key raw, const char *expected)
{
	ci_expect("raw key", ci_keys_add_raw(&keys, &raw, CI_ORIGIN_BUILTIN), expected);
}

/* Found by either identifier, with the same key as the certificate's; taken once. */
static void test_raw(void **state)
{
	static const char *const names[] = { "rsa4096", "rsa2048", "p384", "p256" };
	char file[64];

	for (unsigned int i = 0; i < 4; i++) {
		snprintf(file, sizeof(file), "%s.der", names[i]);
		add_raw(raw_file(file), "OK");
		add_raw(raw_file(file), "OK");
		assert_int_equal(keys.count, i + 1);
		assert_true(ci_slice_is(keys.key[i].spki, certificates.key[0].spki.p,
					certificates.key[0].spki.len));
		assert_int_equal(keys.key[i].bits, certificates.key[0].bits);
		assert_string_equal(keys.key[i].subject, "a?name");
		snprintf(file, sizeof(file), "%s-sha256.p7s", names[i]);
		find(file, "OK", &keys.key[i]);
		snprintf(file, sizeof(file), "%s-sha256-keyid.p7s", names[i]);
		find(file, "OK", &keys.key[i]);
	}
	/* The certificate of a raw key is another entry, and may be: it is the same key. */
	ci_add_file(&keys, "p384.der", CI_ORIGIN_MOK, "OK");
	find("p384-sha256.p7s", "OK", &keys.key[2]);
	ci_keys_close(&keys);
	add_raw(raw_file("p384.der"), "E_KEY_CLOSED");
}

/* One of the two identifiers is enough, and finds what names it only. */
static void test_raw_names(void **state)
{
	struct ci_raw_key raw = raw_file("p384.der");
	uint8_t long_id[CI_RAW_MAX + 1] = { 0 };

	raw.key_id.len = 0;
	add_raw(raw, "OK");
	find("p384-sha256.p7s", "OK", &keys.key[0]);
	find("p384-sha256-keyid.p7s", "E_KEY_UNKNOWN", NULL);
	raw = raw_file("p256.der");
	raw.id.len = 0;
	add_raw(raw, "OK");
	find("p256-sha256.p7s", "E_KEY_UNKNOWN", NULL);
	find("p256-sha256-keyid.p7s", "OK", &keys.key[1]);
	raw = raw_file("rsa2048.der");
	raw.id.len = raw.key_id.len = 0;
	add_raw(raw, "E_KEY_NAME");
	raw = raw_file("rsa2048.der");
	raw.id = (struct ci_slice){ long_id, sizeof(long_id) };
	add_raw(raw, "E_KEY_NAME");
	raw = raw_file("rsa2048.der");
	raw.key_id = (struct ci_slice){ long_id, CI_KEY_ID_MAX + 1 };
	add_raw(raw, "E_KEY_NAME");
	/* Another key by a name that there is: as issuer and number, and as key id. */
	raw = raw_file("rsa2048.der");
	raw.key_id = keys.key[1].key_id;
	add_raw(raw, "E_KEY_AMBIGUOUS");
	raw = raw_file("rsa2048.der");
	raw.id = keys.key[0].serial;
	add_raw(raw, "E_KEY_AMBIGUOUS");
	ci_add_file(&keys, "rsa4096.der", CI_ORIGIN_MOK, "OK");
	raw = raw_file("rsa2048.der");
	raw.id.len = 0;
	raw.key_id = keys.key[2].key_id; /* a certificate's */
	add_raw(raw, "E_KEY_AMBIGUOUS");
	assert_int_equal(keys.count, 3);
}

static void test_raw_weak(void **state)
{
	struct ci_raw_key raw = raw_file("p384.der");
	uint8_t point[1 + 2 * 48], rsa[1024];

	memcpy(point, raw.key.p, sizeof(point));
	raw.key.p = point;
	point[96] ^= 1;
	add_raw(raw, "E_KEY_INVALID"); /* not on the curve */
	point[96] ^= 1;
	point[0] = 2; /* compressed */
	add_raw(raw, "E_KEY_INVALID");
	raw.key.len = 49;
	add_raw(raw, "E_KEY_INVALID");
	raw.bits = 521;
	add_raw(raw, "E_KEY_CURVE");
	raw = raw_file("rsa2048.der");
	assert_true(raw.key.len < sizeof(rsa) - 1);
	memcpy(rsa, raw.key.p, raw.key.len);
	raw.key.p = rsa;
	rsa[raw.key.len - 1] ^= 1; /* the exponent: 65536 */
	add_raw(raw, "E_KEY_INVALID");
	rsa[raw.key.len - 1] ^= 1;
	rsa[raw.key.len++] = 0;
	add_raw(raw, "E_DER_TRAILING");
	raw.key.len -= 2;
	add_raw(raw, "E_DER_CUT");
	/* A number of 1024 bits. */
	memcpy(rsa, "\x30\x81\x89\x02\x81\x81\x00", 7);
	memset(rsa + 7, 0xFF, 128);
	memcpy(rsa + 135, "\x02\x03\x01\x00\x01", 5);
	raw.key.len = 140;
	add_raw(raw, "E_KEY_SHORT");
	raw.algorithm = CI_ECDSA;
	raw.bits = 256;
	add_raw(raw, "E_KEY_INVALID");
	assert_int_equal(keys.count, 0);
}

static void test_raw_revoked(void **state)
{
	static const uint8_t zeros[CI_SHA256_SIZE];
	struct ci_slice none = { zeros, sizeof(zeros) };

	add_raw(raw_file("p384.der"), "OK");
	/* A raw key has no hash of a certificate: not that of zeros either. */
	assert_int_equal(ci_keys_revoke(&keys, CI_REVOKED_CERTIFICATE, none), CI_OK);
	assert_int_equal(ci_keys_revoke(&keys, CI_REVOKED_TBS, none), CI_OK);
	find("p384-sha256.p7s", "OK", &keys.key[0]);
	assert_int_equal(ci_keys_revoke(&keys, CI_REVOKED_KEY_ID, keys.key[0].key_id), CI_OK);
	find("p384-sha256.p7s", "E_KEY_REVOKED", &keys.key[0]);
}

static void test_revocations(void **state)
{
	uint8_t id[CI_KEY_ID_MAX + 1] = { 0 };
	struct ci_slice s = { id, CI_SHA256_SIZE };

	ci_keys_close(&keys);
	for (size_t len = 0; len <= sizeof(id); len++) {
		struct ci_slice any = { id, len };
		bool good = len == CI_SHA256_SIZE;

		assert_int_equal(ci_keys_revoke(&keys, CI_REVOKED_FILE, any) == CI_OK, good);
		assert_int_equal(ci_keys_revoke(&keys, CI_REVOKED_TBS, any) == CI_OK, good);
		assert_int_equal(ci_keys_revoke(&keys, CI_REVOKED_CERTIFICATE, any) == CI_OK, good);
		assert_int_equal(ci_keys_revoke(&keys, CI_REVOKED_KEY_ID, any) == CI_OK,
				 len > 0 && len <= CI_KEY_ID_MAX);
	}
	assert_int_equal(ci_keys_revoke(&keys, CI_REVOCATION_COUNT, s), CI_E_REVOCATION);
	assert_int_equal(keys.revoked_count, 3 + CI_KEY_ID_MAX);
	while (keys.revoked_count < CI_REVOCATIONS_MAX) {
		size_t n = keys.revoked_count;

		memcpy(id, &n, sizeof(n));
		assert_int_equal(ci_keys_revoke(&keys, CI_REVOKED_FILE, s), CI_OK);
		assert_int_equal(keys.revoked_count, n + 1);
	}
	assert_int_equal(ci_keys_revoke(&keys, CI_REVOKED_FILE, s), CI_OK);
	assert_int_equal(ci_keys_revoke(&keys, CI_REVOKED_TBS, s), CI_E_REVOCATION_FULL);
	assert_true(ci_keys_revoked(&keys, CI_REVOKED_FILE, s));
	assert_false(ci_keys_revoked(&keys, CI_REVOKED_TBS, s));
	assert_false(ci_keys_revoked(&keys, CI_REVOKED_KEY_ID, (struct ci_slice){ id, 0 }));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_certificates), TEST(test_twice),       TEST(test_list),
		TEST(test_full),         TEST(test_damaged),     TEST(test_find),
		TEST(test_revocations),  TEST(test_raw),         TEST(test_raw_names),
		TEST(test_raw_weak),     TEST(test_raw_revoked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
