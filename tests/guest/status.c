/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Prints openvbs's status as an operating system would find it: the
 * configuration table field by field, whether the variable says the same, and
 * what the CPU answers. Then starts \EFI\next.efi if it is there, returns if
 * the load options say "return", or powers off.
 */
#include "guest.h"

#include <openvbs/status.h>

#include "cpu.h"
#include "format.h"
#include "ovbs_string.h"

static EFI_GUID status_guid = OVBS_STATUS_GUID_INIT;

static const struct ovbs_status *find_table(struct guest *g)
{
	const struct ovbs_status *found = NULL;
	unsigned int count = 0;

	for (UINTN i = 0; i < g->l.st->NumberOfTableEntries; i++) {
		EFI_CONFIGURATION_TABLE *entry = &g->l.st->ConfigurationTable[i];

		if (memcmp(&entry->VendorGuid, &status_guid, sizeof(status_guid)) == 0) {
			found = entry->VendorTable;
			count++;
		}
	}
	if (count != 1)
		say(g->l.st, "status: %u tables", count);
	return found;
}

static void print_settings(EFI_SYSTEM_TABLE *st, const struct ovbs_status *s)
{
	const struct ovbs_platform *p = &s->platform;
	char text[160];
	size_t n = 0;

	for (unsigned int i = 0; i < OVBS_SETTINGS; i++)
		n += (size_t)ovbs_snprintf(text + n, sizeof(text) - n, " %u/%u",
					   s->setting[i].value, s->setting[i].source);
	say(st, "status: settings%s", text);
	say(st, "status: lock=%u findings=%u local=%u policy=%u note=%.96s", s->lock, s->findings,
	    s->local_generation, s->policy_generation, s->note);
	say(st, "status: platform secure_boot=%u setup_mode=%u mor=%u mor_lock=%u iommu=%u kind=%u units=%u dma=%u wsmt=%u mat=%u tpm=%u version=%u banks=%u partition=%02x%02x svm=%u",
	    p->secure_boot, p->setup_mode, p->mor, p->mor_lock, p->iommu, p->iommu_kind,
	    p->iommu_units, p->dma, p->wsmt, p->mat, p->tpm, p->tpm_version, p->tpm_banks,
	    s->esp_partition[0], s->esp_partition[1], p->cpu.ext_ecx >> 2 & 1);
}

static void print_table(struct guest *g, const struct ovbs_status *s)
{
	EFI_SYSTEM_TABLE *st = g->l.st;

	if (s->magic != OVBS_STATUS_MAGIC || s->version != OVBS_STATUS_VERSION || s->size != sizeof(*s))
		say(st, "status: bad header: magic=%x version=%u size=%u", s->magic, s->version, s->size);
	say(st, "status: state=%u reason=%u check=%.32s evidence=%.160s", s->state, s->reason,
	    s->check, s->evidence);
	say(st, "status: cpus=%u memory=%llu build=%.32s log=%llx+%llx stats=%llx+%llx", s->cpus,
	    (unsigned long long)s->memory_bytes, s->build, (unsigned long long)s->log_gpa,
	    (unsigned long long)s->log_size, (unsigned long long)s->stats_gpa,
	    (unsigned long long)s->stats_size);
	print_settings(st, s);
	say(st, "status: table in memory of type %d", guest_memory_type(g, (uint64_t)s));
}

static void compare_variable(struct guest *g, const struct ovbs_status *s)
{
	struct ovbs_status copy;
	UINTN size = sizeof(copy);
	UINT32 attributes = 0;
	EFI_STATUS status = g->l.rt->GetVariable(UCS2(OVBS_STATUS_VARIABLE), &status_guid,
						 &attributes, &size, &copy);

	if (status != EFI_SUCCESS)
		say(g->l.st, "status: variable: EFI status %llxh", (unsigned long long)status);
	else
		say(g->l.st, "status: variable %s, attributes %u",
		    size == sizeof(*s) && memcmp(s, &copy, size) == 0 ? "same" : "differs", attributes);
}

EFI_STATUS EFIAPI efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *st)
{
	static struct guest g;
	const struct ovbs_status *table;
	char options[64];

	if (!guest_init(&g, image, st))
		return EFI_LOAD_ERROR;
	guest_options(&g, options, sizeof(options));
	say(st, "status: load options \"%s\"", options);
	table = find_table(&g);
	if (table != NULL) {
		print_table(&g, table);
		compare_variable(&g, table);
	}
	say(st, "status: CPUID says %s", cpu_hypervisor_answers() ? "openvbs" : "no openvbs");
	say(st, "status: end");
	if (strcmp(options, "return") == 0)
		return EFI_SUCCESS;
	if (guest_file_exists(&g, UCS2("\\EFI\\next.efi")))
		return guest_start(&g, "\\EFI\\next.efi", "");
	guest_power_off(&g);
}
