/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * PCI configuration registers that would lead round the hypervisor: those that
 * decide what a physical address means (they could lay configuration space or
 * another device over our memory) and where the ACPI registers are (they could
 * move the sleep control away from its trap).
 *
 * Writes that would change one are dropped and logged; everything else passes.
 * Both ways in are watched: the ports 0xCF8 and 0xCFC, and the memory-mapped
 * configuration space (ECAM), where just the pages of guarded functions are
 * read-only.
 */
#ifndef HV_CORE_PCI_H
#define HV_CORE_PCI_H

#include <openvbs/boot_info.h>

#include "core/cpu.h"

/** pci_prepare - find what has to be guarded on this machine; set the traps. 0, or -ENOMEM. Context: PREPARE. */
int pci_prepare(const struct ovbs_boot_info *info);

/**
 * pci_guard_function - no configuration register of a function can be changed by VTL0
 * @function: of segment 0: bus 15:8, device 7:3, function 2:0
 *
 * 0, -ENOMEM or -ENOSPC. After pci_prepare(). Context: PREPARE.
 */
int pci_guard_function(uint16_t function);

/** pci_port_owns - is this access one to the configuration ports? */
bool pci_port_owns(uint16_t port, unsigned int size);

/** pci_port_write, pci_port_read - VTL0's access to them, @size bytes (1, 2, 4). Context: host. */
void pci_port_write(uint16_t port, unsigned int size, uint32_t value);
uint32_t pci_port_read(uint16_t port, unsigned int size);

/** pci_ecam_write - VTL0 stored to a guarded page of the ECAM. False: @g is not one. Context: host. */
bool pci_ecam_write(struct vcpu *v, struct gpa g);

#endif
