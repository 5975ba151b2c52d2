// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attacks on the settings: UEFI variables by the firmware's own runtime
 * services, called from ring 0, and the flash that they lie in. Outcomes:
 * "refused" (with the EFI status), "written", "hidden", "visible", "unchanged",
 * "changed". What follows from a "written" is seen at the next boot
 * (tests/attack/settings.py).
 */
#include <linux/crc32.h>
#include <linux/efi.h>
#include <linux/io.h>
#include <linux/string.h>
#include <openvbs/settings.h>

#include "attack.h"

#define BOOT	(EFI_VARIABLE_NON_VOLATILE | EFI_VARIABLE_BOOTSERVICE_ACCESS)
#define COMMON	(BOOT | EFI_VARIABLE_RUNTIME_ACCESS)

static efi_guid_t ours = EFI_GUID(0x4f70656e, 0x5642, 0x5300, 0x8c, 0x21, 0x3b, 0x1d, 0x7e, 0x40, 0xa9, 0xc2);
static efi_guid_t global = EFI_GUID(0x8be4df61, 0x93ca, 0x11d2, 0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c);

static void widen(efi_char16_t *out, const char *text)
{
	while ((*out++ = *text++))
		;
}

static efi_status_t set(const char *name, efi_guid_t *guid, u32 attributes, void *data, size_t size)
{
	efi_char16_t wide[64];

	widen(wide, name);
	return efi.set_variable(wide, guid, attributes, size, data);
}

/* A good record that says: VBS off, no lock. */
static void record_off(struct ovbs_record *r, u32 generation, u32 base_generation)
{
	static const u16 ids[] = { OVBS_SET_VBS, OVBS_SET_LOCKED, OVBS_SET_MANDATORY, OVBS_SET_HVCI, OVBS_SET_LSA_CFG };
	size_t i;

	memset(r, 0, sizeof(*r));
	r->magic = OVBS_RECORD_MAGIC;
	r->version = OVBS_RECORD_VERSION;
	r->size = sizeof(*r);
	r->generation = generation;
	r->base_generation = base_generation;
	for (i = 0; i < ARRAY_SIZE(ids); i++)
		r->value[r->count++].id = ids[i];
	r->crc32 = ~crc32_le(~0u, (u8 *)r, sizeof(*r));
}

struct form {
	const char *what;
	u32 attributes;
	bool empty;
};

/* Every way that the specification knows to make, change or delete a variable. */
static const struct form forms[] = {
	{ "boot", BOOT, false },
	{ "common", COMMON, false },
	{ "volatile", EFI_VARIABLE_BOOTSERVICE_ACCESS | EFI_VARIABLE_RUNTIME_ACCESS, false },
	{ "append", COMMON | EFI_VARIABLE_APPEND_WRITE, false },
	{ "append_boot", BOOT | EFI_VARIABLE_APPEND_WRITE, false },
	{ "auth", COMMON | EFI_VARIABLE_TIME_BASED_AUTHENTICATED_WRITE_ACCESS, false },
	{ "auth_boot", BOOT | EFI_VARIABLE_TIME_BASED_AUTHENTICATED_WRITE_ACCESS, false },
	{ "hardware_error", COMMON | EFI_VARIABLE_HARDWARE_ERROR_RECORD, false },
	{ "delete", 0, true },
	{ "delete_boot", BOOT, true },
	{ "delete_common", COMMON, true },
};

/* After each try that went through, the variable is taken away again: the tries must not help each other. */
static void vars_forms(struct report *r, const char *variable, const char *prefix)
{
	struct ovbs_record record;
	efi_status_t status;
	char name[48];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(forms); i++) {
		record_off(&record, 2, 0);
		status = set(variable, &ours, forms[i].attributes, forms[i].empty ? NULL : &record,
			     forms[i].empty ? 0 : sizeof(record));
		snprintf(name, sizeof(name), "%s_%s", prefix, forms[i].what);
		row(r, name, status == EFI_SUCCESS ? "written" : "refused", "EFI status %lx", status);
		if (status == EFI_SUCCESS && !forms[i].empty)
			set(variable, &ours, forms[i].attributes & ~EFI_VARIABLE_APPEND_WRITE, NULL, 0);
	}
}

static void lock_forms(struct report *r)
{
	vars_forms(r, OVBS_SETTINGS_LOCK_VARIABLE, "lock");
}

static void read_variable(struct report *r, const char *variable, const char *name)
{
	u8 data[sizeof(struct ovbs_record)];
	unsigned long size = sizeof(data);
	efi_char16_t wide[64];
	efi_status_t status;
	u32 attributes;

	widen(wide, variable);
	status = efi.get_variable(wide, &ours, &attributes, &size, data);
	row(r, name, status == EFI_SUCCESS ? "visible" : "hidden", "EFI status %lx", status);
}

/* The local values show that reading works. */
static void lock_read(struct report *r)
{
	read_variable(r, OVBS_SETTINGS_LOCK_VARIABLE, "lock_read");
	read_variable(r, OVBS_SETTINGS_VARIABLE, "settings_read");
}

/* What Secure Boot hangs on; without a signature by the platform key. */
static void secure_boot_vars(struct report *r)
{
	static const char *const names[] = { "PK", "KEK", "db", "SecureBoot", "SetupMode" };
	char name[48];
	efi_status_t status;
	u8 one = 1;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		efi_guid_t guid = strcmp(names[i], "db") ? global : EFI_IMAGE_SECURITY_DATABASE_GUID;

		status = set(names[i], &guid, i < 3 ? COMMON | EFI_VARIABLE_TIME_BASED_AUTHENTICATED_WRITE_ACCESS : COMMON,
			     i < 3 ? NULL : &one, i < 3 ? 0 : 1);
		snprintf(name, sizeof(name), "%s_write", names[i]);
		row(r, name, status == EFI_SUCCESS ? "written" : "refused", "EFI status %lx", status);
	}
}

/* The administrator's own places: writing there is allowed, what matters is the next boot. */
static void settings_off(struct report *r)
{
	struct ovbs_record record;
	efi_status_t status;

	record_off(&record, 1000, 0);
	status = set(OVBS_SETTINGS_VARIABLE, &ours, COMMON, &record, sizeof(record));
	row(r, "settings_off", status == EFI_SUCCESS ? "written" : "refused", "EFI status %lx", status);
}

static void settings_delete(struct report *r)
{
	efi_status_t status = set(OVBS_SETTINGS_VARIABLE, &ours, COMMON, NULL, 0);

	row(r, "settings_delete", status == EFI_SUCCESS ? "written" : "refused", "EFI status %lx", status);
}

/* Only where no lock is: there it must not be taken for one. */
static void lock_shadow(struct report *r)
{
	struct ovbs_record record;
	efi_status_t status;

	record_off(&record, 1, 0);
	status = set(OVBS_SETTINGS_LOCK_VARIABLE, &ours, COMMON, &record, sizeof(record));
	row(r, "lock_shadow", status == EFI_SUCCESS ? "written" : "refused", "EFI status %lx", status);
}

#define FLASH_VARS  0xFFC00000ull /* OVMF with 4 MiB: the variables come first */
#define FLASH_BYTES 0x84000u
#define CFI_PROGRAM 0x40
#define CFI_ERASE   0x20
#define CFI_CONFIRM 0xD0
#define CFI_ARRAY   0xFF
#define SIGNATURE   40 /* "_FVH" of the volume (PI 1.8, volume 3, 3.2.1): not 0, so programming 0 would show */

/* Program and erase by the chip's own commands, past the firmware. */
static void flash(struct report *r)
{
	u8 __iomem *map = ioremap(FLASH_VARS, FLASH_BYTES);
	u8 before[2], after[2];

	if (!map) {
		row(r, "flash_program", "nomap", "can't be mapped");
		row(r, "flash_erase", "nomap", "can't be mapped");
		return;
	}
	before[0] = readb(map + SIGNATURE);
	writeb(CFI_PROGRAM, map + SIGNATURE);
	writeb(0, map + SIGNATURE);
	writeb(CFI_ARRAY, map);
	after[0] = readb(map + SIGNATURE);
	row(r, "flash_program", before[0] == after[0] ? "unchanged" : "changed", "%x %x", before[0], after[0]);
	before[1] = after[0];
	writeb(CFI_ERASE, map);
	writeb(CFI_CONFIRM, map);
	writeb(CFI_ARRAY, map);
	after[1] = readb(map + SIGNATURE);
	row(r, "flash_erase", before[1] == after[1] ? "unchanged" : "changed", "%x %x", before[1], after[1]);
	iounmap(map);
}

const struct attack vars_attacks[] = {
	{ "lock_forms", lock_forms },
	{ "lock_read", lock_read },
	{ "secure_boot_vars", secure_boot_vars },
	{ "settings_off", settings_off },
	{ "settings_delete", settings_delete },
	{ "lock_shadow", lock_shadow },
	{ "flash", flash },
	{ },
};
