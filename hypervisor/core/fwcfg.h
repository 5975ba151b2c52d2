/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fw_cfg's DMA (QEMU, and hypervisors that took it over): a device that reads
 * and writes any memory at the CPU's request, past every IOMMU. Its ports are
 * trapped; what VTL0 asks for is copied, checked against what VTL0 itself may
 * reach, and handed on in the hypervisor's own copy.
 */
#ifndef HV_CORE_FWCFG_H
#define HV_CORE_FWCFG_H

#include "core/cpu.h"

/** fwcfg_prepare - is there one? Set the traps. 0, or -ENOMEM. Context: PREPARE. */
int fwcfg_prepare(void);

/** fwcfg_port_owns - is this access one to its DMA address? */
bool fwcfg_port_owns(uint16_t port, unsigned int size);

/** fwcfg_port_write - VTL0's write there; the second half starts the transfer. Context: host, no lock held. */
void fwcfg_port_write(struct vcpu *v, uint16_t port, unsigned int size, uint32_t value);

/** fwcfg_port_read - it passes. Context: host. */
uint32_t fwcfg_port_read(uint16_t port, unsigned int size);

#endif
