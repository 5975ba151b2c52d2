// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPUs among themselves: kicks, flushes, INIT and SIPI.
 *
 * Every request follows the same handshake: the sender writes the request, then
 * looks at in_guest; the target sets in_guest, then looks for requests, then
 * enters VTL0. Both orders are sequentially consistent, so at least one of them
 * sees the other. A CPU in the host needs no kick: it will look.
 */
#include "core/cpu.h"

#include "arch/contract.h"
#include "arch/x86/apic.h"
#include "core/icr.h"
#include "core/log.h"
#include "core/pin.h"
#include "core/power.h"
#include "core/vtl.h"

uint32_t cpu_boot_index(void)
{
	return hv_boot_info()->boot_cpu;
}

void cpu_kick(struct cpu_shared *target)
{
	if (!__atomic_exchange_n(&target->kick, 1, __ATOMIC_SEQ_CST))
		apic_send_nmi(target->apic_id);
}

#define KICK_AGAIN 1000000u /* spins between two NMIs to a CPU that does not answer */
#define GIVE_UP    64u      /* so many NMIs; seconds, where microseconds are usual */

static bool still_inside(const struct cpu_shared *c)
{
	return __atomic_load_n(&c->flush, __ATOMIC_SEQ_CST) &&
	       __atomic_load_n(&c->in_guest, __ATOMIC_SEQ_CST);
}

/*
 * VTL0 can make a CPU deaf (its APIC off or under another ID). Going on would
 * mean that it keeps a translation it must not have: then the machine is reset.
 */
static void await(struct cpu_shared *c)
{
	unsigned int kicks = 0, spins = 0;

	while (still_inside(c)) {
		if (hv_stopped())
			hv_halt();
		cpu_relax();
		if (++spins < KICK_AGAIN)
			continue;
		spins = 0;
		if (++kicks == GIVE_UP) {
			hv_log("CPU %u does not answer: the machine is reset", c->index);
			machine_reset();
		}
		apic_send_nmi(c->apic_id);
	}
}

void cpus_flush(void)
{
	for (uint32_t i = 0; i < cpu_count; i++) {
		__atomic_store_n(&cpus[i].flush, 1, __ATOMIC_SEQ_CST);
		if (i != this_cpu->index && __atomic_load_n(&cpus[i].in_guest, __ATOMIC_SEQ_CST))
			cpu_kick(&cpus[i]);
	}
	/* This CPU is in the host, so nobody waits for it meanwhile. */
	for (uint32_t i = 0; i < cpu_count; i++)
		if (i != this_cpu->index)
			await(&cpus[i]);
}

void cpu_send_init(struct cpu_shared *target)
{
	count_exit(OVBS_STAT_INIT);
	if (target->index == cpu_boot_index()) {
		hv_log("INIT for the boot CPU: it would start over in the firmware, so the machine is reset");
		machine_reset();
	}
	lock_take(&target->lock);
	target->init_pending = 1;
	target->sipi_pending = 0;
	lock_release(&target->lock);
	if (target->index != this_cpu->index)
		cpu_kick(target);
}

void cpu_send_sipi(struct cpu_shared *target, uint8_t vector)
{
	bool counts;

	count_exit(OVBS_STAT_SIPI);
	lock_take(&target->lock);
	counts = target->init_pending || target->state == CPU_WAIT_SIPI;
	if (counts && !target->sipi_pending) {
		target->sipi_pending = 1;
		target->sipi_vector = vector;
	}
	lock_release(&target->lock);
	if (counts && target->index != this_cpu->index)
		cpu_kick(target);
}

void cpu_nmi_arrived(struct vcpu *v)
{
	this_cpu->nmi_seen = 0;
	if (!__atomic_exchange_n(&this_cpu->shared->kick, 0, __ATOMIC_SEQ_CST))
		v->nmi_pending = true;
}

static bool take_init(struct cpu_shared *s)
{
	bool init;

	lock_take(&s->lock);
	init = s->init_pending;
	if (init) {
		s->init_pending = 0;
		s->state = CPU_WAIT_SIPI;
	}
	lock_release(&s->lock);
	return init;
}

static bool take_sipi(struct cpu_shared *s, uint8_t *vector)
{
	bool sipi;

	lock_take(&s->lock);
	s->init_pending = 0; /* one more INIT changes nothing for a CPU that waits already */
	sipi = s->sipi_pending;
	if (sipi) {
		*vector = s->sipi_vector;
		s->sipi_pending = 0;
		s->sipi_started = 1;
		s->state = CPU_RUNNING;
	}
	lock_release(&s->lock);
	return sipi;
}

/*
 * After INIT: nothing but a SIPI (and, for the platform's sake, an SMI) gets
 * through. Waiting comes first: where the CPU itself waits for the SIPI, one
 * that comes before it does so is lost. The registers are nobody's meanwhile.
 */
static void wait_for_sipi(struct vcpu *v)
{
	struct cpu_shared *s = this_cpu->shared;
	uint8_t vector = 0;

	__atomic_store_n(&s->in_guest, 0, __ATOMIC_SEQ_CST);
	icr_update(); /* first: the SIPI may be on its way already */
	while (!take_sipi(s, &vector)) {
		if (hv_stopped())
			hv_halt();
		arch_host_wait();
		if (this_cpu->nmi_seen) {
			this_cpu->nmi_seen = 0;
			__atomic_store_n(&s->kick, 0, __ATOMIC_SEQ_CST);
		}
	}
	arch_init_state(v);
	pin_after_init(v);
	apic_reset();
	v->nmi_pending = false;
	arch_sipi_state(v, vector);
	icr_update();
}

/*
 * Into VTL1: what is for VTL0 waits for it, and VTL1 is asked to come back. The
 * flush is VTL0's, too, but is due whenever this CPU has been seen in a guest.
 */
static void before_vtl1(struct vcpu *v)
{
	struct cpu_shared *s = this_cpu->shared;

	if (hv_stopped())
		hv_halt();
	if (this_cpu->nmi_seen)
		cpu_nmi_arrived(&this_cpu->vtl[0]);
	__atomic_store_n(&s->in_guest, 1, __ATOMIC_SEQ_CST);
	if (__atomic_exchange_n(&s->flush, 0, __ATOMIC_SEQ_CST))
		arch_slat_flush(&this_cpu->vtl[0]);
	if (!this_cpu->notified && (this_cpu->init_seen || this_cpu->vtl[0].nmi_pending ||
				    __atomic_load_n(&s->init_pending, __ATOMIC_SEQ_CST) || hv_stopped()))
		vtl_call_back(v);
}

void cpu_before_entry(struct vcpu *v)
{
	struct cpu_shared *s = this_cpu->shared;

	if (v->vtl) {
		before_vtl1(v);
		return;
	}
	do {
		if (hv_stopped())
			hv_halt();
		if (this_cpu->init_seen) {
			this_cpu->init_seen = 0;
			cpu_send_init(s);
		}
		if (take_init(s))
			wait_for_sipi(v);
		if (this_cpu->nmi_seen)
			cpu_nmi_arrived(v);
		if (this_cpu->icr_trapped != icr_trapped()) {
			this_cpu->icr_trapped = icr_trapped();
			arch_trap_x2apic_icr(v, this_cpu->icr_trapped);
		}
		__atomic_store_n(&s->in_guest, 1, __ATOMIC_SEQ_CST);
		if (__atomic_exchange_n(&s->flush, 0, __ATOMIC_SEQ_CST))
			arch_slat_flush(v);
	} while (__atomic_load_n(&s->init_pending, __ATOMIC_SEQ_CST) || hv_stopped() ||
		 this_cpu->icr_trapped != icr_trapped());
	if (v->nmi_pending && arch_inject_nmi(v))
		v->nmi_pending = false;
}
