/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Module files, compressed or not: Debian 13 has all of them as .ko.xz.
 */
#ifndef VBSCTL_MODULE_FILE_H
#define VBSCTL_MODULE_FILE_H

#include "vbsctl.h"

#define MODULE_FILE_WHY 80

/**
 * module_file_end() - the last bytes of a module, where its signature is
 * @len: how many; all, or 64 KiB at least
 * @why: MODULE_FILE_WHY bytes; written if the result is NULL
 *
 * .ko as it is, .ko.xz decompressed; other ways of compression are not read.
 *
 * Return: free() it; NULL.
 */
void *module_file_end(const struct vbsctl *v, const char *path, size_t *len, char *why);

#endif
