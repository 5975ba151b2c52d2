/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What people see: lines as msinfo32 prints them, with marks and colours on a
 * terminal, in the manner of `fwupdmgr security`, and plain ASCII elsewhere.
 * All text goes through here; with --json nothing is printed.
 */
#ifndef VBSCTL_OUTPUT_H
#define VBSCTL_OUTPUT_H

#include "vbsctl.h"

#define OUT_LABEL 62 /* columns of the label, then a blank, as in msinfo32's text export */

enum out_mark {
	MARK_NONE, /* neither good nor bad */
	MARK_GOOD,
	MARK_BAD,
	MARK_WARN,
};

/** out_line() - "LABEL      VALUE"; the colour of the value goes by @mark */
void out_line(struct vbsctl *v, enum out_mark mark, const char *label, const char *fmt, ...)
	__attribute__((__format__(__printf__, 4, 5)));

/** out_text() - a line of running text */
void out_text(struct vbsctl *v, const char *fmt, ...) __attribute__((__format__(__printf__, 2, 3)));

/** out_mark() - a mark as text, all of the same width on the screen: coloured sign, or a word: "ok  ", "no  ", "warn", "    " */
const char *out_mark(const struct vbsctl *v, enum out_mark mark);

/** out_finish() - print the JSON, if asked for, with errors and notes in it; the last call. Return: @status, or VBSCTL_SYSTEM if the output was lost */
int out_finish(struct vbsctl *v, int status);

#endif
