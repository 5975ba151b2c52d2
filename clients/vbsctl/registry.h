/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which registry value is which setting: the one table. Registry files, policy
 * files and the commands that speak of keys go through it, so that a name
 * means the same everywhere. Keys and names are compared without case (ASCII:
 * all names here are). Pure: no allocation, no state.
 *
 * "Below" in parameter names is a key path below HKEY_LOCAL_MACHINE, such as
 * SYSTEM\CurrentControlSet\Control\Lsa; one backslash at its end is allowed, and
 * ControlSet001 means CurrentControlSet.
 */
#ifndef VBSCTL_REGISTRY_H
#define VBSCTL_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>

#include "settings.h"

#define REGISTRY_VALUES   22
#define REGISTRY_ROOT     "HKEY_LOCAL_MACHINE"
#define REGISTRY_TEXT_MAX 48 /* for registry_allowed() */

struct registry_value {
	enum settings_hive hive;
	enum ovbs_setting id; /* once per hive */
	const char *key;      /* below HKEY_LOCAL_MACHINE */
	const char *name;
};

/* Values of one key stand together, a key before those below it. */
extern const struct registry_value registry_values[REGISTRY_VALUES];

/* What a key is to openvbs. */
enum registry_place {
	REGISTRY_OTHER, /* nothing of it, nor anything below */
	REGISTRY_KEY,   /* it has values of the table */
	REGISTRY_INSIDE, /* it has none itself, but keys below it do, and those are openvbs's alone */
	REGISTRY_ABOVE, /* keys of the table are somewhere below, among other programs' */
};

/**
 * registry_path() - split a whole key path
 * @path: begins with a root, long or short, after "\", "\\.\" or "Computer\" at will
 * @below: out: what follows the root ("" for the root itself), or NULL if the
 *	root is a good one but not HKEY_LOCAL_MACHINE
 *
 * Return: NULL, or what is wrong with @path (static text; then @below is unset).
 */
const char *registry_path(const char *path, const char **below) __must_check;

/** registry_find() - the value of a key and name, or NULL */
const struct registry_value *registry_find(const char *below, const char *name);

/** registry_of() - where a setting is kept in a hive, or NULL if the hive hasn't got it */
const struct registry_value *registry_of(enum settings_hive hive, enum ovbs_setting id);

/** registry_place() - see enum registry_place */
enum registry_place registry_place(const char *below);

/** registry_in() - is a value in this key? @deep: or in a key below it */
bool registry_in(const char *below, const struct registry_value *v, bool deep);

/**
 * registry_child() - the key right below @below on the way to a value
 * @len: out: how many characters of v->key lead to it
 *
 * Return: whether there is one: false if the value is in @below itself or elsewhere.
 */
bool registry_child(const char *below, const struct registry_value *v, size_t *len);

/** registry_allowed() - the numbers that a value may have, as text: "0, 1 or 3". @text: REGISTRY_TEXT_MAX bytes */
const char *registry_allowed(const struct registry_value *v, char *text);

#endif
