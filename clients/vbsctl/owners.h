/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which Debian package files belong to: dpkg's lists; for a module that DKMS
 * built, the package of its sources.
 */
#ifndef VBSCTL_OWNERS_H
#define VBSCTL_OWNERS_H

#include <jansson.h>

#include "vbsctl.h"

/**
 * owners_name() - set "Package" of each object of an array by its "Path"
 * @release: of the kernel, for DKMS
 *
 * "linux-image-6.1.0-57-amd64"; "DKMS zfs/2.1.11 (zfs-dkms)"; "" if nobody says.
 */
void owners_name(struct vbsctl *v, const char *release, json_t *files);

#endif
