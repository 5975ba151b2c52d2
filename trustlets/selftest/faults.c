// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commands that crash the trustlet, if VTL1's walls stand.
 *
 * A handler that gets past its fault returns OVBS_OK, which tells the test that
 * the wall is missing. `volatile` and empty asm keep the compiler from seeing
 * that what is done here makes no sense.
 */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* A pointer that the compiler knows nothing about. */
static void *hide(uintptr_t address)
{
	__asm__ volatile("" : "+r"(address));
	return (void *)address;
}

/*
 * Faults are asked for here on purpose: the CPU is to find them, not a sanitizer
 * that was there first.
 */
#define NO_SANITIZER __attribute__((no_sanitize("address", "undefined"), noinline))

NO_SANITIZER uint32_t selftest_crash_null(struct tl_request *rq, void *session)
{
	*(volatile int *)hide(0) = 1;
	return OVBS_OK;
}

static NO_SANITIZER uint64_t recurse(uint64_t depth)
{
	volatile uint64_t frame[32];

	frame[depth % 32] = depth;
	/* Never true, but only at run time. */
	if (hide(depth) == (void *)UINTPTR_MAX)
		return frame[0];
	return recurse(depth + 1) + frame[depth % 32];
}

uint32_t selftest_crash_stack(struct tl_request *rq, void *session)
{
	return recurse(1) != 0 ? OVBS_OK : OVBS_E_GENERIC;
}

/* Writes past an array up to the canary, and returns. */
static NO_SANITIZER void overrun(size_t by)
{
	char text[16];
	volatile char *p = hide((uintptr_t)text);

	for (size_t i = 0; i < sizeof(text) + by; i++)
		p[i] = 'A';
}

uint32_t selftest_crash_canary(struct tl_request *rq, void *session)
{
	overrun(64);
	return OVBS_OK;
}

uint32_t selftest_loop_forever(struct tl_request *rq, void *session)
{
	for (;;)
		__asm__ volatile("pause");
}

NO_SANITIZER uint32_t selftest_read_address(struct tl_request *rq, void *session)
{
	uint64_t address;
	uint32_t r = tl_value(rq, 0, &address, NULL);

	if (r != OVBS_OK)
		return r;
	return tl_set_value(rq, 1, *(const volatile uint8_t *)hide(address), 0);
}

NO_SANITIZER uint32_t selftest_write_text(struct tl_request *rq, void *session)
{
	volatile uint8_t *code = hide((uintptr_t)&selftest_loop_forever);

	*code = *code;
	return OVBS_OK;
}

/* endbr64; ret */
#define CODE                                                                                       \
	{                                                                                          \
		0xF3, 0x0F, 0x1E, 0xFA, 0xC3                                                       \
	}
static const uint8_t const_code[] = CODE;

static void call(const void *code)
{
	void (*f)(void) = (void (*)(void))hide((uintptr_t)code);

	f();
}

NO_SANITIZER uint32_t selftest_exec_data(struct tl_request *rq, void *session)
{
	static uint8_t static_code[sizeof(const_code)] = CODE;
	uint8_t stack_code[sizeof(const_code)] = CODE;
	uint8_t *heap_code;
	uint64_t where;
	uint32_t r = tl_value(rq, 0, &where, NULL);

	if (r != OVBS_OK)
		return r;
	switch (where) {
	case SELFTEST_DATA_HEAP:
		heap_code = malloc(sizeof(const_code));
		if (heap_code == NULL)
			return OVBS_E_OUT_OF_MEMORY;
		memcpy(heap_code, const_code, sizeof(const_code));
		call(heap_code);
		free(heap_code);
		return OVBS_OK;
	case SELFTEST_DATA_STACK:
		call(stack_code);
		return OVBS_OK;
	case SELFTEST_DATA_STATIC:
		call(static_code);
		return OVBS_OK;
	case SELFTEST_DATA_READ_ONLY:
		call(const_code);
		return OVBS_OK;
	case SELFTEST_DATA_REQUEST:
		memcpy(rq->page.data, const_code, sizeof(const_code));
		call(rq->page.data);
		return OVBS_OK;
	default:
		return OVBS_E_BAD_PARAMETERS;
	}
}

/* One instruction each; none may come back, but SGDT without UMIP. */
NO_SANITIZER uint32_t selftest_privileged(struct tl_request *rq, void *session)
{
	uint64_t which, v = 0;
	uint8_t table[10];
	uint32_t r = tl_value(rq, 0, &which, NULL);

	if (r != OVBS_OK)
		return r;
	switch (which) {
	case SELFTEST_INSN_CLI:
		__asm__ volatile("cli");
		break;
	case SELFTEST_INSN_HLT:
		__asm__ volatile("hlt");
		break;
	case SELFTEST_INSN_READ_CR3:
		__asm__ volatile("mov %%cr3, %0" : "=r"(v));
		break;
	case SELFTEST_INSN_WRITE_CR3:
		__asm__ volatile("mov %0, %%cr3" : : "r"(v) : "memory");
		break;
	case SELFTEST_INSN_RDMSR:
		__asm__ volatile("rdmsr" : "=a"(v) : "c"(0xC0000080) : "rdx");
		break;
	case SELFTEST_INSN_OUT:
		__asm__ volatile("outb %%al, $0x80" : : "a"(0));
		break;
	case SELFTEST_INSN_VMCALL:
		__asm__ volatile("vmcall" : "+a"(v) : "c"(0), "d"(0) : "memory");
		break;
	case SELFTEST_INSN_VMMCALL:
		__asm__ volatile("vmmcall" : "+a"(v) : "c"(0), "d"(0) : "memory");
		break;
	case SELFTEST_INSN_INT80:
		/* 20: getpid() of 32-bit Linux. */
		__asm__ volatile("int $0x80" : "+a"(v) : : "memory", "r8", "r9", "r10", "r11");
		break;
	case SELFTEST_INSN_UD2:
		__asm__ volatile("ud2");
		break;
	case SELFTEST_INSN_INT3:
		__asm__ volatile("int3");
		break;
	case SELFTEST_INSN_DIVIDE:
		__asm__ volatile("divl %k0" : : "r"(0), "a"(1), "d"(0) : "cc");
		break;
	case SELFTEST_INSN_NON_CANONICAL:
		v = *(volatile uint8_t *)hide(1ULL << 63);
		break;
	case SELFTEST_INSN_SGDT:
		__asm__ volatile("sgdt %0" : "=m"(table));
		break;
	default:
		return OVBS_E_BAD_PARAMETERS;
	}
	return OVBS_OK;
}

uint32_t selftest_exit(struct tl_request *rq, void *session)
{
	uint64_t status;
	uint32_t r = tl_value(rq, 0, &status, NULL);

	if (r == OVBS_OK)
		exit((int)status);
	return r;
}
