/* SPDX-License-Identifier: MIT */
/*
 * What the UEFI loader hands to the hypervisor, and how it calls it.
 *
 * Both sides come out of one signed file, so this is no trust boundary; it is
 * still checked (magic, version, size), because a loader and a hypervisor of
 * two builds must never meet by accident.
 *
 * Memory. The loader takes one block of EfiReservedMemoryType, aligned to
 * 2 MiB and zeroed, at system physical address `block_spa`. In host mode it is
 * seen at HV_VA_BASE:
 *
 *   offset 0 .............. the image: the PT_LOADs of its ELF file, linked
 *                           at HV_VA_BASE, each mapped with its own rights
 *   `info_off` ............ struct ovbs_boot_info (page aligned)   RW, NX
 *   `shared_off` .......... shared pool: page tables, log          RW, NX
 *   `private_off` ......... private pool: NOT mapped by the loader; the
 *                           hypervisor maps each CPU's part into that CPU's
 *                           own tables only, at HV_PRIVATE_VA
 *   `vtl1_off` ............ VTL1's memory (include/openvbs/sk_info.h), 2 MiB
 *                           aligned: never mapped in host mode, but for each
 *                           CPU's VP assist page
 *   `block_size` .......... end
 *
 * The loader's tables (`loader_root`, pages of the shared pool below
 * `shared_next`) map exactly that, and the loader's own stub page(s) at their
 * identity address, R-X. 4 levels, or 5 where CR4.LA57 is set; the entries 510
 * and 511 of the PML4 belong to the hypervisor, with 5 levels the PML4 hangs
 * at entry 511 of the PML5 (all addresses are canonical in both).
 *
 * Calling. Two operations, both by the same entry point (e_entry), with
 * interrupts off, on the calling CPU's firmware context at CPL 0 in long mode:
 *
 *   1. OVBS_OP_PREPARE, once, on the boot CPU, CR3 = loader_root. Builds every
 *      table for every CPU. May fail; then nothing has changed.
 *   2. OVBS_OP_ENTER, on every CPU, in any order, also at the same time,
 *      CR3 = cpu[i].root (filled by PREPARE). Turns the running firmware on
 *      this CPU into the VTL0 guest, in place; the guest goes on at
 *      cpu[i].entry.rip with RAX = 0 and all other general registers but RSP
 *      undefined. Does not return otherwise: what could fail was checked.
 *
 * Registers at the entry point (System V where it fits):
 *   RDI = operation, RSI = boot info (virtual, HV_VA_BASE + info_off),
 *   RDX = CPU index (ENTER), R12 = address to jump to with RAX = status
 *   (0 or an enum ovbs_hv_error) when PREPARE is done. RSP need not be valid.
 *   The hypervisor keeps R13, R14 and R15 for the stub; it loads its own GDT,
 *   IDT and segments, so the stub, back at R12, restores CR3 first, then GDT,
 *   IDT, CS and the data segments. TR, LDTR, EFER and control registers other
 *   than CR3 are as they were after PREPARE. The hypervisor never touches
 *   vector or FPU state.
 */
#ifndef OPENVBS_BOOT_INFO_H
#define OPENVBS_BOOT_INFO_H

#include <stddef.h>
#include <stdint.h>

#ifndef HV_VA_BASE                       /* host tests put it elsewhere */
#define HV_VA_BASE 0xFFFFFF8000000000ULL /* PML4 entry 511 */
#endif
#define HV_PRIVATE_VA 0xFFFFFF0000000000ULL /* PML4 entry 510 */

#define OVBS_BOOT_INFO_MAGIC   0x315342564E45504FULL /* "OPENVBS1" */
#define OVBS_BOOT_INFO_VERSION 4
#define OVBS_MAX_CPUS          256
#define OVBS_MAX_RAM_RANGES    64
#define OVBS_MAX_IOMMUS        16
#define OVBS_MAX_DMA_RANGES    32

/* Bytes of pool that the hypervisor needs: per machine and per CPU. */
#define OVBS_SHARED_POOL_BASE    (2u << 20)
#define OVBS_SHARED_POOL_PER_CPU (40u << 10)
#define OVBS_SHARED_POOL_IOMMU   (5u << 20) /* where there is one: DMA tables, AMD's device table */

/* Second-level tables for pages with rights of their own: one for each 2 MiB up to the end of RAM, of a bounded number. */
#define OVBS_PIECE_TABLES_MIN 256u
#define OVBS_PIECE_TABLES_MAX 8192u
#define OVBS_DMA_TABLES_MAX   2048u /* the same for devices, where there is an IOMMU */

static inline uint32_t ovbs_piece_tables(uint64_t ram_top)
{
	uint64_t n = ram_top >> 21;

	return n < OVBS_PIECE_TABLES_MIN ? OVBS_PIECE_TABLES_MIN :
	       n > OVBS_PIECE_TABLES_MAX ? OVBS_PIECE_TABLES_MAX :
					   (uint32_t)n;
}

static inline uint32_t ovbs_dma_tables(uint32_t piece_tables)
{
	return piece_tables < OVBS_DMA_TABLES_MAX ? piece_tables : OVBS_DMA_TABLES_MAX;
}
#define OVBS_PRIVATE_PER_CPU     (128u << 10)

enum ovbs_op {
	OVBS_OP_PREPARE = 1,
	OVBS_OP_ENTER = 2,
};

enum ovbs_hv_error {
	OVBS_HV_OK = 0,
	OVBS_HV_E_BOOT_INFO = 1, /* magic, version or size do not fit */
	OVBS_HV_E_MEMORY = 2,    /* a pool is too small */
	OVBS_HV_E_CPU = 3,       /* the CPU lacks what the hypervisor needs */
	OVBS_HV_E_LAYOUT = 4,    /* offsets or addresses make no sense */
	OVBS_HV_E_IOMMU = 5,     /* DMA protection is required, but can't be switched on: why[] */
};

enum ovbs_boot_flags {
	OVBS_BOOT_F_LA57 = 1u << 0,     /* the host tables have 5 levels */
	OVBS_BOOT_F_ICR_OPEN = 1u << 1, /* debug builds only: never trap the ICR (bench) */
	OVBS_BOOT_F_SERIAL = 1u << 2,   /* debug builds only: log to COM1 too */
	OVBS_BOOT_F_ALL_CPUS = 1u << 3, /* the MADT knows no CPU beyond cpu[], none can be added */
	OVBS_BOOT_F_DMA_REQUIRED = 1u << 4, /* platform level 3: PREPARE fails unless DMA protection is on */
};

/* A segment register with its hidden part: the layout of a VMCB's (AMD APM 2, table B-2). */
struct ovbs_segment {
	uint16_t selector;
	uint16_t attrib; /* descriptor bits 40-47 in 0-7, 52-55 in 8-11 */
	uint32_t limit;  /* in bytes, granularity already applied */
	uint64_t base;
};

/* The state of a CPU when it calls the hypervisor, as the loader's stub saw it. */
struct ovbs_cpu_entry {
	uint64_t rip; /* where VTL0 goes on (the stub, identity address) */
	uint64_t rsp;
	uint64_t rflags;
	uint64_t cr0;
	uint64_t cr3;
	uint64_t cr4;
	struct ovbs_segment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
};

struct ovbs_boot_cpu {
	uint64_t root; /* by PREPARE: CR3 for ENTER (spa) */
	uint32_t apic_id;
	uint32_t reserved;
	struct ovbs_cpu_entry entry;
};

/* What the loader read in the ACPI tables (ACPI 6.5, 5.2.9 FADT, 7.4.2 _Sx). Ports are 0 where absent. */
struct ovbs_acpi_pm {
	uint16_t pm1a_evt_port, pm1b_evt_port; /* PM1 status, 2 bytes, then enable */
	uint16_t pm1a_cnt_port, pm1b_cnt_port;
	uint16_t sleep_control_port; /* hardware-reduced ACPI, if in I/O space */
	uint16_t reset_port;         /* RESET_REG, if in I/O space */
	uint8_t reset_value;
	uint8_t s5_found;           /* \_S5 was found in the DSDT or an SSDT */
	uint8_t s5_typ_a, s5_typ_b; /* SLP_TYPa, SLP_TYPb for power-off */
	uint8_t reserved[2];
};

/* RAM as the UEFI memory map has it, neighbours merged, page aligned; the end is exclusive. */
struct ovbs_range {
	uint64_t start, end;
};

/* An IOMMU, as DMAR or IVRS has it. */
struct ovbs_iommu_unit {
	uint64_t base;    /* its registers, page aligned (spa) */
	uint32_t size;    /* of them, bytes, a multiple of 4 KiB; 0: ask the unit */
	uint16_t segment; /* PCI segment */
	uint16_t function; /* AMD: the IOMMU's own PCI function (bus 15:8, device 7:3, function 2:0) */
	uint16_t capability; /* AMD: offset of its capability block in that function's configuration space */
	uint8_t kind; /* enum ovbs_iommu_kind */
	uint8_t flags; /* Intel: DRHD flags (bit 0: all devices of the segment that no other unit has) */
	uint32_t reserved;
};

/* Whether DMA protection is on. By PREPARE. */
enum ovbs_dma_state {
	OVBS_DMA_NONE = 0,     /* there is no IOMMU, or none that can be used */
	OVBS_DMA_FAILED = 1,   /* there is one, but it can't be switched on: dma_why */
	OVBS_DMA_ENFORCED = 2, /* on: no device reaches the block */
};

/* Where VTL1 begins on the boot CPU: 64-bit mode, CPL 0, flat segments, interrupts off. */
struct ovbs_vtl1_entry {
	uint64_t rip, rsp, cr3, rdi; /* rdi: its info (openvbs/sk_info.h), by its own address */
};

struct ovbs_boot_info {
	uint64_t magic;
	uint32_t version;
	uint32_t size; /* sizeof(struct ovbs_boot_info) */
	uint64_t block_spa;
	uint64_t block_size; /* bytes, a multiple of 2 MiB */
	uint64_t image_size; /* bytes, page aligned */
	uint64_t info_off;
	uint64_t shared_off, shared_size,
		shared_next; /* shared_next: first page the loader left free (offset in the block) */
	uint64_t private_off, private_size;
	uint64_t vtl1_off, vtl1_size;
	struct ovbs_vtl1_entry vtl1;
	uint64_t loader_root; /* spa */
	uint64_t piece_tables; /* set aside in the pool: ovbs_piece_tables() */
	uint64_t ram_top;     /* first byte after the highest RAM in the UEFI memory map */
	uint64_t flags;       /* enum ovbs_boot_flags */
	struct ovbs_acpi_pm acpi;
	uint16_t reserved;
	uint32_t ecam_buses; /* buses of PCI segment 0 at ecam_base, from bus 0 on; 0: no MCFG */
	uint64_t hpet_base;  /* of the HPET table; 0: there is none */
	uint64_t ecam_base;  /* PCI configuration space as memory (PCI Firmware 3.3, 4.1.2) */
	uint32_t cpu_count;
	uint32_t boot_cpu; /* index of the boot CPU in cpu[] */
	/* by PREPARE, for the status table: */
	uint64_t log_gpa, log_size, stats_gpa, stats_size;
	uint64_t ram_count;
	struct ovbs_range ram[OVBS_MAX_RAM_RANGES];
	uint32_t iommu_count; /* 0: no IOMMU, or a table that makes no sense */
	uint32_t dma_range_count;
	struct ovbs_iommu_unit iommu[OVBS_MAX_IOMMUS];
	/* Memory outside of ram[] that devices are promised (RMRR, IVMD): page aligned, end exclusive. */
	struct ovbs_range dma_range[OVBS_MAX_DMA_RANGES];
	uint32_t dma_state; /* by PREPARE: enum ovbs_dma_state */
	uint32_t dma_stuck; /* by PREPARE: 1: an IOMMU may go on with tables in the block: keep it */
	char dma_why[64];   /* by PREPARE, if it failed: for a person */
	char why[64];       /* by PREPARE, if it fails: what is missing, for a person */
	struct ovbs_boot_cpu cpu[OVBS_MAX_CPUS];
};

_Static_assert(sizeof(struct ovbs_segment) == 16, "VMCB segment layout");
_Static_assert(offsetof(struct ovbs_cpu_entry, es) == 48, "known to the loader's assembler stub");
_Static_assert(sizeof(struct ovbs_cpu_entry) == 208, "known to the loader's assembler stub");
_Static_assert(sizeof(struct ovbs_boot_cpu) == 224, "indexed by the loader's assembler stub");
_Static_assert(sizeof(struct ovbs_acpi_pm) == 18, "no padding");
_Static_assert(sizeof(struct ovbs_iommu_unit) == 24, "no padding");

#endif
