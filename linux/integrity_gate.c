// SPDX-License-Identifier: GPL-2.0-only
/*
 * What must not become code after lockdown, and what must not go away. VTL1
 * lets nothing new run but modules that it has judged, and its #GP in the middle
 * of ftrace or BPF would be a BUG there; so the kernel is told earlier, where it
 * knows what to do without: at the functions that give out memory for code. And
 * code that is frozen must not be freed: its pages would come back as somebody's
 * data. BPF has pages of its own, partly used, for which the same holds. For
 * modules integrity_modules.c takes the place of the function that checks a
 * file's signature and of the one that gives memory back.
 *
 * The hook is ftrace's, as livepatch uses it. Two of them on each function, so
 * that its call goes to ftrace_regs_caller, which is kernel text, and not to a
 * trampoline of its own, which VTL1 could not know.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/ftrace.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/printk.h>
#include <linux/workqueue.h>

#include "integrity.h"

#if INTEGRITY_EXECMEM
#include <linux/execmem.h>
#endif

#define TRIES 100u /* until modules that are on their way are there */

static bool closed;
static bool settled; /* what is frozen is known */

/* ---- memory for code ---------------------------------------------------- */

/* In place of the function: there is none. */
static void *no_memory(void)
{
	pr_notice_ratelimited("integrity: no memory for new code, by lockdown, for %ps\n", __builtin_return_address(0));
	return NULL;
}

/* In place of a function that gives memory back: it is frozen, and stays. */
static void keep_it(void)
{
}

static const enum integrity_name hooked[] = { ALLOCATE, RELEASE, PACK_ALLOCATE, PACK_RELEASE, VERIFY };

/* ftrace's place in a function is the first, or behind an ENDBR64. */
static notrace bool is(unsigned long ip, enum integrity_name function)
{
	return ip - integrity_at[function] < 16;
}

static notrace bool by_loader(unsigned long parent)
{
	int (*look_up)(unsigned long address, unsigned long *size, unsigned long *offset) =
		(void *)integrity_at[SIZE_OFFSET];
	unsigned long size, offset;

	return look_up(parent, &size, &offset) && parent - offset == integrity_at[LOAD_MODULE];
}

static notrace unsigned long argument(struct ftrace_regs *regs, unsigned int n)
{
#if INTEGRITY_EXECMEM
	return ftrace_regs_get_argument(regs, n);
#else
	const struct pt_regs *r = ftrace_get_regs(regs);

	return n == 0 ? r->di : n == 5 ? r->r9 : 0;
#endif
}

/* Modules have a clearer end: see module_changes(). */
static notrace bool for_module(unsigned long parent, struct ftrace_regs *regs)
{
#if INTEGRITY_EXECMEM
	unsigned long type = argument(regs, 0);

	return type == EXECMEM_MODULE_TEXT || type == EXECMEM_MODULE_DATA;
#else
	return by_loader(parent);
#endif
}

/* What was not code at lockdown is a module's, of one that came later or was refused. */
static notrace unsigned long instead_of_release(unsigned long parent, struct ftrace_regs *regs)
{
	bool module = READ_ONCE(settled) ? !integrity_frozen_module_page(argument(regs, 0)) : by_loader(parent);

	return module ? (unsigned long)integrity_release : (unsigned long)keep_it;
}

/* Where the call goes to; 0: where it would go without the hook. */
static notrace unsigned long instead_of(unsigned long ip, unsigned long parent, struct ftrace_regs *regs)
{
	if (is(ip, VERIFY))
		return (u32)argument(regs, 5) == VERIFYING_MODULE_SIGNATURE && integrity_admitting() ?
			       (unsigned long)integrity_judge_file :
			       0;
	if (is(ip, RELEASE))
		return instead_of_release(parent, regs);
	if (is(ip, ALLOCATE) && for_module(parent, regs))
		return 0;
	return is(ip, PACK_RELEASE) ? (unsigned long)keep_it : (unsigned long)no_memory;
}

static notrace void called(unsigned long ip, unsigned long parent, struct ftrace_ops *ops, struct ftrace_regs *regs)
{
	unsigned long instead;

	if (!READ_ONCE(closed) || within_module(parent, THIS_MODULE))
		return;
	instead = instead_of(ip, parent, regs);
	if (!instead)
		return;
#if INTEGRITY_EXECMEM
	ftrace_regs_set_instruction_pointer(regs, instead);
#else
	ftrace_instruction_pointer_set(regs, instead);
#endif
}

static notrace void nothing(unsigned long ip, unsigned long parent, struct ftrace_ops *ops, struct ftrace_regs *regs)
{
}

/* Permanent: the switch kernel.ftrace_enabled would take them away. */
static struct ftrace_ops hooks[] = {
	{ .func = called,
	  .flags = FTRACE_OPS_FL_SAVE_REGS | FTRACE_OPS_FL_IPMODIFY | FTRACE_OPS_FL_PERMANENT },
	{ .func = nothing, .flags = FTRACE_OPS_FL_SAVE_REGS | FTRACE_OPS_FL_PERMANENT },
};

static void unhook(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(hooks); i++)
		if (hooks[i].flags & FTRACE_OPS_FL_ENABLED)
			unregister_ftrace_function(&hooks[i]);
}

static int set_filter(struct ftrace_ops *ops)
{
	size_t i;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(hooked) && !err; i++)
		err = ftrace_set_filter_ip(ops, integrity_at[hooked[i]], 0, 0);
	return err;
}

static int hook(void)
{
	size_t i;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(hooks) && !err; i++)
		err = set_filter(&hooks[i]) ?: register_ftrace_function(&hooks[i]);
	if (err) {
		pr_err("integrity: where the kernel gets memory for code can't be hooked: %d: not locked down\n", err);
		unhook();
	}
	return err;
}

/* ---- modules ------------------------------------------------------------ */

static int module_changes(struct notifier_block *nb, unsigned long state, void *data)
{
	return READ_ONCE(closed) ? notifier_from_errno(integrity_module_changes(state, data)) : NOTIFY_OK;
}

static struct notifier_block changes = { .notifier_call = module_changes, .priority = INT_MAX };

static bool has_init_text(const struct module *mod)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
	return mod->mem[MOD_INIT_TEXT].size;
#else
	return mod->init_layout.text_size;
#endif
}

/* No module is on its way in or out, which has code that will be freed. Caller holds module_mutex. */
static bool all_settled(struct list_head *modules)
{
	struct module *mod;

	list_for_each_entry(mod, modules, list)
		if (mod != THIS_MODULE && (mod->state != MODULE_STATE_LIVE || has_init_text(mod)))
			return false;
	return true;
}

/* Those that are pinned, until reset. */
static struct module **pinned;
static unsigned int pinned_count;

/* Caller holds module_mutex. -ENOMEM and none is pinned. */
static int pin(struct list_head *modules)
{
	struct module *mod;
	unsigned int count = 0;

	list_for_each_entry(mod, modules, list)
		count++;
	pinned = kvmalloc_array(count, sizeof(*pinned), GFP_KERNEL);
	if (!pinned)
		return -ENOMEM;
	list_for_each_entry(mod, modules, list) {
		__module_get(mod);
		pinned[pinned_count++] = mod;
	}
	return 0;
}

static void unpin(void)
{
	while (pinned_count)
		module_put(pinned[--pinned_count]);
	kvfree(pinned);
	pinned = NULL;
}

int integrity_each_module(int (*see)(struct module *mod, void *data), void *data)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < pinned_count && !err; i++)
		err = see(pinned[i], data);
	return err;
}

static int pin_modules(void)
{
	struct list_head *modules = (void *)integrity_at[MODULE_LIST];
	struct mutex *lock = (void *)integrity_at[MODULE_MUTEX];
	unsigned int tries = 0;
	int err;

	do {
		if (tries++)
			msleep(20);
		mutex_lock(lock);
		err = all_settled(modules) ? pin(modules) : -EBUSY;
		mutex_unlock(lock);
	} while (err == -EBUSY && tries < TRIES);
	if (err) {
		pr_err("integrity: a module does not get ready: not locked down\n");
		return err;
	}
	flush_work((struct work_struct *)integrity_at[INIT_FREE]); /* init text of those that just came */
	return 0;
}

/* ---- both --------------------------------------------------------------- */

int integrity_gate_close(void)
{
	int err = hook();

	if (err)
		return err;
	err = register_module_notifier(&changes);
	if (err)
		goto hooks;
	WRITE_ONCE(closed, true);
	err = pin_modules();
	if (!err)
		return 0;
	WRITE_ONCE(closed, false);
	unregister_module_notifier(&changes);
hooks:
	unhook();
	return err;
}

void integrity_gate_settle(void)
{
	WRITE_ONCE(settled, true);
}

void integrity_gate_open(void)
{
	unpin();
	WRITE_ONCE(closed, false);
	unregister_module_notifier(&changes);
	unhook();
	integrity_memory_hold(); /* who came through a hook is through */
	integrity_memory_go_on();
}
