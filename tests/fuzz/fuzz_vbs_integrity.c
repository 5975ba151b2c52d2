// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as openvbs.ko's files "integrity" and "modules".
 */
/* links: clients/vbsctl/integrity.c */
#include "../../clients/vbsctl/integrity.h"
#include "fuzz.h"

static char *copy(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if (size > 0)
		memcpy(text, data, size);
	integrity_clean(text, size);
	text[size] = '\0';
	return text;
}

/* Inside of the file, and harmless. */
static void check(const char *text, const char *start, size_t size)
{
	FUZZ_CHECK(!*text || (text >= start && text < start + size));
	for (; *text != '\0'; text++)
		FUZZ_CHECK(*text >= ' ' && *text <= '~');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *cell[INTEGRITY_COLUMNS];
	struct integrity_table table;
	struct integrity_line line;
	char *text = copy(data, size), *at = text;

	while (integrity_next(&at, &line)) {
		check(line.name, text, size);
		check(line.value, text, size);
		FUZZ_CHECK(integrity_number(line.value) >= -1);
	}
	free(text);
	text = at = copy(data, size);
	if (integrity_table(&at, &table)) {
		for (size_t i = 0; i < table.columns; i++)
			check(table.column[i], text, size);
		while (integrity_row(&at, &table, cell))
			for (size_t i = 0; i < table.columns; i++)
				check(cell[i], text, size);
	}
	free(text);
	return 0;
}
