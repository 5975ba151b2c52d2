// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pinned registers on VMX (core/pin.h), and writes of VTL0's registers in its place.
 *
 * A pinned bit of CR0 or CR4 is in the guest/host mask, and the read shadow
 * holds its value: a MOV that leaves these bits is no exit. SYSENTER's MSRs are
 * in the VMCS; STAR, LSTAR, CSTAR and SFMASK are VTL0's in the CPU.
 */
#include "vmx.h"

#include <ovbs_errno.h>

#include "arch/x86/control.h"
#include "arch/x86/permission.h"
#include "core/log.h"
#include "core/pin.h"

#define TYPE_MOV_TO 0u
#define TYPE_LMSW   3u

/*
 * With paging off every address counts as a user-mode one (seen on Bochs), so a
 * program's execute right would serve ring 0. Where VTL0 can't come and go unseen, since
 * PG is pinned, mode-based execute control is off meanwhile: then EPT's bit 2,
 * the kernel's right, is the only one.
 */
static void tell_user_apart(struct vcpu *v)
{
	bool paging = vmread(VMCS_GUEST_CR0) & CR0_PG, seen = vmread(VMCS_CR0_MASK) & CR0_PG;
	uint64_t now = vmread(VMCS_SECONDARY), then = now & ~(uint64_t)CPU2_MBEC;

	if (vmx_has2(CPU2_MBEC) && (paging || !seen))
		then |= CPU2_MBEC;
	if (then == now)
		return;
	vmwrite(VMCS_SECONDARY, then);
	arch_slat_flush(v);
}

void arch_pin(struct vcpu *v, uint64_t cr0, uint64_t cr4, bool msrs)
{
	uint64_t hidden = vmx_hidden_cr4();

	vmwrite(VMCS_CR0_SHADOW, vmx_cr0());
	vmwrite(VMCS_CR0_MASK, cr0 | CR0_NE);
	vmwrite(VMCS_CR4_SHADOW, vmread(VMCS_GUEST_CR4) & ~hidden);
	vmwrite(VMCS_CR4_MASK, cr4 | hidden);
	tell_user_apart(v);
	v->arch.pinned = msrs;
	arch_trap_x2apic_icr(v, this_cpu->icr_trapped);
}

uint64_t vmx_cr0(void)
{
	return (vmread(VMCS_GUEST_CR0) & ~CR0_NE) | (vmread(VMCS_CR0_SHADOW) & CR0_NE);
}

static struct control control(void)
{
	return (struct control){ vmx_cr0(), vmread(VMCS_GUEST_CR3),
				 vmread(VMCS_GUEST_CR4) & ~vmx_hidden_cr4(),
				 vmread(VMCS_GUEST_EFER), vmx_code64() };
}

static int put_cr0(struct vcpu *v, uint64_t value)
{
	struct control c = control(), before = c;

	if (!control_cr0_write(&c, value))
		return -EINVAL;
	vmwrite(VMCS_GUEST_CR0, c.cr0 | CR0_NE);
	vmwrite(VMCS_CR0_SHADOW, c.cr0);
	if (c.efer != before.efer)
		vmx_put_efer(c.efer);
	tell_user_apart(v);
	if (control_flushes_cr0(c.cr0 ^ before.cr0))
		vmx_flush_linear(v);
	return 0;
}

/* CR4_FIXED1 has the bits that the CPU knows (SDM 3, A.8). */
static int put_cr4(struct vcpu *v, uint64_t value)
{
	struct control c = control(), before = c;

	if (!control_cr4_write(&c, value, rdmsr(MSR_VMX_CR4_FIXED1) & ~vmx_hidden_cr4()))
		return -EINVAL;
	vmwrite(VMCS_GUEST_CR4, c.cr4 | CR4_VMXE);
	vmwrite(VMCS_CR4_SHADOW, c.cr4);
	if (control_flushes_cr4(c.cr4 ^ before.cr4))
		vmx_flush_linear(v);
	return 0;
}

/* As the CPU does for a WRMSR of VTL0's: LMA is not the software's, LME can't change under paging (SDM 3, 4.1). */
int vmx_write_efer(struct vcpu *v, uint64_t value)
{
	uint64_t old = vmread(VMCS_GUEST_EFER);

	if ((((value ^ old) & EFER_LME) && (vmread(VMCS_GUEST_CR0) & CR0_PG)) ||
	    !efer_exists(value, EFER_LME | EFER_LMA | EFER_NXE))
		return -EPERM;
	vmx_put_efer((value & ~EFER_LMA) | (old & EFER_LMA));
	vmx_flush_linear(v); /* NXE changes what cached translations mean */
	return 0;
}

/* The MSR that the CPU has for VTL0, or the VMCS field. */
static bool msr_place(uint32_t name, uint32_t *msr, enum vmcs_field *field)
{
	*msr = 0;
	switch (name) {
	case HV_X64_REGISTER_STAR:
		*msr = MSR_STAR;
		return true;
	case HV_X64_REGISTER_LSTAR:
		*msr = MSR_LSTAR;
		return true;
	case HV_X64_REGISTER_CSTAR:
		*msr = MSR_CSTAR;
		return true;
	case HV_X64_REGISTER_SFMASK:
		*msr = MSR_SFMASK;
		return true;
	case HV_X64_REGISTER_SYSENTER_CS:
		*field = VMCS_GUEST_SYSENTER_CS;
		return true;
	case HV_X64_REGISTER_SYSENTER_ESP:
		*field = VMCS_GUEST_SYSENTER_ESP;
		return true;
	case HV_X64_REGISTER_SYSENTER_EIP:
		*field = VMCS_GUEST_SYSENTER_EIP;
		return true;
	default:
		return false;
	}
}

int vmx_read_msr(uint32_t name, uint64_t *value)
{
	enum vmcs_field field = 0;
	uint32_t msr;

	if (!msr_place(name, &msr, &field))
		return -ENOENT;
	*value = msr ? rdmsr(msr) : vmread(field);
	return 0;
}

static int write_msr(uint32_t name, uint64_t value)
{
	enum vmcs_field field = 0;
	uint32_t msr;

	if (!msr_place(name, &msr, &field))
		return -ENOENT;
	if (msr)
		return wrmsr_safe(msr, value) ? -EINVAL : 0;
	if (field == VMCS_GUEST_SYSENTER_CS ? value >> 32 != 0 :
					      !control_canonical(value, vmread(VMCS_GUEST_CR4)))
		return -EINVAL;
	vmwrite(field, value);
	return 0;
}

int vmx_write(struct vcpu *v, uint32_t name, uint64_t value)
{
	switch (name) {
	case HV_X64_REGISTER_CR0:
		return put_cr0(v, value);
	case HV_X64_REGISTER_CR4:
		return put_cr4(v, value);
	case HV_X64_REGISTER_EFER:
		return vmx_write_efer(v, value) ? -EINVAL : 0;
	default:
		return write_msr(name, value);
	}
}

/*
 * Table 28-3. CR0.NE must stay set in VMX operation: if nothing but it is masked
 * and would change, VTL0's value goes to the shadow, and the instruction runs
 * again and finds nothing to change there. CR4: what would switch on a feature
 * that is hidden gets the #GP of a reserved bit. The rest are pinned bits.
 */
void vmx_cr_write(struct vcpu *v)
{
	uint64_t q = v->arch.qualification, shadow = vmread(VMCS_CR0_SHADOW),
		 value = v->gpr[q >> 8 & 0xF];
	unsigned int cr = q & 0xF, type = q >> 4 & 3, length = (unsigned int)vmread(VMCS_EXIT_LENGTH);

	if (!vmx_code64())
		value = (uint32_t)value;
	if (type == TYPE_LMSW)
		value = control_lmsw(vmx_cr0(), q >> 16 & 0xFFFF);
	else if (type != TYPE_MOV_TO || (cr != 0 && cr != 4))
		cr = ~0u;
	if (cr == 0 && !((value ^ shadow) & vmread(VMCS_CR0_MASK) & ~CR0_NE)) {
		count_exit(OVBS_STAT_OTHER);
		vmwrite(VMCS_CR0_SHADOW, (shadow & ~CR0_NE) | (value & CR0_NE));
	} else if (cr == 0) {
		pin_cr_write(v, HV_X64_REGISTER_CR0, value, length);
	} else if (cr == 4 && !(value & vmx_hidden_cr4())) {
		pin_cr_write(v, HV_X64_REGISTER_CR4, value, length);
	} else {
		count_exit(OVBS_STAT_OTHER);
		arch_inject(v, VEC_GP, true, 0);
	}
}
