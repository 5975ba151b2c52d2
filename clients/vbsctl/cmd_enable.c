/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vbsctl enable and disable: whole, or one service. Everything that one call
 * changes goes into one record and one write, so that a power cut leaves the
 * old settings or the new ones. Before that, the new ones are resolved as the
 * loader will resolve them: what a lock or a policy would overrule is refused,
 * since a setting that changes nothing without a word is worse than an error.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "gather.h"
#include "level.h"
#include "live.h"
#include "output.h"

enum target { WHOLE, MEMORY_INTEGRITY, CREDENTIAL_GUARD };

struct request {
	bool enable, lock, mandatory;
	enum target target;
	int level; /* -1: not said */
};

#define WANTED 8

/* What this call asks for, and the record that says so. */
struct plan {
	struct ovbs_record record;
	struct settings next; /* as they resolve with it */
	struct settings_value want[WANTED];
	enum ovbs_setting id[WANTED];
	unsigned int count;
};

static void want(struct plan *p, enum ovbs_setting id, uint32_t value)
{
	p->id[p->count] = id;
	p->want[p->count++].value = value;
	/* never full: a record has room for every id */
	if (record_set(&p->record, id, value) != 0)
		abort();
}

/* Remember what a value was before the first `enable`, for `disable` to give back. */
static void save(struct ovbs_record *r, const struct ovbs_record *before, enum ovbs_setting id)
{
	struct ovbs_setting_entry *entry = &r->saved[r->saved_count];
	uint32_t value = 0;

	for (unsigned int i = 0; i < r->saved_count; i++)
		if (r->saved[i].id == id)
			return;
	if (r->saved_count >= OVBS_RECORD_ENTRIES)
		return;
	r->saved_count++;
	*entry = (struct ovbs_setting_entry){ .id = (uint16_t)id };
	if (record_get(before, id, &value))
		entry->value = value;
	else
		entry->flags = OVBS_ENTRY_ABSENT;
}

static void give_back(struct ovbs_record *r)
{
	for (unsigned int i = 0; i < r->saved_count; i++) {
		enum ovbs_setting id = (enum ovbs_setting)r->saved[i].id;

		if ((r->saved[i].flags & OVBS_ENTRY_ABSENT) != 0)
			record_remove(r, id);
		else if (record_set(r, id, r->saved[i].value) != 0)
			abort(); /* as in want() */
	}
	r->saved_count = 0;
	memset(r->saved, 0, sizeof(r->saved));
}

static void plan_whole_on(const struct store *s, const struct request *r, struct plan *p)
{
	const struct ovbs_record before = p->record;
	enum ovbs_source level_by = s->next.v[OVBS_SET_LEVEL].source;
	uint32_t value;

	want(p, OVBS_SET_VBS, 1);
	if (r->level >= 0)
		want(p, OVBS_SET_LEVEL, (uint32_t)r->level);
	else if (level_by != OVBS_SOURCE_LOCK && level_by != OVBS_SOURCE_POLICY &&
		 !record_get(&p->record, OVBS_SET_LEVEL, &value))
		want(p, OVBS_SET_LEVEL, 1);
	if (r->mandatory)
		want(p, OVBS_SET_MANDATORY, 1);
	if (r->lock) {
		want(p, OVBS_SET_LOCKED, 1);
		/* Services that were switched off on purpose are not switched on by a lock. */
		store_resolve(s, &p->record, &p->next);
		if (p->next.v[OVBS_SET_HVCI].value != 0)
			want(p, OVBS_SET_HVCI_LOCKED, 1);
		if (p->next.v[OVBS_SET_LSA_CFG].value != 0)
			want(p, OVBS_SET_LSA_CFG, 1);
	}
	for (unsigned int i = 0; i < p->count; i++)
		if (p->id[i] != OVBS_SET_VBS)
			save(&p->record, &before, p->id[i]);
}

static void make_plan(const struct store *s, const struct request *r, struct plan *p)
{
	memset(p, 0, sizeof(*p));
	p->record = s->local.record;
	if (r->target == MEMORY_INTEGRITY) {
		want(p, OVBS_SET_HVCI, r->enable);
		if (r->lock)
			want(p, OVBS_SET_HVCI_LOCKED, 1);
	} else if (r->target == CREDENTIAL_GUARD) {
		want(p, OVBS_SET_LSA_CFG, !r->enable ? 0 : r->lock ? 1 : 2);
	} else if (r->enable) {
		plan_whole_on(s, r, p);
	} else {
		give_back(&p->record);
		want(p, OVBS_SET_VBS, 0);
	}
	store_resolve(s, &p->record, &p->next);
}

static int overruled(struct vbsctl *v, const struct store *s, enum ovbs_setting id, uint32_t value,
		     const struct settings_value *by)
{
	const char *name = state_setting_name(id);

	if (by->source == OVBS_SOURCE_LOCK)
		return vbsctl_error(v, VBSCTL_LOCKED,
				    "nothing was changed: the UEFI lock holds %s=%u, so that %u would have no effect. "
				    "Only a person at the console can end the lock: run `vbsctl opt-out`, reboot, and answer the question on the screen",
				    name, by->value, value);
	return vbsctl_error(v, VBSCTL_NO,
			    "nothing was changed: the policy sets %s=%u and wins over the local value %u. "
			    "It is in %s; `vbsctl policy show` shows it, `vbsctl policy remove` removes it",
			    name, by->value, value,
			    s->policy_file[0] ? s->policy_file : "a file that this user can't read");
}

/* Will the next boot use what was asked for? */
static int check_plan(struct vbsctl *v, const struct store *s, const struct request *r,
		      const struct plan *p)
{
	for (unsigned int i = 0; i < p->count; i++) {
		const struct settings_value *got = &p->next.v[p->id[i]];

		if (got->value == p->want[i].value)
			continue;
		/* 1 with lock and 2 without are both on: who wants it on has it */
		if (p->id[i] == OVBS_SET_LSA_CFG && r->enable && !r->lock && got->value != 0)
			continue;
		return overruled(v, s, p->id[i], p->want[i].value, got);
	}
	return VBSCTL_OK;
}

/* Where the loader has not looked: Secure Boot and the IOMMU are all that level_decide() asks for. */
static const struct ovbs_platform *look(const struct vbsctl *v, const struct live *l, struct gathered *seen)
{
	if (l->facts.platform)
		return l->facts.platform;
	memset(seen, 0, sizeof(*seen));
	gather_secure_boot(v, seen);
	gather_iommu(v, &seen->platform);
	return &seen->platform;
}

static int check_lock(struct vbsctl *v, const struct live *l, const struct request *r)
{
	struct gathered seen;
	const char *wrong = r->lock ? level_secure_boot(look(v, l, &seen)) : NULL;
	bool shim = wrong && strcmp(wrong, "level.shim") == 0;

	if (!wrong)
		return VBSCTL_OK;
	return vbsctl_error(v, VBSCTL_NO,
			    "nothing was changed: a UEFI lock needs Secure Boot, and %s: "
			    "without it anything may start before openvbs and delete the lock. %s, or leave out --lock",
			    shim ? "shim is told to check no signatures (MokSBState is 1)" :
				   "the UEFI variable SecureBoot is not 1, or SetupMode is",
			    shim ? "Let it check them again (mokutil --enable-validation), reboot" :
				   "Switch it on in the firmware's set-up");
}

static void tell_changes(struct vbsctl *v, const struct settings *before, const struct settings *after)
{
	json_t *changes = json_array();

	for (unsigned int id = 0; id < OVBS_SETTINGS; id++) {
		const struct settings_value *a = &before->v[id], *b = &after->v[id];
		const char *name = state_setting_name((enum ovbs_setting)id);

		if (a->value == b->value && a->source == b->source)
			continue;
		out_text(v, "  %s: %u (%s) -> %u (%s)", name, a->value, source_name(a->source),
			 b->value, source_name(b->source));
		json_array_append_new(changes, json_pack("{s:s, s:i, s:s, s:i, s:s}", "Name", name,
							 "Old", (int)a->value, "OldSource",
							 source_name(a->source), "New", (int)b->value,
							 "NewSource", source_name(b->source)));
	}
	if (json_array_size(changes) == 0)
		out_text(v, "Settings: nothing changes, they were so before.");
	if (v->json)
		v->out = json_pack("{s:o}", "Changes", changes);
	else
		json_decref(changes);
}

static void warn_level(struct vbsctl *v, const struct ovbs_platform *p, const struct settings *next)
{
	struct verdict verdict;

	if (level_decide(next, p, &verdict))
		return;
	if (strcmp(verdict.check, "level.iommu") == 0 && p->iommu == OVBS_FACT_UNKNOWN)
		vbsctl_note(v, "level 3 requires an IOMMU; whether this machine has one can't be told: %.55s. Without one the next boot will not start it",
			    p->iommu_why[0] ? p->iommu_why : "this kernel shows no ACPI tables");
	else
		vbsctl_note(v, "the next boot will not start it: %s (%s): %s. %s",
			    reason_name(verdict.reason), verdict.check, verdict.evidence,
			    state_check_advice(verdict.check, verdict.reason));
}

/* What the loader will say with these settings, as far as it can be known now. */
static void warn(struct vbsctl *v, const struct live *l, const struct settings *next)
{
	struct gathered seen;

	if (next->v[OVBS_SET_VBS].value == 0)
		return;
	warn_level(v, look(v, l, &seen), next);
	if (l->facts.boot_order == OVBS_FACT_NO)
		vbsctl_note(v, "firmware's boot order does not start openvbs at the next boot: put it first (efibootmgr --bootorder)");
}

/* Case S2: one service is off, and VBS itself is not. */
static void tell_rest(struct vbsctl *v, const struct live *l, const struct request *r)
{
	const struct settings_value *vbs = &l->store.next.v[OVBS_SET_VBS];
	bool any = false;

	if (r->target == WHOLE)
		return;
	if (vbs->value == 0) {
		if (r->enable)
			vbsctl_note(v, "virtualization-based security itself is off (%s=0, %s), and nothing of it runs: `vbsctl enable` switches it on",
				    state_setting_name(OVBS_SET_VBS), source_name(vbs->source));
		return;
	}
	if (r->enable)
		return;
	vbsctl_note(v, "only %s is off; virtualization-based security itself stays on, because %s=1 (%s). `vbsctl disable` switches all of it off",
		    state_service_name(r->target == MEMORY_INTEGRITY ? STATE_MEMORY_INTEGRITY :
								       STATE_CREDENTIAL_GUARD),
		    state_setting_name(OVBS_SET_VBS), source_name(vbs->source));
	for (unsigned int i = 0; i < STATE_SERVICES; i++)
		if (l->state.service[i].configured) {
			vbsctl_note(v, "still configured: %s (%s)", l->state.service[i].name,
				    source_name(l->state.service[i].source));
			any = true;
		}
	if (!any)
		vbsctl_note(v, "no service is configured any more: it keeps running, with trustlets alone");
}

/* What of these settings asks for a lock, as "Locked=1 (policy)". Return: whether a policy does. */
static bool lock_wishes(const struct settings *s, char *text, size_t size)
{
	static const struct {
		enum ovbs_setting id, with;
	} wishes[] = {
		{ OVBS_SET_LOCKED, OVBS_SET_VBS },
		{ OVBS_SET_HVCI_LOCKED, OVBS_SET_HVCI },
		{ OVBS_SET_LSA_CFG, OVBS_SET_VBS },
	};
	bool policy = false;
	size_t used = 0;

	text[0] = '\0';
	for (unsigned int i = 0; i < sizeof(wishes) / sizeof(wishes[0]) && used < size; i++) {
		const struct settings_value *wish = &s->v[wishes[i].id];

		if (wish->value != 1 || s->v[wishes[i].with].value != 1 || wish->source == OVBS_SOURCE_LOCK)
			continue;
		policy |= wish->source == OVBS_SOURCE_POLICY;
		used += (size_t)snprintf(text + used, size - used, "%s%s=1 (%s)", used ? ", " : "",
					 state_setting_name(wishes[i].id), source_name(wish->source));
	}
	return policy;
}

/* A lock that this call did not ask for, but older values do. */
static void tell_lock(struct vbsctl *v, const struct live *l)
{
	const struct store *s = &l->store;
	struct ovbs_record held = s->lock, more;
	struct gathered seen;
	char wishes[256];
	uint32_t value;
	bool policy;

	/* what the status does not say of a lock that is there: these two are always in it */
	for (enum ovbs_setting id = OVBS_SET_LEVEL; s->lock_there && id <= OVBS_SET_MANDATORY; id++)
		if (!record_get(&held, id, &value) && record_set(&held, id, 0) != 0)
			return;
	if (!settings_want_lock(&s->next, s->lock_there ? &held : NULL, &more) ||
	    level_secure_boot(look(v, l, &seen)) != NULL)
		return;
	policy = lock_wishes(&s->next, wishes, sizeof(wishes));
	vbsctl_note(v,
		    "the next boot writes a UEFI lock, which only a person at the console can end, because of %s. "
		    "To have none, change that before you reboot: %s",
		    wishes,
		    policy ? "the policy asks for it (`vbsctl policy show`)" :
			     "`vbsctl reg add` with Locked 0, or LsaCfgFlags 2");
}

static void tell(struct vbsctl *v, const struct live *before, const struct request *r)
{
	struct live *after = live_load(v);

	if (before->store.local.state == SOURCE_UNREADABLE)
		vbsctl_note(v, "the old local values were unreadable and are replaced: %s",
			    before->store.local.why);
	tell_changes(v, &before->store.next, &after->store.next);
	warn(v, after, &after->store.next);
	tell_rest(v, after, r);
	if (r->lock)
		vbsctl_note(v, "the lock is written by the loader at the next boot; from then on only a person at the console can end it (`vbsctl opt-out`)");
	else if (r->enable)
		tell_lock(v, after);
	/* No status, no telling what this boot has: then a reboot is the safe advice. */
	if (after->state.pending_reboot || !after->state.now_known || r->lock)
		out_text(v, "Reboot to apply.");
	else
		out_text(v, "This boot has these settings already: no reboot is needed.");
	if (v->json)
		json_object_set_new(v->out, "PendingReboot",
				    json_boolean(after->state.pending_reboot ||
						 !after->state.now_known || r->lock));
	free(after);
}

static int carry_out(struct vbsctl *v, const struct request *r)
{
	struct live *l = live_load(v);
	struct store *s = &l->store;
	struct plan *p = calloc(1, sizeof(*p));
	int status = p ? check_lock(v, l, r) : vbsctl_error(v, VBSCTL_SYSTEM, "out of memory");

	if (!status) {
		make_plan(s, r, p);
		status = check_plan(v, s, r, p);
	}
	/* The same values again do nothing, but for ending an opt-out, which they do by being newer. */
	if (!status && (s->local.state != SOURCE_GOOD || s->next.opted_out ||
			memcmp(&p->record, &s->local.record, sizeof(p->record)) != 0))
		status = store_write_local(v, s, &p->record, r->enable ? "vbsctl enable" : "vbsctl disable");
	if (!status)
		tell(v, l, r);
	free(p);
	free(l);
	return status;
}

static bool parse_target(const char *text, enum target *target)
{
	if (strcmp(text, "memory-integrity") == 0)
		*target = MEMORY_INTEGRITY;
	else if (strcmp(text, "credential-guard") == 0)
		*target = CREDENTIAL_GUARD;
	else
		return false;
	return true;
}

static bool parse(int argc, char **argv, struct request *r)
{
	static const struct option options[] = {
		{ "level", required_argument, NULL, 'l' },
		{ "lock", no_argument, NULL, 'k' },
		{ "mandatory", no_argument, NULL, 'm' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	r->level = -1;
	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (!r->enable)
			return false;
		if (c == 'k')
			r->lock = true;
		else if (c == 'm')
			r->mandatory = true;
		else if (c == 'l' && (strcmp(optarg, "0") == 0 || strcmp(optarg, "1") == 0 ||
				      strcmp(optarg, "3") == 0))
			r->level = optarg[0] - '0';
		else
			return false;
	}
	if (argc - optind > 1 || (argc - optind == 1 && !parse_target(argv[optind], &r->target)))
		return false;
	return r->target == WHOLE || (r->level < 0 && !r->mandatory);
}

int cmd_enable(struct vbsctl *v, int argc, char **argv)
{
	struct request r = { .enable = true };

	if (!parse(argc, argv, &r))
		return vbsctl_error(v, VBSCTL_USAGE,
				    "enable: arguments: [--level 0|1|3] [--lock] [--mandatory], or memory-integrity|credential-guard [--lock]; nothing was changed");
	return carry_out(v, &r);
}

int cmd_disable(struct vbsctl *v, int argc, char **argv)
{
	struct request r = { .enable = false };

	if (!parse(argc, argv, &r))
		return vbsctl_error(v, VBSCTL_USAGE,
				    "disable: arguments: [memory-integrity|credential-guard]; nothing was changed");
	return carry_out(v, &r);
}
