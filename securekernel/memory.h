/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VTL1's memory: one range, seen whole at SK_VA_BASE, of which the secure
 * kernel hands out pages. A page that is handed out holds zeros; one that comes
 * back is wiped at once.
 */
#ifndef SK_MEMORY_H
#define SK_MEMORY_H

#include <stdbool.h>

#include <openvbs/sk_info.h>

#include "addr.h"

/** memory_prepare - take over what the loader left. Context: boot CPU. */
void memory_prepare(const struct ovbs_sk_info *info);

/** memory_boot_pages - @n zeroed pages in a row, for good; panics without memory. Context: boot CPU, before page_alloc(). */
void *memory_boot_pages(unsigned int n);

/** page_alloc - a zeroed page, or NULL. page_free - wipe @page and take it back. Context: any CPU. */
void *page_alloc(void);
void page_free(void *page);

/** memory_free_bytes - what page_alloc() could still give. */
uint64_t memory_free_bytes(void);

/** memory_gpa, memory_at - between an address in VTL1's memory and its guest physical one. */
uint64_t memory_gpa(const void *at);
void *memory_at(uint64_t gpa);

/** memory_is_vtl0_ram - do the @pages pages at @gpa, page aligned, lie in RAM of VTL0's? Any @gpa and @pages may be asked. */
bool memory_is_vtl0_ram(uint64_t gpa, uint64_t pages);

#endif
