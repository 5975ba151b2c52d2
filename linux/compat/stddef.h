/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The shared ABI headers say <stddef.h>; in the kernel offsetof() and NULL
 * come from <linux/stddef.h>. Only this module's build sees this directory.
 */
#ifndef OPENVBS_COMPAT_STDDEF_H
#define OPENVBS_COMPAT_STDDEF_H

#include <linux/stddef.h>

#endif
