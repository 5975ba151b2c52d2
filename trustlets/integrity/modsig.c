// SPDX-License-Identifier: GPL-2.0-only
/* The trailer of a signed module: see modsig.h. */
#include "modsig.h"

#define MARKER      "~Module signature appended~\n"
#define MARKER_SIZE (sizeof(MARKER) - 1)

/* Linux, include/linux/module_signature.h: struct module_signature. */
struct trailer {
	uint8_t algo;
	uint8_t hash;
	uint8_t id_type;
	uint8_t signer_len;
	uint8_t key_id_len;
	uint8_t pad[3];
	uint8_t sig_len[4]; /* big endian */
};

_Static_assert(sizeof(struct trailer) == 12, "struct module_signature of Linux");

#define PKEY_ID_PKCS7 2

enum ci_reason ci_modsig_split(struct ci_slice file, struct ci_slice *body, struct ci_slice *signature)
{
	struct trailer t;
	size_t len;

	if (file.len < MARKER_SIZE)
		return CI_E_UNSIGNED;
	file.len -= MARKER_SIZE;
	if (!ci_slice_is((struct ci_slice){ file.p + file.len, MARKER_SIZE }, MARKER, MARKER_SIZE))
		return CI_E_UNSIGNED;
	if (file.len < sizeof(t))
		return CI_E_TRAILER_LENGTH;
	file.len -= sizeof(t);
	__builtin_memcpy(&t, file.p + file.len, sizeof(t));
	if (t.id_type != PKEY_ID_PKCS7)
		return CI_E_TRAILER_TYPE;
	if ((t.algo | t.hash | t.signer_len | t.key_id_len | t.pad[0] | t.pad[1] | t.pad[2]) != 0)
		return CI_E_TRAILER;
	len = (size_t)t.sig_len[0] << 24 | (size_t)t.sig_len[1] << 16 | (size_t)t.sig_len[2] << 8 |
	      t.sig_len[3];
	if (len == 0 || len >= file.len)
		return CI_E_TRAILER_LENGTH;
	*body = (struct ci_slice){ file.p, file.len - len };
	*signature = (struct ci_slice){ file.p + body->len, len };
	return CI_OK;
}
