/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A file's module where Linux has put it: frozen, compared, made executable.
 *
 * Frozen first: from the comparison to the end of the module's life nobody can
 * change what was compared. Whatever goes wrong, all of it is taken back and
 * nothing has become executable. What goes wrong for want of memory only can be
 * gone on with: what was done stays done (and frozen) until then.
 */
#ifndef OPENVBS_CI_PLACE_H
#define OPENVBS_CI_PLACE_H

#include "openvbs/integrity_abi.h"
#include "openvbs/vtl_abi.h"

#include "kernel.h"
#include "modules.h"

struct file;
struct integrity;

/* How far a file's placing is. Zeros: not begun. */
struct placing {
	struct ovbs_ci_place at;
	uint64_t number; /* the secure kernel's; 0: none */
	struct module_result result;
	struct accepted *record;
	unsigned int step; /* the next one, and how much of it is done */
	size_t done;
	bool begun;
};

/**
 * place_module() - place a file's module, or go on where memory ran out
 * @answer: set
 * @number: set: the module's, or 0 if it is refused
 *
 * Return: OVBS_OK: it is over, and the file is used up, however it ended;
 * OVBS_E_OUT_OF_MEMORY: call again with the same @at.
 */
uint32_t place_module(struct integrity *ci, struct file *f, const struct ovbs_ci_place *at,
		      struct ovbs_ci_answer *answer, uint64_t *number) CI_MUST_CHECK;

/** place_begun() - are there pages, or a number, that have to be given back? */
bool place_begun(const struct placing *p);

/** place_undo() - give everything back: the module's pages are VTL0's again, not executable */
void place_undo(struct placing *p);

#endif
