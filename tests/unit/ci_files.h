/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of trustlets/integrity share: the files that ci_vectors.py and
 * ci_kernel.py made, in CI_DIR, and assertions that name the file.
 * Include it after cmocka.h.
 */
#ifndef OPENVBS_CI_FILES_H
#define OPENVBS_CI_FILES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../trustlets/integrity/verify.h"

struct ci_file {
	uint8_t *p; /* an allocation of exactly len bytes */
	size_t len;
};

/* All of a file, with a name relative to CI_DIR or an absolute one. */
static inline struct ci_file ci_load(const char *name)
{
	struct ci_file f = { NULL, 0 };
	char path[1024];
	FILE *in;
	long len;

	snprintf(path, sizeof(path), "%s%s%s", name[0] == '/' ? "" : CI_DIR,
		 name[0] == '/' ? "" : "/", name);
	in = fopen(path, "rb");
	if (in == NULL || fseek(in, 0, SEEK_END) != 0 || (len = ftell(in)) < 0) {
		fail_msg("%s can't be read", path);
		return f;
	}
	rewind(in);
	f.len = (size_t)len;
	f.p = malloc(f.len);
	if (f.len > 0 && (f.p == NULL || fread(f.p, 1, f.len, in) != f.len))
		fail_msg("%s can't be read", path);
	fclose(in);
	return f;
}

static inline struct ci_slice ci_slice_of(const struct ci_file *f)
{
	return (struct ci_slice){ f->p, f->len };
}

/* @why, as ci_reason_name() says it. */
static inline void ci_expect(const char *what, enum ci_reason why, const char *expected)
{
	if (strcmp(ci_reason_name(why), expected) != 0)
		fail_msg("%s: %s (%s), not %s", what, ci_reason_name(why), ci_reason_text(why), expected);
}

/* Take the key of a file; the result has to be @expected. */
static inline void ci_add_file(struct ci_keys *keys, const char *name, enum ci_origin origin,
			       const char *expected)
{
	struct ci_file f = ci_load(name);

	ci_expect(name, ci_keys_add(keys, ci_slice_of(&f), origin), expected);
	free(f.p);
}

#endif
