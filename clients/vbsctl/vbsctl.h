/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of vbsctl share: the context of one call, the commands, and
 * how errors are said. Each command has a file of its own (cmd_*.c); parsers of
 * outside data (regfile.c, preg.c, ...) know nothing of this header and are
 * tested and fuzzed apart.
 */
#ifndef VBSCTL_H
#define VBSCTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <jansson.h>

/* Exit status of every command, but for `readiness` and where its man page says otherwise. */
enum {
	VBSCTL_OK = 0,
	VBSCTL_NO = 1,    /* the answer is no: not running, not found, refused by a person */
	VBSCTL_USAGE = 2, /* wrong arguments; nothing was done */
	VBSCTL_INPUT = 3, /* a file or value is malformed; nothing was changed */
	VBSCTL_SYSTEM = 4, /* the system refused: rights, no EFI variables, ESP missing, full, read-only */
	VBSCTL_LOCKED = 5, /* the UEFI lock stands against it; what to do was said */
};

struct vbsctl {
	bool json;        /* --json: one JSON value on stdout, also for errors */
	bool colour;      /* colours and signs: a terminal that TERM names, UTF-8, no NO_COLOR */
	const char *root; /* "" or the prefix of all paths of the system: tests only (VBSCTL_ROOT) */
	json_t *out;      /* what --json prints at the end; commands may set it */
};

/* A command: argv[0] is its name. Return: exit status. */
typedef int vbsctl_command(struct vbsctl *v, int argc, char **argv);

vbsctl_command cmd_status;    /* cmd_status.c */
vbsctl_command cmd_enable;    /* cmd_enable.c */
vbsctl_command cmd_disable;   /* cmd_enable.c */
vbsctl_command cmd_opt_out;   /* cmd_optout.c */
vbsctl_command cmd_events;    /* cmd_events.c */
vbsctl_command cmd_metrics;   /* cmd_metrics.c */
vbsctl_command cmd_reg;       /* cmd_reg.c */
vbsctl_command cmd_policy;    /* cmd_policy.c */
vbsctl_command cmd_integrity; /* cmd_integrity.c */
vbsctl_command cmd_readiness; /* cmd_readiness.c */
vbsctl_command cmd_diagnose;  /* cmd_diagnose.c */
vbsctl_command cmd_report;    /* cmd_report.c */

/**
 * vbsctl_error() - say what failed, the evidence, and what to do
 *
 * To stderr as "vbsctl: TEXT"; with --json into the member "error" of the
 * output. Return: @status, so that callers can `return vbsctl_error(...)`.
 */
int vbsctl_error(struct vbsctl *v, int status, const char *fmt, ...)
	__attribute__((__format__(__printf__, 3, 4)));

/** vbsctl_note() - a remark or warning: stderr, and with --json the array "notes" */
void vbsctl_note(struct vbsctl *v, const char *fmt, ...) __attribute__((__format__(__printf__, 2, 3)));

/** vbsctl_path() - `path` below the root prefix, in a static buffer of the caller's choice of 4096 bytes */
const char *vbsctl_path(const struct vbsctl *v, char *buf, const char *path);

#endif
