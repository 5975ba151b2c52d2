// SPDX-License-Identifier: GPL-2.0-only
/*
 * Patches of VTL0's frozen text: see integrity.h.
 */
#include "integrity.h"

#include <ovbs_compiler.h>
#include <ovbs_errno.h>
#include <ovbs_string.h>

#include "capture.h"
#include "cpu.h"
#include "guest.h"
#include "lock.h"
#include "log.h"
#include "memory.h"
#include "modules.h"
#include "patch.h"
#include "protect.h"
#include "text.h"

#define SITES_MAX (96u << 10) /* 6.12 has 72,471 */

static struct sk_site *room;
static bool broken; /* a piece was wrong; text_lock */
static uint64_t patches, refusals;
static uint8_t piece[OVBS_SITES_BYTES]; /* text_lock */

static const struct sk_text text = { .read = text_read, .is_target = text_is_target };

void integrity_prepare(void)
{
	room = memory_boot_pages(SITES_MAX * sizeof(*room) / PAGE_SIZE);
	modules_prepare();
}

/* ---- tables, before lockdown --------------------------------------------- */

/* The page at @va, if it is frozen so. */
static enum ovbs_result find_page(const struct gwalk *w, uint64_t va, enum ovbs_freeze how, uint64_t *gpa)
{
	struct gwalk_result at;

	if (gwalk_linear(w, va, &at))
		return OVBS_E_BAD_PARAMETERS;
	*gpa = at.gpa;
	return protect_is_frozen(at.gpa, how) ? OVBS_OK : OVBS_E_ACCESS_CONFLICT;
}

/* Where @bytes at @va lie, in one piece, and all of them frozen so. */
static enum ovbs_result find_frozen(uint64_t va, uint64_t bytes, enum ovbs_freeze how, uint64_t *gpa)
{
	struct gwalk w = guest_state(GWALK_READ);
	uint64_t at;

	if (!bytes || va + bytes < va || (va & ~PAGE_MASK))
		return OVBS_E_BAD_PARAMETERS;
	for (uint64_t off = 0; off < bytes; off += PAGE_SIZE) {
		enum ovbs_result result = find_page(&w, va + off, how, &at);

		if (result)
			return result;
		if (!off)
			*gpa = at;
		if (at != *gpa + off)
			return OVBS_E_ACCESS_CONFLICT;
	}
	return OVBS_OK;
}

static enum ovbs_result add_text(uint64_t va, uint64_t bytes)
{
	struct kernel_text *k = &kernel_text;
	enum ovbs_result result;

	if (k->va)
		return OVBS_E_BAD_STATE;
	result = find_frozen(va, bytes, OVBS_FREEZE_CODE, &k->gpa);
	if (result)
		return result;
	if (sk_sites_init(&k->sites, va, bytes, room, SITES_MAX))
		return OVBS_E_BAD_PARAMETERS;
	k->va = va;
	k->bytes = bytes;
	return OVBS_OK;
}

static enum ovbs_result result_of(int err)
{
	switch (err) {
	case 0:
		return OVBS_OK;
	case -EINVAL:
		return OVBS_E_BAD_FORMAT;
	case -ENOSPC:
		return OVBS_E_OUT_OF_MEMORY;
	case -EFAULT:
		return OVBS_E_BAD_PARAMETERS;
	default:
		return OVBS_E_SECURITY;
	}
}

static enum ovbs_result add_functions(uint64_t va, uint64_t bytes)
{
	uint64_t gpa;
	enum ovbs_result result;

	if (bytes % sizeof(uint32_t))
		return OVBS_E_BAD_PARAMETERS;
	result = find_frozen(va, bytes, OVBS_FREEZE_DATA, &gpa);
	return result ? result : result_of(text_set_functions(gpa, bytes / sizeof(uint32_t)));
}

/* The text of a module: its pages may lie anywhere. */
static enum ovbs_result add_module(uint64_t va, uint64_t bytes)
{
	struct gwalk w = guest_state(GWALK_READ);
	uint64_t *page = (uint64_t *)piece;
	enum ovbs_result result = result_of(module_trust(va, bytes));

	for (uint64_t end = va + bytes; va < end && !result;) {
		unsigned int n = 0;

		for (; n < PROTECT_PAGES_MAX && va + n * PAGE_SIZE < end && !result; n++)
			result = find_page(&w, va + n * PAGE_SIZE, OVBS_FREEZE_CODE, &page[n]);
		if (!result)
			result = result_of(module_trust_pages(va, page, n));
		va += n * PAGE_SIZE;
	}
	return result;
}

/* One that lies in VTL0's memory, copied first. */
static int add_table(struct sk_sites *s, uint64_t kind, uint64_t va, uint64_t bytes)
{
	struct gwalk w = guest_state(GWALK_READ);

	if (bytes > sizeof(piece))
		return -EINVAL;
	if (gread_linear(&w, va, piece, bytes, NULL) != bytes)
		return -EFAULT;
	switch (kind) {
	case OVBS_SITES_JUMPS:
		return sk_sites_add_jumps(s, va, piece, bytes, &text);
	case OVBS_SITES_STATIC_CALLS:
		return sk_sites_add_static_calls(s, va, piece, bytes, &text);
	case OVBS_SITES_FTRACE:
		return sk_sites_add_mcount(s, piece, bytes, SK_DYN_FTRACE);
	case OVBS_SITES_FUNCTIONS:
		if (s == &kernel_text.sites || bytes % sizeof(uint32_t))
			return -EINVAL;
		return module_trust_functions((const uint32_t *)piece, bytes / sizeof(uint32_t));
	default:
		return -EINVAL;
	}
}

/* What follows the text, until a module's follows. */
static bool modules_follow;

static enum ovbs_result add(uint64_t kind, uint64_t va, uint64_t bytes)
{
	struct sk_sites *s = modules_follow ? module_trust_sites() : &kernel_text.sites;

	if (kind == OVBS_SITES_TEXT)
		return add_text(va, bytes);
	if (!kernel_text.va || kernel_text.sites.sealed || !s)
		return OVBS_E_BAD_STATE;
	if (kind == OVBS_SITES_MODULE) {
		modules_follow = true;
		return add_module(va, bytes);
	}
	if (kind == OVBS_SITES_FUNCTIONS && !modules_follow)
		return add_functions(va, bytes);
	if (kind == OVBS_SITES_TRACER)
		return modules_follow ? OVBS_E_BAD_STATE : result_of(text_add_tracer(va));
	if (kind == OVBS_SITES_TRAMPOLINES)
		return result_of(sk_sites_add_trampolines(s, va, bytes, &text));
	return result_of(add_table(s, kind, va, bytes));
}

enum ovbs_result integrity_add(uint64_t kind, uint64_t va, uint64_t bytes)
{
	enum ovbs_result result;

	if (protect_locked())
		return OVBS_E_BAD_STATE;
	lock_take(&text_lock);
	result = add(kind, va, bytes);
	if (result) {
		sk_log("integrity: piece %llu at %llx: result %x", (unsigned long long)kind,
		       (unsigned long long)va, result);
		broken = true;
	}
	lock_release(&text_lock);
	return result;
}

static int seal(uint64_t *bad)
{
	struct kernel_text *k = &kernel_text;
	int err = 0;

	if (broken)
		return -EINVAL;
	if (k->va && !k->sites.sealed)
		err = sk_sites_seal(&k->sites, &text, bad);
	return err ? err : modules_seal(bad);
}

enum ovbs_result integrity_seal(void)
{
	uint64_t bad = 0, now, ever;
	int err;

	lock_take(&text_lock);
	err = seal(&bad);
	modules_count(&now, &ever);
	if (err)
		sk_log("integrity: the table of sites makes no sense: %d at %llx", err, (unsigned long long)bad);
	else if (kernel_text.va)
		sk_log("integrity: %u places where the kernel patches %llu KiB of text, %llu modules",
		       kernel_text.sites.count, (unsigned long long)kernel_text.bytes / 1024,
		       (unsigned long long)now);
	lock_release(&text_lock);
	return result_of(err);
}

/* ---- writes, after lockdown ---------------------------------------------- */

/* Where a captured write goes: its first and its last byte, of which the last may lie in another page, anywhere. */
struct target {
	uint64_t gpa, last_gpa;
	unsigned int n, before_last; /* bytes, and those of them in the first page */
};

/* By the mapping that is written through, at the page that faulted. */
static bool find_target(struct gwalk w, const struct sk_captured *c, uint64_t fault, struct target *t)
{
	uint64_t last = c->va + c->n - 1, left = PAGE_SIZE - (c->va & ~PAGE_MASK);
	struct gwalk_result at, end;

	w.access = GWALK_WRITE;
	if (last < c->va || gwalk_linear(&w, c->va, &at) || gwalk_linear(&w, last, &end))
		return false;
	/* The first store need not be of the first byte, and one over two pages may fault at either. */
	if (((at.gpa ^ fault) & PAGE_MASK) && ((end.gpa ^ fault) & PAGE_MASK))
		return false;
	*t = (struct target){ at.gpa, end.gpa, c->n, left < c->n ? (unsigned int)left : c->n };
	return true;
}

/* All of it must lie in one text, page behind page as that runs. */
static bool find_place(const struct target *t, struct text_place *p)
{
	struct text_place last;

	return text_place_of(t->gpa, p) && text_place_of(t->last_gpa, &last) && last.sites == p->sites &&
	       last.addr == p->addr + t->n - 1;
}

static void write_text(const struct target *t, const uint8_t *bytes)
{
	unsigned int rest = t->n - t->before_last;

	if (guest_write_at(t->gpa, bytes, t->before_last) ||
	    (rest && guest_write_at(t->last_gpa - (rest - 1), bytes + t->before_last, rest)))
		sk_panic("frozen text is no RAM");
}

/* NULL: it is done. */
static const char *judge(const struct target *t, const struct sk_captured *c)
{
	enum sk_patch_verdict verdict = SK_PATCH_OK;
	const char *why = NULL;
	struct text_place p;

	lock_take(&text_lock);
	if (!find_place(t, &p))
		why = "over the edge of the text";
	else
		verdict = sk_patch_judge(p.sites, p.addr, c->bytes, c->n, &text);
	if (verdict)
		why = sk_patch_reason(verdict);
	if (!why)
		write_text(t, c->bytes);
	lock_release(&text_lock);
	return why;
}

static const char *patch(const struct hv_x64_memory_intercept_message *m, const struct vtl0_regs *r,
			 struct sk_captured *c)
{
	struct gwalk w = guest_state(GWALK_READ);
	const char *why = sk_capture(m, r, &w, c);
	struct target t;

	if (why)
		return why;
	return find_target(w, c, m->guest_physical_address, &t) ? judge(&t, c) : "over the edge of the text";
}

static bool is_text(uint64_t gpa)
{
	struct text_place p;
	bool so;

	lock_take(&text_lock);
	so = text_place_of(gpa, &p);
	lock_release(&text_lock);
	return so;
}

bool integrity_write(const struct hv_x64_memory_intercept_message *m, struct vtl0_regs *r, const char **why)
{
	struct sk_captured c;

	*why = NULL;
	if (!is_text(m->guest_physical_address))
		return false;
	*why = patch(m, r, &c);
	__atomic_add_fetch(*why ? &refusals : &patches, 1, __ATOMIC_RELAXED);
	if (*why)
		return false;
	sk_capture_go_on(&c, r);
	return true;
}

struct integrity_counts integrity_count(void)
{
	struct integrity_counts n = { .patches = __atomic_load_n(&patches, __ATOMIC_RELAXED),
				      .refused = __atomic_load_n(&refusals, __ATOMIC_RELAXED) };

	lock_take(&text_lock);
	modules_count(&n.modules, &n.modules_ever);
	lock_release(&text_lock);
	return n;
}
