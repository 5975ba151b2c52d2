// SPDX-License-Identifier: MIT
/*
 * In VTL1: the system calls of the secure kernel.
 *
 * The x86-64 Linux convention (System V ABI, AMD64, A.2.1): RCX and R11 are
 * lost. "memory" is clobbered, because the kernel reads and writes through the
 * pointers that it is given.
 */
#include "backend.h"

static long call2(long number, uint64_t a, uint64_t b)
{
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b)
			 : "rcx", "r11", "memory");
	return result;
}

long tl_backend_receive(struct ovbs_tl_request *r)
{
	return call2(OVBS_TL_REPLY_AND_RECEIVE, (uintptr_t)r, 0);
}

long tl_backend_seal_key(uint8_t key[OVBS_TL_SEAL_KEY_LEN])
{
	return call2(OVBS_TL_SEAL_KEY, (uintptr_t)key, 0);
}

long tl_backend_counter(uint32_t which, uint64_t add)
{
	return call2(OVBS_TL_COUNTER, which, add);
}

long tl_backend_log(const char *text, size_t size)
{
	return call2(OVBS_TL_LOG, (uintptr_t)text, size);
}
