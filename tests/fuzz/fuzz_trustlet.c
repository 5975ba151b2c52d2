// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any sequence of requests to hello, through the library's dispatcher: good ones
 * as the secure kernel makes them, and ones that it would never let through.
 *
 * Whatever comes: the answer has a known result, an OVBS_OK no size beyond the
 * buffer's room, and nothing changes in the page but outputs and the result.
 */
/* links: trustlets/hello/main.c trustlets/lib/trustlet.c trustlets/lib/seal.c trustlets/lib/backend_host.c */
#include "fuzz.h"

#include "../../trustlets/hello/hello.h"
#include "../../trustlets/lib/host.h"

#define SESSIONS 4

struct feeder {
	struct fuzz_input in;
	struct ovbs_tl_request sent;
	uint8_t blob[256]; /* an output of before, to have real blobs unsealed */
	size_t blob_size;
	unsigned int closing; /* the sessions are closed at the end */
};

/* 16 bits, mostly such that they are about a place or a size in the page. */
static uint64_t near_page(struct fuzz_input *in)
{
	uint64_t v = fuzz_u8(in);

	v |= (uint64_t)fuzz_u8(in) << 8;
	return v >= 0xE000 ? 0 - v : v % (OVBS_PAGE_SIZE + 256);
}

/* Parameters that the secure kernel would pass, one behind the other; or (@wild) one of them anywhere. */
static void make_params(struct feeder *f, struct ovbs_tl_request *r, bool wild)
{
	uint64_t at = OVBS_DATA_OFF;

	for (unsigned int n = 0; n < OVBS_PARAMS; n++) {
		uint32_t type = OVBS_PARAM_TYPE(r->types, n);

		r->param[n].a = near_page(&f->in);
		r->param[n].b = near_page(&f->in);
		if (type < OVBS_PARAM_BUFFER_IN)
			continue;
		if (wild && n == r->uid % 2) {
			/* Often one that ends near the page's end. */
			if (fuzz_u8(&f->in) % 2 == 0)
				r->param[n].b =
					OVBS_PAGE_SIZE + 64 - r->param[n].a - fuzz_u8(&f->in) % 128;
			continue;
		}
		r->param[n].a = at;
		r->param[n].b %= 256;
		if (n == 0 && r->command == HELLO_UNSEAL && f->blob_size > 0)
			r->param[n].b = f->blob_size;
		at += r->param[n].b;
	}
}

static void make_request(struct feeder *f, struct ovbs_tl_request *r)
{
	static const uint32_t types[] = {
		OVBS_PARAM_TYPES(OVBS_PARAM_BUFFER_IN, OVBS_PARAM_BUFFER_OUT, 0, 0),
		OVBS_PARAM_TYPES(OVBS_PARAM_VALUE_IN, OVBS_PARAM_VALUE_OUT, 0, 0),
		OVBS_PARAM_TYPES(OVBS_PARAM_VALUE_OUT, 0, 0, 0),
		0,
	};
	static const uint32_t kinds[] = { OVBS_TL_OPEN,   OVBS_TL_CLOSE,  OVBS_TL_INVOKE,
					  OVBS_TL_INVOKE, OVBS_TL_INVOKE, OVBS_TL_INVOKE };
	uint8_t how = fuzz_u8(&f->in), kind = fuzz_u8(&f->in) % 7;

	memset(r, 0xEE, sizeof(*r));
	r->kind = kind < 6 ? kinds[kind] : fuzz_u8(&f->in);
	r->session = fuzz_u8(&f->in) % 8 < 6 ? 0 : how % SESSIONS;
	r->command = fuzz_u8(&f->in) % 8;
	r->uid = how;
	r->types = how % 8 < 7 ? types[how % 8 % 4] : (uint32_t)fuzz_u64(&f->in);
	make_params(f, r, how >= 160);
	for (unsigned int i = 0; i < 256; i++)
		r->data[i] = i < f->blob_size ? f->blob[i] : 0x41;
	for (unsigned int i = fuzz_u8(&f->in) % 8; i > 0; i--)
		r->data[fuzz_u8(&f->in)] ^= fuzz_u8(&f->in);
}

static bool changed_may_be(const struct ovbs_tl_request *r, size_t at)
{
	if (at >= offsetof(struct ovbs_tl_request, result) && at < offsetof(struct ovbs_tl_request, reserved))
		return true;
	for (unsigned int n = 0; n < OVBS_PARAMS; n++) {
		size_t param = offsetof(struct ovbs_tl_request, param) + n * sizeof(r->param[0]);
		uint32_t type = OVBS_PARAM_TYPE(r->types, n);

		if ((type & 2) == 0)
			continue;
		/* Both numbers of a value, a buffer's size but not its place. */
		if (type < OVBS_PARAM_BUFFER_IN && at >= param && at < param + 16)
			return true;
		if (type >= OVBS_PARAM_BUFFER_IN && at >= param + 8 && at < param + 16)
			return true;
		if (type >= OVBS_PARAM_BUFFER_IN && at >= OVBS_DATA_OFF && at >= r->param[n].a &&
		    at - r->param[n].a < r->param[n].b)
			return true;
	}
	return false;
}

static void check_answer(struct feeder *f, const struct ovbs_tl_request *r)
{
	const struct ovbs_tl_request *s = &f->sent;
	const uint8_t *before = (const uint8_t *)s, *after = (const uint8_t *)r;

	FUZZ_CHECK(r->result == OVBS_OK ||
		   (r->result >= OVBS_E_GENERIC && r->result <= OVBS_E_SHORT_BUFFER));
	for (size_t i = 0; i < sizeof(*r); i++)
		FUZZ_CHECK(before[i] == after[i] || changed_may_be(s, i));
	for (unsigned int n = 0; n < OVBS_PARAMS; n++) {
		const struct ovbs_param *p = &s->param[n];

		if (OVBS_PARAM_TYPE(s->types, n) < OVBS_PARAM_BUFFER_IN || r->result != OVBS_OK ||
		    s->kind == OVBS_TL_CLOSE)
			continue;
		FUZZ_CHECK(p->a >= OVBS_DATA_OFF && p->a <= sizeof(*s));
		FUZZ_CHECK(p->b <= sizeof(*s) - p->a && r->param[n].b <= p->b);
	}
	if (r->kind == OVBS_TL_INVOKE && r->command == HELLO_SEAL && r->result == OVBS_OK &&
	    r->param[1].b <= 255) {
		f->blob_size = r->param[1].b;
		memcpy(f->blob, after + r->param[1].a, f->blob_size);
	}
}

static bool next(struct ovbs_tl_request *r, bool first, void *context)
{
	struct feeder *f = context;

	if (!first)
		check_answer(f, r);
	if (first) {
		/* A session to begin with, or most inputs would never have one. */
		memset(r, 0, sizeof(*r));
		r->kind = OVBS_TL_OPEN;
	} else if (f->in.size > 0) {
		make_request(f, r);
	} else if (f->closing < SESSIONS) {
		memset(r, 0, sizeof(*r));
		r->kind = OVBS_TL_CLOSE;
		r->session = f->closing++;
	} else {
		return false;
	}
	f->sent = *r;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feeder f = { .in = { data, size } };

	/* No log: a line for each session would be all that the fuzzer does. */
	tl_host_policy(OVBS_POLICY_SEAL);
	tl_host_feed(next, &f);
	FUZZ_CHECK(trustlet_main() == 0);
	return 0;
}
