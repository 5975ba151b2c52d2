/* SPDX-License-Identifier: GPL-2.0-only */
/* What VTL0 is told about a file or a module: reason, signer, a line for people. */
#ifndef OPENVBS_CI_ANSWER_H
#define OPENVBS_CI_ANSWER_H

#include "openvbs/integrity_abi.h"

#include "module.h"
#include "reason.h"

/**
 * answer_reason() - refuse, or accept with CI_OK
 * @format: evidence that is put behind the reason's text, as printf; NULL: none
 */
void answer_reason(struct ovbs_ci_answer *a, enum ci_reason why, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * answer_difference() - refuse with OVBS_CI_DIFFERS
 * @r: of module_plan() or module_check(), with a reason
 * @symbol: that was not found, "" if it is not about one
 */
void answer_difference(struct ovbs_ci_answer *a, const struct module_result *r, const char *symbol);

#endif
