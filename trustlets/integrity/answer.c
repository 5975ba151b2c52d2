// SPDX-License-Identifier: GPL-2.0-only
/* Answers for VTL0: see answer.h. */
#include "answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Like printf, behind what is there; cut at the end. */
__attribute__((format(printf, 2, 0))) static void append_list(struct ovbs_ci_answer *a,
							      const char *format, va_list list)
{
	size_t n = strnlen(a->text, sizeof(a->text) - 1);

	vsnprintf(a->text + n, sizeof(a->text) - n, format, list);
}

__attribute__((format(printf, 2, 3))) static void append(struct ovbs_ci_answer *a, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	append_list(a, format, list);
	va_end(list);
}

/* Names in a file are its maker's choice, and the text goes to logs. */
static void clean(struct ovbs_ci_answer *a)
{
	for (char *c = a->text; *c != '\0'; c++) {
		if (*c < ' ' || *c > '~')
			*c = '?';
	}
}

void answer_reason(struct ovbs_ci_answer *a, enum ci_reason why, const char *format, ...)
{
	va_list list;

	a->reason = why;
	a->text[0] = '\0';
	append(a, "%s", ci_reason_text(why));
	if (format != NULL) {
		append(a, ": ");
		va_start(list, format);
		append_list(a, format, list);
		va_end(list);
	}
	clean(a);
}

static void append_bytes(struct ovbs_ci_answer *a, const char *what, const uint8_t *bytes, unsigned int n)
{
	append(a, "%s", what);
	for (unsigned int i = 0; i < n; i++)
		append(a, " %02x", bytes[i]);
}

void answer_difference(struct ovbs_ci_answer *a, const struct module_result *r, const char *symbol)
{
	a->reason = OVBS_CI_DIFFERS;
	a->text[0] = '\0';
	append(a, "%s", r->reason);
	if (symbol[0] != '\0')
		append(a, ": %.100s", symbol);
	else if (r->section[0] != '\0')
		append(a, ": %s+%#llx", r->section, (unsigned long long)r->offset);
	else if (r->offset != 0)
		append(a, ": %#llx", (unsigned long long)r->offset);
	if (r->shown > 0) {
		append(a, " at %#llx", (unsigned long long)r->address);
		append_bytes(a, ", expected", r->expected, r->shown);
		append_bytes(a, ", found", r->found, r->shown);
	}
	clean(a);
}
