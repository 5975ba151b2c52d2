/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Error numbers inside all images: functions return 0 or a negative one.
 *
 * The values are Linux's, so that a number in a log means the same on both
 * sides. On the host the C library's header is used, in Linux the kernel's. They never cross an ABI:
 * hypercalls and VTL services have status codes of their own.
 */
#ifndef OVBS_ERRNO_H
#define OVBS_ERRNO_H

#if defined(__KERNEL__)
#include <linux/errno.h>
#elif __STDC_HOSTED__
#include <errno.h>
#else

#define EPERM      1
#define ENOENT     2
#define EIO        5
#define E2BIG      7
#define ENOEXEC    8
#define EBADF      9
#define EAGAIN     11
#define ENOMEM     12
#define EACCES     13
#define EFAULT     14
#define EBUSY      16
#define EEXIST     17
#define ENODEV     19
#define EINVAL     22
#define ENOSPC     28
#define ERANGE     34
#define ENOSYS     38
#define EPROTO     71
#define EOVERFLOW  75
#define EBADMSG    74
#define EOPNOTSUPP 95
#define ENOTSUP    EOPNOTSUPP
#define ETIMEDOUT  110
#define EALREADY   114

#endif /* __KERNEL__, __STDC_HOSTED__ */
#endif
