/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Diagnosis, but for the kernel module: see diagnose.h.
 */
#include "diagnose.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <openvbs/boot_info.h>

#include "esp.h"
#include "files.h"
#include "level.h"
#include "pe.h"

#define LOADER_FILE ESP_FOLDER "/openvbs.efi"
#define LOADER_MAX  (64u << 20)

void diagnose_add(struct diagnosis *d, const char *word, const char *title,
		  enum finding_result result, const char *cure, const char *fmt, ...)
{
	struct finding *f = &d->item[d->count];
	va_list args;

	if (d->count == FINDINGS_MAX)
		return;
	d->count++;
	*f = (struct finding){ .word = word, .title = title, .result = result, .cure = cure };
	va_start(args, fmt);
	vsnprintf(f->evidence, sizeof(f->evidence), fmt, args);
	va_end(args);
}

/* What would stop a boot is only a warning where this boot got past it. */
static enum finding_result bad_unless(bool passed)
{
	return passed ? FINDING_WARN : FINDING_BAD;
}

static bool loader_ran(const struct live *l)
{
	return l->facts.loader == STATE_LOADER_RAN;
}

static void find_firmware(struct vbsctl *v, struct diagnosis *d)
{
	bool there = file_exists(v, "/sys/firmware/efi");

	diagnose_add(d, "firmware", "System started by UEFI", there ? FINDING_GOOD : FINDING_BAD,
		     there ? "" : "switch legacy boot (CSM) off in the firmware's setup and install the system for UEFI",
		     there ? "/sys/firmware/efi is there" :
			     "/sys/firmware/efi is absent: started by a BIOS, or in a container");
}

static void judge_loader_file(const void *data, size_t len, const struct gathered *facts, bool ran,
			      struct diagnosis *d)
{
	static const char title[] = "openvbs.efi installed";
	char why[PE_WHY_MAX];
	struct pe pe;

	if (pe_decode(data, len, &pe, why) != 0)
		diagnose_add(d, "loader-file", title, bad_unless(ran), "install openvbs again",
			     LOADER_FILE " of %zu bytes: %s", len, why);
	else if (!pe.sbat || !pe.sbat_header)
		diagnose_add(d, "loader-file", title, bad_unless(ran),
			     "install openvbs again; if you signed it yourself, do not strip it before",
			     LOADER_FILE
			     " has no good section .sbat: shim refuses it (\"Security Policy Violation\")");
	else if (!pe.is_signed && facts->platform.secure_boot == OVBS_FACT_YES)
		diagnose_add(d, "loader-file", title, bad_unless(ran),
			     "install a signed openvbs.efi, or sign it (sbsign) with a key of db or MOK",
			     LOADER_FILE " is not signed, and Secure Boot is on");
	else
		diagnose_add(d, "loader-file", title, FINDING_GOOD, "",
			     LOADER_FILE ": %s, with .sbat", pe.is_signed ? "signed" : "not signed");
}

static void find_loader_file(const struct live *l, const struct gathered *facts, struct diagnosis *d)
{
	static const char title[] = "openvbs.efi installed";
	const struct vbsctl above = { .root = "" }; /* the mount point has the prefix already */
	bool ran = loader_ran(l);
	char path[4200];
	size_t len;
	void *data;

	if (l->store.esp[0] == '\0') {
		diagnose_add(d, "esp", "EFI system partition", bad_unless(ran),
			     "mount it, or install openvbs", "%s", l->store.esp_why);
		return;
	}
	diagnose_add(d, "esp", "EFI system partition", FINDING_GOOD, "", "mounted on %.200s", l->store.esp);
	snprintf(path, sizeof(path), "%s/" LOADER_FILE, l->store.esp);
	data = strlen(path) < 4096 ? file_read_all(&above, path, LOADER_MAX, &len) : NULL;
	if (data)
		judge_loader_file(data, len, facts, ran, d);
	else if (errno == EACCES || errno == EPERM)
		diagnose_add(d, "loader-file", title, FINDING_SKIPPED, "run as root",
			     LOADER_FILE ": %s", strerror(errno));
	else
		diagnose_add(d, "loader-file", title, bad_unless(ran), "install openvbs",
			     LOADER_FILE ": %s", strerror(errno));
	free(data);
}

static void find_boot_order(const struct live *l, struct diagnosis *d)
{
	static const char title[] = "First in the boot order";
	static const char cure[] =
		"put its entry first: efibootmgr shows the entries, efibootmgr -o orders them";

	if (l->facts.boot_order == OVBS_FACT_YES)
		diagnose_add(d, "boot-order", title, FINDING_GOOD, "", "the next boot starts openvbs");
	else if (l->facts.boot_order == OVBS_FACT_NO)
		diagnose_add(d, "boot-order", title, bad_unless(loader_ran(l)), cure,
			     "BootNext and BootOrder lead to something else at the next boot");
	else
		diagnose_add(d, "boot-order", title, FINDING_SKIPPED, cure,
			     "whether BootOrder leads to openvbs can't be told from its variables");
}

static void find_loader(const struct live *l, const struct gathered *facts, struct diagnosis *d)
{
	static const char title[] = "Loader ran in this boot";
	const struct ovbs_status *status = l->facts.status;

	if (loader_ran(l))
		diagnose_add(d, "loader", title, FINDING_GOOD, "", "OpenvbsStatus, version %.31s",
			     status->build);
	else if (l->facts.loader == STATE_LOADER_UNREADABLE)
		diagnose_add(d, "loader", title, bad_unless(l->state.running),
			     "run as root, with efivarfs mounted on /sys/firmware/efi/efivars",
			     "%s", l->facts.loader_why);
	else
		diagnose_add(d, "loader", title, bad_unless(l->state.running),
			     "put openvbs first in the boot order and reboot; if it is, look for a message of firmware or shim on the screen",
			     "%s%s", l->facts.loader_why,
			     l->facts.boot_order == OVBS_FACT_YES && facts->platform.secure_boot == OVBS_FACT_YES ?
				     "; it is first in the boot order and Secure Boot is on: its signature may have been refused" :
				     "");
}

static void find_lock(const struct store *s, struct diagnosis *d)
{
	const char *wrong = level_secure_boot(&s->status.platform), *what;
	const char *cure = "vbsctl opt-out ends a lock; then ask for it anew";

	if (s->status.lock == OVBS_LOCK_UNREADABLE) {
		what = "it is damaged, and counts as on, level 1";
	} else if (s->status.lock == OVBS_LOCK_FAILED) {
		what = "asked for, but firmware refused to write it";
	} else if (s->status.lock != OVBS_LOCK_NO_SECURE_BOOT) {
		return;
	} else if (wrong && strcmp(wrong, "level.shim") == 0) {
		what = "asked for, but not while shim checks no signatures (MokSBState is 1)";
		cure = "mokutil --enable-validation, reboot, confirm on the screen; then it is written at the next boot";
	} else {
		what = "asked for, but not without Secure Boot";
		cure = "switch Secure Boot on, then it is written at the next boot";
	}
	diagnose_add(d, "lock", "UEFI lock", FINDING_WARN, cure, "%s", what);
}

static void find_sources(const struct live *l, struct diagnosis *d)
{
	const struct store *s = &l->store;

	if (s->local.state == SOURCE_UNREADABLE && l->state.next_known)
		diagnose_add(d, "local-values", "Local values", FINDING_WARN,
			     "write them again: vbsctl enable, or vbsctl reg import FILE",
			     "left out: %s", s->local.why);
	if (s->policy.state == SOURCE_UNREADABLE && s->esp[0] != '\0')
		diagnose_add(d, "policy", "Policy", FINDING_WARN,
			     "import it again: vbsctl policy import FILE", "left out: %s", s->policy.why);
	if (!s->status_there)
		return;
	find_lock(s, d);
	if (s->status.note[0] != '\0')
		diagnose_add(d, "loader-note", "The loader found", FINDING_WARN, "", "%.95s",
			     s->status.note);
}

static bool is_off(const struct state *s)
{
	return s->reason == OVBS_REASON_NOT_CONFIGURED || s->reason == OVBS_REASON_OPTED_OUT ||
	       strcmp(s->check, "settings.unreadable") == 0;
}

static void find_settings(const struct live *l, struct diagnosis *d)
{
	static const char title[] = "Switched on in the settings";
	const struct state *s = &l->state;
	uint32_t level = (s->next_known ? &s->next : &s->now)->v[OVBS_SET_LEVEL].value;

	find_sources(l, d);
	if (!s->running && !s->configured && is_off(s))
		diagnose_add(d, "settings", title, FINDING_BAD, s->advice, "%s", s->evidence);
	else if (!s->configured)
		diagnose_add(d, "settings", title, bad_unless(s->running), "vbsctl enable", "%s", s->text);
	else
		diagnose_add(d, "settings", title, FINDING_GOOD, "", "by %s, level %u",
			     source_name(s->source), level);
}

/* The loader's own answer: level, CPU, image, memory. */
static void find_start(const struct live *l, struct diagnosis *d)
{
	static const char title[] = "Hypervisor started";
	const struct state *s = &l->state;

	if (!loader_ran(l))
		diagnose_add(d, "start", title, FINDING_SKIPPED, "", "the loader did not run");
	else if (l->facts.status->state == OVBS_STATE_RUNNING)
		diagnose_add(d, "start", title, FINDING_GOOD, "", "on %u CPUs, %llu MiB of memory",
			     l->facts.status->cpus,
			     (unsigned long long)(l->facts.status->memory_bytes >> 20));
	else if (!s->configured && is_off(s))
		diagnose_add(d, "start", title, FINDING_SKIPPED, "", "it is switched off");
	else
		diagnose_add(d, "start", title, bad_unless(s->running), s->advice, "%s: %s: %s",
			     reason_name(s->reason), s->check, s->evidence);
}

static void find_vtl1(const struct live *l, struct diagnosis *d)
{
	static const char title[] = "VTL1 answers";
	const struct state *s = &l->state;

	if (s->running)
		diagnose_add(d, "vtl1", title, FINDING_GOOD, "", "a call into VTL1 came back");
	else if (strncmp(s->check, "vtl1.", 5) == 0)
		diagnose_add(d, "vtl1", title, FINDING_BAD, s->advice, "%s", s->evidence);
	else
		diagnose_add(d, "vtl1", title, FINDING_SKIPPED, "", "%s",
			     l->facts.proof_why && l->facts.proof_why[0] ? l->facts.proof_why :
									   "there is nothing to call");
}

/* It runs without: no level asked for more, but nobody should have to guess why. */
static void find_dma(const struct live *l, struct diagnosis *d)
{
	const struct ovbs_platform *p = l->facts.platform;

	if (l->state.running && p && p->by_loader && p->dma == OVBS_DMA_FAILED)
		diagnose_add(d, "dma-protection", "DMA protection", FINDING_WARN,
			     "update the firmware; vbsctl report makes a file for a bug report",
			     "off: the IOMMU could not be switched on: %.55s", p->iommu_why);
	else if (l->state.running && p && p->by_loader && p->iommu == OVBS_FACT_UNREADABLE)
		diagnose_add(d, "dma-protection", "DMA protection", FINDING_WARN,
			     "update the firmware", "off: %s is broken: %.55s",
			     p->iommu_kind == OVBS_IOMMU_AMD ? "IVRS" : "DMAR", p->iommu_why);
}

/* Case S2: which part is off, and why the whole still runs. */
static void find_services(const struct live *l, struct diagnosis *d)
{
	const struct state *s = &l->state;
	unsigned int configured = 0;

	if (!s->running)
		return;
	for (unsigned int i = 0; i < STATE_SERVICES; i++) {
		configured += s->service[i].configured;
		if (s->service[i].configured && !s->service[i].running)
			diagnose_add(d, "service", s->service[i].name, FINDING_WARN, "",
				     "configured (%s), but not running: %s",
				     source_name(s->service[i].source), s->service[i].why);
	}
	if (configured == 0)
		diagnose_add(d, "service", "Services", FINDING_WARN, "",
			     "none is configured; virtualization-based security itself runs all the same, by %s",
			     source_name(s->source));
}

static void find_next_boot(const struct live *l, const struct readiness *readiness, struct diagnosis *d)
{
	static const char title[] = "Next boot";
	const struct state *s = &l->state;
	const struct readiness_row *level = &readiness->row[READINESS_LEVEL];

	if (l->facts.opt_out_pending)
		diagnose_add(d, "next-boot", title, FINDING_WARN, "vbsctl opt-out --cancel takes it back",
			     "the opt-out program will ask at the console");
	if (s->pending_reboot && !l->facts.opt_out_pending)
		diagnose_add(d, "next-boot", title, FINDING_WARN, "reboot", "%s", s->pending);
	if (s->configured && s->running && level->result == READINESS_MISSING)
		diagnose_add(d, "next-boot", title, FINDING_WARN, level->cure,
			     "it will not start: %s", level->evidence);
}

void diagnose_run(struct vbsctl *v, const struct live *l, const struct gathered *facts,
		  const struct readiness *readiness, struct diagnosis *d)
{
	const struct state *s = &l->state;
	bool bad = false;

	memset(d, 0, sizeof(*d));
	find_firmware(v, d);
	find_loader_file(l, facts, d);
	find_boot_order(l, d);
	find_loader(l, facts, d);
	find_settings(l, d);
	find_start(l, d);
	diagnose_module(v, l, d);
	find_vtl1(l, d);
	find_dma(l, d);
	find_services(l, d);
	find_next_boot(l, readiness, d);
	for (unsigned int i = 0; i < d->count; i++) {
		if (s->running && d->item[i].result == FINDING_BAD)
			d->item[i].result = FINDING_WARN;
		bad |= d->item[i].result == FINDING_BAD;
	}
	if (!s->running && !bad)
		diagnose_add(d, "state", "State", FINDING_BAD, s->advice, "%s: %s: %s",
			     reason_name(s->reason), s->check, s->evidence);
}

const char *finding_name(enum finding_result result)
{
	static const char *const names[] = { "good", "stops it", "warning", "not looked at" };

	return (unsigned int)result < sizeof(names) / sizeof(names[0]) ? names[result] : "unknown";
}

json_t *diagnose_json(const struct live *l, const struct diagnosis *d)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < d->count; i++) {
		const struct finding *f = &d->item[i];
		json_t *item = json_pack("{s:s, s:s, s:s, s:s, s:s}", "Id", f->word, "Title",
					 f->title, "Result", finding_name(f->result), "Evidence",
					 f->evidence, "WhatToDo", f->cure);

		/* a path or an answer of the system may be no UTF-8 */
		json_array_append_new(list, item ? item :
						   json_pack("{s:s, s:s}", "Id", f->word, "Result",
							     finding_name(f->result)));
	}
	return json_pack("{s:b, s:s, s:o}", "Stopped", !l->state.running, "State", l->state.text,
			 "Findings", list);
}
