/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What stops virtualization-based security, in the order in which a boot goes:
 * firmware, ESP, openvbs.efi, boot order, loader, settings, hypervisor, kernel
 * module, VTL1. Reasons are those of lib/state.h; what is added here is what
 * only a look at files and keyrings can tell.
 *
 * Invariant: while VTL1 does not answer, something is BAD, and while it does,
 * nothing is.
 */
#ifndef VBSCTL_DIAGNOSE_H
#define VBSCTL_DIAGNOSE_H

#include <jansson.h>

#include "gather.h"
#include "live.h"

enum finding_result {
	FINDING_GOOD,
	FINDING_BAD,     /* stops it */
	FINDING_WARN,    /* does not stop it now */
	FINDING_SKIPPED, /* could not be looked at, or does not matter yet: the evidence says why */
};

#define FINDINGS_MAX     24
#define FINDING_TEXT_MAX 288

struct finding {
	const char *word;  /* stable: "boot-order" */
	const char *title; /* for people */
	enum finding_result result;
	char evidence[FINDING_TEXT_MAX];
	const char *cure; /* what to do; "" if nothing */
};

struct diagnosis {
	struct finding item[FINDINGS_MAX];
	unsigned int count;
};

/** diagnose_add() - one finding, at the end */
void diagnose_add(struct diagnosis *d, const char *word, const char *title, enum finding_result result,
		  const char *cure, const char *fmt, ...) __attribute__((__format__(__printf__, 6, 7)));

/** diagnose_run() - look at everything. @readiness: of this machine */
void diagnose_run(struct vbsctl *v, const struct live *l, const struct gathered *facts,
		  const struct readiness *readiness, struct diagnosis *d);

/** diagnose_module() - openvbs.ko: there, loaded, and if not, would its signature do? (diagnose_module.c) */
void diagnose_module(struct vbsctl *v, const struct live *l, struct diagnosis *d);

/** finding_name() - "good", "stops it", "warning", "not looked at" */
const char *finding_name(enum finding_result result);

/** diagnose_json() - a new object; never NULL */
json_t *diagnose_json(const struct live *l, const struct diagnosis *d);

#endif
