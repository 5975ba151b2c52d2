// SPDX-License-Identifier: GPL-2.0-only
/*
 * ELF decoding: a good file, and one change at a time that must be refused
 * with the right words. Each file lies in a heap buffer of its exact length,
 * so that the sanitizer sees every byte read beyond it.
 */
/* links: lib/elf.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <linux/elf.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/elf.h"

#define BASE     0xFFFFFF8000000000ULL
#define MAX      (8ULL << 20)
#define PH_COUNT 4
#define FILE_LEN 0x3000

/* <linux/elf.h> describes the format independently of lib/elf.c. */
struct sample {
	Elf64_Ehdr e;
	Elf64_Phdr p[PH_COUNT];
	uint8_t rest[FILE_LEN - sizeof(Elf64_Ehdr) - PH_COUNT * sizeof(Elf64_Phdr)];
};
_Static_assert(sizeof(struct sample) == FILE_LEN, "no padding");

static struct sample good(void)
{
	struct sample s = {
		.e = { .e_ident = { 0x7F, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		       .e_type = ET_EXEC,
		       .e_machine = EM_X86_64,
		       .e_version = EV_CURRENT,
		       .e_entry = BASE + 0x10,
		       .e_phoff = sizeof(Elf64_Ehdr),
		       .e_ehsize = sizeof(Elf64_Ehdr),
		       .e_phentsize = sizeof(Elf64_Phdr),
		       .e_phnum = PH_COUNT },
		.p = { { PT_LOAD, PF_R | PF_X, 0x1000, BASE, BASE, 0x1001, 0x1001, 4096 },
		       { PT_LOAD, PF_R, 0x2100, BASE + 0x2000, 0, 0x100, 0x100, 4096 },
		       { PT_NOTE, PF_R, 0, 0, 0, 0, 0, 0 },
		       { PT_LOAD, PF_R | PF_W, 0x2F00, BASE + 0x3000, 0, 0x100, 0x5000, 4096 } },
	};

	for (size_t i = 0; i < sizeof(s.rest); i++)
		s.rest[i] = (uint8_t)(i * 7 + 1);
	return s;
}

static int decode(const struct sample *s, size_t len, struct elf_plan *plan, const char **why)
{
	uint8_t *exact = malloc(len ? len : 1);
	int rc;

	memcpy(exact, s, len);
	rc = elf_plan_decode(exact, len, BASE, MAX, plan, why);
	free(exact);
	return rc;
}

static void test_good(void **state)
{
	struct sample s = good();
	struct elf_plan plan;
	const char *why;

	assert_int_equal(decode(&s, sizeof(s), &plan, &why), 0);
	assert_string_equal(why, "");
	assert_int_equal(plan.entry, BASE + 0x10);
	assert_int_equal(plan.count, 3);
	assert_int_equal(plan.image_size, 0x8000);
	assert_int_equal(plan.segment[0].flags, ELF_R | ELF_X);
	assert_int_equal(plan.segment[0].offset, 0);
	assert_int_equal(plan.segment[0].file_size, 0x1001);
	assert_int_equal(plan.segment[1].flags, ELF_R);
	assert_int_equal(plan.segment[1].file_off, 0x2100);
	assert_int_equal(plan.segment[2].flags, ELF_R | ELF_W);
	assert_int_equal(plan.segment[2].offset, 0x3000);
	assert_int_equal(plan.segment[2].mem_size, 0x5000);
}

static void test_load(void **state)
{
	struct sample s = good();
	struct elf_plan plan;
	const char *why;
	uint8_t *image, *file = (uint8_t *)&s;

	assert_int_equal(elf_plan_decode(&s, sizeof(s), BASE, MAX, &plan, &why), 0);
	image = calloc(1, plan.image_size);
	elf_plan_load(&plan, &s, image);
	assert_memory_equal(image, file + 0x1000, 0x1001);
	assert_int_equal(image[0x1001], 0);
	assert_memory_equal(image + 0x2000, file + 0x2100, 0x100);
	assert_memory_equal(image + 0x3000, file + 0x2F00, 0x100);
	for (size_t i = 0x3100; i < 0x8000; i++)
		assert_int_equal(image[i], 0);
	free(image);
}

/* Cut off anywhere: never accepted before all that the headers name is there. */
static void test_truncated(void **state)
{
	struct sample s = good();
	struct elf_plan plan;
	const char *why;

	for (size_t len = 0; len < sizeof(s); len++) {
		if (decode(&s, len, &plan, &why) == 0)
			fail_msg("accepted with %zu of %zu bytes", len, sizeof(s));
		assert_non_null(why);
	}
}

/* What is just allowed. */
static void test_edges(void **state)
{
	struct sample s = good();
	struct elf_plan plan;
	const char *why;

	assert_int_not_equal(decode(&s, sizeof(s.e) - 1, &plan, &why), 0);
	assert_non_null(strstr(why, "shorter"));
	assert_int_not_equal(decode(&s, sizeof(s.e), &plan, &why), 0);
	assert_non_null(strstr(why, "headers beyond"));

	s.e.e_entry = BASE;
	s.p[2] = (Elf64_Phdr){ PT_LOAD, PF_R, sizeof(s), BASE + 0x2000, 0, 0, 0x1000, 0 };
	s.p[1].p_type = PT_NOTE;
	assert_int_equal(decode(&s, sizeof(s), &plan, &why), 0);
	assert_int_equal(plan.segment[1].file_size, 0);

	s = good();
	memset(s.rest, 0, sizeof(s.rest)); /* more program headers, all PT_NULL */
	s.e.e_phnum = 64;
	assert_int_equal(decode(&s, sizeof(s), &plan, &why), 0);
	s.e.e_phnum = 65;
	assert_int_not_equal(decode(&s, sizeof(s), &plan, &why), 0);
}

typedef void (*spoiler)(struct sample *s);

#define SPOIL(name, change)                                                                        \
	static void name(struct sample *s)                                                         \
	{                                                                                          \
		change;                                                                            \
	}

SPOIL(magic, s->e.e_ident[0] = 0x7E)
SPOIL(class32, s->e.e_ident[EI_CLASS] = ELFCLASS32)
SPOIL(big_endian, s->e.e_ident[EI_DATA] = ELFDATA2MSB)
SPOIL(ident_version, s->e.e_ident[EI_VERSION] = 2)
SPOIL(version, s->e.e_version = 0)
SPOIL(shared_object, s->e.e_type = ET_DYN)
SPOIL(machine, s->e.e_machine = EM_386)
SPOIL(header_size, s->e.e_ehsize = 52)
SPOIL(entry_size, s->e.e_phentsize = 32)
SPOIL(no_headers, s->e.e_phnum = 0)
SPOIL(many_headers, s->e.e_phnum = 0xFFFF)
SPOIL(headers_beyond, s->e.e_phoff = FILE_LEN - sizeof(Elf64_Phdr))
SPOIL(headers_wrap, s->e.e_phoff = UINT64_MAX - 8)
SPOIL(writable_code, s->p[0].p_flags |= PF_W)
SPOIL(executable_data, s->p[3].p_flags |= PF_X)
SPOIL(unreadable, s->p[1].p_flags = 0)
SPOIL(odd_flags, s->p[1].p_flags = PF_R | 8)
SPOIL(file_over_memory, s->p[1].p_memsz = 0xFF)
SPOIL(data_beyond, s->p[3].p_filesz = 0x101)
SPOIL(offset_wraps, s->p[1].p_offset = UINT64_MAX - 0xFF)
SPOIL(unaligned, s->p[1].p_vaddr += 8)
SPOIL(odd_alignment, s->p[1].p_align = 4097)
SPOIL(large_alignment, s->p[1].p_align = 2 << 20)
SPOIL(below, s->p[0].p_vaddr = BASE - 0x1000)
SPOIL(above, s->p[3].p_vaddr = BASE + MAX)
SPOIL(end_above, s->p[3].p_memsz = MAX - 0x3000 + 1)
SPOIL(memory_wraps, s->p[3].p_memsz = UINT64_MAX)
SPOIL(overlap, s->p[1].p_vaddr = BASE + 0x1000)
SPOIL(out_of_order, s->p[1].p_vaddr = BASE + 0x9000)
SPOIL(hole_at_base, s->p[0].p_type = PT_NOTE)
SPOIL(interpreter, s->p[2].p_type = PT_INTERP)
SPOIL(dynamic, s->p[2].p_type = PT_DYNAMIC)
SPOIL(thread_storage, s->p[2].p_type = PT_TLS)
SPOIL(entry_low, s->e.e_entry = BASE - 1)
SPOIL(entry_in_data, s->e.e_entry = BASE + 0x3000)
SPOIL(entry_behind, s->e.e_entry = BASE + 0x1001)
SPOIL(entry_zero, s->e.e_entry = 0)
SPOIL(nothing, for (int i = 0; i < PH_COUNT; i++) s->p[i].p_memsz = s->p[i].p_filesz = 0)

static void test_refused(void **state)
{
	static const struct {
		const char *name;
		spoiler spoil;
		const char *why;
	} rows[] = {
		{ "magic", magic, "no ELF magic" },
		{ "class32", class32, "64-bit" },
		{ "big_endian", big_endian, "little endian" },
		{ "ident_version", ident_version, "version" },
		{ "version", version, "version" },
		{ "shared_object", shared_object, "ET_EXEC" },
		{ "machine", machine, "x86-64" },
		{ "header_size", header_size, "header size" },
		{ "entry_size", entry_size, "header size" },
		{ "no_headers", no_headers, "program headers" },
		{ "many_headers", many_headers, "program headers" },
		{ "headers_beyond", headers_beyond, "headers beyond" },
		{ "headers_wrap", headers_wrap, "headers beyond" },
		{ "writable_code", writable_code, "writable and executable" },
		{ "executable_data", executable_data, "writable and executable" },
		{ "unreadable", unreadable, "not readable" },
		{ "odd_flags", odd_flags, "flags" },
		{ "file_over_memory", file_over_memory, "larger in the file" },
		{ "data_beyond", data_beyond, "beyond the file" },
		{ "offset_wraps", offset_wraps, "beyond the file" },
		{ "unaligned", unaligned, "page aligned" },
		{ "odd_alignment", odd_alignment, "power of two" },
		{ "large_alignment", large_alignment, "aligned as it asks" },
		{ "below", below, "segment outside" },
		{ "above", above, "segment outside" },
		{ "end_above", end_above, "end outside" },
		{ "memory_wraps", memory_wraps, "end outside" },
		{ "overlap", overlap, "overlap" },
		{ "out_of_order", out_of_order, "out of order" },
		{ "hole_at_base", hole_at_base, "base address" },
		{ "interpreter", interpreter, "run-time linking" },
		{ "dynamic", dynamic, "run-time linking" },
		{ "thread_storage", thread_storage, "run-time linking" },
		{ "entry_low", entry_low, "entry point" },
		{ "entry_in_data", entry_in_data, "entry point" },
		{ "entry_behind", entry_behind, "entry point" },
		{ "entry_zero", entry_zero, "entry point" },
		{ "nothing", nothing, "nothing to load" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sample s = good();
		struct elf_plan plan;
		const char *why;

		rows[i].spoil(&s);
		if (decode(&s, sizeof(s), &plan, &why) == 0)
			fail_msg("%s was accepted", rows[i].name);
		if (strstr(why, rows[i].why) == NULL)
			fail_msg("%s: \"%s\", expected \"%s\"", rows[i].name, why, rows[i].why);
	}
}

static void test_too_many_segments(void **state)
{
	struct {
		Elf64_Ehdr e;
		Elf64_Phdr p[ELF_MAX_SEGMENTS + 1];
	} s = { .e = good().e };
	struct elf_plan plan;
	const char *why;

	for (unsigned int i = 0; i <= ELF_MAX_SEGMENTS; i++)
		s.p[i] = (Elf64_Phdr){ PT_LOAD, PF_R | PF_X, 0, BASE + i * 4096, 0, 64, 64, 4096 };
	s.e.e_phnum = ELF_MAX_SEGMENTS;
	assert_int_equal(elf_plan_decode(&s, sizeof(s), BASE, MAX, &plan, &why), 0);
	s.e.e_phnum = ELF_MAX_SEGMENTS + 1;
	assert_int_not_equal(elf_plan_decode(&s, sizeof(s), BASE, MAX, &plan, &why), 0);
	assert_string_equal(why, "too many segments");
}

/* The window itself: to the last page of the address space, but not around it. */
static void test_window(void **state)
{
	struct sample s = good();
	struct elf_plan plan;
	const char *why;

	assert_int_equal(elf_plan_decode(&s, sizeof(s), BASE, 0x8000, &plan, &why), 0);
	assert_int_not_equal(elf_plan_decode(&s, sizeof(s), BASE, 0x7000, &plan, &why), 0);
	assert_int_not_equal(elf_plan_decode(&s, sizeof(s), BASE, 0, &plan, &why), 0);
	assert_int_not_equal(elf_plan_decode(&s, sizeof(s), BASE, 0x8001, &plan, &why), 0);
	assert_int_not_equal(elf_plan_decode(&s, sizeof(s), BASE + 1, MAX, &plan, &why), 0);
	assert_int_not_equal(elf_plan_decode(&s, sizeof(s), UINT64_MAX - 0xFFF, 0x2000, &plan, &why), 0);
	assert_non_null(strstr(why, "wraps"));
	assert_int_not_equal(elf_plan_decode(&s, sizeof(s), UINT64_MAX - 0xFFF, 0x1000, &plan, &why), 0);
	assert_null(strstr(why, "wraps")); /* the last page is a window like any other */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_too_many_segments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
