/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A deliberately small instruction decoder: only what the hypervisor emulates.
 *
 * Two uses. An access to the trapped xAPIC page is emulated, so its form must
 * be known; and on CPUs without NRIP save, an exit needs the length of the
 * instruction that caused it. The bytes come from VTL0's memory, which another
 * CPU may have changed since: what does not decode as expected is refused.
 * No byte is read twice, none beyond the given length, none beyond 15.
 *
 * Source: AMD APM vol 3, chapters 1 (encoding) and 3, 4 (instructions).
 */
#ifndef HV_ARCH_X86_INSN_H
#define HV_ARCH_X86_INSN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ovbs_compiler.h"

#define INSN_MAX_LENGTH 15 /* bytes; a longer one raises #GP (APM vol 3, 1.1) */

/* Default sizes of the code segment: 64 if CS.L (with EFER.LMA), else 32 if CS.D, else 16. */
enum cpu_mode {
	CPU_MODE_16 = 16,
	CPU_MODE_32 = 32,
	CPU_MODE_64 = 64,
};

enum mmio_op {
	MMIO_LOAD = 1,  /* register := memory; a 4-byte load clears the register's upper half */
	MMIO_STORE = 2, /* memory := register or immediate */
	MMIO_XCHG = 3,  /* both, atomically */
};

struct mmio_insn {
	enum mmio_op op;
	uint8_t length; /* of the whole instruction, bytes */
	uint8_t size;   /* of the memory operand: 1, 2, 4 or 8 bytes */
	uint8_t reg;    /* 0..15, RAX = 0, as encoded; 0 if immediate */
	bool immediate; /* the source is `value`, not a register */
	uint64_t value; /* sign-extended to 8 bytes if size is 8, else zero-extended */
	/* STOS only, else 0: rDI, as a number of 2, 4 or 8 bytes, goes on by size, or back with RFLAGS.DF. */
	uint8_t di_width;
	bool supported; /* size is 4, the only one that the APIC page allows */
};

/**
 * insn_decode_mmio() - decode a load, store or exchange with memory
 * @bytes: instruction bytes, from CS:rIP on
 * @len: how many of them could be fetched
 * @mode: of the code segment
 * @out: filled on success, zeroed otherwise
 *
 * Known: MOV 88 89 8A 8B C6/0 C7/0 A0-A3, STOS AA AB, XCHG 86 87, each with
 * a memory operand, any segment override, 66, 67 and REX; LOCK with XCHG only.
 * Not known: REP, and a REX that is not the last prefix, which CPUs ignore and
 * no compiler emits. Operand sizes other than 4 decode with `supported` false.
 * For size 1 and no REX, `reg` 4..7 means AH..BH.
 *
 * The operand's address is not computed: the exit reports the physical one.
 *
 * Return: 0, or -EINVAL if truncated, longer than 15 bytes, or not known.
 * Context: any.
 * Source: AMD APM vol 3, 1.2 (prefixes), 1.4 (ModRM and SIB), 1.5, 1.6, and
 * the pages of MOV, STOS and XCHG; Intel SDM vol 3A, 11.4.1 (4-byte accesses).
 */
int __must_check insn_decode_mmio(const uint8_t *bytes, size_t len, enum cpu_mode mode,
				  struct mmio_insn *out);

struct cr_insn {
	uint8_t length;
	uint8_t cr;  /* the control register written: 0 to 15 */
	uint8_t reg; /* the general register it comes from */
	bool lmsw;   /* LMSW, which writes the low bits of CR0 */
};

/**
 * insn_decode_cr() - decode a write to a control register
 * @bytes, @len, @mode: as in insn_decode_mmio()
 * @out: filled on success, zeroed otherwise
 *
 * Known: MOV to CRn (0F 22) and LMSW from a register (0F 01 /6). Refused: LMSW
 * from memory, and LOCK, which makes MOV to CR0 one to CR8 on AMD CPUs.
 *
 * Return: 0, or -EINVAL if truncated, longer than 15 bytes, or not known. Context: any.
 * Source: AMD APM vol 3, MOV (CRn), LMSW.
 */
int __must_check insn_decode_cr(const uint8_t *bytes, size_t len, enum cpu_mode mode, struct cr_insn *out);

/* Instructions whose exit leaves RIP on them. */
enum insn_kind {
	INSN_CPUID,
	INSN_RDMSR,
	INSN_WRMSR,
	INSN_INVD,
	INSN_WBINVD, /* and WBNOINVD, which shares its intercept */
	INSN_VMMCALL,
	INSN_XSETBV,
	INSN_HLT,
	INSN_IN,
	INSN_OUT,
	INSN_INS,
	INSN_OUTS,
};

/**
 * insn_length_known() - length of an instruction whose kind the exit told
 * @bytes: instruction bytes, from CS:rIP on
 * @len: how many of them could be fetched
 * @mode: of the code segment
 * @kind: what the bytes must be
 *
 * Accepts every prefix that CPUs accept or ignore there, in any order: user
 * code may write `rep cpuid`, and that must not be an error. LOCK is one
 * (#UD), and so are 66, F2 and F3 before XSETBV.
 *
 * Return: 1..15, or -EINVAL if the bytes are not that instruction, or are
 * truncated, or are more than 15.
 * Context: any. Needed only where CPUID 8000_000Ah EDX bit 3 (NRIPS) is 0.
 * Source: AMD APM vol 2, 15.7.1 (nRIP); vol 3, 1.2 and the instructions' pages.
 */
int __must_check insn_length_known(const uint8_t *bytes, size_t len, enum cpu_mode mode,
				   enum insn_kind kind);

#endif
