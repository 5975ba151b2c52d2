/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Registry policy files (Registry.pol), as Group Policy writes them: "PReg",
 * version 1, then records [key;value;type;size;data] in UTF-16LE, with numbers
 * in binary. Keys come without the hive's name: it is HKEY_LOCAL_MACHINE, for
 * only the computer's policy concerns openvbs. A file comes from elsewhere:
 * it is checked as a whole before anything of it counts. Pure.
 */
#ifndef VBSCTL_PREG_H
#define VBSCTL_PREG_H

#include <stdbool.h>
#include <stddef.h>

#include "changes.h"
#include "text.h"

/**
 * preg_parse() - what a policy file changes
 * @data: any bytes, any alignment
 * @len: how many
 * @out: the changes, in both hives; nothing to change if the result is false
 * @problem: written if the result is false; `where` is the byte offset
 *
 * Of the special names, **Del.NAME, **DelVals, **DeleteValues and **DeleteKeys
 * delete, **Soft.NAME sets what is not yet set, **SecureKey and **Comment have no
 * meaning here; any other is refused in a key that has settings.
 *
 * Return: false if anything is wrong with the file.
 */
bool preg_parse(const void *data, size_t len, struct changes *out, struct problem *problem) __must_check;

#endif
