/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What both vendors do alike at an exit. The vendor's switch calls these with
 * the exit's facts; they go on behind the instruction or inject the fault that
 * the hardware would raise. Context of all: host, GIF clear.
 */
#ifndef HV_CORE_EXITS_H
#define HV_CORE_EXITS_H

#include "core/cpu.h"

struct io_access {
	uint16_t port;
	uint8_t size; /* 1, 2 or 4 bytes */
	bool in;
	bool string;
};

struct slat_fault {
	struct gpa gpa;
	bool write, fetch;
	bool user; /* by a program: at CPL 3, with paging on */
	bool indirect; /* by a walk of VTL0's page tables, or while an event was being delivered */
};

void exit_cpuid(struct vcpu *v);
void exit_rdmsr(struct vcpu *v);
void exit_wrmsr(struct vcpu *v);
void exit_slat(struct vcpu *v, const struct slat_fault *f);
void exit_invd(struct vcpu *v);

/** exit_io - a trapped port. True: done, go on behind it. False: #GP was injected. */
bool exit_io(struct vcpu *v, const struct io_access *io);

/** exit_hypercall - VMMCALL or VMCALL; outside of 64-bit mode or CPL 0: #UD. */
void exit_hypercall(struct vcpu *v);

/** exit_interrupt - an interrupt of VTL0's came while VTL1 ran: bring VTL1 back. */
void exit_interrupt(struct vcpu *v);

/** exit_halt - the secure kernel gave up: no CPU goes on. Does not return. */
void exit_halt(struct vcpu *v) __attribute__((noreturn));

/** exit_shutdown - triple fault: the machine is reset, as the chipset would. Does not return. */
void exit_shutdown(struct vcpu *v) __attribute__((noreturn));

/** exit_unknown - no handler: log everything, then #UD. For exits that an instruction of VTL0 can cause. */
void exit_unknown(struct vcpu *v, uint64_t reason);

#endif
