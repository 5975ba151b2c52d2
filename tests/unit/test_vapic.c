/* links: */
// SPDX-License-Identifier: GPL-2.0-only
/*
 * Promise: below a hypervisor no write of VTL0 reaches port 7Eh, whatever its size
 * and wherever it begins; on a real machine the port is left alone
 * (hypervisor/core/vapic.c).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define cpuid    hardware_cpuid
#define port_out hardware_port_out
#include "../../lib/x86.h"
#undef cpuid
#undef port_out
static struct cpuid_regs cpuid(uint32_t leaf, uint32_t subleaf);
static void port_out(uint16_t port, unsigned int size, uint32_t value) __attribute__((unused));
#include "../../hypervisor/core/vapic.c"

static bool below, trapped_port[0x100];
static unsigned int denied, reached;

static struct cpuid_regs cpuid(uint32_t leaf, uint32_t subleaf)
{
	return (struct cpuid_regs){ .ecx = leaf == 1 && below ? CPUID_ECX_HYPERVISOR : 0 };
}

static void port_out(uint16_t port, unsigned int size, uint32_t value)
{
	reached++;
}

void arch_trap_port(uint16_t port, unsigned int count, bool on)
{
	while (count--)
		trapped_port[port++] = on;
}

void hv_log_denied(const char *fmt, ...)
{
	denied++;
}

static void begin(bool hypervisor)
{
	memset(trapped_port, 0, sizeof(trapped_port));
	denied = reached = 0;
	below = hypervisor;
	vapic_prepare();
}

static void test_every_write_is_dropped(void **state)
{
	begin(true);
	for (unsigned int size = 1; size <= 4; size *= 2)
		for (uint16_t port = 0x70; port < 0x90; port++) {
			bool exits = false;

			for (unsigned int i = 0; i < size; i++)
				exits |= trapped_port[port + i];
			assert_int_equal(exits, port <= 0x7F && port + size > 0x7E);
			assert_int_equal(vapic_port_owns(port, size), exits);
			if (exits)
				vapic_port_write(port, size, 0x210);
		}
	assert_int_equal(denied, 2 + 3 + 5);
	assert_int_equal(reached, 0);
}

static void test_a_real_machine_keeps_its_port(void **state)
{
	begin(false);
	assert_false(trapped_port[0x7E] || trapped_port[0x7F]);
	assert_false(vapic_port_owns(0x7E, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_write_is_dropped),
		cmocka_unit_test(test_a_real_machine_keeps_its_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
