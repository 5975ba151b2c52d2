/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of dma.efi share. */
#ifndef ATTACK_EFI_DMA_H
#define ATTACK_EFI_DMA_H

#include <efi.h>
#undef __attribute__ /* efi.h swallows attributes: packed, aligned, sysv_abi */

#include <stdint.h>

#define PAGE 4096u

/* Formatted text on the console, up to 200 characters. */
void print(const char *fmt, ...);

/* Rows of the port 7Eh: memory of ours, then the empty pages @block and @block + PAGE. Last of all: the APIC goes on writing. */
void vapic_rows(EFI_SYSTEM_TABLE *st, uint64_t block);

#endif
