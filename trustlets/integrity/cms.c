// SPDX-License-Identifier: GPL-2.0-only
/* Signatures of modules: see cms.h. Names as in RFC 5652; algorithms RFC 3370, 5754, 5758. */
#include "cms.h"

/* An OBJECT IDENTIFIER's content. */
#define OID(name, ...) static const uint8_t name[] = { __VA_ARGS__ }

OID(oid_signed_data, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x02);
OID(oid_data, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x01);
OID(oid_rsa, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01);
OID(oid_md5, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x02, 0x05);
OID(oid_sha1, 0x2B, 0x0E, 0x03, 0x02, 0x1A);
OID(oid_ecdsa_sha1, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x01);
/* These go on with one byte, which is the hash. */
OID(oid_sha2, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02);
OID(oid_ecdsa_sha2, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03);

/* CMSVersion of a signer that is named by issuer and serial number, or by key id (5.3). */
#define VERSION_ISSUER 1
#define VERSION_KEY_ID 3

static bool is(struct ci_slice s, const uint8_t *oid, size_t len)
{
	return ci_slice_is(s, oid, len);
}
#define IS(s, oid) is(s, oid, sizeof(oid))

/* Is @s @prefix and one byte more, @last? */
static bool is_sub(struct ci_slice s, const uint8_t *prefix, size_t len, uint8_t last)
{
	return s.len == len + 1 && s.p[len] == last && is((struct ci_slice){ s.p, len }, prefix, len);
}
#define IS_SUB(s, prefix, last) is_sub(s, prefix, sizeof(prefix), last)

/* AlgorithmIdentifier. @parameters: all that stands behind the name. */
static enum ci_reason take_algorithm(struct ci_slice *in, struct ci_slice *oid, struct ci_slice *parameters)
{
	enum ci_reason why = der_take(in, DER_SEQUENCE, parameters);

	return why == CI_OK ? der_take(parameters, DER_OID, oid) : why;
}

static bool is_null(struct ci_slice parameters)
{
	static const uint8_t null[] = { DER_NULL, 0 };

	return IS(parameters, null);
}

/* A DigestAlgorithmIdentifier; parameters NULL or left out are the same (RFC 5754, 2). */
static enum ci_reason take_hash(struct ci_slice *in, enum ci_hash *hash)
{
	struct ci_slice oid, parameters;
	enum ci_reason why = take_algorithm(in, &oid, &parameters);

	if (why != CI_OK)
		return why;
	if (IS_SUB(oid, oid_sha2, 1))
		*hash = CI_SHA256;
	else if (IS_SUB(oid, oid_sha2, 2))
		*hash = CI_SHA384;
	else if (IS_SUB(oid, oid_sha2, 3))
		*hash = CI_SHA512;
	else if (IS(oid, oid_sha1) || IS(oid, oid_md5))
		return CI_E_HASH_WEAK;
	else
		return CI_E_HASH_UNKNOWN;
	return parameters.len == 0 || is_null(parameters) ? CI_OK : CI_E_CMS_PARAMETERS;
}

/* SignatureAlgorithmIdentifier: rsaEncryption (NULL, RFC 3370, 3.2) or ecdsa-with-SHA2 (none, RFC 5758, 3.2). */
static enum ci_reason take_signature_algorithm(struct ci_slice *in, struct ci_cms *out)
{
	static const uint8_t ecdsa[] = { [CI_SHA256] = 2, [CI_SHA384] = 3, [CI_SHA512] = 4 };
	struct ci_slice oid, parameters;
	bool is_rsa;
	enum ci_reason why = take_algorithm(in, &oid, &parameters);

	if (why != CI_OK)
		return why;
	is_rsa = IS(oid, oid_rsa);
	if (!is_rsa) {
		if (IS(oid, oid_ecdsa_sha1))
			return CI_E_HASH_WEAK;
		if (!IS_SUB(oid, oid_ecdsa_sha2, 2) && !IS_SUB(oid, oid_ecdsa_sha2, 3) &&
		    !IS_SUB(oid, oid_ecdsa_sha2, 4))
			return CI_E_ALGORITHM;
		if (!IS_SUB(oid, oid_ecdsa_sha2, ecdsa[out->hash]))
			return CI_E_HASH_DIFFERS;
	}
	out->algorithm = is_rsa ? CI_RSA_PKCS1 : CI_ECDSA;
	return (is_rsa ? is_null(parameters) : parameters.len == 0) ? CI_OK : CI_E_CMS_PARAMETERS;
}

/* SignerIdentifier */
static enum ci_reason take_signer(struct ci_slice *in, uint8_t version, struct ci_cms *out)
{
	struct ci_slice seq;
	struct der_element name;
	enum ci_reason why;

	if (der_at(in, DER_CONTEXT(0))) {
		why = der_take(in, DER_CONTEXT(0), &out->key_id);
		if (why == CI_OK && (out->key_id.len == 0 || out->key_id.len > CI_KEY_ID_MAX))
			why = CI_E_CMS_SIGNER_ID;
		if (why == CI_OK && version != VERSION_KEY_ID)
			why = CI_E_CMS_VERSION;
		return why;
	}
	if (!der_at(in, DER_SEQUENCE))
		return CI_E_CMS_SIGNER_ID;
	why = der_take(in, DER_SEQUENCE, &seq);
	if (why == CI_OK)
		why = der_read(&seq, &name);
	if (why == CI_OK && name.tag != DER_SEQUENCE)
		why = CI_E_CMS_SIGNER_ID;
	if (why == CI_OK)
		why = der_take(&seq, DER_INTEGER, &out->serial);
	if (why == CI_OK)
		why = der_end(&seq);
	if (why == CI_OK && version != VERSION_ISSUER)
		why = CI_E_CMS_VERSION;
	if (why == CI_OK)
		out->issuer = name.whole;
	return why;
}

static enum ci_reason parse_signer_info(struct ci_slice in, uint8_t version, enum ci_hash expected,
					struct ci_cms *out)
{
	uint8_t own_version;
	enum ci_reason why = der_take_small(&in, &own_version);

	/* RFC 5652, 5.1: the two are the same when the content is plain data. */
	if (why == CI_OK && own_version != version)
		why = CI_E_CMS_VERSION;
	if (why == CI_OK)
		why = take_signer(&in, version, out);
	if (why == CI_OK)
		why = take_hash(&in, &out->hash);
	if (why == CI_OK && out->hash != expected)
		why = CI_E_HASH_DIFFERS;
	if (why == CI_OK && der_at(&in, DER_EXPLICIT(0)))
		why = CI_E_CMS_SIGNED_ATTRIBUTES;
	if (why == CI_OK)
		why = take_signature_algorithm(&in, out);
	if (why == CI_OK)
		why = der_take(&in, DER_OCTET_STRING, &out->value);
	if (why == CI_OK && out->value.len == 0)
		why = CI_E_CMS_SIZE;
	if (why == CI_OK && der_at(&in, DER_EXPLICIT(1)))
		why = CI_E_CMS_UNSIGNED_ATTRIBUTES;
	if (why == CI_OK)
		why = der_end(&in);
	return why;
}

/* EncapsulatedContentInfo: plain data that is not here. */
static enum ci_reason take_content(struct ci_slice *in)
{
	struct ci_slice seq, oid;
	enum ci_reason why = der_take(in, DER_SEQUENCE, &seq);

	if (why == CI_OK)
		why = der_take(&seq, DER_OID, &oid);
	if (why == CI_OK && !IS(oid, oid_data))
		why = CI_E_CMS_CONTENT;
	if (why == CI_OK && seq.len != 0)
		why = CI_E_CMS_ATTACHED;
	return why;
}

static enum ci_reason parse_signed_data(struct ci_slice in, struct ci_cms *out)
{
	struct ci_slice hashes, signers, signer;
	enum ci_hash hash = CI_SHA256;
	uint8_t version;
	enum ci_reason why = der_take_small(&in, &version);

	if (why == CI_OK)
		why = der_take(&in, DER_SET, &hashes);
	if (why == CI_OK)
		why = take_hash(&hashes, &hash);
	if (why == CI_OK && hashes.len != 0)
		why = CI_E_CMS_SIGNERS; /* a hash more is there for one signer more */
	if (why == CI_OK)
		why = take_content(&in);
	if (why == CI_OK && (der_at(&in, DER_EXPLICIT(0)) || der_at(&in, DER_EXPLICIT(1))))
		why = CI_E_CMS_CERTIFICATES;
	if (why == CI_OK)
		why = der_take(&in, DER_SET, &signers);
	if (why == CI_OK)
		why = der_end(&in);
	if (why == CI_OK && signers.len == 0)
		why = CI_E_CMS_SIGNERS;
	if (why == CI_OK)
		why = der_take(&signers, DER_SEQUENCE, &signer);
	if (why == CI_OK && signers.len != 0)
		why = CI_E_CMS_SIGNERS;
	if (why == CI_OK)
		why = parse_signer_info(signer, version, hash, out);
	return why;
}

/* ContentInfo, after all elements at every depth were found to be DER. */
static enum ci_reason parse(struct ci_slice in, struct ci_cms *out)
{
	struct ci_slice info, oid, outer, inner;
	enum ci_reason why;

	if (in.len == 0 || in.len > CI_SIGNATURE_MAX)
		return CI_E_CMS_SIZE;
	why = der_check(in);
	if (why == CI_OK)
		why = der_take(&in, DER_SEQUENCE, &info);
	if (why == CI_OK)
		why = der_take(&info, DER_OID, &oid);
	if (why == CI_OK && !IS(oid, oid_signed_data))
		why = CI_E_CMS_TYPE;
	if (why == CI_OK)
		why = der_take(&info, DER_EXPLICIT(0), &outer);
	if (why == CI_OK)
		why = der_end(&info);
	if (why == CI_OK)
		why = der_take(&outer, DER_SEQUENCE, &inner);
	if (why == CI_OK)
		why = der_end(&outer);
	if (why == CI_OK)
		why = parse_signed_data(inner, out);
	return why;
}

enum ci_reason ci_cms_parse(struct ci_slice in, struct ci_cms *out)
{
	enum ci_reason why;

	*out = (struct ci_cms){ 0 };
	why = parse(in, out);
	if (why != CI_OK)
		*out = (struct ci_cms){ 0 };
	return why;
}
