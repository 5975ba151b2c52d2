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
#include "integrity.h"

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
	struct placing *p;
	struct ovbs_ci_answer *answer;
	char missing[128]; /* the last symbol that was not found */
	bool no_memory;    /* where a callback can't say so */
};

/* A step's end for good, with the reason in the answer. */
#define REFUSED 1

static int refuse(struct work *w, enum ci_reason why, const char *what, uint64_t at, long rc)
{
	answer_reason(w->answer, why, "%s at %#llx, error %ld", what, (unsigned long long)at, -rc);
	return REFUSED;
}

/* A system call that said no: no memory is to be gone on with, all else is the end. */
static int call_failed(struct work *w, const char *what, uint64_t at, long rc)
{
	switch (rc) {
	case -ENOMEM:
		return -ENOMEM;
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

static void give_up_pages(struct placing *p)
{
	while (p->number != 0 && tl_ci_module_gone(p->number) > 0)
		;
	p->number = 0;
}

static struct module_place place_of(const struct ovbs_ci_place *at)
{
	struct module_place place = { .percpu = at->percpu };

	for (unsigned int i = 0; i < MODULE_PARTS; i++)
		place.area[i] = (struct module_area){ at->area[i].base, at->area[i].bytes };
	return place;
}

/* Before anything is frozen: is it a place where a module of this file can be? */
static int step_plan(struct work *w)
{
	struct module_place place = place_of(&w->p->at);
	int rc = module_plan(w->file->bytes, w->file->size, &place, &w->ci->kernel.policy, &w->p->result);

	if (rc == 0 || rc == -ENOMEM)
		return rc;
	answer_difference(w->answer, &w->p->result, "");
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
	memcpy(a->name, w->p->result.name, sizeof(a->name));
	memcpy(a->signer, w->file->signer, sizeof(a->signer));
	w->p->record = a;
	return 0;
}

static int step_new(struct work *w)
{
	long rc = tl_ci_module_new();

	if (rc <= 0)
		return call_failed(w, "a new module", 0, rc != 0 ? rc : -EIO);
	w->p->number = (uint64_t)rc;
	w->p->record->number = w->p->number;
	return 0;
}

/* One call. Return: its pages, or -errno. */
static long freeze_some(const struct placing *p, const struct module_range *r, uint64_t va)
{
	uint64_t pages = (r->end - va) / PAGE;
	long rc;

	pages = pages < OVBS_TL_PAGES_MAX ? pages : OVBS_TL_PAGES_MAX;
	rc = tl_ci_module_freeze(p->number, va, pages, (enum ovbs_tl_pages)r->right);
	return rc == 0 ? (long)pages : rc < 0 ? rc : -EIO;
}

static int step_freeze(struct work *w)
{
	const struct module_result *r = &w->p->result;

	for (unsigned int i = 0; i < r->ranges; i++) {
		for (uint64_t va = r->range[i].start; va < r->range[i].end;) {
			long n = freeze_some(w->p, &r->range[i], va);

			if (n < 0) {
				/* After an error the number is good for GONE only. */
				give_up_pages(w->p);
				w->p->step--;
				return call_failed(w, "freezing pages", va, n);
			}
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
		if (accepted_need(w->p->record, owner) == 0)
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

/* From here on the file's bytes are what memory should be: there is no second time. */
static int step_check(struct work *w)
{
	const struct module_source source = { resolve, read_frozen, w };
	struct module_place place = place_of(&w->p->at);
	int rc;

	if (!file_room(file_work_size(w->file->size)))
		return -ENOMEM;
	rc = module_check(w->file->bytes, w->file->size, &place, &w->ci->kernel.policy, &source,
			  &w->p->result);
	if (rc == 0)
		return 0;
	if (rc == -ENOMEM || w->no_memory)
		answer_reason(w->answer, CI_E_MEMORY, NULL);
	else
		answer_difference(w->answer, &w->p->result, rc == -ENOENT ? w->missing : "");
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
	const struct module_result *r = &w->p->result;
	struct accepted *a = w->p->record;
	int rc;

	for (size_t i = 0; i < r->exports; i++) {
		if (exported_already(w->ci, r->export[i].name)) {
			answer_reason(w->answer, CI_E_EXPORT, "%.100s", r->export[i].name);
			return REFUSED;
		}
	}
	rc = symbols_of(r->export, r->exports, &a->exports);
	if (rc != 0 && rc != -ENOMEM) {
		answer_reason(w->answer, CI_E_EXPORT, "a name twice, or one that is too long");
		return REFUSED;
	}
	for (unsigned int i = 0; i < r->ranges && a->text_bytes == 0; i++) {
		if (r->range[i].right != MODULE_RX)
			continue;
		a->text = r->range[i].start;
		a->text_bytes = r->range[i].end - r->range[i].start;
	}
	a->sites = (uint32_t)r->sites;
	return rc;
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
	const struct module_result *r = &w->p->result;

	while (w->p->done < r->sites) {
		size_t n = r->sites - w->p->done;
		long rc;

		n = n < OVBS_TL_SITES_MAX ? n : OVBS_TL_SITES_MAX;
		for (size_t i = 0; i < n; i++)
			some[i] = site_of(&r->site[w->p->done + i]);
		rc = tl_ci_module_sites(w->p->number, some, (uint32_t)n);
		if (rc != 0)
			return call_failed(w, "places for patches", some[0].address, rc);
		w->p->done += n;
	}
	return 0;
}

static int step_functions(struct work *w)
{
	const struct module_result *r = &w->p->result;

	while (w->p->done < r->functions) {
		size_t n = r->functions - w->p->done;
		long rc;

		n = n < OVBS_TL_SITES_MAX ? n : OVBS_TL_SITES_MAX;
		rc = tl_ci_module_functions(w->p->number, r->function + w->p->done, (uint32_t)n);
		if (rc != 0)
			return call_failed(w, "functions", r->function[w->p->done], rc);
		w->p->done += n;
	}
	return 0;
}

static int step_grant(struct work *w)
{
	long left;

	do
		left = tl_ci_module_grant(w->p->number);
	while (left > 0);
	return left == 0 ? 0 : call_failed(w, "making text executable", w->p->record->text, left);
}

static int (*const steps[])(struct work *w) = {
	step_plan,  step_record,    step_new,     step_freeze, step_check,
	step_sites, step_functions, step_exports, step_grant,
};
#define STEPS (sizeof(steps) / sizeof(steps[0]))

static int run(struct work *w)
{
	int rc = 0;

	while (w->p->step < STEPS && rc == 0) {
		rc = steps[w->p->step](w);
		if (rc == 0) {
			w->p->step++;
			w->p->done = 0;
		}
	}
	return rc;
}

bool place_begun(const struct placing *p)
{
	return p->begun;
}

void place_undo(struct placing *p)
{
	give_up_pages(p);
	module_release(&p->result);
	accepted_free(p->record);
	*p = (struct placing){ 0 };
}

uint32_t place_module(struct integrity *ci, struct file *f, const struct ovbs_ci_place *at,
		      struct ovbs_ci_answer *answer, uint64_t *number)
{
	struct placing *p = &f->placing;
	struct work w = { .ci = ci, .file = f, .p = p, .answer = answer };
	int rc;

	*number = 0;
	memcpy(answer->signer, f->signer, sizeof(answer->signer));
	if (p->begun && memcmp(&p->at, at, sizeof(*at)) != 0) {
		answer_reason(answer, CI_E_PLACE_MOVED, NULL);
		place_undo(p);
		return OVBS_OK;
	}
	p->begun = true;
	p->at = *at;
	rc = run(&w);
	if (rc == -ENOMEM)
		return OVBS_E_OUT_OF_MEMORY;
	if (rc != 0) {
		place_undo(p);
		return OVBS_OK;
	}
	*number = p->number;
	modules_add(&ci->modules, p->record);
	p->record = NULL;
	p->number = 0;
	place_undo(p);
	answer_reason(answer, CI_OK, NULL);
	return OVBS_OK;
}
