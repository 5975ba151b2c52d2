// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes, and a good certificate changed in places, as keys and as lists of
 * keys; then a signature, changed in places or not, of seven bytes or others.
 *
 * Only those seven bytes are ever accepted, and only with the unchanged key.
 */
/* links: trustlets/integrity/verify.c trustlets/integrity/keys.c trustlets/integrity/cms.c */
/* links: trustlets/integrity/modsig.c trustlets/integrity/der.c trustlets/integrity/reason.c */
#include "../../trustlets/integrity/verify.h"
#include "../unit/ci_sample.h"
#include "ci_edit.h"

/* Those of one input; and the unchanged key, for inputs that are about signatures. */
static struct ci_keys tried, sample_keys;

static void check_keys(const struct ci_keys *keys)
{
	FUZZ_CHECK(keys->count <= CI_KEYS_MAX);
	for (size_t i = 0; i < keys->count; i++) {
		const struct ci_key *key = &keys->key[i];
		const mbedtls_x509_buf *raw = &key->certificate.raw;

		FUZZ_CHECK(memchr(key->subject, '\0', sizeof(key->subject)) != NULL);
		for (const char *c = key->subject; *c != '\0'; c++)
			FUZZ_CHECK(*c >= ' ' && *c <= '~');
		FUZZ_CHECK(key->bits >= (key->algorithm == CI_RSA_PKCS1 ? CI_RSA_BITS_MIN : 256));
		FUZZ_CHECK(key->key_id.len == 0 ||
			   (key->key_id.p > raw->p && key->key_id.p + key->key_id.len < raw->p + raw->len));
	}
}

static bool has_sample_key(const struct ci_keys *keys)
{
	static const uint8_t point[] = { 0x03, 0x42, 0x00, 0x04, 0x2A, 0x9F, 0x4F, 0x5A };
	const mbedtls_x509_buf *spki;

	if (keys->count == 0)
		return false;
	spki = &keys->key[0].certificate.pk_raw;
	return spki->len == 91 && memcmp(spki->p + 23, point, sizeof(point)) == 0;
}

static void check_verdict(const struct ci_keys *keys, struct ci_slice body, struct ci_slice signature)
{
	struct ci_verdict v;

	if (ci_verify(keys, body.p, body.len, signature.p, signature.len, &v) == CI_OK) {
		FUZZ_CHECK(ci_slice_is(body, SAMPLE_BODY, sizeof(SAMPLE_BODY) - 1));
		FUZZ_CHECK(v.has_signer && v.key_bits == 256 && has_sample_key(keys));
	}
	FUZZ_CHECK(v.has_signer == (v.subject[0] != '\0'));
}

static void try_certificates(struct ci_keys *keys, struct fuzz_input *in, struct ci_slice all, bool list)
{
	struct ci_slice certificate;
	struct ci_added added;

	ci_keys_init(keys);
	if (list) {
		enum ci_reason why = ci_keys_add_list(keys, all, CI_ORIGIN_MOK, &added);

		FUZZ_CHECK(added.taken >= keys->count && why != CI_E_KEY_CLOSED);
		why = ci_keys_add(keys, all, CI_ORIGIN_MOK);
		FUZZ_CHECK(why != CI_OK || keys->count == 1);
	} else {
		certificate = edit(in, sample_certificate, sizeof(sample_certificate));
		if (ci_keys_add(keys, certificate, CI_ORIGIN_BUILTIN) == CI_OK)
			FUZZ_CHECK(keys->count == 1);
		free((void *)certificate.p);
	}
	check_keys(keys);
	ci_keys_close(keys);
	FUZZ_CHECK(ci_keys_add(keys, all, CI_ORIGIN_DB) == CI_E_KEY_CLOSED);
}

static void try_signature(const struct ci_keys *keys, struct fuzz_input *in, struct ci_slice body,
			  bool by_issuer)
{
	struct ci_slice signature;

	signature = by_issuer ? edit(in, sample_by_issuer, sizeof(sample_by_issuer)) :
				edit(in, sample_by_key_id, sizeof(sample_by_key_id));
	check_verdict(keys, body, signature);
	free((void *)signature.p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct ci_slice sample = { sample_certificate, sizeof(sample_certificate) };
	static const struct ci_slice signed_body = { (const uint8_t *)SAMPLE_BODY, 7 };
	struct fuzz_input in = { data, size };
	struct ci_slice all = { data, size };
	uint8_t how = fuzz_u8(&in);

	if (how % 2 == 0) {
		try_certificates(&tried, &in, all, how % 8 == 0);
		if (how >= 240)
			try_signature(&tried, &in, signed_body, how % 4 == 0);
		ci_keys_free(&tried);
		return 0;
	}
	if (sample_keys.count == 0)
		FUZZ_CHECK(ci_keys_add(&sample_keys, sample, CI_ORIGIN_BUILTIN) == CI_OK);
	try_signature(&sample_keys, &in, how < 224 ? signed_body : all, how % 4 == 1);
	return 0;
}
