/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Takes nearly all memory and then starts openvbs, which must say that there
 * is not enough, give back what it took, and start its next stage.
 *
 * Load options: how many MiB to leave (default below).
 */
#include "guest.h"

#include "ovbs_string.h"

/* Enough to load two small programs, less than openvbs needs for itself. */
#define DEFAULT_LEAVE_MIB 20u

static uint64_t leave_kib(const struct guest *g)
{
	char text[16];
	uint64_t mib = 0;

	guest_options(g, text, sizeof(text));
	for (size_t i = 0; text[i] >= '0' && text[i] <= '9'; i++)
		mib = mib * 10 + (uint64_t)(text[i] - '0');
	return (text[0] >= '0' && text[0] <= '9' ? mib : DEFAULT_LEAVE_MIB) * 1024;
}

/* Ever smaller pieces: the memory map has holes. */
static void take_memory(struct guest *g, uint64_t leave)
{
	for (uint64_t kib = 1u << 20; kib >= 64; kib /= 2) {
		for (;;) {
			EFI_PHYSICAL_ADDRESS address;

			if (!guest_count_memory(g) || g->conventional_kib < leave + kib)
				break;
			if (g->l.bs->AllocatePages(AllocateAnyPages, EfiLoaderData, kib / 4,
						   &address) != EFI_SUCCESS)
				break;
		}
	}
}

EFI_STATUS EFIAPI efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *st)
{
	static struct guest g;
	EFI_STATUS status;
	uint64_t before;

	if (!guest_init(&g, image, st))
		return EFI_LOAD_ERROR;
	take_memory(&g, leave_kib(&g));
	if (!guest_count_memory(&g))
		return EFI_LOAD_ERROR;
	before = g.reserved_kib;
	say(st, "memhog: %llu KiB left", (unsigned long long)g.conventional_kib);
	status = guest_start(&g, "\\EFI\\openvbs\\openvbs.efi",
			     "next=\\EFI\\tests\\status.efi options=return");
	if (!guest_count_memory(&g))
		return EFI_LOAD_ERROR;
	say(st, "memhog: openvbs ended with EFI status %llxh, reserved memory %lld KiB more",
	    (unsigned long long)status, (long long)(g.reserved_kib - before));
	guest_power_off(&g);
}
