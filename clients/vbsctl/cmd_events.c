/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vbsctl events: what happened at this boot, for the journal, under the numbers
 * that administrators know from the reference system: 13 to 17 and 51. Run once
 * per boot by openvbs-events.service. Says only what is so in this version.
 */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <systemd/sd-journal.h>

#include "live.h"
#include "output.h"

/* One of a kind for each event: journalctl MESSAGE_ID=... finds them. ABI. */
static const struct event {
	int id; /* EVENT_ID; 0: the state itself, which has no number in the reference */
	const char *message_id;
} events[] = {
	{ 0, "0b8f3d5e6c1a4e7f9d2067c4a8e1b530" },  { 13, "6a1c9be204df4b0e8f37d5a2e96c0d13" },
	{ 14, "c27e50f8a91b4d36b4e80d1f73a6c914" }, { 15, "91d3f6a07c584be2a06fe4b8d25c7315" },
	{ 16, "e84b12c7d0f94a65b9c3517fa06d2e16" }, { 17, "3f70d9a5b6e24c188ad54e9c01b7f217" },
	{ 51, "b5a86e0d42c7493fae1b9d60f8c35751" },
};

struct context {
	struct vbsctl *v;
	const struct state *state;
	bool dry_run;
	json_t *all;
	int failed; /* -errno of the journal */
};

static const char *message_id(int id)
{
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (events[i].id == id)
			return events[i].message_id;
	return events[0].message_id;
}

static void send(const struct context *c, int id, int priority, const char *text, int *failed)
{
	const struct state *s = c->state;
	const char *check = s->check[0] ? s->check : "none";
	int error;

	if (id)
		error = sd_journal_send("MESSAGE=%s", text, "MESSAGE_ID=%s", message_id(id),
					"PRIORITY=%i", priority, "SYSLOG_IDENTIFIER=openvbs",
					"EVENT_ID=%i", id, "OPENVBS_REASON=%s",
					reason_name(s->reason), "OPENVBS_CHECK=%s", check, NULL);
	else
		error = sd_journal_send("MESSAGE=%s", text, "MESSAGE_ID=%s", message_id(id),
					"PRIORITY=%i", priority, "SYSLOG_IDENTIFIER=openvbs",
					"OPENVBS_STATUS=%u", s->status, "OPENVBS_REASON=%s",
					reason_name(s->reason), "OPENVBS_CHECK=%s", check, NULL);
	if (error < 0)
		*failed = error;
}

static void event(struct context *c, int id, int priority, const char *fmt, ...)
	__attribute__((__format__(__printf__, 4, 5)));

static void event(struct context *c, int id, int priority, const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	json_array_append_new(c->all, json_pack("{s:i, s:i, s:s, s:s}", "EventId", id, "Priority",
						priority, "MessageId", message_id(id), "Message", text));
	if (c->dry_run)
		out_text(c->v, "%2d %s", id, text);
	else
		send(c, id, priority, text, &c->failed);
}

static void credential_guard(struct context *c, const struct live *l)
{
	const struct settings_value *flags = &l->state.now.v[OVBS_SET_LSA_CFG];
	const struct state_service *service = NULL;

	for (unsigned int i = 0; i < STATE_SERVICES; i++)
		if (l->state.service[i].id == STATE_CREDENTIAL_GUARD)
			service = &l->state.service[i];
	if (!service)
		return;
	if (service->running)
		event(c, 13, LOG_INFO, "Credential Guard was started and protects credentials");
	if (!l->state.now_known)
		return;
	event(c, 14, LOG_INFO, "Credential Guard configuration: LsaCfgFlags=%u (%s); %s%s%s",
	      flags->value, source_name(flags->source), service->running ? "it runs" : "it does not run",
	      service->why[0] ? ": " : "", service->why);
	/* 15 is about the secure kernel: with it running, a service that is missing is no such case */
	if (flags->value != 0 && l->state.configured && !l->state.running)
		event(c, 15, LOG_WARNING,
		      "Credential Guard is configured, but the secure kernel is not running; continuing without Credential Guard: %s (%s)",
		      reason_name(l->state.reason), l->state.check);
}

static void launch(struct context *c, const struct live *l)
{
	const struct state *s = &l->state;
	const struct ovbs_status *status = &l->store.status;

	if (s->configured && !s->running)
		event(c, 16, LOG_ERR,
		      "Virtualization-based security failed to launch: %s (%s): %s. What to do: %s",
		      reason_name(s->reason), s->check, s->evidence, s->advice);
	if (l->store.status_there &&
	    (status->findings & (OVBS_FOUND_LOCAL_UNREADABLE | OVBS_FOUND_POLICY_UNREADABLE |
				 OVBS_FOUND_POLICY_TORN)) != 0)
		event(c, 17, LOG_WARNING,
		      "Error reading the UEFI configuration of virtualization-based security: %s%s",
		      status->note,
		      (status->findings & OVBS_FOUND_POLICY_TORN) != 0 ? "; the other policy file counts" :
									 "; that source was left out");
	else if (l->store.status_there && status->lock == OVBS_LOCK_UNREADABLE)
		event(c, 17, LOG_WARNING,
		      "Error reading the UEFI configuration of virtualization-based security: the UEFI lock is damaged; it is treated as locked on, level 1");
	if (l->facts.loader == STATE_LOADER_UNREADABLE)
		event(c, 17, LOG_WARNING,
		      "Error reading the UEFI configuration of virtualization-based security: %s",
		      l->store.status_why);
	if (s->running)
		event(c, 51, LOG_INFO,
		      "VSM master key provisioning: a new key for this boot; this version does not seal it to a TPM, so nothing under it outlives the boot");
}

static int log_all(struct vbsctl *v, const struct live *l, bool dry_run)
{
	const struct state *s = &l->state;
	struct context c = { .v = v, .state = s, .dry_run = dry_run, .all = json_array() };

	event(&c, 0, s->configured && !s->running ? LOG_WARNING : LOG_INFO,
	      "Virtualization-based security: %s%s%s%s%s", s->text, s->evidence[0] ? ". " : "",
	      s->evidence, s->pending_reboot ? ". Pending reboot: " : "", s->pending);
	credential_guard(&c, l);
	launch(&c, l);
	if (v->json)
		v->out = json_pack("{s:o}", "Events", c.all);
	else
		json_decref(c.all);
	if (c.failed)
		return vbsctl_error(v, VBSCTL_SYSTEM, "the journal refused an event: %s",
				    strerror(-c.failed));
	return VBSCTL_OK;
}

int cmd_events(struct vbsctl *v, int argc, char **argv)
{
	bool dry_run = argc == 2 && strcmp(argv[1], "--dry-run") == 0;
	struct live *l;
	int status;

	if (argc != 1 && !dry_run)
		return vbsctl_error(v, VBSCTL_USAGE, "events: arguments: [--dry-run]");
	/* A test's machine is none whose journal should be written. */
	if (*v->root)
		dry_run = true;
	l = live_load(v);
	status = log_all(v, l, dry_run);
	free(l);
	return status;
}
