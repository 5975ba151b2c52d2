// SPDX-License-Identifier: GPL-2.0-only
/*
 * Promise: the code-integrity trustlet accepts a module's memory only if each
 * byte is what the verified file leads to (trustlets/integrity/module.h). The
 * memory is written down by hand for 6.1 and 6.12; then every single byte is
 * changed, and the file is made to lie in each of its tables.
 */
/* links: trustlets/integrity/module_elf.c trustlets/integrity/module_layout.c trustlets/integrity/module_reloc.c */
/* links: trustlets/integrity/module_sites.c trustlets/integrity/module_patch.c trustlets/integrity/module_alt.c */
/* links: trustlets/integrity/module_insn.c trustlets/integrity/module_sort.c trustlets/integrity/module_compare.c */
/* links: trustlets/integrity/module_names.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "module_world.h"

static int check_size(struct world *w, size_t size)
{
	const struct module_source source = { sample_resolve, serve, w };
	uint8_t *copy = malloc(size + 1);
	int rc;

	memcpy(copy + 1, w->file.bytes, size); /* unaligned on purpose */
	rc = module_check(copy + 1, size, &w->place, &w->policy, &source, &w->result);
	assert_true((rc == 0) == (w->result.reason == NULL));
	if (!rc && w->result.exports) /* the name is in the copy */
		assert_string_equal(w->result.export[0].name, "exported");
	free(copy);
	return rc;
}

static void accepted(struct world *w)
{
	if (check_size(w, w->file.size))
		fail_msg("%s: %s+%llx", w->result.reason, w->result.section,
			 (unsigned long long)w->result.offset);
	module_release(&w->result);
}

static void refused(struct world *w, const char *why)
{
	assert_int_not_equal(check_size(w, w->file.size), 0);
	if (!strstr(w->result.reason, why))
		fail_msg("\"%s\" (%s) does not say \"%s\"", w->result.reason, w->result.section, why);
	module_release(&w->result);
}

static struct world w;

static void test_good(void **state)
{
	for (int new = 0; new < 2; new ++) {
		const struct module_result *r = &w.result;

		make(&w, new);
		assert_int_equal(check_size(&w, w.file.size), 0);
		assert_int_equal(r->ranges, 4);
		assert_int_equal(r->range[0].start, CORE);
		assert_int_equal(r->range[0].end, CORE + PAGE);
		assert_int_equal(r->range[0].right, MODULE_RX);
		assert_int_equal(r->range[1].start, w.ro_va);
		assert_int_equal(r->range[1].right, MODULE_R);
		assert_int_equal(r->range[2].right, MODULE_R_AFTER_INIT);
		assert_int_equal(r->range[3].start, w.init_va);
		assert_int_equal(r->range[3].right, MODULE_RX_UNTIL_INIT);
		assert_int_equal(r->sites, 5);
		assert_int_equal(r->site[0].kind, MODULE_SITE_MCOUNT);
		assert_int_equal(r->site[1].kind, MODULE_SITE_JUMP_LABEL);
		assert_int_equal(r->site[1].target, CORE + 0x20);
		assert_int_equal(r->site[1].key, KEY);
		assert_int_equal(r->site[1].extra, 1);
		assert_int_equal(r->site[2].kind, MODULE_SITE_STATIC_CALL);
		assert_int_equal(r->site[2].target, TRAMP);
		assert_int_equal(r->site[3].kind, MODULE_SITE_STATIC_TAIL);
		assert_int_equal(r->site[4].kind, MODULE_SITE_TRAMPOLINE);
		assert_int_equal(r->exports, 1);
		assert_int_equal(r->export[0].address, CORE + 0x20);
		assert_string_equal(r->name, "sample");
		assert_int_equal(r->functions, 2);
		assert_int_equal(r->function[0], CORE + 0x20);
		assert_int_equal(r->function[1], CORE + 0x28); /* its static call's trampoline */
		module_release(&w.result);
	}
}

/* The plan has the ranges of the check, and leaves the file as it is. */
static void test_plan(void **state)
{
	struct module_result plan;

	for (int new = 0; new < 2; new ++) {
		struct sample before;

		make(&w, new);
		before = w.file;
		assert_int_equal(module_plan(w.file.bytes, w.file.size, &w.place, &w.policy, &plan), 0);
		assert_memory_equal(before.bytes, w.file.bytes, w.file.size);
		assert_string_equal(plan.name, "sample");
		assert_int_equal(check_size(&w, w.file.size), 0);
		assert_int_equal(plan.ranges, w.result.ranges);
		assert_memory_equal(plan.range, w.result.range, sizeof(plan.range));
		module_release(&w.result);
		w.place.area[MODULE_TEXT].size += PAGE;
		assert_int_equal(module_plan(w.file.bytes, w.file.size, &w.place, &w.policy, &plan),
				 -EACCES);
		assert_string_equal(plan.reason, new ? "an area has another size" :
						       "the core area has another size");
	}
}

static void name_is(const char *modinfo, size_t size, const char *expected)
{
	make(&w, false);
	memset(w.file.bytes + w.file.section[S_MODINFO].sh_offset, 'x', 24);
	memcpy(w.file.bytes + w.file.section[S_MODINFO].sh_offset, modinfo, size);
	w.file.section[S_MODINFO].sh_size = size;
	if (!expected) {
		refused(&w, "no name");
		return;
	}
	assert_int_equal(check_size(&w, w.file.size), 0);
	assert_string_equal(w.result.name, expected);
	module_release(&w.result);
}

static void test_name(void **state)
{
	name_is("name=a", 7, "a");
	name_is("name=a", 6, "a"); /* up to the section's end */
	name_is("name=\n b", 8, "??b");
	name_is("x\0\0name=a", 9, "a");
	name_is("name=", 5, NULL);
	name_is("name=", 6, NULL);
	name_is("xname=a", 8, NULL);
	name_is("", 0, NULL);
	make(&w, false);
	w.file.section[S_MODINFO].sh_flags = 0;
	refused(&w, "not loaded");
	make(&w, false);
	w.file.section[S_MODINFO].sh_offset = 15800;
	w.file.section[S_MODINFO].sh_size = 5 + 56;
	memset(w.file.bytes + 15800, 'n', 61);
	memcpy(w.file.bytes + 15800, "name=", 5);
	w.file.size = 15861;
	refused(&w, "no name");
	w.file.section[S_MODINFO].sh_size--;
	accepted(&w);
}

/* Only what begins in loaded text is a function. */
static void test_functions(void **state)
{
	static const struct {
		uint16_t section;
		uint64_t value;
		uint8_t info;
		size_t functions;
	} cases[] = { { S_TEXT, 0x27, 2, 2 },  { S_TEXT, 0x28, 2, 1 }, /* the section's end */
		      { S_TEXT, ~0ull, 2, 1 }, { S_RODATA, 0, 2, 1 },  { S_TEXT, 0, 1, 1 },
		      { S_INIT, 0, 0x12, 2 },  { S_TRAMP, 0, 2, 1 },   { S_MODINFO, 0, 2, 1 } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		Elf64_Sym *y;

		make(&w, i & 1);
		y = (Elf64_Sym *)(void *)(w.file.bytes + w.file.section[S_SYMTAB].sh_offset) + Y_FUNC;
		y->st_shndx = cases[i].section;
		y->st_value = cases[i].value;
		y->st_info = cases[i].info;
		assert_int_equal(check_size(&w, w.file.size), 0);
		assert_int_equal(w.result.functions, cases[i].functions);
		module_release(&w.result);
	}
}

/* Each byte of text and read-only data, between sections and up to the page's end too. */
static void test_every_byte(void **state)
{
	for (int new = 0; new < 2; new ++) {
		uint8_t *pages[3] = { w.text, w.ro, w.init };

		make(&w, new);
		for (int p = 0; p < 3; p++)
			for (unsigned int i = 0; i < PAGE; i += i < 160 ? 1 : 61) {
				pages[p][i] ^= 0x11;
				refused(&w, "");
				pages[p][i] ^= 0x11;
			}
		accepted(&w);
	}
}

/* Forms that depend on CPU and command line: exactly one each. */
static void test_policy(void **state)
{
	for (int new = 0; new < 2; new ++) {
		make(&w, new);
		w.policy.caps[0] |= 1u << 5;
		refused(&w, "differs");
		memcpy(w.text + 0x0F, "\x0F\x01\xCA", 3);
		accepted(&w);

		w.policy.caps[11] &= ~(1u << 14);
		refused(&w, "differs");
		memcpy(w.text + 0x1A, "\xC3\xCC\xCC\xCC\xCC", 5);
		memcpy(w.text + 0x28, "\xC3\xCC\xCC\xCC\xCC", 5);
		memcpy(w.init, "\xC3\xCC\xCC\xCC\xCC", 5);
		accepted(&w);

		w.policy.caps[11] &= ~(1u << 12);
		refused(&w, "differs");
		memcpy(w.text + 0x15, "\xFF\xD0\x0F\x1F\x00", 5);
		accepted(&w);
		w.policy.caps[11] |= 1u << 13; /* LFENCE */
		memcpy(w.text + 0x15, "\x0F\xAE\xE8\xFF\xD0", 5);
		accepted(&w);
		w.policy.caps[11] = 1u << 19;
		if (new)
			refused(&w, "call depth");
	}
}

static void test_static_calls(void **state)
{
	make(&w, false);
	branch(w.text + 0x0A, 0xE8, CORE + 0x0A, FUNC);
	branch(w.text + 0x22, 0xE9, CORE + 0x22, FUNC);
	accepted(&w);
	branch(w.text + 0x0A, 0xE8, CORE + 0x0A, FUNC + 1);
	refused(&w, "none of its forms");
	memcpy(w.text + 0x0A, "\x0F\x1F\x44\x00\x00", 5);
	refused(&w, "none of its forms");
	branch(w.tramp, 0xE9, TRAMP, SRSO); /* only returns */
	memcpy(w.text + 0x0A, "\x0F\x1F\x44\x00\x00", 5);
	branch(w.text + 0x22, 0xE9, CORE + 0x22, SRSO);
	accepted(&w);
	branch(w.tramp, 0xE9, TRAMP, RETURN0);
	memcpy(w.text + 0x0A, "\x2E\x2E\x2E\x31\xC0", 5);
	branch(w.text + 0x22, 0xE9, CORE + 0x22, RETURN0);
	accepted(&w);
	w.tramp[6] = 0; /* no trampoline */
	refused(&w, "none of its forms");
}

static void test_jump_label_and_mcount(void **state)
{
	make(&w, false);
	branch(w.text + 5, 0xE9, CORE + 5, CORE + 0x20);
	accepted(&w);
	branch(w.text + 5, 0xE9, CORE + 5, CORE + 0x22);
	refused(&w, "none of its forms");
	make(&w, false);
	branch(w.text, 0xE8, CORE, FENTRY);
	refused(&w, "none of its forms");
	branch(w.text, 0xE8, CORE, FUNC);
	refused(&w, "none of its forms");
	w.policy.ftrace[w.policy.ftrace_count++] = FUNC;
	accepted(&w);
}

static void test_placement(void **state)
{
	make(&w, false);
	w.place.area[MODULE_TEXT].base += PAGE;
	refused(&w, "");
	make(&w, false);
	w.place.area[MODULE_TEXT].base += 16;
	refused(&w, "no module can be");
	make(&w, false);
	w.place.area[MODULE_TEXT].size += PAGE;
	refused(&w, "another size");
	make(&w, false);
	w.place.area[MODULE_INIT_TEXT].base = CORE + PAGE;
	refused(&w, "overlap");
	make(&w, false);
	w.place.area[MODULE_TEXT].base = w.policy.high - PAGE;
	refused(&w, "no module can be");
	make(&w, true);
	w.place.area[MODULE_DATA].size = ~0ull << 12;
	refused(&w, "no module can be");
}

static Elf64_Rela *rela(unsigned int target, unsigned int n)
{
	for (unsigned int i = S_RELA; i < w.file.count; i++)
		if (w.file.section[i].sh_info == target)
			return (Elf64_Rela *)(void *)(w.file.bytes + w.file.section[i].sh_offset) + n;
	return NULL;
}

#define CHANGE(what, text)                                                                         \
	do {                                                                                       \
		make(&w, false);                                                                   \
		what;                                                                              \
		refused(&w, text);                                                                 \
	} while (0)
#define SEC(n) w.file.section[n]

static void test_file_refused(void **state)
{
	CHANGE(SEC(S_TEXT).sh_flags |= SHF_WRITE, "writable and executable");
	CHANGE(SEC(S_INIT).sh_flags |= SHF_WRITE, "writable and executable");
	CHANGE(SEC(S_RODATA).sh_offset = SEC(S_TEXT).sh_offset + 8, "share bytes");
	CHANGE(SEC(S_RODATA).sh_offset = 32, "over a header");
	CHANGE(SEC(S_RODATA).sh_offset = 80, "over a header");
	CHANGE(SEC(S_RODATA).sh_offset = ~0ull - 8, "beyond the file");
	CHANGE(SEC(S_RODATA).sh_size = ~0ull - 8, "too large");
	CHANGE(SEC(S_RODATA).sh_size = 1 << 20, "beyond the file");
	CHANGE(SEC(S_RODATA).sh_addralign = 3, "alignment");
	CHANGE(SEC(S_RODATA).sh_name = 600, "name beyond");
	CHANGE(SEC(S_RODATA).sh_type = SHT_REL, "do not have");
	CHANGE(SEC(S_RODATA).sh_flags |= 1u << 21, "unknown section flags");
	CHANGE(w.file.bytes[15599] = 1, "do not end");
	CHANGE(SEC(0).sh_flags = 2, "section 0");
	CHANGE(SEC(S_SYMTAB).sh_size -= 1, "wrong symbol table");
	CHANGE(SEC(S_SYMTAB).sh_link = 99, "wrong symbol table");
	CHANGE(w.file.bytes[SEC(S_SYMTAB).sh_offset + 25] = 9, "symbol name beyond");
	CHANGE(w.file.bytes[60] = 1, "too many sections");
	CHANGE(w.file.bytes[61] = 0xFF, "too many sections");
	CHANGE(w.file.bytes[62] = 0xFF, "index of section names");
	CHANGE(SEC(S_RETURN).sh_flags = 0, "not loaded");
	CHANGE(SEC(S_RETURN).sh_name = SEC(S_RETPOLINE).sh_name, "table twice");
}

static void test_tables_refused(void **state)
{
	static const unsigned int tables[] = { S_ALT,     S_RETURN, S_RETPOLINE, S_MCOUNT,
					       S_LOCKS,   S_EX,     S_ORC_IP,    S_ORC,
					       S_KSYMTAB, S_JUMP,   S_STATIC };

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		CHANGE(SEC(tables[i]).sh_size -= 1, "");
	CHANGE(rela(S_ALT, 0)->r_addend = 0x1000, "outside of text");
	CHANGE(rela(S_ALT, 1)->r_addend = 0x1000, "outside of text");
	CHANGE(rela(S_ALT, 0)->r_info = ELF64_R_INFO(Y_RODATA, 2ull), "outside of text");
	CHANGE(rela(S_RETURN, 0)->r_addend = 0x31, "outside of text");
	CHANGE(rela(S_RETURN, 0)->r_addend = 0x20, "no jump to the return thunk");
	CHANGE(rela(S_RETPOLINE, 0)->r_addend = 0x0A, "no retpoline");
	CHANGE(rela(S_RETPOLINE, 0)->r_addend = -8, "outside of text");
	CHANGE(rela(S_MCOUNT, 0)->r_addend = 0x0A, "no call of __fentry__");
	CHANGE(rela(S_MCOUNT, 0)->r_addend = 0x32, "outside of text");
	CHANGE(rela(S_LOCKS, 0)->r_info = ELF64_R_INFO(Y_RODATA, 2ull), "outside of text");
	CHANGE(rela(S_JUMP, 0)->r_addend = 0x0A, "no jump label");
	CHANGE(rela(S_JUMP, 1)->r_addend = 0x1000, "outside of text");
	CHANGE(rela(S_STATIC, 0)->r_addend = 0x20, "no static call");
	CHANGE(rela(S_STATIC, 2)->r_addend = 0x0A, "static call");
	CHANGE(rela(S_EX, 0)->r_addend = 0x10, "two entries");
	CHANGE(rela(S_KSYMTAB, 1)->r_addend = 100, "no name");
	CHANGE(w.file.bytes[SEC(S_ALT).sh_offset + 8] = 0xFF;
	       w.file.bytes[SEC(S_ALT).sh_offset + 9] = 0x7F, "no feature");
	CHANGE(w.file.bytes[SEC(S_ALT).sh_offset + 11] = 4, "wrong length");
	CHANGE(w.file.bytes[SEC(S_TRAMP).sh_offset + 5] = 0, "no static call trampoline");
}

static void test_relocations_refused(void **state)
{
	CHANGE(rela(S_TEXT, 0)->r_offset = 37, "outside of its section");
	CHANGE(rela(S_TEXT, 0)->r_offset = ~0ull, "outside of its section");
	CHANGE(rela(S_RODATA, 0)->r_offset = 9, "");
	CHANGE(rela(S_TEXT, 0)->r_info = ELF64_R_INFO(Y_FENTRY, 9ull), "unknown relocation");
	CHANGE(rela(S_TEXT, 0)->r_info = ELF64_R_INFO(Y_MAX, 4ull), "no symbol");
	CHANGE(rela(S_RODATA, 1)->r_info = ELF64_R_INFO(Y_TEXT, 10ull), "does not fit");
	CHANGE(rela(S_RODATA, 1)->r_addend = 1ll << 40, "does not fit");
	CHANGE(rela(S_RODATA, 2)->r_addend = 3, "differs");
	CHANGE(rela(S_TEXT, 1)->r_offset = 1, "not zero");
	CHANGE(w.file.bytes[SEC(S_STRTAB).sh_offset + 3] = 'X', "not exported");
	CHANGE(SEC(S_RELA).sh_link = 1, "wrong relocation table");
	CHANGE(SEC(S_RELA).sh_info = 200, "wrong relocation table");
	CHANGE(w.file.bytes[SEC(S_SYMTAB).sh_offset + 24 + 6] = 90, "not there");
	CHANGE(memset(w.file.bytes + SEC(S_SYMTAB).sh_offset + 24 + 6, 0xFF, 2), "extended symbol");
}

static void test_every_length(void **state)
{
	make(&w, false);
	for (size_t size = 0; size < w.file.size; size += size < 128 ? 1 : 37) {
		assert_int_not_equal(check_size(&w, size), 0);
		module_release(&w.result);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),           cmocka_unit_test(test_plan),
		cmocka_unit_test(test_name),           cmocka_unit_test(test_functions),
		cmocka_unit_test(test_every_byte),     cmocka_unit_test(test_policy),
		cmocka_unit_test(test_static_calls),   cmocka_unit_test(test_jump_label_and_mcount),
		cmocka_unit_test(test_placement),      cmocka_unit_test(test_file_refused),
		cmocka_unit_test(test_tables_refused), cmocka_unit_test(test_relocations_refused),
		cmocka_unit_test(test_every_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
