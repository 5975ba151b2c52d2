// SPDX-License-Identifier: GPL-2.0-only
/*
 * Intel VT-d 4.1, legacy mode: a root table whose 256 entries lead to one
 * context table whose 256 entries lead to the DMA map. So whatever the source
 * of a request, of a hot-added device, of one behind a bridge, a phantom
 * function, the map is the same. Translation type 00: requests that claim to be
 * translated already (ATS) are refused, and so are requests for translations
 * (9.3). One pair of tables serves all units.
 *
 * Invalidation by registers, global, with draining (6.5.1): the queue that
 * firmware may have on is switched off. So is interrupt remapping: VTL0 programs
 * its devices in the compatible format.
 */
#include "iommu/unit.h"

#include <ovbs_errno.h>

#include "core/log.h"
#include "core/cpu.h"
#include "mm/pool.h"

/* Registers (chapter 11). */
#define REG_VERSION       0x00
#define REG_CAP           0x08
#define REG_ECAP          0x10
#define REG_COMMAND       0x18
#define REG_STATUS        0x1C
#define REG_ROOT          0x20
#define REG_CONTEXT       0x28
#define REG_FAULT_STATUS  0x34
#define REG_FAULT_CONTROL 0x38
#define REG_PROTECTED     0x64
#define REG_QUEUE_HEAD    0x80
#define REG_QUEUE_TAIL    0x88
#define REGS_FIXED        0xC0 /* below, no register whose place is told by a capability */

/* CAP_REG and ECAP_REG. */
#define CAP_RWBF         (1ULL << 4)
#define CAP_PLMR         (1ULL << 5)
#define CAP_PHMR         (1ULL << 6)
#define CAP_SAGAW(cap)   ((unsigned int)((cap) >> 8 & 0x1F))
#define CAP_MGAW(cap)    ((unsigned int)((cap) >> 16 & 0x3F) + 1)
#define CAP_FAULTS(cap)  ((uint32_t)((cap) >> 24 & 0x3FF) * 16)
#define CAP_2M           (1ULL << 34)
#define CAP_1G           (1ULL << 35)
#define CAP_NFR(cap)     ((unsigned int)((cap) >> 40 & 0xFF) + 1)
#define CAP_WRITE_DRAIN  (1ULL << 54)
#define CAP_READ_DRAIN   (1ULL << 55)
#define ECAP_IOTLB(ecap) ((uint32_t)((ecap) >> 8 & 0x3FF) * 16 + 8)

/* GCMD_REG and GSTS_REG: the same bits. */
#define GLOBAL_TE   (1u << 31)
#define GLOBAL_SRTP (1u << 30)
#define GLOBAL_WBF  (1u << 27)
#define GLOBAL_QIE  (1u << 26)
#define GLOBAL_IRE  (1u << 25)
#define GLOBAL_KEEP 0x96FFFFFFu /* what is no one-shot bit: to be written back as it is */

#define ROOT_MODE     (3ULL << 10) /* 0: legacy */
#define ENTRY_PRESENT 1ULL

#define CONTEXT_START  (1ULL << 63)
#define CONTEXT_GLOBAL (1ULL << 61)
#define IOTLB_START    (1ULL << 63)
#define IOTLB_GLOBAL   (1ULL << 60)
#define IOTLB_ACTUAL   (3ULL << 57)
#define IOTLB_DR       (1ULL << 49)
#define IOTLB_DW       (1ULL << 48)

#define PROTECTED_ENABLE (1u << 31)
#define PROTECTED_STATUS (1u << 0)

#define FAULT_MASK     (1u << 31) /* no interrupt: the records are polled */
#define FAULT_OVERFLOW (1u << 0)
#define FAULT_PENDING  (1u << 1)
#define FAULT_F        (1ULL << 63)
#define FAULT_T1       (1ULL << 62) /* a read */

#define ENTRIES 256u

static int wait32(const struct iommu_unit *u, uint32_t reg, uint32_t mask, uint32_t value)
{
	for (unsigned int i = 0; i < UNIT_SPINS; i++) {
		if ((unit_read32(u, reg) & mask) == value)
			return 0;
		cpu_relax();
	}
	return -ETIMEDOUT;
}

static int wait64_clear(const struct iommu_unit *u, uint32_t reg, uint64_t mask)
{
	for (unsigned int i = 0; i < UNIT_SPINS; i++) {
		if (!(unit_read64(u, reg) & mask))
			return 0;
		cpu_relax();
	}
	return -ETIMEDOUT;
}

/* One command at a time: the value is the status with one bit changed (GCMD_REG). */
static int command(const struct iommu_unit *u, uint32_t bit, bool on)
{
	uint32_t now = unit_read32(u, REG_STATUS) & GLOBAL_KEEP;

	unit_write32(u, REG_COMMAND, on ? now | bit : now & ~bit);
	return wait32(u, REG_STATUS, bit, on ? bit : 0);
}

/* Root-complexes that buffer writes want this before a change to the tables counts (6.8). */
static int flush_write_buffer(const struct iommu_unit *u)
{
	if (!(u->vtd.cap & CAP_RWBF))
		return 0;
	unit_write32(u, REG_COMMAND, (unit_read32(u, REG_STATUS) & GLOBAL_KEEP) | GLOBAL_WBF);
	return wait32(u, REG_STATUS, GLOBAL_WBF, 0);
}

/* Context cache first, then the IOTLB that was filled by it (6.5.1). */
static int vtd_flush(struct iommu_unit *u)
{
	uint64_t drain = (u->vtd.cap & CAP_READ_DRAIN ? IOTLB_DR : 0) |
			 (u->vtd.cap & CAP_WRITE_DRAIN ? IOTLB_DW : 0);
	uint32_t iotlb = ECAP_IOTLB(u->vtd.ecap);
	int err = flush_write_buffer(u);

	if (err)
		return err;
	unit_write64(u, REG_CONTEXT, CONTEXT_START | CONTEXT_GLOBAL);
	err = wait64_clear(u, REG_CONTEXT, CONTEXT_START);
	if (err)
		return err;
	unit_write64(u, iotlb, IOTLB_START | IOTLB_GLOBAL | drain);
	err = wait64_clear(u, iotlb, IOTLB_START);
	if (err)
		return err;
	/* Actual granularity 0: the unit did nothing (IOTLB_REG, IAIG). */
	return unit_read64(u, iotlb) & IOTLB_ACTUAL ? 0 : -EIO;
}

static bool nothing_there(uint64_t reg)
{
	return !reg || reg == ~0ULL;
}

static int vtd_probe(struct iommu_unit *u, const char **why)
{
	uint32_t version, end;

	*why = "no room to map the IOMMUs' registers";
	if (unit_map(u, PAGE_SIZE))
		return -ENOMEM;
	version = unit_read32(u, REG_VERSION);
	u->vtd.cap = unit_read64(u, REG_CAP);
	u->vtd.ecap = unit_read64(u, REG_ECAP);
	*why = "the registers of a VT-d unit don't answer";
	if (nothing_there(u->vtd.cap) || nothing_there(u->vtd.ecap) || !(version & 0xF0) || version >> 8)
		return -ENODEV;
	/* From version 6 on the registers that invalidate are gone (6.5). */
	*why = "a VT-d unit that only knows queued invalidation";
	if ((version >> 4 & 0xF) > 5)
		return -EOPNOTSUPP;
	*why = "a VT-d unit has registers where others are";
	if (CAP_FAULTS(u->vtd.cap) < REGS_FIXED || ECAP_IOTLB(u->vtd.ecap) < REGS_FIXED)
		return -ENODEV;
	/* SAGAW bit 1: 3 levels, 2: 4, 3: 5. It is 0 where there is no second stage (CAP_REG). */
	u->levels = (CAP_SAGAW(u->vtd.cap) & 0xE) << 2;
	*why = "a VT-d unit has no second-stage tables for legacy mode";
	if (!u->levels)
		return -EOPNOTSUPP;
	u->leaf_levels =
		1u << 1 | (u->vtd.cap & CAP_2M ? 1u << 2 : 0) | (u->vtd.cap & CAP_1G ? 1u << 3 : 0);
	u->address_bits = CAP_MGAW(u->vtd.cap);
	/* Old tables say 4 KiB whatever there is; the capabilities say where the last register is. */
	end = CAP_FAULTS(u->vtd.cap) + CAP_NFR(u->vtd.cap) * 16;
	if (end < ECAP_IOTLB(u->vtd.ecap) + 8)
		end = ECAP_IOTLB(u->vtd.ecap) + 8;
	end = (uint32_t)((end + PAGE_SIZE - 1) & PAGE_MASK);
	u->size = u->desc.size > end ? u->desc.size : end;
	*why = "no room to map the IOMMUs' registers";
	return end > PAGE_SIZE ? unit_map(u, end) : 0;
}

static int vtd_prepare(struct iommu_unit *u, const struct dma_map *map,
		       const struct iommu_unit *first, const char **why)
{
	uint64_t *context;

	u->top = first ? first->top : pool_pages(1);
	if (first)
		return 0;
	context = pool_pages(1);
	*why = "not enough memory for the DMA tables";
	if (!u->top || !context)
		return -ENOMEM;
	for (unsigned int i = 0; i < ENTRIES; i++) {
		/* 9.3: translation type 00, address width: 3 levels 1, 4 levels 2, 5 levels 3 */
		context[2 * i] = map->root_spa.v | ENTRY_PRESENT;
		context[2 * i + 1] = (uint64_t)UNIT_DOMAIN << 8 | (map->levels - 2);
		u->top[2 * i] = shared_spa(context).v | ENTRY_PRESENT; /* 9.1 */
	}
	dma_write_back(context, PAGE_SIZE);
	dma_write_back(u->top, PAGE_SIZE);
	return 0;
}

/* Registers can't invalidate while the queue is on; it must be empty when it goes (6.5.2). */
static int queue_off(const struct iommu_unit *u)
{
	if (!(u->vtd.old_status & GLOBAL_QIE))
		return 0;
	for (unsigned int i = 0; unit_read64(u, REG_QUEUE_HEAD) != unit_read64(u, REG_QUEUE_TAIL); i++) {
		if (i == UNIT_SPINS)
			return -ETIMEDOUT;
		cpu_relax();
	}
	return command(u, GLOBAL_QIE, false);
}

static int set_root(struct iommu_unit *u, uint64_t root)
{
	uint32_t status = unit_read32(u, REG_STATUS);
	int err = 0;

	/* The mode of the tables can't change while the unit translates (RTADDR_REG, TTM): the only case with a gap. */
	if ((status & GLOBAL_TE) && ((unit_read64(u, REG_ROOT) ^ root) & ROOT_MODE))
		err = command(u, GLOBAL_TE, false);
	if (!err)
		err = flush_write_buffer(u);
	if (err)
		return err;
	unit_write64(u, REG_ROOT, root);
	err = command(u, GLOBAL_SRTP, true);
	return err ? err : vtd_flush(u);
}

/* What firmware closed for all devices would stay closed for VTL0's (PMEN_REG). Not before translation is on. */
static int regions_off(const struct iommu_unit *u)
{
	if (!(u->vtd.old_protected & PROTECTED_ENABLE))
		return 0;
	unit_write32(u, REG_PROTECTED, u->vtd.old_protected & ~PROTECTED_ENABLE);
	return wait32(u, REG_PROTECTED, PROTECTED_STATUS, 0);
}

static void drop_faults(const struct iommu_unit *u)
{
	for (unsigned int i = 0; i < CAP_NFR(u->vtd.cap); i++)
		unit_write32(u, CAP_FAULTS(u->vtd.cap) + 16 * i + 12, FAULT_F >> 32);
	unit_write32(u, REG_FAULT_STATUS, FAULT_OVERFLOW);
}

static void save(struct iommu_unit *u)
{
	u->vtd.old_status = unit_read32(u, REG_STATUS);
	u->vtd.old_root = unit_read64(u, REG_ROOT);
	u->vtd.old_fault_control = unit_read32(u, REG_FAULT_CONTROL);
	u->vtd.old_protected = u->vtd.cap & (CAP_PLMR | CAP_PHMR) ? unit_read32(u, REG_PROTECTED) : 0;
}

static int vtd_enable(struct iommu_unit *u, const char **why)
{
	int err;

	save(u);
	unit_write32(u, REG_FAULT_CONTROL, u->vtd.old_fault_control | FAULT_MASK);
	/* Interrupt remapping first: its cache is invalidated by the queue only (6.5.2). */
	*why = "a VT-d unit does not stop remapping interrupts";
	err = u->vtd.old_status & GLOBAL_IRE ? command(u, GLOBAL_IRE, false) : 0;
	if (err)
		return err;
	*why = "a VT-d unit does not stop its invalidation queue";
	err = queue_off(u);
	if (err)
		return err;
	*why = "a VT-d unit does not take the root table";
	err = set_root(u, shared_spa(u->top).v);
	if (err)
		return err;
	drop_faults(u);
	*why = "a VT-d unit does not begin to translate";
	err = command(u, GLOBAL_TE, true);
	if (err)
		return err;
	*why = "a VT-d unit does not open its protected regions";
	return regions_off(u);
}

/* What closes memory comes first, what opens it last. */
static void vtd_disable(struct iommu_unit *u)
{
	const struct vtd_unit *old = &u->vtd;
	int err = 0;

	if (old->old_protected & PROTECTED_ENABLE) {
		unit_write32(u, REG_PROTECTED, old->old_protected);
		err |= wait32(u, REG_PROTECTED, PROTECTED_STATUS, PROTECTED_STATUS);
	}
	if (!(old->old_status & GLOBAL_TE))
		err |= command(u, GLOBAL_TE, false);
	/* While firmware's queue is on, enable() has not come to the root, and registers can't invalidate. */
	if (!(unit_read32(u, REG_STATUS) & GLOBAL_QIE)) {
		if (old->old_status & GLOBAL_SRTP)
			err |= set_root(u, old->old_root);
		else
			unit_write64(u, REG_ROOT, old->old_root);
	}
	if (old->old_status & GLOBAL_TE)
		err |= command(u, GLOBAL_TE, true);
	if ((old->old_status & GLOBAL_QIE) && !(unit_read32(u, REG_STATUS) & GLOBAL_QIE)) {
		unit_write64(u, REG_QUEUE_TAIL, 0); /* the head begins at 0 again (6.5.2) */
		err |= command(u, GLOBAL_QIE, true);
	}
	if (old->old_status & GLOBAL_IRE)
		err |= command(u, GLOBAL_IRE, true);
	unit_write32(u, REG_FAULT_CONTROL, old->old_fault_control);
	if (err)
		unit_stuck(u);
}

/* Chapter 7, fault reasons: those that these tables can cause. */
static const char *reason_words(unsigned int reason)
{
	switch (reason) {
	case 0x4:
		return "beyond the map";
	case 0x5:
		return "no right to write";
	case 0x6:
		return "no right to read";
	case 0xD:
		return "translated request (ATS)";
	default:
		return reason >= 0x20 && reason < 0x30 ? "interrupt" : "see the manual";
	}
}

static void vtd_poll(struct iommu_unit *u)
{
	uint32_t at = CAP_FAULTS(u->vtd.cap), status = unit_read32(u, REG_FAULT_STATUS);

	if (!(status & (FAULT_OVERFLOW | FAULT_PENDING)))
		return;
	if (status == ~0u) {
		unit_log(u, "does not answer any more; status", status);
		return;
	}
	for (unsigned int i = 0; i < CAP_NFR(u->vtd.cap); i++, at += 16) {
		uint64_t high = unit_read64(u, at + 8);
		struct unit_fault f = {
			.device = (uint16_t)high,
			.write = !(high & FAULT_T1),
			.reason = high >> 32 & 0xFF,
		};

		if (!(high & FAULT_F))
			continue;
		f.address = unit_read64(u, at) & PAGE_MASK;
		f.words = reason_words(f.reason);
		unit_log_fault(u, &f);
		unit_write32(u, at + 12, FAULT_F >> 32); /* write 1 to clear; the record is free again */
	}
	if (status & FAULT_OVERFLOW) {
		unit_log(u, "more faults than it could record; status", status);
		unit_write32(u, REG_FAULT_STATUS, FAULT_OVERFLOW);
	}
}

const struct unit_driver vtd_driver = {
	.probe = vtd_probe,
	.prepare = vtd_prepare,
	.enable = vtd_enable,
	.disable = vtd_disable,
	.flush = vtd_flush,
	.poll = vtd_poll,
};
