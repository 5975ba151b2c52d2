/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Keyrings of the kernel: see keyrings.h.
 */
#define _GNU_SOURCE
#include "keyrings.h"

#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/keyctl.h>

#include "files.h"

#define KEYS_MAX   (4u << 20)
#define RING_KEYS  1024
#define LOADED_MAX 4096

struct keyrings {
	bool read;
	size_t count;
	struct {
		uint32_t bit;
		char *what; /* "NAME: IDENTIFIER" */
	} key[LOADED_MAX];
};

static void add(struct keyrings *k, uint32_t bit, const char *what)
{
	char *copy = k->count < LOADED_MAX ? strdup(what) : NULL;

	if (!copy)
		return;
	k->key[k->count].bit = bit;
	k->key[k->count++].what = copy;
}

static void load_ring(struct keyrings *k, uint32_t bit, long id)
{
	int32_t keys[RING_KEYS];
	char text[512];
	long n = syscall(SYS_keyctl, KEYCTL_READ, id, keys, sizeof(keys));

	if (n < 0)
		return;
	k->read = true;
	if (n > (long)sizeof(keys))
		n = (long)sizeof(keys);
	for (long i = 0; i < n / (long)sizeof(keys[0]); i++) {
		long len = syscall(SYS_keyctl, KEYCTL_DESCRIBE, keys[i], text, sizeof(text) - 1);
		const char *what = text;

		if (len <= 0 || len >= (long)sizeof(text))
			continue;
		text[len] = '\0';
		for (int field = 0; field < 4 && what; field++) /* "type;uid;gid;perm;description" */
			what = strchr(what, ';') ? strchr(what, ';') + 1 : NULL;
		if (what)
			add(k, bit, what);
	}
}

/* proc_keys(5): "0ff1ce00 I------ 1 perm 1f0b0000 0 0 keyring .builtin_trusted_keys: 3" */
static void load_proc_keys(struct keyrings *k, char *text)
{
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		unsigned int id;
		char type[32], name[64];

		if (sscanf(line, "%x %*s %*s %*s %*s %*s %*s %31s %63[^:]", &id, type, name) == 3 &&
		    strcmp(type, "keyring") == 0 && keyring_bit(name) != 0)
			load_ring(k, keyring_bit(name), (long)(int32_t)id);
	}
}

static void load_test_file(struct keyrings *k, char *text)
{
	char *save = NULL;

	k->read = true;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *key = strchr(line, '\t');

		if (!key)
			continue;
		*key = '\0';
		add(k, keyring_bit(line), key + 1);
	}
}

struct keyrings *keyrings_load(struct vbsctl *v)
{
	struct keyrings *k = calloc(1, sizeof(*k));
	size_t len;
	char *text = k ? file_read_all(v, *v->root ? "/keyrings" : "/proc/keys", KEYS_MAX, &len) : NULL;

	if (text && *v->root)
		load_test_file(k, text);
	else if (text)
		load_proc_keys(k, text);
	free(text);
	if (k && k->read)
		return k;
	keyrings_free(k);
	return NULL;
}

void keyrings_free(struct keyrings *k)
{
	for (size_t i = 0; k && i < k->count; i++)
		free(k->key[i].what);
	free(k);
}

uint32_t keyrings_of(const struct keyrings *k, const struct modsig *sig)
{
	uint32_t rings = 0;

	for (size_t i = 0; i < k->count; i++)
		if (modsig_matches(sig, k->key[i].what))
			rings |= k->key[i].bit;
	return rings;
}

/*
 * Upstream trusts the built-in and secondary keyrings for modules, and .machine
 * is linked into the latter. Debian and Ubuntu patch their kernels to trust .platform as well.
 */
uint32_t keyrings_that_count(struct vbsctl *v)
{
	uint32_t rings = KEYRING_BUILTIN | KEYRING_SECONDARY | KEYRING_MACHINE;
	char version[256];

	if (file_line(v, "/proc/version", version, sizeof(version)) > 0 &&
	    (strcasestr(version, "debian") || strcasestr(version, "ubuntu")))
		rings |= KEYRING_PLATFORM;
	return rings;
}
