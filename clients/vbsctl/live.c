/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Gathering facts: see live.h. Below a test's root nothing of the real machine
 * is looked at: no CPUID, and a device only if it is the real one.
 */
#include "live.h"

#include <cpuid.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openvbs.h>
#include <openvbs/hv_abi.h>

#include "bootvars.h"
#include "efivars.h"

#define DEVICE "/dev/openvbs"

static bool cpuid_shows_openvbs(const struct vbsctl *v)
{
	unsigned int eax, ebx, ecx, edx;
	char text[13] = "";

	if (*v->root)
		return false;
	/* Without any hypervisor this gives the highest basic leaf's data, which is no such text. */
	__cpuid(0x40000000, eax, ebx, ecx, edx);
	(void)eax;
	memcpy(text, &ebx, 4);
	memcpy(text + 4, &ecx, 4);
	memcpy(text + 8, &edx, 4);
	return strcmp(text, OVBS_CPUID_SIGNATURE) == 0;
}

/* libopenvbs opens the real device alone: below a test's root it has to be that one. */
static bool device_is_real(const struct vbsctl *v)
{
	char path[4096];
	struct stat below, real;

	return *v->root == '\0' ||
	       (stat(vbsctl_path(v, path, DEVICE), &below) == 0 && S_ISCHR(below.st_mode) &&
		stat(DEVICE, &real) == 0 && below.st_rdev == real.st_rdev);
}

static enum state_proof ask_vtl1(const struct vbsctl *v, struct live *l)
{
	struct openvbs_version version;
	struct openvbs *vbs;
	int ret = device_is_real(v) ? openvbs_connect(&vbs) : -ENODEV;

	l->facts.services_running = 0;
	if (!ret) {
		ret = openvbs_version(vbs, &version);
		openvbs_disconnect(vbs);
	}
	if (!ret) {
		l->facts.services_running = version.services;
		return STATE_PROOF_OK;
	}
	snprintf(l->proof_why, sizeof(l->proof_why), "%s", openvbs_strerror(ret));
	if (ret == -EACCES || ret == -EPERM)
		return STATE_PROOF_NO_ACCESS;
	if (ret != -ENODEV)
		return STATE_PROOF_FAILED;
	return l->facts.cpuid ? STATE_PROOF_NO_MODULE : STATE_PROOF_NO_HYPERVISOR;
}

/* Absent is an answer; a variable, or all of them, that can't be read is none. */
static enum state_loader loader(struct vbsctl *v, const struct store *s)
{
	static const char *const variable =
		EFIVARS_DIR "/" OVBS_STATUS_VARIABLE "-4f70656e-5642-5300-9d1c-6c0a52f3b7e1";
	char path[4096];
	struct stat st;

	if (s->status_there)
		return STATE_LOADER_RAN;
	if (stat(vbsctl_path(v, path, variable), &st) == 0 || errno != ENOENT)
		return STATE_LOADER_UNREADABLE;
	return efivar_there(v) ? STATE_LOADER_ABSENT : STATE_LOADER_UNREADABLE;
}

static void changed(const struct store *s, struct state_change *change)
{
	const struct store_source *from;

	switch (s->next.v[OVBS_SET_VBS].source) {
	case OVBS_SOURCE_POLICY:
		from = &s->policy;
		break;
	case OVBS_SOURCE_LOCAL:
	case OVBS_SOURCE_DEFAULT: /* perhaps somebody deleted the value */
		from = &s->local;
		break;
	default:
		return;
	}
	if (from->state != SOURCE_GOOD)
		return;
	change->known = true;
	change->uid = from->record.changed_uid;
	change->when_s = from->record.changed_s;
	for (size_t i = 0; i < sizeof(change->by) - 1 && from->record.changed_by[i]; i++)
		change->by[i] = from->record.changed_by[i] >= ' ' && from->record.changed_by[i] <= '~' ?
					from->record.changed_by[i] :
					'?';
}

static void gather(struct vbsctl *v, struct live *l)
{
	struct state_facts *f = &l->facts;

	f->loader = loader(v, &l->store);
	f->loader_why = l->store.status_why;
	f->status = &l->store.status;
	if (l->store.status_there && l->store.status.platform.size != 0)
		f->platform = &l->store.status.platform;
	f->cpuid = cpuid_shows_openvbs(v);
	f->proof = ask_vtl1(v, l);
	f->proof_why = l->proof_why;
	/* What is damaged is left out by the loader too: that is known. What can't be read is not. */
	f->next_known = efivar_there(v);
	f->next_why = l->store.local.why;
	f->next = l->store.next;
	changed(&l->store, &f->change);
	f->opt_out_pending = boot_opt_out_pending(v);
	f->boot_order = boot_order(v, l->store.status_there);
	f->services_built = STATE_SERVICES_BUILT;
}

struct live *live_load(struct vbsctl *v)
{
	struct live *l = calloc(1, sizeof(*l));

	if (!l) {
		fputs("vbsctl: out of memory\n", stderr);
		exit(VBSCTL_SYSTEM);
	}
	store_load(v, &l->store);
	gather(v, l);
	state_compute(&l->facts, &l->state);
	return l;
}
