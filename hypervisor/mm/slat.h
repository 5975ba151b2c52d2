/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Second-level address translation (nested paging, EPT): what VTL0 can reach.
 *
 * VTL0's map is the identity over all physical addresses that the CPU has, with
 * the hypervisor's own block cut out: reads there find one page of zeros (a
 * kernel may look at any page once, a crash dump too), writes and fetches fault.
 * RAM and everything below 4 GiB is mapped at the start; what lies above (MMIO
 * windows, also beyond 512 GB) on first touch, from a bounded reserve of tables
 * that is taken back and begun anew when it is used up.
 */
#ifndef HV_MM_SLAT_H
#define HV_MM_SLAT_H

#include <openvbs/boot_info.h>

#include "lock.h"
#include "addr.h"

#define SLAT_R   (1u << 0)
#define SLAT_W   (1u << 1)
#define SLAT_X   (1u << 2) /* execute, CPL 0 to 2 */
#define SLAT_U   (1u << 3) /* execute, CPL 3 */
#define SLAT_RWX (SLAT_R | SLAT_W | SLAT_X | SLAT_U)

/*
 * Where the CPU can't tell the kernel's fetches from a program's (no mode-based
 * execute control): a page with SLAT_U and without SLAT_X can't be executed at
 * all until a program tries (slat_run()); then it has this mark, and only the
 * kernel's own SMEP keeps the kernel from executing it.
 */
#define SLAT_RUN (1u << 4)

#define SLAT_LAZY_TABLES 32

enum slat_piece_state { SLAT_PIECE_FREE, SLAT_PIECE_USED, SLAT_PIECE_LEAVING };

struct slat {
	struct lock lock;
	uint64_t *root;
	struct spa root_spa;
	unsigned int levels;
	unsigned int leaf;   /* level of the leaves above 4 GiB: 3 (1 GiB) or 2 (2 MiB) */
	uint64_t eager_end;  /* everything below is mapped at the start */
	uint64_t addr_limit; /* first address the CPU does not have */
	uint64_t *lazy_pool; /* SLAT_LAZY_TABLES pages */
	unsigned int lazy_used;
	unsigned int lazy_round; /* how often the reserve was begun anew */
	unsigned int normal;   /* rights of what nobody gave rights of its own */
	bool marks_runs;       /* SLAT_RUN is needed */
	uint64_t *piece_pool;  /* tables for 2 MiB pieces of which pages have rights of their own, or are run; NULL during PREPARE */
	uint8_t *piece_state;  /* of each: enum slat_piece_state */
	unsigned int piece_tables, piece_free, piece_leaving, piece_next;
	unsigned int piece_round; /* how often tables were taken back */
};

extern struct slat vtl0_slat, vtl1_slat;

/** slat_prepare - build VTL0's map. 0, or -ENOMEM. Context: PREPARE. */
int slat_prepare(struct slat *s, uint64_t ram_top, unsigned int phys_bits);

/**
 * slat_prepare_end - everything is shown that is to be shown; sets @tables tables for slat_protect() and slat_run() aside
 *
 * A table comes back when all of its pages have the normal rights again and no
 * other one is left. 0, or -ENOMEM. Context: PREPARE.
 */
int slat_prepare_end(struct slat *s, unsigned int tables);

/**
 * slat_set - map one 4 KiB page of VTL0 at @g to @to with @rights (0: absent).
 *
 * Splits larger pages. 0, or -ENOMEM. Caller flushes (cpus_flush()) when rights
 * went away. Context: host or PREPARE.
 */
int slat_set(struct slat *s, struct gpa g, struct spa to, unsigned int rights);

/** slat_show - let VTL0 read @pages pages of the block as they are (never write), or execute (@rights). 0, or -ENOMEM. Context: PREPARE. */
int slat_show(struct slat *s, struct gpa g, unsigned int pages, unsigned int rights);

/** slat_hide - @pages pages at @g, registers of a device, read as zeros and can't be written. 0, or -ENOMEM. Context: PREPARE. */
int slat_hide(struct slat *s, struct gpa g, unsigned int pages);

/**
 * slat_prepare_vtl1 - build VTL1's map: its own memory RWX (its page tables say
 * more), VTL0's RAM RW-, nothing else. No device, and nothing of the
 * hypervisor's but the hypercall page at @code, R-X.
 *
 * 0, or -ENOMEM. Context: PREPARE.
 */
int slat_prepare_vtl1(struct slat *s, const struct ovbs_boot_info *info, struct spa code);

/**
 * slat_protect - change VTL0's rights on the page of RAM at @g
 *
 * 0; -EPERM: no page of VTL0's that is mapped at the start; -ENOMEM: every table
 * of the reserve has a page with rights of its own. The caller calls
 * cpus_flush() before it relies on it. May call it, too. Context: host, no lock
 * held that is taken in a guest's stead.
 */
int slat_protect(struct slat *s, struct gpa g, unsigned int rights);

/**
 * slat_set_normal - change the rights of everything that has the normal ones now, and of what gets mapped later
 *
 * Pages with other rights keep them; a page that was given exactly the normal
 * rights counts as normal. The caller calls cpus_flush() before it relies on it.
 * Context: host, no lock held.
 */
void slat_set_normal(struct slat *s, unsigned int rights);

/**
 * slat_run - a program of VTL0's fetched from @g
 *
 * True: it may go on (the page may be executed now, or already might). False: it
 * has no right to. May call cpus_flush(). Context: host, no lock held.
 */
bool slat_run(struct slat *s, struct gpa g);

/** slat_rights - what VTL0 may do with the page at @g: SLAT_*, 0 if it has none or it is not mapped. Context: host, s->lock held or not. */
unsigned int slat_rights(const struct slat *s, struct gpa g);

/** slat_hidden - does VTL0 find the page of zeros at @g? Context: host, s->lock held or not. */
bool slat_hidden(const struct slat *s, struct gpa g);

/**
 * slat_touch - VTL0 touched an address that has no translation.
 *
 * True: mapped now (or already), VTL0 may try again. False: no such address.
 * May call cpus_flush(). Context: host, no lock held.
 */
bool slat_touch(struct slat *s, struct gpa g);

#endif
