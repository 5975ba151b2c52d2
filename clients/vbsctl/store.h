/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where settings are kept on a running system: the local values in a UEFI
 * variable, the policy in two files on the ESP, the UEFI lock and this boot's
 * settings in the loader's status. Reading never fails as a whole: each source
 * says for itself what it is. Writing replaces a whole record or nothing.
 */
#ifndef VBSCTL_STORE_H
#define VBSCTL_STORE_H

#include <openvbs/settings.h>
#include <openvbs/status.h>

#include "settings.h"
#include "vbsctl.h"

enum source_state {
	SOURCE_ABSENT,
	SOURCE_GOOD,
	SOURCE_UNREADABLE, /* damaged, or may not be read: `why` says which */
};

struct store_source {
	enum source_state state;
	struct ovbs_record record; /* if GOOD; else record_init() */
	char why[160];
};

struct store {
	struct store_source local, policy;
	bool status_there;         /* the loader ran in this boot, and its status is whole */
	struct ovbs_status status; /* version 1 is widened with zeros */
	char status_why[160];      /* why not */
	bool lock_there;
	struct ovbs_record lock; /* rebuilt from the status */
	char esp[4096]; /* mount point of the ESP that openvbs was, or will be, started from; "" if none */
	char esp_why[160];
	struct settings next;   /* resolved with all of the above: what the next boot will use */
	char policy_file[4200]; /* the file that counts; "" if none */
};

/** store_load() - read every source. Cannot fail. */
void store_load(struct vbsctl *v, struct store *s);

/**
 * store_next_generation() - what store_write_local() will give the local values
 *
 * Never 0, and later than those that are there and those of this boot.
 */
uint32_t store_next_generation(const struct store *s);

/**
 * store_resolve() - what the next boot would use with other local values
 * @local: of a new generation, as store_write_local() will give it: an opt-out ends with it
 */
void store_resolve(const struct store *s, const struct ovbs_record *local, struct settings *out);

/**
 * store_write_local() - replace the local values
 * @record: unsealed; generation, time and user are filled in here
 * @by: how, for changed_by: "vbsctl reg add"
 *
 * Before it returns 0 the variable was read back. Return: VBSCTL_OK, or the
 * exit status after vbsctl_error(); then the old values stand.
 */
int store_write_local(struct vbsctl *v, const struct store *s, struct ovbs_record *record, const char *by);

/** store_write_policy() - replace the policy: the slot that does not count is written, flushed, and read back by the loader's rule: it counts now. As above. */
int store_write_policy(struct vbsctl *v, const struct store *s, struct ovbs_record *record, const char *by);

#endif
