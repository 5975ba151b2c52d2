/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The UEFI interface: gnu-efi's headers, and what they lack.
 *
 * Only headers come from gnu-efi, no library code. The multiprocessor protocol
 * is declared here from the text of the specification (PI 1.8, volume 2, 13.4).
 */
#ifndef BOOT_EFI_API_H
#define BOOT_EFI_API_H

#include <stddef.h>
#include <stdint.h>

#include <efi.h>

/*
 * eficompiler.h takes clang's PE target for Microsoft's compiler and makes
 * __attribute__ a macro that swallows everything: noreturn, aligned, format.
 */
#undef __attribute__

#ifndef EFI_SECURITY_VIOLATION
#error "gnu-efi's efierr.h is expected to name the status codes"
#endif

/* Firmware's prototypes lack const; what they are given here is not written to. */
#define UCS2(text) ((CHAR16 *)L"" text)

/* PI 1.8, volume 2, 13.4.1 */
#define MP_SERVICES_GUID                                                                           \
	{                                                                                          \
		0x3fdda605, 0xa76e, 0x4f46,                                                        \
		{                                                                                  \
			0xad, 0x29, 0x12, 0xf4, 0x53, 0x1b, 0x3d, 0x08                             \
		}                                                                                  \
	}

#define MP_CPU_IS_BOOT 1u /* PROCESSOR_AS_BSP_BIT */
#define MP_CPU_ENABLED 2u /* PROCESSOR_ENABLED_BIT */
#define MP_CPU_HEALTHY 4u /* PROCESSOR_HEALTH_STATUS_BIT */

/* EFI_PROCESSOR_INFORMATION */
struct mp_cpu_info {
	uint64_t apic_id;
	uint32_t status;
	uint32_t package, core, thread;
	uint32_t extended[6];
};
_Static_assert(sizeof(struct mp_cpu_info) == 48, "PI 1.8, volume 2, 13.4.4");

struct mp_services;
typedef void(EFIAPI *mp_procedure)(void *argument);

/* EFI_MP_SERVICES_PROTOCOL; the members that are not called have no prototype. */
struct mp_services {
	EFI_STATUS(EFIAPI *get_number_of_processors)
	(struct mp_services *self, uintptr_t *all, uintptr_t *enabled);
	EFI_STATUS(EFIAPI *get_processor_info)
	(struct mp_services *self, uintptr_t number, struct mp_cpu_info *info);
	EFI_STATUS(EFIAPI *startup_all_aps)
	(struct mp_services *self, mp_procedure procedure, BOOLEAN single_thread, EFI_EVENT wait,
	 uintptr_t timeout_us, void *argument, uintptr_t **failed);
	void *startup_this_ap;
	void *switch_bsp;
	void *enable_disable_ap;
	EFI_STATUS(EFIAPI *who_am_i)(struct mp_services *self, uintptr_t *number);
};

#endif
