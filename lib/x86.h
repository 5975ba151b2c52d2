/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The x86-64 instructions and register layouts that C has no words for.
 * Numbers: AMD APM volume 2 (24593), Intel SDM volume 3. Vendor registers are
 * in the vendor's own folder.
 */
#ifndef HV_ARCH_X86_X86_H
#define HV_ARCH_X86_X86_H

#include <stdbool.h>
#include <stdint.h>

#define CR0_PE (1ULL << 0)
#define CR0_MP (1ULL << 1)
#define CR0_EM (1ULL << 2)
#define CR0_TS (1ULL << 3)
#define CR0_ET (1ULL << 4)
#define CR0_NE (1ULL << 5)
#define CR0_WP (1ULL << 16)
#define CR0_AM (1ULL << 18)
#define CR0_NW (1ULL << 29)
#define CR0_CD (1ULL << 30)
#define CR0_PG (1ULL << 31)

#define CR4_VME        (1ULL << 0)
#define CR4_PVI        (1ULL << 1)
#define CR4_TSD        (1ULL << 2)
#define CR4_DE         (1ULL << 3)
#define CR4_PSE        (1ULL << 4)
#define CR4_PAE        (1ULL << 5)
#define CR4_MCE        (1ULL << 6)
#define CR4_PGE        (1ULL << 7)
#define CR4_PCE        (1ULL << 8)
#define CR4_OSFXSR     (1ULL << 9)
#define CR4_OSXMMEXCPT (1ULL << 10)
#define CR4_UMIP       (1ULL << 11)
#define CR4_LA57       (1ULL << 12)
#define CR4_FSGSBASE   (1ULL << 16)
#define CR4_PCIDE      (1ULL << 17)
#define CR4_OSXSAVE    (1ULL << 18)
#define CR4_SMEP       (1ULL << 20)
#define CR4_SMAP       (1ULL << 21)
#define CR4_PKE        (1ULL << 22)
#define CR4_CET        (1ULL << 23)

#define RFLAGS_FIXED (1ULL << 1)
#define RFLAGS_TF    (1ULL << 8)
#define RFLAGS_IF    (1ULL << 9)
#define RFLAGS_DF    (1ULL << 10)
#define RFLAGS_RF    (1ULL << 16)

#define EFER_SCE  (1ULL << 0)
#define EFER_LME  (1ULL << 8)
#define EFER_LMA  (1ULL << 10)
#define EFER_NXE  (1ULL << 11)
#define EFER_SVME (1ULL << 12)

#define MSR_APIC_BASE    0x0000001Bu
#define MSR_SYSENTER_CS  0x00000174u
#define MSR_SYSENTER_ESP 0x00000175u
#define MSR_SYSENTER_EIP 0x00000176u
#define MSR_X2APIC_BASE  0x00000800u
#define MSR_X2APIC_ICR   0x00000830u
#define MSR_EFER         0xC0000080u
#define MSR_STAR         0xC0000081u
#define MSR_LSTAR        0xC0000082u
#define MSR_CSTAR        0xC0000083u
#define MSR_SFMASK       0xC0000084u
#define MSR_FS_BASE      0xC0000100u
#define MSR_GS_BASE      0xC0000101u

#define APIC_BASE_X2APIC (1ULL << 10)
#define APIC_BASE_ENABLE (1ULL << 11)
#define APIC_BASE_ADDR   0x000FFFFFFFFFF000ULL

/* Page table entries, also those of nested paging (APM 2, 5.3 and 15.25). */
#define PTE_P    (1ULL << 0)
#define PTE_RW   (1ULL << 1)
#define PTE_US   (1ULL << 2)
#define PTE_PWT  (1ULL << 3)
#define PTE_PCD  (1ULL << 4)
#define PTE_A    (1ULL << 5)
#define PTE_D    (1ULL << 6)
#define PTE_PS   (1ULL << 7)
#define PTE_NX   (1ULL << 63)
#define PTE_ADDR 0x000FFFFFFFFFF000ULL

enum x86_vector {
	VEC_DE = 0,
	VEC_DB = 1,
	VEC_NMI = 2,
	VEC_UD = 6,
	VEC_DF = 8,
	VEC_TS = 10,
	VEC_NP = 11,
	VEC_SS = 12,
	VEC_GP = 13,
	VEC_PF = 14,
	VEC_MC = 18,
	VEC_SX = 30,
};

/* General registers in the order of their numbers in instructions. */
enum x86_gpr {
	GPR_RAX,
	GPR_RCX,
	GPR_RDX,
	GPR_RBX,
	GPR_RSP,
	GPR_RBP,
	GPR_RSI,
	GPR_RDI,
	GPR_R8,
	GPR_R9,
	GPR_R10,
	GPR_R11,
	GPR_R12,
	GPR_R13,
	GPR_R14,
	GPR_R15,
	GPR_COUNT,
};

struct cpuid_regs {
	uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid_regs cpuid(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid_regs r;

	asm volatile("cpuid"
		     : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
		     : "a"(leaf), "c"(subleaf));
	return r;
}

static inline uint64_t rdmsr(uint32_t msr)
{
	uint32_t lo, hi;

	asm volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
	return lo | (uint64_t)hi << 32;
}

static inline void wrmsr(uint32_t msr, uint64_t v)
{
	asm volatile("wrmsr" : : "c"(msr), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)) : "memory");
}

/*
 * rdmsr_safe, wrmsr_safe, xsetbv_safe - as above, but a #GP is reported instead of taken.
 * Return 0, or -1 if the CPU refused. The exception table lets the #GP handler
 * go on at the second address, where err still holds 1.
 */
static inline int rdmsr_safe(uint32_t msr, uint64_t *v)
{
	uint32_t lo = 0, hi = 0, err = 1;

	asm volatile("1: rdmsr\n"
		     "   xorl %0, %0\n"
		     "2:\n"
		     ".pushsection .extable, \"a\"\n"
		     ".quad 1b, 2b\n"
		     ".popsection"
		     : "+r"(err), "+a"(lo), "+d"(hi)
		     : "c"(msr));
	*v = lo | (uint64_t)hi << 32;
	return err ? -1 : 0;
}

/* The same registers and the same shape: ECX says which, EDX:EAX what. */
#define DEFINE_WRITE_SAFE(insn)                                                                    \
	static inline int insn##_safe(uint32_t which, uint64_t v)                                  \
	{                                                                                          \
		uint32_t err = 1;                                                                  \
		asm volatile("1: " #insn "\n"                                                      \
			     "   xorl %0, %0\n"                                                    \
			     "2:\n"                                                                \
			     ".pushsection .extable, \"a\"\n"                                      \
			     ".quad 1b, 2b\n"                                                      \
			     ".popsection"                                                         \
			     : "+r"(err)                                                           \
			     : "c"(which), "a"((uint32_t)v), "d"((uint32_t)(v >> 32))              \
			     : "memory");                                                          \
		return err ? -1 : 0;                                                               \
	}
DEFINE_WRITE_SAFE(wrmsr)
DEFINE_WRITE_SAFE(xsetbv)
#undef DEFINE_WRITE_SAFE

#define DEFINE_CR(n)                                                                               \
	static inline uint64_t read_cr##n(void)                                                    \
	{                                                                                          \
		uint64_t v;                                                                        \
		asm volatile("mov %%cr" #n ", %0" : "=r"(v));                                      \
		return v;                                                                          \
	}                                                                                          \
	static inline void write_cr##n(uint64_t v)                                                 \
	{                                                                                          \
		asm volatile("mov %0, %%cr" #n : : "r"(v) : "memory");                             \
	}
DEFINE_CR(0)
DEFINE_CR(2)
DEFINE_CR(3)
DEFINE_CR(4)
#undef DEFINE_CR

static inline uint64_t read_dr6(void)
{
	uint64_t v;

	asm volatile("mov %%dr6, %0" : "=r"(v));
	return v;
}

static inline void write_dr6(uint64_t v)
{
	asm volatile("mov %0, %%dr6" : : "r"(v));
}

static inline void write_dr7(uint64_t v)
{
	asm volatile("mov %0, %%dr7" : : "r"(v));
}

static inline void invlpg(const void *va)
{
	asm volatile("invlpg (%0)" : : "r"(va) : "memory");
}

static inline void cpu_relax(void)
{
	asm volatile("pause" : : : "memory");
}

static inline void outb(uint16_t port, uint8_t v)
{
	asm volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}

static inline uint8_t inb(uint16_t port)
{
	uint8_t v;

	asm volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

/** port_out - write the low @size bytes (1, 2 or 4) of @v to @port. */
static inline void port_out(uint16_t port, unsigned int size, uint32_t v)
{
	if (size == 1)
		asm volatile("outb %b0, %1" : : "a"(v), "Nd"(port));
	else if (size == 2)
		asm volatile("outw %w0, %1" : : "a"(v), "Nd"(port));
	else
		asm volatile("outl %0, %1" : : "a"(v), "Nd"(port));
}

/** port_in - read @size bytes (1, 2 or 4) from @port, zero-extended. */
static inline uint32_t port_in(uint16_t port, unsigned int size)
{
	uint32_t v = 0;

	if (size == 1)
		asm volatile("inb %1, %b0" : "+a"(v) : "Nd"(port));
	else if (size == 2)
		asm volatile("inw %1, %w0" : "+a"(v) : "Nd"(port));
	else
		asm volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline uint64_t rdtsc(void)
{
	uint32_t lo, hi;

	asm volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return lo | (uint64_t)hi << 32;
}

#endif
