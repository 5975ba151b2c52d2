/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The shared ABI headers say <stdint.h>; in the kernel the fixed-width types
 * come from <linux/types.h>. Only this module's build sees this directory.
 */
#ifndef OPENVBS_COMPAT_STDINT_H
#define OPENVBS_COMPAT_STDINT_H

#include <linux/types.h>

#endif
