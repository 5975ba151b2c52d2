/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Position-independent static ELF64 programs (static-PIE): validation and a
 * plan of what to map where. The program relocates itself, so nothing but
 * headers is looked at. Segments may begin inside of a page, as linkers make
 * them, but no two share one.
 */
#ifndef OVBS_ELF_PIE_H
#define OVBS_ELF_PIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elf.h"

struct pie_segment {
	uint64_t va;        /* first byte, from the load address */
	uint64_t file_off;  /* of that byte */
	uint64_t file_size; /* bytes from the file; the rest of mem_size is zero */
	uint64_t mem_size;  /* not 0 */
	uint32_t flags;     /* ELF_R, ELF_W, ELF_X; never the last two together */
};

struct pie_plan {
	uint64_t entry; /* from the load address */
	uint64_t phdr;  /* program headers, from the load address, inside a segment */
	uint16_t phnum;
	uint64_t size; /* end of the last segment, page aligned */
	unsigned int count;
	struct pie_segment segment[ELF_MAX_SEGMENTS]; /* ascending */
};

/**
 * pie_plan_decode() - check an ELF file and plan its mapping
 * @file: the file's bytes, any alignment
 * @len: how many
 * @max: bytes within which the image must lie
 * @plan: filled on success, undefined on failure
 * @why: on failure, a constant text that names what is wrong; never NULL
 *
 * Return: 0, or -ENOEXEC. Context: any; no state.
 * Source: System V ABI, edition 4.1, chapters 4 and 5.
 */
int pie_plan_decode(const void *file, size_t len, uint64_t max, struct pie_plan *plan,
		    const char **why) __must_check;

#endif
