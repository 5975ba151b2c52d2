// SPDX-License-Identifier: GPL-2.0-only
/* See permission.h. */
#include "arch/x86/permission.h"

#include <ovbs_errno.h>

#include "x86.h"
#include "core/log.h"

void port_map_set(uint8_t *map, uint16_t port, unsigned int size, bool on)
{
	for (unsigned int p = port; p < (unsigned int)port + size && p < 0x10000; p++) {
		uint8_t bit = (uint8_t)(1u << p % 8);

		if (on)
			__atomic_or_fetch(&map[p / 8], bit, __ATOMIC_RELEASE);
		else
			__atomic_and_fetch(&map[p / 8], (uint8_t)~bit, __ATOMIC_RELEASE);
	}
}

int msr_keep(uint32_t msr, uint64_t value)
{
	uint64_t old;

	if (!rdmsr_safe(msr, &old) && old == value)
		return 0;
	hv_log_denied("MSR %x: %llx -> %llx refused: it decides where memory is", msr,
		      (unsigned long long)old, (unsigned long long)value);
	return -EPERM;
}

bool efer_exists(uint64_t value, uint64_t ours)
{
	uint64_t host = rdmsr(MSR_EFER), test = value | ours;
	bool ok = !wrmsr_safe(MSR_EFER, test) && rdmsr(MSR_EFER) == test;

	wrmsr(MSR_EFER, host);
	return ok;
}
