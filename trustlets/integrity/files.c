// SPDX-License-Identifier: GPL-2.0-only
/* Files that wait to be placed: see files.h. */
#include "files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "guest.h"

#define WORK_LEAST (512u << 10)

/*
 * Sites, functions and exports are table entries of the file, none more than
 * 8 times as large in memory; amdgpu.ko (19 MB) takes 2.5 MB.
 */
size_t file_work_size(size_t file_size)
{
	return WORK_LEAST + file_size / 4;
}

bool file_room(size_t bytes)
{
	void *p = malloc(bytes);

	/* The compiler may not conclude that nothing is used. */
	__asm__ volatile("" : "+r"(p));
	free(p);
	return p != NULL;
}

static size_t room_used(const struct files *files)
{
	size_t used = 0;

	for (size_t i = 0; i < files->count; i++)
		used += files->file[i]->size;
	return used;
}

static void drop_at(struct files *files, size_t i)
{
	struct file *f = files->file[i];

	files->count--;
	memmove(&files->file[i], &files->file[i + 1], (files->count - i) * sizeof(files->file[0]));
	free(f->bytes);
	free(f);
}

/* A place in the table, and bytes below the limit of all. */
static void make_room(struct files *files, size_t size)
{
	_Static_assert(FILE_MAX + WORK_LEAST + FILE_MAX / 4 <= FILES_ROOM, "one file fits");
	while (files->count == FILES_MAX ||
	       (files->count > 0 && room_used(files) + size + file_work_size(size) > FILES_ROOM))
		drop_at(files, 0);
}

static struct file *new_file(size_t size)
{
	struct file *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	f->size = size;
	f->bytes = malloc(size);
	if (f->bytes != NULL && file_room(file_work_size(size)))
		return f;
	free(f->bytes);
	free(f);
	return NULL;
}

static enum ci_reason judge(struct file *f, const struct ci_keys *keys, const struct file_source *s,
			    struct ovbs_ci_answer *answer)
{
	static uint8_t signature[CI_SIGNATURE_MAX];
	struct ci_verdict verdict;
	enum ci_reason why;

	if (guest_copy(s->file, f->bytes, f->size) != 0 ||
	    guest_copy(s->signature, signature, s->signature_bytes) != 0)
		return CI_E_FILE_COPY;
	why = ci_verify(keys, f->bytes, f->size, signature, s->signature_bytes, &verdict);
	snprintf(f->signer, sizeof(f->signer), "%.*s", (int)sizeof(f->signer) - 1, verdict.subject);
	memcpy(answer->signer, f->signer, sizeof(answer->signer));
	return why;
}

uint32_t files_take(struct files *files, const struct ci_keys *keys, const struct file_source *s,
		    struct ovbs_ci_answer *answer, uint64_t *token)
{
	enum ci_reason why = CI_OK;
	struct file *f;

	*token = 0;
	if (s->file_bytes == 0 || s->file_bytes > FILE_MAX)
		why = CI_E_FILE_SIZE;
	else if (s->signature_bytes == 0 || s->signature_bytes > CI_SIGNATURE_MAX)
		why = CI_E_CMS_SIZE;
	if (why != CI_OK) {
		answer_reason(answer, why, NULL);
		return OVBS_OK;
	}
	make_room(files, s->file_bytes);
	f = new_file(s->file_bytes);
	if (f == NULL)
		return OVBS_E_OUT_OF_MEMORY;
	why = judge(f, keys, s, answer);
	if (why == CI_OK) {
		f->token = *token = ++files->last_token;
		files->file[files->count++] = f;
	} else {
		free(f->bytes);
		free(f);
		if (why == CI_E_MEMORY)
			return OVBS_E_OUT_OF_MEMORY;
	}
	answer_reason(answer, why, NULL);
	return OVBS_OK;
}

struct file *files_find(const struct files *files, uint64_t token)
{
	for (size_t i = 0; i < files->count; i++) {
		if (files->file[i]->token == token)
			return files->file[i];
	}
	return NULL;
}

void files_drop(struct files *files, struct file *file)
{
	for (size_t i = 0; i < files->count; i++) {
		if (files->file[i] == file) {
			drop_at(files, i);
			return;
		}
	}
}

void files_drop_all(struct files *files)
{
	while (files->count > 0)
		drop_at(files, files->count - 1);
}
