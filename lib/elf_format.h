/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ELF64 file headers, and the check that every kind of program has to pass.
 */
#ifndef OVBS_ELF_FORMAT_H
#define OVBS_ELF_FORMAT_H

#include <stddef.h>
#include <stdint.h>

/* Names and numbers: System V ABI, edition 4.1, chapter 4 and 5; x86-64 psABI 1.0, 4.1. */
#define ELFCLASS64  2
#define ELFDATA2LSB 1
#define EV_CURRENT  1
#define ET_EXEC     2
#define ET_DYN      3
#define EM_X86_64   62
#define PT_LOAD     1
#define PT_DYNAMIC  2
#define PT_INTERP   3
#define PT_PHDR     6
#define PT_TLS      7
#define PH_MAX      64 /* program headers looked at */

struct elf_header {
	uint8_t magic[4], class, data, ident_version, rest[9];
	uint16_t type, machine;
	uint32_t version;
	uint64_t entry, phoff, shoff;
	uint32_t flags;
	uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
_Static_assert(sizeof(struct elf_header) == 64, "Elf64_Ehdr");

struct elf_phdr {
	uint32_t type, flags;
	uint64_t offset, vaddr, paddr, filesz, memsz, align;
};
_Static_assert(sizeof(struct elf_phdr) == 56, "Elf64_Phdr");

/**
 * elf_read_header() - copy the file's header out and check it
 * @file: the file's bytes, any alignment
 * @len: how many
 * @type: ET_EXEC or ET_DYN, which it must be
 * @h: filled; valid if NULL is returned
 *
 * Return: NULL, or a constant text that names what is wrong. Context: any.
 */
const char *elf_read_header(const uint8_t *file, size_t len, uint16_t type, struct elf_header *h);

#endif
