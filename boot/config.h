/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The loader's settings: what to start next, and in debug builds switches for
 * tests. Parsing is pure; settings.c knows where the text comes from.
 *
 * A settings file (UTF-8, lines "key=value", "#" starts a comment line):
 *
 *     next=\EFI\debian\shimx64.efi
 *     options=text for the next stage's load options
 *
 * Load options of the boot entry (UCS-2): next=PATH options=REST. PATH may be
 * in double quotes; options= takes all that follows. Words before the first
 * key are skipped: a shell puts the program's name there.
 *
 * A bad line leaves its setting at what it was; the first problem is kept.
 */
#ifndef BOOT_CONFIG_H
#define BOOT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ovbs_compiler.h"

#define CONFIG_NEXT_MAX     256 /* UCS-2 units, the terminating 0 included */
#define CONFIG_OPTIONS_MAX  1024
#define CONFIG_FILE_MAX     16384 /* bytes */
#define CONFIG_DEFAULT_NEXT "\\EFI\\debian\\shimx64.efi"

struct config {
	uint16_t next[CONFIG_NEXT_MAX];       /* path on the loader's own device */
	uint16_t options[CONFIG_OPTIONS_MAX]; /* empty: none */
	bool icr_open;                        /* debug builds only */
	bool serial_off;                      /* debug builds only */
	char problem[80];                     /* the first one, for a person; empty: none */
};

/** config_defaults() - start from the built-in values. Context: any; pure. */
void config_defaults(struct config *c);

/**
 * config_parse_file() - apply a settings file
 * @c: changed where the file speaks
 * @text: the file, any bytes
 * @len: how many
 *
 * Return: true if all of it was understood; else c->problem says what was not.
 * Context: any; pure.
 */
bool config_parse_file(struct config *c, const uint8_t *text, size_t len);

/**
 * config_parse_load_options() - apply the load options of the boot entry
 * @c: changed where they speak
 * @data: any bytes, any alignment
 * @len: how many
 *
 * Bytes that are no text are not meant for us (firmware puts a GUID into boot
 * entries that it made itself) and no problem.
 *
 * Return: as config_parse_file(). Context: any; pure.
 */
bool config_parse_load_options(struct config *c, const void *data, size_t len);

/** config_problem() - note a problem, unless one was noted before. Context: any. */
void config_problem(struct config *c, const char *fmt, ...) __printf(2, 3);

#endif
