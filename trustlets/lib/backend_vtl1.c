// SPDX-License-Identifier: MIT
/*
 * In VTL1: the system calls of the secure kernel.
 *
 * The x86-64 Linux convention (System V ABI, AMD64, A.2.1): RCX and R11 are
 * lost. "memory" is clobbered, because the kernel reads and writes through the
 * pointers that it is given.
 */
#include "backend.h"
#include "backend_ci.h"

static long call4(long number, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	register uint64_t r10 __asm__("r10") = d;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
			 : "rcx", "r11", "memory");
	return result;
}

static long call2(long number, uint64_t a, uint64_t b)
{
	return call4(number, a, b, 0, 0);
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

long tl_ci_copy(uint64_t va, void *to, size_t n)
{
	return call4(OVBS_TL_GUEST_COPY, va, (uintptr_t)to, n, 0);
}

long tl_ci_frozen(uint64_t va, void *to, size_t n)
{
	return call4(OVBS_TL_GUEST_FROZEN, va, (uintptr_t)to, n, 0);
}

long tl_ci_locked(void)
{
	return call2(OVBS_TL_LOCKED, 0, 0);
}

long tl_ci_module_new(void)
{
	return call2(OVBS_TL_MODULE_NEW, 0, 0);
}

long tl_ci_module_freeze(uint64_t module, uint64_t va, uint64_t pages, enum ovbs_tl_pages what)
{
	return call4(OVBS_TL_MODULE_FREEZE, module, va, pages, what);
}

long tl_ci_module_sites(uint64_t module, const struct ovbs_tl_site *site, uint32_t n)
{
	return call4(OVBS_TL_MODULE_SITES, module, (uintptr_t)site, n, 0);
}

long tl_ci_module_functions(uint64_t module, const uint64_t *address, uint32_t n)
{
	return call4(OVBS_TL_MODULE_FUNCTIONS, module, (uintptr_t)address, n, 0);
}

long tl_ci_module_grant(uint64_t module)
{
	return call2(OVBS_TL_MODULE_GRANT, module, 0);
}

long tl_ci_module_live(uint64_t module)
{
	return call2(OVBS_TL_MODULE_LIVE, module, 0);
}

long tl_ci_module_gone(uint64_t module)
{
	return call2(OVBS_TL_MODULE_GONE, module, 0);
}
