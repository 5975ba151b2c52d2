// SPDX-License-Identifier: GPL-2.0-only
/* The kernel as it was at lockdown: see kernel.h. */
#include "kernel.h"

#include <errno.h>
#include <string.h>

#include "guest.h"

#define VERSION(a, b)    ((a) << 16 | (b) << 8)
#define VERSION_OF(code) ((code) & ~0xFFu) /* without the third number */

_Static_assert(MODULE_FTRACE_TARGETS >= 4, "struct ovbs_ci_kernel has 4");

/* What an error of guest_copy() and symbols_read() is for the caller. */
static uint32_t result_of(int rc)
{
	switch (rc) {
	case 0:
		return OVBS_OK;
	case -ENOMEM:
		return OVBS_E_OUT_OF_MEMORY;
	case -EINVAL:
		return OVBS_E_SECURITY;
	case -EPERM:
		return OVBS_E_ACCESS_DENIED;
	default:
		return OVBS_E_BAD_PARAMETERS;
	}
}

static bool makes_sense(const struct ovbs_ci_kernel *t)
{
	static const uint64_t zeros[8];

	return memcmp(t->reserved, zeros, sizeof(t->reserved)) == 0 &&
	       (t->flags & ~OVBS_CI_ONE_CPU) == 0 && t->modules < t->modules_end &&
	       t->percpu_low <= t->percpu_high && t->text < t->text_end &&
	       t->rodata < t->rodata_end && t->capability_words > 0 &&
	       t->capability_words <= MODULE_CAPS && t->pv_count <= MODULE_PV_OPS &&
	       t->symbols < t->symbols_end && t->symbols_gpl < t->symbols_gpl_end;
}

static void copy_addresses(struct module_policy *p, const struct ovbs_ci_kernel *t)
{
	p->caps_words = t->capability_words;
	p->one_cpu = (t->flags & OVBS_CI_ONE_CPU) != 0;
	p->low = t->modules;
	p->high = t->modules_end;
	p->percpu_low = t->percpu_low;
	p->percpu_high = t->percpu_high;
	p->fentry = t->fentry;
	p->return_thunk_symbol = t->return_thunk_symbol;
	/* A kernel without the variable has the symbol itself. */
	p->return_thunk = t->return_thunk_value != 0 ? t->return_thunk_value : t->return_thunk_symbol;
	p->its_return_thunk = t->its_return_thunk;
	p->indirect_thunks = t->indirect_thunks;
	p->static_call_return0 = t->static_call_return0;
	p->static_call_return = t->static_call_return;
	p->pv_ops = t->pv_ops;
	p->pv_count = t->pv_count;
	p->paravirt_nop = t->paravirt_nop;
	p->bug_func = t->bug_func;
	for (unsigned int i = 0; i < 4; i++) {
		if (t->ftrace[i] != 0)
			p->ftrace[p->ftrace_count++] = t->ftrace[i];
	}
}

uint32_t kernel_learn(struct kernel *k, const struct ovbs_ci_kernel *told)
{
	struct module_policy p = { 0 };
	int rc;

	if (k->closed || k->known)
		return OVBS_E_BAD_STATE;
	if (!makes_sense(told))
		return OVBS_E_BAD_PARAMETERS;
	if (VERSION_OF(told->version) == VERSION(6, 1))
		p.kernel = MODULE_LINUX_6_1;
	else if (VERSION_OF(told->version) == VERSION(6, 12))
		p.kernel = MODULE_LINUX_6_12;
	else
		return OVBS_E_NOT_SUPPORTED;
	copy_addresses(&p, told);
	rc = guest_copy(told->capability, p.caps, p.caps_words * sizeof(p.caps[0]));
	if (rc == 0)
		rc = guest_copy(told->pv_ops, p.pv_function, p.pv_count * sizeof(p.pv_function[0]));
	if (rc != 0)
		return result_of(rc);
	k->policy = p;
	k->symbols = told->symbols;
	k->symbols_end = told->symbols_end;
	k->symbols_gpl = told->symbols_gpl;
	k->symbols_gpl_end = told->symbols_gpl_end;
	k->known = true;
	return OVBS_OK;
}

uint32_t kernel_add_module(struct kernel *k, const struct ovbs_ci_exports *told)
{
	const uint64_t at[2][2] = { { told->symbols, told->symbols_end },
				    { told->symbols_gpl, told->symbols_gpl_end } };
	struct symbols table[2] = { 0 };
	int rc = 0;

	if (k->closed)
		return OVBS_E_BAD_STATE;
	if (memchr(told->name, 0, sizeof(told->name)) == NULL)
		return OVBS_E_BAD_PARAMETERS;
	if (k->tables + 2 > KERNEL_TABLES_MAX)
		return OVBS_E_EXCESS_DATA;
	for (unsigned int i = 0; i < 2 && rc == 0; i++)
		rc = symbols_read(at[i][0], at[i][1], &table[i]);
	for (unsigned int i = 0; i < 2; i++) {
		if (rc != 0)
			symbols_free(&table[i]);
		else if (table[i].count > 0)
			k->module[k->tables++] = table[i];
	}
	return result_of(rc);
}

uint32_t kernel_close(struct kernel *k)
{
	struct symbols table[2] = { 0 };
	int rc;

	if (k->closed || !k->known)
		return OVBS_E_BAD_STATE;
	rc = symbols_read(k->symbols, k->symbols_end, &table[0]);
	if (rc == 0)
		rc = symbols_read(k->symbols_gpl, k->symbols_gpl_end, &table[1]);
	if (rc != 0) {
		symbols_free(&table[0]);
		return result_of(rc);
	}
	memcpy(k->table, table, sizeof(table));
	k->closed = true;
	return OVBS_OK;
}

bool kernel_resolve(const struct kernel *k, const char *name, uint64_t *address)
{
	for (unsigned int i = 0; i < 2; i++) {
		if (symbols_find(&k->table[i], name, address))
			return true;
	}
	for (size_t i = 0; i < k->tables; i++) {
		if (symbols_find(&k->module[i], name, address))
			return true;
	}
	return false;
}
