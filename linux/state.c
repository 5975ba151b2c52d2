// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/security/openvbs/state: what `vbsctl status` says of this boot,
 * by the same model (lib/state.h), for whoever has no vbsctl or trusts the
 * kernel only. The next boot's settings lie on the ESP, which the kernel does
 * not read: this file knows nothing of them.
 *
 * Invariants: "Running" takes an answer of VTL1, asked for each time. The names
 * of the lines are ABI: add at the end. A struct state is too large for a
 * kernel stack; it is always allocated.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/efi.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "openvbs.h"
#include "state.h"
#include "status.h"
#include "vtl.h"

#define STATUS_READ_MAX PAGE_SIZE /* room for later versions' additions */

/* What the loader left; written once, while the module is loaded. */
static enum state_loader loader = STATE_LOADER_UNREADABLE;
static struct ovbs_status status;
static char loader_why[128];

struct report {
	struct state_facts facts;
	struct state state;
	char proof_why[96];
};

static void unreadable(const char *why)
{
	loader = STATE_LOADER_UNREADABLE;
	strscpy(loader_why, why, sizeof(loader_why));
}

static void take_status(efi_status_t ret, u32 attributes, const void *data, size_t size)
{
	const char *wrong;

	switch (ret) {
	case EFI_SUCCESS:
		wrong = openvbs_status_check(attributes, data, size, &status);
		if (wrong)
			unreadable(wrong);
		else
			loader = STATE_LOADER_RAN;
		break;
	case EFI_NOT_FOUND:
		loader = STATE_LOADER_ABSENT;
		strscpy(loader_why, "openvbs.efi was not started in this boot", sizeof(loader_why));
		break;
	case EFI_BUFFER_TOO_SMALL:
		unreadable("too large for a status of openvbs");
		break;
	default:
		loader = STATE_LOADER_UNREADABLE;
		scnprintf(loader_why, sizeof(loader_why), "firmware's GetVariable() fails with %#lx", ret);
	}
}

void openvbs_state_load(void)
{
	static efi_char16_t name[] = L"" OVBS_STATUS_VARIABLE;
	static const struct {
		u32 a;
		u16 b, c;
		u8 d[8];
	} guid_parts = OVBS_STATUS_GUID_INIT;
	unsigned long size = STATUS_READ_MAX;
	efi_guid_t guid;
	efi_status_t ret;
	u32 attributes = 0;
	void *data;

	static_assert(sizeof(guid) == sizeof(guid_parts));
	memcpy(&guid, &guid_parts, sizeof(guid));
	if (!efi_enabled(EFI_RUNTIME_SERVICES) ||
	    !efi_rt_services_supported(EFI_RT_SUPPORTED_GET_VARIABLE)) {
		unreadable("this kernel runs without UEFI's runtime services");
		return;
	}
	data = kzalloc(STATUS_READ_MAX, GFP_KERNEL);
	if (!data) {
		unreadable("out of memory when the module was loaded");
		return;
	}
	ret = efi.get_variable(name, &guid, &attributes, &size, data);
	take_status(ret, attributes, data, min(size, STATUS_READ_MAX));
	kfree(data);
}

/* Only what VTL1 answers, or does not, is a proof; trouble of our own is an error. */
static int prove(struct report *r)
{
	struct openvbs_version version;
	int err;

	r->facts.proof = STATE_PROOF_FAILED;
	if (!openvbs_vtl_there()) {
		strscpy(r->proof_why,
			"openvbs.ko found no VTL1 when it was loaded, the kernel's log says why",
			sizeof(r->proof_why));
		return 0;
	}
	err = openvbs_ask_version(&version);
	if (err == -ENOMEM || err == -EINTR)
		return err;
	if (err)
		scnprintf(r->proof_why, sizeof(r->proof_why), "error %d", err);
	else if (version.abi != OVBS_MSG_ABI)
		scnprintf(r->proof_why, sizeof(r->proof_why),
			  "its messages are of version %u, not %u", version.abi, OVBS_MSG_ABI);
	else
		r->facts.proof = STATE_PROOF_OK;
	r->facts.services_running = r->facts.proof == STATE_PROOF_OK ? version.services : 0;
	return 0;
}

/* A report to be freed by the caller, or an error pointer. */
static struct report *make_report(void)
{
	struct report *r = kzalloc(sizeof(*r), GFP_KERNEL);
	int err;

	if (!r)
		return ERR_PTR(-ENOMEM);
	err = prove(r);
	if (err) {
		kfree(r);
		return ERR_PTR(err);
	}
	r->facts.loader = loader;
	r->facts.loader_why = loader_why;
	r->facts.status = &status;
	if (loader == STATE_LOADER_RAN && status.platform.size)
		r->facts.platform = &status.platform;
	r->facts.cpuid = true; /* the module does not stay without it */
	r->facts.proof_why = r->proof_why;
	r->facts.next_why = "the kernel does not read the next boot's settings";
	r->facts.boot_order = OVBS_FACT_UNKNOWN;
	r->facts.services_built = STATE_SERVICES_BUILT;
	state_compute(&r->facts, &r->state);
	return r;
}

static void show_text(struct seq_file *m, const char *name, const char *text)
{
	seq_printf(m, "%s:%s%s\n", name, *text ? " " : "", text);
}

static void show_flag(struct seq_file *m, const char *name, bool flag)
{
	show_text(m, name, flag ? "yes" : "no");
}

static void show_bits(struct seq_file *m, const char *name, u32 bits)
{
	int n;

	seq_printf(m, "%s:", name);
	for (n = 0; n < 32; n++)
		if (bits & STATE_BIT(n))
			seq_printf(m, " %d", n);
	seq_putc(m, '\n');
}

int openvbs_state_show(struct seq_file *m, void *unused)
{
	struct report *r = make_report();
	const struct state *s;

	if (IS_ERR(r))
		return PTR_ERR(r);
	s = &r->state;
	seq_puts(m, "# This boot's state; VTL1 was asked just now. `vbsctl status` also knows the next boot's.\n");
	seq_printf(m, "VirtualizationBasedSecurityStatus: %u\n", s->status);
	show_text(m, "State", s->text);
	show_flag(m, "Known", s->known);
	show_flag(m, "Configured", s->configured);
	show_flag(m, "Running", s->running);
	show_text(m, "Reason", reason_name(s->reason));
	show_text(m, "Check", s->check);
	show_text(m, "Evidence", s->evidence);
	show_text(m, "WhatToDo", s->advice);
	show_text(m, "Source", s->now_known ? source_name(s->source) : "unknown");
	show_bits(m, "RequiredSecurityProperties", s->required);
	show_bits(m, "AvailableSecurityProperties", s->available);
	show_flag(m, "AvailableKnown", s->available_known);
	show_bits(m, "SecurityServicesConfigured", s->services_configured);
	show_bits(m, "SecurityServicesRunning", s->services_running);
	kfree(r);
	return 0;
}

void openvbs_state_log(void)
{
	struct report *r = make_report();

	if (IS_ERR(r))
		pr_warn("state unknown: error %ld\n", PTR_ERR(r));
	else if (r->state.running)
		pr_info("%s\n", r->state.text);
	else
		pr_warn("%s; %s\n", r->state.text, r->state.evidence);
	if (!IS_ERR(r))
		kfree(r);
}
