/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What was learnt from vmlinux, and from the modules that were there before
 * lockdown: how the kernel lays out and patches a module, and what it exports.
 *
 * All of it is believed, as VTL0's kernel is trusted until lockdown, and copied
 * into the trustlet. Then it is closed: nothing of it changes any more.
 */
#ifndef OPENVBS_CI_KERNEL_H
#define OPENVBS_CI_KERNEL_H

#include "openvbs/integrity_abi.h"
#include "openvbs/vtl_abi.h"

#include "module.h"
#include "symbols.h"

#define KERNEL_TABLES_MAX 1024 /* of modules that were there before lockdown, up to two each */

struct kernel {
	bool known;
	bool closed; /* nothing is believed any more */
	struct module_policy policy;
	uint64_t symbols, symbols_end, symbols_gpl, symbols_gpl_end;
	struct symbols table[2];
	struct symbols module[KERNEL_TABLES_MAX];
	size_t tables;
};

/** kernel_learn() - OVBS_CI_KERNEL. Return: enum ovbs_result; after an error nothing is known */
uint32_t kernel_learn(struct kernel *k, const struct ovbs_ci_kernel *told) CI_MUST_CHECK;

/** kernel_add_module() - OVBS_CI_MODULE. Return: enum ovbs_result */
uint32_t kernel_add_module(struct kernel *k, const struct ovbs_ci_exports *told) CI_MUST_CHECK;

/** kernel_close() - OVBS_CI_CLOSE: read the symbols, close. Return: enum ovbs_result; closed only after OVBS_OK */
uint32_t kernel_close(struct kernel *k) CI_MUST_CHECK;

/** kernel_resolve() - an exported symbol of vmlinux or of a module from before lockdown */
bool kernel_resolve(const struct kernel *k, const char *name, uint64_t *address);

#endif
