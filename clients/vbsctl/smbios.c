/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The SMBIOS structure table: see smbios.h. A structure is a formatted area,
 * whose length its header gives, and a set of strings that ends with an empty
 * one; the next structure begins there. Every step goes forward by 6 bytes at
 * least.
 */
#include "smbios.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define STRUCTURE_HEADER 4
#define TYPE_BIOS        0
#define TYPE_SYSTEM      1
#define TYPE_END         127

/* DSP0134, 7.1 and 7.2: offsets in the formatted area */
#define BIOS_VENDOR         4
#define BIOS_VERSION        5
#define BIOS_DATE           8
#define BIOS_EXTENSION_2    19
#define BIOS_VIRTUAL        (1u << 4)
#define SYSTEM_MANUFACTURER 4
#define SYSTEM_PRODUCT      5

#define REFUSE(why, ...) (snprintf(why, SMBIOS_WHY_MAX, __VA_ARGS__), -EINVAL)

struct structure {
	const uint8_t *data;
	size_t len;     /* of the formatted area */
	size_t strings; /* bytes behind it, with the end */
};

static bool sums_to_zero(const uint8_t *p, size_t len)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + p[i]);
	return sum == 0;
}

static int decode_entry(const uint8_t *p, size_t len, struct smbios *out, char *why)
{
	size_t said, version;

	if (len >= 24 && memcmp(p, "_SM3_", 5) == 0) {
		said = p[6];
		version = 7;
		if (said < 24)
			return REFUSE(why, "entry point: length field is %zu, not 24", said);
	} else if (len >= 30 && memcmp(p, "_SM_", 4) == 0) {
		said = p[5]; /* 1Eh in the time of version 2.1, by a mistake of that text */
		version = 6;
		if (said < 30)
			return REFUSE(why, "entry point: length field is %zu, not 31", said);
	} else {
		return REFUSE(why, "entry point of %zu bytes has no anchor _SM3_ or _SM_", len);
	}
	if (said > len || !sums_to_zero(p, said))
		return REFUSE(why, "entry point: %s",
			      said > len ? "length field is too large" : "checksum is wrong");
	out->major = p[version];
	out->minor = p[version + 1];
	return 0;
}

/* Return: bytes of the set of strings with its end; 0: it has none. */
static size_t string_set(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i + 1 < len; i++)
		if (p[i] == 0 && p[i + 1] == 0)
			return i + 2;
	return 0;
}

static int structure_at(const uint8_t *table, size_t len, size_t at, struct structure *s, char *why)
{
	s->data = table + at;
	if (len - at < STRUCTURE_HEADER)
		return REFUSE(why, "offset %zu: %zu bytes are no structure", at, len - at);
	s->len = table[at + 1];
	if (s->len < STRUCTURE_HEADER || s->len > len - at)
		return REFUSE(why, "offset %zu: structure of %zu bytes", at, s->len);
	s->strings = string_set(s->data + s->len, len - at - s->len);
	if (s->strings == 0)
		return REFUSE(why, "offset %zu: the strings of this structure have no end", at);
	return 0;
}

/* The string whose number stands at @field. A number without string is common, and is no text. */
static void take_text(const struct structure *s, size_t field, char out[SMBIOS_TEXT_MAX])
{
	const uint8_t *p = s->data + s->len, *end = p + s->strings;
	unsigned int number = field < s->len ? s->data[field] : 0;
	size_t n = 0;

	out[0] = '\0';
	if (number == 0)
		return;
	while (--number > 0 && p < end && *p != 0)
		p += strlen((const char *)p) + 1;
	for (; p < end && *p != 0 && n < SMBIOS_TEXT_MAX - 1; p++)
		out[n++] = *p >= ' ' && *p <= '~' ? (char)*p : '?';
	while (n > 0 && out[n - 1] == ' ')
		n--;
	out[n] = '\0';
}

static void take(const struct structure *s, struct smbios *out)
{
	if (s->data[0] == TYPE_BIOS) {
		take_text(s, BIOS_VENDOR, out->vendor);
		take_text(s, BIOS_VERSION, out->version);
		take_text(s, BIOS_DATE, out->date);
		if (s->len > BIOS_EXTENSION_2)
			out->virtual_machine = (s->data[BIOS_EXTENSION_2] & BIOS_VIRTUAL) != 0;
	} else if (s->data[0] == TYPE_SYSTEM) {
		take_text(s, SYSTEM_MANUFACTURER, out->manufacturer);
		take_text(s, SYSTEM_PRODUCT, out->product);
	}
}

int smbios_decode(const void *entry, size_t entry_len, const void *table, size_t len,
		  struct smbios *out, char *why)
{
	struct smbios found = { 0 };
	struct structure s;
	int err = decode_entry(entry, entry_len, &found, why);

	for (size_t at = 0; err == 0 && at < len; at += s.len + s.strings) {
		err = structure_at(table, len, at, &s, why);
		if (err != 0)
			break;
		found.structures++;
		take(&s, &found);
		if (s.data[0] == TYPE_END)
			break;
	}
	if (err == 0 && found.structures == 0)
		err = REFUSE(why, "the table is empty");
	if (err == 0)
		*out = found;
	return err;
}
