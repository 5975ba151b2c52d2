/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hypercalls (TLFS, Hypercall Interface): one const table, input copied in
 * once, decoded, then committed.
 */
#ifndef HV_CORE_HYPERCALL_H
#define HV_CORE_HYPERCALL_H

#include <openvbs/tlfs.h>

#include "core/cpu.h"
#include "mm/slat.h"

/** hypercall - the one that @v's registers ask for; sets RAX and goes on behind it. Context: host, GIF clear; 64-bit mode, CPL 0. */
void hypercall(struct vcpu *v);

/* Handlers: @in is the copied input, element @rep of a rep hypercall being done; header and element as the table says. */
struct hc_input {
	struct vcpu *v;
	const void *header;
	const void *element; /* of a rep hypercall */
	void *out;           /* the element's output */
	uint64_t rdx, r8;    /* of a fast hypercall */
};

enum hv_status hc_get_vp_register(const struct hc_input *in);
enum hv_status hc_set_vp_register(const struct hc_input *in);

/** hc_rights_of_flags, hc_flags_of_rights - HV_MAP_GPA_* as SLAT_*, and back. */
static inline unsigned int hc_rights_of_flags(uint32_t flags)
{
	return (flags & HV_MAP_GPA_READABLE ? SLAT_R : 0) | (flags & HV_MAP_GPA_WRITABLE ? SLAT_W : 0) |
	       (flags & HV_MAP_GPA_KERNEL_EXECUTABLE ? SLAT_X : 0) |
	       (flags & HV_MAP_GPA_USER_EXECUTABLE ? SLAT_U : 0);
}

static inline uint32_t hc_flags_of_rights(unsigned int rights)
{
	return (rights & SLAT_R ? HV_MAP_GPA_READABLE : 0) | (rights & SLAT_W ? HV_MAP_GPA_WRITABLE : 0) |
	       (rights & SLAT_X ? HV_MAP_GPA_KERNEL_EXECUTABLE : 0) |
	       (rights & SLAT_U ? HV_MAP_GPA_USER_EXECUTABLE : 0);
}

#endif
