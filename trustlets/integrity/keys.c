// SPDX-License-Identifier: GPL-2.0-only
/* Keys that may sign modules, and revocations: see keys.h. */
#include "keys.h"

#include <stdlib.h>
#include <string.h>

#include <mbedtls/ecp.h>
#include <mbedtls/md.h>
#include <mbedtls/pk.h>
#include <mbedtls/rsa.h>
#include <mbedtls/version.h>

static const uint8_t oid_key_id[] = { 0x55, 0x1D, 0x0E }; /* id-ce-subjectKeyIdentifier, RFC 5280, 4.2.1.2 */

static struct ci_slice slice(const mbedtls_x509_buf *b)
{
	return (struct ci_slice){ b->p, b->len };
}

static bool same(struct ci_slice a, struct ci_slice b)
{
	return ci_slice_is(a, b.p, b.len);
}

/* Serial number and issuer, one behind the other: the same bytes? Where one ends in a raw key is not known. */
static bool same_id(struct ci_slice a1, struct ci_slice a2, struct ci_slice b1, struct ci_slice b2)
{
	size_t n = a1.len < b1.len ? a1.len : b1.len;

	if (a1.len + a2.len != b1.len + b2.len || a1.len + a2.len == 0)
		return false;
	for (size_t i = n; i < a1.len + a2.len; i++) {
		uint8_t a = i < a1.len ? a1.p[i] : a2.p[i - a1.len];
		uint8_t b = i < b1.len ? b1.p[i] : b2.p[i - b1.len];

		if (a != b)
			return false;
	}
	return n == 0 || memcmp(a1.p, b1.p, n) == 0;
}

static void free_key(struct ci_key *key)
{
	mbedtls_x509_crt_free(&key->certificate);
	free(key->raw);
	memset(key, 0, sizeof(*key));
}

static enum ci_reason sha256(struct ci_slice s, uint8_t hash[CI_SHA256_SIZE])
{
	return mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), s.p, s.len, hash) == 0 ?
		       CI_OK :
		       CI_E_MEMORY;
}

void ci_keys_init(struct ci_keys *keys)
{
	memset(keys, 0, sizeof(*keys));
}

void ci_keys_free(struct ci_keys *keys)
{
	for (size_t i = 0; i < keys->count; i++)
		free_key(&keys->key[i]);
	memset(keys, 0, sizeof(*keys));
	keys->closed = true;
}

void ci_keys_close(struct ci_keys *keys)
{
	keys->closed = true;
}

/* mbedTLS's results for a certificate, as far as a person would want to tell them apart. */
static enum ci_reason parse_result(int ret)
{
	if (ret < 0 && CI_MBEDTLS_LOW(ret) == MBEDTLS_ERR_MPI_ALLOC_FAILED)
		return CI_E_MEMORY;
	switch (ret) {
	case 0:
		return CI_OK;
	case MBEDTLS_ERR_X509_ALLOC_FAILED:
	case MBEDTLS_ERR_PK_ALLOC_FAILED:
		return CI_E_MEMORY;
	case MBEDTLS_ERR_PK_UNKNOWN_PK_ALG:
		return CI_E_KEY_TYPE;
	case MBEDTLS_ERR_PK_UNKNOWN_NAMED_CURVE:
		return CI_E_KEY_CURVE;
	case MBEDTLS_ERR_PK_INVALID_PUBKEY: /* RSA: also for an exponent even or below 3 */
	case MBEDTLS_ERR_ECP_INVALID_KEY:
		return CI_E_KEY_INVALID;
	default:
		return CI_E_KEY_CERTIFICATE;
	}
}

/* mbedtls_pk_get_bitlen() counts whole bytes in 2.28: 2041 bits would be 2048. */
static enum ci_reason check_rsa(struct ci_key *key)
{
	enum ci_reason why = CI_OK;
	mbedtls_mpi n, e;

	mbedtls_mpi_init(&n);
	mbedtls_mpi_init(&e);
	if (mbedtls_rsa_export(mbedtls_pk_rsa(key->certificate.pk), &n, NULL, NULL, NULL, &e) != 0)
		why = CI_E_MEMORY;
	else if (mbedtls_mpi_bitlen(&n) < CI_RSA_BITS_MIN)
		why = CI_E_KEY_SHORT;
	else if (mbedtls_mpi_get_bit(&e, 0) == 0 || mbedtls_mpi_cmp_int(&e, 3) < 0 ||
		 mbedtls_mpi_bitlen(&e) > CI_RSA_EXPONENT_BITS_MAX)
		why = CI_E_KEY_INVALID;
	key->bits = (unsigned int)mbedtls_mpi_bitlen(&n);
	mbedtls_mpi_free(&n);
	mbedtls_mpi_free(&e);
	return why;
}

static enum ci_reason check_ec(struct ci_key *key)
{
#if MBEDTLS_VERSION_NUMBER >= 0x03060000
	mbedtls_ecp_group_id curve =
		mbedtls_ecp_keypair_get_group_id(mbedtls_pk_ec(key->certificate.pk));
#else
	mbedtls_ecp_group_id curve = mbedtls_pk_ec(key->certificate.pk)->grp.id;
#endif

	key->bits = curve == MBEDTLS_ECP_DP_SECP256R1 ? 256 : 384;
	return curve == MBEDTLS_ECP_DP_SECP256R1 || curve == MBEDTLS_ECP_DP_SECP384R1 ? CI_OK : CI_E_KEY_CURVE;
}

static enum ci_reason check_key(struct ci_key *key)
{
	switch (mbedtls_pk_get_type(&key->certificate.pk)) {
	case MBEDTLS_PK_RSA:
		key->algorithm = CI_RSA_PKCS1;
		return check_rsa(key);
	case MBEDTLS_PK_ECKEY:
		key->algorithm = CI_ECDSA;
		return check_ec(key);
	default: /* such as one for Diffie-Hellman only */
		return CI_E_KEY_TYPE;
	}
}

/* mbedTLS 2.28 does not give out the key id. Extension: RFC 5280, 4.1. */
static enum ci_reason read_key_id(struct ci_key *key)
{
	struct ci_slice in = slice(&key->certificate.v3_ext), list = { NULL, 0 };
	enum ci_reason why = CI_OK;

	if (in.len > 0)
		why = der_take(&in, DER_SEQUENCE, &list);
	while (why == CI_OK && list.len > 0) {
		struct ci_slice ext, oid, critical, value;

		why = der_take(&list, DER_SEQUENCE, &ext);
		if (why == CI_OK)
			why = der_take(&ext, DER_OID, &oid);
		if (why == CI_OK && der_at(&ext, DER_BOOLEAN))
			why = der_take(&ext, DER_BOOLEAN, &critical);
		if (why == CI_OK)
			why = der_take(&ext, DER_OCTET_STRING, &value);
		if (why != CI_OK || !ci_slice_is(oid, oid_key_id, sizeof(oid_key_id)))
			continue;
		if (key->key_id.len > 0)
			return CI_E_KEY_CERTIFICATE; /* twice */
		why = der_take(&value, DER_OCTET_STRING, &key->key_id);
		if (why == CI_OK && (value.len > 0 || key->key_id.len == 0 || key->key_id.len > CI_KEY_ID_MAX))
			why = CI_E_KEY_CERTIFICATE;
	}
	return why;
}

/* For logs: a name that came from outside must not be able to forge a line. @n: as mbedtls_x509_dn_gets() returns it. */
static void clean_subject(struct ci_key *key, int n)
{
	if (n < 0)
		strcpy(key->subject, "(a name too long to print)");
	else if (n == 0)
		strcpy(key->subject, "(no name)");
	for (char *c = key->subject; *c != '\0'; c++) {
		if (*c < ' ' || *c > '~')
			*c = '?';
	}
}

static void read_subject(struct ci_key *key)
{
	clean_subject(key, mbedtls_x509_dn_gets(key->subject, sizeof(key->subject),
						&key->certificate.subject));
}

static enum ci_reason read_names(struct ci_key *key)
{
	struct ci_slice issuer = slice(&key->certificate.issuer_raw);

	key->spki = slice(&key->certificate.pk_raw);
	key->serial = slice(&key->certificate.serial);
	return der_take(&issuer, DER_SEQUENCE, &key->issuer);
}

/* Everything about @key but its place in the set. */
static enum ci_reason read_certificate(struct ci_key *key, struct ci_slice der)
{
	enum ci_reason why;

	why = parse_result(mbedtls_x509_crt_parse_der(&key->certificate, der.p, der.len));
	if (why == CI_OK)
		why = check_key(key);
	if (why == CI_OK)
		why = read_key_id(key);
	if (why == CI_OK)
		why = read_names(key);
	if (why == CI_OK)
		why = sha256(slice(&key->certificate.raw), key->sha256);
	if (why == CI_OK)
		why = sha256(slice(&key->certificate.tbs), key->tbs_sha256);
	if (why == CI_OK)
		read_subject(key);
	return why;
}

static bool goes_by(const struct ci_key *key, struct ci_slice serial, struct ci_slice issuer,
		    struct ci_slice key_id)
{
	return same_id(serial, issuer, key->serial, key->issuer) ||
	       (key_id.len > 0 && same(key_id, key->key_id));
}

static bool is_certificate_of(const struct ci_key *a, const struct ci_key *b)
{
	if (a->raw != NULL || b->raw != NULL)
		return a->raw != NULL && b->raw != NULL && same(a->spki, b->spki) &&
		       same(a->serial, b->serial) && same(a->key_id, b->key_id);
	return same(slice(&a->certificate.raw), slice(&b->certificate.raw));
}

/* CI_OK and *@known: there already. A key that is certified twice has the same public key twice. */
static enum ci_reason compare(const struct ci_keys *keys, const struct ci_key *new, bool *known)
{
	*known = false;
	for (size_t i = 0; i < keys->count; i++) {
		const struct ci_key *key = &keys->key[i];

		if (is_certificate_of(key, new))
			*known = true;
		else if (goes_by(key, new->serial, new->issuer, new->key_id) && !same(key->spki, new->spki))
			return CI_E_KEY_AMBIGUOUS;
	}
	return CI_OK;
}

/* Where the next key is made: its place in the set, or @spare, as a full set still takes what it has. */
static struct ci_key *new_key(struct ci_keys *keys, struct ci_key *spare, enum ci_origin origin)
{
	struct ci_key *key = keys->count < CI_KEYS_MAX ? &keys->key[keys->count] : spare;

	memset(key, 0, sizeof(*key));
	mbedtls_x509_crt_init(&key->certificate);
	key->origin = origin;
	return key;
}

/* Puts a key of new_key() into the set, if it is a good one (@why) and not there already. */
static enum ci_reason take(struct ci_keys *keys, struct ci_key *key, const struct ci_key *spare,
			   enum ci_reason why)
{
	bool known = false;

	if (why == CI_OK)
		why = compare(keys, key, &known);
	if (why == CI_OK && !known && key == spare)
		why = CI_E_KEY_FULL;
	if (why == CI_OK && !known)
		keys->count++;
	else
		free_key(key);
	return why;
}

enum ci_reason ci_keys_add(struct ci_keys *keys, struct ci_slice der, enum ci_origin origin)
{
	struct ci_key spare, *key;
	enum ci_reason why;

	if (keys->closed)
		return CI_E_KEY_CLOSED;
	why = der_check(der);
	if (why != CI_OK)
		return why;
	key = new_key(keys, &spare, origin);
	return take(keys, key, &spare, read_certificate(key, der));
}

/* AlgorithmIdentifiers of RFC 3279, 2.3.1, and RFC 5480, 2.1.1. */
static const uint8_t rsa_algorithm[] = { 0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86,
					 0xF7, 0x0D, 0x01, 0x01, 0x01, 0x05, 0x00 };
static const uint8_t p256_algorithm[] = { 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48,
					  0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A,
					  0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07 };
static const uint8_t p384_algorithm[] = { 0x30, 0x10, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D,
					  0x02, 0x01, 0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x22 };

#define HEADER_MAX 4 /* tag and length of up to 65535 */
#define SPKI_MORE  (3 * HEADER_MAX + sizeof(p256_algorithm) + 1)

static uint8_t *put_header(uint8_t *p, uint8_t tag, size_t len)
{
	*p++ = tag;
	if (len >= 256)
		*p++ = 0x82, *p++ = (uint8_t)(len >> 8);
	else if (len >= 128)
		*p++ = 0x81;
	*p++ = (uint8_t)len;
	return p;
}

static uint8_t *put_bytes(uint8_t *p, struct ci_slice s)
{
	if (s.len > 0)
		memcpy(p, s.p, s.len);
	return p + s.len;
}

static struct ci_slice algorithm_of(const struct ci_raw_key *raw)
{
	if (raw->algorithm == CI_RSA_PKCS1)
		return (struct ci_slice){ rsa_algorithm, sizeof(rsa_algorithm) };
	return raw->bits == 256 ? (struct ci_slice){ p256_algorithm, sizeof(p256_algorithm) } :
				  (struct ci_slice){ p384_algorithm, sizeof(p384_algorithm) };
}

/* SubjectPublicKeyInfo (RFC 5280, 4.1). Return: its end. */
static uint8_t *put_spki(uint8_t *p, const struct ci_raw_key *raw)
{
	struct ci_slice algorithm = algorithm_of(raw);
	uint8_t bits[HEADER_MAX + 1], *end = put_header(bits, DER_BIT_STRING, raw->key.len + 1);

	*end++ = 0; /* no unused bits */
	p = put_header(p, DER_SEQUENCE, algorithm.len + (size_t)(end - bits) + raw->key.len);
	p = put_bytes(p, algorithm);
	p = put_bytes(p, (struct ci_slice){ bits, (size_t)(end - bits) });
	return put_bytes(p, raw->key);
}

static enum ci_reason check_raw(const struct ci_raw_key *raw)
{
	if (raw->id.len + raw->key_id.len == 0 || raw->id.len > CI_RAW_MAX || raw->key_id.len > CI_KEY_ID_MAX)
		return CI_E_KEY_NAME;
	if (raw->algorithm == CI_RSA_PKCS1)
		return raw->key.len <= CI_RAW_MAX ? der_check(raw->key) : CI_E_KEY_INVALID;
	if (raw->bits != 256 && raw->bits != 384)
		return CI_E_KEY_CURVE;
	/* 4: both coordinates are there. */
	return raw->key.len == 1 + 2 * raw->bits / 8 && raw->key.p[0] == 4 ? CI_OK : CI_E_KEY_INVALID;
}

static struct ci_slice keep(uint8_t **p, struct ci_slice s)
{
	struct ci_slice kept = { *p, s.len };

	*p = put_bytes(*p, s);
	return kept;
}

static void read_name(struct ci_key *key, struct ci_slice name)
{
	size_t n = name.len < sizeof(key->subject) - 1 ? name.len : sizeof(key->subject) - 1;

	if (n > 0)
		memcpy(key->subject, name.p, n);
	clean_subject(key, (int)strlen(key->subject));
}

static enum ci_reason read_raw(struct ci_key *key, const struct ci_raw_key *raw)
{
	enum ci_reason why = check_raw(raw);
	uint8_t *p, *end;

	if (why != CI_OK)
		return why;
	key->raw = malloc(raw->key.len + SPKI_MORE + raw->id.len + raw->key_id.len);
	if (key->raw == NULL)
		return CI_E_MEMORY;
	end = put_spki(key->raw, raw);
	key->spki = (struct ci_slice){ key->raw, (size_t)(end - key->raw) };
	key->serial = keep(&end, raw->id);
	key->key_id = keep(&end, raw->key_id);
	p = key->raw;
	why = parse_result(
		mbedtls_pk_parse_subpubkey(&p, key->raw + key->spki.len, &key->certificate.pk));
	if (why == CI_E_KEY_CERTIFICATE || (why == CI_OK && p != key->raw + key->spki.len))
		why = CI_E_KEY_INVALID; /* there is no certificate: the key itself is wrong */
	if (why == CI_OK)
		why = check_key(key);
	if (why == CI_OK)
		read_name(key, raw->name);
	return why;
}

enum ci_reason ci_keys_add_raw(struct ci_keys *keys, const struct ci_raw_key *raw, enum ci_origin origin)
{
	struct ci_key spare, *key;

	if (keys->closed)
		return CI_E_KEY_CLOSED;
	key = new_key(keys, &spare, origin);
	return take(keys, key, &spare, read_raw(key, raw));
}

enum ci_reason ci_keys_add_list(struct ci_keys *keys, struct ci_slice list, enum ci_origin origin,
				struct ci_added *added)
{
	struct der_element e;
	enum ci_reason why;

	*added = (struct ci_added){ 0 };
	if (keys->closed)
		return CI_E_KEY_CLOSED;
	while (list.len > 0) {
		why = der_read(&list, &e);
		if (why != CI_OK)
			return why;
		why = e.tag == DER_SEQUENCE ? ci_keys_add(keys, e.whole, origin) : CI_E_KEY_CERTIFICATE;
		if (why == CI_OK)
			added->taken++;
		else if (added->refused++ == 0)
			added->first_refused = why;
	}
	return CI_OK;
}

enum ci_reason ci_keys_revoke(struct ci_keys *keys, enum ci_revocation kind, struct ci_slice id)
{
	struct ci_revoked *r;

	if (kind == CI_REVOKED_KEY_ID ? id.len == 0 || id.len > CI_KEY_ID_MAX :
					(unsigned int)kind >= CI_REVOCATION_COUNT || id.len != CI_SHA256_SIZE)
		return CI_E_REVOCATION;
	if (ci_keys_revoked(keys, kind, id))
		return CI_OK;
	if (keys->revoked_count == CI_REVOCATIONS_MAX)
		return CI_E_REVOCATION_FULL;
	r = &keys->revoked[keys->revoked_count++];
	r->kind = (uint8_t)kind;
	r->len = (uint8_t)id.len;
	memcpy(r->id, id.p, id.len);
	if (kind == CI_REVOKED_FILE)
		keys->files_revoked = true;
	return CI_OK;
}

bool ci_keys_revoked(const struct ci_keys *keys, enum ci_revocation kind, struct ci_slice id)
{
	for (size_t i = 0; i < keys->revoked_count; i++) {
		const struct ci_revoked *r = &keys->revoked[i];

		if (r->kind == kind && ci_slice_is(id, r->id, r->len))
			return true;
	}
	return false;
}

static bool key_revoked(const struct ci_keys *keys, const struct ci_key *key)
{
	struct ci_slice all = { key->sha256, CI_SHA256_SIZE }, tbs = { key->tbs_sha256, CI_SHA256_SIZE };

	if (ci_keys_revoked(keys, CI_REVOKED_KEY_ID, key->key_id))
		return true;
	return key->raw == NULL && (ci_keys_revoked(keys, CI_REVOKED_CERTIFICATE, all) ||
				    ci_keys_revoked(keys, CI_REVOKED_TBS, tbs));
}

enum ci_reason ci_keys_find(const struct ci_keys *keys, const struct ci_cms *cms, const struct ci_key **key)
{
	struct ci_slice whole = cms->issuer, issuer = { NULL, 0 };

	*key = NULL;
	if (whole.len > 0 && der_take(&whole, DER_SEQUENCE, &issuer) != CI_OK)
		return CI_E_KEY_UNKNOWN;
	for (size_t i = 0; i < keys->count; i++) {
		if (!goes_by(&keys->key[i], cms->serial, issuer, cms->key_id))
			continue;
		*key = &keys->key[i];
		if (!key_revoked(keys, *key))
			return CI_OK;
	}
	return *key != NULL ? CI_E_KEY_REVOKED : CI_E_KEY_UNKNOWN;
}
