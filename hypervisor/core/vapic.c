// SPDX-License-Identifier: GPL-2.0-only
/*
 * See vapic.h. Only below a hypervisor: on a real machine the port may be anything.
 */
#include "core/vapic.h"

#include "arch/contract.h"
#include "core/log.h"

#define PORT_VAPIC 0x7E

static bool trapped;

void vapic_prepare(void)
{
	trapped = cpu_below_hypervisor();
	if (trapped)
		arch_trap_port(PORT_VAPIC, 2, true);
}

bool vapic_port_owns(uint16_t port, unsigned int size)
{
	return trapped && port < PORT_VAPIC + 2 && port + size > PORT_VAPIC;
}

void vapic_port_write(uint16_t port, unsigned int size, uint32_t value)
{
	hv_log_denied("port %x (%u bytes, %x) dropped: a device below would patch memory", port,
		      size, value);
}
