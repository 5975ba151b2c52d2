// SPDX-License-Identifier: MIT
/*
 * As a Linux process: VTL0's kernel memory, and what the secure kernel does with
 * it for code integrity (host_ci.h). A model of the rules, page by page; slow
 * and simple. A program that maps nothing finds no memory at all.
 */
#include "host_ci.h"

#include "backend_ci.h"
#include "host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE        4096u
#define AREAS       4096
#define MODULES     1024
#define GRANT_PAGES 8 /* at a time */

#define RULE(cond)                                                                                    \
	do {                                                                                          \
		if (!(cond)) {                                                                        \
			fprintf(stderr, "%s:%d: a rule was broken: %s\n", __FILE__, __LINE__, #cond); \
			abort();                                                                      \
		}                                                                                     \
	} while (0)

struct page {
	bool frozen, seen, executable;
	uint64_t module; /* 0: nobody's */
	enum ovbs_tl_pages what;
};

static struct area {
	uint64_t va;
	uint8_t *bytes;
	size_t size;
	bool kernel; /* frozen for good */
	struct page *page;
} areas[AREAS];
static size_t area_count;

static struct module {
	uint64_t number; /* 0: free */
	bool granted, failed;
	struct ovbs_tl_site *site;
	size_t sites, functions;
	uint64_t last_function, last_va;
} modules[MODULES];
static uint64_t last_number;
static bool locked;

static void (*hook)(enum ovbs_tl_call call, void *context);
static void *hook_context;
static enum ovbs_tl_call fail_call;
static unsigned int fail_skip;
static long fail_error;

static size_t pages_of(const struct area *a)
{
	return (a->size + PAGE - 1) / PAGE;
}

void tl_host_ci_reset(void)
{
	for (size_t i = 0; i < area_count; i++)
		free(areas[i].page);
	for (size_t i = 0; i < MODULES; i++)
		free(modules[i].site);
	memset(areas, 0, sizeof(areas));
	memset(modules, 0, sizeof(modules));
	area_count = 0;
	locked = false;
	hook = NULL;
	fail_call = 0;
}

void tl_host_ci_map(uint64_t va, void *bytes, size_t size, bool frozen)
{
	struct area *a = &areas[area_count++];

	RULE(area_count <= AREAS);
	*a = (struct area){ .va = va, .bytes = bytes, .size = size, .kernel = frozen };
	a->page = calloc(pages_of(a), sizeof(*a->page));
	RULE(a->page != NULL);
}

void tl_host_ci_lock(void)
{
	locked = true;
}

void tl_host_ci_hook(void (*before)(enum ovbs_tl_call call, void *context), void *context)
{
	hook = before;
	hook_context = context;
}

void tl_host_ci_fail(enum ovbs_tl_call call, unsigned int skip, long error)
{
	fail_call = call;
	fail_skip = skip;
	fail_error = error;
}

/* Before every call. Return: 0, or the error that the test wants. */
static long enter(enum ovbs_tl_call call)
{
	if ((tl_host_policy_now() & OVBS_POLICY_INTEGRITY) == 0)
		return -EPERM;
	if (hook != NULL)
		hook(call, hook_context);
	if (fail_call != call || fail_skip-- > 0)
		return 0;
	fail_call = 0;
	return fail_error;
}

/* What was mapped last counts: VTL0 uses addresses again. */
static struct area *area_at(uint64_t va)
{
	for (size_t i = area_count; i-- > 0;) {
		if (va >= areas[i].va && va - areas[i].va < areas[i].size)
			return &areas[i];
	}
	return NULL;
}

static struct page *page_at(const struct area *a, uint64_t va)
{
	return &a->page[va / PAGE - a->va / PAGE];
}

/* Bytes of @va that lie in one page and one area, at most @n; 0: none. */
static size_t piece_at(uint64_t va, size_t n, struct area **a)
{
	size_t room;

	*a = area_at(va);
	if (*a == NULL)
		return 0;
	room = PAGE - va % PAGE;
	if (room > (*a)->size - (va - (*a)->va))
		room = (*a)->size - (va - (*a)->va);
	return n < room ? n : room;
}

static long copy(uint64_t va, uint8_t *to, size_t n, bool must_be_frozen)
{
	struct area *a;

	if (n > OVBS_TL_COPY_MAX)
		return -EINVAL;
	while (n > 0) {
		size_t now = piece_at(va, n, &a);

		if (now == 0)
			return -EFAULT;
		if (must_be_frozen && !a->kernel && !page_at(a, va)->frozen)
			return -EACCES;
		if (must_be_frozen && now == PAGE) /* all of it was compared, it seems */
			page_at(a, va)->seen = true;
		memcpy(to, a->bytes + (va - a->va), now);
		va += now;
		to += now;
		n -= now;
	}
	return 0;
}

long tl_ci_copy(uint64_t va, void *to, size_t n)
{
	long rc = enter(OVBS_TL_GUEST_COPY);

	return rc != 0 ? rc : copy(va, to, n, false);
}

long tl_ci_frozen(uint64_t va, void *to, size_t n)
{
	long rc = enter(OVBS_TL_GUEST_FROZEN);

	return rc != 0 ? rc : copy(va, to, n, true);
}

long tl_ci_locked(void)
{
	long rc = enter(OVBS_TL_LOCKED);

	return rc != 0 ? rc : locked;
}

bool tl_host_ci_write(uint64_t va, const void *bytes, size_t n)
{
	struct area *a;

	for (size_t done = 0, now; done < n; done += now) {
		now = piece_at(va + done, n - done, &a);
		if (now == 0 || a->kernel || page_at(a, va + done)->frozen)
			return false;
	}
	for (size_t done = 0, now; done < n; done += now) {
		now = piece_at(va + done, n - done, &a);
		memcpy(a->bytes + (va + done - a->va), (const uint8_t *)bytes + done, now);
	}
	return true;
}

bool tl_host_ci_executable(uint64_t va)
{
	struct area *a = area_at(va);

	return a != NULL && page_at(a, va)->executable;
}

size_t tl_host_ci_pages(void)
{
	size_t n = 0;

	for (size_t i = 0; i < area_count; i++) {
		for (size_t p = 0; p < pages_of(&areas[i]); p++)
			n += areas[i].page[p].module != 0;
	}
	return n;
}

size_t tl_host_ci_modules(void)
{
	size_t n = 0;

	for (size_t i = 0; i < MODULES; i++)
		n += modules[i].number != 0;
	return n;
}

static struct module *module_of(uint64_t number)
{
	for (size_t i = 0; i < MODULES; i++) {
		if (number != 0 && modules[i].number == number)
			return &modules[i];
	}
	return NULL;
}

size_t tl_host_ci_sites(uint64_t module)
{
	return module_of(module) != NULL ? module_of(module)->sites : 0;
}

size_t tl_host_ci_functions(uint64_t module)
{
	return module_of(module) != NULL ? module_of(module)->functions : 0;
}

long tl_ci_module_new(void)
{
	long rc = enter(OVBS_TL_MODULE_NEW);

	for (size_t i = 0; i < MODULES && rc == 0; i++) {
		if (modules[i].number == 0) {
			modules[i] = (struct module){ .number = ++last_number };
			return (long)last_number;
		}
	}
	return rc != 0 ? rc : -ENOMEM;
}

/* A module that may be changed still. */
static long begin(enum ovbs_tl_call call, uint64_t number, struct module **m)
{
	long rc = enter(call);

	*m = module_of(number);
	if (*m == NULL)
		return -ENOENT;
	RULE(!(*m)->failed);
	if (rc == 0 && (*m)->granted)
		rc = -EINVAL;
	return rc;
}

static long freeze(struct module *m, uint64_t va, uint64_t pages, enum ovbs_tl_pages what)
{
	if (va % PAGE != 0 || pages == 0 || pages > OVBS_TL_PAGES_MAX || what > OVBS_TL_PAGES_R_UNTIL_INIT)
		return -EINVAL;
	for (uint64_t i = 0; i < pages; i++, va += PAGE) {
		struct area *a = area_at(va);
		struct page *p;

		if (a == NULL)
			return -EFAULT;
		p = page_at(a, va);
		if (a->kernel || p->module != 0)
			return -EACCES;
		*p = (struct page){ .module = m->number,
				    .what = what,
				    .frozen = what != OVBS_TL_PAGES_R_AFTER_INIT };
	}
	return 0;
}

long tl_ci_module_freeze(uint64_t number, uint64_t va, uint64_t pages, enum ovbs_tl_pages what)
{
	struct module *m;
	long rc = begin(OVBS_TL_MODULE_FREEZE, number, &m);

	if (rc == 0)
		rc = freeze(m, va, pages, what);
	if (m != NULL)
		m->failed = rc != 0;
	return rc;
}

static bool is_text(const struct module *m, uint64_t va)
{
	struct area *a = area_at(va);
	const struct page *p = a != NULL ? page_at(a, va) : NULL;

	return p != NULL && p->module == m->number &&
	       (p->what == OVBS_TL_PAGES_RX || p->what == OVBS_TL_PAGES_RX_UNTIL_INIT);
}

long tl_ci_module_sites(uint64_t number, const struct ovbs_tl_site *site, uint32_t n)
{
	struct ovbs_tl_site *more;
	struct module *m;
	long rc = begin(OVBS_TL_MODULE_SITES, number, &m);

	if (rc != 0)
		return rc;
	if (n > OVBS_TL_SITES_MAX)
		return -EINVAL;
	for (uint32_t i = 0; i < n; i++)
		RULE(is_text(m, site[i].address) && is_text(m, site[i].address + site[i].size - 1));
	more = realloc(m->site, (m->sites + n + 1) * sizeof(*more));
	RULE(more != NULL);
	m->site = more;
	memcpy(m->site + m->sites, site, n * sizeof(*site));
	m->sites += n;
	return 0;
}

long tl_ci_module_functions(uint64_t number, const uint64_t *address, uint32_t n)
{
	struct module *m;
	long rc = begin(OVBS_TL_MODULE_FUNCTIONS, number, &m);

	if (rc != 0)
		return rc;
	if (n > OVBS_TL_SITES_MAX)
		return -EINVAL;
	for (uint32_t i = 0; i < n; i++) {
		RULE(is_text(m, address[i]) && address[i] > m->last_function);
		m->last_function = address[i];
	}
	m->functions += n;
	return 0;
}

/* The first bytes that a site may have, as securekernel/forms.h; the whole of them is the secure kernel's to judge. */
static bool has_form(const struct ovbs_tl_site *s)
{
	uint8_t b[6] = { 0 };

	if (s->size > sizeof(b) || copy(s->address, b, s->size, true) != 0)
		return false;
	switch (s->kind) {
	case OVBS_TL_SITE_JUMP:
		return s->size == 2 ? b[0] == 0xEB || b[0] == 0x66 : b[0] == 0xE9 || b[0] == 0x0F;
	case OVBS_TL_SITE_CALL:
		return s->size == 5 && (b[0] == 0xE8 || b[0] == 0x0F || b[0] == 0x2E);
	case OVBS_TL_SITE_TAIL:
		return s->size == 5 && (b[0] == 0xE9 || b[0] == 0xC3);
	case OVBS_TL_SITE_JCC:
		return s->size == 6 && b[0] == 0x0F && b[1] == s->condition && (b[1] & 0xF0) == 0x80;
	case OVBS_TL_SITE_MCOUNT:
		return s->size == 5 && (b[0] == 0x0F || b[0] == 0xE8);
	case OVBS_TL_SITE_LOCK:
		return s->size == 1 && (b[0] == 0x3E || b[0] == 0xF0);
	default:
		return false;
	}
}

static int by_address(const void *a, const void *b)
{
	uint64_t x = ((const struct ovbs_tl_site *)a)->address,
		 y = ((const struct ovbs_tl_site *)b)->address;

	return x < y ? -1 : x > y;
}

static bool sites_good(struct module *m)
{
	if (m->sites > 0)
		qsort(m->site, m->sites, sizeof(*m->site), by_address);
	for (size_t i = 0; i < m->sites; i++) {
		if (!has_form(&m->site[i]) ||
		    (i > 0 && m->site[i - 1].address + m->site[i - 1].size > m->site[i].address))
			return false;
	}
	return true;
}

/* Calls @change for each page of a module until it was true @most times. Return: pages that @change would change still. */
static long each_page(uint64_t module, bool (*change)(struct page *p, bool do_it), long most)
{
	long left = 0;

	for (size_t i = 0; i < area_count; i++) {
		for (size_t n = 0; n < pages_of(&areas[i]); n++) {
			struct page *p = &areas[i].page[n];

			if (p->module != module || !change(p, false))
				continue;
			if (most > 0)
				most--, change(p, true);
			else
				left++;
		}
	}
	return left;
}

static bool grant_page(struct page *p, bool do_it)
{
	if (p->executable || (p->what != OVBS_TL_PAGES_RX && p->what != OVBS_TL_PAGES_RX_UNTIL_INIT))
		return false;
	if (do_it) {
		RULE(p->frozen && p->seen);
		p->executable = true;
	}
	return true;
}

static bool unread_page(struct page *p, bool do_it)
{
	(void)do_it;
	return !p->seen && p->what != OVBS_TL_PAGES_R_AFTER_INIT;
}

long tl_ci_module_grant(uint64_t number)
{
	struct module *m = module_of(number);
	long rc = enter(OVBS_TL_MODULE_GRANT);

	if (m == NULL)
		return -ENOENT;
	RULE(!m->failed);
	if (rc != 0)
		return rc;
	RULE(each_page(number, unread_page, 0) == 0);
	if (!m->granted && !sites_good(m))
		return -EBADMSG;
	m->granted = true;
	return each_page(number, grant_page, GRANT_PAGES);
}

static bool live_page(struct page *p, bool do_it)
{
	bool init = p->what == OVBS_TL_PAGES_RX_UNTIL_INIT || p->what == OVBS_TL_PAGES_R_UNTIL_INIT;

	if (!init && (p->what != OVBS_TL_PAGES_R_AFTER_INIT || p->frozen))
		return false;
	if (do_it && init)
		*p = (struct page){ 0 };
	else if (do_it)
		p->frozen = true;
	return true;
}

long tl_ci_module_live(uint64_t number)
{
	struct module *m = module_of(number);
	long rc = enter(OVBS_TL_MODULE_LIVE);

	if (m == NULL)
		return -ENOENT;
	if (rc == 0 && !m->granted)
		rc = -EINVAL;
	return rc != 0 ? rc : each_page(number, live_page, GRANT_PAGES);
}

static bool thaw_page(struct page *p, bool do_it)
{
	if (do_it)
		*p = (struct page){ 0 };
	return true;
}

long tl_ci_module_gone(uint64_t number)
{
	struct module *m = module_of(number);
	long rc = enter(OVBS_TL_MODULE_GONE);

	if (m == NULL)
		return -ENOENT;
	if (rc != 0)
		return rc;
	rc = each_page(number, thaw_page, GRANT_PAGES);
	if (rc == 0) {
		free(m->site);
		*m = (struct module){ 0 };
	}
	return rc;
}
