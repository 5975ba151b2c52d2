/* links: */
// SPDX-License-Identifier: GPL-2.0-only
/*
 * Promise: the A20 gate stays open, whatever VTL0's CPUs write at the same time
 * (hypervisor/core/a20.c). The ports are a model of the registers; another CPU
 * writes whenever its write would not exit.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define port_out hardware_port_out
#include "../../lib/x86.h"
#undef port_out
static void port_out(uint16_t port, unsigned int size, uint32_t value);
#include "../../hypervisor/core/a20.c"

#define CLOSE 0xDD /* an output port with the gate's bit 0 */

static bool trapped[0x100], output_next, gate_open, attacked;
static unsigned int sent; /* bytes that reached the controller's data port */

static void model(uint16_t port, uint8_t value)
{
	switch (port) {
	case 0x92:
		gate_open &= !!(value & 2);
		break;
	case 0x64:
		if (value == 0xD1)
			output_next = true;
		if (value == 0xDD || (value >= 0xF0 && !(value & 2)))
			gate_open = false;
		break;
	case 0x60:
		sent++;
		if (output_next)
			gate_open &= !!(value & 2);
		output_next = false;
		break;
	default:
		break;
	}
}

/* What another CPU does as soon as the hypervisor lets it. */
static void other_cpu(void)
{
	if (attacked && !trapped[0x60])
		model(0x60, CLOSE);
}

static void port_out(uint16_t port, unsigned int size, uint32_t value)
{
	other_cpu();
	for (unsigned int i = 0; i < size; i++)
		model((uint16_t)(port + i), (uint8_t)(value >> 8 * i));
	other_cpu();
}

void arch_trap_port(uint16_t port, unsigned int size, bool on)
{
	for (unsigned int i = 0; i < size; i++)
		trapped[port + i] = on;
	other_cpu();
}

void hv_log_denied(const char *fmt, ...)
{
}

static void write_port(uint16_t port, unsigned int size, uint32_t value)
{
	if (a20_port_owns(port, size))
		a20_port_write(port, size, value);
}

static void begin(bool attack)
{
	memset(trapped, 0, sizeof(trapped));
	data_is_output = output_next = false;
	gate_open = true;
	attacked = attack;
	sent = 0;
	a20_prepare();
	assert_true(trapped[0x92] && trapped[0x64] && !trapped[0x60]);
}

static void test_every_value(void **state)
{
	for (unsigned int value = 0; value < 0x100; value++) {
		begin(false);
		write_port(0x92, 1, value);
		write_port(0x91, 2, value << 8);
		write_port(0x64, 1, value);
		write_port(0x61, 4, value << 24);
		assert_true(gate_open);
	}
}

static void test_output_port(void **state)
{
	begin(false);
	for (unsigned int value = 0; value < 0x100; value++) {
		write_port(0x64, 1, 0xD1);
		assert_true(trapped[0x60]);
		write_port(0x64, 1, 0xAE); /* another command in between */
		write_port(0x60, value & 1 ? 4 : 1, value);
		assert_true(gate_open);
		assert_false(trapped[0x60]); /* the keyboard is free of exits again */
	}
	assert_int_equal(sent, 0x100);
}

/* Between the hypervisor's look at a byte and the byte's way to the controller there is no gap. */
static void test_another_cpu_writes_at_the_same_time(void **state)
{
	for (unsigned int n = 0; n < 4; n++) {
		begin(true);
		write_port(0x64, 1, 0xD1);
		write_port(0x60, 1, 0xDF);
		assert_true(gate_open);
		assert_false(trapped[0x60]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_value),
		cmocka_unit_test(test_output_port),
		cmocka_unit_test(test_another_cpu_writes_at_the_same_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
