/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Parsing of settings: see config.h. The text is outside data: lengths are
 * carried everywhere, and nothing is terminated by trust.
 */
#include "config.h"

#include "format.h"
#include "ovbs_errno.h"
#include "ovbs_string.h"

/* A piece of UCS-2 text. */
struct span {
	const uint16_t *at;
	size_t len;
};

void config_problem(struct config *c, const char *fmt, ...)
{
	va_list args;

	if (c->problem[0] != '\0')
		return;
	va_start(args, fmt);
	ovbs_vsnprintf(c->problem, sizeof(c->problem), fmt, args);
	va_end(args);
}

static void widen(uint16_t *out, const char *text)
{
	while ((*out++ = (uint8_t)*text++) != 0)
		;
}

void config_defaults(struct config *c)
{
	memset(c, 0, sizeof(*c));
	widen(c->next, CONFIG_DEFAULT_NEXT);
}

static bool is_blank(uint16_t u)
{
	return u == ' ' || u == '\t';
}

static struct span trim(struct span s)
{
	while (s.len > 0 && is_blank(s.at[0])) {
		s.at++;
		s.len--;
	}
	while (s.len > 0 && is_blank(s.at[s.len - 1]))
		s.len--;
	return s;
}

static bool span_is(struct span s, const char *word)
{
	size_t i = 0;

	for (; i < s.len && word[i] != '\0'; i++)
		if (s.at[i] != (uint8_t)word[i])
			return false;
	return i == s.len && word[i] == '\0';
}

static bool starts_with(struct span s, const char *word)
{
	size_t n = strlen(word);

	if (s.len < n)
		return false;
	s.len = n;
	return span_is(s, word);
}

static struct span skip(struct span s, size_t n)
{
	s.at += n;
	s.len -= n;
	return s;
}

static bool store(uint16_t *out, size_t max, struct span s)
{
	if (s.len >= max)
		return false;
	memcpy(out, s.at, s.len * sizeof(*out));
	out[s.len] = 0;
	return true;
}

/* A path must be absolute: what else it might be relative to is not defined. */
static bool set_next(struct config *c, const char *where, struct span value)
{
	if (value.len == 0 || value.at[0] != '\\') {
		config_problem(c, "%s: next= is no path that starts with \\", where);
		return false;
	}
	if (!store(c->next, CONFIG_NEXT_MAX, value)) {
		config_problem(c, "%s: next= is longer than %u characters", where, CONFIG_NEXT_MAX - 1);
		return false;
	}
	return true;
}

static bool set_options(struct config *c, const char *where, struct span value)
{
	if (store(c->options, CONFIG_OPTIONS_MAX, value))
		return true;
	config_problem(c, "%s: options= is longer than %u characters", where, CONFIG_OPTIONS_MAX - 1);
	return false;
}

/* Switches that weaken the hypervisor or its tests: release builds do not know them. */
static bool set_debug(struct config *c, struct span line)
{
	if (OVBS_DEBUG && span_is(line, "icr=open"))
		return c->icr_open = true;
	if (OVBS_DEBUG && span_is(line, "serial=off"))
		return c->serial_off = true;
	return false;
}

static bool parse_line(struct config *c, const char *where, struct span line)
{
	line = trim(line);
	if (line.len == 0 || line.at[0] == '#')
		return true;
	if (starts_with(line, "next="))
		return set_next(c, where, trim(skip(line, strlen("next="))));
	if (starts_with(line, "options="))
		return set_options(c, where, trim(skip(line, strlen("options="))));
	if (set_debug(c, line))
		return true;
	config_problem(c, "%s: unknown setting", where);
	return false;
}

/*
 * One character of UTF-8 (RFC 3629), as far as UCS-2 reaches. Return: bytes
 * used, 0 if it is malformed, overlong, a surrogate or beyond U+FFFF.
 */
static size_t utf8_char(const uint8_t *s, size_t len, uint16_t *out)
{
	uint32_t u;

	if (s[0] < 0x80) {
		*out = s[0];
		return 1;
	}
	if (len >= 2 && s[0] >= 0xC2 && s[0] <= 0xDF && (s[1] & 0xC0) == 0x80) {
		*out = (uint16_t)((s[0] & 0x1F) << 6 | (s[1] & 0x3F));
		return 2;
	}
	if (len < 3 || (s[0] & 0xF0) != 0xE0 || (s[1] & 0xC0) != 0x80 || (s[2] & 0xC0) != 0x80)
		return 0;
	u = (uint32_t)(s[0] & 0x0F) << 12 | (uint32_t)(s[1] & 0x3F) << 6 | (s[2] & 0x3F);
	if (u < 0x800 || (u >= 0xD800 && u <= 0xDFFF))
		return 0;
	*out = (uint16_t)u;
	return 3;
}

/* The longest line that can mean anything, and a bit. */
#define UNITS_MAX (CONFIG_OPTIONS_MAX + 64)

static int decode_line(const uint8_t *text, size_t len, uint16_t units[UNITS_MAX], size_t *count)
{
	*count = 0;
	for (size_t at = 0; at < len;) {
		uint16_t u;
		size_t used = utf8_char(text + at, len - at, &u);

		if (used == 0 || (u < ' ' && u != '\t') || u == 0x7F)
			return -EINVAL;
		if (*count == UNITS_MAX)
			return -E2BIG;
		units[(*count)++] = u;
		at += used;
	}
	return 0;
}

static bool parse_file_line(struct config *c, const uint8_t *text, size_t len, unsigned int number)
{
	uint16_t units[UNITS_MAX];
	char where[32];
	size_t count;
	int rc;

	ovbs_snprintf(where, sizeof(where), "openvbs.conf line %u", number);
	if (len > 0 && text[len - 1] == '\r')
		len--;
	rc = decode_line(text, len, units, &count);
	if (rc != 0) {
		config_problem(c, "%s: %s", where, rc == -E2BIG ? "too long" : "not UTF-8 text");
		return false;
	}
	return parse_line(c, where, (struct span){ units, count });
}

bool config_parse_file(struct config *c, const uint8_t *text, size_t len)
{
	static const uint8_t mark[] = { 0xEF, 0xBB, 0xBF }; /* some editors begin UTF-8 with it */
	unsigned int number = 0;
	bool good = true;

	if (len > CONFIG_FILE_MAX) {
		config_problem(c, "openvbs.conf: larger than %u bytes", CONFIG_FILE_MAX);
		return false;
	}
	if (len >= sizeof(mark) && memcmp(text, mark, sizeof(mark)) == 0) {
		text += sizeof(mark);
		len -= sizeof(mark);
	}
	while (len > 0) {
		size_t line = 0;

		while (line < len && text[line] != '\n')
			line++;
		good &= parse_file_line(c, text, line, ++number);
		line += line < len;
		text += line;
		len -= line;
	}
	return good;
}

/* Text: no control characters; and the 0 at its end is the only one. */
static bool load_options_text(const void *data, size_t len, uint16_t units[UNITS_MAX], size_t *count)
{
	*count = 0;
	if (len % sizeof(uint16_t) != 0)
		return false;
	for (size_t at = 0; at < len; at += sizeof(uint16_t)) {
		uint16_t u;

		memcpy(&u, (const uint8_t *)data + at, sizeof(u));
		if (u == 0)
			break;
		if ((u < ' ' && u != '\t') || u == 0x7F || (u >= 0xD800 && u <= 0xDFFF) || *count == UNITS_MAX)
			return false;
		units[(*count)++] = u;
	}
	return true;
}

static bool all_ascii(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i] > 0x7F)
			return false;
	return true;
}

/* Cut the first word, quoted or not, off the text. */
static struct span take_word(struct span *rest)
{
	uint16_t stop = rest->len > 0 && rest->at[0] == '"' ? '"' : ' ';
	struct span word;
	size_t n = 0;

	if (stop == '"')
		*rest = skip(*rest, 1);
	while (n < rest->len && rest->at[n] != stop && !(stop == ' ' && is_blank(rest->at[n])))
		n++;
	word = (struct span){ rest->at, n };
	*rest = trim(skip(*rest, n < rest->len ? n + 1 : n));
	return word;
}

bool config_parse_load_options(struct config *c, const void *data, size_t len)
{
	static const char where[] = "load options";
	uint16_t units[UNITS_MAX];
	struct span text = { units, 0 }, rest;
	bool key = false;

	if (!load_options_text(data, len, units, &text.len))
		return true;
	rest = trim(text);
	if (rest.len == 0)
		return true;
	while (rest.len > 0) {
		if (starts_with(rest, "options="))
			return set_options(c, where, trim(skip(rest, strlen("options="))));
		if (starts_with(rest, "next=")) {
			key = true;
			rest = skip(rest, strlen("next="));
			if (!set_next(c, where, take_word(&rest)))
				return false;
			/* another entry's options must not go to this entry's program */
			c->options[0] = 0;
			continue;
		}
		if (key) {
			config_problem(c, "%s: only options= may follow next=PATH", where);
			return false;
		}
		take_word(&rest);
	}
	if (key || !all_ascii(text)) /* binary data may look like text of some far script */
		return true;
	config_problem(c, "%s: neither next= nor options= in them", where);
	return false;
}
