// SPDX-License-Identifier: GPL-2.0-only
/*
 * SVM: start, VMCB, guest state. AMD APM 2, chapter 15.
 *
 * Clean bits stay 0: every VMRUN loads the whole VMCB. ASID 1 is VTL0's; on
 * every change of the second-level tables all ASIDs are flushed, which every
 * CPU with SVM can do.
 */
#include "svm.h"

#include <ovbs_errno.h>
#include <ovbs_string.h>

#include "arch/x86/host.h"
#include "core/log.h"
#include "mm/pool.h"

#define CPUID_SVM   0x8000000Au
#define ASID_VTL0   1u
#define ATTR_L      0x200u
#define ATTR_DB     0x400u
#define DR6_RESET   0xFFFF0FF0u
#define DR7_RESET   0x400u
#define DR7_ENABLED 0xFFu

uint32_t svm_features;
static uint8_t phys_bits;
static bool init_held, is_virtual;

/*
 * Quirk "below-hypervisor-init": a CPU that is itself virtual. QEMU TCG resets
 * it on INIT although INIT is intercepted; KVM honours the intercept but has no
 * redirection (VM_CR.R_INIT), so the INIT stays pending for ever.
 */
static bool detect_init_held(void)
{
	uint64_t vm_cr, now;
	bool sticks;

	if (is_virtual)
		return false;
	if (rdmsr_safe(MSR_VM_CR, &vm_cr) || wrmsr_safe(MSR_VM_CR, vm_cr | VM_CR_R_INIT))
		return false;
	sticks = !rdmsr_safe(MSR_VM_CR, &now) && (now & VM_CR_R_INIT);
	/* PREPARE may still fail: leave the register as it was. arch_enter() sets it for good. */
	(void)wrmsr_safe(MSR_VM_CR, vm_cr);
	return sticks;
}

bool svm_virtual(void)
{
	return is_virtual;
}

enum init_hold arch_init_held(void)
{
	return init_held ? INIT_HELD : INIT_NOT_HELD;
}

bool arch_supported(const char **why)
{
	uint64_t vm_cr, syscfg;

	if (cpuid(0x80000000, 0).eax < CPUID_SVM || !(cpuid(0x80000001, 0).ecx & (1u << 2)))
		*why = "no SVM";
	else if (!(cpuid(CPUID_SVM, 0).edx & SVM_NPT))
		*why = "no nested paging";
	else if (cpuid(CPUID_SVM, 0).ebx < 3)
		*why = "less than two ASIDs for guests";
	else if (rdmsr_safe(MSR_VM_CR, &vm_cr) || (vm_cr & VM_CR_SVMDIS))
		*why = "SVM is off (VM_CR.SVMDIS)";
	else if (!rdmsr_safe(MSR_SYSCFG, &syscfg) && (syscfg & (SYSCFG_SME | SYSCFG_SME_MULTI)))
		*why = "memory encryption is on (SYSCFG): an address bit would be an alias of our memory";
	else
		return true;
	return false;
}

int arch_prepare(const struct ovbs_boot_info *info)
{
	svm_features = cpuid(CPUID_SVM, 0).edx;
	phys_bits = (uint8_t)cpuid(0x80000008, 0).eax;
	is_virtual = cpu_below_hypervisor();
	init_held = detect_init_held();
	svm_pin_prepare();
	hv_log("openvbs " OVBS_VERSION ": SVM features %x, %u CPUs, %u address bits", svm_features,
	       info->cpu_count, phys_bits);
	if (!init_held)
		hv_log("quirk below-hypervisor-init: INIT is not held by the hardware, the ICR stays trapped");
	return svm_bitmaps_prepare();
}

static void vmsave(uint64_t at)
{
	asm volatile("vmsave %0" : : "a"(at) : "memory");
}

static void fill_control(struct vmcb *b)
{
	b->intercept3 = ICPT_NMI | ICPT_SMI | ICPT_INIT | ICPT_CPUID | ICPT_RSM | ICPT_INVD |
			ICPT_INVLPGA | ICPT_IOIO | ICPT_MSR | ICPT_SHUTDOWN;
	b->intercept4 = ICPT_VMRUN | ICPT_VMMCALL | ICPT_VMLOAD | ICPT_VMSAVE | ICPT_STGI |
			ICPT_CLGI | ICPT_SKINIT;
	b->iopm_base = svm_iopm().v;
	b->msrpm_base = svm_msrpm(true, false).v;
	b->asid = ASID_VTL0;
	b->tlb_control = TLB_FLUSH_ALL;
	b->np_enable = VMCB_NP_ENABLE;
	b->n_cr3 = vtl0_slat.root_spa.v;
	if (svm_features & SVM_VNMI)
		b->vintr = VINTR_VNMI_ENABLE;
}

static void fill_state(struct vmcb *b, const struct ovbs_cpu_entry *e)
{
	b->es = e->es;
	b->cs = e->cs;
	b->ss = e->ss;
	b->ds = e->ds;
	b->fs = e->fs;
	b->gs = e->gs;
	b->gdtr = e->gdtr;
	b->ldtr = e->ldtr;
	b->idtr = e->idtr;
	b->tr = e->tr;
	b->cr0 = e->cr0;
	b->cr2 = read_cr2();
	b->cr3 = e->cr3;
	b->cr4 = e->cr4;
	b->dr6 = read_dr6();
	b->dr7 = DR7_RESET;
	b->rflags = e->rflags;
	b->rip = e->rip;
	b->g_pat = rdmsr(MSR_PAT);
}

void arch_enter(struct vcpu *v, const struct ovbs_cpu_entry *e)
{
	struct vmcb *b = PRIVATE_ADDR(PRIV_ARCH + ARCH_VMCB_VTL0);
	struct arch_vcpu *a = &v->arch;
	uint64_t efer = rdmsr(MSR_EFER), vm_cr;

	host_control_registers(0);
	wrmsr(MSR_EFER, efer | EFER_SVME | EFER_NXE);
	wrmsr(MSR_VM_HSAVE_PA, private_page_spa(this_cpu->index, PRIV_ARCH + ARCH_HSAVE).v);
	asm volatile("clgi");
	/* A redirected INIT becomes #SX in the host instead of resetting it (15.21.8, 15.30.1). */
	if (init_held && !rdmsr_safe(MSR_VM_CR, &vm_cr))
		(void)wrmsr_safe(MSR_VM_CR, vm_cr | VM_CR_R_INIT);

	a->vmcb = b;
	a->vmcb_spa = private_page_spa(this_cpu->index, PRIV_ARCH + ARCH_VMCB_VTL0).v;
	a->host_spa = private_page_spa(this_cpu->index, PRIV_ARCH + ARCH_VMCB_HOST).v;
	vmsave(a->vmcb_spa); /* for the system-call MSRs; the segments come from the loader */
	vmsave(a->host_spa);
	fill_control(b);
	fill_state(b, e);
	b->efer = efer | EFER_SVME;
	this_cpu->icr_trapped = true;
	v->gpr[GPR_RSP] = e->rsp;
}

void arch_run_guest(struct vcpu *v)
{
	struct vmcb *b = v->arch.vmcb;

	b->rax = v->gpr[GPR_RAX];
	b->rsp = v->gpr[GPR_RSP];
	svm_vmrun(v->arch.vmcb_spa, v->gpr, v->arch.host_spa);
	b = this_cpu->active->arch.vmcb; /* svm_fast() may have switched */
	v->gpr[GPR_RAX] = b->rax;
	v->gpr[GPR_RSP] = b->rsp;
	b->tlb_control = TLB_KEEP;
	b->eventinj = 0;
	/* #VMEXIT disables breakpoints (15.6); QEMU TCG leaves VTL0's armed. */
	if (b->dr7 & DR7_ENABLED)
		write_dr7(DR7_RESET);
}

void arch_host_window(void)
{
	svm_window();
}

void arch_host_wait(void)
{
	svm_wait(&this_cpu->nmi_seen);
}

void arch_slat_flush(struct vcpu *v)
{
	v->arch.vmcb->tlb_control = TLB_FLUSH_ALL;
}

void arch_trap_x2apic_icr(struct vcpu *v, bool on)
{
	v->arch.vmcb->msrpm_base = svm_msrpm(on, v->arch.pinned).v;
}

enum cpu_mode arch_walk(const struct vcpu *v, struct gwalk *w, uint64_t *linear_rip)
{
	const struct vmcb *b = v->arch.vmcb;
	enum cpu_mode mode = CPU_MODE_16;

	*w = (struct gwalk){
		.cr0 = b->cr0,
		.cr3 = b->cr3,
		.cr4 = b->cr4,
		.efer = b->efer & ~EFER_SVME,
		.rflags = b->rflags,
		.maxphyaddr = phys_bits,
		.cpl = b->cpl & 3,
		.access = GWALK_EXEC,
		.read_gpa = host_read_guest,
		.ctx = (void *)v,
	};
	if ((b->efer & EFER_LMA) && (b->cs.attrib & ATTR_L))
		mode = CPU_MODE_64;
	else if (b->cs.attrib & ATTR_DB)
		mode = CPU_MODE_32;
	*linear_rip = mode == CPU_MODE_64 ? b->rip : (uint32_t)(b->cs.base + b->rip);
	return mode;
}

uint64_t arch_rip(const struct vcpu *v)
{
	return v->arch.vmcb->rip;
}

void arch_set_rip(struct vcpu *v, uint64_t rip)
{
	v->arch.vmcb->rip = rip;
	v->arch.step_trap = false;
}

unsigned int arch_insn_bytes(struct vcpu *v, uint8_t buf[15])
{
	const struct vmcb *b = v->arch.vmcb;
	struct gwalk w;
	uint64_t rip;

	/* Bit 4-7 are reserved; 15 is all there can be (15.8.4). Filled for #NPF only. */
	if ((svm_features & SVM_DECODE_ASSISTS) && b->exitcode == EXIT_NPF && (b->insn_count & 0xF)) {
		memcpy(buf, b->insn_bytes, 15);
		return b->insn_count & 0xF;
	}
	(void)arch_walk(v, &w, &rip);
	return (unsigned int)gread_linear(&w, rip, buf, INSN_MAX_LENGTH, NULL);
}

static void go_on_at(struct vcpu *v, uint64_t rip)
{
	struct vmcb *b = v->arch.vmcb;

	b->rip = rip;
	b->shadow = 0;
	b->rflags &= ~RFLAGS_RF;
	v->arch.step_trap = b->rflags & RFLAGS_TF;
}

void arch_skip_bytes(struct vcpu *v, unsigned int n)
{
	struct gwalk w;
	uint64_t linear, rip = v->arch.vmcb->rip + n;
	enum cpu_mode mode = arch_walk(v, &w, &linear);

	go_on_at(v, mode == CPU_MODE_64 ? rip :
		    mode == CPU_MODE_32 ? (uint32_t)rip :
					  (uint16_t)rip);
}

bool arch_skip(struct vcpu *v, enum insn_kind kind)
{
	uint8_t bytes[INSN_MAX_LENGTH];
	struct gwalk w;
	uint64_t rip;
	enum cpu_mode mode;
	int n;

	if ((svm_features & SVM_NRIPS) && v->arch.vmcb->next_rip) {
		go_on_at(v, v->arch.vmcb->next_rip);
		return true;
	}
	mode = arch_walk(v, &w, &rip);
	n = insn_length_known(bytes, arch_insn_bytes(v, bytes), mode, kind);
	if (n < 0)
		return false;
	arch_skip_bytes(v, (unsigned int)n);
	return true;
}

static struct ovbs_segment real_segment(uint16_t attrib)
{
	return (struct ovbs_segment){ .attrib = attrib, .limit = 0xFFFF };
}

void arch_init_state(struct vcpu *v)
{
	struct vmcb *b = v->arch.vmcb;
	struct arch_vcpu *a = &v->arch;

	memset(v->gpr, 0, sizeof(this_cpu->gpr));
	v->gpr[GPR_RDX] = cpuid(1, 0).eax;
	b->es = b->ss = b->ds = b->fs = b->gs = real_segment(0x93);
	b->cs = real_segment(0x9B);
	b->cs.selector = 0xF000;
	b->cs.base = 0xFFFF0000;
	b->gdtr = b->idtr = real_segment(0);
	b->ldtr = real_segment(0x82);
	b->tr = real_segment(0x8B);
	b->cpl = 0;
	b->cr0 = CR0_ET | (b->cr0 & (CR0_CD | CR0_NW));
	b->cr2 = b->cr3 = b->cr4 = 0;
	b->efer = EFER_SVME;
	b->dr6 = DR6_RESET;
	b->dr7 = DR7_RESET;
	b->rflags = RFLAGS_FIXED;
	b->rip = 0xFFF0;
	b->s_cet = b->ssp = b->isst_addr = 0;
	b->shadow = 0;
	b->exitintinfo = 0;
	b->eventinj = 0;
	b->vintr &= VINTR_VNMI_ENABLE;
	b->intercept3 &= ~ICPT_IRET;
	b->intercept_exc = 0;
	b->tlb_control = TLB_FLUSH_ALL;
	a->nmi_masked = a->nmi_stepping = a->step_trap = a->iret_runs = false;
}

void arch_sipi_state(struct vcpu *v, uint8_t vector)
{
	struct vmcb *b = v->arch.vmcb;

	b->cs.selector = (uint16_t)(vector << 8);
	b->cs.base = (uint64_t)vector << 12;
	b->rip = 0;
}

uint64_t arch_guest_cr4(const struct vcpu *v)
{
	return v->arch.vmcb->cr4;
}

#define ULL(v) ((unsigned long long)(v))

void arch_dump(const struct vcpu *v)
{
	const struct vmcb *b = v->arch.vmcb;
	const uint64_t *r = v->gpr;

	hv_log("exit %llx info %llx %llx int %llx rip %x:%llx rsp %llx rflags %llx cpl %u",
	       ULL(b->exitcode), ULL(b->exitinfo1), ULL(b->exitinfo2), ULL(b->exitintinfo),
	       b->cs.selector, ULL(b->rip), ULL(b->rsp), ULL(b->rflags), b->cpl);
	hv_log("cr0 %llx cr2 %llx cr3 %llx cr4 %llx efer %llx gdt %llx idt %llx tr %x", ULL(b->cr0),
	       ULL(b->cr2), ULL(b->cr3), ULL(b->cr4), ULL(b->efer), ULL(b->gdtr.base),
	       ULL(b->idtr.base), b->tr.selector);
	hv_log("rax %llx rcx %llx rdx %llx rbx %llx rbp %llx rsi %llx rdi %llx", ULL(r[0]),
	       ULL(r[1]), ULL(r[2]), ULL(r[3]), ULL(r[5]), ULL(r[6]), ULL(r[7]));
	hv_log("r8 %llx r9 %llx r10 %llx r11 %llx r12 %llx r13 %llx r14 %llx r15 %llx", ULL(r[8]),
	       ULL(r[9]), ULL(r[10]), ULL(r[11]), ULL(r[12]), ULL(r[13]), ULL(r[14]), ULL(r[15]));
}

/* ---- nested paging: the format of VTL0's own page tables, as a user-mode access (15.25.5) ---- */

/* The CPU has one execute right; bits 9 and 10 are the software's (5.4). */
#define NPT_AVL_X (1ULL << 9)
#define NPT_AVL_U (1ULL << 10)

uint64_t arch_slat_leaf(struct spa to, unsigned int rights, unsigned int level)
{
	return to.v | PTE_P | PTE_US | PTE_A | PTE_D | (rights & SLAT_W ? PTE_RW : 0) |
	       (rights & (SLAT_X | SLAT_RUN) ? 0 : PTE_NX) | (rights & SLAT_X ? NPT_AVL_X : 0) |
	       (rights & SLAT_U ? NPT_AVL_U : 0) | (level > 1 ? PTE_PS : 0);
}

unsigned int arch_slat_rights(uint64_t entry)
{
	if (!(entry & PTE_P))
		return 0;
	return SLAT_R | (entry & PTE_RW ? SLAT_W : 0) | (entry & NPT_AVL_X ? SLAT_X : 0) |
	       (entry & NPT_AVL_U ? SLAT_U : 0) | (entry & (PTE_NX | NPT_AVL_X) ? 0 : SLAT_RUN);
}

/* Guest mode execute trap (GMET) would; it is not used yet. */
bool arch_slat_user_apart(void)
{
	return false;
}

uint64_t arch_slat_table(struct spa table)
{
	return table.v | PTE_P | PTE_RW | PTE_US | PTE_A;
}

/* Nested paging leaves the memory types to the MTRRs, in 4 KiB translations of their own (15.25.8). */
bool arch_slat_uniform(struct spa at, unsigned int level)
{
	return true;
}

unsigned int arch_slat_levels(void)
{
	return read_cr4() & CR4_LA57 ? 5 : 4; /* the host's paging mode (15.25.3) */
}

bool arch_slat_1g(void)
{
	return cpuid(0x80000001, 0).edx & (1u << 26);
}
