// SPDX-License-Identifier: GPL-2.0-only
/*
 * Promise: of a trustlet's file (lib/elf_pie.c) no byte but what the plan says
 * reaches a trustlet, and what the plan says is sound: inside of the file,
 * inside of the limit, no page twice, none writable and executable. A good
 * file, and one change at a time that must be refused with the right words.
 * Each file lies in a heap buffer of its exact length.
 */
/* links: lib/elf_pie.c lib/elf.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <linux/elf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/elf_pie.h"

#define MAX      (1ULL << 20)
#define PH_COUNT 5
#define FILE_LEN 0x3000

/* <linux/elf.h> describes the format independently of lib/elf_pie.c. */
struct sample {
	Elf64_Ehdr e;
	Elf64_Phdr p[PH_COUNT];
	uint8_t rest[FILE_LEN - sizeof(Elf64_Ehdr) - PH_COUNT * sizeof(Elf64_Phdr)];
};
_Static_assert(sizeof(struct sample) == FILE_LEN, "no padding");

/* As ld lays a static-PIE program out: headers, code, constants, data with BSS. */
static struct sample good(void)
{
	return (struct sample){
		.e = { .e_ident = { 0x7F, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		       .e_type = ET_DYN,
		       .e_machine = EM_X86_64,
		       .e_version = EV_CURRENT,
		       .e_entry = 0x1040,
		       .e_phoff = sizeof(Elf64_Ehdr),
		       .e_ehsize = sizeof(Elf64_Ehdr),
		       .e_phentsize = sizeof(Elf64_Phdr),
		       .e_phnum = PH_COUNT },
		.p = { { PT_LOAD, PF_R, 0, 0, 0, 0x300, 0x300, 4096 },
		       { PT_LOAD, PF_R | PF_X, 0x1000, 0x1000, 0, 0x1001, 0x1001, 4096 },
		       { PT_DYNAMIC, PF_R, 1ULL << 60, 0, 0, ~0ULL, 0, 0 }, /* the program's own business */
		       { PT_LOAD, PF_R, 0x2008, 0x3008, 0, 0x10, 0x10, 4096 },
		       { PT_LOAD, PF_R | PF_W, 0x2F10, 0x4F10, 0, 0xF0, 0x5000, 4096 } },
	};
}

static int decode_max(const struct sample *s, size_t len, uint64_t max, struct pie_plan *plan,
		      const char **why)
{
	uint8_t *exact = malloc(len + 1);
	int rc;

	memcpy(exact + 1, s, len); /* unaligned on purpose */
	rc = pie_plan_decode(exact + 1, len, max, plan, why);
	free(exact);
	assert_non_null(*why);
	assert_true((rc == 0) == ((*why)[0] == '\0'));
	return rc;
}

static int decode(const struct sample *s, struct pie_plan *plan, const char **why)
{
	return decode_max(s, sizeof(*s), MAX, plan, why);
}

static void refused(const struct sample *s, const char *text)
{
	struct pie_plan plan;
	const char *why;

	assert_int_not_equal(decode(s, &plan, &why), 0);
	if (!strstr(why, text))
		fail_msg("\"%s\" does not say \"%s\"", why, text);
}

static void test_good(void **state)
{
	struct sample s = good();
	struct pie_plan plan;
	const char *why;

	assert_int_equal(decode(&s, &plan, &why), 0);
	assert_int_equal(plan.entry, 0x1040);
	assert_int_equal(plan.phdr, sizeof(Elf64_Ehdr));
	assert_int_equal(plan.phnum, PH_COUNT);
	assert_int_equal(plan.count, 4);
	assert_int_equal(plan.size, 0xA000);
	for (unsigned int i = 0, n = 0; i < PH_COUNT; i++) {
		const struct pie_segment *g = &plan.segment[n];

		if (s.p[i].p_type != PT_LOAD)
			continue;
		assert_int_equal(g->va, s.p[i].p_vaddr);
		assert_int_equal(g->file_off, s.p[i].p_offset);
		assert_int_equal(g->file_size, s.p[i].p_filesz);
		assert_int_equal(g->mem_size, s.p[i].p_memsz);
		assert_int_equal(g->flags, s.p[i].p_flags);
		n++;
	}
}

/* Where the file puts the program headers and where the program sees them differ. */
static void test_headers_of_a_moved_segment(void **state)
{
	struct sample s = good();
	struct pie_plan plan;
	const char *why;

	s.p[0].p_vaddr = 0x10000;
	s.p[1].p_vaddr = 0x11000;
	s.p[3].p_vaddr = 0x13008;
	s.p[4].p_vaddr = 0x14F10;
	s.e.e_entry = 0x11000;
	assert_int_equal(decode(&s, &plan, &why), 0);
	assert_int_equal(plan.phdr, 0x10000 + sizeof(Elf64_Ehdr));
	assert_int_equal(plan.size, 0x1A000);
}

static void test_every_length(void **state)
{
	struct sample s = good();
	struct pie_plan plan;
	const char *why;

	for (size_t len = 0; len < sizeof(s); len++)
		assert_int_not_equal(decode_max(&s, len, MAX, &plan, &why), 0);
}

#define CHANGE(what, text)                                                                         \
	do {                                                                                       \
		struct sample s = good();                                                          \
		what;                                                                              \
		refused(&s, text);                                                                 \
	} while (0)

static void test_header_refused(void **state)
{
	CHANGE(s.e.e_ident[1] = 'e', "magic");
	CHANGE(s.e.e_ident[EI_CLASS] = ELFCLASS32, "64-bit");
	CHANGE(s.e.e_ident[EI_DATA] = ELFDATA2MSB, "little endian");
	CHANGE(s.e.e_version = 2, "version");
	CHANGE(s.e.e_type = ET_EXEC, "ET_DYN");
	CHANGE(s.e.e_machine = EM_386, "x86-64");
	CHANGE(s.e.e_phentsize++, "header size");
	CHANGE(s.e.e_phnum = 0, "program headers");
	CHANGE(s.e.e_phnum = 65, "program headers");
	CHANGE(s.e.e_phoff = FILE_LEN - 56 * PH_COUNT + 1, "beyond the file");
	CHANGE(s.e.e_phoff = ~0ULL, "beyond the file");
	CHANGE(s.e.e_entry = 0x1000 - 1, "entry");
	CHANGE(s.e.e_entry = 0x1000 + 0x1001, "entry"); /* behind the code's last byte */
	CHANGE(s.e.e_entry = 0x3008, "entry");          /* constants */
	CHANGE(s.e.e_entry = 0x4F10, "entry");          /* data */
	CHANGE(s.e.e_entry = ~0ULL, "entry");
}

static void test_segments_refused(void **state)
{
	CHANGE(s.p[2].p_type = PT_INTERP, "run-time linker");
	CHANGE(s.p[1].p_flags = PF_X, "not readable");
	CHANGE(s.p[1].p_flags = 0, "not readable");
	CHANGE(s.p[1].p_flags |= 8, "flags");
	CHANGE(s.p[1].p_flags |= 1u << 31, "flags");
	CHANGE(s.p[1].p_flags |= PF_W, "writable and executable");
	CHANGE(s.p[1].p_memsz = 0x1000, "larger in the file");
	CHANGE(s.p[3].p_memsz = s.p[3].p_filesz = 0, "empty");
	CHANGE(s.p[4].p_filesz++, "beyond the file");
	CHANGE(s.p[4].p_offset = FILE_LEN + 1, "beyond the file");
	CHANGE((s.p[3].p_vaddr++), "place in its page");
	CHANGE((s.p[3].p_offset -= 8), "place in its page");
	CHANGE((s.p[3].p_vaddr = 0x2008), "share a page"); /* code's last byte is at 2000h */
	CHANGE((s.p[4].p_vaddr = 0x3F10), "share a page");
	CHANGE((s.p[4].p_vaddr = 0xF10), "out of order");
	CHANGE((s.p[0].p_type = PT_NOTE), "not in a segment");
	CHANGE((s.p[0].p_filesz = 64 + 56 * PH_COUNT - 1), "not in a segment");
}

/* Sums that would come out small. */
static void test_wrap_arounds_refused(void **state)
{
	CHANGE(s.p[4].p_offset = ~0ULL - 0xEF, "beyond the file");
	CHANGE((s.p[4].p_offset = 0x2F10, s.p[4].p_filesz = s.p[4].p_memsz = 0 - 0x2F10ULL),
	       "beyond the file");
	CHANGE(s.p[4].p_memsz = 0 - 0x4F10ULL, "allowed range");
	CHANGE(s.p[4].p_memsz = ~0ULL, "allowed range");
	CHANGE(s.p[4].p_vaddr = 0xFFFFFFFFFFFFFF10, "allowed range");
	CHANGE(s.p[4].p_vaddr = MAX + 0xF10, "allowed range");
	CHANGE(s.p[4].p_memsz = MAX - 0x4F10 + 1, "allowed range");
	CHANGE((s.p[1].p_filesz = 0, s.p[1].p_offset = FILE_LEN, s.e.e_entry = 0x1000), "entry"); /* code without a byte */
}

static void test_limit_is_exact(void **state)
{
	struct sample s = good();
	struct pie_plan plan;
	const char *why;

	s.p[4].p_memsz = MAX - 0x4F10;
	assert_int_equal(decode(&s, &plan, &why), 0);
	assert_int_equal(plan.size, MAX);
	s.p[4].p_memsz = 0xF0;
	assert_int_equal(decode_max(&s, sizeof(s), 0x5000, &plan, &why), 0);
	assert_int_not_equal(decode_max(&s, sizeof(s), 0x4FFF, &plan, &why), 0);
}

/* More headers than the sample has: they lie at the end of the file then. */
static void test_too_many_segments(void **state)
{
	struct sample s = good();
	Elf64_Phdr *p = (Elf64_Phdr *)(void *)((uint8_t *)&s + 0x2000);
	struct pie_plan plan;
	const char *why;

	s.e.e_phoff = 0x2000;
	for (unsigned int i = 0; i <= ELF_MAX_SEGMENTS; i++)
		p[i] = (Elf64_Phdr){
			PT_LOAD, i ? PF_R : PF_R | PF_X, 0, i * 4096, 0, FILE_LEN, FILE_LEN, 1
		};
	for (unsigned int i = 0; i <= ELF_MAX_SEGMENTS; i++)
		p[i].p_vaddr = i * FILE_LEN;
	s.e.e_phnum = ELF_MAX_SEGMENTS;
	assert_int_equal(decode(&s, &plan, &why), 0);
	assert_int_equal(plan.count, ELF_MAX_SEGMENTS);
	s.e.e_phnum++;
	refused(&s, "too many segments");
}

/* The very files that are packed into the bundle, where they are built. */
static void test_real_trustlets(void **state)
{
	static const char *const paths[] = { "build/trustlets/hello.elf", "build/trustlets/selftest.elf" };
	struct pie_plan plan;
	const char *why;
	size_t found = 0;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		static uint8_t file[8 << 20];
		FILE *f = fopen(paths[i], "rb");
		size_t len;

		if (!f)
			continue;
		len = fread(file, 1, sizeof(file), f);
		fclose(f);
		found++;
		if (pie_plan_decode(file, len, 64 << 20, &plan, &why))
			fail_msg("%s: %s", paths[i], why);
		assert_true(plan.count >= 2 && plan.phnum >= plan.count);
		assert_int_equal(memcmp(file + 16, "\3\0", 2), 0);
	}
	if (!found)
		skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_headers_of_a_moved_segment),
		cmocka_unit_test(test_every_length),
		cmocka_unit_test(test_header_refused),
		cmocka_unit_test(test_segments_refused),
		cmocka_unit_test(test_wrap_arounds_refused),
		cmocka_unit_test(test_limit_is_exact),
		cmocka_unit_test(test_too_many_segments),
		cmocka_unit_test(test_real_trustlets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
