// SPDX-License-Identifier: GPL-2.0-only
/*
 * The decision whether a CPU can carry openvbs: every combination of what may
 * be wrong, against a model that is written the other way round; and the texts.
 */
/* links: lib/checks.c lib/verdict.c lib/format.c */
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

/* A CPU that passes: family 19h. */
static struct ovbs_cpu_facts good(void)
{
	struct ovbs_cpu_facts f = {
		.signature = 0x00A20F10,
		.ext_max = 0x80000021,
		.ext_ecx = CPUID_EXT_ECX_SVM,
		.ext_edx = CPUID_EXT_EDX_NX | CPUID_EXT_EDX_LM,
		.svm_ebx = 16,
		.svm_edx = CPUID_SVM_EDX_NP,
		.efer = 0xD00,
		.vendor = "AuthenticAMD",
	};

	return f;
}

/* What may be wrong, in the order of the checks. Some bits only change the evidence. */
enum {
	W_OPENVBS = 1 << 0,
	W_SVME = 1 << 1,
	W_NO_SVM = 1 << 2,
	W_SVMDIS = 1 << 3,
	W_NO_NPT = 1 << 4,
	W_ONE_ASID = 1 << 5,
	W_NO_NX = 1 << 6,
	W_NO_LM = 1 << 7,
	W_BELOW = 1 << 8,      /* the hypervisor bit is set */
	W_OLD_FAMILY = 1 << 9, /* family 6: may lack SVM */
	W_INTEL = 1 << 10,
	W_LOCK = 1 << 11,
	W_KEY = 1 << 12,
	W_ALL = 1 << 13,
};

static struct ovbs_cpu_facts spoil(unsigned int wrong)
{
	struct ovbs_cpu_facts f = good();

	if (wrong & W_OPENVBS)
		strcpy(f.hypervisor, OVBS_CPUID_SIGNATURE);
	if (wrong & W_SVME)
		f.efer |= EFER_SVME;
	if (wrong & W_NO_SVM)
		f.ext_ecx &= ~CPUID_EXT_ECX_SVM;
	if (wrong & W_SVMDIS)
		f.vm_cr |= VM_CR_SVMDIS;
	if (wrong & W_NO_NPT)
		f.svm_edx &= ~CPUID_SVM_EDX_NP;
	if (wrong & W_ONE_ASID)
		f.svm_ebx = 1;
	if (wrong & W_NO_NX)
		f.ext_edx &= ~CPUID_EXT_EDX_NX;
	if (wrong & W_NO_LM)
		f.ext_edx &= ~CPUID_EXT_EDX_LM;
	if (wrong & W_BELOW)
		f.std_ecx |= CPUID_ECX_HYPERVISOR;
	if (wrong & W_OLD_FAMILY)
		f.signature = 0x00000663;
	if (wrong & W_INTEL)
		strcpy(f.vendor, "GenuineIntel");
	if (wrong & W_LOCK)
		f.vm_cr |= VM_CR_LOCK;
	if (wrong & W_KEY)
		f.svm_edx |= CPUID_SVM_EDX_SVML;
	return f;
}

/* The last check that fails, looked at from the end, is the first one. */
static enum ovbs_reason expect(unsigned int wrong, const char **check)
{
	enum ovbs_reason reason = OVBS_REASON_NONE;
	bool taken = (wrong & W_BELOW) && !(wrong & (W_OLD_FAMILY | W_INTEL));
	const struct {
		unsigned int bit;
		enum ovbs_reason reason;
		const char *check;
	} rows[] = {
		{ W_NO_LM, OVBS_REASON_NO_VIRTUALIZATION, "cpuid.lm" },
		{ W_NO_NX, OVBS_REASON_NO_VIRTUALIZATION, "cpuid.nx" },
		{ W_ONE_ASID, OVBS_REASON_NO_VIRTUALIZATION, "cpuid.asids" },
		{ W_NO_NPT, OVBS_REASON_NO_VIRTUALIZATION, "cpuid.npt" },
		{ W_SVMDIS, OVBS_REASON_FIRMWARE_OFF, "vm_cr.svmdis" },
		{ W_NO_SVM, taken ? OVBS_REASON_OTHER_HYPERVISOR : OVBS_REASON_NO_VIRTUALIZATION,
		  wrong & W_INTEL ? "cpuid.vmx" : "cpuid.svm" },
		{ W_SVME, OVBS_REASON_OTHER_HYPERVISOR, "efer.svme" },
		{ W_OPENVBS, OVBS_REASON_OTHER_HYPERVISOR, "cpuid.openvbs" },
	};

	*check = "";
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (wrong & rows[i].bit) {
			reason = rows[i].reason;
			*check = rows[i].check;
		}
	}
	return reason;
}

static void test_every_combination(void **state)
{
	for (unsigned int wrong = 0; wrong < W_ALL; wrong++) {
		struct ovbs_cpu_facts f = spoil(wrong);
		struct verdict v = { 0 };
		const char *check;
		enum ovbs_reason reason = expect(wrong, &check);
		bool fits = checks_decide(&f, &v);

		if (fits != (reason == OVBS_REASON_NONE) || v.reason != reason ||
		    strcmp(v.check, check) != 0)
			fail_msg("combination %x: reason %u, check %s, expected %u, %s", wrong,
				 v.reason, v.check, reason, check);
		if (!fits && v.evidence[0] == '\0')
			fail_msg("combination %x: no evidence", wrong);
		if (strlen(v.evidence) >= sizeof(v.evidence) - 1)
			fail_msg("combination %x: evidence was cut: %s", wrong, v.evidence);
	}
}

static const char *evidence(struct verdict *v, unsigned int wrong)
{
	struct ovbs_cpu_facts f = spoil(wrong);

	memset(v, 0, sizeof(*v));
	assert_false(checks_decide(&f, v));
	return v->evidence;
}

static void test_evidence(void **state)
{
	struct verdict v;

	assert_string_equal(evidence(&v, W_SVMDIS),
			    "VM_CR=10h, bit 4 (SVMDIS) is 1, not locked: switch SVM on in the firmware's setup");
	assert_non_null(strstr(evidence(&v, W_SVMDIS | W_LOCK), "VM_CR=18h"));
	assert_non_null(strstr(evidence(&v, W_SVMDIS | W_LOCK), ", locked:"));
	assert_non_null(strstr(evidence(&v, W_SVMDIS | W_LOCK | W_KEY), ", locked with a key:"));
	assert_string_equal(evidence(&v, W_NO_SVM),
			    "CPUID 80000001h ECX=00000000h, bit 2 (SVM) is 0, AuthenticAMD family 19h");
	assert_non_null(strstr(evidence(&v, W_NO_SVM | W_BELOW), "hidden by the level below"));
	assert_non_null(strstr(evidence(&v, W_NO_SVM | W_BELOW | W_OLD_FAMILY),
			       "family 6h, under a hypervisor"));
	assert_non_null(strstr(evidence(&v, W_NO_SVM | W_BELOW | W_INTEL), "under a hypervisor"));
	assert_non_null(strstr(evidence(&v, W_SVME), "EFER=1d00h"));
}

/* The VM_CR bits mean nothing while SVMDIS is 0: firmware may lock SVM "on". */
static void test_lock_alone_is_fine(void **state)
{
	struct ovbs_cpu_facts f = spoil(W_LOCK | W_KEY);
	struct verdict v = { 0 };

	assert_true(checks_decide(&f, &v));
	assert_int_equal(v.reason, OVBS_REASON_NONE);
}

static void test_two_asids_are_enough(void **state)
{
	struct ovbs_cpu_facts f = good();
	struct verdict v = { 0 };

	f.svm_ebx = 2;
	assert_true(checks_decide(&f, &v));
}

static void test_family(void **state)
{
	static const struct {
		const char *vendor;
		uint32_t signature;
		enum ovbs_reason reason;
	} rows[] = {
		{ "AuthenticAMD", 0x00060FB1, OVBS_REASON_NO_VIRTUALIZATION }, /* 0Fh: some lack SVM */
		{ "AuthenticAMD", 0x00100F42, OVBS_REASON_OTHER_HYPERVISOR },  /* 10h */
		{ "AuthenticAMD", 0x00800F12, OVBS_REASON_OTHER_HYPERVISOR },  /* 17h */
		{ "HygonGenuine", 0x00900F01, OVBS_REASON_OTHER_HYPERVISOR },  /* 18h */
		{ "GenuineIntel", 0x000906EA, OVBS_REASON_NO_VIRTUALIZATION }, /* 6 */
		{ "AuthenticAMD", 0x00F00600, OVBS_REASON_NO_VIRTUALIZATION }, /* extended family counts with 0Fh only */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ovbs_cpu_facts f = spoil(W_NO_SVM | W_BELOW);
		struct verdict v = { 0 };

		strcpy(f.vendor, rows[i].vendor);
		f.signature = rows[i].signature;
		assert_false(checks_decide(&f, &v));
		assert_int_equal(v.reason, rows[i].reason);
	}
}

/* An Intel CPU that passes: Skylake's capabilities. */
static struct ovbs_cpu_facts good_intel(void)
{
	struct ovbs_cpu_facts f = {
		.signature = 0x00050654,
		.std_ecx = CPUID_ECX_VMX,
		.ext_max = 0x80000008,
		.ext_edx = CPUID_EXT_EDX_NX | CPUID_EXT_EDX_LM,
		.efer = 0xD00,
		.vendor = "GenuineIntel",
		.feature_control = 5,
		.vmx = {
			[VMX_BASIC] = 0x00DA040000000004,
			[VMX_PROCBASED] = 0xFFF9FFFE0401E172,
			[VMX_MISC] = 0x7004C1E7,
			[VMX_PROCBASED2] = 0x0055CFFF00000000,
			[VMX_EPT_VPID] = 0x00000F0106734141,
			[VMX_TRUE_PIN] = 0x0000007F00000016,
			[VMX_TRUE_PROC] = 0xFFF9FFFE04006172,
			[VMX_TRUE_EXIT] = 0x01FFFFFF00036DFB,
			[VMX_TRUE_ENTRY] = 0x0003FFFF000011FB,
		},
	};

	return f;
}

/* One capability taken away (or forced) at a time. */
static const struct {
	enum vmx_fact fact;
	uint64_t flip;
	const char *check;
} intel[] = {
	{ VMX_BASIC, 1ULL << 55, "vmx.true_controls" },
	{ VMX_BASIC, 6ULL << 50, "vmx.vmcs_memory" },
	{ VMX_BASIC, 1ULL << 48, "vmx.addresses" },
	{ VMX_TRUE_PROC, 1ULL << 63, "vmx.secondary" },
	{ VMX_TRUE_PROC, 1ULL << 57, "vmx.io_bitmaps" },
	{ VMX_TRUE_PROC, 1ULL << 60, "vmx.msr_bitmaps" },
	{ VMX_TRUE_PROC, 1ULL << 54, "vmx.nmi_window" },
	{ VMX_TRUE_PROC, 1ULL << 15, "vmx.cr3_exiting" },
	{ VMX_TRUE_PROC, 1ULL << 16, "vmx.cr3_exiting" },
	{ VMX_PROCBASED2, 1ULL << 33, "vmx.ept" },
	{ VMX_PROCBASED2, 1ULL << 39, "vmx.unrestricted_guest" },
	{ VMX_EPT_VPID, 1ULL << 6, "vmx.ept_levels" },
	{ VMX_EPT_VPID, 1ULL << 14, "vmx.ept_memory" },
	{ VMX_EPT_VPID, 1ULL << 16, "vmx.ept_2m" },
	{ VMX_EPT_VPID, 1ULL << 20, "vmx.invept" },
	{ VMX_EPT_VPID, 1ULL << 26, "vmx.invept_all" },
	{ VMX_TRUE_PIN, 1ULL << 35, "vmx.nmi" },
	{ VMX_TRUE_PIN, 1ULL << 37, "vmx.virtual_nmi" },
	{ VMX_TRUE_EXIT, 1ULL << 41, "vmx.exit_64" },
	{ VMX_TRUE_EXIT, 1ULL << 34, "vmx.exit_debug" },
	{ VMX_TRUE_EXIT, 1ULL << 50, "vmx.exit_pat" },
	{ VMX_TRUE_EXIT, 1ULL << 51, "vmx.exit_pat" },
	{ VMX_TRUE_EXIT, 1ULL << 52, "vmx.exit_efer" },
	{ VMX_TRUE_EXIT, 1ULL << 53, "vmx.exit_efer" },
	{ VMX_TRUE_ENTRY, 1ULL << 41, "vmx.entry_64" },
	{ VMX_TRUE_ENTRY, 1ULL << 34, "vmx.entry_debug" },
	{ VMX_TRUE_ENTRY, 1ULL << 46, "vmx.entry_pat" },
	{ VMX_TRUE_ENTRY, 1ULL << 47, "vmx.entry_efer" },
	{ VMX_MISC, 1ULL << 8, "vmx.wait_for_sipi" },
};

static void refused(const struct ovbs_cpu_facts *f, enum ovbs_reason reason, const char *check)
{
	struct verdict v = { 0 };

	if (checks_decide(f, &v) || v.reason != reason || strcmp(v.check, check) != 0)
		fail_msg("reason %u, check %s, expected %u, %s", v.reason, v.check, reason, check);
	assert_string_not_equal(v.evidence, "");
	assert_true(strlen(v.evidence) < sizeof(v.evidence) - 1);
}

static void test_intel(void **state)
{
	struct ovbs_cpu_facts f = good_intel();
	struct verdict v = { 0 };

	assert_true(checks_decide(&f, &v));
	assert_int_equal(checks_kind(&f), CPU_KIND_VMX);
	f.feature_control = 0; /* left open: the hypervisor sets and locks it */
	assert_true(checks_decide(&f, &v));
	f.feature_control = 4;
	assert_true(checks_decide(&f, &v));
	f.feature_control = 1;
	refused(&f, OVBS_REASON_FIRMWARE_OFF, "feature_control.vmx");
	f.feature_control = 3; /* inside SMX only */
	refused(&f, OVBS_REASON_FIRMWARE_OFF, "feature_control.vmx");
	for (size_t i = 0; i < sizeof(intel) / sizeof(intel[0]); i++) {
		f = good_intel();
		f.vmx[intel[i].fact] ^= intel[i].flip;
		refused(&f, OVBS_REASON_NO_VIRTUALIZATION, intel[i].check);
		v = (struct verdict){ 0 };
		assert_false(checks_decide(&f, &v));
		assert_non_null(strstr(v.evidence, "IA32_VMX_")); /* the register and its value */
		assert_non_null(strchr(v.evidence, '='));
	}
}

static void test_intel_others(void **state)
{
	struct ovbs_cpu_facts f = good_intel();
	struct verdict v = { 0 };

	f.cr4 = 1u << 13;
	refused(&f, OVBS_REASON_OTHER_HYPERVISOR, "cr4.vmxe");
	f = good_intel();
	f.std_ecx = 0;
	refused(&f, OVBS_REASON_NO_VIRTUALIZATION, "cpuid.vmx");
	strcpy(f.vendor, "CentaurHauls"); /* VIA; Zhaoxin's VMX is Intel's too */
	refused(&f, OVBS_REASON_NO_VIRTUALIZATION, "cpuid.vmx");
	strcpy(f.vendor, "  Shanghai  ");
	refused(&f, OVBS_REASON_NO_VIRTUALIZATION, "cpuid.vmx");
	strcpy(f.vendor, "Some Vendor!");
	refused(&f, OVBS_REASON_NO_VIRTUALIZATION, "cpuid.svm_vmx");
	f = good_intel();
	f.ext_edx = CPUID_EXT_EDX_LM;
	refused(&f, OVBS_REASON_NO_VIRTUALIZATION, "cpuid.nx");
	f = good_intel();
	f.tme_activate = 1ULL << 1 | 4ULL << 32;
	refused(&f, OVBS_REASON_OTHER, "tme.keyid");
	f.tme_activate = 1ULL << 1; /* one key: no alias */
	assert_true(checks_decide(&f, &v));
}

static void test_prepare_codes(void **state)
{
	static const struct {
		uint64_t code;
		enum ovbs_reason reason;
		const char *check;
	} rows[] = {
		{ OVBS_HV_E_BOOT_INFO, OVBS_REASON_IMAGE_REFUSED, "hv.boot_info" },
		{ OVBS_HV_E_MEMORY, OVBS_REASON_OUT_OF_MEMORY, "hv.memory" },
		{ OVBS_HV_E_CPU, OVBS_REASON_NO_VIRTUALIZATION, "hv.cpu" },
		{ OVBS_HV_E_LAYOUT, OVBS_REASON_OTHER, "hv.layout" },
		{ 5, OVBS_REASON_OTHER, "hv.error" },
		{ UINT64_MAX, OVBS_REASON_OTHER, "hv.error" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct verdict v = { 0 };

		verdict_set_prepare(&v, rows[i].code);
		assert_int_equal(v.reason, rows[i].reason);
		assert_string_equal(v.check, rows[i].check);
		assert_non_null(strstr(v.evidence, "refused"));
	}
}

/* Texts are cut at the ABI's sizes, and stay terminated. */
static void test_verdict_text(void **state)
{
	struct verdict v = { 0 };
	char longer[300];

	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	verdict_add(&v, "first");
	verdict_add(&v, "second");
	assert_string_equal(v.evidence, "first; second");
	verdict_add(&v, "%s", longer);
	assert_int_equal(strlen(v.evidence), sizeof(v.evidence) - 1);
	verdict_add(&v, "no room");
	assert_int_equal(strlen(v.evidence), sizeof(v.evidence) - 1);
	verdict_set(&v, OVBS_REASON_OTHER, longer, "%s", longer);
	assert_int_equal(strlen(v.check), sizeof(v.check) - 1);
	assert_string_equal(reason_name(OVBS_REASON_OTHER), "other");
	assert_string_equal(reason_name((enum ovbs_reason)12), "unknown");
	for (unsigned int r = 0; r <= OVBS_REASON_OTHER; r++)
		assert_non_null(reason_name((enum ovbs_reason)r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_combination),    cmocka_unit_test(test_evidence),
		cmocka_unit_test(test_lock_alone_is_fine),   cmocka_unit_test(test_family),
		cmocka_unit_test(test_two_asids_are_enough), cmocka_unit_test(test_intel),
		cmocka_unit_test(test_intel_others),         cmocka_unit_test(test_prepare_codes),
		cmocka_unit_test(test_verdict_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
