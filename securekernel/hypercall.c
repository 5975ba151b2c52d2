// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hypercalls by the hypercall page: see hypercall.h.
 */
#include "hypercall.h"

#include <ovbs_string.h>

#include "cpu.h"
#include "log.h"
#include "memory.h"

#define PROTECT_AT_ONCE 64u

/* Where in the page the VTL return begins; known to entry.S. */
uint64_t sk_vtl_return;

/* The hypercall itself is at the page's start; it changes RAX, RCX and nothing else. */
static uint64_t call(uint64_t control, uint64_t rdx, uint64_t r8)
{
	uint64_t result;
	register uint64_t out asm("r8") = r8;

	asm volatile("call *%4"
		     : "=a"(result), "+c"(control), "+d"(rdx), "+r"(out)
		     : "r"((uint64_t)SK_CODE_VA)
		     : "memory");
	return result;
}

static uint64_t buffer_gpa(unsigned int at)
{
	struct sk_cpu *c = sk_this_cpu;
	uint64_t off = offsetof(struct sk_cpu, hypercall) + at;

	return (c->window_pt[SK_PAGE_CPU + off / PAGE_SIZE] & PTE_ADDR) + off % PAGE_SIZE;
}

void hypercall_prepare(void)
{
	uint64_t page = rdmsr(HV_X64_MSR_HYPERCALL);
	uint64_t offsets;

	if ((page & (HV_HYPERCALL_ENABLE | HV_HYPERCALL_LOCKED)) !=
	    (HV_HYPERCALL_ENABLE | HV_HYPERCALL_LOCKED))
		sk_panic("no hypercall page");
	sk_this_cpu->window_pt[SK_PAGE_CODE] = (page & PTE_ADDR) | PTE_P | PTE_A;
	invlpg((const void *)SK_CODE_VA);
	offsets = hv_get_register(1, HV_REGISTER_VSM_CODE_PAGE_OFFSETS);
	sk_vtl_return = SK_CODE_VA + (offsets >> 12 & 0xFFF);
}

static void header(struct hv_input_vp_registers *h, unsigned int vtl)
{
	*h = (struct hv_input_vp_registers){
		.partition = HV_PARTITION_ID_SELF,
		.vp_index = HV_VP_INDEX_SELF,
		.input_vtl = (uint8_t)(HV_INPUT_VTL_USE | vtl),
	};
}

enum hv_status hv_set_register(unsigned int vtl, uint32_t name, uint64_t value)
{
	struct {
		struct hv_input_vp_registers h;
		struct hv_register_assoc a;
	} *in = (void *)sk_this_cpu->hypercall;

	header(&in->h, vtl);
	in->a = (struct hv_register_assoc){ .name = name, .value.low = value };
	return HV_RESULT_STATUS(call(HV_CALL_SET_VP_REGISTERS | HV_CALL_REPS(1), buffer_gpa(0), 0));
}

void hv_refuse(void)
{
	const uint64_t gp = HV_PENDING_EXCEPTION | HV_PENDING_HAS_ERROR | (uint64_t)VEC_GP << 16;

	if (hv_set_register(0, HV_REGISTER_PENDING_EVENT0, gp))
		sk_panic("VTL0 can't be given a #GP");
}

void hv_get_registers(unsigned int vtl, const uint32_t *name, unsigned int n, uint64_t *value)
{
	struct {
		struct hv_input_vp_registers h;
		uint32_t name[HV_REGISTERS_MAX];
		struct hv_register_value out[HV_REGISTERS_MAX];
	} *in = (void *)sk_this_cpu->hypercall;
	uint64_t result;

	_Static_assert(sizeof(*in) <= sizeof(sk_this_cpu->hypercall), "the buffer");
	if (n > HV_REGISTERS_MAX)
		sk_panic("%u registers at once", n);
	header(&in->h, vtl);
	for (unsigned int i = 0; i < n; i++)
		in->name[i] = name[i];
	result = call(HV_CALL_GET_VP_REGISTERS | HV_CALL_REPS(n), buffer_gpa(0),
		      buffer_gpa(offsetof(typeof(*in), out)));
	if (HV_RESULT_STATUS(result))
		sk_panic("registers %x and following: status %llx", name[0], (unsigned long long)result);
	for (unsigned int i = 0; i < n; i++)
		value[i] = in->out[i].low;
}

uint64_t hv_get_register(unsigned int vtl, uint32_t name)
{
	uint64_t value;

	hv_get_registers(vtl, &name, 1, &value);
	return value;
}

enum hv_status hv_enable_vp(uint32_t index, const struct hv_initial_vp_context *c)
{
	struct hv_input_enable_vp_vtl *in = (void *)sk_this_cpu->hypercall;

	*in = (struct hv_input_enable_vp_vtl){
		.partition = HV_PARTITION_ID_SELF,
		.vp_index = index,
		.target_vtl = 1,
		.context = *c,
	};
	return HV_RESULT_STATUS(call(HV_CALL_ENABLE_VP_VTL, buffer_gpa(0), 0));
}

/* A list, or pages in a row: one of the two. */
static uint64_t protect(const uint64_t *list, uint64_t first, uint64_t pages, uint32_t flags,
			enum hv_status *status)
{
	struct {
		struct hv_input_modify_vtl_protection_mask h;
		uint64_t page[PROTECT_AT_ONCE];
	} *in = (void *)sk_this_cpu->hypercall;
	uint64_t done = 0;

	_Static_assert(sizeof(*in) <= sizeof(sk_this_cpu->hypercall), "the buffer");
	*status = HV_STATUS_SUCCESS;
	while (done < pages && !*status) {
		uint64_t n = pages - done < PROTECT_AT_ONCE ? pages - done : PROTECT_AT_ONCE;
		uint64_t result;

		in->h = (struct hv_input_modify_vtl_protection_mask){
			.partition = HV_PARTITION_ID_SELF,
			.map_flags = flags,
			.target_vtl = HV_INPUT_VTL_USE,
		};
		for (uint64_t i = 0; i < n; i++)
			in->page[i] = list ? list[done + i] >> PAGE_SHIFT : (first >> PAGE_SHIFT) + done + i;
		result = call(HV_CALL_MODIFY_VTL_PROTECTION_MASK | HV_CALL_REPS(n), buffer_gpa(0), 0);
		*status = HV_RESULT_STATUS(result);
		done += HV_RESULT_REPS(result);
	}
	return done;
}

uint64_t hv_protect(uint64_t gpa, uint64_t pages, uint32_t flags, enum hv_status *status)
{
	return protect(NULL, gpa, pages, flags, status);
}

uint64_t hv_protect_each(const uint64_t *gpa, uint64_t n, uint32_t flags, enum hv_status *status)
{
	return protect(gpa, 0, n, flags, status);
}

void hv_log_line(const void *text, size_t n)
{
	const uint8_t *own = sk_this_cpu->line;
	uint64_t off = (uint64_t)text - SK_CPU_VA;

	if (text != own)
		return;
	(void)call(HV_CALL_OVBS_LOG | HV_CALL_FAST,
		   (sk_this_cpu->window_pt[SK_PAGE_CPU + off / PAGE_SIZE] & PTE_ADDR) + off % PAGE_SIZE,
		   n);
}
