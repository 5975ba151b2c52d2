/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Load options of openvbs-optout.efi: see choice.h.
 */
#include "choice.h"

#include <stdint.h>

#include "format.h"
#include "ovbs_compiler.h"
#include "ovbs_string.h"

#define TEXT_MAX 128

/* ASCII in upper case; false if it is no such text. */
static bool narrow(const void *data, size_t len, char text[TEXT_MAX])
{
	size_t n = 0;

	if (len % sizeof(uint16_t) != 0)
		return false;
	for (size_t at = 0; at < len; at += sizeof(uint16_t)) {
		uint16_t u;

		memcpy(&u, (const uint8_t *)data + at, sizeof(u));
		if (u == 0)
			break;
		if (u < ' ' || u > '~' || n == TEXT_MAX - 1)
			return false;
		text[n++] = (char)(u >= 'a' && u <= 'z' ? u - 'a' + 'A' : u);
	}
	text[n] = '\0';
	return true;
}

static bool is_gap(char c)
{
	return c == ' ' || c == ',';
}

static unsigned int word_choice(const char *word, size_t len)
{
	static const struct {
		const char *word;
		unsigned int choice;
	} words[] = {
		{ "DISABLE-VBS", CHOICE_VBS },
		{ "DISABLE-LSA-ISO", CHOICE_LSA_ISO },
		{ "DISABLE-HVCI", CHOICE_HVCI },
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strlen(words[i].word) == len && memcmp(words[i].word, word, len) == 0)
			return words[i].choice;
	return 0;
}

/* A shell puts the program's name first. */
static bool is_program(const char *word, size_t len)
{
	return len > 4 && memcmp(word + len - 4, ".EFI", 4) == 0;
}

bool choice_parse(const void *data, size_t len, unsigned int *choice)
{
	unsigned int chosen = 0;
	char text[TEXT_MAX] = "";

	if (data != NULL && !narrow(data, len, text))
		return false;
	for (const char *at = text; *at != '\0';) {
		size_t n = 0;
		unsigned int one;

		if (is_gap(*at)) {
			at++;
			continue;
		}
		while (at[n] != '\0' && !is_gap(at[n]))
			n++;
		one = word_choice(at, n);
		if (one == 0 && (at != text || !is_program(at, n)))
			return false;
		chosen |= one;
		at += n;
	}
	*choice = chosen != 0 ? chosen : CHOICE_ALL;
	return true;
}

void choice_words(unsigned int choice, char *out, size_t size)
{
	if ((choice & CHOICE_VBS) != 0)
		ovbs_snprintf(out, size, "switch off: virtualization-based security, with all its services");
	else
		ovbs_snprintf(out, size, "switch off: %s%s%s",
			      (choice & CHOICE_LSA_ISO) != 0 ? "Credential Guard" : "",
			      choice == (CHOICE_LSA_ISO | CHOICE_HVCI) ? " and " : "",
			      (choice & CHOICE_HVCI) != 0 ? "memory integrity" : "");
}
