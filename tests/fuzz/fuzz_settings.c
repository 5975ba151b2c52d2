// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as records of all sources, with a checksum that fits: what is
 * resolved is always a value that its setting may have, and a lock never
 * contradicts what it was made from.
 */
/* links: lib/settings.c lib/level.c lib/crc32.c lib/verdict.c lib/format.c */
#include "fuzz.h"

#include "level.h"
#include "settings.h"

static const struct ovbs_record *take(struct fuzz_input *in, struct ovbs_record *r)
{
	struct ovbs_record raw;
	char why[SETTINGS_WHY_MAX];
	size_t n;

	record_init(&raw);
	raw.generation = fuzz_u8(in) & 3;
	raw.count = fuzz_u8(in) & 31;
	raw.saved_count = fuzz_u8(in) & 31;
	raw.base_generation = fuzz_u8(in) & 3;
	n = in->size < sizeof(raw.value) ? in->size : sizeof(raw.value);
	memcpy(raw.value, in->data, n);
	in->data += n;
	in->size -= n;
	for (unsigned int i = 0; i < OVBS_RECORD_ENTRIES; i++) {
		raw.value[i].id &= 31;
		raw.value[i].flags &= 1;
		raw.value[i].value &= 7;
	}
	record_seal(&raw);
	return record_decode(&raw, sizeof(raw), r, why) == 0 ? r : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	struct ovbs_record r[4], any, lock, again;
	struct ovbs_platform p = { 0 };
	struct settings_sources from;
	char why[SETTINGS_WHY_MAX];
	struct verdict v = { 0 };
	struct settings s;

	(void)!record_decode(data, size, &any, why);
	from.local = take(&in, &r[0]);
	from.policy = take(&in, &r[1]);
	from.opt_out = take(&in, &r[2]);
	from.lock = take(&in, &r[3]);
	settings_resolve(&from, &s);
	for (unsigned int id = 0; id < OVBS_SETTINGS; id++)
		FUZZ_CHECK(setting_allows(SETTINGS_LOCAL, id, s.v[id].value));
	p.secure_boot = fuzz_u8(&in);
	FUZZ_CHECK(level_decide(&s, &p, &v) == (v.reason == OVBS_REASON_NONE));
	if (settings_want_lock(&s, from.lock, &lock)) {
		FUZZ_CHECK(s.v[OVBS_SET_VBS].value == 1);
		FUZZ_CHECK(!settings_want_lock(&s, &lock, &again));
	}
	return 0;
}
