// SPDX-License-Identifier: GPL-2.0-only
/*
 * Modules of VTL0's kernel: see modules.h.
 */
#include "modules.h"

#include <ovbs_compiler.h>
#include <ovbs_errno.h>
#include <ovbs_string.h>

#include "forms.h"
#include "log.h"
#include "memory.h"
#include "protect.h"
#include "text.h"

#define MODULES_MAX   512u
#define AREAS_MAX     8u
#define SITES_MAX     (72u << 10)
#define FUNCTIONS_MAX (64u << 10)
#define CHECK_MAX     1024u /* sites in one call: it holds VTL0 up */
#define LOGGED_MAX    64u

_Static_assert(OVBS_TL_PAGES_MAX == PROTECT_PAGES_MAX, "a call's pages");
_Static_assert((int)OVBS_TL_SITE_JUMP == SK_SITE_JUMP && (int)OVBS_TL_SITE_CALL == SK_SITE_CALL &&
		       (int)OVBS_TL_SITE_TAIL == SK_SITE_TAIL && (int)OVBS_TL_SITE_JCC == SK_SITE_JCC &&
		       (int)OVBS_TL_SITE_MCOUNT == SK_SITE_MCOUNT && (int)OVBS_TL_SITE_LOCK == SK_SITE_LOCK,
	       "the ABI's kinds");

enum state {
	MADE,
	GRANTING,
	GRANTED,
	GOING,
};

/* Pages of one kind that follow each other by address. */
struct area {
	uint64_t va, end;
	uint8_t what; /* enum ovbs_tl_pages */
};

struct module {
	enum state state;
	bool trusted; /* the kernel's word from before lockdown: it stays */
	bool broken;  /* a step failed: it never runs */
	bool fixed;   /* its text has its extent: no more pages of text */
	uint32_t areas;
	struct area area[AREAS_MAX];
	struct sk_sites sites; /* of all its text: from the lowest address to the highest */
	uint32_t checked;      /* sites, of those */
	uint32_t *function;    /* offsets as the sites', ascending */
	uint32_t functions;
};

static struct module modules[MODULES_MAX];
static uint32_t numbers[MODULES_MAX]; /* of modules[]; 0: free */
static uint32_t last_number;
static struct sk_site *all_sites;
static uint32_t *all_functions;
static uint64_t granted_ever;
static uint32_t lines_left = LOGGED_MAX;

void modules_prepare(void)
{
	_Static_assert(SITES_MAX * sizeof(*all_sites) % PAGE_SIZE == 0, "whole pages");
	_Static_assert(FUNCTIONS_MAX * sizeof(*all_functions) % PAGE_SIZE == 0, "whole pages");
	all_sites = memory_boot_pages(SITES_MAX * sizeof(*all_sites) / PAGE_SIZE);
	all_functions = memory_boot_pages(FUNCTIONS_MAX * sizeof(*all_functions) / PAGE_SIZE);
}

static struct module *find(uint64_t number)
{
	for (uint32_t i = 0; number && i < MODULES_MAX; i++)
		if (numbers[i] == number)
			return &modules[i];
	return NULL;
}

static uint32_t number_of(const struct module *m)
{
	return numbers[m - modules];
}

/* One that the trustlet made. */
static struct module *find_made(uint64_t number)
{
	struct module *m = find(number);

	return m && !m->trusted ? m : NULL;
}

static struct module *make(void)
{
	uint32_t i = 0;

	while (i < MODULES_MAX && numbers[i])
		i++;
	if (i == MODULES_MAX || last_number == UINT32_MAX)
		return NULL;
	numbers[i] = ++last_number;
	memset(&modules[i], 0, sizeof(modules[i]));
	return &modules[i];
}

/* ---- text ----------------------------------------------------------------- */

static bool is_text(const struct area *a)
{
	return a->what == OVBS_TL_PAGES_RX || a->what == OVBS_TL_PAGES_RX_UNTIL_INIT;
}

static const struct area *text_at(const struct module *m, uint64_t addr)
{
	for (uint32_t i = 0; i < m->areas; i++)
		if (is_text(&m->area[i]) && addr >= m->area[i].va && addr < m->area[i].end)
			return &m->area[i];
	return NULL;
}

/* Behind the tables of all other modules. */
static uint32_t sites_end(void)
{
	uint32_t end = 0;

	for (uint32_t i = 0; i < MODULES_MAX; i++) {
		const struct sk_sites *s = &modules[i].sites;

		if (numbers[i] && modules[i].fixed && (uint32_t)(s->site - all_sites) + s->count > end)
			end = (uint32_t)(s->site - all_sites) + s->count;
	}
	return end;
}

static uint32_t *functions_end(void)
{
	uint32_t *end = all_functions;

	for (uint32_t i = 0; i < MODULES_MAX; i++)
		if (numbers[i] && modules[i].fixed && modules[i].function + modules[i].functions > end)
			end = modules[i].function + modules[i].functions;
	return end;
}

/* From here on sites and functions have what their offsets count from. -EINVAL: no text, or more than 4 GiB apart. */
static int fix_text(struct module *m)
{
	uint64_t low = UINT64_MAX, high = 0;
	uint32_t at;

	if (m->fixed)
		return 0;
	for (uint32_t i = 0; i < m->areas; i++) {
		if (!is_text(&m->area[i]))
			continue;
		low = m->area[i].va < low ? m->area[i].va : low;
		high = m->area[i].end > high ? m->area[i].end : high;
	}
	at = sites_end();
	if (low >= high || sk_sites_init(&m->sites, low, high - low, all_sites + at, SITES_MAX - at))
		return -EINVAL;
	m->function = functions_end();
	m->fixed = true;
	return 0;
}

bool module_has_function(uint64_t addr, const void *own)
{
	const struct module *m;
	uint32_t low = 0, high, offset;
	struct range r;

	if (!protect_find_va(addr, &r) || !text_is_range(&r))
		return false;
	m = find(r.owner);
	if (!m || (m != own && (m->state != GRANTED || !protect_executable(&r))))
		return false;
	offset = (uint32_t)(addr - m->sites.base);
	for (high = m->functions; low < high;) {
		uint32_t middle = low + (high - low) / 2;

		if (m->function[middle] == offset)
			return true;
		if (m->function[middle] < offset)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

const struct sk_sites *module_sites(uint32_t number)
{
	const struct module *m = find(number);

	return m && m->state == GRANTED && m->sites.sealed ? &m->sites : NULL;
}

/* ---- pages ---------------------------------------------------------------- */

/* The area that [@va, ...) of this kind goes on, or a new one. NULL: not so. Text has one of each kind. */
static struct area *area_for(struct module *m, uint64_t va, uint8_t what)
{
	const struct area fresh = { va, va, what };

	for (uint32_t i = 0; i < m->areas; i++) {
		if (m->area[i].what != what)
			continue;
		if (m->area[i].end == va)
			return &m->area[i];
		if (is_text(&fresh))
			return NULL;
	}
	if (m->areas == AREAS_MAX)
		return NULL;
	m->area[m->areas] = fresh;
	return &m->area[m->areas++];
}

static int64_t freeze(struct module *m, uint64_t va, const uint64_t *gpa, unsigned int pages, uint8_t what)
{
	struct area *a;
	int err;

	if (m->state != MADE || m->broken)
		return -EINVAL;
	m->broken = true; /* until it is done */
	a = area_for(m, va, what);
	if (!a || (is_text(a) && m->fixed))
		return -EINVAL;
	/* Also after an error: what was frozen until then is thawed with the rest. */
	a->end = va + pages * PAGE_SIZE;
	err = protect_claim(number_of(m), what, va, gpa, pages);
	m->broken = err;
	return err;
}

int64_t module_freeze(uint64_t number, uint64_t va, const uint64_t *gpa, unsigned int pages, uint64_t what)
{
	struct module *m;
	int64_t result;

	if (!pages || pages > OVBS_TL_PAGES_MAX || (va & ~PAGE_MASK) ||
	    va + pages * PAGE_SIZE <= va || what > OVBS_TL_PAGES_R_UNTIL_INIT)
		return -EINVAL;
	lock_take(&text_lock);
	m = find_made(number);
	result = m ? freeze(m, va, gpa, pages, (uint8_t)what) : -ENOENT;
	lock_release(&text_lock);
	return result;
}

/*
 * One step for the areas of the kinds @kinds (bit map), at most PROTECT_PAGES_MAX
 * pages of them. How many are left to do, or -ENOMEM.
 */
static int64_t step(struct module *m, enum protect_step what, unsigned int kinds)
{
	uint64_t left = 0, done = 0, n;

	for (uint32_t i = 0; i < m->areas; i++) {
		const struct area *a = &m->area[i];

		if (!(kinds >> a->what & 1))
			continue;
		if (done)
			n = protect_to_do(what, number_of(m), a->va, a->end);
		else if (protect_step(what, number_of(m), a->va, a->end, &done, &n))
			return -ENOMEM;
		left += n;
	}
	return (int64_t)left;
}

#define KIND(what) (1u << OVBS_TL_PAGES_##what)
#define TEXT       (KIND(RX) | KIND(RX_UNTIL_INIT))
#define CONSTANTS  (KIND(R) | KIND(R_AFTER_INIT) | KIND(R_UNTIL_INIT))

struct todo {
	enum protect_step step;
	unsigned int kinds;
};

static uint64_t count(const struct module *m, const struct todo *t)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < m->areas; i++)
		if (t->kinds >> m->area[i].what & 1)
			n += protect_to_do(t->step, number_of(m), m->area[i].va, m->area[i].end);
	return n;
}

/* None before those ahead of it are done. What is left of all of them. */
static int64_t in_order(struct module *m, const struct todo *todo, unsigned int n)
{
	int64_t left = 0;

	for (unsigned int i = 0; i < n; i++) {
		if (left) {
			left += (int64_t)count(m, &todo[i]);
			continue;
		}
		left = step(m, todo[i].step, todo[i].kinds);
		if (left < 0)
			return left;
	}
	return left;
}

/* ---- sites and functions -------------------------------------------------- */

/* One that may get more: nobody's sites and functions lie behind its own. -ENOENT, -EINVAL. */
static int open_for_more(uint64_t number, struct module **out)
{
	struct module *m = *out = find_made(number);

	if (!m)
		return -ENOENT;
	if (m->state != MADE || m->broken || number != last_number)
		return -EINVAL;
	return fix_text(m);
}

/* What depends on where the text lies; the rest is looked at when the table is sealed. */
static bool to_site(const struct module *m, const struct ovbs_tl_site *in, struct sk_site *out)
{
	const struct area *a = text_at(m, in->address);
	uint64_t target = in->address + (uint64_t)(int64_t)in->target;

	if (!a || in->size > a->end - in->address || in->kind == SK_SITE_TRACER)
		return false;
	if (in->kind == SK_SITE_JUMP && (target < a->va || target >= a->end))
		return false;
	*out = (struct sk_site){ .offset = (uint32_t)(in->address - m->sites.base),
				 .target = in->target,
				 .kind = in->kind,
				 .size = in->size,
				 .condition = in->condition,
				 .reserved = in->reserved };
	return true;
}

int64_t module_add_sites(uint64_t number, const struct ovbs_tl_site *site, unsigned int n)
{
	struct module *m;
	int64_t err;

	lock_take(&text_lock);
	err = open_for_more(number, &m);
	if (!err && n > m->sites.max - m->sites.count)
		err = -ENOMEM;
	for (unsigned int i = 0; i < n && !err; i++) {
		if (to_site(m, &site[i], &m->sites.site[m->sites.count]))
			m->sites.count++;
		else
			err = -EINVAL;
	}
	if (err && m)
		m->broken = true;
	lock_release(&text_lock);
	return err;
}

static int add_function(struct module *m, uint64_t address)
{
	uint32_t offset = (uint32_t)(address - m->sites.base);

	if (!text_at(m, address) || (m->functions && offset < m->function[m->functions - 1]))
		return -EINVAL;
	if (m->functions && offset == m->function[m->functions - 1])
		return 0; /* two names of one */
	if (m->function + m->functions == all_functions + FUNCTIONS_MAX)
		return -ENOMEM;
	m->function[m->functions++] = offset;
	return 0;
}

int64_t module_add_functions(uint64_t number, const uint64_t *address, unsigned int n)
{
	struct module *m;
	int64_t err;

	lock_take(&text_lock);
	err = open_for_more(number, &m);
	for (unsigned int i = 0; i < n && !err; i++)
		err = add_function(m, address[i]);
	if (err && m)
		m->broken = true;
	lock_release(&text_lock);
	return err;
}

/* ---- a module's life ------------------------------------------------------ */

int64_t module_new(void)
{
	const struct module *m;
	int64_t number;

	lock_take(&text_lock);
	m = make();
	number = m ? (int64_t)number_of(m) : -ENOMEM;
	lock_release(&text_lock);
	return number;
}

/* Some of the sites. 0 when all are checked, 1 before. */
static int check_sites(struct module *m)
{
	const struct sk_text text = { .ctx = m, .read = text_read, .is_target = text_is_target };
	uint64_t bad = 0;
	int err;

	if (m->sites.sealed)
		return 0;
	err = sk_sites_seal_part(&m->sites, &text, CHECK_MAX, &m->checked, &bad);
	if (err) {
		sk_log_bounded(&lines_left, "module %u: the site at %llx makes no sense: %d",
			       number_of(m), (unsigned long long)bad, err);
		m->broken = true;
		return -EBADMSG;
	}
	return !m->sites.sealed;
}

static int64_t grant(struct module *m)
{
	const struct todo text = { PROTECT_GRANT, TEXT };
	int64_t left = 0;

	if (m->state == GRANTED)
		return 0;
	if (m->state == GOING || m->broken || (count(m, &text) && fix_text(m)))
		return -EINVAL;
	m->state = GRANTING;
	if (m->fixed) {
		left = check_sites(m);
		if (left)
			return left < 0 ? left : (int64_t)count(m, &text) + 1;
		left = step(m, text.step, text.kinds);
	}
	if (!left) {
		m->state = GRANTED;
		granted_ever++;
	}
	m->broken = left < 0;
	return left;
}

int64_t module_grant(uint64_t number)
{
	struct module *m;
	int64_t left;

	lock_take(&text_lock);
	m = find_made(number);
	left = m ? grant(m) : -ENOENT;
	lock_release(&text_lock);
	return left;
}

int64_t module_live(uint64_t number)
{
	/* Text first: constants that it runs with must not change before. */
	static const struct todo todo[] = { { PROTECT_THAW, KIND(RX_UNTIL_INIT) },
					    { PROTECT_THAW, KIND(R_UNTIL_INIT) },
					    { PROTECT_FREEZE, KIND(R_AFTER_INIT) } };
	struct module *m;
	int64_t left;

	lock_take(&text_lock);
	m = find_made(number);
	left = !m ? -ENOENT : m->state != GRANTED ? -EINVAL : in_order(m, todo, ARRAY_SIZE(todo));
	lock_release(&text_lock);
	return left;
}

/* What is behind @m's sites and functions moves up. */
static void close_gap(const struct module *m)
{
	uint32_t *functions = m->function + m->functions, *functions_last = functions_end();
	struct sk_site *sites = m->sites.site + m->sites.count, *sites_last = all_sites + sites_end();

	memmove(m->sites.site, sites, (size_t)(sites_last - sites) * sizeof(*sites));
	memmove(m->function, functions, (size_t)(functions_last - functions) * sizeof(*functions));
	for (uint32_t i = 0; i < MODULES_MAX; i++) {
		struct module *other = &modules[i];

		if (!numbers[i] || !other->fixed || other == m)
			continue;
		if (other->sites.site >= sites) {
			other->sites.site -= m->sites.count;
			other->sites.max += m->sites.count;
		}
		if (other->function >= functions)
			other->function -= m->functions;
	}
}

static int64_t gone(struct module *m)
{
	static const struct todo todo[] = { { PROTECT_THAW, TEXT }, { PROTECT_THAW, CONSTANTS } };
	int64_t left;

	m->state = GOING;
	left = in_order(m, todo, ARRAY_SIZE(todo));
	if (!left) {
		if (m->fixed)
			close_gap(m);
		numbers[m - modules] = 0;
	}
	return left;
}

int64_t module_gone(uint64_t number)
{
	struct module *m;
	int64_t left;

	lock_take(&text_lock);
	m = find_made(number);
	left = m ? gone(m) : -ENOENT;
	lock_release(&text_lock);
	return left;
}

/* ---- modules from before lockdown ----------------------------------------- */

static struct module *trusted(void)
{
	struct module *m = find(last_number);

	return m && m->trusted && !m->sites.sealed ? m : NULL;
}

int module_trust(uint64_t va, uint64_t bytes)
{
	struct module *m;
	int err;

	if (!bytes || ((va | bytes) & ~PAGE_MASK) || va + bytes <= va)
		return -EINVAL;
	m = make();
	if (!m)
		return -ENOSPC;
	m->trusted = true;
	m->area[m->areas++] = (struct area){ va, va + bytes, OVBS_TL_PAGES_RX };
	err = fix_text(m);
	if (err)
		numbers[m - modules] = 0;
	else
		m->state = GRANTED; /* its sites are not sealed: nothing is patched yet */
	return err;
}

int module_trust_pages(uint64_t va, const uint64_t *gpa, unsigned int n)
{
	const struct module *m = trusted();
	int err = m ? protect_adopt(number_of(m), va, gpa, n) : -EINVAL;

	return err == -ENOMEM ? -ENOSPC : err;
}

int module_trust_functions(const uint32_t *offset, uint64_t n)
{
	struct module *m = trusted();
	int err = m ? 0 : -EINVAL;

	for (uint64_t i = 0; i < n && !err; i++)
		err = add_function(m, m->sites.base + offset[i]);
	return err == -ENOMEM ? -ENOSPC : err;
}

struct sk_sites *module_trust_sites(void)
{
	struct module *m = trusted();

	return m ? &m->sites : NULL;
}

int modules_seal(uint64_t *bad)
{
	static const struct sk_text text = { .read = text_read, .is_target = text_is_target };
	int err = 0;

	for (uint32_t i = 0; i < MODULES_MAX && !err; i++) {
		if (!numbers[i] || !modules[i].trusted || modules[i].sites.sealed)
			continue;
		err = sk_sites_seal(&modules[i].sites, &text, bad);
		granted_ever += !err;
	}
	return err;
}

void modules_count(uint64_t *now, uint64_t *ever)
{
	*now = 0;
	for (uint32_t i = 0; i < MODULES_MAX; i++)
		*now += numbers[i] && modules[i].state == GRANTED;
	*ever = granted_ever;
}
