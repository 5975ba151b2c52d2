/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The A20 gate. A closed gate masks address bit 20 of the whole machine, where
 * it still exists: on emulators, and on CPUs older than those that lost A20M#.
 * Then the hypervisor, too, would fetch its code and tables from other memory,
 * VTL0's among it. The gate stays open: the bit is put into every value that
 * VTL0 writes to the two registers that have it.
 *
 * Registers: port 92h bit 1 (Intel 316972, 13.7.2); the keyboard controller's
 * output port, bit 1, written by command D1h and the data byte behind it,
 * pulsed low by F0h-FFh, and on some controllers closed by DDh (8042).
 */
#ifndef HV_CORE_A20_H
#define HV_CORE_A20_H

#include <stdbool.h>
#include <stdint.h>

/** a20_prepare - trap the ports. Context: PREPARE, after arch_prepare(). */
void a20_prepare(void);

/** a20_port_owns - does an access of @size bytes at @port touch a port of the gate? Context: host. */
bool a20_port_owns(uint16_t port, unsigned int size);

/** a20_port_write - VTL0's write, carried out with the gate open. Context: host. */
void a20_port_write(uint16_t port, unsigned int size, uint32_t value);

#endif
