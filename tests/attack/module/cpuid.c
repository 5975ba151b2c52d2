// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPUID: everything that CPU 0 answers, as data lines for a comparison with
 * the same machine without openvbs; and what must be hidden, on every CPU.
 */
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "attack.h"

struct leaf {
	u32 a, b, c, d;
};

static struct leaf ask(u32 leaf, u32 sub)
{
	struct leaf l;

	asm volatile("cpuid" : "=a"(l.a), "=b"(l.b), "=c"(l.c), "=d"(l.d) : "0"(leaf), "2"(sub));
	return l;
}

/* Leaves whose answer depends on ECX (APM 3, appendix E; SDM 2, CPUID). */
static u32 subleaves(u32 leaf)
{
	switch (leaf) {
	case 0x04:
	case 0x07:
	case 0x0B:
	case 0x0F:
	case 0x10:
	case 0x12:
	case 0x14:
	case 0x17:
	case 0x18:
	case 0x1D:
	case 0x1F:
	case 0x20:
	case 0x8000001D:
	case 0x80000020:
	case 0x80000026:
		return 8;
	case 0x0D:
		return 64;
	default:
		return 1;
	}
}

static unsigned int sweep(struct report *r, u32 from, u32 to)
{
	unsigned int lines = 0;
	struct leaf l;
	u32 leaf, sub;

	for (leaf = from;; leaf++) {
		for (sub = 0; sub < subleaves(leaf); sub++, lines++) {
			l = ask(leaf, sub);
			say(r, "cpuid %08x.%02x %08x %08x %08x %08x\n", leaf, sub, l.a, l.b, l.c, l.d);
		}
		if (leaf == to)
			return lines;
	}
}

static long sweep_here(void *arg)
{
	struct report *r = arg;
	unsigned int n = 0;

	n += sweep(r, 0, 0x3F);
	n += sweep(r, 0x40000000, 0x40000020);
	n += sweep(r, 0x400000F0, 0x40000120);
	n += sweep(r, 0x40010000, 0x40010002);
	n += sweep(r, 0x4FFFFFFE, 0x50000001);
	n += sweep(r, 0x7FFFFFFE, 0x80000040);
	n += sweep(r, 0x8FFFFFFE, 0x90000000);
	n += sweep(r, 0xC0000000, 0xC0000004);
	n += sweep(r, 0xFFFFFFFE, 0xFFFFFFFF);
	return n;
}

static void run_sweep(struct report *r)
{
	row(r, "cpuid_sweep", "done", "%ld lines", work_on_cpu(0, sweep_here, r));
}

static long hidden_here(void *unused)
{
	struct leaf l = ask(0x8000000A, 0);
	long found = 0;

	if (ask(0x80000001, 0).c & (1u << 2))
		found |= 1; /* SVM */
	if (ask(0x80000001, 0).c & (1u << 12))
		found |= 2; /* SKINIT */
	if (l.a | l.b | l.c | l.d)
		found |= 4;
	if (ask(0x8000000A, 1).a)
		found |= 8;
	if (ask(1, 0).c & (1u << 5))
		found |= 16; /* VMX */
	if (ask(1, 0).c & (1u << 6))
		found |= 32; /* SMX */
	if (ask(1, 0).d & (1u << 21))
		found |= 64; /* debug store */
	if (ask(7, 0).b & (1u << 25))
		found |= 128; /* processor trace */
	l = ask(0x14, 0);
	if (l.a | l.b | l.c | l.d)
		found |= 256;
	return found;
}

static void run_hidden(struct report *r)
{
	unsigned int cpu;
	long found = 0;

	for_each_online_cpu(cpu) found |= work_on_cpu(cpu, hidden_here, NULL);
	row(r, "cpuid_svm", found & 1 ? "shown" : "hidden", "CPUID 80000001h ECX[2]");
	row(r, "cpuid_skinit", found & 2 ? "shown" : "hidden", "CPUID 80000001h ECX[12]");
	row(r, "cpuid_svm_leaf", found & 12 ? "shown" : "hidden", "CPUID 8000000Ah");
	row(r, "cpuid_vmx", found & 16 ? "shown" : "hidden", "CPUID 1 ECX[5]");
	row(r, "cpuid_smx", found & 32 ? "shown" : "hidden", "CPUID 1 ECX[6]");
	row(r, "cpuid_ds", found & 64 ? "shown" : "hidden", "CPUID 1 EDX[21]");
	row(r, "cpuid_pt", found & 128 ? "shown" : "hidden", "CPUID 7 EBX[25]");
	row(r, "cpuid_pt_leaf", found & 256 ? "shown" : "hidden", "CPUID 14h");
}

const struct attack cpuid_attacks[] = { { "cpuid_hidden", run_hidden }, { "cpuid_sweep", run_sweep }, {} };
