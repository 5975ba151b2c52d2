// SPDX-License-Identifier: GPL-2.0-only
/*
 * The secure kernel's boot order, and what it does at each VTL entry.
 *
 * The boot CPU runs first, before VTL0's boot loader; the others begin with
 * their first VTL call.
 */
#include <openvbs/sk_info.h>

#include "cpu.h"
#include "guest.h"
#include "hypercall.h"
#include "integrity.h"
#include "log.h"
#include "memory.h"
#include "pins.h"
#include "protect.h"
#include "random.h"
#include "services.h"
#include "trustlet.h"

static struct ovbs_sk_info *info;

extern uint64_t __stack_chk_guard;

uint64_t sk_boot(struct ovbs_sk_info *boot) __attribute__((no_stack_protector));
void sk_boot_cpu(void) __attribute__((no_stack_protector));
void sk_vtl_entry(struct vtl0_regs *r);
void sk_ap_cpu(struct vtl0_regs *r);

/* On the loader's tables; there is no log yet, so a mistake here is a HLT. */
uint64_t sk_boot(struct ovbs_sk_info *boot)
{
	if (boot->magic != OVBS_SK_INFO_MAGIC || boot->version != OVBS_SK_INFO_VERSION ||
	    boot->size != sizeof(*boot) || !boot->cpu_count || boot->cpu_count > OVBS_MAX_CPUS ||
	    boot->ram_count > OVBS_MAX_RAM_RANGES || boot->bytes > SK_VA_LIMIT)
		for (;;)
			asm volatile("hlt");
	info = boot;
	memory_prepare(info);
	cpus_prepare(info);
	return cpu_root(info->boot_cpu);
}

static void start_hypercalls(void)
{
	uint64_t assist = sk_this_cpu->window_pt[SK_PAGE_ASSIST] & PTE_ADDR;

	hypercall_prepare();
	if (hv_set_register(1, HV_REGISTER_VP_ASSIST_PAGE, assist | HV_VP_ASSIST_ENABLE) ||
	    hv_set_register(1, HV_REGISTER_VSM_VINA, SK_VECTOR_VINA | HV_VINA_ENABLED))
		sk_panic("the hypervisor refuses VTL1's registers");
}

static void enable_others(void)
{
	for (uint32_t i = 0; i < info->cpu_count; i++) {
		struct hv_initial_vp_context c = cpu_context(i);

		if (i != info->boot_cpu && hv_enable_vp(i, &c))
			sk_panic("VTL1 of CPU %u can't be enabled", i);
	}
}

void sk_boot_cpu(void)
{
	uint64_t guard;

	cpu_load_tables();
	start_hypercalls();
	random_prepare(info->seed, sizeof(info->seed));
	random_bytes(&guard, sizeof(guard));
	__stack_chk_guard = guard & ~0xFFULL; /* a 0 stops string functions */
	services_prepare(info);
	guest_prepare();
	protect_prepare();
	integrity_prepare();
	trustlets_prepare(info);
	enable_others();
	sk_log("secure kernel, %u trustlets, %llu KiB, %llu KiB free", trustlet_count,
	       (unsigned long long)(info->bytes / 1024),
	       (unsigned long long)(memory_free_bytes() / 1024));
	sk_assist->vtl_return_rax = 0;
	sk_assist->vtl_return_rcx = 0;
}

static void intercept(struct vtl0_regs *r)
{
	const void *message = sk_assist->intercept_message;

	if (((const struct hv_message_header *)message)->message_type == HV_MESSAGE_GPA_INTERCEPT)
		protect_intercept(message, r);
	else
		pins_intercept(message);
}

void sk_vtl_entry(struct vtl0_regs *r)
{
	uint64_t rax = r->rax, rcx = r->rcx;

	switch (sk_assist->vtl_entry_reason) {
	case HV_VTL_ENTRY_VTL_CALL:
		rax = services_call(r);
		rcx = 0;
		break;
	case HV_VTL_ENTRY_INTERCEPT:
		intercept(r);
		rcx = r->rcx;
		break;
	default:
		sk_panic("VTL entry for reason %u", sk_assist->vtl_entry_reason);
	}
	if (protect_locked())
		pins_set(); /* before VTL0 goes on, also from the call that locks */
	sk_assist->vtl_return_rax = rax;
	sk_assist->vtl_return_rcx = rcx;
}

void sk_ap_cpu(struct vtl0_regs *r)
{
	start_hypercalls();
	sk_assist->vtl_entry_reason = HV_VTL_ENTRY_VTL_CALL;
	sk_vtl_entry(r);
}
