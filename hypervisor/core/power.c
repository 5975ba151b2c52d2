// SPDX-License-Identifier: GPL-2.0-only
/*
 * See power.h. VTL0 may touch the registers in any size and at any offset: the
 * byte that holds SLP_EN is looked at wherever it lies in the access.
 */
#include "core/power.h"

#include "arch/contract.h"
#include "core/log.h"

#define PM1_CNT_HIGH    1    /* byte of PM1 control with SLP_TYP and SLP_EN */
#define CNT_HIGH_EN     0x20 /* SLP_EN, bit 13 */
#define CNT_HIGH_TYP(b) ((b) >> 2 & 7)
#define PM1_STS_HIGH    1
#define STS_HIGH_WAK    0x80 /* WAK_STS, bit 15 */
#define RESET_CF9       0xCF9
#define KBC_COMMAND     0x64
#define KBC_PULSE_RESET 0xFE

static struct ovbs_acpi_pm pm;
static uint32_t woken; /* atomic: sleep was refused, VTL0 has not cleared the wake status yet */

void power_prepare(const struct ovbs_acpi_pm *from)
{
	pm = *from;
	if (pm.pm1a_cnt_port)
		arch_trap_port(pm.pm1a_cnt_port, 2, true);
	if (pm.pm1b_cnt_port)
		arch_trap_port(pm.pm1b_cnt_port, 2, true);
	if (pm.sleep_control_port)
		arch_trap_port(pm.sleep_control_port, 1, true);
	if (!pm.s5_found)
		hv_log("no \\_S5 in the ACPI tables: power-off by ACPI will be refused like every sleep");
}

static void trap_status(bool on)
{
	__atomic_store_n(&woken, on, __ATOMIC_RELEASE);
	if (pm.pm1a_evt_port)
		arch_trap_port(pm.pm1a_evt_port, 2, on);
	if (pm.pm1b_evt_port)
		arch_trap_port(pm.pm1b_evt_port, 2, on);
}

/* Is byte @at of the register at @reg within the access? Then which byte of the value is it? */
static bool covers(uint16_t port, unsigned int size, uint16_t reg, unsigned int at, unsigned int *byte)
{
	unsigned int offset = (unsigned int)reg + at - port;

	*byte = offset;
	return reg && offset < size;
}

/* The value without SLP_EN if it would start a sleep other than power-off. */
static uint32_t without_sleep(uint32_t value, unsigned int byte, uint8_t s5_typ)
{
	uint8_t b = (uint8_t)(value >> 8 * byte);

	if (!(b & CNT_HIGH_EN))
		return value;
	if (pm.s5_found && CNT_HIGH_TYP(b) == s5_typ) {
		hv_log("power-off");
		return value;
	}
	hv_log_denied("sleep (SLP_TYP %u) refused: openvbs can't come back from it yet; the OS goes on as if woken",
		      CNT_HIGH_TYP(b));
	trap_status(true);
	return value & ~((uint32_t)CNT_HIGH_EN << 8 * byte);
}

void power_port_write(uint16_t port, unsigned int size, uint32_t value)
{
	unsigned int byte;

	if (covers(port, size, pm.pm1a_cnt_port, PM1_CNT_HIGH, &byte))
		value = without_sleep(value, byte, pm.s5_typ_a);
	if (covers(port, size, pm.pm1b_cnt_port, PM1_CNT_HIGH, &byte))
		value = without_sleep(value, byte, pm.s5_typ_b);
	if (covers(port, size, pm.sleep_control_port, 0, &byte))
		value = without_sleep(value, byte, pm.s5_typ_a);
	if ((covers(port, size, pm.pm1a_evt_port, PM1_STS_HIGH, &byte) ||
	     covers(port, size, pm.pm1b_evt_port, PM1_STS_HIGH, &byte)) &&
	    (value >> 8 * byte & STS_HIGH_WAK))
		trap_status(false);
	port_out(port, size, value);
}

uint32_t power_port_read(uint16_t port, unsigned int size)
{
	uint32_t value = port_in(port, size);
	unsigned int byte;

	if (!__atomic_load_n(&woken, __ATOMIC_ACQUIRE))
		return value;
	if (covers(port, size, pm.pm1a_evt_port, PM1_STS_HIGH, &byte) ||
	    covers(port, size, pm.pm1b_evt_port, PM1_STS_HIGH, &byte))
		value |= (uint32_t)STS_HIGH_WAK << 8 * byte;
	return value;
}

static void pause_a_while(void)
{
	for (uint64_t end = rdtsc() + 100000000; rdtsc() < end;)
		cpu_relax();
}

void machine_reset(void)
{
	static const struct {
		uint16_t limit, base[4];
	} __attribute__((packed)) no_idt;

	if (pm.reset_port) {
		outb(pm.reset_port, pm.reset_value);
		pause_a_while();
	}
	outb(RESET_CF9, 0x02); /* hard reset, then go */
	outb(RESET_CF9, 0x06);
	pause_a_while();
	outb(KBC_COMMAND, KBC_PULSE_RESET);
	pause_a_while();
	asm volatile("lidt %0; ud2" : : "m"(no_idt)); /* shutdown: the chipset resets */
	hv_halt();
}
