/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of system calls share. A handler sees registers that the
 * trustlet chose: every number in them is checked by it.
 */
#ifndef SK_SYSCALL_H
#define SK_SYSCALL_H

#include "trustlet.h"

struct call {
	struct trustlet *t;
	uint64_t arg[6];
	enum syscall_outcome outcome;
};

/* Those of code integrity (trustlet_abi.h), with OVBS_POLICY_INTEGRITY. The result, or -errno. */
int64_t sys_guest_copy(struct call *c);
int64_t sys_guest_frozen(struct call *c);
int64_t sys_locked(struct call *c);
int64_t sys_module_new(struct call *c);
int64_t sys_module_freeze(struct call *c);
int64_t sys_module_sites(struct call *c);
int64_t sys_module_functions(struct call *c);
int64_t sys_module_grant(struct call *c);
int64_t sys_module_live(struct call *c);
int64_t sys_module_gone(struct call *c);

#endif
