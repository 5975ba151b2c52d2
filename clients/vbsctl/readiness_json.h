/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Readiness for programs. Names are an interface: add, never change.
 */
#ifndef VBSCTL_READINESS_JSON_H
#define VBSCTL_READINESS_JSON_H

#include <jansson.h>

#include "gather.h"

/*
 * Exit status of `vbsctl readiness` when nothing was judged (wrong arguments):
 * the one bit that is no READINESS_MISSING_*.
 */
#define READINESS_NOT_DONE 128

/** readiness_json() - a new object: Requirements, Services, Missing, ReadBy; never NULL */
json_t *readiness_json(const struct gathered *facts, const struct readiness *r);

#endif
