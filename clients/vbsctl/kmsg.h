/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's messages (syslog(2)); below a test's root the file "dmesg".
 */
#ifndef VBSCTL_KMSG_H
#define VBSCTL_KMSG_H

#include "vbsctl.h"

/** kmsg_read() - all that the kernel still has. Return: free() it; NULL with errno (EPERM: kernel.dmesg_restrict). */
char *kmsg_read(const struct vbsctl *v);

#endif
