/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What linux/logfile.c needs of the kernel, for the test on the host.
 */
#ifndef RING_HOST_H
#define RING_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint32_t u32;
typedef uint64_t u64;

#define min(a, b)           ((a) < (b) ? (a) : (b))
#define min_t(type, a, b)   min((type)(a), (type)(b))
#define READ_ONCE(x)        __atomic_load_n(&(x), __ATOMIC_RELAXED)
#define smp_load_acquire(p) __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define smp_rmb()           __atomic_thread_fence(__ATOMIC_ACQUIRE)

#endif
