/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Segment registers with their hidden parts, read back from the descriptor
 * table: the CPU itself does not show them.
 */
#ifndef BOOT_SEGMENTS_H
#define BOOT_SEGMENTS_H

#include <stdint.h>

#include <openvbs/boot_info.h>

#include "ovbs_compiler.h"

/**
 * segment_decode() - look a selector up in the GDT
 * @gdt: the table's bytes, any alignment
 * @limit: GDTR.limit, the offset of the last byte
 * @selector: as in the register
 * @out: filled in a VMCB's layout; a null selector gives attributes of 0
 *
 * Return: 0, or -EINVAL (beyond the table, in an LDT, or not present).
 * Source: AMD APM volume 2, 4.7 and 4.8 (descriptors), table B-2 (VMCB).
 * Context: any.
 */
int segment_decode(const void *gdt, uint16_t limit, uint16_t selector, struct ovbs_segment *out) __must_check;

#endif
