/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What comes of an exception while another one is being delivered (APM 2, table
 * 8-3; SDM 3, table 6-5).
 */
#ifndef HV_ARCH_X86_EVENT_H
#define HV_ARCH_X86_EVENT_H

#include "x86.h"

enum merged_event {
	MERGED_SECOND,       /* the second one alone */
	MERGED_DOUBLE_FAULT, /* #DF with error code 0 */
	MERGED_SHUTDOWN,
};

/** event_merge - exception @second while vector @first, an exception too, was in delivery. Context: any; pure. */
enum merged_event event_merge(unsigned int first, enum x86_vector second);

#endif
