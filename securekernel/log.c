// SPDX-License-Identifier: GPL-2.0-only
/*
 * The log and the end: see log.h.
 */
#include "log.h"

#include <stdarg.h>
#include <stdbool.h>

#include <format.h>

#include "cpu.h"
#include "hypercall.h"

uint64_t __stack_chk_guard = 0x2E1C0DE5AFE57ACCULL; /* replaced by random_prepare() */
void __stack_chk_fail(void) __noreturn;

void __stack_chk_fail(void)
{
	sk_panic("stack overflow in the secure kernel");
}

static void vlog(const char *fmt, va_list args)
{
	char *line = (char *)sk_this_cpu->line;
	int n = ovbs_vsnprintf(line, sizeof(sk_this_cpu->line), fmt, args);
	size_t room = sizeof(sk_this_cpu->line) - 1;

	hv_log_line(line, (size_t)n < room ? (size_t)n : room);
}

void sk_log(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vlog(fmt, args);
	va_end(args);
}

void sk_log_bounded(uint32_t *left, const char *fmt, ...)
{
	uint32_t n = __atomic_load_n(left, __ATOMIC_RELAXED);
	va_list args;

	while (n && !__atomic_compare_exchange_n(left, &n, n - 1, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
	if (!n)
		return;
	va_start(args, fmt);
	vlog(fmt, args);
	va_end(args);
	if (n == 1)
		sk_log("(no more lines of this kind)");
}

/* HLT in VTL1 is an exit, at which the hypervisor stops every CPU. */
void sk_panic(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vlog(fmt, args);
	va_end(args);
	for (;;)
		asm volatile("hlt");
}

struct kernel_frame {
	uint64_t vector, error, rip, cs, rflags, rsp, ss;
};

void sk_kernel_exception(const struct kernel_frame *f, uint64_t cr2) __noreturn;

void sk_kernel_exception(const struct kernel_frame *f, uint64_t cr2)
{
	sk_panic("exception %llu error %llx rip %llx rsp %llx cr2 %llx",
		 (unsigned long long)f->vector, (unsigned long long)f->error,
		 (unsigned long long)f->rip, (unsigned long long)f->rsp, (unsigned long long)cr2);
}
