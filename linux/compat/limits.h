/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The shared sources say <limits.h>; in the kernel INT_MAX and its like
 * come from <linux/limits.h>. Only this module's build sees this directory.
 */
#ifndef OPENVBS_COMPAT_LIMITS_H
#define OPENVBS_COMPAT_LIMITS_H

#include <linux/limits.h>

#endif
