// SPDX-License-Identifier: GPL-2.0-only
/*
 * The code-integrity trustlet's verdicts: what openssl signs as Linux's sign-file
 * does, and every mistake of ci_vectors.py, each with its reason; then damage at
 * every place, cuts at every length, revocations.
 */
/* links: trustlets/integrity/verify.c trustlets/integrity/keys.c trustlets/integrity/cms.c */
/* links: trustlets/integrity/modsig.c trustlets/integrity/der.c trustlets/integrity/reason.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <mbedtls/sha256.h>

#include "ci_files.h"

#define MARKER "~Module signature appended~\n"

static struct ci_keys keys;

static int setup(void **state)
{
	ci_keys_init(&keys);
	ci_add_file(&keys, "rsa4096.der", CI_ORIGIN_BUILTIN, "OK");
	ci_add_file(&keys, "rsa2048.der", CI_ORIGIN_DB, "OK");
	ci_add_file(&keys, "p384.der", CI_ORIGIN_MOK, "OK");
	ci_add_file(&keys, "p256.der", CI_ORIGIN_MOK, "OK");
	ci_keys_close(&keys);
	return 0;
}

static int teardown(void **state)
{
	ci_keys_free(&keys);
	return 0;
}

static enum ci_reason judge(const char *body, const char *signature, struct ci_verdict *v)
{
	struct ci_file b = ci_load(body), s = ci_load(signature);
	enum ci_reason why = ci_verify(&keys, b.p, b.len, s.p, s.len, v);

	assert_int_equal(why, v->reason);
	assert_int_equal(v->subject[0] != '\0', v->has_signer);
	free(b.p);
	free(s.p);
	return why;
}

static void test_vectors(void **state)
{
	struct ci_file list = ci_load("signatures");
	char expected[64], body[64], signature[64];
	const char *line = (const char *)list.p, *end = line + list.len;
	unsigned int count = 0, good = 0, wrong = 0;
	struct ci_verdict v;
	int n = 0;

	for (; line < end; line += n) {
		char text[256];
		size_t len = (size_t)((const char *)memchr(line, '\n', (size_t)(end - line)) + 1 - line);

		assert_true(len < sizeof(text));
		memcpy(text, line, len);
		text[len] = '\0';
		n = (int)len;
		assert_int_equal(sscanf(text, "%63s %63s %63s", expected, body, signature), 3);
		if (strcmp(ci_reason_name(judge(body, signature, &v)), expected) != 0) {
			print_error("%s: %s, not %s\n", signature, ci_reason_name(v.reason), expected);
			wrong++;
		}
		count++;
		good += v.reason == CI_OK;
	}
	print_message("%u signatures, %u of them good\n", count, good);
	assert_int_equal(wrong, 0);
	assert_true(good >= 30 && count >= 150);
	free(list.p);
}

static void test_verdict(void **state)
{
	struct ci_verdict v;

	ci_expect("rsa", judge("body", "rsa4096-sha512-keyid.p7s", &v), "OK");
	assert_string_equal(v.subject, "O=openvbs test, CN=key rsa4096");
	assert_int_equal(v.origin, CI_ORIGIN_BUILTIN);
	assert_int_equal(v.algorithm, CI_RSA_PKCS1);
	assert_int_equal(v.hash, CI_SHA512);
	assert_int_equal(v.key_bits, 4096);
	ci_expect("ec", judge("body", "p384-sha256.p7s", &v), "OK");
	assert_string_equal(v.subject, "O=openvbs test, CN=key p384");
	assert_int_equal(v.origin, CI_ORIGIN_MOK);
	assert_int_equal(v.algorithm, CI_ECDSA);
	assert_int_equal(v.hash, CI_SHA256);
	assert_int_equal(v.key_bits, 384);
	/* Refused: whose signature it claims to be is told, where that is known. */
	ci_expect("other", judge("other", "p384-sha256.p7s", &v), "E_SIGNATURE");
	assert_true(v.has_signer);
	assert_string_equal(v.subject, "O=openvbs test, CN=key p384");
	ci_expect("weak", judge("body", "sha1.p7s", &v), "E_HASH_WEAK");
	assert_false(v.has_signer);
}

/* The signature's bytes changed, each in a few ways, then the file's: nothing of that is accepted. */
static void damage(const char *name, const uint8_t *changes, size_t n)
{
	struct ci_file b = ci_load("body"), s = ci_load(name);
	struct ci_verdict v;

	for (size_t i = 0; i < s.len; i++) {
		for (size_t c = 0; c < n; c++) {
			s.p[i] ^= changes[c];
			if (ci_verify(&keys, b.p, b.len, s.p, s.len, &v) == CI_OK)
				fail_msg("%s: byte %zu is of no matter", name, i);
			s.p[i] ^= changes[c];
		}
	}
	for (size_t i = 0; i < b.len; i += 11) {
		b.p[i] ^= 1;
		ci_expect(name, ci_verify(&keys, b.p, b.len, s.p, s.len, &v), "E_SIGNATURE");
		b.p[i] ^= 1;
	}
	ci_expect(name, ci_verify(&keys, b.p, b.len, s.p, s.len, &v), "OK");
	free(b.p);
	free(s.p);
}

static void test_damaged(void **state)
{
	static const uint8_t low[] = { 0x01 }, both[] = { 0x01, 0x80 };

	damage("rsa4096-sha256.p7s", low, 1);
	damage("rsa2048-sha512-keyid.p7s", both, 2);
	damage("p256-sha256-keyid.p7s", low, 1);
	damage("p384-sha384.p7s", low, 1);
}

/* A module file of these two; an allocation of the exact size. */
static struct ci_file module_of(const char *body, const char *signature)
{
	struct ci_file b = ci_load(body), s = ci_load(signature), m;
	uint8_t *trailer;

	m.len = b.len + s.len + 12 + sizeof(MARKER) - 1;
	m.p = calloc(1, m.len);
	memcpy(m.p, b.p, b.len);
	memcpy(m.p + b.len, s.p, s.len);
	trailer = m.p + b.len + s.len;
	trailer[2] = 2;
	trailer[10] = (uint8_t)(s.len >> 8);
	trailer[11] = (uint8_t)s.len;
	memcpy(trailer + 12, MARKER, sizeof(MARKER) - 1);
	free(b.p);
	free(s.p);
	return m;
}

static void test_module(void **state)
{
	struct ci_file m = module_of("body", "p384-sha256.p7s"), s = ci_load("p384-sha256.p7s");
	struct ci_verdict v;
	uint8_t *longer;

	ci_expect("module", ci_verify_module(&keys, m.p, m.len, &v), "OK");
	for (size_t len = 0; len < m.len; len++)
		ci_expect("cut module", ci_verify_module(&keys, m.p, len, &v), "E_UNSIGNED");
	longer = calloc(1, m.len + 1);
	memcpy(longer, m.p, m.len);
	ci_expect("longer module", ci_verify_module(&keys, longer, m.len + 1, &v), "E_UNSIGNED");
	memcpy(longer + 1, m.p, m.len);
	ci_expect("shifted module", ci_verify_module(&keys, longer, m.len + 1, &v), "E_SIGNATURE");
	/* A signature around a signed module covers that signature, too. */
	memcpy(longer, m.p, m.len);
	ci_expect("signed twice", ci_verify(&keys, m.p, m.len, s.p, s.len, &v), "E_SIGNATURE");
	free(longer);
	free(m.p);
	free(s.p);
}

static void test_cut(void **state)
{
	static const char *const names[] = { "rsa4096-sha256.p7s", "p256-sha384-keyid.p7s", "two.p7s" };
	struct ci_file b = ci_load("body");
	struct ci_verdict v;

	for (size_t i = 0; i < 3; i++) {
		struct ci_file s = ci_load(names[i]);

		for (size_t len = 0; len < s.len; len++) {
			/* Of the exact size, so that AddressSanitizer sees what is read behind it. */
			uint8_t *cut = malloc(len);

			memcpy(cut, s.p, len);
			assert_int_equal(ci_verify(&keys, b.p, b.len, cut, len, &v),
					 len == 0 ? CI_E_CMS_SIZE : CI_E_DER_CUT);
			free(cut);
		}
		free(s.p);
	}
	free(b.p);
}

static void test_nothing(void **state)
{
	struct ci_verdict v;
	static struct ci_keys none;

	ci_expect("nothing", ci_verify(&keys, NULL, 0, NULL, 0, &v), "E_EMPTY");
	ci_expect("no signature", ci_verify(&keys, (const uint8_t *)"x", 1, NULL, 0, &v), "E_CMS_SIZE");
	ci_expect("no module", ci_verify_module(&keys, NULL, 0, &v), "E_UNSIGNED");
	ci_keys_free(&keys);
	assert_true(keys.closed);
	ci_expect("no keys", judge("body", "rsa4096-sha256.p7s", &v), "E_KEY_UNKNOWN");
	keys = none;
	ci_expect("no keys", judge("body", "rsa4096-sha256.p7s", &v), "E_KEY_UNKNOWN");
	assert_false(v.has_signer);
}

static void revoke(enum ci_revocation kind, const void *id, size_t len)
{
	assert_int_equal(ci_keys_revoke(&keys, kind, (struct ci_slice){ id, len }), CI_OK);
}

static void test_revoked_file(void **state)
{
	struct ci_file body = ci_load("body");
	struct ci_verdict v;
	uint8_t hash[CI_SHA256_SIZE] = { 0 };

	/* The digest of something else, so that the second hash is made. */
	revoke(CI_REVOKED_FILE, hash, sizeof(hash));
	ci_expect("sha256", judge("body", "rsa4096-sha256.p7s", &v), "OK");
	ci_expect("sha512", judge("body", "p256-sha512.p7s", &v), "OK");
	mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), body.p, body.len, hash);
	revoke(CI_REVOKED_FILE, hash, sizeof(hash));
	ci_expect("sha256", judge("body", "rsa4096-sha256.p7s", &v), "E_FILE_REVOKED");
	ci_expect("sha384", judge("body", "p384-sha384.p7s", &v), "E_FILE_REVOKED");
	ci_expect("sha512", judge("body", "p256-sha512.p7s", &v), "E_FILE_REVOKED");
	assert_true(v.has_signer);
	ci_expect("other", judge("other", "other.p7s", &v), "OK");
	free(body.p);
}

static void test_revoked_key(void **state)
{
	struct ci_verdict v;
	struct ci_key *key = &keys.key[0];

	revoke(CI_REVOKED_CERTIFICATE, key->tbs_sha256, CI_SHA256_SIZE); /* not that kind of hash */
	ci_expect("other kind", judge("body", "rsa4096-sha256.p7s", &v), "OK");
	revoke(CI_REVOKED_CERTIFICATE, key[0].sha256, CI_SHA256_SIZE);
	revoke(CI_REVOKED_TBS, key[1].tbs_sha256, CI_SHA256_SIZE);
	revoke(CI_REVOKED_KEY_ID, key[2].key_id.p, key[2].key_id.len);
	ci_expect("certificate", judge("body", "rsa4096-sha256.p7s", &v), "E_KEY_REVOKED");
	assert_string_equal(v.subject, "O=openvbs test, CN=key rsa4096");
	ci_expect("certificate", judge("body", "rsa4096-sha256-keyid.p7s", &v), "E_KEY_REVOKED");
	ci_expect("tbs", judge("body", "rsa2048-sha256.p7s", &v), "E_KEY_REVOKED");
	ci_expect("key id", judge("body", "p384-sha256.p7s", &v), "E_KEY_REVOKED");
	ci_expect("others", judge("body", "p256-sha256.p7s", &v), "OK");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_vectors),      TEST(test_verdict),     TEST(test_damaged),
		TEST(test_module),       TEST(test_cut),         TEST(test_nothing),
		TEST(test_revoked_file), TEST(test_revoked_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
