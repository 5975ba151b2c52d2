// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sleep states under openvbs. S3 and S1 go through firmware, which wakes the
 * CPUs outside of the hypervisor; a hibernated system would be resumed on
 * memory that nobody protects. Both are refused with their reason. s2idle
 * keeps the CPUs where they are and stays allowed.
 *
 * Linux calls the PM notifiers before it says which suspend state is meant
 * (pm_suspend_target_state is set later, 6.1 and 6.12 alike), so suspend is
 * refused in the prepare step of a device of our own, which comes first among
 * what can tell; hibernation in the notifier.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/errno.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/platform_device.h>
#include <linux/pm.h>
#include <linux/suspend.h>

#include "openvbs.h"

static int openvbs_prepare(struct device *dev)
{
	suspend_state_t target = pm_suspend_target_state;

	if (target != PM_SUSPEND_MEM && target != PM_SUSPEND_STANDBY)
		return 0;
	pr_warn("sleep state %s is not supported under openvbs; use s2idle or power off\n",
		target == PM_SUSPEND_MEM ? "S3" : "S1");
	return -EOPNOTSUPP;
}

static const struct dev_pm_ops openvbs_pm_ops = {
	.prepare = openvbs_prepare,
};

static struct platform_driver openvbs_driver = {
	.driver = {
		.name = "openvbs",
		.pm = &openvbs_pm_ops,
		.suppress_bind_attrs = true,
	},
};

static struct platform_device *openvbs_device;

static int openvbs_pm_notify(struct notifier_block *nb, unsigned long event, void *unused)
{
	switch (event) {
	case PM_HIBERNATION_PREPARE:
		pr_warn("hibernation is not supported under openvbs: the machine would resume on unprotected memory; power off instead\n");
		return NOTIFY_BAD;
	case PM_RESTORE_PREPARE:
		pr_warn("resuming from a hibernation image is not supported under openvbs: boot normally instead\n");
		return NOTIFY_BAD;
	default:
		return NOTIFY_DONE;
	}
}

static struct notifier_block openvbs_pm_nb = {
	.notifier_call = openvbs_pm_notify,
};

int openvbs_power_add(void)
{
	int err = platform_driver_register(&openvbs_driver);

	if (err)
		return err;
	openvbs_device = platform_device_register_simple("openvbs", PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(openvbs_device)) {
		err = PTR_ERR(openvbs_device);
		goto driver;
	}
	err = register_pm_notifier(&openvbs_pm_nb);
	if (err)
		goto device;
	return 0;
device:
	platform_device_unregister(openvbs_device);
driver:
	platform_driver_unregister(&openvbs_driver);
	return err;
}

void openvbs_power_remove(void)
{
	unregister_pm_notifier(&openvbs_pm_nb);
	platform_device_unregister(openvbs_device);
	platform_driver_unregister(&openvbs_driver);
}
