/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host's own CPU state: page tables of each CPU, GDT, TSS, IDT, and the
 * window through which it reads a page of guest memory.
 */
#ifndef HV_ARCH_X86_HOST_H
#define HV_ARCH_X86_HOST_H

#include "core/cpu.h"

/** host_prepare - IDT for all CPUs. Context: PREPARE. */
void host_prepare(void);

/**
 * host_prepare_cpu - root and private window of CPU @index.
 *
 * @loader_root: the tables this runs on; their entries are taken over, the
 * identity mapping of the loader's stub included, until host_enter_cpu().
 * Return: the root's physical address, or 0 without memory. Context: PREPARE.
 */
uint64_t host_prepare_cpu(uint32_t index, uint64_t loader_root, bool la57);

/** private_page_spa - physical address of a page of CPU @cpu's private window (enum private_page). */
struct spa private_page_spa(uint32_t cpu, unsigned int window_page);

/** host_enter_cpu - load GDT, TSS, IDT; drop the loader's identity mapping. Context: ENTER. */
void host_enter_cpu(void);

/** host_control_registers - the host's CR0 and CR4; @cr4: what the vendor's part needs. CD and NW stay. Context: ENTER. */
void host_control_registers(uint64_t cr4);

/** host_load_boot_tables - GDT and IDT without a TSS. Context: PREPARE. */
void host_load_boot_tables(void);

/**
 * host_read_guest - copy @n bytes, not across a page, from guest physical @g, as
 * the virtual processor @ctx (struct vcpu) could. For gwalk's callback. 0, or
 * -EFAULT. Context: the lock of VTL0's second-level tables is not held.
 */
int host_read_guest(void *ctx, uint64_t g, void *buf, size_t n);

/** host_write_guest - copy @n bytes, not across a page, to @g, where @v may write: VTL0 to RAM, VTL1 to its own memory. 0, or -EFAULT. Context: no lock held. */
int host_write_guest(struct vcpu *v, uint64_t g, const void *buf, size_t n);

/** host_map_assist - the page behind PRIV_ASSIST; 0: none. Context: host. */
void host_map_assist(struct spa page);

/** host_vtl1_cr4 - the bits of CR4 that VTL1 may set on this CPU. Context: host. */
uint64_t host_vtl1_cr4(void);

/** host_mmio_read, host_mmio_write - a device register at @at, @size bytes (1, 2, 4), not across a page. */
uint32_t host_mmio_read(uint64_t at, unsigned int size);
void host_mmio_write(uint64_t at, unsigned int size, uint32_t value);

/** host_mmio_write64 - the same with 8 bytes, in one access. */
void host_mmio_write64(uint64_t at, uint64_t value);

/** host_map_apic - map the local APIC's registers at PRIV_APIC. Context: ENTER. */
void host_map_apic(uint64_t base);

#endif
