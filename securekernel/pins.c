// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pinned registers of VTL0: see pins.h.
 */
#include "pins.h"

#include <openvbs/tlfs.h>

#include "cpu.h"
#include "hypercall.h"
#include "log.h"

#define LOGGED_MAX 64u

#define PINNED_CR0 (CR0_PE | CR0_WP | CR0_PG)
#define PINNED_CR4 (CR4_SMEP | CR4_SMAP | CR4_UMIP) /* of these what the kernel has set */
#define PINNED                                                                                     \
	(HV_CR_INTERCEPT_CR0_WRITE | HV_CR_INTERCEPT_CR4_WRITE | HV_CR_INTERCEPT_EFER_WRITE |      \
	 HV_CR_INTERCEPT_LSTAR_WRITE | HV_CR_INTERCEPT_STAR_WRITE | HV_CR_INTERCEPT_CSTAR_WRITE |  \
	 HV_CR_INTERCEPT_SFMASK_WRITE | HV_CR_INTERCEPT_SYSENTER_CS_WRITE |                        \
	 HV_CR_INTERCEPT_SYSENTER_EIP_WRITE | HV_CR_INTERCEPT_SYSENTER_ESP_WRITE)

static uint32_t lines_left = LOGGED_MAX;

/* MBEC, too, tells by the page's U/S bit: without SMEP the kernel runs what is mapped for programs (SDM 3, 4.6). */
static uint64_t missing(uint64_t cr4)
{
	return cpuid(7, 0).ebx & (1u << 7) ? ~cr4 & CR4_SMEP : 0;
}

bool pins_ready(void)
{
	return !missing(hv_get_register(0, HV_X64_REGISTER_CR4));
}

void pins_set(void)
{
	uint64_t cr4, off;

	if (sk_this_cpu->pinned)
		return;
	cr4 = hv_get_register(0, HV_X64_REGISTER_CR4);
	off = missing(cr4);
	cr4 |= off;
	if (off && hv_set_register(0, HV_X64_REGISTER_CR4, cr4))
		sk_panic("SMEP can't be switched on for VTL0");
	cr4 &= PINNED_CR4;
	if (hv_set_register(1, HV_X64_REGISTER_CR_INTERCEPT_CR0_MASK, PINNED_CR0) ||
	    hv_set_register(1, HV_X64_REGISTER_CR_INTERCEPT_CR4_MASK, cr4) ||
	    hv_set_register(1, HV_X64_REGISTER_CR_INTERCEPT_CONTROL, PINNED))
		sk_panic("the hypervisor pins no registers");
	sk_this_cpu->pinned = true;
}

void pins_intercept(const void *message)
{
	const struct hv_message_header *h = message;

	if (h->message_type == HV_MESSAGE_MSR_INTERCEPT) {
		const struct hv_x64_msr_intercept_message *m = message;

		sk_log_bounded(&lines_left, "write of pinned MSR %x at rip %llx refused: #GP", m->msr_number,
			       (unsigned long long)m->header.rip);
	} else {
		const struct hv_x64_register_intercept_message *m = message;

		sk_log_bounded(&lines_left, "write of pinned register %x at rip %llx refused: #GP",
			       m->register_name, (unsigned long long)m->header.rip);
	}
	hv_refuse();
}
