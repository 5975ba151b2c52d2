/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Why a kernel refuses a module: who signed it, and which keyrings know that
 * key (case L1). The signature is what the kernel's build appends to the file;
 * inside is PKCS#7, of which a strict walk takes the signer's name and number.
 * Nothing is verified: that is the kernel's part. Pure; fuzzed.
 *
 * Keys are compared by what the kernel shows of them, "NAME: SUBJECTKEYID" (or a
 * serial number without one): an exact match where the signature has the key
 * identifier, else by the issuer's name. So "none" is certain, "there" is likely.
 */
#ifndef VBSCTL_MODSIG_H
#define VBSCTL_MODSIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODSIG_TEXT_MAX 96
#define MODSIG_WHY_MAX  80

enum modsig_kind {
	MODSIG_UNSIGNED,
	MODSIG_SIGNED,
	MODSIG_UNREADABLE, /* there is a signature, but it makes no sense: @why */
};

struct modsig {
	enum modsig_kind kind;
	char issuer[MODSIG_TEXT_MAX]; /* common name, printable; "" if the signature has a key identifier */
	char serial[MODSIG_TEXT_MAX]; /* hexadecimal; "" likewise */
	char key_id[MODSIG_TEXT_MAX]; /* hexadecimal; "" if it has a name and a number */
};

/**
 * modsig_decode() - look at a module file
 * @data: the whole file, not compressed
 * @out: filled wholly
 * @why: MODSIG_WHY_MAX bytes; written if the kind is MODSIG_UNREADABLE
 */
void modsig_decode(const void *data, size_t len, struct modsig *out, char *why);

/* Keyrings of the kernel that hold keys for modules; bits of a mask. */
#define KEYRING_BUILTIN   1u
#define KEYRING_SECONDARY 2u
#define KEYRING_MACHINE   4u /* MOK, if the kernel and MokListTrusted say so */
#define KEYRING_PLATFORM                                                                           \
	8u /* db, and MOK without .machine: not for modules, but where a distribution changed that */

/** keyring_bit() - ".machine" as a bit. Return: 0 for a keyring that is none of these. */
uint32_t keyring_bit(const char *name);

/**
 * modsig_matches() - is this key, as the kernel describes it, the signer's?
 * @description: "Debian Secure Boot CA: 6ccece7e4c6c0d1f6149f3dd27dfcc5cbb419ea1"
 */
bool modsig_matches(const struct modsig *sig, const char *description);

#endif
