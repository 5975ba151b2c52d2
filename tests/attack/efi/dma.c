// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attacks by DMA before there is an OS: an EFI program that firmware starts
 * after openvbs drives QEMU's edu device (as tests/attack/module/dma.c does).
 * Prints "dma range START END", waits for the address of an empty page in it to
 * be typed (tests/attack/dma.py knows the memory from the emulator), prints
 * rows, and at the next key powers off; at "i" it has the device send an INIT to
 * this CPU. Without openvbs pages of our own stand for the block. At the end, what
 * writes to memory without a device (dma_vapic.c).
 */
#include "dma.h"

#include <openvbs/status.h>
#include <ovbs_string.h>
#include <stdbool.h>

#define SIZE_2M  (2u << 20)
#define STEP     (128 * PAGE)
#define OLD      0xA5
#define NEW      0x5C
#define BELOW_4G 0xFFFFFFFFULL

#define EDU_ID      0x11E81234u
#define EDU_RAISE   0x60
#define EDU_ACK     0x64
#define EDU_SOURCE  0x80
#define EDU_TARGET  0x88
#define EDU_COUNT   0x90
#define EDU_COMMAND 0x98
#define EDU_BUFFER  0x40000

static EFI_SYSTEM_TABLE *st;
static uint64_t start, end;
static volatile uint8_t *edu;
static uint32_t edu_config;
static uint8_t *own;

/* ---- PCI and the device ---- */

static uint32_t config_read(uint32_t at)
{
	uint32_t value;

	__asm__ volatile("outl %0, %1" : : "a"(at), "Nd"((uint16_t)0xCF8));
	__asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"((uint16_t)0xCFC));
	return value;
}

static void config_write(uint32_t at, uint32_t value)
{
	__asm__ volatile("outl %0, %1" : : "a"(at), "Nd"((uint16_t)0xCF8));
	__asm__ volatile("outl %0, %1" : : "a"(value), "Nd"((uint16_t)0xCFC));
}

static bool find_edu(void)
{
	for (uint32_t devfn = 0; devfn < 256; devfn++) {
		uint32_t at = 1u << 31 | devfn << 8;

		if (config_read(at) != EDU_ID)
			continue;
		edu_config = at;
		config_write(at + 4, (config_read(at + 4) & 0xFFFF) | 6); /* memory, bus mastering */
		edu = (volatile uint8_t *)(uintptr_t)(config_read(at + 0x10) & ~15u);
		return true;
	}
	return false;
}

static void put_64(uint32_t reg, uint64_t value)
{
	*(volatile uint64_t *)(edu + reg) = value;
}

static bool transfer(uint64_t from, uint64_t to, uint32_t bytes, uint32_t command)
{
	put_64(EDU_SOURCE, from);
	put_64(EDU_TARGET, to);
	put_64(EDU_COUNT, bytes);
	put_64(EDU_COMMAND, command | 1);
	for (unsigned int ms = 0; ms < 1000; ms++) {
		if (!(*(volatile uint32_t *)(edu + EDU_COMMAND) & 1))
			return true;
		st->BootServices->Stall(1000);
	}
	return false;
}

static bool fetch(uint64_t gpa)
{
	return transfer(gpa, EDU_BUFFER, PAGE, 0);
}

static bool store(uint64_t gpa)
{
	return transfer(EDU_BUFFER, gpa, PAGE, 2);
}

/* ---- where the block is ---- */

static bool find_status(uint64_t *log)
{
	static const EFI_GUID guid = OVBS_STATUS_GUID_INIT;

	for (UINTN i = 0; i < st->NumberOfTableEntries; i++) {
		const struct ovbs_status *s = st->ConfigurationTable[i].VendorTable;

		if (memcmp(&st->ConfigurationTable[i].VendorGuid, &guid, sizeof(guid)) ||
		    s->magic != OVBS_STATUS_MAGIC)
			continue;
		*log = s->log_gpa;
		return *log != 0;
	}
	return false;
}

static void find_reserved(uint64_t log)
{
	static uint8_t map[64 << 10];
	UINTN size = sizeof(map), key, stride;
	UINT32 version;

	if (st->BootServices->GetMemoryMap(&size, (EFI_MEMORY_DESCRIPTOR *)map, &key, &stride, &version))
		return;
	for (UINTN at = 0; at + stride <= size; at += stride) {
		const EFI_MEMORY_DESCRIPTOR *d = (const EFI_MEMORY_DESCRIPTOR *)(map + at);
		uint64_t last = d->PhysicalStart + d->NumberOfPages * PAGE;

		if (d->Type != EfiReservedMemoryType || log < d->PhysicalStart || log >= last)
			continue;
		start = (d->PhysicalStart + SIZE_2M - 1) & ~(uint64_t)(SIZE_2M - 1);
		end = last & ~(uint64_t)(SIZE_2M - 1);
	}
}

static bool pages(UINTN n, uint64_t *at)
{
	EFI_PHYSICAL_ADDRESS a = BELOW_4G;

	if (st->BootServices->AllocatePages(AllocateMaxAddress, EfiLoaderData, n, &a))
		return false;
	*at = a;
	return true;
}

static bool find_memory(void)
{
	uint64_t log, at;

	if (!pages(1, &at))
		return false;
	own = (uint8_t *)(uintptr_t)at;
	if (find_status(&log)) {
		find_reserved(log);
		return start < end;
	}
	if (!pages(SIZE_2M / PAGE, &start))
		return false;
	end = start + SIZE_2M;
	memset((void *)(uintptr_t)start, 0x3C, SIZE_2M / 2);
	memset((void *)(uintptr_t)(start + SIZE_2M / 2), 0, SIZE_2M / 2);
	return true;
}

/* ---- rows ---- */

static bool filled_with(uint8_t byte)
{
	for (unsigned int i = 0; i < PAGE; i++)
		if (((volatile uint8_t *)own)[i] != byte)
			return false;
	return true;
}

static void own_rows(void)
{
	uint64_t at = (uint64_t)(uintptr_t)own;
	bool there, back;

	memset(own, 0x77, PAGE);
	there = fetch(at);
	memset(own, 0, PAGE);
	back = store(at);
	say(st, "row dma_own_read %s", there && filled_with(0x77) ? "works" : "silent");
	say(st, "row dma_own_write %s", back && filled_with(0x77) ? "works" : "silent");
}

static void read_row(void)
{
	unsigned int n = 0, zeros = 0, unchanged = 0, content = 0;
	uint64_t own_at = (uint64_t)(uintptr_t)own;

	memset(own, OLD, PAGE);
	fetch(own_at);
	for (uint64_t at = start; at < end; at += STEP, n++) {
		fetch(at);
		memset(own, NEW, PAGE); /* a store that does not come is no unchanged buffer */
		store(own_at);
		zeros += filled_with(0);
		unchanged += filled_with(OLD);
		content += !filled_with(0) && !filled_with(OLD) && !filled_with(NEW);
	}
	say(st, "row dma_read_block %s %u pages: %u zeros, %u unchanged, %u content",
	    content               ? "content" :
	    zeros + unchanged < n ? "silent" :
	    unchanged             ? "unchanged" :
				    "zeros",
	    n, zeros, unchanged, content);
}

static void write_row(uint64_t at)
{
	memset(own, NEW, PAGE);
	fetch((uint64_t)(uintptr_t)own);
	store(at);
	say(st, "row dma_write_empty sent %llx", (unsigned long long)at);
}

/* The device's interrupt message (PCI 3.0, 6.8.1), with the page for its address. */
static void message_row(uint64_t at)
{
	uint32_t cap = config_read(edu_config + 0x34) & 0xFC, head;

	while (cap && (config_read(edu_config + cap) & 0xFF) != 5)
		cap = config_read(edu_config + cap) >> 8 & 0xFC;
	if (!cap) {
		say(st, "row dma_write_message none");
		return;
	}
	head = config_read(edu_config + cap);
	config_write(edu_config + cap + 4, (uint32_t)at);
	config_write(edu_config + cap + 8, head & 1u << 23 ? (uint32_t)(at >> 32) : 0x5C5C);
	config_write(edu_config + cap + 12, 0x5C5C);
	config_write(edu_config + cap, head | 1u << 16);
	*(volatile uint32_t *)(edu + EDU_RAISE) = 1;
	st->BootServices->Stall(2000);
	*(volatile uint32_t *)(edu + EDU_ACK) = 1;
	config_write(edu_config + cap, head);
	say(st, "row dma_write_message sent %llx", (unsigned long long)at);
}

/* An interrupt message (Intel SDM 3A, 12.11): delivery mode INIT, to the CPU that runs this. */
static void send_init(void)
{
	uint32_t a = 1, b, c, d;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d));
	memset(own, 0, PAGE);
	*(uint32_t *)own = 0x4500;
	fetch((uint64_t)(uintptr_t)own);
	say(st, "dma.efi: INIT to APIC %x", b >> 24);
	(void)transfer(EDU_BUFFER, 0xFEE00000 | (b >> 24) << 12, 4, 2);
}

static CHAR16 next_key(void)
{
	EFI_INPUT_KEY key;

	while (st->ConIn->ReadKeyStroke(st->ConIn, &key) != EFI_SUCCESS)
		st->BootServices->Stall(1000);
	return key.UnicodeChar;
}

static uint64_t read_number(void)
{
	uint64_t value = 0;

	for (CHAR16 c = next_key(); c != '\r'; c = next_key()) {
		if (c >= '0' && c <= '9')
			value = value << 4 | (c - '0');
		else if (c >= 'a' && c <= 'f')
			value = value << 4 | (c - 'a' + 10);
	}
	return value;
}

EFI_STATUS EFIAPI efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *table);

EFI_STATUS EFIAPI efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *table)
{
	uint64_t target;

	st = table;
	st->BootServices->SetWatchdogTimer(0, 0, 0, NULL);
	if (!find_memory() || !find_edu()) {
		say(st, "dma.efi: no device, or no memory");
		say(st, "dma.efi: done");
	} else {
		say(st, "dma range %llx %llx", (unsigned long long)start, (unsigned long long)end);
		do {
			target = read_number();
		} while (target < start || target >= end || target % PAGE);
		say(st, "dma target %llx", (unsigned long long)target);
		own_rows();
		read_row();
		write_row(target);
		message_row(target + PAGE);
		vapic_rows(st, target + 2 * PAGE);
		say(st, "dma.efi: done");
	}
	while (next_key() == 'i')
		send_init();
	st->RuntimeServices->ResetSystem(EfiResetShutdown, EFI_SUCCESS, 0, NULL);
	return EFI_SUCCESS;
}
