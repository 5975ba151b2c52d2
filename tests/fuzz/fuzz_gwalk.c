// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest page walk over arbitrary tables, that may also change while it
 * looks.
 *
 * All guest physical addresses fold into a few pages of input, so that walks
 * go deep. Checked: the callback's contract, the number of reads, the form of
 * the results, and that rights are monotonous (whoever may write may read).
 */
/* links: lib/gwalk.c */
#include "fuzz.h"

#include "gwalk.h"
#include "ovbs_errno.h"

#define RAM_SIZE 1024u /* a power of two */

struct memory {
	uint8_t ram[RAM_SIZE];
	const struct gwalk *w;
	unsigned int reads;
	uint64_t hole;    /* addresses with one of these bits cannot be read */
	uint8_t mutation; /* what happens to a byte each time it was read */
};

static int read_gpa(void *ctx, uint64_t gpa, void *buf, size_t len)
{
	struct memory *m = ctx;
	uint8_t *out = buf;
	size_t i;

	FUZZ_CHECK(len >= 1 && len <= 4096 - (gpa & 4095));
	FUZZ_CHECK(gpa >> m->w->maxphyaddr == 0);
	m->reads++;
	if (gpa & m->hole)
		return -EFAULT;
	for (i = 0; i < len; i++) {
		uint8_t *byte = &m->ram[(gpa + i) % RAM_SIZE];

		out[i] = *byte;
		*byte ^= m->mutation;
	}
	return 0;
}

static void check_result(const struct gwalk *w, const struct memory *m, uint64_t linear, int ret,
			 const struct gwalk_result *r)
{
	FUZZ_CHECK(r->status == ret);
	FUZZ_CHECK(m->reads <= 5);
	FUZZ_CHECK(r->linear == linear || r->linear == (uint32_t)linear);
	switch (ret) {
	case 0:
		FUZZ_CHECK(r->page_size == 4096 || r->page_size == 2u << 20 ||
			   r->page_size == 4u << 20 || r->page_size == 1u << 30);
		FUZZ_CHECK(r->gpa >> w->maxphyaddr == 0);
		FUZZ_CHECK(((r->gpa ^ linear) & (r->page_size - 1)) == 0);
		FUZZ_CHECK(r->error_code == 0);
		break;
	case -EFAULT:
		FUZZ_CHECK(!(r->error_code & ~0x1Fu));
		FUZZ_CHECK(!(r->error_code & GWALK_PF_RSVD) || (r->error_code & GWALK_PF_P));
		FUZZ_CHECK(!(r->error_code & GWALK_PF_U) == (w->cpl != 3));
		FUZZ_CHECK(!(r->error_code & GWALK_PF_W) == (w->access != GWALK_WRITE));
		FUZZ_CHECK(!(r->error_code & GWALK_PF_I) || w->access == GWALK_EXEC);
		break;
	default:
		FUZZ_CHECK(ret == -EIO || ret == -ERANGE || ret == -EINVAL);
		break;
	}
}

static int walk(struct gwalk *w, struct memory *m, enum gwalk_access access, uint64_t linear, uint64_t *gpa)
{
	struct gwalk_result r;
	int ret;

	w->access = access;
	m->reads = 0;
	ret = gwalk_linear(w, linear, &r);
	check_result(w, m, linear, ret, &r);
	*gpa = r.gpa;
	return ret;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct memory m;
	struct fuzz_input in = { data, size };
	struct gwalk_result fault;
	struct gwalk w;
	uint64_t linear, gpa, gpa2;
	uint8_t buf[64];
	size_t i, n, got;

	memset(&m, 0, sizeof(m));
	m.w = &w;
	w = (struct gwalk){ .read_gpa = read_gpa, .ctx = &m };
	w.cr0 = fuzz_u64(&in);
	w.cr3 = fuzz_u64(&in);
	w.cr4 = fuzz_u64(&in);
	w.efer = fuzz_u64(&in);
	w.rflags = fuzz_u64(&in);
	/* Mostly states that exist. */
	w.maxphyaddr = fuzz_u8(&in) % 24 + 30;
	w.cpl = fuzz_u8(&in) % 5;
	linear = fuzz_u64(&in);
	n = fuzz_u8(&in) % sizeof(buf);
	m.hole = 1ULL << (fuzz_u8(&in) % 64);
	m.mutation = fuzz_u8(&in) & 1 ? fuzz_u8(&in) : 0;
	for (i = 0; in.size > 0 && i < RAM_SIZE; i++)
		m.ram[i] = in.data[i % in.size];

	if (walk(&w, &m, GWALK_WRITE, linear, &gpa) == 0 && m.mutation == 0)
		FUZZ_CHECK(walk(&w, &m, GWALK_READ, linear, &gpa2) == 0 && gpa == gpa2);
	if (walk(&w, &m, GWALK_EXEC, linear, &gpa) == 0 && m.mutation == 0 && w.cpl == 3)
		FUZZ_CHECK(walk(&w, &m, GWALK_READ, linear, &gpa2) == 0 && gpa == gpa2);

	w.access = (enum gwalk_access)(fuzz_u8(&in) % 4);
	m.reads = 0;
	got = gread_linear(&w, linear, buf, n, &fault);
	FUZZ_CHECK(got <= n && (fault.status == 0) == (got == n));
	FUZZ_CHECK(m.reads <= 12);
	return 0;
}
