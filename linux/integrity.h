/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VTL0's part of memory integrity. integrity.c has the order of things,
 * integrity_names.c where the kernel's symbols are,
 * integrity_pages.c what is frozen, integrity_sites.c and integrity_modsites.c
 * where the kernel patches itself and its modules, integrity_gate.c what must
 * not become code any more. Modules that come later: integrity_keys.c and
 * integrity_kernel.c tell the trustlet "integrity" what it judges them by,
 * integrity_modules.c asks it for each, integrity_trustlet.c carries the calls.
 * Kernel symbols that are not exported are found by name; one of the list below
 * that is missing means no lockdown.
 */
#ifndef OPENVBS_INTEGRITY_H
#define OPENVBS_INTEGRITY_H

#include <linux/types.h>
#include <linux/verification.h>
#include <linux/version.h>

#include <openvbs/vtl_abi.h>

/* Who gives out memory for code: 6.10 and later tell for whom. */
#define INTEGRITY_EXECMEM (LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0))

struct key;
struct module;
struct seq_file;

enum integrity_name {
	TEXT, TEXT_END, RODATA, RODATA_END, IDT, JUMPS, JUMPS_END, CALLS, CALLS_END, TRAMPOLINES,
	TRAMPOLINES_END, FTRACE_PAGES, FTRACE_CALL, FTRACE_REGS_CALL, EACH_SYMBOL, SIZE_OFFSET,
	TEXT_MUTEX, FTRACE_LOCK, MODULE_MUTEX, MODULE_LIST, LOAD_MODULE, INIT_FREE, ALLOCATE, RELEASE, PACK_ALLOCATE, PACK_RELEASE, EFI_TABLES,
	VERIFY, TASK_WORK,
	INTEGRITY_NAMES
};

/* Addresses in the kernel; none is 0. */
extern unsigned long integrity_at[INTEGRITY_NAMES];

/** integrity_names_find - all of them, and what integrity_lookup() is asked for. -ENOENT: one of them is not there; says which. */
int integrity_names_find(void);

/** integrity_lookup - address of another symbol, exported or not; 0 if this kernel has none of that name. */
unsigned long integrity_lookup(const char *name);

/** integrity_in_text - is @address in the kernel's text, which is patched under VTL1's eyes? */
static inline bool integrity_in_text(unsigned long address)
{
	return address >= integrity_at[TEXT] && address < integrity_at[TEXT_END];
}

/** integrity_send - one message of two values, or of none if @types is 0; negative errno, and says in the log what VTL1 refuses. May sleep. */
int integrity_send(u32 op, u32 types, struct ovbs_param first, struct ovbs_param second);
#define INTEGRITY_TWO_VALUES OVBS_PARAM_TYPES(OVBS_PARAM_VALUE_IN, OVBS_PARAM_VALUE_IN, 0, 0)

/* ---- integrity_pages.c ---- */

/**
 * integrity_code - freeze all pages that the kernel can execute, firmware's among them
 * @dry: only look whether that can be: -EPERM if a page is writable, too
 * @pages: out: how many
 */
int integrity_code(bool dry, u64 *pages);

/** integrity_data - freeze constants, those of modules too, the IDT, and @more bytes at @own (whole pages of the direct map). @pages: out. */
int integrity_data(const void *own, u64 more, u64 *pages);

/**
 * integrity_frozen_module_page - was @address, where modules and other code lie, frozen at lockdown?
 *
 * Any context; only after integrity_pages_alloc().
 */
bool integrity_frozen_module_page(unsigned long address);

/** integrity_pages_alloc - room for what integrity_frozen_module_page() says: 0, -ENOMEM. integrity_pages_free() while nothing is frozen. */
int integrity_pages_alloc(void);
void integrity_pages_free(void);

/** integrity_frozen - is any page frozen already? That lasts until reset. */
bool integrity_frozen(void);

/* ---- integrity_sites.c ---- */

/* Places in the text by kind: names in integrity_sites.c. */
enum integrity_kind { KIND_JUMP, KIND_CALL, KIND_TRAMPOLINE, KIND_FTRACE, KIND_TRACER, KINDS };
extern const char *const integrity_kinds[KINDS];

/**
 * integrity_sites_look - count the places, and whether VTL1 can accept each
 * @counts: out
 *
 * -EPROTO: tables are not what they should be; -EBUSY: kernel text calls code
 * outside of it. Before anything is frozen. Caller holds ftrace_lock, text_mutex.
 */
int integrity_sites_look(u32 counts[KINDS]);

/** integrity_functions_find - list where functions begin: whole pages, to be frozen. integrity_functions_free() before that only. */
int integrity_functions_find(void);
void integrity_functions_free(void);
const void *integrity_functions(u64 *bytes);

/** integrity_sites_send - tell VTL1. Text and functions are frozen; same locks. */
int integrity_sites_send(void);

/** integrity_sites_fence - ftrace leaves alone what VTL1 has no table of. Same locks. */
void integrity_sites_fence(void);

/* For integrity_modsites.c. */
#define INTEGRITY_JUMP_BYTES       16u /* struct jump_entry: s32 code, target; long key; each from its own place */
#define INTEGRITY_CALL_BYTES       8u  /* struct static_call_site: s32 addr, key; likewise */
#define INTEGRITY_TRAMPOLINE_BYTES 8u

static inline unsigned long integrity_relative(const s32 *p)
{
	return (unsigned long)p + (long)*p;
}

/** integrity_site_stays - 0; -EBUSY: the branch at @at leads to code that VTL1 does not know. */
int integrity_site_stays(unsigned long at);

/** integrity_send_sites, integrity_send_table - one piece; a table in pieces of whole entries of @entry bytes. */
int integrity_send_sites(enum ovbs_sites kind, unsigned long va, u64 bytes);
int integrity_send_table(enum ovbs_sites kind, unsigned long va, u64 bytes, unsigned int entry);

/** integrity_send_records - ftrace's records of functions in [@from, @to). Caller holds ftrace_lock. */
int integrity_send_records(unsigned long from, unsigned long to);

/* ---- integrity_modsites.c ---- */

/** integrity_module_at - does a module that is pinned have text at @address? */
bool integrity_module_at(unsigned long address);

/** integrity_modsites_look, integrity_modsites_send - as integrity_sites_look() and integrity_sites_send(), for pinned modules. */
int integrity_modsites_look(void);
int integrity_modsites_send(void);

/* ---- integrity_keys.c, integrity_kernel.c ---- */

/** integrity_keys_tell - tell the trustlet the kernel's keys and revocations. @keys, @revoked: out: how many it took. */
int integrity_keys_tell(unsigned int *keys, unsigned int *revoked);

/** integrity_kernel_tell, integrity_exports_tell - this kernel; what pinned modules export. Constants are frozen. */
int integrity_kernel_tell(void);
int integrity_exports_tell(void);

/* ---- integrity_modules.c ---- */

/** integrity_modules_admit - from now on modules are asked for at the trustlet; before that all are refused. */
void integrity_modules_admit(void);
bool integrity_admitting(void);

/** integrity_judge_file - in place of verify_pkcs7_signature(), for a module's file. Same parameters and results. */
int integrity_judge_file(const void *data, size_t len, const void *signature, size_t signature_len, struct key *trusted,
			 enum key_being_used_for usage,
			 int (*view)(void *ctx, const void *data, size_t len, size_t header), void *ctx);

/** integrity_memory_hold, integrity_memory_go_on - no memory of modules is given back in between. Before all other locks. */
void integrity_memory_hold(void);
void integrity_memory_go_on(void);

/** integrity_release - in place of the function that gives modules' memory back. Process context. */
void integrity_release(void *memory);

/** integrity_module_changes - a module has a new state: 0, or -EPERM and it may not come. The first notifier of all. */
int integrity_module_changes(unsigned long state, struct module *mod);

/* ---- integrity_gate.c ---- */

/**
 * integrity_gate_close - nothing new becomes code, and no code that there is now goes away
 *
 * Modules that are here stay, others come as integrity_modules.c says; who asks for memory for code
 * gets none, and falls back as if there were none: ftrace to its common entry,
 * BPF to its interpreter; kprobes within a function fail. Who gives such memory
 * back does so in vain: it is frozen. 0, or negative errno and nothing has
 * changed. Patches kernel text: before anything is frozen. May sleep.
 */
int integrity_gate_close(void);

/** integrity_each_module - @see for each module that the closed gate pinned, until one is not 0; that, or 0. */
int integrity_each_module(int (*see)(struct module *mod, void *data), void *data);

/** integrity_gate_settle - what is frozen is known: what is not may be given back from now on. */
void integrity_gate_settle(void);

/** integrity_gate_open - undo it, while nothing is frozen. */
void integrity_gate_open(void);

#endif
