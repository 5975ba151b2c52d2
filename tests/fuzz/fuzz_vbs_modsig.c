// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as a module's signature, as a whole module, and as an EFI program.
 */
/* links: clients/vbsctl/modsig.c clients/vbsctl/pe.c */
#include "../../clients/vbsctl/modsig.h"
#include "../../clients/vbsctl/pe.h"
#include "fuzz.h"

#define MARKER "~Module signature appended~\n"

static void check_text(const char *text)
{
	FUZZ_CHECK(memchr(text, '\0', MODSIG_TEXT_MAX) != NULL);
	for (; *text != '\0'; text++)
		FUZZ_CHECK(*text >= ' ' && *text <= '~');
}

static void check_module(const uint8_t *data, size_t len)
{
	char why[MODSIG_WHY_MAX] = "", description[64];
	struct modsig sig;
	size_t n = len < sizeof(description) - 1 ? len : sizeof(description) - 1;

	modsig_decode(data, len, &sig, why);
	FUZZ_CHECK((sig.kind == MODSIG_UNREADABLE) == (why[0] != '\0'));
	check_text(sig.issuer);
	check_text(sig.serial);
	check_text(sig.key_id);
	memset(description, 0, sizeof(description));
	if (n > 0)
		memcpy(description, data, n);
	FUZZ_CHECK(!modsig_matches(&sig, description) || sig.kind == MODSIG_SIGNED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t len = size + 12 + sizeof(MARKER) - 1;
	uint8_t *module = calloc(1, len);
	char why[PE_WHY_MAX];
	struct pe pe;

	check_module(data, size);
	if (size > 0)
		memcpy(module, data, size);
	module[size + 2] = 2;
	module[size + 10] = (uint8_t)(size >> 8);
	module[size + 11] = (uint8_t)size;
	memcpy(module + size + 12, MARKER, sizeof(MARKER) - 1);
	check_module(module, len);
	free(module);
	if (pe_decode(data, size, &pe, why) == 0)
		FUZZ_CHECK(size > 0x40 && (pe.sbat || !pe.sbat_header));
	return 0;
}
