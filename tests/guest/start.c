/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Starts the program that \EFI\tests\start.txt names, with the load options
 * that follow its path: a boot entry without a boot manager.
 */
#include "guest.h"

#include "ovbs_string.h"

#define TEXT_MAX 256

EFI_STATUS EFIAPI efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *st)
{
	static struct guest g;
	char text[TEXT_MAX];
	UINTN size = 0;
	char *options;
	EFI_STATUS status;

	if (!guest_init(&g, image, st))
		return EFI_LOAD_ERROR;
	status = file_read(&g.l, UCS2("\\EFI\\tests\\start.txt"), text, sizeof(text) - 1, &size);
	if (status != EFI_SUCCESS) {
		say(st, "start: start.txt: EFI status %llxh", (unsigned long long)status);
		return status;
	}
	text[size] = '\0';
	for (options = text; *options != '\0' && *options != ' '; options++)
		;
	if (*options == ' ')
		*options++ = '\0';
	return guest_start(&g, text, options);
}
