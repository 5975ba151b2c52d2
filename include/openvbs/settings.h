/* SPDX-License-Identifier: MIT */
/*
 * Settings at rest, as loader and vbsctl write and read them: one record of
 * fixed size, which firmware or one disk write replaces as a whole.
 *
 *   local values   UEFI variable "OpenvbsSettings" (non-volatile, boot and runtime)
 *   policy         files \EFI\openvbs\policy.a and policy.b on the ESP: of those
 *                  that are whole, the one with the higher generation counts.
 *                  A writer replaces the other one, so that a torn write leaves
 *                  the old policy
 *   UEFI lock      variable "OpenvbsLock" (non-volatile, boot services only):
 *                  the operating system can't see, write or delete it. Its
 *                  value[] is what is locked, its saved[] what the person at
 *                  the console opted out of (openvbs-optout.efi): one variable,
 *                  so that both change at once. The loader makes it, empty, when
 *                  it first runs: the name is never anybody else's
 *
 * Values keep the names and numbers of the registry that administrators know
 * (enum ovbs_setting). A value that is absent differs from one that is 0.
 * All fields little endian.
 */
#ifndef OPENVBS_SETTINGS_H
#define OPENVBS_SETTINGS_H

#include <stdint.h>

/* 4f70656e-5642-5300-8c21-3b1d7e40a9c2: all variables below */
#define OVBS_SETTINGS_GUID_INIT                                                                    \
	{                                                                                          \
		0x4f70656e, 0x5642, 0x5300,                                                        \
		{                                                                                  \
			0x8c, 0x21, 0x3b, 0x1d, 0x7e, 0x40, 0xa9, 0xc2                             \
		}                                                                                  \
	}
#define OVBS_SETTINGS_GUID_TEXT     "4f70656e-5642-5300-8c21-3b1d7e40a9c2"
#define OVBS_SETTINGS_VARIABLE      "OpenvbsSettings"
#define OVBS_SETTINGS_LOCK_VARIABLE "OpenvbsLock"

#define OVBS_POLICY_FOLDER "\\EFI\\openvbs\\"
#define OVBS_POLICY_FILE_A "policy.a"
#define OVBS_POLICY_FILE_B "policy.b"

/* Numbers are ABI: add before OVBS_SETTINGS, never reuse. */
enum ovbs_setting {
	OVBS_SET_VBS = 0,          /* EnableVirtualizationBasedSecurity: 0, 1 */
	OVBS_SET_LEVEL = 1,        /* RequirePlatformSecurityFeatures: 0, 1, 3 */
	OVBS_SET_LOCKED = 2,       /* Locked: 0, 1 */
	OVBS_SET_MANDATORY = 3,    /* Mandatory: 0, 1 */
	OVBS_SET_ROLE_OPT_OUT = 4, /* HyperVVirtualizationBasedSecurityOptOut: 0, 1 */
	OVBS_SET_HVCI = 5,         /* Scenarios\HypervisorEnforcedCodeIntegrity\Enabled: 0, 1 */
	OVBS_SET_HVCI_LOCKED = 6,  /* the same key, Locked: 0, 1 */
	OVBS_SET_SYSTEM_GUARD = 7, /* Scenarios\SystemGuard\Enabled: 0, 1 */
	OVBS_SET_LSA_CFG = 8,      /* LsaCfgFlags: 0, 1 with lock, 2 without */
	OVBS_SETTINGS = 9,         /* how many there are in the resolved form */

	/* Other spellings: only in records, settings_resolve() turns them into the above. */
	OVBS_SET_HVCI_DIRECT = 16, /* DeviceGuard\HypervisorEnforcedCodeIntegrity; policy: 0, 1 with
				     * lock, 2 without; local, the old form: 0, 1 */
	OVBS_SET_UNLOCKED = 17,    /* the old form's DeviceGuard\Unlocked: 0, 1; absent: locked */
	OVBS_SET_SYSTEM_GUARD_LAUNCH = 18, /* policy ConfigureSystemGuardLaunch: 0 not configured, 1 on, 2 off */
};

/* Who gave a resolved value. Numbers are ABI. */
enum ovbs_source {
	OVBS_SOURCE_DEFAULT = 0,
	OVBS_SOURCE_LOCAL = 1,
	OVBS_SOURCE_POLICY = 2,
	OVBS_SOURCE_LOCK = 3,
	OVBS_SOURCE_OPT_OUT = 4,
};

struct ovbs_setting_entry {
	uint16_t id;    /* enum ovbs_setting */
	uint16_t flags; /* OVBS_ENTRY_* */
	uint32_t value;
};

#define OVBS_ENTRY_ABSENT 1u /* in saved[] only: the value was absent; `value` is 0 */

#define OVBS_RECORD_MAGIC   0x5354564Fu /* "OVTS" */
#define OVBS_RECORD_VERSION 1
#define OVBS_RECORD_ENTRIES 24

/* OpenvbsLock: the opt-out is new; the loader's next start says which generations it is for. */
#define OVBS_RECORD_UNBOUND 1u

struct ovbs_record {
	uint32_t magic;
	uint16_t version;
	uint16_t size;        /* of this struct */
	uint32_t crc32;       /* of the whole struct with this field 0 (the CRC of UEFI, zlib) */
	uint32_t generation;  /* one more with each change */
	uint64_t changed_s;   /* when: Unix time, UTC seconds; 0 if not known */
	uint32_t changed_uid; /* who: user number, as the writer says */
	uint16_t count;       /* used entries of value[] */
	uint16_t saved_count; /* used entries of saved[] */
	uint32_t base_generation; /* OpenvbsLock: generation of the policy that the opt-out is for;
				   * of the local values it is `generation`. Else 0 */
	uint32_t flags;           /* OVBS_RECORD_* */
	char changed_by[24];      /* how: "vbsctl enable"; ASCII, ends with 0 */
	struct ovbs_setting_entry value[OVBS_RECORD_ENTRIES];
	/* what `vbsctl enable` replaced, for `vbsctl disable` to give back */
	struct ovbs_setting_entry saved[OVBS_RECORD_ENTRIES];
};
_Static_assert(sizeof(struct ovbs_record) == 64 + 2 * 24 * 8, "ABI");

#endif
