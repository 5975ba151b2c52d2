/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The vendor's part of a virtual processor for unit tests on the host: nothing.
 * The tests bring the functions of arch/contract.h that they need themselves.
 */
#ifndef HV_ARCH_FAKE_ARCH_VCPU_H
#define HV_ARCH_FAKE_ARCH_VCPU_H

struct arch_vcpu {
	char unused;
};

#endif
