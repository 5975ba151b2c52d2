/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lines on firmware's console.
 */
#ifndef BOOT_PRINT_H
#define BOOT_PRINT_H

#include "ovbs_compiler.h"

#include "efi_api.h"

/**
 * say() - print a line on the console
 * @st: system table
 * @fmt: text without a line end
 *
 * Bytes beyond ASCII become "?": paths from a settings file may hold them.
 * Context: boot CPU, at most TPL_NOTIFY.
 */
void say(EFI_SYSTEM_TABLE *st, const char *fmt, ...) __printf(2, 3);

#endif
