/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Masking: see mask.h. The text goes through word by word (parted by white
 * space; a quoted value is part of its word). First the name before '=' is
 * judged, then what looks like an identifier wherever it stands in the word.
 */
#include "mask.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define HEX_RUN    16 /* so many hexadecimal digits with a letter and a digit among them... */
#define HEX_SURE   32 /* ...or so many of any kind are no number of a report */
#define BASE64_RUN 40

struct out {
	char *text;
	size_t used, room;
	bool failed;
};

static void add(struct out *o, const char *text, size_t len)
{
	if (o->failed)
		return;
	if (o->used + len + 1 > o->room) {
		size_t room = (o->room + len + 64) * 2;
		char *larger = realloc(o->text, room);

		o->failed = !larger;
		if (!larger)
			return;
		o->text = larger;
		o->room = room;
	}
	memcpy(o->text + o->used, text, len);
	o->used += len;
	o->text[o->used] = '\0';
}

static void add_mask(struct out *o)
{
	add(o, MASK_TEXT, sizeof(MASK_TEXT) - 1);
}

static bool is(int (*class)(int), char c)
{
	return class((unsigned char)c) != 0;
}

/* --- parameters -------------------------------------------------------- */

static bool contains(const char *text, size_t len, const char *what)
{
	size_t n = strlen(what);

	for (size_t at = 0; at + n <= len; at++) {
		size_t i = 0;

		while (i < n && tolower((unsigned char)text[at + i]) == what[i])
			i++;
		if (i == n)
			return true;
	}
	return false;
}

/* Does the name of a parameter say that its value is nobody's business? */
static bool secret_name(const char *name, size_t len)
{
	static const char *const parts[] = { "pass", "pwd",    "secret",  "key",     "token",
					     "cred", "luks",   "crypt",   "private", "auth",
					     "uuid", "serial", "hostname" };

	/* of the kernel's own, without a secret, and needed in a report */
	if (contains(name, len, "passthrough") || contains(name, len, "keyboard"))
		return false;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (contains(name, len, parts[i]))
			return true;
	return false;
}

/* --- identifiers inside a word ------------------------------------------- */

static size_t run_of(const char *p, size_t len, int (*class)(int))
{
	size_t n = 0;

	while (n < len && is(class, p[n]))
		n++;
	return n;
}

/* 8-4-4-4-12 hexadecimal digits; also 4-4 as FAT has it is too short to tell. */
static size_t uuid_at(const char *p, size_t len)
{
	static const size_t groups[] = { 8, 4, 4, 4, 12 };
	size_t at = 0;

	for (size_t g = 0; g < 5; g++) {
		if (run_of(p + at, len - at, isxdigit) < groups[g])
			return 0;
		at += groups[g];
		if (g < 4 && (at >= len || p[at++] != '-'))
			return 0;
	}
	return at;
}

/* Six groups of two hexadecimal digits, parted by ':' or '-'. */
static size_t mac_at(const char *p, size_t len)
{
	size_t at = 0;

	if (len < 17 || (p[2] != ':' && p[2] != '-'))
		return 0;
	for (size_t g = 0; g < 6; g++) {
		if (!is(isxdigit, p[at]) || !is(isxdigit, p[at + 1]) || (g < 5 && p[at + 2] != p[2]))
			return 0;
		at += g < 5 ? 3 : 2;
	}
	return at;
}

/* Four numbers up to 255. Versions with four parts go with them. */
static size_t ipv4_at(const char *p, size_t len)
{
	size_t at = 0;

	for (size_t g = 0; g < 4; g++) {
		size_t n = run_of(p + at, len - at, isdigit);
		int value = 0;

		for (size_t i = 0; i < n && i < 4; i++)
			value = value * 10 + (p[at + i] - '0');
		if (n < 1 || n > 3 || value > 255)
			return 0;
		at += n;
		if (g < 3 && (at >= len || p[at++] != '.'))
			return 0;
	}
	return at;
}

/* Hexadecimal digits and ':' with five groups or "::" at least. */
static size_t ipv6_at(const char *p, size_t len)
{
	size_t n = 0, colons = 0, digits = 0;
	bool twice = false;

	while (n < len && (is(isxdigit, p[n]) || p[n] == ':')) {
		twice |= p[n] == ':' && n > 0 && p[n - 1] == ':';
		colons += p[n] == ':';
		digits += p[n] != ':';
		n++;
	}
	return (colons >= 5 || (twice && colons >= 2 && digits >= 4)) ? n : 0;
}

static size_t hex_at(const char *p, size_t len)
{
	size_t n = run_of(p, len, isxdigit), letters = 0;

	for (size_t i = 0; i < n; i++)
		letters += is(isalpha, p[i]);
	/* an address of 16 digits is no secret: those are printed with 'h' or after 0x */
	if (n > HEX_RUN && letters > 0 && letters < n)
		return n;
	return n >= HEX_SURE ? n : 0;
}

static int base64_class(int c)
{
	return isalnum(c) || c == '+' || c == '=' || c == '_';
}

static size_t base64_at(const char *p, size_t len)
{
	size_t n = run_of(p, len, base64_class), digits = 0;

	for (size_t i = 0; i < n; i++)
		digits += is(isdigit, p[i]);
	return n >= BASE64_RUN && digits > 0 ? n : 0;
}

/* The name behind /home/ or /Users/; @skip: what stays. */
static size_t home_at(const char *p, size_t len, size_t *skip)
{
	static const char *const folders[] = { "/home/", "/Users/" };

	for (size_t i = 0; i < 2; i++) {
		size_t n = strlen(folders[i]), name = n;

		if (len <= n || memcmp(p, folders[i], n) != 0)
			continue;
		while (name < len && p[name] != '/' && p[name] != ':')
			name++;
		*skip = n;
		return name;
	}
	return 0;
}

static int host_class(int c)
{
	return isalnum(c) || c == '.' || c == '_' || c == '-';
}

/* A mail address, or user:password@ of a URL: everything up to the host's end. */
static size_t mail_at(const char *p, size_t len)
{
	size_t n = 0, host;

	while (n < len && p[n] != '@' && is(isgraph, p[n]) && p[n] != '/' && p[n] != '"')
		n++;
	if (n == 0 || n >= len || p[n] != '@')
		return 0;
	host = run_of(p + n + 1, len - n - 1, host_class);
	return host > 0 ? n + 1 + host : 0;
}

/* What begins here and has to go. Return: its bytes; @skip of them stay. */
static size_t identifier_at(const char *p, size_t len, size_t *skip)
{
	static size_t (*const find[])(const char *, size_t) = { uuid_at, mac_at, ipv4_at,  ipv6_at,
								mail_at, hex_at, base64_at };
	size_t n = home_at(p, len, skip);

	if (n > 0)
		return n;
	*skip = 0;
	for (size_t i = 0; i < sizeof(find) / sizeof(find[0]) && n == 0; i++)
		n = find[i](p, len);
	return n;
}

/* A word without its parameter's name. Identifiers begin where a run of letters and digits does. */
static void mask_value(struct out *o, const char *p, size_t len)
{
	for (size_t at = 0; at < len;) {
		bool begins = at == 0 || !is(isalnum, p[at - 1]);
		size_t skip = 0, n = begins ? identifier_at(p + at, len - at, &skip) : 0;

		if (n > 0) {
			add(o, p + at, skip);
			add_mask(o);
			at += n;
		} else {
			char c = is(isprint, p[at]) ? p[at] : '?';

			add(o, &c, 1);
			at++;
		}
	}
}

/* NAME=VALUE whose name is harmless may hold another NAME=VALUE: parts are judged one by one. */
static void mask_word(struct out *o, const char *p, size_t len)
{
	size_t from = 0;

	for (size_t at = 0; at < len; at++) {
		if (p[at] != '=' && p[at] != ',' && p[at] != ';' && p[at] != '&' && p[at] != '?')
			continue;
		if (p[at] == '=' && secret_name(p + from, at - from)) {
			mask_value(o, p + from, at + 1 - from);
			add_mask(o);
			return; /* all the rest: the value may hold any of these characters */
		}
		if (p[at] != '=') {
			mask_value(o, p + from, at + 1 - from);
			from = at + 1;
		}
	}
	mask_value(o, p + from, len - from);
}

/* Up to white space that is not quoted. */
static size_t word_length(const char *p)
{
	bool quoted = false;
	size_t n = 0;

	for (; p[n] != '\0' && p[n] != '\n' && (quoted || !is(isspace, p[n])); n++)
		quoted ^= p[n] == '"';
	return n;
}

/* "password: x" and "Serial number  x": the name is a word of its own, and the rest of the line goes. */
static bool is_heading(const char *p, size_t len)
{
	return len > 1 && p[len - 1] == ':' && secret_name(p, len - 1);
}

char *mask_text(const char *text)
{
	struct out o = { 0 };

	add(&o, "", 0);
	while (*text != '\0') {
		size_t n = word_length(text);

		mask_word(&o, text, n);
		if (is_heading(text, n) && text[n] == ' ') {
			add(&o, " ", 1);
			add_mask(&o);
			n += strcspn(text + n, "\n");
		}
		text += n;
		for (; *text != '\0' && is(isspace, *text); text++)
			add(&o, *text == '\n' || *text == '\t' ? text : " ", 1);
	}
	if (!o.failed)
		return o.text;
	free(o.text);
	return NULL;
}
