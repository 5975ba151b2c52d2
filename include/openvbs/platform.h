/* SPDX-License-Identifier: MIT */
/*
 * What of a machine decides whether, and how well, openvbs can run on it: raw
 * values, read by the loader before anything is hidden, and part of its status
 * (status.h). `vbsctl readiness` fills the same struct from Linux where the
 * loader did not run. Judged in lib/checks.h and lib/readiness.h alone.
 */
#ifndef OPENVBS_PLATFORM_H
#define OPENVBS_PLATFORM_H

#include <stdint.h>

/* Capability MSRs of VMX (Intel SDM volume 3, appendix A). Numbers are ABI. */
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
struct ovbs_cpu_facts {
	uint32_t std_max;    /* CPUID 00000000h EAX */
	uint32_t signature;  /* CPUID 00000001h EAX */
	uint32_t std_ecx;    /* CPUID 00000001h ECX */
	uint32_t leaf7_ebx;  /* CPUID 00000007h EBX */
	uint32_t leaf7_ecx;  /* CPUID 00000007h ECX */
	uint32_t ext_max;    /* CPUID 80000000h EAX */
	uint32_t ext_ecx;    /* CPUID 80000001h ECX */
	uint32_t ext_edx;    /* CPUID 80000001h EDX */
	uint32_t svm_ebx;    /* CPUID 8000000Ah EBX: address space identifiers */
	uint32_t svm_edx;    /* CPUID 8000000Ah EDX: SVM features */
	char vendor[16];     /* CPUID 00000000h, ends with 0 */
	char hypervisor[16]; /* CPUID 40000000h, ends with 0 */
	uint64_t efer;
	uint64_t vm_cr; /* only read where SVM is shown: elsewhere it may not exist */
	uint64_t cr4;
	/* only read where VMX is shown, and where another one says that it exists: */
	uint64_t feature_control; /* IA32_FEATURE_CONTROL */
	uint64_t vmx[VMX_FACTS];
	uint64_t tme_activate; /* IA32_TME_ACTIVATE, where CPUID shows TME */
};
_Static_assert(sizeof(struct ovbs_cpu_facts) == 184, "ABI");

/* A boolean that may not be there. */
enum ovbs_fact {
	OVBS_FACT_NO = 0,
	OVBS_FACT_YES = 1,
	OVBS_FACT_ABSENT = 2,     /* there is no such variable, table or device */
	OVBS_FACT_UNREADABLE = 3, /* it is there, but makes no sense: the why[] says what */
	OVBS_FACT_UNKNOWN = 4,    /* was not looked for, or may not be read */
};

enum ovbs_iommu_kind {
	OVBS_IOMMU_NONE = 0,
	OVBS_IOMMU_AMD = 1,   /* IVRS */
	OVBS_IOMMU_INTEL = 2, /* DMAR */
};

enum ovbs_tpm_version {
	OVBS_TPM_NONE = 0,
	OVBS_TPM_1_2 = 1,
	OVBS_TPM_2_0 = 2,
};

/* TCG EFI Protocol Specification, EFI_TCG2_BOOT_HASH_ALG_*: bits of tpm_banks */
#define OVBS_TPM_BANK_SHA1   1u
#define OVBS_TPM_BANK_SHA256 2u
#define OVBS_TPM_BANK_SHA384 4u
#define OVBS_TPM_BANK_SHA512 8u

struct ovbs_platform {
	uint16_t size;       /* of this struct; 0: nobody filled it */
	uint8_t by_loader;   /* 1: read by the loader, before the operating system */
	uint8_t secure_boot; /* enum ovbs_fact: UEFI variable SecureBoot */
	uint8_t setup_mode;  /* enum ovbs_fact: UEFI variable SetupMode */
	uint8_t mor;      /* enum ovbs_fact: MemoryOverwriteRequestControl is there (YES) or not */
	uint8_t mor_lock; /* enum ovbs_fact: MemoryOverwriteRequestControlLock, the same */
	uint8_t iommu_kind; /* enum ovbs_iommu_kind: which table is there, or was before it was hidden */
	uint8_t iommu;      /* enum ovbs_fact: the table is there and usable */
	uint8_t iommu_flags;  /* DMAR flags (bit 0 interrupt remapping, bit 2 DMA control opt-in) */
	uint16_t iommu_units; /* remapping units that the table describes */
	uint8_t wsmt;         /* enum ovbs_fact */
	uint8_t mat;          /* enum ovbs_fact: UEFI memory attributes table: YES: no entry is
				* writable and executable at once */
	uint8_t tpm;          /* enum ovbs_fact: a TPM answers */
	uint8_t tpm_version;  /* enum ovbs_tpm_version */
	uint32_t tpm_banks;   /* OVBS_TPM_BANK_*, active ones */
	uint8_t tpm_lockout;  /* enum ovbs_fact: dictionary attack lockout; UNKNOWN to the loader */
	uint8_t shim_off; /* enum ovbs_fact: YES: MokSBState says that shim checks no signatures */
	/* DMA protection in this boot (enum ovbs_dma_state of boot_info.h; by the loader): 0 there
	 * is none, 1 the IOMMU could not be switched on, iommu_why says why, 2 enforced */
	uint8_t dma;
	uint8_t reserved0;
	uint32_t wsmt_flags; /* WSMT protection flags */
	uint32_t mat_entries;
	char iommu_why[56]; /* what makes no sense, or why dma is 1; ASCII, ends with 0 */
	char wsmt_why[56];
	char mat_why[56];
	struct ovbs_cpu_facts cpu; /* of the boot CPU */
};
_Static_assert(sizeof(struct ovbs_platform) == 384, "ABI");

#endif
