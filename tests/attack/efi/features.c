// SPDX-License-Identifier: GPL-2.0-only
/*
 * What CPUID shows must work, and what it hides must not. VMX has a control
 * for each of these instructions; one that is forgotten gives #UD where CPUID
 * promised it. And MSRs that hold hidden state must not be reached by another
 * way: IA32_XSS lets XRSTORS load whole groups of them.
 */
#include "attack.h"

#define CR4_OSXSAVE (1ULL << 18)
#define MSR_XSS     0xDA0u
#define MSR_MISC    0x1A0u

static uint8_t area[4096] __attribute__((aligned(4096)));
static uint64_t invpcid_all[2];

static uint32_t cpuid_word(uint32_t leaf, uint32_t subleaf, unsigned int which)
{
	uint32_t r[4], max = 0;

	__asm__ volatile("cpuid"
			 : "=a"(max), "=b"(r[1]), "=c"(r[2]), "=d"(r[3])
			 : "0"(leaf & 0x80000000), "2"(0));
	if (leaf > max)
		return 0;
	__asm__ volatile("cpuid"
			 : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3])
			 : "0"(leaf), "2"(subleaf));
	return r[which];
}

/* SDM 2. Operands that are wrong may give #GP, but not #UD. */
#define INSN(name, bytes, a_in, c_in)                                                              \
	static __attribute__((sysv_abi)) void i_##name(void *unused)                               \
	{                                                                                          \
		uint64_t a = (uintptr_t)(a_in), b = 0, c = (uintptr_t)(c_in), d = 0;               \
		__asm__ volatile(".byte " bytes                                                    \
				 : "+a"(a), "+b"(b), "+c"(c), "+d"(d)                              \
				 :                                                                 \
				 : "memory", "cc");                                                \
	}

INSN(rdtscp, "0x0f, 0x01, 0xf9", 0, 0)
INSN(rdpid, "0xf3, 0x0f, 0xc7, 0xf8", 0, 0)                   /* rdpid %rax */
INSN(invpcid, "0x66, 0x0f, 0x38, 0x82, 0x01", 2, invpcid_all) /* invpcid (%rcx), %rax: all */
INSN(tpause, "0x66, 0x0f, 0xae, 0xf3", 0, 0)                  /* tpause %ebx, until EDX:EAX */
INSN(pconfig, "0x0f, 0x01, 0xc5", 0xFFFF, 0)                  /* no such leaf */
INSN(xsaves, "0x48, 0x0f, 0xc7, 0x29", 0, area)               /* xsaves64 (%rcx), no component */
INSN(enqcmds, "0xf3, 0x0f, 0x38, 0xf8, 0x00", area, 0)        /* enqcmds (%rax), %rax */
INSN(movdir64b, "0x66, 0x0f, 0x38, 0xf8, 0x00", area, 0)      /* movdir64b (%rax), %rax */
INSN(serialize, "0x0f, 0x01, 0xe8", 0, 0)
INSN(rdrand, "0x0f, 0xc7, 0xf0", 0, 0)
INSN(rdseed, "0x0f, 0xc7, 0xf8", 0, 0)
INSN(rdmsrlist, "0xf2, 0x0f, 0x01, 0xc6", 0, 0)

/* EAX, EBX, ECX, EDX: 0 to 3 */
static const struct feature {
	const char *name;
	uint32_t leaf, subleaf;
	unsigned int which, bit;
	try_fn fn;
} features[] = {
	{ "rdtscp", 0x80000001, 0, 3, 27, i_rdtscp }, { "rdpid", 7, 0, 2, 22, i_rdpid },
	{ "invpcid", 7, 0, 1, 10, i_invpcid },        { "tpause", 7, 0, 2, 5, i_tpause },
	{ "pconfig", 7, 0, 3, 18, i_pconfig },        { "xsaves", 0xD, 1, 0, 3, i_xsaves },
	{ "enqcmds", 7, 0, 2, 29, i_enqcmds },        { "movdir64b", 7, 0, 2, 28, i_movdir64b },
	{ "serialize", 7, 0, 3, 14, i_serialize },    { "rdrand", 1, 0, 2, 30, i_rdrand },
	{ "rdseed", 7, 0, 1, 18, i_rdseed },          { "rdmsrlist", 7, 1, 0, 27, i_rdmsrlist },
};

static __attribute__((sysv_abi)) void osxsave(void *on)
{
	uint64_t cr4;

	__asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
	cr4 = on ? cr4 | CR4_OSXSAVE : cr4 & ~CR4_OSXSAVE;
	__asm__ volatile("mov %0, %%cr4" : : "r"(cr4) : "memory");
}

static void instruction_rows(struct attack *a)
{
	int was_on = cpuid_word(1, 0, 2) >> 27 & 1;

	try_it(osxsave, a);
	for (unsigned int i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
		const struct feature *f = &features[i];
		int shown = cpuid_word(f->leaf, f->subleaf, f->which) >> f->bit & 1;
		int got = try_it(f->fn, NULL), undefined = got == 6;

		print(a, "row efi_insn_%s %s CPUID says %d, the instruction %s\n", f->name,
		      shown != undefined ? "matches" : "differs", shown, name_of(got));
	}
	if (!was_on)
		try_it(osxsave, NULL);
}

/* One bit set in an MSR, and put back if that was taken. */
static void bit_row(struct attack *a, const char *name, uint32_t number, unsigned int bit)
{
	struct msr m = { number, 0 };
	const char *outcome;
	uint64_t old;

	outcome = name_of(try_it(msr_read, &m));
	if (outcome[0] != '#') {
		old = m.value;
		m.value |= 1ULL << bit;
		outcome = name_of(try_it(msr_write, &m));
		m.value = old;
		if (outcome[0] != '#')
			try_it(msr_write, &m);
	}
	print(a, "row %s %s bit %u of MSR %x\n", name, outcome, bit, number);
}

void feature_rows(struct attack *a)
{
	instruction_rows(a);
	bit_row(a, "efi_xss_pt", MSR_XSS, 8);
	bit_row(a, "efi_xss_cet_u", MSR_XSS, 11);
	bit_row(a, "efi_xss_cet_s", MSR_XSS, 12);
	bit_row(a, "efi_xss_lbr", MSR_XSS, 15);
	bit_row(a, "efi_misc_limit_cpuid", MSR_MISC, 22);
	bit_row(a, "efi_misc_xd_disable", MSR_MISC, 34);
}
