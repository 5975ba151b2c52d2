/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VTL0's registers that do not change any more after lockdown: what keeps its
 * kernel from executing programs' pages and leads into it. Each CPU's are pinned
 * at its first entry into VTL1 after lockdown, as they are then; one that was off
 * begins with them (docs/abi.md, pinned registers).
 */
#ifndef SK_PINS_H
#define SK_PINS_H

#include <stdbool.h>

/** pins_ready - is SMEP, on which the rest relies, on in VTL0 on this CPU, or is there none? Context: an entry from VTL0. */
bool pins_ready(void);

/** pins_set - pin this CPU's, if that was not done yet; SMEP goes on if it was off. Context: an entry from VTL0, after lockdown. */
void pins_set(void);

/** pins_intercept - VTL0 tried to change one, as the message @m says: #GP, and a line in the log. */
void pins_intercept(const void *m);

#endif
