// SPDX-License-Identifier: MIT
/*
 * Sealing: bytes that only this trustlet can open again, for VTL0 to keep.
 *
 * A blob is a header (magic, version), the 24-byte nonce, then ciphertext and
 * tag of XChaCha20-Poly1305. The nonce is random and long enough never to repeat.
 * The header is authenticated with the caller's data, so that a blob of a later
 * format can't be passed off as one of this. The key is on the stack only while
 * it is used.
 */
#include "backend.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define SEAL_MAGIC   0x5342564Fu /* "OVBS" */
#define SEAL_VERSION 1u
#define NONCE_LEN    crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_LEN      crypto_aead_xchacha20poly1305_ietf_ABYTES

struct seal_header {
	uint32_t magic;
	uint32_t version;
	uint8_t nonce[NONCE_LEN];
};
_Static_assert(sizeof(struct seal_header) + TAG_LEN == TL_SEAL_OVERHEAD, "blob format");
_Static_assert(crypto_aead_xchacha20poly1305_ietf_KEYBYTES == OVBS_TL_SEAL_KEY_LEN, "key size");

#define HEADER_LEN sizeof(struct seal_header)

/* What is authenticated: the header has a fixed size, so the two can't be told apart wrongly. */
struct seal_ad {
	struct seal_header header;
	uint8_t data[TL_SEAL_AD_MAX];
};

static bool make_ad(struct seal_ad *out, const struct seal_header *header, const void *ad, size_t size)
{
	if (size > sizeof(out->data))
		return false;
	out->header = *header;
	if (size > 0)
		memcpy(out->data, ad, size);
	return true;
}

static uint32_t get_key(uint8_t *key)
{
	long rc;

	if (sodium_init() < 0)
		abort();
	rc = tl_backend_seal_key(key);
	if (rc == 0)
		return OVBS_OK;
	return rc == -EPERM ? OVBS_E_ACCESS_DENIED : OVBS_E_GENERIC;
}

uint32_t tl_seal(const void *ad, size_t ad_size, const void *plain, size_t size, void *blob, size_t *blob_size)
{
	struct seal_header header = { .magic = SEAL_MAGIC, .version = SEAL_VERSION };
	uint8_t key[OVBS_TL_SEAL_KEY_LEN];
	size_t room = *blob_size;
	struct seal_ad all;
	uint32_t result;

	if (size > SIZE_MAX - TL_SEAL_OVERHEAD)
		return OVBS_E_BAD_PARAMETERS;
	*blob_size = size + TL_SEAL_OVERHEAD;
	if (room < *blob_size)
		return OVBS_E_SHORT_BUFFER;
	tl_random(header.nonce, sizeof(header.nonce));
	if (!make_ad(&all, &header, ad, ad_size))
		return OVBS_E_BAD_PARAMETERS;
	result = get_key(key);
	if (result == OVBS_OK) {
		memcpy(blob, &header, HEADER_LEN);
		/* Can't fail but for absurd lengths, for which libsodium ends the process. */
		(void)crypto_aead_xchacha20poly1305_ietf_encrypt(
			(uint8_t *)blob + HEADER_LEN, NULL, plain, size, (const uint8_t *)&all,
			HEADER_LEN + ad_size, NULL, header.nonce, key);
	}
	sodium_memzero(key, sizeof(key));
	return result;
}

uint32_t tl_unseal(const void *ad, size_t ad_size, const void *blob, size_t size, void *plain,
		   size_t *plain_size)
{
	uint8_t key[OVBS_TL_SEAL_KEY_LEN];
	size_t room = *plain_size;
	struct seal_header header;
	struct seal_ad all;
	uint32_t result;

	*plain_size = 0;
	if (size < TL_SEAL_OVERHEAD)
		return OVBS_E_SECURITY;
	memcpy(&header, blob, HEADER_LEN);
	if (header.magic != SEAL_MAGIC || header.version != SEAL_VERSION)
		return OVBS_E_SECURITY;
	if (!make_ad(&all, &header, ad, ad_size))
		return OVBS_E_BAD_PARAMETERS;
	*plain_size = size - TL_SEAL_OVERHEAD;
	if (room < *plain_size)
		return OVBS_E_SHORT_BUFFER;
	result = get_key(key);
	if (result == OVBS_OK &&
	    crypto_aead_xchacha20poly1305_ietf_decrypt(
		    plain, NULL, NULL, (const uint8_t *)blob + HEADER_LEN, size - HEADER_LEN,
		    (const uint8_t *)&all, HEADER_LEN + ad_size, header.nonce, key) != 0)
		result = OVBS_E_SECURITY;
	sodium_memzero(key, sizeof(key));
	if (result != OVBS_OK) {
		if (*plain_size > 0)
			memset(plain, 0, *plain_size);
		*plain_size = 0;
	}
	return result;
}
