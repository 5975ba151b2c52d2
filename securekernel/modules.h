/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Modules of VTL0's kernel: their pages, the places in their text that may be
 * patched, where their functions begin. What a module may do is decided by the
 * trustlet that has OVBS_POLICY_INTEGRITY (trustlet_abi.h), or, of modules that
 * are there before lockdown, by the kernel, which is trusted so long.
 *
 *   made      pages are frozen, and nobody executes them; sites and functions come
 *   granting  sites are checked, then text becomes executable
 *   granted   text runs, and is patched at its sites
 *   going     text is thawed, then the rest
 *
 * Nothing leads back. Whatever becomes of the trustlet, a module stays as it is:
 * frozen, and executable only if it was granted. Numbers are never used again.
 *
 * The room for sites and functions is one for all modules, which have theirs one
 * behind the other; so only the module that was made last can get more.
 */
#ifndef SK_MODULES_H
#define SK_MODULES_H

#include <stdbool.h>
#include <stdint.h>

#include <openvbs/trustlet_abi.h>

#include <ovbs_compiler.h>

#include "sites.h"

/** modules_prepare - room for sites and functions. Context: boot CPU, before page_alloc(). */
void modules_prepare(void);

/*
 * The trustlet's calls; numbers and errors as OVBS_TL_MODULE_* say. All arguments
 * are copies. Context: text_lock is not held.
 */
int64_t module_new(void);
/** module_freeze - @gpa: the @pages pages at @va, at most OVBS_TL_PAGES_MAX, by VTL0's tables. */
int64_t module_freeze(uint64_t number, uint64_t va, const uint64_t *gpa, unsigned int pages, uint64_t what);
int64_t module_add_sites(uint64_t number, const struct ovbs_tl_site *site, unsigned int n);
int64_t module_add_functions(uint64_t number, const uint64_t *address, unsigned int n);
int64_t module_grant(uint64_t number);
int64_t module_live(uint64_t number);
int64_t module_gone(uint64_t number);

/* What follows: text_lock is held. */

/** module_has_function - does a function of a module begin at @addr that may run now? @own: a module that counts as such, or NULL. */
bool module_has_function(uint64_t addr, const void *own);

/** module_sites - of module @number, whose text may be patched now; else NULL. */
const struct sk_sites *module_sites(uint32_t number);

/*
 * Before lockdown. After module_trust() the rest is about this module, until the
 * next. 0, -EINVAL, -EACCES (not frozen as code, or somebody's), -ENOSPC.
 */
/** module_trust - a module whose text is [@va, @va + @bytes). module_trust_pages - the next @n pages of it. */
int module_trust(uint64_t va, uint64_t bytes) __must_check;
int module_trust_pages(uint64_t va, const uint64_t *gpa, unsigned int n) __must_check;
/** module_trust_functions - offsets from its text's start, ascending over all calls. */
int module_trust_functions(const uint32_t *offset, uint64_t n) __must_check;
/** module_trust_sites - its table, to add to; NULL: there is no such module, or another one was made since. */
struct sk_sites *module_trust_sites(void);
/** modules_seal - the tables of all of these, as sk_sites_seal(). */
int modules_seal(uint64_t *bad) __must_check;

/** modules_count - modules that may run now; that ever could. */
void modules_count(uint64_t *now, uint64_t *ever);

#endif
