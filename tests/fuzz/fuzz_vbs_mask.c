// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any text through the masking: what comes out is printable, and whatever
 * stands before it, the secret behind "password=" on the last line is gone.
 */
/* links: clients/vbsctl/mask.c */
#include "../../clients/vbsctl/mask.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char tail[] = "\npassword=zXqJ9 ";
	char *text = malloc(size + sizeof(tail)), *out;
	size_t n = 0;

	for (size_t i = 0; i < size; i++)
		if (data[i] != '\0' && data[i] != '"') /* an open quote swallows a line's end: masked, but not at its place */
			text[n++] = (char)data[i];
	memcpy(text + n, tail, sizeof(tail));
	out = mask_text(text);
	FUZZ_CHECK(out != NULL && strstr(strrchr(out, '\n'), "zXqJ9") == NULL);
	for (const char *p = out; *p != '\0'; p++)
		FUZZ_CHECK((*p >= ' ' && *p <= '~') || *p == '\n' || *p == '\t');
	free(out);
	free(text);
	return 0;
}
