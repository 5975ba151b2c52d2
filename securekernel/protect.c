// SPDX-License-Identifier: GPL-2.0-only
/*
 * Protected pages, lockdown and message pages: see protect.h.
 */
#include "protect.h"

#include <stdbool.h>

#include "cpu.h"
#include "hypercall.h"
#include "integrity.h"
#include "lock.h"
#include "log.h"
#include "memory.h"
#include "pins.h"

#define RANGES_MAX 1024u
#define PAGES_MAX  512u /* in one call: it holds VTL0 up */
#define LOGGED_MAX 64u

/* Programs of VTL0 may execute whatever their kernel gives them: this is about the kernel. */
#define RIGHTS_DATA   (HV_MAP_GPA_READABLE | HV_MAP_GPA_USER_EXECUTABLE)
#define RIGHTS_CODE   (RIGHTS_DATA | HV_MAP_GPA_KERNEL_EXECUTABLE)
#define RIGHTS_NORMAL (RIGHTS_DATA | HV_MAP_GPA_WRITABLE) /* of the rest, after lockdown */

struct range {
	uint64_t gpa, pages;
	uint32_t rights; /* HV_MAP_GPA_* */
};

static struct lock lock;
static struct range ranges[RANGES_MAX]; /* protected; none over another of other rights */
static unsigned int range_count;
static bool locked; /* set once */
static uint64_t message_pages[OVBS_MAX_CPUS]; /* 0: none */
static uint32_t lines_left = LOGGED_MAX;

static bool meets(const struct range *r, uint64_t gpa, uint64_t pages)
{
	return gpa < r->gpa + r->pages * PAGE_SIZE && r->gpa < gpa + pages * PAGE_SIZE;
}

/* The range that has the page at @gpa, or NULL. */
static const struct range *range_of(uint64_t gpa)
{
	for (unsigned int i = 0; i < range_count; i++)
		if (meets(&ranges[i], gpa, 1))
			return &ranges[i];
	return NULL;
}

static bool has_messages(const struct range *r)
{
	for (unsigned int i = 0; i < OVBS_MAX_CPUS; i++)
		if (message_pages[i] && meets(r, message_pages[i], 1))
			return true;
	return false;
}

/* A list that is in order of addresses, as tables are walked, becomes one range. */
static bool append(const struct range *r)
{
	struct range *last = &ranges[range_count - 1];

	if (!range_count || last->rights != r->rights || last->gpa + last->pages * PAGE_SIZE != r->gpa)
		return false;
	last->pages += r->pages;
	return true;
}

static enum ovbs_result add(const struct range *r)
{
	for (unsigned int i = 0; i < range_count; i++)
		if (meets(&ranges[i], r->gpa, r->pages) && ranges[i].rights != r->rights)
			return OVBS_E_ACCESS_CONFLICT;
	if (has_messages(r))
		return OVBS_E_ACCESS_CONFLICT;
	if (append(r))
		return OVBS_OK;
	if (range_count == RANGES_MAX)
		return OVBS_E_OUT_OF_MEMORY;
	ranges[range_count++] = *r;
	return OVBS_OK;
}

/* Asked for by a kernel that is trusted until lockdown: after it nothing becomes executable any more. */
static enum ovbs_result take_rights(uint64_t gpa, uint64_t pages, uint32_t rights, bool freeze)
{
	struct range r = { gpa, pages, rights };
	enum hv_status status;
	enum ovbs_result result;

	if (pages > PAGES_MAX || !memory_is_vtl0_ram(gpa, pages))
		return OVBS_E_BAD_PARAMETERS;
	lock_take(&lock);
	if (locked)
		r.rights &= ~HV_MAP_GPA_KERNEL_EXECUTABLE;
	result = locked && freeze ? OVBS_E_BAD_STATE : add(&r);
	lock_release(&lock);
	if (result)
		return result;
	/* If it stops half way, what is done stays done: VTL0 asked for it. */
	(void)hv_protect(gpa, pages, r.rights, &status);
	return status ? OVBS_E_OUT_OF_MEMORY : OVBS_OK;
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

bool protect_is_frozen(uint64_t gpa, enum ovbs_freeze how)
{
	uint32_t rights = how == OVBS_FREEZE_CODE ? RIGHTS_CODE : RIGHTS_DATA;
	const struct range *r;
	bool so;

	lock_take(&lock);
	r = range_of(gpa & PAGE_MASK);
	so = r && r->rights == rights;
	lock_release(&lock);
	return so;
}

bool protect_locked(void)
{
	return __atomic_load_n(&locked, __ATOMIC_ACQUIRE);
}

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

enum ovbs_result protect_register(uint64_t gpa)
{
	struct sk_cpu *c = sk_this_cpu;
	enum ovbs_result result = OVBS_OK;

	if (!memory_is_vtl0_ram(gpa, 1))
		return OVBS_E_BAD_PARAMETERS;
	lock_take(&lock);
	if (range_of(gpa))
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

void protect_intercept(const struct hv_x64_memory_intercept_message *m, struct vtl0_regs *r)
{
	const char *why = NULL;

	if (m->header.intercept_access_type == HV_INTERCEPT_ACCESS_WRITE && integrity_write(m, r, &why))
		return;
	sk_log_bounded(&lines_left, "%s of protected page %llx at rip %llx refused%s%s: #GP",
		       m->header.intercept_access_type == HV_INTERCEPT_ACCESS_WRITE   ? "write" :
		       m->header.intercept_access_type == HV_INTERCEPT_ACCESS_EXECUTE ? "execution" :
											"read",
		       (unsigned long long)m->guest_physical_address, (unsigned long long)m->header.rip,
		       why ? ", " : "", why ? why : "");
	hv_refuse();
}
