// SPDX-License-Identifier: GPL-2.0-only
/*
 * Judge of run-time text patches: see patch.h.
 */
#include "patch.h"

#include <ovbs_string.h>

static uint64_t start_of(const struct sk_sites *s, const struct sk_site *site)
{
	return s->base + site->offset;
}

/* Linux never goes back to one CPU's prefixes while it runs, and writes only over those. */
static enum sk_patch_verdict judge_lock(uint8_t now, uint8_t then)
{
	if (now != 0x3E)
		return SK_PATCH_ORDER;
	return then == 0xF0 ? SK_PATCH_OK : SK_PATCH_FORM;
}

static enum sk_patch_verdict judge_first(const struct sk_site *site, uint64_t start,
					 uint8_t now[SK_SITE_MAX], uint8_t then, const struct sk_text *text)
{
	bool armed = now[0] == SK_INT3;

	if (site->kind == SK_SITE_LOCK)
		return judge_lock(now[0], then);
	if (armed == (then == SK_INT3))
		return SK_PATCH_ORDER;
	if (!armed)
		return SK_PATCH_OK;
	now[0] = then;
	return sk_form_check(site, start, now, text);
}

enum sk_patch_verdict sk_patch_judge(const struct sk_sites *s, uint64_t addr, const uint8_t *bytes,
				     unsigned int n, const struct sk_text *text)
{
	const struct sk_site *site;
	uint8_t now[SK_SITE_MAX];
	uint64_t start;

	if (!n || n > SK_PATCH_MAX || !sk_sites_has(s, addr, n))
		return SK_PATCH_EXTENT;
	site = sk_sites_find(s, addr);
	if (!site)
		return SK_PATCH_NO_SITE;
	start = start_of(s, site);
	if (!text->read(text->ctx, start, now, site->size))
		return SK_PATCH_UNREADABLE;
	if (addr == start && n == 1)
		return judge_first(site, start, now, bytes[0], text);
	if (addr != start + 1 || n != site->size - 1u)
		return SK_PATCH_EXTENT;
	if (now[0] != SK_INT3)
		return SK_PATCH_ORDER;
	return sk_form_check_tail(site, start, bytes, text);
}

static enum sk_patch_verdict judge_offer(const struct sk_sites *s, const struct sk_patch_offer *o,
					 const struct sk_text *text)
{
	const struct sk_site *site = sk_sites_find(s, o->addr);
	uint8_t now[SK_SITE_MAX];

	if (!site || o->addr != start_of(s, site))
		return SK_PATCH_NO_SITE;
	if (o->size != site->size || o->reserved)
		return SK_PATCH_EXTENT;
	if (!text->read(text->ctx, o->addr, now, site->size))
		return SK_PATCH_UNREADABLE;
	if (site->kind == SK_SITE_LOCK)
		return judge_lock(now[0], o->bytes[0]);
	if (now[0] == SK_INT3)
		return SK_PATCH_ORDER;
	return sk_form_check(site, o->addr, o->bytes, text);
}

enum sk_patch_verdict sk_patch_judge_batch(const struct sk_sites *s, const struct sk_patch_offer *offer,
					   uint32_t count, const struct sk_text *text, uint32_t *bad)
{
	for (uint32_t i = 0; i < count; i++) {
		enum sk_patch_verdict v = judge_offer(s, &offer[i], text);

		if (v == SK_PATCH_OK && i && offer[i].addr <= offer[i - 1].addr)
			v = SK_PATCH_ORDER;
		if (v != SK_PATCH_OK) {
			*bad = i;
			return v;
		}
	}
	return SK_PATCH_OK;
}

const char *sk_patch_reason(enum sk_patch_verdict verdict)
{
	static const char *const reasons[] = {
		[SK_PATCH_OK] = "accepted",
		[SK_PATCH_EXTENT] = "not the extent of a step",
		[SK_PATCH_NO_SITE] = "no site of a patch",
		[SK_PATCH_ORDER] = "not this site's next step",
		[SK_PATCH_FORM] = "no form that Linux writes there",
		[SK_PATCH_TARGET] = "leads where it may not",
		[SK_PATCH_UNREADABLE] = "site can't be read",
	};

	return verdict < ARRAY_SIZE(reasons) ? reasons[verdict] : "?";
}
