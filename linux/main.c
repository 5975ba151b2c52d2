// SPDX-License-Identifier: GPL-2.0-only
/*
 * openvbs.ko: load and unload. Refuses to load where no openvbs runs below, so
 * that a loaded module is itself a statement.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>

#include "openvbs.h"

static struct openvbs_hv hypervisor;

static int __init openvbs_init(void)
{
	int err = openvbs_discover(&hypervisor);

	if (err)
		return err;
	err = openvbs_power_add();
	if (err)
		goto forget;
	err = openvbs_files_add(&hypervisor);
	if (err)
		goto power;
	pr_info("running under openvbs %u.%u.%u with %u CPUs\n", hypervisor.major, hypervisor.minor,
		hypervisor.build, hypervisor.cpus);
	return 0;
power:
	openvbs_power_remove();
forget:
	openvbs_forget(&hypervisor);
	return err;
}

static void __exit openvbs_exit(void)
{
	openvbs_files_remove();
	openvbs_power_remove();
	openvbs_forget(&hypervisor);
}

module_init(openvbs_init);
module_exit(openvbs_exit);

MODULE_DESCRIPTION("Status of the openvbs hypervisor, and a guard against unprotected sleep states");
MODULE_VERSION(OPENVBS_MODULE_VERSION);
MODULE_LICENSE("GPL");
