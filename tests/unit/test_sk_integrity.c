/* links: securekernel/capture.c securekernel/patch.c securekernel/sites.c securekernel/forms.c */
// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the secure kernel makes of a write to frozen text (securekernel/
 * integrity.c): it is captured whole or refused, and a patch is carried out as
 * if the instruction had run. VTL0's memory is an array: the text at TEXT_GPA,
 * functions behind it, then ordinary memory; addresses translate by a table of
 * mappings. Modules are test_sk_modules.c's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../securekernel/hypercall.h"
#include "../../securekernel/text.c"
#include "../../securekernel/integrity.c"

#define RAM_GPA  0x1000000ULL
#define RAM_SIZE 0x10000u
#define TEXT_VA  0xFFFFFFFF81000000ULL
#define TEXT_GPA RAM_GPA
#define TEXT_LEN 0x3000u
#define DATA_VA  0xFFFFFFFF82000000ULL /* where functions begin, frozen */
#define DATA_OFF 0x4000u
#define FREE_VA  0xFFFF888000000000ULL
#define FREE_OFF 0x8000u
#define POKE_VA  0x00007000ULL /* the alias that text_poke() writes through */

#define JUMP     0x100 /* a jump label of 5 bytes, to JUMP + 0x40 */
#define CROSS    0xFFE /* one that lies in two pages */
#define MCOUNT   0x800
#define FUNCTION 0x800 /* begins there, too */
#define CALLER   0x2000
#define TRACER   0x2010
#define RIP      0x2800 /* REP MOVSB */

static uint8_t ram[RAM_SIZE];
static struct vtl0_regs regs;
static uint64_t rip, rflags;
static bool frozen = true, was_locked;
static struct sk_site space[SITES_MAX];
static unsigned int logs;

void sk_log(const char *fmt, ...)
{
	logs++;
}

void sk_panic(const char *fmt, ...)
{
	fail_msg("panic: %s", fmt);
	abort();
}

void *memory_boot_pages(unsigned int n)
{
	assert_true(n * PAGE_SIZE >= sizeof(space));
	return space;
}

bool protect_is_frozen(uint64_t gpa, enum ovbs_freeze how)
{
	bool code = gpa - TEXT_GPA < TEXT_LEN, data = gpa - RAM_GPA >= DATA_OFF && gpa - RAM_GPA < FREE_OFF;

	return frozen && (how == OVBS_FREEZE_CODE ? code : data);
}

bool protect_locked(void)
{
	return was_locked;
}

bool protect_find(uint64_t gpa, struct range *out)
{
	return false;
}

bool protect_find_va(uint64_t va, struct range *out)
{
	return false;
}

bool protect_executable(const struct range *r)
{
	fail();
	return false;
}

void modules_prepare(void)
{
}

bool module_has_function(uint64_t addr, const void *own)
{
	assert_true(addr < TEXT_VA || addr >= TEXT_VA + TEXT_LEN);
	return false;
}

const struct sk_sites *module_sites(uint32_t number)
{
	return NULL;
}

int module_trust(uint64_t va, uint64_t bytes)
{
	return -EINVAL;
}

int module_trust_pages(uint64_t va, const uint64_t *gpa, unsigned int n)
{
	return -EINVAL;
}

int module_trust_functions(const uint32_t *offset, uint64_t n)
{
	return -EINVAL;
}

struct sk_sites *module_trust_sites(void)
{
	return NULL;
}

int modules_seal(uint64_t *bad)
{
	return 0;
}

void modules_count(uint64_t *now, uint64_t *ever)
{
	*now = *ever = 0;
}

enum hv_status hv_set_register(unsigned int vtl, uint32_t name, uint64_t value)
{
	assert_int_equal(vtl, 0);
	assert_int_equal(name, HV_X64_REGISTER_RIP);
	rip = value;
	return HV_STATUS_SUCCESS;
}

struct gwalk guest_state(enum gwalk_access access)
{
	return (struct gwalk){ .access = access };
}

static uint8_t *at_gpa(uint64_t gpa, size_t n)
{
	return gpa >= RAM_GPA && n <= RAM_SIZE && gpa - RAM_GPA <= RAM_SIZE - n ? ram + (gpa - RAM_GPA) : NULL;
}

int guest_read_at(uint64_t gpa, void *to, size_t n)
{
	uint8_t *p = at_gpa(gpa, n);

	if (!p)
		return -EFAULT;
	memcpy(to, p, n);
	return 0;
}

int guest_write_at(uint64_t gpa, const void *from, size_t n)
{
	uint8_t *p = at_gpa(gpa, n);

	if (!p)
		return -EFAULT;
	memcpy(p, from, n);
	return 0;
}

static struct mapping {
	uint64_t va, gpa, size;
	bool write, exec;
} maps[8];
static unsigned int map_count;

int gwalk_linear(const struct gwalk *w, uint64_t linear, struct gwalk_result *out)
{
	for (unsigned int i = 0; i < map_count; i++) {
		const struct mapping *m = &maps[i];

		if (linear - m->va >= m->size || (w->access == GWALK_WRITE && !m->write) ||
		    (w->access == GWALK_EXEC && !m->exec))
			continue;
		*out = (struct gwalk_result){ .gpa = m->gpa + (linear - m->va) };
		return 0;
	}
	return -EFAULT;
}

size_t gread_linear(const struct gwalk *w, uint64_t linear, void *buf, size_t n, struct gwalk_result *fault)
{
	struct gwalk_result at;

	for (size_t i = 0; i < n; i++)
		if (gwalk_linear(w, linear + i, &at) || guest_read_at(at.gpa, (uint8_t *)buf + i, 1))
			return i;
	return n;
}

static void put32(uint8_t *p, uint32_t v)
{
	memcpy(p, &v, sizeof(v));
}

static const uint8_t nop5[5] = { 0x0F, 0x1F, 0x44, 0x00, 0x00 };

static void put_functions(void)
{
	static const uint32_t at[] = { FUNCTION, CALLER, RIP };
	uint32_t *offset = (uint32_t *)(ram + DATA_OFF);

	for (unsigned int i = 0; i < ARRAY_SIZE(at); i++)
		offset[i] = at[i];
}

static void reset(void)
{
	static const struct mapping first[] = {
		{ TEXT_VA, TEXT_GPA, TEXT_LEN, false, true },
		{ DATA_VA, RAM_GPA + DATA_OFF, FREE_OFF - DATA_OFF, false, false },
		{ FREE_VA, RAM_GPA + FREE_OFF, RAM_SIZE - FREE_OFF, true, false },
		{ POKE_VA, TEXT_GPA, TEXT_LEN, true, false },
	};

	memset(ram, 0x90, sizeof(ram));
	memset(&kernel_text, 0, sizeof(kernel_text));
	memset(&regs, 0, sizeof(regs));
	functions_gpa = functions_count = 0;
	tracer_count = 0;
	broken = was_locked = false;
	frozen = true;
	patches = refusals = rflags = rip = 0;
	memcpy(maps, first, sizeof(first));
	map_count = ARRAY_SIZE(first);
	memcpy(ram + JUMP, nop5, 5);
	memcpy(ram + CROSS, nop5, 5);
	memcpy(ram + MCOUNT, nop5, 5);
	ram[TRACER] = 0xE8;
	put32(ram + TRACER + 1, (uint32_t)(FUNCTION - TRACER - 5));
	memcpy(ram + RIP, "\xF3\xA4", 2);
	put_functions();
	integrity_prepare();
}

static void collect(void)
{
	uint64_t record[2] = { TEXT_VA + MCOUNT, 0 };

	/* The tables may lie anywhere; distances of 32 bits must reach. */
	maps[2].va = 0xFFFFFFFF90000000ULL;
	for (unsigned int i = 0; i < 2; i++) {
		uint8_t *e = ram + FREE_OFF + 16 * i;
		uint64_t va = maps[2].va + 16 * i;
		uint32_t site = i ? CROSS : JUMP;

		put32(e, (uint32_t)(TEXT_VA + site - va));
		put32(e + 4, (uint32_t)(TEXT_VA + site + 0x40 - va - 4));
		memset(e + 8, 0, 8);
	}
	assert_int_equal(integrity_add(OVBS_SITES_TEXT, TEXT_VA, TEXT_LEN), OVBS_OK);
	assert_int_equal(integrity_add(OVBS_SITES_FUNCTIONS, DATA_VA, 12), OVBS_OK);
	assert_int_equal(integrity_add(OVBS_SITES_JUMPS, maps[2].va, 32), OVBS_OK);
	memcpy(ram + FREE_OFF, record, sizeof(record));
	assert_int_equal(integrity_add(OVBS_SITES_FTRACE, maps[2].va, 16), OVBS_OK);
	assert_int_equal(integrity_add(OVBS_SITES_TRACER, TEXT_VA + TRACER, 5), OVBS_OK);
	assert_int_equal(integrity_seal(), OVBS_OK);
	was_locked = true;
}

static void ready(void)
{
	reset();
	collect();
}

/* VTL0's write of @n bytes at @va, as the intercept tells it: it faulted at @fault. */
static bool poke_at(uint64_t va, const void *bytes, unsigned int n, uint64_t fault, const char **why)
{
	struct hv_x64_memory_intercept_message m = {
		.header = { .intercept_access_type = HV_INTERCEPT_ACCESS_WRITE,
			    .execution_state = 1u << 2 | 1u << 4,
			    .cs = { .attributes = 1u << 13 },
			    .rip = TEXT_VA + RIP,
			    .rflags = rflags },
	};

	m.guest_physical_address = fault;
	memcpy(ram + FREE_OFF + 0x100, bytes, n < 64 ? n : 64);
	regs.rcx = n;
	regs.rsi = maps[2].va + 0x100;
	regs.rdi = va;
	rip = m.header.rip;
	return integrity_write(&m, &regs, why);
}

static bool poke(uint64_t va, const void *bytes, unsigned int n, const char **why)
{
	struct gwalk w = guest_state(GWALK_WRITE);
	struct gwalk_result at = { .gpa = 0 };

	return poke_at(va, bytes, n, gwalk_linear(&w, va, &at) ? 0 : at.gpa, why);
}

static void assert_done(uint64_t va, unsigned int n)
{
	assert_int_equal(regs.rcx, 0);
	assert_int_equal(regs.rsi, maps[2].va + 0x100 + n);
	assert_int_equal(regs.rdi, va + n);
	assert_int_equal(rip, TEXT_VA + RIP + 2);
}

/* The three writes of text_poke_bp(): each is carried out, and VTL0 is behind it. */
static void test_a_patch_is_carried_out(void **state)
{
	static const uint32_t at[] = { JUMP, CROSS };
	const char *why;

	ready();
	for (unsigned int i = 0; i < 2; i++) {
		uint8_t jump[5] = { 0xE9, 0x40 - 5 };
		uint64_t va = POKE_VA + at[i];

		assert_true(poke(va, "\xCC", 1, &why));
		assert_done(va, 1);
		assert_int_equal(ram[at[i]], 0xCC);
		assert_true(poke(va + 1, jump + 1, 4, &why));
		assert_done(va + 1, 4);
		assert_true(poke(va, jump, 1, &why));
		assert_memory_equal(ram + at[i], jump, 5);
	}
	assert_int_equal(patches, 6);
	assert_int_equal(refusals, 0);
}

static void test_ftrace_goes_to_its_own_callers_only(void **state)
{
	static const uint32_t target[] = { CALLER, FUNCTION, RIP, CALLER + 1, TRACER };
	const char *why;

	for (unsigned int i = 0; i < ARRAY_SIZE(target); i++) {
		uint8_t call[5] = { 0xE8 };

		ready();
		put32(call + 1, target[i] - MCOUNT - 5);
		assert_true(poke(POKE_VA + MCOUNT, "\xCC", 1, &why));
		assert_int_equal(poke(POKE_VA + MCOUNT + 1, call + 1, 4, &why), i == 0);
		assert_int_equal(!why, i == 0);
		assert_memory_equal(ram + MCOUNT + 1, i ? nop5 + 1 : call + 1, 4);
	}
}

/* Nothing of VTL0's changes, and somebody can read why. */
static void assert_refused(uint64_t va, const void *bytes, unsigned int n)
{
	uint8_t before[TEXT_LEN];
	const char *why;

	memcpy(before, ram, sizeof(before));
	assert_false(poke(va, bytes, n, &why));
	assert_non_null(why);
	assert_memory_equal(before, ram, sizeof(before));
	assert_int_equal(rip, TEXT_VA + RIP);
	assert_int_equal(regs.rcx, n);
}

static void test_other_writes_are_refused(void **state)
{
	static const uint8_t many[SK_PATCH_MAX + 1] = { 0xCC };

	ready();
	assert_refused(POKE_VA + JUMP + 1, "\xCC", 1);
	assert_refused(POKE_VA + 0x500, "\xCC", 1);
	assert_refused(POKE_VA + JUMP, "\xC3", 1);
	assert_refused(POKE_VA + JUMP, "\xE9\x3B\x00\x00\x00", 5);
	assert_refused(POKE_VA + JUMP, many, sizeof(many));
	assert_refused(POKE_VA + JUMP, many, 0);
	assert_refused(POKE_VA + TEXT_LEN - 1, many, 2); /* beyond the text */
	rflags = RFLAGS_DF;
	assert_refused(POKE_VA + JUMP, "\xCC", 1);
	rflags = 0;
	ram[RIP + 1] = 0xAA; /* REP STOSB */
	assert_refused(POKE_VA + JUMP, "\xCC", 1);
	assert_int_equal(patches, 0);
	assert_true(refusals > 0);
}

/* Pages that lie side by side in the alias and elsewhere in the text: no write is split over them. */
static void test_an_alias_that_lies_about_its_second_page(void **state)
{
	const char *why;

	ready();
	maps[3] = (struct mapping){ POKE_VA, TEXT_GPA, 0x1000, true, false };
	maps[map_count++] = (struct mapping){ POKE_VA + 0x1000, TEXT_GPA + 0x2000, 0x1000, true, false };
	assert_true(poke(POKE_VA + CROSS, "\xCC", 1, &why));
	assert_refused(POKE_VA + CROSS + 1, "\x1F\x44\x00\x00", 4);
}

/* A store over two pages may fault at either, and the first store of a copy need not be of its first byte. */
static void test_a_fault_at_either_page(void **state)
{
	static const uint64_t faults[] = { CROSS, 0x1000, 0x2000, 0x2FFF };
	const char *why;

	for (unsigned int i = 0; i < ARRAY_SIZE(faults); i++) {
		ready();
		assert_true(poke(POKE_VA + CROSS, "\xCC", 1, &why));
		assert_int_equal(poke_at(POKE_VA + CROSS + 1, nop5 + 1, 4, TEXT_GPA + faults[i], &why),
				 faults[i] == CROSS || faults[i] == 0x1000);
	}
}

static void test_only_the_kernel_in_64_bit_mode(void **state)
{
	static const uint16_t states[] = { 0x17, 0x15, 0x16, 0x04 };

	ready();
	for (unsigned int i = 0; i <= ARRAY_SIZE(states); i++) {
		struct hv_x64_memory_intercept_message m = {
			.header = { .execution_state = i < ARRAY_SIZE(states) ? states[i] : 0x14,
				    .cs = { .attributes = i < ARRAY_SIZE(states) ? 1u << 13 : 0 },
				    .rip = TEXT_VA + RIP },
			.guest_physical_address = TEXT_GPA + JUMP,
		};
		const char *why;

		regs.rcx = 1;
		regs.rdi = POKE_VA + JUMP;
		regs.rsi = maps[2].va + 0x100;
		ram[FREE_OFF + 0x100] = 0xCC;
		assert_false(integrity_write(&m, &regs, &why));
		assert_int_equal(ram[JUMP], nop5[0]);
	}
}

static void test_pieces_in_the_wrong_order_or_place(void **state)
{
	reset();
	assert_int_equal(integrity_add(OVBS_SITES_JUMPS, FREE_VA, 16), OVBS_E_BAD_STATE);
	assert_int_equal(integrity_seal(), OVBS_E_BAD_FORMAT); /* one was wrong: no lockdown */
	reset();
	frozen = false;
	assert_int_equal(integrity_add(OVBS_SITES_TEXT, TEXT_VA, TEXT_LEN), OVBS_E_ACCESS_CONFLICT);
	reset();
	assert_int_equal(integrity_add(OVBS_SITES_TEXT, TEXT_VA + 8, TEXT_LEN), OVBS_E_BAD_PARAMETERS);
	reset();
	assert_int_equal(integrity_add(OVBS_SITES_TEXT, TEXT_VA, ~0ULL), OVBS_E_BAD_PARAMETERS);
	reset();
	assert_int_equal(integrity_add(OVBS_SITES_TEXT, TEXT_VA, TEXT_LEN), OVBS_OK);
	assert_int_equal(integrity_add(OVBS_SITES_TEXT, TEXT_VA, TEXT_LEN), OVBS_E_BAD_STATE);
	reset();
	assert_int_equal(integrity_add(OVBS_SITES_TEXT, TEXT_VA, TEXT_LEN), OVBS_OK);
	assert_int_equal(integrity_add(OVBS_SITES_FUNCTIONS, FREE_VA, 12), OVBS_E_ACCESS_CONFLICT); /* VTL0 can write it */
	reset();
	assert_int_equal(integrity_add(OVBS_SITES_TEXT, TEXT_VA, TEXT_LEN), OVBS_OK);
	assert_int_equal(integrity_add(OVBS_SITES_FTRACE, FREE_VA, sizeof(piece) + 16), OVBS_E_BAD_FORMAT);
	reset();
	assert_int_equal(integrity_add(OVBS_SITES_TEXT, TEXT_VA, TEXT_LEN), OVBS_OK);
	assert_int_equal(integrity_add(OVBS_SITES_FTRACE, FREE_VA + RAM_SIZE, 16), OVBS_E_BAD_PARAMETERS);
	reset();
	assert_int_equal(integrity_add(OVBS_SITES_TEXT, TEXT_VA, TEXT_LEN), OVBS_OK);
	assert_int_equal(integrity_add(9, FREE_VA, 16), OVBS_E_BAD_FORMAT);
	reset();
	assert_int_equal(integrity_seal(), OVBS_OK); /* nothing said: nothing may be patched */
	was_locked = true;
	assert_int_equal(integrity_add(OVBS_SITES_TEXT, TEXT_VA, TEXT_LEN), OVBS_E_BAD_STATE);
}

static enum ovbs_result functions_of(unsigned int n)
{
	return integrity_add(OVBS_SITES_FUNCTIONS, DATA_VA, n * sizeof(uint32_t));
}

/* Every function of a table over several pages is one, and nothing between them. */
static void test_many_functions(void **state)
{
	uint32_t *offset = (uint32_t *)(ram + DATA_OFF);
	const unsigned int counts[] = { 1, IN_PAGE - 1, IN_PAGE, IN_PAGE + 1, 2 * IN_PAGE, 2 * IN_PAGE + 7 };

	for (unsigned int c = 0; c < ARRAY_SIZE(counts); c++) {
		unsigned int n = counts[c];

		reset();
		for (unsigned int i = 0; i < n; i++)
			offset[i] = 16 + 4 * i;
		assert_int_equal(integrity_add(OVBS_SITES_TEXT, TEXT_VA, TEXT_LEN), OVBS_OK);
		assert_int_equal(functions_of(n), OVBS_OK);
		for (unsigned int at = 0; at < TEXT_LEN; at++)
			assert_int_equal(text_is_target(NULL, TEXT_VA + at, SK_SITE_CALL),
					 at >= 16 && !(at % 4) && (at - 16) / 4 < n);
	}
}

/* A table that lies: not in order, in a page or from one to the next, or larger than any. */
static void test_functions_that_lie(void **state)
{
	uint32_t *offset = (uint32_t *)(ram + DATA_OFF);

	for (unsigned int wrong = 1; wrong < 2 * IN_PAGE; wrong += 511) {
		reset();
		for (unsigned int i = 0; i < 2 * IN_PAGE; i++)
			offset[i] = 16 + 4 * i;
		offset[wrong] = offset[wrong - 1] - 1;
		assert_int_equal(integrity_add(OVBS_SITES_TEXT, TEXT_VA, TEXT_LEN), OVBS_OK);
		assert_int_equal(functions_of(2 * IN_PAGE), OVBS_E_BAD_FORMAT);
		assert_int_equal(integrity_seal(), OVBS_E_BAD_FORMAT);
	}
	assert_int_equal(text_set_functions(RAM_GPA + DATA_OFF, PAGES_MAX * IN_PAGE + 1), -EINVAL);
}

/* Memory that is no text is not this judge's business. */
static void test_elsewhere(void **state)
{
	struct hv_x64_memory_intercept_message m = { .guest_physical_address = RAM_GPA + DATA_OFF };
	const char *why = "";

	ready();
	assert_false(integrity_write(&m, &regs, &why));
	assert_null(why);
	reset();
	m.guest_physical_address = TEXT_GPA;
	assert_false(integrity_write(&m, &regs, &why));
	assert_null(why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_patch_is_carried_out),
		cmocka_unit_test(test_ftrace_goes_to_its_own_callers_only),
		cmocka_unit_test(test_other_writes_are_refused),
		cmocka_unit_test(test_an_alias_that_lies_about_its_second_page),
		cmocka_unit_test(test_a_fault_at_either_page),
		cmocka_unit_test(test_only_the_kernel_in_64_bit_mode),
		cmocka_unit_test(test_pieces_in_the_wrong_order_or_place),
		cmocka_unit_test(test_many_functions),
		cmocka_unit_test(test_functions_that_lie),
		cmocka_unit_test(test_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
