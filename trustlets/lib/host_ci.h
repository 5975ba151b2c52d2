/* SPDX-License-Identifier: MIT */
/*
 * What tests and fuzzers do with backend_host_ci.c, which plays VTL0's kernel
 * memory and the secure kernel's part of code integrity in a Linux process.
 *
 * It ends the process where a trustlet would have something executed that was
 * not read back after it was frozen, or that VTL0 can write; where functions do
 * not ascend; where it goes on with a module after an error.
 */
#ifndef OPENVBS_TRUSTLET_HOST_CI_H
#define OPENVBS_TRUSTLET_HOST_CI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "openvbs/trustlet_abi.h"

/** tl_host_ci_reset() - no memory, no modules, before lockdown; module numbers go on */
void tl_host_ci_reset(void);

/**
 * tl_host_ci_map() - memory of VTL0's kernel
 * @bytes: the test's own, in use until tl_host_ci_reset()
 * @frozen: vmlinux's, frozen at lockdown; its text is executable
 */
void tl_host_ci_map(uint64_t va, void *bytes, size_t size, bool frozen);

/** tl_host_ci_lock() - lockdown */
void tl_host_ci_lock(void);

/** tl_host_ci_write() - VTL0 writes: false if a page is frozen or not there, then nothing is written */
bool tl_host_ci_write(uint64_t va, const void *bytes, size_t n);

/** tl_host_ci_executable() - may VTL0's kernel execute that byte of a module? */
bool tl_host_ci_executable(uint64_t va);

/** tl_host_ci_pages() - pages that are a module's, frozen or to be */
size_t tl_host_ci_pages(void);

/** tl_host_ci_modules() - modules that there are, granted or not */
size_t tl_host_ci_modules(void);

/** tl_host_ci_sites(), _functions() - how many a module was given */
size_t tl_host_ci_sites(uint64_t module);
size_t tl_host_ci_functions(uint64_t module);

/** tl_host_ci_hook() - @before is called before each system call: what VTL0 does meanwhile */
void tl_host_ci_hook(void (*before)(enum ovbs_tl_call call, void *context), void *context);

/** tl_host_ci_fail() - the call @call fails with @error (-errno) after @skip good ones, once */
void tl_host_ci_fail(enum ovbs_tl_call call, unsigned int skip, long error);

#endif
