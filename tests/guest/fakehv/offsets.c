/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Numbers of the boot ABI for the fake hypervisor's assembler file. This is
 * compiled to assembler text, and the build makes #defines of the marked lines.
 */
#include <openvbs/boot_info.h>

#define NUMBER(name, value) __asm__ volatile("#define " #name " %c0" : : "i"(value))

_Static_assert(HV_VA_BASE == 0xFFFFFF8000000000ULL, "known to fakehv.S and fakehv.lds");

void numbers(void);

void numbers(void)
{
	NUMBER(INFO_BLOCK_SPA, offsetof(struct ovbs_boot_info, block_spa));
	NUMBER(INFO_SHARED_NEXT, offsetof(struct ovbs_boot_info, shared_next));
	NUMBER(INFO_LOADER_ROOT, offsetof(struct ovbs_boot_info, loader_root));
	NUMBER(INFO_FLAGS, offsetof(struct ovbs_boot_info, flags));
	NUMBER(INFO_CPU_COUNT, offsetof(struct ovbs_boot_info, cpu_count));
	NUMBER(INFO_CPU, offsetof(struct ovbs_boot_info, cpu));
	NUMBER(FLAG_LA57, OVBS_BOOT_F_LA57);
	NUMBER(CPU_SIZE, sizeof(struct ovbs_boot_cpu));
	NUMBER(CPU_RIP, offsetof(struct ovbs_boot_cpu, entry.rip));
	NUMBER(CPU_RSP, offsetof(struct ovbs_boot_cpu, entry.rsp));
	NUMBER(CPU_CR3, offsetof(struct ovbs_boot_cpu, entry.cr3));
	NUMBER(OP_PREPARE, OVBS_OP_PREPARE);
	NUMBER(E_LAYOUT, OVBS_HV_E_LAYOUT);
}
