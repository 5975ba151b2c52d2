// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as a policy file: what is refused changes nothing and says where
 * and why in printable text; what is taken holds only values that the settings
 * may have, and is not taken any more with half a character less.
 */
/* links: clients/vbsctl/preg.c clients/vbsctl/registry.c clients/vbsctl/changes.c clients/vbsctl/text.c lib/settings.c lib/crc32.c lib/format.c */
#include "fuzz.h"

#include "../../clients/vbsctl/preg.h"

static void check_problem(const struct problem *p, size_t size)
{
	FUZZ_CHECK(p->where <= size);
	FUZZ_CHECK(memchr(p->why, '\0', sizeof(p->why)) != NULL && p->why[0] != '\0');
	for (const char *c = p->why; *c != '\0'; c++)
		FUZZ_CHECK((uint8_t)*c >= ' ' && *c != 0x7F);
}

static void check(const uint8_t *data, size_t size)
{
	struct changes c, cut;
	struct problem problem;
	struct ovbs_record record;
	struct change_count n = { 0 };

	if (!preg_parse(data, size, &c, &problem)) {
		check_problem(&problem, size);
		FUZZ_CHECK(c.ignored == 0 && !changes_any(&c, SETTINGS_LOCAL) &&
			   !changes_any(&c, SETTINGS_POLICY));
		return;
	}
	FUZZ_CHECK(size >= 8 && !preg_parse(data, size - 1, &cut, &problem));
	check_problem(&problem, size);
	for (size_t i = 0; i < REGISTRY_VALUES; i++) {
		FUZZ_CHECK(c.of[i].what != CHANGE_SET ||
			   setting_allows(registry_values[i].hive, registry_values[i].id, c.of[i].value));
		FUZZ_CHECK(c.of[i].what == CHANGE_NONE || (c.of[i].where >= 8 && c.of[i].where < size));
	}
	record_init(&record);
	FUZZ_CHECK(changes_apply(&c, SETTINGS_POLICY, &record, &n) == 0);
	FUZZ_CHECK(n.set == record.count && n.removed == 0);
}

static size_t put_text(uint8_t *out, const char *text)
{
	size_t n = 0;

	do {
		out[n++] = (uint8_t)*text;
		out[n++] = 0;
	} while (*text++ != '\0');
	return n;
}

static size_t put_mark(uint8_t *out, char mark)
{
	out[0] = (uint8_t)mark;
	out[1] = 0;
	return 2;
}

/* A well-formed file of one record, whose parts the input chooses. */
static void structured(struct fuzz_input in)
{
	static const char *const keys[] = { "", "SOFTWARE",
					    "SOFTWARE\\Policies\\Microsoft\\Windows\\DeviceGuard",
					    "SOFTWARE\\Policies\\Microsoft\\Windows\\DeviceGuard\\Scenarios",
					    "SYSTEM\\CurrentControlSet\\Control\\Lsa" };
	static const char *const names[] = { "LsaCfgFlags",  "Locked",        "",
					     "**Del.Locked", "**DelVals.",    "**DeleteValues",
					     "**DeleteKeys", "**Soft.Locked", "**SecureKey",
					     "**x",          "Other" };
	uint8_t file[1024 + 4096] = "PReg\1";
	size_t n = 8, size;

	n += put_mark(file + n, '[');
	n += put_text(file + n, keys[fuzz_u8(&in) % (sizeof(keys) / sizeof(keys[0]))]);
	n += put_mark(file + n, ';');
	n += put_text(file + n, names[fuzz_u8(&in) % (sizeof(names) / sizeof(names[0]))]);
	n += put_mark(file + n, ';');
	file[n] = fuzz_u8(&in) % 6;
	n += 4;
	n += put_mark(file + n, ';');
	size = in.size < 4096 ? in.size : 4096;
	file[n] = (uint8_t)size;
	file[n + 1] = (uint8_t)(size >> 8);
	n += 4;
	n += put_mark(file + n, ';');
	if (size > 0)
		memcpy(file + n, in.data, size);
	n += size;
	n += put_mark(file + n, ']');
	check(file, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check(data, size);
	structured((struct fuzz_input){ data, size });
	return 0;
}
