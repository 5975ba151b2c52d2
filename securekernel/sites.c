// SPDX-License-Identifier: GPL-2.0-only
/*
 * Table of patch sites: see sites.h.
 */
#include "sites.h"

#include <ovbs_errno.h>
#include <ovbs_string.h>

#define RANGE_MAX (1ULL << 32) /* struct sk_site's offsets */
#define SITES_MAX (1u << 24)

#define JUMP_ENTRY        16u
#define STATIC_CALL_ENTRY 8u
#define LOCK_ENTRY        4u
#define TRAMPOLINE        8u
#define KEY_TAIL          1u /* STATIC_CALL_SITE_TAIL */

int sk_sites_init(struct sk_sites *s, uint64_t base, uint64_t size, struct sk_site *site, uint32_t max)
{
	*s = (struct sk_sites){ .base = base, .size = size, .site = site, .max = max };
	if (!size || size > RANGE_MAX || base > UINT64_MAX - size || max > SITES_MAX)
		return -EINVAL;
	return 0;
}

bool sk_sites_has(const struct sk_sites *s, uint64_t addr, uint64_t n)
{
	return addr >= s->base && n <= s->size && addr - s->base <= s->size - n;
}

static int32_t s32_at(const uint8_t *p)
{
	int32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* What a distance at @p, which lies at @va in VTL0, leads to. Wraps as VTL0's own sum does. */
static uint64_t relative(uint64_t va, const uint8_t *p)
{
	return va + (uint64_t)(int64_t)s32_at(p);
}

/* Whether its end is in the range, too, is seen at the seal. */
static int add(struct sk_sites *s, uint64_t addr, struct sk_site site)
{
	if (s->sealed || s->count >= s->max)
		return -ENOSPC;
	site.offset = (uint32_t)(addr - s->base);
	s->site[s->count++] = site;
	return 0;
}

/* The first bytes at @addr, as many as tell sites apart. */
static int first_bytes(const struct sk_sites *s, uint64_t addr, uint8_t b[2], const struct sk_text *text)
{
	return sk_sites_has(s, addr, 2) && text->read(text->ctx, addr, b, 2) ? 0 : -EFAULT;
}

static int add_jump(struct sk_sites *s, uint64_t code, uint64_t target, const struct sk_text *text)
{
	struct sk_site site = { .kind = SK_SITE_JUMP, .target = (int32_t)(target - code) };
	uint8_t b[2];
	int error = first_bytes(s, code, b, text);

	if (error)
		return error;
	if (code + (uint64_t)(int64_t)site.target != target)
		return -ENOEXEC;
	/* 66 90 | EB rel8, or 0F 1F 44 00 00 | E9 rel32; the seal looks at all of them. */
	if (b[0] == 0x66 || b[0] == 0xEB)
		site.size = 2;
	else if (b[0] == 0x0F || b[0] == 0xE9)
		site.size = 5;
	else
		return -ENOEXEC;
	return add(s, code, site);
}

int sk_sites_add_jumps(struct sk_sites *s, uint64_t va, const uint8_t *table, size_t n,
		       const struct sk_text *text)
{
	if (n % JUMP_ENTRY)
		return -EINVAL;
	for (size_t i = 0; i < n; i += JUMP_ENTRY) {
		uint64_t code = relative(va + i, table + i);
		uint64_t target = relative(va + i + 4, table + i + 4);
		int error;

		if (!sk_sites_has(s, code, 1))
			continue;
		error = add_jump(s, code, target, text);
		if (error)
			return error;
	}
	return 0;
}

int sk_sites_add_static_calls(struct sk_sites *s, uint64_t va, const uint8_t *table, size_t n,
			      const struct sk_text *text)
{
	if (n % STATIC_CALL_ENTRY)
		return -EINVAL;
	for (size_t i = 0; i < n; i += STATIC_CALL_ENTRY) {
		uint64_t addr = relative(va + i, table + i);
		uint64_t key = relative(va + i + 4, table + i + 4);
		struct sk_site site = { .kind = SK_SITE_CALL, .size = 5 };
		uint8_t b[2];
		int error;

		if (!sk_sites_has(s, addr, 1))
			continue;
		error = first_bytes(s, addr, b, text);
		if (error)
			return error;
		if (key & KEY_TAIL)
			site.kind = SK_SITE_TAIL;
		if (site.kind == SK_SITE_TAIL && b[0] == 0x0F && (b[1] & 0xF0) == 0x80)
			site = (struct sk_site){ .kind = SK_SITE_JCC, .size = 6, .condition = b[1] };
		error = add(s, addr, site);
		if (error)
			return error;
	}
	return 0;
}

int sk_sites_add_trampolines(struct sk_sites *s, uint64_t va, uint64_t n, const struct sk_text *text)
{
	static const uint8_t mark[3] = { 0x0F, 0xB9, 0xCC }; /* ud1 %esp, %ecx: behind each */
	const struct sk_site site = { .kind = SK_SITE_TAIL, .size = 5 };
	uint8_t b[TRAMPOLINE];

	if (n % TRAMPOLINE || !sk_sites_has(s, va, n))
		return -EINVAL;
	for (uint64_t i = 0; i < n; i += TRAMPOLINE) {
		int error;

		if (!text->read(text->ctx, va + i, b, sizeof(b)))
			return -EFAULT;
		if (memcmp(b + 5, mark, sizeof(mark)))
			return -ENOEXEC;
		error = add(s, va + i, site);
		if (error)
			return error;
	}
	return 0;
}

int sk_sites_add_mcount(struct sk_sites *s, const uint8_t *table, size_t n, unsigned int stride)
{
	if ((stride != SK_MCOUNT_LOC && stride != SK_DYN_FTRACE) || n % stride)
		return -EINVAL;
	for (size_t i = 0; i < n; i += stride) {
		uint64_t addr;
		int error;

		memcpy(&addr, table + i, sizeof(addr));
		if (!sk_sites_has(s, addr, 1))
			continue;
		error = add(s, addr, (struct sk_site){ .kind = SK_SITE_MCOUNT, .size = 5 });
		if (error)
			return error;
	}
	return 0;
}

int sk_sites_add_tracer(struct sk_sites *s, uint64_t addr)
{
	if (!sk_sites_has(s, addr, 1))
		return -EINVAL;
	return add(s, addr, (struct sk_site){ .kind = SK_SITE_TRACER, .size = 5 });
}

int sk_sites_add_locks(struct sk_sites *s, uint64_t va, const uint8_t *table, size_t n,
		       const struct sk_text *text)
{
	const struct sk_site site = { .kind = SK_SITE_LOCK, .size = 1 };

	if (n % LOCK_ENTRY)
		return -EINVAL;
	for (size_t i = 0; i < n; i += LOCK_ENTRY) {
		uint64_t addr = relative(va + i, table + i);
		uint8_t b;
		int error;

		if (!s32_at(table + i) || !sk_sites_has(s, addr, 1))
			continue;
		if (!text->read(text->ctx, addr, &b, 1))
			return -EFAULT;
		if (sk_form_check(&site, addr, &b, text))
			continue;
		error = add(s, addr, site);
		if (error)
			return error;
	}
	return 0;
}

/* Heap sort: no recursion, no memory, n log n whatever VTL0's order is. */
static void sift_down(struct sk_site *a, uint32_t root, uint32_t count)
{
	for (uint32_t child; (child = 2 * root + 1) < count; root = child) {
		struct sk_site kept = a[root];

		if (child + 1 < count && a[child].offset < a[child + 1].offset)
			child++;
		if (kept.offset >= a[child].offset)
			return;
		a[root] = a[child];
		a[child] = kept;
	}
}

static void sort(struct sk_site *a, uint32_t count)
{
	for (uint32_t i = count / 2; i--;)
		sift_down(a, i, count);
	for (uint32_t end = count; end > 1; end--) {
		struct sk_site largest = a[0];

		a[0] = a[end - 1];
		a[end - 1] = largest;
		sift_down(a, 0, end - 1);
	}
}

static bool size_fits(const struct sk_site *site)
{
	switch ((enum sk_site_kind)site->kind) {
	case SK_SITE_JUMP:
		return site->size == 2 || site->size == 5;
	case SK_SITE_CALL:
	case SK_SITE_TAIL:
	case SK_SITE_MCOUNT:
	case SK_SITE_TRACER:
		return site->size == 5;
	case SK_SITE_JCC:
		return site->size == 6;
	case SK_SITE_LOCK:
		return site->size == 1;
	}
	return false;
}

/* Can there be such a site in the range? */
static bool is_sound(const struct sk_sites *s, const struct sk_site *site)
{
	uint64_t addr = s->base + site->offset;

	if (!size_fits(site) || !sk_sites_has(s, addr, site->size) || site->reserved)
		return false;
	if (site->kind == SK_SITE_JCC ? (site->condition & 0xF0) != 0x80 : site->condition != 0)
		return false;
	if (site->kind == SK_SITE_JUMP)
		return sk_sites_has(s, addr + (uint64_t)(int64_t)site->target, 1);
	return !site->target;
}

static int check(const struct sk_sites *s, const struct sk_site *site, const struct sk_text *text)
{
	uint64_t addr = s->base + site->offset;
	uint8_t b[SK_SITE_MAX];

	if (!is_sound(s, site))
		return -EINVAL;
	if (!text->read(text->ctx, addr, b, site->size))
		return -EFAULT;
	return sk_form_check(site, addr, b, text) ? -ENOEXEC : 0;
}

int sk_sites_seal_part(struct sk_sites *s, const struct sk_text *text, uint32_t n, uint32_t *at,
		       uint64_t *bad)
{
	if (s->sealed || s->count > s->max || *at > s->count)
		return -EINVAL;
	if (!*at)
		sort(s->site, s->count);
	for (; *at < s->count && n; (*at)++, n--) {
		const struct sk_site *site = &s->site[*at];
		int error = check(s, site, text);

		if (!error && *at && site->offset < (uint64_t)site[-1].offset + site[-1].size)
			error = -EEXIST;
		if (error) {
			*bad = s->base + site->offset;
			return error;
		}
	}
	s->sealed = *at == s->count;
	return 0;
}

int sk_sites_seal(struct sk_sites *s, const struct sk_text *text, uint64_t *bad)
{
	uint32_t at = 0;

	return sk_sites_seal_part(s, text, UINT32_MAX, &at, bad);
}

const struct sk_site *sk_sites_find(const struct sk_sites *s, uint64_t addr)
{
	uint32_t low = 0, high = s->count;

	if (!s->sealed || !sk_sites_has(s, addr, 1))
		return NULL;
	/* All before low start at or before addr, all from high on behind it. */
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (s->site[middle].offset <= addr - s->base)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || addr - s->base - s->site[low - 1].offset >= s->site[low - 1].size)
		return NULL;
	return &s->site[low - 1];
}
