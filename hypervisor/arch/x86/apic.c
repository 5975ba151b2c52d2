// SPDX-License-Identifier: GPL-2.0-only
/*
 * Local APIC access in both modes. The x2APIC's registers are MSRs at
 * 0x800 + offset / 16.
 */
#include "arch/x86/apic.h"

#include "arch/x86/host.h"
#include "core/log.h"

#define ICR_DM_NMI     (4u << 8)
#define ICR_BUSY       (1u << 12)
#define SEND_SPINS     10000 /* an IPI is sent within a few bus cycles */
#define ICR_ASSERT     (1u << 14)
#define LVT_MASKED     (1u << 16)
#define SVR_RESET      0xFFu
#define LAST_LVT_RESET APIC_LVT_ERROR

static uint64_t page;

uint64_t apic_page(void)
{
	return page;
}

static volatile uint32_t *mmio(unsigned int reg)
{
	return (volatile uint32_t *)((char *)PRIVATE_ADDR(PRIV_APIC) + reg);
}

uint32_t apic_read(unsigned int reg)
{
	return this_cpu->x2apic_mode ? (uint32_t)rdmsr(MSR_X2APIC_BASE + reg / 16) : *mmio(reg);
}

void apic_write(unsigned int reg, uint32_t v)
{
	if (this_cpu->x2apic_mode)
		(void)wrmsr_safe(MSR_X2APIC_BASE + reg / 16, v); /* not every CPU has every LVT */
	else
		*mmio(reg) = v;
}

void apic_mode_changed(uint64_t base)
{
	struct cpu_shared *s = this_cpu->shared;

	this_cpu->x2apic_mode = (base & APIC_BASE_ENABLE) && (base & APIC_BASE_X2APIC);
	__atomic_store_n(&s->x2apic, this_cpu->x2apic_mode, __ATOMIC_RELEASE);
	if (!(base & APIC_BASE_ENABLE))
		return;
	__atomic_store_n(&s->ldr, apic_read(APIC_LDR), __ATOMIC_RELEASE);
	if (!this_cpu->x2apic_mode)
		__atomic_store_n(&s->dfr, apic_read(APIC_DFR), __ATOMIC_RELEASE);
}

void apic_note_page(void)
{
	page = rdmsr(MSR_APIC_BASE) & APIC_BASE_ADDR;
}

void apic_enter_cpu(void)
{
	uint64_t base = rdmsr(MSR_APIC_BASE);

	hv_assert((base & APIC_BASE_ADDR) == page); /* one page is trapped, for all CPUs */
	host_map_apic(page);
	apic_mode_changed(base);
}

/* Bounded: an APIC that is off reads all ones, and QEMU shows the bit as VTL0 wrote it. */
static void await_sent(void)
{
	for (unsigned int n = 0; n < SEND_SPINS && (apic_read(APIC_ICR) & ICR_BUSY); n++)
		cpu_relax();
}

void apic_send_nmi(uint32_t apic_id)
{
	uint32_t high;

	if (this_cpu->x2apic_mode) {
		wrmsr(MSR_X2APIC_ICR, (uint64_t)apic_id << 32 | ICR_DM_NMI | ICR_ASSERT);
		return;
	}
	await_sent();
	high = apic_read(APIC_ICR_HIGH);
	apic_write(APIC_ICR_HIGH, apic_id << 24);
	apic_write(APIC_ICR, ICR_DM_NMI | ICR_ASSERT);
	await_sent();
	apic_write(APIC_ICR_HIGH, high);
}

/* Interrupts in service are ended one by one. Requests not yet accepted can't be taken back: docs/caveats.md. */
static void end_interrupts(void)
{
	for (unsigned int n = 0; n < 256; n++) {
		uint32_t any = 0;

		for (unsigned int i = 0; i < 8; i++)
			any |= apic_read(APIC_ISR + i * 0x10);
		if (!any)
			return;
		apic_write(APIC_EOI, 0);
	}
}

void apic_reset(void)
{
	if (!(rdmsr(MSR_APIC_BASE) & APIC_BASE_ENABLE))
		return;
	apic_write(APIC_TIMER_INITIAL, 0);
	for (unsigned int reg = APIC_LVT_TIMER; reg <= LAST_LVT_RESET; reg += 0x10)
		apic_write(reg, LVT_MASKED);
	end_interrupts();
	apic_write(APIC_TPR, 0);
	apic_write(APIC_TIMER_DIVIDE, 0);
	if (!this_cpu->x2apic_mode) {
		apic_write(APIC_LDR, 0);
		apic_write(APIC_DFR, 0xFFFFFFFF);
		apic_write(APIC_ESR, 0);
		this_cpu->shared->ldr = 0;
		this_cpu->shared->dfr = 0xFFFFFFFF;
	}
	apic_write(APIC_SVR, SVR_RESET);
}
