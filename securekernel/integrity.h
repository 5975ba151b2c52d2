/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory integrity of VTL0's kernel: which writes to its frozen text are its own
 * patches (patch.h), and carrying them out.
 *
 * Until lockdown the kernel is trusted, as its boot chain is: it says where its
 * text and tables lie (OVBS_MSG_SITES). They are copied then, by its own page
 * tables, and never looked at again; where functions begin is read where it
 * lies, in memory that is frozen.
 */
#ifndef SK_INTEGRITY_H
#define SK_INTEGRITY_H

#include <stdbool.h>

#include <openvbs/tlfs.h>
#include <openvbs/vtl_abi.h>

#include "cpu.h"

/** integrity_prepare - room for the tables of sites, modules' too. Context: boot CPU, before page_alloc(). */
void integrity_prepare(void);

/** integrity_add - one piece of OVBS_MSG_SITES. After an error the rest can't be sealed, and lockdown is refused. */
enum ovbs_result integrity_add(uint64_t kind, uint64_t va, uint64_t bytes);

/** integrity_seal - no more pieces; sites may be patched from now on. OVBS_OK also if there is no text. */
enum ovbs_result integrity_seal(void);

/**
 * integrity_write - VTL0's write @m of frozen memory, with the registers @r
 *
 * True: it was a patch, and is done: VTL0 goes on behind the instruction. False:
 * it is none, *@why says so if it was at text.
 */
bool integrity_write(const struct hv_x64_memory_intercept_message *m, struct vtl0_regs *r, const char **why);

/** struct integrity_counts - since the machine's reset, but for the modules that may run now. */
struct integrity_counts {
	uint64_t patches, refused; /* writes to text: carried out, and not */
	uint64_t modules, modules_ever;
};

/** integrity_count - these numbers. */
struct integrity_counts integrity_count(void);

#endif
