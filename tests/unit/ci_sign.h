/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Signatures of files that a test makes, with a key of ci_vectors.py: CMS as
 * Linux's sign-file makes it (SHA-256; ECDSA, or RSA, which is faster), put together here.
 * Include it after cmocka.h.
 */
#ifndef OPENVBS_CI_SIGN_H
#define OPENVBS_CI_SIGN_H

#include <mbedtls/md.h>
#include <mbedtls/pk.h>
#include <mbedtls/version.h>

#include "ci_raw.h"

struct ci_der {
	uint8_t bytes[2048];
	size_t len;
};

static inline void ci_put(struct ci_der *d, const void *bytes, size_t len)
{
	assert_true(d->len + len <= sizeof(d->bytes));
	if (len > 0)
		memcpy(d->bytes + d->len, bytes, len);
	d->len += len;
}

/* What is in @d from @from on becomes the content of an element. */
static inline void ci_wrap(struct ci_der *d, size_t from, uint8_t tag)
{
	size_t len = d->len - from, n = len < 128 ? 2 : 4;
	const uint8_t shorter[2] = { tag, (uint8_t)len };
	const uint8_t longer[4] = { tag, 0x82, (uint8_t)(len >> 8), (uint8_t)len };

	assert_true(d->len + n <= sizeof(d->bytes));
	if (len >= 128 && len < 256)
		n = 3;
	memmove(d->bytes + from + n, d->bytes + from, len);
	if (n == 3) {
		const uint8_t middle[3] = { tag, 0x81, (uint8_t)len };

		memcpy(d->bytes + from, middle, 3);
	} else {
		memcpy(d->bytes + from, n == 2 ? shorter : longer, n);
	}
	d->len += n;
}

static inline int ci_random(void *context, unsigned char *to, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = (unsigned char)rand();
	return 0;
}

/* The signature of @file with CI_DIR/@name.key. */
static inline size_t ci_value(const char *name, const uint8_t *file, size_t len, uint8_t *signature,
			      size_t room)
{
	mbedtls_pk_context pk;
	uint8_t hash[32];
	char path[512];
	size_t size = 0;

	snprintf(path, sizeof(path), "%s/%s.key", CI_DIR, name);
	mbedtls_pk_init(&pk);
	assert_int_equal(mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), file, len, hash), 0);
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
	assert_int_equal(mbedtls_pk_parse_keyfile(&pk, path, NULL, ci_random, NULL), 0);
	assert_int_equal(mbedtls_pk_sign(&pk, MBEDTLS_MD_SHA256, hash, 32, signature, room, &size,
					 ci_random, NULL),
			 0);
#else
	assert_int_equal(mbedtls_pk_parse_keyfile(&pk, path, NULL), 0);
	assert_int_equal(
		mbedtls_pk_sign(&pk, MBEDTLS_MD_SHA256, hash, 32, signature, &size, ci_random, NULL), 0);
#endif
	assert_true(size <= room);
	mbedtls_pk_free(&pk);
	return size;
}

/* SignedData of one signer, who goes by @key_id: RFC 5652, 5.1 and 5.3. */
static inline void ci_cms(struct ci_der *d, struct ci_slice key_id, bool rsa, const uint8_t *value,
			  size_t size)
{
	static const uint8_t sha256[] = "\x30\x0B\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01";
	static const uint8_t ecdsa[] = "\x30\x0A\x06\x08\x2A\x86\x48\xCE\x3D\x04\x03\x02";
	static const uint8_t plain[] = "\x30\x0D\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x01\x01\x05\x00";
	static const uint8_t data[] = "\x30\x0B\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x07\x01";
	size_t content, sequence, signers, signer, at;

	d->len = 0;
	ci_put(d, "\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x07\x02", 11);
	content = sequence = d->len;
	ci_put(d, "\x02\x01\x03", 3);
	at = d->len;
	ci_put(d, sha256, sizeof(sha256) - 1);
	ci_wrap(d, at, DER_SET);
	ci_put(d, data, sizeof(data) - 1);
	signers = signer = d->len;
	ci_put(d, "\x02\x01\x03", 3);
	at = d->len;
	ci_put(d, key_id.p, key_id.len);
	ci_wrap(d, at, DER_CONTEXT(0));
	ci_put(d, sha256, sizeof(sha256) - 1);
	ci_put(d, rsa ? plain : ecdsa, rsa ? sizeof(plain) - 1 : sizeof(ecdsa) - 1);
	at = d->len;
	ci_put(d, value, size);
	ci_wrap(d, at, DER_OCTET_STRING);
	ci_wrap(d, signer, DER_SEQUENCE);
	ci_wrap(d, signers, DER_SET);
	ci_wrap(d, sequence, DER_SEQUENCE);
	ci_wrap(d, content, DER_EXPLICIT(0));
	ci_wrap(d, 0, DER_SEQUENCE);
}

/* Signs @file with key @name ("p256", "rsa2048"). */
static inline void ci_sign(struct ci_der *d, const char *name, const uint8_t *file, size_t len)
{
	static struct ci_keys keys;
	char certificate[64];
	uint8_t value[512];
	size_t size = ci_value(name, file, len, value, sizeof(value));

	snprintf(certificate, sizeof(certificate), "%s.der", name);
	ci_keys_init(&keys);
	ci_add_file(&keys, certificate, CI_ORIGIN_MOK, "OK");
	ci_cms(d, keys.key[0].key_id, keys.key[0].algorithm == CI_RSA_PKCS1, value, size);
	ci_keys_free(&keys);
}

#endif
