// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as an SMBIOS entry point, and as a structure table behind a good
 * one. Texts that come out are printable.
 */
/* links: clients/vbsctl/smbios.c */
#include "../../clients/vbsctl/smbios.h"
#include "fuzz.h"

static void check_text(const char *text)
{
	FUZZ_CHECK(memchr(text, '\0', SMBIOS_TEXT_MAX) != NULL);
	for (; *text != '\0'; text++)
		FUZZ_CHECK(*text >= ' ' && *text <= '~');
}

static void check(const uint8_t *entry, size_t entry_len, const uint8_t *table, size_t len)
{
	char why[SMBIOS_WHY_MAX] = "";
	struct smbios out;
	int err = smbios_decode(entry, entry_len, table, len, &out, why);

	FUZZ_CHECK((err == 0) == (why[0] == '\0'));
	if (err != 0)
		return;
	FUZZ_CHECK(out.structures > 0 && out.structures <= len / 6);
	check_text(out.vendor);
	check_text(out.version);
	check_text(out.date);
	check_text(out.manufacturer);
	check_text(out.product);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t entry[24] = "_SM3_";

	entry[6] = 24;
	for (int i = 0; i < 24; i++)
		entry[5] = (uint8_t)(entry[5] - (i == 5 ? 0 : entry[i]));
	check(entry, sizeof(entry), data, size);
	check(data, size, data, size);
	return 0;
}
