/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VMX's part of a virtual processor. What is not here is in the VMCS. The
 * one of the VTL that runs is the current one of its CPU from arch_enter() on.
 */
#ifndef HV_ARCH_VMX_ARCH_VCPU_H
#define HV_ARCH_VMX_ARCH_VCPU_H

#include <stdbool.h>
#include <stdint.h>

struct arch_vcpu {
	uint64_t vmcs_spa;
	uint32_t launched;      /* VMLAUNCH was done: VMRESUME from now on */
	uint32_t reason;        /* of the last exit, all 32 bits */
	uint32_t vectoring;     /* IDT-vectoring information of the last exit */
	uint32_t event;         /* VM-entry interruption information for the next entry, 0: none */
	uint32_t event_error;   /* its error code */
	uint32_t event_length;  /* its instruction length */
	bool pinned;            /* writes of pinned MSRs exit (arch_pin()) */
	bool nmi_window;        /* an exit says that VTL0 can take an NMI here */
	uint64_t qualification; /* of the last exit */
};

#endif
