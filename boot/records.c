/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The settings of this boot: read each record (include/openvbs/settings.h),
 * let lib/settings.c say which source wins, and keep the UEFI lock.
 *
 * Lock and opt-out are variables with boot-service access only: once the
 * operating system runs, firmware neither shows them nor lets them be written
 * or deleted (UEFI 2.10, 8.2.2). The operating system can make a variable of
 * the same name beforehand; such a shadow has other attributes, is removed and
 * never believed.
 */
#include "loader.h"

#include "format.h"
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
	if (is != attributes && (is & ATTR_COMMON) != attributes)
		return RECORD_SHADOW;
	if (status == EFI_BUFFER_TOO_SMALL) {
		ovbs_snprintf(why, SETTINGS_WHY_MAX, "%llu bytes, larger than a record",
			      (unsigned long long)size);
		return RECORD_BAD;
	}
	return record_decode(data, size, out, why) == 0 ? RECORD_GOOD : RECORD_BAD;
}

static void read_local(struct loader *l)
{
	struct records *r = &l->records;
	char why[SETTINGS_WHY_MAX] = "it has not the attributes of a setting";

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

	if (b_is == RECORD_GOOD && (a_is != RECORD_GOOD || b.generation > r->policy.generation))
		r->policy = b;
	if (a_is == RECORD_GOOD || b_is == RECORD_GOOD)
		r->from.policy = &r->policy;
	if (torn)
		found(l, r->from.policy != NULL ? OVBS_FOUND_POLICY_TORN : OVBS_FOUND_POLICY_UNREADABLE,
		      "%s: %s", a_is == RECORD_BAD ? OVBS_POLICY_FILE_A : OVBS_POLICY_FILE_B,
		      a_is == RECORD_BAD ? why_a : why_b);
}

/* Of the variables that only boot services see. */
static enum outcome read_hidden(struct loader *l, CHAR16 *name, const char *printable,
				struct ovbs_record *out, char *why)
{
	enum outcome is = read_variable(l, name, ATTR_BOOT, out, why);
	EFI_STATUS status;

	if (is != RECORD_SHADOW)
		return is;
	status = l->rt->SetVariable(name, &settings_guid, 0, 0, NULL);
	found(l, OVBS_FOUND_SHADOW, "%s could be written by the operating system: not believed, removed%s",
	      printable, status == EFI_SUCCESS ? "" : " (failed)");
	return RECORD_ABSENT;
}

/*
 * A damaged lock is still a lock: somebody asked for one. VBS stays on, with
 * the least that a lock can mean, until a person opts out.
 */
static void assume_lock(struct ovbs_record *lock)
{
	record_init(lock);
	if (record_set(lock, OVBS_SET_VBS, 1) != 0 || record_set(lock, OVBS_SET_LEVEL, 1) != 0 ||
	    record_set(lock, OVBS_SET_LOCKED, 1) != 0 || record_set(lock, OVBS_SET_MANDATORY, 0) != 0)
		lock->count = 0; /* can't be: there is room */
}

static void read_lock(struct loader *l)
{
	struct records *r = &l->records;
	char why[SETTINGS_WHY_MAX];

	switch (read_hidden(l, UCS2(OVBS_SETTINGS_LOCK_VARIABLE), OVBS_SETTINGS_LOCK_VARIABLE,
			    &r->lock, why)) {
	case RECORD_GOOD:
		r->lock_state = OVBS_LOCK_PRESENT;
		r->from.lock = &r->lock;
		break;
	case RECORD_BAD:
		found(l, OVBS_FOUND_OTHER, OVBS_SETTINGS_LOCK_VARIABLE ": %s", why);
		r->lock_state = OVBS_LOCK_UNREADABLE;
		assume_lock(&r->lock);
		r->from.lock = &r->lock;
		break;
	case RECORD_ABSENT:
	case RECORD_SHADOW:
		r->lock_state = OVBS_LOCK_NONE;
		break;
	}
}

/* A damaged opt-out is none; one that was made for other settings has served. */
static void read_opt_out(struct loader *l)
{
	struct records *r = &l->records;
	char why[SETTINGS_WHY_MAX];
	enum outcome is =
		read_hidden(l, UCS2(OVBS_OPT_OUT_VARIABLE), OVBS_OPT_OUT_VARIABLE, &r->opt_out, why);

	if (is == RECORD_GOOD)
		r->from.opt_out = &r->opt_out;
	else if (is == RECORD_BAD)
		found(l, OVBS_FOUND_OTHER, OVBS_OPT_OUT_VARIABLE ": %s", why);
}

void records_read(struct loader *l)
{
	struct records *r = &l->records;

	memset(r, 0, sizeof(*r));
	read_lock(l);
	read_opt_out(l);
	read_policy(l);
	read_local(l);
	settings_resolve(&r->from, &l->settings);
	if (l->settings.opted_out) {
		r->findings |= OVBS_FOUND_OPTED_OUT;
	} else if (r->from.opt_out != NULL) {
		records_write(l, UCS2(OVBS_OPT_OUT_VARIABLE), NULL, "");
		r->from.opt_out = NULL;
	}
}

EFI_STATUS records_write(struct loader *l, CHAR16 *name, struct ovbs_record *record, const char *by)
{
	struct ovbs_record back;
	UINTN size = sizeof(back);
	UINT32 attributes = 0;
	EFI_STATUS status;

	if (record == NULL)
		return l->rt->SetVariable(name, &settings_guid, 0, 0, NULL);
	ovbs_snprintf(record->changed_by, sizeof(record->changed_by), "%s", by);
	record_seal(record);
	status = l->rt->SetVariable(name, &settings_guid, ATTR_BOOT, sizeof(*record), record);
	if (status != EFI_SUCCESS)
		return status;
	status = l->rt->GetVariable(name, &settings_guid, &attributes, &size, &back);
	if (status != EFI_SUCCESS)
		return status;
	return attributes == ATTR_BOOT && size == sizeof(back) && memcmp(&back, record, sizeof(back)) == 0 ?
		       EFI_SUCCESS :
		       EFI_DEVICE_ERROR;
}

/*
 * Only now that openvbs runs: a lock on a machine where it can't would lock the
 * administrator out of nothing but the way back.
 */
void records_lock(struct loader *l)
{
	struct records *r = &l->records;
	struct ovbs_record want;
	EFI_STATUS status;

	if (r->lock_state == OVBS_LOCK_UNREADABLE || !settings_want_lock(&l->settings, r->from.lock, &want))
		return;
	if (l->platform.secure_boot != OVBS_FACT_YES) {
		r->lock_state = OVBS_LOCK_NO_SECURE_BOOT;
		found(l, OVBS_FOUND_OTHER,
		      "UEFI lock not written: without Secure Boot any program could remove it");
		return;
	}
	status = records_write(l, UCS2(OVBS_SETTINGS_LOCK_VARIABLE), &want, "openvbs.efi");
	if (status == EFI_SUCCESS) {
		r->lock_state = OVBS_LOCK_WRITTEN;
		return;
	}
	r->lock_state = OVBS_LOCK_FAILED;
	found(l, OVBS_FOUND_OTHER, "UEFI lock not written: EFI status %llxh", (unsigned long long)status);
}
