// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as an ELF file. What is accepted must keep every promise of elf.h,
 * and its loading must stay inside of both buffers.
 */
/* links: lib/elf.c */
#include <stdint.h>

#include <linux/elf.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/elf.h"

#define BASE 0xFFFFFF8000000000ULL
#define MAX  (1ULL << 20)

#define FILE_SIZE 0x200

#define REQUIRE(condition)                                                                         \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

static void check(const struct elf_plan *plan, size_t size)
{
	uint64_t end = 0;

	REQUIRE(plan->count >= 1 && plan->count <= ELF_MAX_SEGMENTS);
	for (unsigned int i = 0; i < plan->count; i++) {
		const struct elf_segment *s = &plan->segment[i];

		REQUIRE(s->offset % ELF_PAGE_SIZE == 0 && s->offset >= end);
		REQUIRE(s->mem_size > 0 && s->mem_size <= MAX && s->file_size <= s->mem_size);
		REQUIRE(s->file_off <= size && s->file_size <= size - s->file_off);
		REQUIRE((s->flags & (ELF_W | ELF_X)) != (ELF_W | ELF_X));
		end = s->offset + s->mem_size;
		REQUIRE(end <= MAX);
	}
	REQUIRE(plan->image_size >= end && plan->image_size - end < ELF_PAGE_SIZE);
	REQUIRE(plan->image_size % ELF_PAGE_SIZE == 0 && plan->image_size <= MAX);
	REQUIRE(plan->entry >= BASE && plan->entry - BASE < plan->image_size);
}

static void try_file(const uint8_t *data, size_t size)
{
	struct elf_plan plan;
	const char *why = NULL;
	uint8_t *image;
	int rc = elf_plan_decode(data, size, BASE, MAX, &plan, &why);

	REQUIRE(why != NULL && (rc == 0) == (why[0] == '\0'));
	if (rc != 0)
		return;
	check(&plan, size);
	image = calloc(1, plan.image_size);
	elf_plan_load(&plan, data, image);
	free(image);
}

/* A file that is accepted as it stands. */
static void fill_good(uint8_t *file)
{
	Elf64_Ehdr e = {
		.e_ident = { 0x7F, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_EXEC,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_entry = BASE,
		.e_phoff = sizeof(Elf64_Ehdr),
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 3,
	};
	Elf64_Phdr p[3] = {
		{ PT_LOAD, PF_R | PF_X, 0x100, BASE, 0, 0x80, 0x1080, 4096 },
		{ PT_LOAD, PF_R, 0x180, BASE + 0x2000, 0, 0x80, 0x80, 4096 },
		{ PT_LOAD, PF_R | PF_W, 0x180, BASE + 0x3000, 0, 0x80, 0x4000, 4096 },
	};

	memset(file, 0, FILE_SIZE);
	memcpy(file, &e, sizeof(e));
	memcpy(file + sizeof(e), p, sizeof(p));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input as a file; and as changes to a good file: 1 byte place, 1 byte value, and so on. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *file = malloc(FILE_SIZE);

	try_file(data, size);
	fill_good(file);
	for (size_t i = 0; i + 1 < size; i += 2)
		file[data[i]] = data[i + 1];
	try_file(file, FILE_SIZE);
	free(file);
	return 0;
}
