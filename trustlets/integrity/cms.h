/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CMS SignedData (RFC 5652) in the one form in which Linux's build signs modules
 * (scripts/sign-file): detached, one signer, no certificates, no attributes.
 *
 * Everything else is refused by name, not skipped: what this reader does not
 * know could mean something. Nothing is verified here. Without signed attributes
 * the value signed is the hash of the file itself.
 */
#ifndef OPENVBS_CI_CMS_H
#define OPENVBS_CI_CMS_H

#include "der.h"

/* RSA-8192, the largest that mbedTLS takes, and a long issuer fit in. */
#define CI_SIGNATURE_MAX 8192
#define CI_KEY_ID_MAX    64

enum ci_hash { CI_SHA256, CI_SHA384, CI_SHA512 };
enum ci_algorithm { CI_RSA_PKCS1, CI_ECDSA };

/* Slices lie in what was parsed. Either issuer and serial, or key_id; the others are empty. */
struct ci_cms {
	enum ci_hash hash;
	enum ci_algorithm algorithm;
	struct ci_slice issuer; /* the whole Name */
	struct ci_slice serial; /* the INTEGER's content */
	struct ci_slice key_id; /* SubjectKeyIdentifier */
	struct ci_slice value; /* the signature proper, not empty: RSA's number, or ECDSA's SEQUENCE */
};

/**
 * ci_cms_parse() - read a signature
 * @out: set on success; zeros otherwise
 */
enum ci_reason ci_cms_parse(struct ci_slice in, struct ci_cms *out) CI_MUST_CHECK;

#endif
