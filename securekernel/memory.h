/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VTL1's memory, of which the secure kernel hands out pages: one range of its
 * own, seen whole at SK_VA_BASE, and behind it, in pieces of 2 MiB, what VTL0
 * gave until reset (OVBS_MSG_GIVE). A page that is handed out holds zeros. One of its
 * own that comes back is wiped at once, a given one when it is handed out again.
 * Given pages can't be executed in VTL1: the hypervisor's map of VTL1 has VTL0's
 * memory without that right.
 */
#ifndef SK_MEMORY_H
#define SK_MEMORY_H

#include <stdbool.h>

#include <openvbs/sk_info.h>

#include <ovbs_compiler.h>

#include "addr.h"

#define MEMORY_PIECES 64u /* of OVBS_GIVE_BYTES: 128 MiB */

/** memory_prepare - take over what the loader left. Context: boot CPU. */
void memory_prepare(const struct ovbs_sk_info *info);

/** memory_boot_pages - @n zeroed pages in a row, for good; panics without memory. Context: boot CPU, before page_alloc(). */
void *memory_boot_pages(unsigned int n);

/** page_alloc - a zeroed page, or NULL. page_free - wipe @page and take it back. Context: any CPU. */
void *page_alloc(void);
void page_free(void *page);

/** page_alloc_given - the same from what VTL0 gave. page_free() takes it back. Context: any CPU. */
void *page_alloc_given(void);

/** page_is_given - did @page come from page_alloc_given()? */
bool page_is_given(const void *page);

/** memory_free_bytes - what page_alloc() and page_alloc_given() could still give. */
uint64_t memory_free_bytes(void);

/** memory_given_bytes - what VTL0 gave. */
uint64_t memory_given_bytes(void);

/** memory_gpa, memory_at - between an address in VTL1's memory and its guest physical one. */
uint64_t memory_gpa(const void *at);
void *memory_at(uint64_t gpa);

/** memory_is_vtl0_ram - do the @pages pages at @gpa, page aligned, lie in RAM of VTL0's? Any @gpa and @pages may be asked. */
bool memory_is_vtl0_ram(uint64_t gpa, uint64_t pages);

/** memory_is_given - is the byte at @gpa in a piece that was VTL0's until it was reserved? */
bool memory_is_given(uint64_t gpa);

/**
 * memory_reserve - the OVBS_GIVE_BYTES at @gpa, aligned so, are not VTL0's any more
 *
 * From here on memory_is_vtl0_ram() says no, and nothing undoes that. The piece's
 * number; -ENOMEM: there are as many as can be. Context: the caller's lock keeps
 * others from this piece.
 */
int memory_reserve(uint64_t gpa) __must_check;

/** memory_accept - VTL0 has no right left to piece @piece: its pages may be handed out. Context: as memory_reserve(). */
void memory_accept(unsigned int piece);

#endif
