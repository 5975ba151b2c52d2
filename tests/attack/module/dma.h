/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the attacks by DMA share: devices that ring 0 has read or write memory
 * at addresses of its choice. What a write to hidden memory came to can't be
 * seen from here: such a row says "sent", and tests/attack/dma.py looks at the
 * memory from the emulator. It also names the pages to aim at: empty ones (a
 * write shows) and full ones (a read shows).
 */
#ifndef ATTACK_DMA_H
#define ATTACK_DMA_H

#include <linux/pci.h>

#include "attack.h"
#include "vtl1.h"

#define EDUS      8
#define DMA_PAGES 4
#define DMA_OLD   0xA5 /* what lies in a buffer before a read */
#define DMA_NEW   0x5C /* what a write brings */

/**
 * struct edu - one of QEMU's DMA test devices
 * @place: "root", "bridge" (behind a PCI bridge), "hotplug" (behind a root port)
 */
struct edu {
	struct pci_dev *dev;
	u8 __iomem *regs;
	const char *place;
};

/**
 * struct dma - what an attack works with
 * @own: one page of ours for each edu, side by side
 * @start: the hypervisor's block; without openvbs memory of ours in its stead
 */
struct dma {
	struct edu edu[EDUS];
	size_t edus;
	u8 *own;
	u64 own_gpa;
	u64 start, end;
};

/** struct dma_targets - pages to aim at, as dma.py told; each row of an attack that writes has its own page from there on */
struct dma_targets {
	u64 gpa[DMA_PAGES];
	unsigned int n;
};

extern struct dma_targets dma_empty, dma_full;
extern u64 dma_unit, dma_unit_bytes; /* registers of the IOMMU */
extern bool dma_unit_amd;

/** dma_set - is @command one that tells targets or the IOMMU? Then it is carried out. */
bool dma_set(const char *command);

/** dma_begin - devices and memory for an attack; false if there are none: then the row @name says so. */
bool dma_begin(struct report *r, struct dma *d, const char *name);
void dma_end(struct dma *d);

/** dma_free - the memory that stood for the block. Context: module exit. */
void dma_free(void);

/** dma_device - the @n-th such device, memory and bus mastering on, INTx off; NULL: there is none. To be put. */
struct pci_dev *dma_device(u32 vendor, u32 device, unsigned int n);
struct pci_dev *dma_class(u32 class);

/** dma_page - a page below 4 GiB, filled with @byte; NULL: no memory. */
u8 *dma_page(u8 byte);

/** edu_fetch, edu_store - start a transfer from or to memory (and the device's buffer). edu_done - is it over? */
void edu_fetch(struct edu *e, u64 gpa, u32 bytes);
void edu_store(struct edu *e, u64 gpa, u32 bytes);
bool edu_done(struct edu *e);

/** edu_fill - the device's buffer holds @byte everywhere. False: the device does not answer. */
bool edu_fill(struct dma *d, struct edu *e, u8 byte);

/** edu_write - 4 KiB of @byte to @gpa. False: the device does not answer. */
bool edu_write(struct dma *d, struct edu *e, u64 gpa, u8 byte);

/** struct dma_seen - what reads gave, in pages */
struct dma_seen {
	unsigned int zeros, unchanged, content, silent;
	u64 first; /* with content */
};

/** edu_read - read @n pages by the @edus devices from @e on, and count what came. */
void edu_read(struct dma *d, struct edu *e, size_t edus, const u64 *gpa, size_t n, struct dma_seen *seen);

/** dma_seen_row - the worst of it. dma_still - a row: what a read of the full pages gives now. */
void dma_seen_row(struct report *r, const char *name, const struct dma_seen *seen);
void dma_still(struct report *r, struct dma *d, const char *name);

/** dma_freeze - VTL0 gives up its right to write a page. */
u32 dma_freeze(const struct vtl1 *v, u64 gpa);

/**
 * struct engine - a way to have something write to memory
 * @write: to a page; NULL if it was sent, else a word for what kept it from that
 */
struct engine {
	const char *name;
	const char *(*write)(struct dma *d, u64 gpa);
};

/**
 * engine_rows - own memory, the empty pages of the block, a frozen page, own memory again
 *
 * @nth: of the attack. Rows NAME_own, NAME_block, NAME_frozen, NAME_after.
 */
void engine_rows(struct report *r, struct dma *d, const struct engine *e, unsigned int nth);

extern const struct engine nvme_engines[], ahci_engines[], net_engines[], virtio_engines[];

/** net_read - a row: what the network card sends when its buffer is a full page. */
void net_read(struct report *r, struct dma *d);

/** balloon_row - a row: a page of ours, frozen if there is a @v, after a balloon took it. */
void balloon_row(struct report *r, struct dma *d, const struct vtl1 *v);

#endif
