// SPDX-License-Identifier: GPL-2.0-only
/*
 * VTL0's kernel text: see text.h.
 */
#include "text.h"

#include <openvbs/trustlet_abi.h>

#include <ovbs_compiler.h>
#include <ovbs_errno.h>

#include "addr.h"
#include "guest.h"
#include "modules.h"
#include "protect.h"

#define TRACERS_MAX 4u
#define TRACER_NEAR 512u /* bytes from the start of ftrace_caller to its call, at most */
#define IN_PAGE     (PAGE_SIZE / sizeof(uint32_t))
#define PAGES_MAX   512u /* of functions; 6.12 needs about 200 */

struct lock text_lock;
struct kernel_text kernel_text;

static uint64_t tracers[TRACERS_MAX];
static unsigned int tracer_count;
static uint64_t functions_gpa, functions_count;
static uint32_t first_of[PAGES_MAX]; /* page of functions */

bool text_is_range(const struct range *r)
{
	return r->owner && (r->what == OVBS_TL_PAGES_RX || r->what == OVBS_TL_PAGES_RX_UNTIL_INIT);
}

/* Its pages may lie anywhere. */
static bool read_module(uint64_t addr, uint8_t *to, unsigned int n)
{
	while (n) {
		uint64_t left = PAGE_SIZE - (addr & ~PAGE_MASK);
		unsigned int part = n < left ? n : (unsigned int)left;
		struct range r;

		if (!protect_find_va(addr, &r) || !text_is_range(&r) ||
		    guest_read_at(r.gpa + (addr - r.va), to, part))
			return false;
		addr += part;
		to += part;
		n -= part;
	}
	return true;
}

bool text_read(void *ctx, uint64_t addr, uint8_t *to, unsigned int n)
{
	const struct kernel_text *k = &kernel_text;

	if (!sk_sites_has(&k->sites, addr, 1))
		return read_module(addr, to, n);
	return sk_sites_has(&k->sites, addr, n) && !guest_read_at(k->gpa + (addr - k->va), to, n);
}

/* ---- functions of vmlinux ------------------------------------------------- */

int text_set_functions(uint64_t gpa, uint64_t count)
{
	static uint32_t page[IN_PAGE];
	uint32_t last = 0;

	if (count > PAGES_MAX * IN_PAGE)
		return -EINVAL;
	for (uint64_t i = 0; i < count; i += IN_PAGE) {
		uint64_t n = count - i < IN_PAGE ? count - i : IN_PAGE;

		if (guest_read_at(gpa + i * sizeof(*page), page, n * sizeof(*page)))
			return -EFAULT;
		for (uint64_t j = 0; j < n; last = page[j++])
			if (page[j] < last)
				return -EINVAL;
		first_of[i / IN_PAGE] = page[0];
	}
	functions_gpa = gpa;
	functions_count = count;
	return 0;
}

/* The number of the page that has @offset if one has: the last that does not begin behind it. */
static uint64_t page_for(uint32_t offset)
{
	uint64_t low = 0, high = (functions_count + IN_PAGE - 1) / IN_PAGE;

	while (high - low > 1) {
		uint64_t middle = low + (high - low) / 2;

		if (first_of[middle] <= offset)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static bool is_function(uint64_t addr)
{
	uint32_t offset = (uint32_t)(addr - kernel_text.va), at;
	uint64_t low = page_for(offset) * IN_PAGE, high = low + IN_PAGE;

	if (high > functions_count)
		high = functions_count;
	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (guest_read_at(functions_gpa + middle * sizeof(at), &at, sizeof(at)))
			return false;
		if (at == offset)
			return true;
		if (at < offset)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

int text_add_tracer(uint64_t addr)
{
	if (tracer_count == TRACERS_MAX)
		return -ENOSPC;
	tracers[tracer_count++] = addr;
	return sk_sites_add_tracer(&kernel_text.sites, addr);
}

/* ftrace calls what holds one of its own call sites: ftrace_caller, ftrace_regs_caller. */
static bool is_tracer(uint64_t addr)
{
	for (unsigned int i = 0; i < tracer_count; i++)
		if (tracers[i] > addr && tracers[i] - addr < TRACER_NEAR)
			return true;
	return false;
}

bool text_is_target(void *ctx, uint64_t addr, enum sk_site_kind kind)
{
	if (sk_sites_has(&kernel_text.sites, addr, 1))
		return is_function(addr) && (kind != SK_SITE_MCOUNT || is_tracer(addr));
	return kind != SK_SITE_MCOUNT && kind != SK_SITE_TRACER && module_has_function(addr, ctx);
}

/* ---- places --------------------------------------------------------------- */

bool text_place_of(uint64_t gpa, struct text_place *out)
{
	const struct kernel_text *k = &kernel_text;
	struct range r;

	if (k->va && gpa >= k->gpa && gpa - k->gpa < k->bytes) {
		*out = (struct text_place){ &k->sites, k->va + (gpa - k->gpa) };
		return k->sites.sealed;
	}
	if (!protect_find(gpa, &r) || !text_is_range(&r) || !protect_executable(&r))
		return false;
	*out = (struct text_place){ module_sites(r.owner), r.va + (gpa - r.gpa) };
	return out->sites;
}
