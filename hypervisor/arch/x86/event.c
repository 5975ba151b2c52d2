// SPDX-License-Identifier: GPL-2.0-only
/* See event.h. */
#include "arch/x86/event.h"

static bool contributory(unsigned int vector)
{
	return vector == VEC_DE || (vector >= VEC_TS && vector <= VEC_GP);
}

enum merged_event event_merge(unsigned int first, enum x86_vector second)
{
	if (first == VEC_DF)
		return MERGED_SHUTDOWN;
	if ((contributory(first) || first == VEC_PF) &&
	    (contributory(second) || (first == VEC_PF && second == VEC_PF)))
		return MERGED_DOUBLE_FAULT;
	return MERGED_SECOND;
}
