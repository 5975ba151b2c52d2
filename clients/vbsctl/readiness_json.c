/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Readiness as JSON: see readiness_json.h. A verdict or result that is not
 * known is null or "unknown", never 0: 0 is "impossible".
 */
#include "readiness_json.h"

static json_t *row_json(const struct readiness_row *r)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "Id", r->word, "Title", r->title,
			 "RequiredFor", readiness_need_name(r->need), "Result",
			 readiness_result_name(r->result), "Evidence", r->evidence, "WhatToDo", r->cure);
}

static json_t *service_json(const struct readiness_service *s)
{
	json_t *verdict = s->verdict == READINESS_CANT_TELL ? json_null() : json_integer(s->verdict);

	return json_pack("{s:s, s:s, s:o, s:s, s:s, s:s}", "Id", s->word, "Title", s->title,
			 "Verdict", verdict, "VerdictText", readiness_verdict_name(s->verdict),
			 "Because", s->because, "Note", s->note);
}

json_t *readiness_json(const struct gathered *facts, const struct readiness *r)
{
	json_t *rows = json_array(), *services = json_array();

	for (unsigned int i = 0; i < READINESS_ROWS; i++)
		json_array_append_new(rows, row_json(&r->row[i]));
	for (unsigned int i = 0; i < READINESS_SERVICES; i++)
		json_array_append_new(services, service_json(&r->service[i]));
	return json_pack("{s:s, s:i, s:o, s:o}", "ReadBy",
			 facts->platform.by_loader ? "openvbs.efi, before Linux" : "Linux",
			 "Missing", (int)r->missing, "Requirements", rows, "Services", services);
}
