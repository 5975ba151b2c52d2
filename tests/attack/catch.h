/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Catching exceptions in ring 0 without the help of the system that runs
 * there: the same code serves the kernel module and the EFI program. The
 * caller, with interrupts off, loads an IDT that lies in a struct catch; every
 * exception taken while catch_call() runs its function ends that function and
 * is recorded. The handlers find the struct by SIDT, because the IDT is its
 * first member, so each CPU can have its own.
 *
 * Limits: GDT, TR and the stack (or IST 1) must be usable when the exception
 * comes. Vectors that the caller wants to go elsewhere (NMI, #MC, #BP) it
 * copies from the system's own IDT.
 */
#ifndef ATTACK_CATCH_H
#define ATTACK_CATCH_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdint.h>
#endif

#define CATCH_IDT_BYTES  4096
#define CATCH_STUB_BYTES 16
#define CATCH_STUBS      32

struct catch_gate {
	uint16_t offset_low;
	uint16_t selector;
	uint8_t ist;
	uint8_t type; /* 0x8E: present, DPL 0, interrupt gate */
	uint16_t offset_mid;
	uint32_t offset_high;
	uint32_t zero;
};

/* catch.S knows the order from `rsp` on. */
struct catch
{
	struct catch_gate idt[256];
	uint64_t rsp;    /* of catch_call(), to come back to */
	uint64_t vector; /* what was caught */
	uint64_t error;
	uint64_t rip;
	uint64_t cr2;
	uint64_t rflags;
};

struct catch_table_register {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));
_Static_assert(sizeof(struct catch_table_register) == 10, "operand of LIDT");
_Static_assert(sizeof(struct catch_gate) == 16, "APM 2, figure 4-24");

extern const char catch_stubs[];

/**
 * catch_call - run fn(arg); 0: it returned, 1: an exception ended it (see the struct)
 *
 * The calling CPU's IDTR is catch->idt, interrupts are off. Both calls are
 * System V. CR3 and the like are the caller's to restore.
 */
__attribute__((sysv_abi)) int catch_call(struct catch *c,
					 __attribute__((sysv_abi)) void (*fn)(void *), void *arg);

static inline void catch_gate_set(struct catch *c, unsigned int vector, uint16_t cs, uint8_t ist)
{
	uint64_t to = (uint64_t)(uintptr_t)catch_stubs + vector * CATCH_STUB_BYTES;

	c->idt[vector].offset_low = (uint16_t)to;
	c->idt[vector].selector = cs;
	c->idt[vector].ist = ist;
	c->idt[vector].type = 0x8E;
	c->idt[vector].offset_mid = (uint16_t)(to >> 16);
	c->idt[vector].offset_high = (uint32_t)(to >> 32);
	c->idt[vector].zero = 0;
}

static inline void catch_idt_load(const struct catch_table_register *r)
{
	__asm__ volatile("lidt %0" : : "m"(*r));
}

static inline void catch_idt_store(struct catch_table_register *r)
{
	__asm__ volatile("sidt %0" : "=m"(*r));
}

#endif
