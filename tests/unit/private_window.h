/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A CPU's private window for unit tests: this_cpu is memory of this process.
 * Included before anything of the hypervisor's, once.
 */
#ifndef OVBS_TESTS_PRIVATE_WINDOW_H
#define OVBS_TESTS_PRIVATE_WINDOW_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <openvbs/boot_info.h>
#undef HV_PRIVATE_VA
#define HV_PRIVATE_VA 0x510000000000ULL

#include "core/cpu.h"

static int map_window(void **state)
{
	void *at = mmap((void *)HV_PRIVATE_VA, PRIV_PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	return at == (void *)HV_PRIVATE_VA ? 0 : -1;
}

static struct cpu_shared window_shared;
static uint64_t window_stats[64];

/* CPU @index, as ENTER leaves it; @vtl is the one that runs. */
static struct vcpu *window_begin(uint32_t index, unsigned int vtl)
{
	memset((void *)HV_PRIVATE_VA, 0, PRIV_PAGES * PAGE_SIZE);
	window_shared.stats = window_stats;
	this_cpu->shared = &window_shared;
	this_cpu->index = index;
	for (uint8_t i = 0; i < VTL_COUNT; i++) {
		this_cpu->vtl[i].gpr = this_cpu->gpr;
		this_cpu->vtl[i].vtl = i;
	}
	this_cpu->active = &this_cpu->vtl[vtl];
	return this_cpu->active;
}

#endif
