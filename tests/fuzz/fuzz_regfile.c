// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as a registry file: what is refused changes nothing and says why in
 * printable text, what is taken holds only values that the settings may have,
 * and exported it gives the same again.
 */
/* links: clients/vbsctl/regfile.c clients/vbsctl/registry.c clients/vbsctl/changes.c clients/vbsctl/text.c lib/settings.c lib/crc32.c lib/format.c */
#include "fuzz.h"

#include "../../clients/vbsctl/regfile.h"

static void check_problem(const struct problem *p)
{
	FUZZ_CHECK(p->where >= 1);
	FUZZ_CHECK(memchr(p->why, '\0', sizeof(p->why)) != NULL && p->why[0] != '\0');
	for (const char *c = p->why; *c != '\0'; c++)
		FUZZ_CHECK((uint8_t)*c >= ' ' && *c != 0x7F);
}

static void check_export(const struct changes *c)
{
	struct ovbs_record record[2], again;
	struct change_count n = { 0 }, m = { 0 };
	uint8_t buf[REGFILE_EXPORT_MAX];
	struct changes back;
	struct problem problem;
	unsigned int values;

	for (int hive = 0; hive < 2; hive++) {
		record_init(&record[hive]);
		FUZZ_CHECK(changes_apply(c, hive, &record[hive], &n) == 0);
	}
	FUZZ_CHECK(n.removed == 0 && n.changed == n.set); /* they were empty */
	for (int utf8 = 0; utf8 < 2; utf8++) {
		size_t len = regfile_export(&record[0], &record[1], "", utf8, buf, &values);

		FUZZ_CHECK(values == n.set);
		FUZZ_CHECK(regfile_parse(buf, len, &back, &problem) && back.ignored == 0);
		for (int hive = 0; hive < 2; hive++) {
			record_init(&again);
			FUZZ_CHECK(changes_apply(&back, hive, &again, &m) == 0);
			FUZZ_CHECK(memcmp(&again, &record[hive], sizeof(again)) == 0);
		}
	}
}

static void check(const uint8_t *data, size_t size)
{
	struct changes c;
	struct problem problem;
	bool good = regfile_parse(data, size, &c, &problem);

	if (!good) {
		check_problem(&problem);
		FUZZ_CHECK(c.ignored == 0 && !changes_any(&c, SETTINGS_LOCAL) &&
			   !changes_any(&c, SETTINGS_POLICY));
		return;
	}
	FUZZ_CHECK(c.ignored_near <= c.ignored);
	for (size_t i = 0; i < REGISTRY_VALUES; i++)
		FUZZ_CHECK(c.of[i].what != CHANGE_SET ||
			   setting_allows(registry_values[i].hive, registry_values[i].id, c.of[i].value));
	check_export(&c);
}

/* As it is, and behind what every file begins with, so that the fuzzer need not find that out. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char start[] = "REGEDIT4\n"
				    "[HKLM\\SYSTEM\\CurrentControlSet\\Control\\DeviceGuard]\n";
	uint8_t *text = malloc(sizeof(start) + size);

	check(data, size);
	FUZZ_CHECK(text != NULL);
	memcpy(text, start, sizeof(start) - 1);
	if (size > 0)
		memcpy(text + sizeof(start) - 1, data, size);
	check(text, sizeof(start) - 1 + size);
	free(text);
	return 0;
}
