/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Text for a bug report: takes out what names a person or a machine, or opens
 * something. On the careful side: what merely looks like a secret goes, too.
 * Pure; ASCII in, ASCII out.
 */
#ifndef VBSCTL_MASK_H
#define VBSCTL_MASK_H

#include <stddef.h>

#define MASK_TEXT "[masked]"

/**
 * mask_text() - a copy without secrets
 * @text: ends with 0; several lines, words parted by white space
 *
 * Masked are values of parameters whose names speak of secrets (password=, key=,
 * token=, rd.luks.*=, cryptdevice=, ...), passwords in URLs, UUIDs, MAC and IP
 * addresses, long rows of hexadecimal or base64 digits, /home/NAME and mail addresses.
 * Other control characters than line ends and tabs become '?'.
 *
 * Return: free() it; NULL: no memory.
 */
char *mask_text(const char *text);

#endif
