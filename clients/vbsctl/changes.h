/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a registry file, a policy file or a command wants to change. Since a
 * later operation on a value replaces an earlier one, the list of operations is
 * kept as its result: per value of the table "set", "remove" or nothing, and a
 * count of what is none of ours. Nothing is written here: changes_apply() makes
 * the new record out of the old one. Pure.
 */
#ifndef VBSCTL_CHANGES_H
#define VBSCTL_CHANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "registry.h"
#include "text.h"

enum change_what {
	CHANGE_NONE,
	CHANGE_SET,
	CHANGE_REMOVE,
};

struct change {
	enum change_what what;
	uint32_t value; /* if SET */
	size_t where;   /* line or offset in the file; 0: a command */
};

struct changes {
	struct change of[REGISTRY_VALUES]; /* index as in registry_values[] */
	size_t ignored;                    /* operations on what is no setting of openvbs */
	size_t ignored_near;  /* of these, in a key that has settings: perhaps misspelt */
	size_t ignored_where; /* the first of those */
};

/* What changes_apply() did. */
struct change_count {
	unsigned int set;     /* values to be set, whether or not they were so before */
	unsigned int removed; /* values that were there and are not any more */
	unsigned int changed; /* values that differ now, the removed ones included */
};

/** changes_init() - nothing to change */
void changes_init(struct changes *c);

/**
 * changes_set() - set a value
 * @v: element of registry_values[]
 *
 * Return: false with @problem, if the setting may not have this number.
 */
bool changes_set(struct changes *c, const struct registry_value *v, uint32_t value, size_t where,
		 struct problem *problem) __must_check;

/** changes_remove() - make a value absent, which is not the same as 0 */
void changes_remove(struct changes *c, const struct registry_value *v, size_t where);

/**
 * changes_remove_key() - remove the values of a key
 * @below: path below HKEY_LOCAL_MACHINE
 * @deep: the key itself goes, with all keys below it
 *
 * A key without values of ours counts as ignored. Return: false with @problem,
 * if deleting it would take more with it than the keys of openvbs.
 */
bool changes_remove_key(struct changes *c, const char *below, bool deep, size_t where,
			struct problem *problem) __must_check;

/** changes_ignore() - count an operation on something else. @below: its key, or NULL: not even in HKEY_LOCAL_MACHINE */
void changes_ignore(struct changes *c, const char *below, size_t where);

/** changes_any() - is there something to set or to remove in this hive? */
bool changes_any(const struct changes *c, enum settings_hive hive);

/**
 * changes_apply() - carry the changes of one hive out
 * @r: the record; unchanged if the result is not 0
 * @count: added to
 *
 * Return: 0, or -ENOSPC: the record is full of entries that only a newer version knows.
 */
int changes_apply(const struct changes *c, enum settings_hive hive, struct ovbs_record *r,
		  struct change_count *count) __must_check;

#endif
