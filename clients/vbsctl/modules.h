/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Modules on disk that would be refused once the kernel's code is locked down,
 * by what their files say of their signatures: by the strict reader of the
 * trustlet that judges (trustlets/integrity), and by the kernel's keyrings.
 * Whether a signature fits its file is not verified, nor whether the module has
 * anything that the trustlet can't judge: "refused" is certain, the rest is not.
 */
#ifndef VBSCTL_MODULES_H
#define VBSCTL_MODULES_H

#include <jansson.h>

#include "vbsctl.h"

/**
 * modules_check() - look at the modules of the running kernel that modules.dep lists
 * @all: those of the kernel's own package, too ("kernel/"), which take time
 *
 * Return: a new object: "Release"; "All"; "Count" of modules that were looked at;
 * "KeysRead" (without keys, those that are signed well are not among the refused);
 * "Refused" and "NotRead", arrays of objects with "Path", "Reason", "Package" ("" if
 * no package has the file); "Problem": why there is no list, or "".
 */
json_t *modules_check(struct vbsctl *v, bool all);

#endif
