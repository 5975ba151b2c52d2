// SPDX-License-Identifier: GPL-2.0-only
/*
 * The judgement on a platform: one change to a good machine per row, and which
 * row, result, bits and verdicts that gives. What is not named stays as on the
 * good machine, so a judgement that leaks into another row fails here.
 */
/* links: lib/readiness.c lib/checks.c lib/level.c lib/settings.c lib/crc32.c lib/verdict.c lib/format.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include <openvbs/boot_info.h>
#include <openvbs/hv_abi.h>

#include "checks.h"
#include "readiness.h"

struct machine {
	struct ovbs_platform p;
	struct readiness_host host;
	struct settings s;
	bool without_settings, without_host;
};

/* AMD, bare metal, everything there; read by the loader. */
static struct machine good_machine(void)
{
	struct machine m = { 0 };

	m.p = (struct ovbs_platform){
		.size = sizeof(m.p),
		.by_loader = 1,
		.secure_boot = OVBS_FACT_YES,
		.setup_mode = OVBS_FACT_NO,
		.mor = OVBS_FACT_YES,
		.mor_lock = OVBS_FACT_YES,
		.iommu_kind = OVBS_IOMMU_AMD,
		.iommu = OVBS_FACT_YES,
		.iommu_units = 1,
		.wsmt = OVBS_FACT_YES,
		.wsmt_flags = 7,
		.mat = OVBS_FACT_YES,
		.mat_entries = 20,
		.tpm = OVBS_FACT_YES,
		.tpm_version = OVBS_TPM_2_0,
		.tpm_banks = OVBS_TPM_BANK_SHA256,
		.tpm_lockout = OVBS_FACT_NO,
		.cpu = { .std_max = 0xD,
			 .signature = 0x00A20F10,
			 .leaf7_ebx = 1u << 7,
			 .ext_max = 0x80000021,
			 .ext_ecx = CPUID_EXT_ECX_SVM,
			 .ext_edx = CPUID_EXT_EDX_NX | CPUID_EXT_EDX_LM,
			 .svm_ebx = 16,
			 .svm_edx = CPUID_SVM_EDX_NP | 1u << 13 | 1u << 17,
			 .vendor = "AuthenticAMD",
			 .efer = 0xD00 },
	};
	m.host = (struct readiness_host){ .registers = OVBS_FACT_YES,
					  .openvbs = OVBS_FACT_NO,
					  .iommu_used = OVBS_FACT_YES,
					  .iommu_groups = 14,
					  .kvm_used = OVBS_FACT_NO };
	m.s.v[OVBS_SET_LEVEL] = (struct settings_value){ 1, OVBS_SOURCE_LOCAL };
	return m;
}

static void judge(const struct machine *m, struct readiness *out)
{
	readiness_judge_host(&m->p, m->without_settings ? NULL : &m->s,
			     m->without_host ? NULL : &m->host, out);
}

static void intel(struct machine *m)
{
	struct ovbs_cpu_facts *f = &m->p.cpu;

	strcpy(f->vendor, "GenuineIntel");
	f->ext_ecx = 0;
	f->svm_ebx = f->svm_edx = 0;
	f->signature = 0x000906A4;
	f->std_ecx = CPUID_ECX_VMX;
	f->feature_control = FEATURE_CONTROL_LOCK | FEATURE_CONTROL_VMX;
	for (int i = 0; i < VMX_FACTS; i++)
		f->vmx[i] = ~0ull;
	f->vmx[VMX_TRUE_PROC] = ~(VMX_MUST(15) | VMX_MUST(16));
	f->vmx[VMX_BASIC] = VMX_BASIC_TRUE | 6ull << 50;
	m->p.iommu_kind = OVBS_IOMMU_INTEL;
	m->p.iommu_flags = 1;
}

/* --- changes to the good machine ------------------------------------------ */

typedef void change(struct machine *m);

#define CHANGE(name, ...)                                                                          \
	static void name(struct machine *m)                                                        \
	{                                                                                          \
		__VA_ARGS__;                                                                       \
	}

CHANGE(nothing, (void)m)
CHANGE(no_lm, m->p.cpu.ext_edx &= ~CPUID_EXT_EDX_LM)
CHANGE(no_nx, m->p.cpu.ext_edx &= ~CPUID_EXT_EDX_NX)
CHANGE(no_smep, m->p.cpu.leaf7_ebx = 0)
CHANGE(no_svm, m->p.cpu.ext_ecx = 0)
CHANGE(svm_hidden, m->p.cpu.ext_ecx = 0; m->p.cpu.std_ecx = CPUID_ECX_HYPERVISOR;
       strcpy(m->p.cpu.hypervisor, "KVMKVMKVM"))
CHANGE(svmdis, m->p.cpu.vm_cr = VM_CR_SVMDIS | VM_CR_LOCK)
CHANGE(svme, m->p.cpu.efer |= EFER_SVME)
CHANGE(svme_by_kvm, m->p.cpu.efer |= EFER_SVME; m->p.by_loader = 0;
       m->host.kvm_used = OVBS_FACT_YES; strcpy(m->host.kvm_who, "kvm_amd: 3 users"))
CHANGE(no_npt, m->p.cpu.svm_edx &= ~CPUID_SVM_EDX_NP)
CHANGE(in_vm, m->p.cpu.std_ecx = CPUID_ECX_HYPERVISOR; strcpy(m->p.cpu.hypervisor, "TCGTCGTCGTCG"))
CHANGE(inside, m->p.by_loader = 0; m->p.cpu.ext_ecx = 0; strcpy(m->p.cpu.hypervisor, OVBS_CPUID_SIGNATURE))
CHANGE(openvbs_now, m->host.openvbs = OVBS_FACT_YES)
CHANGE(no_gmet, m->p.cpu.svm_edx &= ~(1u << 17))
CHANGE(no_avic, m->p.cpu.svm_edx &= ~(1u << 13))
CHANGE(registers_unread, m->p.by_loader = 0; m->host.registers = OVBS_FACT_UNKNOWN;
       strcpy(m->host.registers_why, "/dev/cpu/0/msr: no such file"))
CHANGE(registers_unread_by_loader, m->host.registers = OVBS_FACT_UNKNOWN)
CHANGE(intel_good, intel(m))
CHANGE(intel_none, intel(m); m->p.cpu.std_ecx = 0)
CHANGE(intel_none_in_vm, intel(m); m->p.cpu.std_ecx = CPUID_ECX_HYPERVISOR)
CHANGE(intel_locked, intel(m); m->p.cpu.feature_control = FEATURE_CONTROL_LOCK)
CHANGE(intel_vmxe, intel(m); m->p.cpu.cr4 = CR4_VMXE)
CHANGE(intel_no_ept, intel(m); m->p.cpu.vmx[VMX_PROCBASED2] &= ~VMX_MAY(1))
CHANGE(intel_unread, intel(m); memset(m->p.cpu.vmx, 0, sizeof(m->p.cpu.vmx));
       m->p.cpu.feature_control = 0; registers_unread(m))
CHANGE(intel_tme, intel(m); m->p.cpu.tme_activate = TME_ACTIVATE_ENABLED | 6ull << 32)
CHANGE(intel_no_mbec, intel(m); m->p.cpu.vmx[VMX_PROCBASED2] &= ~VMX_MAY(22))
CHANGE(intel_no_apic, intel(m); m->p.cpu.vmx[VMX_PROCBASED2] &= ~VMX_MAY(9))
CHANGE(intel_no_remap, intel(m); m->p.iommu_flags = 4)
CHANGE(sb_off, m->p.secure_boot = OVBS_FACT_NO)
CHANGE(sb_setup, m->p.secure_boot = OVBS_FACT_NO; m->p.setup_mode = OVBS_FACT_YES)
CHANGE(sb_on_setup, m->p.setup_mode = OVBS_FACT_YES)
CHANGE(sb_absent, m->p.secure_boot = m->p.setup_mode = OVBS_FACT_ABSENT)
CHANGE(sb_unknown, m->p.secure_boot = m->p.setup_mode = OVBS_FACT_UNKNOWN)
CHANGE(shim_off, m->p.shim_off = OVBS_FACT_YES)
CHANGE(shim_off_level0, m->p.shim_off = OVBS_FACT_YES; m->s.v[OVBS_SET_LEVEL].value = 0)
CHANGE(sb_odd, m->p.secure_boot = OVBS_FACT_UNREADABLE)
CHANGE(sb_off_level0, m->p.secure_boot = OVBS_FACT_NO; m->s.v[OVBS_SET_LEVEL].value = 0)
CHANGE(sb_off_no_settings, m->p.secure_boot = OVBS_FACT_NO; m->without_settings = true)
CHANGE(level3, m->s.v[OVBS_SET_LEVEL].value = 3)
CHANGE(level3_no_iommu, m->s.v[OVBS_SET_LEVEL].value = 3; m->p.iommu_kind = 0;
       m->p.iommu = OVBS_FACT_ABSENT; m->host.iommu_used = OVBS_FACT_NO)
CHANGE(iommu_unknown, m->p.iommu_kind = 0; m->p.iommu = OVBS_FACT_UNKNOWN; m->host.iommu_used = OVBS_FACT_UNKNOWN)
CHANGE(level3_iommu_unknown, iommu_unknown(m); m->s.v[OVBS_SET_LEVEL].value = 3)
CHANGE(enforced, m->p.dma = OVBS_DMA_ENFORCED; m->host.openvbs = OVBS_FACT_YES;
       m->host.iommu_used = OVBS_FACT_NO; strcpy(m->host.policy_hidden, "intel_iommu=off"))
CHANGE(enforced_level3, enforced(m); level3(m))
CHANGE(enforced_no_host, m->p.dma = OVBS_DMA_ENFORCED; m->without_host = true)
CHANGE(enforced_but_not_there, m->p.dma = OVBS_DMA_ENFORCED)
CHANGE(enforced_by_linux_says, m->p.dma = OVBS_DMA_ENFORCED; m->p.by_loader = 0;
       m->host.openvbs = OVBS_FACT_UNKNOWN)
CHANGE(dma_failed, m->p.dma = OVBS_DMA_FAILED; strcpy(m->p.iommu_why, "unit 0 does not answer"))
CHANGE(dma_failed_level3, dma_failed(m); level3(m))
CHANGE(no_settings, m->without_settings = true)
CHANGE(opted_out, m->s.opted_out = true; m->s.v[OVBS_SET_VBS].source = OVBS_SOURCE_OPT_OUT)
CHANGE(no_iommu, m->p.iommu_kind = 0; m->p.iommu = OVBS_FACT_ABSENT; m->host.iommu_used = OVBS_FACT_NO)
CHANGE(bad_iommu, m->p.iommu = OVBS_FACT_UNREADABLE; m->host.iommu_used = OVBS_FACT_NO;
       strcpy(m->p.iommu_why, "offset 48: registers at all ones"))
CHANGE(iommu_unused, m->host.iommu_used = OVBS_FACT_NO)
CHANGE(iommu_off_by_policy, m->host.iommu_used = OVBS_FACT_NO;
       strcpy(m->host.policy_hidden, "intel_iommu=off"))
CHANGE(no_tpm, m->p.tpm = OVBS_FACT_ABSENT)
CHANGE(tpm_unknown, m->p.tpm = OVBS_FACT_UNKNOWN)
CHANGE(tpm_broken, m->p.tpm = OVBS_FACT_UNREADABLE)
CHANGE(tpm12, m->p.tpm_version = OVBS_TPM_1_2)
CHANGE(tpm_sha1, m->p.tpm_banks = OVBS_TPM_BANK_SHA1)
CHANGE(tpm_locked, m->p.tpm_lockout = OVBS_FACT_YES)
CHANGE(tpm_lock_unknown, m->p.tpm_lockout = OVBS_FACT_UNKNOWN;
       strcpy(m->host.tpm_why, "/dev/tpmrm0: no right"))
CHANGE(mat_no, m->p.mat = OVBS_FACT_NO; strcpy(m->p.mat_why, "entry 3 at 7f000000h: write and execute"))
CHANGE(mat_absent, m->p.mat = OVBS_FACT_ABSENT)
CHANGE(mat_bad, m->p.mat = OVBS_FACT_UNREADABLE; strcpy(m->p.mat_why, "descriptor size is 0"))
CHANGE(mat_unknown, m->p.mat = OVBS_FACT_UNKNOWN)
CHANGE(wsmt_absent, m->p.wsmt = OVBS_FACT_ABSENT)
CHANGE(wsmt_bad, m->p.wsmt = OVBS_FACT_UNREADABLE; strcpy(m->p.wsmt_why, "checksum is wrong"))
CHANGE(wsmt_unknown, m->p.wsmt = OVBS_FACT_UNKNOWN)
CHANGE(wsmt_3, m->p.wsmt_flags = 3)
CHANGE(wsmt_0, m->p.wsmt_flags = 0)
CHANGE(mor_none, m->p.mor = m->p.mor_lock = OVBS_FACT_ABSENT)
CHANGE(mor_unlocked, m->p.mor_lock = OVBS_FACT_ABSENT)
CHANGE(mor_unknown, m->p.mor = m->p.mor_lock = OVBS_FACT_UNKNOWN)
CHANGE(no_host, m->without_host = true)

struct expected {
	int id; /* -1: nothing more */
	enum readiness_result result;
};

#define G READINESS_GOOD
#define W READINESS_WEAKER
#define M READINESS_MISSING
#define B READINESS_UNREADABLE
#define U READINESS_UNKNOWN

struct row {
	const char *name;
	change *fn;
	uint32_t missing;
	const char *verdicts;    /* vbs, memory integrity, Credential Guard, DMA: 0, 1, 2, or ? */
	const char *says;        /* somewhere in the evidence or cure of the first changed row */
	struct expected rows[4]; /* what is not as on the good machine; up to END, or all 4 */
};

#define END                                                                                        \
	{                                                                                          \
		-1, G                                                                              \
	}

static const struct row table[] = {
	{ "good", nothing, 0, "2221", "", { END } },
	{ "no long mode", no_lm, 1, "0000", "bit 29 (long mode) is 0", { { READINESS_LONG_MODE, M }, END } },
	{ "no NX", no_nx, 16, "0000", "bit 20 (NX) is 0", { { READINESS_NX, M }, END } },
	{ "no SMEP", no_smep, 16, "1121", "bit 7 (SMEP) is 0", { { READINESS_SMEP, M }, END } },
	{ "CPU lacks SVM",
	  no_svm,
	  1,
	  "0000",
	  "bit 2 (SVM) is 0",
	  { { READINESS_VIRTUALIZATION, M },
	    { READINESS_FIRMWARE, U },
	    { READINESS_MBEC_GMET, U },
	    { READINESS_NOT_HELD, U } } },
	{ "hidden by the level below",
	  svm_hidden,
	  1,
	  "0000",
	  "hidden by the level below",
	  { { READINESS_NOT_HELD, M },
	    { READINESS_VIRTUALIZATION, U },
	    { READINESS_FIRMWARE, U },
	    { READINESS_MBEC_GMET, U } } },
	{ "off in firmware", svmdis, 1, "0000", "VM_CR=18h", { { READINESS_FIRMWARE, M }, END } },
	{ "held before us",
	  svme,
	  1,
	  "0000",
	  "bit 12 (SVME) is 1",
	  { { READINESS_NOT_HELD, M }, { READINESS_FIRMWARE, U }, END } },
	{ "KVM in use", svme_by_kvm, 0, "2221", "", { END } },
	{ "no nested paging",
	  no_npt,
	  1,
	  "0000",
	  "nested paging) is 0",
	  { { READINESS_VIRTUALIZATION, M }, { READINESS_FIRMWARE, U }, END } },
	{ "in a VM that shows SVM", in_vm, 0, "2221", "", { END } },
	{ "inside openvbs",
	  inside,
	  0,
	  "2121",
	  "requirement before it",
	  { { READINESS_MBEC_GMET, U }, { READINESS_APIC, U }, END } },
	{ "openvbs runs, loader's copy", openvbs_now, 0, "2221", "", { END } },
	{ "no GMET", no_gmet, 0, "2121", "GMET) is 0", { { READINESS_MBEC_GMET, W }, END } },
	{ "no AVIC", no_avic, 0, "2221", "AVIC) is 0", { { READINESS_APIC, W }, END } },
	{ "MSRs not read", registers_unread, 1, "????", "/dev/cpu/0/msr: no such file", { { READINESS_FIRMWARE, U }, END } },
	{ "MSRs not read by Linux", registers_unread_by_loader, 0, "2221", "", { END } },
	{ "Intel", intel_good, 0, "2221", "", { END } },
	{ "Intel without VMX",
	  intel_none,
	  1,
	  "0000",
	  "bit 5 (VMX) is 0",
	  { { READINESS_VIRTUALIZATION, M },
	    { READINESS_FIRMWARE, U },
	    { READINESS_MBEC_GMET, U },
	    { READINESS_NOT_HELD, U } } },
	{ "Intel without VMX in a VM",
	  intel_none_in_vm,
	  1,
	  "0000",
	  "this is a virtual machine",
	  { { READINESS_VIRTUALIZATION, M },
	    { READINESS_FIRMWARE, U },
	    { READINESS_MBEC_GMET, U },
	    { READINESS_NOT_HELD, U } } },
	{ "Intel off in firmware", intel_locked, 1, "0000", "IA32_FEATURE_CONTROL=1h", { { READINESS_FIRMWARE, M }, END } },
	{ "Intel held",
	  intel_vmxe,
	  1,
	  "0000",
	  "bit 13 (VMXE) is 1",
	  { { READINESS_NOT_HELD, M }, { READINESS_FIRMWARE, U }, END } },
	{ "Intel without EPT",
	  intel_no_ept,
	  1,
	  "0000",
	  "no EPT",
	  { { READINESS_VIRTUALIZATION, M }, { READINESS_FIRMWARE, U }, END } },
	{ "Intel, MSRs not read",
	  intel_unread,
	  1,
	  "????",
	  "capability registers were not read",
	  { { READINESS_VIRTUALIZATION, U }, { READINESS_FIRMWARE, U }, { READINESS_MBEC_GMET, U }, END } },
	{ "Intel with several keys", intel_tme, 1, "0000", "TME-MK", { { READINESS_FIRMWARE, M }, END } },
	{ "Intel without MBEC", intel_no_mbec, 0, "2121", "MBEC) is 0", { { READINESS_MBEC_GMET, W }, END } },
	{ "Intel without APIC", intel_no_apic, 0, "2221", "not both 1", { { READINESS_APIC, W }, END } },
	{ "opt-in is not protection",
	  intel_no_remap,
	  0,
	  "1211",
	  "opt-in flag is 1, which by itself protects nothing",
	  { { READINESS_IOMMU, W }, END } },
	{ "Secure Boot off",
	  sb_off,
	  2,
	  "0000",
	  "SecureBoot is 0, SetupMode is 0",
	  { { READINESS_SECURE_BOOT, M }, { READINESS_LEVEL, M }, END } },
	{ "setup mode",
	  sb_setup,
	  2,
	  "0000",
	  "no platform key is enrolled",
	  { { READINESS_SECURE_BOOT, M }, { READINESS_LEVEL, M }, END } },
	{ "setup mode, but 1",
	  sb_on_setup,
	  2,
	  "0000",
	  "no platform key is enrolled",
	  { { READINESS_SECURE_BOOT, M }, { READINESS_LEVEL, M }, END } },
	{ "shim checks nothing",
	  shim_off,
	  2,
	  "0000",
	  "MokSBState is 1",
	  { { READINESS_SECURE_BOOT, M }, { READINESS_LEVEL, M }, END } },
	{ "shim checks nothing at level 0",
	  shim_off_level0,
	  2,
	  "1111",
	  "mokutil --enable-validation",
	  { { READINESS_SECURE_BOOT, M }, END } },
	{ "no Secure Boot variable",
	  sb_absent,
	  2,
	  "0000",
	  "is absent",
	  { { READINESS_SECURE_BOOT, M }, { READINESS_LEVEL, M }, END } },
	{ "Secure Boot not read",
	  sb_unknown,
	  2,
	  "????",
	  "UEFI variables were not read",
	  { { READINESS_SECURE_BOOT, U }, { READINESS_LEVEL, U }, END } },
	{ "Secure Boot is neither",
	  sb_odd,
	  66,
	  "0000",
	  "neither 0 nor 1",
	  { { READINESS_SECURE_BOOT, B }, { READINESS_LEVEL, M }, END } },
	{ "Secure Boot off at level 0", sb_off_level0, 2, "1111", "SecureBoot is 0", { { READINESS_SECURE_BOOT, M }, END } },
	{ "Secure Boot off, no settings",
	  sb_off_no_settings,
	  2,
	  "1111",
	  "SecureBoot is 0",
	  { { READINESS_SECURE_BOOT, M }, { READINESS_LEVEL, U }, END } },
	{ "level 3", level3, 0, "2221", "", { END } },
	{ "level 3, IOMMU not looked at",
	  level3_iommu_unknown,
	  0,
	  "????",
	  "were not read",
	  { { READINESS_IOMMU, U },
	    { READINESS_IOMMU_ENABLED, U },
	    { READINESS_DMA_ENFORCED, U },
	    { READINESS_LEVEL, U } } },
	{ "enforced", enforced, 0, "2222", "no device reaches its memory", { { READINESS_DMA_ENFORCED, G }, END } },
	{ "enforced at level 3", enforced_level3, 0, "2222", "", { { READINESS_DMA_ENFORCED, G }, END } },
	{ "enforced, nothing from Linux", enforced_no_host, 0, "2222", "", { { READINESS_DMA_ENFORCED, G }, END } },
	{ "enforced, but openvbs is not there", enforced_but_not_there, 0, "2221", "", { END } },
	{ "enforced, but not by the loader's word", enforced_by_linux_says, 0, "2221", "", { END } },
	{ "IOMMU can't be switched on",
	  dma_failed,
	  4,
	  "2220",
	  "could not switch the IOMMU on: unit 0 does not answer",
	  { { READINESS_DMA_ENFORCED, M }, END } },
	{ "IOMMU can't be switched on, level 3",
	  dma_failed_level3,
	  4,
	  "0000",
	  "unit 0 does not answer; level 3 asks for it",
	  { { READINESS_DMA_ENFORCED, M }, { READINESS_LEVEL, M }, END } },
	{ "level 3 without IOMMU",
	  level3_no_iommu,
	  4,
	  "0000",
	  "neither ACPI table IVRS nor DMAR",
	  { { READINESS_IOMMU, M },
	    { READINESS_IOMMU_ENABLED, U },
	    { READINESS_DMA_ENFORCED, M },
	    { READINESS_LEVEL, M } } },
	{ "no settings", no_settings, 0, "2221", "settings were not read", { { READINESS_LEVEL, U }, END } },
	{ "opted out", opted_out, 0, "2221", "", { END } },
	{ "no IOMMU",
	  no_iommu,
	  4,
	  "1210",
	  "neither ACPI table",
	  { { READINESS_IOMMU, M }, { READINESS_IOMMU_ENABLED, U }, END } },
	{ "broken IOMMU table",
	  bad_iommu,
	  68,
	  "1210",
	  "registers at all ones",
	  { { READINESS_IOMMU, B }, { READINESS_IOMMU_ENABLED, U }, END } },
	{ "IOMMU not looked at",
	  iommu_unknown,
	  0,
	  "121?",
	  "were not read",
	  { { READINESS_IOMMU, U }, { READINESS_IOMMU_ENABLED, U }, { READINESS_DMA_ENFORCED, U }, END } },
	{ "IOMMU not used",
	  iommu_unused,
	  0,
	  "2221",
	  "a table alone protects nothing",
	  { { READINESS_IOMMU_ENABLED, W }, END } },
	{ "IOMMU off by policy",
	  iommu_off_by_policy,
	  4,
	  "2221",
	  "hidden from Linux by policy: the kernel's command line has intel_iommu=off",
	  { { READINESS_IOMMU_ENABLED, M }, END } },
	{ "no TPM", no_tpm, 8, "1211", "no TPM answers", { { READINESS_TPM, M }, END } },
	{ "TPM not looked at", tpm_unknown, 0, "1211", "not looked at", { { READINESS_TPM, U }, END } },
	{ "TPM does not answer", tpm_broken, 72, "1211", "does not say what it can do", { { READINESS_TPM, B }, END } },
	{ "TPM 1.2", tpm12, 8, "1211", "version is 1.2", { { READINESS_TPM, M }, END } },
	{ "no SHA-256 bank", tpm_sha1, 8, "1211", "SHA-256 bank of PCRs is off", { { READINESS_TPM, M }, END } },
	{ "TPM locked out", tpm_locked, 8, "1211", "locked out", { { READINESS_TPM, M }, END } },
	{ "TPM lockout not read", tpm_lock_unknown, 0, "2221", "", { END } },
	{ "writable and executable", mat_no, 32, "1121", "entry 3 at 7f000000h", { { READINESS_MAT, M }, END } },
	{ "no memory attributes", mat_absent, 32, "1121", "has no UEFI memory", { { READINESS_MAT, M }, END } },
	{ "broken memory attributes", mat_bad, 96, "1121", "descriptor size is 0", { { READINESS_MAT, B }, END } },
	{ "memory attributes not seen", mat_unknown, 0, "1121", "Linux does not show", { { READINESS_MAT, U }, END } },
	{ "no WSMT", wsmt_absent, 32, "1221", "no ACPI table WSMT", { { READINESS_WSMT, M }, END } },
	{ "broken WSMT", wsmt_bad, 96, "1221", "checksum is wrong", { { READINESS_WSMT, B }, END } },
	{ "WSMT not read", wsmt_unknown, 0, "1221", "was not read", { { READINESS_WSMT, U }, END } },
	{ "WSMT 3", wsmt_3, 0, "1221", "not promised: resources locked", { { READINESS_WSMT, W }, END } },
	{ "WSMT 0", wsmt_0, 32, "1221", "not promised: fixed buffers", { { READINESS_WSMT, M }, END } },
	{ "no MOR", mor_none, 32, "2211", "MemoryOverwriteRequestControl is absent", { { READINESS_SECURE_MOR, M }, END } },
	{ "MOR without lock", mor_unlocked, 0, "2211", "no ...ControlLock", { { READINESS_SECURE_MOR, W }, END } },
	{ "MOR not read", mor_unknown, 0, "2211", "not read", { { READINESS_SECURE_MOR, U }, END } },
	{ "nothing from Linux", no_host, 0, "2221", "not looked at", { { READINESS_IOMMU_ENABLED, U }, END } },
};

static enum readiness_result expected_result(const struct row *t, unsigned int id)
{
	for (size_t i = 0; i < ARRAY_SIZE(t->rows) && t->rows[i].id >= 0; i++)
		if ((unsigned int)t->rows[i].id == id)
			return t->rows[i].result;
	if (id == READINESS_DMA_ENFORCED) /* openvbs does not run on the good machine */
		return W;
	if (id == READINESS_APIC) /* goes with the row before it where the CPU's kind or registers are unknown */
		return expected_result(t, READINESS_MBEC_GMET) == U ? U : G;
	return G;
}

static void check_verdicts(const struct row *t, const struct readiness *out)
{
	char got[READINESS_SERVICES + 1] = "";

	for (unsigned int n = 0; n < READINESS_SERVICES; n++) {
		got[n] = "012?"[out->service[n].verdict];
		assert_int_equal(out->service[n].because[0] == '\0', got[n] == '2');
	}
	if (strcmp(got, t->verdicts) != 0)
		fail_msg("%s: verdicts %s, not %s", t->name, got, t->verdicts);
}

static void test_table(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		const struct row *t = &table[i];
		struct machine m = good_machine();
		struct readiness out;

		t->fn(&m);
		judge(&m, &out);
		for (unsigned int id = 0; id < READINESS_ROWS; id++) {
			const struct readiness_row *r = &out.row[id];

			if (r->result != expected_result(t, id))
				fail_msg("%s: %s is %s: %s", t->name, r->word,
					 readiness_result_name(r->result), r->evidence);
			assert_true(r->evidence[0] != '\0' &&
				    strlen(r->evidence) < sizeof(r->evidence) - 1);
			assert_non_null(r->cure);
			if (r->result == READINESS_MISSING && r->cure[0] == '\0')
				fail_msg("%s: %s has no cure", t->name, r->word);
		}
		if (out.missing != t->missing)
			fail_msg("%s: missing is %u, not %u", t->name, out.missing, t->missing);
		if (t->rows[0].id >= 0 && strstr(out.row[t->rows[0].id].evidence, t->says) == NULL &&
		    strstr(out.row[t->rows[0].id].cure, t->says) == NULL)
			fail_msg("%s: \"%s\" does not say \"%s\"", t->name,
				 out.row[t->rows[0].id].evidence, t->says);
		check_verdicts(t, &out);
	}
}

/* S1: nothing read is nothing good. */
static void test_nothing_read(void **state)
{
	struct ovbs_platform p = { 0 };
	struct readiness out;

	readiness_judge(&p, NULL, &out);
	for (unsigned int id = 0; id < READINESS_ROWS; id++)
		assert_int_equal(out.row[id].result, READINESS_UNKNOWN);
	for (unsigned int n = 0; n < READINESS_SERVICES; n++)
		assert_int_equal(out.service[n].verdict, READINESS_CANT_TELL);
	assert_int_equal(out.missing, READINESS_MISSING_VIRTUALIZATION | READINESS_MISSING_SECURE_BOOT |
					      READINESS_MISSING_NX_SMEP);
}

static void test_no_cpuid(void **state)
{
	struct machine m = good_machine();
	struct readiness out;

	memset(&m.p.cpu, 0, sizeof(m.p.cpu));
	judge(&m, &out);
	assert_int_equal(out.row[READINESS_VIRTUALIZATION].result, READINESS_UNKNOWN);
	assert_int_equal(out.row[READINESS_SMEP].result, READINESS_UNKNOWN);
	assert_int_equal(out.row[READINESS_TPM].result, READINESS_GOOD);
	assert_int_equal(out.missing, READINESS_MISSING_VIRTUALIZATION | READINESS_MISSING_NX_SMEP);
	assert_int_equal(out.service[READINESS_VBS].verdict, READINESS_CANT_TELL);
}

static void test_says_who(void **state)
{
	struct machine m = good_machine();
	struct readiness out;

	svme_by_kvm(&m);
	judge(&m, &out);
	assert_non_null(strstr(out.row[READINESS_NOT_HELD].evidence, "kvm_amd: 3 users"));
	m = good_machine();
	openvbs_now(&m);
	judge(&m, &out);
	assert_non_null(strstr(out.row[READINESS_NOT_HELD].evidence, "hides it from Linux"));
	m = good_machine();
	in_vm(&m);
	judge(&m, &out);
	assert_non_null(strstr(out.row[READINESS_NOT_HELD].evidence, "TCGTCGTCGTCG"));
	m = good_machine();
	tpm_lock_unknown(&m);
	judge(&m, &out);
	assert_non_null(strstr(out.row[READINESS_TPM].evidence, "/dev/tpmrm0: no right"));
}

/* A stable interface: scripts go by these. */
static void test_names(void **state)
{
	struct machine m = good_machine();
	struct readiness out;

	judge(&m, &out);
	for (unsigned int a = 0; a < READINESS_ROWS; a++)
		for (unsigned int b = 0; b < a; b++)
			assert_string_not_equal(out.row[a].word, out.row[b].word);
	assert_string_equal(out.row[READINESS_FIRMWARE].word, "firmware-virtualization");
	assert_string_equal(out.service[READINESS_DMA_PROTECTION].word, "dma-protection");
	assert_string_equal(readiness_result_name(READINESS_UNREADABLE), "unreadable");
	assert_string_equal(readiness_result_name(99), "unknown");
	assert_string_equal(readiness_need_name(READINESS_LEVEL_3), "level 3");
	assert_string_equal(readiness_need_name(99), "unknown");
	assert_string_equal(readiness_verdict_name(READINESS_FULL), "full");
	assert_string_equal(readiness_verdict_name(99), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),    cmocka_unit_test(test_nothing_read),
		cmocka_unit_test(test_says_who), cmocka_unit_test(test_no_cpuid),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
