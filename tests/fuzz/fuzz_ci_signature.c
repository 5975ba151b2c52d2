// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes, and good signatures changed in places, as CMS and as a module file.
 *
 * What the CMS reader accepts is in one form only: put together again from the
 * fields that it gave out, it has to be the same bytes (but for the NULL that
 * may stand or not stand behind each of two hashes).
 */
/* links: trustlets/integrity/cms.c trustlets/integrity/modsig.c trustlets/integrity/der.c */
#include "../../trustlets/integrity/cms.h"
#include "../../trustlets/integrity/modsig.h"
#include "../unit/ci_sample.h"
#include "ci_edit.h"

/* DER, written from the end to the front. */
struct writer {
	uint8_t bytes[CI_SIGNATURE_MAX + 256];
	size_t at;
};

static void put(struct writer *w, const void *p, size_t len)
{
	FUZZ_CHECK(w->at >= len);
	w->at -= len;
	if (len > 0)
		memcpy(w->bytes + w->at, p, len);
}

/* What was written since @end becomes the content of an element. */
static void wrap(struct writer *w, uint8_t tag, size_t end)
{
	size_t len = end - w->at;
	uint8_t header[4] = { tag, (uint8_t)len };
	size_t n = 2;

	if (len >= 0x100) {
		header[1] = 0x82;
		header[2] = (uint8_t)(len >> 8);
		header[3] = (uint8_t)len;
		n = 4;
	} else if (len >= 0x80) {
		header[1] = 0x81;
		header[2] = (uint8_t)len;
		n = 3;
	}
	put(w, header, n);
}

static void element(struct writer *w, uint8_t tag, struct ci_slice content)
{
	size_t end = w->at;

	put(w, content.p, content.len);
	wrap(w, tag, end);
}

static void small(struct writer *w, uint8_t value)
{
	put(w, (uint8_t[]){ DER_INTEGER, 1, value }, 3);
}

static void hash(struct writer *w, enum ci_hash h, bool null)
{
	uint8_t oid[] = { 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, (uint8_t)(1 + h) };
	size_t end = w->at;

	if (null)
		put(w, "\x05", 2);
	element(w, DER_OID, (struct ci_slice){ oid, sizeof(oid) });
	wrap(w, DER_SEQUENCE, end);
}

static void algorithm(struct writer *w, const struct ci_cms *cms)
{
	static const uint8_t rsa[] = { 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 1 };
	uint8_t ecdsa[] = { 0x2A, 0x86, 0x48, 0xCE, 0x3D, 4, 3, (uint8_t)(2 + cms->hash) };
	size_t end = w->at;

	if (cms->algorithm == CI_RSA_PKCS1) {
		put(w, "\x05", 2);
		element(w, DER_OID, (struct ci_slice){ rsa, sizeof(rsa) });
	} else {
		element(w, DER_OID, (struct ci_slice){ ecdsa, sizeof(ecdsa) });
	}
	wrap(w, DER_SEQUENCE, end);
}

static void write_cms(struct writer *w, const struct ci_cms *cms, bool null1, bool null2)
{
	static const uint8_t oids[] = { 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 7, 2,
					0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 7, 1 };
	uint8_t version = cms->key_id.len > 0 ? 3 : 1;
	size_t end;

	w->at = end = sizeof(w->bytes);
	element(w, DER_OCTET_STRING, cms->value);
	algorithm(w, cms);
	hash(w, cms->hash, null2);
	if (version == 3) {
		element(w, DER_CONTEXT(0), cms->key_id);
	} else {
		size_t signer = w->at;

		element(w, DER_INTEGER, cms->serial);
		put(w, cms->issuer.p, cms->issuer.len);
		wrap(w, DER_SEQUENCE, signer);
	}
	small(w, version);
	wrap(w, DER_SEQUENCE, end);
	wrap(w, DER_SET, end);
	size_t content = w->at;

	element(w, DER_OID, (struct ci_slice){ oids + 9, 9 });
	wrap(w, DER_SEQUENCE, content);
	size_t hashes = w->at;

	hash(w, cms->hash, null1);
	wrap(w, DER_SET, hashes);
	small(w, version);
	wrap(w, DER_SEQUENCE, end);
	wrap(w, DER_EXPLICIT(0), end);
	element(w, DER_OID, (struct ci_slice){ oids, 9 });
	wrap(w, DER_SEQUENCE, end);
}

static void check_cms(struct ci_slice in)
{
	static struct writer w;
	struct ci_cms cms;
	bool same = false;

	if (ci_cms_parse(in, &cms) != CI_OK) {
		FUZZ_CHECK(cms.value.len + cms.issuer.len + cms.serial.len + cms.key_id.len == 0);
		return;
	}
	FUZZ_CHECK(der_check(in) == CI_OK);
	FUZZ_CHECK((cms.key_id.len > 0) == (cms.issuer.len + cms.serial.len == 0));
	for (unsigned int nulls = 0; nulls < 4 && !same; nulls++) {
		write_cms(&w, &cms, nulls & 1, nulls & 2);
		same = ci_slice_is(in, w.bytes + w.at, sizeof(w.bytes) - w.at);
	}
	FUZZ_CHECK(same);
}

static void check_module(struct ci_slice in)
{
	struct ci_slice body, signature;

	if (ci_modsig_split(in, &body, &signature) != CI_OK)
		return;
	FUZZ_CHECK(body.p == in.p && body.len > 0 && signature.len > 0);
	FUZZ_CHECK(signature.p == body.p + body.len && body.len + signature.len + 40 == in.len);
	check_cms(signature);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char trailer[] = "\0\0\2\0\0\0\0\0\0\0\0\xCA~Module signature appended~\n";
	uint8_t module[7 + sizeof(sample_by_issuer) + sizeof(trailer) - 1] = SAMPLE_BODY;
	struct fuzz_input in = { data, size };
	struct ci_slice s = { data, size };
	uint8_t how = fuzz_u8(&in) % 4;

	if (how == 0) {
		check_cms(s);
		check_module(s);
		return 0;
	}
	memcpy(module + 7, sample_by_issuer, sizeof(sample_by_issuer));
	memcpy(module + 7 + sizeof(sample_by_issuer), trailer, sizeof(trailer) - 1);
	s = how == 1 ? edit(&in, sample_by_issuer, sizeof(sample_by_issuer)) :
	    how == 2 ? edit(&in, sample_by_key_id, sizeof(sample_by_key_id)) :
		       edit(&in, module, sizeof(module));
	if (how < 3)
		check_cms(s);
	else
		check_module(s);
	free((void *)s.p);
	return 0;
}
