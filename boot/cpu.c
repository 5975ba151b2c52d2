/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading CPU registers: see cpu.h. Runs on application processors too, so it
 * must not call firmware.
 */
#include "cpu.h"

#include <openvbs/hv_abi.h>
#include <openvbs/tlfs.h>
#include <openvbs/vtl_abi.h>

#include "ovbs_errno.h"
#include "ovbs_string.h"
#include "segments.h"

#define MSR_FEATURE_CONTROL 0x3Au
#define MSR_TME_ACTIVATE    0x982u
#define MSR_EFER            0xC0000080u
#define MSR_FS_BASE         0xC0000100u
#define MSR_GS_BASE         0xC0000101u
#define MSR_VM_CR           0xC0010114u

#define ATTRIB_LONG (1u << 9) /* L */

#define TR_NULL_ATTRIB                                                                             \
	0x8Bu /* present, busy 64-bit TSS: VMRUN wants nothing, VM entry of others does */
#define TR_NULL_LIMIT 0xFFFFu

struct cpuid {
	uint32_t eax, ebx, ecx, edx;
};

static struct cpuid cpuid(uint32_t leaf)
{
	struct cpuid r;

	__asm__ volatile("cpuid"
			 : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
			 : "a"(leaf), "c"(0));
	return r;
}

static uint64_t rdmsr(uint32_t msr)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
	return (uint64_t)high << 32 | low;
}

static void wrmsr(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr"
			 :
			 : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
			 : "memory");
}

static void text12(char out[13], uint32_t a, uint32_t b, uint32_t c)
{
	memcpy(out, &a, 4);
	memcpy(out + 4, &b, 4);
	memcpy(out + 8, &c, 4);
	out[12] = '\0';
}

static void hypervisor_signature(char out[13])
{
	struct cpuid r = cpuid(OVBS_CPUID_BASE);

	text12(out, r.ebx, r.ecx, r.edx);
}

static void gather_svm(struct ovbs_cpu_facts *facts)
{
	struct cpuid r;

	facts->vm_cr = rdmsr(MSR_VM_CR);
	if (facts->ext_max >= 0x8000000Au) {
		r = cpuid(0x8000000Au);
		facts->svm_ebx = r.ebx;
		facts->svm_edx = r.edx;
	}
}

/* Nothing here survives a #GP: which of the registers exist is in the others (SDM volume 3, appendix A). */
static void gather_vmx(struct ovbs_cpu_facts *facts)
{
	static const uint32_t msr[VMX_FACTS] = {
		[VMX_BASIC] = 0x480,      [VMX_PROCBASED] = 0x482, [VMX_MISC] = 0x485,
		[VMX_PROCBASED2] = 0x48B, [VMX_EPT_VPID] = 0x48C,  [VMX_TRUE_PIN] = 0x48D,
		[VMX_TRUE_PROC] = 0x48E,  [VMX_TRUE_EXIT] = 0x48F, [VMX_TRUE_ENTRY] = 0x490,
	};
	uint64_t *vmx = facts->vmx;

	facts->feature_control = rdmsr(MSR_FEATURE_CONTROL);
	if ((facts->leaf7_ecx & CPUID_7_ECX_TME) != 0)
		facts->tme_activate = rdmsr(MSR_TME_ACTIVATE);
	for (unsigned int i = VMX_BASIC; i <= VMX_MISC; i++)
		vmx[i] = rdmsr(msr[i]);
	if ((vmx[VMX_PROCBASED] & VMX_MAY(VMX_PROC_SECONDARY)) != 0)
		vmx[VMX_PROCBASED2] = rdmsr(msr[VMX_PROCBASED2]);
	if ((vmx[VMX_PROCBASED2] & (VMX_MAY(VMX_PROC2_EPT) | VMX_MAY(VMX_PROC2_VPID))) != 0)
		vmx[VMX_EPT_VPID] = rdmsr(msr[VMX_EPT_VPID]);
	if ((vmx[VMX_BASIC] & VMX_BASIC_TRUE) == 0)
		return;
	for (unsigned int i = VMX_TRUE_PIN; i <= VMX_TRUE_ENTRY; i++)
		vmx[i] = rdmsr(msr[i]);
}

void cpu_gather(struct ovbs_cpu_facts *facts)
{
	struct cpuid r = cpuid(0);

	memset(facts, 0, sizeof(*facts));
	facts->std_max = r.eax;
	text12(facts->vendor, r.ebx, r.edx, r.ecx);
	r = cpuid(1);
	facts->signature = r.eax;
	facts->std_ecx = r.ecx;
	if (facts->std_max >= 7) {
		r = cpuid(7);
		facts->leaf7_ebx = r.ebx;
		facts->leaf7_ecx = r.ecx;
	}
	hypervisor_signature(facts->hypervisor);
	facts->ext_max = cpuid(0x80000000u).eax;
	if (facts->ext_max >= 0x80000001u && facts->ext_max < 0x80010000u) {
		r = cpuid(0x80000001u);
		facts->ext_ecx = r.ecx;
		facts->ext_edx = r.edx;
	}
	if (checks_kind(facts) == CPU_KIND_SVM)
		gather_svm(facts);
	else if (checks_kind(facts) == CPU_KIND_VMX)
		gather_vmx(facts);
	facts->efer = rdmsr(MSR_EFER);
	__asm__ volatile("movq %%cr4, %0" : "=r"(facts->cr4));
}

static uint64_t dtr_base(const struct stub_dtr *dtr)
{
	uint64_t base;

	memcpy(&base, dtr->base, sizeof(base));
	return base;
}

#define READ_SELECTOR(reg)                                                                         \
	({                                                                                         \
		uint16_t value_;                                                                   \
		__asm__ volatile("movw %%" #reg ", %0" : "=r"(value_));                            \
		value_;                                                                            \
	})

static void store_dtrs(struct stub_dtr *gdtr, struct stub_dtr *idtr)
{
	memset(gdtr, 0, sizeof(*gdtr));
	memset(idtr, 0, sizeof(*idtr));
	__asm__ volatile("sgdtq %0" : "=m"(*gdtr));
	__asm__ volatile("sidtq %0" : "=m"(*idtr));
}

int cpu_capture_segments(struct ovbs_cpu_entry *entry)
{
	struct stub_dtr gdtr, idtr;
	const void *gdt;
	uint16_t tr, ldtr;
	int bad = 0;

	store_dtrs(&gdtr, &idtr);
	gdt = (const void *)dtr_base(&gdtr);
	__asm__ volatile("str %0" : "=r"(tr));
	__asm__ volatile("sldt %0" : "=r"(ldtr));
	bad |= segment_decode(gdt, gdtr.limit, READ_SELECTOR(es), &entry->es);
	bad |= segment_decode(gdt, gdtr.limit, READ_SELECTOR(cs), &entry->cs);
	bad |= segment_decode(gdt, gdtr.limit, READ_SELECTOR(ss), &entry->ss);
	bad |= segment_decode(gdt, gdtr.limit, READ_SELECTOR(ds), &entry->ds);
	bad |= segment_decode(gdt, gdtr.limit, READ_SELECTOR(fs), &entry->fs);
	bad |= segment_decode(gdt, gdtr.limit, READ_SELECTOR(gs), &entry->gs);
	bad |= segment_decode(gdt, gdtr.limit, ldtr, &entry->ldtr);
	bad |= segment_decode(gdt, gdtr.limit, tr, &entry->tr);
	entry->fs.base = rdmsr(MSR_FS_BASE);
	entry->gs.base = rdmsr(MSR_GS_BASE);
	if ((tr & ~3u) == 0) {
		entry->tr.attrib = TR_NULL_ATTRIB;
		entry->tr.limit = TR_NULL_LIMIT;
	}
	entry->gdtr = (struct ovbs_segment){ .limit = gdtr.limit, .base = dtr_base(&gdtr) };
	entry->idtr = (struct ovbs_segment){ .limit = idtr.limit, .base = dtr_base(&idtr) };
	return bad != 0 || (entry->cs.attrib & ATTRIB_LONG) == 0 ? -EINVAL : 0;
}

void cpu_capture_context(struct stub_context *context)
{
	memset(context, 0, sizeof(*context));
	store_dtrs(&context->gdtr, &context->idtr);
	context->cs = READ_SELECTOR(cs);
	context->ds = READ_SELECTOR(ds);
	context->es = READ_SELECTOR(es);
	context->ss = READ_SELECTOR(ss);
	context->fs = READ_SELECTOR(fs);
	context->gs = READ_SELECTOR(gs);
	context->fs_base = rdmsr(MSR_FS_BASE);
	context->gs_base = rdmsr(MSR_GS_BASE);
}

bool cpu_set_nx(bool on)
{
	uint64_t efer = rdmsr(MSR_EFER);
	bool was = (efer & EFER_NXE) != 0;

	if (was != on)
		wrmsr(MSR_EFER, efer ^ EFER_NXE);
	return was;
}

bool cpu_hypervisor_answers(void)
{
	char signature[13];

	hypervisor_signature(signature);
	return strcmp(signature, OVBS_CPUID_SIGNATURE) == 0;
}

uint64_t cpu_rdtsc(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

/*
 * TLFS, VTL call. This CPU has no message page yet, and VTL1 says so; the
 * hypervisor alone, without a VTL1, would raise #UD.
 */
bool cpu_vtl1_answers(enum cpu_kind kind)
{
	uint64_t rax = 0, rcx = HV_CALL_VTL_CALL, rdx = OVBS_VTL_UNREGISTER;

	if (kind == CPU_KIND_VMX)
		__asm__ volatile("vmcall" : "+a"(rax), "+c"(rcx) : "d"(rdx) : "memory");
	else
		__asm__ volatile("vmmcall" : "+a"(rax), "+c"(rcx) : "d"(rdx) : "memory");
	return rax == (uint32_t)OVBS_E_BAD_STATE;
}

void cpu_stop(void)
{
	for (;;)
		__asm__ volatile("cli; hlt");
}
