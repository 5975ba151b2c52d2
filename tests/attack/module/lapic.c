// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC, driven directly: its page in xAPIC mode, its MSRs in x2APIC
 * mode (AMD APM 2, chapter 16). Linux's own sending code is left out on
 * purpose, so that every value can be sent.
 */
#include <linux/io.h>
#include <asm/apic.h>
#include <asm/smp.h>

#include "attack.h"

#define APIC_PHYS 0xFEE00000UL
#define ICR_LOW   0x300
#define ICR_HIGH  0x310
#define ICR_BUSY  (1u << 12)

struct send {
	u32 dest, low;
	void __iomem *page;
};

bool lapic_x2(void)
{
	return msr_get(0x1B) & (1 << 10);
}

u32 lapic_id(unsigned int cpu)
{
	return per_cpu(x86_cpu_to_apicid, cpu);
}

void __iomem *lapic_page(void)
{
	static void __iomem *page;

	if (!page && !lapic_x2())
		page = ioremap(APIC_PHYS, PAGE_SIZE);
	return page;
}

static void send_try(void *arg)
{
	const struct send *s = arg;

	if (!s->page) {
		msr_set(0x830, (u64)s->dest << 32 | s->low);
		return;
	}
	writel(s->dest << 24, s->page + ICR_HIGH);
	writel(s->low, s->page + ICR_LOW);
	WAIT_FOR(!(readl(s->page + ICR_LOW) & ICR_BUSY), 100);
}

const char *lapic_send(u32 dest, u32 low)
{
	struct send s = { dest, low, lapic_page() };
	struct caught c;

	return try_here(&c, send_try, &s, 0);
}

void lapic_clear_errors(void)
{
	if (lapic_x2()) {
		msr_set(0x828, 0);
	} else {
		writel(0, lapic_page() + 0x280);
		writel(0, lapic_page() + 0x280);
	}
}
