// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the kernel patches the modules that are there before lockdown: their
 * jump labels, static calls, static calls' own trampolines and traced functions,
 * and where their functions begin. Those that come later bring all that in their
 * signed file.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/elf.h>
#include <linux/jump_label.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/printk.h>
#include <linux/rcupdate.h>
#include <linux/sort.h>
#include <linux/static_call.h>
#include <linux/string.h>

#include "integrity.h"

static_assert(sizeof(struct jump_entry) == INTEGRITY_JUMP_BYTES);
static_assert(sizeof(struct static_call_site) == INTEGRITY_CALL_BYTES);

#define TRAMPOLINE_NAME "__SCT__"

struct text {
	unsigned long from, to;
};

static struct text text_of(const struct module *mod)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
	unsigned long from = (unsigned long)mod->mem[MOD_TEXT].base;

	return (struct text){ from, from + PAGE_ALIGN(mod->mem[MOD_TEXT].size) };
#else
	unsigned long from = (unsigned long)mod->core_layout.base;

	return (struct text){ from, from + PAGE_ALIGN(mod->core_layout.text_size) };
#endif
}

static bool has(const struct text *t, unsigned long address)
{
	return address >= t->from && address < t->to;
}

static int is_at(struct module *mod, void *address)
{
	struct text t = text_of(mod);

	return has(&t, *(unsigned long *)address);
}

bool integrity_module_at(unsigned long address)
{
	return integrity_each_module(is_at, &address);
}

/* ---- by their symbols --------------------------------------------------- */

/* Places in a module's text, from its start on, ascending. */
struct places {
	struct text text;
	u32 *offset;
	size_t count;
};

static int compare(const void *a, const void *b)
{
	return *(const u32 *)a < *(const u32 *)b ? -1 : *(const u32 *)a > *(const u32 *)b;
}

/* Where the symbols are whose name begins with @prefix. places_free() also after an error. */
static int places_find(struct places *p, const struct module *mod, const char *prefix)
{
	/* Pinned modules keep theirs, and this one's are not freed while it initialises. */
	const struct mod_kallsyms *k = rcu_dereference_raw(mod->kallsyms);
	unsigned int i;

	*p = (struct places){ .text = text_of(mod) };
	p->offset = kvmalloc_array(k->num_symtab + 1, sizeof(*p->offset), GFP_KERNEL);
	if (!p->offset)
		return -ENOMEM;
	for (i = 0; i < k->num_symtab; i++) {
		const Elf_Sym *sym = &k->symtab[i];

		if (sym->st_shndx != SHN_UNDEF && sym->st_shndx != SHN_ABS && has(&p->text, sym->st_value) &&
		    str_has_prefix(k->strtab + sym->st_name, prefix) == strlen(prefix))
			p->offset[p->count++] = (u32)(sym->st_value - p->text.from);
	}
	sort(p->offset, p->count, sizeof(*p->offset), compare, NULL);
	return 0;
}

static void places_free(struct places *p)
{
	kvfree(p->offset);
}

static int send_functions(const struct module *mod)
{
	struct places p;
	int err = places_find(&p, mod, "") ?:
		  integrity_send_table(OVBS_SITES_FUNCTIONS, (unsigned long)p.offset, p.count * sizeof(*p.offset),
				       sizeof(*p.offset));

	places_free(&p);
	return err;
}

/* No table has them, and they lie among other text: each by its name. */
static int each_trampoline(const struct module *mod, int (*see)(unsigned long address))
{
	struct places p;
	int err = places_find(&p, mod, TRAMPOLINE_NAME);
	size_t i;

	for (i = 0; i < p.count && !err; i++)
		err = see(p.text.from + p.offset[i]);
	places_free(&p);
	return err;
}

static int send_trampoline(unsigned long address)
{
	return integrity_send_sites(OVBS_SITES_TRAMPOLINES, address, INTEGRITY_TRAMPOLINE_BYTES);
}

/* ---- both --------------------------------------------------------------- */

static int look(struct module *mod, void *unused)
{
	struct text t = text_of(mod);
	int i, err = 0;

	for (i = 0; i < mod->num_static_call_sites && !err; i++) {
		unsigned long at = integrity_relative(&mod->static_call_sites[i].addr);

		err = has(&t, at) ? integrity_site_stays(at) : 0;
	}
	return err ?: each_trampoline(mod, integrity_site_stays);
}

int integrity_modsites_look(void)
{
	return integrity_each_module(look, NULL);
}

static int send(struct module *mod, void *unused)
{
	struct text t = text_of(mod);

	if (t.from == t.to)
		return 0;
	return integrity_send_sites(OVBS_SITES_MODULE, t.from, t.to - t.from) ?: send_functions(mod) ?:
	       integrity_send_table(OVBS_SITES_JUMPS, (unsigned long)mod->jump_entries,
				    (u64)mod->num_jump_entries * INTEGRITY_JUMP_BYTES, INTEGRITY_JUMP_BYTES) ?:
	       integrity_send_table(OVBS_SITES_STATIC_CALLS, (unsigned long)mod->static_call_sites,
				    (u64)mod->num_static_call_sites * INTEGRITY_CALL_BYTES, INTEGRITY_CALL_BYTES) ?:
	       each_trampoline(mod, send_trampoline) ?: integrity_send_records(t.from, t.to);
}

int integrity_modsites_send(void)
{
	return integrity_each_module(send, NULL);
}
