/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The port 7Eh of QEMU ("kvmvapic", made for Windows guests without virtual
 * APIC registers): it patches guest memory at addresses of the writer's choice,
 * past second-level tables and IOMMU. Nothing that openvbs runs under needs it,
 * so writes are dropped.
 */
#ifndef HV_CORE_VAPIC_H
#define HV_CORE_VAPIC_H

#include "core/cpu.h"

/** vapic_prepare - trap the port below a hypervisor. Context: PREPARE. */
void vapic_prepare(void);

/** vapic_port_owns - is this access one to it? */
bool vapic_port_owns(uint16_t port, unsigned int size);

/** vapic_port_write - dropped. Context: host. */
void vapic_port_write(uint16_t port, unsigned int size, uint32_t value);

#endif
