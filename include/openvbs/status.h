/* SPDX-License-Identifier: MIT */
/*
 * The loader's answer to "is it running, and why not": a UEFI configuration
 * table with this GUID, and the same bytes in the volatile UEFI variable
 * "OpenvbsStatus" of the same GUID (boot-service and runtime access, so that
 * firmware makes it read-only once the OS runs; UEFI 2.10, 8.2.2).
 *
 * All fields little endian. Readers check magic, version and size, and accept
 * a larger size than they know.
 */
#ifndef OPENVBS_STATUS_H
#define OPENVBS_STATUS_H

#include <stddef.h>
#include <stdint.h>

#include <openvbs/platform.h>
#include <openvbs/settings.h>

/* 4f70656e-5642-5300-9d1c-6c0a52f3b7e1 */
#define OVBS_STATUS_GUID_INIT                                                                      \
	{                                                                                          \
		0x4f70656e, 0x5642, 0x5300,                                                        \
		{                                                                                  \
			0x9d, 0x1c, 0x6c, 0x0a, 0x52, 0xf3, 0xb7, 0xe1                             \
		}                                                                                  \
	}
#define OVBS_STATUS_VARIABLE "OpenvbsStatus"

#define OVBS_STATUS_MAGIC   0x5453564Fu /* "OVST" */
#define OVBS_STATUS_VERSION 2

enum ovbs_state {
	OVBS_STATE_NOT_RUNNING = 0,
	OVBS_STATE_RUNNING = 1,
};

/* The fixed list of reasons. Numbers are ABI: add at the end, never reuse. */
enum ovbs_reason {
	OVBS_REASON_NONE = 0, /* running */
	OVBS_REASON_NOT_CONFIGURED = 1,
	OVBS_REASON_NO_VIRTUALIZATION = 2, /* no SVM or VMX, or not what openvbs needs of it */
	OVBS_REASON_FIRMWARE_OFF = 3, /* VM_CR.SVMDIS; IA32_FEATURE_CONTROL locked without VMX */
	OVBS_REASON_OTHER_HYPERVISOR = 4, /* SVM or VMX is in use, or hidden by the level below */
	OVBS_REASON_NO_SECURE_BOOT = 5,
	OVBS_REASON_NO_IOMMU = 6,
	OVBS_REASON_IMAGE_REFUSED = 7, /* damaged or unsigned image */
	OVBS_REASON_OUT_OF_MEMORY = 8,
	OVBS_REASON_REBOOT_REQUIRED = 9,
	OVBS_REASON_OPTED_OUT = 10,
	OVBS_REASON_OTHER = 11,
};

/* What this boot found of the UEFI lock. Numbers are ABI. */
enum ovbs_lock {
	OVBS_LOCK_NONE = 0,
	OVBS_LOCK_PRESENT = 1, /* values whose source is OVBS_SOURCE_LOCK */
	OVBS_LOCK_WRITTEN = 2, /* asked for, and written in this boot: it counts from the next one on */
	OVBS_LOCK_NO_SECURE_BOOT = 3, /* asked for, refused: without Secure Boot it would be no lock */
	OVBS_LOCK_FAILED = 4,         /* asked for, but firmware refused to write it */
	OVBS_LOCK_UNREADABLE = 5, /* there is one, but it is damaged: treated as locked on, level 1 */
};

/* Bits of `findings`: what the loader came across; `note` has the words of the first. */
#define OVBS_FOUND_LOCAL_UNREADABLE  1u /* OpenvbsSettings is damaged: left out */
#define OVBS_FOUND_POLICY_UNREADABLE 2u /* neither policy file that is there is whole: left out */
#define OVBS_FOUND_POLICY_TORN       4u /* one of them is not: the other one counts */
#define OVBS_FOUND_SHADOW            8u /* a lock or opt-out variable that the OS could write: removed */
#define OVBS_FOUND_OPTED_OUT         16u /* openvbs-optout.efi was used since the last change of settings */
#define OVBS_FOUND_OTHER             32u

/* A setting as it was resolved for this boot; index: enum ovbs_setting. */
struct ovbs_status_setting {
	uint32_t value;
	uint8_t source; /* enum ovbs_source */
	uint8_t held;   /* 1 + what the UEFI lock holds, from the next boot on; 0: nothing */
	uint8_t reserved[2];
};

struct ovbs_status {
	uint32_t magic;
	uint16_t version;
	uint16_t size;
	uint32_t state;             /* enum ovbs_state */
	uint32_t reason;            /* enum ovbs_reason */
	uint64_t log_gpa, log_size; /* the hypervisor's log ring, read-only; 0 if not running */
	uint64_t stats_gpa, stats_size;
	uint64_t memory_bytes; /* memory taken from the machine */
	uint32_t cpus;
	uint32_t reserved;
	char check[32];     /* the check that failed, one word: "cpuid.svm"; empty if running */
	char evidence[160]; /* what was read, for a person: "CPUID 80000001h ECX=..., bit 2 is 0" */
	char build[32];     /* version of openvbs */

	/* since version 2 */
	struct ovbs_status_setting setting[16]; /* OVBS_SETTINGS are used */
	uint32_t lock;                          /* enum ovbs_lock */
	uint32_t findings;                      /* OVBS_FOUND_* */
	uint32_t local_generation; /* of the records that this boot used; 0: there was none */
	uint32_t policy_generation;
	uint8_t esp_partition[16]; /* GUID of the partition that openvbs.efi was started from, as
				     * in its device path (little-endian form); 0 if it has none */
	char note[96];             /* the first finding in words; ASCII, ends with 0; or empty */
	struct ovbs_platform platform;
};

/* Readers accept a status of version 1, which ends here. */
#define OVBS_STATUS_SIZE_V1 288
_Static_assert(offsetof(struct ovbs_status, setting) == OVBS_STATUS_SIZE_V1, "ABI");
_Static_assert(sizeof(struct ovbs_status) == 288 + 128 + 32 + 96 + 384, "ABI");

#endif
