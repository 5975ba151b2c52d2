// SPDX-License-Identifier: GPL-2.0-only
/* Verify a module's signature: see verify.h. */
#include "verify.h"

#include <string.h>

#include <mbedtls/md.h>
#include <mbedtls/pk.h>

#include "modsig.h"

/* Two hashes of a file are made piece by piece, so that the second finds the piece in the cache. */
#define PIECE ((size_t)16384)

static const mbedtls_md_type_t md_types[] = {
	[CI_SHA256] = MBEDTLS_MD_SHA256,
	[CI_SHA384] = MBEDTLS_MD_SHA384,
	[CI_SHA512] = MBEDTLS_MD_SHA512,
};

struct digest {
	uint8_t bytes[MBEDTLS_MD_MAX_SIZE];
	size_t len;
};

static bool hash_start(mbedtls_md_context_t *md, enum ci_hash hash)
{
	return mbedtls_md_setup(md, mbedtls_md_info_from_type(md_types[hash]), 0) == 0 &&
	       mbedtls_md_starts(md) == 0;
}

/* One pass over @file: its digest, and, if @sha256 is not NULL, its SHA-256. */
static enum ci_reason hash_file(struct ci_slice file, enum ci_hash hash, struct digest *digest,
				struct digest *sha256)
{
	bool both = sha256 != NULL && hash != CI_SHA256;
	mbedtls_md_context_t main, other;
	bool good;

	mbedtls_md_init(&main);
	mbedtls_md_init(&other);
	good = hash_start(&main, hash) && (!both || hash_start(&other, CI_SHA256));
	while (good && file.len > 0) {
		size_t n = file.len < PIECE ? file.len : PIECE;

		good = mbedtls_md_update(&main, file.p, n) == 0 &&
		       (!both || mbedtls_md_update(&other, file.p, n) == 0);
		file.p += n;
		file.len -= n;
	}
	good = good && mbedtls_md_finish(&main, digest->bytes) == 0 &&
	       (!both || mbedtls_md_finish(&other, sha256->bytes) == 0);
	mbedtls_md_free(&main);
	mbedtls_md_free(&other);
	if (!good)
		return CI_E_MEMORY; /* nothing else can go wrong in a hash */
	digest->len = mbedtls_md_get_size(mbedtls_md_info_from_type(md_types[hash]));
	if (sha256 != NULL && !both)
		*sha256 = *digest;
	return CI_OK;
}

/* Ecdsa-Sig-Value (RFC 3279, 2.2.3): mbedTLS reads it, but is not strict about its form. */
static enum ci_reason check_ecdsa_form(struct ci_slice value, size_t key_bytes)
{
	struct ci_slice seq, number[2];
	enum ci_reason why = der_take(&value, DER_SEQUENCE, &seq);

	if (why == CI_OK)
		why = der_end(&value);
	for (unsigned int i = 0; why == CI_OK && i < 2; i++) {
		why = der_take(&seq, DER_INTEGER, &number[i]);
		if (why != CI_OK)
			break;
		/* Neither negative nor zero; a leading zero is there for the sign only. */
		if (number[i].p[0] >= 0x80 || ci_slice_is(number[i], "", 1) ||
		    number[i].len - (number[i].p[0] == 0) > key_bytes)
			return CI_E_SIGNATURE_FORM;
	}
	if (why == CI_OK)
		why = der_end(&seq);
	return why == CI_OK ? CI_OK : CI_E_SIGNATURE_FORM;
}

static enum ci_reason check_form(const struct ci_cms *cms, const struct ci_key *key)
{
	size_t bytes = (key->bits + 7) / 8;

	if (cms->algorithm != key->algorithm)
		return CI_E_KEY_DIFFERS;
	if (cms->algorithm == CI_ECDSA)
		return check_ecdsa_form(cms->value, bytes);
	return cms->value.len == bytes ? CI_OK : CI_E_SIGNATURE_FORM;
}

static void name_signer(struct ci_verdict *out, const struct ci_cms *cms, const struct ci_key *key)
{
	out->has_signer = true;
	out->origin = key->origin;
	out->algorithm = cms->algorithm;
	out->hash = cms->hash;
	out->key_bits = key->bits;
	memcpy(out->subject, key->subject, sizeof(out->subject));
}

static enum ci_reason verify(const struct ci_keys *keys, struct ci_slice file,
			     struct ci_slice signature, struct ci_verdict *out)
{
	struct digest digest, sha256;
	const struct ci_key *key;
	struct ci_cms cms;
	enum ci_reason why;
	int ret;

	if (file.len == 0)
		return CI_E_EMPTY;
	why = ci_cms_parse(signature, &cms);
	if (why != CI_OK)
		return why;
	why = ci_keys_find(keys, &cms, &key);
	if (key != NULL)
		name_signer(out, &cms, key);
	if (why == CI_OK)
		why = check_form(&cms, key);
	if (why == CI_OK)
		why = hash_file(file, cms.hash, &digest, keys->files_revoked ? &sha256 : NULL);
	if (why != CI_OK)
		return why;
	if (keys->files_revoked &&
	    ci_keys_revoked(keys, CI_REVOKED_FILE, (struct ci_slice){ sha256.bytes, CI_SHA256_SIZE }))
		return CI_E_FILE_REVOKED;
	/*
	 * RSA: mbedTLS makes the one padding that is right and compares (RFC 8017,
	 * 8.2.2), it does not parse. ECDSA: it checks 0 < r, s < n. The cast: what
	 * mbedTLS may keep for the next time (RSA's Montgomery constant) does not
	 * change what the key is.
	 */
	ret = mbedtls_pk_verify((mbedtls_pk_context *)&key->certificate.pk, md_types[cms.hash],
				digest.bytes, digest.len, cms.value.p, cms.value.len);
	if (ret < 0 && CI_MBEDTLS_LOW(ret) == MBEDTLS_ERR_MPI_ALLOC_FAILED)
		return CI_E_MEMORY;
	return ret == 0 ? CI_OK : CI_E_SIGNATURE;
}

enum ci_reason ci_verify(const struct ci_keys *keys, const uint8_t *file, size_t len,
			 const uint8_t *signature, size_t signature_len, struct ci_verdict *out)
{
	memset(out, 0, sizeof(*out));
	out->reason = verify(keys, (struct ci_slice){ file, len },
			     (struct ci_slice){ signature, signature_len }, out);
	return out->reason;
}

enum ci_reason ci_verify_module(const struct ci_keys *keys, const uint8_t *module, size_t len,
				struct ci_verdict *out)
{
	struct ci_slice body, signature;
	enum ci_reason why = ci_modsig_split((struct ci_slice){ module, len }, &body, &signature);

	if (why == CI_OK)
		return ci_verify(keys, body.p, body.len, signature.p, signature.len, out);
	memset(out, 0, sizeof(*out));
	out->reason = why;
	return why;
}
