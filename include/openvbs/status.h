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

#include <stdint.h>

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
#define OVBS_STATUS_VERSION 1

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
};

_Static_assert(sizeof(struct ovbs_status) == 288, "ABI");

#endif
