/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the backends' permission maps have in common.
 */
#ifndef HV_ARCH_X86_PERMISSION_H
#define HV_ARCH_X86_PERMISSION_H

#include <stdbool.h>
#include <stdint.h>

/**
 * port_map_set - exit on @size bytes of I/O at @port, or not
 * @map: one bit a port, 8 KiB; CPUs may be looking at it (APM 2, 15.10.1; SDM 3, 25.6.4)
 *
 * Context: PREPARE or host.
 */
void port_map_set(uint8_t *map, uint16_t port, unsigned int size, bool on);

/** msr_keep - VTL0 writes a register that must keep its value: 0 if it would, else -EPERM, logged. Context: host. */
int msr_keep(uint32_t msr, uint64_t value);

/**
 * efer_exists - are all bits of @value EFER's on this CPU?
 * @ours: bits that the host needs meanwhile
 *
 * The CPU is asked, by writing; what it drops silently (QEMU TCG) is refused too. Context: host.
 */
bool efer_exists(uint64_t value, uint64_t ours);

#endif
