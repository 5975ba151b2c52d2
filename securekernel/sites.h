/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of places in one frozen range of VTL0's text that may be patched,
 * and the parsers of Linux's own tables for it: vmlinux's at lockdown, a
 * module's when its text is frozen.
 *
 * Built once, then only read: sk_sites_init(), sk_sites_add_*() in any order,
 * sk_sites_seal(). What a table says is VTL0's word as it was then; the seal
 * takes a site only if one of its forms stands there, and no two that overlap.
 * A table may come in pieces, whole entries each. Entries outside of the range
 * (init text, which is freed; data) are left out: nobody patches them here.
 *
 * All input is bytes that were copied before. Each function is bounded by its
 * input, the seal by n log n of the sites. Context: any; the caller alone uses
 * a table that is not sealed.
 */
#ifndef SK_SITES_H
#define SK_SITES_H

#include <stddef.h>

#include "forms.h"

struct sk_sites {
	uint64_t base, size;  /* of the range, VTL0's virtual addresses */
	struct sk_site *site; /* sealed: by address, none over another */
	uint32_t count, max;
	bool sealed;
};

/* Entries of dyn_ftrace are larger than those of __mcount_loc, with the address first in both. */
#define SK_MCOUNT_LOC 8u
#define SK_DYN_FTRACE 16u

/** sk_sites_init - an empty table for [@base, @base + @size), at most 4 GiB, with room for @max sites at @site. 0, or -EINVAL. */
int sk_sites_init(struct sk_sites *s, uint64_t base, uint64_t size, struct sk_site *site,
		  uint32_t max) __must_check;

/*
 * Parsers. @va: where the entries lie in VTL0, @table: their @n bytes.
 * 0, -EINVAL (not whole entries), -ENOSPC (no room), -ENOEXEC (the bytes at a
 * site belong to no such site), -EFAULT (they can't be read). After an error
 * the table is not to be sealed.
 */

/** sk_sites_add_jumps - __jump_table: struct jump_entry { s32 code, target; s64 key }, each distance from its own place. */
int sk_sites_add_jumps(struct sk_sites *s, uint64_t va, const uint8_t *table, size_t n,
		       const struct sk_text *text) __must_check;

/** sk_sites_add_static_calls - .static_call_sites: struct static_call_site { s32 addr, key }; bit 0 of the key's address: a tail call. */
int sk_sites_add_static_calls(struct sk_sites *s, uint64_t va, const uint8_t *table, size_t n,
			      const struct sk_text *text) __must_check;

/**
 * sk_sites_add_trampolines - .static_call.text itself, trampolines of 8 bytes, @n bytes from @va on
 *
 * Not .static_call_tramp_key: that has only those that modules may use.
 */
int sk_sites_add_trampolines(struct sk_sites *s, uint64_t va, uint64_t n,
			     const struct sk_text *text) __must_check;

/**
 * sk_sites_add_mcount - addresses of ftrace's calls, the first 8 bytes of each @stride
 *
 * vmlinux's __mcount_loc is init data and gone once user space runs; ftrace's
 * own records (struct dyn_ftrace) stay.
 */
int sk_sites_add_mcount(struct sk_sites *s, const uint8_t *table, size_t n, unsigned int stride) __must_check;

/** sk_sites_add_tracer - ftrace_call or ftrace_regs_call at @addr. */
int sk_sites_add_tracer(struct sk_sites *s, uint64_t addr) __must_check;

/**
 * sk_sites_add_locks - .smp_locks: s32 distances from their own place, 0: none
 *
 * Only where Linux keeps that table: it started with one CPU and may get more
 * (uniproc_patched). Entries that do not show a prefix are left out, as Linux
 * does: an alternative lies over them.
 */
int sk_sites_add_locks(struct sk_sites *s, uint64_t va, const uint8_t *table, size_t n,
		       const struct sk_text *text) __must_check;

/**
 * sk_sites_seal - sort and check; from here on the table may be used
 * @bad: the address of the site that is wrong, if one is
 *
 * Also for sites that somebody else put into s->site and s->count: every field
 * is checked. 0, -EINVAL (no site can be so), -EEXIST (two overlap), -ENOEXEC
 * (none of its forms stands there, or it goes where it may not: also a site
 * that is being patched right now), -EFAULT (it can't be read).
 */
int sk_sites_seal(struct sk_sites *s, const struct sk_text *text, uint64_t *bad) __must_check;

/**
 * sk_sites_seal_part - the same in parts: at most @n sites are checked
 * @at: 0 at first, then as the part before left it; the table is sealed when it is s->count
 *
 * The whole table is sorted by the first part. The text must not change between them.
 */
int sk_sites_seal_part(struct sk_sites *s, const struct sk_text *text, uint32_t n, uint32_t *at,
		       uint64_t *bad) __must_check;

/** sk_sites_has - does [@addr, @addr + @n) lie in the range? Any numbers. */
bool sk_sites_has(const struct sk_sites *s, uint64_t addr, uint64_t n);

/** sk_sites_find - the site with a byte at @addr, or NULL; NULL if not sealed. */
const struct sk_site *sk_sites_find(const struct sk_sites *s, uint64_t addr);

#endif
