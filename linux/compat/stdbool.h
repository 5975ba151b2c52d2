/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The shared sources say <stdbool.h>; in the kernel bool, true and false
 * come from <linux/types.h> and <linux/stddef.h>. Only this module's build sees this directory.
 */
#ifndef OPENVBS_COMPAT_STDBOOL_H
#define OPENVBS_COMPAT_STDBOOL_H

#include <linux/stddef.h>
#include <linux/types.h>

#endif
