/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The halves of `vbsctl reg`: cmd_reg.c reads the command line and changes
 * settings, reg_query.c shows them. Keys come as paths below
 * HKEY_LOCAL_MACHINE, checked by registry_path().
 */
#ifndef VBSCTL_REG_H
#define VBSCTL_REG_H

#include <stdbool.h>

#include "store.h"
#include "vbsctl.h"

/**
 * reg_readable() - can all be read that may be in a key?
 * @deep: or below it
 *
 * Return: VBSCTL_OK, or the exit status after vbsctl_error().
 */
int reg_readable(struct vbsctl *v, const struct store *s, const char *below, bool deep);

/**
 * reg_query() - show values as reg.exe does
 * @key: as the user typed it
 * @name: only this one, or NULL
 * @deep: also in keys below
 *
 * Return: exit status; VBSCTL_NO if there is no such key, or value of this name.
 */
int reg_query(struct vbsctl *v, const char *key, const char *below, const char *name, bool deep);

#endif
