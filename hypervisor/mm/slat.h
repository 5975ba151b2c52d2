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

#include "core/lock.h"
#include "mm/addr.h"

#define SLAT_R   (1u << 0)
#define SLAT_W   (1u << 1)
#define SLAT_X   (1u << 2)
#define SLAT_RWX (SLAT_R | SLAT_W | SLAT_X)

#define SLAT_LAZY_TABLES 32

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
};

extern struct slat vtl0_slat;

/** slat_prepare - build VTL0's map. 0, or -ENOMEM. Context: PREPARE. */
int slat_prepare(struct slat *s, uint64_t ram_top, unsigned int phys_bits);

/**
 * slat_set - map one 4 KiB page of VTL0 at @g to @to with @rights (0: absent).
 *
 * Splits larger pages. 0, or -ENOMEM. Caller flushes (cpus_flush()) when rights
 * went away. Context: host or PREPARE.
 */
int slat_set(struct slat *s, struct gpa g, struct spa to, unsigned int rights);

/** slat_show - let VTL0 read @pages pages of the block as they are (never write). 0, or -ENOMEM. Context: PREPARE. */
int slat_show(struct slat *s, struct gpa g, unsigned int pages);

/**
 * slat_touch - VTL0 touched an address that has no translation.
 *
 * True: mapped now (or already), VTL0 may try again. False: no such address.
 * May call cpus_flush(). Context: host, no lock held.
 */
bool slat_touch(struct slat *s, struct gpa g);

#endif
