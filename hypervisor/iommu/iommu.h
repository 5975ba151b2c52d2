/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DMA protection: every IOMMU of the machine belongs to the hypervisor, from
 * PREPARE to power-off. Devices reach VTL0's RAM and the ranges that firmware
 * promised to them (identity, no interrupt remapping), and nothing else: not the
 * block, no register of an IOMMU, no configuration space, no page that VTL1
 * took away from devices.
 *
 * One DMA map for all devices of all units (struct dma_map); a driver for each
 * kind of unit (amd.c, vtd.c) points the unit to it. Both are linked into both
 * hypervisors: who made the CPU says nothing about the IOMMU (QEMU offers any).
 *
 * Invariant: once iommu_prepare() said "enforced", translation of no unit is
 * ever off again, whatever VTL0 does.
 */
#ifndef HV_IOMMU_IOMMU_H
#define HV_IOMMU_IOMMU_H

#include <openvbs/boot_info.h>

#include "addr.h"

/**
 * iommu_prepare - build the DMA map and switch every unit on
 *
 * Fills info->dma_state and dma_why. Units that are there but can't all be
 * switched on are put back as they were (OVBS_DMA_FAILED); so are they where the
 * tables don't fit. Registers of units and their PCI functions are hidden from VTL0.
 *
 * 0; -ENOMEM: no memory to hide them, the units are as they were; -EPERM: not
 * enforced, but OVBS_BOOT_F_DMA_REQUIRED is set (info->why says why). Context:
 * PREPARE, the last step, after pci_prepare(); nothing after it may fail.
 */
int iommu_prepare(struct ovbs_boot_info *info);

/** iommu_enforced - is DMA protection on? Context: any. */
bool iommu_enforced(void);

/**
 * iommu_protect - change what devices may do with a page of RAM
 * @rights: SLAT_R, SLAT_W (mm/slat.h); SLAT_X means nothing here
 *
 * 0 (also where there is no IOMMU); -EPERM: nothing that devices may ever reach;
 * -ENOMEM: no table left to split a large page, nothing has changed. Devices may
 * use the old rights until iommu_flush(). Context: host, no lock held.
 */
int iommu_protect(struct gpa g, unsigned int rights);

/**
 * iommu_flush - no device goes on with an old translation
 *
 * Returns when every unit has said so; a unit that does not answer within about
 * a second ends in hv_panic(). Context: host, no lock held.
 */
void iommu_flush(void);

/** iommu_poll - put what the units' fault and event logs have into the log. Cheap where nothing happened. Context: host, no lock held. */
void iommu_poll(void);

#endif
