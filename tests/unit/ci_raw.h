/* SPDX-License-Identifier: GPL-2.0-only */
/* A certificate's key in the form in which Linux keeps it. Include it after cmocka.h. */
#ifndef OPENVBS_CI_RAW_H
#define OPENVBS_CI_RAW_H

#include "ci_files.h"

/* Slices lie in @from and @id. */
static inline struct ci_raw_key raw_of(const struct ci_key *from, uint8_t id[512])
{
	struct ci_raw_key raw = { .algorithm = from->algorithm, .bits = from->bits, .key_id = from->key_id };
	struct ci_slice in = from->spki, info;

	assert_int_equal(der_take(&in, DER_SEQUENCE, &info), CI_OK);
	assert_int_equal(der_take(&info, DER_SEQUENCE, &in), CI_OK);
	assert_int_equal(der_take(&info, DER_BIT_STRING, &raw.key), CI_OK);
	raw.key.p++;
	raw.key.len--;
	assert_true(from->serial.len + from->issuer.len <= 512);
	memcpy(id, from->serial.p, from->serial.len);
	memcpy(id + from->serial.len, from->issuer.p, from->issuer.len);
	raw.id = (struct ci_slice){ id, from->serial.len + from->issuer.len };
	raw.name = (struct ci_slice){ (const uint8_t *)"a\nname", 6 };
	return raw;
}

#endif
