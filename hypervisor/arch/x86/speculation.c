// SPDX-License-Identifier: GPL-2.0-only
/*
 * Speculation barriers between the VTLs: see speculation.h.
 *
 * IBPB: AMD APM 3, CPUID 80000008h EBX bit 12; Intel SDM 4, IA32_PRED_CMD. MDS
 * and L1TF are Intel's: CPUID 7 EDX bits 10 and 28, IA32_ARCH_CAPABILITIES.
 * Counters: one register stops them all, Intel SDM 3, 20.2.2 (CPUID 0Ah), AMD
 * APM 2, 13.2.3 (CPUID 80000022h); older AMD CPUs have none (docs/caveats.md).
 * Last-branch records: DEBUGCTL, which VMX switches itself.
 */
#include "arch/x86/speculation.h"

#include "arch/x86/layout.h"
#include "core/cpu.h"
#include "x86.h"
#include "core/log.h"

#define MSR_PRED_CMD          0x49u
#define MSR_FLUSH_CMD         0x10Bu
#define MSR_ARCH_CAPABILITIES 0x10Au
#define MSR_DEBUGCTL          0x1D9u
#define MSR_PERF_GLOBAL       0x38Fu
#define MSR_PERF_GLOBAL_AMD   0xC0000301u
#define PRED_IBPB             1u
#define FLUSH_L1D             1u

#define F7_MD_CLEAR  (1u << 10)
#define F7_IBPB      (1u << 26)
#define F7_L1D_FLUSH (1u << 28)
#define F7_ARCH_CAPS (1u << 29)
#define CAPS_RDCL_NO (1u << 0) /* not open to Meltdown nor L1TF */
#define CAPS_MDS_NO  (1u << 5)
#define F8_IBPB      (1u << 12)

static bool ibpb, verw, l1d_flush;
static uint32_t perf_global; /* the MSR that stops all counters; 0: none */

static uint32_t find_perf_global(void)
{
	uint32_t version = cpuid(0, 0).eax >= 0xA ? cpuid(0xA, 0).eax & 0xFF : 0;

	if (version >= 2)
		return MSR_PERF_GLOBAL;
	if (cpuid(0x80000000, 0).eax >= 0x80000022 && (cpuid(0x80000022, 0).eax & 1))
		return MSR_PERF_GLOBAL_AMD;
	return 0;
}

/* Most of the time nothing is on: then this costs a read. */
static uint64_t stop(uint32_t msr)
{
	uint64_t was = rdmsr(msr);

	if (was)
		wrmsr(msr, 0);
	return was;
}

void speculation_prepare(void)
{
	uint32_t f7 = cpuid(0, 0).eax >= 7 ? cpuid(7, 0).edx : 0;
	uint32_t f8 = cpuid(0x80000000, 0).eax >= 0x80000008 ? cpuid(0x80000008, 0).ebx : 0;
	uint64_t caps = 0;

	if ((f7 & F7_ARCH_CAPS) && rdmsr_safe(MSR_ARCH_CAPABILITIES, &caps))
		caps = 0;
	ibpb = (f7 & F7_IBPB) || (f8 & F8_IBPB);
	verw = (f7 & F7_MD_CLEAR) && !(caps & CAPS_MDS_NO);
	l1d_flush = (f7 & F7_L1D_FLUSH) && !(caps & CAPS_RDCL_NO);
	perf_global = find_perf_global();
	hv_log("between the VTLs: %s%s%s%s", ibpb ? "IBPB" : "no IBPB", verw ? ", VERW" : "",
	       l1d_flush ? ", L1D flush" : "", perf_global ? ", counters stopped" : "");
}

void speculation_to_vtl1(void)
{
	struct cpu *c = this_cpu;

	c->vtl0_perf = perf_global ? stop(perf_global) : 0;
	c->vtl0_debugctl = stop(MSR_DEBUGCTL);
	if (ibpb)
		wrmsr(MSR_PRED_CMD, PRED_IBPB);
}

void speculation_to_vtl0(void)
{
	static const uint16_t selector = HOST_DS;

	if (this_cpu->vtl0_perf)
		wrmsr(perf_global, this_cpu->vtl0_perf);
	if (this_cpu->vtl0_debugctl)
		wrmsr(MSR_DEBUGCTL, this_cpu->vtl0_debugctl);
	if (l1d_flush)
		wrmsr(MSR_FLUSH_CMD, FLUSH_L1D);
	if (verw)
		asm volatile("verw %0" : : "m"(selector) : "cc");
}
