/* SPDX-License-Identifier: MIT */
/*
 * Code integrity's system calls, for the trustlet whose policy allows
 * "integrity": enum ovbs_tl_call says what each does and which errors it has.
 *
 * As backend.h, two implementations: backend_vtl1.c asks the secure kernel,
 * backend_host_ci.c plays VTL0's memory in a Linux process. All return -errno
 * after an error.
 */
#ifndef OPENVBS_TRUSTLET_BACKEND_CI_H
#define OPENVBS_TRUSTLET_BACKEND_CI_H

#include <stddef.h>
#include <stdint.h>

#include "openvbs/trustlet_abi.h"

/** tl_ci_copy() - OVBS_TL_GUEST_COPY: bytes that VTL0 may change meanwhile; at most OVBS_TL_COPY_MAX */
long tl_ci_copy(uint64_t va, void *to, size_t n);

/** tl_ci_frozen() - OVBS_TL_GUEST_FROZEN: bytes that stay as they are */
long tl_ci_frozen(uint64_t va, void *to, size_t n);

/** tl_ci_locked() - OVBS_TL_LOCKED: 1 after lockdown, 0 before */
long tl_ci_locked(void);

/** tl_ci_module_new() - OVBS_TL_MODULE_NEW: the number, above 0 */
long tl_ci_module_new(void);

/** tl_ci_module_freeze() - OVBS_TL_MODULE_FREEZE: at most OVBS_TL_PAGES_MAX pages */
long tl_ci_module_freeze(uint64_t module, uint64_t va, uint64_t pages, enum ovbs_tl_pages what);

/** tl_ci_module_sites() - OVBS_TL_MODULE_SITES: at most OVBS_TL_SITES_MAX */
long tl_ci_module_sites(uint64_t module, const struct ovbs_tl_site *site, uint32_t n);

/** tl_ci_module_functions() - OVBS_TL_MODULE_FUNCTIONS: at most OVBS_TL_SITES_MAX */
long tl_ci_module_functions(uint64_t module, const uint64_t *address, uint32_t n);

/** tl_ci_module_grant(), _live(), _gone() - pages that are left to do: again until 0 */
long tl_ci_module_grant(uint64_t module);
long tl_ci_module_live(uint64_t module);
long tl_ci_module_gone(uint64_t module);

#endif
