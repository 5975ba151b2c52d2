/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The keys that may sign modules, and what was revoked.
 *
 * A key comes as a DER X.509 certificate, or as what a running Linux keeps of one,
 * from a place that is trusted until lockdown (the kernel's keyrings, firmware's
 * variables); nothing is concluded from who signed the certificate. Dates are not looked at: Linux
 * does not either for modules (a machine's clock is wrong at boot, and a module
 * is as good on the day after its build key ended), nor at key usage. What
 * withdraws trust from a key is a revocation. One of a certificate (its hash or
 * its to-be-signed part's) can't be matched with a key that came without it:
 * Linux itself did that when it took the key into its keyring.
 *
 * After ci_keys_close() the set only shrinks: no key is added, revocations are.
 * Refused as weak: RSA below 2048 bits; RSA exponents that are even, below 3 or
 * above 64 bits (one verification has to stay cheap); curves other than P-256
 * and P-384. No two different keys go by one name, so a signature has one key
 * and is verified once.
 *
 * Not for several threads. Needs the heap for certificates, about 4 KiB each.
 */
#ifndef OPENVBS_CI_KEYS_H
#define OPENVBS_CI_KEYS_H

#include <mbedtls/x509_crt.h>

#include "cms.h"

#define CI_KEYS_MAX              64
#define CI_REVOCATIONS_MAX       1024 /* dbx has some 400 */
#define CI_SUBJECT_MAX           256
#define CI_RAW_MAX               4096 /* bytes of a raw key, and of its identifier */
#define CI_SHA256_SIZE           32
#define CI_RSA_BITS_MIN          2048
#define CI_RSA_EXPONENT_BITS_MAX 64

/* An error of mbedTLS is a high-level one plus a low-level one (error.h). The latter. */
#define CI_MBEDTLS_LOW(ret) ((ret) % 0x80)

enum ci_origin {
	CI_ORIGIN_BUILTIN, /* in the kernel: its build key, its maker's */
	CI_ORIGIN_MOK,     /* enrolled by this machine's owner, through shim */
	CI_ORIGIN_DB,      /* the firmware's db, or a test's key */
	CI_ORIGIN_COUNT
};

enum ci_revocation {
	CI_REVOKED_CERTIFICATE, /* SHA-256 of all of a certificate (dbx has whole ones: EFI_CERT_X509) */
	CI_REVOKED_TBS,         /* SHA-256 of its to-be-signed part (dbx: EFI_CERT_X509_SHA256) */
	CI_REVOKED_FILE,        /* SHA-256 of a file without its signature (dbx: EFI_CERT_SHA256) */
	CI_REVOKED_KEY_ID,      /* a SubjectKeyIdentifier: however often it is certified again */
	CI_REVOCATION_COUNT
};

struct ci_key {
	mbedtls_x509_crt certificate; /* of a raw key only pk is set */
	uint8_t *raw;         /* what a raw key's slices lie in; NULL: they lie in certificate */
	struct ci_slice spki; /* SubjectPublicKeyInfo, all of it */
	struct ci_slice serial, issuer; /* contents, without tag and length; raw: serial has both, issuer none */
	struct ci_slice key_id; /* empty if it has none */
	uint8_t sha256[CI_SHA256_SIZE];
	uint8_t tbs_sha256[CI_SHA256_SIZE];
	enum ci_algorithm algorithm;
	unsigned int bits;
	enum ci_origin origin;
	char subject[CI_SUBJECT_MAX]; /* printable ASCII */
};

struct ci_revoked {
	uint8_t kind;
	uint8_t len;
	uint8_t id[CI_KEY_ID_MAX];
};

/* 100 KiB and more: static data, not for a stack. */
struct ci_keys {
	struct ci_key key[CI_KEYS_MAX];
	size_t count;
	struct ci_revoked revoked[CI_REVOCATIONS_MAX];
	size_t revoked_count;
	bool files_revoked; /* there is at least one CI_REVOKED_FILE */
	bool closed;
};

/** ci_keys_init() - an empty, open set */
void ci_keys_init(struct ci_keys *keys);

/** ci_keys_free() - give back what the set has on the heap; it is then empty and closed */
void ci_keys_free(struct ci_keys *keys);

/**
 * ci_keys_add() - take the key of a certificate
 * @der: exactly one certificate; copied
 *
 * A certificate that is there already is CI_OK and takes no room; its origin
 * stays the first one. So are names: add built-in certificates first, that none
 * from elsewhere can take their place. A revoked one is taken, too: its
 * signatures then have a better reason than "unknown".
 *
 * Return: CI_OK, CI_E_KEY_*, CI_E_DER_*, CI_E_MEMORY; then the set is as before.
 */
enum ci_reason ci_keys_add(struct ci_keys *keys, struct ci_slice der, enum ci_origin origin) CI_MUST_CHECK;

struct ci_raw_key {
	enum ci_algorithm algorithm;
	unsigned int bits; /* CI_ECDSA: 256 or 384 */
	struct ci_slice key; /* RSAPublicKey (RFC 8017, A.1.1), or the point, uncompressed (SEC 1, 2.3.3) */
	struct ci_slice id; /* contents of serial number and issuer, one behind the other; may be empty */
	struct ci_slice key_id; /* may be empty, but not both */
	struct ci_slice name;   /* for people */
};

/**
 * ci_keys_add_raw() - take a key as a running Linux has it, without its certificate
 * @raw: copied
 *
 * As ci_keys_add(); a key is there already if it has the same bytes and the same
 * identifiers. CI_E_KEY_NAME: it has none, or one that is too long.
 */
enum ci_reason ci_keys_add_raw(struct ci_keys *keys, const struct ci_raw_key *raw,
			       enum ci_origin origin) CI_MUST_CHECK;

struct ci_added {
	size_t taken;
	size_t refused;
	enum ci_reason first_refused; /* CI_OK if none was */
};

/**
 * ci_keys_add_list() - take the keys of certificates that lie one behind the other
 * @list: as the kernel's system_certificate_list; may be empty
 * @added: how many were taken (those that were there already, too), and why not all
 *
 * As the kernel does, it goes on after a certificate that is not good enough.
 *
 * Return: CI_OK; CI_E_DER_* where the list itself can't be read on, with all
 * before that place taken; CI_E_KEY_CLOSED.
 */
enum ci_reason ci_keys_add_list(struct ci_keys *keys, struct ci_slice list, enum ci_origin origin,
				struct ci_added *added) CI_MUST_CHECK;

/** ci_keys_close() - from now on no key is added; can't be undone */
void ci_keys_close(struct ci_keys *keys);

/**
 * ci_keys_revoke() - withdraw trust; also possible after ci_keys_close()
 * @id: CI_SHA256_SIZE bytes, or a key id of up to CI_KEY_ID_MAX
 *
 * Return: CI_OK (also if it was revoked before), CI_E_REVOCATION, CI_E_REVOCATION_FULL.
 */
enum ci_reason ci_keys_revoke(struct ci_keys *keys, enum ci_revocation kind, struct ci_slice id) CI_MUST_CHECK;

/** ci_keys_revoked() - is this on the list? */
bool ci_keys_revoked(const struct ci_keys *keys, enum ci_revocation kind, struct ci_slice id);

/**
 * ci_keys_find() - the key that made a signature
 * @key: the key, also a revoked one; NULL with CI_E_KEY_UNKNOWN
 *
 * Return: CI_OK, CI_E_KEY_UNKNOWN, CI_E_KEY_REVOKED.
 */
enum ci_reason ci_keys_find(const struct ci_keys *keys, const struct ci_cms *cms,
			    const struct ci_key **key) CI_MUST_CHECK;

#endif
