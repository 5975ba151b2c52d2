// SPDX-License-Identifier: GPL-2.0-only
/*
 * Trustlets: see trustlet.h.
 */
#include "trustlet.h"

#include <ovbs_string.h>

#include "log.h"
#include "memory.h"
#include "random.h"
#include "user.h"

#define STACK_PAGES  32u
#define IMAGE_MAX    (64ULL << 20)
#define LINES_MAX    256u /* of the log, in one boot */
#define SESSIONS_MAX 64u
#define USER_FLAGS   0xCD5u /* what user code may keep in RFLAGS: the arithmetic flags and DF */

struct trustlet trustlets[OVBS_TRUSTLETS_MAX];
unsigned int trustlet_count;

static const struct ovbs_sk_info *boot;

uint64_t sk_ticks_to_ns(uint64_t ticks)
{
	uint64_t khz = boot->tsc_khz ? boot->tsc_khz : 1000000;

	return ticks / khz * 1000000 + ticks % khz * 1000000 / khz;
}

static void prepare(struct trustlet *t, const struct ovbs_policy *p, const uint8_t *bundle, uint64_t bytes)
{
	const char *why;

	if (p->offset > bytes || p->size > bytes - p->offset || p->name[sizeof(p->name) - 1] ||
	    !p->sessions || p->sessions > SESSIONS_MAX || (p->flags & ~OVBS_POLICY_ALL))
		sk_panic("policy %u of the bundle makes no sense", (unsigned int)(t - trustlets));
	if (pie_plan_decode(bundle + p->offset, p->size, IMAGE_MAX, &t->plan, &why))
		sk_panic("trustlet %s: %s", p->name, why);
	t->policy = p;
	t->file = bundle + p->offset;
	t->request = memory_boot_pages(1);
	t->lines_left = LINES_MAX;
	random_bytes(t->seal_key, sizeof(t->seal_key));
}

void trustlets_prepare(const struct ovbs_sk_info *info)
{
	const struct ovbs_bundle *b = (const void *)(SK_VA_BASE + info->bundle_off);

	boot = info;
	if (info->bundle_bytes < sizeof(*b) || b->magic != OVBS_BUNDLE_MAGIC ||
	    b->version != OVBS_BUNDLE_VERSION || b->policy_size != sizeof(struct ovbs_policy) ||
	    b->count > OVBS_TRUSTLETS_MAX ||
	    b->count > (info->bundle_bytes - sizeof(*b)) / sizeof(struct ovbs_policy))
		sk_panic("the bundle of trustlets makes no sense");
	for (unsigned int i = 0; i < b->count; i++)
		prepare(&trustlets[i], &b->policy[i], (const uint8_t *)b, info->bundle_bytes);
	trustlet_count = b->count;
}

/* What the ABI puts on a new program's stack (System V ABI, AMD64, 3.4.1). The name first, then 16 random bytes. */
static int put_arguments(struct trustlet *t, uint64_t *sp)
{
	enum {
		AT_PHDR = 3,
		AT_PHENT = 4,
		AT_PHNUM = 5,
		AT_PAGESZ = 6,
		AT_ENTRY = 9,
		AT_RANDOM = 25
	};
	struct {
		uint8_t random[16];
		char name[sizeof(t->policy->name)];
	} strings;
	uint64_t at = t->space.stack_top - sizeof(strings);
	const uint64_t words[] = {
		1, /* argc */
		at + sizeof(strings.random),
		0, /* no more arguments */
		0, /* no environment */
		AT_PHDR,
		t->space.image + t->plan.phdr,
		AT_PHENT,
		56,
		AT_PHNUM,
		t->plan.phnum,
		AT_PAGESZ,
		PAGE_SIZE,
		AT_ENTRY,
		t->space.image + t->plan.entry,
		AT_RANDOM,
		at,
		0,
		0,
	};

	random_bytes(strings.random, sizeof(strings.random));
	memcpy(strings.name, t->policy->name, sizeof(strings.name));
	*sp = (at - sizeof(words)) & ~15ULL;
	if (space_write(&t->space, at, &strings, sizeof(strings)))
		return -1;
	return space_write(&t->space, *sp, words, sizeof(words));
}

static enum ovbs_result start(struct trustlet *t)
{
	uint64_t sp;
	bool more = t->policy->flags & OVBS_POLICY_INTEGRITY;

	if (space_create(&t->space, t->policy->memory_kib / (PAGE_SIZE / 1024), more) ||
	    space_load(&t->space, &t->plan, t->file, STACK_PAGES) || put_arguments(t, &sp)) {
		space_destroy(&t->space);
		return OVBS_E_OUT_OF_MEMORY;
	}
	user_init(t, t->space.image + t->plan.entry, sp);
	t->receive_at = 0;
	t->outstanding = false;
	return OVBS_OK;
}

/* Memory is wiped, sessions are gone; t is this CPU's until `run` says otherwise. */
static void end(struct trustlet *t, bool crashed)
{
	space_destroy(&t->space);
	memset(t->request, 0, sizeof(*t->request));
	memset(&t->regs, 0, sizeof(t->regs));
	memset(t->fx, 0, sizeof(t->fx));
	lock_take(&t->lock);
	t->generation++;
	t->sessions = 0;
	t->session = 0;
	t->pages = 0;
	t->crashes += crashed;
	t->pending = t->outstanding = false;
	t->run = TRUSTLET_STOPPED;
	lock_release(&t->lock);
}

void trustlets_reset(void)
{
	for (unsigned int i = 0; i < trustlet_count; i++) {
		struct trustlet *t = &trustlets[i];
		bool mine;

		lock_take(&t->lock);
		mine = t->run == TRUSTLET_READY || t->run == TRUSTLET_SUSPENDED;
		if (mine)
			t->run = TRUSTLET_RUNNING;
		lock_release(&t->lock);
		if (mine)
			end(t, false);
	}
}

static uint64_t session_id(const struct trustlet *t, unsigned int slot)
{
	return t->generation << 16 | (uint64_t)(t - trustlets + 1) << 8 | (slot + 1);
}

enum ovbs_result trustlet_acquire_new(const uint8_t uuid[16], struct trustlet **out)
{
	enum ovbs_result result = OVBS_E_ITEM_NOT_FOUND;
	unsigned int i, slot;

	for (i = 0; i < trustlet_count; i++)
		if (!memcmp(trustlets[i].policy->uuid, uuid, 16))
			break;
	if (i == trustlet_count)
		return result;
	*out = &trustlets[i];
	lock_take(&(*out)->lock);
	for (slot = 0; slot < (*out)->policy->sessions && ((*out)->sessions >> slot & 1);)
		slot++;
	if ((*out)->run == TRUSTLET_RUNNING || (*out)->run == TRUSTLET_SUSPENDED) {
		result = OVBS_E_BUSY;
	} else if (slot == (*out)->policy->sessions) {
		result = OVBS_E_OUT_OF_MEMORY;
	} else {
		(*out)->sessions |= 1ULL << slot;
		(*out)->session = session_id(*out, slot);
		result = (*out)->run == TRUSTLET_STOPPED ? OVBS_E_NO_DATA : OVBS_OK;
		(*out)->run = TRUSTLET_RUNNING;
	}
	lock_release(&(*out)->lock);
	if (result != OVBS_E_NO_DATA)
		return result;
	result = start(*out);
	if (result)
		end(*out, false);
	return result;
}

enum ovbs_result trustlet_acquire(uint64_t session, bool resume, struct trustlet **out)
{
	uint64_t i = (session >> 8 & 0xFF) - 1, slot = (session & 0xFF) - 1;
	enum ovbs_result result = OVBS_OK;
	struct trustlet *t;

	if (i >= trustlet_count || slot >= trustlets[i].policy->sessions)
		return OVBS_E_ITEM_NOT_FOUND;
	t = *out = &trustlets[i];
	lock_take(&t->lock);
	if (session >> 16 < t->generation)
		result = OVBS_E_TARGET_DEAD;
	else if (session >> 16 != t->generation || !(t->sessions >> slot & 1))
		result = OVBS_E_ITEM_NOT_FOUND;
	else if (resume && (t->run != TRUSTLET_SUSPENDED || t->session != session))
		result = OVBS_E_BAD_STATE;
	else if (!resume && t->run != TRUSTLET_READY)
		result = OVBS_E_BUSY;
	else
		t->run = TRUSTLET_RUNNING;
	if (!result)
		t->session = session;
	lock_release(&t->lock);
	return result;
}

void trustlet_release(struct trustlet *t, bool close)
{
	memset(t->request, 0, sizeof(*t->request));
	lock_take(&t->lock);
	if (close)
		t->sessions &= ~(1ULL << ((t->session & 0xFF) - 1));
	t->session = 0;
	t->calls++;
	t->pages = t->space.pages;
	t->run = TRUSTLET_READY;
	lock_release(&t->lock);
}

/* The waiting program gets its request, and its receive call returns 0. False: it has nowhere to put it. */
static bool hand_over(struct trustlet *t)
{
	if (!t->pending || !t->receive_at)
		return true; /* not so far yet */
	if (space_write(&t->space, t->receive_at, t->request, sizeof(*t->request)))
		return false;
	t->pending = false;
	t->outstanding = true;
	t->receive_at = 0;
	t->regs.gpr[GPR_RAX] = 0;
	return true;
}

static enum ovbs_result crash(struct trustlet *t, unsigned int why)
{
	const struct sk_cpu *c = sk_this_cpu;
	uint64_t rip = t->regs.rip - t->space.image;

	if (why == VEC_MC)
		sk_panic("machine check");

	if (rip < t->space.image_size)
		sk_log_bounded(&t->lines_left,
			       "trustlet %s ended by exception %u, error %llx, at image offset %llx",
			       t->policy->name, why, (unsigned long long)c->error,
			       (unsigned long long)rip);
	else
		sk_log_bounded(&t->lines_left,
			       "trustlet %s ended by exception %u, error %llx, outside of its image",
			       t->policy->name, why, (unsigned long long)c->error);
	return OVBS_E_TARGET_DEAD;
}

static bool over_budget(struct trustlet *t, uint64_t since)
{
	uint64_t used = t->request_ticks + (rdtsc() - since);

	if (sk_ticks_to_ns(used) / 1000000 <= t->policy->budget_ms)
		return false;
	sk_log_bounded(&t->lines_left, "trustlet %s ended: a request took more than its budget of %u ms",
		       t->policy->name, t->policy->budget_ms);
	return true;
}

/* Until the answer, VTL0's business, or the end. */
static enum ovbs_result loop(struct trustlet *t, uint64_t since)
{
	for (;;) {
		unsigned int why;

		/* Where AMD CPUs can be interrupted after a jump to nowhere, IRET would fault in ring 0. */
		if (!hand_over(t) || !space_user_range(t->regs.rip, 1))
			return OVBS_E_TARGET_DEAD;
		t->regs.rflags = (t->regs.rflags & USER_FLAGS) | RFLAGS_FIXED | RFLAGS_IF;
		why = sk_user_enter(&t->regs);
		if (over_budget(t, since))
			return OVBS_E_TARGET_DEAD;
		if (why == SK_VECTOR_VINA)
			return OVBS_INTERRUPTED;
		if (why != USER_SYSCALL)
			return crash(t, why);
		switch (syscall(t)) {
		case SYSCALL_ENDS:
			return OVBS_E_TARGET_DEAD;
		case SYSCALL_WAITS:
			if (!t->pending)
				return OVBS_OK;
			break;
		case SYSCALL_GO_ON:
			break;
		}
	}
}

enum ovbs_result trustlet_run(struct trustlet *t)
{
	uint64_t since = rdtsc(), used;
	enum ovbs_result result;

	user_begin(t);
	result = loop(t, since);
	user_end(t);
	used = rdtsc() - since;
	t->request_ticks += used;
	if (result == OVBS_E_TARGET_DEAD)
		end(t, true);
	lock_take(&t->lock);
	t->ticks += used;
	if (result == OVBS_INTERRUPTED)
		t->run = TRUSTLET_SUSPENDED;
	lock_release(&t->lock);
	return result;
}

static void info_of_kernel(struct ovbs_trustlet_info *out)
{
	const char name[] = "Secure System";

	memcpy(out->name, name, sizeof(name));
	out->security_version = boot->security_version;
	out->state = OVBS_TRUSTLET_READY;
	out->limit = boot->bytes + memory_given_bytes();
	out->memory = out->limit - memory_free_bytes();
	for (unsigned int i = 0; i < trustlet_count; i++)
		out->calls += trustlets[i].calls;
}

bool trustlet_info(uint32_t index, struct ovbs_trustlet_info *out)
{
	struct trustlet *t;

	memset(out, 0, sizeof(*out));
	if (index > trustlet_count)
		return false;
	if (!index) {
		info_of_kernel(out);
		return true;
	}
	t = &trustlets[index - 1];
	lock_take(&t->lock);
	memcpy(out->uuid, t->policy->uuid, sizeof(out->uuid));
	memcpy(out->name, t->policy->name, sizeof(out->name));
	out->security_version = t->policy->security_version;
	out->flags = t->policy->flags;
	out->state = t->run == TRUSTLET_STOPPED ? OVBS_TRUSTLET_STOPPED :
		     t->run == TRUSTLET_READY   ? OVBS_TRUSTLET_READY :
						  OVBS_TRUSTLET_BUSY;
	for (unsigned int i = 0; i < SESSIONS_MAX; i++)
		out->sessions += t->sessions >> i & 1;
	out->memory = t->pages * PAGE_SIZE;
	out->limit = (uint64_t)t->policy->memory_kib * 1024 +
		     (t->policy->flags & OVBS_POLICY_INTEGRITY ? memory_given_bytes() : 0);
	out->time_ns = sk_ticks_to_ns(t->ticks);
	out->calls = t->calls;
	out->crashes = t->crashes;
	lock_release(&t->lock);
	return true;
}
