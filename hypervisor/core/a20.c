// SPDX-License-Identifier: GPL-2.0-only
/*
 * See a20.h. The keyboard's data port is trapped only between command D1h and
 * its data byte, from before the command is sent until after the byte is: so no
 * other CPU's byte can reach the controller in between. The lock does the same
 * for those whose write exits.
 */
#include "core/a20.h"

#include "arch/contract.h"
#include "lock.h"
#include "core/log.h"

#define KBC_DATA         0x60
#define KBC_COMMAND      0x64
#define SYSTEM_CONTROL_A 0x92
#define GATE_OPEN        0x02 /* in port 92h, and in the controller's output port */

#define CMD_WRITE_OUTPUT 0xD1
#define CMD_CLOSE        0xDD
#define CMD_OPEN         0xDF
#define CMD_PULSE        0xF0 /* to FFh: bits 0 to 3 that are 0 pulse low */

static struct lock gate_lock;
static bool data_is_output; /* the next byte at KBC_DATA goes to the output port */

void a20_prepare(void)
{
	arch_trap_port(SYSTEM_CONTROL_A, 1, true);
	arch_trap_port(KBC_COMMAND, 1, true);
}

static bool covers(uint16_t port, unsigned int size, uint16_t reg)
{
	return reg >= port && reg < port + size;
}

bool a20_port_owns(uint16_t port, unsigned int size)
{
	return covers(port, size, SYSTEM_CONTROL_A) || covers(port, size, KBC_COMMAND) ||
	       covers(port, size, KBC_DATA);
}

static uint8_t filtered_command(uint8_t command)
{
	if (command == CMD_WRITE_OUTPUT) {
		arch_trap_port(KBC_DATA, 1, true);
		data_is_output = true;
	}
	if (command == CMD_CLOSE)
		return CMD_OPEN;
	return command >= CMD_PULSE ? command | GATE_OPEN : command;
}

static uint8_t filtered(uint16_t reg, uint8_t value)
{
	switch (reg) {
	case SYSTEM_CONTROL_A:
		return value | GATE_OPEN;
	case KBC_COMMAND:
		return filtered_command(value);
	case KBC_DATA:
		return data_is_output ? value | GATE_OPEN : value;
	default:
		return value;
	}
}

void a20_port_write(uint16_t port, unsigned int size, uint32_t value)
{
	uint32_t let = 0;

	lock_take(&gate_lock);
	for (unsigned int i = 0; i < size; i++)
		let |= (uint32_t)filtered((uint16_t)(port + i), (uint8_t)(value >> 8 * i)) << 8 * i;
	if (let != value)
		hv_log_denied("port %x, %u bytes: %x written as %x: the A20 gate stays open", port,
			      size, value, let);
	port_out(port, size, let);
	if (data_is_output && covers(port, size, KBC_DATA)) {
		data_is_output = false;
		arch_trap_port(KBC_DATA, 1, false);
	}
	lock_release(&gate_lock);
}
