/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A file's module where Linux has put it: frozen, compared, made executable.
 *
 * Frozen first: from the comparison to the end of the module's life nobody can
 * change what was compared. Whatever goes wrong, all of it is taken back and
 * nothing has become executable.
 */
#ifndef OPENVBS_CI_PLACE_H
#define OPENVBS_CI_PLACE_H

#include "integrity.h"

/**
 * place_module() - place a file's module
 * @answer: set
 * @number: set: the module's, or 0 if it is refused
 *
 * Return: OVBS_OK: it is over, and the file is used up, however it ended;
 * OVBS_E_OUT_OF_MEMORY: nothing was done and the file is as it was, so it may be
 * tried again with more memory.
 */
uint32_t place_module(struct integrity *ci, struct file *f, const struct ovbs_ci_place *at,
		      struct ovbs_ci_answer *answer, uint64_t *number) CI_MUST_CHECK;

#endif
