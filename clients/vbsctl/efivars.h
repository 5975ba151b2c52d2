/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * UEFI variables as files of efivarfs. Not by libefivar: it writes a variable
 * that is there without a look at its attributes, can't say which step failed,
 * and leaves the immutable flag off. Here a variable is replaced with one
 * write(), which the kernel turns into one SetVariable(): old or new, never half.
 */
#ifndef VBSCTL_EFIVARS_H
#define VBSCTL_EFIVARS_H

#include <stddef.h>
#include <stdint.h>

#include "vbsctl.h"

#define EFIVARS_DIR         "/sys/firmware/efi/efivars"
#define EFIVARS_GLOBAL_GUID "8be4df61-93ca-11d2-aa0d-00e098032b8c"

#define EFIVARS_DATA_MAX 8192
#define EFIVARS_NV_BS_RT 7u /* non-volatile, boot-service and runtime access */

struct efivar {
	uint32_t attributes;
	size_t size;
	uint8_t data[EFIVARS_DATA_MAX];
};

/**
 * efivar_there() - can variables be seen at all?
 *
 * The kernel makes the folder whether or not efivarfs is mounted on it, and with
 * efi=noruntime it can't be: an empty folder says nothing of any variable.
 */
bool efivar_there(const struct vbsctl *v);

/**
 * efivar_read() - one variable
 * @out: only complete after success
 *
 * Return: 0; -ENOENT: there is none; -ENODEV: no efivarfs; -EFBIG; -EBADMSG:
 * shorter than its attributes; another -errno.
 */
int efivar_read(const struct vbsctl *v, const char *name, const char *guid, struct efivar *out);

/** efivar_write() - create or replace a variable, at once or not at all. Return: 0 or -errno. */
int efivar_write(const struct vbsctl *v, const char *name, const char *guid, uint32_t attributes,
		 const void *data, size_t size);

/** efivar_remove() - delete a variable. Return: 0, also if there was none, or -errno. */
int efivar_remove(const struct vbsctl *v, const char *name, const char *guid);

/** efivar_writable() - may variables be created? Asks without writing. Return: 0 or -errno. */
int efivar_writable(const struct vbsctl *v);

/** efivar_words() - what an error of these functions means, with what to do. Return: never NULL. */
const char *efivar_words(int error);

#endif
