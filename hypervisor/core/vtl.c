// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual trust levels: see vtl.h.
 *
 * The switch itself is short: general registers are shared by the VTLs, so it
 * picks another VMCB or VMCS and writes two words. What the CPU must forget at
 * the border is speculation_to_vtl*()'s.
 */
#include "core/vtl.h"

#include <ovbs_errno.h>
#include <ovbs_string.h>

#include "arch/contract.h"
#include "arch/x86/host.h"
#include "arch/x86/speculation.h"
#include "core/icr.h"
#include "core/log.h"
#include "mm/pool.h"

#define PAT_RESET 0x0007040600070406ULL

/* Where in the hypercall page what begins. */
#define OFF_HYPERCALL  0x00u
#define OFF_VTL_CALL   0x40u
#define OFF_VTL_RETURN 0x80u

#define RIGHTS_CODE64 0xA09Bu /* G, L, present, execute-read, accessed */
#define RIGHTS_DATA   0xC093u
#define RIGHTS_TSS    0x008Bu
#define RIGHTS_LDT    0x0082u

/* A CPU's VTL1 as it will start; `enabled` is set last and never cleared. */
struct vtl1_start {
	uint32_t enabled;
	struct hv_initial_vp_context context;
};

static struct vtl1_start *starts; /* [cpu_count] */
static uint8_t *code_page;
static uint64_t own_gpa, own_size;
static bool partition_enabled;

bool vtl1_enabled(void)
{
	return partition_enabled;
}

bool vtl1_owns(uint64_t gpa, uint64_t size)
{
	return gpa >= own_gpa && size <= own_size && gpa - own_gpa <= own_size - size;
}

bool vtl0_ram(uint64_t gpa, uint64_t size)
{
	const struct ovbs_boot_info *info = hv_boot_info();

	for (unsigned int i = 0; i < info->ram_count; i++) {
		const struct ovbs_range *r = &info->ram[i];

		if (gpa >= r->start && gpa < r->end && size <= r->end - gpa)
			return true;
	}
	return false;
}

static void put_call(uint8_t *at, bool vtl_switch, uint8_t code)
{
	static const uint8_t endbr64[] = { 0xF3, 0x0F, 0x1E, 0xFA };
	static const uint8_t mov_rax_rcx[] = { 0x48, 0x89, 0xC8 };
	const uint8_t mov_ecx[] = { 0xB9, code, 0, 0, 0 };

	memcpy(at, endbr64, sizeof(endbr64));
	at += sizeof(endbr64);
	if (vtl_switch) { /* TLFS, Hypercall Interface for VTL call and return: the input value goes to RAX */
		memcpy(at, mov_rax_rcx, sizeof(mov_rax_rcx));
		at += sizeof(mov_rax_rcx);
		memcpy(at, mov_ecx, sizeof(mov_ecx));
		at += sizeof(mov_ecx);
	}
	memcpy(at, arch_hypercall_insn, sizeof(arch_hypercall_insn));
	at[sizeof(arch_hypercall_insn)] = 0xC3; /* ret */
}

uint64_t vtl_code_page_offsets(void)
{
	return OFF_VTL_CALL | OFF_VTL_RETURN << 12;
}

static bool canonical(uint64_t a)
{
	return (uint64_t)((int64_t)(a << 16) >> 16) == a;
}

static bool pat_ok(uint64_t pat)
{
	for (unsigned int i = 0; i < 8; i++, pat >>= 8)
		if ((pat & 0xFF) > 7 || (pat & 0xFF) == 2 || (pat & 0xFF) == 3)
			return false;
	return true;
}

static bool flat(const struct hv_x64_segment_register *s, unsigned int attributes)
{
	return !s->base && s->limit == ~0u && s->attributes == attributes;
}

bool vtl_context_ok(const struct hv_initial_vp_context *c)
{
	const uint64_t cr0 = CR0_PE | CR0_PG | CR0_NE | CR0_WP, cr0_may = cr0 | CR0_ET | CR0_MP | CR0_AM;
	const uint64_t efer = EFER_LME | EFER_LMA | EFER_NXE;

	return canonical(c->rip) && canonical(c->rsp) && canonical(c->idtr.base) &&
	       canonical(c->gdtr.base) && c->rflags == RFLAGS_FIXED && (c->cr0 & cr0) == cr0 &&
	       !(c->cr0 & ~cr0_may) && (c->cr4 & CR4_PAE) && !(c->cr4 & ~host_vtl1_cr4()) &&
	       (c->efer & efer) == efer && !(c->efer & ~(efer | EFER_SCE)) &&
	       !(c->cr3 & ~PTE_ADDR) && vtl1_owns(c->cr3, PAGE_SIZE) && pat_ok(c->msr_cr_pat) &&
	       flat(&c->cs, RIGHTS_CODE64) && flat(&c->ss, RIGHTS_DATA) &&
	       flat(&c->ds, RIGHTS_DATA) && flat(&c->es, RIGHTS_DATA) && flat(&c->fs, RIGHTS_DATA) &&
	       flat(&c->gs, RIGHTS_DATA) && c->tr.attributes == RIGHTS_TSS &&
	       canonical(c->tr.base) && c->tr.limit <= 0xFFFF && c->ldtr.attributes == RIGHTS_LDT &&
	       !c->ldtr.base && !(c->cs.selector & 7) && !(c->tr.selector & 7);
}

bool vtl_vp_enabled(uint32_t index)
{
	return __atomic_load_n(&starts[index].enabled, __ATOMIC_ACQUIRE);
}

enum hv_status vtl_enable_vp(uint32_t index, const struct hv_initial_vp_context *c)
{
	if (vtl_vp_enabled(index))
		return HV_STATUS_VTL_ALREADY_ENABLED;
	if (!vtl_context_ok(c))
		return HV_STATUS_INVALID_REGISTER_VALUE;
	starts[index].context = *c;
	__atomic_store_n(&starts[index].enabled, 1, __ATOMIC_RELEASE);
	return HV_STATUS_SUCCESS;
}

static struct hv_initial_vp_context boot_context(const struct ovbs_vtl1_entry *e)
{
	const struct hv_x64_segment_register data = { .limit = ~0u, .selector = 0x10, .attributes = RIGHTS_DATA };

	return (struct hv_initial_vp_context){
		.rip = e->rip,
		.rsp = e->rsp,
		.rflags = RFLAGS_FIXED,
		.cs = { .limit = ~0u, .selector = 0x08, .attributes = RIGHTS_CODE64 },
		.ds = data,
		.es = data,
		.fs = data,
		.gs = data,
		.ss = data,
		.tr = { .limit = 0xFFFF, .attributes = RIGHTS_TSS },
		.ldtr = { .attributes = RIGHTS_LDT },
		.efer = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE,
		.cr0 = CR0_PE | CR0_PG | CR0_NE | CR0_WP | CR0_ET,
		.cr3 = e->cr3,
		.cr4 = CR4_PAE,
		.msr_cr_pat = PAT_RESET,
	};
}

int vtl_prepare(const struct ovbs_boot_info *info)
{
	uint64_t bytes = info->cpu_count * sizeof(*starts);
	struct hv_initial_vp_context c = boot_context(&info->vtl1);

	own_gpa = info->block_spa + info->vtl1_off;
	own_size = info->vtl1_size;
	starts = pool_pages((unsigned int)((bytes + PAGE_SIZE - 1) / PAGE_SIZE));
	code_page = pool_pages(1);
	if (!starts || !code_page)
		return -ENOMEM;
	put_call(code_page + OFF_HYPERCALL, false, 0);
	put_call(code_page + OFF_VTL_CALL, true, HV_CALL_VTL_CALL);
	put_call(code_page + OFF_VTL_RETURN, true, HV_CALL_VTL_RETURN);
	if (slat_show(&vtl0_slat, gpa(shared_spa(code_page).v), 1, SLAT_R | SLAT_X) ||
	    slat_prepare_vtl1(&vtl1_slat, info, shared_spa(code_page)))
		return -ENOMEM;
	partition_enabled = true;
	return vtl_enable_vp(info->boot_cpu, &c) == HV_STATUS_SUCCESS ? 0 : -EINVAL;
}

static bool start_vp(void)
{
	struct cpu *c = this_cpu;

	if (!vtl_vp_enabled(c->index))
		return false;
	arch_vtl1_init(&c->vtl[1], &starts[c->index].context);
	c->vtl1_ready = true;
	return true;
}

void vtl_boot(void)
{
	hv_assert(start_vp());
	this_cpu->active = &this_cpu->vtl[1];
	arch_switch_vtl(this_cpu->active);
	this_cpu->gpr[GPR_RDI] = hv_boot_info()->vtl1.rdi;
}

enum hv_status vtl_map_assist(uint64_t gpa)
{
	if (gpa && ((gpa & ~PAGE_MASK) || !vtl1_owns(gpa, PAGE_SIZE)))
		return HV_STATUS_INVALID_REGISTER_VALUE;
	this_cpu->assist_gpa = gpa;
	host_map_assist(spa(gpa));
	return HV_STATUS_SUCCESS;
}

static void enter_vtl1(enum hv_vtl_entry_reason reason)
{
	if (this_cpu->assist_gpa)
		vtl_assist->vtl_entry_reason = reason;
	this_cpu->active = &this_cpu->vtl[1];
	speculation_to_vtl1();
}

bool vtl_call(struct vcpu *v)
{
	if (v->vtl || (!this_cpu->vtl1_ready && !start_vp()))
		return false;
	count_exit(OVBS_STAT_VTL_CALL);
	arch_skip_hypercall(v);
	enter_vtl1(HV_VTL_ENTRY_VTL_CALL);
	return true;
}

bool vtl_return(struct vcpu *v)
{
	if (!v->vtl)
		return false;
	count_exit(OVBS_STAT_VTL_RETURN);
	arch_skip_hypercall(v);
	if (this_cpu->notified) {
		this_cpu->notified = false;
		arch_notify_end(v);
	}
	if (!(v->gpr[GPR_RAX] & HV_VTL_RETURN_FAST) && this_cpu->assist_gpa) {
		v->gpr[GPR_RAX] = vtl_assist->vtl_return_rax;
		v->gpr[GPR_RCX] = vtl_assist->vtl_return_rcx;
	}
	this_cpu->active = &this_cpu->vtl[0];
	speculation_to_vtl0();
	return true;
}

/*
 * Requests of other CPUs need no look: each is behind an NMI that waits. What
 * waits for VTL0 already must be told to VTL1, though, and that is the long way's.
 */
struct vcpu *vtl_quick(struct vcpu *v, uint64_t code)
{
	struct cpu *c = this_cpu;
	bool call = code == HV_CALL_VTL_CALL;

	if (call == v->vtl || !c->vtl1_ready || !c->assist_gpa || c->notified || c->vtl[0].nmi_pending)
		return NULL;
	if (!call && c->icr_trapped != icr_trapped())
		return NULL; /* VTL0's MSR map has changed meanwhile */
	if (call) {
		count_exit(OVBS_STAT_VTL_CALL);
		enter_vtl1(HV_VTL_ENTRY_VTL_CALL);
	} else {
		count_exit(OVBS_STAT_VTL_RETURN);
		c->active = &c->vtl[0];
		speculation_to_vtl0();
	}
	return c->active;
}

void vtl_call_back(struct vcpu *v)
{
	if (!this_cpu->notified && this_cpu->vina)
		count_exit(OVBS_STAT_VTL_INTERRUPT);
	this_cpu->notified = true;
	arch_notify(v, this_cpu->vina);
}

struct hv_x64_intercept_message_header vtl_intercept_header(struct vcpu *v, enum hv_intercept_access access,
							    unsigned int length)
{
	struct gwalk w;
	uint64_t linear_rip;
	enum cpu_mode mode = arch_walk(v, &w, &linear_rip);

	return (struct hv_x64_intercept_message_header){
		.vp_index = this_cpu->index,
		.instruction_length = length & 0xF,
		.intercept_access_type = (uint8_t)access,
		.execution_state = (uint16_t)(w.cpl | (w.cr0 & CR0_PE ? 1u << 2 : 0) |
					      (w.efer & EFER_LMA ? 1u << 4 : 0)),
		.cs = { .attributes = mode == CPU_MODE_64 ? 1u << 13 : 0 },
		.rip = arch_rip(v),
		.rflags = w.rflags,
	};
}

bool vtl_intercept_ready(void)
{
	return this_cpu->vtl1_ready && this_cpu->assist_gpa;
}

void vtl_enter_intercept(void)
{
	count_exit(OVBS_STAT_VTL_INTERCEPT);
	enter_vtl1(HV_VTL_ENTRY_INTERCEPT);
}

static void describe(struct hv_x64_memory_intercept_message *m, struct vcpu *v, const struct slat_fault *f)
{
	*m = (struct hv_x64_memory_intercept_message){
		.message = {
			.message_type = HV_MESSAGE_GPA_INTERCEPT,
			.payload_size = sizeof(*m) - sizeof(m->message),
		},
		.header = vtl_intercept_header(v, f->fetch ? HV_INTERCEPT_ACCESS_EXECUTE :
						  f->write ? HV_INTERCEPT_ACCESS_WRITE :
							     HV_INTERCEPT_ACCESS_READ, 0),
		.guest_physical_address = f->gpa.v,
	};
}

bool vtl_intercept(struct vcpu *v, const struct slat_fault *f)
{
	/* While something else was being delivered there is no instruction to go back to: refused here. */
	if (!vtl_intercept_ready() || f->indirect || !vtl0_ram(f->gpa.v, 1))
		return false;
	if (slat_rights(&vtl0_slat, f->gpa) & (f->fetch ? f->user ? SLAT_U : SLAT_X :
					       f->write ? SLAT_W :
							  SLAT_R)) {
		arch_slat_flush(v); /* given back in between */
		return true;
	}
	describe((struct hv_x64_memory_intercept_message *)vtl_assist->intercept_message, v, f);
	vtl_enter_intercept();
	return true;
}

int vtl_msr_read(struct vcpu *v, uint32_t msr, uint64_t *value)
{
	switch (msr) {
	case HV_X64_MSR_GUEST_OS_ID:
		*value = this_cpu->os_id;
		return 0;
	case HV_X64_MSR_HYPERCALL:
		*value = shared_spa(code_page).v | HV_HYPERCALL_ENABLE | HV_HYPERCALL_LOCKED;
		return 0;
	case HV_X64_MSR_VP_INDEX:
		*value = this_cpu->index;
		return 0;
	default:
		return -EPERM;
	}
}

int vtl_msr_write(struct vcpu *v, uint32_t msr, uint64_t value)
{
	if (v->vtl || msr != HV_X64_MSR_GUEST_OS_ID)
		return -EPERM;
	this_cpu->os_id = value;
	return 0;
}
