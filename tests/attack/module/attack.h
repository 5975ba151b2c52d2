/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * openvbs_attack.ko: what its parts share. Each attack is a function that
 * tries one kind of thing from ring 0 and reports rows "name outcome detail";
 * it judges nothing: what is right is in tests/attack/expect.py.
 *
 * Outcomes are one word: "#UD" and the like (the exception that ended the
 * try), "ok" (it was carried out), "zeros", "unchanged", ...
 */
#ifndef ATTACK_H
#define ATTACK_H

#include <linux/ktime.h>
#include <linux/timekeeping.h>
#include <linux/types.h>
#include <asm/processor.h>
#include <openvbs/hv_abi.h>

#include "catch.h"

struct report;

struct attack {
	const char *name;
	void (*run)(struct report *r);
	bool on_other_cpu; /* on CPU 1, not 0: leaves errors in its APIC's ESR */
};

/* Attacks by theme; each list ends with an empty element. */
extern const struct attack insn_attacks[], regs_attacks[], msr_attacks[], cpuid_attacks[],
	memory_attacks[], forms_attacks[], paging_attacks[], apic_attacks[], icr_attacks[],
	ap_attacks[], power_attacks[], pci_attacks[], a20_attacks[], hypercall_attacks[],
	message_attacks[], protect_attacks[], lockdown_attacks[], patch_attacks[], rights_attacks[],
	trustlet_attacks[], fuzz_attacks[], vars_attacks[],
	dma_attacks[], dma_engine_attacks[], dma_iommu_attacks[], final_attacks[];

/** row - report one row; the detail may be empty. */
__printf(4, 5) void row(struct report *r, const char *name, const char *outcome, const char *detail, ...);

/** say - report a line that is no row (data for the caller). */
__printf(2, 3) void say(struct report *r, const char *text, ...);

/* ---- trying things (try.c) -------------------------------------------- */

#define CAUGHT_NOTHING (-1)

/* Module parameter: waits are so many times shorter. A millisecond of Bochs' TSC is 20 to 70 of the host's. */
extern unsigned int wait_divisor;

/*
 * Time by a clock that all CPUs share: the delay loops of Linux are not to be
 * relied on where the TSC is emulated. PAUSE lets an emulator run other CPUs.
 */
#define WAIT_FOR(condition, ms)                                                                    \
	({                                                                                         \
		u64 end_ = ktime_get_ns() + (ms)*1000000ULL / wait_divisor;                        \
		bool met_;                                                                         \
		while (!(met_ = (condition)) && ktime_get_ns() < end_)                             \
			cpu_relax();                                                               \
		met_;                                                                              \
	})

static inline void wait_ms(unsigned int ms)
{
	WAIT_FOR(false, ms);
}

struct caught {
	int vector; /* or CAUGHT_NOTHING */
	u32 error;
	u64 rip;
	u64 cr2;
};

typedef void (*try_fn)(void *arg);

/** try_start, try_stop - memory for the IDTs of all CPUs. */
int try_start(void);
void try_stop(void);

/**
 * try_here - run fn(arg) on this CPU, interrupts off, exceptions caught
 *
 * @cr3: page tables to run it on, 0 for the current ones. Returns the outcome:
 * "ok" or the exception's name.
 */
const char *try_here(struct caught *c, try_fn fn, void *arg, u64 cr3);

/** vector_name - "#UD", or "#31" for one without a name; "ok" for CAUGHT_NOTHING. */
const char *vector_name(int vector);

struct probe {
	const char *name;
	try_fn fn;
	void *arg;
};

/** try_everywhere - each probe on each CPU; one row each, "differs" if two CPUs disagree. */
void try_everywhere(struct report *r, const struct probe *probes, size_t n);

static inline u64 msr_get(u32 msr)
{
	u32 lo, hi;

	asm volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
	return lo | (u64)hi << 32;
}

static inline void msr_set(u32 msr, u64 v)
{
	asm volatile("wrmsr" : : "c"(msr), "a"((u32)v), "d"((u32)(v >> 32)) : "memory");
}

/** struct msr_try, try_msr_get, try_msr_set - one MSR access to be tried. */
struct msr_try {
	u32 msr;
	u64 value;
};

static inline void try_msr_get(void *arg)
{
	struct msr_try *m = arg;

	m->value = msr_get(m->msr);
}

static inline void try_msr_set(void *arg)
{
	const struct msr_try *m = arg;

	msr_set(m->msr, m->value);
}

/* ---- the hypervisor's block (block.c) ---------------------------------- */

/**
 * struct block - where the hypervisor's memory lies, as far as ring 0 can tell
 * @start: first byte of the reserved region that the log lies in, or of the block in it
 * @end: first byte behind it; equal to @start when nothing is hidden
 * @code: the hypercall page, which may be read and run
 */
struct block {
	u64 start, end;
	u64 log, log_bytes;
	u64 stats, stats_bytes;
	u64 code;
};

/** block_find - fill the block from CPUID and the resource tree; false if there is no hypervisor. */
bool block_find(struct block *b);

/** block_set_bytes - the size that firmware's status table tells, to tell the block from its neighbours. */
void block_set_bytes(u64 bytes);

/** block_visible - is this page the log, the counters or the hypercall page (readable, not writable)? */
bool block_visible(const struct block *b, u64 gpa);

/** block_samples - up to @max hidden pages, spread over the block; returns how many. */
size_t block_samples(const struct block *b, u64 *gpa, size_t max);

/**
 * page_outcome - what reading all of the page at @at and writing a word of it, on the tables @cr3, came to
 *
 * "denied" is what should come of it: reads all zero, writes #GP, nothing stuck.
 */
const char *page_outcome(void *at, u64 cr3);

/** fetch_pages - the worst outcome of fetches at the start and at the end of each of @n pages; counts them in *@tried. */
const char *fetch_pages(const u64 *gpa, size_t n, size_t *tried);

/* ---- page tables of our own (space.c) ---------------------------------- */

#define SPACE_VA    0x0000100000000000ULL
#define SPACE_4K(i) ((void *)(SPACE_VA + ((u64)(i) << 12)))
#define SPACE_2M(i) ((void *)(SPACE_VA + ((u64)(i) << 21))) /* i > 0 */
#define SPACE_1G(i) ((void *)(SPACE_VA + ((u64)(i) << 30))) /* i > 0 */

#define PTE_P   (1ULL << 0)
#define PTE_W   (1ULL << 1)
#define PTE_U   (1ULL << 2)
#define PTE_PWT (1ULL << 3)
#define PTE_PCD (1ULL << 4)
#define PTE_A   (1ULL << 5)
#define PTE_D   (1ULL << 6)
#define PTE_PS  (1ULL << 7) /* in a PTE: PAT */
#define PTE_NX  (1ULL << 63)
#define PTE_RW  (PTE_P | PTE_W | PTE_A | PTE_D)

/**
 * struct space - the kernel's tables with one top-level slot of our own
 * @table: [0] page table, [1] directory, [2] pointer table, [3] PML4 of the
 *         slot at SPACE_VA (5-level paging only); directory[0] leads to [0],
 *         and so on upwards
 * @pml4: the PML4 in use for SPACE_VA: [3], or with 4 levels the root
 * @cr3: for try_here()
 */
struct space {
	u64 *table[4];
	u64 *root;
	u64 *pml4;
	u64 cr3;
};

#define SPACE_SLOT ((SPACE_VA >> 39) & 511) /* in the PML4 */

int space_make(struct space *s);
void space_free(struct space *s);

/* ---- the local APIC (lapic.c) ------------------------------------------ */

#define ICR_NMI     0x400u
#define ICR_SMI     0x200u
#define ICR_INIT    0x500u
#define ICR_SIPI    0x600u
#define ICR_LOGICAL 0x800u
#define ICR_ASSERT  0x4000u
#define ICR_LEVEL   0x8000u
#define ICR_SELF    0x40000u
#define ICR_ALL     0x80000u
#define ICR_ALL_BUT 0xC0000u

bool lapic_x2(void);
u32 lapic_id(unsigned int cpu);

/** lapic_send - write the ICR in this CPU's mode, by plain means; waits until it was sent. Outcome as try_here(). */
const char *lapic_send(u32 dest, u32 low);

/** lapic_clear_errors - forget what odd stores left in the error status: Linux takes it for a failed start. */
void lapic_clear_errors(void);

/** lapic_page - the APIC's registers mapped (xAPIC), NULL in x2APIC mode. */
void __iomem *lapic_page(void);

/* ---- a CPU of our own, outside of Linux (ap.c) -------------------------- */

enum ap_opcode {
	AP_END = 0,
	AP_READ32 = 1,  /* a: address; r[0]: value */
	AP_WRITE32 = 2, /* a: address, b: value */
	AP_CALL = 3,    /* a: address */
	AP_RDMSR = 4,   /* a: MSR; r[0], r[1] */
	AP_WRMSR = 5,   /* a: MSR, b: low, c: high */
	AP_CPUID = 6,   /* a: leaf; r[]: EBX ECX EDX */
	AP_BYTES = 7,   /* a, b: eight bytes of code; c: EAX */
	AP_TASK = 8,    /* a: selector of the TSS to switch to */
	AP_LTR = 9,     /* a: selector */
	AP_MOVSB = 10,  /* a: from, b: to, c: bytes */
};

#define AP_TSS_OWN   0x18
#define AP_TSS_OTHER 0x20
#define AP_TSS_AT    0x28 /* its base is ap_start()'s @tss_at */

struct ap_op {
	u32 op, a, b, c;
	u32 vector; /* + 1; 0: no exception */
	u32 r[3];
};

/** ap_take - take the highest CPU away from Linux; ap_give_back - and hand it back. The CPU, or -errno. */
int ap_take(void);
int ap_give_back(int cpu);

/** ap_start - INIT, SIPI to @cpu with the script @ops; "up" if it arrived, "silent" if not. */
const char *ap_start(int cpu, const struct ap_op *ops, size_t n, u32 tss_at);

/** ap_sipi - the SIPI alone, after ap_load(). */
void ap_load(const struct ap_op *ops, size_t n, u32 tss_at);
const char *ap_sipi(int cpu);

/** ap_results - wait for the end of the script; its results in @ops. How many operations were carried out. */
size_t ap_results(struct ap_op *ops, size_t n);

/** ap_alive - does the CPU still run our loop? ap_nmis - NMIs that it took there. */
bool ap_alive(void);
u32 ap_nmis(void);

/**
 * ap_check - bring the CPU up at our code and look whether it is still guarded
 *
 * "guarded", "ESCAPED" (SVM is usable or hidden memory is seen or written),
 * "silent" (the SIPI did not start it).
 */
const char *ap_check(int cpu);

/** system_guarded - the same for every CPU that Linux runs: "guarded" or "ESCAPED". */
const char *system_guarded(void);

#endif
