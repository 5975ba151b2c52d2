// SPDX-License-Identifier: GPL-2.0-only
/*
 * Common exit handlers: CPUID, MSRs, second-level faults, ports.
 *
 * VTL0 sees the machine as it is, minus what the hypervisor keeps. What it may
 * not do gets the fault of a machine without virtualization, and a line in the
 * log; lines about refusals are bounded, since VTL0 can cause any number.
 */
#include "core/exits.h"

#include <ovbs_errno.h>

#include "arch/contract.h"
#include "arch/x86/apic.h"
#include "core/a20.h"
#include "core/fwcfg.h"
#include "core/hpet.h"
#include "core/hypercall.h"
#include "core/icr.h"
#include "core/log.h"
#include "core/pci.h"
#include "core/pin.h"
#include "core/power.h"
#include "core/vapic.h"
#include "core/vtl.h"
#include "iommu/iommu.h"
#include "mm/pool.h"

#define SYNTHETIC_MSRS     0x40000000u /* up to 0x4FFFFFFF: the software below, if any */
#define CPUID1_ECX_OSXSAVE (1u << 27)
#define CPUID7_ECX_OSPKE   (1u << 4)

static uint64_t guest_rip(const struct vcpu *v)
{
	struct gwalk w;
	uint64_t rip;

	(void)arch_walk(v, &w, &rip);
	return rip;
}

static void put_signature(struct cpuid_regs *r)
{
	const char s[] = OVBS_CPUID_SIGNATURE;
	const uint32_t *w = (const uint32_t *)s;

	_Static_assert(sizeof(OVBS_CPUID_SIGNATURE) == 13, "12 bytes");
	r->ebx = w[0];
	r->ecx = w[1];
	r->edx = w[2];
}

/*
 * 0x40000000-0x4FFFFFFF. TLFS, Feature and Interface Discovery: the interface
 * is "Hv#1", with the privileges that Virtual Secure Mode takes. The leaves
 * of a hypervisor below are not passed on: through some of its interfaces VTL0
 * could make it write to any address.
 */
static struct cpuid_regs hv_leaf(uint32_t leaf)
{
	const struct ovbs_boot_info *info = hv_boot_info();
	struct cpuid_regs r = { 0 };

	switch (leaf) {
	case OVBS_CPUID_BASE:
		put_signature(&r);
		r.eax = OVBS_CPUID_TLFS_MAX;
		break;
	case OVBS_CPUID_BASE + 1:
		r.eax = 0x31237648; /* "Hv#1" */
		break;
	case HV_CPUID_FEATURES:
		if (vtl1_enabled()) {
			r.eax = HV_EAX_HYPERCALL_MSRS | HV_EAX_VP_INDEX;
			r.ebx = HV_EBX_ACCESS_VSM | HV_EBX_ACCESS_VP_REGISTERS;
		}
		break;
	case OVBS_CPUID_BASE + 2:
		r.eax = OVBS_VERSION_BUILD;
		r.ebx = OVBS_VERSION_MAJOR << 16 | OVBS_VERSION_MINOR;
		break;
	case OVBS_CPUID_OWN_BASE:
		put_signature(&r);
		r.eax = OVBS_CPUID_OWN_MAX;
		break;
	case OVBS_CPUID_LOG:
		r.eax = (uint32_t)info->log_gpa;
		r.ebx = (uint32_t)(info->log_gpa >> 32);
		r.ecx = (uint32_t)info->log_size;
		break;
	case OVBS_CPUID_STATS:
		r.eax = (uint32_t)info->stats_gpa;
		r.ebx = (uint32_t)(info->stats_gpa >> 32);
		r.ecx = (uint32_t)info->stats_size;
		r.edx = info->cpu_count;
		break;
	default:
		break;
	}
	return r;
}

#define POLL_TICKS (1u << 24) /* some milliseconds: any program may execute CPUID */

static void poll_sometimes(void)
{
	static uint64_t last;
	uint64_t now = rdtsc(), before = __atomic_load_n(&last, __ATOMIC_RELAXED);

	if (now - before > POLL_TICKS &&
	    __atomic_compare_exchange_n(&last, &before, now, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		iommu_poll();
}

void exit_cpuid(struct vcpu *v)
{
	uint32_t leaf = (uint32_t)v->gpr[GPR_RAX], subleaf = (uint32_t)v->gpr[GPR_RCX];
	struct cpuid_regs r;

	count_exit(OVBS_STAT_CPUID);
	if (!arch_skip(v, INSN_CPUID))
		return;
	if (leaf >> 28 == OVBS_CPUID_BASE >> 28) {
		poll_sometimes(); /* somebody asks for the log, perhaps */
		r = hv_leaf(leaf);
	} else {
		r = cpuid(leaf, subleaf);
		/* These two bits mirror CR4: VTL0's, not the host's. */
		if (leaf == 1)
			r.ecx = (r.ecx & ~CPUID1_ECX_OSXSAVE) |
				(arch_guest_cr4(v) & CR4_OSXSAVE ? CPUID1_ECX_OSXSAVE : 0);
		if (leaf == 7 && subleaf == 0)
			r.ecx = (r.ecx & ~CPUID7_ECX_OSPKE) |
				(arch_guest_cr4(v) & CR4_PKE ? CPUID7_ECX_OSPKE : 0);
		arch_cpuid(leaf, subleaf, &r);
	}
	v->gpr[GPR_RAX] = r.eax;
	v->gpr[GPR_RBX] = r.ebx;
	v->gpr[GPR_RCX] = r.ecx;
	v->gpr[GPR_RDX] = r.edx;
}

/*
 * Registers outside the bitmap's ranges always exit. What the CPU knows is
 * passed through; what only software below could know is not (see hv_leaf()).
 */
static int plain_read(uint32_t msr, uint64_t *value)
{
	return rdmsr_safe(msr, value) ? -EPERM : 0;
}

void exit_rdmsr(struct vcpu *v)
{
	uint32_t msr = (uint32_t)v->gpr[GPR_RCX];
	uint64_t value = 0;
	int err;

	count_exit(OVBS_STAT_MSR_READ);
	if (v->vtl || msr >> 28 == SYNTHETIC_MSRS >> 28)
		err = vtl_msr_read(v, msr, &value);
	else
		err = arch_msr_read(v, msr, &value);
	if (err == -ENOENT)
		err = plain_read(msr, &value);
	if (err) {
		arch_inject(v, VEC_GP, true, 0);
	} else if (arch_skip(v, INSN_RDMSR)) {
		v->gpr[GPR_RAX] = (uint32_t)value;
		v->gpr[GPR_RDX] = value >> 32;
	}
}

/*
 * Moved over the hypervisor's memory, the APIC would answer in its place, on
 * this CPU: the base stays where the firmware put it. (No known OS moves it.)
 */
static int write_apic_base(uint64_t value)
{
	uint64_t old = rdmsr(MSR_APIC_BASE);

	if ((value ^ old) & APIC_BASE_ADDR) {
		hv_log_denied("APIC base %llx -> %llx: refused, it stays", (unsigned long long)old,
			      (unsigned long long)value);
		return -EPERM;
	}
	if (wrmsr_safe(MSR_APIC_BASE, value))
		return -EPERM;
	apic_mode_changed(value);
	return 0;
}

static int plain_write(uint32_t msr, uint64_t value)
{
	if (msr == MSR_APIC_BASE)
		return write_apic_base(value);
	return wrmsr_safe(msr, value) ? -EPERM : 0;
}

void exit_wrmsr(struct vcpu *v)
{
	uint32_t msr = (uint32_t)v->gpr[GPR_RCX];
	uint64_t value = (uint32_t)v->gpr[GPR_RAX] | v->gpr[GPR_RDX] << 32;
	uint64_t rip = arch_rip(v);
	int err;

	/* First the length, then the effect: without a length VTL0 would run it again, and the effect come twice. */
	if (!arch_skip(v, INSN_WRMSR))
		return;
	if (v->vtl || msr >> 28 == SYNTHETIC_MSRS >> 28) {
		count_exit(OVBS_STAT_MSR_WRITE);
		err = vtl_msr_write(v, msr, value);
	} else if (msr == MSR_X2APIC_ICR) {
		err = icr_write_x2apic(value);
	} else {
		count_exit(OVBS_STAT_MSR_WRITE);
		err = pin_msr_write(v, msr, value, rip);
		if (err == -ENOENT)
			err = arch_msr_write(v, msr, value);
		if (err == -ENOENT)
			err = plain_write(msr, value);
	}
	if (err < 0) {
		arch_set_rip(v, rip);
		arch_inject(v, VEC_GP, true, 0);
	}
}

void exit_slat(struct vcpu *v, const struct slat_fault *f)
{
	bool apic = (f->gpa.v & PAGE_MASK) == apic_page();

	if (v->vtl) {
		arch_dump(v);
		hv_panic("the secure kernel touched %llx, which is not its",
			 (unsigned long long)f->gpa.v);
	}
	if (apic && f->write && !f->indirect) {
		if (icr_trapped())
			icr_write_xapic(v, f->gpa);
		else
			arch_slat_flush(v); /* the trap went away in between */
		return;
	}
	if (f->write && !f->indirect && (pci_ecam_write(v, f->gpa) || hpet_write(v, f->gpa))) {
		count_exit(OVBS_STAT_PCI);
		return;
	}
	if (!apic && !block_has(f->gpa.v, 1) && slat_touch(&vtl0_slat, f->gpa)) {
		count_exit(OVBS_STAT_SLAT_MAP);
		return;
	}
	if (f->fetch && f->user && !f->indirect && slat_run(&vtl0_slat, f->gpa)) {
		count_exit(OVBS_STAT_SLAT_RUN);
		arch_slat_flush(v); /* the CPU may remember that it may not, or another one was first */
		return;
	}
	if (vtl_intercept(v, f))
		return;
	count_exit(OVBS_STAT_SLAT_DENIED);
	hv_log_denied("%s of %llx at rip %llx refused%s: #GP",
		      f->fetch ? "execution" :
		      f->write ? "write" :
				 "read",
		      (unsigned long long)f->gpa.v, (unsigned long long)guest_rip(v),
		      f->indirect ? " (page walk or event delivery)" : "");
	arch_inject(v, VEC_GP, true, 0);
}

/* INVD would drop dirty lines, the hypervisor's among them. Writing them back is always allowed (APM 3, INVD). */
void exit_invd(struct vcpu *v)
{
	count_exit(OVBS_STAT_INVD);
	if (arch_skip(v, INSN_INVD))
		asm volatile("wbinvd" : : : "memory");
}

bool exit_io(struct vcpu *v, const struct io_access *io)
{
	bool pci = pci_port_owns(io->port, io->size);
	uint32_t value = (uint32_t)v->gpr[GPR_RAX] & (uint32_t)((1ULL << 8 * io->size) - 1);

	count_exit(pci ? OVBS_STAT_PCI : OVBS_STAT_IO);
	if (v->vtl) {
		arch_inject(v, VEC_GP, true, 0);
		return false;
	}
	if (io->string) {
		hv_log_denied("string I/O at the trapped port %x: #GP", io->port);
		arch_inject(v, VEC_GP, true, 0);
		return false;
	}
	if (!io->in) {
		if (pci)
			pci_port_write(io->port, io->size, value);
		else if (fwcfg_port_owns(io->port, io->size))
			fwcfg_port_write(v, io->port, io->size, value);
		else if (vapic_port_owns(io->port, io->size))
			vapic_port_write(io->port, io->size, value);
		else if (a20_port_owns(io->port, io->size))
			a20_port_write(io->port, io->size, value);
		else
			power_port_write(io->port, io->size, value);
		return true;
	}
	value = pci                                 ? pci_port_read(io->port, io->size) :
		fwcfg_port_owns(io->port, io->size) ? fwcfg_port_read(io->port, io->size) :
						      power_port_read(io->port, io->size);
	if (io->size == 4)
		v->gpr[GPR_RAX] = value;
	else if (io->size == 2)
		v->gpr[GPR_RAX] = (v->gpr[GPR_RAX] & ~0xFFFFULL) | (value & 0xFFFF);
	else
		v->gpr[GPR_RAX] = (v->gpr[GPR_RAX] & ~0xFFULL) | (value & 0xFF);
	return true;
}

#define BENCH_OPEN_ICR 0x6E65706F52434900ULL /* "\0ICRopen" */

void exit_hypercall(struct vcpu *v)
{
	if (!arch_hypercall_allowed(v)) {
		count_exit(OVBS_STAT_HYPERCALL);
		arch_inject(v, VEC_UD, false, 0);
		return;
	}
	if (OVBS_DEBUG && v->gpr[GPR_RAX] == BENCH_OPEN_ICR && icr_open()) {
		arch_skip_hypercall(v);
		v->gpr[GPR_RAX] = 0;
		return;
	}
	hypercall(v);
}

void exit_interrupt(struct vcpu *v)
{
	hv_assert(v->vtl);
	vtl_call_back(v);
}

void exit_halt(struct vcpu *v)
{
	hv_assert(v->vtl);
	hv_panic("the secure kernel has stopped");
}

void exit_shutdown(struct vcpu *v)
{
	count_exit(OVBS_STAT_SHUTDOWN);
	if (v->vtl) {
		arch_dump(v);
		hv_panic("triple fault in the secure kernel");
	}
	hv_log("triple fault in VTL0: the machine is reset");
	arch_dump(v);
	machine_reset();
}

void exit_unknown(struct vcpu *v, uint64_t reason)
{
	count_exit(OVBS_STAT_OTHER);
	hv_log_denied("exit %llx has no handler: #UD", (unsigned long long)reason);
	if (OVBS_DEBUG || v->vtl)
		arch_dump(v);
	if (v->vtl)
		hv_panic("an exit of the secure kernel that has no handler");
	arch_inject(v, VEC_UD, false, 0);
}
