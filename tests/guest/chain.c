/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Starts openvbs twice in one boot: the second start must notice the first.
 * Also counts the reserved memory around each start: what fails must give back
 * what it took.
 */
#include "guest.h"

EFI_STATUS EFIAPI efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *st)
{
	static struct guest g;

	if (!guest_init(&g, image, st))
		return EFI_LOAD_ERROR;
	for (unsigned int round = 1; round <= 2; round++) {
		EFI_STATUS status;
		uint64_t before;

		if (!guest_count_memory(&g))
			return EFI_LOAD_ERROR;
		before = g.reserved_kib;
		say(st, "chain: start %u", round);
		status = guest_start(&g, "\\EFI\\openvbs\\openvbs.efi",
				     "next=\\EFI\\tests\\status.efi options=return");
		if (!guest_count_memory(&g))
			return EFI_LOAD_ERROR;
		say(st, "chain: end %u, EFI status %llxh, reserved memory %lld KiB more", round,
		    (unsigned long long)status, (long long)(g.reserved_kib - before));
	}
	say(st, "chain: done");
	guest_power_off(&g);
}
