/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state as JSON: see state_json.h. Honest where there is nothing: empty
 * arrays and zeros for what this version does not have, never invented values.
 */
#include "state_json.h"

#include <systemd/sd-id128.h>

/* Mixed into the machine's id, so that the one that is printed is openvbs's alone. */
static const sd_id128_t instance_app =
	SD_ID128_MAKE(3d, 1f, 8c, 52, 70, 6e, 4b, d0, 91, a4, 5e, 0b, 27, c6, f8, 19);

const char *lock_name(const struct store *s)
{
	static const char *const names[] = {
		[OVBS_LOCK_NONE] = "none",
		[OVBS_LOCK_PRESENT] = "present",
		[OVBS_LOCK_WRITTEN] = "written in this boot, counts from the next one on",
		[OVBS_LOCK_NO_SECURE_BOOT] = "asked for, refused: no Secure Boot, or shim checks no signatures",
		[OVBS_LOCK_FAILED] = "asked for, but firmware refused to write it",
		[OVBS_LOCK_UNREADABLE] = "damaged: treated as locked on, level 1",
	};

	if (!s->status_there || s->status.version < 2)
		return "unknown";
	return s->status.lock < sizeof(names) / sizeof(names[0]) ? names[s->status.lock] : "unknown";
}

static json_t *mask(uint32_t bits)
{
	json_t *array = json_array();

	for (int n = 0; n < 32; n++)
		if ((bits & STATE_BIT(n)) != 0)
			json_array_append_new(array, json_integer(n));
	return array;
}

static void add(json_t *object, const char *name, json_t *value)
{
	json_object_set_new(object, name, value ? value : json_null());
}

static json_t *instance(void)
{
	char text[SD_ID128_UUID_STRING_MAX];
	sd_id128_t id;

	if (sd_id128_get_machine_app_specific(instance_app, &id) < 0)
		return json_null();
	return json_string(sd_id128_to_uuid_string(id, text));
}

static void add_device_guard(json_t *o, const struct state *s)
{
	add(o, "AvailableSecurityProperties", mask(s->available));
	/* 0 off, 2 enforced; 1, audit, is not there. */
	add(o, "CodeIntegrityPolicyEnforcementStatus",
	    json_integer((s->services_running & STATE_BIT(STATE_MEMORY_INTEGRITY)) != 0 ? 2 : 0));
	add(o, "InstanceIdentifier", instance());
	add(o, "RequiredSecurityProperties", mask(s->required));
	add(o, "SecurityFeaturesEnabled", json_array());
	add(o, "SecurityServicesConfigured", mask(s->services_configured));
	add(o, "SecurityServicesRunning", mask(s->services_running));
	add(o, "SmmIsolationLevel", json_integer(0));
	add(o, "UsermodeCodeIntegrityPolicyEnforcementStatus", json_integer(0));
	add(o, "Version", json_string("1.0"));
	add(o, "VirtualizationBasedSecurityStatus", json_integer(s->status));
	add(o, "VirtualMachineIsolation", json_false());
	add(o, "VirtualMachineIsolationProperties", json_array());
}

static json_t *settings_json(const struct state *s)
{
	json_t *all = json_object();

	for (unsigned int id = 0; id < OVBS_SETTINGS; id++) {
		const struct settings_value *now = &s->now.v[id], *next = &s->next.v[id];
		json_t *one = json_object();

		add(one, "Value", s->now_known ? json_integer(now->value) : NULL);
		add(one, "Source", s->now_known ? json_string(source_name(now->source)) : NULL);
		add(one, "NextValue", s->next_known ? json_integer(next->value) : NULL);
		add(one, "NextSource", s->next_known ? json_string(source_name(next->source)) : NULL);
		add(all, state_setting_name((enum ovbs_setting)id), one);
	}
	return all;
}

static json_t *services_json(const struct state *s)
{
	json_t *all = json_array();

	for (unsigned int i = 0; i < STATE_SERVICES; i++) {
		const struct state_service *service = &s->service[i];

		json_array_append_new(
			all, json_pack("{s:i, s:s, s:b, s:b, s:s, s:s}", "Id", (int)service->id,
				       "Name", service->name, "Configured", service->configured,
				       "Running", service->running, "Source",
				       source_name(service->source), "Reason", service->why));
	}
	return all;
}

static json_t *lock_json(const struct store *s)
{
	json_t *values = json_object();
	uint32_t value;

	for (unsigned int id = 0; s->lock_there && id < OVBS_SETTINGS; id++)
		if (record_get(&s->lock, (enum ovbs_setting)id, &value))
			add(values, state_setting_name((enum ovbs_setting)id), json_integer(value));
	return json_pack("{s:s, s:b, s:o}", "State", lock_name(s), "Locked", s->lock_there, "Values", values);
}

static json_t *text_or_null(const char *text)
{
	return *text ? json_string(text) : json_null();
}

static void add_openvbs(json_t *o, const struct live *l)
{
	const struct state *s = &l->state;
	char when[STATE_TIME_SIZE];

	add(o, "Text", json_string(s->text));
	add(o, "Reason", json_integer(s->reason));
	add(o, "ReasonText", json_string(reason_name(s->reason)));
	add(o, "Check", text_or_null(s->check));
	add(o, "Evidence", text_or_null(s->evidence));
	add(o, "WhatToDo", text_or_null(s->advice));
	add(o, "Source", s->next_known || s->now_known ? json_string(source_name(s->source)) : NULL);
	add(o, "AvailableKnown", json_boolean(s->available_known));
	add(o, "KernelDmaProtection", json_boolean(s->dma_protection));
	add(o, "Known", json_boolean(s->known));
	add(o, "Configured", json_boolean(s->configured));
	add(o, "ConfiguredFrom", json_string(s->from == STATE_FROM_NOW ? "now" : "next boot"));
	add(o, "Running", json_boolean(s->running));
	add(o, "NextKnown", json_boolean(s->next_known));
	add(o, "PendingReboot", json_boolean(s->pending_reboot));
	add(o, "PendingChanges", text_or_null(s->pending));
	state_time(s->change.when_s, when);
	add(o, "ChangedBy",
	    s->change.known ? json_sprintf("%s by user %u", s->change.by, s->change.uid) : NULL);
	add(o, "ChangedAt", s->change.known ? json_string(when) : NULL);
	add(o, "Services", services_json(s));
	add(o, "Settings", settings_json(s));
	add(o, "Lock", lock_json(&l->store));
}

json_t *state_json(const struct live *l)
{
	json_t *o = json_object();

	add_device_guard(o, &l->state);
	add_openvbs(o, l);
	return o;
}
