/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The setting Mandatory: where openvbs is required and does not run, the boot
 * ends here, with the reason and the ways out on the screen. It does not go
 * back to firmware, which would try its next boot entry: the very thing that
 * is to be stopped.
 */
#include "loader.h"

#include "cpu.h"
#include "print.h"

#define OS_INDICATIONS_FIRMWARE_UI 1ull /* UEFI 2.10, 8.5.4: EFI_OS_INDICATIONS_BOOT_TO_FW_UI */

bool mandatory(const struct loader *l)
{
	return l->settings.v[OVBS_SET_VBS].value == 1 && l->settings.v[OVBS_SET_MANDATORY].value == 1;
}

static bool firmware_ui_offered(const struct loader *l)
{
	EFI_GUID global = EFI_GLOBAL_VARIABLE;
	UINT64 supported = 0;
	UINTN size = sizeof(supported);

	return l->rt->GetVariable(UCS2("OsIndicationsSupported"), &global, NULL, &size, &supported) ==
		       EFI_SUCCESS &&
	       (supported & OS_INDICATIONS_FIRMWARE_UI) != 0;
}

static void ask_for_firmware_ui(struct loader *l)
{
	EFI_GUID global = EFI_GLOBAL_VARIABLE;
	UINT64 indications = 0;
	UINTN size = sizeof(indications);

	if (l->rt->GetVariable(UCS2("OsIndications"), &global, NULL, &size, &indications) != EFI_SUCCESS)
		indications = 0;
	indications |= OS_INDICATIONS_FIRMWARE_UI;
	l->rt->SetVariable(UCS2("OsIndications"), &global,
			   EFI_VARIABLE_NON_VOLATILE | EFI_VARIABLE_BOOTSERVICE_ACCESS |
				   EFI_VARIABLE_RUNTIME_ACCESS,
			   sizeof(indications), &indications);
}

/* The next character; false if there is no keyboard that can be waited for. Cursor keys and their like have none. */
static bool next_character(struct loader *l, CHAR16 *character)
{
	EFI_INPUT_KEY key;
	UINTN which;

	if (l->st->ConIn == NULL)
		return false;
	for (;;) {
		if (l->st->ConIn->ReadKeyStroke(l->st->ConIn, &key) == EFI_SUCCESS) {
			if (key.UnicodeChar == 0)
				continue;
			*character = key.UnicodeChar;
			return true;
		}
		if (l->bs->WaitForEvent(1, &l->st->ConIn->WaitForKey, &which) != EFI_SUCCESS)
			return false;
	}
}

void mandatory_stop(struct loader *l)
{
	bool ui = firmware_ui_offered(l);
	CHAR16 key;

	say(l->st, "openvbs: boot stopped: virtualization-based security is mandatory on this machine (%s)",
	    source_name(l->settings.v[OVBS_SET_MANDATORY].source));
	say(l->st, "openvbs: it did not start: %s (%s): %s", reason_name(l->verdict.reason),
	    l->verdict.check, l->verdict.evidence);
	say(l->st, "openvbs: ways out: remove the cause; start \\EFI\\openvbs\\openvbs-optout.efi from the firmware's menu");
	say(l->st, "openvbs: press R to restart%s", ui ? ", F for the firmware's set-up" : "");
	l->bs->SetWatchdogTimer(0, 0, 0, NULL); /* UEFI 2.10, 3.1: it would restart the machine after five minutes */
	while (next_character(l, &key)) {
		if (ui && (key == 'f' || key == 'F'))
			ask_for_firmware_ui(l);
		if (key == 'r' || key == 'R' || (ui && (key == 'f' || key == 'F')))
			l->rt->ResetSystem(EfiResetCold, EFI_SUCCESS, 0, NULL);
	}
	cpu_stop(); /* nobody can press a key: stay */
}
