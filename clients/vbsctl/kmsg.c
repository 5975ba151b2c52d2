/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's messages: see kmsg.h.
 */
#include "kmsg.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/klog.h>

#include "files.h"

#define TEXT_MAX      (1u << 20)
#define KLOG_READ_ALL 3
#define KLOG_SIZE     10

char *kmsg_read(const struct vbsctl *v)
{
	int size = *v->root ? 0 : klogctl(KLOG_SIZE, NULL, 0), n;
	size_t len;
	char *text;

	if (*v->root)
		return file_read_all(v, "/dmesg", TEXT_MAX, &len);
	text = size > 0 ? malloc((size_t)size + 1) : NULL;
	n = text ? klogctl(KLOG_READ_ALL, text, size) : -1;
	if (n < 0) {
		int error = errno ? errno : EPERM;

		free(text);
		errno = error;
		return NULL;
	}
	text[n] = '\0';
	return text;
}
