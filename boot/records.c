/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The settings of this boot: read each record (include/openvbs/settings.h),
 * let lib/settings.c say which source wins, and keep the UEFI lock.
 *
 * Lock and opt-out lie in one variable with boot-service access only: once the
 * operating system runs, firmware neither shows it nor lets it be written or
 * deleted (UEFI 2.10, 8.2.2). The operating system can make a variable of the
 * same name beforehand; such a shadow has other attributes, is removed and never
 * believed. So that nobody can make one that does not go away (signed with a key
 * of his own), the variable is made at the first start, empty.
 */
#include "loader.h"

#include "format.h"
#include "level.h"
#include "ovbs_string.h"
#include "print.h"

#define ATTR_BOOT   (EFI_VARIABLE_NON_VOLATILE | EFI_VARIABLE_BOOTSERVICE_ACCESS)
#define ATTR_COMMON (ATTR_BOOT | EFI_VARIABLE_RUNTIME_ACCESS)

static EFI_GUID settings_guid = OVBS_SETTINGS_GUID_INIT;

static void found(struct loader *l, uint32_t finding, const char *fmt, ...) __printf(3, 4);

static void found(struct loader *l, uint32_t finding, const char *fmt, ...)
{
	struct records *r = &l->records;
	va_list args;

	r->findings |= finding;
	if (r->note[0] != '\0')
		return;
	va_start(args, fmt);
	ovbs_vsnprintf(r->note, sizeof(r->note), fmt, args);
	va_end(args);
	say(l->st, "openvbs: settings: %s", r->note);
}

enum outcome {
	RECORD_ABSENT,
	RECORD_GOOD,
	RECORD_BAD, /* said in @why */
	RECORD_SHADOW,
};

static enum outcome read_variable(const struct loader *l, CHAR16 *name, uint32_t attributes,
				  struct ovbs_record *out, char *why)
{
	uint8_t data[sizeof(*out) + 1];
	UINTN size = sizeof(data);
	UINT32 is = 0;
	EFI_STATUS status = l->rt->GetVariable(name, &settings_guid, &is, &size, data);

	if (status == EFI_NOT_FOUND)
		return RECORD_ABSENT;
	/* UEFI 2.10, 8.2.1: too small a buffer; attributes are given all the same */
	if (status != EFI_SUCCESS && status != EFI_BUFFER_TOO_SMALL) {
		ovbs_snprintf(why, SETTINGS_WHY_MAX, "EFI status %llxh", (unsigned long long)status);
		return RECORD_BAD;
	}
	/* Firmware that gives no attributes with too small a buffer must not make a shadow of a lock. */
	if ((attributes & EFI_VARIABLE_RUNTIME_ACCESS) == 0 && (is & EFI_VARIABLE_RUNTIME_ACCESS) != 0)
		return RECORD_SHADOW;
	if (status == EFI_BUFFER_TOO_SMALL || is != attributes) {
		ovbs_snprintf(why, SETTINGS_WHY_MAX, "attributes %xh, %llu bytes: not a record's",
			      is, (unsigned long long)size);
		return RECORD_BAD;
	}
	return record_decode(data, size, out, why) == 0 ? RECORD_GOOD : RECORD_BAD;
}

static void read_local(struct loader *l)
{
	struct records *r = &l->records;
	char why[SETTINGS_WHY_MAX];

	switch (read_variable(l, UCS2(OVBS_SETTINGS_VARIABLE), ATTR_COMMON, &r->local, why)) {
	case RECORD_ABSENT:
		break;
	case RECORD_GOOD:
		r->from.local = &r->local;
		break;
	case RECORD_BAD:
	case RECORD_SHADOW:
		found(l, OVBS_FOUND_LOCAL_UNREADABLE, OVBS_SETTINGS_VARIABLE ": %s", why);
		break;
	}
}

static enum outcome read_policy_file(const struct loader *l, CHAR16 *path, struct ovbs_record *out,
				     char *why)
{
	uint8_t data[sizeof(*out) + 1];
	UINTN size = 0;
	EFI_STATUS status = file_read(l, path, data, sizeof(data), &size);

	if (status == EFI_NOT_FOUND)
		return RECORD_ABSENT;
	if (status != EFI_SUCCESS) {
		ovbs_snprintf(why, SETTINGS_WHY_MAX, "EFI status %llxh", (unsigned long long)status);
		return RECORD_BAD;
	}
	return record_decode(data, size, out, why) == 0 ? RECORD_GOOD : RECORD_BAD;
}

static void read_policy(struct loader *l)
{
	struct records *r = &l->records;
	char why_a[SETTINGS_WHY_MAX], why_b[SETTINGS_WHY_MAX];
	struct ovbs_record b;
	enum outcome a_is =
		read_policy_file(l, UCS2(OVBS_POLICY_FOLDER OVBS_POLICY_FILE_A), &r->policy, why_a);
	enum outcome b_is = read_policy_file(l, UCS2(OVBS_POLICY_FOLDER OVBS_POLICY_FILE_B), &b, why_b);
	bool torn = a_is == RECORD_BAD || b_is == RECORD_BAD;

	if (b_is == RECORD_GOOD && (a_is != RECORD_GOOD || record_newer(b.generation, r->policy.generation)))
		r->policy = b;
	if (a_is == RECORD_GOOD || b_is == RECORD_GOOD)
		r->from.policy = &r->policy;
	if (torn)
		found(l, r->from.policy != NULL ? OVBS_FOUND_POLICY_TORN : OVBS_FOUND_POLICY_UNREADABLE,
		      "%s: %s", a_is == RECORD_BAD ? OVBS_POLICY_FILE_A : OVBS_POLICY_FILE_B,
		      a_is == RECORD_BAD ? why_a : why_b);
}

/* A shadow: whatever it says, it is not ours. */
static void remove_shadow(struct loader *l)
{
	EFI_STATUS status = records_write(l, NULL, "");

	found(l, OVBS_FOUND_SHADOW,
	      OVBS_SETTINGS_LOCK_VARIABLE ": writable by the operating system, so not believed; %s",
	      status == EFI_SUCCESS ? "removed" : "can't be removed");
}

/*
 * A damaged lock is still a lock: somebody asked for one, and it is not known
 * of what. So all of it is on until a person opts out. Mandatory is left to the
 * other sources.
 */
static void assume_lock(struct ovbs_record *lock)
{
	static const enum ovbs_setting on[] = { OVBS_SET_VBS,         OVBS_SET_LEVEL,
						OVBS_SET_LOCKED,      OVBS_SET_HVCI,
						OVBS_SET_HVCI_LOCKED, OVBS_SET_LSA_CFG };

	record_init(lock);
	for (size_t i = 0; i < ARRAY_SIZE(on); i++)
		if (record_set(lock, on[i], 1) != 0)
			return; /* can't be: there is room */
}

static void read_guard(struct loader *l)
{
	struct records *r = &l->records;
	char why[SETTINGS_WHY_MAX];
	struct ovbs_record guard;

	r->lock_state = OVBS_LOCK_NONE;
	record_init(&r->lock);
	record_init(&r->opt_out);
	switch (read_variable(l, UCS2(OVBS_SETTINGS_LOCK_VARIABLE), ATTR_BOOT, &guard, why)) {
	case RECORD_GOOD:
		r->reserved = true;
		guard_split(&guard, &r->lock, &r->opt_out);
		break;
	case RECORD_BAD:
		found(l, OVBS_FOUND_OTHER, OVBS_SETTINGS_LOCK_VARIABLE ": %s", why);
		r->reserved = true;
		r->lock_state = OVBS_LOCK_UNREADABLE;
		assume_lock(&r->lock);
		r->from.lock = &r->lock;
		return;
	case RECORD_SHADOW:
		remove_shadow(l);
		return;
	case RECORD_ABSENT:
		return;
	}
	if (r->lock.count > 0) {
		r->lock_state = OVBS_LOCK_PRESENT;
		r->from.lock = &r->lock;
	}
	if (r->opt_out.count > 0)
		r->from.opt_out = &r->opt_out;
}

/*
 * An opt-out holds for the settings that were there when the person agreed; the
 * program could not know them all (it may come from another volume), so its
 * first start after that binds it. A source that can't be read today says
 * nothing about that.
 */
void records_bind(struct loader *l)
{
	struct records *r = &l->records;
	struct ovbs_record guard;
	EFI_STATUS status;

	if (r->from.opt_out == NULL || (r->opt_out.flags & OVBS_RECORD_UNBOUND) == 0 ||
	    (r->findings & (OVBS_FOUND_LOCAL_UNREADABLE | OVBS_FOUND_POLICY_UNREADABLE)) != 0)
		return;
	r->opt_out.flags &= ~OVBS_RECORD_UNBOUND;
	r->opt_out.generation = r->from.local != NULL ? r->local.generation : 0;
	r->opt_out.base_generation = r->from.policy != NULL ? r->policy.generation : 0;
	guard_join(&r->lock, &r->opt_out, &guard);
	status = records_write(l, &guard, "openvbs.efi");
	if (status != EFI_SUCCESS)
		found(l, OVBS_FOUND_OTHER, "opt-out not bound: EFI status %llxh",
		      (unsigned long long)status);
}

void records_read(struct loader *l)
{
	struct records *r = &l->records;

	memset(r, 0, sizeof(*r));
	read_guard(l);
	read_policy(l);
	read_local(l);
	settings_resolve(&r->from, &l->settings);
	if (l->settings.opted_out)
		r->findings |= OVBS_FOUND_OPTED_OUT;
}

EFI_STATUS records_write(struct loader *l, struct ovbs_record *guard, const char *by)
{
	CHAR16 *name = UCS2(OVBS_SETTINGS_LOCK_VARIABLE);
	struct ovbs_record back;
	UINTN size = sizeof(back);
	UINT32 attributes = 0;
	EFI_STATUS status;

	if (guard == NULL)
		return l->rt->SetVariable(name, &settings_guid, 0, 0, NULL);
	ovbs_snprintf(guard->changed_by, sizeof(guard->changed_by), "%s", by);
	record_seal(guard);
	status = l->rt->SetVariable(name, &settings_guid, ATTR_BOOT, sizeof(*guard), guard);
	if (status != EFI_SUCCESS)
		return status;
	status = l->rt->GetVariable(name, &settings_guid, &attributes, &size, &back);
	if (status != EFI_SUCCESS)
		return status;
	return attributes == ATTR_BOOT && size == sizeof(back) && memcmp(&back, guard, sizeof(back)) == 0 ?
		       EFI_SUCCESS :
		       EFI_DEVICE_ERROR;
}

/* The name, before anybody else has it. */
static void reserve(struct loader *l)
{
	struct ovbs_record guard;
	EFI_STATUS status;

	if (l->records.reserved)
		return;
	record_init(&guard);
	status = records_write(l, &guard, "openvbs.efi");
	if (status != EFI_SUCCESS)
		found(l, OVBS_FOUND_OTHER, OVBS_SETTINGS_LOCK_VARIABLE ": can't be made: EFI status %llxh",
		      (unsigned long long)status);
}

/*
 * Only now that openvbs runs: a lock on a machine where it can't would lock the
 * administrator out of nothing but the way back. Where a lock is there already
 * it stays as it is, whatever becomes of the wish for more.
 */
void records_lock(struct loader *l)
{
	struct records *r = &l->records;
	struct ovbs_record want, guard;
	EFI_STATUS status;

	if (r->lock_state == OVBS_LOCK_UNREADABLE)
		return;
	if (!settings_want_lock(&l->settings, r->from.lock, &want)) {
		reserve(l);
		return;
	}
	if (level_secure_boot(&l->platform) != NULL) {
		if (r->lock_state == OVBS_LOCK_NONE)
			r->lock_state = OVBS_LOCK_NO_SECURE_BOOT;
		found(l, OVBS_FOUND_OTHER,
		      "UEFI lock not written: without Secure Boot any program could remove it");
		return;
	}
	guard_join(&want, &r->opt_out, &guard);
	status = records_write(l, &guard, "openvbs.efi");
	if (status == EFI_SUCCESS) {
		r->lock = want;
		r->lock_state = OVBS_LOCK_WRITTEN;
		return;
	}
	if (r->lock_state == OVBS_LOCK_NONE)
		r->lock_state = OVBS_LOCK_FAILED;
	found(l, OVBS_FOUND_OTHER, "UEFI lock not written: EFI status %llxh", (unsigned long long)status);
}
