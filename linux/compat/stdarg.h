/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The shared sources say <stdarg.h>; in the kernel va_list and its macros
 * come from <linux/stdarg.h>. Only this module's build sees this directory.
 */
#ifndef OPENVBS_COMPAT_STDARG_H
#define OPENVBS_COMPAT_STDARG_H

#include <linux/stdarg.h>

#endif
