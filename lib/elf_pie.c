/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Static-PIE programs: see elf_pie.h. Every offset is checked by subtraction
 * from a length that is known to be right, and every header is copied once.
 */
#include "elf_pie.h"

#include "elf_format.h"
#include "ovbs_errno.h"
#include "ovbs_string.h"

static uint64_t page_down(uint64_t n)
{
	return n & ~(uint64_t)(ELF_PAGE_SIZE - 1);
}

static const char *check_segment(const struct elf_phdr *p, size_t len, uint64_t max)
{
	if ((p->flags & ~(ELF_R | ELF_W | ELF_X)) != 0 || (p->flags & ELF_R) == 0)
		return "segment is not readable, or has unknown flags";
	if ((p->flags & ELF_W) != 0 && (p->flags & ELF_X) != 0)
		return "segment is writable and executable";
	if (p->memsz == 0 || p->filesz > p->memsz)
		return "segment empty, or larger in the file than in memory";
	if (p->offset > len || p->filesz > len - p->offset)
		return "segment beyond the file";
	if ((p->offset - p->vaddr) % ELF_PAGE_SIZE != 0)
		return "segment's place in its page differs between file and memory";
	if (p->vaddr >= max || p->memsz > max - p->vaddr)
		return "segment outside of the allowed range";
	return NULL;
}

static const char *add_segment(struct pie_plan *plan, const struct elf_phdr *p)
{
	struct pie_segment *s = &plan->segment[plan->count];

	if (plan->count == ELF_MAX_SEGMENTS)
		return "too many segments";
	if (page_down(p->vaddr) < plan->size)
		return "segments share a page, overlap or are out of order";
	*s = (struct pie_segment){
		.va = p->vaddr,
		.file_off = p->offset,
		.file_size = p->filesz,
		.mem_size = p->memsz,
		.flags = p->flags,
	};
	plan->count++;
	plan->size = page_down(p->vaddr + p->memsz + ELF_PAGE_SIZE - 1);
	return NULL;
}

/* The segment whose bytes of the file hold [@off, @off + @n); NULL: none. */
static const struct pie_segment *segment_of_file(const struct pie_plan *plan, uint64_t off, uint64_t n)
{
	for (unsigned int i = 0; i < plan->count; i++) {
		const struct pie_segment *s = &plan->segment[i];

		if (off >= s->file_off && n <= s->file_size && off - s->file_off <= s->file_size - n)
			return s;
	}
	return NULL;
}

static bool is_code(const struct pie_plan *plan, uint64_t va)
{
	for (unsigned int i = 0; i < plan->count; i++) {
		const struct pie_segment *s = &plan->segment[i];

		if ((s->flags & ELF_X) != 0 && va >= s->va && va - s->va < s->file_size)
			return true;
	}
	return false;
}

static const char *decode(const uint8_t *file, size_t len, uint64_t max, struct pie_plan *plan)
{
	const struct pie_segment *holder;
	struct elf_header h;
	struct elf_phdr p;
	const char *why = elf_read_header(file, len, ET_DYN, &h);

	memset(plan, 0, sizeof(*plan));
	for (unsigned int i = 0; why == NULL && i < h.phnum; i++) {
		memcpy(&p, file + h.phoff + i * sizeof(p), sizeof(p));
		if (p.type == PT_INTERP)
			return "asks for a run-time linker";
		if (p.type != PT_LOAD)
			continue;
		why = check_segment(&p, len, max);
		if (why == NULL)
			why = add_segment(plan, &p);
	}
	if (why != NULL)
		return why;
	holder = segment_of_file(plan, h.phoff, h.phnum * sizeof(p));
	if (holder == NULL)
		return "program headers are not in a segment";
	if (!is_code(plan, h.entry))
		return "entry point is not in code";
	plan->entry = h.entry;
	plan->phdr = holder->va + (h.phoff - holder->file_off);
	plan->phnum = h.phnum;
	return NULL;
}

int pie_plan_decode(const void *file, size_t len, uint64_t max, struct pie_plan *plan, const char **why)
{
	const char *wrong = decode(file, len, max, plan);

	*why = wrong != NULL ? wrong : "";
	return wrong != NULL ? -ENOEXEC : 0;
}
