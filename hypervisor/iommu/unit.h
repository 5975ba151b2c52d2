/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One IOMMU of the machine, and the contract of a driver: vtd.c (Intel VT-d 4.1)
 * and amd.c (AMD IOMMU 3.08). iommu.c calls the steps in the order of struct
 * unit_driver; only it knows that there are several units.
 *
 * Invariants: between a successful enable() and disable(), translation of the
 * unit is on and leads to the one DMA map; no wait for a unit is without a
 * bound; a unit that was translating already (firmware's DMA protection) is
 * taken over without being switched off, where the manual allows that.
 *
 * Registers are reached by the functions at the end, which the host's tests
 * replace by a model of a unit.
 */
#ifndef HV_IOMMU_UNIT_H
#define HV_IOMMU_UNIT_H

#include <stdbool.h>
#include <stdint.h>

#include <openvbs/boot_info.h>

#include "addr.h"
#include "iommu/dma_map.h"

/* Reads of a register until a unit counts as dead: uncached, 0.2 to 1 us each, so about a second. */
#ifdef OVBS_HOST
#define UNIT_SPINS 1000u
#else
#define UNIT_SPINS 2000000u
#endif

#define UNIT_DOMAIN 1u /* of all devices. Not 0: reserved where VT-d's CAP.CM is set */

struct vtd_unit {
	uint64_t cap, ecap;
	/* as firmware left it */
	uint64_t old_root;
	uint32_t old_status, old_fault_control, old_protected;
};

struct amd_unit {
	uint64_t features;
	uint64_t *commands;      /* a page: 256 of 16 bytes */
	uint64_t *events;        /* a page: 256 of 16 bytes, 0 where there is none */
	volatile uint64_t *done; /* the unit stores the number of the last wait here */
	uint64_t waits;
	unsigned int tail, pending; /* next command; how many since the last wait */
	unsigned int event_head;
	/* as firmware left it */
	uint64_t old_control, old_devices, old_commands, old_events, old_exclusion, old_limit;
	uint64_t old_command_head, old_command_tail, old_event_head;
};

struct iommu_unit {
	struct ovbs_iommu_unit desc;
	volatile void *regs;
	uint64_t *top; /* VT-d: root table, AMD: device table. By prepare(): one for all units */
	/* by probe(): */
	uint32_t size;             /* of the registers, bytes: what VTL0 must not reach */
	unsigned int levels;       /* bit n: tables of n levels can be used */
	unsigned int leaf_levels;  /* bit n: leaves of level n can be used */
	unsigned int address_bits; /* of a device's address that the unit translates */
	union {
		struct vtd_unit vtd;
		struct amd_unit amd;
	};
};

/**
 * struct unit_driver - what one kind of unit can do
 *
 * Functions return 0 or a negative error and then set *@why to words for a
 * person (at most 63 bytes, constant).
 *
 * @probe: map the registers, look whether the unit can be used; changes nothing.
 *	-ENODEV: it does not answer; -EOPNOTSUPP: it lacks something. Context: PREPARE.
 * @prepare: tables and buffers, from the shared pool; changes no register. @map:
 *	its root is there. @first: a unit that is prepared already, whose top is used;
 *	NULL: this one is the first. -ENOMEM. Context: PREPARE.
 * @enable: let the unit translate by the map. After an error call disable().
 *	-ETIMEDOUT, -ENODEV. Context: PREPARE.
 * @disable: put the unit back as it was before enable(), whole or half done.
 *	Best effort. Context: PREPARE.
 * @flush: the unit forgets every translation, and what devices did by an old
 *	one is done. -ETIMEDOUT, -EIO. Context: host, the lock held.
 * @poll: log faults, make room for more. Context: host, the lock held.
 */
struct unit_driver {
	int (*probe)(struct iommu_unit *u, const char **why);
	int (*prepare)(struct iommu_unit *u, const struct dma_map *map,
		       const struct iommu_unit *first, const char **why);
	int (*enable)(struct iommu_unit *u, const char **why);
	void (*disable)(struct iommu_unit *u);
	int (*flush)(struct iommu_unit *u);
	void (*poll)(struct iommu_unit *u);
};

extern const struct unit_driver vtd_driver, amd_driver;

/* What a unit tells of a device that did what it may not do. */
struct unit_fault {
	uint16_t device; /* bus 15:8, device 7:3, function 2:0 */
	bool write;
	uint64_t address;
	unsigned int reason; /* the unit's own number */
	const char *words;   /* what it means; never NULL */
};

/** unit_log_fault - a line in the log; bounded, however many faults there are. Context: host, the lock held. */
void unit_log_fault(const struct iommu_unit *u, const struct unit_fault *f);

/** unit_log - a line about the unit itself; bounded with the faults. @words: constant. Context: as above. */
void unit_log(const struct iommu_unit *u, const char *words, uint64_t value);

/** unit_stuck - the unit could not be put back as it was: it may go on with our tables, whose memory must stay. Context: PREPARE. */
void unit_stuck(const struct iommu_unit *u);

/** unit_map - map the first @bytes of the unit's registers at u->regs, uncached, on all CPUs. 0, -ENOMEM. May be called again for more. Context: PREPARE. */
int unit_map(struct iommu_unit *u, uint32_t bytes);

/*
 * unit_read32, unit_read64, unit_write32, unit_write64 - the register at @offset,
 * which is aligned and within what is mapped. 64 bits are one access: a base
 * address must never be seen half changed. Context: any.
 */
uint32_t unit_read32(const struct iommu_unit *u, uint32_t offset);
uint64_t unit_read64(const struct iommu_unit *u, uint32_t offset);
void unit_write32(const struct iommu_unit *u, uint32_t offset, uint32_t value);
void unit_write64(const struct iommu_unit *u, uint32_t offset, uint64_t value);

#endif
