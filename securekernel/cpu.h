/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A CPU of the secure kernel: its private data, descriptor tables, and the
 * registers of user code. Interrupts are off in ring 0 of VTL1, always: what is
 * here is touched by its own CPU only.
 */
#ifndef SK_CPU_H
#define SK_CPU_H

#include <stdbool.h>

#include <openvbs/sk_info.h>
#include <openvbs/tlfs.h>

#include "addr.h"
#include "layout.h"
#include "x86.h"

struct user_regs {
	uint64_t gpr[GPR_COUNT];
	uint64_t rip, rflags;
};

struct sk_tss {
	uint32_t reserved0;
	uint64_t rsp[3];
	uint64_t reserved1;
	uint64_t ist[7];
	uint64_t reserved2;
	uint16_t reserved3;
	uint16_t iomap_base;
} __attribute__((packed));

struct sk_cpu {
	struct user_regs *user; /* the first five are known to entry.S */
	uint64_t stack;
	uint64_t scratch;
	uint64_t error, fault_address;
	uint32_t index;
	struct sk_tss tss;   /* its RSP0 is known to entry.S, too */
	uint64_t *window_pt; /* page table of this CPU's window */
	uint64_t *pdpt;      /* what a trustlet's root gets at entry 511 while it runs here */
	uint64_t root;       /* CR3 without a trustlet */
	uint64_t message_gpa;
	bool pinned; /* VTL0's registers on this CPU (pins.h) */
	uint64_t gdt[8];
	uint64_t vtl0_cr2, vtl0_dr6, vtl0_star, vtl0_lstar, vtl0_sfmask;
	uint8_t vtl0_fx[512] __attribute__((aligned(16)));
	uint8_t line[160] __attribute__((aligned(256))); /* of the log, being sent */
	uint8_t hypercall[1024] __attribute__((aligned(1024)));
};

#define sk_this_cpu ((struct sk_cpu *)SK_CPU_VA)
#define sk_assist   ((struct hv_vp_assist_page *)(SK_CPU_VA + SK_PAGE_ASSIST * PAGE_SIZE))
#define sk_message  ((uint8_t *)(SK_CPU_VA + SK_PAGE_MESSAGE * PAGE_SIZE))

/* VTL0's registers as they were at the VTL entry; the callee-saved ones are not touched. */
struct vtl0_regs {
	uint64_t rax, rcx, rdx, rsi, rdi, r8, r9, r10, r11;
};

/** cpus_prepare - tables, stacks and descriptors of all CPUs. Context: boot CPU. */
void cpus_prepare(const struct ovbs_sk_info *info);

/** cpu_root - CR3 of CPU @index. */
uint64_t cpu_root(uint32_t index);

/** cpu_context - the state in which VTL1 of CPU @index starts. */
struct hv_initial_vp_context cpu_context(uint32_t index);

/** cpu_load_tables - GDT, TSS, IDT and CR4 of this CPU, which runs on the boot context. Context: boot CPU, once. */
void cpu_load_tables(void);

/** cpu_map_shared - the 2 MiB at @gpa are seen at @va on all CPUs: RW, NX. Nothing is there yet, and nothing changes there any more. */
void cpu_map_shared(const void *va, uint64_t gpa);

/** cpu_map_window - @page of this CPU's window shows @gpa, which may be 0, with @rights: PTE_*; 0: it shows nothing. */
void cpu_map_window(unsigned int page, uint64_t gpa, uint64_t rights);

unsigned int sk_user_enter(struct user_regs *regs);
extern const char sk_syscall[], sk_exception_entries[], sk_ap_start[];

#endif
