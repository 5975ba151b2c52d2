/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hypervisor's memory: one block, given by the loader, never grown. The
 * shared pool is handed out page by page and never freed; the private pool is
 * cut in equal parts, one for each CPU, and is mapped on that CPU alone.
 */
#ifndef HV_MM_POOL_H
#define HV_MM_POOL_H

#include <openvbs/boot_info.h>

#include "addr.h"

/** pool_init - take over what the loader left. 0, or -EINVAL if the layout makes no sense. Context: PREPARE. */
int pool_init(const struct ovbs_boot_info *info);

/** pool_pages - @n zeroed pages in a row from the shared pool, or NULL. Context: PREPARE. */
void *pool_pages(unsigned int n);

/** shared_spa - physical address of something in the image or the shared pool. */
struct spa shared_spa(const void *va);

/** private_spa - physical address of page @page (in order of allocation) of CPU @cpu's private part. */
struct spa private_spa(uint32_t cpu, unsigned int page);

/** block_has - does [@addr, @addr + @size) touch the hypervisor's block? */
bool block_has(uint64_t addr, uint64_t size);

struct spa block_start(void);
uint64_t block_size(void);

#endif
