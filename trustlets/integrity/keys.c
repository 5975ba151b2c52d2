// SPDX-License-Identifier: GPL-2.0-only
/* Keys that may sign modules, and revocations: see keys.h. */
#include "keys.h"

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
		mbedtls_x509_crt_free(&keys->key[i].certificate);
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

/* For logs: a name that came from outside must not be able to forge a line. */
static void read_subject(struct ci_key *key)
{
	int n = mbedtls_x509_dn_gets(key->subject, sizeof(key->subject), &key->certificate.subject);

	if (n < 0)
		strcpy(key->subject, "(a name too long to print)");
	else if (n == 0)
		strcpy(key->subject, "(no name)");
	for (char *c = key->subject; *c != '\0'; c++) {
		if (*c < ' ' || *c > '~')
			*c = '?';
	}
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
		why = sha256(slice(&key->certificate.raw), key->sha256);
	if (why == CI_OK)
		why = sha256(slice(&key->certificate.tbs), key->tbs_sha256);
	if (why == CI_OK)
		read_subject(key);
	return why;
}

static bool goes_by(const struct ci_key *key, struct ci_slice issuer, struct ci_slice serial,
		    struct ci_slice key_id)
{
	if (issuer.len > 0 && same(issuer, slice(&key->certificate.issuer_raw)) &&
	    same(serial, slice(&key->certificate.serial)))
		return true;
	return key_id.len > 0 && same(key_id, key->key_id);
}

/* CI_OK and *@known: there already. A key that is certified twice has the same public key twice. */
static enum ci_reason compare(const struct ci_keys *keys, const struct ci_key *new, bool *known)
{
	const mbedtls_x509_crt *c = &new->certificate;

	*known = false;
	for (size_t i = 0; i < keys->count; i++) {
		const struct ci_key *key = &keys->key[i];

		if (same(slice(&key->certificate.raw), slice(&c->raw)))
			*known = true;
		else if (goes_by(key, slice(&c->issuer_raw), slice(&c->serial), new->key_id) &&
			 !same(slice(&key->certificate.pk_raw), slice(&c->pk_raw)))
			return CI_E_KEY_AMBIGUOUS;
	}
	return CI_OK;
}

enum ci_reason ci_keys_add(struct ci_keys *keys, struct ci_slice der, enum ci_origin origin)
{
	struct ci_key *key;
	enum ci_reason why;
	struct ci_key spare;
	bool known = false;

	if (keys->closed)
		return CI_E_KEY_CLOSED;
	why = der_check(der);
	if (why != CI_OK)
		return why;
	/* A full set still takes what it has. */
	key = keys->count < CI_KEYS_MAX ? &keys->key[keys->count] : &spare;
	memset(key, 0, sizeof(*key));
	mbedtls_x509_crt_init(&key->certificate);
	key->origin = origin;
	why = read_certificate(key, der);
	if (why == CI_OK)
		why = compare(keys, key, &known);
	if (why == CI_OK && !known && key == &spare)
		why = CI_E_KEY_FULL;
	if (why == CI_OK && !known) {
		keys->count++;
	} else {
		mbedtls_x509_crt_free(&key->certificate);
		memset(key, 0, sizeof(*key));
	}
	return why;
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

	return ci_keys_revoked(keys, CI_REVOKED_CERTIFICATE, all) ||
	       ci_keys_revoked(keys, CI_REVOKED_TBS, tbs) ||
	       ci_keys_revoked(keys, CI_REVOKED_KEY_ID, key->key_id);
}

enum ci_reason ci_keys_find(const struct ci_keys *keys, const struct ci_cms *cms, const struct ci_key **key)
{
	*key = NULL;
	for (size_t i = 0; i < keys->count; i++) {
		if (!goes_by(&keys->key[i], cms->issuer, cms->serial, cms->key_id))
			continue;
		*key = &keys->key[i];
		if (!key_revoked(keys, *key))
			return CI_OK;
	}
	return *key != NULL ? CI_E_KEY_REVOKED : CI_E_KEY_UNKNOWN;
}
