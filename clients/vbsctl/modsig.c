/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Module signatures: see modsig.h. DER is walked with one cursor per element,
 * which can't leave its parent; only the definite, shortest form of a length is
 * accepted, as DER has it (X.690, 10.1).
 */
#include "modsig.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Linux, include/linux/module_signature.h */
#define MARKER         "~Module signature appended~\n"
#define MARKER_SIZE    (sizeof(MARKER) - 1)
#define TRAILER_SIZE   12
#define TRAILER_TYPE   2
#define TRAILER_LENGTH 8 /* big endian */
#define TYPE_PKCS7     2

/* X.680, 8.4 and X.690, 8.1.2; RFC 2315 and RFC 5652 for what stands where */
#define DER_INTEGER  0x02
#define DER_OID      0x06
#define DER_SEQUENCE 0x30
#define DER_SET      0x31
#define DER_CONTEXT0 0xA0
#define DER_CONTEXT1 0xA1
#define DER_KEY_ID   0x80 /* [0] IMPLICIT SubjectKeyIdentifier */

struct der {
	const uint8_t *p, *end;
};

/* Take the next element: its tag and content. Return: false at the end, or if it is no DER. */
static bool next(struct der *in, uint8_t *tag, struct der *content)
{
	size_t left = (size_t)(in->end - in->p), len, at = 2;

	if (left < 2 || (in->p[0] & 0x1F) == 0x1F)
		return false;
	len = in->p[1];
	if (len >= 0x80) {
		size_t bytes = len & 0x7F;

		if (bytes == 0 || bytes > 4 || bytes > left - 2)
			return false;
		len = 0;
		for (size_t i = 0; i < bytes; i++)
			len = len << 8 | in->p[2 + i];
		if (len < 0x80 || in->p[2] == 0)
			return false;
		at += bytes;
	}
	if (len > left - at)
		return false;
	*tag = in->p[0];
	content->p = in->p + at;
	content->end = content->p + len;
	in->p = content->end;
	return true;
}

/* The next element has to be of this kind. */
static bool enter(struct der *in, uint8_t tag, struct der *content)
{
	uint8_t found;

	return next(in, &found, content) && found == tag;
}

static bool peek(const struct der *in, uint8_t tag)
{
	return in->p < in->end && in->p[0] == tag;
}

static void hex(const struct der *from, char text[MODSIG_TEXT_MAX])
{
	const uint8_t *p = from->p;
	size_t n = 0;

	text[0] = '\0';
	for (; p < from->end && n + 2 < MODSIG_TEXT_MAX; p++, n += 2)
		snprintf(text + n, MODSIG_TEXT_MAX - n, "%02x", *p);
}

static void take_text(const struct der *from, char text[MODSIG_TEXT_MAX])
{
	size_t n = 0;

	for (const uint8_t *p = from->p; p < from->end && n < MODSIG_TEXT_MAX - 1; p++)
		text[n++] = *p >= ' ' && *p <= '~' ? (char)*p : '?';
	text[n] = '\0';
}

/* Name ::= SEQUENCE OF SET OF SEQUENCE { type, value }; the last common name counts. */
static bool take_name(struct der name, char text[MODSIG_TEXT_MAX])
{
	static const uint8_t common_name[] = { 0x55, 0x04, 0x03 };
	struct der set, pair, type, value;
	uint8_t tag;

	while (name.p < name.end) {
		if (!enter(&name, DER_SET, &set))
			return false;
		while (set.p < set.end) {
			if (!enter(&set, DER_SEQUENCE, &pair) || !enter(&pair, DER_OID, &type) ||
			    !next(&pair, &tag, &value))
				return false;
			if ((size_t)(type.end - type.p) == sizeof(common_name) &&
			    memcmp(type.p, common_name, sizeof(common_name)) == 0)
				take_text(&value, text);
		}
	}
	return true;
}

/* SignerInfo: version, then either issuer and serial number, or the key's identifier. */
static bool take_signer(struct der signer, struct modsig *out)
{
	struct der version, id, issuer, serial;

	if (!enter(&signer, DER_INTEGER, &version))
		return false;
	if (peek(&signer, DER_KEY_ID)) {
		if (!enter(&signer, DER_KEY_ID, &id) || id.p == id.end)
			return false;
		hex(&id, out->key_id);
		return true;
	}
	if (!enter(&signer, DER_SEQUENCE, &id) || !enter(&id, DER_SEQUENCE, &issuer) ||
	    !enter(&id, DER_INTEGER, &serial) || serial.p == serial.end)
		return false;
	hex(&serial, out->serial);
	return take_name(issuer, out->issuer);
}

/* ContentInfo { signedData, [0] SignedData { version, digests, content, [0] certificates, [1] lists, signers } } */
static bool take_pkcs7(struct der all, struct modsig *out)
{
	static const uint8_t signed_data[] = { 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x02 };
	struct der info, oid, explicit_, data, part, signers, signer;

	if (!enter(&all, DER_SEQUENCE, &info) || !enter(&info, DER_OID, &oid) ||
	    (size_t)(oid.end - oid.p) != sizeof(signed_data) ||
	    memcmp(oid.p, signed_data, sizeof(signed_data)) != 0 ||
	    !enter(&info, DER_CONTEXT0, &explicit_) || !enter(&explicit_, DER_SEQUENCE, &data))
		return false;
	if (!enter(&data, DER_INTEGER, &part) || !enter(&data, DER_SET, &part) ||
	    !enter(&data, DER_SEQUENCE, &part))
		return false;
	if (peek(&data, DER_CONTEXT0) && !enter(&data, DER_CONTEXT0, &part))
		return false;
	if (peek(&data, DER_CONTEXT1) && !enter(&data, DER_CONTEXT1, &part))
		return false;
	return enter(&data, DER_SET, &signers) && enter(&signers, DER_SEQUENCE, &signer) &&
	       take_signer(signer, out);
}

static void refuse(struct modsig *out, char *why, const char *text)
{
	memset(out, 0, sizeof(*out));
	out->kind = MODSIG_UNREADABLE;
	snprintf(why, MODSIG_WHY_MAX, "%s", text);
}

void modsig_decode(const void *data, size_t len, struct modsig *out, char *why)
{
	const uint8_t *file = data, *trailer;
	size_t size = 0, before;

	memset(out, 0, sizeof(*out));
	out->kind = MODSIG_UNSIGNED;
	if (len < MARKER_SIZE || memcmp(file + len - MARKER_SIZE, MARKER, MARKER_SIZE) != 0)
		return;
	if (len < MARKER_SIZE + TRAILER_SIZE) {
		refuse(out, why, "the signature's trailer is not there");
		return;
	}
	before = len - MARKER_SIZE - TRAILER_SIZE;
	trailer = file + before;
	for (unsigned int i = 0; i < 4; i++)
		size = size << 8 | trailer[TRAILER_LENGTH + i];
	if (trailer[TRAILER_TYPE] != TYPE_PKCS7) {
		refuse(out, why, "the signature is no PKCS#7");
		return;
	}
	if (size == 0 || size > before) {
		refuse(out, why, "the signature's length is more than the file");
		return;
	}
	out->kind = MODSIG_SIGNED;
	if (!take_pkcs7((struct der){ file + before - size, file + before }, out))
		refuse(out, why, "the signature's PKCS#7 makes no sense");
}

uint32_t keyring_bit(const char *name)
{
	static const struct {
		const char *name;
		uint32_t bit;
	} rings[] = {
		{ ".builtin_trusted_keys", KEYRING_BUILTIN },
		{ ".secondary_trusted_keys", KEYRING_SECONDARY },
		{ ".machine", KEYRING_MACHINE },
		{ ".platform", KEYRING_PLATFORM },
	};

	for (size_t i = 0; i < sizeof(rings) / sizeof(rings[0]); i++)
		if (strcmp(rings[i].name, name) == 0)
			return rings[i].bit;
	return 0;
}

/* Do the hexadecimal digits behind the last ": " say this identifier? Leading zeros are shown or not. */
static bool same_id(const char *shown, const char *id)
{
	while (shown[0] == '0' && shown[1] == '0')
		shown += 2;
	while (id[0] == '0' && id[1] == '0')
		id += 2;
	for (; *id != '\0' && tolower((unsigned char)*shown) == *id; id++)
		shown++;
	return *id == '\0' && *shown == '\0';
}

bool modsig_matches(const struct modsig *sig, const char *description)
{
	const char *colon = strrchr(description, ':');
	size_t n = strlen(sig->issuer), name;

	if (sig->kind != MODSIG_SIGNED || colon == NULL || colon[1] != ' ')
		return false;
	if (sig->key_id[0] != '\0')
		return same_id(colon + 2, sig->key_id);
	if (n == 0)
		return same_id(colon + 2, sig->serial);
	/* the kernel writes "ORGANISATION: NAME", or "NAME" alone (Linux, x509_cert_parser.c) */
	name = (size_t)(colon - description);
	return name >= n && memcmp(colon - n, sig->issuer, n) == 0 &&
	       (name == n || (name >= n + 2 && memcmp(colon - n - 2, ": ", 2) == 0));
}
