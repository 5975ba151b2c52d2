/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The status: a line for the person, a configuration table and a variable for
 * the operating system (include/openvbs/status.h).
 *
 * The table lies in EfiRuntimeServicesData, which UEFI 2.10, 2.3.4 recommends
 * for configuration tables: it stays after ExitBootServices, no operating
 * system ever reclaims it (ACPI reclaim memory may be reused once its tables
 * are read), and Linux lists it as reserved, so that a module may map it.
 */
#include "loader.h"

#include "cpu.h"
#include "format.h"
#include "ovbs_string.h"
#include "platform.h"
#include "print.h"

static EFI_GUID status_guid = OVBS_STATUS_GUID_INIT;

static struct ovbs_status *published(const struct loader *l)
{
	return (struct ovbs_status *)platform_table(l, &status_guid);
}

/* A table alone can be anybody's: the CPU must say so, too. */
bool status_running(const struct loader *l)
{
	const struct ovbs_status *s = published(l);

	return s != NULL && s->magic == OVBS_STATUS_MAGIC && s->size >= OVBS_STATUS_SIZE_V1 &&
	       s->state == OVBS_STATE_RUNNING && cpu_hypervisor_answers();
}

static void fill_settings(const struct loader *l, struct ovbs_status *s)
{
	const struct records *r = &l->records;

	for (unsigned int i = 0; i < OVBS_SETTINGS; i++) {
		uint32_t held;

		if (record_get(&r->lock, (enum ovbs_setting)i, &held))
			s->setting[i].held = (uint8_t)(held + 1);
		s->setting[i].value = l->settings.v[i].value;
		s->setting[i].source = (uint8_t)l->settings.v[i].source;
	}
	s->lock = r->lock_state;
	s->findings = r->findings;
	s->local_generation = r->from.local != NULL ? r->from.local->generation : 0;
	s->policy_generation = r->from.policy != NULL ? r->from.policy->generation : 0;
	memcpy(s->esp_partition, l->esp_partition, sizeof(s->esp_partition));
	memcpy(s->note, r->note, sizeof(s->note));
	s->platform = l->platform;
}

static void fill(const struct loader *l, struct ovbs_status *s)
{
	memset(s, 0, sizeof(*s));
	s->magic = OVBS_STATUS_MAGIC;
	s->version = OVBS_STATUS_VERSION;
	s->size = sizeof(*s);
	s->state = l->running ? OVBS_STATE_RUNNING : OVBS_STATE_NOT_RUNNING;
	s->reason = l->verdict.reason;
	if (l->running) {
		s->log_gpa = l->log_gpa;
		s->log_size = l->log_size;
		s->stats_gpa = l->stats_gpa;
		s->stats_size = l->stats_size;
		s->memory_bytes = l->memory_bytes;
		s->cpus = l->cpu_count;
	}
	fill_settings(l, s);
	memcpy(s->check, l->verdict.check, sizeof(s->check));
	memcpy(s->evidence, l->verdict.evidence, sizeof(s->evidence));
	ovbs_snprintf(s->build, sizeof(s->build), "%s", OVBS_VERSION);
}

/*
 * The variable is volatile and has boot-service and runtime access: firmware
 * itself makes it read-only at ExitBootServices (UEFI 2.10, 8.2.2). One of
 * that name in flash, left by somebody else, would win: delete it first.
 */
static void publish_variable(struct loader *l, struct ovbs_status *s)
{
	uint32_t attributes = EFI_VARIABLE_BOOTSERVICE_ACCESS | EFI_VARIABLE_RUNTIME_ACCESS;
	CHAR16 *name = UCS2(OVBS_STATUS_VARIABLE);
	EFI_STATUS status;

	l->rt->SetVariable(name, &status_guid, 0, 0, NULL);
	status = l->rt->SetVariable(name, &status_guid, attributes, sizeof(*s), s);
	if (status != EFI_SUCCESS)
		say(l->st, "openvbs: status variable: EFI status %llxh", (unsigned long long)status);
}

static void publish_table(struct loader *l)
{
	struct ovbs_status *s = published(l);
	EFI_STATUS status = EFI_SUCCESS;

	if (s == NULL || s->magic != OVBS_STATUS_MAGIC || s->size < sizeof(*s)) /* an older version's is smaller */
		status = l->bs->AllocatePool(EfiRuntimeServicesData, sizeof(*s), (void **)&s);
	if (status == EFI_SUCCESS) {
		fill(l, s);
		status = l->bs->InstallConfigurationTable(&status_guid, s);
	}
	if (status != EFI_SUCCESS) {
		say(l->st, "openvbs: status table: EFI status %llxh", (unsigned long long)status);
		return;
	}
	publish_variable(l, s);
}

static void print_line(const struct loader *l)
{
	const struct verdict *v = &l->verdict;

	if (l->running)
		say(l->st, "openvbs " OVBS_VERSION ": running, %u CPUs", l->cpu_count);
	else
		say(l->st, "openvbs: not running: %s (%s): %s", reason_name(v->reason), v->check,
		    v->evidence);
}

/*
 * Started a second time in one boot, this program finds itself running. Then
 * the table of the first start stays: it says how the machine is.
 */
void status_publish(struct loader *l)
{
	verdict_add(&l->verdict, "%s", platform_secure_boot(l));
	if (l->config.problem[0] != '\0')
		verdict_add(&l->verdict, "settings: %s", l->config.problem);
	if (!l->second)
		publish_table(l);
	print_line(l);
}
