// SPDX-License-Identifier: GPL-2.0-only
/*
 * VTL0's part of memory integrity: tells VTL1 which pages are the kernel's code
 * and constants, and where the kernel patches its own text; then asks for
 * lockdown. From the initramfs, where the kernel is as trusted as its boot
 * chain. Nothing here protects anything: VTL1 does, from then on.
 *
 * What is asked for is checked before the first page is frozen: a frozen kernel
 * that VTL1 has no table of sites for dies at its next jump label.
 *
 * Lock order: memory of modules (integrity_memory_hold()), ftrace_lock,
 * cpus_read_lock(), text_mutex; module_mutex alone.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpu.h>
#include <linux/gfp.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/smp.h>

#include "hypercall.h"
#include "integrity.h"
#include "integrity_trustlet.h"
#include "openvbs.h"
#include "vtl.h"

static bool integrity;
module_param(integrity, bool, 0444);
MODULE_PARM_DESC(integrity, "lock the kernel's code down at load; modules that come later are judged by VTL1");

static struct {
	u64 code_pages, data_pages;
	u32 sites[KINDS];
	unsigned int keys, revoked;
	const char *state, *modules;
} report = { .state = "off", .modules = "not judged" };

/* ---- messages ----------------------------------------------------------- */

static DEFINE_MUTEX(page_lock);
static struct openvbs_page *page;

int integrity_send(u32 op, u32 types, struct ovbs_param first, struct ovbs_param second)
{
	int err;

	mutex_lock(&page_lock);
	openvbs_msg_begin(&page->msg, op, 0, 0);
	page->msg.types = types;
	page->msg.param[0] = first;
	page->msg.param[1] = second;
	err = openvbs_exchange(page, sizeof(*page), false);
	if (!err && page->msg.result != OVBS_OK)
		pr_err("integrity: VTL1 refuses message %u: %#x\n", op, page->msg.result);
	err = err ?: openvbs_result_errno(page->msg.result);
	mutex_unlock(&page_lock);
	return err;
}

/* What VTL1 counts: docs/abi.md. */
static int count(struct ovbs_param counts[OVBS_PARAMS])
{
	int err;

	mutex_lock(&page_lock);
	openvbs_msg_begin(&page->msg, OVBS_MSG_INTEGRITY, 0, 0);
	page->msg.types = OVBS_PARAM_TYPES(OVBS_PARAM_VALUE_OUT, OVBS_PARAM_VALUE_OUT, OVBS_PARAM_VALUE_OUT,
					   OVBS_PARAM_VALUE_OUT);
	err = openvbs_exchange(page, sizeof(*page), false) ?: openvbs_result_errno(page->msg.result);
	memcpy(counts, page->msg.param, sizeof(page->msg.param));
	mutex_unlock(&page_lock);
	return err;
}

/* ---- the trustlet that judges modules ----------------------------------- */

static bool judge; /* it is there, and has all that it needs so far */

/* What is missing costs modules, not lockdown. */
static void without_judge(const char *what, int err)
{
	report.modules = "refused";
	judge = false;
	pr_err("integrity: %s: %d: no module can be loaded after lockdown\n", what, err);
}

static void prepare_judge(void)
{
	int err = integrity_trustlet_open();

	if (err) {
		without_judge("VTL1 has no trustlet that judges modules", err);
		return;
	}
	judge = true;
	err = integrity_keys_tell(&report.keys, &report.revoked);
	if (err)
		without_judge("VTL1 does not take the kernel's keys", err);
}

/* Constants are frozen, and the kernel is believed for the last time. */
static void instruct_judge(void)
{
	int err;

	if (!judge)
		return;
	err = integrity_kernel_tell() ?: integrity_exports_tell() ?: integrity_tell(OVBS_CI_CLOSE);
	if (err)
		without_judge("VTL1 can't judge this kernel's modules", err);
}

/* Linux refuses files without a signature itself, which VTL1 would never see. */
static void enforce_signatures(void)
{
	void (*enforce)(void) = (void *)integrity_lookup("set_module_sig_enforced");

	if (enforce)
		enforce();
}

static void admit_modules(void)
{
	if (!judge)
		return;
	enforce_signatures();
	integrity_modules_admit();
	report.modules = "judged";
}

/* ---- lockdown ----------------------------------------------------------- */

/* After lockdown VTL1 pins the registers of each CPU when it sees it. */
static void enter_vtl1(void *unused)
{
	openvbs_vtl_call(0, 0); /* no operation: not the message that happens to be in this CPU's page */
}

/* Lock prefixes that Linux took out for one CPU come back with the second: VTL1 has no table of vmlinux's. */
static int second_cpu_would_patch(void)
{
	const bool *patched = (const bool *)integrity_lookup("uniproc_patched");

	if (!patched || !READ_ONCE(*patched) || num_possible_cpus() == 1)
		return 0;
	pr_err("integrity: this kernel was started with one CPU of %u, and patches itself when another comes: not locked down\n",
	       num_possible_cpus());
	return -EBUSY;
}

static int freeze_and_tell(void)
{
	const struct ovbs_param none = {};
	const void *functions;
	u64 bytes;
	int err = second_cpu_would_patch() ?: integrity_code(true, &report.code_pages) ?:
		  integrity_sites_look(report.sites) ?: integrity_modsites_look();

	if (err)
		return err;
	functions = integrity_functions(&bytes);
	err = integrity_code(false, &report.code_pages) ?: integrity_data(functions, bytes, &report.data_pages) ?:
	      integrity_sites_send() ?: integrity_modsites_send();
	if (err)
		return err;
	instruct_judge();
	err = integrity_send(OVBS_MSG_LOCKDOWN, 0, none, none);
	if (err)
		return err;
	integrity_sites_fence();
	on_each_cpu(enter_vtl1, NULL, 1);
	return 0;
}

/*
 * Nobody patches between the look at the sites and lockdown, and no CPU comes or
 * goes. By the kernel's own locks, which keep out those who patch and nobody
 * else: stop_machine() would hold everybody up for half a second, and messages
 * may sleep.
 */
static int lock_down(void)
{
	struct mutex *text = (void *)integrity_at[TEXT_MUTEX], *ftrace = (void *)integrity_at[FTRACE_LOCK];
	int err;

	integrity_memory_hold();
	mutex_lock(ftrace);
	cpus_read_lock();
	mutex_lock(text);
	err = freeze_and_tell();
	mutex_unlock(text);
	cpus_read_unlock();
	mutex_unlock(ftrace);
	if (integrity_frozen())
		integrity_gate_settle();
	integrity_memory_go_on();
	return err;
}

/* BPF that is compiled from now on could not run, but by the interpreter; what is compiled already goes on. */
static void stop_jit(void)
{
	int *enable = (void *)integrity_lookup("bpf_jit_enable");

	if (enable && READ_ONCE(*enable)) {
		WRITE_ONCE(*enable, 0);
		pr_info("integrity: net.core.bpf_jit_enable is 0 now\n");
	}
}

static int start(void)
{
	int err = integrity_names_find() ?: integrity_pages_alloc() ?: integrity_functions_find();

	err = err ?: integrity_gate_close();
	if (err)
		goto functions;
	prepare_judge();
	err = lock_down();
	if (!err)
		admit_modules();
	if (!err || integrity_frozen())
		return err;
	integrity_trustlet_close();
	integrity_gate_open();
functions:
	integrity_functions_free();
	integrity_pages_free();
	return err;
}

static void say_how_it_went(int err)
{
	unsigned int i;

	if (err) {
		pr_err("integrity: %d: not locked down%s\n", err,
		       integrity_frozen() ? ", but text is frozen: the kernel can't patch itself any more, reboot" : "");
		return;
	}
	pr_info("integrity: locked down: %llu pages of code, %llu of constants\n", report.code_pages, report.data_pages);
	for (i = 0; i < KINDS; i++)
		pr_info("integrity: %s: %u\n", integrity_kinds[i], report.sites[i]);
	pr_info("integrity: modules from now on: %s, by %u keys and %u revocations\n", report.modules, report.keys,
		report.revoked);
}

void openvbs_integrity_start(void)
{
	int err;

	if (!integrity)
		return;
	report.state = "not locked down";
	if (!openvbs_vtl_there()) {
		pr_err("integrity: there is no VTL1: not locked down\n");
		return;
	}
	page = (void *)get_zeroed_page(GFP_KERNEL); /* for as long as the module is here, which is until reset */
	err = page ? start() : -ENOMEM;
	if (!err) {
		report.state = "locked down";
		stop_jit();
	} else if (integrity_frozen()) {
		report.state = "frozen, not locked down";
	} else {
		free_page((unsigned long)page);
	}
	say_how_it_went(err);
}

static void show_counts(struct seq_file *m)
{
	struct ovbs_param n[OVBS_PARAMS];
	int err = count(n);

	if (err) {
		seq_printf(m, "Counters: not read (%d)\n", err);
		return;
	}
	seq_printf(m, "Patches: %llu\nPatchesRefused: %llu\nExecutionsRefused: %llu\nWritesRefused: %llu\n", n[0].a,
		   n[0].b, n[1].a, n[1].b);
	seq_printf(m, "ModulesNow: %llu\nFrozenPagesNow: %llu\nModulesEver: %llu\nGivenBytes: %llu\n", n[2].a, n[2].b,
		   n[3].a, n[3].b);
}

int openvbs_integrity_show(struct seq_file *m, void *unused)
{
	u32 i, sites = 0;

	for (i = 0; i < KINDS; i++)
		sites += report.sites[i];
	seq_printf(m, "State: %s\nCodePages: %llu\nConstantPages: %llu\nSites: %u\n", report.state,
		   report.code_pages, report.data_pages, sites);
	for (i = 0; i < KINDS; i++)
		seq_printf(m, "%s: %u\n", integrity_kinds[i], report.sites[i]);
	seq_printf(m, "Modules: %s\nKeys: %u\nRevocations: %u\n", report.modules, report.keys, report.revoked);
	if (integrity_frozen())
		show_counts(m);
	return 0;
}
