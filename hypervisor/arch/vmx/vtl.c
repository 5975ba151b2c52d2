// SPDX-License-Identifier: GPL-2.0-only
/*
 * VTL1 on VMX: a VMCS of its own, VPID 2, VTL1's EPT.
 *
 * Physical interrupts are VTL0's: one that comes while VTL1 runs is an exit and
 * stays pending (no acknowledge on exit). External-interrupt exiting does not
 * ask for RFLAGS.IF (SDM 3, 26.2), so while VTL1 takes none it is switched off,
 * and the interrupt-window exit, which comes before any interrupt, takes over.
 *
 * STAR, LSTAR and SFMASK are not in the VMCS: VTL0's are live when VTL1 begins.
 * The secure kernel sets its own around user code and puts VTL0's back, as it
 * does with CR2 and the vector registers.
 */
#include "vmx.h"

#include <ovbs_errno.h>

#include "arch/x86/host.h"
#include "core/log.h"
#include "core/vtl.h"

#define DR7_RESET 0x400u
#define RIGHTS_L  (1u << 13)

enum { ES, CS, SS, DS, FS, GS, LDTR, TR };

const uint8_t arch_hypercall_insn[3] = { 0x0F, 0x01, 0xC1 };

static void put(unsigned int nth, const struct hv_x64_segment_register *s)
{
	const struct ovbs_segment segment = vtl_segment(s);

	vmx_put_segment(nth, &segment);
}

static void fill_guest(const struct hv_initial_vp_context *c)
{
	put(ES, &c->es);
	put(CS, &c->cs);
	put(SS, &c->ss);
	put(DS, &c->ds);
	put(FS, &c->fs);
	put(GS, &c->gs);
	put(LDTR, &c->ldtr);
	put(TR, &c->tr);
	vmwrite(VMCS_GUEST_GDTR_BASE, c->gdtr.base);
	vmwrite(VMCS_GUEST_GDTR_LIMIT, c->gdtr.limit);
	vmwrite(VMCS_GUEST_IDTR_BASE, c->idtr.base);
	vmwrite(VMCS_GUEST_IDTR_LIMIT, c->idtr.limit);
	vmx_put_control_registers(c->cr0, c->cr3, c->cr4);
	vmx_put_efer(c->efer);
	vmwrite(VMCS_GUEST_PAT, c->msr_cr_pat);
	vmwrite(VMCS_GUEST_DEBUGCTL, 0);
	vmwrite(VMCS_GUEST_SYSENTER_CS, 0);
	vmwrite(VMCS_GUEST_SYSENTER_ESP, 0);
	vmwrite(VMCS_GUEST_SYSENTER_EIP, 0);
	vmwrite(VMCS_GUEST_DR7, DR7_RESET);
	vmwrite(VMCS_GUEST_RFLAGS, c->rflags);
	vmwrite(VMCS_GUEST_RIP, c->rip);
	vmwrite(VMCS_GUEST_RSP, c->rsp);
	vmwrite(VMCS_GUEST_PENDING_DB, 0);
	vmwrite(VMCS_SHADOW, 0);
	vmwrite(VMCS_ACTIVITY, ACTIVITY_ACTIVE);
}

void arch_vtl1_init(struct vcpu *v, const struct hv_initial_vp_context *c)
{
	v->arch = (struct arch_vcpu){ .vmcs_spa = vmx_clear(ARCH_VMCS_VTL1) };
	vmx_load(v);
	vmx_fill_controls(1);
	vmx_fill_host();
	fill_guest(c);
	arch_slat_flush(v);
	vmx_load(&this_cpu->vtl[0]);
}

void arch_switch_vtl(struct vcpu *to)
{
	vmwrite(VMCS_GUEST_RSP, to->gpr[GPR_RSP]); /* the other one's, whose VMCS is still current */
	vmx_load(to);
	to->gpr[GPR_RSP] = vmread(VMCS_GUEST_RSP);
}

bool arch_hypercall_allowed(const struct vcpu *v)
{
	return !(vmread(VMCS_GUEST_SS_RIGHTS) >> 5 & 3) && (vmread(VMCS_GUEST_EFER) & EFER_LMA) &&
	       (vmread(VMCS_GUEST_CS_RIGHTS) & RIGHTS_L);
}

void arch_skip_hypercall(struct vcpu *v)
{
	arch_skip_bytes(v, (unsigned int)vmread(VMCS_EXIT_LENGTH));
}

static void set_exits(bool interrupts, bool window)
{
	uint64_t pin = vmread(VMCS_PIN) & ~(uint64_t)PIN_INTERRUPTS;
	uint64_t primary = vmread(VMCS_PRIMARY) & ~(uint64_t)CPU_IRQ_WINDOW;

	vmwrite(VMCS_PIN, pin | (interrupts ? PIN_INTERRUPTS : 0));
	vmwrite(VMCS_PRIMARY, primary | (window ? CPU_IRQ_WINDOW : 0));
}

/* The window exit comes at once if VTL1 takes interrupts already. */
void arch_notify(struct vcpu *v, uint8_t vector)
{
	set_exits(false, vector);
}

void vmx_irq_window(struct vcpu *v)
{
	set_exits(false, false);
	if (!this_cpu->vina)
		return;
	v->arch.event = EVENT_VALID | EVENT_INTERRUPT | this_cpu->vina;
	v->arch.event_error = v->arch.event_length = 0;
}

void arch_notify_end(struct vcpu *v)
{
	set_exits(true, false);
}

int arch_register(struct vcpu *v, uint32_t name, uint64_t *value, bool write)
{
	if (write && name != HV_X64_REGISTER_RIP)
		return v->vtl ? -EINVAL : vmx_write(v, name, *value);
	switch (name) {
	case HV_X64_REGISTER_RIP:
		if (write)
			arch_set_rip(v, *value);
		*value = vmread(VMCS_GUEST_RIP);
		return 0;
	case HV_X64_REGISTER_RFLAGS:
		*value = vmread(VMCS_GUEST_RFLAGS);
		return 0;
	case HV_X64_REGISTER_CR0:
		*value = vmx_cr0();
		return 0;
	case HV_X64_REGISTER_CR3:
		*value = vmread(VMCS_GUEST_CR3);
		return 0;
	case HV_X64_REGISTER_CR4:
		*value = arch_guest_cr4(v);
		return 0;
	case HV_X64_REGISTER_EFER:
		*value = vmread(VMCS_GUEST_EFER);
		return 0;
	default:
		return v->vtl ? -ENOENT : vmx_read_msr(name, value); /* VTL1 has its own by RDMSR */
	}
}
