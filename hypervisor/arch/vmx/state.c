// SPDX-License-Identifier: GPL-2.0-only
/*
 * VTL0's registers in the VMCS: from the firmware, after INIT and SIPI, and as
 * common code asks for them.
 */
#include "vmx.h"

#include <ovbs_string.h>

#include "arch/x86/host.h"
#include "core/log.h"

#define RIGHTS_UNUSABLE (1u << 16)
#define RIGHTS_L        (1u << 13)
#define RIGHTS_DB       (1u << 14)
#define RIGHTS_G        (1u << 15)
#define RIGHTS_P        (1u << 7)
#define RIGHTS_S        (1u << 4)
#define DR7_RESET       0x400u
#define DR6_RESET       0xFFFF0FF0u
#define PENDING_BS      (1ULL << 14)
#define DEBUGCTL_BTF    (1u << 1)

#define FIELD(base, nth) ((enum vmcs_field)((base) + 2 * (nth)))

enum { ES, CS, SS, DS, FS, GS, LDTR, TR };

/* From the descriptor's form (boot_info.h) to that of 25.4.1; the CPU checks G against the limit (27.3.1.2). */
void vmx_put_segment(unsigned int nth, const struct ovbs_segment *s)
{
	uint32_t rights = (s->attrib & 0xFFu) | (uint32_t)(s->attrib & 0xF00u) << 4;

	if (!(rights & RIGHTS_P))
		rights = RIGHTS_UNUSABLE;
	else if (rights & RIGHTS_S)
		rights |= 1; /* accessed: loading it sets the bit in the CPU, if not in the table */
	rights &= ~RIGHTS_G;
	rights |= s->limit >> 20 ? RIGHTS_G : 0;
	vmwrite(FIELD(VMCS_GUEST_ES, nth), s->selector);
	vmwrite(FIELD(VMCS_GUEST_ES_BASE, nth), s->base);
	vmwrite(FIELD(VMCS_GUEST_ES_LIMIT, nth), s->limit);
	vmwrite(FIELD(VMCS_GUEST_ES_RIGHTS, nth), rights);
}

void vmx_put_efer(uint64_t efer)
{
	uint64_t c = vmread(VMCS_ENTRY_CONTROLS) & ~(uint64_t)ENTRY_GUEST_64;

	vmwrite(VMCS_GUEST_EFER, efer);
	vmwrite(VMCS_ENTRY_CONTROLS, c | (efer & EFER_LMA ? ENTRY_GUEST_64 : 0));
}

void vmx_put_control_registers(uint64_t cr0, uint64_t cr3, uint64_t cr4)
{
	vmwrite(VMCS_CR0_MASK, CR0_NE);
	vmwrite(VMCS_CR0_SHADOW, cr0);
	vmwrite(VMCS_GUEST_CR0, cr0 | CR0_NE);
	vmwrite(VMCS_GUEST_CR3, cr3);
	vmwrite(VMCS_CR4_MASK, vmx_hidden_cr4());
	vmwrite(VMCS_CR4_SHADOW, 0);
	vmwrite(VMCS_GUEST_CR4, (cr4 & ~vmx_hidden_cr4()) | CR4_VMXE);
}

static void put_table(enum vmcs_field base, enum vmcs_field limit, const struct ovbs_segment *s)
{
	vmwrite(base, s->base);
	vmwrite(limit, s->limit & 0xFFFF);
}

void vmx_fill_guest(const struct ovbs_cpu_entry *e, uint64_t efer)
{
	vmx_put_segment(ES, &e->es);
	vmx_put_segment(CS, &e->cs);
	vmx_put_segment(SS, &e->ss);
	vmx_put_segment(DS, &e->ds);
	vmx_put_segment(FS, &e->fs);
	vmx_put_segment(GS, &e->gs);
	vmx_put_segment(LDTR, &e->ldtr);
	vmx_put_segment(TR, &e->tr);
	put_table(VMCS_GUEST_GDTR_BASE, VMCS_GUEST_GDTR_LIMIT, &e->gdtr);
	put_table(VMCS_GUEST_IDTR_BASE, VMCS_GUEST_IDTR_LIMIT, &e->idtr);
	vmx_put_control_registers(e->cr0, e->cr3, e->cr4);
	vmx_put_efer(efer);
	vmwrite(VMCS_GUEST_PAT, rdmsr(MSR_PAT));
	vmwrite(VMCS_GUEST_DEBUGCTL, rdmsr(MSR_DEBUGCTL));
	vmwrite(VMCS_GUEST_SYSENTER_CS, rdmsr(MSR_SYSENTER_CS));
	vmwrite(VMCS_GUEST_SYSENTER_ESP, rdmsr(MSR_SYSENTER_ESP));
	vmwrite(VMCS_GUEST_SYSENTER_EIP, rdmsr(MSR_SYSENTER_EIP));
	vmwrite(VMCS_GUEST_DR7, DR7_RESET);
	vmwrite(VMCS_GUEST_RFLAGS, e->rflags);
	vmwrite(VMCS_GUEST_RIP, e->rip);
	vmwrite(VMCS_GUEST_PENDING_DB, 0);
	vmwrite(VMCS_SHADOW, 0);
	vmwrite(VMCS_ACTIVITY, ACTIVITY_ACTIVE);
}

static struct ovbs_segment real_segment(uint16_t attrib)
{
	return (struct ovbs_segment){ .attrib = attrib, .limit = 0xFFFF };
}

/* SDM 3, table 10-1. */
void arch_init_state(struct vcpu *v)
{
	struct ovbs_segment data = real_segment(0x93), code = real_segment(0x9B);
	struct ovbs_segment ldtr = real_segment(0x82), tr = real_segment(0x8B), table = real_segment(0);

	memset(v->gpr, 0, sizeof(this_cpu->gpr));
	v->gpr[GPR_RDX] = cpuid(1, 0).eax;
	code.selector = 0xF000;
	code.base = 0xFFFF0000;
	vmx_put_segment(CS, &code);
	vmx_put_segment(LDTR, &ldtr);
	vmx_put_segment(TR, &tr);
	vmx_put_segment(ES, &data);
	vmx_put_segment(SS, &data);
	vmx_put_segment(DS, &data);
	vmx_put_segment(FS, &data);
	vmx_put_segment(GS, &data);
	put_table(VMCS_GUEST_GDTR_BASE, VMCS_GUEST_GDTR_LIMIT, &table);
	put_table(VMCS_GUEST_IDTR_BASE, VMCS_GUEST_IDTR_LIMIT, &table);
	vmx_put_control_registers(CR0_ET | (vmread(VMCS_GUEST_CR0) & (CR0_CD | CR0_NW)), 0, 0);
	vmx_put_efer(0);
	write_cr2(0);
	asm volatile("mov %0, %%dr6" : : "r"((uint64_t)DR6_RESET));
	vmwrite(VMCS_GUEST_DR7, DR7_RESET);
	vmwrite(VMCS_GUEST_DEBUGCTL, 0);
	vmwrite(VMCS_GUEST_RFLAGS, RFLAGS_FIXED);
	vmwrite(VMCS_GUEST_RIP, 0xFFF0);
	vmwrite(VMCS_GUEST_PENDING_DB, 0);
	vmwrite(VMCS_SHADOW, 0);
	vmwrite(VMCS_ACTIVITY, ACTIVITY_ACTIVE); /* it may have been halted */
	v->arch.event = 0;
	v->arch.vectoring = 0;
	vmx_flush_linear(v);
}

void arch_sipi_state(struct vcpu *v, uint8_t vector)
{
	vmwrite(VMCS_GUEST_CS, (uint64_t)vector << 8);
	vmwrite(VMCS_GUEST_CS_BASE, (uint64_t)vector << 12);
	vmwrite(VMCS_GUEST_RIP, 0);
}

bool vmx_code64(void)
{
	return (vmread(VMCS_GUEST_EFER) & EFER_LMA) && (vmread(VMCS_GUEST_CS_RIGHTS) & RIGHTS_L);
}

static enum cpu_mode code_width(void)
{
	if (vmx_code64())
		return CPU_MODE_64;
	return vmread(VMCS_GUEST_CS_RIGHTS) & RIGHTS_DB ? CPU_MODE_32 : CPU_MODE_16;
}

enum cpu_mode arch_walk(const struct vcpu *v, struct gwalk *w, uint64_t *linear_rip)
{
	uint64_t rip = vmread(VMCS_GUEST_RIP);
	enum cpu_mode mode = code_width();

	*w = (struct gwalk){
		.cr0 = vmread(VMCS_GUEST_CR0),
		.cr3 = vmread(VMCS_GUEST_CR3),
		.cr4 = vmread(VMCS_GUEST_CR4),
		.efer = vmread(VMCS_GUEST_EFER),
		.rflags = vmread(VMCS_GUEST_RFLAGS),
		.maxphyaddr = vmx_phys_bits,
		.cpl = SEGMENT_DPL(vmread(VMCS_GUEST_SS_RIGHTS)),
		.access = GWALK_EXEC,
		.read_gpa = host_read_guest,
		.ctx = (void *)v,
	};
	*linear_rip = mode == CPU_MODE_64 ? rip : (uint32_t)(vmread(VMCS_GUEST_CS_BASE) + rip);
	return mode;
}

uint64_t arch_rip(const struct vcpu *v)
{
	return vmread(VMCS_GUEST_RIP);
}

void arch_set_rip(struct vcpu *v, uint64_t rip)
{
	vmwrite(VMCS_GUEST_RIP, rip);
	vmwrite(VMCS_GUEST_PENDING_DB, 0);
}

unsigned int arch_insn_bytes(struct vcpu *v, uint8_t buf[15])
{
	struct gwalk w;
	uint64_t rip;

	(void)arch_walk(v, &w, &rip);
	return (unsigned int)gread_linear(&w, rip, buf, INSN_MAX_LENGTH, NULL);
}

void arch_skip_bytes(struct vcpu *v, unsigned int n)
{
	uint64_t rip = vmread(VMCS_GUEST_RIP) + n, flags = vmread(VMCS_GUEST_RFLAGS);
	enum cpu_mode mode = code_width();

	rip = mode == CPU_MODE_64 ? rip : mode == CPU_MODE_32 ? (uint32_t)rip : (uint16_t)rip;
	vmwrite(VMCS_GUEST_RIP, rip);
	vmwrite(VMCS_SHADOW, vmread(VMCS_SHADOW) & ~(uint64_t)(SHADOW_STI | SHADOW_MOV_SS));
	vmwrite(VMCS_GUEST_RFLAGS, flags & ~RFLAGS_RF);
	/* With BTF it is a branch that traps, and this was none (SDM 3, 18.4.4). */
	if ((flags & RFLAGS_TF) && !(vmread(VMCS_GUEST_DEBUGCTL) & DEBUGCTL_BTF))
		vmwrite(VMCS_GUEST_PENDING_DB, PENDING_BS);
}

/* Every exit that common code skips was caused by an instruction: its length is known (28.2.5). */
bool arch_skip(struct vcpu *v, enum insn_kind kind)
{
	arch_skip_bytes(v, (unsigned int)vmread(VMCS_EXIT_LENGTH));
	return true;
}

uint64_t arch_guest_cr4(const struct vcpu *v)
{
	return vmread(VMCS_GUEST_CR4) & ~vmx_hidden_cr4();
}

#define ULL(v) ((unsigned long long)(v))

void arch_dump(const struct vcpu *v)
{
	const uint64_t *r = v->gpr;

	hv_log("exit %x info %llx gpa %llx vectoring %x rip %llx:%llx rsp %llx rflags %llx shadow %llx activity %llx",
	       v->arch.reason, ULL(v->arch.qualification), ULL(vmread(VMCS_GUEST_PA)), v->arch.vectoring,
	       ULL(vmread(VMCS_GUEST_CS)), ULL(vmread(VMCS_GUEST_RIP)), ULL(r[GPR_RSP]),
	       ULL(vmread(VMCS_GUEST_RFLAGS)), ULL(vmread(VMCS_SHADOW)), ULL(vmread(VMCS_ACTIVITY)));
	hv_log("cr0 %llx cr2 %llx cr3 %llx cr4 %llx efer %llx gdt %llx idt %llx",
	       ULL(vmread(VMCS_GUEST_CR0)), ULL(read_cr2()), ULL(vmread(VMCS_GUEST_CR3)),
	       ULL(vmread(VMCS_GUEST_CR4)), ULL(vmread(VMCS_GUEST_EFER)),
	       ULL(vmread(VMCS_GUEST_GDTR_BASE)), ULL(vmread(VMCS_GUEST_IDTR_BASE)));
	for (unsigned int i = ES; i <= TR; i++)
		hv_log("segment %u: %llx base %llx limit %llx rights %llx", i,
		       ULL(vmread(FIELD(VMCS_GUEST_ES, i))), ULL(vmread(FIELD(VMCS_GUEST_ES_BASE, i))),
		       ULL(vmread(FIELD(VMCS_GUEST_ES_LIMIT, i))),
		       ULL(vmread(FIELD(VMCS_GUEST_ES_RIGHTS, i))));
	hv_log("rax %llx rcx %llx rdx %llx rbx %llx rbp %llx rsi %llx rdi %llx", ULL(r[0]),
	       ULL(r[1]), ULL(r[2]), ULL(r[3]), ULL(r[5]), ULL(r[6]), ULL(r[7]));
}
