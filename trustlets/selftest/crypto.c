// SPDX-License-Identifier: GPL-2.0-only
/*
 * Debian's own cryptographic archives at work: libsodium for Ed25519 and
 * sealing, mbedTLS (2.28 and 3.6) for ECDSA P-256 with deterministic nonces.
 *
 * Known answers from the RFCs are compared inside, so that a wrong instruction,
 * a lost register or a torn page shows up here and not in a client.
 */
#include <mbedtls/ecdsa.h>
#include <mbedtls/ecp.h>
#include <mbedtls/md.h>
#include <string.h>

#include "internal.h"

#define P256_LEN        32
#define P256_PUBLIC_LEN (1 + 2 * P256_LEN)
#define SIGNATURE_LEN   64 /* Ed25519: R, S; P-256: r, s */

uint32_t selftest_seal(struct tl_request *rq, void *session)
{
	const uint8_t *ad, *plain;
	size_t ad_size, size, blob_size;
	uint8_t *blob;
	uint32_t r = tl_input(rq, 0, &ad, &ad_size), fits;

	if (r == OVBS_OK)
		r = tl_input(rq, 1, &plain, &size);
	if (r == OVBS_OK)
		r = tl_output(rq, 2, &blob, &blob_size);
	if (r != OVBS_OK)
		return r;
	r = tl_seal(ad, ad_size, plain, size, blob, &blob_size);
	fits = tl_set_size(rq, 2, blob_size);
	return r == OVBS_OK ? fits : r;
}

uint32_t selftest_unseal(struct tl_request *rq, void *session)
{
	const uint8_t *ad, *blob;
	size_t ad_size, size, plain_size;
	uint8_t *plain;
	uint32_t r = tl_input(rq, 0, &ad, &ad_size), fits;

	if (r == OVBS_OK)
		r = tl_input(rq, 1, &blob, &size);
	if (r == OVBS_OK)
		r = tl_output(rq, 2, &plain, &plain_size);
	if (r != OVBS_OK)
		return r;
	r = tl_unseal(ad, ad_size, blob, size, plain, &plain_size);
	fits = tl_set_size(rq, 2, plain_size);
	return r == OVBS_OK ? fits : r;
}

/* Parameters that both signing commands have. */
struct signing {
	uint64_t times;
	const uint8_t *message;
	size_t size;
};

static uint32_t get_signing(struct tl_request *rq, struct signing *s)
{
	uint32_t r = tl_value(rq, 0, &s->times, NULL);

	if (r == OVBS_OK)
		r = tl_input(rq, 1, &s->message, &s->size);
	if (r == OVBS_OK && s->times == 0)
		r = OVBS_E_BAD_PARAMETERS;
	return r;
}

static uint32_t put_signature(struct tl_request *rq, const uint8_t *signature,
			      const uint8_t *public, size_t public_size)
{
	uint32_t first = tl_put(rq, 2, signature, SIGNATURE_LEN);
	uint32_t second = tl_put(rq, 3, public, public_size);

	return first != OVBS_OK ? first : second;
}

uint32_t selftest_sign_ed25519(struct tl_request *rq, void *session)
{
	const struct selftest *st = session;
	uint8_t signature[SIGNATURE_LEN];
	struct signing s;
	uint32_t r = get_signing(rq, &s);

	if (r != OVBS_OK)
		return r;
	for (uint64_t i = 0; i < s.times; i++) {
		if (crypto_sign_detached(signature, NULL, s.message, s.size, st->ed25519_secret) != 0)
			return OVBS_E_GENERIC;
	}
	return put_signature(rq, signature, st->ed25519_public, sizeof(st->ed25519_public));
}

/* mbedTLS' kind of random source. */
static int blind(void *context, unsigned char *out, size_t size)
{
	tl_random(out, size);
	return 0;
}

struct p256 {
	mbedtls_ecp_group group;
	mbedtls_mpi secret;
	mbedtls_ecp_point public;
};

static void p256_init(struct p256 *k)
{
	mbedtls_ecp_group_init(&k->group);
	mbedtls_mpi_init(&k->secret);
	mbedtls_ecp_point_init(&k->public);
}

static void p256_free(struct p256 *k)
{
	mbedtls_ecp_group_free(&k->group);
	mbedtls_mpi_free(&k->secret);
	mbedtls_ecp_point_free(&k->public);
}

/* r and s of the message's SHA-256, most significant bytes first. 0 or an error of mbedTLS. */
static int p256_sign(struct p256 *k, const uint8_t *message, size_t size, uint8_t *signature)
{
	uint8_t hash[crypto_hash_sha256_BYTES];
	mbedtls_mpi r, s;
	int rc;

	crypto_hash_sha256(hash, message, size);
	mbedtls_mpi_init(&r);
	mbedtls_mpi_init(&s);
	rc = mbedtls_ecdsa_sign_det_ext(&k->group, &r, &s, &k->secret, hash, sizeof(hash),
					MBEDTLS_MD_SHA256, blind, NULL);
	if (rc == 0)
		rc = mbedtls_mpi_write_binary(&r, signature, P256_LEN);
	if (rc == 0)
		rc = mbedtls_mpi_write_binary(&s, signature + P256_LEN, P256_LEN);
	mbedtls_mpi_free(&r);
	mbedtls_mpi_free(&s);
	return rc;
}

static int p256_public(struct p256 *k, uint8_t *public)
{
	size_t size;

	return mbedtls_ecp_point_write_binary(&k->group, &k->public, MBEDTLS_ECP_PF_UNCOMPRESSED,
					      &size, public, P256_PUBLIC_LEN);
}

uint32_t selftest_sign_p256(struct tl_request *rq, void *session)
{
	uint8_t signature[SIGNATURE_LEN], public[P256_PUBLIC_LEN];
	static struct p256 key; /* made at the first use: it takes longer than a signature */
	static bool have_key;
	struct signing s;
	uint32_t r = get_signing(rq, &s);

	if (r != OVBS_OK)
		return r;
	if (!have_key) {
		p256_init(&key);
		if (mbedtls_ecp_group_load(&key.group, MBEDTLS_ECP_DP_SECP256R1) != 0 ||
		    mbedtls_ecp_gen_keypair(&key.group, &key.secret, &key.public, blind, NULL) != 0) {
			p256_free(&key);
			return OVBS_E_OUT_OF_MEMORY;
		}
		have_key = true;
	}
	for (uint64_t i = 0; i < s.times; i++) {
		if (p256_sign(&key, s.message, s.size, signature) != 0)
			return OVBS_E_GENERIC;
	}
	if (p256_public(&key, public) != 0)
		return OVBS_E_GENERIC;
	return put_signature(rq, signature, public, sizeof(public));
}

/* @hex is a constant of this file, twice @size characters long. */
static void from_hex(uint8_t *out, size_t size, const char *hex)
{
	sodium_hex2bin(out, size, hex, 2 * size, NULL, NULL, NULL);
}

static bool ed25519_vector(void)
{
	static const char seed_hex[] = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
	static const char public_hex[] = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
	static const char signature_hex[] =
		"e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555"
		"fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b";
	uint8_t seed[crypto_sign_SEEDBYTES], secret[crypto_sign_SECRETKEYBYTES];
	uint8_t public[crypto_sign_PUBLICKEYBYTES], want_public[crypto_sign_PUBLICKEYBYTES];
	uint8_t signature[crypto_sign_BYTES], want[crypto_sign_BYTES];

	from_hex(seed, sizeof(seed), seed_hex);
	from_hex(want_public, sizeof(want_public), public_hex);
	from_hex(want, sizeof(want), signature_hex);
	crypto_sign_seed_keypair(public, secret, seed);
	crypto_sign_detached(signature, NULL, (const uint8_t *)"", 0, secret);
	if (memcmp(public, want_public, sizeof(public)) != 0 || memcmp(signature, want, sizeof(want)) != 0 ||
	    crypto_sign_verify_detached(signature, (const uint8_t *)"", 0, public) != 0)
		return false;
	signature[0] ^= 1;
	return crypto_sign_verify_detached(signature, (const uint8_t *)"", 0, public) != 0;
}

/* A key pair from its secret number, in @k that was initialised. */
static bool p256_from_secret(struct p256 *k, const char *secret_hex)
{
	uint8_t secret[P256_LEN];

	from_hex(secret, sizeof(secret), secret_hex);
	return mbedtls_ecp_group_load(&k->group, MBEDTLS_ECP_DP_SECP256R1) == 0 &&
	       mbedtls_mpi_read_binary(&k->secret, secret, sizeof(secret)) == 0 &&
	       mbedtls_ecp_mul(&k->group, &k->public, &k->secret, &k->group.G, blind, NULL) == 0;
}

static bool p256_vector(void)
{
	static const char secret_hex[] = "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721";
	static const char public_hex[] =
		"0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
		"7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299";
	static const char signature_hex[] =
		"efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
		"f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8";
	uint8_t public[P256_PUBLIC_LEN], want_public[P256_PUBLIC_LEN];
	uint8_t signature[SIGNATURE_LEN], want[SIGNATURE_LEN];
	struct p256 k;
	bool good;

	from_hex(want_public, sizeof(want_public), public_hex);
	from_hex(want, sizeof(want), signature_hex);
	p256_init(&k);
	good = p256_from_secret(&k, secret_hex) && p256_public(&k, public) == 0 &&
	       p256_sign(&k, (const uint8_t *)"sample", 6, signature) == 0 &&
	       memcmp(public, want_public, sizeof(public)) == 0 &&
	       memcmp(signature, want, sizeof(want)) == 0;
	p256_free(&k);
	return good;
}

static bool seal_vector(void)
{
	static const char ad[] = "selftest", text[] = "a secret";
	uint8_t blob[sizeof(text) + TL_SEAL_OVERHEAD], plain[sizeof(text)];
	size_t size = sizeof(blob), plain_size = sizeof(plain);

	if (tl_seal(ad, sizeof(ad), text, sizeof(text), blob, &size) != OVBS_OK ||
	    tl_unseal(ad, sizeof(ad), blob, size, plain, &plain_size) != OVBS_OK ||
	    plain_size != sizeof(text) || memcmp(plain, text, sizeof(text)) != 0)
		return false;
	for (size_t bit = 0; bit < 8 * size; bit++) {
		blob[bit / 8] ^= (uint8_t)(1u << bit % 8);
		plain_size = sizeof(plain);
		if (tl_unseal(ad, sizeof(ad), blob, size, plain, &plain_size) != OVBS_E_SECURITY)
			return false;
		blob[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	return true;
}

uint32_t selftest_crypto_vectors(struct tl_request *rq, void *session)
{
	uint64_t failed = 0;

	if (!ed25519_vector())
		failed |= SELFTEST_VECTOR_ED25519;
	if (!p256_vector())
		failed |= SELFTEST_VECTOR_P256;
	if (!seal_vector())
		failed |= SELFTEST_VECTOR_SEAL;
	return tl_set_value(rq, 0, failed,
			    SELFTEST_VECTOR_ED25519 | SELFTEST_VECTOR_P256 | SELFTEST_VECTOR_SEAL);
}
