// SPDX-License-Identifier: GPL-2.0-only
/* Strict DER: see der.h. Sections are those of X.690 (02/2021). */
#include "der.h"

#define CLASS_MASK  0xC0 /* 0: universal */
#define CONSTRUCTED 0x20
#define NUMBER_MASK 0x1F

/* 8.1.2. Of the universal types, SEQUENCE and SET are constructed and nothing else is (10.2). */
static enum ci_reason check_tag(uint8_t tag)
{
	bool is_sequence = (tag & NUMBER_MASK) == (DER_SEQUENCE & NUMBER_MASK) ||
			   (tag & NUMBER_MASK) == (DER_SET & NUMBER_MASK);

	if ((tag & NUMBER_MASK) == NUMBER_MASK || tag == 0)
		return CI_E_DER_TAG;
	if ((tag & CLASS_MASK) == 0 && is_sequence != ((tag & CONSTRUCTED) != 0))
		return CI_E_DER_TAG;
	return CI_OK;
}

/* 8.1.3 and 10.1. @at: bytes of the header so far, then of the whole header. */
static enum ci_reason read_length(const struct ci_slice *in, size_t *at, size_t *len)
{
	size_t bytes;

	if (in->len - *at < 1)
		return CI_E_DER_CUT;
	*len = in->p[(*at)++];
	if (*len < 0x80)
		return CI_OK;
	bytes = *len & 0x7F;
	if (bytes == 0 || bytes > 4) /* indefinite; or longer than anything here */
		return CI_E_DER_LENGTH;
	if (bytes > in->len - *at)
		return CI_E_DER_CUT;
	if (in->p[*at] == 0)
		return CI_E_DER_LENGTH;
	for (*len = 0; bytes > 0; bytes--)
		*len = *len << 8 | in->p[(*at)++];
	return *len < 0x80 ? CI_E_DER_LENGTH : CI_OK;
}

/* 8.3.2, 11.1, 8.8.2 */
static enum ci_reason check_value(uint8_t tag, const struct ci_slice *v)
{
	bool good = true;

	if (tag == DER_INTEGER)
		good = v->len == 1 || (v->len > 1 && !(v->p[0] == 0x00 && v->p[1] < 0x80) &&
				       !(v->p[0] == 0xFF && v->p[1] >= 0x80));
	else if (tag == DER_BOOLEAN)
		good = v->len == 1 && (v->p[0] == 0x00 || v->p[0] == 0xFF);
	else if (tag == DER_NULL)
		good = v->len == 0;
	return good ? CI_OK : CI_E_DER_VALUE;
}

enum ci_reason der_read(struct ci_slice *in, struct der_element *e)
{
	enum ci_reason why;
	size_t at = 1, len;

	if (in->len == 0)
		return CI_E_DER_ELEMENT;
	why = check_tag(in->p[0]);
	if (why == CI_OK)
		why = read_length(in, &at, &len);
	if (why != CI_OK)
		return why;
	if (len > in->len - at)
		return CI_E_DER_CUT;
	e->tag = in->p[0];
	e->whole = (struct ci_slice){ in->p, at + len };
	e->content = (struct ci_slice){ in->p + at, len };
	why = check_value(e->tag, &e->content);
	if (why == CI_OK)
		*in = (struct ci_slice){ in->p + at + len, in->len - at - len };
	return why;
}

enum ci_reason der_take(struct ci_slice *in, uint8_t tag, struct ci_slice *content)
{
	struct ci_slice rest = *in;
	struct der_element e;
	enum ci_reason why = der_read(&rest, &e);

	if (why != CI_OK)
		return why;
	if (e.tag != tag)
		return CI_E_DER_ELEMENT;
	*content = e.content;
	*in = rest;
	return CI_OK;
}

enum ci_reason der_take_small(struct ci_slice *in, uint8_t *value)
{
	struct ci_slice rest = *in, v;
	enum ci_reason why = der_take(&rest, DER_INTEGER, &v);

	if (why != CI_OK)
		return why;
	if (v.len != 1 || v.p[0] >= 0x80)
		return CI_E_DER_ELEMENT;
	*value = v.p[0];
	*in = rest;
	return CI_OK;
}

enum ci_reason der_end(const struct ci_slice *in)
{
	return in->len == 0 ? CI_OK : CI_E_DER_TRAILING;
}

enum ci_reason der_check(struct ci_slice in)
{
	struct ci_slice open[DER_DEPTH_MAX];
	struct der_element e;
	enum ci_reason why = der_read(&in, &e);
	size_t depth = 0;

	if (why == CI_OK)
		why = der_end(&in);
	if (why != CI_OK)
		return why;
	open[0] = (e.tag & CONSTRUCTED) != 0 ? e.content : (struct ci_slice){ NULL, 0 };
	for (;;) {
		while (open[depth].len == 0) {
			if (depth-- == 0)
				return CI_OK;
		}
		why = der_read(&open[depth], &e);
		if (why != CI_OK)
			return why;
		if ((e.tag & CONSTRUCTED) == 0)
			continue;
		if (++depth == DER_DEPTH_MAX)
			return CI_E_DER_DEPTH;
		open[depth] = e.content;
	}
}
