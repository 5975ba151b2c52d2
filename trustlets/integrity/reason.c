// SPDX-License-Identifier: GPL-2.0-only
/* The names and texts of reasons: see reason.h. */
#include "reason.h"

#define CI_REASON_NAME(name, text) #name,
#define CI_REASON_TEXT(name, text) text,

const char *ci_reason_name(enum ci_reason reason)
{
	static const char *const names[] = { CI_REASONS(CI_REASON_NAME) };

	return (unsigned int)reason < CI_REASON_COUNT ? names[reason] : "E_?";
}

const char *ci_reason_text(enum ci_reason reason)
{
	static const char *const texts[] = { CI_REASONS(CI_REASON_TEXT) };

	return (unsigned int)reason < CI_REASON_COUNT ? texts[reason] : "unknown reason";
}
