/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ends of module files: see module_file.h. An .xz file is decompressed from its
 * start, since only there it can be, but no more than two windows of it are kept.
 */
#include "module_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lzma.h>

#define KEEP       (64u << 10)
#define MEMORY_MAX (128ull << 20) /* of the decoder: the kernel's own takes dictionaries of 1 MiB */
#define OUTPUT_MAX (512ull << 20)

static void *failed(char *why, const char *text)
{
	snprintf(why, MODULE_FILE_WHY, "%s", text);
	return NULL;
}

static bool ends_in(const char *path, const char *end)
{
	size_t n = strlen(path), m = strlen(end);

	return n >= m && strcmp(path + n - m, end) == 0;
}

/* Return: bytes, less only at the file's end; -1 with errno. */
static ssize_t read_all(int fd, void *to, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t now = read(fd, (char *)to + done, n - done);

		if (now < 0 && errno == EINTR)
			continue;
		if (now < 0)
			return -1;
		if (now == 0)
			break;
		done += (size_t)now;
	}
	return (ssize_t)done;
}

static void *end_of_plain(int fd, size_t *len, char *why)
{
	uint8_t *end = malloc(KEEP);
	struct stat st;
	ssize_t n = -1;

	if (end && fstat(fd, &st) == 0 && (st.st_size <= KEEP || lseek(fd, -(off_t)KEEP, SEEK_END) >= 0))
		n = read_all(fd, end, KEEP);
	if (n < 0) {
		failed(why, strerror(errno));
		free(end);
		return NULL;
	}
	*len = (size_t)n;
	return end;
}

/* @window: 2 * KEEP bytes. Its second half becomes the first one when it is full. Return: LZMA_STREAM_END if all is well. */
static lzma_ret decode(int fd, lzma_stream *s, uint8_t *window)
{
	uint8_t in[16384];
	lzma_ret result = LZMA_OK;

	s->next_out = window;
	s->avail_out = 2 * KEEP;
	while (result == LZMA_OK) {
		ssize_t n = s->avail_in ? 1 : read_all(fd, in, sizeof(in));

		if (n < 0 || s->total_out > OUTPUT_MAX)
			return LZMA_DATA_ERROR;
		if (!s->avail_in) {
			s->next_in = in;
			s->avail_in = (size_t)n;
		}
		if (!s->avail_out) {
			memcpy(window, window + KEEP, KEEP);
			s->next_out = window + KEEP;
			s->avail_out = KEEP;
		}
		result = lzma_code(s, n == 0 ? LZMA_FINISH : LZMA_RUN);
	}
	return result;
}

static void *end_of_xz(int fd, size_t *len, char *why)
{
	lzma_stream s = LZMA_STREAM_INIT;
	uint8_t *window = malloc(2 * KEEP);
	lzma_ret result = window ? lzma_stream_decoder(&s, MEMORY_MAX, 0) : LZMA_MEM_ERROR;

	if (result == LZMA_OK)
		result = decode(fd, &s, window);
	lzma_end(&s); /* leaves next_out */
	if (result == LZMA_STREAM_END) {
		*len = (size_t)(s.next_out - window);
		return window;
	}
	free(window);
	return failed(why, result == LZMA_MEM_ERROR      ? "out of memory" :
			   result == LZMA_MEMLIMIT_ERROR ? "its compression (xz) takes too much memory" :
							   "its compression (xz) is damaged");
}

void *module_file_end(const struct vbsctl *v, const char *path, size_t *len, char *why)
{
	bool plain = ends_in(path, ".ko"), xz = ends_in(path, ".ko.xz");
	char full[4096];
	void *end;
	int fd;

	if (!plain && !xz)
		return failed(why, "compressed in a way that is not read here");
	fd = open(vbsctl_path(v, full, path), O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return failed(why, strerror(errno));
	end = xz ? end_of_xz(fd, len, why) : end_of_plain(fd, len, why);
	close(fd);
	return end;
}
