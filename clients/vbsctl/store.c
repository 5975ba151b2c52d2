/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where settings are kept: see store.h. What is read here was written by the
 * normal world, but for the status; nothing is used before it was checked.
 *
 * The lock and the opt-out can't be read, by design: they are rebuilt from what
 * the loader said of them in this boot.
 */
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "efivars.h"
#include "esp.h"
#include "status.h"

#define STATUS_GUID "4f70656e-5642-5300-9d1c-6c0a52f3b7e1"
#define WHY         160

static const char *const slot_names[] = { ESP_FOLDER "/" OVBS_POLICY_FILE_A,
					  ESP_FOLDER "/" OVBS_POLICY_FILE_B };

/* Sources with a text that did not fit are still named. */
static void because(char why[WHY], const char *what, const char *text)
{
	snprintf(why, WHY, "%.40s: %.115s", what, text);
}

static void load_status(struct vbsctl *v, struct store *s, struct efivar *var)
{
	int error = efivar_read(v, OVBS_STATUS_VARIABLE, STATUS_GUID, var);
	const char *wrong;

	if (error == -ENOENT) {
		snprintf(s->status_why, sizeof(s->status_why),
			 OVBS_STATUS_VARIABLE " is absent: openvbs.efi was not started in this boot");
		return;
	}
	wrong = error ? efivar_words(error) :
			openvbs_status_check(var->attributes, var->data, var->size, &s->status);
	if (!wrong) {
		s->status_there = true;
		return;
	}
	memset(&s->status, 0, sizeof(s->status));
	because(s->status_why, OVBS_STATUS_VARIABLE, wrong);
}

static void load_local(struct vbsctl *v, struct store_source *local, struct efivar *var)
{
	int error = efivar_read(v, OVBS_SETTINGS_VARIABLE, OVBS_SETTINGS_GUID_TEXT, var);
	char why[SETTINGS_WHY_MAX];

	record_init(&local->record);
	local->state = SOURCE_UNREADABLE;
	if (error == -ENOENT)
		local->state = SOURCE_ABSENT;
	else if (error)
		because(local->why, OVBS_SETTINGS_VARIABLE, efivar_words(error));
	else if (var->attributes != EFIVARS_NV_BS_RT)
		snprintf(local->why, sizeof(local->why),
			 OVBS_SETTINGS_VARIABLE ": attributes %#x instead of %#x: the loader leaves it out",
			 var->attributes, EFIVARS_NV_BS_RT);
	else if (record_decode(var->data, var->size, &local->record, why) != 0)
		because(local->why, OVBS_SETTINGS_VARIABLE, why);
	else
		local->state = SOURCE_GOOD;
}

/* Return: 0; -ENOENT: there is no such file; -EINVAL: damaged; another -errno. @why but after 0. */
static int read_slot(const char *file, struct ovbs_record *out, char why[WHY])
{
	uint8_t data[sizeof(*out) + 1];
	char wrong[SETTINGS_WHY_MAX];
	int error, fd = open(file, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t n = 1;

	if (fd < 0) {
		error = -errno;
		because(why, strrchr(file, '/') + 1, strerror(-error));
		return error;
	}
	while (n > 0 && used < sizeof(data)) {
		n = read(fd, data + used, sizeof(data) - used);
		used += n > 0 ? (size_t)n : 0;
	}
	error = n < 0 ? -errno : 0;
	close(fd);
	if (error) {
		because(why, strrchr(file, '/') + 1, strerror(-error));
		return error;
	}
	if (record_decode(data, used, out, wrong) != 0) {
		because(why, strrchr(file, '/') + 1, wrong);
		return -EINVAL;
	}
	return 0;
}

static void slot_path(const struct store *s, unsigned int slot, char path[4200])
{
	snprintf(path, 4200, "%s/%s", s->esp, slot_names[slot]);
}

/* Policy values of this boot, for a user who can't read the file: the best there is to go by. */
static bool policy_from_status(const struct store *s, struct ovbs_record *out)
{
	record_init(out);
	if (!s->status_there || s->status.policy_generation == 0)
		return false;
	for (unsigned int id = 0; id < OVBS_SETTINGS; id++)
		if (s->status.setting[id].source == OVBS_SOURCE_POLICY &&
		    record_set(out, (enum ovbs_setting)id, s->status.setting[id].value) != 0)
			return false;
	out->generation = s->status.policy_generation;
	return true;
}

static void load_policy(struct store *s)
{
	struct store_source *policy = &s->policy;
	struct ovbs_record slot;
	char path[4200], why[WHY];

	record_init(&policy->record);
	if (s->esp[0] == '\0') {
		policy->state = SOURCE_UNREADABLE;
		snprintf(policy->why, sizeof(policy->why), "%s", s->esp_why);
		return;
	}
	for (unsigned int i = 0; i < 2; i++) {
		int error;

		slot_path(s, i, path);
		error = read_slot(path, &slot, why);
		if (error == -ENOENT)
			continue;
		if (error) {
			snprintf(policy->why, sizeof(policy->why), "%s", why);
			if (policy->state == SOURCE_ABSENT)
				policy->state = SOURCE_UNREADABLE;
		} else if (policy->state != SOURCE_GOOD ||
			   record_newer(slot.generation, policy->record.generation)) {
			policy->state = SOURCE_GOOD;
			policy->record = slot;
			memcpy(s->policy_file, path, sizeof(path));
		}
	}
}

/* Entries of this boot with this source. Return: how many. */
static unsigned int rebuild(const struct ovbs_status *status, enum ovbs_source source,
			    struct ovbs_record *out)
{
	unsigned int n = 0;

	record_init(out);
	for (unsigned int id = 0; id < OVBS_SETTINGS; id++)
		if (status->setting[id].source == source &&
		    record_set(out, (enum ovbs_setting)id, status->setting[id].value) == 0)
			n++;
	return n;
}

/* What it holds now: for this boot, or, written in this boot, from the next one on. */
static void load_lock(struct store *s)
{
	record_init(&s->lock);
	if (!s->status_there)
		return;
	for (unsigned int id = 0; id < OVBS_SETTINGS; id++) {
		uint8_t held = s->status.setting[id].held;

		if (held != 0 && record_set(&s->lock, (enum ovbs_setting)id, held - 1u) == 0)
			s->lock_there = true;
	}
}

static void resolve(const struct store *s, const struct ovbs_record *local, struct settings *out)
{
	struct ovbs_record opt_out, policy;
	struct settings_sources from = { .local = local };

	if (s->lock_there)
		from.lock = &s->lock;
	if (s->policy.state == SOURCE_GOOD)
		from.policy = &s->policy.record;
	else if (s->policy.state == SOURCE_UNREADABLE && policy_from_status(s, &policy))
		from.policy = &policy;
	if (s->status_there && (s->status.findings & OVBS_FOUND_OPTED_OUT) != 0) {
		rebuild(&s->status, OVBS_SOURCE_OPT_OUT, &opt_out);
		opt_out.generation = s->status.local_generation;
		opt_out.base_generation = s->status.policy_generation;
		from.opt_out = &opt_out;
	}
	settings_resolve(&from, out);
}

/* 0 is none: no record is written with it. */
static uint32_t generation_after(uint32_t generation)
{
	return generation == UINT32_MAX ? 1 : generation + 1;
}

/*
 * What comes after a record and after what this boot used, even if that is gone.
 * It has to beat the record: the loader goes by that alone.
 */
static uint32_t next_generation(const struct store_source *source, uint32_t used)
{
	uint32_t own = source->record.generation, next = generation_after(used);

	if (source->state != SOURCE_GOOD)
		return next;
	return used != 0 && record_newer(used, own) && record_newer(next, own) ? next :
										 generation_after(own);
}

uint32_t store_next_generation(const struct store *s)
{
	return next_generation(&s->local, s->status.local_generation);
}

void store_resolve(const struct store *s, const struct ovbs_record *local, struct settings *out)
{
	struct ovbs_record copy = *local;

	copy.generation = store_next_generation(s);
	resolve(s, &copy, out);
}

void store_load(struct vbsctl *v, struct store *s)
{
	struct efivar *var = malloc(sizeof(*var));
	struct esp *esp = malloc(sizeof(*esp));

	memset(s, 0, sizeof(*s));
	record_init(&s->lock);
	if (!var || !esp) {
		fputs("vbsctl: out of memory\n", stderr);
		exit(VBSCTL_SYSTEM);
	}
	load_status(v, s, var);
	load_local(v, &s->local, var);
	esp_find(v, s->status_there ? s->status.esp_partition : NULL, esp);
	memcpy(s->esp, esp->mount, sizeof(s->esp));
	memcpy(s->esp_why, esp->why, sizeof(s->esp_why));
	load_policy(s);
	load_lock(s);
	resolve(s, s->local.state == SOURCE_GOOD ? &s->local.record : NULL, &s->next);
	free(esp);
	free(var);
}

/* Who asked: the person who logged in, also behind sudo. */
static uint32_t who(const struct vbsctl *v)
{
	char path[4096];
	FILE *f = fopen(vbsctl_path(v, path, "/proc/self/loginuid"), "re");
	unsigned int uid;
	int got = f ? fscanf(f, "%u", &uid) : 0;

	if (f)
		fclose(f);
	return got == 1 && uid != UINT32_MAX ? uid : getuid();
}

static void stamp(const struct vbsctl *v, struct ovbs_record *r, uint32_t generation, const char *by)
{
	time_t now = time(NULL);

	r->generation = generation;
	r->changed_s = now > 0 ? (uint64_t)now : 0;
	r->changed_uid = who(v);
	r->base_generation = 0;
	r->flags = 0;
	memset(r->changed_by, 0, sizeof(r->changed_by));
	snprintf(r->changed_by, sizeof(r->changed_by), "%s", by);
	record_seal(r);
}

/* The same as when store_load() read it? Two vbsctl at once must not lose a change. */
static bool local_unchanged(struct vbsctl *v, const struct store *s, struct efivar *var)
{
	struct store_source now = { 0 };

	load_local(v, &now, var);
	return now.state == s->local.state &&
	       memcmp(&now.record, &s->local.record, sizeof(now.record)) == 0;
}

static int write_variable(struct vbsctl *v, const struct store *s, const struct ovbs_record *r,
			  struct efivar *var)
{
	int error;

	if (!local_unchanged(v, s, var))
		return vbsctl_error(v, VBSCTL_SYSTEM,
				    "the settings were changed by somebody else at the same moment; nothing was written: try again");
	/* A variable's attributes can't be changed: what has others was made by somebody else, and counts for nothing. */
	if (var->size && var->attributes != EFIVARS_NV_BS_RT)
		efivar_remove(v, OVBS_SETTINGS_VARIABLE, OVBS_SETTINGS_GUID_TEXT);
	error = efivar_write(v, OVBS_SETTINGS_VARIABLE, OVBS_SETTINGS_GUID_TEXT, EFIVARS_NV_BS_RT,
			     r, sizeof(*r));
	if (error)
		return vbsctl_error(v, VBSCTL_SYSTEM,
				    "settings were not changed: UEFI variable " OVBS_SETTINGS_VARIABLE ": %s",
				    efivar_words(error));
	error = efivar_read(v, OVBS_SETTINGS_VARIABLE, OVBS_SETTINGS_GUID_TEXT, var);
	if (error || var->attributes != EFIVARS_NV_BS_RT || var->size != sizeof(*r) ||
	    memcmp(var->data, r, sizeof(*r)) != 0)
		return vbsctl_error(v, VBSCTL_SYSTEM,
				    "UEFI variable " OVBS_SETTINGS_VARIABLE
				    " was written, but reads back differently (%s): firmware did not keep it; `vbsctl reg query` shows what counts",
				    error ? efivar_words(error) : "other content");
	return VBSCTL_OK;
}

int store_write_local(struct vbsctl *v, const struct store *s, struct ovbs_record *record, const char *by)
{
	struct efivar *var = malloc(sizeof(*var));
	int status;

	if (!var)
		return vbsctl_error(v, VBSCTL_SYSTEM, "settings were not changed: out of memory");
	stamp(v, record, store_next_generation(s), by);
	status = write_variable(v, s, record, var);
	free(var);
	return status;
}

/* Write, flush, and look again past the cache of this descriptor. Return: 0 or -errno. */
static int write_slot(const char *path, const struct ovbs_record *r)
{
	int error = 0, fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	const uint8_t *data = (const uint8_t *)r;
	size_t done = 0;

	if (fd < 0)
		return -errno;
	while (!error && done < sizeof(*r)) {
		ssize_t n = write(fd, data + done, sizeof(*r) - done);

		if (n < 0 && errno != EINTR)
			error = -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	if (!error && fsync(fd) != 0)
		error = -errno;
	if (close(fd) != 0 && !error)
		error = -errno;
	return error;
}

static int flush_folder(const struct store *s)
{
	char path[4200];
	int fd, error = 0;

	snprintf(path, sizeof(path), "%s/" ESP_FOLDER, s->esp);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fsync(fd) != 0 && errno != EINVAL)
		error = -errno;
	close(fd);
	return error;
}

static const char *slot_words(int error)
{
	switch (-error) {
	case ENOSPC:
		return "the ESP is full: free some space on it";
	case EROFS:
		return "the ESP is mounted read-only: remount it with rw, and check it with fsck.vfat if Linux did that";
	case ENOENT:
		return "the folder " ESP_FOLDER " is absent: install openvbs there";
	case EACCES:
	case EPERM:
		return "permission denied: run as root";
	default:
		return strerror(-error);
	}
}

/* The slot that does not count: the other one than the file that does, else the first. */
static unsigned int free_slot(const struct store *s)
{
	char path[4200];

	slot_path(s, 0, path);
	return s->policy_file[0] != '\0' && strcmp(s->policy_file, path) == 0 ? 1 : 0;
}

/* Which file the loader would take now. Return: whether it is this one, with this record. */
static bool wins(const struct store *s, const char *path, const struct ovbs_record *record)
{
	struct store *now = calloc(1, sizeof(*now));
	bool good;

	if (!now)
		return false;
	memcpy(now->esp, s->esp, sizeof(now->esp));
	load_policy(now);
	good = now->policy.state == SOURCE_GOOD && strcmp(now->policy_file, path) == 0 &&
	       memcmp(&now->policy.record, record, sizeof(*record)) == 0;
	free(now);
	return good;
}

int store_write_policy(struct vbsctl *v, const struct store *s, struct ovbs_record *record, const char *by)
{
	char path[4200];
	int error;

	if (s->esp[0] == '\0')
		return vbsctl_error(v, VBSCTL_SYSTEM, "the policy was not changed: %s", s->esp_why);
	slot_path(s, free_slot(s), path);
	stamp(v, record, next_generation(&s->policy, s->status.policy_generation), by);
	error = write_slot(path, record);
	if (!error)
		error = flush_folder(s);
	if (error) {
		/* A torn file would do no harm, but a whole one that was not flushed might. */
		unlink(path);
		return vbsctl_error(v, VBSCTL_SYSTEM, "the policy was not changed: %s: %s", path,
				    slot_words(error));
	}
	if (!wins(s, path, record)) {
		unlink(path);
		return vbsctl_error(v, VBSCTL_SYSTEM,
				    "the policy was not changed: %s, generation %u, reads back differently, or the other file beats it, so that the loader would not take it: check the ESP with fsck.vfat, and that nobody else writes policies there",
				    path, record->generation);
	}
	return VBSCTL_OK;
}
