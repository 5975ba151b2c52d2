// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as a trustlet's file. What is accepted must keep every promise of
 * elf_pie.h, and its bytes must lie inside of the file.
 */
/* links: lib/elf_pie.c lib/elf.c */
#include "fuzz.h"

#include <linux/elf.h>

#include "elf_pie.h"

#define MAX       (1ULL << 20)
#define FILE_SIZE 0x200

static void check(const struct pie_plan *plan, size_t size)
{
	uint64_t end = 0;
	bool code = false, headers = false;

	FUZZ_CHECK(plan->count >= 1 && plan->count <= ELF_MAX_SEGMENTS);
	for (unsigned int i = 0; i < plan->count; i++) {
		const struct pie_segment *s = &plan->segment[i];

		FUZZ_CHECK(s->va / ELF_PAGE_SIZE * ELF_PAGE_SIZE >= end);
		FUZZ_CHECK(s->va % ELF_PAGE_SIZE == s->file_off % ELF_PAGE_SIZE);
		FUZZ_CHECK(s->va < MAX && s->mem_size > 0 && s->mem_size <= MAX - s->va);
		FUZZ_CHECK(s->file_size <= s->mem_size);
		FUZZ_CHECK(s->file_off <= size && s->file_size <= size - s->file_off);
		FUZZ_CHECK((s->flags & ELF_R) != 0 && (s->flags & ~(ELF_R | ELF_W | ELF_X)) == 0);
		FUZZ_CHECK((s->flags & (ELF_W | ELF_X)) != (ELF_W | ELF_X));
		code |= (s->flags & ELF_X) && plan->entry - s->va < s->file_size;
		headers |= plan->phdr >= s->va && plan->phdr + plan->phnum * 56ULL <= s->va + s->file_size;
		end = (s->va + s->mem_size + ELF_PAGE_SIZE - 1) / ELF_PAGE_SIZE * ELF_PAGE_SIZE;
	}
	FUZZ_CHECK(plan->size == end && code && headers);
}

/* In a buffer of its exact length: overreads are seen. */
static void try_file(const uint8_t *data, size_t size)
{
	uint8_t *file = malloc(size ? size : 1);
	struct pie_plan plan;
	const char *why = NULL;
	int rc;

	if (size)
		memcpy(file, data, size);
	rc = pie_plan_decode(file, size, MAX, &plan, &why);
	FUZZ_CHECK(why != NULL && (rc == 0) == (why[0] == '\0'));
	if (rc == 0)
		check(&plan, size);
	free(file);
}

/* A file that is accepted as it stands. */
static void fill_good(uint8_t *file)
{
	Elf64_Ehdr e = {
		.e_ident = { 0x7F, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_DYN,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_entry = 0x1130,
		.e_phoff = sizeof(Elf64_Ehdr),
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 3,
	};
	Elf64_Phdr p[3] = {
		{ PT_LOAD, PF_R, 0, 0, 0, 0x120, 0x120, 4096 },
		{ PT_LOAD, PF_R | PF_X, 0x120, 0x1120, 0, 0x60, 0x60, 4096 },
		{ PT_LOAD, PF_R | PF_W, 0x180, 0x2180, 0, 0x80, 0x4000, 4096 },
	};

	memset(file, 0, FILE_SIZE);
	memcpy(file, &e, sizeof(e));
	memcpy(file + sizeof(e), p, sizeof(p));
}

/* The input as a file; and as changes to a good file: 1 byte place, 1 byte value, and so on. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t good[FILE_SIZE];
	struct pie_plan plan;
	const char *why;

	try_file(data, size);
	fill_good(good);
	FUZZ_CHECK(pie_plan_decode(good, sizeof(good), MAX, &plan, &why) == 0);
	for (size_t i = 0; i + 1 < size; i += 2)
		good[data[i]] = data[i + 1];
	try_file(good, sizeof(good));
	return 0;
}
