/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vbsctl opt-out: prepare the one way past the UEFI lock. Three things are
 * written, in an order that leaves nothing half (case S6): a boot entry that
 * firmware never starts by itself, the local values, and last BootNext, which
 * makes it happen. If BootNext can't be written, the local values are put back.
 * Whatever breaks off in between, the lock still holds and the command can be
 * given again. Nothing here opens the lock: that takes a person at the console.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bootvars.h"
#include "efivars.h"
#include "live.h"
#include "output.h"

#define BACKUP_DIR  "/var/lib/openvbs"
#define BACKUP_FILE BACKUP_DIR "/before-opt-out"

#define PARTS 3

#define CLEARED 4

/*
 * Of each part: what switches it off, and the wishes to lock it, which would
 * have the loader write the lock anew once it is switched on again.
 */
static const struct part {
	const char *option, *word, *name;
	enum ovbs_setting setting;
	enum ovbs_setting clear[CLEARED];
	unsigned int count;
} parts[PARTS] = {
	{ "vbs",
	  "DISABLE-VBS",
	  "virtualization-based security",
	  OVBS_SET_VBS,
	  { OVBS_SET_VBS, OVBS_SET_LOCKED, OVBS_SET_HVCI_LOCKED, OVBS_SET_LSA_CFG },
	  4 },
	{ "credential-guard", "DISABLE-LSA-ISO", "Credential Guard", OVBS_SET_LSA_CFG, { OVBS_SET_LSA_CFG }, 1 },
	{ "memory-integrity", "DISABLE-HVCI", "memory integrity", OVBS_SET_HVCI, { OVBS_SET_HVCI, OVBS_SET_HVCI_LOCKED }, 2 },
};

struct request {
	unsigned int chosen; /* bit n: parts[n] */
	bool list, cancel;
};

/* Everything that was looked at before something is written. */
struct preflight {
	struct esp esp;
	struct esp_partition partition;
};

static unsigned int locked_parts(const struct store *s)
{
	unsigned int mask = 0;
	uint32_t value;

	for (unsigned int i = 0; s->lock_there && i < PARTS; i++)
		if (record_get(&s->lock, parts[i].setting, &value) && value != 0)
			mask |= 1u << i;
	return mask;
}

static void names_of(unsigned int mask, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (unsigned int i = 0; i < PARTS && used < size; i++)
		if (mask & 1u << i)
			used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "",
						 parts[i].name);
}

static void hold(struct vbsctl *v, json_t *all, const char *name, uint32_t value,
		 const char *source, const char *end)
{
	out_text(v, "  %s=%u, %s: %s", name, value, source, end);
	json_array_append_new(all, json_pack("{s:s, s:i, s:s, s:s}", "Name", name, "Value",
					     (int)value, "Source", source, "WhatToDo", end));
}

static void list_record(struct vbsctl *v, json_t *all, const struct ovbs_record *r,
			enum ovbs_source source, const char *end)
{
	uint32_t value;

	for (unsigned int id = 0; id < OVBS_SETTINGS; id++)
		if (id != OVBS_SET_LEVEL && id != OVBS_SET_ROLE_OPT_OUT &&
		    record_get(r, (enum ovbs_setting)id, &value) && value != 0)
			hold(v, all, state_setting_name((enum ovbs_setting)id), value,
			     source_name(source), end);
}

/* Everything that holds VBS on (case S11): not only what wins, but what would win next. */
static void list(struct vbsctl *v, const struct live *l)
{
	const struct store *s = &l->store;
	json_t *all = json_array();

	out_text(v, "What holds virtualization-based security on (%s):", l->state.text);
	if (s->lock_there)
		list_record(v, all, &s->lock, OVBS_SOURCE_LOCK,
			    "`vbsctl opt-out`, reboot, answer at the console");
	if (s->policy.state == SOURCE_GOOD)
		list_record(v, all, &s->policy.record, OVBS_SOURCE_POLICY, "`vbsctl policy remove`");
	if (s->local.state == SOURCE_GOOD)
		list_record(v, all, &s->local.record, OVBS_SOURCE_LOCAL, "`vbsctl disable`");
	for (unsigned int id = 0; id < OVBS_SETTINGS; id++)
		if (s->next.v[id].source == OVBS_SOURCE_DEFAULT && s->next.v[id].value != 0)
			hold(v, all, state_setting_name((enum ovbs_setting)id), s->next.v[id].value,
			     "default",
			     "on because virtualization-based security is; write 0 to switch it off");
	if (json_array_size(all) == 0)
		out_text(v, "  no setting");
	if (l->state.running && s->next.v[OVBS_SET_VBS].value == 0)
		out_text(v, "  it runs until the next boot: reboot");
	if (s->policy.state == SOURCE_UNREADABLE)
		vbsctl_note(v, "whether a policy holds it on can't be told: %s", s->policy.why);
	if (!s->status_there)
		vbsctl_note(v, "whether a UEFI lock holds it on can't be told: %s", s->status_why);
	if (l->facts.opt_out_pending)
		vbsctl_note(v, "an opt-out is prepared: the next boot asks at the console");
	if (v->json)
		v->out = json_pack("{s:o, s:s, s:b, s:b}", "Holds", all, "Text", l->state.text,
				   "Locked", s->lock_there, "OptOutPending", l->facts.opt_out_pending);
	else
		json_decref(all);
}

static int preflight(struct vbsctl *v, const struct store *s, struct preflight *p)
{
	char path[4200], why[ESP_WHY];
	int error;

	esp_find(v, s->status_there ? s->status.esp_partition : NULL, &p->esp);
	if (p->esp.mount[0] == '\0')
		return vbsctl_error(v, VBSCTL_SYSTEM, "nothing was changed: %s", p->esp.why);
	if (p->esp.read_only)
		return vbsctl_error(v, VBSCTL_SYSTEM,
				    "nothing was changed: the ESP, %s on %s, is mounted read-only: remount it with rw, and check it with fsck.vfat if Linux did that",
				    p->esp.source, p->esp.mount);
	snprintf(path, sizeof(path), "%s/" ESP_FOLDER "/" BOOT_OPT_OUT_FILE, p->esp.mount);
	if (access(path, R_OK) != 0)
		return vbsctl_error(v, VBSCTL_SYSTEM,
				    "nothing was changed: %s: %s; install openvbs again, or run as root",
				    path, strerror(errno));
	snprintf(path, sizeof(path), "%s/" ESP_FOLDER, p->esp.mount);
	if (access(path, W_OK) != 0)
		return vbsctl_error(v, VBSCTL_SYSTEM,
				    "nothing was changed: %s may not be written: %s; run as root",
				    path, strerror(errno));
	error = efivar_writable(v);
	if (error)
		return vbsctl_error(v, VBSCTL_SYSTEM, "nothing was changed: %s", efivar_words(error));
	if (esp_partition(v, &p->esp, &p->partition, why) != 0)
		return vbsctl_error(v, VBSCTL_SYSTEM, "nothing was changed: %s", why);
	return VBSCTL_OK;
}

/* A whole file or none. Return: 0 or -errno. */
static int write_file(const char *temporary, const char *path, const void *data, size_t size)
{
	int error = 0, fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	if (write(fd, data, size) != (ssize_t)size || fsync(fd) != 0)
		error = errno ? -errno : -EIO;
	close(fd);
	if (!error && rename(temporary, path) != 0)
		error = -errno;
	if (error)
		unlink(temporary);
	return error;
}

/* Return: whether there is one, and it is what came before the present local values. */
static bool read_backup(const struct vbsctl *v, const struct store *s, struct ovbs_record *out)
{
	uint8_t data[sizeof(*out) + 1];
	char path[4096], why[SETTINGS_WHY_MAX];
	FILE *f = fopen(vbsctl_path(v, path, BACKUP_FILE), "re");
	size_t n = f ? fread(data, 1, sizeof(data), f) : 0;

	if (f)
		fclose(f);
	return record_decode(data, n, out, why) == 0 && s->local.state == SOURCE_GOOD &&
	       out->base_generation == s->local.record.generation;
}

/* The local values as they are now, for --cancel; of two in a row, as before the first. base_generation says which ones they may replace. */
static int keep_backup(struct vbsctl *v, const struct store *s)
{
	struct ovbs_record old;
	char folder[4096], path[4096], temporary[4096];
	int error;

	if (!boot_opt_out_pending(v) || !read_backup(v, s, &old))
		old = s->local.record;
	old.base_generation = store_next_generation(s);
	record_seal(&old);
	vbsctl_path(v, folder, BACKUP_DIR);
	if (mkdir(folder, 0700) != 0 && errno != EEXIST)
		return vbsctl_error(v, VBSCTL_SYSTEM, "nothing was changed: %s: %s", folder,
				    strerror(errno));
	error = write_file(vbsctl_path(v, temporary, BACKUP_FILE ".new"),
			   vbsctl_path(v, path, BACKUP_FILE), &old, sizeof(old));
	if (error)
		return vbsctl_error(v, VBSCTL_SYSTEM, "nothing was changed: %s: %s", path,
				    strerror(-error));
	return VBSCTL_OK;
}

static int set_next(struct vbsctl *v, const struct ovbs_record *old, int entry)
{
	int error = boot_set_next(v, (unsigned int)entry), status;
	struct ovbs_record back = *old;
	struct store *now;

	if (!error)
		return VBSCTL_OK;
	now = calloc(1, sizeof(*now));
	if (now)
		store_load(v, now);
	status = now ? store_write_local(v, now, &back, "vbsctl opt-out undone") : VBSCTL_SYSTEM;
	free(now);
	return vbsctl_error(v, VBSCTL_SYSTEM, "UEFI variable BootNext can't be written: %s. %s",
			    efivar_words(error),
			    status ? "The local values could not be put back either: the lock still holds; give the command again" :
				     "The local values were put back: nothing is changed");
}

/* Return: whether the record had room for all of it. */
static bool clear(const struct part *part, struct ovbs_record *r)
{
	for (unsigned int i = 0; i < part->count; i++)
		if (record_set(r, part->clear[i], 0) != 0)
			return false;
	return true;
}

static int write_all(struct vbsctl *v, const struct store *s, const struct preflight *p, unsigned int chosen)
{
	struct ovbs_record new = s->local.record;
	char words[64] = "", why[ESP_WHY];
	int entry, status;

	for (unsigned int i = 0; i < PARTS; i++) {
		if (!(chosen & 1u << i))
			continue;
		snprintf(words + strlen(words), sizeof(words) - strlen(words), "%s%s",
			 words[0] ? " " : "", parts[i].word);
		if (!clear(&parts[i], &new))
			return vbsctl_error(v, VBSCTL_SYSTEM,
					    "nothing was changed: the record of local values is full");
	}
	status = keep_backup(v, s);
	if (status)
		return status;
	entry = boot_make_opt_out(v, &p->partition, words, why);
	if (entry < 0)
		return vbsctl_error(v, VBSCTL_SYSTEM, "nothing was changed: %s", why);
	status = store_write_local(v, s, &new, "vbsctl opt-out");
	if (status)
		return status;
	return set_next(v, &s->local.record, entry);
}

static void tell(struct vbsctl *v, const struct store *s, unsigned int chosen, int replaced)
{
	char text[128];

	names_of(chosen, text, sizeof(text));
	out_text(v, "Prepared: opting out of %s.", text);
	out_text(v, "Now reboot. Before the system starts, the screen asks, and shows a number: typed, with Enter, it switches off; anything else, or nothing within a minute, leaves all as it is.");
	out_text(v, "Until then nothing has changed; `vbsctl opt-out --cancel` takes it back.");
	if (replaced >= 0)
		vbsctl_note(v, "BootNext was %04X before: somebody else's one-time boot is replaced",
			    (unsigned int)replaced);
	for (unsigned int i = 0; i < PARTS; i++) {
		uint32_t value;

		if (chosen & 1u << i && s->policy.state == SOURCE_GOOD &&
		    record_get(&s->policy.record, parts[i].setting, &value) && value != 0)
			vbsctl_note(v, "the policy in %s still asks for %s (%s=%u): remove it too (`vbsctl policy remove`), or the next change of it brings it back",
				    s->policy_file, parts[i].name,
				    state_setting_name(parts[i].setting), value);
	}
	if (v->json)
		v->out = json_pack("{s:b, s:s}", "OptOutPending", true, "Parts", text);
}

/* What to opt out of. Return: VBSCTL_OK, or what was said instead. */
static int choose(struct vbsctl *v, const struct live *l, unsigned int *chosen)
{
	const struct store *s = &l->store;
	unsigned int locked = locked_parts(s);
	char text[128];

	if (!s->status_there && *chosen == 0)
		return vbsctl_error(v, VBSCTL_SYSTEM,
				    "whether there is a UEFI lock can't be told (%s): say what to opt out of, for example --vbs; nothing was changed",
				    s->status_why);
	if (s->status_there && locked == 0) {
		list(v, l);
		return vbsctl_error(v, VBSCTL_NO,
				    "nothing is locked, so that no opt-out is needed: `vbsctl disable` is enough; nothing was changed");
	}
	if (*chosen == 0)
		*chosen = locked;
	if (s->status_there && (*chosen & ~locked) != 0) {
		names_of(*chosen & ~locked, text, sizeof(text));
		return vbsctl_error(v, VBSCTL_NO,
				    "not locked: %s; `vbsctl disable` is enough for it; nothing was changed",
				    text);
	}
	return VBSCTL_OK;
}

static int opt_out(struct vbsctl *v, const struct live *l, unsigned int chosen)
{
	struct preflight *p = calloc(1, sizeof(*p));
	int replaced = l->facts.opt_out_pending ? -1 : boot_next(v);
	int status = p ? choose(v, l, &chosen) : vbsctl_error(v, VBSCTL_SYSTEM, "out of memory");

	if (!status)
		status = preflight(v, &l->store, p);
	if (!status)
		status = write_all(v, &l->store, p, chosen);
	if (!status)
		tell(v, &l->store, chosen, replaced);
	free(p);
	return status;
}

static int cancel(struct vbsctl *v, const struct live *l)
{
	struct ovbs_record old;
	bool backup = read_backup(v, &l->store, &old);
	char path[4096];
	int error, status = VBSCTL_OK;

	if (!l->facts.opt_out_pending && !backup)
		return vbsctl_error(v, VBSCTL_NO, "no opt-out is prepared; nothing was changed");
	/* In the opposite order: first nothing is started any more. */
	error = boot_clear_opt_out(v);
	if (error)
		return vbsctl_error(v, VBSCTL_SYSTEM, "the boot entry of the opt-out can't be removed: %s",
				    efivar_words(error));
	if (backup)
		status = store_write_local(v, &l->store, &old, "vbsctl opt-out cancel");
	if (status)
		return status;
	unlink(vbsctl_path(v, path, BACKUP_FILE));
	out_text(v, "The opt-out is taken back%s.", backup ? ", and the local values are as before" : "");
	if (!backup)
		vbsctl_note(v, "the local values were changed since, or their copy is gone: they stay as they are");
	if (v->json)
		v->out = json_pack("{s:b, s:b}", "OptOutPending", false, "Restored", backup);
	return VBSCTL_OK;
}

static bool parse(int argc, char **argv, struct request *r)
{
	static const struct option options[] = {
		{ "vbs", no_argument, NULL, '0' },
		{ "credential-guard", no_argument, NULL, '1' },
		{ "memory-integrity", no_argument, NULL, '2' },
		{ "list", no_argument, NULL, 'l' },
		{ "cancel", no_argument, NULL, 'c' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	*r = (struct request){ 0 };
	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c >= '0' && c <= '2')
			r->chosen |= 1u << (c - '0');
		else if (c == 'l')
			r->list = true;
		else if (c == 'c')
			r->cancel = true;
		else
			return false;
	}
	return optind == argc && (r->chosen != 0) + r->list + r->cancel <= 1;
}

int cmd_opt_out(struct vbsctl *v, int argc, char **argv)
{
	int status = VBSCTL_OK;
	struct request r;
	struct live *l;

	if (!parse(argc, argv, &r))
		return vbsctl_error(v, VBSCTL_USAGE,
				    "opt-out: arguments: [--vbs] [--credential-guard] [--memory-integrity], or --list, or --cancel; nothing was changed");
	l = live_load(v);
	if (r.list)
		list(v, l);
	else
		status = r.cancel ? cancel(v, l) : opt_out(v, l, r.chosen);
	free(l);
	return status;
}
