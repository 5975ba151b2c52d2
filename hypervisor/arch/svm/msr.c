// SPDX-License-Identifier: GPL-2.0-only
/*
 * Permission maps and AMD's own registers.
 *
 * The MSR maps differ in the write to the x2APIC's ICR, and in the writes of the
 * MSRs that VTL1 may pin. Everything that is not set here goes to the hardware
 * without an exit.
 */
#include "svm.h"

#include <ovbs_compiler.h>
#include <ovbs_errno.h>
#include <ovbs_string.h>

#include "arch/x86/permission.h"
#include "core/log.h"
#include "core/pin.h"
#include "core/vtl.h"
#include "mm/pool.h"

#define MSRPM_PAGES 2
#define IOPM_PAGES  3

#define ICR_TRAPPED 1u
#define PINNED      2u
#define MAPS        4u

static uint8_t *msrpm[MAPS]; /* ICR_TRAPPED, PINNED */
static uint8_t *iopm;
static uint8_t *vtl1_msrpm, *vtl1_iopm;

/* Byte and bit of an MSR's read intercept; the write's is the next bit (15.11). */
static bool map_place(uint32_t msr, unsigned int *bit)
{
	if (msr < 0x2000)
		*bit = msr * 2;
	else if (msr >= 0xC0000000 && msr < 0xC0002000)
		*bit = 0x800 * 8 + (msr - 0xC0000000) * 2;
	else if (msr >= 0xC0010000 && msr < 0xC0012000)
		*bit = 0x1000 * 8 + (msr - 0xC0010000) * 2;
	else
		return false;
	return true;
}

static void trap_msr(uint32_t msr, bool read, bool write)
{
	unsigned int bit = 0;

	hv_assert(map_place(msr, &bit));
	for (unsigned int i = 0; i < MAPS; i++)
		msrpm[i][bit / 8] |= (uint8_t)((read ? 1u : 0) | (write ? 2u : 0)) << bit % 8;
}

/*
 * Registers that route physical addresses: with them VTL0 could put a device
 * in the place of the hypervisor's memory. Writing what they hold is fine.
 */
static bool routes_memory(uint32_t msr)
{
	switch (msr) {
	case MSR_SYSCFG:
	case MSR_IORR_BASE0 ... MSR_IORR_MASK1:
	case MSR_TOP_MEM:
	case MSR_TOP_MEM2:
	case MSR_MMIO_CONFIG:
	case MSR_RMP_BASE:
	case MSR_RMP_END:
	case MSR_SMM_BASE:
	case MSR_SMM_ADDR:
	case MSR_SMM_MASK:
		return true;
	default:
		return false;
	}
}

/*
 * SVM's own, and SEV's, which needs SVM, are not there for VTL0. Nor is the way
 * into SMM from outside (SMM_CTL, SMM_KEY), which firmware should have locked,
 * nor two registers by which a KVM below could be made to write anywhere. Nor
 * what samples or records branches without a common switch: instruction-based
 * sampling and the branch records of Zen 3 and later would go on in VTL1 and in
 * the host.
 */
static bool is_hidden(uint32_t msr)
{
	switch (msr) {
	case MSR_LBR_SELECT ... MSR_DBG_EXTN_CFG:
	case MSR_LBR_FIRST ... MSR_LBR_LAST:
	case MSR_IBS_FIRST ... MSR_IBS_LAST:
	case MSR_VM_CR:
	case MSR_VM_HSAVE_PA:
	case MSR_SVM_KEY:
	case MSR_SMM_CTL:
	case MSR_SMM_KEY:
	case MSR_TSC_RATIO:
	case MSR_KVM_WALL_OLD:
	case MSR_KVM_TIME_OLD:
	case MSR_AVIC_DOORBELL:
	case MSR_SEV_GHCB:
	case MSR_SEV_STATUS:
		return true;
	default:
		return false;
	}
}

static int vtl1_maps(void)
{
	static const uint32_t own[] = { VTL1_MSRS };

	vtl1_msrpm = pool_pages(MSRPM_PAGES);
	vtl1_iopm = pool_pages(IOPM_PAGES);
	if (!vtl1_msrpm || !vtl1_iopm)
		return -ENOMEM;
	memset(vtl1_msrpm, 0xFF, MSRPM_PAGES * PAGE_SIZE);
	memset(vtl1_iopm, 0xFF, IOPM_PAGES * PAGE_SIZE);
	for (unsigned int i = 0; i < ARRAY_SIZE(own); i++) {
		unsigned int bit = 0;

		hv_assert(map_place(own[i], &bit));
		vtl1_msrpm[bit / 8] &= (uint8_t) ~(3u << bit % 8);
	}
	return 0;
}

struct spa svm_vtl1_msrpm(void)
{
	return shared_spa(vtl1_msrpm);
}

struct spa svm_vtl1_iopm(void)
{
	return shared_spa(vtl1_iopm);
}

/* In those maps only that have @which. */
static void trap_write(unsigned int which, uint32_t msr)
{
	unsigned int bit = 0;

	hv_assert(map_place(msr, &bit));
	for (unsigned int i = 0; i < MAPS; i++)
		if (i & which)
			msrpm[i][bit / 8] |= (uint8_t)(2u << bit % 8);
}

int svm_bitmaps_prepare(void)
{
	static const uint32_t pinned[] = { PIN_MSRS };

	for (unsigned int i = 0; i < MAPS; i++) {
		msrpm[i] = pool_pages(MSRPM_PAGES);
		if (!msrpm[i])
			return -ENOMEM;
	}
	iopm = pool_pages(IOPM_PAGES);
	if (!iopm || vtl1_maps())
		return -ENOMEM;
	trap_msr(MSR_EFER, true, true);
	trap_msr(MSR_APIC_BASE, false, true);
	trap_msr(MSR_TSC_RATIO, true, true);
	trap_msr(MSR_KVM_WALL_OLD, true, true);
	trap_msr(MSR_KVM_TIME_OLD, true, true);
	for (uint32_t msr = MSR_SYSCFG; msr <= MSR_IBS_LAST; msr++)
		if (is_hidden(msr) || routes_memory(msr))
			trap_msr(msr, is_hidden(msr), true);
	for (uint32_t msr = MSR_LBR_SELECT; msr <= MSR_DBG_EXTN_CFG; msr++)
		trap_msr(msr, true, true);
	trap_write(ICR_TRAPPED, MSR_X2APIC_ICR);
	for (unsigned int i = 0; i < ARRAY_SIZE(pinned); i++)
		trap_write(PINNED, pinned[i]);
	return 0;
}

struct spa svm_msrpm(bool icr_trapped, bool pinned)
{
	return shared_spa(msrpm[(icr_trapped ? ICR_TRAPPED : 0) | (pinned ? PINNED : 0)]);
}

struct spa svm_iopm(void)
{
	return shared_spa(iopm);
}

void arch_trap_port(uint16_t port, unsigned int size, bool on)
{
	port_map_set(iopm, port, size, on);
}

/* LMA is not the software's; SVME does not exist for VTL0; LME can't change under paging (APM 2, 14.6.1). */
int svm_write_efer(struct vcpu *v, uint64_t value)
{
	const uint64_t ours = EFER_LME | EFER_LMA | EFER_NXE | EFER_SVME;
	struct vmcb *b = v->arch.vmcb;

	if ((value & EFER_SVME) || (((value ^ b->efer) & EFER_LME) && (b->cr0 & CR0_PG)) ||
	    !efer_exists(value, ours))
		return -EPERM;
	b->efer = (value & ~EFER_LMA) | (b->efer & EFER_LMA) | EFER_SVME;
	b->tlb_control = TLB_FLUSH_ALL; /* NXE changes what cached translations mean */
	return 0;
}

int arch_msr_read(struct vcpu *v, uint32_t msr, uint64_t *value)
{
	if (msr == MSR_EFER) {
		*value = v->arch.vmcb->efer & ~EFER_SVME;
		return 0;
	}
	return is_hidden(msr) ? -EPERM : -ENOENT;
}

int arch_msr_write(struct vcpu *v, uint32_t msr, uint64_t value)
{
	if (msr == MSR_EFER)
		return svm_write_efer(v, value);
	if (is_hidden(msr))
		return -EPERM;
	if (!routes_memory(msr))
		return -ENOENT;
	return msr_keep(msr, value);
}

void arch_cpuid(uint32_t leaf, uint32_t subleaf, struct cpuid_regs *r)
{
	switch (leaf) {
	case 0x80000001:
		r->ecx &= ~((1u << 2) | (1u << 10) | (1u << 12)); /* SVM, instruction-based sampling, SKINIT */
		break;
	case 0x80000008:
		r->ebx &= ~((1u << 3) | (1u << 31)); /* INVLPGB needs a VMCB setting that is not made yet; branch sampling */
		break;
	case 0x80000022:
		r->eax &= ~(1u << 1); /* branch records, version 2 */
		break;
	case 0x8000000A: /* SVM */
	case 0x8000001B: /* instruction-based sampling */
	case 0x8000001F: /* SME, SEV */
	case 0x80000023: /* multi-key SME */
		*r = (struct cpuid_regs){ 0 };
		break;
	default:
		break;
	}
}
