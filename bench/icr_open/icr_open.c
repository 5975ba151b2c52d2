// SPDX-License-Identifier: GPL-2.0-only
/*
 * icr_open.ko: asks a debug build of the hypervisor, started with the setting
 * `icr=open`, to drop its trap of the interrupt command register, as it does
 * by itself on CPUs that hold INIT (docs/architecture.md). For `make bench`
 * only: INIT is not held afterwards. Loading fails where it is not allowed.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/errno.h>
#include <linux/module.h>
#include <asm/asm.h>

#define BENCH_OPEN_ICR 0x6E65706F52434900ULL /* hypervisor/core/exits.c */

static int __init icr_open_init(void)
{
	u64 answer = BENCH_OPEN_ICR;

	/* Without the hypervisor, or in a release build, VMMCALL is #UD: the answer then stays what was asked. */
	asm volatile("1: vmmcall\n2:\n" _ASM_EXTABLE(1b, 2b) : "+a"(answer) : : "memory", "cc");
	if (answer) {
		pr_err("refused: this needs a debug build of openvbs, and icr=open in its openvbs.conf\n");
		return -EPERM;
	}
	pr_info("the ICR is open\n");
	return 0;
}

static void __exit icr_open_exit(void)
{
}

module_init(icr_open_init);
module_exit(icr_open_exit);

MODULE_DESCRIPTION("Bench only: let the hypervisor drop its ICR trap");
MODULE_LICENSE("GPL");
