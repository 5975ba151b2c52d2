// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as VTL0's message, and any bytes as the trustlet's answer to it:
 * what is accepted copies within the page's data part only, no byte for two
 * parameters, and an answer moves no buffer. Bytes are checked one by one.
 */
/* links: securekernel/message.c */
#include "fuzz.h"

#include "../../securekernel/message.h"

/* As services.c copies: each byte of the page may belong to one buffer. */
static void check_buffers(const struct ovbs_msg *m)
{
	uint8_t owner[OVBS_PAGE_SIZE] = { 0 };

	for (unsigned int i = 0; i < OVBS_PARAMS; i++) {
		const struct ovbs_param *p = &m->param[i];

		if (!message_is_buffer(OVBS_PARAM_TYPE(m->types, i)))
			continue;
		FUZZ_CHECK(p->a >= OVBS_DATA_OFF && p->a <= OVBS_PAGE_SIZE && p->b <= OVBS_DATA_SIZE);
		for (uint64_t n = p->a; n < p->a + p->b; n++) {
			FUZZ_CHECK(n < OVBS_PAGE_SIZE && !owner[n]);
			owner[n] = 1;
		}
	}
}

static void check_answer(const struct ovbs_msg *asked, const struct ovbs_tl_request *r)
{
	struct ovbs_msg m = *asked;

	message_answer(&m, asked->param, r);
	FUZZ_CHECK(m.types == asked->types && m.session == asked->session && m.origin == OVBS_ORIGIN_TRUSTLET);
	FUZZ_CHECK(m.result != OVBS_INTERRUPTED && m.result != OVBS_E_TARGET_DEAD && m.result != OVBS_E_BUSY);
	for (unsigned int i = 0; i < OVBS_PARAMS; i++) {
		unsigned int type = OVBS_PARAM_TYPE(m.types, i);

		if (!message_param_out(type))
			FUZZ_CHECK(!memcmp(&m.param[i], &asked->param[i], sizeof(m.param[i])));
		if (!message_is_buffer(type))
			continue;
		FUZZ_CHECK(m.param[i].a == asked->param[i].a);
		FUZZ_CHECK(m.param[i].b <= asked->param[i].b || m.result == OVBS_E_SHORT_BUFFER);
	}
}

static void check_all(const struct ovbs_msg *m, const struct ovbs_tl_request *r)
{
	if (message_check_header(m) || message_check_buffers(m))
		return;
	check_buffers(m);
	check_answer(m, r);
}

/* A number around the page's size, or any. */
static uint64_t number(struct fuzz_input *in)
{
	uint8_t kind = fuzz_u8(in);

	return kind == 0xFF ? fuzz_u64(in) : (uint64_t)kind << 5 | fuzz_u8(in) >> 3;
}

/* Few bytes of input, and often good. */
static void make(struct fuzz_input *in, struct ovbs_msg *m, struct ovbs_tl_request *r)
{
	static const uint32_t results[] = {
		OVBS_OK,     OVBS_E_GENERIC,     OVBS_E_SHORT_BUFFER, OVBS_INTERRUPTED,
		OVBS_E_BUSY, OVBS_E_TARGET_DEAD, OVBS_E_ACCESS_DENIED
	};
	uint8_t low = fuzz_u8(in);

	m->abi = OVBS_MSG_ABI;
	m->types = (low | (uint32_t)fuzz_u8(in) << 8) & 0x7777;
	r->result = results[fuzz_u8(in) % ARRAY_SIZE(results)];
	for (unsigned int i = 0; i < OVBS_PARAMS; i++) {
		m->param[i].a = number(in);
		m->param[i].b = number(in);
		r->param[i].a = number(in);
		r->param[i].b = number(in);
	}
}

/* The input as a message and, behind it, an answer; and as a few numbers for both. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ovbs_tl_request r;
	struct fuzz_input in = { data, size };
	struct ovbs_msg m = { 0 };
	size_t n = size < sizeof(m) ? size : sizeof(m);

	memset(&r, 0, sizeof(r));
	make(&in, &m, &r);
	check_all(&m, &r);
	if (n)
		memcpy(&m, data, n);
	memset(&r, 0, sizeof(r));
	if (size > n)
		memcpy(&r, data + n, size - n < sizeof(r) ? size - n : sizeof(r));
	check_all(&m, &r);
	return 0;
}
