/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Module files that were accepted and wait to be placed: the very bytes whose
 * signature was good, which VTL0 can't change any more.
 *
 * Some are never placed, as Linux finds another reason against a module, or has
 * it already. So the oldest gives way where the number or the room of all is at
 * its limit.
 */
#ifndef OPENVBS_CI_FILES_H
#define OPENVBS_CI_FILES_H

#include "openvbs/integrity_abi.h"
#include "openvbs/vtl_abi.h"

#include "verify.h"

#define FILES_MAX 32
#define FILE_MAX  (40u << 20) /* Debian's largest module has 29 MiB */
#define FILES_ROOM                                                                                 \
	(52u << 20) /* bytes of all, with what comparing one takes: less than the policy's memory_kib */

struct file {
	uint64_t token;
	uint8_t *bytes; /* without the signature; placing changes them */
	size_t size;
	char signer[sizeof(((struct ovbs_ci_answer *)0)->signer)];
};

struct files {
	struct file *file[FILES_MAX]; /* the oldest first */
	size_t count;
	uint64_t last_token;
};

/* Where VTL0 has a file and its signature. */
struct file_source {
	uint64_t file, file_bytes, signature, signature_bytes;
};

/**
 * files_take() - copy a file, judge it, keep it
 * @answer: set: the reason, signer, a line for people
 * @token: set: the file's, or 0 if it is refused
 *
 * Nothing is allocated by what VTL0 says before that is known to be possible.
 *
 * Return: OVBS_OK, also for a file that is refused; OVBS_E_OUT_OF_MEMORY: with more memory it may go.
 */
uint32_t files_take(struct files *files, const struct ci_keys *keys, const struct file_source *source,
		    struct ovbs_ci_answer *answer, uint64_t *token) CI_MUST_CHECK;

/** files_find() - NULL: no file of this token */
struct file *files_find(const struct files *files, uint64_t token);

/** files_drop() - forget a file */
void files_drop(struct files *files, struct file *file);

/** files_drop_all() - forget all of them: what was judged good may not be any more */
void files_drop_all(struct files *files);

/** file_work_size() - bytes of heap that placing a file takes at most, beside the file itself */
size_t file_work_size(size_t file_size);

/** file_room() - could this much be allocated now? */
bool file_room(size_t bytes);

#endif
