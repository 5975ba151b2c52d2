/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of the EFI attack program share. */
#ifndef ATTACK_EFI_H
#define ATTACK_EFI_H

#include <efi.h>
#undef __attribute__ /* efi.h swallows attributes: packed, aligned, sysv_abi */

#include <stdint.h>

#define NOTHING (-1)

typedef __attribute__((sysv_abi)) void (*try_fn)(void *arg);

struct attack {
	EFI_SYSTEM_TABLE *st;
	uint64_t start, end; /* of the block; equal: there is none */
	uint64_t log, log_bytes, stats, stats_bytes;
	uint64_t code; /* the hypercall page: it may be read and run */
	uint64_t reported_bytes; /* by the status table */
};

struct msr {
	uint32_t number;
	uint64_t value;
};

/* Formatted text on the console, up to 200 characters. */
void print(struct attack *a, const char *fmt, ...);

/* "#UD" and the like, "ok" for NOTHING. */
const char *name_of(int vector);

/* Run fn(arg) with interrupts off on our IDT; the vector that ended it, or NOTHING. */
int try_it(try_fn fn, void *arg);

/* For try_it(), with a struct msr. */
static inline __attribute__((sysv_abi)) void msr_read(void *arg)
{
	struct msr *m = arg;
	uint32_t lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(m->number));
	m->value = lo | (uint64_t)hi << 32;
}

static inline __attribute__((sysv_abi)) void msr_write(void *arg)
{
	const struct msr *m = arg;

	__asm__ volatile("wrmsr"
			 :
			 : "c"(m->number), "a"((uint32_t)m->value), "d"((uint32_t)(m->value >> 32))
			 : "memory");
}

/* features.c: instructions that a control can take away, and state that XRSTORS would write past it. */
void feature_rows(struct attack *a);

#endif
