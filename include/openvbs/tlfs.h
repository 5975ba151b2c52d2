/* SPDX-License-Identifier: MIT */
/*
 * The part of the Hypervisor Top-Level Functional Specification (TLFS, 6.0b)
 * that openvbs speaks: hypercalls, virtual trust levels, registers, intercept
 * messages. Names follow the TLFS; section names are those of its text.
 */
#ifndef OPENVBS_TLFS_H
#define OPENVBS_TLFS_H

#include <stddef.h>
#include <stdint.h>

/* Feature and Interface Discovery, leaf 40000003h: the partition's privileges. */
#define HV_CPUID_FEATURES          0x40000003u
#define HV_EAX_HYPERCALL_MSRS      (1u << 5)
#define HV_EAX_VP_INDEX            (1u << 6)
#define HV_EBX_ACCESS_VSM          (1u << 16)
#define HV_EBX_ACCESS_VP_REGISTERS (1u << 17)

/* Synthetic MSRs. The hypercall page is put and locked by the hypervisor (Hypercall Interface, HV_X64_MSR_HYPERCALL). */
#define HV_X64_MSR_GUEST_OS_ID    0x40000000u
#define HV_X64_MSR_HYPERCALL      0x40000001u
#define HV_X64_MSR_VP_INDEX       0x40000002u
#define HV_X64_MSR_VP_ASSIST_PAGE 0x40000073u
#define HV_HYPERCALL_ENABLE       (1ULL << 0)
#define HV_HYPERCALL_LOCKED       (1ULL << 1)
#define HV_VP_ASSIST_ENABLE       (1ULL << 0)

/* Hypercall Interface: input value in RCX, result value in RAX. */
#define HV_CALL_CODE(c)      ((uint32_t)(c)&0xFFFFu)
#define HV_CALL_FAST         (1ULL << 16)
#define HV_CALL_VARHEAD(c)   ((uint32_t)((c) >> 17) & 0x3FFu)
#define HV_CALL_REP_COUNT(c) ((uint32_t)((c) >> 32) & 0xFFFu)
#define HV_CALL_REP_START(c) ((uint32_t)((c) >> 48) & 0xFFFu)
#define HV_CALL_RESERVED     0xF000F000F8000000ULL
#define HV_CALL_REPS(n)      ((uint64_t)(n) << 32)
#define HV_RESULT_STATUS(r)  ((uint16_t)(r))
#define HV_RESULT_REPS(r)    ((uint32_t)((r) >> 32) & 0xFFFu)

enum hv_call_code {
	HV_CALL_MODIFY_VTL_PROTECTION_MASK = 0x000C,
	HV_CALL_ENABLE_PARTITION_VTL = 0x000D,
	HV_CALL_ENABLE_VP_VTL = 0x000F,
	HV_CALL_VTL_CALL = 0x0011,
	HV_CALL_VTL_RETURN = 0x0012,
	HV_CALL_GET_VP_REGISTERS = 0x0050,
	HV_CALL_SET_VP_REGISTERS = 0x0051,
	/* openvbs's own, for VTL1 only: a line for the hypervisor's log, fast: RDX GPA of the text, R8 its bytes. */
	HV_CALL_OVBS_LOG = 0x7F01,
};

enum hv_status {
	HV_STATUS_SUCCESS = 0x0000,
	HV_STATUS_INVALID_HYPERCALL_CODE = 0x0002,
	HV_STATUS_INVALID_HYPERCALL_INPUT = 0x0003,
	HV_STATUS_INVALID_ALIGNMENT = 0x0004,
	HV_STATUS_INVALID_PARAMETER = 0x0005,
	HV_STATUS_ACCESS_DENIED = 0x0006,
	HV_STATUS_INVALID_PARTITION_STATE = 0x0007,
	HV_STATUS_OPERATION_DENIED = 0x0008,
	HV_STATUS_INSUFFICIENT_MEMORY = 0x000B,
	HV_STATUS_INVALID_PARTITION_ID = 0x000D,
	HV_STATUS_INVALID_VP_INDEX = 0x000E,
	HV_STATUS_INVALID_REGISTER_VALUE = 0x0050,
	HV_STATUS_INVALID_VTL_STATE = 0x0051,
	HV_STATUS_VTL_ALREADY_ENABLED = 0x0086,
};

#define HV_PARTITION_ID_SELF (~0ULL)
#define HV_VP_INDEX_SELF     0xFFFFFFFEu

/* HV_INPUT_VTL: bits 3:0 the VTL, bit 4 use it; else the caller's own. */
#define HV_INPUT_VTL_USE    0x10u
#define HV_INPUT_VTL_NUMBER 0x0Fu

/* Virtual Secure Mode, HV_INITIAL_VP_CONTEXT. */
struct hv_x64_segment_register {
	uint64_t base;
	uint32_t limit;
	uint16_t selector;
	uint16_t attributes; /* type 3:0, S 4, DPL 6:5, P 7, AVL 12, L 13, D 14, G 15 */
};

struct hv_x64_table_register {
	uint16_t pad[3];
	uint16_t limit;
	uint64_t base;
};

struct hv_initial_vp_context {
	uint64_t rip, rsp, rflags;
	struct hv_x64_segment_register cs, ds, es, fs, gs, ss, tr, ldtr;
	struct hv_x64_table_register idtr, gdtr;
	uint64_t efer, cr0, cr3, cr4, msr_cr_pat;
};

struct hv_input_enable_partition_vtl {
	uint64_t partition;
	uint8_t target_vtl;
	uint8_t flags; /* bit 0: enable MBEC */
	uint16_t reserved16;
	uint32_t reserved32;
};

struct hv_input_enable_vp_vtl {
	uint64_t partition;
	uint32_t vp_index;
	uint8_t target_vtl;
	uint8_t reserved[3];
	struct hv_initial_vp_context context;
};

/* Rep hypercall; the list of guest page numbers follows. */
struct hv_input_modify_vtl_protection_mask {
	uint64_t partition;
	uint32_t map_flags;
	uint8_t target_vtl; /* HV_INPUT_VTL */
	uint8_t reserved[3];
};
#define HV_MAP_GPA_READABLE          (1u << 0)
#define HV_MAP_GPA_WRITABLE          (1u << 1)
#define HV_MAP_GPA_KERNEL_EXECUTABLE (1u << 2)
#define HV_MAP_GPA_USER_EXECUTABLE   (1u << 3)
#define HV_MAP_GPA_ALL               0xFu

/* Rep hypercalls; names (u32), or name-value pairs, follow. */
struct hv_input_vp_registers {
	uint64_t partition;
	uint32_t vp_index;
	uint8_t input_vtl; /* HV_INPUT_VTL */
	uint8_t reserved[3];
};

struct hv_register_value {
	uint64_t low, high;
};

struct hv_register_assoc {
	uint32_t name;
	uint32_t reserved32;
	uint64_t reserved64;
	struct hv_register_value value;
};

/* Virtual Processors, Register Names. */
enum hv_register_name {
	HV_REGISTER_PENDING_EVENT0 = 0x00010004,
	HV_X64_REGISTER_RAX = 0x00020000, /* ...RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8 to R15 */
	HV_X64_REGISTER_R15 = 0x0002000F,
	HV_X64_REGISTER_RIP = 0x00020010,
	HV_X64_REGISTER_RFLAGS = 0x00020011,
	HV_X64_REGISTER_CR0 = 0x00040000,
	HV_X64_REGISTER_CR3 = 0x00040002,
	HV_X64_REGISTER_CR4 = 0x00040003,
	HV_X64_REGISTER_EFER = 0x00080001,
	HV_X64_REGISTER_SYSENTER_CS = 0x00080005,
	HV_X64_REGISTER_SYSENTER_EIP = 0x00080006,
	HV_X64_REGISTER_SYSENTER_ESP = 0x00080007,
	HV_X64_REGISTER_STAR = 0x00080008,
	HV_X64_REGISTER_LSTAR = 0x00080009,
	HV_X64_REGISTER_CSTAR = 0x0008000A,
	HV_X64_REGISTER_SFMASK = 0x0008000B,
	HV_REGISTER_VP_INDEX = 0x00090003,
	HV_REGISTER_VP_ASSIST_PAGE = 0x00090013,
	HV_REGISTER_VSM_CODE_PAGE_OFFSETS = 0x000D0002,
	HV_REGISTER_VSM_VP_STATUS = 0x000D0003,
	HV_REGISTER_VSM_PARTITION_STATUS = 0x000D0004,
	HV_REGISTER_VSM_VINA = 0x000D0005,
	HV_REGISTER_VSM_CAPABILITIES = 0x000D0006,
	HV_REGISTER_VSM_PARTITION_CONFIG = 0x000D0007,
	HV_X64_REGISTER_CR_INTERCEPT_CONTROL = 0x000E0000,
	HV_X64_REGISTER_CR_INTERCEPT_CR0_MASK = 0x000E0001,
	HV_X64_REGISTER_CR_INTERCEPT_CR4_MASK = 0x000E0002,
};

/* HV_REGISTER_CR_INTERCEPT_CONTROL (Secure Register Intercepts): those that are known here. docs/abi.md says what is intercepted. */
#define HV_CR_INTERCEPT_CR0_WRITE          (1ULL << 0)
#define HV_CR_INTERCEPT_CR4_WRITE          (1ULL << 1)
#define HV_CR_INTERCEPT_LSTAR_WRITE        (1ULL << 6)
#define HV_CR_INTERCEPT_STAR_WRITE         (1ULL << 8)
#define HV_CR_INTERCEPT_CSTAR_WRITE        (1ULL << 10)
#define HV_CR_INTERCEPT_EFER_WRITE         (1ULL << 14)
#define HV_CR_INTERCEPT_SYSENTER_CS_WRITE  (1ULL << 19)
#define HV_CR_INTERCEPT_SYSENTER_EIP_WRITE (1ULL << 20)
#define HV_CR_INTERCEPT_SYSENTER_ESP_WRITE (1ULL << 21)
#define HV_CR_INTERCEPT_SFMASK_WRITE       (1ULL << 22)

/* HvRegisterVsmVpStatus: active VTL 3:0, enabled set 31:16. HvRegisterVsmPartitionStatus: enabled set 15:0, maximum 19:16. */
#define HV_VSM_VP_ENABLED_SHIFT        16
#define HV_VSM_PARTITION_MAXIMUM_SHIFT 16

/* HvRegisterVsmCapabilities: bits 16:1, the VTLs that have kernel and user execute rights apart (MBEC). */
#define HV_VSM_CAPABILITY_MBEC(vtl) (2ULL << (vtl))

/* HvRegisterVsmPartitionConfig: protection of lower VTLs is on; bits 4:1 the rights (HV_MAP_GPA_*) of pages without rights of their own. */
#define HV_VSM_CONFIG_ENABLE_PROTECTION (1ULL << 0)
#define HV_VSM_CONFIG_DEFAULT(flags)    ((uint64_t)(flags) << 1)
#define HV_VSM_CONFIG_DEFAULT_OF(v)     ((uint32_t)((v) >> 1) & HV_MAP_GPA_ALL)
#define HV_VSM_CONFIG_KNOWN             0x1FULL

/* Virtual interrupt notification assist: how VTL1 hears that something of VTL0's waits. Bits 7:0 the vector. */
#define HV_VINA_ENABLED (1ULL << 8)

/* HV_X64_PENDING_EXCEPTION_EVENT, the low half: bit 0 pending, 3:1 type 0, 8 has an error code, 31:16 vector, 63:32 error. */
#define HV_PENDING_EXCEPTION     (1ULL << 0)
#define HV_PENDING_EVENT_TYPE(v) ((v) >> 1 & 7u)
#define HV_PENDING_HAS_ERROR     (1ULL << 8)
#define HV_PENDING_VECTOR(v)     ((uint32_t)((v) >> 16) & 0xFFFFu)
#define HV_PENDING_ERROR(v)      ((uint32_t)((v) >> 32))

/* Virtual Secure Mode, VTL entry: why the higher VTL runs. */
enum hv_vtl_entry_reason {
	HV_VTL_ENTRY_RESERVED = 0,
	HV_VTL_ENTRY_VTL_CALL = 1,
	HV_VTL_ENTRY_INTERRUPT = 2,
	HV_VTL_ENTRY_INTERCEPT = 3,
};

/* Intercept Messages. */
#define HV_MESSAGE_GPA_INTERCEPT      0x80000001u
#define HV_MESSAGE_MSR_INTERCEPT      0x80010001u
#define HV_MESSAGE_REGISTER_INTERCEPT 0x80010006u

enum hv_intercept_access {
	HV_INTERCEPT_ACCESS_READ = 0,
	HV_INTERCEPT_ACCESS_WRITE = 1,
	HV_INTERCEPT_ACCESS_EXECUTE = 2,
};

struct hv_message_header {
	uint32_t message_type;
	uint8_t payload_size;
	uint8_t message_flags;
	uint16_t reserved;
	uint64_t origination;
};

struct hv_x64_intercept_message_header {
	uint32_t vp_index;
	uint8_t instruction_length; /* 3:0; 7:4 CR8 */
	uint8_t intercept_access_type;
	uint16_t execution_state; /* CPL 1:0, CR0.PE 2, CR0.AM 3, EFER.LMA 4 */
	struct hv_x64_segment_register cs;
	uint64_t rip, rflags;
};

struct hv_x64_memory_intercept_message {
	struct hv_message_header message;
	struct hv_x64_intercept_message_header header;
	uint32_t cache_type;
	uint8_t instruction_byte_count;
	uint8_t memory_access_info; /* bit 0: the GVA is valid */
	uint8_t tpr_priority;
	uint8_t reserved;
	uint64_t guest_virtual_address;
	uint64_t guest_physical_address;
	uint8_t instruction_bytes[16];
};

struct hv_x64_msr_intercept_message {
	struct hv_message_header message;
	struct hv_x64_intercept_message_header header;
	uint32_t msr_number;
	uint32_t reserved;
	uint64_t rdx, rax; /* the low halves count */
};

struct hv_x64_register_intercept_message {
	struct hv_message_header message;
	struct hv_x64_intercept_message_header header;
	uint8_t flags; /* bit 0: the operand is in memory; never set here */
	uint8_t reserved8;
	uint16_t reserved16;
	uint32_t register_name;
	struct hv_register_value value; /* that VTL0 wants to write */
};

/* VP Assist Page: per VTL and virtual processor. */
struct hv_vp_assist_page {
	uint32_t apic_assist;
	uint32_t reserved1;
	uint32_t vtl_entry_reason; /* HV_VP_VTL_CONTROL: enum hv_vtl_entry_reason, written by the hypervisor */
	uint32_t vtl_reserved;
	uint64_t vtl_return_rax, vtl_return_rcx; /* for the lower VTL, at a VTL return that is not fast */
	uint8_t nested[112 - 32];
	uint8_t intercept_message[256];
	uint8_t reserved2[4096 - 368];
};

/* VTL return, RAX: bit 0 fast: the lower VTL keeps RAX and RCX as they are. */
#define HV_VTL_RETURN_FAST (1ULL << 0)

_Static_assert(sizeof(struct hv_x64_segment_register) == 16, "TLFS, Virtual Processor Register Formats");
_Static_assert(sizeof(struct hv_x64_table_register) == 16, "TLFS, Virtual Processor Register Formats");
_Static_assert(sizeof(struct hv_initial_vp_context) == 224, "TLFS, HV_INITIAL_VP_CONTEXT");
_Static_assert(sizeof(struct hv_input_enable_partition_vtl) == 16, "TLFS, HvCallEnablePartitionVtl");
_Static_assert(sizeof(struct hv_input_enable_vp_vtl) == 240, "TLFS, HvCallEnableVpVtl");
_Static_assert(sizeof(struct hv_input_modify_vtl_protection_mask) == 16,
	       "TLFS, HvCallModifyVtlProtectionMask");
_Static_assert(sizeof(struct hv_input_vp_registers) == 16, "TLFS, HvCallGetVpRegisters");
_Static_assert(sizeof(struct hv_register_assoc) == 32, "TLFS, HvCallSetVpRegisters");
_Static_assert(sizeof(struct hv_message_header) == 16, "TLFS, HV_MESSAGE_HEADER");
_Static_assert(sizeof(struct hv_x64_intercept_message_header) == 40, "TLFS, HV_X64_INTERCEPT_MESSAGE_HEADER");
_Static_assert(sizeof(struct hv_x64_memory_intercept_message) == 96, "TLFS, HV_X64_MEMORY_INTERCEPT_MESSAGE");
_Static_assert(sizeof(struct hv_x64_msr_intercept_message) == 80, "TLFS, HV_X64_MSR_INTERCEPT_MESSAGE");
_Static_assert(sizeof(struct hv_x64_register_intercept_message) == 80,
	       "TLFS, HV_X64_REGISTER_INTERCEPT_MESSAGE");
_Static_assert(offsetof(struct hv_vp_assist_page, vtl_return_rax) == 16, "TLFS, HV_VP_VTL_CONTROL");
_Static_assert(offsetof(struct hv_vp_assist_page, intercept_message) == 112, "HV_VP_ASSIST_PAGE");
_Static_assert(sizeof(struct hv_vp_assist_page) == 4096, "one page");

#endif
