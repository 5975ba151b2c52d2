/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lines on firmware's console: see print.h. UEFI 2.10, 12.4.3.
 */
#include "format.h"

#include "print.h"

#define LINE_MAX 400

void say(EFI_SYSTEM_TABLE *st, const char *fmt, ...)
{
	char text[LINE_MAX];
	CHAR16 line[LINE_MAX + 3];
	size_t n = 0;
	va_list args;

	if (st->ConOut == NULL) /* a machine without any console */
		return;
	va_start(args, fmt);
	ovbs_vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	for (; text[n] != '\0'; n++)
		line[n] = text[n] >= ' ' && text[n] < 0x7F ? (CHAR16)text[n] : L'?';
	line[n++] = L'\r';
	line[n++] = L'\n';
	line[n] = L'\0';
	st->ConOut->OutputString(st->ConOut, line);
}
