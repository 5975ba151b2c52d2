/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Why the code-integrity trustlet refuses something: one number, one name, one
 * line for a person. Everything of this folder answers with one of these.
 *
 * The numbers reach logs and other images: new reasons are added at the end.
 */
#ifndef OPENVBS_CI_REASON_H
#define OPENVBS_CI_REASON_H

#define CI_MUST_CHECK __attribute__((warn_unused_result))

/* X(name without CI_, text) */
#define CI_REASONS(X)                                                                              \
	X(OK, "accepted")                                                                          \
	X(E_EMPTY, "there is no file to verify")                                                   \
	/* der.h */                                                                                \
	X(E_DER_CUT, "DER: an element is longer than what holds it")                               \
	X(E_DER_LENGTH, "DER: a length is not in its shortest definite form")                      \
	X(E_DER_TAG, "DER: a tag that has no place in it")                                         \
	X(E_DER_VALUE, "DER: an INTEGER, BOOLEAN or NULL is not in its one form")                  \
	X(E_DER_DEPTH, "DER: elements are nested too deep")                                        \
	X(E_DER_ELEMENT, "DER: another element has to be there")                                   \
	X(E_DER_TRAILING, "DER: bytes after the last element")                                     \
	/* modsig.h */                                                                             \
	X(E_UNSIGNED, "there is no signature at the file's end")                                   \
	X(E_TRAILER, "a field of the signature's trailer that has to be zero is not")              \
	X(E_TRAILER_TYPE, "the signature's trailer does not say PKCS#7")                           \
	X(E_TRAILER_LENGTH, "the signature's length does not fit the file")                        \
	/* cms.h */                                                                                \
	X(E_CMS_SIZE, "the signature is empty or too long")                                        \
	X(E_CMS_TYPE, "the signature is not CMS SignedData")                                       \
	X(E_CMS_VERSION, "a CMS version that does not fit how the signer is named")                \
	X(E_CMS_CONTENT, "the CMS content type is not plain data")                                 \
	X(E_CMS_ATTACHED, "the signed data is inside of the signature")                            \
	X(E_CMS_CERTIFICATES, "the signature brings certificates or revocation lists")             \
	X(E_CMS_SIGNERS, "the signature has not exactly one signer")                               \
	X(E_CMS_SIGNER_ID, "the signer is named neither by issuer and number nor by key id")       \
	X(E_CMS_SIGNED_ATTRIBUTES, "the signature has signed attributes")                          \
	X(E_CMS_UNSIGNED_ATTRIBUTES, "the signature has unsigned attributes")                      \
	X(E_CMS_PARAMETERS, "an algorithm's parameters are not what they have to be")              \
	X(E_HASH_WEAK, "signed with MD5 or SHA-1")                                                 \
	X(E_HASH_UNKNOWN, "signed with a hash other than SHA-256, SHA-384 and SHA-512")            \
	X(E_HASH_DIFFERS, "the signature names two different hashes")                              \
	X(E_ALGORITHM, "signed with something other than RSA PKCS#1 v1.5 and ECDSA")               \
	/* keys.h */                                                                               \
	X(E_KEY_UNKNOWN, "there is no key of this signer")                                         \
	X(E_KEY_REVOKED, "the signer's key is revoked")                                            \
	X(E_KEY_CLOSED, "keys are no longer taken")                                                \
	X(E_KEY_FULL, "there is no room for another key")                                          \
	X(E_KEY_CERTIFICATE, "the certificate can't be read")                                      \
	X(E_KEY_TYPE, "the certificate's key is neither RSA nor ECDSA")                            \
	X(E_KEY_CURVE, "the certificate's curve is neither P-256 nor P-384")                       \
	X(E_KEY_SHORT, "the certificate's RSA key has fewer than 2048 bits")                       \
	X(E_KEY_INVALID, "the certificate's key has a bad exponent, modulus or point")             \
	X(E_KEY_AMBIGUOUS, "another key already goes by this name or key id")                      \
	X(E_REVOCATION, "a revocation's kind and length do not fit")                               \
	X(E_REVOCATION_FULL, "there is no room for another revocation")                            \
	/* verify.h */                                                                             \
	X(E_KEY_DIFFERS, "the signature's algorithm does not fit the signer's key")                \
	X(E_SIGNATURE_FORM, "the signature's value has a length or form that can't be")            \
	X(E_SIGNATURE, "the signature does not fit the file")                                      \
	X(E_FILE_REVOKED, "this very file is revoked")                                             \
	X(E_MEMORY, "out of memory")                                                               \
	X(E_KEY_NAME, "the key has no identifier, or one that is too long")                        \
	/* files.h */                                                                              \
	X(E_FILE_SIZE, "the file is empty or too large")                                           \
	X(E_KERNEL, "the kernel is not known: locked too early, or begun anew")                    \
	X(E_FILE_COPY, "the file can't be read from memory")                                       \
	X(E_TOKEN, "no file goes by this token: never accepted, used up or forgotten")             \
	/* place.h */                                                                              \
	X(E_PLACE_TAKEN, "a page of the module is in use as something else")                       \
	X(E_PLACE_MAPPED, "a page of the module is not mapped, or no RAM")                         \
	X(E_PLACE_SITES, "a place that the kernel may patch has none of its forms")                \
	X(E_PLACE_STEP, "the secure kernel refused a step")                                        \
	X(E_EXPORT, "the module exports a symbol that there is already")

#define CI_REASON_ENUM(name, text) CI_##name,
enum ci_reason { CI_REASONS(CI_REASON_ENUM) CI_REASON_COUNT };
#undef CI_REASON_ENUM

/** ci_reason_name() - "E_KEY_REVOKED" and the like, for logs and tests; never NULL */
const char *ci_reason_name(enum ci_reason reason);

/** ci_reason_text() - the line for a person; never NULL */
const char *ci_reason_text(enum ci_reason reason);

#endif
