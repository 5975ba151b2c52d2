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

/* How a CPU virtualizes: which of the images fits it. */
enum cpu_kind {
	CPU_KIND_NONE,
	CPU_KIND_SVM,
	CPU_KIND_VMX,
};

/* Capability MSRs of VMX (Intel SDM volume 3, appendix A). */
enum vmx_fact {
	VMX_BASIC,      /* 480h */
	VMX_PROCBASED,  /* 482h: says whether 48Bh exists */
	VMX_MISC,       /* 485h */
	VMX_PROCBASED2, /* 48Bh */
	VMX_EPT_VPID,   /* 48Ch */
	VMX_TRUE_PIN,   /* 48Dh */
	VMX_TRUE_PROC,  /* 48Eh */
	VMX_TRUE_EXIT,  /* 48Fh */
	VMX_TRUE_ENTRY, /* 490h */
	VMX_FACTS,
};

/* Raw values of one CPU; 0 where a register or leaf does not exist. */
struct cpu_facts {
	uint32_t std_max;    /* CPUID 00000000h EAX */
	uint32_t signature;  /* CPUID 00000001h EAX */
	uint32_t std_ecx;    /* CPUID 00000001h ECX */
	uint32_t leaf7_ecx;  /* CPUID 00000007h ECX */
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
	/* only read where VMX is shown, and where another one says that it exists: */
	uint64_t feature_control; /* IA32_FEATURE_CONTROL */
	uint64_t vmx[VMX_FACTS];
	uint64_t tme_activate; /* IA32_TME_ACTIVATE, where CPUID shows TME */
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
enum cpu_kind checks_kind(const struct cpu_facts *facts);

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
bool checks_decide(const struct cpu_facts *facts, struct verdict *v) __must_check;

#endif
