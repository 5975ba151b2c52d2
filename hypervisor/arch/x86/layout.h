/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Numbers that C and assembler share. Checked against the C side in host.c.
 */
#ifndef HV_ARCH_X86_LAYOUT_H
#define HV_ARCH_X86_LAYOUT_H

#define HOST_CS 0x08
#define HOST_DS 0x10
#define HOST_TR 0x18

#define EXCEPTION_ENTRY_SIZE 32

/* HV_PRIVATE_VA + (PRIV_STACK + PRIV_STACK_PAGES) * 4096 */
#define PRIVATE_STACK_TOP 0xFFFFFF000000C000

#endif
