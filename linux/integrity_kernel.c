// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the trustlet "integrity" must know of this kernel to judge modules: where
 * its own symbols' table is and what its loader patches by, and what the modules
 * export that are there already. Told when constants are frozen, before lockdown.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <linux/module.h>
#include <linux/printk.h>
#include <linux/string.h>
#include <asm/paravirt_types.h>
#include <asm/processor.h>

#include "integrity.h"
#include "integrity_trustlet.h"

#define SYMBOL_BYTES 12u /* struct kernel_symbol: s32 value, name, namespace, each from its own place */

static u64 of(const char *name)
{
	return integrity_lookup(name);
}

/* What return sites are patched to: held by a variable, in kernels that have a choice. */
static u64 return_thunk(void)
{
	const u64 *held = (const u64 *)of("x86_return_thunk");

	return held ? READ_ONCE(*held) : of("__x86_return_thunk");
}

static bool one_cpu(void)
{
	const bool *patched = (const bool *)of("uniproc_patched");

	return patched && READ_ONCE(*patched);
}

/* Their per-CPU variables have the reserved part of the first chunk, behind the kernel's own (PERCPU_MODULE_RESERVE). */
static void fill_ranges(struct ovbs_ci_kernel *k)
{
	k->modules = MODULES_VADDR;
	k->modules_end = MODULES_END;
	k->percpu_low = of("__per_cpu_end") & PAGE_MASK;
	k->percpu_high = k->percpu_low + PAGE_SIZE + (8 << 10);
	k->text = integrity_at[TEXT];
	k->text_end = integrity_at[TEXT_END];
	k->rodata = integrity_at[RODATA];
	k->rodata_end = integrity_at[RODATA_END];
}

static void fill_patching(struct ovbs_ci_kernel *k)
{
	k->capability = (unsigned long)boot_cpu_data.x86_capability;
	k->capability_words = ARRAY_SIZE(boot_cpu_data.x86_capability);
	k->fentry = of("__fentry__");
	k->return_thunk_symbol = of("__x86_return_thunk");
	k->return_thunk_value = return_thunk();
	k->its_return_thunk = of("its_return_thunk");
	k->indirect_thunks = of("__x86_indirect_thunk_array");
	k->static_call_return0 = of("__static_call_return0");
	k->static_call_return = of("__static_call_return");
	k->pv_ops = of("pv_ops");
	k->pv_count = sizeof(struct paravirt_patch_template) / sizeof(u64);
	k->paravirt_nop = of("nop_func") ?: of("_paravirt_nop"); /* 6.12; 6.1 */
	k->bug_func = of("BUG_func") ?: of("paravirt_BUG");
	k->ftrace[0] = of("ftrace_caller");
	k->ftrace[1] = of("ftrace_regs_caller");
}

int integrity_kernel_tell(void)
{
	struct ovbs_ci_kernel k = {
		.version = LINUX_VERSION_CODE,
		.flags = one_cpu() ? OVBS_CI_ONE_CPU : 0,
		.symbols = of("__start___ksymtab"),
		.symbols_end = of("__stop___ksymtab"),
		.symbols_gpl = of("__start___ksymtab_gpl"),
		.symbols_gpl_end = of("__stop___ksymtab_gpl"),
	};
	int err;

	fill_ranges(&k);
	fill_patching(&k);
	err = integrity_tell_bytes(OVBS_CI_KERNEL, &k, sizeof(k));
	if (err)
		pr_err("integrity: the trustlet does not take what it is told of this kernel: %d\n", err);
	return err;
}

static int tell_exports(struct module *mod, void *unused)
{
	struct ovbs_ci_exports e = {};
	int err;

	strscpy(e.name, mod->name, sizeof(e.name));
	if (mod->num_syms) {
		e.symbols = (unsigned long)mod->syms;
		e.symbols_end = e.symbols + mod->num_syms * SYMBOL_BYTES;
	}
	if (mod->num_gpl_syms) {
		e.symbols_gpl = (unsigned long)mod->gpl_syms;
		e.symbols_gpl_end = e.symbols_gpl + mod->num_gpl_syms * SYMBOL_BYTES;
	}
	err = integrity_tell_bytes(OVBS_CI_MODULE, &e, sizeof(e));
	if (err)
		pr_err("integrity: the trustlet does not take what module %s exports: %d\n", mod->name, err);
	return err;
}

int integrity_exports_tell(void)
{
	return integrity_each_module(tell_exports, NULL);
}
