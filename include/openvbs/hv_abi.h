/* SPDX-License-Identifier: MIT */
/*
 * What VTL0 can see of the hypervisor: CPUID leaves, and two read-only ranges
 * of guest physical memory (log ring, exit counters).
 *
 * The leaves from 0x40000000 on follow the Hypervisor Top-Level Functional
 * Specification (TLFS), chapter Feature and Interface Discovery, with a vendor
 * signature of our own. The leaves from 0x40000100 on are openvbs's.
 */
#ifndef OPENVBS_HV_ABI_H
#define OPENVBS_HV_ABI_H

#include <stddef.h>
#include <stdint.h>

#define OVBS_CPUID_BASE     0x40000000u
#define OVBS_CPUID_TLFS_MAX 0x40000005u
#define OVBS_CPUID_OWN_BASE 0x40000100u /* EAX highest own leaf, EBX..EDX signature again */
#define OVBS_CPUID_LOG      0x40000101u /* EAX/EBX low/high of the log's GPA, ECX its bytes, EDX 0 */
#define OVBS_CPUID_STATS                                                                           \
	0x40000102u /* EAX/EBX low/high of the counters' GPA, ECX their bytes, EDX CPUs */
#define OVBS_CPUID_OWN_MAX   OVBS_CPUID_STATS
#define OVBS_CPUID_SIGNATURE "OpenVBSVsm01" /* 12 bytes in EBX, ECX, EDX */

/* The log: a ring of text. `written` counts all bytes ever written; the byte number n is at data[n % data_size]. Lines are at most 200 bytes. */
#define OVBS_LOG_MAGIC   0x474C564Fu /* "OVLG" */
#define OVBS_LOG_VERSION 1

struct ovbs_log {
	uint32_t magic;
	uint32_t version;
	uint64_t data_size; /* bytes */
	uint64_t written;   /* read it before and after copying: what was overtaken is lost */
	uint64_t reserved[5];
	char data[];
};
_Static_assert(offsetof(struct ovbs_log, data) == 64, "ABI");

/* Exits counted by cause, the same for both vendors. Numbers are ABI: add at the end. */
enum ovbs_stat {
	OVBS_STAT_CPUID = 0,
	OVBS_STAT_MSR_READ = 1,
	OVBS_STAT_MSR_WRITE = 2,   /* without the ICR */
	OVBS_STAT_ICR_X2APIC = 3,  /* ICR trap, x2APIC */
	OVBS_STAT_APIC_XAPIC = 4,  /* APIC page trap, xAPIC */
	OVBS_STAT_SLAT_MAP = 5,    /* second-level fault that mapped something */
	OVBS_STAT_SLAT_DENIED = 6, /* second-level fault on protected memory */
	OVBS_STAT_IO = 7,
	OVBS_STAT_NMI = 8,
	OVBS_STAT_SMI = 9,
	OVBS_STAT_INIT = 10,
	OVBS_STAT_SIPI = 11,
	OVBS_STAT_HYPERCALL = 12, /* VMMCALL, VMCALL; without VTL calls and returns */
	OVBS_STAT_VIRT_INSN = 13, /* VMRUN and its like */
	OVBS_STAT_INVD = 14,
	OVBS_STAT_IRET = 15,  /* end of an NMI handler */
	OVBS_STAT_DEBUG = 16, /* single step after IRET */
	OVBS_STAT_SHUTDOWN = 17,
	OVBS_STAT_OTHER = 18,
	OVBS_STAT_PCI = 19, /* PCI configuration: ports, guarded pages of the ECAM */
	OVBS_STAT_VTL_CALL = 20,
	OVBS_STAT_VTL_RETURN = 21,
	OVBS_STAT_VTL_INTERRUPT = 22, /* VTL1 was brought back for something of VTL0's */
	OVBS_STAT_VTL_INTERCEPT = 23, /* secure intercepts */
	OVBS_STAT_SLAT_RUN = 24, /* a page that a program runs for the first time; without mode-based execute control */
	OVBS_STAT_CR = 25, /* CR0 and CR4 written while VTL1 pins bits of them */
	OVBS_STAT_COUNT = 26,
	OVBS_STAT_MAX = 32, /* slots reserved for each CPU */
};

#define OVBS_STATS_MAGIC   0x5353564Fu /* "OVSS" */
#define OVBS_STATS_VERSION 1

struct ovbs_stats {
	uint32_t magic;
	uint32_t version;
	uint32_t cpus;
	uint32_t slots;  /* OVBS_STAT_MAX */
	uint64_t online; /* CPUs that the hypervisor runs, for tests: equals cpus once started */
	uint64_t reserved[5];
	uint64_t count[]; /* [cpu][slot] */
};
_Static_assert(offsetof(struct ovbs_stats, count) == 64, "ABI");

#endif
