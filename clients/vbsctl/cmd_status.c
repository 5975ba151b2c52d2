/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vbsctl status: the state of this machine, as msinfo32's lines or as JSON.
 * Everything shown is from struct state; nothing is judged here, but what
 * `--check` answers.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "state_json.h"

#define VBS "Virtualization-based security"

struct request {
	bool check, verbose;
	int level; /* -1: any */
};

/* Names of the bits of a mask, with commas. */
static void list(char *text, size_t size, uint32_t bits, const char *name(int))
{
	size_t used = 0;

	text[0] = '\0';
	for (int n = 0; n < 32 && used < size; n++)
		if ((bits & STATE_BIT(n)) != 0)
			used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "",
						 name(n));
}

static const char *property(int n)
{
	return state_property_name((enum state_property)n);
}

static const char *service(int n)
{
	return state_service_name((enum state_service_id)n);
}

static void print_main(struct vbsctl *v, const struct state *s)
{
	enum out_mark mark = s->running ? MARK_GOOD : s->configured ? MARK_BAD : MARK_NONE;
	uint32_t lacking = s->required & ~s->available;
	char text[512];

	out_line(v, s->running && !s->configured ? MARK_WARN : mark, VBS, "%s", s->text);
	list(text, sizeof(text), s->required, property);
	out_line(v, s->available_known && lacking ? MARK_BAD : MARK_NONE,
		 VBS " Required Security Properties", "%s", text);
	list(text, sizeof(text), s->available, property);
	out_line(v, MARK_NONE, VBS " Available Security Properties", "%s%s", text,
		 s->available_known ? "" :
		 *text              ? " (others unknown: the loader did not look)" :
				      "unknown: the loader did not look");
	list(text, sizeof(text), s->services_configured, service);
	out_line(v, MARK_NONE, VBS " Services Configured", "%s", text);
	list(text, sizeof(text), s->services_running, service);
	out_line(v, s->services_configured & ~s->services_running ? MARK_BAD : MARK_NONE,
		 VBS " Services Running", "%s", text);
	out_line(v, MARK_NONE, "Kernel DMA Protection", "%s", s->dma_protection ? "On" : "Off");
}

static void print_why(struct vbsctl *v, const struct live *l)
{
	const struct state *s = &l->state;

	if (s->next_known || s->now_known)
		out_line(v, MARK_NONE, "Source", "%s, from %s", source_name(s->source),
			 s->from == STATE_FROM_NOW ? "now" : "the next boot");
	if (!s->running) {
		out_line(v, MARK_NONE, "Reason", "%s", reason_name(s->reason));
		out_line(v, MARK_NONE, "Check", "%s", s->check);
		out_line(v, MARK_NONE, "Evidence", "%s", s->evidence);
	}
	if (s->advice[0])
		out_line(v, MARK_NONE, "What to do", "%s", s->advice);
	if (s->pending_reboot || s->next_known)
		out_line(v, s->pending_reboot ? MARK_WARN : MARK_NONE, "Pending reboot", "%s%s%s",
			 s->pending_reboot ? "yes" : "no", s->pending_reboot ? ": " : "", s->pending);
	else
		out_line(v, MARK_WARN, "Pending reboot", "can't tell: %s", l->facts.next_why);
	out_line(v, MARK_NONE, "UEFI lock", "%s", lock_name(&l->store));
	for (unsigned int i = 0; i < STATE_SERVICES; i++) {
		const struct state_service *one = &s->service[i];

		out_line(v,
			 one->running    ? MARK_GOOD :
			 one->configured ? MARK_BAD :
					   MARK_NONE,
			 one->name, "%s, %s%s%s (%s)", one->configured ? "configured" : "not configured",
			 one->running ? "running" : "not running", one->why[0] ? ": " : "",
			 one->why, source_name(one->source));
	}
}

static void print_settings(struct vbsctl *v, const struct state *s)
{
	for (unsigned int id = 0; id < OVBS_SETTINGS; id++) {
		const struct settings_value *now = &s->now.v[id], *next = &s->next.v[id];
		char a[48] = "unknown", b[48] = "unknown";

		if (s->now_known)
			snprintf(a, sizeof(a), "%u (%s)", now->value, source_name(now->source));
		if (s->next_known)
			snprintf(b, sizeof(b), "%u (%s)", next->value, source_name(next->source));
		out_line(v, MARK_NONE, state_setting_name((enum ovbs_setting)id), "%s%s%s", a,
			 strcmp(a, b) ? ", next boot " : "", strcmp(a, b) ? b : "");
	}
}

/* What stands behind the state and may surprise: each source that is no good says so. */
static void notes(struct vbsctl *v, const struct live *l)
{
	const struct store *s = &l->store;

	if (s->local.state == SOURCE_UNREADABLE)
		vbsctl_note(v, "local values are left out: %s", s->local.why);
	if (s->policy.why[0] && s->policy.state == SOURCE_GOOD)
		vbsctl_note(v, "one of the two policy files is not whole, the other one counts: %s",
			    s->policy.why);
	else if (s->policy.state == SOURCE_UNREADABLE && s->status_there)
		vbsctl_note(v, "the policy can't be read: %s%s", s->policy.why,
			    s->status.policy_generation ?
				    "; this boot's policy values are taken for the next one's" :
				    "");
	if (s->status_there && s->status.note[0])
		vbsctl_note(v, "the loader found: %s", s->status.note);
	if (l->state.configured && l->facts.boot_order == OVBS_FACT_NO)
		vbsctl_note(v, "firmware's boot order does not start openvbs at the next boot (efibootmgr shows it)");
}

/* Does the level that counts fulfil this one? 3 asks for more than 1. */
static bool level_fulfils(const struct state *s, int level)
{
	const struct settings *settings = s->now_known ? &s->now : &s->next;

	return level < 0 || settings->v[OVBS_SET_LEVEL].value >= (uint32_t)level;
}

static int check(struct vbsctl *v, const struct live *l, int level)
{
	const struct state *s = &l->state;

	/* VTL1's answer needs no settings; a level does */
	if (s->running && level >= 0 && !s->now_known && !s->next_known)
		return vbsctl_error(v, VBSCTL_SYSTEM, "can't tell: it runs, but its level is not known: %s",
				    l->store.status_why);
	/* no right to ask is no answer */
	if (!s->running && (!s->known || (l->facts.proof == STATE_PROOF_NO_ACCESS && s->configured) ||
			    l->facts.loader == STATE_LOADER_UNREADABLE))
		return vbsctl_error(v, VBSCTL_SYSTEM, "can't tell: %s: %s", s->check, s->evidence);
	return s->running && s->configured && level_fulfils(s, level) ? VBSCTL_OK : VBSCTL_NO;
}

static bool parse(int argc, char **argv, struct request *r)
{
	static const struct option options[] = {
		{ "check", no_argument, NULL, 'c' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "level", required_argument, NULL, 'l' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	*r = (struct request){ .level = -1 };
	optind = 0; /* each command parses anew */
	opterr = 0;
	while ((c = getopt_long(argc, argv, "cvl:", options, NULL)) != -1) {
		if (c == 'c')
			r->check = true;
		else if (c == 'v')
			r->verbose = true;
		else if (c == 'l' && (strcmp(optarg, "0") == 0 || strcmp(optarg, "1") == 0 ||
				      strcmp(optarg, "3") == 0))
			r->level = optarg[0] - '0';
		else
			return false;
	}
	return optind == argc && (r->level < 0 || r->check);
}

int cmd_status(struct vbsctl *v, int argc, char **argv)
{
	struct request request;
	struct live *l;
	int status = VBSCTL_OK;

	if (!parse(argc, argv, &request))
		return vbsctl_error(v, VBSCTL_USAGE,
				    "status: arguments: [--check [--level 0|1|3]] [--verbose]; see vbsctl status --help");
	l = live_load(v);
	if (v->json)
		v->out = state_json(l);
	if (request.check) {
		status = check(v, l, request.level);
	} else {
		print_main(v, &l->state);
		print_why(v, l);
		if (request.verbose)
			print_settings(v, &l->state);
		notes(v, l);
	}
	free(l);
	return status;
}
