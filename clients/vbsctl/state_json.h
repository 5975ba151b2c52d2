/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state for programs: property names and numbers of Win32_DeviceGuard, and
 * what openvbs adds. The names are an interface: add, never change.
 */
#ifndef VBSCTL_STATE_JSON_H
#define VBSCTL_STATE_JSON_H

#include <jansson.h>

#include "live.h"

/** state_json() - a new object with everything; never NULL */
json_t *state_json(const struct live *l);

/** lock_name() - what this boot found of the UEFI lock: "none", "present". Return: never NULL. */
const char *lock_name(const struct store *s);

#endif
