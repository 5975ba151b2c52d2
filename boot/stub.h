/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The assembler stub between firmware and hypervisor (stub.S), and what C
 * prepares for it. The contract is include/openvbs/boot_info.h.
 */
#ifndef BOOT_STUB_H
#define BOOT_STUB_H

#include <stddef.h>
#include <stdint.h>

#include <openvbs/boot_info.h>

/* GDTR or IDTR as SGDT stores it, padded. */
struct stub_dtr {
	uint16_t limit;
	uint16_t base[4]; /* unaligned 64-bit number */
	uint16_t pad[3];
};

/* What the hypervisor's PREPARE leaves changed and the stub restores. */
struct stub_context {
	struct stub_dtr gdtr, idtr;
	uint16_t cs, ds, es, ss, fs, gs;
	uint16_t pad[2];
	uint64_t fs_base, gs_base;
};
_Static_assert(offsetof(struct stub_context, gdtr) == 0, "known to stub.S");
_Static_assert(offsetof(struct stub_context, idtr) == 16, "known to stub.S");
_Static_assert(offsetof(struct stub_context, cs) == 32, "known to stub.S");
_Static_assert(offsetof(struct stub_context, fs_base) == 48, "known to stub.S");
_Static_assert(offsetof(struct stub_context, gs_base) == 56, "known to stub.S");

/* First and one past the last byte of the stub: at most two pages. */
extern const uint8_t stub_start[], stub_end[];

/**
 * stub_prepare() - call the hypervisor's PREPARE
 * @entry: the hypervisor's entry point (host virtual address)
 * @info_va: boot info (host virtual address)
 * @root: CR3 for the call
 * @context: what to restore afterwards; in firmware's identity map
 *
 * Context: boot CPU, CPL 0, long mode, EFER.NXE set.
 * Return: 0 or an enum ovbs_hv_error.
 */
uint64_t stub_prepare(uint64_t entry, uint64_t info_va, uint64_t root, const struct stub_context *context);

/**
 * stub_enter() - call the hypervisor's ENTER on this CPU
 * @entry: the hypervisor's entry point (host virtual address)
 * @info_va: boot info (host virtual address)
 * @cpu: this CPU's part of the boot info, in firmware's identity map; the
 *       segments of cpu->entry are filled, the stub fills the rest
 * @index: this CPU's index
 *
 * Context: any CPU, CPL 0, long mode, EFER.NXE set.
 * Return: 0, as the guest.
 */
uint64_t stub_enter(uint64_t entry, uint64_t info_va, struct ovbs_boot_cpu *cpu, uint64_t index);

#endif
