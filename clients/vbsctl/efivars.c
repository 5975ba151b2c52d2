/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * UEFI variables as files: see efivars.h. Most are immutable by default, so
 * that `rm -r` can't brick a machine: the flag is taken off for the write and
 * put back. Below a test's root the files are plain ones, which keep their old
 * tail: they are cut to length.
 */
#include "efivars.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define EFIVARFS_MAGIC_NUMBER 0xde5e81e4u

static int variable_path(const struct vbsctl *v, char path[4096], const char *name, const char *guid)
{
	char below[512];
	int n = snprintf(below, sizeof(below), EFIVARS_DIR "/%s-%s", name, guid);

	if (n < 0 || (size_t)n >= sizeof(below) || strlen(v->root) + (size_t)n >= 4096)
		return -ENAMETOOLONG;
	vbsctl_path(v, path, below);
	return 0;
}

bool efivar_there(const struct vbsctl *v)
{
	char path[4096];
	struct statfs fs;
	struct stat st;

	vbsctl_path(v, path, EFIVARS_DIR);
	if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
		return false;
	return *v->root || (statfs(path, &fs) == 0 && (unsigned int)fs.f_type == EFIVARFS_MAGIC_NUMBER);
}

static int read_all(int fd, struct efivar *out)
{
	uint8_t buffer[sizeof(out->attributes) + EFIVARS_DATA_MAX + 1];
	size_t used = 0;
	ssize_t n;

	while (used < sizeof(buffer) && (n = read(fd, buffer + used, sizeof(buffer) - used)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		used += (size_t)n;
	}
	if (used == sizeof(buffer))
		return -EFBIG;
	if (used < sizeof(out->attributes))
		return -EBADMSG;
	memcpy(&out->attributes, buffer, sizeof(out->attributes));
	out->size = used - sizeof(out->attributes);
	memcpy(out->data, buffer + sizeof(out->attributes), out->size);
	return 0;
}

int efivar_read(const struct vbsctl *v, const char *name, const char *guid, struct efivar *out)
{
	char path[4096];
	int fd, error = variable_path(v, path, name, guid);

	memset(out, 0, sizeof(*out));
	if (error)
		return error;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		error = -errno;
		return error == -ENOENT && !efivar_there(v) ? -ENODEV : error;
	}
	error = read_all(fd, out);
	close(fd);
	return error;
}

/* Take the immutable flag off. Return: the flags to put back; 0: there was none. */
static int make_mutable(const char *path)
{
	int flags = 0, without, fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0 || (flags & FS_IMMUTABLE_FL) == 0) {
		close(fd);
		return 0;
	}
	without = flags & ~FS_IMMUTABLE_FL;
	if (ioctl(fd, FS_IOC_SETFLAGS, &without) != 0)
		flags = 0; /* the write will say why it can't be */
	close(fd);
	return flags;
}

static void make_immutable(const char *path, int flags)
{
	int fd = flags ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	if (fd < 0)
		return;
	ioctl(fd, FS_IOC_SETFLAGS, &flags);
	close(fd);
}

static int write_once(int fd, uint32_t attributes, const void *data, size_t size)
{
	uint8_t buffer[sizeof(attributes) + EFIVARS_DATA_MAX];
	struct statfs fs;
	ssize_t n;

	memcpy(buffer, &attributes, sizeof(attributes));
	memcpy(buffer + sizeof(attributes), data, size);
	/* Never in pieces, never again after an interruption: each write() is a SetVariable(). */
	n = write(fd, buffer, sizeof(attributes) + size);
	if (n < 0)
		return -errno;
	if ((size_t)n != sizeof(attributes) + size)
		return -EIO;
	if (fstatfs(fd, &fs) == 0 && (unsigned int)fs.f_type != EFIVARFS_MAGIC_NUMBER &&
	    ftruncate(fd, n) != 0)
		return -errno;
	return 0;
}

int efivar_write(const struct vbsctl *v, const char *name, const char *guid, uint32_t attributes,
		 const void *data, size_t size)
{
	char path[4096];
	int fd, flags, error = variable_path(v, path, name, guid);
	bool fresh;

	if (error)
		return error;
	if (size > EFIVARS_DATA_MAX)
		return -EFBIG;
	fresh = access(path, F_OK) != 0;
	if (fresh && !efivar_there(v))
		return -ENODEV;
	flags = fresh ? 0 : make_mutable(path);
	fd = open(path, O_WRONLY | O_CLOEXEC | (fresh ? O_CREAT | O_EXCL : 0), 0644);
	if (fd < 0) {
		error = -errno;
	} else {
		error = write_once(fd, attributes, data, size);
		close(fd);
	}
	if (error && fresh && fd >= 0)
		unlink(path); /* an empty file that stands for no variable */
	make_immutable(path, flags);
	return error;
}

int efivar_remove(const struct vbsctl *v, const char *name, const char *guid)
{
	char path[4096];
	int flags, error = variable_path(v, path, name, guid);

	if (error)
		return error;
	flags = make_mutable(path);
	if (unlink(path) == 0 || errno == ENOENT)
		return 0;
	error = -errno;
	make_immutable(path, flags);
	return error;
}

int efivar_writable(const struct vbsctl *v)
{
	char path[4096];

	if (!efivar_there(v))
		return -ENODEV;
	return access(vbsctl_path(v, path, EFIVARS_DIR), W_OK) == 0 ? 0 : -errno;
}

const char *efivar_words(int error)
{
	switch (-error) {
	case ENODEV:
		return "no UEFI variables: not started by UEFI, efi=noruntime, or efivarfs is not mounted on " EFIVARS_DIR;
	case EACCES:
	case EPERM:
		return "permission denied: run as root";
	case EROFS:
		return EFIVARS_DIR " is mounted read-only: mount -o remount,rw " EFIVARS_DIR;
	case ENOSPC:
		return "firmware has no room for it: delete boot entries or crash dumps (/sys/fs/pstore)";
	case EINVAL:
		return "firmware refuses it (wrong attributes or size)";
	case EFBIG:
		return "larger than any variable of openvbs";
	case EBADMSG:
		return "shorter than its attributes";
	default:
		return strerror(-error);
	}
}
