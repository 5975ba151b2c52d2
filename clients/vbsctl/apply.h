/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Carrying changes out: what `vbsctl reg` and `vbsctl policy` share. All that
 * can fail without writing is done first; then the policy is written, then the
 * local values, each as a whole. Afterwards it is said what stands against the
 * change (cases S4, S5, S7): nothing is without effect without a word.
 */
#ifndef VBSCTL_APPLY_H
#define VBSCTL_APPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "changes.h"
#include "store.h"
#include "vbsctl.h"

/**
 * apply_read_file() - all of a file that a user named
 *
 * Return: its bytes, free() them; NULL after vbsctl_error() (the exit status is
 * VBSCTL_INPUT then).
 */
void *apply_read_file(struct vbsctl *v, const char *path, size_t *len);

/**
 * apply_changes() - write the records that the changes make of the old ones
 * @replace_policy: the policy is made anew out of the changes, as Group Policy does
 * @by: for the records: "vbsctl reg add"
 * @count: out
 *
 * A record that would not change is not written. Return: VBSCTL_OK;
 * VBSCTL_LOCKED: written, but the UEFI lock holds something else, which was
 * said; another status after vbsctl_error().
 */
int apply_changes(struct vbsctl *v, const struct store *s, const struct changes *c,
		  bool replace_policy, const char *by, struct change_count *count);

/**
 * apply_report() - what became of a file or a command, for programs: members "source", "values" (those set), "set",
 *	"deleted", "ignored"
 * @source: the file's name, or NULL
 */
void apply_report(struct vbsctl *v, const struct changes *c, const struct change_count *count,
		  const char *source);

/** apply_report_text() - the counts in a line, for people */
void apply_report_text(struct vbsctl *v, const struct changes *c, const struct change_count *count);

/** apply_near_miss() - a note on values that are perhaps misspelt settings. @unit: what c->ignored_where counts: "line" */
void apply_near_miss(struct vbsctl *v, const struct changes *c, const char *file, const char *unit);

/** apply_json() - v->out, an object; made if there is none */
json_t *apply_json(struct vbsctl *v);

/** apply_end() - the last call of a command: without --json its v->out goes. Return: @status */
int apply_end(struct vbsctl *v, int status);

/** apply_add_value() - append {"key", "name", "value", "id", "hive"} to a JSON array */
void apply_add_value(json_t *array, const struct registry_value *value, uint32_t number);

/** apply_source() - where a hive's values come from */
const struct store_source *apply_source(const struct store *s, enum settings_hive hive);

/** apply_hive_name() - "local values", "policy" */
const char *apply_hive_name(enum settings_hive hive);

#endif
