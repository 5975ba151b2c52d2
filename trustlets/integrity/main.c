// SPDX-License-Identifier: GPL-2.0-only
/*
 * integrity: which modules VTL0's kernel may execute after lockdown. Commands of
 * integrity_abi.h; it decides, the secure kernel enforces.
 *
 * Up to CLOSE or lockdown the kernel is believed. Then everything that comes is
 * hostile: what it sends is copied once, addresses are only ever handed to the
 * secure kernel, which checks them against VTL0's page tables.
 */
#include <errno.h>
#include <malloc.h>
#include <string.h>

#include "answer.h"
#include "backend_ci.h"
#include "place.h"
#include "trustlet.h"

_Static_assert(CI_ORIGIN_BUILTIN == (int)OVBS_CI_BUILTIN && CI_ORIGIN_MOK == (int)OVBS_CI_MOK &&
		       CI_ORIGIN_DB == (int)OVBS_CI_DB,
	       "enum ci_origin is enum ovbs_ci_origin");
_Static_assert(CI_REVOKED_CERTIFICATE == (int)OVBS_CI_REVOKED_CERTIFICATE &&
		       CI_REVOKED_TBS == (int)OVBS_CI_REVOKED_TBS &&
		       CI_REVOKED_FILE == (int)OVBS_CI_REVOKED_FILE &&
		       CI_REVOKED_KEY_ID == (int)OVBS_CI_REVOKED_KEY_ID,
	       "enum ci_revocation is enum ovbs_ci_revoked");
_Static_assert(sizeof(((struct module_result *)0)->name) == sizeof(((struct ovbs_ci_module *)0)->name),
	       "names");

static struct integrity ci;

/* Is what the kernel says still believed? */
static bool believed(void)
{
	return !ci.kernel.closed && tl_ci_locked() == 0;
}

/* A fixed structure of a buffer: into @to, as a buffer lies anywhere. */
static uint32_t take_struct(const struct tl_request *rq, unsigned int n, void *to, size_t size)
{
	const uint8_t *data;
	size_t len;
	uint32_t r = tl_input(rq, n, &data, &len);

	if (r != OVBS_OK)
		return r;
	if (len != size)
		return OVBS_E_BAD_PARAMETERS;
	memcpy(to, data, size);
	return OVBS_OK;
}

/* The first number of a pair whose second one is 0. */
static uint32_t take_number(const struct tl_request *rq, unsigned int n, uint64_t *number)
{
	uint64_t zero;
	uint32_t r = tl_value(rq, n, number, &zero);

	return r != OVBS_OK || zero == 0 ? r : OVBS_E_BAD_PARAMETERS;
}

/* For commands whose answer has no place for a reason. */
static uint32_t result_of(enum ci_reason why, const char *what)
{
	if (why == CI_OK)
		return OVBS_OK;
	tl_log("%s: %s", what, ci_reason_text(why));
	switch (why) {
	case CI_E_MEMORY:
		return OVBS_E_OUT_OF_MEMORY;
	case CI_E_KEY_CLOSED:
		return OVBS_E_BAD_STATE;
	case CI_E_KEY_FULL:
	case CI_E_REVOCATION_FULL:
		return OVBS_E_EXCESS_DATA;
	case CI_E_REVOCATION:
		return OVBS_E_BAD_PARAMETERS;
	default:
		return OVBS_E_SECURITY;
	}
}

static struct ci_slice part(const uint8_t **at, size_t size)
{
	struct ci_slice s = { *at, size };

	*at += size;
	return s;
}

/* What follows struct ovbs_ci_key, all of it and no more. */
static uint32_t read_key(const uint8_t *data, size_t size, struct ci_raw_key *raw)
{
	struct ovbs_ci_key k;
	const uint8_t *at = data + sizeof(k);

	if (size < sizeof(k))
		return OVBS_E_BAD_PARAMETERS;
	memcpy(&k, data, sizeof(k));
	if (k.reserved != 0 || k.algorithm < OVBS_CI_RSA || k.algorithm > OVBS_CI_P384 ||
	    size - sizeof(k) != (size_t)k.key_bytes + k.id_bytes + k.key_id_bytes + k.name_bytes)
		return OVBS_E_BAD_PARAMETERS;
	raw->algorithm = k.algorithm == OVBS_CI_RSA ? CI_RSA_PKCS1 : CI_ECDSA;
	raw->bits = k.algorithm == OVBS_CI_P256 ? 256 : k.algorithm == OVBS_CI_P384 ? 384 : 0;
	raw->key = part(&at, k.key_bytes);
	raw->id = part(&at, k.id_bytes);
	raw->key_id = part(&at, k.key_id_bytes);
	raw->name = part(&at, k.name_bytes);
	return OVBS_OK;
}

static uint32_t add_key(struct tl_request *rq, void *session)
{
	struct ci_raw_key raw;
	const uint8_t *data;
	uint64_t origin;
	size_t size;
	uint32_t r = take_number(rq, 0, &origin);

	(void)session;
	if (r == OVBS_OK)
		r = tl_input(rq, 1, &data, &size);
	if (r != OVBS_OK)
		return r;
	if (!believed())
		return OVBS_E_BAD_STATE;
	if (origin >= CI_ORIGIN_COUNT)
		return OVBS_E_BAD_PARAMETERS;
	r = read_key(data, size, &raw);
	return r != OVBS_OK ? r : result_of(ci_keys_add_raw(&ci.keys, &raw, (enum ci_origin)origin), "a key");
}

static uint32_t revoke(struct tl_request *rq, void *session)
{
	size_t before = ci.keys.revoked_count;
	struct ci_slice id;
	uint64_t kind;
	uint32_t r = take_number(rq, 0, &kind);

	(void)session;
	if (r == OVBS_OK)
		r = tl_input(rq, 1, &id.p, &id.len);
	if (r != OVBS_OK)
		return r;
	if (kind >= CI_REVOCATION_COUNT)
		return OVBS_E_BAD_PARAMETERS;
	r = result_of(ci_keys_revoke(&ci.keys, (enum ci_revocation)kind, id), "a revocation");
	/* Files that wait were judged without it. */
	if (ci.keys.revoked_count != before)
		files_drop_all(&ci.files);
	return r;
}

static uint32_t learn_kernel(struct tl_request *rq, void *session)
{
	struct ovbs_ci_kernel told;
	uint32_t r = take_struct(rq, 0, &told, sizeof(told));

	(void)session;
	if (r != OVBS_OK)
		return r;
	return believed() ? kernel_learn(&ci.kernel, &told) : OVBS_E_BAD_STATE;
}

static uint32_t add_module(struct tl_request *rq, void *session)
{
	struct ovbs_ci_exports told;
	uint32_t r = take_struct(rq, 0, &told, sizeof(told));

	(void)session;
	if (r != OVBS_OK)
		return r;
	if (!believed())
		return OVBS_E_BAD_STATE;
	r = kernel_add_module(&ci.kernel, &told);
	if (r != OVBS_OK && r != OVBS_E_OUT_OF_MEMORY)
		tl_log("symbols of module %.*s can't be read: %x", (int)sizeof(told.name), told.name, r);
	return r;
}

static uint32_t close_kernel(struct tl_request *rq, void *session)
{
	uint32_t r;

	(void)rq;
	(void)session;
	if (!believed())
		return OVBS_E_BAD_STATE;
	r = kernel_close(&ci.kernel);
	if (r != OVBS_OK)
		return r;
	ci_keys_close(&ci.keys);
	tl_log("closed with %zu keys, %zu symbols, %zu tables of modules", ci.keys.count,
	       ci.kernel.table[0].count + ci.kernel.table[1].count, ci.kernel.tables);
	return OVBS_OK;
}

/* Room for the answer is looked for first: what was done can't be told otherwise. */
static uint32_t answer_room(struct tl_request *rq, unsigned int n)
{
	return tl_set_size(rq, n, sizeof(struct ovbs_ci_answer));
}

static uint32_t put_answer(struct tl_request *rq, unsigned int n, const char *what,
			   const struct ovbs_ci_answer *a)
{
	if (a->reason != CI_OK)
		tl_log("%s refused: %s", what, a->text);
	return tl_put(rq, n, a, sizeof(*a));
}

static uint32_t take_file(struct tl_request *rq, void *session)
{
	struct ovbs_ci_answer answer = { 0 };
	struct file_source s;
	uint64_t token = 0;
	uint32_t r = tl_value(rq, 0, &s.file, &s.file_bytes);

	(void)session;
	if (r == OVBS_OK)
		r = tl_value(rq, 1, &s.signature, &s.signature_bytes);
	if (r == OVBS_OK)
		r = answer_room(rq, 3);
	if (r != OVBS_OK)
		return r;
	if (believed())
		return OVBS_E_BAD_STATE;
	if (ci.kernel.closed)
		r = files_take(&ci.files, &ci.keys, &s, &answer, &token);
	else /* keys and policy are gone, or never came: nothing can be judged */
		answer_reason(&answer, CI_E_KERNEL, NULL);
	if (r == OVBS_OK)
		r = tl_set_value(rq, 2, token, answer.reason);
	return r == OVBS_OK ? put_answer(rq, 3, "a file", &answer) : r;
}

static uint32_t place(struct tl_request *rq, void *session)
{
	struct ovbs_ci_answer answer = { 0 };
	struct ovbs_ci_place at;
	uint64_t token, number = 0;
	struct file *f;
	uint32_t r = take_number(rq, 0, &token);

	(void)session;
	if (r == OVBS_OK)
		r = take_struct(rq, 1, &at, sizeof(at));
	if (r == OVBS_OK)
		r = answer_room(rq, 2);
	if (r != OVBS_OK)
		return r;
	f = files_find(&ci.files, token);
	if (f == NULL) {
		answer_reason(&answer, CI_E_TOKEN, "%llu", (unsigned long long)token);
	} else {
		r = place_module(&ci, f, &at, &answer, &number);
		if (r != OVBS_OK)
			return r;
		files_drop(&ci.files, f);
	}
	r = tl_set_value(rq, 0, number, 0);
	return r == OVBS_OK ? put_answer(rq, 2, "a module", &answer) : r;
}

/* The result of a system call about a module's life. */
static uint32_t life_result(long rc)
{
	switch (rc) {
	case 0:
		return OVBS_OK;
	case -ENOENT:
		return OVBS_E_ITEM_NOT_FOUND;
	case -EINVAL:
		return OVBS_E_BAD_STATE;
	case -ENOMEM:
		return OVBS_E_OUT_OF_MEMORY;
	default:
		return OVBS_E_GENERIC;
	}
}

/*
 * LIVE and GONE of a module that is not known here: it was placed before this
 * trustlet ended and began again, and the secure kernel knows it. Neither makes
 * anything executable.
 */
static uint32_t live(struct tl_request *rq, void *session)
{
	struct accepted *a;
	uint64_t number;
	uint32_t r = take_number(rq, 0, &number);
	long left;

	(void)session;
	if (r != OVBS_OK)
		return r;
	do
		left = tl_ci_module_live(number);
	while (left > 0);
	a = modules_find(&ci.modules, number);
	if (a != NULL && left == 0)
		a->live = true;
	return life_result(left);
}

static uint32_t gone(struct tl_request *rq, void *session)
{
	struct accepted *a;
	uint64_t number;
	uint32_t r = take_number(rq, 0, &number);
	long left;

	(void)session;
	if (r != OVBS_OK)
		return r;
	a = modules_find(&ci.modules, number);
	if (a != NULL && a->users > 0)
		return OVBS_E_BAD_STATE;
	do
		left = tl_ci_module_gone(number);
	while (left > 0);
	if (a != NULL && (left == 0 || left == -ENOENT))
		modules_remove(&ci.modules, a);
	return life_result(left);
}

static uint32_t forget(struct tl_request *rq, void *session)
{
	struct file *f;
	uint64_t token;
	uint32_t r = take_number(rq, 0, &token);

	(void)session;
	if (r != OVBS_OK)
		return r;
	f = files_find(&ci.files, token);
	if (f == NULL)
		return OVBS_E_ITEM_NOT_FOUND;
	files_drop(&ci.files, f);
	return OVBS_OK;
}

static struct ovbs_ci_module entry_of(const struct accepted *a)
{
	struct ovbs_ci_module e = { .number = a->number,
				    .text = a->text,
				    .text_bytes = a->text_bytes,
				    .sites = a->sites,
				    .live = a->live };

	memcpy(e.name, a->name, sizeof(e.name));
	memcpy(e.signer, a->signer, sizeof(e.signer));
	return e;
}

static uint32_t list(struct tl_request *rq, void *session)
{
	size_t room, n = 0, i = 0;
	uint64_t first;
	uint8_t *out;
	uint32_t r = take_number(rq, 0, &first);

	(void)session;
	if (r == OVBS_OK)
		r = tl_output(rq, 1, &out, &room);
	if (r != OVBS_OK)
		return r;
	while (i < ci.modules.count && ci.modules.module[i]->number < first)
		i++;
	for (; i < ci.modules.count &&
	       room - n * sizeof(struct ovbs_ci_module) >= sizeof(struct ovbs_ci_module);
	     i++) {
		struct ovbs_ci_module e = entry_of(ci.modules.module[i]);

		memcpy(out + n++ * sizeof(e), &e, sizeof(e));
	}
	r = tl_set_size(rq, 1, n * sizeof(struct ovbs_ci_module));
	return r == OVBS_OK ? tl_set_value(rq, 0, n, ci.modules.count) : r;
}

#define TYPES(a, b, c, d)                                                                          \
	OVBS_PARAM_TYPES(OVBS_PARAM_##a, OVBS_PARAM_##b, OVBS_PARAM_##c, OVBS_PARAM_##d)

static const struct tl_command commands[] = {
	{ OVBS_CI_KEY, TYPES(VALUE_IN, BUFFER_IN, NONE, NONE), add_key },
	{ OVBS_CI_REVOKE, TYPES(VALUE_IN, BUFFER_IN, NONE, NONE), revoke },
	{ OVBS_CI_KERNEL, TYPES(BUFFER_IN, NONE, NONE, NONE), learn_kernel },
	{ OVBS_CI_CLOSE, TYPES(NONE, NONE, NONE, NONE), close_kernel },
	{ OVBS_CI_FILE, TYPES(VALUE_IN, VALUE_IN, VALUE_OUT, BUFFER_OUT), take_file },
	{ OVBS_CI_PLACE, TYPES(VALUE_INOUT, BUFFER_IN, BUFFER_OUT, NONE), place },
	{ OVBS_CI_LIVE, TYPES(VALUE_IN, NONE, NONE, NONE), live },
	{ OVBS_CI_GONE, TYPES(VALUE_IN, NONE, NONE, NONE), gone },
	{ OVBS_CI_FORGET, TYPES(VALUE_IN, NONE, NONE, NONE), forget },
	{ OVBS_CI_LIST, TYPES(VALUE_INOUT, BUFFER_OUT, NONE, NONE), list },
	{ OVBS_CI_MODULE, TYPES(BUFFER_IN, NONE, NONE, NONE), add_module },
};

/* What is large goes back to VTL1 when it is freed, so that the heap does not fall to pieces. */
#define MAP_FROM (128 << 10)

int main(void)
{
	static const struct tl_ops ops = {
		.commands = commands,
		.command_count = TL_ARRAY_LEN(commands),
	};

	mallopt(M_MMAP_THRESHOLD, MAP_FROM);
	mallopt(M_TRIM_THRESHOLD, MAP_FROM);
	return tl_serve(&ops);
}
