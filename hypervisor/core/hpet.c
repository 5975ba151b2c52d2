// SPDX-License-Identifier: GPL-2.0-only
/*
 * See hpet.h. IA-PC HPET 1.0a, 2.3: general registers, then 20h bytes for each
 * timer from 100h on: configuration, comparator, FSB route (value, address).
 */
#include "core/hpet.h"

#include <ovbs_errno.h>

#include "arch/x86/host.h"
#include "core/log.h"
#include "core/mmio.h"
#include "mm/slat.h"

#define HPET_ID       0x000 /* bits 12:8: number of the last timer */
#define HPET_TIMERS   0x100
#define TIMER_BYTES   0x20
#define TIMER_CONFIG  0x00
#define TIMER_FSB     (1u << 14) /* of the configuration */
#define TIMER_ADDRESS 0x14       /* of the FSB route */

#define MSI_FIRST 0xFEE00000u /* SDM 3, 11.11.1 */
#define MSI_MASK  0xFFF00000u

static uint64_t hpet_base;

static bool is_interrupt(uint32_t address)
{
	return (address & MSI_MASK) == MSI_FIRST;
}

int hpet_prepare(const struct ovbs_boot_info *info)
{
	if (!info->hpet_base || (info->hpet_base & ~PAGE_MASK)) {
		hv_log("no HPET is guarded: its table names %llx", (unsigned long long)info->hpet_base);
		return 0;
	}
	hpet_base = info->hpet_base;
	for (uint64_t page = 0; page < HPET_BYTES; page += PAGE_SIZE)
		if (slat_set(&vtl0_slat, gpa(hpet_base + page), spa(hpet_base + page), SLAT_R))
			return -ENOMEM;
	return 0;
}

void hpet_start(void)
{
	unsigned int last;

	if (!hpet_base)
		return;
	last = host_mmio_read(hpet_base + HPET_ID, 4) >> 8 & 0x1F;
	for (unsigned int i = 0; i <= last; i++) {
		uint64_t timer = hpet_base + HPET_TIMERS + i * TIMER_BYTES;
		uint32_t config = host_mmio_read(timer + TIMER_CONFIG, 4);

		if (is_interrupt(host_mmio_read(timer + TIMER_ADDRESS, 4)))
			continue;
		host_mmio_write(timer + TIMER_CONFIG, 4, config & ~TIMER_FSB);
		host_mmio_write(timer + TIMER_ADDRESS, 4, MSI_FIRST); /* VTL0 may switch it on without a new address */
	}
	hv_log("HPET at %llx: %u timers, FSB interrupts are checked", (unsigned long long)hpet_base,
	       last + 1);
}

/*
 * Bytes of a store that fall into a timer's FSB address must be a whole address,
 * and name the interrupt range. 8 bytes at once: value and address.
 */
static bool allowed(unsigned int reg, unsigned int size, uint64_t value)
{
	unsigned int at = reg % TIMER_BYTES;

	if (reg < HPET_TIMERS || at + size <= TIMER_ADDRESS || at >= TIMER_ADDRESS + 4)
		return true;
	if (size == 8)
		return is_interrupt((uint32_t)(value >> 32));
	return at == TIMER_ADDRESS && size == 4 && is_interrupt((uint32_t)value);
}

bool hpet_write(struct vcpu *v, struct gpa g)
{
	unsigned int reg = g.v & ~PAGE_MASK;
	struct mmio_insn in;
	uint32_t old;
	uint64_t value;

	if (!hpet_base || g.v < hpet_base || g.v - hpet_base >= HPET_BYTES)
		return false;
	if (!mmio_decode64(v, g, &in, &value))
		return true;
	if (reg % in.size) { /* across registers: the device would not know what to do either (2.3.1) */
		arch_inject(v, VEC_GP, true, 0);
		return true;
	}
	old = in.op == MMIO_XCHG ? host_mmio_read(g.v, in.size) : 0;
	if (!allowed(reg, in.size, value))
		hv_log_denied("HPET register %x: %llx dropped: an FSB interrupt goes to the interrupt range only",
			      reg, (unsigned long long)value);
	else if (in.size == 8)
		host_mmio_write64(g.v, value);
	else
		host_mmio_write(g.v, in.size, (uint32_t)value);
	mmio_done(v, &in, old);
	return true;
}
