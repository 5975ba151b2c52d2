/* SPDX-License-Identifier: MIT */
/*
 * The commands of selftest, for the tests, attacks and benches that call it.
 *
 * "v" is a value's parameter, "b" a buffer's; the number is its place. Commands
 * that are expected to crash the trustlet answer OVBS_E_TARGET_DEAD; if they
 * come back with OVBS_OK, a wall is missing.
 */
#ifndef OPENVBS_SELFTEST_H
#define OPENVBS_SELFTEST_H

#include "openvbs/vtl_abi.h"

/* 8c2bd2db-6738-42cf-ab34-44a04bfc67cf */
#define SELFTEST_UUID                                                                              \
	{                                                                                          \
		0x8C, 0x2B, 0xD2, 0xDB, 0x67, 0x38, 0x42, 0xCF, 0xAB, 0x34, 0x44, 0xA0, 0x4B,      \
			0xFC, 0x67, 0xCF                                                           \
	}

enum selftest_command {
	/*
	 * Any types. VALUE_INOUT: both numbers inverted. VALUE_OUT: those of the
	 * first VALUE_IN, else (its place, the types). BUFFER_INOUT: each byte
	 * inverted. BUFFER_OUT: the bytes of the first BUFFER_IN, or full of its place + 1.
	 */
	SELFTEST_ECHO = 1,

	/* Faults. Each is a crash. */
	SELFTEST_CRASH_NULL = 2,   /* writes to address 0 */
	SELFTEST_CRASH_STACK = 3,  /* recursion without end */
	SELFTEST_LOOP_FOREVER = 4, /* until the budget is spent */
	SELFTEST_READ_ADDRESS = 5, /* v0 in: address; v1 out: the byte there. A crash unless it is its own */
	SELFTEST_WRITE_TEXT = 6,   /* overwrites its own code */
	SELFTEST_EXEC_DATA = 7,    /* v0 in: enum selftest_data; calls code that it wrote there */
	SELFTEST_CRASH_CANARY = 8, /* overwrites its own stack protector: ends by abort() */
	SELFTEST_PRIVILEGED = 9,   /* v0 in: enum selftest_instruction */
	SELFTEST_EXIT = 10,        /* v0 in: status; exit() instead of an answer */

	/* Limits and system calls. */
	SELFTEST_EXHAUST_MEMORY = 16, /* v0 inout: in: at most so many KiB (0: until NULL); out: KiB that were there */
	SELFTEST_MPROTECT_WX = 17, /* v0 in: enum selftest_mapping; v1 out: 0 or -errno */
	SELFTEST_SYSCALL = 18, /* v0 in: number, first argument (others are 0); v1 out: raw result */
	SELFTEST_FILL_REGISTERS = 19, /* the reply leaves SELFTEST_PATTERN in all registers that it can */
	SELFTEST_ADDRESSES = 20,     /* v0 out: main(), stack; v1 out: heap, static data */
	SELFTEST_RANDOM = 21,        /* b0 out: random bytes */
	SELFTEST_MALLOC_STRESS = 22, /* v0 in: seed, rounds; v1 out: bytes at the most, checks made */
	SELFTEST_WORK = 23, /* v0 in: ms (0: see b), iterations; v1 out: iterations done, ns. "Sleepless work" */

	/* Services and cryptography. */
	SELFTEST_SEAL = 32,    /* b0 in: associated data; b1 in: plain; b2 out: blob */
	SELFTEST_UNSEAL = 33,  /* b0 in: associated data; b1 in: blob; b2 out: plain */
	SELFTEST_COUNTER = 34, /* v0 in: which, add; v1 out: new value */
	SELFTEST_SIGN_ED25519 = 35, /* v0 in: how many times; b1 in: message; b2 out: signature (64); b3 out: public key (32) */
	SELFTEST_SIGN_P256 = 36, /* likewise, of SHA-256; signature r, s (64); public key uncompressed (65) */
	SELFTEST_CRYPTO_VECTORS = 37, /* v0 out: bits of enum selftest_vector that failed, bits that ran */
	SELFTEST_LOG = 38,            /* b0 in: text */
};

enum selftest_data {
	SELFTEST_DATA_HEAP = 0,
	SELFTEST_DATA_STACK = 1,
	SELFTEST_DATA_STATIC = 2,
	SELFTEST_DATA_READ_ONLY = 3, /* constants */
	SELFTEST_DATA_REQUEST = 4,   /* the page of the request */
};

enum selftest_instruction {
	SELFTEST_INSN_CLI = 0,
	SELFTEST_INSN_HLT = 1,
	SELFTEST_INSN_READ_CR3 = 2,
	SELFTEST_INSN_WRITE_CR3 = 3,
	SELFTEST_INSN_RDMSR = 4, /* EFER */
	SELFTEST_INSN_OUT = 5,   /* port 0x80 */
	SELFTEST_INSN_VMCALL = 6,
	SELFTEST_INSN_VMMCALL = 7,
	SELFTEST_INSN_INT80 = 8, /* the 32-bit system call */
	SELFTEST_INSN_UD2 = 9,
	SELFTEST_INSN_INT3 = 10,
	SELFTEST_INSN_DIVIDE = 11,        /* by zero */
	SELFTEST_INSN_NON_CANONICAL = 12, /* reads 0x8000000000000000 */
	SELFTEST_INSN_SGDT = 13,          /* with UMIP a crash, else the answer is OVBS_OK */
};

enum selftest_mapping {
	SELFTEST_MAP_RWX = 0,          /* mmap() of writable and executable memory */
	SELFTEST_MAP_RX = 1,           /* mmap() of executable memory */
	SELFTEST_PROTECT_RWX = 2,      /* mprotect() of data to RWX */
	SELFTEST_PROTECT_RX = 3,       /* of data that was written to R-X */
	SELFTEST_PROTECT_TEXT_RWX = 4, /* of code to RWX */
	SELFTEST_PROTECT_CONST_RX = 5, /* of constants to R-X */
	SELFTEST_PROTECT_FOREIGN = 6,  /* of memory that it does not have */
	SELFTEST_MAP_FIXED_TEXT = 7,   /* mmap(MAP_FIXED, RW) over its code */
	SELFTEST_MAP_KERNEL = 8,       /* mmap(MAP_FIXED, RW) in the upper half */
	SELFTEST_UNMAP_KERNEL = 9,     /* munmap() in the upper half */
};

enum selftest_vector {
	SELFTEST_VECTOR_ED25519 = 1, /* RFC 8032, 7.1, test 1 */
	SELFTEST_VECTOR_P256 = 2,    /* RFC 6979, A.2.5, SHA-256, "sample" */
	SELFTEST_VECTOR_SEAL = 4,    /* a blob opens, and not after each of its bits was flipped */
};

/* In all general registers but RAX, RCX, RDI, RSP and R11, and twice in XMM0 to XMM15. */
#define SELFTEST_PATTERN 0x5EC2E7D1A7A5F00DULL

#define SELFTEST_WORK_MAX_MS 60000u

#endif
