/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The decision on a CPU: see checks.h. The order matters: who already holds
 * the CPU comes first, since then nothing else that is read can be trusted.
 */
#include "checks.h"

#include <openvbs/hv_abi.h>

#include "ovbs_string.h"

enum cpu_kind checks_kind(const struct ovbs_cpu_facts *f)
{
	if ((f->ext_ecx & CPUID_EXT_ECX_SVM) != 0)
		return CPU_KIND_SVM;
	return (f->std_ecx & CPUID_ECX_VMX) != 0 ? CPU_KIND_VMX : CPU_KIND_NONE;
}

const char *cpu_kind_name(enum cpu_kind kind)
{
	if (kind == CPU_KIND_NONE)
		return "neither SVM nor VMX";
	return kind == CPU_KIND_SVM ? "SVM" : "VMX";
}

/* AMD APM volume 3, CPUID 00000001h EAX: the extended family is added to family 0Fh only. */
static unsigned int family(uint32_t signature)
{
	unsigned int base = signature >> 8 & 0xF;

	return base == 0xF ? base + (signature >> 20 & 0xFF) : base;
}

static bool made_for_svm(const struct ovbs_cpu_facts *f)
{
	return strcmp(f->vendor, "AuthenticAMD") == 0 || strcmp(f->vendor, "HygonGenuine") == 0;
}

static bool made_for_vmx(const struct ovbs_cpu_facts *f)
{
	return strcmp(f->vendor, "GenuineIntel") == 0 || strcmp(f->vendor, "CentaurHauls") == 0 ||
	       strcmp(f->vendor, "  Shanghai  ") == 0;
}

/*
 * Every CPU of AMD (and of Hygon, which builds AMD's cores) has SVM from
 * family 10h on. One that runs under a hypervisor and does not show it had it
 * taken away by that hypervisor. Of VMX nothing like that can be said: Intel
 * sold many CPUs without it.
 */
static bool must_have_svm(const struct ovbs_cpu_facts *f)
{
	return made_for_svm(f) && family(f->signature) >= 0x10;
}

static bool check_held(const struct ovbs_cpu_facts *f, struct verdict *v)
{
	if (strcmp(f->hypervisor, OVBS_CPUID_SIGNATURE) == 0) {
		verdict_set(v, OVBS_REASON_OTHER_HYPERVISOR, "cpuid.openvbs",
			    "CPUID 40000000h says %s: openvbs is running already", f->hypervisor);
		return false;
	}
	if ((f->efer & EFER_SVME) != 0) {
		verdict_set(v, OVBS_REASON_OTHER_HYPERVISOR, "efer.svme",
			    "EFER=%llxh, bit 12 (SVME) is 1: somebody else switched SVM on",
			    (unsigned long long)f->efer);
		return false;
	}
	if ((f->cr4 & CR4_VMXE) != 0) {
		verdict_set(v, OVBS_REASON_OTHER_HYPERVISOR, "cr4.vmxe",
			    "CR4=%llxh, bit 13 (VMXE) is 1: somebody else switched VMX on",
			    (unsigned long long)f->cr4);
		return false;
	}
	return true;
}

static bool check_virtualization(const struct ovbs_cpu_facts *f, struct verdict *v)
{
	bool below = (f->std_ecx & CPUID_ECX_HYPERVISOR) != 0;
	const char *under = below ? ", under a hypervisor" : "";

	if (checks_kind(f) != CPU_KIND_NONE)
		return true;
	if (made_for_vmx(f))
		verdict_set(v, OVBS_REASON_NO_VIRTUALIZATION, "cpuid.vmx",
			    "CPUID 00000001h ECX=%08xh, bit 5 (VMX) is 0, %s family %xh%s",
			    f->std_ecx, f->vendor, family(f->signature), under);
	else if (!made_for_svm(f))
		verdict_set(v, OVBS_REASON_NO_VIRTUALIZATION, "cpuid.svm_vmx",
			    "CPUID 80000001h ECX=%08xh, bit 2 (SVM) is 0; 00000001h ECX=%08xh, bit 5 (VMX) is 0; %s family %xh%s",
			    f->ext_ecx, f->std_ecx, f->vendor, family(f->signature), under);
	else if (below && must_have_svm(f))
		verdict_set(v, OVBS_REASON_OTHER_HYPERVISOR, "cpuid.svm",
			    "CPUID 80000001h ECX=%08xh, bit 2 (SVM) is 0, %s family %xh: hidden by the level below",
			    f->ext_ecx, f->vendor, family(f->signature));
	else
		verdict_set(v, OVBS_REASON_NO_VIRTUALIZATION, "cpuid.svm",
			    "CPUID 80000001h ECX=%08xh, bit 2 (SVM) is 0, %s family %xh%s",
			    f->ext_ecx, f->vendor, family(f->signature), under);
	return false;
}

/* AMD APM volume 2, 15.4: what SVMDIS means depends on the lock and on the key. */
static bool check_svm_firmware(const struct ovbs_cpu_facts *f, struct verdict *v)
{
	const char *lock = "not locked";

	if ((f->vm_cr & VM_CR_SVMDIS) == 0)
		return true;
	if ((f->vm_cr & VM_CR_LOCK) != 0)
		lock = (f->svm_edx & CPUID_SVM_EDX_SVML) != 0 ? "locked with a key" : "locked";
	verdict_set(v, OVBS_REASON_FIRMWARE_OFF, "vm_cr.svmdis",
		    "VM_CR=%llxh, bit 4 (SVMDIS) is 1, %s: switch SVM on in the firmware's setup",
		    (unsigned long long)f->vm_cr, lock);
	return false;
}

static bool check_svm_features(const struct ovbs_cpu_facts *f, struct verdict *v)
{
	if ((f->svm_edx & CPUID_SVM_EDX_NP) == 0) {
		verdict_set(v, OVBS_REASON_NO_VIRTUALIZATION, "cpuid.npt",
			    "CPUID 8000000Ah EDX=%08xh, bit 0 (nested paging) is 0", f->svm_edx);
		return false;
	}
	if (f->svm_ebx < 2) {
		verdict_set(v, OVBS_REASON_NO_VIRTUALIZATION, "cpuid.asids",
			    "CPUID 8000000Ah EBX=%08xh: fewer than 2 address space identifiers",
			    f->svm_ebx);
		return false;
	}
	return true;
}

/*
 * Intel SDM volume 3, 24.7: once locked, the register can't be changed until
 * the CPU is reset. Where firmware left it open, the hypervisor sets and locks it.
 */
static bool check_vmx_firmware(const struct ovbs_cpu_facts *f, struct verdict *v)
{
	if ((f->feature_control & (FEATURE_CONTROL_LOCK | FEATURE_CONTROL_VMX)) != FEATURE_CONTROL_LOCK)
		return true;
	verdict_set(v, OVBS_REASON_FIRMWARE_OFF, "feature_control.vmx",
		    "IA32_FEATURE_CONTROL=%llxh, bit 2 (VMX) is 0, locked: switch VT-x on in the firmware's setup",
		    (unsigned long long)f->feature_control);
	return false;
}

/*
 * What the hypervisor needs of VMX. The first row comes first: without true
 * controls the registers of most of the others do not exist.
 */
static const struct vmx_need {
	enum vmx_fact fact;
	uint64_t mask, value; /* (register & mask) must be value */
	const char *check, *text;
} vmx_needs[] = {
	{ VMX_BASIC, VMX_BASIC_TRUE, VMX_BASIC_TRUE, "vmx.true_controls", "no true controls" },
	{ VMX_BASIC, 0xFull << 50, 6ull << 50, "vmx.vmcs_memory", "VMCS memory is not write-back" },
	{ VMX_BASIC, 1ull << 48, 0, "vmx.addresses", "addresses are limited to 32 bits" },
	{ VMX_TRUE_PROC, VMX_MAY(VMX_PROC_SECONDARY), VMX_MAY(VMX_PROC_SECONDARY), "vmx.secondary",
	  "no secondary controls" },
	{ VMX_TRUE_PROC, VMX_MAY(25), VMX_MAY(25), "vmx.io_bitmaps", "no I/O bitmaps" },
	{ VMX_TRUE_PROC, VMX_MAY(28), VMX_MAY(28), "vmx.msr_bitmaps", "no MSR bitmaps" },
	{ VMX_TRUE_PROC, VMX_MAY(22), VMX_MAY(22), "vmx.nmi_window", "no NMI-window exiting" },
	{ VMX_TRUE_PROC, VMX_MUST(15) | VMX_MUST(16), 0, "vmx.cr3_exiting", "CR3 accesses must exit" },
	{ VMX_PROCBASED2, VMX_MAY(VMX_PROC2_EPT), VMX_MAY(VMX_PROC2_EPT), "vmx.ept", "no EPT" },
	{ VMX_PROCBASED2, VMX_MAY(7), VMX_MAY(7), "vmx.unrestricted_guest", "no unrestricted guest" },
	{ VMX_EPT_VPID, 1ull << 6, 1ull << 6, "vmx.ept_levels", "no EPT of 4 levels" },
	{ VMX_EPT_VPID, 1ull << 14, 1ull << 14, "vmx.ept_memory", "EPT tables can't be write-back" },
	{ VMX_EPT_VPID, 1ull << 16, 1ull << 16, "vmx.ept_2m", "no EPT pages of 2 MiB" },
	{ VMX_EPT_VPID, 1ull << 20, 1ull << 20, "vmx.invept", "no INVEPT" },
	{ VMX_EPT_VPID, 1ull << 26, 1ull << 26, "vmx.invept_all", "no INVEPT of all contexts" },
	{ VMX_TRUE_PIN, VMX_MAY(3), VMX_MAY(3), "vmx.nmi", "no NMI exiting" },
	{ VMX_TRUE_PIN, VMX_MAY(5), VMX_MAY(5), "vmx.virtual_nmi", "no virtual NMIs" },
	{ VMX_TRUE_EXIT, VMX_MAY(9), VMX_MAY(9), "vmx.exit_64", "no exit to a 64-bit host" },
	{ VMX_TRUE_EXIT, VMX_MAY(2), VMX_MAY(2), "vmx.exit_debug", "debug registers not saved on exit" },
	{ VMX_TRUE_EXIT, VMX_MAY(18) | VMX_MAY(19), VMX_MAY(18) | VMX_MAY(19), "vmx.exit_pat",
	  "PAT not switched on exit" },
	{ VMX_TRUE_EXIT, VMX_MAY(20) | VMX_MAY(21), VMX_MAY(20) | VMX_MAY(21), "vmx.exit_efer",
	  "EFER not switched on exit" },
	{ VMX_TRUE_ENTRY, VMX_MAY(9), VMX_MAY(9), "vmx.entry_64", "no entry to a 64-bit guest" },
	{ VMX_TRUE_ENTRY, VMX_MAY(2), VMX_MAY(2), "vmx.entry_debug", "debug registers not loaded on entry" },
	{ VMX_TRUE_ENTRY, VMX_MAY(14), VMX_MAY(14), "vmx.entry_pat", "PAT not loaded on entry" },
	{ VMX_TRUE_ENTRY, VMX_MAY(15), VMX_MAY(15), "vmx.entry_efer", "EFER not loaded on entry" },
	{ VMX_MISC, 1ull << 8, 1ull << 8, "vmx.wait_for_sipi", "no activity state wait-for-SIPI" },
};

static bool check_vmx_features(const struct ovbs_cpu_facts *f, struct verdict *v)
{
	static const char *const names[VMX_FACTS] = {
		[VMX_BASIC] = "IA32_VMX_BASIC",
		[VMX_PROCBASED] = "IA32_VMX_PROCBASED_CTLS",
		[VMX_MISC] = "IA32_VMX_MISC",
		[VMX_PROCBASED2] = "IA32_VMX_PROCBASED_CTLS2",
		[VMX_EPT_VPID] = "IA32_VMX_EPT_VPID_CAP",
		[VMX_TRUE_PIN] = "IA32_VMX_TRUE_PINBASED_CTLS",
		[VMX_TRUE_PROC] = "IA32_VMX_TRUE_PROCBASED_CTLS",
		[VMX_TRUE_EXIT] = "IA32_VMX_TRUE_EXIT_CTLS",
		[VMX_TRUE_ENTRY] = "IA32_VMX_TRUE_ENTRY_CTLS",
	};

	for (size_t i = 0; i < ARRAY_SIZE(vmx_needs); i++) {
		const struct vmx_need *need = &vmx_needs[i];
		uint64_t value = f->vmx[need->fact];

		if ((value & need->mask) != need->value) {
			verdict_set(v, OVBS_REASON_NO_VIRTUALIZATION, need->check, "%s=%llxh: %s",
				    names[need->fact], (unsigned long long)value, need->text);
			return false;
		}
	}
	return true;
}

/*
 * With several keys, the upper bits of an address choose one: the same memory
 * has more than one address, and second-level tables would guard only one.
 */
static bool check_tme(const struct ovbs_cpu_facts *f, struct verdict *v)
{
	if ((f->tme_activate & TME_ACTIVATE_ENABLED) == 0 || TME_ACTIVATE_KEYID_BITS(f->tme_activate) == 0)
		return true;
	verdict_set(v, OVBS_REASON_OTHER, "tme.keyid",
		    "IA32_TME_ACTIVATE=%llxh, %u key bits: switch multi-key memory encryption off in the firmware's setup",
		    (unsigned long long)f->tme_activate, TME_ACTIVATE_KEYID_BITS(f->tme_activate));
	return false;
}

static bool check_common(const struct ovbs_cpu_facts *f, struct verdict *v)
{
	if ((f->ext_edx & CPUID_EXT_EDX_NX) == 0) {
		verdict_set(v, OVBS_REASON_NO_VIRTUALIZATION, "cpuid.nx",
			    "CPUID 80000001h EDX=%08xh, bit 20 (NX) is 0", f->ext_edx);
		return false;
	}
	if ((f->ext_edx & CPUID_EXT_EDX_LM) == 0) {
		verdict_set(v, OVBS_REASON_NO_VIRTUALIZATION, "cpuid.lm",
			    "CPUID 80000001h EDX=%08xh, bit 29 (long mode) is 0", f->ext_edx);
		return false;
	}
	return true;
}

bool checks_decide(const struct ovbs_cpu_facts *facts, struct verdict *v)
{
	if (!check_held(facts, v) || !check_virtualization(facts, v))
		return false;
	if (checks_kind(facts) == CPU_KIND_SVM) {
		if (!check_svm_firmware(facts, v) || !check_svm_features(facts, v))
			return false;
	} else {
		if (!check_vmx_firmware(facts, v) || !check_vmx_features(facts, v) || !check_tme(facts, v))
			return false;
	}
	return check_common(facts, v);
}
