// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bytes of patched kernel text: see forms.h.
 */
#include "forms.h"

#include <ovbs_string.h>

static const uint8_t nop2[2] = { 0x66, 0x90 };
static const uint8_t nop5[5] = { 0x0F, 0x1F, 0x44, 0x00, 0x00 };
static const uint8_t xor5[5] = { 0x2E, 0x2E, 0x2E, 0x31, 0xC0 }; /* cs cs cs xor %eax, %eax */
static const uint8_t ret5[5] = { 0xC3, 0xCC, 0xCC, 0xCC, 0xCC };

#define JMP8   0xEB
#define JMP32  0xE9
#define CALL32 0xE8
#define JCC32  0x0F
#define LOCK   0xF0
#define DS     0x3E

static bool is(const uint8_t *b, const uint8_t form[5])
{
	return !memcmp(b, form, 5);
}

/* Where a branch of @size bytes goes whose last four (of two: last one) are the distance. */
static uint64_t destination(uint64_t addr, const uint8_t *b, unsigned int size)
{
	int32_t distance;

	if (size == 2)
		distance = (int8_t)b[1];
	else
		memcpy(&distance, b + size - 4, 4);
	return addr + size + (uint64_t)(int64_t)distance;
}

static enum sk_patch_verdict allowed(bool yes)
{
	return yes ? SK_PATCH_OK : SK_PATCH_TARGET;
}

static enum sk_patch_verdict check_jump(const struct sk_site *s, uint64_t addr, const uint8_t *b)
{
	if (s->size == 2 ? !memcmp(b, nop2, 2) : is(b, nop5))
		return SK_PATCH_OK;
	if (b[0] != (s->size == 2 ? JMP8 : JMP32))
		return SK_PATCH_FORM;
	return allowed(destination(addr, b, s->size) == addr + (uint64_t)(int64_t)s->target);
}

enum sk_patch_verdict sk_form_check(const struct sk_site *s, uint64_t addr, const uint8_t *b,
				    const struct sk_text *text)
{
	enum sk_site_kind kind = (enum sk_site_kind)s->kind;
	bool branch = false;

	switch (kind) {
	case SK_SITE_JUMP:
		return check_jump(s, addr, b);
	case SK_SITE_CALL:
		if (is(b, nop5) || is(b, xor5))
			return SK_PATCH_OK;
		branch = b[0] == CALL32;
		break;
	case SK_SITE_TAIL:
		if (is(b, ret5))
			return SK_PATCH_OK;
		branch = b[0] == JMP32;
		break;
	case SK_SITE_JCC:
		branch = b[0] == JCC32 && b[1] == s->condition;
		break;
	case SK_SITE_MCOUNT:
		if (is(b, nop5))
			return SK_PATCH_OK;
		branch = b[0] == CALL32;
		break;
	case SK_SITE_TRACER:
		branch = b[0] == CALL32;
		break;
	case SK_SITE_LOCK:
		return b[0] == LOCK || b[0] == DS ? SK_PATCH_OK : SK_PATCH_FORM;
	}
	if (!branch)
		return SK_PATCH_FORM;
	return allowed(text->is_target(text->ctx, destination(addr, b, s->size), kind));
}

enum sk_patch_verdict sk_form_check_tail(const struct sk_site *s, uint64_t addr,
					 const uint8_t *tail, const struct sk_text *text)
{
	/* Of all kinds: the check knows which are this one's. */
	static const uint8_t first[] = { 0x66, 0x0F, 0x2E, 0xC3, JMP8, JMP32, CALL32 };
	enum sk_patch_verdict verdict = SK_PATCH_FORM;
	uint8_t b[SK_SITE_MAX];

	memcpy(b + 1, tail, s->size - 1u);
	for (unsigned int i = 0; i < sizeof(first); i++) {
		enum sk_patch_verdict v;

		b[0] = first[i];
		v = sk_form_check(s, addr, b, text);
		if (v == SK_PATCH_OK)
			return v;
		if (v == SK_PATCH_TARGET)
			verdict = v;
	}
	return verdict;
}
