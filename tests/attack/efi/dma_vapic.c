// SPDX-License-Identifier: GPL-2.0-only
/*
 * The port 7Eh of QEMU ("kvmvapic"; 10.0, hw/i386/vapic.c, also under TCG). Three
 * steps of it, all with physical addresses that no second-level table sees:
 *
 *  - a word tells where a state structure is: in the 512 bytes where the code
 *    runs, plus the word;
 *  - a byte has the "option ROM" around it moved: every place that its table
 *    names, up to 4 GiB above, gets a difference added;
 *  - the same byte, where FS leads to a plausible processor block, has the local
 *    APIC keep its state in memory from then on.
 */
#include "dma.h"

#include <ovbs_string.h>
#include <stdbool.h>
#include <stddef.h>

#define BELOW                                                                                      \
	0x0FFFFFFFULL /* bits 31:28 of the code's address are added to those of the structure */
#define DIFFERENCE 0x5C5C5C5Cu /* what is added */
#define MSR_FS     0xC0000100u

/* The structure, as the device reads it. */
struct state {
	char signature[8];
	uint32_t address, table, table_end, apic_page, apic_bytes, cpu_shift, tpr;
	uint32_t handlers[22];
};

/* Of Windows: where it is, and the number of the CPU. */
struct processor {
	uint8_t a[0x1C];
	uint32_t self;
	uint8_t b[0x31];
	uint8_t number;
} __attribute__((packed));

/* One page: code where the device looks for it, then the rest. */
struct rom {
	uint8_t word[16], byte[16];
	uint8_t a[0x1E0];
	uint8_t header[16]; /* at 200h; the third byte: length in blocks */
	struct state state;
	uint8_t b[0x1F0 - sizeof(struct state)];
	uint32_t table; /* at 400h */
	uint32_t own;
	struct processor processor;
};

_Static_assert(offsetof(struct rom, header) == 0x200 && offsetof(struct rom, table) == 0x400,
	       "as the device expects it");

static struct rom *rom;

static bool make_rom(EFI_SYSTEM_TABLE *st)
{
	static const uint8_t word[] = { 0x66, 0xB8, 0x10, 0x02, 0x66, 0xE7, 0x7E, 0xC3 }; /* mov $210h, %ax; out %ax, $7Eh; ret */
	static const uint8_t byte[] = { 0xE6, 0x7E, 0xC3 }; /* out %al, $7Eh; ret */
	EFI_PHYSICAL_ADDRESS at = BELOW;

	if (st->BootServices->AllocatePages(AllocateMaxAddress, EfiLoaderCode, 1, &at))
		return false;
	rom = (struct rom *)(uintptr_t)at;
	memset(rom, 0, PAGE);
	memcpy(rom->word, word, sizeof(word));
	memcpy(rom->byte, byte, sizeof(byte));
	rom->header[2] = 1;
	return true;
}

/* From the structure to there, modulo 4 GiB: all of it lies below. */
static uint32_t away(uint64_t target)
{
	return (uint32_t)(target - (uint64_t)(uintptr_t)&rom->state);
}

static void fill_state(uint64_t target, uint64_t apic_page)
{
	struct state *s = &rom->state;
	uint32_t before = offsetof(struct rom, table) - offsetof(struct rom, state);

	memcpy(s->signature, "kvm aPiC", sizeof(s->signature));
	s->address = (uint32_t)(uintptr_t)s - DIFFERENCE;
	s->table = s->address + before;
	s->table_end = s->table + (target ? sizeof(rom->table) : 0);
	rom->table = away(target);
	s->apic_page = s->address + away(apic_page);
	s->apic_bytes = PAGE;
}

static void run(const uint8_t *code)
{
	((void (*)(void))(uintptr_t)code)();
}

static uint64_t read_fs(void)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(MSR_FS));
	return (uint64_t)high << 32 | low;
}

static void write_fs(uint64_t value)
{
	__asm__ volatile("wrmsr"
			 :
			 : "a"((uint32_t)value), "d"((uint32_t)(value >> 32)), "c"(MSR_FS));
}

/* Nothing of ours uses FS, and no interrupt comes between. */
static void run_with_processor(bool plausible)
{
	uint64_t old = read_fs(), here = (uint64_t)(uintptr_t)&rom->processor;

	rom->processor.self = plausible ? (uint32_t)here : 0;
	__asm__ volatile("cli");
	write_fs(here);
	run(rom->byte);
	write_fs(old);
	__asm__ volatile("sti");
}

void vapic_rows(EFI_SYSTEM_TABLE *st, uint64_t block)
{
	if (!make_rom(st)) {
		say(st, "row vapic_own norun");
		return;
	}
	run(rom->word);
	fill_state((uint64_t)(uintptr_t)&rom->own, 0);
	run_with_processor(false);
	say(st, "row vapic_own %s %x",
	    *(volatile uint32_t *)&rom->own == DIFFERENCE ? "works" : "kept", rom->own);
	fill_state(block, 0);
	run_with_processor(false);
	say(st, "row vapic_block sent %llx", (unsigned long long)block);
	fill_state(0, block + PAGE);
	run_with_processor(true);
	say(st, "row vapic_page sent %llx", (unsigned long long)(block + PAGE));
}
