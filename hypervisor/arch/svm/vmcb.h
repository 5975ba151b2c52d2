/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The virtual machine control block (AMD APM 2, appendix B) and the numbers
 * around it (chapter 15, appendix C).
 */
#ifndef HV_ARCH_SVM_VMCB_H
#define HV_ARCH_SVM_VMCB_H

#include <openvbs/boot_info.h>

#include <stddef.h>
#include <stdint.h>

/* Offset 0x00, bits 16 to 31: writes of CR0 to CR15. */
#define ICPT_CR4_WRITE (1u << 20)

/* Offset 0x0C, intercepts of vector 3. */
#define ICPT_INTR     (1u << 0)
#define ICPT_NMI      (1u << 1)
#define ICPT_SMI      (1u << 2)
#define ICPT_INIT     (1u << 3)
#define ICPT_VINTR    (1u << 4)
#define ICPT_CR0_SEL  (1u << 5) /* writes of CR0 that change more than TS and MP */
#define ICPT_CPUID    (1u << 18)
#define ICPT_RSM      (1u << 19)
#define ICPT_IRET     (1u << 20)
#define ICPT_INVD     (1u << 22)
#define ICPT_HLT      (1u << 24)
#define ICPT_INVLPGA  (1u << 26)
#define ICPT_IOIO     (1u << 27)
#define ICPT_MSR      (1u << 28)
#define ICPT_SHUTDOWN (1u << 31)

/* Offset 0x10, vector 4. */
#define ICPT_VMRUN   (1u << 0)
#define ICPT_VMMCALL (1u << 1)
#define ICPT_VMLOAD  (1u << 2)
#define ICPT_VMSAVE  (1u << 3)
#define ICPT_STGI    (1u << 4)
#define ICPT_CLGI    (1u << 5)
#define ICPT_SKINIT  (1u << 6)

#define VMCB_NP_ENABLE (1ULL << 0)

#define TLB_KEEP      0u
#define TLB_FLUSH_ALL 1u

/* Offset 0x60: virtual interrupts. */
#define VINTR_IRQ          (1ULL << 8)
#define VINTR_IGNORE_TPR   (1ULL << 20)
#define VINTR_VNMI_PENDING (1ULL << 11)
#define VINTR_VNMI_MASK    (1ULL << 12)
#define VINTR_VNMI_ENABLE  (1ULL << 26)

/* EVENTINJ, EXITINTINFO (15.20). */
#define EVENT_VALID       (1ULL << 31)
#define EVENT_ERROR_VALID (1ULL << 11)
#define EVENT_TYPE_MASK   (7ULL << 8)
#define EVENT_VECTOR(v)   ((v)&0xFF)
#define EVENT_INTERRUPT   (0ULL << 8)
#define EVENT_NMI         (2ULL << 8)
#define EVENT_EXCEPTION   (3ULL << 8)
#define EVENT_SOFT        (4ULL << 8)

/* Exit codes (appendix C). */
enum svm_exit {
	EXIT_CR4_WRITE = 0x14,
	EXIT_EXCP_BASE = 0x40,
	EXIT_INTR = 0x60,
	EXIT_NMI = 0x61,
	EXIT_SMI = 0x62,
	EXIT_INIT = 0x63,
	EXIT_VINTR = 0x64,
	EXIT_CR0_SEL = 0x65,
	EXIT_CPUID = 0x72,
	EXIT_RSM = 0x73,
	EXIT_IRET = 0x74,
	EXIT_INVD = 0x76,
	EXIT_HLT = 0x78,
	EXIT_INVLPGA = 0x7A,
	EXIT_IOIO = 0x7B,
	EXIT_MSR = 0x7C,
	EXIT_SHUTDOWN = 0x7F,
	EXIT_VMRUN = 0x80,
	EXIT_VMMCALL = 0x81,
	EXIT_VMLOAD = 0x82,
	EXIT_VMSAVE = 0x83,
	EXIT_STGI = 0x84,
	EXIT_CLGI = 0x85,
	EXIT_SKINIT = 0x86,
	EXIT_NPF = 0x400,
};
#define EXIT_INVALID (~0ULL)

/* EXITINFO1 of a write to a control register, with decode assists (15.8.1): bits 3:0 are the general register. */
#define CR_WRITE_MOV (1ULL << 63)

/* #NPF, EXITINFO1 (15.25.6). */
#define NPF_WRITE  (1ULL << 1)
#define NPF_FETCH  (1ULL << 4)
#define NPF_TABLES (1ULL << 33) /* while VTL0's page tables were walked */

struct vmcb {
	/* control area */
	uint32_t intercept_cr;
	uint32_t intercept_dr;
	uint32_t intercept_exc;
	uint32_t intercept3;
	uint32_t intercept4;
	uint32_t intercept5;
	uint8_t reserved018[0x3C - 0x18];
	uint16_t pause_threshold, pause_count;
	uint64_t iopm_base;
	uint64_t msrpm_base;
	uint64_t tsc_offset;
	uint32_t asid;
	uint32_t tlb_control;
	uint64_t vintr;
	uint64_t shadow; /* bit 0: interrupt shadow */
	uint64_t exitcode;
	uint64_t exitinfo1;
	uint64_t exitinfo2;
	uint64_t exitintinfo;
	uint64_t np_enable;
	uint64_t avic_bar;
	uint64_t ghcb;
	uint64_t eventinj;
	uint64_t n_cr3;
	uint64_t lbr_virt;
	uint64_t clean;
	uint64_t next_rip;
	uint8_t insn_count;
	uint8_t insn_bytes[15];
	uint8_t reserved0e0[0x400 - 0xE0];
	/* save area, at 0x400 */
	struct ovbs_segment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
	uint8_t reserved4a0[0x4CB - 0x4A0];
	uint8_t cpl;
	uint32_t reserved4cc;
	uint64_t efer;
	uint8_t reserved4d8[0x548 - 0x4D8];
	uint64_t cr4, cr3, cr0, dr7, dr6, rflags, rip;
	uint8_t reserved580[0x5D8 - 0x580];
	uint64_t rsp;
	uint64_t s_cet, ssp, isst_addr;
	uint64_t rax;
	uint64_t star, lstar, cstar, sfmask, kernel_gs_base;
	uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
	uint64_t cr2;
	uint8_t reserved648[0x668 - 0x648];
	uint64_t g_pat;
	uint8_t reserved670[0x1000 - 0x670];
} __attribute__((packed));

_Static_assert(offsetof(struct vmcb, iopm_base) == 0x40, "APM 2, table B-1");
_Static_assert(offsetof(struct vmcb, asid) == 0x58, "APM 2, table B-1");
_Static_assert(offsetof(struct vmcb, exitcode) == 0x70, "APM 2, table B-1");
_Static_assert(offsetof(struct vmcb, np_enable) == 0x90, "APM 2, table B-1");
_Static_assert(offsetof(struct vmcb, eventinj) == 0xA8, "APM 2, table B-1");
_Static_assert(offsetof(struct vmcb, n_cr3) == 0xB0, "APM 2, table B-1");
_Static_assert(offsetof(struct vmcb, insn_bytes) == 0xD1, "APM 2, table B-1");
_Static_assert(offsetof(struct vmcb, es) == 0x400, "APM 2, table B-2");
_Static_assert(offsetof(struct vmcb, efer) == 0x4D0, "APM 2, table B-2");
_Static_assert(offsetof(struct vmcb, rip) == 0x578, "APM 2, table B-2");
_Static_assert(offsetof(struct vmcb, rax) == 0x5F8, "APM 2, table B-2");
_Static_assert(offsetof(struct vmcb, cr2) == 0x640, "APM 2, table B-2");
_Static_assert(offsetof(struct vmcb, g_pat) == 0x668, "APM 2, table B-2");
_Static_assert(sizeof(struct vmcb) == 4096, "one page");

#define MSR_KVM_WALL_OLD  0x00000011u /* of a KVM below; no register of an AMD CPU */
#define MSR_KVM_TIME_OLD  0x00000012u
#define MSR_PAT           0x00000277u
#define MSR_SYSCFG        0xC0010010u
#define MSR_IORR_BASE0    0xC0010016u
#define MSR_IORR_MASK1    0xC0010019u
#define MSR_TOP_MEM       0xC001001Au
#define MSR_TOP_MEM2      0xC001001Du
#define MSR_MMIO_CONFIG   0xC0010058u /* where PCI configuration space is memory */
#define MSR_SMM_BASE      0xC0010111u
#define MSR_SMM_ADDR      0xC0010112u
#define MSR_SMM_MASK      0xC0010113u
#define MSR_VM_CR         0xC0010114u
#define MSR_SMM_CTL       0xC0010116u
#define MSR_VM_HSAVE_PA   0xC0010117u
#define MSR_SVM_KEY       0xC0010118u
#define MSR_SMM_KEY       0xC0010119u
#define MSR_AVIC_DOORBELL 0xC001011Bu
#define MSR_SEV_GHCB      0xC0010130u
#define MSR_SEV_STATUS    0xC0010131u
#define MSR_RMP_BASE      0xC0010132u
#define MSR_RMP_END       0xC0010133u
#define MSR_TSC_RATIO     0xC0000104u
#define MSR_LBR_SELECT    0xC000010Eu
#define MSR_DBG_EXTN_CFG  0xC000010Fu
#define MSR_LBR_FIRST     0xC0010300u /* from and to addresses of 16 branches */
#define MSR_LBR_LAST      0xC001031Fu
#define MSR_IBS_FIRST     0xC0011030u
#define MSR_IBS_LAST      0xC001103Du

#define SYSCFG_SME       (1ULL << 23)
#define SYSCFG_SME_MULTI (1ULL << 26)

#define VM_CR_R_INIT (1ULL << 1)
#define VM_CR_SVMDIS (1ULL << 4)

#endif
