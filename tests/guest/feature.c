/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Firmware that leaves IA32_FEATURE_CONTROL (SDM 3, 24.7) open, and firmware
 * that switches VMX off and locks it: shows the register as it is, locks it
 * with VMX off if \EFI\tests\lock-off is there, starts openvbs, and shows what
 * VTL0 reads afterwards. For a machine whose firmware does not write it.
 */
#include "guest.h"

#define MSR_FEATURE_CONTROL 0x3Au
#define LOCK                1u

static uint64_t feature_control(void)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(MSR_FEATURE_CONTROL));
	return (uint64_t)high << 32 | low;
}

static void lock_off(void)
{
	__asm__ volatile("wrmsr" : : "c"(MSR_FEATURE_CONTROL), "a"(LOCK), "d"(0) : "memory");
}

EFI_STATUS EFIAPI efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *st)
{
	static struct guest g;
	EFI_STATUS status;

	if (!guest_init(&g, image, st))
		return EFI_LOAD_ERROR;
	say(st, "feature: found %llx", (unsigned long long)feature_control());
	if (guest_file_exists(&g, UCS2("\\EFI\\tests\\lock-off"))) {
		lock_off();
		say(st, "feature: now %llx", (unsigned long long)feature_control());
	}
	status = guest_start(&g, "\\EFI\\openvbs\\openvbs.efi",
			     "next=\\EFI\\tests\\status.efi options=return");
	say(st, "feature: openvbs ended with EFI status %llxh, IA32_FEATURE_CONTROL %llx",
	    (unsigned long long)status, (unsigned long long)feature_control());
	guest_power_off(&g);
}
