/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * May this module be loaded? Signature and file against the keys; see keys.h.
 *
 * The caller guarantees that file and signature do not change meanwhile: they
 * are a copy that VTL0 can't write. Time is bounded by the file's length (one
 * pass, one or two hashes) and one verification with one key.
 */
#ifndef OPENVBS_CI_VERIFY_H
#define OPENVBS_CI_VERIFY_H

#include "keys.h"

struct ci_verdict {
	enum ci_reason reason; /* CI_OK: accepted */
	bool has_signer; /* the rest is set: a key was found, even if all was refused afterwards */
	enum ci_origin origin;
	enum ci_algorithm algorithm;
	enum ci_hash hash;
	unsigned int key_bits;
	char subject[CI_SUBJECT_MAX]; /* the signer's; printable; "" without one */
};

/**
 * ci_verify() - judge a file by a signature that is apart from it
 * @file: what was signed, without the signature; empty is refused
 * @signature: the CMS structure
 * @out: always set
 *
 * Return: out->reason.
 */
enum ci_reason ci_verify(const struct ci_keys *keys, const uint8_t *file, size_t len,
			 const uint8_t *signature, size_t signature_len,
			 struct ci_verdict *out) CI_MUST_CHECK;

/** ci_verify_module() - the same for a module file, with the signature at its end (modsig.h) */
enum ci_reason ci_verify_module(const struct ci_keys *keys, const uint8_t *module, size_t len,
				struct ci_verdict *out) CI_MUST_CHECK;

#endif
