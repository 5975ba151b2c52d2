/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a round trip into the hypervisor costs, in ticks of the time stamp
 * counter: CPUID, which always exits under VMX, and VMCALL, which today comes
 * back as #UD. The same without openvbs tells what the instruction and the
 * exception cost by themselves. On Bochs a tick is about one instruction.
 */
#include "guest.h"

#define ROUNDS 1000u

struct gate {
	uint16_t offset_low, selector;
	uint8_t ist, type;
	uint16_t offset_middle;
	uint32_t offset_high, reserved;
};

struct table_register {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

extern const uint8_t ticks_skip3[];

/* #UD has no error code: RIP is on top. VMCALL is three bytes long. */
__asm__(".text\n"
	".globl ticks_skip3\n"
	"ticks_skip3:\n\t"
	"addq $3, (%rsp)\n\t"
	"iretq\n");

static struct gate idt[256] __attribute__((aligned(16)));

static uint64_t now(void)
{
	uint32_t low, high;

	__asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

static uint64_t cpuid_ticks(void)
{
	uint64_t begin = now();

	for (unsigned int i = 0; i < ROUNDS; i++) {
		uint32_t eax = 0, ebx, ecx = 0, edx;

		__asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
	}
	return (now() - begin) / ROUNDS;
}

#define NO_SUCH_CALL 0xFFFFu /* no hypercall has this code: the answer is a status */

/* With interrupts off, on firmware's IDT with a #UD gate of our own: without openvbs that is what comes. */
static uint64_t vmcall_ticks(void)
{
	struct table_register old, ours = { .limit = sizeof(idt) - 1 };
	uint64_t handler = (uint64_t)(uintptr_t)ticks_skip3, begin, flags, ticks;
	uint16_t cs;

	__asm__ volatile("mov %%cs, %0" : "=r"(cs));
	__asm__ volatile("sidt %0" : "=m"(old));
	for (unsigned int i = 0; i < 256 && (i + 1) * sizeof(idt[0]) <= old.limit + 1u; i++)
		idt[i] = ((const struct gate *)(uintptr_t)old.base)[i];
	idt[6] = (struct gate){ (uint16_t)handler,         cs, 0, 0x8E, (uint16_t)(handler >> 16),
				(uint32_t)(handler >> 32), 0 };
	ours.base = (uint64_t)(uintptr_t)idt;
	__asm__ volatile("pushfq; popq %0; cli" : "=r"(flags) : : "memory");
	__asm__ volatile("lidt %0" : : "m"(ours));
	begin = now();
	for (unsigned int i = 0; i < ROUNDS; i++) {
		uint64_t rax = 0, rcx = NO_SUCH_CALL;

		__asm__ volatile(".byte 0x0f, 0x01, 0xc1" : "+a"(rax), "+c"(rcx) : : "memory", "cc");
	}
	ticks = (now() - begin) / ROUNDS;
	__asm__ volatile("lidt %0" : : "m"(old));
	__asm__ volatile("pushq %0; popfq" : : "r"(flags) : "memory", "cc");
	return ticks;
}

EFI_STATUS EFIAPI efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *st)
{
	static struct guest g;
	uint64_t cpuid, vmcall;

	if (!guest_init(&g, image, st))
		return EFI_LOAD_ERROR;
	cpuid = cpuid_ticks();
	vmcall = vmcall_ticks();
	say(st, "ticks: at %llu, cpuid %llu, vmcall %llu", (unsigned long long)now(),
	    (unsigned long long)cpuid, (unsigned long long)vmcall);
	guest_power_off(&g);
}
