// SPDX-License-Identifier: GPL-2.0-only
/*
 * openvbs_attack.ko: /proc/openvbs_attack. Writing the name of an attack runs
 * it; reading gives its rows. `list` names all attacks, `block N` tells the
 * bytes of the hypervisor's memory (more of the kind: dma.h). For tests only: it does to the machine
 * whatever it can.
 */
#define pr_fmt(fmt) "attack: " fmt

#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/proc_fs.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "attack.h"
#include "dma.h"

#define REPORT_BYTES (2u << 20)

struct report {
	size_t used;
	char text[REPORT_BYTES];
};

static const struct attack *const themes[] = {
	insn_attacks,  regs_attacks,   msr_attacks,  cpuid_attacks, memory_attacks,
	forms_attacks, paging_attacks, apic_attacks, icr_attacks,   ap_attacks,
	power_attacks, pci_attacks,    a20_attacks,  hypercall_attacks,
	message_attacks, protect_attacks, trustlet_attacks, fuzz_attacks, lockdown_attacks, patch_attacks, rights_attacks,
	vars_attacks, dma_attacks, dma_engine_attacks, dma_iommu_attacks, final_attacks,
};

unsigned int wait_divisor = 1;
module_param(wait_divisor, uint, 0);
MODULE_PARM_DESC(wait_divisor, "waits are so many times shorter");

static struct report *report;
static DEFINE_MUTEX(attack_lock);

__printf(2, 0) static void vsay(struct report *r, const char *text, va_list args)
{
	r->used += vscnprintf(r->text + r->used, sizeof(r->text) - r->used, text, args);
}

void say(struct report *r, const char *text, ...)
{
	va_list args;

	va_start(args, text);
	vsay(r, text, args);
	va_end(args);
}

void row(struct report *r, const char *name, const char *outcome, const char *detail, ...)
{
	size_t at = r->used;
	va_list args;

	say(r, "row %s %s ", name, outcome);
	va_start(args, detail);
	vsay(r, detail, args);
	va_end(args);
	say(r, "\n");
	pr_info("%.*s", (int)min_t(size_t, r->used - at, 160), r->text + at);
}

/*
 * Attacks run on CPU 0, where Linux also starts other CPUs from. It takes any
 * error in its APIC's ESR then for a failure, and QEMU never clears that
 * register: an attack that touches APIC registers which do not exist runs on
 * another CPU.
 */
static int run_on_its_cpu(const struct attack *a)
{
	int cpu = a->on_other_cpu && num_online_cpus() > 1 ? 1 : 0;
	int err = set_cpus_allowed_ptr(current, cpumask_of(cpu));

	if (err)
		return err;
	a->run(report);
	return set_cpus_allowed_ptr(current, cpu_possible_mask);
}

static int run(const char *name)
{
	bool list = !strcmp(name, "list");
	const struct attack *a;
	unsigned long long bytes;
	size_t i;

	report->used = 0;
	if (dma_set(name))
		return 0;
	if (sscanf(name, "block %llu", &bytes) == 1) {
		block_set_bytes(bytes);
		return 0;
	}
	for (i = 0; i < ARRAY_SIZE(themes); i++) {
		for (a = themes[i]; a->name; a++) {
			if (list)
				say(report, "%s\n", a->name);
			if (strcmp(a->name, name))
				continue;
			pr_info("%s\n", name);
			return run_on_its_cpu(a);
		}
	}
	return list ? 0 : -ENOENT;
}

static ssize_t attack_write(struct file *file, const char __user *from, size_t n, loff_t *pos)
{
	char name[64];
	int err;

	if (n >= sizeof(name))
		return -EINVAL;
	if (copy_from_user(name, from, n))
		return -EFAULT;
	name[n] = '\0';
	mutex_lock(&attack_lock);
	err = run(strim(name));
	mutex_unlock(&attack_lock);
	return err ?: n;
}

static ssize_t attack_read(struct file *file, char __user *to, size_t n, loff_t *pos)
{
	ssize_t done;

	mutex_lock(&attack_lock);
	done = simple_read_from_buffer(to, n, pos, report->text, report->used);
	mutex_unlock(&attack_lock);
	return done;
}

static const struct proc_ops attack_ops = {
	.proc_read = attack_read,
	.proc_write = attack_write,
	.proc_lseek = default_llseek,
};

static int __init attack_init(void)
{
	int err;

	if (!wait_divisor)
		return -EINVAL;
	report = kvzalloc(sizeof(*report), GFP_KERNEL);
	if (!report)
		return -ENOMEM;
	err = try_start();
	if (!err && !proc_create("openvbs_attack", 0600, NULL, &attack_ops)) {
		err = -ENOMEM;
		try_stop();
	}
	if (err)
		kvfree(report);
	return err;
}

static void __exit attack_exit(void)
{
	remove_proc_entry("openvbs_attack", NULL);
	try_stop();
	dma_free();
	kvfree(report);
}

module_init(attack_init);
module_exit(attack_exit);

MODULE_DESCRIPTION("Attacks on the openvbs hypervisor from ring 0, for its tests");
MODULE_LICENSE("GPL");
