/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading small files: see files.h. Files of sysfs and procfs have no true
 * size, so everything is read to its end.
 */
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Up to @size bytes. Return: bytes, or -errno. */
static ssize_t read_to_end(int fd, void *buf, size_t size)
{
	size_t used = 0;

	while (used < size) {
		ssize_t n = read(fd, (char *)buf + used, size - used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		used += (size_t)n;
	}
	return (ssize_t)used;
}

static int open_below(const struct vbsctl *v, const char *path)
{
	char full[4096];

	if (strlen(v->root) + strlen(path) >= sizeof(full))
		return -ENAMETOOLONG;
	/* O_NONBLOCK: a FIFO below a foreign root must not hold this program up. */
	int fd = open(vbsctl_path(v, full, path), O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	return fd >= 0 ? fd : -errno;
}

ssize_t file_read(const struct vbsctl *v, const char *path, void *buf, size_t size)
{
	int fd = open_below(v, path);
	ssize_t n;
	char more;

	if (fd < 0)
		return fd;
	n = read_to_end(fd, buf, size);
	if (n == (ssize_t)size && read_to_end(fd, &more, 1) == 1)
		n = -EFBIG;
	close(fd);
	return n;
}

void *file_read_all(const struct vbsctl *v, const char *path, size_t max, size_t *len)
{
	int fd = open_below(v, path);
	size_t used = 0, room = 4096;
	char *data = NULL;
	ssize_t n = 1;

	if (fd < 0) {
		errno = -fd;
		return NULL;
	}
	while (n > 0 && used <= max) {
		char *larger = realloc(data, room + 1);

		if (!larger) {
			n = -ENOMEM;
			break;
		}
		data = larger;
		n = read_to_end(fd, data + used, room - used);
		used += n > 0 ? (size_t)n : 0;
		room = used == room ? room * 2 : room;
	}
	close(fd);
	if (n >= 0 && used <= max) {
		data[used] = '\0';
		*len = used;
		return data;
	}
	free(data);
	errno = n < 0 ? (int)-n : EFBIG;
	return NULL;
}

ssize_t file_line(const struct vbsctl *v, const char *path, char *buf, size_t size)
{
	int fd = open_below(v, path);
	size_t to = 0;
	ssize_t n;

	buf[0] = '\0';
	if (fd < 0)
		return fd;
	n = read_to_end(fd, buf, size - 1);
	close(fd);
	for (ssize_t i = 0; i < n && buf[i] != '\n'; i++)
		if (buf[i] >= ' ' && buf[i] <= '~')
			buf[to++] = buf[i];
	buf[to] = '\0';
	return n < 0 ? n : (ssize_t)to;
}

long long file_number(const struct vbsctl *v, const char *path)
{
	char line[32], *end;
	ssize_t n = file_line(v, path, line, sizeof(line));
	long long value;

	if (n < 0)
		return n;
	value = strtoll(line, &end, 10);
	return n == 0 || *end != '\0' || value < 0 ? -EINVAL : value;
}

bool file_exists(const struct vbsctl *v, const char *path)
{
	char full[4096];

	return strlen(v->root) + strlen(path) < sizeof(full) &&
	       faccessat(AT_FDCWD, vbsctl_path(v, full, path), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int file_count(const struct vbsctl *v, const char *path)
{
	char full[4096];
	struct dirent *entry;
	int count = 0;
	DIR *dir;

	if (strlen(v->root) + strlen(path) >= sizeof(full))
		return -ENAMETOOLONG;
	dir = opendir(vbsctl_path(v, full, path));
	if (!dir)
		return -errno;
	while ((entry = readdir(dir)) != NULL)
		count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	closedir(dir);
	return count;
}
