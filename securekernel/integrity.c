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
#include "hypercall.h"
#include "lock.h"
#include "log.h"
#include "memory.h"
#include "patch.h"
#include "protect.h"

#define SITES_MAX   (96u << 10) /* 6.12 has 72,471 */
#define TRACERS_MAX 4u
#define TRACER_NEAR 512u /* bytes from the start of ftrace_caller to its call, at most */

static struct lock lock; /* of everything below, and of the text that is patched */
static uint64_t text_va, text_bytes, text_gpa;
static struct sk_sites sites;
static struct sk_site *room;
static uint64_t tracers[TRACERS_MAX];
static unsigned int tracer_count;
static uint64_t functions_gpa, functions_count;
static bool broken; /* a piece was wrong */
static uint64_t patches, refusals;
static uint8_t piece[OVBS_SITES_BYTES];

void integrity_prepare(void)
{
	room = memory_boot_pages(SITES_MAX * sizeof(*room) / PAGE_SIZE);
}

/* ---- what the judge asks ------------------------------------------------ */

static bool read_text(void *ctx, uint64_t addr, uint8_t *to, unsigned int n)
{
	return sk_sites_has(&sites, addr, n) && !guest_read_at(text_gpa + (addr - text_va), to, n);
}

static bool is_function(uint64_t addr)
{
	uint64_t low = 0, high = functions_count;
	uint32_t at;

	while (low < high) {
		uint64_t mid = low + (high - low) / 2;

		if (guest_read_at(functions_gpa + mid * sizeof(at), &at, sizeof(at)))
			return false;
		if (text_va + at == addr)
			return true;
		if (text_va + at < addr)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

/* ftrace calls what holds one of its own call sites: ftrace_caller, ftrace_regs_caller. */
static bool is_tracer(uint64_t addr)
{
	for (unsigned int i = 0; i < tracer_count; i++)
		if (tracers[i] > addr && tracers[i] - addr < TRACER_NEAR)
			return true;
	return false;
}

/* Of vmlinux's text nothing finer is known than where functions begin, thunks and trampolines among them. */
static bool is_target(void *ctx, uint64_t addr, enum sk_site_kind kind)
{
	return sk_sites_has(&sites, addr, 1) && is_function(addr) && (kind != SK_SITE_MCOUNT || is_tracer(addr));
}

static const struct sk_text text = { .read = read_text, .is_target = is_target };

/* ---- tables, before lockdown --------------------------------------------- */

/* Where @bytes at @va lie, in one piece, and all of them frozen so. */
static enum ovbs_result find_frozen(uint64_t va, uint64_t bytes, enum ovbs_freeze how, uint64_t *gpa)
{
	struct gwalk w = guest_state(GWALK_READ);
	struct gwalk_result at;

	if (!bytes || va + bytes < va || (va & ~PAGE_MASK))
		return OVBS_E_BAD_PARAMETERS;
	for (uint64_t off = 0; off < bytes; off += PAGE_SIZE) {
		if (gwalk_linear(&w, va + off, &at))
			return OVBS_E_BAD_PARAMETERS;
		if (!off)
			*gpa = at.gpa;
		if (at.gpa != *gpa + off || !protect_is_frozen(at.gpa, how))
			return OVBS_E_ACCESS_CONFLICT;
	}
	return OVBS_OK;
}

static enum ovbs_result add_text(uint64_t va, uint64_t bytes)
{
	enum ovbs_result result;

	if (text_va)
		return OVBS_E_BAD_STATE;
	result = find_frozen(va, bytes, OVBS_FREEZE_CODE, &text_gpa);
	if (result)
		return result;
	if (sk_sites_init(&sites, va, bytes, room, SITES_MAX))
		return OVBS_E_BAD_PARAMETERS;
	text_va = va;
	text_bytes = bytes;
	return OVBS_OK;
}

static enum ovbs_result add_functions(uint64_t va, uint64_t bytes)
{
	uint64_t gpa;
	enum ovbs_result result;

	if (bytes % sizeof(uint32_t))
		return OVBS_E_BAD_PARAMETERS;
	result = find_frozen(va, bytes, OVBS_FREEZE_DATA, &gpa);
	if (result)
		return result;
	functions_gpa = gpa;
	functions_count = bytes / sizeof(uint32_t);
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

static int add_tracer(uint64_t va)
{
	if (tracer_count == TRACERS_MAX)
		return -ENOSPC;
	tracers[tracer_count++] = va;
	return sk_sites_add_tracer(&sites, va);
}

/* One that lies in VTL0's memory, copied first. */
static int add_table(uint64_t kind, uint64_t va, uint64_t bytes)
{
	struct gwalk w = guest_state(GWALK_READ);

	if (bytes > sizeof(piece))
		return -EINVAL;
	if (gread_linear(&w, va, piece, bytes, NULL) != bytes)
		return -EFAULT;
	switch (kind) {
	case OVBS_SITES_JUMPS:
		return sk_sites_add_jumps(&sites, va, piece, bytes, &text);
	case OVBS_SITES_STATIC_CALLS:
		return sk_sites_add_static_calls(&sites, va, piece, bytes, &text);
	case OVBS_SITES_FTRACE:
		return sk_sites_add_mcount(&sites, piece, bytes, SK_DYN_FTRACE);
	default:
		return -EINVAL;
	}
}

static enum ovbs_result add(uint64_t kind, uint64_t va, uint64_t bytes)
{
	if (kind == OVBS_SITES_TEXT)
		return add_text(va, bytes);
	if (!text_va || sites.sealed)
		return OVBS_E_BAD_STATE;
	if (kind == OVBS_SITES_FUNCTIONS)
		return add_functions(va, bytes);
	if (kind == OVBS_SITES_TRAMPOLINES)
		return result_of(sk_sites_add_trampolines(&sites, va, bytes, &text));
	if (kind == OVBS_SITES_TRACER)
		return result_of(add_tracer(va));
	return result_of(add_table(kind, va, bytes));
}

enum ovbs_result integrity_add(uint64_t kind, uint64_t va, uint64_t bytes)
{
	enum ovbs_result result;

	if (protect_locked())
		return OVBS_E_BAD_STATE;
	lock_take(&lock);
	result = add(kind, va, bytes);
	if (result) {
		sk_log("integrity: piece %llu at %llx: result %x", (unsigned long long)kind,
		       (unsigned long long)va, result);
		broken = true;
	}
	lock_release(&lock);
	return result;
}

enum ovbs_result integrity_seal(void)
{
	uint64_t bad = 0;
	int err = 0;

	lock_take(&lock);
	if (broken)
		err = -EINVAL;
	else if (text_va && !sites.sealed)
		err = sk_sites_seal(&sites, &text, &bad);
	if (err)
		sk_log("integrity: the table of sites makes no sense: %d at %llx", err, (unsigned long long)bad);
	else if (text_va)
		sk_log("integrity: %u places where the kernel patches %llu KiB of text", sites.count,
		       (unsigned long long)text_bytes / 1024);
	lock_release(&lock);
	return result_of(err);
}

/* ---- writes, after lockdown ---------------------------------------------- */

/*
 * Where the text runs that is written: all of it must lie in the text, page
 * behind page, by the mapping that it is written through.
 */
static bool find_target(struct gwalk w, const struct sk_captured *c, uint64_t fault, uint64_t *addr)
{
	uint64_t last = c->va + c->n - 1;
	struct gwalk_result at, end;

	w.access = GWALK_WRITE;
	if (last < c->va || gwalk_linear(&w, c->va, &at) || gwalk_linear(&w, last, &end))
		return false;
	if (end.gpa != at.gpa + c->n - 1 || at.gpa < text_gpa || end.gpa >= text_gpa + text_bytes)
		return false;
	/* The first store need not be of the first byte, and one over two pages may fault at either. */
	if (((at.gpa ^ fault) & PAGE_MASK) && ((end.gpa ^ fault) & PAGE_MASK))
		return false;
	*addr = text_va + (at.gpa - text_gpa);
	return true;
}

static const char *capture(const struct hv_x64_memory_intercept_message *m, const struct vtl0_regs *r,
			   struct sk_captured *c, uint64_t *addr)
{
	struct gwalk w = guest_state(GWALK_READ);
	const char *why = sk_capture(m, r, &w, c);

	if (!why && !find_target(w, c, m->guest_physical_address, addr))
		why = "over the edge of the text";
	return why;
}

bool integrity_write(const struct hv_x64_memory_intercept_message *m, struct vtl0_regs *r, const char **why)
{
	uint64_t gpa = m->guest_physical_address;
	enum sk_patch_verdict verdict;
	struct sk_captured c;
	uint64_t addr;

	*why = NULL;
	if (!sites.sealed || gpa < text_gpa || gpa - text_gpa >= text_bytes)
		return false;
	*why = capture(m, r, &c, &addr);
	if (!*why) {
		lock_take(&lock);
		verdict = sk_patch_judge(&sites, addr, c.bytes, c.n, &text);
		if (!verdict && guest_write_at(text_gpa + (addr - text_va), c.bytes, c.n))
			sk_panic("frozen text is no RAM");
		lock_release(&lock);
		if (verdict)
			*why = sk_patch_reason(verdict);
	}
	__atomic_add_fetch(*why ? &refusals : &patches, 1, __ATOMIC_RELAXED);
	if (*why)
		return false;
	sk_capture_go_on(&c, r);
	return true;
}
