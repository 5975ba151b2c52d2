/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the settings come from: the built-in defaults, then the settings file
 * on the device that the loader itself came from, then the load options of the
 * boot entry. A later source wins; what is bad is said and left out.
 */
#include "loader.h"

#include "ovbs_string.h"
#include "print.h"

#define SETTINGS_FILE UCS2("\\EFI\\openvbs\\openvbs.conf")

static void cant(struct loader *l, const char *what, EFI_STATUS status)
{
	config_problem(&l->config, "openvbs.conf: %s: EFI status %llxh", what, (unsigned long long)status);
}

/* UEFI 2.10, 13.5.5: Read returns fewer bytes only at the file's end. */
static void read_file(struct loader *l, EFI_FILE_HANDLE file)
{
	static uint8_t text[CONFIG_FILE_MAX + 1]; /* one more: to see that it is too large */
	UINTN size = sizeof(text);
	EFI_STATUS status = file->Read(file, &size, text);

	if (status == EFI_SUCCESS)
		config_parse_file(&l->config, text, size);
	else
		cant(l, "can't read it", status);
}

/* No file is as good as an empty one, and so is a device without files (network boot). */
static void read_settings_file(struct loader *l)
{
	EFI_GUID guid = SIMPLE_FILE_SYSTEM_PROTOCOL;
	EFI_FILE_IO_INTERFACE *volume;
	EFI_FILE_HANDLE root, file;
	EFI_STATUS status;

	if (l->bs->HandleProtocol(l->self->DeviceHandle, &guid, (void **)&volume) != EFI_SUCCESS)
		return;
	status = volume->OpenVolume(volume, &root);
	if (status != EFI_SUCCESS) {
		cant(l, "can't open the volume", status);
		return;
	}
	status = root->Open(root, &file, SETTINGS_FILE, EFI_FILE_MODE_READ, 0);
	if (status == EFI_SUCCESS) {
		read_file(l, file);
		file->Close(file);
	} else if (status != EFI_NOT_FOUND) {
		cant(l, "can't open it", status);
	}
	root->Close(root);
}

void settings_read(struct loader *l)
{
	config_defaults(&l->config);
	read_settings_file(l);
	config_parse_load_options(&l->config, l->self->LoadOptions, l->self->LoadOptionsSize);
	if (l->config.problem[0] != '\0')
		say(l->st, "openvbs: settings: %s", l->config.problem);
}
