// SPDX-License-Identifier: GPL-2.0-only
/*
 * Promises of securekernel/{forms,patch}.c: every patch that Linux makes is
 * accepted, write by write; and whatever else is written, a site holds a form
 * that Linux would write there, or an int3 and the tail of one, and no other
 * byte changes.
 */
/* links: securekernel/patch.c securekernel/sites.c securekernel/forms.c */
#include "sk_patch_model.h"

static bool is_form(const struct expected *e, const uint8_t *b)
{
	for (unsigned int i = 0; i < e->forms; i++)
		if (!memcmp(b, e->form[i], e->size))
			return true;
	return false;
}

static bool is_tail(const struct expected *e, const uint8_t *tail)
{
	for (unsigned int i = 0; i < e->forms; i++)
		if (!memcmp(tail, e->form[i] + 1, e->size - 1))
			return true;
	return false;
}

static enum sk_patch_verdict judge(uint32_t offset, const void *bytes, unsigned int n)
{
	return sk_patch_judge(&sites, BASE + offset, bytes, n, &text);
}

/* Judged, and carried out if accepted. */
static enum sk_patch_verdict wr(uint32_t offset, const void *bytes, unsigned int n)
{
	enum sk_patch_verdict v = judge(offset, bytes, n);

	if (v == SK_PATCH_OK)
		memcpy(mem + offset, bytes, n);
	return v;
}

/* From each form to each, itself too: text_poke_bp() does not look. */
static void test_sequences(void **state)
{
	FOR_PATCHED(e)
	{
		for (unsigned int from = 0; from < e->forms; from++) {
			for (unsigned int to = 0; to < e->forms; to++) {
				set(e, from, false);
				assert_int_equal(wr(e->offset, "\xCC", 1), SK_PATCH_OK);
				assert_int_equal(wr(e->offset + 1, e->form[to] + 1, e->size - 1),
						 SK_PATCH_OK);
				assert_int_equal(wr(e->offset, e->form[to], 1), SK_PATCH_OK);
				assert_memory_equal(mem + e->offset, e->form[to], e->size);
			}
		}
	}
}

/* text_poke_bp_batch(): all int3s, all tails, all first bytes. */
static void test_batch_order(void **state)
{
	for (unsigned int to = 0; to < FORMS; to++) {
		FOR_PATCHED(e)
		assert_int_equal(wr(e->offset, "\xCC", 1), SK_PATCH_OK);
		FOR_PATCHED(e)
		assert_int_equal(wr(e->offset + 1, e->form[to % e->forms] + 1, e->size - 1), SK_PATCH_OK);
		FOR_PATCHED(e)
		assert_int_equal(wr(e->offset, e->form[to % e->forms], 1), SK_PATCH_OK);
		FOR_PATCHED(e)
		assert_memory_equal(mem + e->offset, e->form[to % e->forms], e->size);
	}
}

static void test_order(void **state)
{
	FOR_PATCHED(e)
	{
		for (unsigned int f = 0; f < e->forms; f++) {
			set(e, 0, false);
			assert_int_equal(judge(e->offset + 1, e->form[f] + 1, e->size - 1), SK_PATCH_ORDER);
			assert_int_equal(judge(e->offset, e->form[f], 1), SK_PATCH_ORDER);
			set(e, f, true);
			assert_int_equal(judge(e->offset, "\xCC", 1), SK_PATCH_ORDER);
			/* Undone, or carried on with another form: as it was before ARM. */
			assert_int_equal(judge(e->offset, e->form[f], 1), SK_PATCH_OK);
			assert_int_equal(judge(e->offset + 1, e->form[0] + 1, e->size - 1), SK_PATCH_OK);
		}
	}
}

/* One site's steps with another's bytes, while both are armed. */
static void test_interleaved(void **state)
{
	FOR_PATCHED(a)
	{
		FOR_PATCHED(b)
		{
			if (a == b)
				continue;
			setup(state);
			set(a, 0, true);
			set(b, 0, true);
			for (unsigned int f = 0; f < b->forms; f++) {
				const uint8_t *form = b->form[f];
				uint8_t whole[SK_SITE_MAX] = { form[0] };
				bool fits = b->size == a->size && is_tail(a, form + 1);

				memcpy(whole + 1, mem + a->offset + 1, a->size - 1);
				assert_int_equal(judge(a->offset + 1, form + 1, b->size - 1) == SK_PATCH_OK,
						 fits);
				assert_int_equal(judge(a->offset, form, 1) == SK_PATCH_OK,
						 is_form(a, whole));
			}
		}
	}
}

/* Every extent around every site, at rest and armed, with bytes that are right there. */
static void test_extents(void **state)
{
	uint8_t right[64];

	FOR_SITES(e)
	{
		for (unsigned int armed = 0; armed < 2; armed++) {
			setup(state);
			if (e->kind == SK_SITE_LOCK && armed)
				continue;
			set(e, 0, armed);
			for (int32_t at = -20; at < 20; at++) {
				for (unsigned int n = 0; n < 24; n++) {
					uint32_t offset = e->offset + (uint32_t)at;
					bool in = offset < SIZE && n <= SIZE - offset;
					bool tail = at == 1 && n == e->size - 1 && n;
					bool first = at == 0 && n == 1;
					enum sk_patch_verdict v;

					memset(right, 0xCC, sizeof(right));
					for (unsigned int i = 0; in && i < n; i++)
						right[i] = mem[offset + i];
					if (at >= 0 && at < (int)e->size)
						memcpy(right, e->form[0] + at, e->size - (unsigned int)at);
					if (first && !armed && e->kind == SK_SITE_LOCK)
						right[0] = 0xF0;
					else if (first && !armed)
						right[0] = 0xCC;
					v = judge(offset, right, n);
					if (!n || n > SK_PATCH_MAX || !in)
						assert_int_equal(v, SK_PATCH_EXTENT);
					else if (first || (tail && armed))
						assert_int_equal(v, SK_PATCH_OK);
					else if (at >= 0 && at < (int)e->size)
						assert_int_equal(v, tail ? SK_PATCH_ORDER : SK_PATCH_EXTENT);
					else /* another site may be there, at rest */
						assert_true(v != SK_PATCH_OK);
				}
			}
		}
	}
}

/* Every byte of the range, every value, nothing armed: an int3 at a site, and a lock prefix. */
static void test_single_bytes(void **state)
{
	for (uint32_t offset = 0; offset < SIZE; offset++) {
		bool start = false, lock = false, inside = false;

		FOR_SITES(e)
		{
			start |= e->offset == offset && e->kind != SK_SITE_LOCK;
			lock |= e->offset == offset && e->kind == SK_SITE_LOCK;
			inside |= offset >= e->offset && offset < e->offset + e->size;
		}
		for (unsigned int value = 0; value < 256; value++) {
			uint8_t b = (uint8_t)value;
			enum sk_patch_verdict v = judge(offset, &b, 1);

			assert_int_equal(v == SK_PATCH_OK,
					 (start && value == 0xCC) || (lock && value == 0xF0));
			assert_int_equal(v == SK_PATCH_NO_SITE, !inside);
		}
	}
}

/* Armed: every first byte over every tail, and every tail that differs in one byte. */
static void test_finish_and_tail(void **state)
{
	FOR_PATCHED(e)
	{
		for (unsigned int f = 0; f < e->forms; f++) {
			uint8_t b[SK_SITE_MAX];

			set(e, f, true);
			memcpy(b, e->form[f], e->size);
			for (unsigned int value = 0; value < 256; value++) {
				b[0] = (uint8_t)value;
				if (value == 0xCC)
					continue;
				assert_int_equal(judge(e->offset, b, 1) == SK_PATCH_OK, is_form(e, b));
			}
			for (unsigned int i = 1; i < e->size; i++) {
				memcpy(b, e->form[f], e->size);
				for (unsigned int value = 0; value < 256; value++) {
					b[i] = (uint8_t)value;
					assert_int_equal(judge(e->offset + 1, b + 1, e->size - 1) == SK_PATCH_OK,
							 is_tail(e, b + 1));
				}
			}
		}
	}
}

/* Each kind's branch to where another kind may go, and one byte beside its own. */
static void test_targets(void **state)
{
	static const uint32_t places[] = { FUNCTION, FUNCTION2, THUNK, TRACER, CALLER, CALLER2 };

	FOR_PATCHED(e)
	{
		set(e, 0, true);
		for (unsigned int i = 0; i < sizeof(places) / sizeof(places[0]) * 3 && e->size >= 5; i++) {
			uint8_t tail[5] = { e->form[0][1] };
			uint32_t to = places[i / 3] + i % 3 - 1;
			bool yes;

			put32(tail + e->size - 5, to - e->offset - e->size);
			yes = is_tail(e, tail);
			assert_int_equal(judge(e->offset + 1, tail, e->size - 1),
					 yes ? SK_PATCH_OK : SK_PATCH_TARGET);
		}
	}
}

/* A target that goes while a patch to it is half done, and one that comes back. */
static void test_target_gone(void **state)
{
	const struct expected *e = &want[0]; /* ftrace, to CALLER */

	assert_int_equal(e->kind, SK_SITE_MCOUNT);
	assert_int_equal(wr(e->offset, "\xCC", 1), SK_PATCH_OK);
	assert_int_equal(wr(e->offset + 1, e->form[1] + 1, 4), SK_PATCH_OK);
	gone = CALLER;
	assert_int_equal(wr(e->offset, "\xE8", 1), SK_PATCH_TARGET);
	assert_int_equal(wr(e->offset + 1, e->form[1] + 1, 4), SK_PATCH_TARGET);
	assert_int_equal(wr(e->offset, "\x0F", 1), SK_PATCH_FORM);
	assert_int_equal(wr(e->offset + 1, e->form[2] + 1, 4), SK_PATCH_OK);
	assert_int_equal(wr(e->offset, "\xE8", 1), SK_PATCH_OK);
	assert_memory_equal(mem + e->offset, e->form[2], 5);
	/* A site that leads to what is gone can still be taken away from it. */
	gone = CALLER2;
	assert_int_equal(wr(e->offset, "\xCC", 1), SK_PATCH_OK);
	assert_int_equal(wr(e->offset, "\xE8", 1), SK_PATCH_TARGET);
	assert_int_equal(wr(e->offset + 1, e->form[0] + 1, 4), SK_PATCH_OK);
	assert_int_equal(wr(e->offset, "\x0F", 1), SK_PATCH_OK);
}

static void test_lock(void **state)
{
	const uint32_t at = 0x580;

	assert_int_equal(judge(at, "\xCC", 1), SK_PATCH_FORM);
	assert_int_equal(judge(at, "\x3E", 1), SK_PATCH_FORM);
	assert_int_equal(judge(at, "\xF0\xF0", 2), SK_PATCH_EXTENT);
	assert_int_equal(wr(at, "\xF0", 1), SK_PATCH_OK);
	assert_int_equal(judge(at, "\xF0", 1), SK_PATCH_ORDER);
	assert_int_equal(judge(at, "\x3E", 1), SK_PATCH_ORDER);
	assert_int_equal(judge(at, "\xCC", 1), SK_PATCH_ORDER);
}

static void test_addresses(void **state)
{
	static const uint64_t far[] = { 0,
					1,
					BASE - 1,
					BASE - 5,
					BASE + SIZE,
					BASE + SIZE + 0x400,
					BASE << 1,
					UINT64_MAX,
					UINT64_MAX - 4,
					BASE - 0x100000000,
					BASE + 0x100000000,
					BASE + 0x100000400 };

	for (unsigned int i = 0; i < sizeof(far) / sizeof(far[0]); i++)
		for (unsigned int n = 0; n < 20; n++)
			assert_int_equal(sk_patch_judge(&sites, far[i], (const uint8_t[20]){ 0xCC },
							n, &text),
					 SK_PATCH_EXTENT);
	/* Over the end, from the last site. */
	assert_int_equal(judge(SIZE - 1, "\xCC\xCC", 2), SK_PATCH_EXTENT);
	assert_int_equal(judge(SIZE - 4, want[wants - 1].form[0], 5), SK_PATCH_EXTENT);
}

static void test_unreadable(void **state)
{
	hole = 0x500;
	assert_int_equal(judge(0x500, "\xCC", 1), SK_PATCH_UNREADABLE);
	assert_int_equal(judge(0x501, want[5].form[0] + 1, 4), SK_PATCH_UNREADABLE);
	assert_int_equal(judge(0x505, "\xCC", 1), SK_PATCH_OK);
}

static void test_unsealed(void **state)
{
	sites.sealed = false;
	for (uint32_t i = 0; i < SIZE; i++)
		assert_int_equal(judge(i, "\xCC", 1), SK_PATCH_NO_SITE);
	sites.sealed = true;
	sites.count = 0;
	for (uint32_t i = 0; i < SIZE; i++)
		assert_int_equal(judge(i, "\xCC", 1), SK_PATCH_NO_SITE);
}

static struct sk_patch_offer offer_of(const struct expected *e, unsigned int form)
{
	struct sk_patch_offer o = { .addr = BASE + e->offset, .size = (uint8_t)e->size };

	memcpy(o.bytes, e->form[form % e->forms], e->size);
	return o;
}

static void test_offers(void **state)
{
	struct sk_patch_offer o[32];
	uint32_t bad = 99;

	assert_int_equal(sk_patch_judge_batch(&sites, NULL, 0, &text, &bad), SK_PATCH_OK);
	for (unsigned int form = 0; form < FORMS; form++) {
		for (unsigned int i = 0; i < wants; i++)
			o[i] = offer_of(&want[i], want[i].kind == SK_SITE_LOCK ? 1 : form);
		assert_int_equal(sk_patch_judge_batch(&sites, o, wants, &text, &bad), SK_PATCH_OK);
	}
	assert_int_equal(bad, 99);
	for (unsigned int i = 0; i < wants; i++) {
		const struct sk_patch_offer good = o[i];

#define REFUSED(why, change)                                                                       \
	do {                                                                                       \
		change;                                                                            \
		assert_int_equal(sk_patch_judge_batch(&sites, o, wants, &text, &bad), why);        \
		assert_int_equal(bad, i);                                                          \
		o[i] = good;                                                                       \
	} while (0)
		REFUSED(SK_PATCH_EXTENT, o[i].size ^= 1);
		REFUSED(SK_PATCH_EXTENT, o[i].size = 0);
		REFUSED(SK_PATCH_EXTENT, o[i].size = 255);
		REFUSED(SK_PATCH_EXTENT, o[i].reserved = 1);
		REFUSED(SK_PATCH_NO_SITE, o[i].addr += 0x10000);
		REFUSED(SK_PATCH_NO_SITE, o[i].addr = 0);
		if (want[i].kind != SK_SITE_LOCK) {
			REFUSED(SK_PATCH_NO_SITE, o[i].addr += 1);
			REFUSED(SK_PATCH_FORM, o[i].bytes[0] = 0xCC);
			set(&want[i], 0, true);
			REFUSED(SK_PATCH_ORDER, );
			set(&want[i], 0, false);
		} else {
			REFUSED(SK_PATCH_FORM, o[i].bytes[0] = 0x3E);
			set(&want[i], 1, false);
			REFUSED(SK_PATCH_ORDER, );
			set(&want[i], 0, false);
		}
		if (i)
			REFUSED(SK_PATCH_ORDER, o[i] = o[i - 1]);
	}
	hole = want[3].offset;
	assert_int_equal(sk_patch_judge_batch(&sites, o, wants, &text, &bad), SK_PATCH_UNREADABLE);
	assert_int_equal(bad, 3);
	hole = 0;
	gone = FUNCTION2;
	o[5] = offer_of(&want[5], 3);
	assert_int_equal(sk_patch_judge_batch(&sites, o, 6, &text, &bad), SK_PATCH_TARGET);
	assert_int_equal(bad, 5);
}

static void test_reasons(void **state)
{
	for (int i = SK_PATCH_OK; i <= SK_PATCH_UNREADABLE; i++)
		for (int j = SK_PATCH_OK; j < i; j++)
			assert_string_not_equal(sk_patch_reason((enum sk_patch_verdict)i),
						sk_patch_reason((enum sk_patch_verdict)j));
	assert_string_equal(sk_patch_reason((enum sk_patch_verdict)99), "?");
}

static void check_invariant(const uint8_t *before)
{
	uint32_t i = 0;

	FOR_SITES(e)
	{
		const uint8_t *now = mem + e->offset;

		assert_memory_equal(mem + i, before + i, e->offset - i);
		assert_true(is_form(e, now) ||
			    (now[0] == 0xCC && e->kind != SK_SITE_LOCK && is_tail(e, now + 1)));
		i = e->offset + e->size;
	}
	assert_memory_equal(mem + i, before + i, SIZE - i);
}

/* Any writes, most of them near the truth. Also: what Linux would do next is always accepted. */
static void test_random(void **state)
{
	static uint8_t before[SIZE];
	unsigned int accepted = 0;

	srandom(1);
	memcpy(before, mem, SIZE);
	for (unsigned int round = 0; round < 200000; round++) {
		const struct expected *e = &want[(unsigned int)random() % wants];
		const struct expected *other = random() % 4 ? e : &want[(unsigned int)random() % wants];
		const uint8_t *form = other->form[(unsigned int)random() % other->forms];
		uint32_t offset = e->offset + (unsigned int)random() % 3;
		unsigned int n = 1 + (unsigned int)random() % 6;
		uint8_t b[64];

		for (unsigned int i = 0; i < sizeof(b); i++)
			b[i] = (uint8_t)random();
		memcpy(b, form, other->size);
		switch (random() % 8) {
		case 0:
			offset = (uint32_t)random() % (SIZE + 16);
			n = (unsigned int)random() % 20;
			break;
		case 1:
		case 2:
			offset = e->offset;
			n = 1;
			b[0] = 0xCC;
			break;
		case 3:
		case 4:
			offset = e->offset + 1;
			n = e->size - 1;
			memmove(b, b + 1, 6);
			break;
		case 5:
		case 6:
			offset = e->offset;
			n = 1;
			break;
		}
		accepted += wr(offset, b, n) == SK_PATCH_OK;
		check_invariant(before);
	}
	assert_true(accepted > 20000);
	/* From whatever is there now: every site can be brought to rest. */
	FOR_PATCHED(e)
	{
		if (mem[e->offset] != 0xCC)
			continue;
		assert_int_equal(wr(e->offset + 1, e->form[0] + 1, e->size - 1), SK_PATCH_OK);
		assert_int_equal(wr(e->offset, e->form[0], 1), SK_PATCH_OK);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_sequences, setup),
		cmocka_unit_test_setup(test_batch_order, setup),
		cmocka_unit_test_setup(test_order, setup),
		cmocka_unit_test_setup(test_interleaved, setup),
		cmocka_unit_test_setup(test_extents, setup),
		cmocka_unit_test_setup(test_single_bytes, setup),
		cmocka_unit_test_setup(test_finish_and_tail, setup),
		cmocka_unit_test_setup(test_targets, setup),
		cmocka_unit_test_setup(test_target_gone, setup),
		cmocka_unit_test_setup(test_lock, setup),
		cmocka_unit_test_setup(test_addresses, setup),
		cmocka_unit_test_setup(test_unreadable, setup),
		cmocka_unit_test_setup(test_unsealed, setup),
		cmocka_unit_test_setup(test_offers, setup),
		cmocka_unit_test_setup(test_reasons, setup),
		cmocka_unit_test_setup(test_random, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
