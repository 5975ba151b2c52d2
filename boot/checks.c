/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The decision on a CPU: see checks.h. The order matters: who already holds
 * the CPU comes first, since then nothing else that is read can be trusted.
 */
#include "checks.h"

#include <openvbs/hv_abi.h>

#include "ovbs_string.h"

/* AMD APM volume 3, CPUID 00000001h EAX: the extended family is added to family 0Fh only. */
static unsigned int family(uint32_t signature)
{
	unsigned int base = signature >> 8 & 0xF;

	return base == 0xF ? base + (signature >> 20 & 0xFF) : base;
}

/*
 * Every CPU of AMD (and of Hygon, which builds AMD's cores) has SVM from
 * family 10h on. One that runs under a hypervisor and does not show it had it
 * taken away by that hypervisor.
 */
static bool must_have_svm(const struct cpu_facts *f)
{
	return (strcmp(f->vendor, "AuthenticAMD") == 0 || strcmp(f->vendor, "HygonGenuine") == 0) &&
	       family(f->signature) >= 0x10;
}

static bool check_held(const struct cpu_facts *f, struct verdict *v)
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
	return true;
}

static bool check_svm(const struct cpu_facts *f, struct verdict *v)
{
	bool below = (f->std_ecx & CPUID_ECX_HYPERVISOR) != 0;

	if ((f->ext_ecx & CPUID_EXT_ECX_SVM) != 0)
		return true;
	if (below && must_have_svm(f))
		verdict_set(v, OVBS_REASON_OTHER_HYPERVISOR, "cpuid.svm",
			    "CPUID 80000001h ECX=%08xh, bit 2 (SVM) is 0, %s family %xh: hidden by the level below",
			    f->ext_ecx, f->vendor, family(f->signature));
	else
		verdict_set(v, OVBS_REASON_NO_VIRTUALIZATION, "cpuid.svm",
			    "CPUID 80000001h ECX=%08xh, bit 2 (SVM) is 0, %s family %xh%s", f->ext_ecx,
			    f->vendor, family(f->signature), below ? ", under a hypervisor" : "");
	return false;
}

/* AMD APM volume 2, 15.4: what SVMDIS means depends on the lock and on the key. */
static bool check_firmware(const struct cpu_facts *f, struct verdict *v)
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

static bool check_features(const struct cpu_facts *f, struct verdict *v)
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

bool checks_decide(const struct cpu_facts *facts, struct verdict *v)
{
	return check_held(facts, v) && check_svm(facts, v) && check_firmware(facts, v) &&
	       check_features(facts, v);
}
