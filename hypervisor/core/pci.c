// SPDX-License-Identifier: GPL-2.0-only
/*
 * See pci.h. Port accesses are done under a lock, so that the address register
 * can't change between the look at it and the data access.
 */
#include "core/pci.h"

#include <ovbs_compiler.h>
#include <ovbs_errno.h>

#include "arch/x86/host.h"
#include "core/log.h"
#include "core/mmio.h"
#include "mm/slat.h"

#define CONFIG_ADDRESS 0xCF8
#define CONFIG_DATA    0xCFC
#define ADDRESS_ENABLE (1u << 31)
#define ANY            0xFFFF
#define ECAM_BUS_BYTES (1u << 20)

/* Registers [first, last] of a function on bus 0, if the device there is this one. */
struct guard {
	uint16_t vendor, device;
	uint8_t slot, function;
	uint16_t first, last;
};

#define AMD_NODE(slot)                                                                             \
	{ 0x1022, ANY, slot, 0, 0, 0xFFF }, { 0x1022, ANY, slot, 1, 0, 0xFFF },                    \
		{ 0x1022, ANY, slot, 2, 0, 0xFFF }, { 0x1022, ANY, slot, 3, 0, 0xFFF },            \
		{ 0x1022, ANY, slot, 4, 0, 0xFFF }, { 0x1022, ANY, slot, 5, 0, 0xFFF },            \
		{ 0x1022, ANY, slot, 6, 0, 0xFFF },                                                \
	{                                                                                          \
		0x1022, ANY, slot, 7, 0, 0xFFF                                                     \
	}

static const struct guard known[] = {
	/* Q35 host bridge (Intel 316966, 5.1): EPBAR, MCHBAR, PCIEXBAR, DMIBAR. */
	{ 0x8086, 0x29C0, 0x00, 0, 0x40, 0x6F },
	/* The same: SMRAM control, then the ends of memory (TOM to TOLUD). SMM runs under us, as firmware's. */
	{ 0x8086, 0x29C0, 0x00, 0, 0x9C, 0xBF },
	/* 440FX (Intel 290549, 3.2.20): SMRAM control. */
	{ 0x8086, 0x1237, 0x00, 0, 0x72, 0x72 },
	/* ICH9 LPC bridge (Intel 316972, 13.1): PMBASE and ACPI_CNTL; RCBA. */
	{ 0x8086, 0x2918, 0x1F, 0, 0x40, 0x47 },
	{ 0x8086, 0x2918, 0x1F, 0, 0xF0, 0xF3 },
	/* PIIX4 power management (Intel 290562, 7.1): PMBA, PMREGMISC. */
	{ 0x8086, 0x7113, 0x01, 3, 0x40, 0x43 },
	{ 0x8086, 0x7113, 0x01, 3, 0x80, 0x80 },
	/* AMD nodes: northbridge or data fabric, with the address maps (BKDG, PPR: D18Fx). */
	AMD_NODE(0x18),
	AMD_NODE(0x19),
	AMD_NODE(0x1A),
	AMD_NODE(0x1B),
	AMD_NODE(0x1C),
	AMD_NODE(0x1D),
	AMD_NODE(0x1E),
	AMD_NODE(0x1F),
};

static bool present[ARRAY_SIZE(known)];
static uint16_t whole[OVBS_MAX_IOMMUS]; /* functions none of whose registers may change */
static unsigned int whole_count;
static uint64_t ecam_base;
static uint32_t ecam_buses;
static struct lock port_lock;

static uint64_t ecam_page(const struct guard *g)
{
	return ecam_base + ((uint64_t)g->slot << 15) + ((uint64_t)g->function << 12);
}

static uint32_t read_id(const struct guard *g)
{
	uint32_t old = port_in(CONFIG_ADDRESS, 4), id;

	port_out(CONFIG_ADDRESS, 4, ADDRESS_ENABLE | (uint32_t)g->slot << 11 | (uint32_t)g->function << 8);
	id = port_in(CONFIG_DATA, 4);
	port_out(CONFIG_ADDRESS, 4, old);
	return id;
}

static void trap_ports(void)
{
	arch_trap_port(CONFIG_ADDRESS, 1, true); /* its other bytes are not the address register: 0xCF9 resets */
	arch_trap_port(CONFIG_DATA, 4, true);
}

int pci_prepare(const struct ovbs_boot_info *info)
{
	unsigned int found = 0;

	ecam_base = info->ecam_buses ? info->ecam_base : 0;
	ecam_buses = info->ecam_buses;
	if (ecam_base & (ECAM_BUS_BYTES - 1))
		return -EINVAL;
	for (unsigned int i = 0; i < ARRAY_SIZE(known); i++) {
		uint32_t id = read_id(&known[i]);

		if ((id & 0xFFFF) != known[i].vendor ||
		    (known[i].device != ANY && id >> 16 != known[i].device))
			continue;
		present[i] = true;
		found++;
		if (ecam_base &&
		    slat_set(&vtl0_slat, gpa(ecam_page(&known[i])), spa(ecam_page(&known[i])), SLAT_R))
			return -ENOMEM;
	}
	hv_log("PCI: %u register ranges guarded, configuration space at %llx", found,
	       (unsigned long long)ecam_base);
	if (found)
		trap_ports();
	return 0;
}

int pci_guard_function(uint16_t function)
{
	uint64_t page = ecam_base + ((uint64_t)function << PAGE_SHIFT);

	if (whole_count == ARRAY_SIZE(whole))
		return -ENOSPC;
	if (ecam_base && function >> 8 < ecam_buses && slat_set(&vtl0_slat, gpa(page), spa(page), SLAT_R))
		return -ENOMEM;
	whole[whole_count++] = function;
	trap_ports();
	return 0;
}

static bool is_whole(unsigned int function)
{
	for (unsigned int i = 0; i < whole_count; i++)
		if (whole[i] == function)
			return true;
	return false;
}

/* Does a write of @size bytes at @reg touch a guarded register of that function? */
static bool guarded(unsigned int bus, unsigned int slot, unsigned int function, unsigned int reg,
		    unsigned int size)
{
	if (is_whole(bus << 8 | slot << 3 | function))
		return true;
	if (bus)
		return false;
	for (unsigned int i = 0; i < ARRAY_SIZE(known); i++)
		if (present[i] && known[i].slot == slot && known[i].function == function &&
		    reg <= known[i].last && reg + size > known[i].first)
			return true;
	return false;
}

static uint32_t low_bytes(uint32_t v, unsigned int size)
{
	return size == 4 ? v : v & ((1u << 8 * size) - 1);
}

static void log_dropped(unsigned int bus, unsigned int slot, unsigned int function,
			unsigned int reg, uint32_t old, uint32_t value)
{
	hv_log_denied("PCI %x:%x.%u register %x: %x -> %x dropped: it decides where memory, the sleep control or DMA goes",
		      bus, slot, function, reg, old, value);
}

bool pci_port_owns(uint16_t port, unsigned int size)
{
	return port < CONFIG_DATA + 4 && port + size > CONFIG_ADDRESS;
}

/* By the address register's format with the extended register bits that AMD has in 24-27. */
static void data_write(uint32_t address, uint16_t port, unsigned int size, uint32_t value)
{
	unsigned int bus = address >> 16 & 0xFF, slot = address >> 11 & 0x1F, function = address >> 8 & 7;
	unsigned int reg = (address & 0xFC) | (address >> 16 & 0xF00), at = reg + port - CONFIG_DATA;
	uint32_t old;

	if ((address & ADDRESS_ENABLE) &&
	    (guarded(bus, slot, function, at, size) || guarded(bus, slot, function, at & 0xFF, size))) {
		old = port_in(port, size);
		if (low_bytes(value, size) != old)
			log_dropped(bus, slot, function, at, old, low_bytes(value, size));
		return;
	}
	port_out(port, size, value);
}

void pci_port_write(uint16_t port, unsigned int size, uint32_t value)
{
	lock_take(&port_lock);
	if (port >= CONFIG_DATA && port + size <= CONFIG_DATA + 4)
		data_write(port_in(CONFIG_ADDRESS, 4), port, size, value);
	else if (port + size > CONFIG_DATA)
		hv_log_denied("I/O across the configuration data port (%x, %u bytes): dropped", port, size);
	else
		port_out(port, size, value);
	lock_release(&port_lock);
}

uint32_t pci_port_read(uint16_t port, unsigned int size)
{
	uint32_t value;

	lock_take(&port_lock);
	value = port_in(port, size);
	lock_release(&port_lock);
	return value;
}

static bool is_guarded_page(uint64_t page)
{
	if (ecam_base && page >= ecam_base && page - ecam_base < (uint64_t)ecam_buses * ECAM_BUS_BYTES &&
	    is_whole((unsigned int)((page - ecam_base) >> PAGE_SHIFT)))
		return true;
	for (unsigned int i = 0; ecam_base && i < ARRAY_SIZE(known); i++)
		if (present[i] && ecam_page(&known[i]) == page)
			return true;
	return false;
}

bool pci_ecam_write(struct vcpu *v, struct gpa g)
{
	unsigned int bus = (unsigned int)((g.v - ecam_base) >> 20), slot = g.v >> 15 & 0x1F;
	unsigned int function = g.v >> 12 & 7, reg = g.v & 0xFFF;
	struct mmio_insn in;
	uint32_t value, old;

	if (!is_guarded_page(g.v & PAGE_MASK))
		return false;
	if (!mmio_decode(v, g, &in, &value))
		return true;
	if (reg + in.size > PAGE_SIZE) { /* no register lies across a page */
		arch_inject(v, VEC_GP, true, 0);
		return true;
	}
	old = host_mmio_read(g.v, in.size);
	value = low_bytes(value, in.size);
	if (!guarded(bus, slot, function, reg, in.size))
		host_mmio_write(g.v, in.size, value);
	else if (value != old)
		log_dropped(bus, slot, function, reg, old, value);
	mmio_done(v, &in, old);
	return true;
}
