/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the checks of a dump share (moddump.ko, modules.py): its records, the
 * kernel's symbols, where modules' files are. Whatever can't be read ends the program.
 */
#ifndef OVBS_TESTS_INTEGRITY_DUMP_H
#define OVBS_TESTS_INTEGRITY_DUMP_H

#include <fcntl.h>
#include <search.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../trustlets/integrity/module_internal.h"
#include "moddump/record.h"

#define RECORDS  16384
#define MAX_FILE (64u << 20)

static const struct moddump_record *record[RECORDS];
static unsigned int records;

static inline void die(const char *what, const char *name)
{
	fprintf(stderr, "%s %s\n", what, name);
	exit(2);
}

/* A private copy: what is written to it stays here. */
static inline void *map(const char *path, size_t *size)
{
	struct stat st;
	int fd = open(path, O_RDONLY);
	void *p;

	if (fd < 0 || fstat(fd, &st))
		die("can't read", path);
	*size = (size_t)st.st_size;
	p = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, fd, 0);
	if (p == MAP_FAILED)
		die("can't map", path);
	close(fd);
	return p;
}

/* Names to addresses, names to paths. */
static inline void put(const char *kind, const char *name, void *data)
{
	char *key;
	ENTRY *e;

	if (asprintf(&key, "%s:%s", kind, name) < 0)
		die("no memory for", name);
	e = hsearch((ENTRY){ key, data }, ENTER);
	if (!e)
		die("table full at", name);
	e->data = data;
}

static inline void *get(const char *kind, const char *name)
{
	char key[512];
	ENTRY *e;

	snprintf(key, sizeof(key), "%s:%s", kind, name);
	e = hsearch((ENTRY){ key, NULL }, FIND);
	return e ? e->data : NULL;
}

static inline uint64_t symbol(const char *name)
{
	return (uint64_t)(uintptr_t)get("sym", name);
}

static inline const uint8_t *bytes_of(const struct moddump_record *r, uint64_t address, size_t size)
{
	const uint8_t *p = (const uint8_t *)(r + 1);

	for (int i = 0; i < MODDUMP_AREAS; p += r->size[i++])
		if (address >= r->base[i] && address - r->base[i] <= r->size[i] &&
		    size <= r->size[i] - (address - r->base[i]))
			return p + (address - r->base[i]);
	return NULL;
}

static inline void load_symbols(const char *path)
{
	char name[256], type;
	unsigned long long address;
	FILE *f = fopen(path, "r");

	if (!f)
		die("can't read", path);
	while (fscanf(f, "%llx %c %255s%*[^\n]", &address, &type, name) == 3)
		if (!get("sym", name))
			put("sym", name, (void *)(uintptr_t)address);
	fclose(f);
}

static inline void load_files(const char *path)
{
	char name[128], file[512];
	FILE *f = fopen(path, "r");

	if (!f)
		die("can't read", path);
	while (fscanf(f, "%127s %511s", name, file) == 2)
		put("file", name, strdup(file));
	fclose(f);
}

static inline void load_records(const char *path)
{
	size_t size, at = 0;
	const uint8_t *p = map(path, &size);

	while (at + sizeof(struct moddump_record) <= size && records < RECORDS) {
		const struct moddump_record *r = (const void *)(p + at);
		uint64_t more = 0;

		if (r->magic != MODDUMP_MAGIC)
			die("no record in", path);
		if (r->kind == MODDUMP_END)
			return;
		for (int i = 0; i < MODDUMP_AREAS; i++)
			more += r->size[i];
		record[records++] = r;
		at += sizeof(*r) + more;
	}
	die("the stream does not end:", path);
}

static inline size_t without_signature(const uint8_t *file, size_t size)
{
	static const char magic[] = "~Module signature appended~\n";
	size_t n = sizeof(magic) - 1;

	if (size < n + 12 || memcmp(file + size - n, magic, n))
		return size;
	return size - n - 12 - __builtin_bswap32(get32(file + size - n - 4));
}

#endif
