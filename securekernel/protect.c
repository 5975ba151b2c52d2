// SPDX-License-Identifier: GPL-2.0-only
/*
 * Protected pages, lockdown and message pages: see protect.h.
 *
 * The lock is held while the hypervisor changes rights: so no page is thawed as
 * before lockdown when there was one meanwhile, and nobody takes a page that
 * changes hands. What it does under the lock is bounded by PAGES_MAX.
 */
#include "protect.h"

#include <openvbs/trustlet_abi.h>

#include <ovbs_errno.h>

#include "hypercall.h"
#include "integrity.h"
#include "lock.h"
#include "log.h"
#include "memory.h"
#include "pins.h"

#define RANGES_MAX 16384u /* modules' pages seldom follow each other */
#define PAGES_MAX  512u   /* in one call: it holds VTL0 up */
#define LOGGED_MAX 64u

/* Programs of VTL0 may execute whatever their kernel gives them: this is about the kernel. */
#define RIGHTS_DATA   (HV_MAP_GPA_READABLE | HV_MAP_GPA_USER_EXECUTABLE)
#define RIGHTS_CODE   (RIGHTS_DATA | HV_MAP_GPA_KERNEL_EXECUTABLE)
#define RIGHTS_NORMAL (RIGHTS_DATA | HV_MAP_GPA_WRITABLE) /* of the rest, after lockdown */
#define RIGHTS_ALL    (RIGHTS_NORMAL | HV_MAP_GPA_KERNEL_EXECUTABLE) /* before */

static struct lock lock;
static struct ranges ranges;
static bool locked;                           /* set once */
static uint64_t message_pages[OVBS_MAX_CPUS]; /* 0: none */
static uint64_t list[PROTECT_PAGES_MAX];      /* of pages whose rights change */
static uint64_t executions_refused, writes_refused;
static uint32_t lines_left = LOGGED_MAX;

void protect_prepare(void)
{
	struct range *slot = memory_boot_pages(RANGES_MAX * sizeof(*slot) / PAGE_SIZE);
	uint16_t *order = memory_boot_pages(2 * RANGES_MAX * sizeof(*order) / PAGE_SIZE);

	_Static_assert(RANGES_MAX % PAGE_SIZE == 0 && RANGES_MAX <= RANGES_MOST, "whole pages of each");
	ranges_init(&ranges, slot, order, order + RANGES_MAX, RANGES_MAX);
}

static bool has_messages(uint64_t gpa, uint64_t pages)
{
	for (unsigned int i = 0; i < OVBS_MAX_CPUS; i++)
		if (message_pages[i] && message_pages[i] >= gpa && message_pages[i] - gpa < pages * PAGE_SIZE)
			return true;
	return false;
}

/* ---- pages that VTL0's kernel freezes for good ---------------------------- */

static bool is_like(const struct range *r, const struct range *want)
{
	return r && !r->owner && r->kept && r->rights == want->rights;
}

/* Those of the same rights may overlap: tables are walked by virtual addresses. */
static enum ovbs_result check(const struct range *want)
{
	const struct range *r = ranges_next(&ranges, want->gpa);
	uint32_t gaps = 1;

	if (!memory_is_vtl0_ram(want->gpa, want->pages))
		return OVBS_E_BAD_PARAMETERS;
	if (has_messages(want->gpa, want->pages))
		return OVBS_E_ACCESS_CONFLICT;
	for (; r && r->gpa < ranges_end(want); r = ranges_next(&ranges, ranges_end(r)), gaps++)
		if (!r->kept || r->rights != want->rights)
			return OVBS_E_ACCESS_CONFLICT;
	return gaps > ranges.max - ranges.count ? OVBS_E_OUT_OF_MEMORY : OVBS_OK;
}

/* A list that is in order of addresses becomes one range. */
static void note(const struct range *want, uint64_t gpa, uint64_t pages)
{
	struct range gap = *want, *last = gpa ? ranges_at(&ranges, gpa - 1) : NULL;

	gap.gpa = gpa;
	gap.pages = (uint32_t)pages;
	if (is_like(last, want)) {
		last->pages += gap.pages;
	} else {
		if (ranges_insert(&ranges, &gap))
			sk_panic("the table of ranges has no room for what was checked");
		last = ranges_at(&ranges, gpa);
	}
	(void)ranges_join(&ranges, last, UINT32_MAX);
}

/* What nothing covers yet. If it stops half way, what is done stays done: VTL0 asked for it. */
static enum ovbs_result add(const struct range *want)
{
	uint64_t at = want->gpa, end = ranges_end(want);
	enum hv_status status = HV_STATUS_SUCCESS;

	while (at < end && !status) {
		const struct range *r = ranges_next(&ranges, at);
		uint64_t to = r && r->gpa < end ? r->gpa : end, done = 0;

		if (r && r->gpa <= at) {
			at = ranges_end(r);
			continue;
		}
		done = hv_protect(at, (to - at) / PAGE_SIZE, want->rights, &status);
		if (done)
			note(want, at, done);
		at = to;
	}
	return status ? OVBS_E_OUT_OF_MEMORY : OVBS_OK;
}

/* Asked for by a kernel that is trusted until lockdown: after it nothing becomes executable any more. */
static enum ovbs_result take_rights(uint64_t gpa, uint64_t pages, uint32_t rights, bool freeze)
{
	struct range want = { .gpa = gpa, .rights = (uint8_t)rights, .kept = true };
	enum ovbs_result result;

	if (pages > PAGES_MAX)
		return OVBS_E_BAD_PARAMETERS;
	want.pages = (uint32_t)pages;
	lock_take(&lock);
	if (locked)
		want.rights &= (uint8_t)~HV_MAP_GPA_KERNEL_EXECUTABLE;
	result = locked && freeze ? OVBS_E_BAD_STATE : check(&want);
	if (!result)
		result = add(&want);
	lock_release(&lock);
	return result;
}

enum ovbs_result protect_pages(uint64_t gpa, uint64_t pages)
{
	return take_rights(gpa, pages, RIGHTS_CODE, false);
}

enum ovbs_result protect_freeze(uint64_t gpa, uint64_t pages, uint64_t how)
{
	if (how != OVBS_FREEZE_DATA && how != OVBS_FREEZE_CODE)
		return OVBS_E_BAD_PARAMETERS;
	return take_rights(gpa, pages, how == OVBS_FREEZE_CODE ? RIGHTS_CODE : RIGHTS_DATA, true);
}

/* ---- answers -------------------------------------------------------------- */

bool protect_find(uint64_t gpa, struct range *out)
{
	const struct range *r;

	lock_take(&lock);
	r = ranges_at(&ranges, gpa);
	if (r)
		*out = *r;
	lock_release(&lock);
	return r;
}

bool protect_find_va(uint64_t va, struct range *out)
{
	const struct range *r;

	lock_take(&lock);
	r = ranges_at_va(&ranges, va);
	if (r)
		*out = *r;
	lock_release(&lock);
	return r;
}

bool protect_writable(const struct range *r)
{
	return r->rights & HV_MAP_GPA_WRITABLE;
}

bool protect_executable(const struct range *r)
{
	return r->rights & HV_MAP_GPA_KERNEL_EXECUTABLE;
}

bool protect_is_frozen(uint64_t gpa, enum ovbs_freeze how)
{
	struct range r;

	return protect_find(gpa, &r) && r.rights == (how == OVBS_FREEZE_CODE ? RIGHTS_CODE : RIGHTS_DATA);
}

bool protect_locked(void)
{
	return __atomic_load_n(&locked, __ATOMIC_ACQUIRE);
}

struct protect_counts protect_count(void)
{
	struct protect_counts n = { .executions = __atomic_load_n(&executions_refused, __ATOMIC_RELAXED),
				    .writes = __atomic_load_n(&writes_refused, __ATOMIC_RELAXED) };

	lock_take(&lock);
	for (uint32_t i = 0; i < ranges.count; i++) {
		const struct range *r = &ranges.slot[ranges.by_gpa[i]];

		n.frozen_pages += protect_writable(r) ? 0 : r->pages;
	}
	lock_release(&lock);
	return n;
}

/* ---- modules' pages ------------------------------------------------------- */

static int check_page(uint64_t gpa)
{
	if (memory_is_given(gpa) || has_messages(gpa, 1) || ranges_at(&ranges, gpa))
		return -EACCES;
	return memory_is_vtl0_ram(gpa, 1) ? 0 : -EFAULT;
}

/* Each is in the table before the next is looked at: no page comes twice. */
static int claim(const struct range *r, const uint64_t *gpa, unsigned int n, unsigned int *done)
{
	int err = 0;

	for (*done = 0; *done < n; (*done)++) {
		struct range page = *r;

		page.gpa = gpa[*done];
		page.va += *done * PAGE_SIZE;
		err = check_page(page.gpa);
		if (!err)
			err = ranges_insert(&ranges, &page);
		if (err)
			break;
	}
	return err == -ENOSPC ? -ENOMEM : err == -EEXIST ? -EACCES : err;
}

/* Pages that follow each other become one range. */
static void join_all(const uint64_t *gpa, uint64_t n)
{
	for (uint64_t i = 1; i < n; i++)
		if (gpa[i] == gpa[i - 1] + PAGE_SIZE)
			(void)ranges_join(&ranges, ranges_at(&ranges, gpa[i - 1]), PROTECT_PAGES_MAX);
}

int protect_claim(uint32_t owner, unsigned int what, uint64_t va, const uint64_t *gpa, unsigned int n)
{
	struct range r = { .va = va, .pages = 1, .owner = owner, .what = (uint8_t)what };
	unsigned int claimed;
	uint64_t done;
	enum hv_status status;
	int err;

	r.rights = what == OVBS_TL_PAGES_R_AFTER_INIT ? RIGHTS_NORMAL : RIGHTS_DATA;
	lock_take(&lock);
	err = claim(&r, gpa, n, &claimed);
	done = hv_protect_each(gpa, claimed, r.rights, &status);
	/* Of the others the hypervisor knows nothing. */
	for (uint64_t i = done; i < claimed; i++)
		ranges_remove(&ranges, ranges_at(&ranges, gpa[i]));
	join_all(gpa, done);
	lock_release(&lock);
	return status ? -ENOMEM : err;
}

/* One page of a range that the kernel froze as code. */
static int adopt(uint32_t owner, uint64_t va, uint64_t gpa)
{
	struct range *r = ranges_at(&ranges, gpa), *last;
	int err = 0;

	if (!r || r->owner || !r->kept || r->rights != RIGHTS_CODE)
		return -EACCES;
	if (r->gpa < gpa) {
		err = ranges_split(&ranges, r, (uint32_t)((gpa - r->gpa) / PAGE_SIZE));
		r = ranges_at(&ranges, gpa);
	}
	if (!err && r->pages > 1)
		err = ranges_split(&ranges, r, 1);
	if (err)
		return err;
	err = ranges_own(&ranges, r, owner, va);
	if (err)
		return err;
	r->what = OVBS_TL_PAGES_RX;
	last = gpa ? ranges_at(&ranges, gpa - 1) : NULL;
	if (last)
		(void)ranges_join(&ranges, last, PROTECT_PAGES_MAX);
	return 0;
}

int protect_adopt(uint32_t owner, uint64_t va, const uint64_t *gpa, unsigned int n)
{
	int err = 0;

	lock_take(&lock);
	for (unsigned int i = 0; i < n && !err; i++)
		err = adopt(owner, va + i * PAGE_SIZE, gpa[i]);
	lock_release(&lock);
	return err == -ENOSPC ? -ENOMEM : err ? -EACCES : 0;
}

static bool is_to_do(enum protect_step step, const struct range *r)
{
	switch (step) {
	case PROTECT_GRANT:
		return !protect_writable(r) && !protect_executable(r);
	case PROTECT_FREEZE:
		return protect_writable(r);
	case PROTECT_THAW:
		return !r->kept;
	}
	return false;
}

static uint8_t rights_after(enum protect_step step)
{
	if (step == PROTECT_THAW)
		return locked ? RIGHTS_NORMAL : RIGHTS_ALL;
	return step == PROTECT_GRANT ? RIGHTS_CODE : RIGHTS_DATA;
}

/* The next range of @owner's in [@va, @end) that is to be changed. */
static struct range *to_do(enum protect_step step, uint32_t owner, uint64_t va, uint64_t end)
{
	struct range *r = ranges_next_va(&ranges, va);

	while (r && r->va < end && (r->owner != owner || !is_to_do(step, r)))
		r = ranges_next_va(&ranges, ranges_end_va(r));
	return r && r->va < end ? r : NULL;
}

/* Until it is done, the old rights and the new ones count. */
static unsigned int put_in_list(enum protect_step step, uint32_t owner, uint64_t va, uint64_t end)
{
	unsigned int n = 0;

	for (struct range *r = to_do(step, owner, va, end); r && r->pages <= PROTECT_PAGES_MAX - n;
	     r = to_do(step, owner, ranges_end_va(r), end)) {
		for (uint32_t i = 0; i < r->pages; i++)
			list[n++] = r->gpa + i * PAGE_SIZE;
		r->rights |= rights_after(step);
	}
	return n;
}

/* The first @done pages of the list are so; how many that are, in whole ranges. */
static uint64_t commit(enum protect_step step, uint64_t done)
{
	uint64_t n = 0;

	while (n < done) {
		struct range *r = ranges_at(&ranges, list[n]);

		if (r->pages > done - n)
			break;
		n += r->pages;
		if (step == PROTECT_THAW)
			ranges_remove(&ranges, r);
		else
			r->rights = rights_after(step);
	}
	return n;
}

static uint64_t left_to_do(enum protect_step step, uint32_t owner, uint64_t va, uint64_t end)
{
	uint64_t n = 0;

	for (const struct range *r = to_do(step, owner, va, end); r;
	     r = to_do(step, owner, ranges_end_va(r), end))
		n += r->pages;
	return n;
}

/*
 * The first @n pages of the list. What gets writable is not executable before, on
 * any CPU: in one step, one that has not forgotten the old rights yet could still
 * execute what another, or a device, writes by the new ones.
 */
static uint64_t change(enum protect_step step, uint64_t n, enum hv_status *status)
{
	enum hv_status first = HV_STATUS_SUCCESS;

	if (step == PROTECT_THAW)
		n = hv_protect_each(list, n, RIGHTS_DATA, &first);
	n = hv_protect_each(list, n, rights_after(step), status);
	if (first)
		*status = first;
	return n;
}

int protect_step(enum protect_step step, uint32_t owner, uint64_t va, uint64_t end, uint64_t *done,
		 uint64_t *left)
{
	enum hv_status status;

	lock_take(&lock);
	*done = commit(step, change(step, put_in_list(step, owner, va, end), &status));
	*left = left_to_do(step, owner, va, end);
	lock_release(&lock);
	return status ? -ENOMEM : 0;
}

uint64_t protect_to_do(enum protect_step step, uint32_t owner, uint64_t va, uint64_t end)
{
	uint64_t n;

	lock_take(&lock);
	n = left_to_do(step, owner, va, end);
	lock_release(&lock);
	return n;
}

/* ---- memory for VTL1 ------------------------------------------------------ */

#define GIVE_PAGES (OVBS_GIVE_BYTES / PAGE_SIZE)

static enum ovbs_result check_gift(uint64_t gpa)
{
	const struct range *r = ranges_next(&ranges, gpa);

	if (memory_is_given(gpa) || has_messages(gpa, GIVE_PAGES) || (r && r->gpa < gpa + OVBS_GIVE_BYTES))
		return OVBS_E_ACCESS_CONFLICT;
	return memory_is_vtl0_ram(gpa, GIVE_PAGES) ? OVBS_OK : OVBS_E_BAD_PARAMETERS;
}

/* It is nobody's from the moment on that it is reserved; it is VTL1's once VTL0 has no right left. */
static enum ovbs_result give(uint64_t gpa)
{
	enum ovbs_result result = check_gift(gpa);
	enum hv_status status;
	int piece;

	if (result)
		return result;
	piece = memory_reserve(gpa);
	if (piece < 0)
		return OVBS_E_OUT_OF_MEMORY;
	if (hv_protect(gpa, GIVE_PAGES, 0, &status) != GIVE_PAGES)
		return OVBS_E_OUT_OF_MEMORY;
	memory_accept((unsigned int)piece);
	return OVBS_OK;
}

enum ovbs_result protect_give(uint64_t gpa, uint64_t pieces)
{
	enum ovbs_result result = OVBS_OK;

	if (!pieces || pieces > OVBS_GIVE_MAX || gpa % OVBS_GIVE_BYTES ||
	    gpa + pieces * OVBS_GIVE_BYTES < gpa)
		return OVBS_E_BAD_PARAMETERS;
	for (uint64_t i = 0; i < pieces && !result; i++) {
		lock_take(&lock);
		result = give(gpa + i * OVBS_GIVE_BYTES);
		lock_release(&lock);
	}
	return result;
}

/* ---- lockdown ------------------------------------------------------------- */

enum ovbs_result protect_lockdown(void)
{
	const uint64_t config = HV_VSM_CONFIG_ENABLE_PROTECTION | HV_VSM_CONFIG_DEFAULT(RIGHTS_NORMAL);
	enum ovbs_result result;

	if (!pins_ready()) {
		sk_log("no lockdown: VTL0's kernel has SMEP off, so it could execute programs' pages");
		return OVBS_E_SECURITY;
	}
	result = integrity_seal();
	if (result)
		return result;
	lock_take(&lock);
	if (locked)
		result = OVBS_E_BAD_STATE;
	__atomic_store_n(&locked, true, __ATOMIC_RELEASE);
	lock_release(&lock);
	if (result)
		return result;
	if (hv_set_register(1, HV_REGISTER_VSM_PARTITION_CONFIG, config))
		sk_panic("the hypervisor refuses the rights of lockdown");
	sk_log("lockdown: VTL0's kernel executes what was frozen and nothing else; it is told from programs by %s",
	       hv_get_register(1, HV_REGISTER_VSM_CAPABILITIES) & HV_VSM_CAPABILITY_MBEC(0) ?
		       "the CPU" :
		       "who runs a page first");
	return OVBS_OK;
}

/* ---- message pages -------------------------------------------------------- */

enum ovbs_result protect_register(uint64_t gpa)
{
	struct sk_cpu *c = sk_this_cpu;
	enum ovbs_result result = OVBS_OK;

	lock_take(&lock);
	if (!memory_is_vtl0_ram(gpa, 1))
		result = OVBS_E_BAD_PARAMETERS;
	else if (ranges_at(&ranges, gpa))
		result = OVBS_E_ACCESS_CONFLICT;
	else
		message_pages[c->index] = gpa;
	lock_release(&lock);
	if (result)
		return result;
	c->message_gpa = gpa;
	cpu_map_window(SK_PAGE_MESSAGE, gpa, PTE_RW | PTE_NX);
	return OVBS_OK;
}

enum ovbs_result protect_unregister(void)
{
	struct sk_cpu *c = sk_this_cpu;

	if (!c->message_gpa)
		return OVBS_E_BAD_STATE;
	cpu_map_window(SK_PAGE_MESSAGE, 0, 0);
	c->message_gpa = 0;
	lock_take(&lock);
	message_pages[c->index] = 0;
	lock_release(&lock);
	return OVBS_OK;
}

/* ---- intercepts ----------------------------------------------------------- */

void protect_intercept(const struct hv_x64_memory_intercept_message *m, struct vtl0_regs *r)
{
	const char *why = NULL;

	if (m->header.intercept_access_type == HV_INTERCEPT_ACCESS_WRITE && integrity_write(m, r, &why))
		return;
	if (m->header.intercept_access_type == HV_INTERCEPT_ACCESS_WRITE)
		__atomic_add_fetch(&writes_refused, 1, __ATOMIC_RELAXED);
	if (m->header.intercept_access_type == HV_INTERCEPT_ACCESS_EXECUTE)
		__atomic_add_fetch(&executions_refused, 1, __ATOMIC_RELAXED);
	sk_log_bounded(&lines_left, "%s of protected page %llx at rip %llx refused%s%s: #GP",
		       m->header.intercept_access_type == HV_INTERCEPT_ACCESS_WRITE   ? "write" :
		       m->header.intercept_access_type == HV_INTERCEPT_ACCESS_EXECUTE ? "execution" :
											"read",
		       (unsigned long long)m->guest_physical_address,
		       (unsigned long long)m->header.rip, why ? ", " : "", why ? why : "");
	hv_refuse();
}
