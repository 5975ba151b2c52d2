/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state model: see state.h. Pure; the words are made here and nowhere else.
 * The order in find_reason() is the model: what lies nearest to this boot's
 * real cause comes first, and every way through it ends with a check.
 */
#include "state.h"

#include <openvbs/boot_info.h>

#include "checks.h"
#include "format.h"
#include "level.h"
#include "ovbs_string.h"

#define WSMT_ALL                                                                                   \
	7u /* fixed buffers, nested pointers, system resources: SMM Security Mitigations 1.0 */
/* AMD APM volume 3, CPUID 8000000Ah EDX */
#define SVM_EDX_AVIC (1u << 13)
#define SVM_EDX_GMET (1u << 17)
/* Intel SDM volume 3, table 25-7 */
#define VMX_PROC2_APIC_REGISTERS 8
#define VMX_PROC2_APIC_INTERRUPT 9
#define VMX_PROC2_MBEC           22

#define YEAR_10000 253402300800ull /* Unix time */

static const char *text_of(const char *s)
{
	return s != NULL ? s : "";
}

const char *state_setting_name(enum ovbs_setting id)
{
	static const char *const names[OVBS_SETTINGS] = {
		[OVBS_SET_VBS] = "EnableVirtualizationBasedSecurity",
		[OVBS_SET_LEVEL] = "RequirePlatformSecurityFeatures",
		[OVBS_SET_LOCKED] = "Locked",
		[OVBS_SET_MANDATORY] = "Mandatory",
		[OVBS_SET_ROLE_OPT_OUT] = "HyperVVirtualizationBasedSecurityOptOut",
		[OVBS_SET_HVCI] = "Scenarios\\HypervisorEnforcedCodeIntegrity\\Enabled",
		[OVBS_SET_HVCI_LOCKED] = "Scenarios\\HypervisorEnforcedCodeIntegrity\\Locked",
		[OVBS_SET_SYSTEM_GUARD] = "Scenarios\\SystemGuard\\Enabled",
		[OVBS_SET_LSA_CFG] = "LsaCfgFlags",
	};

	return (unsigned int)id < ARRAY_SIZE(names) ? names[id] : "unknown";
}

const char *state_property_name(enum state_property property)
{
	static const char *const names[STATE_PROPERTIES] = {
		[STATE_BASE_VIRTUALIZATION] = "Base Virtualization Support",
		[STATE_SECURE_BOOT] = "Secure Boot",
		[STATE_DMA_PROTECTION] = "DMA Protection",
		[STATE_SECURE_MOR] = "Secure Memory Overwrite",
		[STATE_UEFI_NX] = "UEFI Code Readonly",
		[STATE_SMM_MITIGATIONS] = "SMM Security Mitigations 1.0",
		[STATE_MBEC] = "Mode Based Execution Control",
		[STATE_APIC_VIRTUALIZATION] = "APIC Virtualization",
	};
	const char *name = (unsigned int)property < ARRAY_SIZE(names) ? names[property] : NULL;

	return name != NULL ? name : "unknown";
}

const char *state_service_name(enum state_service_id id)
{
	static const char *const names[] = {
		[STATE_CREDENTIAL_GUARD] = "Credential Guard",
		[STATE_MEMORY_INTEGRITY] = "Hypervisor enforced Code Integrity",
		[STATE_SECURE_LAUNCH] = "Secure Launch",
	};
	const char *name = (unsigned int)id < ARRAY_SIZE(names) ? names[id] : NULL;

	return name != NULL ? name : "unknown";
}

const char *state_advice(enum ovbs_reason reason)
{
	static const char *const advice[] = {
		[OVBS_REASON_NOT_CONFIGURED] = "`vbsctl enable`, then reboot",
		[OVBS_REASON_NO_VIRTUALIZATION] =
			"openvbs needs SVM with nested paging (AMD), or VMX with EPT and unrestricted guest (Intel); a virtual machine gets it from its host",
		[OVBS_REASON_FIRMWARE_OFF] =
			"switch SVM (\"AMD-V\") or VMX (\"VT-x\", \"virtualization\") on in the firmware's set-up",
		[OVBS_REASON_OTHER_HYPERVISOR] =
			"let openvbs start first, or switch the other hypervisor off; in a virtual machine, switch nested virtualization on at the host",
		[OVBS_REASON_NO_SECURE_BOOT] =
			"switch Secure Boot on in the firmware's set-up, or require less: `vbsctl enable --level 0`",
		[OVBS_REASON_NO_IOMMU] =
			"switch the IOMMU (AMD-Vi, VT-d) on in the firmware's set-up, or require less: `vbsctl enable --level 1` runs without DMA protection, too",
		[OVBS_REASON_IMAGE_REFUSED] = "openvbs.efi is damaged or not signed: install it again",
		[OVBS_REASON_OUT_OF_MEMORY] =
			"firmware had no free block of memory that is large enough: give the machine more memory",
		[OVBS_REASON_REBOOT_REQUIRED] = "reboot",
		[OVBS_REASON_OPTED_OUT] = "`vbsctl enable`, then reboot, switches it on again",
		[OVBS_REASON_OTHER] = "see check and evidence; `vbsctl report` makes a file for a bug report",
	};
	const char *s = (unsigned int)reason < ARRAY_SIZE(advice) ? advice[reason] : NULL;

	return text_of(s);
}

const char *state_check_advice(const char *check, enum ovbs_reason reason)
{
	/* the checks that are this file's own, and those that say more than their reason */
	static const struct {
		const char *check, *advice;
	} own[] = {
		{ "loader.not_started",
		  "put openvbs first in the boot order (efibootmgr --bootorder), then reboot" },
		{ "iommu.enable",
		  "update the firmware, or require less: `vbsctl enable --level 1` runs without DMA protection, too; `vbsctl report` makes a file for a bug report" },
		{ "level.shim",
		  "let shim check signatures again: mokutil --enable-validation, reboot, confirm on the screen; or require less: `vbsctl enable --level 0`" },
		{ "status.unreadable", "run as root, with efivarfs mounted on /sys/firmware/efi/efivars" },
		{ "status.missing", "reboot; if it stays so, `vbsctl report` makes a file for a bug report" },
		{ "status.contradiction", "`vbsctl report` makes a file for a bug report" },
		{ "settings.unreadable", "run as root, with efivarfs and the EFI system partition mounted" },
		{ "vtl1.no_hypervisor", "do not trust the status: look at it with `vbsctl diagnose`" },
		{ "vtl1.no_module", "modprobe openvbs; if there is no such module, install it for this kernel" },
		{ "vtl1.no_access", "run as root, or as a member of the group openvbs" },
		{ "vtl1.no_answer",
		  "read /sys/kernel/security/openvbs/log; `vbsctl report` makes a file for a bug report" },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(own); i++)
		if (strcmp(own[i].check, check) == 0)
			return own[i].advice;
	return state_advice(reason);
}

static bool leap(unsigned int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

void state_time(uint64_t when_s, char text[STATE_TIME_SIZE])
{
	static const uint8_t days_of[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	unsigned int days, rest, year = 1970, month = 0, length;

	if (when_s == 0 || when_s >= YEAR_10000) {
		ovbs_snprintf(text, STATE_TIME_SIZE, "unknown time");
		return;
	}
	days = (unsigned int)(when_s / 86400);
	rest = (unsigned int)(when_s % 86400);
	for (; days >= (leap(year) ? 366u : 365u); year++)
		days -= leap(year) ? 366u : 365u;
	for (;; month++) {
		length = days_of[month] + (month == 1 && leap(year) ? 1u : 0u);
		if (days < length)
			break;
		days -= length;
	}
	ovbs_snprintf(text, STATE_TIME_SIZE, "%04u-%02u-%02u %02u:%02u UTC", year, month + 1,
		      days + 1, rest / 3600, rest / 60 % 60);
}

/* This boot's settings, from the status; version 1 had none. */
static void find_settings(const struct state_facts *f, struct state *s)
{
	const struct ovbs_status *status = f->status;

	s->next_known = f->next_known;
	if (f->next_known)
		s->next = f->next;
	s->now_known = f->loader == STATE_LOADER_RAN && status->version >= 2;
	if (!s->now_known)
		return;
	for (unsigned int id = 0; id < OVBS_SETTINGS; id++) {
		s->now.v[id].value = status->setting[id].value;
		s->now.v[id].source = (enum ovbs_source)status->setting[id].source;
	}
	s->now.opted_out = (status->findings & OVBS_FOUND_OPTED_OUT) != 0;
}

/* The settings that `configured` and everything that follows from it are taken from. */
static const struct settings *decisive(const struct state *s)
{
	return s->next_known ? &s->next : &s->now;
}

static void find_configured(const struct state_facts *f, struct state *s)
{
	const struct settings_value *vbs = &decisive(s)->v[OVBS_SET_VBS];
	bool now_on = s->now.v[OVBS_SET_VBS].value == 1;

	s->known = s->next_known || f->loader == STATE_LOADER_RAN;
	s->source = vbs->source;
	if (s->next_known || s->now_known)
		s->configured = vbs->value == 1;
	else if (s->known) /* a status of version 1 has no settings, but a reason */
		s->configured = f->status->reason != OVBS_REASON_NOT_CONFIGURED &&
				f->status->reason != OVBS_REASON_OPTED_OUT;
	else
		s->configured = s->running; /* something must have asked for it */
	if (s->next_known)
		s->from = s->now_known && now_on == s->configured ? STATE_FROM_NOW : STATE_FROM_NEXT_BOOT;
}

static void give(struct state *s, enum ovbs_reason reason, const char *check, const char *fmt, ...)
	__printf(4, 5);

static void give(struct state *s, enum ovbs_reason reason, const char *check, const char *fmt, ...)
{
	va_list args;

	s->reason = reason;
	ovbs_snprintf(s->check, sizeof(s->check), "%s", check);
	va_start(args, fmt);
	ovbs_vsnprintf(s->evidence, sizeof(s->evidence), fmt, args);
	va_end(args);
}

static void give_off(const struct state_facts *f, struct state *s)
{
	static const struct ovbs_platform nothing;
	struct verdict v;

	if (!s->known) {
		give(s, OVBS_REASON_OTHER, "settings.unreadable", "%.150s",
		     text_of(f->next_why)[0] != '\0' ? f->next_why : "no source of settings could be read");
		return;
	}
	if (!s->next_known && !s->now_known) {
		give(s, (enum ovbs_reason)f->status->reason, "settings.vbs", "%.*s",
		     (int)sizeof(f->status->evidence) - 1, f->status->evidence);
		return;
	}
	/* the loader's own words: with VBS off nothing of the platform is looked at */
	if (level_decide(decisive(s), &nothing, &v))
		verdict_set(&v, OVBS_REASON_NOT_CONFIGURED, "settings.vbs", "not configured");
	give(s, v.reason, v.check, "%s", v.evidence);
}

static const char *order_words(enum ovbs_fact order)
{
	if (order == OVBS_FACT_YES)
		return "the next boot starts it";
	return order == OVBS_FACT_NO ? "the boot order does not start it" :
				       "whether the boot order starts it can't be told";
}

static void give_no_loader(const struct state_facts *f, struct state *s)
{
	const char *why = text_of(f->loader_why);

	if (f->loader == STATE_LOADER_UNREADABLE)
		give(s, OVBS_REASON_OTHER, "status.unreadable", "OpenvbsStatus: %.140s",
		     why[0] != '\0' ? why : "can't be read");
	else if (f->cpuid)
		give(s, OVBS_REASON_OTHER, "status.missing",
		     "CPUID 40000000h shows openvbs, but there is no OpenvbsStatus: %.80s", why);
	else
		give(s, OVBS_REASON_OTHER, "loader.not_started",
		     "openvbs.efi was not started in this boot; %s", order_words(f->boot_order));
}

/* The loader started it, but VTL1 did not answer. */
static void give_no_proof(const struct state_facts *f, struct state *s)
{
	const char *why = text_of(f->proof_why);

	if (f->proof == STATE_PROOF_NO_ACCESS)
		give(s, OVBS_REASON_OTHER, "vtl1.no_access", "the loader says running; /dev/openvbs: %.110s",
		     why[0] != '\0' ? why : "permission denied");
	else if (f->proof == STATE_PROOF_FAILED)
		give(s, OVBS_REASON_OTHER, "vtl1.no_answer",
		     "the loader says running, but the call into VTL1 failed: %.90s",
		     why[0] != '\0' ? why : "no reason given");
	else if (f->cpuid)
		give(s, OVBS_REASON_OTHER, "vtl1.no_module",
		     "the loader says running and CPUID shows openvbs, but there is no /dev/openvbs: the module openvbs is not loaded");
	else
		give(s, OVBS_REASON_OTHER, "vtl1.no_hypervisor",
		     "the loader says running, but CPUID 40000000h does not show openvbs");
}

static void give_loaders(const struct ovbs_status *status, struct state *s)
{
	if (status->reason == OVBS_REASON_NONE)
		give(s, OVBS_REASON_OTHER, "status.contradiction",
		     "the loader says not running, but gives no reason");
	else
		give(s, (enum ovbs_reason)status->reason, "loader", "%.*s",
		     (int)sizeof(status->evidence) - 1, status->evidence);
	if (status->reason != OVBS_REASON_NONE && status->check[0] != '\0')
		ovbs_snprintf(s->check, sizeof(s->check), "%.*s", (int)sizeof(status->check) - 1,
			      status->check);
}

static void find_reason(const struct state_facts *f, struct state *s)
{
	const struct ovbs_status *status = f->status;

	if (s->running)
		return;
	if (!s->configured)
		give_off(f, s);
	else if (f->loader != STATE_LOADER_RAN)
		give_no_loader(f, s);
	else if (status->state == OVBS_STATE_RUNNING)
		give_no_proof(f, s);
	else if (status->reason == OVBS_REASON_NOT_CONFIGURED || status->reason == OVBS_REASON_OPTED_OUT)
		give(s, OVBS_REASON_REBOOT_REQUIRED, "settings.changed",
		     "this boot began with it off (%s); %s has switched it on since%s",
		     reason_name((enum ovbs_reason)status->reason), source_name(s->source),
		     f->boot_order == OVBS_FACT_NO ? ", but the boot order does not start openvbs" : "");
	else
		give_loaders(status, s);
}

static void find_advice(const struct state_facts *f, struct state *s)
{
	if (s->running)
		s->advice = "";
	else if (strcmp(s->check, "loader.not_started") == 0 && f->boot_order == OVBS_FACT_YES)
		s->advice = "reboot";
	else
		s->advice = state_check_advice(s->check, s->reason);
}

static void find_text(struct state *s)
{
	char when[STATE_TIME_SIZE];

	s->status = s->running ? 2 : s->configured ? 1 : 0;
	if (s->running && s->configured) {
		ovbs_snprintf(s->text, sizeof(s->text), "Running");
	} else if (!s->running && !s->configured) {
		ovbs_snprintf(s->text, sizeof(s->text), "Not enabled");
	} else if (s->configured) {
		/* "other" alone tells nothing */
		if (s->reason == OVBS_REASON_OTHER)
			ovbs_snprintf(s->text, sizeof(s->text),
				      "Enabled but not running: other (%s)", s->check);
		else
			ovbs_snprintf(s->text, sizeof(s->text), "Enabled but not running: %s",
				      reason_name(s->reason));
	} else if (s->change.known) {
		state_time(s->change.when_s, when);
		ovbs_snprintf(s->text, sizeof(s->text), "Running, off at the next boot (%s by user %u, %s)",
			      s->change.by[0] != '\0' ? s->change.by : source_name(s->source),
			      s->change.uid, when);
	} else {
		ovbs_snprintf(s->text, sizeof(s->text), "Running, off at the next boot (%s, unknown time)",
			      source_name(s->source));
	}
}

static void pend(struct state *s, const char *fmt, ...) __printf(2, 3);

static void pend(struct state *s, const char *fmt, ...)
{
	size_t used = strlen(s->pending);
	va_list args;

	s->pending_reboot = true;
	if (used > 0) {
		ovbs_snprintf(s->pending + used, sizeof(s->pending) - used, "; ");
		used = strlen(s->pending);
	}
	va_start(args, fmt);
	ovbs_vsnprintf(s->pending + used, sizeof(s->pending) - used, fmt, args);
	va_end(args);
}

static void find_pending(const struct state_facts *f, struct state *s)
{
	if (f->opt_out_pending)
		pend(s, "the opt-out program asks at the console");
	if (!s->next_known)
		return;
	if (!s->now_known) {
		/* not with this loader, and not with these settings: a start of it is a change */
		if (s->configured && f->loader == STATE_LOADER_ABSENT && !f->cpuid &&
		    f->boot_order == OVBS_FACT_YES)
			pend(s, "openvbs starts");
		return;
	}
	for (unsigned int id = 0; id < OVBS_SETTINGS; id++)
		if (s->now.v[id].value != s->next.v[id].value)
			pend(s, "%s %u -> %u", state_setting_name((enum ovbs_setting)id),
			     s->now.v[id].value, s->next.v[id].value);
	if (s->now.opted_out != s->next.opted_out)
		pend(s, s->next.opted_out ? "the opt-out counts" : "the opt-out no longer counts");
}

static bool vmx_may(const struct ovbs_cpu_facts *cpu, unsigned int bit)
{
	return (cpu->vmx[VMX_PROCBASED2] & VMX_MAY(bit)) != 0;
}

static uint32_t cpu_properties(const struct ovbs_cpu_facts *cpu)
{
	bool svm = checks_kind(cpu) == CPU_KIND_SVM;
	uint32_t mask = 0;

	if (svm ? (cpu->svm_edx & SVM_EDX_GMET) != 0 : vmx_may(cpu, VMX_PROC2_MBEC))
		mask |= STATE_BIT(STATE_MBEC);
	if (svm ? (cpu->svm_edx & SVM_EDX_AVIC) != 0 :
		  vmx_may(cpu, VMX_PROC2_APIC_REGISTERS) && vmx_may(cpu, VMX_PROC2_APIC_INTERRUPT))
		mask |= STATE_BIT(STATE_APIC_VIRTUALIZATION);
	return mask;
}

static void find_properties(const struct state_facts *f, struct state *s)
{
	uint32_t level = decisive(s)->v[OVBS_SET_LEVEL].value;
	const struct ovbs_platform *p = f->platform;
	struct verdict v;

	if (s->configured && level != 0)
		s->required = STATE_BIT(STATE_BASE_VIRTUALIZATION) | STATE_BIT(STATE_SECURE_BOOT);
	if (s->configured && level == 3)
		s->required |= STATE_BIT(STATE_DMA_PROTECTION);
	if (s->running || f->cpuid)
		s->available |= STATE_BIT(STATE_BASE_VIRTUALIZATION);
	if (p == NULL || p->size == 0)
		return;
	s->available_known = true;
	if (checks_decide(&p->cpu, &v))
		s->available |= STATE_BIT(STATE_BASE_VIRTUALIZATION);
	if (level_secure_boot(p) == NULL)
		s->available |= STATE_BIT(STATE_SECURE_BOOT);
	if (p->iommu == OVBS_FACT_YES && p->dma != OVBS_DMA_FAILED)
		s->available |= STATE_BIT(STATE_DMA_PROTECTION);
	s->dma_protection = s->running && p->by_loader && p->dma == OVBS_DMA_ENFORCED;
	if (p->mor_lock == OVBS_FACT_YES)
		s->available |= STATE_BIT(STATE_SECURE_MOR);
	if (p->mat == OVBS_FACT_YES)
		s->available |= STATE_BIT(STATE_UEFI_NX);
	if (p->wsmt == OVBS_FACT_YES && (p->wsmt_flags & WSMT_ALL) == WSMT_ALL)
		s->available |= STATE_BIT(STATE_SMM_MITIGATIONS);
	s->available |= cpu_properties(&p->cpu);
}

static void find_service(const struct state_facts *f, struct state *s, struct state_service *service)
{
	const struct settings_value *v = &decisive(s)->v[service->setting];
	bool now = s->now_known && s->now.v[OVBS_SET_VBS].value == 1 &&
		   s->now.v[service->setting].value != 0;

	service->name = state_service_name(service->id);
	service->source = v->source;
	service->configured = s->configured && v->value != 0;
	service->running = s->running && (f->services_running & STATE_BIT(service->id)) != 0;
	if (service->configured)
		s->services_configured |= STATE_BIT(service->id);
	if (service->running) {
		s->services_running |= STATE_BIT(service->id);
		return;
	}
	if (!s->next_known && !s->now_known)
		ovbs_snprintf(service->why, sizeof(service->why), "its settings are not known");
	else if (!service->configured && v->value == 0)
		ovbs_snprintf(service->why, sizeof(service->why), "%s=0",
			      state_setting_name(service->setting));
	else if ((f->services_built & STATE_BIT(service->id)) == 0)
		ovbs_snprintf(service->why, sizeof(service->why), "not built into this version");
	else if (!s->configured)
		ovbs_snprintf(service->why, sizeof(service->why), "virtualization-based security is off");
	else if (!s->running)
		ovbs_snprintf(service->why, sizeof(service->why),
			      "virtualization-based security does not run");
	else if (!now)
		ovbs_snprintf(service->why, sizeof(service->why), "reboot required");
	else
		ovbs_snprintf(service->why, sizeof(service->why), "VTL1 does not say that it runs%s",
			      service->id == STATE_MEMORY_INTEGRITY ?
				      ": openvbs.ko was not told to lock the kernel down (integrity=1)" :
				      "");
}

static void find_services(const struct state_facts *f, struct state *s)
{
	static const struct {
		enum state_service_id id;
		enum ovbs_setting setting;
	} list[STATE_SERVICES] = {
		{ STATE_CREDENTIAL_GUARD, OVBS_SET_LSA_CFG },
		{ STATE_MEMORY_INTEGRITY, OVBS_SET_HVCI },
		{ STATE_SECURE_LAUNCH, OVBS_SET_SYSTEM_GUARD },
	};

	for (unsigned int i = 0; i < STATE_SERVICES; i++) {
		s->service[i].id = list[i].id;
		s->service[i].setting = list[i].setting;
		find_service(f, s, &s->service[i]);
	}
}

void state_compute(const struct state_facts *facts, struct state *out)
{
	memset(out, 0, sizeof(*out));
	out->running = facts->proof == STATE_PROOF_OK;
	out->change = facts->change;
	out->change.by[sizeof(out->change.by) - 1] = '\0';
	find_settings(facts, out);
	find_configured(facts, out);
	find_reason(facts, out);
	find_advice(facts, out);
	find_text(out);
	find_pending(facts, out);
	find_properties(facts, out);
	find_services(facts, out);
}
