// SPDX-License-Identifier: GPL-2.0-only
/* Placing a module: see place.h. */
#include "place.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "backend_ci.h"
#include "guest.h"
#include "trustlet.h"

#define PAGE 4096u

_Static_assert(OVBS_CI_AREAS == MODULE_PARTS, "areas in the order of enum module_part");
_Static_assert(MODULE_RX == (int)OVBS_TL_PAGES_RX && MODULE_R == (int)OVBS_TL_PAGES_R &&
		       MODULE_R_AFTER_INIT == (int)OVBS_TL_PAGES_R_AFTER_INIT &&
		       MODULE_RX_UNTIL_INIT == (int)OVBS_TL_PAGES_RX_UNTIL_INIT &&
		       MODULE_R_UNTIL_INIT == (int)OVBS_TL_PAGES_R_UNTIL_INIT,
	       "enum module_right is enum ovbs_tl_pages");

struct work {
	struct integrity *ci;
	struct file *file;
	struct module_place place;
	struct ovbs_ci_answer *answer;
	uint64_t number; /* the secure kernel's; 0: none */
	struct module_result result;
	struct accepted *record;
	char missing[128]; /* the last symbol that was not found */
	bool changed;      /* the file's bytes are no longer the file's: there is no second time */
	bool no_memory;    /* where a callback can't say so */
};

/* A step's end for good, with the reason in the answer. */
#define REFUSED 1

static int refuse(struct work *w, enum ci_reason why, const char *what, uint64_t at, long rc)
{
	answer_reason(w->answer, why, "%s at %#llx, error %ld", what, (unsigned long long)at, -rc);
	return REFUSED;
}

/* A system call that said no. */
static int call_failed(struct work *w, const char *what, uint64_t at, long rc)
{
	switch (rc) {
	case -ENOMEM:
		return w->changed ? refuse(w, CI_E_MEMORY, what, at, rc) : -ENOMEM;
	case -EACCES:
		return refuse(w, CI_E_PLACE_TAKEN, what, at, rc);
	case -EFAULT:
		return refuse(w, CI_E_PLACE_MAPPED, what, at, rc);
	case -EBADMSG:
		return refuse(w, CI_E_PLACE_SITES, what, at, rc);
	default:
		return refuse(w, CI_E_PLACE_STEP, what, at, rc);
	}
}

/* Before anything is frozen: is it a place where a module of this file can be? */
static int step_plan(struct work *w)
{
	int rc = module_plan(w->file->bytes, w->file->size, &w->place, &w->ci->kernel.policy, &w->result);

	/* What the comparison will take is looked for now, while there is nothing to undo. */
	if (rc == 0)
		return file_room(file_work_size(w->file->size)) ? 0 : -ENOMEM;
	if (rc == -ENOMEM)
		return rc;
	answer_difference(w->answer, &w->result, "");
	return REFUSED;
}

/* All that has to be in memory before there is no way back. */
static int step_record(struct work *w)
{
	struct accepted *a;

	if (modules_full(&w->ci->modules))
		return refuse(w, CI_E_PLACE_STEP, "there are too many modules", 0, 0);
	a = calloc(1, sizeof(*a));
	if (a == NULL)
		return -ENOMEM;
	memcpy(a->name, w->result.name, sizeof(a->name));
	memcpy(a->signer, w->file->signer, sizeof(a->signer));
	w->record = a;
	return 0;
}

static int step_new(struct work *w)
{
	long rc = tl_ci_module_new();

	if (rc <= 0)
		return call_failed(w, "a new module", 0, rc != 0 ? rc : -EIO);
	w->number = (uint64_t)rc;
	w->record->number = w->number;
	return 0;
}

/* One call. Return: its pages, or -errno. */
static long freeze_some(uint64_t number, const struct module_range *r, uint64_t va)
{
	uint64_t pages = (r->end - va) / PAGE;
	long rc;

	pages = pages < OVBS_TL_PAGES_MAX ? pages : OVBS_TL_PAGES_MAX;
	rc = tl_ci_module_freeze(number, va, pages, (enum ovbs_tl_pages)r->right);
	return rc == 0 ? (long)pages : rc < 0 ? rc : -EIO;
}

static int step_freeze(struct work *w)
{
	const struct module_result *r = &w->result;

	for (unsigned int i = 0; i < r->ranges; i++) {
		for (uint64_t va = r->range[i].start; va < r->range[i].end;) {
			long n = freeze_some(w->number, &r->range[i], va);

			if (n < 0)
				return call_failed(w, "freezing pages", va, n);
			va += (uint64_t)n * PAGE;
		}
	}
	return 0;
}

static int resolve(void *context, const char *name, uint64_t *address)
{
	struct work *w = context;
	struct accepted *owner;

	if (kernel_resolve(&w->ci->kernel, name, address))
		return 0;
	if (modules_resolve(&w->ci->modules, name, address, &owner)) {
		if (accepted_need(w->record, owner) == 0)
			return 0;
		w->no_memory = true;
	}
	snprintf(w->missing, sizeof(w->missing), "%.*s", (int)sizeof(w->missing) - 1, name);
	return -ENOENT;
}

static int read_frozen(void *context, uint64_t address, void *bytes, size_t size)
{
	(void)context;
	return guest_frozen(address, bytes, size);
}

static int step_check(struct work *w)
{
	const struct module_source source = { resolve, read_frozen, w };
	int rc;

	w->changed = true;
	rc = module_check(w->file->bytes, w->file->size, &w->place, &w->ci->kernel.policy, &source,
			  &w->result);
	if (rc == 0)
		return 0;
	if (rc == -ENOMEM || w->no_memory)
		answer_reason(w->answer, CI_E_MEMORY, "%s", w->result.reason);
	else
		answer_difference(w->answer, &w->result, rc == -ENOENT ? w->missing : "");
	return REFUSED;
}

static bool exported_already(const struct integrity *ci, const char *name)
{
	struct accepted *owner;
	uint64_t address;

	return kernel_resolve(&ci->kernel, name, &address) ||
	       modules_resolve(&ci->modules, name, &address, &owner);
}

/* As Linux: no symbol is exported twice, so that a later module leans on what it means to. */
static int step_exports(struct work *w)
{
	const struct module_result *r = &w->result;
	struct accepted *a = w->record;
	int rc;

	for (size_t i = 0; i < r->exports; i++) {
		if (exported_already(w->ci, r->export[i].name)) {
			answer_reason(w->answer, CI_E_EXPORT, "%.100s", r->export[i].name);
			return REFUSED;
		}
	}
	rc = symbols_of(r->export, r->exports, &a->exports);
	if (rc != 0) {
		answer_reason(w->answer, rc == -ENOMEM ? CI_E_MEMORY : CI_E_EXPORT, "%s",
			      rc == -ENOMEM ? "its symbols" : "a name twice, or one that is too long");
		return REFUSED;
	}
	for (unsigned int i = 0; i < r->ranges && a->text_bytes == 0; i++) {
		if (r->range[i].right != MODULE_RX)
			continue;
		a->text = r->range[i].start;
		a->text_bytes = r->range[i].end - r->range[i].start;
	}
	a->sites = (uint32_t)r->sites;
	return 0;
}

static struct ovbs_tl_site site_of(const struct module_site *s)
{
	static const uint8_t kinds[] = {
		[MODULE_SITE_JUMP_LABEL] = OVBS_TL_SITE_JUMP,
		[MODULE_SITE_STATIC_CALL] = OVBS_TL_SITE_CALL,
		[MODULE_SITE_STATIC_TAIL] = OVBS_TL_SITE_TAIL,
		[MODULE_SITE_TRAMPOLINE] = OVBS_TL_SITE_TAIL,
		[MODULE_SITE_MCOUNT] = OVBS_TL_SITE_MCOUNT,
		[MODULE_SITE_LOCK] = OVBS_TL_SITE_LOCK,
	};
	struct ovbs_tl_site out = { .address = s->address, .kind = kinds[s->kind], .size = s->size };

	if (s->kind == MODULE_SITE_JUMP_LABEL)
		out.target = (int32_t)(s->target - s->address);
	if (s->kind == MODULE_SITE_STATIC_TAIL && s->size == 6) {
		out.kind = OVBS_TL_SITE_JCC;
		out.condition = s->extra;
	}
	return out;
}

static int step_sites(struct work *w)
{
	static struct ovbs_tl_site some[OVBS_TL_SITES_MAX];
	const struct module_result *r = &w->result;

	for (size_t done = 0, n; done < r->sites; done += n) {
		long rc;

		n = r->sites - done < OVBS_TL_SITES_MAX ? r->sites - done : OVBS_TL_SITES_MAX;
		for (size_t i = 0; i < n; i++)
			some[i] = site_of(&r->site[done + i]);
		rc = tl_ci_module_sites(w->number, some, (uint32_t)n);
		if (rc != 0)
			return call_failed(w, "places for patches", some[0].address, rc);
	}
	return 0;
}

static int step_functions(struct work *w)
{
	const struct module_result *r = &w->result;

	for (size_t done = 0, n; done < r->functions; done += n) {
		long rc;

		n = r->functions - done < OVBS_TL_SITES_MAX ? r->functions - done : OVBS_TL_SITES_MAX;
		rc = tl_ci_module_functions(w->number, r->function + done, (uint32_t)n);
		if (rc != 0)
			return call_failed(w, "functions", r->function[done], rc);
	}
	return 0;
}

static int step_grant(struct work *w)
{
	long left;

	do
		left = tl_ci_module_grant(w->number);
	while (left > 0);
	return left == 0 ? 0 : call_failed(w, "making text executable", w->record->text, left);
}

static int (*const steps[])(struct work *w) = {
	step_plan,  step_record,    step_new,     step_freeze, step_check,
	step_sites, step_functions, step_exports, step_grant,
};

static int run(struct work *w)
{
	int rc = 0;

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && rc == 0; i++)
		rc = steps[i](w);
	return rc;
}

/* The module's pages are VTL0's again, and not executable. */
static void undo(struct work *w)
{
	long left = 1;

	while (w->number != 0 && left > 0)
		left = tl_ci_module_gone(w->number);
	if (left < 0)
		tl_log("module %llu: not all of its pages are given back: %ld",
		       (unsigned long long)w->number, left);
	accepted_free(w->record);
}

static struct module_place place_of(const struct ovbs_ci_place *at)
{
	struct module_place place = { .percpu = at->percpu };

	for (unsigned int i = 0; i < MODULE_PARTS; i++)
		place.area[i] = (struct module_area){ at->area[i].base, at->area[i].bytes };
	return place;
}

uint32_t place_module(struct integrity *ci, struct file *f, const struct ovbs_ci_place *at,
		      struct ovbs_ci_answer *answer, uint64_t *number)
{
	struct work w = { .ci = ci, .file = f, .place = place_of(at), .answer = answer };
	int rc = run(&w);

	*number = 0;
	memcpy(answer->signer, f->signer, sizeof(answer->signer));
	if (rc != 0) {
		undo(&w);
	} else {
		*number = w.number;
		modules_add(&ci->modules, w.record);
		answer_reason(answer, CI_OK, NULL);
	}
	module_release(&w.result);
	return rc == -ENOMEM ? OVBS_E_OUT_OF_MEMORY : OVBS_OK;
}
