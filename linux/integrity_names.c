// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the kernel's symbols are that are not exported. Looking one up by its
 * name takes Linux 6.1 a walk over all 150,000, so the ones that are known to be
 * asked for are found in one walk.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/jhash.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/printk.h>
#include <linux/string.h>

#include "integrity.h"

static const char *const needed[INTEGRITY_NAMES] = {
	[TEXT] = "_text",
	[TEXT_END] = "_etext",
	[RODATA] = "__start_rodata",
	[RODATA_END] = "__end_rodata",
	[IDT] = "idt_table",
	[JUMPS] = "__start___jump_table",
	[JUMPS_END] = "__stop___jump_table",
	[CALLS] = "__start_static_call_sites",
	[CALLS_END] = "__stop_static_call_sites",
	[TRAMPOLINES] = "__static_call_text_start",
	[TRAMPOLINES_END] = "__static_call_text_end",
	[FTRACE_PAGES] = "ftrace_pages_start",
	[FTRACE_CALL] = "ftrace_call",
	[FTRACE_REGS_CALL] = "ftrace_regs_call",
	[EACH_SYMBOL] = "kallsyms_on_each_symbol",
	[SIZE_OFFSET] = "kallsyms_lookup_size_offset",
	[TEXT_MUTEX] = "text_mutex",
	[FTRACE_LOCK] = "ftrace_lock",
	[MODULE_MUTEX] = "module_mutex",
	[MODULE_LIST] = "modules",
	[LOAD_MODULE] = "load_module",
	[INIT_FREE] = "init_free_wq",
	[ALLOCATE] = INTEGRITY_EXECMEM ? "execmem_alloc" : "module_alloc",
	[RELEASE] = INTEGRITY_EXECMEM ? "execmem_free" : "module_memfree",
	[PACK_ALLOCATE] = "bpf_prog_pack_alloc",
	[PACK_RELEASE] = "bpf_prog_pack_free",
	[EFI_TABLES] = "efi_mm",
	[VERIFY] = "verify_pkcs7_signature",
	[TASK_WORK] = "task_work_add",
};

/* Those that a kernel need not have. */
static const char *const others[] = {
	"kallsyms_lookup_name", "set_module_sig_enforced", "bpf_jit_enable",
	/* integrity_keys.c */
	"assoc_array_iterate", "builtin_trusted_keys", "secondary_trusted_keys", "machine_trusted_keys",
	"platform_trusted_keys", "blacklist_keyring",
	/* integrity_kernel.c */
	"x86_return_thunk", "__x86_return_thunk", "uniproc_patched", "__per_cpu_end", "__fentry__", "its_return_thunk",
	"__x86_indirect_thunk_array", "__static_call_return0", "__static_call_return", "pv_ops", "nop_func",
	"_paravirt_nop", "BUG_func", "paravirt_BUG", "ftrace_caller", "ftrace_regs_caller", "__start___ksymtab",
	"__stop___ksymtab", "__start___ksymtab_gpl", "__stop___ksymtab_gpl",
};

#define SLOTS 256u /* a power of two, and more than twice as many as there are names */

static struct slot {
	const char *name;
	unsigned long address; /* 0: not there */
} slots[SLOTS];
static_assert(2 * (INTEGRITY_NAMES + ARRAY_SIZE(others)) < SLOTS);

unsigned long integrity_at[INTEGRITY_NAMES];
static unsigned long (*slow_lookup)(const char *name);

/* The name's own slot, or the free one where it goes. */
static struct slot *slot_of(const char *name)
{
	u32 i = jhash(name, strlen(name), 0);

	while (slots[i % SLOTS].name && strcmp(slots[i % SLOTS].name, name))
		i++;
	return &slots[i % SLOTS];
}

static void want(const char *name)
{
	slot_of(name)->name = name;
}

/* The first of several that have one name, as kallsyms_lookup_name() does. Modules come behind the kernel's own. */
static int note(const char *name, unsigned long address)
{
	struct slot *s = slot_of(name);

	if (s->name && !s->address)
		s->address = address;
	return 0;
}

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
static int see(void *unused, const char *name, struct module *mod, unsigned long address)
#else
static int see(void *unused, const char *name, unsigned long address)
#endif
{
	return note(name, address);
}

/* A probe that is never armed tells where the walk is: it is not exported. */
static int walk(void)
{
	struct kprobe probe = { .symbol_name = needed[EACH_SYMBOL], .flags = KPROBE_FLAG_DISABLED };
	int (*each)(typeof(&see) see, void *data);
	int err = register_kprobe(&probe);

	if (err) {
		pr_err("integrity: %s can't be found: not locked down\n", needed[EACH_SYMBOL]);
		return err;
	}
	each = (void *)probe.addr;
	unregister_kprobe(&probe);
	return each(see, NULL);
}

int integrity_names_find(void)
{
	unsigned int i;
	int err;

	for (i = 0; i < INTEGRITY_NAMES; i++)
		want(needed[i]);
	for (i = 0; i < ARRAY_SIZE(others); i++)
		want(others[i]);
	err = walk();
	if (err)
		return err;
	slow_lookup = (void *)slot_of("kallsyms_lookup_name")->address;
	for (i = 0; i < INTEGRITY_NAMES; i++) {
		integrity_at[i] = slot_of(needed[i])->address;
		if (!integrity_at[i]) {
			pr_err("integrity: this kernel has no %s: not locked down\n", needed[i]);
			return -ENOENT;
		}
	}
	return 0;
}

unsigned long integrity_lookup(const char *name)
{
	const struct slot *s = slot_of(name);

	if (s->name)
		return s->address;
	return slow_lookup ? slow_lookup(name) : 0;
}
