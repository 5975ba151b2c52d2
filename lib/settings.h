/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Settings: records at rest (include/openvbs/settings.h), and the one place
 * that says which source wins. The loader resolves them for this boot, vbsctl
 * with the same code for the next one. Pure: no input, no output, no state.
 */
#ifndef OVBS_SETTINGS_H
#define OVBS_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openvbs/settings.h>

#include "ovbs_compiler.h"

#define SETTINGS_WHY_MAX 80

/* Which registry hive a record's values follow: some names mean something else in policy. */
enum settings_hive {
	SETTINGS_LOCAL,
	SETTINGS_POLICY,
};

/**
 * record_decode() - check a record and copy it
 * @data: any bytes, any alignment
 * @len: how many
 * @out: the record; only written if it is good
 * @why: SETTINGS_WHY_MAX bytes; in words what is wrong with it; only written then
 *
 * Refused: wrong size, magic, version, CRC; counts beyond the arrays; an id
 * twice; flags or values that can't be. An id that this version does not know
 * is kept and has no effect.
 *
 * Return: 0 or -EINVAL. Context: any; pure.
 */
int record_decode(const void *data, size_t len, struct ovbs_record *out, char *why) __must_check;

/** record_init() - an empty record of generation 0. Context: any; pure. */
void record_init(struct ovbs_record *r);

/** record_seal() - magic, version, size and CRC; the last step before it is written. Context: any; pure. */
void record_seal(struct ovbs_record *r);

/**
 * record_get() - one value
 *
 * Return: whether it is present; @value is only written then. Context: any; pure.
 */
bool record_get(const struct ovbs_record *r, enum ovbs_setting id, uint32_t *value);

/** record_set() - add or replace a value. Return: 0, or -ENOSPC. Context: any; pure. */
int record_set(struct ovbs_record *r, enum ovbs_setting id, uint32_t value) __must_check;

/** record_remove() - make a value absent. Return: whether it was present. Context: any; pure. */
bool record_remove(struct ovbs_record *r, enum ovbs_setting id);

/**
 * setting_allows() - may a value be written under this id?
 * @hive: local or policy
 *
 * Return: false for a value without meaning (level 2), or an id that this hive
 * or this version does not have. Context: any; pure.
 */
bool setting_allows(enum settings_hive hive, uint32_t id, uint32_t value);

/**
 * record_newer() - of two generations of one record, is @a the later one?
 *
 * Serial numbers: they go on after the highest one, so that no generation pins
 * a record for ever (RFC 1982). Context: any; pure.
 */
bool record_newer(uint32_t a, uint32_t b);

/**
 * guard_split() - the two halves of OpenvbsLock
 * @guard: decoded
 * @lock: what is locked, as its values
 * @opt_out: what was opted out of, as its values; generations as in @guard
 *
 * Context: any; pure.
 */
void guard_split(const struct ovbs_record *guard, struct ovbs_record *lock, struct ovbs_record *opt_out);

/** guard_join() - the opposite of guard_split(); what is locked can't be opted out of: it is left out. Context: any; pure. */
void guard_join(const struct ovbs_record *lock, const struct ovbs_record *opt_out,
		struct ovbs_record *guard);

/* All sources of one boot; NULL: there is none, or it is unreadable. */
struct settings_sources {
	const struct ovbs_record *lock, *opt_out, *policy, *local;
};

struct settings_value {
	uint32_t value;
	enum ovbs_source source;
};

struct settings {
	struct settings_value v[OVBS_SETTINGS];
	bool opted_out; /* the opt-out record is in force */
};

/**
 * settings_resolve() - which values count
 * @from: the sources
 * @out: every value with its source: UEFI lock, then opt-out, policy, local, default
 *
 * The opt-out record counts only as long as the policy's and the local values'
 * generations are those that it was made for, or it is not bound to any yet.
 * Level and Mandatory in the lock are a minimum: the other sources may ask for
 * more. Defaults: all 0, but with VBS on memory integrity is on and LsaCfgFlags
 * is 2.
 *
 * Context: any; pure.
 */
void settings_resolve(const struct settings_sources *from, struct settings *out);

/**
 * settings_want_lock() - what is to be locked, if these settings have run
 * @s: resolved
 * @lock: a lock that is there, to be extended, or NULL
 * @out: the lock to write, unsealed; only written if the answer is true
 *
 * A lock on memory integrity or Credential Guard locks VBS, its level and
 * Mandatory, too: without them it would be none. What is locked stays as it is.
 *
 * Return: true if there is something to write that @lock has not. Context: any; pure.
 */
bool settings_want_lock(const struct settings *s, const struct ovbs_record *lock, struct ovbs_record *out);

/** source_name() - "default", "local value", "policy", "UEFI lock", "opt-out". Context: any. */
const char *source_name(enum ovbs_source source);

#endif
