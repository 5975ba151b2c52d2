/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Collecting a report: see report.h. Strings that come from outside are masked
 * when they are taken in, and once more with all others at the end, so that a
 * new part can't forget it.
 */
#define _GNU_SOURCE
#include "report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "diagnose.h"
#include "efivars.h"
#include "files.h"
#include "kmsg.h"
#include "mask.h"
#include "readiness_json.h"
#include "smbios.h"
#include "state_json.h"

#define SECURITYFS     "/sys/kernel/security/openvbs"
#define DMI            "/sys/firmware/dmi/tables"
#define TEXT_MAX       (1u << 20)
#define ENTRIES_MAX    64
#define TITLE_MAX      64
#define DEVICE_SETTLED "/dev/openvbs"

/* A new string without secrets and without what is no ASCII. */
static json_t *masked(const char *text)
{
	char *clean = mask_text(text);
	json_t *value = json_string(clean ? clean : "out of memory");

	free(clean);
	return value;
}

static json_t *unreadable(int error)
{
	return json_sprintf("not read: %s", strerror(error));
}

static json_t *file_json(struct vbsctl *v, const char *path)
{
	size_t len;
	char *text = file_read_all(v, path, TEXT_MAX, &len);
	json_t *value;

	if (!text)
		return unreadable(errno);
	for (size_t i = 0; i < len; i++) /* a log has no 0; if it has, what follows counts, too */
		if (text[i] == '\0')
			text[i] = '?';
	while (len > 0 && text[len - 1] == '\n')
		text[--len] = '\0';
	value = masked(text);
	free(text);
	return value;
}

static json_t *firmware_json(struct vbsctl *v)
{
	char why[SMBIOS_WHY_MAX];
	size_t entry_len, len;
	void *entry = file_read_all(v, DMI "/smbios_entry_point", 4096, &entry_len);
	void *table = entry ? file_read_all(v, DMI "/DMI", TEXT_MAX, &len) : NULL;
	struct smbios s;
	json_t *value;

	if (!table)
		value = unreadable(errno);
	else if (smbios_decode(entry, entry_len, table, len, &s, why) != 0)
		value = json_sprintf("SMBIOS is unreadable: %s", why);
	else
		value = json_pack("{s:o, s:o, s:o, s:o, s:o, s:b}", "Vendor", masked(s.vendor),
				  "Version", masked(s.version), "Date", masked(s.date),
				  "Manufacturer", masked(s.manufacturer), "Product",
				  masked(s.product), "VirtualMachine", s.virtual_machine);
	free(entry);
	free(table);
	return value;
}

/* --- boot entries: numbers and titles, no paths ---------------------------- */

/* UEFI 2.10, 3.1.3: attributes, path length, then the description in UCS-2. */
static void title_of(const struct efivar *var, char title[TITLE_MAX])
{
	size_t n = 0;

	for (size_t at = 6; at + 2 <= var->size && n < TITLE_MAX - 1; at += 2) {
		unsigned int c = var->data[at] | (unsigned int)var->data[at + 1] << 8;

		if (c == 0)
			break;
		title[n++] = c >= ' ' && c <= '~' ? (char)c : '?';
	}
	title[n] = '\0';
}

static json_t *entry_json(struct vbsctl *v, unsigned int number, struct efivar *var)
{
	char name[16], title[TITLE_MAX];
	json_t *text, *value;

	snprintf(name, sizeof(name), "Boot%04X", number & 0xFFFF);
	if (efivar_read(v, name, EFIVARS_GLOBAL_GUID, var) != 0)
		return json_sprintf("%s: absent", name);
	title_of(var, title);
	text = masked(title);
	value = json_sprintf("%s%s %s", name, var->size > 0 && (var->data[0] & 1) != 0 ? "*" : "",
			     json_string_value(text));
	json_decref(text);
	return value;
}

static json_t *boot_json(struct vbsctl *v)
{
	struct efivar *order = malloc(sizeof(*order)), *var = malloc(sizeof(*var));
	int error = order && var ? efivar_read(v, "BootOrder", EFIVARS_GLOBAL_GUID, order) : -ENOMEM;
	json_t *list = json_array();

	if (error)
		json_array_append_new(list, json_sprintf("BootOrder: %s", efivar_words(error)));
	for (size_t at = 0; !error && at + 2 <= order->size && at < 2 * ENTRIES_MAX; at += 2)
		json_array_append_new(
			list, entry_json(v, order->data[at] | (unsigned int)order->data[at + 1] << 8, var));
	free(order);
	free(var);
	return list;
}

/* --- the kernel's messages ------------------------------------------------- */

static bool line_matters(const char *line)
{
	static const char *const words[] = { "openvbs",
					     "secure boot",
					     "lockdown",
					     "module verification",
					     "unavailable key",
					     "unsigned module",
					     "x.509",
					     "integrity:",
					     "dmar",
					     "amd-vi",
					     "iommu",
					     "kvm",
					     "tpm",
					     "svm",
					     "vmx",
					     "hypervisor",
					     "efi:",
					     "key was rejected" };

	for (unsigned int i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasestr(line, words[i]))
			return true;
	return false;
}

static json_t *messages_json(struct vbsctl *v)
{
	char *text = kmsg_read(v), *save = NULL;
	json_t *list = json_array();

	if (!text)
		json_array_append_new(list, unreadable(errno));
	for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line;
	     line = strtok_r(NULL, "\n", &save))
		if (line_matters(line))
			json_array_append_new(list, masked(line));
	free(text);
	return list;
}

/* --- all together ----------------------------------------------------------- */

static json_t *kernel_json(struct vbsctl *v)
{
	return json_pack("{s:o, s:o, s:o, s:o}", "Release",
			 file_json(v, "/proc/sys/kernel/osrelease"), "Version",
			 file_json(v, "/proc/version"), "CommandLine", file_json(v, "/proc/cmdline"),
			 "Lockdown", file_json(v, "/sys/kernel/security/lockdown"));
}

static json_t *module_json(struct vbsctl *v)
{
	return json_pack("{s:b, s:b, s:o, s:o, s:o, s:o, s:o}", "Loaded", file_exists(v, "/sys/module/openvbs"),
			 "Device", file_exists(v, DEVICE_SETTLED), "Version",
			 file_json(v, SECURITYFS "/version"), "Exits",
			 file_json(v, SECURITYFS "/exits"), "Integrity",
			 file_json(v, SECURITYFS "/integrity"), "Modules",
			 file_json(v, SECURITYFS "/modules"), "Log", file_json(v, SECURITYFS "/log"));
}

/* Replace every string of the value. */
static void mask_all(json_t *value)
{
	const char *key;
	json_t *member;
	void *next;
	size_t i;

	json_object_foreach_safe(value, next, key, member)
	{
		if (json_is_string(member))
			json_object_set_new(value, key, masked(json_string_value(member)));
		else
			mask_all(member);
	}
	json_array_foreach(value, i, member)
	{
		if (json_is_string(member))
			json_array_set_new(value, i, masked(json_string_value(member)));
		else
			mask_all(member);
	}
}

json_t *report_collect(struct vbsctl *v, const struct live *l)
{
	struct diagnosis *d = calloc(1, sizeof(*d));
	json_t *report = json_object();
	struct gathered facts;
	struct readiness r;

	gather_judge(v, l, &facts, &r);
	json_object_set_new(report, "Vbsctl", json_string(OVBS_VERSION));
	json_object_set_new(report, "Loader",
			    json_string(l->store.status_there ? l->store.status.build : l->store.status_why));
	json_object_set_new(report, "Status", state_json(l));
	if (d) {
		diagnose_run(v, l, &facts, &r, d);
		json_object_set_new(report, "Diagnosis", diagnose_json(l, d));
	}
	json_object_set_new(report, "Readiness", readiness_json(&facts, &r));
	json_object_set_new(report, "Firmware", firmware_json(v));
	json_object_set_new(report, "BootEntries", boot_json(v));
	json_object_set_new(report, "Kernel", kernel_json(v));
	json_object_set_new(report, "Module", module_json(v));
	json_object_set_new(report, "KernelMessages", messages_json(v));
	mask_all(report);
	free(d);
	return report;
}

static void print_text(FILE *to, const char *text, int depth)
{
	for (const char *end; *text; text = *end ? end + 1 : end) {
		end = strchrnul(text, '\n');
		fprintf(to, "%*s%.*s\n", depth, "", (int)(end - text), text);
	}
}

/* Members as "NAME: VALUE"; what has lines or members of its own stands below its name. */
static void print_value(FILE *to, const char *name, const json_t *value, int depth)
{
	const char *key, *text = json_string_value(value);
	json_t *member;
	char *number;
	size_t i;

	if (text && !strchr(text, '\n')) {
		fprintf(to, "%*s%s%s%s\n", depth, "", name, *name ? ": " : "", text);
		return;
	}
	if (!text && !json_is_object(value) && !json_is_array(value)) {
		number = json_dumps(value, JSON_ENCODE_ANY);
		fprintf(to, "%*s%s%s%s\n", depth, "", name, *name ? ": " : "", number ? number : "?");
		free(number);
		return;
	}
	if (*name) {
		fprintf(to, "%*s%s:\n", depth, "", name);
		depth += 2;
	}
	if (text)
		print_text(to, text, depth);
	json_object_foreach((json_t *)(uintptr_t)value, key, member) print_value(to, key, member, depth);
	json_array_foreach(value, i, member)
	{
		print_value(to, "", member, depth);
		if (json_is_object(member))
			fprintf(to, "\n");
	}
}

void report_print(FILE *to, const json_t *report)
{
	const char *key;
	json_t *member;

	fprintf(to, "openvbs report. Secrets, identifiers and addresses are masked; read it before you pass it on.\n");
	json_object_foreach((json_t *)(uintptr_t)report, key, member)
	{
		fprintf(to, "\n== %s\n", key);
		print_value(to, "", member, 0);
	}
}
