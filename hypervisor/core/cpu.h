/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Per-CPU state, in two parts.
 *
 * struct cpu is private: its pages (with the CPU's stacks, VMCBs and tables)
 * are mapped on the CPU itself only, always at HV_PRIVATE_VA. No other CPU can
 * read it, so a bug on one CPU can't leak or damage another's guest state.
 *
 * struct cpu_shared is the letter box: the little that CPUs tell each other.
 * Its `lock` guards the start-up fields; the flags are single atomic words.
 *
 * Lock order: icr.c's trap_lock, cpu_shared.lock, slat.lock, the log's; pin.c's
 * start_lock is taken alone. All are
 * taken with GIF clear (no interrupt, NMI or SMI can come in between).
 */
#ifndef HV_CORE_CPU_H
#define HV_CORE_CPU_H

#include <openvbs/boot_info.h>
#include <openvbs/hv_abi.h>

#include "x86.h"
#include "lock.h"
#include "addr.h"

/* Pages of a CPU's private window, counted from HV_PRIVATE_VA. Gaps are guard pages, never mapped. */
enum private_page {
	PRIV_CPU = 0, /* struct cpu */
	PRIV_CPU_PAGES = 4,
	PRIV_STACK = 8,
	PRIV_STACK_PAGES = 4,
	PRIV_IST_NMI = 13,
	PRIV_IST_DF = 16,
	PRIV_IST_MC = 19,
	PRIV_IST_PAGES = 2,
	PRIV_ARCH = 24, /* vendor pages: VMCB or VMCS of each VTL, host state */
	PRIV_ARCH_PAGES = 4,
	PRIV_GUEST_WINDOW = 32, /* a page of guest memory, mapped while it is read */
	PRIV_MMIO = 33,         /* a page of device registers, while one is accessed */
	PRIV_ASSIST = 36,       /* VTL1's VP assist page, in VTL1's memory */
	PRIV_APIC = 40,         /* the local APIC's registers, uncached */
	PRIV_PAGES = 64,        /* all fit one page table */
};

#define PRIVATE_ADDR(page) ((void *)(HV_PRIVATE_VA + (uint64_t)(page)*PAGE_SIZE))

enum cpu_state {
	CPU_FIRMWARE = 0,  /* not entered yet */
	CPU_RUNNING = 1,   /* runs VTL0 */
	CPU_WAIT_SIPI = 2, /* got INIT, waits in the hypervisor for its SIPI */
};

struct cpu_shared {
	uint32_t index;
	uint32_t apic_id;
	uint32_t state;   /* enum cpu_state; written by the owner under lock */
	struct lock lock; /* guards the four below */
	uint8_t init_pending;
	uint8_t sipi_pending;
	uint8_t sipi_vector;
	uint8_t sipi_started; /* came up by a SIPI at least once */
	uint32_t kick;        /* atomic: an NMI of ours is on its way */
	uint32_t in_guest;    /* atomic: set before the owner's last look at the requests */
	uint32_t flush;       /* atomic: drop second-level translations before the next entry */
	uint32_t x2apic; /* the APIC's mode and logical address, for INIT and SIPI by logical destination */
	uint32_t ldr, dfr;
	uint64_t *stats; /* this CPU's counters, in the page that VTL0 can read */
} __attribute__((aligned(64)));

struct gdt {
	uint64_t null, code, data, tss_low, tss_high;
} __attribute__((packed));

struct tss {
	uint32_t reserved0;
	uint64_t rsp[3];
	uint64_t reserved1;
	uint64_t ist[7];
	uint64_t reserved2;
	uint16_t reserved3;
	uint16_t iomap_base;
} __attribute__((packed));
_Static_assert(sizeof(struct tss) == 104, "APM 2, figure 12-8");

#include "arch_vcpu.h" /* struct arch_vcpu: the vendor's part */

#define VTL_COUNT 2

/* What VTL1 pins of VTL0's registers on this CPU (core/pin.h). */
struct pins {
	uint64_t control;            /* HV_CR_INTERCEPT_*; 0: nothing is pinned */
	uint64_t cr0_mask, cr4_mask; /* which bits, while `control` says so */
	uint64_t cr0, cr4, efer;     /* the pinned values */
	uint64_t held0, held4; /* bits of CR0 and CR4 that VTL0 has not written itself since its INIT */
};

/*
 * One virtual processor at one VTL: its private state (TLFS, Virtual Secure
 * Mode) is in a VMCB or VMCS of its own. The general registers but RSP are
 * shared by the VTLs: one array per CPU.
 */
struct vcpu {
	uint64_t *gpr; /* enum x86_gpr; RSP and RAX are copied in and out of the VMCB by the vendor's part */
	uint8_t vtl;
	bool nmi_pending; /* VTL0: an NMI waits for delivery */
	struct arch_vcpu arch;
};

struct cpu {
	struct cpu_shared *shared;
	uint32_t index;
	uint32_t x2apic_mode;        /* this CPU's own copy of shared->x2apic */
	volatile uint32_t nmi_seen;  /* the host's NMI handler ran */
	volatile uint32_t init_seen; /* an INIT came by hardware, not through the trap */
	uint32_t icr_trapped;        /* MSR bitmap in use */
	uint64_t *private_pt;        /* page table of the private window */
	uint64_t denied_logged;      /* denials told in the log so far, to bound its noise */
	struct gdt gdt;
	struct tss tss;
	uint64_t gpr[GPR_COUNT];
	struct vcpu vtl[VTL_COUNT];
	struct vcpu *active; /* the one that runs next */
	bool vtl1_ready;     /* this CPU's VTL1 has its state: VTL0 may call it */
	uint8_t vina;        /* VTL1's vector for it (HvRegisterVsmVina); 0: off */
	bool notified;       /* VTL1 was asked to come back, and has not yet */
	uint64_t assist_gpa; /* VTL1's VP assist page, mapped at PRIV_ASSIST; 0: none */
	uint64_t vtl0_perf;  /* counters and records that VTL0 had on when VTL1 was entered */
	uint64_t vtl0_debugctl;
	struct pins pins;
	uint64_t os_id;              /* HV_X64_MSR_GUEST_OS_ID as VTL0 wrote it */
	uint8_t hc_input[PAGE_SIZE]; /* a hypercall's input, copied once */
	uint8_t hc_output[512];
};
_Static_assert(sizeof(struct cpu) <= PRIV_CPU_PAGES * PAGE_SIZE, "private window");

#define this_cpu ((struct cpu *)HV_PRIVATE_VA)

extern struct cpu_shared *cpus; /* [cpu_count] */
extern uint32_t cpu_count;
extern bool hv_prepared; /* PREPARE is over: every CPU has its private window from ENTER on */

static inline void count_exit(enum ovbs_stat what)
{
	this_cpu->shared->stats[what]++;
}

#define CPUID_ECX_HYPERVISOR (1u << 31) /* leaf 1; 0 on real CPUs (APM 3, appendix E) */

/** cpu_below_hypervisor - is this CPU itself virtual, and said to be? Context: any; then it costs an exit. */
static inline bool cpu_below_hypervisor(void)
{
	return cpuid(1, 0).ecx & CPUID_ECX_HYPERVISOR;
}

/** cpu_boot_index - index of the boot CPU, which takes INIT differently. */
uint32_t cpu_boot_index(void);

/** hv_boot_info - what the loader handed over. */
const struct ovbs_boot_info *hv_boot_info(void);

/**
 * cpu_kick - make @target leave VTL0 and look at its letter box.
 *
 * Sends an NMI unless one of ours is already on its way. Context: host, GIF
 * clear. The target consumes it (or finds it on the way into VTL0).
 */
void cpu_kick(struct cpu_shared *target);

/**
 * cpus_flush - make every CPU drop its second-level translations.
 *
 * On return no CPU runs VTL0 with a translation that was cached before the
 * call. Context: host, GIF clear, no lock held.
 */
void cpus_flush(void);

/**
 * cpu_send_init, cpu_send_sipi - what the APIC would deliver to @target.
 *
 * As on hardware, INIT resets and parks it, a SIPI counts only after an INIT
 * and only once. INIT to the boot CPU restarts the machine. Context: host.
 */
void cpu_send_init(struct cpu_shared *target);
void cpu_send_sipi(struct cpu_shared *target, uint8_t vector);

/**
 * cpu_before_entry - all that must happen before this CPU enters VTL0 again:
 * letter box, waiting for a SIPI, pending NMI. Context: host, GIF clear.
 */
void cpu_before_entry(struct vcpu *v);

/** cpu_nmi_arrived - an NMI was taken while VTL0 ran or in the host: ours, or VTL0's? */
void cpu_nmi_arrived(struct vcpu *v);

#endif
