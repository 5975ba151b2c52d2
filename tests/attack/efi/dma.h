/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of dma.efi share. */
#ifndef ATTACK_EFI_DMA_H
#define ATTACK_EFI_DMA_H

#include <stdint.h>

#include "../../../boot/print.h"

#define PAGE 4096u

/* Rows of the port 7Eh: memory of ours, then the empty pages @block and @block + PAGE. Last of all: the APIC goes on writing. */
void vapic_rows(EFI_SYSTEM_TABLE *st, uint64_t block);

#endif
