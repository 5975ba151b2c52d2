// SPDX-License-Identifier: GPL-2.0-only
/*
 * The one function that LKDTM needs and a kernel without LKDTM does not export.
 * Its case UNSET_SMEP looks for an instruction in it.
 */
#include <linux/init.h>
#include <linux/kprobes.h>

extern void (*lkdtm_write_cr4)(unsigned long value); /* in bugs.c, by the flags in Kbuild */
void __init lkdtm_bugs_init(int *recur);
void __init lkdtm_symbols_init(int *recur);

/* Called in place of lkdtm_bugs_init(). A probe that is never armed tells where the function is. */
void __init lkdtm_symbols_init(int *recur)
{
	struct kprobe probe = { .symbol_name = "native_write_cr4", .flags = KPROBE_FLAG_DISABLED };

	if (!register_kprobe(&probe)) {
		lkdtm_write_cr4 = (void *)probe.addr;
		unregister_kprobe(&probe);
	}
	lkdtm_bugs_init(recur);
}
