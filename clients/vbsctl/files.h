/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Small files of the system, below the root prefix: whole or not at all. What
 * they hold is not checked here; text is made harmless to print where it is
 * taken as text.
 */
#ifndef VBSCTL_FILES_H
#define VBSCTL_FILES_H

#include <sys/types.h>

#include "vbsctl.h"

/**
 * file_read() - a whole file
 * @buf: @size bytes
 *
 * Return: bytes; -EFBIG: there are more than @size; another -errno.
 */
ssize_t file_read(const struct vbsctl *v, const char *path, void *buf, size_t size);

/**
 * file_read_all() - a whole file of any size up to @max
 * @len: bytes; not written after an error
 *
 * Return: free() it, a 0 follows the last byte; NULL with errno (EFBIG: larger than @max).
 */
void *file_read_all(const struct vbsctl *v, const char *path, size_t max, size_t *len);

/**
 * file_line() - the first line of a file, without what is no printable ASCII
 * @buf: @size bytes, ends with 0; cut if it is too small
 *
 * Return: characters, or -errno (then @buf is "").
 */
ssize_t file_line(const struct vbsctl *v, const char *path, char *buf, size_t size);

/** file_number() - a file that holds one decimal number. Return: it, or a negative -errno. */
long long file_number(const struct vbsctl *v, const char *path);

/** file_exists() - is there anything of this name? */
bool file_exists(const struct vbsctl *v, const char *path);

/** file_count() - entries of a folder, but . and .. Return: how many, or -errno. */
int file_count(const struct vbsctl *v, const char *path);

#endif
