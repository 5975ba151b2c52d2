/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vbsctl diagnose: what stops it, in the order of a boot, each with evidence and
 * cure (diagnose.h). Exit status: 0 if VTL1 answers, else 1.
 */
#include <stdlib.h>

#include "diagnose.h"
#include "output.h"

int cmd_diagnose(struct vbsctl *v, int argc, char **argv)
{
	static const enum out_mark marks[] = {
		[FINDING_GOOD] = MARK_GOOD,
		[FINDING_BAD] = MARK_BAD,
		[FINDING_WARN] = MARK_WARN,
		[FINDING_SKIPPED] = MARK_NONE,
	};
	struct diagnosis *d = calloc(1, sizeof(*d));
	struct gathered facts;
	struct readiness r;
	struct live *l;
	bool running;

	if (argc != 1 || !d) {
		free(d);
		return vbsctl_error(v, argc != 1 ? VBSCTL_USAGE : VBSCTL_SYSTEM, "diagnose: %s",
				    argc != 1 ? "there are no arguments" : "out of memory");
	}
	l = live_load(v);
	gather_judge(v, l, &facts, &r);
	diagnose_run(v, l, &facts, &r, d);
	for (unsigned int i = 0; i < d->count; i++) {
		const struct finding *f = &d->item[i];

		out_line(v, marks[f->result], f->title, "%s: %s", finding_name(f->result), f->evidence);
		if (f->result != FINDING_GOOD && f->cure[0] != '\0')
			out_text(v, "    what to do: %s", f->cure);
	}
	out_text(v, "%s", "");
	if (l->state.running)
		out_text(v, "Nothing stops it: %s.", l->state.text);
	else
		out_text(v, "%s.", l->state.text);
	if (v->json)
		v->out = diagnose_json(l, d);
	running = l->state.running;
	free(l);
	free(d);
	return running ? VBSCTL_OK : VBSCTL_NO;
}
