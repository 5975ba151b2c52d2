// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the kernel patches its own text, by its own tables. They are looked
 * through before a page is frozen: text that is frozen, of which VTL1 then
 * refuses a table, can't be patched any more, and Linux takes that for a BUG.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/ftrace.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/printk.h>
#include <linux/sort.h>

#include "integrity.h"

#define FTRACE_GROUPS    65536u

/* The kernel's own, in no header that a module may see (kernel/trace/ftrace.c, 6.1 and 6.12). */
struct ftrace_page_head {
	struct ftrace_page_head *next;
	struct dyn_ftrace *records;
	int index; /* in use */
	int order; /* of pages that @records has */
};
static_assert(sizeof(struct dyn_ftrace) == 16); /* as VTL1 reads it */

const char *const integrity_kinds[KINDS] = {
	[KIND_JUMP] = "JumpLabels",
	[KIND_CALL] = "StaticCalls",
	[KIND_TRAMPOLINE] = "StaticCallTrampolines",
	[KIND_FTRACE] = "TracedFunctions",
	[KIND_TRACER] = "TracerCalls",
};

/* ---- functions ---------------------------------------------------------- */

/* Where the text's functions begin, from its start on. VTL1 reads them where they are; the pages stay frozen. */
static u32 *functions;
static size_t function_count;
#define FUNCTIONS_BYTES (1u << 20)

static int add_function(unsigned long address)
{
	if (!integrity_in_text(address))
		return 0;
	if (function_count == FUNCTIONS_BYTES / sizeof(*functions))
		return -ENOSPC;
	functions[function_count++] = (u32)(address - integrity_at[TEXT]);
	return 0;
}

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
static int see_symbol(void *unused, const char *name, struct module *mod, unsigned long address)
#else
static int see_symbol(void *unused, const char *name, unsigned long address)
#endif
{
	return add_function(address);
}

static int compare(const void *a, const void *b)
{
	return *(const u32 *)a < *(const u32 *)b ? -1 : *(const u32 *)a > *(const u32 *)b;
}

int integrity_functions_find(void)
{
	int (*each)(typeof(&see_symbol) see, void *data) = (void *)integrity_at[EACH_SYMBOL];
	int err;

	functions = (void *)__get_free_pages(GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN, get_order(FUNCTIONS_BYTES));
	if (!functions)
		return -ENOMEM;
	function_count = 0;
	err = each(see_symbol, NULL);
	sort(functions, function_count, sizeof(*functions), compare, NULL);
	return err;
}

void integrity_functions_free(void)
{
	free_pages((unsigned long)functions, get_order(FUNCTIONS_BYTES));
	functions = NULL;
}

const void *integrity_functions(u64 *bytes)
{
	*bytes = FUNCTIONS_BYTES;
	return functions;
}

/* ---- looking ------------------------------------------------------------ */

static bool is_known(unsigned long address)
{
	return integrity_in_text(address) || integrity_module_at(address);
}

/* A branch to anywhere else leads to a trampoline, which VTL1 does not know. */
int integrity_site_stays(unsigned long at)
{
	const u8 *insn = (const u8 *)at;
	unsigned int opcode = insn[0] == 0x0F && (insn[1] & 0xF0) == 0x80 ? 2 : 1; /* Jcc */
	unsigned long to;
	s32 distance;

	if (opcode == 1 && insn[0] != 0xE8 && insn[0] != 0xE9)
		return 0;
	memcpy(&distance, insn + opcode, sizeof(distance));
	to = at + opcode + sizeof(distance) + (long)distance;
	if (is_known(to))
		return 0;
	pr_err("integrity: %pS leads to %pS, outside of the kernel's text: not locked down\n", (void *)at, (void *)to);
	return -EBUSY;
}

/* A table of entries that begin with a distance to their place. Places in init text are gone, and nobody patches them. */
static int look_at(enum integrity_name from, enum integrity_name to, unsigned int entry, bool branches, u32 *count)
{
	unsigned long e, end = integrity_at[to];
	int err = 0;

	if (end < integrity_at[from] || (end - integrity_at[from]) % entry)
		return -EPROTO;
	for (e = integrity_at[from]; e < end && !err; e += entry) {
		unsigned long at = integrity_relative((const s32 *)e);

		if (!integrity_in_text(at))
			continue;
		++*count;
		err = branches ? integrity_site_stays(at) : 0;
	}
	return err;
}

static int look_at_trampolines(u32 *count)
{
	unsigned long at;
	int err = 0;

	for (at = integrity_at[TRAMPOLINES]; at < integrity_at[TRAMPOLINES_END] && !err; at += INTEGRITY_TRAMPOLINE_BYTES) {
		++*count;
		err = integrity_site_stays(at);
	}
	return err;
}

/* This module's picture of ftrace's structures is right for this kernel. */
static bool is_sound(const struct ftrace_page_head *p)
{
	return virt_addr_valid(p) && p->order >= 0 && p->order <= 10 && p->index >= 0 &&
	       (unsigned long)p->index <= (PAGE_SIZE << p->order) / sizeof(*p->records) &&
	       (!p->index || virt_addr_valid(p->records));
}

static int look_at_records(const struct ftrace_page_head *p, u32 *count)
{
	int i, err = 0;

	for (i = 0; i < p->index && !err; i++) {
		unsigned long at = p->records[i].ip;

		if (at < __START_KERNEL_map || at >= MODULES_END)
			return -EPROTO;
		if (integrity_in_text(at)) {
			++*count;
			err = integrity_site_stays(at);
		} else if (at >= MODULES_VADDR && (p->records[i].flags & FTRACE_FL_ENABLED)) {
			pr_err("integrity: %pS of a module is traced: not locked down\n", (void *)at);
			err = -EBUSY;
		}
	}
	return err;
}

static const struct ftrace_page_head *first_group(void)
{
	return *(struct ftrace_page_head **)integrity_at[FTRACE_PAGES];
}

static int look_at_ftrace(u32 *count)
{
	const struct ftrace_page_head *p;
	unsigned int groups = 0;
	int err = 0;

	for (p = first_group(); p && !err; p = p->next)
		err = groups++ < FTRACE_GROUPS && is_sound(p) ? look_at_records(p, count) : -EPROTO;
	if (err == -EPROTO || (!err && !*count)) {
		pr_err("integrity: ftrace's records are not where they should be: not locked down\n");
		err = -EPROTO;
	}
	return err;
}

int integrity_sites_look(u32 counts[KINDS])
{
	memset(counts, 0, KINDS * sizeof(counts[0]));
	counts[KIND_TRACER] = 2;
	return look_at(JUMPS, JUMPS_END, INTEGRITY_JUMP_BYTES, false, &counts[KIND_JUMP]) ?:
	       look_at(CALLS, CALLS_END, INTEGRITY_CALL_BYTES, true, &counts[KIND_CALL]) ?:
	       look_at_trampolines(&counts[KIND_TRAMPOLINE]) ?: look_at_ftrace(&counts[KIND_FTRACE]) ?:
	       integrity_site_stays(integrity_at[FTRACE_CALL]) ?: integrity_site_stays(integrity_at[FTRACE_REGS_CALL]);
}

/* ---- telling ------------------------------------------------------------ */

int integrity_send_sites(enum ovbs_sites kind, unsigned long va, u64 bytes)
{
	return integrity_send(OVBS_MSG_SITES, INTEGRITY_TWO_VALUES, (struct ovbs_param){ kind, va },
			      (struct ovbs_param){ bytes, 0 });
}

int integrity_send_table(enum ovbs_sites kind, unsigned long va, u64 bytes, unsigned int entry)
{
	const u64 most = OVBS_SITES_BYTES / entry * entry;
	int err = 0;

	for (; bytes && !err; bytes -= min(bytes, most)) {
		err = integrity_send_sites(kind, va, min(bytes, most));
		va += most;
	}
	return err;
}

static int send_between(enum ovbs_sites kind, enum integrity_name from, enum integrity_name to, unsigned int entry)
{
	return integrity_send_table(kind, integrity_at[from], integrity_at[to] - integrity_at[from], entry);
}

static int send_ftrace(void)
{
	const struct ftrace_page_head *p;
	int err = 0;

	for (p = first_group(); p && !err; p = p->next)
		err = integrity_send_table(OVBS_SITES_FTRACE, (unsigned long)p->records, (u64)p->index * sizeof(*p->records),
				 sizeof(*p->records));
	return err;
}

int integrity_sites_send(void)
{
	/* Text and trampolines are one piece each, not a table; the others' keys and flags VTL1 copies with them. */
	return integrity_send_sites(OVBS_SITES_TEXT, integrity_at[TEXT], integrity_at[TEXT_END] - integrity_at[TEXT]) ?:
	       integrity_send_sites(OVBS_SITES_FUNCTIONS, (unsigned long)functions, function_count * sizeof(*functions)) ?:
	       send_between(OVBS_SITES_JUMPS, JUMPS, JUMPS_END, INTEGRITY_JUMP_BYTES) ?:
	       send_between(OVBS_SITES_STATIC_CALLS, CALLS, CALLS_END, INTEGRITY_CALL_BYTES) ?:
	       send_between(OVBS_SITES_TRAMPOLINES, TRAMPOLINES, TRAMPOLINES_END, INTEGRITY_TRAMPOLINE_BYTES) ?:
	       send_ftrace() ?:
	       integrity_send_sites(OVBS_SITES_TRACER, integrity_at[FTRACE_CALL], 5) ?:
	       integrity_send_sites(OVBS_SITES_TRACER, integrity_at[FTRACE_REGS_CALL], 5);
}

/* Whole groups: ftrace allocates them for one module each. */
int integrity_send_records(unsigned long from, unsigned long to)
{
	const struct ftrace_page_head *p;
	int err = 0;

	for (p = first_group(); p && !err; p = p->next)
		if (p->index && p->records[0].ip >= from && p->records[0].ip < to)
			err = integrity_send_table(OVBS_SITES_FTRACE, (unsigned long)p->records,
						   (u64)p->index * sizeof(*p->records), sizeof(*p->records));
	return err;
}

/* The flag is the one that a module's records have until it is ready. */
void integrity_sites_fence(void)
{
	const struct ftrace_page_head *p;
	int i;

	for (p = first_group(); p; p = p->next)
		for (i = 0; i < p->index; i++)
			if (!is_known(p->records[i].ip))
				p->records[i].flags |= FTRACE_FL_DISABLED;
}
