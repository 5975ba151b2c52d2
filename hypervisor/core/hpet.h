/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The HPET's FSB interrupts: a timer stores a value to an address, both of them
 * VTL0's to choose, and not every IOMMU is on the way. Only the interrupt range
 * may be named.
 */
#ifndef HV_CORE_HPET_H
#define HV_CORE_HPET_H

#include <openvbs/boot_info.h>

#include "core/cpu.h"

/* The chipset can move the registers within these pages (ICH and PCH, RCBA+3404h). */
#define HPET_BYTES 0x4000u

/** hpet_prepare - make the registers read-only for VTL0. 0, or -ENOMEM. Context: PREPARE. */
int hpet_prepare(const struct ovbs_boot_info *info);

/** hpet_start - switch off what was set wrong before. Context: the boot CPU's ENTER, before VTL0 runs. */
void hpet_start(void);

/** hpet_write - VTL0 stored to the HPET's page. False: @g is not in it. Context: host. */
bool hpet_write(struct vcpu *v, struct gpa g);

#endif
