// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMX: start, VMCS, entry. SDM 3, chapters 24 to 28.
 *
 * One VMCS per CPU and VTL, in the CPU's private pages; that of the VTL that runs
 * is the current one. VPID 1 is VTL0's, 2 is VTL1's. INIT and SIPI are
 * exits of the hardware (INIT is held while the host runs), so the ICR needs no
 * trap: a CPU that got INIT waits for its SIPI inside VMX, in the activity
 * state of that name.
 */
#include "vmx.h"

#include "arch/x86/host.h"
#include "arch/x86/layout.h"
#include "core/icr.h"
#include "core/log.h"

#define CPUID1_VMX     (1u << 5)
#define VMX_REVISION   0x7FFFFFFFu
#define MISC_WAIT_SIPI (1u << 8)
#define PAT_HOST       0x0007040600070406ULL /* the reset value: PCD and PWT together are UC */

uint64_t vmread(enum vmcs_field f)
{
	uint64_t v;
	bool failed;

	asm volatile("vmread %2, %1" : "=@ccbe"(failed), "=r"(v) : "r"((uint64_t)f) : "memory");
	if (failed)
		hv_panic("VMREAD of field %x failed", f);
	return v;
}

void vmwrite(enum vmcs_field f, uint64_t v)
{
	bool failed;

	asm volatile("vmwrite %1, %2" : "=@ccbe"(failed) : "r"(v), "r"((uint64_t)f) : "memory");
	if (failed)
		hv_panic("VMWRITE of %llx to field %x failed", (unsigned long long)v, f);
}

enum init_hold arch_init_held(void)
{
	return INIT_AND_SIPI_HELD;
}

/* The loader looked at the same registers, and told a person what is missing; this is the last line of defence. */
bool arch_supported(const char **why)
{
	uint64_t feature;

	if (!(cpuid(1, 0).ecx & CPUID1_VMX))
		*why = "no VMX";
	else if (read_cr4() & CR4_VMXE)
		*why = "somebody else switched VMX on (CR4.VMXE)";
	else if (rdmsr_safe(MSR_FEATURE_CONTROL, &feature) ||
		 ((feature & FEATURE_CONTROL_LOCK) && !(feature & FEATURE_CONTROL_VMX)))
		*why = "VMX is locked off (IA32_FEATURE_CONTROL)";
	else if (!(rdmsr(MSR_VMX_MISC) & MISC_WAIT_SIPI))
		*why = "no wait-for-SIPI activity state";
	else if (vmx_controls_prepare(why)) {
		vmx_ept_prepare();
		return true;
	}
	return false;
}

int arch_prepare(const struct ovbs_boot_info *info)
{
	hv_log("openvbs " OVBS_VERSION
	       ": VMX revision %x, EPT and VPID capabilities %llx, %u CPUs, %u address bits",
	       (uint32_t)rdmsr(MSR_VMX_BASIC) & VMX_REVISION,
	       (unsigned long long)rdmsr(MSR_VMX_EPT_VPID), info->cpu_count, vmx_phys_bits);
	return vmx_bitmaps_prepare();
}

static uint64_t set_revision(unsigned int page)
{
	uint32_t *region = PRIVATE_ADDR(PRIV_ARCH + page);

	*region = (uint32_t)rdmsr(MSR_VMX_BASIC) & VMX_REVISION;
	return private_page_spa(this_cpu->index, PRIV_ARCH + page).v;
}

static void enable(void)
{
	uint64_t feature = rdmsr(MSR_FEATURE_CONTROL);
	uint64_t vmxon_spa = set_revision(ARCH_VMXON);
	bool failed;

	/* Left open by the firmware: set and locked now, so that nobody can switch it off before a warm reset. */
	if (!(feature & FEATURE_CONTROL_LOCK))
		wrmsr(MSR_FEATURE_CONTROL, feature | FEATURE_CONTROL_VMX | FEATURE_CONTROL_LOCK);
	asm volatile("vmxon %1" : "=@ccbe"(failed) : "m"(vmxon_spa) : "memory");
	if (failed)
		hv_panic("VMXON failed");
}

uint64_t vmx_clear(unsigned int page)
{
	uint64_t spa = set_revision(page);
	bool failed;

	asm volatile("vmclear %1" : "=@ccbe"(failed) : "m"(spa) : "memory");
	if (failed)
		hv_panic("VMCLEAR failed");
	return spa;
}

void vmx_load(const struct vcpu *v)
{
	bool failed;

	asm volatile("vmptrld %1" : "=@ccbe"(failed) : "m"(v->arch.vmcs_spa) : "memory");
	if (failed)
		hv_panic("VMPTRLD failed");
}

struct table_register {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

void vmx_fill_host(void)
{
	struct table_register gdt, idt;

	asm volatile("sgdt %0" : "=m"(gdt));
	asm volatile("sidt %0" : "=m"(idt));
	vmwrite(VMCS_HOST_CR0, read_cr0());
	vmwrite(VMCS_HOST_CR3, read_cr3());
	vmwrite(VMCS_HOST_CR4, read_cr4());
	vmwrite(VMCS_HOST_CS, HOST_CS);
	vmwrite(VMCS_HOST_SS, HOST_DS);
	vmwrite(VMCS_HOST_DS, HOST_DS);
	vmwrite(VMCS_HOST_ES, HOST_DS);
	vmwrite(VMCS_HOST_FS, 0);
	vmwrite(VMCS_HOST_GS, 0);
	vmwrite(VMCS_HOST_TR, HOST_TR);
	vmwrite(VMCS_HOST_FS_BASE, 0);
	vmwrite(VMCS_HOST_GS_BASE, 0);
	vmwrite(VMCS_HOST_TR_BASE, (uint64_t)&this_cpu->tss);
	vmwrite(VMCS_HOST_GDTR_BASE, gdt.base);
	vmwrite(VMCS_HOST_IDTR_BASE, idt.base);
	vmwrite(VMCS_HOST_SYSENTER_CS, 0);
	vmwrite(VMCS_HOST_SYSENTER_ESP, 0);
	vmwrite(VMCS_HOST_SYSENTER_EIP, 0);
	vmwrite(VMCS_HOST_EFER, rdmsr(MSR_EFER));
	vmwrite(VMCS_HOST_PAT, PAT_HOST);
	vmwrite(VMCS_HOST_RIP, (uint64_t)vmx_exit_entry);
}

void arch_enter(struct vcpu *v, const struct ovbs_cpu_entry *e)
{
	uint64_t efer = rdmsr(MSR_EFER);

	host_control_registers(CR4_VMXE);
	wrmsr(MSR_EFER, efer | EFER_NXE);
	enable();
	v->arch.vmcs_spa = vmx_clear(ARCH_VMCS_VTL0);
	vmx_load(v);
	this_cpu->icr_trapped = icr_trapped();
	vmx_hide_xss();
	vmx_fill_controls(0);
	vmx_fill_host();
	vmx_fill_guest(e, efer);
	arch_slat_flush(v);
	vmx_flush_linear(v);
	v->gpr[GPR_RSP] = e->rsp;
}

/* Until VTL0 ran: an NMI may come in before each try. */
void arch_run_guest(struct vcpu *v)
{
	struct arch_vcpu *a = &v->arch;
	int result;

	vmwrite(VMCS_GUEST_RSP, v->gpr[GPR_RSP]);
	vmx_write_event(v);
	result = vmx_run(v->gpr, a->launched, &this_cpu->nmi_seen);
	if (result == VMX_RUN_ABORTED) {
		a->reason = EXIT_NONE;
		vmwrite(VMCS_ENTRY_EVENT, 0); /* still in a->event: written again */
		return;
	}
	if (result == VMX_RUN_FAIL)
		hv_panic("VM entry failed: instruction error %llu",
			 (unsigned long long)vmread(VMCS_INSN_ERROR));
	a->launched = 1;
	a->event = 0;
	a->nmi_window = false;
	a->reason = (uint32_t)vmread(VMCS_EXIT_REASON);
	a->vectoring = (uint32_t)vmread(VMCS_VECTORING);
	a->qualification = vmread(VMCS_QUALIFICATION);
	v->gpr[GPR_RSP] = vmread(VMCS_GUEST_RSP);
}

/* No GIF here: NMIs come in at any time but after an exit by one; SMIs and INITs are the hardware's. */
void arch_host_window(void)
{
	vmx_unblock_nmi();
}

/*
 * Trapped, the SIPI comes through the letter box with a kick. Else the CPU
 * itself waits for it: only a SIPI leaves this activity state (SDM 3, 26.2).
 */
void arch_host_wait(void)
{
	struct vcpu *v = &this_cpu->vtl[0];

	if (icr_trapped()) {
		vmx_wait(&this_cpu->nmi_seen);
		return;
	}
	v->arch.event = 0; /* nothing may be pending in this state (27.3.1.5); arch_init_state() comes after it */
	vmwrite(VMCS_SHADOW, 0);
	vmwrite(VMCS_GUEST_PENDING_DB, 0);
	vmwrite(VMCS_ACTIVITY, ACTIVITY_WAIT_SIPI);
	arch_run_guest(v);
	vmwrite(VMCS_ACTIVITY, ACTIVITY_ACTIVE);
	if (v->arch.reason == EXIT_SIPI)
		cpu_send_sipi(this_cpu->shared, (uint8_t)v->arch.qualification);
	else if (v->arch.reason != EXIT_NONE)
		arch_handle_exit(v);
}
