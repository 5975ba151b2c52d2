/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VTL0's part of memory integrity, in four files: integrity.c has the order of
 * things, integrity_pages.c what is frozen, integrity_sites.c where the kernel
 * patches itself, integrity_gate.c what must not become code any more. Kernel
 * symbols that are not exported are found by name; one that is missing means no
 * lockdown.
 */
#ifndef OPENVBS_INTEGRITY_H
#define OPENVBS_INTEGRITY_H

#include <linux/types.h>
#include <linux/version.h>

#include <openvbs/vtl_abi.h>

/* Who gives out memory for code: 6.10 and later tell for whom. */
#define INTEGRITY_EXECMEM (LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0))

enum integrity_name {
	TEXT, TEXT_END, RODATA, RODATA_END, IDT, JUMPS, JUMPS_END, CALLS, CALLS_END, TRAMPOLINES,
	TRAMPOLINES_END, FTRACE_PAGES, FTRACE_CALL, FTRACE_REGS_CALL, EACH_SYMBOL, SIZE_OFFSET,
	TEXT_MUTEX, FTRACE_LOCK, MODULE_MUTEX, MODULE_LIST, LOAD_MODULE, INIT_FREE, ALLOCATE, RELEASE, PACK_ALLOCATE, PACK_RELEASE, EFI_TABLES,
	INTEGRITY_NAMES
};

/* Addresses in the kernel; none is 0. */
extern unsigned long integrity_at[INTEGRITY_NAMES];

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

/** integrity_sites_fence - ftrace leaves functions of modules alone from now on: VTL1 has no table of those. Same locks. */
void integrity_sites_fence(void);

/* ---- integrity_gate.c ---- */

/**
 * integrity_gate_close - nothing new becomes code, and no code that there is now goes away
 *
 * Modules that are here stay, others fail to load; who asks for memory for code
 * gets none, and falls back as if there were none: ftrace to its common entry,
 * BPF to its interpreter; kprobes within a function fail. Who gives such memory
 * back does so in vain: it is frozen. 0, or negative errno and nothing has
 * changed. Patches kernel text: before anything is frozen. May sleep.
 */
int integrity_gate_close(void);

/** integrity_gate_open - undo it, while nothing is frozen. */
void integrity_gate_open(void);

#endif
