/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The modules that were accepted and not taken away yet: what they export, and
 * which others they lean on. One that others lean on stays.
 *
 * A record is made before its module's text becomes executable, as that may fail
 * for want of memory, and counts from modules_add() on, which can't fail.
 */
#ifndef OPENVBS_CI_MODULES_H
#define OPENVBS_CI_MODULES_H

#include "openvbs/integrity_abi.h"

#include "module.h"
#include "symbols.h"

#define MODULES_MAX 1024

struct accepted {
	uint64_t number; /* the secure kernel's */
	char name[sizeof(((struct ovbs_ci_module *)0)->name)];
	char signer[sizeof(((struct ovbs_ci_module *)0)->signer)];
	uint64_t text, text_bytes;
	uint32_t sites;
	bool live;
	struct symbols exports;
	struct accepted **needs; /* modules whose symbols it uses, each once */
	size_t need_count;
	size_t users; /* how often it is in others' needs */
};

struct modules {
	struct accepted *module[MODULES_MAX]; /* ascending by number */
	size_t count;
};

/** modules_find() - by number; NULL: there is none */
struct accepted *modules_find(const struct modules *m, uint64_t number);

/** modules_resolve() - a symbol that an accepted module exports. *@owner is that module */
bool modules_resolve(const struct modules *m, const char *name, uint64_t *address, struct accepted **owner);

/**
 * accepted_need() - remember that @a uses a symbol of @other, which then stays
 *
 * Return: 0 or -ENOMEM.
 */
int accepted_need(struct accepted *a, struct accepted *other) CI_MUST_CHECK;

/** accepted_free() - give back a record that is not, or no longer, in the list; what it needs may go. NULL is fine */
void accepted_free(struct accepted *a);

/** modules_full() - is there no room for another one? */
bool modules_full(const struct modules *m);

/** modules_add() - @a counts from now on; there is room, and no other of its number */
void modules_add(struct modules *m, struct accepted *a);

/** modules_remove() - @a, that nobody uses, is gone; frees it */
void modules_remove(struct modules *m, struct accepted *a);

#endif
