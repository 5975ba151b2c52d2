/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Is this machine fit for virtualization-based security? One row per
 * requirement, each with what was read and what to do, and one verdict per
 * service. Pure judgement: who read the facts (the loader, or vbsctl from
 * Linux) does not matter, and nothing is guessed: what could not be read is
 * "unknown", what makes no sense is "unreadable", neither is ever "good".
 *
 * Capable is not running: nothing here says whether openvbs runs (lib/state.h).
 * But one capability shows only by use, DMA protection: what became of it in
 * this boot is a row of its own.
 */
#ifndef OVBS_READINESS_H
#define OVBS_READINESS_H

#include <stdint.h>

#include <openvbs/platform.h>

#include "settings.h"

enum readiness_result {
	READINESS_GOOD,
	READINESS_WEAKER, /* usable, but with less protection or speed: the evidence says what */
	READINESS_MISSING,
	READINESS_UNREADABLE, /* a broken table: as good as missing */
	READINESS_UNKNOWN,    /* could not be looked at: the evidence says why */
};

/* Who asks for it. */
enum readiness_need {
	READINESS_BASE,    /* without it openvbs does not start */
	READINESS_LEVEL_1, /* platform level 1 and above */
	READINESS_LEVEL_3,
	READINESS_RECOMMENDED, /* a protection is weaker without it */
	READINESS_OPTIONAL,    /* costs time only */
};

enum readiness_id {
	READINESS_LONG_MODE,
	READINESS_VIRTUALIZATION, /* the CPU has what is needed, and shows it */
	READINESS_FIRMWARE,       /* firmware left it switched on */
	READINESS_NOT_HELD,       /* no other hypervisor holds or hides it, nor does a policy */
	READINESS_NX,
	READINESS_SMEP,
	READINESS_SECURE_BOOT,
	READINESS_IOMMU,         /* present: a usable table */
	READINESS_IOMMU_ENABLED, /* somebody uses it: openvbs, or else the operating system */
	READINESS_DMA_ENFORCED,  /* openvbs owns it in this boot: VTL0 can't undo it */
	READINESS_TPM,
	READINESS_MAT,
	READINESS_WSMT,
	READINESS_SECURE_MOR,
	READINESS_MBEC_GMET,
	READINESS_APIC,
	READINESS_LEVEL, /* the configured level and the platform */
	READINESS_ROWS,
};

/*
 * Exit status of `vbsctl readiness`, and missing: a bit mask. Numbers are ABI.
 * A row that is missing or unreadable sets its bit; so does one that is unknown if
 * its need is BASE or LEVEL_1: a script must not take "I can't tell" for "good".
 */
#define READINESS_MISSING_VIRTUALIZATION 1u
#define READINESS_MISSING_SECURE_BOOT    2u
#define READINESS_MISSING_IOMMU          4u
#define READINESS_MISSING_TPM            8u
#define READINESS_MISSING_NX_SMEP        16u
#define READINESS_MISSING_FIRMWARE       32u /* memory attributes, WSMT, secure MOR */
#define READINESS_MISSING_UNREADABLE     64u /* some table is broken; beside the row's own bit */

#define READINESS_EVIDENCE_MAX 208

struct readiness_row {
	const char *word;  /* stable: "secure-boot"; scripts may use it */
	const char *title; /* for people: "Secure Boot" */
	enum readiness_need need;
	enum readiness_result result;
	char evidence[READINESS_EVIDENCE_MAX]; /* what was read, with values */
	const char *cure;                      /* what to do; "" if nothing */
};

enum readiness_service_id {
	READINESS_VBS,
	READINESS_MEMORY_INTEGRITY,
	READINESS_CREDENTIAL_GUARD,
	READINESS_DMA_PROTECTION,
	READINESS_SERVICES,
};

enum readiness_verdict {
	READINESS_IMPOSSIBLE = 0,
	READINESS_USABLE = 1,
	READINESS_FULL = 2,
	READINESS_CANT_TELL = 3, /* something that decides it is unknown */
};

struct readiness_service {
	const char *word; /* stable: "memory-integrity" */
	const char *title;
	enum readiness_verdict verdict;       /* of the platform: see note */
	const char *note;                     /* "" or that this version has not built it yet */
	char because[READINESS_EVIDENCE_MAX]; /* titles of the rows that decide it; "" if full */
};

struct readiness {
	struct readiness_row row[READINESS_ROWS];
	struct readiness_service service[READINESS_SERVICES];
	uint32_t missing; /* READINESS_MISSING_* */
};

/* What only a running Linux can say; without it (NULL) the rows concerned are judged by the platform alone. */
struct readiness_host {
	uint8_t registers;  /* enum ovbs_fact: were the MSRs behind platform.cpu read? */
	uint8_t openvbs;    /* enum ovbs_fact: CPUID shows openvbs right now */
	uint8_t iommu_used; /* enum ovbs_fact: the OS has units, and devices are behind them */
	uint8_t kvm_used;   /* enum ovbs_fact: KVM of this Linux is in use */
	uint32_t iommu_groups;
	char registers_why[128]; /* unless they were: why not */
	char policy_hidden[48]; /* kernel parameter that keeps Linux from using the IOMMU: "intel_iommu=off"; else "" */
	char kvm_who[48];  /* "kvm_amd: 3 users" */
	char tpm_why[128]; /* TPM lockout was not read: why; else "" */
	char efi_why[128]; /* UEFI variables were not read: why; else "" */
};

/**
 * readiness_judge() - judge a platform
 * @p: what was read; size 0: nothing was, everything is unknown
 * @s: resolved settings, whose level is held against the platform; or NULL
 * @out: filled wholly
 *
 * The level is judged as if VBS were switched on: the question is whether it could run.
 *
 * Context: any; pure; 600 bytes of stack.
 */
void readiness_judge(const struct ovbs_platform *p, const struct settings *s, struct readiness *out);

/** readiness_judge_host() - the same, with what Linux says; @host may be NULL */
void readiness_judge_host(const struct ovbs_platform *p, const struct settings *s,
			  const struct readiness_host *host, struct readiness *out);

/** readiness_result_name() - "good", "weaker", "missing", "unreadable", "unknown" */
const char *readiness_result_name(enum readiness_result result);

/** readiness_need_name() - "base", "level 1", "level 3", "recommended", "optional" */
const char *readiness_need_name(enum readiness_need need);

/** readiness_verdict_name() - "impossible", "usable", "full", "unknown" */
const char *readiness_verdict_name(enum readiness_verdict verdict);

#endif
