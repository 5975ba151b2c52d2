/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the steps of module_check() share. Each takes the module further, in
 * this order: module_parse, module_name, module_layout (module_plan() ends here),
 * module_symbols, module_relocate, module_exports, module_functions,
 * module_collect (sites, from the bytes as compiled), module_patch, module_sort,
 * module_compare. All return 0 or what
 * module_bad() returned.
 */
#ifndef OVBS_INTEGRITY_MODULE_INTERNAL_H
#define OVBS_INTEGRITY_MODULE_INTERNAL_H

#include <errno.h>
#include <string.h>

#include "module.h"

#define MODULE_SECTIONS 256          /* Debian's have 93 at most */
#define MODULE_MAX      (256u << 20) /* bytes of a module in memory */
#define MODULE_INSN_MAX 15

/* System V ABI, edition 4.1, chapter 4. */
#define SEC_PROGBITS   1
#define SEC_SYMTAB     2
#define SEC_STRTAB     3
#define SEC_RELA       4
#define SEC_NOTE       7
#define SEC_NOBITS     8
#define SEC_INIT_ARRAY 14
#define SEC_W          0x1u
#define SEC_A          0x2u
#define SEC_X          0x4u
#define SEC_ALLOWED    0x2F7u /* W A X MERGE STRINGS INFO_LINK LINK_ORDER GROUP */

struct section {
	const char *name;
	uint8_t *bytes; /* in the file; NULL for SEC_NOBITS */
	uint64_t size, align, flags, offset;
	uint32_t type, link, info;
	int part;         /* enum module_part, or -1: not loaded */
	uint64_t address; /* in memory, if loaded */
};

struct span {
	uint64_t base, size; /* of a part: page aligned */
};

struct module {
	uint8_t *file;
	size_t size;
	const struct module_place *place;
	const struct module_policy *policy;
	const struct module_source *source;
	struct module_result *result;

	struct section section[MODULE_SECTIONS];
	unsigned int count;
	unsigned int symtab, strtab, percpu; /* percpu: 0 if none */
	struct span part[MODULE_PARTS];
	unsigned int last; /* section that module_at() found last */
	size_t room;       /* of result->site */
};

/* The file is little endian, and so is what this runs on. */
static inline uint16_t get16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint64_t get64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline void put32(uint8_t *p, uint32_t v)
{
	memcpy(p, &v, sizeof(v));
}

static inline void put64(uint8_t *p, uint64_t v)
{
	memcpy(p, &v, sizeof(v));
}

/** sign32() - a 32-bit field as a signed displacement, ready to be added */
static inline uint64_t sign32(const uint8_t *p)
{
	return (uint64_t)(int64_t)(int32_t)get32(p);
}

/* A symbol of ELF64. */
#define SYM_SIZE 24
static inline uint8_t *module_symbol(struct module *m, uint64_t index)
{
	return m->section[m->symtab].bytes + index * SYM_SIZE;
}

/* module_elf.c */

/** module_bad() - say what is wrong, once; @s may be NULL. Return: @error */
int module_bad(struct module *m, int error, const char *reason, const struct section *s, uint64_t offset);
int module_parse(struct module *m);
/** module_find() - the loaded section of that name, as find_sec() sees it; 0 if none */
unsigned int module_find(const struct module *m, const char *name);
/**
 * module_at() - bytes of the copy that will lie at @address
 * @flags: flags that the section must have, SEC_X or 0
 *
 * Return: NULL if they are not all inside of one loaded section with contents.
 */
uint8_t *module_at(struct module *m, uint64_t address, uint64_t size, uint32_t flags);
/** module_room() - how many bytes of its section follow @address (after module_at() found it) */
uint64_t module_room(const struct module *m, uint64_t address);

/* module_names.c */
int module_name(struct module *m);
int module_functions(struct module *m);

/* module_layout.c */
int module_layout(struct module *m);

/* module_reloc.c */
int module_symbols(struct module *m);
int module_relocate(struct module *m);
int module_exports(struct module *m);

/* module_sites.c */
int module_collect(struct module *m);
int module_site_matches(struct module *m, const struct module_site *s, const uint8_t *found);

/* module_patch.c, module_alt.c */
bool module_cap(const struct module *m, unsigned int bit);
int module_patch(struct module *m);
int module_alternatives(struct module *m);
/** module_nops() - fill with the kernel's NOPs, the longest ones first */
void module_nops(uint8_t *p, uint64_t size);
/** module_branch() - a 5-byte CALL or JMP at @address */
void module_branch(uint8_t *p, uint8_t opcode, uint64_t address, uint64_t target);
/** module_return() - what stands for a function's return at @address: 5 bytes */
void module_return(const struct module *m, uint8_t *p, uint64_t address);
/** module_table() - a loaded table of entries of @entry bytes; 0 if there is none, with *error set if it is bad */
unsigned int module_table(struct module *m, const char *name, uint64_t entry, int *error);

#define CAP_RETPOLINE        (11 * 32 + 12)
#define CAP_RETPOLINE_LFENCE (11 * 32 + 13)
#define CAP_RETHUNK          (11 * 32 + 14)
#define CAP_CALL_DEPTH       (11 * 32 + 19) /* 6.12 */

extern const uint8_t module_tramp_ud[3]; /* behind a static call's trampoline */

/* module_sort.c */
int module_sort(struct module *m);

/* module_compare.c */
int module_compare(struct module *m);

/* module_insn.c */
struct insn_shape {
	uint8_t length;
	uint8_t opcode;        /* offset of the first opcode byte */
	uint8_t imm, imm_size; /* offset and size of the immediate; size 0: none */
	uint8_t disp;          /* offset of a RIP-relative displacement; 0: none */
};

/**
 * insn_shape() - where the parts of an instruction of 64-bit code are
 *
 * Return: false if @size bytes do not begin with one that is known.
 */
bool insn_shape(const uint8_t *p, size_t size, struct insn_shape *shape);

#endif
