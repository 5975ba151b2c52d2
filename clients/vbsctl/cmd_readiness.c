/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vbsctl readiness: what this machine has of what is needed (lib/readiness.h),
 * one line each. Capable is not running: the last line says which of the two
 * was asked (cases S1, S9). Exit status: READINESS_MISSING_*.
 */
#include <stdlib.h>

#include "output.h"
#include "readiness_json.h"

static enum out_mark mark_of(const struct readiness_row *r)
{
	static const enum out_mark marks[] = {
		[READINESS_GOOD] = MARK_GOOD,    [READINESS_WEAKER] = MARK_WARN,
		[READINESS_MISSING] = MARK_BAD,  [READINESS_UNREADABLE] = MARK_BAD,
		[READINESS_UNKNOWN] = MARK_WARN,
	};

	/* what only costs time is nothing to worry about */
	return r->need == READINESS_OPTIONAL && r->result == READINESS_WEAKER ? MARK_NONE :
										marks[r->result];
}

static void print_row(struct vbsctl *v, const struct readiness_row *r)
{
	char label[96];

	snprintf(label, sizeof(label), "%s (%s)", r->title, readiness_need_name(r->need));
	out_line(v, mark_of(r), label, "%s: %s", readiness_result_name(r->result), r->evidence);
	if (r->result != READINESS_GOOD && r->cure[0] != '\0')
		out_text(v, "    what to do: %s", r->cure);
}

static void print_service(struct vbsctl *v, const struct readiness_service *s)
{
	static const enum out_mark marks[] = {
		[READINESS_IMPOSSIBLE] = MARK_BAD,
		[READINESS_USABLE] = MARK_WARN,
		[READINESS_FULL] = MARK_GOOD,
		[READINESS_CANT_TELL] = MARK_WARN,
	};
	char verdict[32] = "unknown";

	if (s->verdict != READINESS_CANT_TELL)
		snprintf(verdict, sizeof(verdict), "%d %s", s->verdict, readiness_verdict_name(s->verdict));
	out_line(v, marks[s->verdict], s->title, "%s%s%s%s%s", verdict,
		 s->because[0] ? "; because of: " : "", s->because, s->note[0] ? "; " : "", s->note);
}

int cmd_readiness(struct vbsctl *v, int argc, char **argv)
{
	struct gathered facts;
	struct readiness r;
	struct live *l;

	if (argc != 1)
		return vbsctl_error(v, READINESS_NOT_DONE,
				    "readiness: \"%s\": there are no arguments", argv[1]);
	l = live_load(v);
	gather_judge(v, l, &facts, &r);
	for (unsigned int i = 0; i < READINESS_ROWS; i++)
		print_row(v, &r.row[i]);
	out_text(v, "%s", "");
	for (unsigned int i = 0; i < READINESS_SERVICES; i++)
		print_service(v, &r.service[i]);
	out_text(v, "%s", "");
	out_text(v, "This is what the machine could carry%s; whether it runs: %s.",
		 facts.platform.by_loader ? ", as openvbs.efi read it" : ", as far as Linux can see",
		 l->state.text);
	if (v->json)
		v->out = readiness_json(&facts, &r);
	free(l);
	return (int)r.missing;
}
