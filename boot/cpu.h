/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading the registers of the CPU that this runs on.
 */
#ifndef BOOT_CPU_H
#define BOOT_CPU_H

#include <stdbool.h>
#include <stdint.h>

#include <openvbs/boot_info.h>

#include "checks.h"
#include "stub.h"

/**
 * cpu_gather() - read what checks_decide() wants to know
 *
 * Context: any CPU, CPL 0.
 */
void cpu_gather(struct ovbs_cpu_facts *facts);

/**
 * cpu_capture_segments() - read the segment registers for the hypervisor
 * @entry: es to tr are filled
 *
 * Return: 0, or -EINVAL if a selector can't be found in the GDT, or CS is not
 * a 64-bit segment. Context: the CPU that is to enter, CPL 0.
 */
int cpu_capture_segments(struct ovbs_cpu_entry *entry) __must_check;

/**
 * cpu_capture_context() - read what the stub restores after PREPARE
 *
 * Context: the boot CPU, CPL 0.
 */
void cpu_capture_context(struct stub_context *context);

/**
 * cpu_set_nx() - switch EFER.NXE on or off
 *
 * Return: whether it was on before. Context: CPL 0, a CPU that has NX.
 */
bool cpu_set_nx(bool on);

/**
 * cpu_hypervisor_answers() - is this CPU under openvbs now?
 *
 * Context: any.
 */
bool cpu_hypervisor_answers(void);

/** cpu_stop() - stop this CPU for ever. Context: CPL 0. */
void cpu_stop(void) __noreturn;

/** cpu_rdtsc() - the time stamp counter, in ticks. Context: any. */
uint64_t cpu_rdtsc(void);

/** cpu_vtl1_answers() - does VTL1 answer a VTL call of this CPU of @kind? Context: cpu_hypervisor_answers() said yes. */
bool cpu_vtl1_answers(enum cpu_kind kind);

#endif
