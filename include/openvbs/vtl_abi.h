/* SPDX-License-Identifier: MIT */
/*
 * The services of VTL1, as VTL0 calls them.
 *
 * A VTL call (TLFS, Virtual Secure Mode: the code at VtlCallOffset of the
 * hypercall page, called with RCX = 0) carries in RDX what is wanted (enum
 * ovbs_vtl_op) and comes back with an enum ovbs_result in RAX; RCX is lost, all
 * other general registers are unchanged. Everything else goes through one page
 * per CPU of VTL0's own memory, registered beforehand with R8 = its guest
 * physical address (page aligned, RAM). The page begins with a struct
 * ovbs_msg; the rest is room for buffers, which parameters name by offset and
 * size: there are no pointers.
 *
 * VTL1 reads each byte of the page at most once, when the call arrives, and
 * writes results and output buffers when it is done. Parameters of type NONE come
 * back as they were or as 0.
 *
 * A call that takes long comes back with OVBS_INTERRUPTED as soon as VTL0 has
 * an interrupt to take. Then the work waits in VTL1: call again, on this CPU or
 * another, with a message OVBS_MSG_RESUME that names the session (that of an
 * open is in the message already then).
 */
#ifndef OPENVBS_VTL_ABI_H
#define OPENVBS_VTL_ABI_H

#include <stddef.h>
#include <stdint.h>

enum ovbs_vtl_op {
	OVBS_VTL_MESSAGE = 1,    /* carry out the message in this CPU's page */
	OVBS_VTL_REGISTER = 2,   /* R8: GPA of the page of this CPU from now on */
	OVBS_VTL_UNREGISTER = 3, /* forget this CPU's page */
	OVBS_VTL_RESET = 4, /* every trustlet and session ends: for a kernel that starts after another one */
};

/* GlobalPlatform TEE Client API 1.0, table 4-2 and TEE Internal Core API, table 3-8; same numbers. */
enum ovbs_result {
	OVBS_OK = 0,
	OVBS_E_GENERIC = 0xFFFF0000,
	OVBS_E_ACCESS_DENIED = 0xFFFF0001, /* the policy says no */
	OVBS_E_CANCEL = 0xFFFF0002,
	OVBS_E_ACCESS_CONFLICT = 0xFFFF0003,
	OVBS_E_EXCESS_DATA = 0xFFFF0004,
	OVBS_E_BAD_FORMAT = 0xFFFF0005, /* version, reserved fields or parameter types make no sense */
	OVBS_E_BAD_PARAMETERS = 0xFFFF0006, /* a value is out of range: offset, size, GPA, operation */
	OVBS_E_BAD_STATE = 0xFFFF0007,      /* not now: no page registered; nothing to resume */
	OVBS_E_ITEM_NOT_FOUND = 0xFFFF0008, /* no such trustlet or session */
	OVBS_E_NOT_IMPLEMENTED = 0xFFFF0009,
	OVBS_E_NOT_SUPPORTED = 0xFFFF000A, /* unknown operation or command */
	OVBS_E_NO_DATA = 0xFFFF000B,
	OVBS_E_OUT_OF_MEMORY = 0xFFFF000C, /* in VTL1 */
	OVBS_E_BUSY = 0xFFFF000D,          /* the trustlet serves another call: try again */
	OVBS_E_COMMUNICATION = 0xFFFF000E,
	OVBS_E_SECURITY = 0xFFFF000F,     /* authentication of data failed */
	OVBS_E_SHORT_BUFFER = 0xFFFF0010, /* the parameter's size says how much is needed */
	OVBS_E_TARGET_DEAD = 0xFFFF3024,  /* the trustlet crashed; open it again */
	OVBS_INTERRUPTED = 0x4F560001,    /* not an error: see above */
};

/* Who said the result: GlobalPlatform TEE Client API 1.0, table 4-3. */
enum ovbs_origin {
	OVBS_ORIGIN_API = 1,      /* the client library */
	OVBS_ORIGIN_COMMS = 2,    /* the kernel module */
	OVBS_ORIGIN_VTL1 = 3,     /* the secure kernel */
	OVBS_ORIGIN_TRUSTLET = 4, /* the trustlet itself */
};

/* Parameter types, 4 bits each, the first in the lowest bits: TEE Client API 1.0, table 4-7. */
enum ovbs_param_type {
	OVBS_PARAM_NONE = 0,
	OVBS_PARAM_VALUE_IN = 1,
	OVBS_PARAM_VALUE_OUT = 2,
	OVBS_PARAM_VALUE_INOUT = 3,
	OVBS_PARAM_BUFFER_IN = 5,
	OVBS_PARAM_BUFFER_OUT = 6,
	OVBS_PARAM_BUFFER_INOUT = 7,
};
#define OVBS_PARAMS                  4
#define OVBS_PARAM_TYPES(a, b, c, d) ((a) | (b) << 4 | (c) << 8 | (d) << 12)
#define OVBS_PARAM_TYPE(types, n)    ((types) >> 4 * (n)&0xFu)

/* A value: a and b are the two numbers. A buffer: a is its offset in the page, b its size in bytes. */
struct ovbs_param {
	uint64_t a;
	uint64_t b;
};

enum ovbs_msg_op {
	OVBS_MSG_VERSION = 1, /* out: param[0] ABI and security version, param[1] build, trustlets, param[2] OVBS_SERVICE_* that run, 0 */
	OVBS_MSG_TRUSTLETS = 2, /* in: param[0].a first index; out: param[0].b how many follow in the data */
	OVBS_MSG_OPEN = 3,   /* in: uuid, parameters; out: session */
	OVBS_MSG_INVOKE = 4, /* in: session, command, parameters */
	OVBS_MSG_CLOSE = 5,  /* in: session */
	OVBS_MSG_RESUME = 6, /* in: session of the call that was interrupted */
	OVBS_MSG_PROTECT = 7, /* in: param[0] first GPA and number of pages, which VTL0 can't write until reset */
	OVBS_MSG_FREEZE = 8, /* in: param[0] first GPA and number of pages, param[1].a enum ovbs_freeze; before lockdown */
	OVBS_MSG_LOCKDOWN = 9, /* from now on VTL0's kernel executes frozen code only */
	OVBS_MSG_SITES = 10, /* in: param[0] enum ovbs_sites and a virtual address, param[1].a bytes; before lockdown */
	OVBS_MSG_GIVE = 11, /* in: param[0] first GPA, 2 MiB aligned, and a number of OVBS_GIVE_BYTES, up to OVBS_GIVE_MAX: VTL1's memory until reset */
	/*
	 * out, four values: param[0] writes of frozen text that were carried out, and that were not; param[1] executions and
	 * writes of pages without that right, refused (with the former); param[2] modules that may run now, after lockdown or
	 * before, and pages that VTL0 can't write now; param[3] modules that were ever allowed, bytes given to VTL1.
	 */
	OVBS_MSG_INTEGRITY = 12,
};

/* Services of VTL1 that run; bit n: number n of Win32_DeviceGuard's SecurityServicesRunning. */
#define OVBS_SERVICE_MEMORY_INTEGRITY (1u << 2)

/* How pages are frozen: VTL0 can't write them until reset, and... */
enum ovbs_freeze {
	OVBS_FREEZE_DATA = 0, /* its kernel can't execute them after lockdown */
	OVBS_FREEZE_CODE = 1, /* its kernel may execute them */
};

/*
 * Where VTL0's kernel patches its own text, in its own tables: VTL1 copies them
 * by the page tables of the CPU that calls. TEXT comes first and once; tables in
 * pieces of whole entries, at most OVBS_SITES_BYTES each.
 */
enum ovbs_sites {
	OVBS_SITES_TEXT = 1,         /* the text itself, frozen as code before, physically in one piece */
	OVBS_SITES_FUNCTIONS = 2,    /* u32[], ascending: where functions begin, from the text's start on; whole, in memory frozen as data */
	OVBS_SITES_JUMPS = 3,        /* __jump_table */
	OVBS_SITES_STATIC_CALLS = 4, /* .static_call_sites */
	OVBS_SITES_TRAMPOLINES = 5,  /* .static_call.text */
	OVBS_SITES_FTRACE = 6,       /* struct dyn_ftrace[] */
	OVBS_SITES_TRACER = 7,       /* ftrace_call or ftrace_regs_call: 5 bytes */
	/*
	 * The text of a module that is there before lockdown, whole pages, frozen as code. FUNCTIONS, JUMPS, STATIC_CALLS,
	 * TRAMPOLINES and FTRACE that follow are this one's, until the next; FUNCTIONS lie anywhere, are copied, and come in
	 * pieces like the other tables, ascending over all of them.
	 */
	OVBS_SITES_MODULE = 8,
};
#define OVBS_SITES_BYTES 65536u
#define OVBS_GIVE_BYTES  (2u << 20)
#define OVBS_GIVE_MAX    8u /* in one message; 64 in all */

#define OVBS_MSG_ABI 1

struct ovbs_msg {
	uint32_t abi;     /* OVBS_MSG_ABI */
	uint32_t op;      /* enum ovbs_msg_op */
	uint64_t session; /* 0: none */
	uint8_t uuid[16]; /* as RFC 9562 writes it down, most significant byte first */
	uint32_t command; /* the trustlet's to define */
	uint32_t types;   /* OVBS_PARAM_TYPES(); upper 16 bits 0 */
	struct ovbs_param param[OVBS_PARAMS];
	uint32_t result; /* out: enum ovbs_result */
	uint32_t origin; /* out: enum ovbs_origin */
	uint32_t uid; /* user of the calling process, as VTL0's kernel says: to count and to tell, never to trust */
	uint32_t reserved[3]; /* 0 */
};

#define OVBS_PAGE_SIZE 4096u
#define OVBS_DATA_OFF  128u /* buffers lie from here on */
#define OVBS_DATA_SIZE (OVBS_PAGE_SIZE - OVBS_DATA_OFF)

/* An entry of OVBS_MSG_TRUSTLETS. The first is the secure kernel itself, "Secure System". */
struct ovbs_trustlet_info {
	uint8_t uuid[16];
	char name[32]; /* ends with 0 */
	uint32_t security_version;
	uint32_t flags;    /* OVBS_POLICY_* of trustlet_abi.h */
	uint32_t state;    /* enum ovbs_trustlet_state */
	uint32_t sessions; /* open now */
	uint64_t memory;   /* bytes in use */
	uint64_t limit;    /* bytes at most */
	uint64_t time_ns;  /* CPU time */
	uint64_t calls;    /* requests answered */
	uint64_t crashes;
};

enum ovbs_trustlet_state {
	OVBS_TRUSTLET_STOPPED = 0, /* not started yet, or ended: the next open starts it */
	OVBS_TRUSTLET_READY = 1,
	OVBS_TRUSTLET_BUSY = 2,
};

#define OVBS_TRUSTLETS_PER_PAGE (OVBS_DATA_SIZE / sizeof(struct ovbs_trustlet_info))

_Static_assert(sizeof(struct ovbs_param) == 16, "ABI");
_Static_assert(sizeof(struct ovbs_msg) == OVBS_DATA_OFF, "ABI");
_Static_assert(offsetof(struct ovbs_msg, param) == 40, "ABI");
_Static_assert(offsetof(struct ovbs_msg, result) == 104, "ABI");
_Static_assert(sizeof(struct ovbs_trustlet_info) == 104, "ABI");

#endif
