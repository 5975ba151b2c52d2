// SPDX-License-Identifier: GPL-2.0-only
/*
 * Test only, loaded before lockdown: what a kernel in the attacker's hand could
 * do while a module is loaded. It is told of modules before openvbs.ko is.
 *
 * name=, part=, offset=: a bit of the module of that name is turned when Linux
 * has placed it (part: an index of struct ovbs_ci_place). unforced=1: Linux takes
 * modules without a signature again. started: how many modules' init functions
 * were reached of those that it changed.
 */
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/string.h>
#include <linux/version.h>
#include <linux/vmalloc.h>

static char *name = "";
module_param(name, charp, 0600);
static unsigned int part;
module_param(part, uint, 0600);
static unsigned int offset;
module_param(offset, uint, 0600);
static unsigned int started;
module_param(started, uint, 0400);

static u8 *area_of(const struct module *mod)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
	return part < MOD_MEM_NUM_TYPES && offset < mod->mem[part].size ? (u8 *)mod->mem[part].base + offset : NULL;
#else
	const struct module_layout *l = part ? &mod->init_layout : &mod->core_layout;

	return offset < l->size ? (u8 *)l->base + offset : NULL;
#endif
}

/* By a mapping of its own: the module's is read-only by now. */
static void turn_bit(u8 *at)
{
	struct page *page = vmalloc_to_page(at);
	u8 *alias = page ? vmap(&page, 1, VM_MAP, PAGE_KERNEL) : NULL;

	if (!alias) {
		pr_err("openvbs_tamper: nothing at %px\n", at);
		return;
	}
	alias[offset_in_page(at)] ^= 1;
	vunmap(alias);
	pr_info("openvbs_tamper: %px of %s is %02x now\n", at, name, *at);
}

static int changes(struct notifier_block *nb, unsigned long state, void *data)
{
	const struct module *mod = data;
	u8 *at;

	if (strcmp(mod->name, name))
		return NOTIFY_DONE;
	if (state == MODULE_STATE_LIVE)
		started++;
	at = state == MODULE_STATE_COMING ? area_of(mod) : NULL;
	if (at)
		turn_bit(at);
	return NOTIFY_DONE;
}

static struct notifier_block notifier = { .notifier_call = changes, .priority = INT_MAX };

static unsigned long address_of(const char *symbol)
{
	struct kprobe probe = { .symbol_name = "kallsyms_lookup_name", .flags = KPROBE_FLAG_DISABLED };
	unsigned long (*lookup)(const char *symbol);

	if (register_kprobe(&probe))
		return 0;
	lookup = (void *)probe.addr;
	unregister_kprobe(&probe);
	return lookup(symbol);
}

static bool *enforced;

static int unforce(const char *value, const struct kernel_param *kp)
{
	*enforced = false;
	return is_module_sig_enforced() ? -EIO : 0;
}

static const struct kernel_param_ops unforced_ops = { .set = unforce };
module_param_cb(unforced, &unforced_ops, NULL, 0200);

static int __init tamper_init(void)
{
	enforced = (bool *)address_of("sig_enforce");
	return enforced ? register_module_notifier(&notifier) : -ENOENT;
}
module_init(tamper_init);

MODULE_DESCRIPTION("openvbs: test of modules that are tampered with while they are loaded");
MODULE_LICENSE("GPL");
