// SPDX-License-Identifier: GPL-2.0-only
/*
 * EPT: entries, pointer, invalidation (SDM 3, 29.3 and 29.4).
 *
 * With EPT the MTRRs have no say for VTL0; its memory types come from the EPT
 * entry and its own PAT (29.3.7). So each leaf has the MTRRs' type of its
 * memory, as the MTRRs were when the hypervisor started.
 */
#include "vmx.h"

#include "arch/x86/mtrr.h"
#include "core/log.h"

#define EPT_TABLE_LEVELS 4
#define INVEPT_ALL       2ULL
#define INVVPID_ALL      2ULL

static struct mtrrs mtrrs;
static uint64_t ept_cap;
uint8_t vmx_phys_bits;

static void read_mtrrs(struct mtrrs *m)
{
	static const uint16_t fixed[MTRR_FIXED] = { 0x250, 0x258, 0x259, 0x268, 0x269, 0x26A,
						    0x26B, 0x26C, 0x26D, 0x26E, 0x26F };
	uint64_t cap;

	m->present = cpuid(1, 0).edx & (1u << 12);
	if (!m->present)
		return;
	cap = rdmsr(MSR_MTRR_CAP);
	m->has_fixed = cap & (1u << 8);
	m->variable = (uint8_t)(cap & 0xFF);
	hv_assert(m->variable <= MTRR_VARIABLE_MAX);
	m->def_type = rdmsr(MSR_MTRR_DEF_TYPE);
	m->addr_mask = ((1ULL << vmx_phys_bits) - 1) & PAGE_MASK;
	for (unsigned int i = 0; m->has_fixed && i < MTRR_FIXED; i++)
		m->fixed[i] = rdmsr(fixed[i]);
	for (unsigned int i = 0; i < m->variable; i++) {
		m->var[i].base = rdmsr(MSR_MTRR_VARIABLE + 2 * i);
		m->var[i].mask = rdmsr(MSR_MTRR_VARIABLE + 2 * i + 1);
	}
}

void vmx_ept_prepare(void)
{
	vmx_phys_bits = (uint8_t)cpuid(0x80000008, 0).eax;
	read_mtrrs(&mtrrs);
	ept_cap = rdmsr(MSR_VMX_EPT_VPID);
}

uint64_t vmx_ept_pointer(const struct slat *s)
{
	return s->root_spa.v | EPTP_LEVELS(EPT_TABLE_LEVELS) | EPTP_WB;
}

static uint64_t level_size(unsigned int level)
{
	return PAGE_SIZE << 9 * (level - 1);
}

uint64_t arch_slat_leaf(struct spa to, unsigned int rights, unsigned int level)
{
	enum memory_type type;

	(void)mtrr_type(&mtrrs, to.v, level_size(level), &type);
	return to.v | (rights & SLAT_R ? EPT_R : 0) | (rights & SLAT_W ? EPT_W : 0) |
	       (rights & (SLAT_X | SLAT_RUN) ? EPT_X : 0) | (rights & SLAT_X ? EPT_SW_X : 0) |
	       (rights & SLAT_U ? EPT_XU : 0) | EPT_TYPE(type) | (level > 1 ? EPT_LARGE : 0);
}

bool arch_slat_user_apart(void)
{
	return vmx_has2(CPU2_MBEC);
}

bool arch_slat_uniform(struct spa at, unsigned int level)
{
	enum memory_type type;

	return mtrr_type(&mtrrs, at.v, level_size(level), &type);
}

unsigned int arch_slat_rights(uint64_t entry)
{
	return (entry & EPT_R ? SLAT_R : 0) | (entry & EPT_W ? SLAT_W : 0) | (entry & EPT_SW_X ? SLAT_X : 0) |
	       (entry & EPT_XU ? SLAT_U : 0) | ((entry & EPT_X) && !(entry & EPT_SW_X) ? SLAT_RUN : 0);
}

uint64_t arch_slat_table(struct spa table)
{
	return table.v | EPT_R | EPT_W | EPT_X | EPT_XU;
}

unsigned int arch_slat_levels(void)
{
	return EPT_TABLE_LEVELS;
}

bool arch_slat_1g(void)
{
	return ept_cap & EPT_CAP_1G;
}

void arch_slat_flush(struct vcpu *v)
{
	struct {
		uint64_t eptp, zero;
	} descriptor = { 0, 0 };
	bool failed;

	asm volatile("invept %1, %2"
		     : "=@ccbe"(failed)
		     : "m"(descriptor), "r"(INVEPT_ALL)
		     : "memory");
	if (failed)
		hv_panic("INVEPT failed");
}

void vmx_flush_linear(struct vcpu *v)
{
	struct {
		uint64_t vpid, address;
	} descriptor = { 0, 0 };
	bool failed;

	/* Without VPID each entry and exit drops them (29.4.3.1). */
	if (!vmx_has2(CPU2_VPID))
		return;
	if ((ept_cap & VPID_CAP_INVVPID) && (ept_cap & VPID_CAP_ALL)) {
		asm volatile("invvpid %1, %2"
			     : "=@ccbe"(failed)
			     : "m"(descriptor), "r"(INVVPID_ALL)
			     : "memory");
		if (failed)
			hv_panic("INVVPID failed");
	} else {
		arch_slat_flush(v); /* drops the combined ones, and with EPT there are no others */
	}
}
