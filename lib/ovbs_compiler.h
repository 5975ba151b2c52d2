/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Attributes and small macros that every image shares.
 *
 * gcc and clang both, ELF and PE targets both. Nothing here emits code by
 * itself but ovbs_opaque(). Each name is guarded, because a world's own headers
 * (the kernel's, gnu-efi's) may have it already with the same meaning.
 */
#ifndef OVBS_COMPILER_H
#define OVBS_COMPILER_H

/* Linux defines its own without a guard: they must come first, not later. */
#ifdef __KERNEL__
#include <linux/compiler.h>
#include <linux/kernel.h>
#endif

/* The caller must look at the result: an ignored error is a hole. */
#ifndef __must_check
#define __must_check __attribute__((__warn_unused_result__))
#endif

/* printf-like: `fmt` and `args` are the 1-based positions; args is 0 for a va_list. */
#ifndef __printf
#define __printf(fmt, args) __attribute__((__format__(__printf__, fmt, args)))
#endif

#ifndef __noreturn
#define __noreturn __attribute__((__noreturn__))
#endif

#ifndef __packed
#define __packed __attribute__((__packed__))
#endif

#ifndef __aligned
#define __aligned(n) __attribute__((__aligned__(n)))
#endif

#ifndef __maybe_unused
#define __maybe_unused __attribute__((__unused__))
#endif

#ifndef likely
#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#endif

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#endif

/*
 * The compiler forgets what it knows of the variable `v`. In a loop it keeps
 * gcc and clang from recognising, for instance, the body of memset() as a
 * memset() and calling it: -ffreestanding alone does not stop gcc from that.
 */
#define ovbs_opaque(v) __asm__ volatile("" : "+r"(v))

#endif
