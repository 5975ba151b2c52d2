/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Exported symbols: the tables of vmlinux and of modules that were there before
 * lockdown, read once while the kernel is trusted, and the exports of modules
 * that were accepted later. All in the trustlet's own memory: looking one up is
 * no system call.
 */
#ifndef OPENVBS_CI_SYMBOLS_H
#define OPENVBS_CI_SYMBOLS_H

#include <stdbool.h>

#include "der.h"
#include "module.h"

#define SYMBOLS_MAX      65536u     /* of one table: Debian's kernels have 14,000 */
#define SYMBOL_NAME_MAX  512u       /* Linux: KSYM_NAME_LEN */
#define SYMBOL_NAMES_MAX (4u << 20) /* bytes of a table's names */

struct symbol {
	const char *name;
	uint64_t address;
};

/* Ascending by name (strcmp), no name twice. Zeros: none. */
struct symbols {
	struct symbol *entry;
	size_t count;
	char *names; /* that entries point to */
};

/**
 * symbols_read() - read a table __ksymtab or __ksymtab_gpl of VTL0
 * @start, @end: its addresses; both 0: no symbols
 * @out: set on success; for symbols_free()
 *
 * Entries are of 12 bytes (CONFIG_HAVE_ARCH_PREL32_RELOCATIONS): value, name and
 * namespace, each relative to its own place. The kernel looks them up by binary
 * search, so they ascend by name.
 *
 * Return: 0; -EINVAL no such table; -ENOMEM; or -errno of guest_copy().
 */
int symbols_read(uint64_t start, uint64_t end, struct symbols *out) CI_MUST_CHECK;

/**
 * symbols_of() - a module's exports, copied
 * @out: as of symbols_read()
 *
 * Return: 0, -EEXIST (a name twice), -EINVAL (too many, or too long names), -ENOMEM.
 */
int symbols_of(const struct module_export *export, size_t count, struct symbols *out) CI_MUST_CHECK;

/** symbols_find() - is it there? Sets *@address if so */
bool symbols_find(const struct symbols *s, const char *name, uint64_t *address);

/** symbols_free() - give back what it has; it is empty then */
void symbols_free(struct symbols *s);

#endif
