/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state model: is virtualization-based security configured, does it run,
 * and if not, why not. One pure function, from facts that somebody else
 * gathered, so that the command line, JSON, journal, metrics and the kernel
 * module can't contradict each other.
 *
 * Invariants: "running" takes proof, a call that VTL1 answered; flags of the
 * normal world are evidence for a reason, never for "running". Who is
 * configured and does not run always has a reason and the check that says so.
 */
#ifndef OVBS_STATE_H
#define OVBS_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include <openvbs/status.h>

#include "settings.h"
#include "verdict.h"

/* The loader's status in this boot. */
enum state_loader {
	STATE_LOADER_ABSENT,     /* there is none: the loader was not started */
	STATE_LOADER_UNREADABLE, /* can't tell: no right to read it, damaged, no EFI variables */
	STATE_LOADER_RAN,
};

/* What came of calling VTL1. */
enum state_proof {
	STATE_PROOF_NO_HYPERVISOR, /* no device, and CPUID does not show openvbs */
	STATE_PROOF_NO_MODULE,     /* CPUID shows openvbs, but there is no /dev/openvbs */
	STATE_PROOF_NO_ACCESS,     /* the device is there, this user may not open it */
	STATE_PROOF_FAILED,        /* the call did not come back as it should */
	STATE_PROOF_OK,
};

/* SecurityServices* and *SecurityProperties of Win32_DeviceGuard; bit n of the masks below. */
enum state_service_id {
	STATE_CREDENTIAL_GUARD = 1,
	STATE_MEMORY_INTEGRITY = 2,
	STATE_SECURE_LAUNCH = 3,
};

enum state_property {
	STATE_BASE_VIRTUALIZATION = 1,
	STATE_SECURE_BOOT = 2,
	STATE_DMA_PROTECTION = 3,
	STATE_SECURE_MOR = 4,
	STATE_UEFI_NX = 5,
	STATE_SMM_MITIGATIONS = 6,
	STATE_MBEC = 7,
	STATE_APIC_VIRTUALIZATION = 8,
	STATE_PROPERTIES = 9, /* one more than the highest */
};

#define STATE_BIT(n) (1u << (n))

/* Services that this version has, STATE_BIT() of each; the one place to change when one is built. */
#define STATE_SERVICES_BUILT STATE_BIT(STATE_MEMORY_INTEGRITY)

/* Who changed the settings last, from the record that decides. */
struct state_change {
	bool known;
	uint32_t uid;
	uint64_t when_s; /* Unix time; 0: not known */
	char by[24];     /* "vbsctl enable" */
};

struct state_facts {
	enum state_loader loader;
	const char *loader_why;               /* unless it ran: why; NULL is "" */
	const struct ovbs_status *status;     /* if it ran; version 1 widened with zeros */
	const struct ovbs_platform *platform; /* NULL: nobody looked */
	bool cpuid;                           /* CPUID shows openvbs */
	enum state_proof proof;
	const char *proof_why; /* the text of the call that failed; NULL is "" */
	bool next_known;
	const char *next_why; /* unless known: why; NULL is "" */
	struct settings next; /* resolved for the next boot */
	struct state_change change;
	bool opt_out_pending;      /* the next boot starts openvbs-optout.efi */
	enum ovbs_fact boot_order; /* does the next boot start openvbs? */
	uint32_t services_built;   /* STATE_SERVICES_BUILT; tests vary it */
	uint32_t services_running; /* STATE_BIT() of those that VTL1 says run */
};

enum state_from {
	STATE_FROM_NOW,
	STATE_FROM_NEXT_BOOT,
};

struct state_service {
	enum state_service_id id;
	const char *name; /* as msinfo32 prints it */
	bool configured, running;
	enum ovbs_setting setting; /* whose value configures it */
	enum ovbs_source source;
	char why[96]; /* unless it runs: why not; else "" */
};

#define STATE_SERVICES 3

struct state {
	bool known; /* false: neither this boot's nor the next boot's settings could be read */
	bool configured, running;
	enum state_from from;    /* since when `configured` counts */
	enum ovbs_source source; /* who configured it so */
	uint32_t status;         /* VirtualizationBasedSecurityStatus: 0, 1, 2 */
	char text[160];          /* one of the four texts of the model */
	enum ovbs_reason reason; /* NONE if it runs */
	char check[32];          /* "" if it runs */
	char evidence[160];
	const char *advice; /* what to do; "" if nothing */
	bool pending_reboot;
	char pending[160]; /* what the reboot will change; "" if nothing */
	bool now_known, next_known;
	struct settings now, next;
	struct state_change change;
	uint32_t required, available; /* STATE_BIT(enum state_property) */
	bool available_known;
	bool dma_protection; /* it runs, and the loader saw the hypervisor take every IOMMU in this boot */
	uint32_t services_configured, services_running; /* STATE_BIT(enum state_service_id) */
	struct state_service service[STATE_SERVICES];
};

/**
 * state_compute() - the state, from the facts
 * @facts: what was found
 * @out: filled wholly
 *
 * Context: any; pure; about 300 bytes of stack.
 */
void state_compute(const struct state_facts *facts, struct state *out);

/** state_setting_name() - "LsaCfgFlags": a setting below its registry key. Return: never NULL. Context: any. */
const char *state_setting_name(enum ovbs_setting id);

/** state_property_name() - as msinfo32 prints it: "Base Virtualization Support". Return: never NULL. Context: any. */
const char *state_property_name(enum state_property property);

/** state_service_name() - as msinfo32 prints it: "Credential Guard". Return: never NULL. Context: any. */
const char *state_service_name(enum state_service_id id);

/** state_advice() - what to do about a reason. Return: "" if there is nothing; never NULL. Context: any. */
const char *state_advice(enum ovbs_reason reason);

/** state_check_advice() - the same, where the check that failed says more than its reason ("level.shim"). */
const char *state_check_advice(const char *check, enum ovbs_reason reason);

#define STATE_TIME_SIZE 24

/** state_time() - Unix time as "2026-01-31 23:59 UTC"; "unknown time" for 0. Context: any; pure. */
void state_time(uint64_t when_s, char text[STATE_TIME_SIZE]);

#endif
