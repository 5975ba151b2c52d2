/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Can this CPU carry openvbs? What was read (cpu.c), and the decision on it,
 * apart from each other: the decision is a pure function and tested for every
 * combination on the host.
 */
#ifndef OVBS_CHECKS_H
#define OVBS_CHECKS_H

#include <stdbool.h>
#include <stdint.h>

#include <openvbs/platform.h>

#include "verdict.h"

/* How a CPU virtualizes: which of the images fits it. */
enum cpu_kind {
	CPU_KIND_NONE,
	CPU_KIND_SVM,
	CPU_KIND_VMX,
};

/* AMD APM volume 3, appendix E; volume 2, 3.1.7 (EFER), 15.30.1 (VM_CR) */
#define CPUID_ECX_HYPERVISOR (1u << 31)
#define CPUID_EXT_ECX_SVM    (1u << 2)
#define CPUID_EXT_EDX_NX     (1u << 20)
#define CPUID_EXT_EDX_LM     (1u << 29)
#define CPUID_SVM_EDX_NP     (1u << 0)
#define CPUID_SVM_EDX_SVML   (1u << 2)
#define EFER_NXE             (1ull << 11)
#define EFER_SVME            (1ull << 12)
#define VM_CR_LOCK           (1ull << 3)
#define VM_CR_SVMDIS         (1ull << 4)
#define CR4_LA57             (1ull << 12)

/* Intel SDM volume 2, CPUID; volume 3, 2.5 (CR4), appendix A; volume 4, table 2-2 */
#define CPUID_ECX_VMX              (1u << 5)
#define CPUID_7_ECX_TME            (1u << 13)
#define CR4_VMXE                   (1ull << 13)
#define FEATURE_CONTROL_LOCK       (1ull << 0)
#define FEATURE_CONTROL_VMX        (1ull << 2) /* outside SMX */
#define VMX_BASIC_TRUE             (1ull << 55)
#define VMX_MAY(bit)               (1ull << (32 + (bit))) /* the control may be 1 */
#define VMX_MUST(bit)              (1ull << (bit))        /* the control must be 1 */
#define VMX_PROC_SECONDARY         31
#define VMX_PROC2_EPT              1
#define VMX_PROC2_VPID             5
#define TME_ACTIVATE_ENABLED       (1ull << 1)
#define TME_ACTIVATE_KEYID_BITS(v) ((unsigned int)((v) >> 32 & 0xF))

/**
 * checks_kind() - how this CPU virtualizes
 * @facts: what was read
 *
 * Goes by the feature bits alone: who made the CPU does not matter.
 *
 * Return: CPU_KIND_NONE if it does not, or does not say so. Context: any; pure.
 */
enum cpu_kind checks_kind(const struct ovbs_cpu_facts *facts);

/**
 * cpu_kind_name() - "SVM", "VMX" or "neither SVM nor VMX"
 *
 * Return: a constant string. Context: any.
 */
const char *cpu_kind_name(enum cpu_kind kind);

/**
 * checks_decide() - the first check that this CPU fails
 * @facts: what was read
 * @v: filled if a check fails, else left alone
 *
 * Return: true if nothing is in the way. Context: any; pure.
 */
bool checks_decide(const struct ovbs_cpu_facts *facts, struct verdict *v) __must_check;

#endif
