/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The virtual machine control structure: field encodings (SDM 3, appendix B),
 * controls (25.6 to 25.8), exit reasons (appendix C), capability MSRs
 * (appendix A).
 */
#ifndef HV_ARCH_VMX_VMCS_H
#define HV_ARCH_VMX_VMCS_H

#include <stdint.h>

enum vmcs_field {
	VMCS_VPID = 0x0000,
	/* Selectors; access rights, limits and bases follow in the same order, 2 apart. */
	VMCS_GUEST_ES = 0x0800,
	VMCS_GUEST_CS = 0x0802,
	VMCS_GUEST_SS = 0x0804,
	VMCS_GUEST_DS = 0x0806,
	VMCS_GUEST_FS = 0x0808,
	VMCS_GUEST_GS = 0x080A,
	VMCS_GUEST_LDTR = 0x080C,
	VMCS_GUEST_TR = 0x080E,
	VMCS_HOST_ES = 0x0C00,
	VMCS_HOST_CS = 0x0C02,
	VMCS_HOST_SS = 0x0C04,
	VMCS_HOST_DS = 0x0C06,
	VMCS_HOST_FS = 0x0C08,
	VMCS_HOST_GS = 0x0C0A,
	VMCS_HOST_TR = 0x0C0C,
	VMCS_IO_BITMAP_A = 0x2000,
	VMCS_IO_BITMAP_B = 0x2002,
	VMCS_MSR_BITMAP = 0x2004,
	VMCS_EPTP = 0x201A,
	VMCS_XSS_BITMAP = 0x202C,
	VMCS_GUEST_PA = 0x2400, /* of an EPT violation */
	VMCS_LINK = 0x2800,
	VMCS_GUEST_DEBUGCTL = 0x2802,
	VMCS_GUEST_PAT = 0x2804,
	VMCS_GUEST_EFER = 0x2806,
	VMCS_HOST_PAT = 0x2C00,
	VMCS_HOST_EFER = 0x2C02,
	VMCS_PIN = 0x4000,
	VMCS_PRIMARY = 0x4002,
	VMCS_EXCEPTIONS = 0x4004,
	VMCS_PF_MASK = 0x4006,
	VMCS_PF_MATCH = 0x4008,
	VMCS_CR3_TARGETS = 0x400A,
	VMCS_EXIT_CONTROLS = 0x400C,
	VMCS_EXIT_MSR_STORES = 0x400E,
	VMCS_EXIT_MSR_LOADS = 0x4010,
	VMCS_ENTRY_CONTROLS = 0x4012,
	VMCS_ENTRY_MSR_LOADS = 0x4014,
	VMCS_ENTRY_EVENT = 0x4016,
	VMCS_ENTRY_ERROR = 0x4018,
	VMCS_ENTRY_LENGTH = 0x401A,
	VMCS_SECONDARY = 0x401E,
	VMCS_INSN_ERROR = 0x4400,
	VMCS_EXIT_REASON = 0x4402,
	VMCS_EXIT_EVENT = 0x4404,
	VMCS_VECTORING = 0x4408,
	VMCS_VECTORING_ERROR = 0x440A,
	VMCS_EXIT_LENGTH = 0x440C,
	VMCS_GUEST_ES_LIMIT = 0x4800,
	VMCS_GUEST_GDTR_LIMIT = 0x4810,
	VMCS_GUEST_IDTR_LIMIT = 0x4812,
	VMCS_GUEST_ES_RIGHTS = 0x4814,
	VMCS_GUEST_CS_RIGHTS = 0x4816,
	VMCS_GUEST_SS_RIGHTS = 0x4818,
	VMCS_SHADOW = 0x4824, /* interruptibility state */
	VMCS_ACTIVITY = 0x4826,
	VMCS_GUEST_SYSENTER_CS = 0x482A,
	VMCS_HOST_SYSENTER_CS = 0x4C00,
	VMCS_CR0_MASK = 0x6000,
	VMCS_CR4_MASK = 0x6002,
	VMCS_CR0_SHADOW = 0x6004,
	VMCS_CR4_SHADOW = 0x6006,
	VMCS_QUALIFICATION = 0x6400,
	VMCS_GUEST_CR0 = 0x6800,
	VMCS_GUEST_CR3 = 0x6802,
	VMCS_GUEST_CR4 = 0x6804,
	VMCS_GUEST_ES_BASE = 0x6806,
	VMCS_GUEST_CS_BASE = 0x6808,
	VMCS_GUEST_GDTR_BASE = 0x6816,
	VMCS_GUEST_IDTR_BASE = 0x6818,
	VMCS_GUEST_DR7 = 0x681A,
	VMCS_GUEST_RSP = 0x681C,
	VMCS_GUEST_RIP = 0x681E,
	VMCS_GUEST_RFLAGS = 0x6820,
	VMCS_GUEST_PENDING_DB = 0x6822,
	VMCS_GUEST_SYSENTER_ESP = 0x6824,
	VMCS_GUEST_SYSENTER_EIP = 0x6826,
	VMCS_HOST_CR0 = 0x6C00,
	VMCS_HOST_CR3 = 0x6C02,
	VMCS_HOST_CR4 = 0x6C04,
	VMCS_HOST_FS_BASE = 0x6C06,
	VMCS_HOST_GS_BASE = 0x6C08,
	VMCS_HOST_TR_BASE = 0x6C0A,
	VMCS_HOST_GDTR_BASE = 0x6C0C,
	VMCS_HOST_IDTR_BASE = 0x6C0E,
	VMCS_HOST_SYSENTER_ESP = 0x6C10,
	VMCS_HOST_SYSENTER_EIP = 0x6C12,
	VMCS_HOST_RSP = 0x6C14, /* known to vmrun.S */
	VMCS_HOST_RIP = 0x6C16,
};

/* Pin-based controls. */
#define PIN_INTERRUPTS  (1u << 0) /* external interrupts exit */
#define PIN_NMI_EXITING (1u << 3)
#define PIN_VIRTUAL_NMI (1u << 5)

/* Primary processor-based controls. */
#define CPU_IRQ_WINDOW  (1u << 2)
#define CPU_HLT         (1u << 7)
#define CPU_NMI_WINDOW  (1u << 22)
#define CPU_IO_ALL      (1u << 24)
#define CPU_IO_BITMAPS  (1u << 25)
#define CPU_MSR_BITMAPS (1u << 28)
#define CPU_SECONDARY   (1u << 31)

/* Secondary controls. */
#define CPU2_EPT          (1u << 1)
#define CPU2_RDTSCP       (1u << 3)
#define CPU2_VPID         (1u << 5)
#define CPU2_UNRESTRICTED (1u << 7)
#define CPU2_INVPCID      (1u << 12)
#define CPU2_XSAVES       (1u << 20)
#define CPU2_MBEC         (1u << 22)
#define CPU2_USER_WAIT    (1u << 26)

#define EXIT_SAVE_DEBUG (1u << 2)
#define EXIT_HOST_64    (1u << 9)
#define EXIT_SAVE_PAT   (1u << 18)
#define EXIT_LOAD_PAT   (1u << 19)
#define EXIT_SAVE_EFER  (1u << 20)
#define EXIT_LOAD_EFER  (1u << 21)

#define ENTRY_LOAD_DEBUG (1u << 2)
#define ENTRY_GUEST_64   (1u << 9)
#define ENTRY_LOAD_PAT   (1u << 14)
#define ENTRY_LOAD_EFER  (1u << 15)

/* Interruptibility state (25.4.2). */
#define SHADOW_STI    (1u << 0)
#define SHADOW_MOV_SS (1u << 1)
#define SHADOW_NMI    (1u << 3)

#define ACTIVITY_ACTIVE    0u
#define ACTIVITY_WAIT_SIPI 3u

/* Interruption information: on entry, on exit, and of what was being delivered (25.8.3, 25.9.2, 25.9.3). */
#define EVENT_VALID          (1u << 31)
#define EVENT_ERROR_VALID    (1u << 11)
#define EVENT_TYPE(v)        ((v)&0x700u)
#define EVENT_VECTOR(v)      ((v)&0xFFu)
#define EVENT_INTERRUPT      (0u << 8)
#define EVENT_NMI            (2u << 8)
#define EVENT_EXCEPTION      (3u << 8)
#define EVENT_SOFT_INTERRUPT (4u << 8)
#define EVENT_SOFT_EXCEPTION (6u << 8)

enum vmx_exit {
	EXIT_EXCEPTION_NMI = 0,
	EXIT_INTERRUPT = 1,
	EXIT_TRIPLE_FAULT = 2,
	EXIT_INIT = 3,
	EXIT_SIPI = 4,
	EXIT_IRQ_WINDOW = 7,
	EXIT_NMI_WINDOW = 8,
	EXIT_TASK_SWITCH = 9,
	EXIT_CPUID = 10,
	EXIT_GETSEC = 11,
	EXIT_HLT = 12,
	EXIT_INVD = 13,
	EXIT_RSM = 17,
	EXIT_VMCALL = 18,
	EXIT_VMCLEAR = 19,
	EXIT_VMXON = 27,
	EXIT_CR = 28,
	EXIT_IO = 30,
	EXIT_RDMSR = 31,
	EXIT_WRMSR = 32,
	EXIT_INVALID_STATE = 33,
	EXIT_MSR_LOAD = 34,
	EXIT_MC_ENTRY = 41,
	EXIT_EPT_VIOLATION = 48,
	EXIT_EPT_MISCONFIG = 49,
	EXIT_INVEPT = 50,
	EXIT_INVVPID = 53,
	EXIT_XSETBV = 55,
	EXIT_VMFUNC = 59,
	EXIT_NONE = 0xFFFF, /* ours: the entry was put off, nothing happened */
	EXIT_ENTRY_FAILED = 1u << 31,
};

#define SEGMENT_DPL(rights) ((rights) >> 5 & 3) /* table 25-2; of SS: the CPL */

/* Qualification of an EPT violation (28.2.1, table 28-7). */
#define EPT_Q_WRITE  (1u << 1)
#define EPT_Q_FETCH  (1u << 2)
#define EPT_Q_LINEAR (1u << 7)  /* a linear address led to it... */
#define EPT_Q_FINAL  (1u << 8)  /* ...itself, not its page tables */
#define EPT_Q_IRET   (1u << 12) /* NMIs were unblocked by an IRET that did not complete */

/* EPT entries (29.3.2) and pointer (25.6.11). */
#define EPT_R          (1ULL << 0)
#define EPT_W          (1ULL << 1)
#define EPT_X          (1ULL << 2)
#define EPT_TYPE(t)    ((uint64_t)(t) << 3)
#define EPT_LARGE      (1ULL << 7)
#define EPT_XU         (1ULL << 10) /* programs execute; ignored without mode-based execute control */
#define EPT_SW_X       (1ULL << 52) /* ignored by the CPU: the kernel may execute, where EPT_X says both */
#define EPTP_WB        6ULL
#define EPTP_LEVELS(n) ((uint64_t)((n)-1) << 3)

#define MSR_FEATURE_CONTROL 0x03Au
#define MSR_DEBUGCTL        0x1D9u
#define MSR_MTRR_CAP        0x0FEu
#define MSR_MTRR_VARIABLE   0x200u
#define MSR_MTRR_DEF_TYPE   0x2FFu
#define MSR_PAT             0x277u
#define MSR_VMX_BASIC       0x480u
#define MSR_VMX_MISC        0x485u
#define MSR_VMX_CR0_FIXED0  0x486u
#define MSR_VMX_CR4_FIXED0  0x488u
#define MSR_VMX_CR4_FIXED1  0x489u
#define MSR_VMX_PROCBASED2  0x48Bu
#define MSR_VMX_EPT_VPID    0x48Cu
#define MSR_VMX_TRUE_PIN    0x48Du
#define MSR_VMX_TRUE_CPU    0x48Eu
#define MSR_VMX_TRUE_EXIT   0x48Fu
#define MSR_VMX_TRUE_ENTRY  0x490u
#define MSR_VMX_LAST        0x493u

#define FEATURE_CONTROL_LOCK (1ULL << 0)
#define FEATURE_CONTROL_SMX  (1ULL << 1)
#define FEATURE_CONTROL_VMX  (1ULL << 2)

#define EPT_CAP_1G       (1ULL << 17)
#define VPID_CAP_INVVPID (1ULL << 32)
#define VPID_CAP_ALL     (1ULL << 42)

#endif
