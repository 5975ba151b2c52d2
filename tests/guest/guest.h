/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the EFI test programs share. They are linked with some of the loader's
 * own files (print, next stage), and judge the machine from the outside.
 */
#ifndef TESTS_GUEST_H
#define TESTS_GUEST_H

#include "loader.h"
#include "print.h"

struct guest {
	struct loader l; /* only what print.c and next.c use is filled */
	uint64_t conventional_kib, reserved_kib;
};

/* The first thing a program does; false if firmware is in no state to test anything. */
bool guest_init(struct guest *g, EFI_HANDLE image, EFI_SYSTEM_TABLE *st);

/* Start an EFI program on our own device, with load options (ASCII), and come back with its status. */
EFI_STATUS guest_start(struct guest *g, const char *path, const char *options);

/* Count the memory map: g->conventional_kib and g->reserved_kib. */
bool guest_count_memory(struct guest *g);

/* The type of the memory that an address lies in, or -1. */
int guest_memory_type(struct guest *g, uint64_t address);

/* Our own load options as ASCII, up to the first 0; "" if there are none or they are no text. */
void guest_options(const struct guest *g, char *out, size_t size);

/* Is this file on our own device? */
bool guest_file_exists(struct guest *g, CHAR16 *path);

/* Power off. */
void guest_power_off(struct guest *g) __noreturn;

EFI_STATUS EFIAPI efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *st);

#endif
