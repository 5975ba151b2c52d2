// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ICR trap. See icr.h for when and why. Writes to the xAPIC page come as
 * second-level faults and are emulated; reads go straight to the hardware.
 */
#include "core/icr.h"

#include <ovbs_errno.h>

#include "arch/contract.h"
#include "arch/x86/apic.h"
#include "arch/x86/ipi.h"
#include "core/log.h"
#include "core/mmio.h"
#include "mm/slat.h"

static struct lock trap_lock;
static bool trap_on;
static bool may_open, opened;

uint32_t icr_own_apic_id(void)
{
	/* The x2APIC ID is the whole one; where there is no leaf 0Bh, 8 bits are all there are. */
	if (cpuid(0, 0).eax >= 0xB && cpuid(0xB, 0).ebx)
		return cpuid(0xB, 0).edx;
	return cpuid(1, 0).ebx >> 24;
}

static int set_trap(bool on)
{
	int err = slat_set(&vtl0_slat, gpa(apic_page()), spa(apic_page()), on ? SLAT_R : SLAT_R | SLAT_W);

	trap_on = on;
	return err;
}

static bool trap_needed(void)
{
	if (opened)
		return false;
	/* A CPU that is not ours must never be started by VTL0: with the trap its INIT and SIPI go nowhere. */
	if (!(hv_boot_info()->flags & OVBS_BOOT_F_ALL_CPUS))
		return true;
	if (arch_init_held() != INIT_HELD)
		return arch_init_held() == INIT_NOT_HELD;
	for (uint32_t i = 0; i < cpu_count; i++)
		if (cpus[i].init_pending || __atomic_load_n(&cpus[i].state, __ATOMIC_ACQUIRE) != CPU_RUNNING ||
		    (i != cpu_boot_index() && !cpus[i].sipi_started))
			return true;
	return false;
}

int icr_prepare(const struct ovbs_boot_info *info)
{
	may_open = OVBS_DEBUG && (info->flags & OVBS_BOOT_F_ICR_OPEN);
	apic_note_page();
	return set_trap(trap_needed());
}

void icr_update(void)
{
	bool on, changed;

	lock_take(&trap_lock);
	on = trap_needed();
	changed = on != trap_on;
	/* The page has its own table since PREPARE: nothing to allocate, nothing to fail. */
	if (changed)
		hv_assert(!set_trap(on));
	lock_release(&trap_lock);
	if (changed)
		cpus_flush();
	/* The MSR's half is each CPU's own (cpu_before_entry()). */
}

bool icr_trapped(void)
{
	return __atomic_load_n(&trap_on, __ATOMIC_ACQUIRE);
}

bool icr_open(void)
{
	if (!may_open)
		return false;
	opened = true;
	icr_update();
	hv_log("ICR trap dropped at VTL0's request: INIT is not held any more (bench only)");
	return true;
}

static struct ipi_cpu view(const struct cpu_shared *c)
{
	return (struct ipi_cpu){
		.apic_id = c->apic_id,
		.ldr = __atomic_load_n(&c->ldr, __ATOMIC_ACQUIRE),
		.dfr = __atomic_load_n(&c->dfr, __ATOMIC_ACQUIRE),
		.x2apic = __atomic_load_n(&c->x2apic, __ATOMIC_ACQUIRE),
	};
}

/* True: it was INIT or SIPI and is done. False: the hardware may have it. */
static bool emulated(const struct ipi *ipi)
{
	struct ipi_cpu self = view(this_cpu->shared);
	unsigned int reached = 0;

	if (ipi->delivery != IPI_INIT && ipi->delivery != IPI_SIPI)
		return false;
	if (ipi_is_init_deassert(ipi))
		return true;
	/* Not a valid combination: sent to nobody (SDM 3, table 11-3). */
	if (ipi->shorthand == IPI_TO_SELF || ipi->shorthand == IPI_TO_ALL) {
		hv_log_denied("INIT or SIPI with shorthand %u: not valid, dropped", ipi->shorthand);
		return true;
	}
	for (uint32_t i = 0; i < cpu_count; i++) {
		struct ipi_cpu target = view(&cpus[i]);

		if (!ipi_targets(ipi, &self, &target))
			continue;
		reached++;
		if (ipi->delivery == IPI_INIT)
			cpu_send_init(&cpus[i]);
		else
			cpu_send_sipi(&cpus[i], ipi->vector);
	}
	if (!reached)
		hv_log_denied("INIT or SIPI for a CPU that is not ours (destination %x): dropped",
			      ipi->dest);
	return true;
}

int icr_write_x2apic(uint64_t value)
{
	struct ipi ipi;

	count_exit(OVBS_STAT_ICR_X2APIC);
	if (!this_cpu->x2apic_mode || ipi_decode_x2apic(value, &ipi))
		return -EPERM;
	if (emulated(&ipi))
		return 0;
	return wrmsr_safe(MSR_X2APIC_ICR, value) ? -EPERM : 0;
}

static void apic_store(unsigned int reg, uint32_t value)
{
	struct ipi ipi;

	switch (reg) {
	case APIC_ICR:
		ipi_decode_xapic(value, apic_read(APIC_ICR_HIGH), &ipi);
		if (!emulated(&ipi))
			apic_write(reg, value);
		return;
	case APIC_ID:
		return; /* under another ID it would not hear our NMIs; read-only on CPUs of today */
	case APIC_LDR:
	case APIC_DFR:
		apic_write(reg, value);
		__atomic_store_n(reg == APIC_LDR ? &this_cpu->shared->ldr : &this_cpu->shared->dfr,
				 apic_read(reg), __ATOMIC_RELEASE);
		return;
	default:
		apic_write(reg, value);
	}
}

void icr_write_xapic(struct vcpu *v, struct gpa g)
{
	unsigned int reg = g.v & (PAGE_SIZE - 1);
	struct mmio_insn in;
	uint32_t value, old = 0;

	count_exit(OVBS_STAT_APIC_XAPIC);
	if (!mmio_decode(v, g, &in, &value))
		return;
	/* Other sizes and places are undefined on hardware (SDM 3, 11.4.1). */
	if (!in.supported || (reg & 0xF)) {
		hv_log_denied("store to APIC register %x, %u bytes: not defined, #GP", reg, in.size);
		arch_inject(v, VEC_GP, true, 0);
		return;
	}
	/* In x2APIC mode nothing answers at this address: the store goes nowhere. */
	if (!this_cpu->x2apic_mode) {
		old = in.op == MMIO_XCHG ? apic_read(reg) : 0;
		apic_store(reg, value);
	}
	mmio_done(v, &in, old);
}
