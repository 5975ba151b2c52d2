// SPDX-License-Identifier: GPL-2.0-only
/*
 * VTL0's memory and registers: see guest.h.
 */
#include "guest.h"

#include <ovbs_compiler.h>
#include <ovbs_errno.h>
#include <ovbs_string.h>

#include "cpu.h"
#include "hypercall.h"
#include "memory.h"

static uint8_t phys_bits;

void guest_prepare(void)
{
	phys_bits = (uint8_t)cpuid(0x80000008, 0).eax;
}

/* The page stays mapped until another one is asked for: tables are read entry by entry. */
static uint8_t *window(uint64_t gpa)
{
	const uint64_t *now = &sk_this_cpu->window_pt[SK_PAGE_VTL0];

	if ((*now & PTE_ADDR) != (gpa & PAGE_MASK) || !*now)
		cpu_map_window(SK_PAGE_VTL0, gpa & PAGE_MASK, PTE_RW | PTE_NX);
	return (uint8_t *)(SK_CPU_VA + SK_PAGE_VTL0 * PAGE_SIZE) + (gpa & ~PAGE_MASK);
}

static size_t in_page(uint64_t gpa, size_t n)
{
	size_t left = PAGE_SIZE - (gpa & ~PAGE_MASK);

	return n < left ? n : left;
}

static bool is_ram(uint64_t gpa, size_t n)
{
	uint64_t first = gpa & PAGE_MASK, last = (gpa + n - 1) & PAGE_MASK;

	return n && gpa + n > gpa && memory_is_vtl0_ram(first, (last - first) / PAGE_SIZE + 1);
}

int guest_read_at(uint64_t gpa, void *to, size_t n)
{
	if (!is_ram(gpa, n))
		return -EFAULT;
	for (size_t done = 0, part; done < n; done += part) {
		part = in_page(gpa + done, n - done);
		memcpy((uint8_t *)to + done, window(gpa + done), part);
	}
	/* Another CPU may have given it to VTL1 meanwhile (OVBS_MSG_GIVE): then this was not VTL0's any more. */
	asm volatile("" : : : "memory");
	if (is_ram(gpa, n))
		return 0;
	memset(to, 0, n);
	return -EFAULT;
}

int guest_write_at(uint64_t gpa, const void *from, size_t n)
{
	if (!is_ram(gpa, n))
		return -EFAULT;
	for (size_t done = 0, part; done < n; done += part) {
		part = in_page(gpa + done, n - done);
		memcpy(window(gpa + done), (const uint8_t *)from + done, part);
	}
	return 0;
}

#define CACHE_LINE 64u /* or a multiple of it */

void guest_flush_page(uint64_t gpa)
{
	const uint8_t *page;

	if (!is_ram(gpa, PAGE_SIZE))
		return;
	page = window(gpa & PAGE_MASK);
	for (unsigned int i = 0; i < PAGE_SIZE; i += CACHE_LINE)
		asm volatile("clflush (%0)" : : "r"(page + i) : "memory");
	asm volatile("mfence" : : : "memory");
}

static int read_gpa(void *ctx, uint64_t gpa, void *buf, size_t n)
{
	return guest_read_at(gpa, buf, n);
}

struct gwalk guest_state(enum gwalk_access access)
{
	static const uint32_t names[] = { HV_X64_REGISTER_CR0, HV_X64_REGISTER_CR3, HV_X64_REGISTER_CR4,
					  HV_X64_REGISTER_EFER, HV_X64_REGISTER_RFLAGS };
	uint64_t r[ARRAY_SIZE(names)];

	hv_get_registers(0, names, ARRAY_SIZE(names), r);
	return (struct gwalk){
		.cr0 = r[0],
		.cr3 = r[1],
		.cr4 = r[2],
		.efer = r[3],
		.rflags = r[4],
		.maxphyaddr = phys_bits,
		.access = access,
		.read_gpa = read_gpa,
	};
}
