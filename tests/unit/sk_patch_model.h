/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VTL0 text with a site of every kind, for the tests of securekernel/patch.c
 * and sites.c: what may stand at each of them is written down here once more,
 * byte by byte.
 */
#ifndef OVBS_TESTS_SK_PATCH_MODEL_H
#define OVBS_TESTS_SK_PATCH_MODEL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../securekernel/patch.h"

#define BASE  0xFFFFFFFF81000000ULL
#define SIZE  0x3000u
#define TABLE 0xFFFFFFFF82439090ULL /* where Linux's tables lie */

/* Where sites may go, as offsets from BASE. */
#define FUNCTION  0x0100 /* CALL, TAIL, JCC */
#define FUNCTION2 0x2800
#define THUNK     0x0200     /* TAIL, JCC */
#define TRACER    0x0300     /* TRACER */
#define CALLER    0x3F000000 /* MCOUNT: a trampoline, not in the range */
#define CALLER2   0x0380

#define FORMS 5

/* A site and all that may stand there. */
struct expected {
	uint32_t offset;
	enum sk_site_kind kind;
	unsigned int size, forms;
	int32_t target;
	uint8_t form[FORMS][SK_SITE_MAX];
};

static uint8_t mem[SIZE];
static struct sk_site array[64];
static struct sk_sites sites;
static struct expected want[32];
static unsigned int wants;
static uint32_t gone, hole; /* no target any more; can't be read */

static bool text_read(void *ctx, uint64_t addr, uint8_t *to, unsigned int n)
{
	if (addr < BASE || addr - BASE > SIZE || n > SIZE - (addr - BASE) || (hole && addr - BASE == hole))
		return false;
	memcpy(to, mem + (addr - BASE), n);
	return true;
}

static bool text_is_target(void *ctx, uint64_t addr, enum sk_site_kind kind)
{
	assert_ptr_equal(ctx, mem);
	assert_int_not_equal(kind, SK_SITE_JUMP);
	assert_int_not_equal(kind, SK_SITE_LOCK);
	if (gone && addr == BASE + gone)
		return false;
	switch (addr - BASE) {
	case FUNCTION:
	case FUNCTION2:
		return kind == SK_SITE_CALL || kind == SK_SITE_TAIL || kind == SK_SITE_JCC;
	case THUNK:
		return kind == SK_SITE_TAIL || kind == SK_SITE_JCC;
	case TRACER:
		return kind == SK_SITE_TRACER;
	case CALLER:
	case CALLER2:
		return kind == SK_SITE_MCOUNT;
	}
	return false;
}

static const struct sk_text text = { mem, text_read, text_is_target };

/* Branches as a processor's manual has them. */
static void put32(uint8_t *p, uint32_t v)
{
	for (unsigned int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static void add_form(struct expected *e, const void *bytes)
{
	assert_true(e->forms < FORMS);
	memcpy(e->form[e->forms++], bytes, e->size);
}

static void add_branch(struct expected *e, uint8_t opcode, uint32_t target)
{
	uint8_t b[5] = { opcode };

	put32(b + 1, target - e->offset - 5);
	add_form(e, b);
}

static void add_jcc(struct expected *e, uint8_t condition, uint32_t target)
{
	uint8_t b[6] = { 0x0F, condition };

	put32(b + 2, target - e->offset - 6);
	add_form(e, b);
}

static struct expected *add_expected(uint32_t offset, enum sk_site_kind kind, unsigned int size)
{
	struct expected *e = &want[wants++];

	*e = (struct expected){ .offset = offset, .kind = kind, .size = size };
	return e;
}

static void expect_jump(uint32_t offset, unsigned int size, int32_t target)
{
	struct expected *e = add_expected(offset, SK_SITE_JUMP, size);

	e->target = target;
	if (size == 2) {
		add_form(e, "\x66\x90");
		add_form(e, (uint8_t[]){ 0xEB, (uint8_t)(target - 2) });
	} else {
		add_form(e, "\x0F\x1F\x44\x00\x00");
		add_branch(e, 0xE9, offset + (uint32_t)target);
	}
}

static void expect_call(uint32_t offset)
{
	struct expected *e = add_expected(offset, SK_SITE_CALL, 5);

	add_form(e, "\x0F\x1F\x44\x00\x00");
	add_form(e, "\x2E\x2E\x2E\x31\xC0");
	add_branch(e, 0xE8, FUNCTION);
	add_branch(e, 0xE8, FUNCTION2);
}

static void expect_tail(uint32_t offset)
{
	struct expected *e = add_expected(offset, SK_SITE_TAIL, 5);

	add_form(e, "\xC3\xCC\xCC\xCC\xCC");
	add_branch(e, 0xE9, FUNCTION);
	add_branch(e, 0xE9, FUNCTION2);
	add_branch(e, 0xE9, THUNK);
}

static void expect_jcc(uint32_t offset, uint8_t condition)
{
	struct expected *e = add_expected(offset, SK_SITE_JCC, 6);

	add_jcc(e, condition, FUNCTION);
	add_jcc(e, condition, FUNCTION2);
	add_jcc(e, condition, THUNK);
}

static void expect_mcount(uint32_t offset)
{
	struct expected *e = add_expected(offset, SK_SITE_MCOUNT, 5);

	add_form(e, "\x0F\x1F\x44\x00\x00");
	add_branch(e, 0xE8, CALLER);
	add_branch(e, 0xE8, CALLER2);
}

static void expect_others(void)
{
	struct expected *e = add_expected(0x570, SK_SITE_TRACER, 5);

	add_branch(e, 0xE8, TRACER);
	e = add_expected(0x580, SK_SITE_LOCK, 1);
	add_form(e, "\x3E");
	add_form(e, "\xF0");
}

/* In this order by address; some touch, some cross pages, one is the first, one the last. */
static void expect_all(void)
{
	wants = 0;
	expect_mcount(0);
	expect_jump(0x400, 2, 0x40);
	expect_jump(0x402, 2, -0x7E);
	expect_jump(0x410, 5, 0x1234);
	expect_jump(0x415, 5, -0x300);
	expect_call(0x500);
	expect_tail(0x505);
	expect_tail(0x520);
	expect_jcc(0x530, 0x84);
	expect_jcc(0x540, 0x8F);
	expect_mcount(0x550);
	expect_others();
	expect_jump(0xFFF, 2, 0x10);
	expect_jump(0x1FFE, 5, 0x100);
	expect_call(0x2003);
	expect_jcc(0x2FF0, 0x80);
	expect_call(SIZE - 5);
}

static struct sk_site site_of(const struct expected *e)
{
	return (struct sk_site){ .offset = e->offset,
				 .kind = (uint8_t)e->kind,
				 .size = (uint8_t)e->size,
				 .target = e->target,
				 .condition = e->kind == SK_SITE_JCC ? e->form[0][1] : 0 };
}

/* Everything at its first form, the table sealed; around it what would mislead a decoder. */
static int setup(void **state)
{
	uint64_t bad = 0;

	gone = hole = 0;
	expect_all();
	for (unsigned int i = 0; i < SIZE; i++)
		mem[i] = (uint8_t) "\x0F\x1F\x44\x00\x00\xE8\xCC\x66\x90"[i % 9];
	assert_int_equal(sk_sites_init(&sites, BASE, SIZE, array, 64), 0);
	for (unsigned int i = wants; i--;) {
		array[sites.count++] = site_of(&want[i]);
		memcpy(mem + want[i].offset, want[i].form[0], want[i].size);
	}
	assert_int_equal(sk_sites_seal(&sites, &text, &bad), 0);
	return 0;
}

static void set(const struct expected *e, unsigned int form, bool armed)
{
	memcpy(mem + e->offset, e->form[form], e->size);
	if (armed)
		mem[e->offset] = 0xCC;
}

#define FOR_SITES(e) for (struct expected *e = want; e < want + wants; e++)
#define FOR_PATCHED(e)                                                                             \
	FOR_SITES(e)                                                                               \
	if (e->kind != SK_SITE_LOCK)

#endif
