/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ELF64 executables: see elf.h.
 *
 * The file may be hostile: every offset is checked by subtraction from a
 * length that is known to be right, so that no sum can wrap around, and every
 * header is copied out once before it is looked at.
 */
#include "elf.h"

#include "elf_format.h"
#include "ovbs_errno.h"
#include "ovbs_string.h"

struct window {
	const uint8_t *file;
	size_t len;
	uint64_t base, max;
};

const char *elf_read_header(const uint8_t *file, size_t len, uint16_t type, struct elf_header *h)
{
	static const uint8_t magic[4] = { 0x7F, 'E', 'L', 'F' };

	if (len < sizeof(*h))
		return "shorter than an ELF header";
	memcpy(h, file, sizeof(*h));
	if (memcmp(h->magic, magic, sizeof(magic)) != 0)
		return "no ELF magic";
	if (h->class != ELFCLASS64 || h->data != ELFDATA2LSB)
		return "not 64-bit little endian";
	if (h->ident_version != EV_CURRENT || h->version != EV_CURRENT)
		return "unknown ELF version";
	if (h->type != type)
		return type == ET_EXEC ? "not ET_EXEC" : "not ET_DYN";
	if (h->machine != EM_X86_64)
		return "not for x86-64";
	if (h->ehsize != sizeof(*h) || h->phentsize != sizeof(struct elf_phdr))
		return "unexpected header size";
	if (h->phnum == 0 || h->phnum > PH_MAX)
		return "no or too many program headers";
	if (h->phoff > len || (len - h->phoff) / sizeof(struct elf_phdr) < h->phnum)
		return "program headers beyond the file";
	return NULL;
}

static const char *check_segment(const struct window *w, const struct elf_phdr *p, struct elf_segment *s)
{
	if ((p->flags & ~(ELF_R | ELF_W | ELF_X)) != 0)
		return "unknown segment flags";
	if ((p->flags & ELF_R) == 0)
		return "segment is not readable";
	if ((p->flags & ELF_W) != 0 && (p->flags & ELF_X) != 0)
		return "segment is writable and executable";
	if (p->filesz > p->memsz)
		return "segment larger in the file than in memory";
	if (p->offset > w->len || p->filesz > w->len - p->offset)
		return "segment beyond the file";
	if (p->vaddr % ELF_PAGE_SIZE != 0)
		return "segment not page aligned";
	if (p->align > 1 && (p->align & (p->align - 1)) != 0)
		return "segment alignment is no power of two";
	if (p->align > 1 && p->vaddr % p->align != 0)
		return "segment not aligned as it asks";
	if (p->vaddr < w->base || p->vaddr - w->base >= w->max)
		return "segment outside of the allowed range";
	if (p->memsz > w->max - (p->vaddr - w->base))
		return "segment end outside of the allowed range";
	s->offset = p->vaddr - w->base;
	s->file_off = p->offset;
	s->file_size = p->filesz;
	s->mem_size = p->memsz;
	s->flags = p->flags;
	return NULL;
}

static uint64_t page_up(uint64_t n)
{
	return (n + ELF_PAGE_SIZE - 1) & ~(uint64_t)(ELF_PAGE_SIZE - 1);
}

/* The ABI asks for ascending order, and it makes overlaps visible in one pass. */
static const char *add_segment(struct elf_plan *plan, const struct elf_segment *s)
{
	if (plan->count == ELF_MAX_SEGMENTS)
		return "too many segments";
	if (s->offset < plan->image_size)
		return "segments overlap or are out of order";
	plan->segment[plan->count++] = *s;
	plan->image_size = page_up(s->offset + s->mem_size);
	return NULL;
}

static const char *check_program_headers(const struct window *w, const struct elf_header *h,
					 struct elf_plan *plan)
{
	for (unsigned int i = 0; i < h->phnum; i++) {
		struct elf_segment s;
		struct elf_phdr p;
		const char *why;

		memcpy(&p, w->file + h->phoff + i * sizeof(p), sizeof(p));
		if (p.type == PT_INTERP || p.type == PT_DYNAMIC || p.type == PT_TLS)
			return "needs run-time linking or thread storage";
		if (p.type != PT_LOAD || p.memsz == 0)
			continue;
		why = check_segment(w, &p, &s);
		if (why == NULL)
			why = add_segment(plan, &s);
		if (why != NULL)
			return why;
	}
	return NULL;
}

static const char *check_entry(const struct elf_plan *plan, uint64_t base)
{
	if (plan->count == 0)
		return "nothing to load";
	if (plan->segment[0].offset != 0)
		return "does not start at its base address";
	for (unsigned int i = 0; i < plan->count; i++) {
		const struct elf_segment *s = &plan->segment[i];

		if ((s->flags & ELF_X) != 0 && plan->entry >= base + s->offset &&
		    plan->entry - base - s->offset < s->file_size)
			return NULL;
	}
	return "entry point is not in an executable segment";
}

int elf_plan_decode(const void *file, size_t len, uint64_t base, uint64_t max,
		    struct elf_plan *plan, const char **why)
{
	struct window w = { file, len, base, max };
	struct elf_header h;

	*why = "range is not page aligned or wraps around";
	if (base % ELF_PAGE_SIZE != 0 || max % ELF_PAGE_SIZE != 0 || max == 0 || max - 1 > UINT64_MAX - base)
		return -ENOEXEC;
	*why = elf_read_header(w.file, w.len, ET_EXEC, &h);
	if (*why != NULL)
		return -ENOEXEC;
	memset(plan, 0, sizeof(*plan));
	plan->entry = h.entry;
	*why = check_program_headers(&w, &h, plan);
	if (*why == NULL)
		*why = check_entry(plan, base);
	if (*why != NULL)
		return -ENOEXEC;
	*why = "";
	return 0;
}

void elf_plan_load(const struct elf_plan *plan, const void *file, void *image)
{
	for (unsigned int i = 0; i < plan->count; i++) {
		const struct elf_segment *s = &plan->segment[i];

		memcpy((uint8_t *)image + s->offset, (const uint8_t *)file + s->file_off, s->file_size);
	}
}
