// SPDX-License-Identifier: GPL-2.0-only
/*
 * Permission bitmaps and Intel's own registers (SDM 3, 25.6.4, 25.6.9; SDM 4).
 *
 * The MSR bitmaps differ in the write to the x2APIC's ICR, and in the writes of
 * the MSRs that VTL1 may pin. What is not set here goes to the hardware without an exit; registers outside the bitmaps'
 * ranges always exit.
 */
#include "vmx.h"

#include <ovbs_compiler.h>
#include <ovbs_errno.h>
#include <ovbs_string.h>

#include "arch/x86/permission.h"
#include "core/log.h"
#include "core/pin.h"
#include "core/vtl.h"
#include "mm/pool.h"

#define IO_PAGES         2
#define WRITE_HALF       0x800u /* bytes: the bitmap of writes */
#define HIGH_HALF        0x400u /* bytes: MSRs from C0000000h on */
#define MSR_MISC_ENABLE  0x1A0u
#define MISC_NO_BTS      (1ULL << 11)
#define MISC_NO_PEBS     (1ULL << 12)
#define MISC_LIMIT_CPUID (1ULL << 22)
#define MISC_XD_DISABLE  (1ULL << 34)
#define MISC_NEVER_SET   (MISC_LIMIT_CPUID | MISC_XD_DISABLE) /* we need CPUID and EFER.NXE */
#define MSR_BIOS_UPDATE  0x079u
#define MSR_XSS          0xDA0u
#define MSR_CORE_CAPS    0x0CFu
#define CORE_CAPS_RAR    (1ULL << 1) /* remote action requests */

/*
 * State that XRSTORS would write past the MSR bitmap (SDM 1, 13.5): processor
 * trace with the physical address of its output, CET, last-branch records.
 */
#define XSS_PT     (1u << 8)
#define XSS_CET    (3u << 11)
#define XSS_LBR    (1u << 15)
#define XSS_HIDDEN (XSS_PT | XSS_CET | XSS_LBR)

enum msr_rule {
	MSR_PASS = 0,
	MSR_HIDDEN, /* #GP: what it belongs to is not there for VTL0 */
	MSR_FROZEN, /* may be read; a write must not change it */
};

/*
 * Hidden: VMX; the dual-monitor treatment of SMM; and what makes the CPU itself
 * write to memory by physical address, or by linear address while the host
 * runs: processor trace, debug store with PEBS, the feedback interface; also
 * architectural last-branch records, which would go on in the host. Frozen:
 * what decides where memory is. 11h, 12h: a KVM below would write to memory.
 */
static const struct {
	uint32_t first, last;
	enum msr_rule rule;
} rules[] = {
	{ 0x011, 0x012, MSR_HIDDEN }, /* MSR_KVM_WALL_CLOCK, MSR_KVM_SYSTEM_TIME of old */
	{ 0x080, 0x080, MSR_FROZEN }, /* trace hub's memory */
	{ 0x09B, 0x09B, MSR_HIDDEN }, /* IA32_SMM_MONITOR_CTL */
	{ 0x0ED, 0x0F0, MSR_HIDDEN }, /* remote action requests: lists that the CPU reads and answers in memory */
	{ 0x1F2, 0x1F7, MSR_FROZEN },   /* SMRR, PRMRR */
	{ 0x2A0, 0x2A7, MSR_FROZEN },   /* PRMRR_BASE_n */
	{ 0x2F4, 0x2F5, MSR_FROZEN },   /* uncore PRMRR */
	{ 0x3F1, 0x3F2, MSR_HIDDEN },   /* IA32_PEBS_ENABLE, MSR_PEBS_DATA_CFG */
	{ 0x3F4, 0x3F5, MSR_HIDDEN },   /* IA32_PEBS_BASE, IA32_PEBS_INDEX */
	{ 0x480, 0x493, MSR_HIDDEN },   /* VMX capabilities */
	{ 0x560, 0x561, MSR_HIDDEN },   /* IA32_RTIT_OUTPUT_* */
	{ 0x570, 0x58F, MSR_HIDDEN },   /* IA32_RTIT_* */
	{ 0x600, 0x600, MSR_HIDDEN },   /* IA32_DS_AREA */
	{ 0x981, 0x984, MSR_FROZEN },   /* IA32_TME_* */
	{ 0xC80, 0xC80, MSR_FROZEN },   /* IA32_DEBUG_INTERFACE */
	{ 0x1200, 0x121F, MSR_HIDDEN }, /* IA32_LBR_x_INFO */
	{ 0x1400, 0x1401, MSR_FROZEN }, /* SEAMRR */
	{ 0x14CE, 0x14CF, MSR_HIDDEN }, /* IA32_LBR_CTL, _DEPTH */
	{ 0x1500, 0x151F, MSR_HIDDEN }, /* IA32_LBR_x_FROM_IP */
	{ 0x1600, 0x161F, MSR_HIDDEN }, /* IA32_LBR_x_TO_IP */
	{ 0x17D0, 0x17D4, MSR_HIDDEN }, /* IA32_HW_FEEDBACK_PTR, _CONFIG, thread feedback */
};

static uint32_t max_leaf, max_extended; /* highest CPUID leaves, basic and from 80000000h on */
#define ICR_TRAPPED 1u
#define PINNED      2u
#define MAPS        4u

static uint8_t *msr_bitmap[MAPS]; /* ICR_TRAPPED, PINNED */
static uint8_t *io_bitmap;
static uint8_t *vtl1_bitmap;

/* IA32_PMC_GPn_CFG_C, _FXn_CFG_C: a counter's share of architectural PEBS, in blocks of four registers. */
#define PERF_FIRST    0x1900u
#define PERF_LAST     0x19FFu
#define IS_CFG_C(msr) ((msr) >= PERF_FIRST && (msr) <= PERF_LAST && ((msr)&3) == 3)

static enum msr_rule rule_of(uint32_t msr)
{
	if (IS_CFG_C(msr))
		return MSR_HIDDEN;
	for (unsigned int i = 0; i < ARRAY_SIZE(rules); i++)
		if (msr >= rules[i].first && msr <= rules[i].last)
			return rules[i].rule;
	return MSR_PASS;
}

static void trap(uint8_t *map, uint32_t msr, bool read, bool write)
{
	unsigned int at = (msr >= 0xC0000000 ? HIGH_HALF : 0) + (msr & 0x1FFF) / 8;
	uint8_t bit = (uint8_t)(1u << msr % 8);

	hv_assert(msr < 0x2000 || (msr >= 0xC0000000 && msr < 0xC0002000));
	map[at] |= read ? bit : 0;
	map[at + WRITE_HALF] |= write ? bit : 0;
}

static void fill(uint8_t *map)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(rules); i++)
		for (uint32_t msr = rules[i].first; msr <= rules[i].last; msr++)
			trap(map, msr, rules[i].rule == MSR_HIDDEN, true);
	for (uint32_t msr = PERF_FIRST + 3; msr <= PERF_LAST; msr += 4) /* IS_CFG_C() */
		trap(map, msr, true, true);
	trap(map, MSR_FEATURE_CONTROL, true, true);
	trap(map, MSR_CORE_CAPS, true, false);
	trap(map, MSR_MISC_ENABLE, true, true);
	trap(map, MSR_XSS, false, true);
	trap(map, MSR_APIC_BASE, false, true);
	trap(map, MSR_BIOS_UPDATE, false, true);
}

static int fill_vtl1(void)
{
	static const uint32_t own[] = { VTL1_MSRS };

	vtl1_bitmap = pool_pages(1);
	if (!vtl1_bitmap)
		return -ENOMEM;
	memset(vtl1_bitmap, 0xFF, PAGE_SIZE);
	for (unsigned int i = 0; i < ARRAY_SIZE(own); i++) {
		unsigned int at = HIGH_HALF + (own[i] & 0x1FFF) / 8;

		vtl1_bitmap[at] &= (uint8_t) ~(1u << own[i] % 8);
		vtl1_bitmap[at + WRITE_HALF] &= (uint8_t) ~(1u << own[i] % 8);
	}
	return 0;
}

struct spa vmx_vtl1_msr_bitmap(void)
{
	return shared_spa(vtl1_bitmap);
}

int vmx_bitmaps_prepare(void)
{
	static const uint32_t pinned[] = { PIN_MSRS };

	for (unsigned int i = 0; i < MAPS; i++) {
		msr_bitmap[i] = pool_pages(1);
		if (!msr_bitmap[i])
			return -ENOMEM;
		fill(msr_bitmap[i]);
		if (i & ICR_TRAPPED)
			trap(msr_bitmap[i], MSR_X2APIC_ICR, false, true);
		for (unsigned int j = 0; j < ARRAY_SIZE(pinned) && (i & PINNED); j++)
			trap(msr_bitmap[i], pinned[j], false, true);
	}
	io_bitmap = pool_pages(IO_PAGES);
	if (!io_bitmap || fill_vtl1())
		return -ENOMEM;
	max_leaf = cpuid(0, 0).eax;
	max_extended = cpuid(0x80000000, 0).eax;
	return 0;
}

struct spa vmx_msr_bitmap(bool icr_trapped, bool pinned)
{
	return shared_spa(msr_bitmap[(icr_trapped ? ICR_TRAPPED : 0) | (pinned ? PINNED : 0)]);
}

struct spa vmx_io_bitmap(void)
{
	return shared_spa(io_bitmap);
}

void arch_trap_x2apic_icr(struct vcpu *v, bool on)
{
	vmwrite(VMCS_MSR_BITMAP, vmx_msr_bitmap(on, v->arch.pinned).v);
}

void arch_trap_port(uint16_t port, unsigned int size, bool on)
{
	port_map_set(io_bitmap, port, size, on);
}

int arch_msr_read(struct vcpu *v, uint32_t msr, uint64_t *value)
{
	if (rule_of(msr) == MSR_HIDDEN)
		return -EPERM;
	if (msr != MSR_FEATURE_CONTROL && msr != MSR_MISC_ENABLE && msr != MSR_CORE_CAPS)
		return -ENOENT;
	if (rdmsr_safe(msr, value))
		return -EPERM;
	if (msr == MSR_FEATURE_CONTROL)
		*value &= ~(FEATURE_CONTROL_SMX | FEATURE_CONTROL_VMX);
	else if (msr == MSR_CORE_CAPS)
		*value &= ~CORE_CAPS_RAR;
	else
		*value |= MISC_NO_BTS | MISC_NO_PEBS;
	return 0;
}

/* VTL0 writes back what it read: the two bits, which are read-only, as the hardware has them. */
static int write_misc_enable(uint64_t value)
{
	const uint64_t shown = MISC_NO_BTS | MISC_NO_PEBS;
	uint64_t old;

	if ((value & MISC_NEVER_SET) || rdmsr_safe(MSR_MISC_ENABLE, &old))
		return -EPERM;
	return wrmsr_safe(MSR_MISC_ENABLE, (value & ~shown) | (old & shown)) ? -EPERM : 0;
}

int arch_msr_write(struct vcpu *v, uint32_t msr, uint64_t value)
{
	switch (rule_of(msr)) {
	case MSR_HIDDEN:
		return -EPERM;
	case MSR_FROZEN:
		return msr_keep(msr, value);
	default:
		break;
	}
	switch (msr) {
	case MSR_EFER: /* an exit while MSRs are pinned */
		return vmx_write_efer(v, value);
	case MSR_FEATURE_CONTROL: /* locked */
		return -EPERM;
	case MSR_BIOS_UPDATE:
		/* The CPU would read the update by the host's tables (SDM 3, 33.4.1). docs/caveats.md. */
		hv_log_denied("microcode update: not passed on");
		return 0;
	case MSR_MISC_ENABLE:
		return write_misc_enable(value);
	case MSR_XSS:
		return value & XSS_HIDDEN ? -EPERM : -ENOENT;
	default:
		return -ENOENT;
	}
}

void vmx_hide_xss(void)
{
	uint64_t xss;

	if (!rdmsr_safe(MSR_XSS, &xss) && (xss & XSS_HIDDEN))
		wrmsr(MSR_XSS, xss & ~(uint64_t)XSS_HIDDEN);
}

static void hide(uint32_t *r, unsigned int bit)
{
	*r &= ~(1u << bit);
}

static void hide_leaf7(uint32_t subleaf, struct cpuid_regs *r)
{
	if (subleaf == 1) {
		hide(&r->eax, 17); /* FRED: its state is not in our VMCS */
		hide(&r->eax, 27); /* RDMSRLIST, WRMSRLIST: a tertiary control */
		hide(&r->ecx, 5);  /* RDMSR and WRMSRNS with an immediate: exits of their own */
		hide(&r->edx, 15); /* URDMSR, UWRMSR: the same */
		return;
	}
	if (subleaf)
		return;
	hide(&r->ebx, 25); /* processor trace */
	hide(&r->ecx, 7);  /* CET: the host's and VTL0's shadow stacks are not switched yet */
	hide(&r->edx, 18); /* PCONFIG: it would program memory encryption */
	hide(&r->edx, 19); /* architectural last-branch records */
	hide(&r->edx, 20);
	if (!vmx_has2(CPU2_INVPCID))
		hide(&r->ebx, 10);
	if (!vmx_has2(CPU2_USER_WAIT))
		hide(&r->ecx, 5);
}

uint64_t vmx_hidden_cr4(void)
{
	return CR4_VMXE | CR4_SMXE | CR4_CET | CR4_FRED;
}

void arch_cpuid(uint32_t leaf, uint32_t subleaf, struct cpuid_regs *r)
{
	/* A leaf that is not there, extended ones too, gives the highest basic leaf's data (SDM 2, CPUID). */
	if (leaf < 0x80000000 ? leaf > max_leaf : leaf > max_extended)
		leaf = max_leaf;
	switch (leaf) {
	case 1:
		hide(&r->ecx, 2);  /* 64-bit debug store */
		hide(&r->ecx, 4);  /* debug store by privilege */
		hide(&r->ecx, 5);  /* VMX */
		hide(&r->ecx, 6);  /* SMX */
		hide(&r->edx, 21); /* debug store */
		break;
	case 6:
		hide(&r->eax, 19); /* hardware feedback: the CPU writes to memory */
		hide(&r->eax, 23);
		break;
	case 7:
		hide_leaf7(subleaf, r);
		break;
	case 0xD:
		if (subleaf == 1) {
			if (!vmx_has2(CPU2_XSAVES))
				hide(&r->eax, 3);
			r->ecx &= ~XSS_HIDDEN;
		} else if (subleaf < 32 && (XSS_HIDDEN >> subleaf & 1)) {
			*r = (struct cpuid_regs){ 0 };
		}
		break;
	case 0x14: /* processor trace */
	case 0x1C: /* architectural last-branch records */
		*r = (struct cpuid_regs){ 0 };
		break;
	case 0x23: /* performance monitoring: no architectural PEBS */
		if (subleaf == 0) {
			hide(&r->eax, 2); /* auto counter reload shares PEBS' registers */
			hide(&r->eax, 4);
			hide(&r->eax, 5);
		} else if (subleaf == 2 || subleaf == 4 || subleaf == 5) {
			*r = (struct cpuid_regs){ 0 };
		}
		break;
	case 0x80000001:
		if (!vmx_has2(CPU2_RDTSCP))
			hide(&r->edx, 27);
		break;
	default:
		break;
	}
}
