// SPDX-License-Identifier: GPL-2.0-only
/*
 * openvbs.ko: load and unload. Refuses to load where no openvbs runs below, so
 * that a loaded module is itself a statement. VTL1 is not required: without it
 * there is no /dev/openvbs.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>

#include "openvbs.h"
#include "vtl.h"

static struct openvbs_hv hypervisor;

/* Not __init: that memory is freed, and lockdown freezes all code that there is. */
static int openvbs_init(void)
{
	int err = openvbs_discover(&hypervisor);

	if (err)
		return err;
	err = openvbs_power_add();
	if (err)
		goto forget;
	openvbs_vtl_start(); /* without VTL1, and it has said why, all the rest works */
	openvbs_state_load();
	err = openvbs_files_add(&hypervisor);
	if (err)
		goto vtl;
	err = openvbs_device_add();
	if (err)
		goto files;
	pr_info("running under openvbs %u.%u.%u with %u CPUs\n", hypervisor.major, hypervisor.minor,
		hypervisor.build, hypervisor.cpus);
	openvbs_state_log();
	openvbs_integrity_start();
	return 0;
files:
	openvbs_files_remove();
vtl:
	openvbs_vtl_stop();
	openvbs_power_remove();
forget:
	openvbs_forget(&hypervisor);
	return err;
}

static void __exit openvbs_exit(void)
{
	openvbs_device_remove();
	openvbs_files_remove();
	openvbs_vtl_stop();
	openvbs_power_remove();
	openvbs_forget(&hypervisor);
}

module_init(openvbs_init);
module_exit(openvbs_exit);

MODULE_DESCRIPTION("openvbs: status of the hypervisor, trustlets of VTL1, and a guard against unprotected sleep states");
MODULE_VERSION(OPENVBS_MODULE_VERSION);
MODULE_LICENSE("GPL");
