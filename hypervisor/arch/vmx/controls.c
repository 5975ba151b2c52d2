// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMX controls: what is needed, what is used where the CPU has it, and what
 * the capability MSRs force (SDM 3, A.3 to A.5). An instruction is enabled for
 * VTL0 exactly if CPUID shows it; where its control is missing, CPUID hides it
 * (arch_cpuid()).
 */
#include "vmx.h"

#include <ovbs_compiler.h>

#include "core/log.h"

struct control {
	uint32_t msr; /* low half: bits that must be 1; high half: bits that may be 1 */
	uint32_t need;
	const char *name;
	uint32_t value; /* by vmx_controls_prepare() */
};

enum { PIN, PRIMARY, SECONDARY, ON_EXIT, ON_ENTRY };

static struct control control[] = {
	[PIN] = { MSR_VMX_TRUE_PIN, PIN_INTERRUPTS | PIN_NMI_EXITING | PIN_VIRTUAL_NMI,
		  "external-interrupt and NMI exiting, virtual NMIs", 0 },
	[PRIMARY] = { MSR_VMX_TRUE_CPU,
		      CPU_SECONDARY | CPU_MSR_BITMAPS | CPU_IO_BITMAPS | CPU_IO_ALL | CPU_HLT |
			      CPU_IRQ_WINDOW | CPU_NMI_WINDOW,
		      "MSR and I/O bitmaps, HLT exiting, interrupt and NMI window", 0 },
	[SECONDARY] = { MSR_VMX_PROCBASED2, CPU2_EPT | CPU2_UNRESTRICTED, "EPT and unrestricted guest", 0 },
	[ON_EXIT] = { MSR_VMX_TRUE_EXIT,
		      EXIT_HOST_64 | EXIT_SAVE_DEBUG | EXIT_SAVE_PAT | EXIT_LOAD_PAT |
			      EXIT_SAVE_EFER | EXIT_LOAD_EFER,
		      "PAT and EFER switched on VM exit", 0 },
	[ON_ENTRY] = { MSR_VMX_TRUE_ENTRY, ENTRY_LOAD_DEBUG | ENTRY_LOAD_PAT | ENTRY_LOAD_EFER,
		       "PAT and EFER switched on VM entry", 0 },
};

/* Secondary controls that follow CPUID. */
static uint32_t wanted2(void)
{
	struct cpuid_regs f7 = cpuid(7, 0);
	uint32_t want = CPU2_VPID | CPU2_MBEC;

	want |= cpuid(0x80000001, 0).edx & (1u << 27) ? CPU2_RDTSCP : 0;
	want |= f7.ebx & (1u << 10) ? CPU2_INVPCID : 0;
	want |= f7.ecx & (1u << 5) ? CPU2_USER_WAIT : 0;
	if (cpuid(0, 0).eax >= 0xD && (cpuid(0xD, 1).eax & (1u << 3)))
		want |= CPU2_XSAVES;
	return want;
}

bool vmx_controls_prepare(const char **why)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(control); i++) {
		struct control *c = &control[i];
		uint64_t cap;
		uint32_t must, may;

		if (rdmsr_safe(c->msr, &cap))
			cap = 0;
		must = (uint32_t)cap;
		may = (uint32_t)(cap >> 32);
		if (c->need & ~may) {
			*why = c->name;
			return false;
		}
		c->value = c->need | must | (i == SECONDARY ? wanted2() & may : 0);
	}
	return true;
}

bool vmx_has2(uint32_t bit)
{
	return control[SECONDARY].value & bit;
}

/*
 * VTL0 has its interrupts, HLT and most ports for itself. VTL1 has no port at
 * all, and each interrupt takes the CPU from it.
 */
void vmx_fill_controls(unsigned int vtl)
{
	const uint32_t vtl1_primary = CPU_IO_ALL | CPU_HLT;
	uint32_t primary = control[PRIMARY].value & ~(CPU_NMI_WINDOW | CPU_IRQ_WINDOW | vtl1_primary);

	vmwrite(VMCS_PIN, vtl ? control[PIN].value : control[PIN].value & ~PIN_INTERRUPTS);
	vmwrite(VMCS_PRIMARY, vtl ? (primary & ~CPU_IO_BITMAPS) | vtl1_primary : primary);
	vmwrite(VMCS_SECONDARY, control[SECONDARY].value);
	vmwrite(VMCS_EXIT_CONTROLS, control[ON_EXIT].value);
	vmwrite(VMCS_ENTRY_CONTROLS, control[ON_ENTRY].value); /* ENTRY_GUEST_64: with EFER, fill_guest() */
	/* VMCLEAR leaves the fields undefined (25.11.3): also those that are not used must say so. */
	vmwrite(VMCS_EXCEPTIONS, 0);
	vmwrite(VMCS_PF_MASK, 0);
	vmwrite(VMCS_PF_MATCH, 0);
	vmwrite(VMCS_CR3_TARGETS, 0);
	vmwrite(VMCS_EXIT_MSR_STORES, 0);
	vmwrite(VMCS_EXIT_MSR_LOADS, 0);
	vmwrite(VMCS_ENTRY_MSR_LOADS, 0);
	vmwrite(VMCS_ENTRY_EVENT, 0);
	vmwrite(VMCS_IO_BITMAP_A, vmx_io_bitmap().v);
	vmwrite(VMCS_IO_BITMAP_B, vmx_io_bitmap().v + PAGE_SIZE);
	vmwrite(VMCS_MSR_BITMAP,
		vtl ? vmx_vtl1_msr_bitmap().v : vmx_msr_bitmap(this_cpu->icr_trapped, false).v);
	vmwrite(VMCS_EPTP, vmx_ept_pointer(vtl ? &vtl1_slat : &vtl0_slat));
	if (vmx_has2(CPU2_VPID))
		vmwrite(VMCS_VPID, vtl + 1);
	if (vmx_has2(CPU2_XSAVES))
		vmwrite(VMCS_XSS_BITMAP, 0);
	vmwrite(VMCS_LINK, ~0ULL);
}
