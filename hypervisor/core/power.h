/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reset, power-off and sleep: the ACPI PM1 registers (ACPI 6.5, 4.8.3).
 *
 * A sleep that loses the CPUs' state (S1 to S4) would wake up without the
 * hypervisor. Until that is solved such a request is refused: the write goes
 * on without SLP_EN, and PM1 status says "woken", so that the OS, which waits
 * for that bit, returns from sleep at once. S5 (power-off) goes through.
 */
#ifndef HV_CORE_POWER_H
#define HV_CORE_POWER_H

#include <openvbs/boot_info.h>

#include "core/cpu.h"

/** power_prepare - trap the control ports. Context: PREPARE, after arch_prepare(). */
void power_prepare(const struct ovbs_acpi_pm *pm);

/** power_port_write, power_port_read - VTL0's access to a trapped port, @size bytes (1, 2, 4). */
void power_port_write(uint16_t port, unsigned int size, uint32_t value);
uint32_t power_port_read(uint16_t port, unsigned int size);

/** machine_reset - reset the whole machine. */
void machine_reset(void) __attribute__((noreturn));

#endif
