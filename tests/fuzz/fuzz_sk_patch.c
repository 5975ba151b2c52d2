// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any tables over any text, then any writes: a table that is sealed holds sites
 * in the range and none over another, a write that is accepted lies within one
 * site, and afterwards every site holds one of its forms, or an int3 and the
 * tail of one. What a form is, is asked of a second description, not of the
 * judge's own.
 */
/* links: securekernel/patch.c securekernel/sites.c securekernel/forms.c */
#include "fuzz.h"

#include "../../securekernel/patch.h"

#include <ovbs_compiler.h>

#define SIZE  512u
#define SITES 48u
#define TABLE 0x1000u /* the tables lie behind the range */

static uint8_t mem[SIZE];
static uint64_t base;
static uint8_t seed;

static bool text_read(void *ctx, uint64_t addr, uint8_t *to, unsigned int n)
{
	if (addr < base || addr - base > SIZE || n > SIZE - (addr - base))
		return false;
	memcpy(to, mem + (addr - base), n);
	return true;
}

/* A rule that has both answers for every kind. */
static bool text_is_target(void *ctx, uint64_t addr, enum sk_site_kind kind)
{
	FUZZ_CHECK(kind != SK_SITE_JUMP && kind != SK_SITE_LOCK);
	return ((addr >> 1 ^ (unsigned int)kind ^ seed) & 3) != 0;
}

static const struct sk_text text = { NULL, text_read, text_is_target };

/* The second description: bytes as text, ".." the distance, and who says where it may lead. */
static const struct {
	uint8_t kind, size;
	const char *form;
} forms[] = {
	{ SK_SITE_JUMP, 2, "6690" },         { SK_SITE_JUMP, 2, "eb.." },
	{ SK_SITE_JUMP, 5, "0f1f440000" },   { SK_SITE_JUMP, 5, "e9........" },
	{ SK_SITE_CALL, 5, "0f1f440000" },   { SK_SITE_CALL, 5, "2e2e2e31c0" },
	{ SK_SITE_CALL, 5, "e8........" },   { SK_SITE_TAIL, 5, "c3cccccccc" },
	{ SK_SITE_TAIL, 5, "e9........" },   { SK_SITE_JCC, 6, "0f##........" },
	{ SK_SITE_MCOUNT, 5, "0f1f440000" }, { SK_SITE_MCOUNT, 5, "e8........" },
	{ SK_SITE_TRACER, 5, "e8........" }, { SK_SITE_LOCK, 1, "f0" },
	{ SK_SITE_LOCK, 1, "3e" },
};

static uint8_t hex(const char *digits)
{
	uint8_t v = 0;

	for (unsigned int i = 0; i < 2; i++)
		v = (uint8_t)(v << 4 | (digits[i] <= '9' ? digits[i] - '0' : digits[i] - 'a' + 10));
	return v;
}

static bool matches(const struct sk_site *s, const uint8_t *b, const char *form)
{
	uint64_t from = base + s->offset + s->size, distance = 0;
	unsigned int bits = 0;

	for (unsigned int i = 0; i < s->size; i++, form += 2) {
		if (form[0] == '.') {
			distance |= (uint64_t)b[i] << bits;
			bits += 8;
			continue;
		}
		if (form[0] == '#' ? b[i] != s->condition : b[i] != hex(form))
			return false;
	}
	if (!bits)
		return true;
	if (distance >> (bits - 1))
		distance -= 1ULL << bits;
	if (s->kind == SK_SITE_JUMP)
		return from + distance == from - s->size + (uint64_t)(int64_t)s->target;
	return text_is_target(NULL, from + distance, (enum sk_site_kind)s->kind);
}

static bool legal(const struct sk_site *s, const uint8_t *b)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(forms); i++)
		if (forms[i].kind == s->kind && forms[i].size == s->size && matches(s, b, forms[i].form))
			return true;
	return false;
}

/* Is there a first byte for this tail? */
static bool legal_tail(const struct sk_site *s, const uint8_t *tail)
{
	uint8_t b[SK_SITE_MAX];

	memcpy(b + 1, tail, s->size - 1u);
	for (unsigned int first = 0; first < 256; first++) {
		b[0] = (uint8_t)first;
		if (legal(s, b))
			return true;
	}
	return false;
}

static void check_sites(const struct sk_sites *s)
{
	uint64_t end = 0;

	for (uint32_t i = 0; i < s->count; i++) {
		const struct sk_site *site = &s->site[i];

		FUZZ_CHECK(site->offset >= end && site->size && site->size <= SK_SITE_MAX);
		end = (uint64_t)site->offset + site->size;
		FUZZ_CHECK(end <= s->size);
		FUZZ_CHECK(legal(site, mem + site->offset));
		for (uint64_t at = site->offset; at < end; at++)
			FUZZ_CHECK(sk_sites_find(s, base + at) == site);
	}
}

static void check_text(const struct sk_site *site)
{
	const uint8_t *b = mem + site->offset;

	FUZZ_CHECK(legal(site, b) ||
		   (b[0] == 0xCC && site->kind != SK_SITE_LOCK && legal_tail(site, b + 1)));
}

/* The right steps must be accepted, too. */
static void check_verdict(const struct sk_sites *s, uint64_t addr, const uint8_t *b, unsigned int n,
			  bool accepted)
{
	const struct sk_site *site = sk_sites_find(s, addr);
	uint8_t now[SK_SITE_MAX];
	uint64_t at = site ? addr - base - site->offset : 0;
	bool armed, want;

	if (!site || !n || at + n > site->size) {
		FUZZ_CHECK(!accepted);
		return;
	}
	memcpy(now, mem + site->offset, site->size);
	armed = now[0] == 0xCC;
	if (site->kind == SK_SITE_LOCK) {
		want = now[0] == 0x3E && b[0] == 0xF0;
	} else if (at == 0 && n == 1 && !armed) {
		want = b[0] == 0xCC;
	} else if (at == 0 && n == 1) {
		now[0] = b[0];
		want = legal(site, now);
	} else {
		want = armed && at == 1 && n == site->size - 1u && legal_tail(site, b);
	}
	FUZZ_CHECK(accepted == want);
}

/* A table's entry in one of few places, or any. */
static uint64_t place(struct fuzz_input *in)
{
	uint8_t b = fuzz_u8(in);

	return b == 0xFF ? fuzz_u64(in) : base + 2u * b;
}

static void put_distance(uint8_t *p, uint64_t from, uint64_t to)
{
	uint32_t v = (uint32_t)(to - from);

	memcpy(p, &v, sizeof(v));
}

/* One entry of one table. */
static int add_site(struct fuzz_input *in, struct sk_sites *s)
{
	uint8_t what = fuzz_u8(in), table[16] = { 0 };
	uint64_t va = base + TABLE, at = place(in), other = place(in);

	put_distance(table, va, at);
	put_distance(table + 4, va + 4, other);
	switch (what % 8) {
	case 0:
	case 1:
		return sk_sites_add_jumps(s, va, table, 16, &text);
	case 2:
	case 3:
		return sk_sites_add_static_calls(s, va, table, 8, &text);
	case 4:
		memcpy(table, &at, 8);
		return sk_sites_add_mcount(s, table, 16, what & 8 ? SK_DYN_FTRACE : SK_MCOUNT_LOC);
	case 5:
		return sk_sites_add_locks(s, va, table, 8, &text);
	case 6:
		return sk_sites_add_trampolines(s, at, other & 0x18, &text);
	default:
		return sk_sites_add_tracer(s, at);
	}
}

/* The bytes of a form, its distance and condition from the input. */
static void make_form(struct fuzz_input *in, unsigned int which, uint8_t b[SK_SITE_MAX])
{
	const char *form = forms[which].form;

	for (unsigned int i = 0; i < forms[which].size; i++, form += 2) {
		if (form[0] == '.' && i + 2 < forms[which].size)
			b[i] = fuzz_u8(in);
		else if (form[0] == '.') /* near, so that it is often good */
			b[i] = i > 1 ? b[i - 1] = (uint8_t) - (fuzz_u8(in) & 1) : fuzz_u8(in);
		else
			b[i] = form[0] == '#' ? 0x80 | (fuzz_u8(in) & 15) : hex(form);
	}
}

/* A form in the text, and its entry in the table. */
static int add_good(struct fuzz_input *in, struct sk_sites *s, unsigned int slot)
{
	unsigned int which = fuzz_u8(in) % ARRAY_SIZE(forms), offset = 32 * slot + (fuzz_u8(in) & 31);
	uint8_t b[8], table[16] = { 0 }, kind = forms[which].kind, size = forms[which].size;
	uint64_t at = base + offset, va = base + TABLE, target = place(in);

	if (offset + 8 > SIZE)
		return 0;
	make_form(in, which, b);
	if (kind == SK_SITE_JUMP && b[0] == 0xEB)
		target = at + 2 + (uint64_t)(int64_t)(int8_t)b[1];
	else if (kind == SK_SITE_JUMP && b[0] == 0xE9)
		put_distance(b + 1, at + 5, target);
	memcpy(mem + offset, b, size);
	put_distance(table, va, at);
	if (kind == SK_SITE_JUMP) {
		put_distance(table + 4, va + 4, target);
		return sk_sites_add_jumps(s, va, table, 16, &text);
	}
	if (kind == SK_SITE_MCOUNT) {
		memcpy(table, &at, 8);
		return sk_sites_add_mcount(s, table, 8, SK_MCOUNT_LOC);
	}
	if (kind == SK_SITE_TRACER)
		return sk_sites_add_tracer(s, at);
	if (kind == SK_SITE_LOCK)
		return sk_sites_add_locks(s, va, table, 4, &text);
	if (kind == SK_SITE_TAIL && fuzz_u8(in) & 1) {
		memcpy(mem + offset + 5, "\x0F\xB9\xCC", 3);
		return sk_sites_add_trampolines(s, at, 8, &text);
	}
	put_distance(table + 4, va + 4, base | (kind != SK_SITE_CALL));
	return sk_sites_add_static_calls(s, va, table, 8, &text);
}

/* A form of the site's kind, jumps go where they should; now and then not quite. */
static void make_new(struct fuzz_input *in, const struct sk_site *site, uint8_t b[SK_SITE_MAX])
{
	unsigned int which = fuzz_u8(in);
	uint8_t wrong = fuzz_u8(in);

	do
		which = (which + 1) % ARRAY_SIZE(forms);
	while (forms[which].size != site->size || (forms[which].kind != site->kind && wrong & 0x1C));
	make_form(in, which, b);
	if (site->kind == SK_SITE_JCC && wrong & 3)
		b[1] = site->condition;
	if (site->kind == SK_SITE_JUMP && b[0] == 0xEB && wrong & 3)
		b[1] = (uint8_t)(site->target - 2);
	if (site->kind == SK_SITE_JUMP && b[0] == 0xE9 && wrong & 3)
		put_distance(b + 1, 5, (uint64_t)(int64_t)site->target);
	if (wrong >= 0xF0)
		b[fuzz_u8(in) % site->size] ^= (uint8_t)(1u << (wrong & 7));
}

/* A write anywhere, or a step at a site. */
static void one_write(struct fuzz_input *in, const struct sk_sites *s)
{
	static uint8_t before[SIZE];
	uint8_t how = fuzz_u8(in), b[32] = { 0 };
	uint64_t addr = place(in);
	unsigned int n = how >> 3;
	bool accepted;

	if (s->count && how & 7) {
		const struct sk_site *site = &s->site[fuzz_u8(in) % s->count];
		uint8_t form[SK_SITE_MAX] = { 0 };

		make_new(in, site, form);
		addr = base + site->offset;
		if ((how & 7) < 3) { /* ARM */
			b[0] = 0xCC;
			n = 1;
		} else if ((how & 7) < 5) { /* TAIL */
			memcpy(b, form + 1, site->size - 1u);
			addr += 1;
			n = site->size - 1u;
		} else if ((how & 7) < 7) { /* FINISH */
			b[0] = form[0];
			n = 1;
		} else { /* right bytes, any extent */
			memcpy(b, form + (how >> 7), SK_SITE_MAX - (how >> 7));
			addr += how >> 7;
		}
	} else {
		for (unsigned int i = 0; i < 16; i++)
			b[i] = fuzz_u8(in);
	}
	memcpy(before, mem, SIZE);
	accepted = sk_patch_judge(s, addr, b, n, &text) == SK_PATCH_OK;
	FUZZ_CHECK(!memcmp(before, mem, SIZE));
	check_verdict(s, addr, b, n, accepted);
	if (!accepted)
		return;
	FUZZ_CHECK(addr >= base && addr - base + n <= SIZE);
	memcpy(mem + (addr - base), b, n);
	check_text(sk_sites_find(s, addr));
}

/* May a site that is at rest get this form? */
static bool may_be(const struct sk_site *site, const uint8_t *b)
{
	uint8_t now = mem[site->offset];

	if (site->kind == SK_SITE_LOCK)
		return now == 0x3E && b[0] == 0xF0;
	return now != 0xCC && legal(site, b);
}

static void one_offer(struct fuzz_input *in, const struct sk_sites *s)
{
	struct sk_patch_offer o[2] = { 0 };
	unsigned int good = 0;
	uint32_t bad = 2;

	for (unsigned int i = 0; i < 2; i++) {
		uint8_t which = fuzz_u8(in);

		o[i].addr = place(in);
		o[i].size = which & 7;
		if (s->count && which & 0xE0) {
			const struct sk_site *site = &s->site[(which & 31) % s->count];

			o[i].addr = base + site->offset;
			o[i].size = site->size;
			make_new(in, site, o[i].bytes);
			good += may_be(site, o[i].bytes);
		}
	}
	if (sk_patch_judge_batch(s, o, 2, &text, &bad) != SK_PATCH_OK) {
		FUZZ_CHECK(bad < 2 && (good < 2 || o[1].addr <= o[0].addr));
		return;
	}
	for (unsigned int i = 0; i < 2; i++) {
		const struct sk_site *site = sk_sites_find(s, o[i].addr);

		FUZZ_CHECK(site && base + site->offset == o[i].addr && may_be(site, o[i].bytes));
		FUZZ_CHECK(i == 0 || o[1].addr > o[0].addr);
	}
}

/* All of the input as one table of each kind. */
static void raw_tables(const uint8_t *data, size_t n)
{
	struct sk_site array[SITES];
	struct sk_sites s;
	int error = 0;

	if (sk_sites_init(&s, base, SIZE, array, SITES))
		return;
	error |= sk_sites_add_jumps(&s, base, data, n & ~15ULL, &text);
	error |= sk_sites_add_static_calls(&s, base, data, n & ~7ULL, &text);
	error |= sk_sites_add_mcount(&s, data, n & ~7ULL, SK_MCOUNT_LOC);
	error |= sk_sites_add_locks(&s, base, data, n & ~3ULL, &text);
	FUZZ_CHECK(s.count <= SITES);
	(void)error;
}

/* The input, and behind it what a generator makes of it: short inputs go deep, too. */
static struct fuzz_input expand(const uint8_t *data, size_t size)
{
	static uint8_t all[1024];
	size_t n = size < sizeof(all) ? size : sizeof(all);
	uint64_t x = 1;

	for (size_t i = 0; i < sizeof(all); i++) {
		if (i < n)
			all[i] = data[i];
		x ^= i < n ? (uint64_t)all[i] << 32 : 0;
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		if (i >= n)
			all[i] = (uint8_t)(x >> 24);
	}
	return (struct fuzz_input){ all, sizeof(all) };
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sk_site array[SITES];
	static const uint64_t bases[] = { 0xFFFFFFFF81000000, 0, 0xFFFFFFFFFFFFF000, 0x7FFFFFFFFFFFFF00 };
	struct fuzz_input in = expand(data, size);
	struct sk_sites s;
	uint64_t bad = 0;
	uint8_t n;

	seed = fuzz_u8(&in);
	base = bases[seed >> 2 & 3];
	for (unsigned int i = 0; i < SIZE; i++)
		mem[i] = (uint8_t) "\x0F\x1F\x44\x00\x00\xCC\x66\x90"[i % 8];
	FUZZ_CHECK(!sk_sites_init(&s, base, SIZE, array, SITES));
	for (n = fuzz_u8(&in) & 15; n; n--)
		if (add_good(&in, &s, n))
			break;
	raw_tables(data, size);
	for (n = fuzz_u8(&in) & 15; n < 8; n++)
		if (add_site(&in, &s))
			break;
	if (sk_sites_seal(&s, &text, &bad)) {
		FUZZ_CHECK(!s.count || sk_sites_has(&s, bad, 1));
		FUZZ_CHECK(!sk_sites_find(&s, base));
		return 0;
	}
	check_sites(&s);
	for (n = 0; in.size && n < 100; n++)
		one_write(&in, &s);
	in = expand(data, size);
	for (n = 0; n < 32; n++)
		one_offer(&in, &s);
	for (uint32_t i = 0; i < s.count; i++)
		check_text(&s.site[i]);
	return 0;
}
