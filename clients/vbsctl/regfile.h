/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Registry files (.reg), as regedit and reg.exe write them and administrators
 * pass them on: REGEDIT4 and version 5.00, in every encoding that text.h knows.
 * A file counts as a whole or, from its first error on, not at all: a broken key
 * line must not make its values end up elsewhere or be lost without a word
 * (cases S7, S8). Pure, but for the memory of the decoded text.
 */
#ifndef VBSCTL_REGFILE_H
#define VBSCTL_REGFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "changes.h"
#include "text.h"

#define REGFILE_EXPORT_MAX 16384 /* bytes; more than all values in UTF-16 */

/**
 * regfile_parse() - what a registry file changes
 * @data: any bytes
 * @len: how many
 * @out: the changes, in both hives; nothing to change if the result is false
 * @problem: written if the result is false; `where` is the line
 *
 * Values and keys of others are counted as ignored, but must be well-formed
 * too. Values of settings must be dwords ("dword:" or "hex(4):") with a number
 * that the setting may have.
 *
 * Return: false if anything is wrong with the file.
 */
bool regfile_parse(const void *data, size_t len, struct changes *out, struct problem *problem) __must_check;

/**
 * regfile_export() - write values as a version 5.00 file
 * @local, @policy: NULL: none
 * @below: only values in and below this key
 * @utf8: UTF-8 with LF, for people and version control; else UTF-16LE with a
 *	byte order mark and CR LF, as regedit writes and expects it
 * @buf: REGFILE_EXPORT_MAX bytes
 * @values: out: how many values
 *
 * Return: bytes. Cannot fail.
 */
size_t regfile_export(const struct ovbs_record *local, const struct ovbs_record *policy,
		      const char *below, bool utf8, uint8_t *buf, unsigned int *values);

#endif
