/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A ticket lock: fair, so that a busy CPU can't starve another. Held only with
 * GIF clear and only for short, bounded work; the order is in core/cpu.h.
 */
#ifndef HV_CORE_LOCK_H
#define HV_CORE_LOCK_H

#include <stdint.h>

struct lock {
	uint32_t next;
	uint32_t serving;
};

static inline void lock_take(struct lock *l)
{
	uint32_t me = __atomic_fetch_add(&l->next, 1, __ATOMIC_RELAXED);

	while (__atomic_load_n(&l->serving, __ATOMIC_ACQUIRE) != me)
		asm volatile("pause" : : : "memory");
}

static inline void lock_release(struct lock *l)
{
	__atomic_store_n(&l->serving, l->serving + 1, __ATOMIC_RELEASE);
}

#endif
