/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ELF64 executables: validation and a plan of what to load where.
 *
 * Decode may fail and changes nothing but the plan; loading a plan can't fail.
 * Only fixed-address programs without run-time linking are accepted (ET_EXEC,
 * x86-64, PT_LOADs on page boundaries, never writable and executable at once).
 * Nothing is read beyond the given length, whatever the headers claim.
 */
#ifndef OVBS_ELF_H
#define OVBS_ELF_H

#include <stddef.h>
#include <stdint.h>

#include "ovbs_compiler.h"

#define ELF_PAGE_SIZE    4096u
#define ELF_MAX_SEGMENTS 8u

/* p_flags (System V ABI, edition 4.1, chapter 5) */
#define ELF_X 1u
#define ELF_W 2u
#define ELF_R 4u

struct elf_segment {
	uint64_t offset;    /* from the plan's base, page aligned */
	uint64_t file_off;  /* in the file */
	uint64_t file_size; /* copied; the rest up to mem_size stays zero */
	uint64_t mem_size;  /* not 0 */
	uint32_t flags;     /* ELF_R, ELF_W, ELF_X */
};

struct elf_plan {
	uint64_t entry;      /* virtual address */
	uint64_t image_size; /* base to the end of the last segment, page aligned */
	unsigned int count;
	struct elf_segment segment[ELF_MAX_SEGMENTS]; /* in ascending order, no page shared */
};

/**
 * elf_plan_decode() - check an ELF file and plan its loading
 * @file: the file's bytes, any alignment
 * @len: how many
 * @base: virtual address that the image must start at (page aligned)
 * @max: bytes from base on within which it must lie
 * @plan: filled on success, undefined on failure
 * @why: on failure, a constant text that names what is wrong; never NULL
 *
 * Return: 0, or -ENOEXEC. Context: any; no state.
 */
int elf_plan_decode(const void *file, size_t len, uint64_t base, uint64_t max,
		    struct elf_plan *plan, const char **why) __must_check;

/**
 * elf_plan_load() - copy the segments to their places
 * @plan: from elf_plan_decode()
 * @file: the same bytes as there
 * @image: plan->image_size zeroed bytes, seen by the program at base
 *
 * Context: any; no state.
 */
void elf_plan_load(const struct elf_plan *plan, const void *file, void *image);

#endif
