/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A small module file, with one of each thing that the loader changes, and the
 * kernel that it is loaded into. The memory that goes with it is written down
 * by hand in test_trustlet_module.c.
 */
#ifndef OVBS_TESTS_MODULE_SAMPLE_H
#define OVBS_TESTS_MODULE_SAMPLE_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <linux/elf.h>

#include "../../trustlets/integrity/module.h"

#define ELF64_R_INFO(symbol, type) ((uint64_t)(symbol) << 32 | (type))

#define PAGE     4096u
#define CORE     0xFFFFFFFFC0100000ULL
#define INIT     0xFFFFFFFFC0200000ULL
#define FENTRY   0xFFFFFFFF81001000ULL
#define RETTHUNK 0xFFFFFFFF81002000ULL /* __x86_return_thunk */
#define SRSO     0xFFFFFFFF81002100ULL /* the one in use */
#define THUNKS   0xFFFFFFFF81003000ULL
#define TRAMP    0xFFFFFFFF81004000ULL
#define FUNC     0xFFFFFFFF81005000ULL
#define RETURN0  0xFFFFFFFF81006000ULL
#define KEY      0xFFFFFFFF82000000ULL

/* Sections, in the order of the file. */
enum {
	S_NULL,
	S_TEXT,
	S_TRAMP,
	S_REPL,
	S_INIT,
	S_RODATA,
	S_ALT,
	S_RETURN,
	S_RETPOLINE,
	S_MCOUNT,
	S_LOCKS,
	S_EX,
	S_ORC_IP,
	S_ORC,
	S_KSYMTAB,
	S_STRINGS,
	S_JUMP,
	S_STATIC,
	S_DATA,
	S_MODULE,
	S_MODINFO,
	S_SYMTAB,
	S_STRTAB,
	S_NAMES,
	S_RELA, /* one for each of the sections before S_SYMTAB that has relocations */
	S_MAX = S_RELA + 16,
};

enum {
	Y_NULL,
	Y_TEXT,
	Y_RODATA,
	Y_INIT,
	Y_FENTRY,
	Y_RETTHUNK,
	Y_THUNK,
	Y_SCT,
	Y_KEY,
	Y_OWN,
	Y_FUNC,
	Y_MAX
};

struct sample {
	uint8_t bytes[16384];
	size_t size;
	Elf64_Shdr *section; /* inside of bytes */
	unsigned int count;
};

static const char sample_symbols[] = "\0__fentry__\0__x86_return_thunk\0__x86_indirect_thunk_rax\0"
				     "__SCT__x\0__SCK__x\0__SCT__own\0func";

/* Appends contents. Return: its place. */
static inline uint8_t *sample_add(struct sample *s, const char *name, uint32_t type, uint64_t flags,
				  const void *bytes, size_t size, uint64_t align)
{
	Elf64_Shdr *h = &s->section[s->count++];
	uint8_t *p = s->bytes + s->size;
	static size_t names; /* offset of the next name, in S_NAMES */

	if (s->count == 2)
		names = 1;
	h->sh_name = (uint32_t)names;
	strcpy((char *)s->bytes + 15000 + names, name);
	names += strlen(name) + 1;
	h->sh_type = type;
	h->sh_flags = flags;
	h->sh_offset = s->size;
	h->sh_size = size;
	h->sh_addralign = align;
	memcpy(p, bytes, size);
	s->size = (s->size + size + 7) & ~7ull;
	return p;
}

static inline void sample_rela(struct sample *s, unsigned int target, const Elf64_Rela *r, size_t count)
{
	sample_add(s, ".rela", SHT_RELA, 0x40, r, count * sizeof(*r), 8);
	s->section[s->count - 1].sh_link = S_SYMTAB;
	s->section[s->count - 1].sh_info = target;
}

#define R(offset, type, symbol, addend)                                                            \
	{                                                                                          \
		offset, ELF64_R_INFO((uint64_t)(symbol), type), addend                             \
	}
#define RELA(target, ...)                                                                          \
	do {                                                                                       \
		const Elf64_Rela relas[] = { __VA_ARGS__ };                                        \
		sample_rela(s, target, relas, sizeof(relas) / sizeof(relas[0]));                   \
	} while (0)

#define AX (SHF_ALLOC | SHF_EXECINSTR)
#define AW (SHF_ALLOC | SHF_WRITE)
#define A  SHF_ALLOC

static inline void sample_sections(struct sample *s, bool new)
{
	static const uint8_t zeros[64];
	static const uint8_t text[48] = {
		0xE8, 0,    0,    0, 0, /* 00 mcount */
		0x0F, 0x1F, 0x44, 0, 0, /* 05 jump label, to 20 */
		0xE8, 0,    0,    0, 0, /* 0A static call */
		0x90, 0x90, 0x90,       /* 0F alternative */
		0xF0, 0xFF, 0x07,       /* 12 lock incl (%rdi) */
		0xE8, 0,    0,    0, 0, /* 15 retpoline */
		0xE9, 0,    0,    0, 0, /* 1A return */
		0xCC,                   /* 1F */
		0x31, 0xC0,             /* 20 xor eax,eax */
		0xE9, 0,    0,    0, 0, /* 22 static tail call */
		0xCC,                   /* 27 */
	};
	static const uint8_t tramp[8] = { 0xE9, 0, 0, 0, 0, 0x0F, 0xB9, 0xCC };
	static const uint8_t repl[3] = { 0x0F, 0x01, 0xCA }, init[5] = { 0xE9 };
	uint8_t alt[14] = { [8] = 5, [10] = 3, 3 };
	static const uint8_t ex[24] = { [8] = 1, [20] = 2 };
	static const uint8_t orc[12] = { [4] = 5, [10] = 6, [11] = 1 };

	if (new)
		alt[10] = 0, alt[11] = 0, alt[12] = 3, alt[13] = 3;
	sample_add(s, ".text", SHT_PROGBITS, AX, text, 40, 16);
	sample_add(s, ".static_call.text", SHT_PROGBITS, AX, tramp, 8, 4);
	sample_add(s, ".altinstr_replacement", SHT_PROGBITS, AX, repl, 3, 1);
	sample_add(s, ".init.text", SHT_PROGBITS, AX, init, 5, 16);
	sample_add(s, ".rodata", SHT_PROGBITS, A, zeros, 16, 8);
	sample_add(s, ".altinstructions", SHT_PROGBITS, A, alt, new ? 14 : 12, 1);
	sample_add(s, ".return_sites", SHT_PROGBITS, A, zeros, 12, 1);
	sample_add(s, ".retpoline_sites", SHT_PROGBITS, A, zeros, 4, 1);
	sample_add(s, "__mcount_loc", SHT_PROGBITS, A, zeros, 8, 8);
	sample_add(s, ".smp_locks", SHT_PROGBITS, A, zeros, 4, 4);
	sample_add(s, "__ex_table", SHT_PROGBITS, A, ex, 24, 4);
	sample_add(s, ".orc_unwind_ip", SHT_PROGBITS, A, zeros, 8, 1);
	sample_add(s, ".orc_unwind", SHT_PROGBITS, A, orc, 12, 1);
	sample_add(s, "__ksymtab", SHT_PROGBITS, A, zeros, 12, 4);
	sample_add(s, "__ksymtab_strings", SHT_PROGBITS, A, "exported", 9, 1);
	sample_add(s, "__jump_table", SHT_PROGBITS, AW, zeros, 16, 8);
	sample_add(s, ".static_call_sites", SHT_PROGBITS, AW, zeros, 16, 8);
	sample_add(s, ".data", SHT_PROGBITS, AW, zeros, 8, 8);
	sample_add(s, ".gnu.linkonce.this_module", SHT_PROGBITS, AW, zeros, 64, 64);
	sample_add(s, ".modinfo", SHT_PROGBITS, A, "license=GPL\0name=sample", 24, 1);
}

static inline void sample_symtab(struct sample *s)
{
	Elf64_Sym y[Y_MAX] = {
		[Y_TEXT] = { .st_shndx = S_TEXT, .st_info = 3 },
		[Y_RODATA] = { .st_shndx = S_STRINGS, .st_info = 3 },
		[Y_INIT] = { .st_shndx = S_INIT, .st_info = 3 },
		[Y_FENTRY] = { .st_name = 1, .st_info = 0x10 },
		[Y_RETTHUNK] = { .st_name = 12, .st_info = 0x10 },
		[Y_THUNK] = { .st_name = 31, .st_info = 0x10 },
		[Y_SCT] = { .st_name = 56, .st_info = 0x10 },
		[Y_KEY] = { .st_name = 65, .st_info = 0x10 },
		[Y_OWN] = { .st_name = 74, .st_info = 0x12, .st_shndx = S_TRAMP },
		[Y_FUNC] = { .st_name = 85, .st_info = 2, .st_shndx = S_TEXT, .st_value = 0x20 },
	};

	sample_add(s, ".symtab", SHT_SYMTAB, 0, y, sizeof(y), 8);
	s->section[S_SYMTAB].sh_link = S_STRTAB;
	s->section[S_SYMTAB].sh_entsize = sizeof(y[0]);
	sample_add(s, ".strtab", SHT_STRTAB, 0, sample_symbols, sizeof(sample_symbols), 1);
	sample_add(s, ".shstrtab", SHT_STRTAB, 0, "", 0, 1);
}

static inline void sample_relocations(struct sample *s)
{
	RELA(S_TEXT, R(1, 4, Y_FENTRY, -4), R(11, 4, Y_SCT, -4), R(0x16, 4, Y_THUNK, -4),
	     R(0x1B, 4, Y_RETTHUNK, -4), R(0x23, 4, Y_SCT, -4));
	RELA(S_TRAMP, R(1, 4, Y_RETTHUNK, -4));
	RELA(S_INIT, R(1, 4, Y_RETTHUNK, -4));
	RELA(S_RODATA, R(0, 1, Y_TEXT, 0x20), R(8, 11, Y_TEXT, 1), R(12, 2, Y_TEXT, 2));
	RELA(S_ALT, R(0, 2, Y_TEXT, 0x0F), R(4, 2, Y_OWN, 8));
	RELA(S_RETURN, R(0, 2, Y_TEXT, 0x1A), R(4, 2, Y_OWN, 0), R(8, 2, Y_INIT, 0));
	RELA(S_RETPOLINE, R(0, 2, Y_TEXT, 0x15));
	RELA(S_MCOUNT, R(0, 1, Y_TEXT, 0));
	RELA(S_LOCKS, R(0, 2, Y_TEXT, 0x12));
	RELA(S_EX, R(0, 2, Y_TEXT, 0x20), R(4, 2, Y_TEXT, 0x21), R(12, 2, Y_TEXT, 0x10),
	     R(16, 2, Y_TEXT, 0x11));
	RELA(S_ORC_IP, R(0, 2, Y_TEXT, 0x20), R(4, 2, Y_TEXT, 0));
	RELA(S_KSYMTAB, R(0, 2, Y_TEXT, 0x20), R(4, 2, Y_RODATA, 0));
	RELA(S_JUMP, R(0, 2, Y_TEXT, 5), R(4, 2, Y_TEXT, 0x20), R(8, 24, Y_KEY, 1));
	RELA(S_STATIC, R(0, 2, Y_TEXT, 0x0A), R(4, 2, Y_KEY, 0), R(8, 2, Y_TEXT, 0x22),
	     R(12, 2, Y_KEY, 1));
}

/** sample_make() - fill in the file; @new: as for 6.12 */
static inline void sample_make(struct sample *s, bool new)
{
	static const uint8_t ident[EI_NIDENT] = { 0x7F, 'E', 'L', 'F', 2, 1, 1 };
	Elf64_Ehdr *e = (void *)s->bytes;

	memset(s, 0, sizeof(*s));
	s->section = (void *)(s->bytes + 64);
	s->count = 1;
	s->size = 64 + S_MAX * 64;
	sample_sections(s, new);
	sample_symtab(s);
	sample_relocations(s);
	memcpy(e->e_ident, ident, sizeof(ident));
	e->e_type = ET_REL;
	e->e_machine = EM_X86_64;
	e->e_version = 1;
	e->e_shoff = 64;
	e->e_ehsize = e->e_shentsize = 64;
	e->e_shnum = (uint16_t)s->count;
	e->e_shstrndx = S_NAMES;
	s->section[S_NAMES].sh_offset = 15000;
	s->section[S_NAMES].sh_size = 600;
	s->size = 15600;
}

static inline int sample_resolve(void *context, const char *name, uint64_t *address)
{
	static const struct {
		const char *name;
		uint64_t address;
	} known[] = { { "__fentry__", FENTRY },
		      { "__x86_return_thunk", RETTHUNK },
		      { "__x86_indirect_thunk_rax", THUNKS },
		      { "__SCT__x", TRAMP },
		      { "__SCK__x", KEY } };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(known[i].name, name)) {
			*address = known[i].address;
			return 0;
		}
	return -ENOENT;
}

static inline void sample_policy(struct module_policy *p, bool new)
{
	*p = (struct module_policy){ .kernel = new ? MODULE_LINUX_6_12 : MODULE_LINUX_6_1,
				     .caps_words = 24,
				     .low = 0xFFFFFFFFC0000000,
				     .high = 0xFFFFFFFFFF000000,
				     .fentry = FENTRY,
				     .return_thunk_symbol = RETTHUNK,
				     .return_thunk = SRSO,
				     .indirect_thunks = THUNKS,
				     .static_call_return0 = RETURN0 };
	p->caps[11] = 1u << 12 | 1u << 14; /* RETPOLINE, RETHUNK */
}

static inline void sample_place(struct module_place *p, bool new)
{
	static const unsigned int pages[MODULE_PARTS] = { 1, 1, 1, 1, 1, 1, 0 };

	*p = (struct module_place){ 0 };
	if (!new) {
		p->area[MODULE_TEXT] = (struct module_area){ CORE, 5 * PAGE };
		p->area[MODULE_INIT_TEXT] = (struct module_area){ INIT, 2 * PAGE };
		return;
	}
	for (unsigned int i = 0; i < MODULE_PARTS; i++)
		if (pages[i])
			p->area[i] = (struct module_area){ CORE + i * 0x10000, pages[i] * PAGE };
}

#endif
