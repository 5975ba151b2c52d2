/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What openvbs.ko shows of memory integrity, in /sys/kernel/security/openvbs:
 *
 *   integrity   lines "Name: value"
 *   modules     a table: a line with the columns' names, then one for each module
 *               that VTL1 judged. The last column, the signer, may hold blanks
 *
 * Names and columns that this version does not know are kept: a newer openvbs.ko
 * has more of them. Texts of the kernel's come from files of others (names and
 * signers of modules): what is no printable ASCII becomes "?". Pure; fuzzed.
 */
#ifndef VBSCTL_INTEGRITY_H
#define VBSCTL_INTEGRITY_H

#include <stdbool.h>
#include <stddef.h>

#define INTEGRITY_COLUMNS 16

/** integrity_clean() - make a text harmless to print, in place; line ends stay. @len: bytes, a 0 among them becomes "?" as well */
void integrity_clean(char *text, size_t len);

/** struct integrity_line - "Name: value", in the text that it was taken from. */
struct integrity_line {
	const char *name; /* "": a line of another form, all of it is the value */
	const char *value;
};

/**
 * integrity_next() - take the next line that is not empty
 * @text: where; moves on. The text is changed and has to stay
 *
 * Return: false at the end.
 */
bool integrity_next(char **text, struct integrity_line *line);

/** integrity_number() - is it a decimal number (and nothing else) up to LLONG_MAX? Return: it, or -1. */
long long integrity_number(const char *value);

/** struct integrity_table - columns of the modules, by name, as the first line gives them. */
struct integrity_table {
	const char *column[INTEGRITY_COLUMNS];
	size_t columns;
};

/** integrity_table() - take the first line. Return: false if there is none, or it has more than INTEGRITY_COLUMNS. As integrity_next(). */
bool integrity_table(char **text, struct integrity_table *table);

/**
 * integrity_row() - take the next line
 * @cell: as many as there are columns; the last one has all that is left. Less than that in the line: the others are ""
 *
 * Return: false at the end. As integrity_next().
 */
bool integrity_row(char **text, const struct integrity_table *table, const char *cell[INTEGRITY_COLUMNS]);

#endif
