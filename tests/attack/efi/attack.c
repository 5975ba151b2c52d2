// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attacks by an EFI program that firmware starts after openvbs: memory, SVM
 * instructions and registers, on the boot CPU, with firmware's identity map
 * and an IDT of our own (catch.h). Prints rows "row name outcome detail" like
 * openvbs_attack.ko, then powers off.
 */
#include <efi.h>
#undef __attribute__ /* efi.h swallows attributes: packed, aligned, sysv_abi */

#include "attack.h"

#include "../catch.h"

#include <format.h>
#include <openvbs/hv_abi.h>
#include <openvbs/status.h>
#include <openvbs/tlfs.h>
#include <ovbs_string.h>

#define PAGE          4096u
#define SIZE_2M       (2u << 20)
#define MARK          0x5A5AA5A5DEADC0DEULL
#define MSR_EFER      0xC0000080u
#define EFER_SVME     (1ULL << 12)
#define MSR_VM_CR     0xC0010114u
#define MSR_HSAVE     0xC0010117u
#define MSR_APIC      0x1Bu
#define CR4_VMXE      (1ULL << 13)
#define MSR_VMX_BASIC 0x480u

static struct catch catch_state __attribute__((aligned(4096)));

void print(struct attack *a, const char *fmt, ...)
{
	char text[200];
	CHAR16 wide[202];
	va_list args;
	size_t n = 0;

	va_start(args, fmt);
	ovbs_vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	for (const char *p = text; *p; p++) {
		if (*p == '\n')
			wide[n++] = '\r';
		wide[n++] = (CHAR16)*p;
		if (n >= 200)
			break;
	}
	wide[n] = 0;
	a->st->ConOut->OutputString(a->st->ConOut, wide);
}

const char *name_of(int vector)
{
	switch (vector) {
	case NOTHING:
		return "ok";
	case 1:
		return "#DB";
	case 6:
		return "#UD";
	case 8:
		return "#DF";
	case 13:
		return "#GP";
	case 14:
		return "#PF";
	default:
		return "#other";
	}
}

int try_it(try_fn fn, void *arg)
{
	struct catch_table_register ours = { .limit = CATCH_IDT_BYTES - 1 }, old;
	uint64_t flags;
	uint16_t cs;
	int got;

	__asm__ volatile("pushfq; popq %0; cli" : "=r"(flags) : : "memory");
	__asm__ volatile("mov %%cs, %0" : "=r"(cs));
	catch_idt_store(&old);
	for (unsigned int v = 0; v < 256; v++)
		if (v < CATCH_STUBS && v != 2)
			catch_gate_set(&catch_state, v, cs, 0);
		else
			catch_state.idt[v] = ((struct catch_gate *)(uintptr_t)old.base)[v];
	ours.base = (uint64_t)(uintptr_t)catch_state.idt;
	catch_idt_load(&ours);
	got = catch_call(&catch_state, fn, arg) ? (int)catch_state.vector : NOTHING;
	catch_idt_load(&old);
	__asm__ volatile("pushq %0; popfq" : : "r"(flags) : "memory", "cc");
	return got;
}

/* ---- where the block is ---- */

static void find_status(struct attack *a)
{
	static const EFI_GUID guid = OVBS_STATUS_GUID_INIT;

	for (UINTN i = 0; i < a->st->NumberOfTableEntries; i++) {
		const struct ovbs_status *s = a->st->ConfigurationTable[i].VendorTable;

		if (memcmp(&a->st->ConfigurationTable[i].VendorGuid, &guid, sizeof(guid)) ||
		    s->magic != OVBS_STATUS_MAGIC)
			continue;
		a->log = s->log_gpa;
		a->log_bytes = (s->log_size + PAGE - 1) & ~(uint64_t)(PAGE - 1);
		a->stats = s->stats_gpa;
		a->stats_bytes = (s->stats_size + PAGE - 1) & ~(uint64_t)(PAGE - 1);
		a->reported_bytes = s->memory_bytes;
	}
}

static void find_code(struct attack *a)
{
	struct msr m = { HV_X64_MSR_HYPERCALL, 0 };

	if (try_it(msr_read, &m) == NOTHING)
		a->code = m.value & ~(uint64_t)(PAGE - 1);
}

static void find_block(struct attack *a)
{
	static uint8_t map[64 << 10];
	UINTN size = sizeof(map), key, stride;
	UINT32 version;

	find_status(a);
	find_code(a);
	if (!a->log || a->st->BootServices->GetMemoryMap(&size, (EFI_MEMORY_DESCRIPTOR *)map, &key,
							 &stride, &version))
		return;
	for (UINTN at = 0; at + stride <= size; at += stride) {
		const EFI_MEMORY_DESCRIPTOR *d = (const EFI_MEMORY_DESCRIPTOR *)(map + at);
		uint64_t end = d->PhysicalStart + d->NumberOfPages * PAGE;

		if (d->Type != EfiReservedMemoryType || a->log < d->PhysicalStart || a->log >= end)
			continue;
		a->start = (d->PhysicalStart + SIZE_2M - 1) & ~(uint64_t)(SIZE_2M - 1);
		a->end = end & ~(uint64_t)(SIZE_2M - 1);
	}
}

static int is_visible(const struct attack *a, uint64_t at)
{
	return (at >= a->log && at < a->log + a->log_bytes) ||
	       (at >= a->stats && at < a->stats + a->stats_bytes) || (a->code && at == a->code);
}

/* ---- memory ---- */

struct word {
	volatile uint64_t *at;
	uint64_t value;
};

static __attribute__((sysv_abi)) void page_read(void *arg)
{
	struct word *w = arg;

	w->value = 0;
	for (unsigned int i = 0; i < PAGE / 8; i++)
		w->value |= w->at[i];
}

static __attribute__((sysv_abi)) void word_write(void *arg)
{
	struct word *w = arg;

	*w->at = w->value;
}

static __attribute__((sysv_abi)) void word_run(void *arg)
{
	static uint8_t scratch[16];

	/* zero bytes are `add %al, (%rax)` */
	__asm__ volatile("call *%0" : : "r"(arg), "a"(scratch) : "memory", "cc");
}

static void memory_rows(struct attack *a)
{
	unsigned int pages = 0, zeros = 0, visible = 0, denied = 0, fetched = 0;

	if (a->start == a->end) {
		print(a, "row efi_block_read none no hidden memory here\nrow efi_block_write none no hidden memory here\n"
			 "row efi_block_fetch none no hidden memory here\nrow efi_block_size none no hidden memory here\n");
		return;
	}
	for (uint64_t at = a->start; at < a->end; at += PAGE, pages++) {
		struct word w = { (uint64_t *)(uintptr_t)at, 0 };
		int vis = is_visible(a, at), got = try_it(page_read, &w);

		visible += vis != 0;
		zeros += !vis && got == NOTHING && !w.value;
		w.value = vis ? *w.at : MARK;
		denied += try_it(word_write, &w) == 13;
		fetched += (a->code && at == a->code) || try_it(word_run, (void *)(uintptr_t)at) == 13;
		try_it(page_read, &w);
		if (!vis && w.value)
			zeros = 0;
	}
	print(a, "row efi_block_read %s %u pages, %u zeros, %u visible\n",
	      zeros + visible == pages ? "zeros" : "content", pages, zeros, visible);
	print(a, "row efi_block_write %s %u of %u denied\n", denied == pages ? "#GP" : "accepted",
	      denied, pages);
	print(a, "row efi_block_fetch %s %u of %u denied\n", fetched == pages ? "#GP" : "executed",
	      fetched, pages);
	print(a, "row efi_block_size %s %llx-%llx, the status table says %llx\n",
	      a->end - a->start == a->reported_bytes ? "agrees" : "differs", (unsigned long long)a->start,
	      (unsigned long long)a->end, (unsigned long long)a->reported_bytes);
}

/* ---- instructions ---- */

static uint64_t page_of_ours[512] __attribute__((aligned(4096)));

#define INSN(name, bytes)                                                                          \
	static __attribute__((sysv_abi)) void i_##name(void *unused)                               \
	{                                                                                          \
		uint64_t rax = (uint64_t)(uintptr_t)page_of_ours, rbx = 0, rcx = 0, rdx = 0;       \
		__asm__ volatile(".byte " bytes                                                    \
				 : "+a"(rax), "+b"(rbx), "+c"(rcx), "+d"(rdx)                      \
				 :                                                                 \
				 : "memory", "cc");                                                \
	}

INSN(vmsave, "0x0f, 0x01, 0xdb")
INSN(vmload, "0x0f, 0x01, 0xda")
INSN(vmrun, "0x0f, 0x01, 0xd8")
INSN(vmmcall, "0x0f, 0x01, 0xd9")
INSN(stgi, "0x0f, 0x01, 0xdc")
INSN(clgi, "0x0f, 0x01, 0xdd")
INSN(skinit, "0x0f, 0x01, 0xde")
INSN(invlpga, "0x0f, 0x01, 0xdf")
INSN(rsm, "0x0f, 0xaa")
INSN(vmcall, "0x0f, 0x01, 0xc1")
INSN(vmlaunch, "0x0f, 0x01, 0xc2")
INSN(vmxoff, "0x0f, 0x01, 0xc4")
INSN(vmread, "0x0f, 0x78, 0xc0")

static __attribute__((sysv_abi)) void i_vmxon(void *unused)
{
	uint64_t operand = (uint64_t)(uintptr_t)page_of_ours;

	__asm__ volatile("vmxon %0" : : "m"(operand) : "memory", "cc");
}

static __attribute__((sysv_abi)) void vmxe_set(void *set)
{
	uint64_t cr4;

	__asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
	cr4 = set ? cr4 | CR4_VMXE : cr4 & ~CR4_VMXE;
	__asm__ volatile("mov %0, %%cr4" : : "r"(cr4) : "memory");
}

static void instruction_rows(struct attack *a)
{
	static const struct {
		const char *name;
		try_fn fn;
	} tries[] = {
		{ "efi_vmsave", i_vmsave }, { "efi_vmload", i_vmload },
		{ "efi_vmrun", i_vmrun },   { "efi_vmmcall", i_vmmcall },
		{ "efi_stgi", i_stgi },     { "efi_clgi", i_clgi },
		{ "efi_skinit", i_skinit }, { "efi_invlpga", i_invlpga },
		{ "efi_rsm", i_rsm },       { "efi_vmcall", i_vmcall },
		{ "efi_vmxon", i_vmxon },   { "efi_vmlaunch", i_vmlaunch },
		{ "efi_vmread", i_vmread }, { "efi_vmxoff", i_vmxoff },
	};

	for (unsigned int i = 0; i < sizeof(tries) / sizeof(tries[0]); i++)
		print(a, "row %s %s boot CPU\n", tries[i].name, name_of(try_it(tries[i].fn, NULL)));
}

/* ---- registers ---- */

static int is_intel(void)
{
	uint32_t eax = 0, ebx, ecx = 0, edx;

	__asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
	return ebx == 0x756E6547 && edx == 0x49656E69 && ecx == 0x6C65746E; /* "GenuineIntel" */
}

static void msr_rows(struct attack *a)
{
	struct msr m = { MSR_EFER, 0 };
	const char *outcome;
	uint64_t old;

	try_it(msr_read, &m);
	old = m.value;
	print(a, "row efi_efer_read %s %llx\n", old & EFER_SVME ? "shown" : "hidden",
	      (unsigned long long)old);
	m.value |= EFER_SVME;
	print(a, "row efi_efer_svme %s written\n", name_of(try_it(msr_write, &m)));
	print(a, "row efi_svme_vmrun %s after EFER.SVME was written\n", name_of(try_it(i_vmsave, NULL)));
	m.value = old;
	try_it(msr_write, &m);
	m.number = MSR_VMX_BASIC;
	outcome = name_of(try_it(msr_read, &m));
	print(a, "row efi_vmx_basic %s read\n", outcome);
	page_of_ours[0] = outcome[0] == '#' ? 0 : m.value & 0x7FFFFFFF;
	/* QEMU does not check CR4 in a guest and ends the guest at the next entry: only where the bit is known. */
	outcome = is_intel() ? name_of(try_it(vmxe_set, a)) : "norun";
	print(a, "row efi_vmxe %s CR4.VMXE written\n", outcome);
	print(a, "row efi_vmxe_vmxon %s after CR4.VMXE was written\n", name_of(try_it(i_vmxon, NULL)));
	if (is_intel()) {
		try_it(i_vmxoff, NULL);
		try_it(vmxe_set, NULL);
	}
	m.number = MSR_VM_CR;
	print(a, "row efi_vm_cr %s read\n", name_of(try_it(msr_read, &m)));
	m.number = MSR_HSAVE;
	m.value = a->start;
	print(a, "row efi_hsave %s written\n", name_of(try_it(msr_write, &m)));
	m.number = MSR_APIC;
	try_it(msr_read, &m);
	old = m.value;
	if (a->start != a->end) {
		m.value = a->start | (old & 0xFFF);
		outcome = name_of(try_it(msr_write, &m));
		m.value = old;
		try_it(msr_write, &m);
	} else {
		outcome = "none";
	}
	print(a, "row efi_apic_base %s moved over the block\n", outcome);
}

static void cpuid_rows(struct attack *a)
{
	uint32_t eax = OVBS_CPUID_BASE, text[3], ecx = 0, unused;

	__asm__ volatile("cpuid" : "+a"(eax), "=b"(text[0]), "=c"(text[1]), "=d"(text[2]) : "2"(0));
	print(a, "row efi_signature %s\n", memcmp(text, OVBS_CPUID_SIGNATURE, 12) ? "other" : "openvbs");
	eax = 0x80000001;
	__asm__ volatile("cpuid" : "+a"(eax), "=b"(unused), "+c"(ecx), "=d"(unused));
	print(a, "row efi_cpuid_svm %s\n", ecx & 4 ? "shown" : "hidden");
	eax = 1;
	ecx = 0;
	__asm__ volatile("cpuid" : "+a"(eax), "=b"(unused), "+c"(ecx), "=d"(unused));
	print(a, "row efi_cpuid_vmx %s\n", ecx & 0x20 ? "shown" : "hidden");
}

EFI_STATUS EFIAPI efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *st);

EFI_STATUS EFIAPI efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *st)
{
	static struct attack a;

	a.st = st;
	st->BootServices->SetWatchdogTimer(0, 0, 0, NULL);
	find_block(&a);
	cpuid_rows(&a);
	instruction_rows(&a);
	msr_rows(&a);
	feature_rows(&a);
	memory_rows(&a);
	print(&a, "attack.efi: done\n");
	st->RuntimeServices->ResetSystem(EfiResetShutdown, EFI_SUCCESS, 0, NULL);
	return EFI_SUCCESS;
}
