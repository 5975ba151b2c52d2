/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The judgement on a platform: see readiness.h.
 *
 * The CPU's rows come from lib/checks.c, so that this text and the loader's
 * reason can't differ; its first failing check says which row is at fault, and
 * what stands behind it in the order of the checks is then unknown.
 */
#include "readiness.h"

#include <stdbool.h>

#include <openvbs/boot_info.h>
#include <openvbs/hv_abi.h>

#include "checks.h"
#include "format.h"
#include "level.h"
#include "ovbs_string.h"

#define LEAF7_EBX_SMEP    (1u << 7)
#define SVM_EDX_AVIC      (1u << 13)
#define SVM_EDX_GMET      (1u << 17)
#define PROC2_APIC_REG    8 /* APIC-register virtualization */
#define PROC2_VIRTUAL_INT 9 /* virtual-interrupt delivery */
#define PROC2_MBEC        22
#define DMAR_REMAPS_INTS  1u
#define DMAR_OPT_IN       4u
/* Microsoft's WSMT specification: bits of the protection flags */
#define WSMT_FIXED_BUFFERS   1u
#define WSMT_NESTED_POINTERS 2u
#define WSMT_RESOURCES       4u
#define WSMT_ALL             7u

/* What a judgement needs, and where it goes. */
struct judge {
	const struct ovbs_platform *p;
	const struct settings *s;
	const struct readiness_host *host; /* never NULL */
	struct readiness *out;
};

static const struct {
	const char *word, *title;
	enum readiness_need need;
	uint32_t bit;
} kinds[READINESS_ROWS] = {
	[READINESS_LONG_MODE] = { "long-mode", "64-bit CPU", READINESS_BASE, READINESS_MISSING_VIRTUALIZATION },
	[READINESS_VIRTUALIZATION] = { "virtualization", "CPU virtualization", READINESS_BASE,
				       READINESS_MISSING_VIRTUALIZATION },
	[READINESS_FIRMWARE] = { "firmware-virtualization", "Virtualization on in firmware",
				 READINESS_BASE, READINESS_MISSING_VIRTUALIZATION },
	[READINESS_NOT_HELD] = { "virtualization-free", "Not held or hidden by another",
				 READINESS_BASE, READINESS_MISSING_VIRTUALIZATION },
	[READINESS_NX] = { "nx", "No-execute pages", READINESS_BASE, READINESS_MISSING_NX_SMEP },
	[READINESS_SMEP] = { "smep", "Supervisor-mode execution prevention", READINESS_RECOMMENDED,
			     READINESS_MISSING_NX_SMEP },
	[READINESS_SECURE_BOOT] = { "secure-boot", "Secure Boot", READINESS_LEVEL_1,
				    READINESS_MISSING_SECURE_BOOT },
	[READINESS_IOMMU] = { "iommu", "IOMMU present", READINESS_LEVEL_3, READINESS_MISSING_IOMMU },
	[READINESS_IOMMU_ENABLED] = { "iommu-enabled", "IOMMU in use", READINESS_RECOMMENDED,
				      READINESS_MISSING_IOMMU },
	[READINESS_DMA_ENFORCED] = { "dma-enforced", "DMA protection enforced by openvbs",
				     READINESS_LEVEL_3, READINESS_MISSING_IOMMU },
	[READINESS_TPM] = { "tpm", "TPM 2.0", READINESS_RECOMMENDED, READINESS_MISSING_TPM },
	[READINESS_MAT] = { "uefi-memory-attributes", "UEFI code read-only", READINESS_RECOMMENDED,
			    READINESS_MISSING_FIRMWARE },
	[READINESS_WSMT] = { "wsmt", "SMM mitigations", READINESS_RECOMMENDED, READINESS_MISSING_FIRMWARE },
	[READINESS_SECURE_MOR] = { "secure-mor", "Secure memory overwrite", READINESS_RECOMMENDED,
				   READINESS_MISSING_FIRMWARE },
	[READINESS_MBEC_GMET] = { "mbec-gmet", "Mode-based execution control", READINESS_OPTIONAL, 0 },
	[READINESS_APIC] = { "apic-virtualization", "APIC virtualization", READINESS_OPTIONAL, 0 },
	[READINESS_LEVEL] = { "level", "Configured platform level", READINESS_BASE, 0 },
};

static void say(struct judge *j, enum readiness_id id, enum readiness_result result,
		const char *cure, const char *fmt, ...) __printf(5, 6);

static void say(struct judge *j, enum readiness_id id, enum readiness_result result,
		const char *cure, const char *fmt, ...)
{
	struct readiness_row *row = &j->out->row[id];
	va_list args;

	row->result = result;
	row->cure = cure;
	va_start(args, fmt);
	ovbs_vsnprintf(row->evidence, sizeof(row->evidence), fmt, args);
	va_end(args);
}

/* --- CPU --------------------------------------------------------------- */

static bool starts(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* A check that reads an MSR or a control register, which Linux may not have shown. */
static bool needs_registers(const char *check)
{
	return starts(check, "vmx.") || starts(check, "vm_cr.") || starts(check, "feature_control.") ||
	       starts(check, "tme.") || starts(check, "efer.") || starts(check, "cr4.");
}

static bool registers_read(const struct judge *j)
{
	return j->p->by_loader != 0 || j->host->registers == OVBS_FACT_YES;
}

static void base_unknown(struct judge *j, enum readiness_id id)
{
	say(j, id, READINESS_UNKNOWN, "", "not looked at: a requirement before it is not met");
}

/* openvbs holds the CPU: from inside nothing more can be seen, and nothing more needs to be. */
static void judge_cpu_inside(struct judge *j)
{
	const char *what = "openvbs runs on this CPU (CPUID 40000000h says " OVBS_CPUID_SIGNATURE ")";

	say(j, READINESS_VIRTUALIZATION, READINESS_GOOD, "", "%s", what);
	say(j, READINESS_FIRMWARE, READINESS_GOOD, "", "%s", what);
	say(j, READINESS_NOT_HELD, READINESS_GOOD, "",
	    "%s; it hides SVM and VMX from Linux: KVM does not work in this version", what);
}

static void judge_hidden(struct judge *j, const struct verdict *v)
{
	if (starts(v->check, "cpuid.svm")) {
		say(j, READINESS_NOT_HELD, READINESS_MISSING,
		    "this is a virtual machine: let its host show virtualization to it (QEMU: -cpu host, or +svm; the host's kvm_amd nested=1)",
		    "%s", v->evidence);
		say(j, READINESS_VIRTUALIZATION, READINESS_UNKNOWN, "",
		    "the CPU must have it, but the level below does not show it");
	} else {
		say(j, READINESS_NOT_HELD, READINESS_MISSING,
		    "start openvbs before the other hypervisor or boot manager that switched it on, or without it",
		    "%s", v->evidence);
		say(j, READINESS_VIRTUALIZATION, READINESS_GOOD, "", "in use, so it is there: %s", v->check);
	}
	base_unknown(j, READINESS_FIRMWARE);
}

static const char *lacking_cure(const struct ovbs_cpu_facts *f)
{
	if ((f->std_ecx & CPUID_ECX_HYPERVISOR) != 0)
		return "this is a virtual machine: let its host show virtualization to it (QEMU: -cpu host, +vmx or +svm, nested on), if the host's CPU has it";
	return "this CPU can't carry openvbs; use one with AMD SVM and nested paging, or Intel VMX and EPT";
}

/* Linux did not say what the registers hold: what CPUID says still counts. */
static void judge_registers_unread(struct judge *j, bool cpuid_enough)
{
	const char *cure =
		"run as root with the module msr loaded (modprobe msr); or boot once through openvbs.efi, which reads them before Linux";

	say(j, READINESS_FIRMWARE, READINESS_UNKNOWN, cure, "registers were not read: %s",
	    j->host->registers_why);
	if (cpuid_enough)
		return;
	say(j, READINESS_VIRTUALIZATION, READINESS_UNKNOWN, cure,
	    "CPUID 00000001h ECX=%08xh shows VMX, but its capability registers were not read",
	    j->p->cpu.std_ecx);
}

static void judge_cpu_good(struct judge *j, const struct ovbs_cpu_facts *f)
{
	if (checks_kind(f) == CPU_KIND_SVM) {
		say(j, READINESS_VIRTUALIZATION, READINESS_GOOD, "",
		    "SVM: CPUID 80000001h ECX=%08xh; nested paging: 8000000Ah EDX=%08xh",
		    f->ext_ecx, f->svm_edx);
		say(j, READINESS_FIRMWARE, READINESS_GOOD, "", "VM_CR=%llxh, bit 4 (SVMDIS) is 0",
		    (unsigned long long)f->vm_cr);
	} else {
		say(j, READINESS_VIRTUALIZATION, READINESS_GOOD, "",
		    "VMX: CPUID 00000001h ECX=%08xh; EPT: IA32_VMX_EPT_VPID_CAP=%llxh", f->std_ecx,
		    (unsigned long long)f->vmx[VMX_EPT_VPID]);
		say(j, READINESS_FIRMWARE, READINESS_GOOD, "",
		    "IA32_FEATURE_CONTROL=%llxh: VMX on, or not locked",
		    (unsigned long long)f->feature_control);
	}
}

static void judge_not_held(struct judge *j, const struct ovbs_cpu_facts *f)
{
	if (j->host->kvm_used == OVBS_FACT_YES)
		say(j, READINESS_NOT_HELD, READINESS_GOOD, "",
		    "KVM of this Linux uses it (%s); openvbs starts before Linux, so that is not in the way",
		    j->host->kvm_who);
	else if (j->host->openvbs == OVBS_FACT_YES)
		say(j, READINESS_NOT_HELD, READINESS_GOOD, "",
		    "openvbs holds it, and hides it from Linux: KVM does not work in this version");
	else if (f->hypervisor[0] != '\0' && (f->std_ecx & CPUID_ECX_HYPERVISOR) != 0)
		say(j, READINESS_NOT_HELD, READINESS_GOOD, "",
		    "a virtual machine (CPUID 40000000h says %s) whose host shows virtualization",
		    f->hypervisor);
	else
		say(j, READINESS_NOT_HELD, READINESS_GOOD, "",
		    "neither EFER.SVME nor CR4.VMXE was set by anybody before");
}

/* A CPU without it, or a host that hides it? Of Intel's nothing tells that apart from inside. */
static void judge_nothing_to_hold(struct judge *j, const struct ovbs_cpu_facts *f)
{
	if (checks_kind(f) != CPU_KIND_NONE)
		return;
	if ((f->std_ecx & CPUID_ECX_HYPERVISOR) != 0)
		say(j, READINESS_NOT_HELD, READINESS_UNKNOWN, "",
		    "a virtual machine (CPUID 40000000h says %s): its host may hide what the CPU has",
		    f->hypervisor[0] != '\0' ? f->hypervisor : "nothing");
	else
		base_unknown(j, READINESS_NOT_HELD);
}

/* Rows of a check that failed; long mode and NX have rows of their own. */
static void judge_cpu_bad(struct judge *j, const struct ovbs_cpu_facts *f, const struct verdict *v)
{
	if (needs_registers(v->check) && !registers_read(j)) {
		judge_registers_unread(j, checks_kind(f) == CPU_KIND_SVM);
	} else if (v->reason == OVBS_REASON_OTHER_HYPERVISOR) {
		judge_hidden(j, v);
	} else if (v->reason == OVBS_REASON_NO_VIRTUALIZATION) {
		say(j, READINESS_VIRTUALIZATION, READINESS_MISSING, lacking_cure(f), "%s", v->evidence);
		base_unknown(j, READINESS_FIRMWARE);
		judge_nothing_to_hold(j, f);
	} else {
		say(j, READINESS_FIRMWARE, READINESS_MISSING,
		    v->reason == OVBS_REASON_FIRMWARE_OFF ?
			    "switch SVM (AMD) or VT-x (Intel) on in the firmware's setup, and power the machine off and on" :
			    "switch multi-key memory encryption (TME-MK) off in the firmware's setup",
		    "%s", v->evidence);
	}
}

static void judge_virtualization(struct judge *j)
{
	struct ovbs_cpu_facts f = j->p->cpu;
	struct verdict v = { 0 };

	if (!j->p->by_loader && strcmp(f.hypervisor, OVBS_CPUID_SIGNATURE) == 0) {
		judge_cpu_inside(j);
		return;
	}
	if (!j->p->by_loader) { /* set by this Linux's own KVM, if at all */
		f.efer &= ~EFER_SVME;
		f.cr4 &= ~CR4_VMXE;
	}
	f.ext_edx |= CPUID_EXT_EDX_NX | CPUID_EXT_EDX_LM; /* rows of their own */
	judge_cpu_good(j, &f);
	judge_not_held(j, &f);
	if (!checks_decide(&f, &v))
		judge_cpu_bad(j, &f, &v);
	else if (!registers_read(j))
		judge_registers_unread(j, true);
}

static void judge_cpu_features(struct judge *j)
{
	const struct ovbs_cpu_facts *f = &j->p->cpu;
	const char *cure = "none for this CPU; in a virtual machine, let its host show the feature";

	say(j, READINESS_LONG_MODE, (f->ext_edx & CPUID_EXT_EDX_LM) != 0 ? READINESS_GOOD : READINESS_MISSING,
	    (f->ext_edx & CPUID_EXT_EDX_LM) != 0 ? "" : cure,
	    "%s, CPUID 80000001h EDX=%08xh, bit 29 (long mode) is %u", f->vendor, f->ext_edx,
	    f->ext_edx >> 29 & 1);
	say(j, READINESS_NX, (f->ext_edx & CPUID_EXT_EDX_NX) != 0 ? READINESS_GOOD : READINESS_MISSING,
	    (f->ext_edx & CPUID_EXT_EDX_NX) != 0 ? "" : "switch NX (execute disable, XD) on in the firmware's setup",
	    "CPUID 80000001h EDX=%08xh, bit 20 (NX) is %u", f->ext_edx, f->ext_edx >> 20 & 1);
	say(j, READINESS_SMEP, (f->leaf7_ebx & LEAF7_EBX_SMEP) != 0 ? READINESS_GOOD : READINESS_MISSING,
	    (f->leaf7_ebx & LEAF7_EBX_SMEP) != 0 ? "" : cure,
	    "CPUID 00000007h EBX=%08xh, bit 7 (SMEP) is %u", f->leaf7_ebx, f->leaf7_ebx >> 7 & 1);
}

static void judge_mbec(struct judge *j)
{
	const struct ovbs_cpu_facts *f = &j->p->cpu;
	uint64_t controls = f->vmx[VMX_PROCBASED2];
	bool svm = checks_kind(f) == CPU_KIND_SVM, has;

	if (checks_kind(f) == CPU_KIND_NONE) {
		base_unknown(j, READINESS_MBEC_GMET);
		base_unknown(j, READINESS_APIC);
		return;
	}
	if (!svm && !registers_read(j)) {
		say(j, READINESS_MBEC_GMET, READINESS_UNKNOWN, "",
		    "IA32_VMX_PROCBASED_CTLS2 was not read: %s", j->host->registers_why);
		say(j, READINESS_APIC, READINESS_UNKNOWN, "",
		    "IA32_VMX_PROCBASED_CTLS2 was not read: %s", j->host->registers_why);
		return;
	}
	has = svm ? (f->svm_edx & SVM_EDX_GMET) != 0 : (controls & VMX_MAY(PROC2_MBEC)) != 0;
	if (svm)
		say(j, READINESS_MBEC_GMET, has ? READINESS_GOOD : READINESS_WEAKER, "",
		    "CPUID 8000000Ah EDX=%08xh, bit 17 (GMET) is %u%s", f->svm_edx,
		    (unsigned int)has, has ? "" : ": to be emulated, slower");
	else
		say(j, READINESS_MBEC_GMET, has ? READINESS_GOOD : READINESS_WEAKER, "",
		    "IA32_VMX_PROCBASED_CTLS2=%llxh, bit 54 (MBEC) is %u%s", (unsigned long long)controls,
		    (unsigned int)has, has ? "" : ": to be emulated, slower");
	has = svm ? (f->svm_edx & SVM_EDX_AVIC) != 0 :
		    (controls & VMX_MAY(PROC2_APIC_REG)) != 0 &&
			      (controls & VMX_MAY(PROC2_VIRTUAL_INT)) != 0;
	if (svm)
		say(j, READINESS_APIC, has ? READINESS_GOOD : READINESS_WEAKER, "",
		    "CPUID 8000000Ah EDX=%08xh, bit 13 (AVIC) is %u", f->svm_edx, (unsigned int)has);
	else
		say(j, READINESS_APIC, has ? READINESS_GOOD : READINESS_WEAKER, "",
		    "IA32_VMX_PROCBASED_CTLS2=%llxh, bits 40 and 41 are %sboth 1",
		    (unsigned long long)controls, has ? "" : "not ");
}

/* Every CPU names its maker: no name, nobody looked. */
static void judge_cpu(struct judge *j)
{
	static const enum readiness_id rows[] = {
		READINESS_LONG_MODE, READINESS_VIRTUALIZATION,
		READINESS_FIRMWARE,  READINESS_NOT_HELD,
		READINESS_NX,        READINESS_SMEP,
		READINESS_MBEC_GMET, READINESS_APIC,
	};

	if (j->p->cpu.vendor[0] != '\0') {
		judge_virtualization(j);
		judge_cpu_features(j);
		judge_mbec(j);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		say(j, rows[i], READINESS_UNKNOWN, "", "CPUID was not read");
}

/* --- firmware ---------------------------------------------------------- */

static const char shim_cure[] =
	"let shim check signatures again: mokutil --enable-validation, reboot, confirm on the screen";

static void judge_secure_boot(struct judge *j)
{
	const struct ovbs_platform *p = j->p;
	const char *why = j->host->efi_why[0] != '\0' ? j->host->efi_why : "UEFI variables were not read";

	if (level_secure_boot(p) == NULL)
		say(j, READINESS_SECURE_BOOT, READINESS_GOOD, "", "UEFI variable SecureBoot is 1");
	else if (strcmp(level_secure_boot(p), "level.shim") == 0)
		say(j, READINESS_SECURE_BOOT, READINESS_MISSING, shim_cure,
		    "UEFI variable SecureBoot is 1, but MokSBState is 1, too: shim starts what nobody signed");
	else if (p->secure_boot == OVBS_FACT_UNKNOWN)
		say(j, READINESS_SECURE_BOOT, READINESS_UNKNOWN,
		    "run on a machine that was booted by UEFI, with efivarfs mounted", "%s", why);
	else if (p->secure_boot == OVBS_FACT_UNREADABLE)
		say(j, READINESS_SECURE_BOOT, READINESS_UNREADABLE, "update the firmware",
		    "UEFI variable SecureBoot is neither 0 nor 1");
	else if (p->secure_boot == OVBS_FACT_ABSENT)
		say(j, READINESS_SECURE_BOOT, READINESS_MISSING,
		    "boot by UEFI, with firmware that has Secure Boot (QEMU: OVMF's secure build)",
		    "UEFI variable SecureBoot is absent: no Secure Boot, or no UEFI boot");
	else if (p->setup_mode == OVBS_FACT_YES)
		say(j, READINESS_SECURE_BOOT, READINESS_MISSING,
		    "enrol a platform key (firmware's setup: restore factory keys), then switch Secure Boot on",
		    "UEFI variable SetupMode is 1, SecureBoot is %u: no platform key is enrolled",
		    (unsigned int)(p->secure_boot == OVBS_FACT_YES));
	else
		say(j, READINESS_SECURE_BOOT, READINESS_MISSING,
		    "switch Secure Boot on in the firmware's setup",
		    "UEFI variable SecureBoot is 0, SetupMode is %s: keys are there, but it is off",
		    p->setup_mode == OVBS_FACT_NO ? "0" : "not readable");
}

static void judge_mat(struct judge *j)
{
	const struct ovbs_platform *p = j->p;
	const char *cure = "update the firmware; where its setup has it, switch memory protection on";

	switch (p->mat) {
	case OVBS_FACT_YES:
		say(j, READINESS_MAT, READINESS_GOOD, "",
		    "UEFI memory attributes table: %u entries, none writable and executable",
		    p->mat_entries);
		break;
	case OVBS_FACT_NO:
		say(j, READINESS_MAT, READINESS_MISSING, cure,
		    "UEFI memory attributes table, %u entries: %.55s", p->mat_entries, p->mat_why);
		break;
	case OVBS_FACT_ABSENT:
		say(j, READINESS_MAT, READINESS_MISSING, cure,
		    "firmware has no UEFI memory attributes table");
		break;
	case OVBS_FACT_UNREADABLE:
		say(j, READINESS_MAT, READINESS_UNREADABLE, cure,
		    "UEFI memory attributes table: %.55s", p->mat_why);
		break;
	default:
		say(j, READINESS_MAT, READINESS_UNKNOWN, "boot once through openvbs.efi, which reads it",
		    "Linux does not show the UEFI memory attributes table");
	}
}

static void judge_wsmt(struct judge *j)
{
	const struct ovbs_platform *p = j->p;
	const char *cure = "update the firmware: its vendor must protect system management mode";
	uint32_t flags = p->wsmt_flags & WSMT_ALL;

	if (p->wsmt == OVBS_FACT_ABSENT)
		say(j, READINESS_WSMT, READINESS_MISSING, cure, "there is no ACPI table WSMT");
	else if (p->wsmt == OVBS_FACT_UNREADABLE)
		say(j, READINESS_WSMT, READINESS_UNREADABLE, cure, "ACPI table WSMT: %.55s", p->wsmt_why);
	else if (p->wsmt != OVBS_FACT_YES)
		say(j, READINESS_WSMT, READINESS_UNKNOWN, "run as root", "ACPI table WSMT was not read");
	else if (flags == WSMT_ALL)
		say(j, READINESS_WSMT, READINESS_GOOD, "",
		    "WSMT flags=%xh: fixed buffers, nested pointers checked, resources locked",
		    p->wsmt_flags);
	else
		say(j, READINESS_WSMT,
		    (flags & WSMT_FIXED_BUFFERS) != 0 && (flags & WSMT_NESTED_POINTERS) != 0 ?
			    READINESS_WEAKER :
			    READINESS_MISSING,
		    cure, "WSMT flags=%xh: not promised:%s%s%s", p->wsmt_flags,
		    (flags & WSMT_FIXED_BUFFERS) == 0 ? " fixed buffers," : "",
		    (flags & WSMT_NESTED_POINTERS) == 0 ? " nested pointers checked," : "",
		    (flags & WSMT_RESOURCES) == 0 ? " resources locked" : "");
}

static void judge_mor(struct judge *j)
{
	const struct ovbs_platform *p = j->p;
	const char *cure = "update the firmware; without it a reset by force leaves secrets in memory";

	if (p->mor == OVBS_FACT_YES && p->mor_lock == OVBS_FACT_YES)
		say(j, READINESS_SECURE_MOR, READINESS_GOOD, "",
		    "UEFI variables MemoryOverwriteRequestControl and ...ControlLock are there");
	else if (p->mor == OVBS_FACT_UNKNOWN || p->mor_lock == OVBS_FACT_UNKNOWN)
		say(j, READINESS_SECURE_MOR, READINESS_UNKNOWN, "", "%s",
		    j->host->efi_why[0] != '\0' ? j->host->efi_why : "UEFI variables were not read");
	else if (p->mor == OVBS_FACT_YES)
		say(j, READINESS_SECURE_MOR, READINESS_WEAKER, cure,
		    "MemoryOverwriteRequestControl is there, but no ...ControlLock: software may clear it");
	else
		say(j, READINESS_SECURE_MOR, READINESS_MISSING, cure,
		    "UEFI variable MemoryOverwriteRequestControl is absent");
}

/* --- IOMMU and TPM ----------------------------------------------------- */

static const char *iommu_table(const struct ovbs_platform *p)
{
	return p->iommu_kind == OVBS_IOMMU_AMD ? "IVRS" : "DMAR";
}

static void judge_iommu(struct judge *j)
{
	const struct ovbs_platform *p = j->p;
	const char *cure =
		"switch the IOMMU (AMD-Vi, VT-d) on in the firmware's setup, or update the firmware";

	if (p->iommu_kind == OVBS_IOMMU_NONE && p->iommu == OVBS_FACT_UNKNOWN)
		say(j, READINESS_IOMMU, READINESS_UNKNOWN, "run as root",
		    "ACPI tables IVRS and DMAR were not read");
	else if (p->iommu == OVBS_FACT_UNKNOWN)
		say(j, READINESS_IOMMU, READINESS_UNKNOWN, "run as root",
		    "ACPI table %s was not read", iommu_table(p));
	else if (p->iommu == OVBS_FACT_UNREADABLE)
		say(j, READINESS_IOMMU, READINESS_UNREADABLE, cure,
		    "ACPI table %s is broken: %.55s", iommu_table(p), p->iommu_why);
	else if (p->iommu != OVBS_FACT_YES)
		say(j, READINESS_IOMMU, READINESS_MISSING, cure, "neither ACPI table IVRS nor DMAR is there");
	else if (p->iommu_kind == OVBS_IOMMU_AMD)
		say(j, READINESS_IOMMU, READINESS_GOOD, "", "IVRS: %u units", p->iommu_units);
	else
		say(j, READINESS_IOMMU,
		    (p->iommu_flags & DMAR_REMAPS_INTS) != 0 ? READINESS_GOOD : READINESS_WEAKER, "",
		    "DMAR: %u units, interrupt remapping %s; opt-in flag is %u, which by itself protects nothing",
		    p->iommu_units, (p->iommu_flags & DMAR_REMAPS_INTS) != 0 ? "yes" : "no",
		    (unsigned int)((p->iommu_flags & DMAR_OPT_IN) != 0));
}

/* The loader's word, unless the CPU says that openvbs is not there at all. */
static bool dma_enforced(const struct judge *j)
{
	return j->p->by_loader != 0 && j->p->dma == OVBS_DMA_ENFORCED && j->host->openvbs != OVBS_FACT_NO;
}

static void judge_iommu_enabled(struct judge *j)
{
	const struct readiness_host *h = j->host;

	if (dma_enforced(j))
		say(j, READINESS_IOMMU_ENABLED, READINESS_GOOD, "",
		    "openvbs uses it, and hides it from Linux: %s", iommu_table(j->p));
	else if (h->policy_hidden[0] != '\0')
		say(j, READINESS_IOMMU_ENABLED, READINESS_MISSING,
		    "take that parameter off the kernel's command line",
		    "hidden from Linux by policy: the kernel's command line has %s", h->policy_hidden);
	else if (h->iommu_used == OVBS_FACT_YES)
		say(j, READINESS_IOMMU_ENABLED, READINESS_GOOD, "",
		    "Linux has units in use: %u device groups", h->iommu_groups);
	else if (j->p->iommu != OVBS_FACT_YES || h->iommu_used == OVBS_FACT_UNKNOWN)
		say(j, READINESS_IOMMU_ENABLED, READINESS_UNKNOWN, "", "%s",
		    j->p->iommu != OVBS_FACT_YES ? "there is no IOMMU known that could be in use" :
						   "whether Linux uses it was not looked at");
	else
		say(j, READINESS_IOMMU_ENABLED, READINESS_WEAKER,
		    "run openvbs, which uses it; or kernel parameter intel_iommu=on or amd_iommu=on",
		    "%s is there, but Linux does not use it: a table alone protects nothing",
		    iommu_table(j->p));
}

static void judge_dma_enforced(struct judge *j)
{
	const struct ovbs_platform *p = j->p;
	bool asked = j->s != NULL && j->s->v[OVBS_SET_LEVEL].value == 3;
	const char *for_level_3 = asked ? "; level 3 asks for it" : "";

	if (dma_enforced(j))
		say(j, READINESS_DMA_ENFORCED, READINESS_GOOD, "",
		    "openvbs owns the IOMMU: no device reaches its memory, and Linux can't change that");
	else if (p->iommu == OVBS_FACT_UNKNOWN)
		say(j, READINESS_DMA_ENFORCED, READINESS_UNKNOWN, "run as root",
		    "whether there is an IOMMU was not looked at");
	else if (p->iommu != OVBS_FACT_YES)
		say(j, READINESS_DMA_ENFORCED, asked ? READINESS_MISSING : READINESS_WEAKER,
		    "switch the IOMMU on in the firmware's setup; or level 1 (vbsctl enable --level 1), which runs without",
		    "there is no usable IOMMU: devices may reach the memory of openvbs%s", for_level_3);
	else if (p->dma == OVBS_DMA_FAILED)
		say(j, READINESS_DMA_ENFORCED, READINESS_MISSING,
		    "update the firmware; level 1 (vbsctl enable --level 1) runs without; vbsctl report makes a file for a bug report",
		    "openvbs could not switch the IOMMU on: %.55s%s", p->iommu_why, for_level_3);
	else
		say(j, READINESS_DMA_ENFORCED, READINESS_WEAKER,
		    "boot with openvbs switched on (vbsctl enable): it takes the IOMMU at any level",
		    "not in this boot: openvbs did not take the IOMMU%s", for_level_3);
}

static void judge_tpm(struct judge *j)
{
	const struct ovbs_platform *p = j->p;

	if (p->tpm == OVBS_FACT_UNREADABLE)
		say(j, READINESS_TPM, READINESS_UNREADABLE,
		    "clear or reset the TPM in the firmware's setup, or update the firmware",
		    "there is a TPM, but it does not say what it can do");
	else if (p->tpm == OVBS_FACT_UNKNOWN)
		say(j, READINESS_TPM, READINESS_UNKNOWN, "", "%s",
		    j->host->tpm_why[0] != '\0' ? j->host->tpm_why :
						  "whether a TPM answers was not looked at");
	else if (p->tpm != OVBS_FACT_YES)
		say(j, READINESS_TPM, READINESS_MISSING,
		    "switch the TPM (fTPM, PTT) on in the firmware's setup; virtual machines: add one (swtpm)",
		    "no TPM answers");
	else if (p->tpm_version != OVBS_TPM_2_0)
		say(j, READINESS_TPM, READINESS_MISSING,
		    "a TPM 2.0 is needed: firmware's setup may have one (fTPM, PTT)",
		    "the TPM's version is %s", p->tpm_version == OVBS_TPM_1_2 ? "1.2" : "not known");
	else if ((p->tpm_banks & OVBS_TPM_BANK_SHA256) == 0)
		say(j, READINESS_TPM, READINESS_MISSING,
		    "switch the SHA-256 bank on in the firmware's setup, or with tpm2_pcrallocate",
		    "TPM 2.0, but its SHA-256 bank of PCRs is off (banks=%xh)", p->tpm_banks);
	else if (p->tpm_lockout == OVBS_FACT_YES)
		say(j, READINESS_TPM, READINESS_MISSING,
		    "wait until it recovers, or tpm2_dictionarylockout -c with the lockout password",
		    "TPM 2.0 is locked out after wrong passwords (inLockout is 1)");
	else if (p->tpm_lockout == OVBS_FACT_NO)
		say(j, READINESS_TPM, READINESS_GOOD, "",
		    "TPM 2.0, banks=%xh with SHA-256, not locked out", p->tpm_banks);
	else
		say(j, READINESS_TPM, READINESS_GOOD, "",
		    "TPM 2.0, banks=%xh with SHA-256; whether it is locked out is unknown%s%s",
		    p->tpm_banks, j->host->tpm_why[0] != '\0' ? ": " : "", j->host->tpm_why);
}

static void judge_level(struct judge *j)
{
	struct readiness_row *row = &j->out->row[READINESS_LEVEL];
	struct verdict v = { 0 };
	struct settings s;
	uint32_t level;

	if (j->s == NULL) {
		row->need = READINESS_OPTIONAL;
		say(j, READINESS_LEVEL, READINESS_UNKNOWN, "", "the settings were not read");
		return;
	}
	s = *j->s;
	s.opted_out = false;
	s.v[OVBS_SET_VBS] = (struct settings_value){ 1, OVBS_SOURCE_LOCAL };
	level = s.v[OVBS_SET_LEVEL].value;
	if ((level != 0 && j->p->secure_boot == OVBS_FACT_UNKNOWN) ||
	    (level == 3 && j->p->iommu == OVBS_FACT_UNKNOWN))
		say(j, READINESS_LEVEL, READINESS_UNKNOWN, "", "level %u by %s; %s not read", level,
		    source_name(s.v[OVBS_SET_LEVEL].source),
		    j->p->secure_boot == OVBS_FACT_UNKNOWN ? "Secure Boot was" : "IVRS and DMAR were");
	else if (level_decide(&s, j->p, &v))
		say(j, READINESS_LEVEL, READINESS_GOOD, "", "level %u by %s: what it asks for is there",
		    level, source_name(s.v[OVBS_SET_LEVEL].source));
	else
		say(j, READINESS_LEVEL, READINESS_MISSING,
		    v.reason == OVBS_REASON_NO_IOMMU ?
			    "switch the IOMMU on in the firmware's setup, or require less: vbsctl enable --level 1" :
		    strcmp(v.check, "level.shim") == 0 ?
			    shim_cure :
			    "switch Secure Boot on, or require less: vbsctl enable --level 0",
		    "%s", v.evidence);
}

/* --- services ---------------------------------------------------------- */

/* Rows that a service can't do without, and those that it is weaker without; bit n: row n. */
#define ROW(id) (1u << READINESS_##id)
#define ROWS_BASE                                                                                  \
	(ROW(LONG_MODE) | ROW(VIRTUALIZATION) | ROW(FIRMWARE) | ROW(NOT_HELD) | ROW(NX) | ROW(LEVEL))

static const char by_option[] = "runs where openvbs.ko is loaded with integrity=1, not by its setting alone";
static const char not_built[] = "not built in this version: the verdict is the platform's";

static const struct {
	const char *word, *title, *note;
	uint32_t must, should;
} services[READINESS_SERVICES] = {
	[READINESS_VBS] = { "vbs", "Virtualization-based security", "", ROWS_BASE,
			    ROW(SECURE_BOOT) | ROW(SMEP) | ROW(TPM) | ROW(MAT) | ROW(WSMT) | ROW(IOMMU) },
	[READINESS_MEMORY_INTEGRITY] = { "memory-integrity", "Memory integrity", by_option, ROWS_BASE,
					 ROW(SECURE_BOOT) | ROW(SMEP) | ROW(MAT) | ROW(MBEC_GMET) },
	[READINESS_CREDENTIAL_GUARD] = { "credential-guard", "Credential Guard", not_built, ROWS_BASE,
					 ROW(SECURE_BOOT) | ROW(TPM) | ROW(SECURE_MOR) | ROW(IOMMU) },
	[READINESS_DMA_PROTECTION] = { "dma-protection", "DMA protection", "",
				       ROWS_BASE | ROW(IOMMU) | ROW(DMA_ENFORCED), ROW(SECURE_BOOT) },
};

static bool row_is_in(const struct readiness *out, unsigned int id, enum readiness_result result)
{
	return out->row[id].result == result;
}

/* The level's row is no obstacle as long as nobody read settings. */
static bool row_counts(const struct readiness *out, unsigned int id)
{
	return id != READINESS_LEVEL || out->row[id].need == READINESS_BASE;
}

static void because(struct readiness_service *s, const char *title)
{
	size_t used = strlen(s->because);

	ovbs_snprintf(s->because + used, sizeof(s->because) - used, "%s%s", used > 0 ? ", " : "", title);
}

/* What one row leaves of a service. */
static enum readiness_verdict row_verdict(const struct readiness *out, unsigned int n, unsigned int id)
{
	bool must = (services[n].must >> id & 1) != 0, should = (services[n].should >> id & 1) != 0;

	if ((!must && !should) || !row_counts(out, id) || row_is_in(out, id, READINESS_GOOD))
		return READINESS_FULL;
	if (!must || row_is_in(out, id, READINESS_WEAKER))
		return READINESS_USABLE;
	return row_is_in(out, id, READINESS_UNKNOWN) ? READINESS_CANT_TELL : READINESS_IMPOSSIBLE;
}

/* The worst row decides; what is impossible stays so whatever else is unknown. */
static void judge_service(struct readiness *out, unsigned int n)
{
	static const enum readiness_verdict worst_first[] = { READINESS_IMPOSSIBLE,
							      READINESS_CANT_TELL, READINESS_USABLE };
	struct readiness_service *s = &out->service[n];

	s->verdict = READINESS_FULL;
	for (size_t i = 0; i < ARRAY_SIZE(worst_first) && s->because[0] == '\0'; i++)
		for (unsigned int id = 0; id < READINESS_ROWS; id++)
			if (row_verdict(out, n, id) == worst_first[i]) {
				s->verdict = worst_first[i];
				because(s, out->row[id].title);
			}
}

static void sum_up(struct readiness *out)
{
	for (unsigned int id = 0; id < READINESS_ROWS; id++) {
		const struct readiness_row *row = &out->row[id];
		bool unknown = row->result == READINESS_UNKNOWN &&
			       (row->need == READINESS_BASE || row->need == READINESS_LEVEL_1);

		if (row->result == READINESS_MISSING || row->result == READINESS_UNREADABLE || unknown)
			out->missing |= kinds[id].bit;
		if (row->result == READINESS_UNREADABLE)
			out->missing |= READINESS_MISSING_UNREADABLE;
	}
	for (unsigned int n = 0; n < READINESS_SERVICES; n++)
		judge_service(out, n);
}

void readiness_judge_host(const struct ovbs_platform *p, const struct settings *s,
			  const struct readiness_host *host, struct readiness *out)
{
	/* The loader reads all registers, and knows nothing of what Linux does later. */
	static const struct readiness_host nobody = { .registers = OVBS_FACT_YES,
						      .openvbs = OVBS_FACT_UNKNOWN,
						      .iommu_used = OVBS_FACT_UNKNOWN,
						      .kvm_used = OVBS_FACT_UNKNOWN };
	struct judge j = { p, s, host != NULL ? host : &nobody, out };

	memset(out, 0, sizeof(*out));
	for (unsigned int id = 0; id < READINESS_ROWS; id++) {
		out->row[id].word = kinds[id].word;
		out->row[id].title = kinds[id].title;
		out->row[id].need = kinds[id].need;
		say(&j, id, READINESS_UNKNOWN, "", "the platform was not read");
	}
	for (unsigned int n = 0; n < READINESS_SERVICES; n++) {
		out->service[n].word = services[n].word;
		out->service[n].title = services[n].title;
		out->service[n].note = services[n].note;
	}
	if (p->size != 0) {
		judge_cpu(&j);
		judge_secure_boot(&j);
		judge_mat(&j);
		judge_wsmt(&j);
		judge_mor(&j);
		judge_iommu(&j);
		judge_iommu_enabled(&j);
		judge_dma_enforced(&j);
		judge_tpm(&j);
		judge_level(&j);
	}
	sum_up(out);
}

void readiness_judge(const struct ovbs_platform *p, const struct settings *s, struct readiness *out)
{
	readiness_judge_host(p, s, NULL, out);
}

const char *readiness_result_name(enum readiness_result result)
{
	static const char *const names[] = { "good", "weaker", "missing", "unreadable", "unknown" };

	return (unsigned int)result < ARRAY_SIZE(names) ? names[result] : "unknown";
}

const char *readiness_need_name(enum readiness_need need)
{
	static const char *const names[] = { "base", "level 1", "level 3", "recommended", "optional" };

	return (unsigned int)need < ARRAY_SIZE(names) ? names[need] : "unknown";
}

const char *readiness_verdict_name(enum readiness_verdict verdict)
{
	static const char *const names[] = { "impossible", "usable", "full", "unknown" };

	return (unsigned int)verdict < ARRAY_SIZE(names) ? names[verdict] : "unknown";
}
