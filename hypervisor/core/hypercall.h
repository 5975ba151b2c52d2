/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hypercalls (TLFS, Hypercall Interface): one const table, input copied in
 * once, decoded, then committed.
 */
#ifndef HV_CORE_HYPERCALL_H
#define HV_CORE_HYPERCALL_H

#include <openvbs/tlfs.h>

#include "core/cpu.h"

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

#endif
