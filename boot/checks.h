/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Can this CPU carry openvbs? What was read (cpu.c), and the decision on it,
 * apart from each other: the decision is a pure function and tested for every
 * combination on the host.
 */
#ifndef BOOT_CHECKS_H
#define BOOT_CHECKS_H

#include <stdbool.h>
#include <stdint.h>

#include "verdict.h"

/* Raw values of one CPU; 0 where a register or leaf does not exist. */
struct cpu_facts {
	uint32_t signature;  /* CPUID 00000001h EAX */
	uint32_t std_ecx;    /* CPUID 00000001h ECX */
	uint32_t ext_max;    /* CPUID 80000000h EAX */
	uint32_t ext_ecx;    /* CPUID 80000001h ECX */
	uint32_t ext_edx;    /* CPUID 80000001h EDX */
	uint32_t svm_ebx;    /* CPUID 8000000Ah EBX: address space identifiers */
	uint32_t svm_edx;    /* CPUID 8000000Ah EDX: SVM features */
	char vendor[13];     /* CPUID 00000000h */
	char hypervisor[13]; /* CPUID 40000000h */
	uint64_t efer;
	uint64_t vm_cr; /* only read where SVM is shown: elsewhere it may not exist */
	uint64_t cr4;
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

/**
 * checks_decide() - the first check that this CPU fails
 * @facts: what was read
 * @v: filled if a check fails, else left alone
 *
 * Return: true if nothing is in the way. Context: any; pure.
 */
bool checks_decide(const struct cpu_facts *facts, struct verdict *v) __must_check;

#endif
