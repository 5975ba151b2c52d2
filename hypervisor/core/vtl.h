/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Virtual trust levels (TLFS, chapter Virtual Secure Mode): VTL1's start on
 * each CPU, the switch between VTL0 and VTL1, and what is told to VTL1.
 *
 * VTL1 is enabled for the partition by the hypervisor itself, before VTL0's
 * boot CPU goes on: VTL0 can neither enable nor replace it. On the boot CPU
 * VTL1 runs first, until its first VTL return; it then enables the other CPUs'
 * (HvCallEnableVpVtl), which start with their first VTL call.
 *
 * Context of all, unless said: host, GIF clear.
 */
#ifndef HV_CORE_VTL_H
#define HV_CORE_VTL_H

#include <openvbs/tlfs.h>

#include "core/cpu.h"
#include "core/exits.h"

/* This CPU's VP assist page of VTL1, in VTL1's memory; mapped while this_cpu->assist_gpa is not 0. */
#define vtl_assist ((struct hv_vp_assist_page *)PRIVATE_ADDR(PRIV_ASSIST))

/* The MSRs that VTL1 reads and writes without an exit: its system calls' and its thread pointers. */
#define VTL1_MSRS MSR_STAR, MSR_LSTAR, MSR_SFMASK, MSR_FS_BASE, MSR_GS_BASE

/** vtl_segment - a segment register of the TLFS's as boot_info.h has it: without the gap between bits 7 and 12 of the attributes. */
static inline struct ovbs_segment vtl_segment(const struct hv_x64_segment_register *s)
{
	return (struct ovbs_segment){
		.selector = s->selector,
		.attrib = (uint16_t)((s->attributes & 0xFF) | (s->attributes >> 4 & 0xF00)),
		.limit = s->limit,
		.base = s->base,
	};
}

/** vtl_prepare - VTL1's map, the hypercall page, VTL1's start on the boot CPU. 0, -ENOMEM, or -EINVAL if the loader's numbers make no sense. Context: PREPARE. */
int vtl_prepare(const struct ovbs_boot_info *info);

/** vtl_boot - the boot CPU: VTL1 runs next. Context: ENTER. */
void vtl_boot(void);

/** vtl1_enabled - is VTL1 enabled for the partition? */
bool vtl1_enabled(void);

/** vtl_enable_vp - VTL1 of CPU @index starts with @c at its first VTL call. Context: any lock-free. */
enum hv_status vtl_enable_vp(uint32_t index, const struct hv_initial_vp_context *c);

/** vtl_vp_enabled - has CPU @index a VTL1? */
bool vtl_vp_enabled(uint32_t index);

/** vtl_context_ok - can the CPU be in the state @c, and may VTL1? 64-bit mode, CPL 0, tables in VTL1's memory. */
bool vtl_context_ok(const struct hv_initial_vp_context *c);

/** vtl_call, vtl_return - the switches that @v asked for; false: not there for it (#UD). */
bool vtl_call(struct vcpu *v);
bool vtl_return(struct vcpu *v);

/**
 * vtl_quick - may @v's VTL call or return be done without a look at the letter box?
 *
 * Only for a backend on which a request that comes now ends the next run at
 * once (an NMI that waits until the guest is entered). Return: the VTL to switch
 * to; NULL: do it the long way.
 */
struct vcpu *vtl_quick(struct vcpu *v, uint64_t code);

/** vtl_call_back - something of VTL0's waits: notify VTL1 (VINA), now or as soon as it takes interrupts. */
void vtl_call_back(struct vcpu *v);

/** vtl_intercept - VTL0's access @f failed where VTL1 took rights away: tell VTL1, which decides. False: not so. */
bool vtl_intercept(struct vcpu *v, const struct slat_fault *f);

/** vtl_intercept_ready - can VTL1 of this CPU be told of anything? */
bool vtl_intercept_ready(void);

/** vtl_enter_intercept - VTL1 runs next, for an intercept: the caller writes vtl_assist->intercept_message. vtl_intercept_ready(). */
void vtl_enter_intercept(void);

/** vtl_intercept_header - of a message about what @v does with the instruction at its RIP; @length: its bytes, 0: not known. */
struct hv_x64_intercept_message_header vtl_intercept_header(struct vcpu *v, enum hv_intercept_access access,
							    unsigned int length);

/** vtl1_owns - does [@gpa, @gpa + @size) lie in VTL1's memory? */
bool vtl1_owns(uint64_t gpa, uint64_t size);

/** vtl0_ram - does [@gpa, @gpa + @size) lie in VTL0's RAM? */
bool vtl0_ram(uint64_t gpa, uint64_t size);

/** vtl_map_assist - the page at @gpa, in VTL1's memory, is this CPU's VP assist page from now on; 0: none. */
enum hv_status vtl_map_assist(uint64_t gpa);

/** vtl_code_page_offsets - HvRegisterVsmCodePageOffsets. */
uint64_t vtl_code_page_offsets(void);

/** vtl_msr_read, vtl_msr_write - synthetic MSRs, and all that VTL1 may touch by exit. 0, or -EPERM: #GP. */
int vtl_msr_read(struct vcpu *v, uint32_t msr, uint64_t *value);
int vtl_msr_write(struct vcpu *v, uint32_t msr, uint64_t value);

#endif
