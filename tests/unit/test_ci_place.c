// SPDX-License-Identifier: GPL-2.0-only
/*
 * The trustlet integrity places modules: the sample module as 6.1 and 6.12 place
 * it, against a model of VTL0's memory that ends the test where something would
 * be executable that was not compared after it was frozen.
 */
/* links: trustlets/integrity/main.c trustlets/integrity/kernel.c trustlets/integrity/symbols.c */
/* links: trustlets/integrity/guest.c trustlets/integrity/files.c trustlets/integrity/place.c */
/* links: trustlets/integrity/modules.c trustlets/integrity/answer.c trustlets/integrity/verify.c */
/* links: trustlets/integrity/keys.c trustlets/integrity/cms.c trustlets/integrity/der.c */
/* links: trustlets/integrity/reason.c trustlets/integrity/modsig.c trustlets/integrity/module_names.c */
/* links: trustlets/integrity/module_elf.c trustlets/integrity/module_layout.c trustlets/integrity/module_reloc.c */
/* links: trustlets/integrity/module_sites.c trustlets/integrity/module_patch.c trustlets/integrity/module_alt.c */
/* links: trustlets/integrity/module_insn.c trustlets/integrity/module_sort.c trustlets/integrity/module_compare.c */
/* links: trustlets/lib/trustlet.c trustlets/lib/backend_host.c trustlets/lib/backend_host_ci.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../trustlets/lib/backend_ci.h"
#include "ci_apart.h"
#include "ci_world.h"

/* Of the sanitizers' run-time library; gcc has no header for it. */
size_t __sanitizer_get_current_allocated_bytes(void);

static struct loaded m, other;

static void life(bool new)
{
	const uint8_t zero = 0;
	struct ovbs_ci_module listed[2];
	uint64_t number, all;

	begin(new);
	module_make(&m, new, 0);
	module_map(&m, "p256");
	assert_false(tl_host_ci_executable(m.w.text_va));
	number = module_load(&m);
	assert_true(tl_host_ci_executable(m.w.text_va));
	assert_true(tl_host_ci_executable(m.w.init_va));
	assert_false(tl_host_ci_executable(m.w.ro_va));
	assert_int_equal(tl_host_ci_sites(number), 5);
	assert_int_equal(tl_host_ci_functions(number), 2);
	assert_int_equal(tl_host_ci_pages(), 4);
	assert_false(tl_host_ci_write(m.w.text_va, &zero, 1));
	assert_false(tl_host_ci_write(m.w.ro_va, &zero, 1));
	/* Read-only after init: not yet; data: never. */
	assert_true(tl_host_ci_write(new ? m.place.area[MODULE_RO_AFTER_INIT].base : CORE + 2 * PAGE,
				     &zero, 1));
	assert_true(tl_host_ci_write(new ? m.place.area[MODULE_DATA].base : CORE + 3 * PAGE, &zero, 1));

	assert_int_equal(ci_list(0, listed, 2, &all), 1);
	assert_int_equal(all, 1);
	assert_int_equal(listed[0].number, number);
	assert_string_equal(listed[0].name, "sample");
	assert_string_equal(listed[0].signer, "p256.der");
	assert_int_equal(listed[0].text, m.w.text_va);
	assert_int_equal(listed[0].text_bytes, PAGE);
	assert_int_equal(listed[0].sites, 5);
	assert_int_equal(listed[0].live, 0);

	assert_int_equal(ci_number(OVBS_CI_LIVE, number), OVBS_OK);
	assert_false(tl_host_ci_executable(m.w.init_va));
	assert_true(tl_host_ci_executable(m.w.text_va));
	assert_true(tl_host_ci_write(m.w.init_va, &zero, 1));
	assert_false(tl_host_ci_write(new ? m.place.area[MODULE_RO_AFTER_INIT].base : CORE + 2 * PAGE,
				      &zero, 1));
	assert_int_equal(ci_list(number, listed, 2, &all), 1);
	assert_int_equal(listed[0].live, 1);
	assert_int_equal(ci_list(number + 1, listed, 2, &all), 0);
	assert_int_equal(ci_list(0, listed, 0, &all), 0);
	assert_int_equal(all, 1);

	assert_int_equal(ci_number(OVBS_CI_GONE, number), OVBS_OK);
	assert_int_equal(tl_host_ci_pages(), 0);
	assert_false(tl_host_ci_executable(m.w.text_va));
	assert_int_equal(ci_number(OVBS_CI_GONE, number), OVBS_E_ITEM_NOT_FOUND);
	assert_int_equal(ci_number(OVBS_CI_LIVE, number), OVBS_E_ITEM_NOT_FOUND);
	assert_int_equal(ci_list(0, listed, 2, &all), 0);
	assert_int_equal(all, 0);
}

static void test_life_6_1(void **state)
{
	life(false);
}

static void test_life_6_12(void **state)
{
	life(true);
}

static void start(bool new)
{
	begin(new);
	module_make(&m, new, 0);
	module_map(&m, "p256");
}

/* Every byte that was changed in memory before it was frozen; and the token is used up. */
static void test_memory_differs(void **state)
{
	static const unsigned int at[] = { 0, 5, 0x1F, 0x2F, 0x33, 2000, PAGE - 1 };
	uint64_t token = 0;

	start(false);
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		token = module_token(&m);
		m.area[MODULE_TEXT][at[i]] ^= 0x40;
		place_refused(token, &m.place, OVBS_CI_DIFFERS, ", expected ");
		m.area[MODULE_TEXT][at[i]] ^= 0x40;
		place_refused(token, &m.place, CI_E_TOKEN, "");
		assert_int_equal(tl_host_ci_pages(), 0);
	}
	m.area[MODULE_TEXT][PAGE + 7] ^= 1; /* read-only data */
	place_refused(module_token(&m), &m.place, OVBS_CI_DIFFERS,
		      "memory differs from the file: .rodata+0x7 at 0xff");
	m.area[MODULE_TEXT][PAGE + 7] ^= 1;
	m.area[MODULE_INIT_TEXT][1] ^= 1;
	place_refused(module_token(&m), &m.place, OVBS_CI_DIFFERS, ".init.text+0x1");
	m.area[MODULE_INIT_TEXT][1] ^= 1;
	module_load(&m);
}

static void test_file_changed_after(void **state)
{
	uint64_t token;

	start(false);
	token = module_token(&m);
	memset(m.w.file.bytes, 0, m.w.file.size); /* VTL0's copy: no matter any more */
	assert_int_equal(ci_place(token, &m.place).answer.reason, CI_OK);
}

/* What VTL0 does between the trustlet's calls: it tries to write, wherever it can. */
struct attacker {
	uint64_t at;
	unsigned int done, refused;
	enum ovbs_tl_call when;
};

static void write_meanwhile(enum ovbs_tl_call call, void *context)
{
	static const uint8_t evil = 0xF4;
	struct attacker *a = context;

	if (call != a->when)
		return;
	if (tl_host_ci_write(a->at, &evil, 1))
		a->done++;
	else
		a->refused++;
}

/*
 * Up to the freezing VTL0 can write, and it shows; from the comparison on it
 * can't, and the module is as it was compared.
 */
static void test_toctou(void **state)
{
	struct attacker a = { .at = CORE + 0x20, .when = OVBS_TL_MODULE_FREEZE };
	struct ci_answered answered;

	start(false);
	tl_host_ci_hook(write_meanwhile, &a);
	place_refused(module_token(&m), &m.place, OVBS_CI_DIFFERS, "memory differs");
	assert_true(a.done > 0);
	memcpy(m.area[MODULE_TEXT], m.w.text, PAGE);
	a = (struct attacker){ .at = CORE + 0x20, .when = OVBS_TL_GUEST_FROZEN };
	assert_int_equal(ci_place(module_token(&m), &m.place).answer.reason, CI_OK);
	assert_true(a.done == 0 && a.refused > 0);
	a = (struct attacker){ .at = CORE + 0x20, .when = OVBS_TL_MODULE_GRANT };
	tl_host_ci_hook(NULL, NULL);
	assert_memory_equal(m.area[MODULE_TEXT], m.w.text, PAGE);
	assert_int_equal(ci_number(OVBS_CI_GONE, 2), OVBS_OK);

	/* The file, while it is copied: judged is what was copied, whole or not. */
	a = (struct attacker){ .at = FILE_AT + 100, .when = OVBS_TL_GUEST_COPY };
	tl_host_ci_hook(write_meanwhile, &a);
	answered = module_file(&m);
	assert_true(a.done > 0);
	tl_host_ci_hook(NULL, NULL);
	assert_true((answered.answer.reason == CI_OK) == (answered.number != 0));
	assert_int_equal(answered.answer.reason, CI_E_SIGNATURE);
}

#define PLACE_WRONG(change, reason, text)                                                          \
	do {                                                                                       \
		struct ovbs_ci_place p = m.place;                                                  \
		change;                                                                            \
		place_refused(module_token(&m), &p, reason, text);                                 \
		assert_int_equal(tl_host_ci_pages(), 0);                                           \
	} while (0)

static void test_place_wrong(void **state)
{
	start(true);
	PLACE_WRONG(p.area[0].base = 0xFFFFFFFFBFFFF000, OVBS_CI_DIFFERS, "no module can be");
	PLACE_WRONG(p.area[0].base = 0, OVBS_CI_DIFFERS, "no module can be");
	PLACE_WRONG(p.area[0].base = 0xFFFFFFFFFF000000, OVBS_CI_DIFFERS, "no module can be");
	PLACE_WRONG(p.area[0].bytes = UINT64_MAX - 4095, OVBS_CI_DIFFERS, "no module can be");
	PLACE_WRONG(p.area[0].bytes = 0x7FFFFFFFFFFFF000, OVBS_CI_DIFFERS, "no module can be");
	PLACE_WRONG(p.area[0].base += 8, OVBS_CI_DIFFERS, "no module can be");
	PLACE_WRONG(p.area[0].bytes += 4096, OVBS_CI_DIFFERS, "another size");
	PLACE_WRONG(p.area[0].bytes = 0, OVBS_CI_DIFFERS, "another size");
	PLACE_WRONG(p.area[1].base = p.area[0].base, OVBS_CI_DIFFERS, "overlap");
	PLACE_WRONG(p.area[2].base = p.area[0].base, OVBS_CI_DIFFERS, "overlap");
	PLACE_WRONG(p.area[0].base += 0x5000, CI_E_PLACE_MAPPED, "not mapped");
	PLACE_WRONG(p.area[2].base += 0x5000, CI_E_PLACE_MAPPED, "freezing pages at 0xffffffffc0");
	/* Text where the data are, and the other way round. */
	PLACE_WRONG((p.area[0].base = m.place.area[1].base, p.area[1].base = m.place.area[0].base),
		    OVBS_CI_DIFFERS, "none of its forms");
	PLACE_WRONG((p.area[0].base = m.place.area[2].base, p.area[2].base = m.place.area[0].base),
		    OVBS_CI_DIFFERS, "");
	module_load(&m);
	/* Where another module is. */
	place_refused(module_token(&m), &m.place, CI_E_PLACE_TAKEN, "in use as something else");
	assert_true(tl_host_ci_executable(m.w.text_va));
	assert_int_equal(ci_place(12345, &m.place).answer.reason, CI_E_TOKEN);
}

/* Another module's file for this memory, both accepted. */
static void test_other_file(void **state)
{
	start(false);
	module_make(&other, false, 0x1000000);
	rename_export(&other, "exporteB");
	module_map(&other, "p256");
	place_refused(module_token(&other), &m.place, OVBS_CI_DIFFERS, "differs");
	module_load(&other);
	module_load(&m);
	assert_int_equal(tl_host_ci_modules(), 2);
}

/* A second module that needs the first one's symbol. */
static void make_dependent(void)
{
	module_make(&other, false, 0x1000000);
	rename_symbol(&other, "__SCK__x", "exported");
	rename_export(&other, "exporteB");
	module_map(&other, "p256");
}

static void test_dependencies(void **state)
{
	uint64_t first, second;

	start(false);
	make_dependent();
	place_refused(module_token(&other), &other.place, OVBS_CI_DIFFERS,
		      "a symbol is not exported: exported");
	/* A module that was refused exports nothing. */
	m.area[MODULE_TEXT][0x20] ^= 1;
	place_refused(module_token(&m), &m.place, OVBS_CI_DIFFERS, "");
	m.area[MODULE_TEXT][0x20] ^= 1;
	place_refused(module_token(&other), &other.place, OVBS_CI_DIFFERS, "not exported");

	first = module_load(&m);
	second = module_load(&other);
	assert_int_equal(ci_number(OVBS_CI_GONE, first), OVBS_E_BAD_STATE);
	assert_true(tl_host_ci_executable(m.w.text_va));
	assert_int_equal(ci_number(OVBS_CI_LIVE, first), OVBS_OK);
	assert_int_equal(ci_number(OVBS_CI_GONE, first), OVBS_E_BAD_STATE);
	assert_int_equal(ci_number(OVBS_CI_GONE, second), OVBS_OK);
	assert_int_equal(ci_number(OVBS_CI_GONE, first), OVBS_OK);
	place_refused(module_token(&other), &other.place, OVBS_CI_DIFFERS, "not exported");
	assert_int_equal(tl_host_ci_modules(), 0);
}

/* A refused dependent does not hold what it would have needed. */
static void test_refused_dependent(void **state)
{
	uint64_t first;

	start(false);
	make_dependent();
	first = module_load(&m);
	other.area[MODULE_TEXT][0x20] ^= 1;
	place_refused(module_token(&other), &other.place, OVBS_CI_DIFFERS, "");
	assert_int_equal(ci_number(OVBS_CI_GONE, first), OVBS_OK);
}

/* Two modules, and vmlinux, may not export the same. */
static void test_same_export(void **state)
{
	start(false);
	module_load(&m);
	module_make(&other, false, 0x1000000);
	module_map(&other, "p256");
	place_refused(module_token(&other), &other.place, CI_E_EXPORT, "exported");
}

static void test_export_of_kernel(void **state)
{
	begin(false);
	module_make(&m, false, 0);
	rename_export(&m, "another");
	module_map(&m, "p256");
	place_refused(module_token(&m), &m.place, CI_E_EXPORT, "another");
}

/* Symbols of a module from before lockdown resolve; where it says. */
static void test_early_module(void **state)
{
	struct ovbs_ci_exports e = { .name = "early", .symbols_gpl = TABLE + 3 * PAGE };
	const struct symbol_of s[] = { { "exported", KEY } };
	struct ovbs_ci_kernel k = kernel_told(false);
	unsigned int names = 3 * PAGE + 100;

	kernel_map();
	e.symbols_gpl_end = put_table(3, s, 1, &names);
	assert_int_equal(rq_open(1), OVBS_OK);
	assert_int_equal(key_tell("p256.der"), OVBS_OK);
	assert_int_equal(ci_bytes(OVBS_CI_KERNEL, &k, sizeof(k)), OVBS_OK);
	assert_int_equal(ci_bytes(OVBS_CI_MODULE, &e, sizeof(e)), OVBS_OK);
	assert_int_equal(ci_close(), OVBS_OK);
	memset(kernel_tables + 3 * PAGE, 0, PAGE); /* it was copied */
	tl_host_ci_lock();
	make_dependent();
	module_load(&other);
}

/* A table that says something else than Linux used: the module's memory is not what it leads to. */
static void test_lying_table(void **state)
{
	struct ovbs_ci_kernel k = kernel_told(false);

	kernel_map();
	assert_int_equal(rq_open(1), OVBS_OK);
	assert_int_equal(key_tell("p256.der"), OVBS_OK);
	put32(kernel_tables + 12, get32(kernel_tables + 12) + 16); /* __SCT__x */
	assert_int_equal(ci_bytes(OVBS_CI_KERNEL, &k, sizeof(k)), OVBS_OK);
	assert_int_equal(ci_close(), OVBS_OK);
	tl_host_ci_lock();
	module_make(&m, false, 0);
	module_map(&m, "p256");
	place_refused(module_token(&m), &m.place, OVBS_CI_DIFFERS, "none of its forms");
}

/* A static call that leads elsewhere: judged by its trampoline, which must be frozen. */
static void test_trampoline(void **state)
{
	start(false);
	branch(m.area[MODULE_TEXT] + 0x0A, 0xE8, CORE + 0x0A, FUNC);
	assert_int_equal(ci_place(module_token(&m), &m.place).answer.reason, CI_OK);
	assert_int_equal(ci_number(OVBS_CI_GONE, 1), OVBS_OK);
	branch(m.area[MODULE_TEXT] + 0x0A, 0xE8, CORE + 0x0A, FUNC + 1);
	place_refused(module_token(&m), &m.place, OVBS_CI_DIFFERS, "none of its forms");
}

/* No memory before the file is used: nothing is lost, and it can be tried again. Later: refused. */
static void test_no_memory(void **state)
{
	static const struct {
		enum ovbs_tl_call call;
		unsigned int skip;
		bool again;
	} cases[] = { { OVBS_TL_MODULE_NEW, 0, true },    { OVBS_TL_MODULE_FREEZE, 0, true },
		      { OVBS_TL_MODULE_FREEZE, 3, true }, { OVBS_TL_MODULE_SITES, 0, false },
		      { OVBS_TL_MODULE_GRANT, 0, false }, { OVBS_TL_MODULE_FUNCTIONS, 0, false } };

	start(false);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t token = module_token(&m);
		struct ci_answered a;

		tl_host_ci_fail(cases[i].call, cases[i].skip, -ENOMEM);
		a = ci_place(token, &m.place);
		assert_int_equal(tl_host_ci_pages(), 0);
		assert_int_equal(tl_host_ci_modules(), 0);
		assert_false(tl_host_ci_executable(m.w.text_va));
		if (!cases[i].again) {
			assert_int_equal(a.result, OVBS_OK);
			assert_int_equal(a.answer.reason, CI_E_MEMORY);
			continue;
		}
		assert_int_equal(a.result, OVBS_E_OUT_OF_MEMORY);
		a = ci_place(token, &m.place);
		assert_int_equal(a.answer.reason, CI_OK);
		assert_int_equal(tl_host_ci_sites(a.number), 5);
		assert_int_equal(tl_host_ci_functions(a.number), 2);
		assert_int_equal(ci_number(OVBS_CI_GONE, a.number), OVBS_OK);
	}
}

/* Errors of the secure kernel that are no want of memory. */
static void test_calls_fail(void **state)
{
	static const struct {
		enum ovbs_tl_call call;
		unsigned int skip;
		long error;
		enum ci_reason why;
	} cases[] = {
		{ OVBS_TL_MODULE_NEW, 0, -EPERM, CI_E_PLACE_STEP },
		{ OVBS_TL_MODULE_FREEZE, 1, -EACCES, CI_E_PLACE_TAKEN },
		{ OVBS_TL_MODULE_FREEZE, 2, -EFAULT, CI_E_PLACE_MAPPED },
		{ OVBS_TL_MODULE_FREEZE, 0, -EINVAL, CI_E_PLACE_STEP },
		{ OVBS_TL_MODULE_SITES, 0, -EINVAL, CI_E_PLACE_STEP },
		{ OVBS_TL_MODULE_FUNCTIONS, 0, -ENOENT, CI_E_PLACE_STEP },
		{ OVBS_TL_MODULE_GRANT, 0, -EBADMSG, CI_E_PLACE_SITES },
		{ OVBS_TL_GUEST_FROZEN, 0, -EACCES, (enum ci_reason)OVBS_CI_DIFFERS },
		{ OVBS_TL_GUEST_FROZEN, 2, -EFAULT, (enum ci_reason)OVBS_CI_DIFFERS },
	};

	start(true);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		tl_host_ci_fail(cases[i].call, cases[i].skip, cases[i].error);
		place_refused(module_token(&m), &m.place, cases[i].why, "");
		assert_int_equal(tl_host_ci_pages(), 0);
		assert_int_equal(tl_host_ci_modules(), 0);
	}
	module_load(&m);
}

/* A trustlet that began anew after lockdown knows none of the modules; they can go all the same. */
static void test_unknown_number(void **state)
{
	long number = 0;

	kernel_map();
	module_make(&m, false, 0);
	module_map(&m, "p256");
	number = tl_ci_module_new();
	assert_true(number > 0);
	assert_int_equal(tl_ci_module_freeze((uint64_t)number, CORE, 1, OVBS_TL_PAGES_R), 0);
	tl_host_ci_lock();
	assert_int_equal(rq_open(1), OVBS_OK);
	assert_int_equal(ci_number(OVBS_CI_LIVE, (uint64_t)number), OVBS_E_BAD_STATE);
	assert_int_equal(ci_number(OVBS_CI_GONE, (uint64_t)number), OVBS_OK);
	assert_int_equal(tl_host_ci_pages(), 0);
	assert_int_equal(ci_number(OVBS_CI_GONE, 77), OVBS_E_ITEM_NOT_FOUND);
}

/* Thousands of loads, most of them refused: the heap is as large as after the first. */
static void test_no_leak(void **state)
{
	size_t before = 0;

	begin(false);
	module_make(&m, false, 0);
	module_map(&m, "rsa2048");
	for (unsigned int i = 0; i < 3000; i++) {
		struct ci_answered a;
		uint64_t token = module_token(&m);

		m.area[MODULE_TEXT][i % PAGE] ^= (uint8_t)(i % 3 != 0);
		a = ci_place(token, &m.place);
		m.area[MODULE_TEXT][i % PAGE] ^= (uint8_t)(i % 3 != 0);
		assert_int_equal(a.answer.reason, i % 3 != 0 ? OVBS_CI_DIFFERS : 0);
		if (a.number != 0)
			assert_int_equal(ci_number(OVBS_CI_GONE, a.number), OVBS_OK);
		if (i % 7 == 0)
			m.signature.bytes[20] ^= 1, module_file(&m), m.signature.bytes[20] ^= 1;
		if (i == 100)
			before = __sanitizer_get_current_allocated_bytes();
	}
	assert_int_equal(__sanitizer_get_current_allocated_bytes(), before);
}

#define TEST(name) cmocka_unit_test(name)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(test_life_6_1),
		TEST(test_life_6_12),
		TEST(test_memory_differs),
		TEST(test_file_changed_after),
		TEST(test_toctou),
		TEST(test_place_wrong),
		TEST(test_other_file),
		TEST(test_dependencies),
		TEST(test_refused_dependent),
		TEST(test_same_export),
		TEST(test_export_of_kernel),
		TEST(test_early_module),
		TEST(test_lying_table),
		TEST(test_trampoline),
		TEST(test_no_memory),

		TEST(test_calls_fail),
		TEST(test_unknown_number),
		TEST(test_no_leak),
	};

	return run_apart(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
