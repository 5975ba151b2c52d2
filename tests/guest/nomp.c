/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Spoils firmware's multiprocessor services and starts openvbs each time: with
 * a disabled CPU, and without the protocol. With more than one CPU both must
 * be refused; a machine with one CPU does not need the protocol.
 */
#include "guest.h"

typedef EFI_STATUS(EFIAPI *enable_disable)(struct mp_services *self, uintptr_t number,
					   BOOLEAN enable, uint32_t *health);

static void start_openvbs(struct guest *g, const char *what)
{
	EFI_STATUS status;

	say(g->l.st, "nomp: %s", what);
	status = guest_start(g, "\\EFI\\openvbs\\openvbs.efi",
			     "next=\\EFI\\tests\\status.efi options=return");
	say(g->l.st, "nomp: end, EFI status %llxh", (unsigned long long)status);
}

static EFI_STATUS remove_protocol(struct guest *g, EFI_GUID *guid, struct mp_services *mp)
{
	EFI_HANDLE *handles;
	UINTN count;
	EFI_STATUS status = g->l.bs->LocateHandleBuffer(ByProtocol, guid, NULL, &count, &handles);

	if (status == EFI_SUCCESS)
		status = g->l.bs->UninstallProtocolInterface(handles[0], guid, mp);
	return status;
}

EFI_STATUS EFIAPI efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *st)
{
	EFI_GUID guid = MP_SERVICES_GUID;
	static struct guest g;
	struct mp_services *mp;
	uintptr_t all = 0, enabled = 0;
	EFI_STATUS status;

	if (!guest_init(&g, image, st) || g.l.bs->LocateProtocol(&guid, NULL, (void **)&mp) != EFI_SUCCESS ||
	    mp->get_number_of_processors(mp, &all, &enabled) != EFI_SUCCESS)
		return EFI_LOAD_ERROR;
	if (all > 1) {
		enable_disable set = (enable_disable)mp->enable_disable_ap;

		status = set(mp, 1, FALSE, NULL);
		if (status == EFI_SUCCESS)
			start_openvbs(&g, "CPU 1 disabled");
		set(mp, 1, TRUE, NULL);
	}
	status = remove_protocol(&g, &guid, mp);
	say(st, "nomp: protocol removed: EFI status %llxh", (unsigned long long)status);
	start_openvbs(&g, "no protocol");
	guest_power_off(&g);
}
