/* links: securekernel/capture.c */
// SPDX-License-Identifier: GPL-2.0-only
/*
 * Capture of a write to frozen text (securekernel/capture.c), against this CPU:
 * Linux's memcpy runs here, byte for byte as in Debian's kernels, writes to a
 * page that may not be written, and the signal's handler does what the secure
 * kernel would: captures the write, makes it, and sends the CPU on behind it.
 * Whatever memcpy would have left behind must be there.
 *
 * So "VTL0's memory" is this process' own, at guest physical = linear addresses.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <cmocka.h>

#include <ovbs_compiler.h>
#include <ovbs_errno.h>

#include "../../securekernel/capture.h"
#include "../../securekernel/hypercall.h"
#include "../../securekernel/log.h"
#include "../../securekernel/protect.h"

#define PAGE 0x1000u

/* ---- Linux's code -------------------------------------------------------- */

/* memcpy_orig of linux-image-6.1.0-57-amd64. Returns are jumps to the return thunk. */
static const uint8_t orig_6_1[] = {
	0x48, 0x89, 0xF8, 0x48, 0x83, 0xFA, 0x20, 0x72, 0x7E, 0x40, 0x38, 0xFE, 0x7C, 0x35, 0x48,
	0x83, 0xEA, 0x20, 0x48, 0x83, 0xEA, 0x20, 0x4C, 0x8B, 0x06, 0x4C, 0x8B, 0x4E, 0x08, 0x4C,
	0x8B, 0x56, 0x10, 0x4C, 0x8B, 0x5E, 0x18, 0x48, 0x8D, 0x76, 0x20, 0x4C, 0x89, 0x07, 0x4C,
	0x89, 0x4F, 0x08, 0x4C, 0x89, 0x57, 0x10, 0x4C, 0x89, 0x5F, 0x18, 0x48, 0x8D, 0x7F, 0x20,
	0x73, 0xD4, 0x83, 0xC2, 0x20, 0xEB, 0x44, 0x48, 0x01, 0xD6, 0x48, 0x01, 0xD7, 0x48, 0x83,
	0xEA, 0x20, 0x0F, 0x1F, 0x00, 0x48, 0x83, 0xEA, 0x20, 0x4C, 0x8B, 0x46, 0xF8, 0x4C, 0x8B,
	0x4E, 0xF0, 0x4C, 0x8B, 0x56, 0xE8, 0x4C, 0x8B, 0x5E, 0xE0, 0x48, 0x8D, 0x76, 0xE0, 0x4C,
	0x89, 0x47, 0xF8, 0x4C, 0x89, 0x4F, 0xF0, 0x4C, 0x89, 0x57, 0xE8, 0x4C, 0x89, 0x5F, 0xE0,
	0x48, 0x8D, 0x7F, 0xE0, 0x73, 0xD2, 0x83, 0xC2, 0x20, 0x48, 0x29, 0xD6, 0x48, 0x29, 0xD7,
	0x83, 0xFA, 0x10, 0x72, 0x34, 0x4C, 0x8B, 0x06, 0x4C, 0x8B, 0x4E, 0x08, 0x4C, 0x8B, 0x54,
	0x16, 0xF0, 0x4C, 0x8B, 0x5C, 0x16, 0xF8, 0x4C, 0x89, 0x07, 0x4C, 0x89, 0x4F, 0x08, 0x4C,
	0x89, 0x54, 0x17, 0xF0, 0x4C, 0x89, 0x5C, 0x17, 0xF8, 0xE9, 0xCD, 0x8D, 0x3B, 0x00, 0x66,
	0x66, 0x2E, 0x0F, 0x1F, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00, 0x66, 0x90, 0x83, 0xFA, 0x08,
	0x72, 0x1B, 0x4C, 0x8B, 0x06, 0x4C, 0x8B, 0x4C, 0x16, 0xF8, 0x4C, 0x89, 0x07, 0x4C, 0x89,
	0x4C, 0x17, 0xF8, 0xE9, 0xA6, 0x8D, 0x3B, 0x00, 0x66, 0x0F, 0x1F, 0x44, 0x00, 0x00, 0x83,
	0xFA, 0x04, 0x72, 0x1B, 0x8B, 0x0E, 0x44, 0x8B, 0x44, 0x16, 0xFC, 0x89, 0x0F, 0x44, 0x89,
	0x44, 0x17, 0xFC, 0xE9, 0x88, 0x8D, 0x3B, 0x00, 0x0F, 0x1F, 0x84, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x83, 0xEA, 0x01, 0x72, 0x19, 0x0F, 0xB6, 0x0E, 0x74, 0x12, 0x4C, 0x0F, 0xB6, 0x46,
	0x01, 0x4C, 0x0F, 0xB6, 0x0C, 0x16, 0x44, 0x88, 0x47, 0x01, 0x44, 0x88, 0x0C, 0x17, 0x88,
	0x0F, 0xE9, 0x5D, 0x8D, 0x3B, 0x00,
};

/* The same of linux-image-6.12.95+deb12-amd64. */
static const uint8_t orig_6_12[] = {
	0x48, 0x89, 0xF8, 0x48, 0x83, 0xFA, 0x20, 0x0F, 0x82, 0x86, 0x00, 0x00, 0x00, 0x40, 0x38,
	0xFE, 0x7C, 0x35, 0x48, 0x83, 0xEA, 0x20, 0x48, 0x83, 0xEA, 0x20, 0x4C, 0x8B, 0x06, 0x4C,
	0x8B, 0x4E, 0x08, 0x4C, 0x8B, 0x56, 0x10, 0x4C, 0x8B, 0x5E, 0x18, 0x48, 0x8D, 0x76, 0x20,
	0x4C, 0x89, 0x07, 0x4C, 0x89, 0x4F, 0x08, 0x4C, 0x89, 0x57, 0x10, 0x4C, 0x89, 0x5F, 0x18,
	0x48, 0x8D, 0x7F, 0x20, 0x73, 0xD4, 0x83, 0xC2, 0x20, 0xEB, 0x4C, 0x48, 0x01, 0xD6, 0x48,
	0x01, 0xD7, 0x48, 0x83, 0xEA, 0x20, 0x66, 0x66, 0x2E, 0x0F, 0x1F, 0x84, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x48, 0x83, 0xEA, 0x20, 0x4C, 0x8B, 0x46, 0xF8, 0x4C, 0x8B, 0x4E, 0xF0, 0x4C,
	0x8B, 0x56, 0xE8, 0x4C, 0x8B, 0x5E, 0xE0, 0x48, 0x8D, 0x76, 0xE0, 0x4C, 0x89, 0x47, 0xF8,
	0x4C, 0x89, 0x4F, 0xF0, 0x4C, 0x89, 0x57, 0xE8, 0x4C, 0x89, 0x5F, 0xE0, 0x48, 0x8D, 0x7F,
	0xE0, 0x73, 0xD2, 0x83, 0xC2, 0x20, 0x48, 0x29, 0xD6, 0x48, 0x29, 0xD7, 0x83, 0xFA, 0x10,
	0x72, 0x34, 0x4C, 0x8B, 0x06, 0x4C, 0x8B, 0x4E, 0x08, 0x4C, 0x8B, 0x54, 0x16, 0xF0, 0x4C,
	0x8B, 0x5C, 0x16, 0xF8, 0x4C, 0x89, 0x07, 0x4C, 0x89, 0x4F, 0x08, 0x4C, 0x89, 0x54, 0x17,
	0xF0, 0x4C, 0x89, 0x5C, 0x17, 0xF8, 0xE9, 0xBD, 0xE8, 0x00, 0x00, 0x66, 0x66, 0x2E, 0x0F,
	0x1F, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00, 0x66, 0x90, 0x83, 0xFA, 0x08, 0x72, 0x1B, 0x4C,
	0x8B, 0x06, 0x4C, 0x8B, 0x4C, 0x16, 0xF8, 0x4C, 0x89, 0x07, 0x4C, 0x89, 0x4C, 0x17, 0xF8,
	0xE9, 0x96, 0xE8, 0x00, 0x00, 0x66, 0x0F, 0x1F, 0x44, 0x00, 0x00, 0x83, 0xFA, 0x04, 0x72,
	0x1B, 0x8B, 0x0E, 0x44, 0x8B, 0x44, 0x16, 0xFC, 0x89, 0x0F, 0x44, 0x89, 0x44, 0x17, 0xFC,
	0xE9, 0x78, 0xE8, 0x00, 0x00, 0x0F, 0x1F, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00, 0x83, 0xEA,
	0x01, 0x72, 0x19, 0x0F, 0xB6, 0x0E, 0x74, 0x12, 0x4C, 0x0F, 0xB6, 0x46, 0x01, 0x4C, 0x0F,
	0xB6, 0x0C, 0x16, 0x44, 0x88, 0x47, 0x01, 0x44, 0x88, 0x0C, 0x17, 0x88, 0x0F, 0xE9, 0x4D,
	0xE8, 0x00, 0x00,
};

static const uint8_t rep_movsb[] = { 0xF3, 0xA4, 0xC3 };

static const struct kernel {
	const uint8_t *orig;
	unsigned int size;
} kernels[] = { { orig_6_1, sizeof(orig_6_1) }, { orig_6_12, sizeof(orig_6_12) } };

/* ---- VTL0 ---------------------------------------------------------------- */

static uint8_t *code, *frozen_text, *ordinary, *source; /* two pages each */
static bool code_frozen[2], code_executable[2], source_readable;

static bool in(uint64_t va, const uint8_t *pages)
{
	return va - (uint64_t)pages < 2 * PAGE;
}

static unsigned int page_of(uint64_t va)
{
	return (unsigned int)((va - (uint64_t)code) / PAGE);
}

bool protect_is_frozen(uint64_t gpa, enum ovbs_freeze how)
{
	return how == OVBS_FREEZE_CODE && in(gpa, code) && code_frozen[page_of(gpa)];
}

int gwalk_linear(const struct gwalk *w, uint64_t linear, struct gwalk_result *out)
{
	bool ok;

	if (w->access == GWALK_EXEC)
		ok = in(linear, code) && code_executable[page_of(linear)];
	else
		ok = w->access == GWALK_READ && in(linear, source) && source_readable;
	*out = (struct gwalk_result){ .gpa = ok ? linear : 0 };
	return ok ? 0 : -EFAULT;
}

int guest_read_at(uint64_t gpa, void *to, size_t n)
{
	assert_true(in(gpa, code) || in(gpa, source));
	assert_true(n && n <= PAGE - gpa % PAGE);
	memcpy(to, (const void *)gpa, n);
	return 0;
}

size_t gread_linear(const struct gwalk *w, uint64_t linear, void *buf, size_t n, struct gwalk_result *fault)
{
	struct gwalk_result at;

	for (size_t i = 0; i < n; i++) {
		if (gwalk_linear(w, linear + i, &at))
			return i;
		((uint8_t *)buf)[i] = *(const uint8_t *)at.gpa;
	}
	return n;
}

static uint64_t new_rip;

enum hv_status hv_set_register(unsigned int vtl, uint32_t name, uint64_t value)
{
	assert_int_equal(vtl, 0);
	assert_int_equal(name, HV_X64_REGISTER_RIP);
	new_rip = value;
	return HV_STATUS_SUCCESS;
}

void sk_panic(const char *fmt, ...)
{
	fail_msg("panic: %s", fmt);
	abort();
}

static struct hv_x64_memory_intercept_message message(uint64_t rip, uint64_t rflags)
{
	return (struct hv_x64_memory_intercept_message){
		.header = { .intercept_access_type = HV_INTERCEPT_ACCESS_WRITE,
			    .execution_state = 1u << 2 | 1u << 4,
			    .cs = { .attributes = 1u << 13 },
			    .rip = rip,
			    .rflags = rflags },
	};
}

static const char *capture(uint64_t rip, const struct vtl0_regs *r, struct sk_captured *c)
{
	struct hv_x64_memory_intercept_message m = message(rip, 2);
	struct gwalk w = { .access = GWALK_READ };

	return sk_capture(&m, r, &w, c);
}

/* As Linux does at boot where it needs no return thunk. */
static uint64_t put_code(const struct kernel *k, unsigned int at)
{
	uint8_t *fn = code + at;

	memcpy(fn, k->orig, k->size);
	for (unsigned int i = 0; i + 5 <= k->size; i++)
		if (fn[i] == 0xE9)
			memcpy(fn + i, "\xC3\xCC\xCC\xCC\xCC", 5);
	return (uint64_t)fn;
}

/* ---- this CPU ------------------------------------------------------------ */

static struct {
	unsigned int exits;
	uint64_t rip; /* of the last one */
	const char *why;
	struct sk_captured c;
} seen;
static sigjmp_buf refused;

static void on_write(int sig, siginfo_t *info, void *context)
{
	greg_t *g = ((ucontext_t *)context)->uc_mcontext.gregs;
	struct vtl0_regs r = {
		.rax = g[REG_RAX],
		.rcx = g[REG_RCX],
		.rdx = g[REG_RDX],
		.rsi = g[REG_RSI],
		.rdi = g[REG_RDI],
		.r8 = g[REG_R8],
		.r9 = g[REG_R9],
		.r10 = g[REG_R10],
		.r11 = g[REG_R11],
	};

	if (!in((uint64_t)info->si_addr, frozen_text))
		abort();
	seen.exits++;
	seen.rip = g[REG_RIP];
	seen.why = capture(g[REG_RIP], &r, &seen.c);
	if (seen.why)
		siglongjmp(refused, 1);
	mprotect(frozen_text, 2 * PAGE, PROT_READ | PROT_WRITE);
	memcpy((void *)seen.c.va, seen.c.bytes, seen.c.n);
	mprotect(frozen_text, 2 * PAGE, PROT_READ);
	sk_capture_go_on(&seen.c, &r);
	g[REG_RAX] = r.rax;
	g[REG_RCX] = r.rcx;
	g[REG_RDX] = r.rdx;
	g[REG_RSI] = r.rsi;
	g[REG_RDI] = r.rdi;
	g[REG_R8] = r.r8;
	g[REG_R9] = r.r9;
	g[REG_R10] = r.r10;
	g[REG_R11] = r.r11;
	g[REG_RIP] = (greg_t)new_rip;
}

/* Calls @fn with the registers @r, which are what it left then; returns the flags. */
static uint64_t call(uint64_t fn, struct vtl0_regs *r)
{
	register uint64_t r8 __asm__("r8") = r->r8, r9 __asm__("r9") = r->r9;
	register uint64_t r10 __asm__("r10") = r->r10, r11 __asm__("r11") = r->r11;
	uint64_t flags;

	__asm__ volatile("lea -128(%%rsp), %%rsp\n\t"
			 "call *%[fn]\n\t"
			 "pushfq\n\t"
			 "pop %[fn]\n\t"
			 "lea 128(%%rsp), %%rsp"
			 : [fn] "=b"(flags), "+a"(r->rax), "+c"(r->rcx), "+d"(r->rdx), "+S"(r->rsi),
			   "+D"(r->rdi), "+r"(r8), "+r"(r9), "+r"(r10), "+r"(r11)
			 : "0"(fn)
			 : "memory", "cc");
	r->r8 = r8;
	r->r9 = r9;
	r->r10 = r10;
	r->r11 = r11;
	return flags & 0xCD5; /* what MOV leaves alone: CF, PF, AF, ZF, SF, OF, DF */
}

/*
 * Runs @fn twice, with RDI at @offset of ordinary memory and of frozen text, and
 * compares all that is left behind. Why it was refused, or NULL.
 */
static const char *run(uint64_t fn, const struct vtl0_regs *with, unsigned int offset)
{
	struct sigaction sa = { .sa_sigaction = on_write, .sa_flags = SA_SIGINFO }; /* cmocka sets its own for each test */
	struct vtl0_regs a = *with, b = *with;
	uint64_t flags;

	memset(ordinary, 0xA5, 2 * PAGE);
	mprotect(frozen_text, 2 * PAGE, PROT_READ | PROT_WRITE);
	memset(frozen_text, 0xA5, 2 * PAGE);
	mprotect(frozen_text, 2 * PAGE, PROT_READ);
	memset(&seen, 0, sizeof(seen));
	b.rdi = (uint64_t)frozen_text + offset;
	assert_int_equal(sigaction(SIGSEGV, &sa, NULL), 0);
	if (sigsetjmp(refused, 1))
		return seen.why;
	flags = call(fn, &b);
	a.rdi = (uint64_t)ordinary + offset;
	assert_int_equal(call(fn, &a), flags);
	assert_memory_equal(ordinary, frozen_text, 2 * PAGE);
	assert_int_equal(a.rdi - (uint64_t)ordinary, b.rdi - (uint64_t)frozen_text);
	if (with->rax)
		assert_int_equal(a.rax, b.rax);
	else
		assert_int_equal(b.rax, (uint64_t)frozen_text + offset); /* memcpy returns its target */
	a.rdi = b.rdi;
	a.rax = b.rax;
	assert_memory_equal(&a, &b, sizeof(a));
	assert_int_equal(seen.exits, 1);
	assert_int_equal(seen.c.va, (uint64_t)frozen_text + offset);
	return NULL;
}

static struct vtl0_regs arguments(unsigned int from, uint64_t n)
{
	return (struct vtl0_regs){ .rsi = (uint64_t)source + from, .rdx = n };
}

static int prepare(void **state)
{
	uint8_t **areas[] = { &code, &frozen_text, &ordinary, &source };

	for (unsigned int i = 0; i < ARRAY_SIZE(areas); i++) {
		int prot = PROT_READ | PROT_WRITE | (areas[i] == &code ? PROT_EXEC : 0);

		*areas[i] = mmap(NULL, 2 * PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		assert_true(*areas[i] != MAP_FAILED);
	}
	for (unsigned int i = 0; i < 2 * PAGE; i++)
		source[i] = (uint8_t)(i * 167 + 13);
	return 0;
}

static int as_it_should_be(void **state)
{
	memset(code, 0xCC, 2 * PAGE);
	code_frozen[0] = code_frozen[1] = code_executable[0] = code_executable[1] = true;
	source_readable = true;
	return 0;
}

/* ---- memcpy_orig --------------------------------------------------------- */

static void test_each_length_is_copied_as_the_cpu_does_it(void **state)
{
	for (unsigned int k = 0; k < ARRAY_SIZE(kernels); k++) {
		uint64_t fn = put_code(&kernels[k], 0);

		for (unsigned int n = 1; n <= SK_PATCH_MAX; n++)
			for (unsigned int i = 0; i < 64; i++) {
				/* both ways of alignment, and all ways of crossing pages */
				unsigned int to = i < 32 ? i : PAGE - 24 + (i - 32);
				struct vtl0_regs r = arguments(i % 5, n);

				assert_null(run(fn, &r, to));
				assert_int_equal(seen.c.n, n);
				assert_memory_equal(seen.c.bytes, source + i % 5, n);
			}
	}
}

static void test_longer_ones_are_refused(void **state)
{
	for (unsigned int k = 0; k < ARRAY_SIZE(kernels); k++) {
		uint64_t fn = put_code(&kernels[k], 0);

		for (unsigned int n = SK_PATCH_MAX + 1; n <= 300; n++) {
			struct vtl0_regs r = arguments(0, n);

			assert_non_null(run(fn, &r, 64));
			assert_int_equal(seen.exits, 1);
		}
	}
}

static void test_code_may_lie_in_two_pages(void **state)
{
	const struct kernel *k = &kernels[1];

	for (unsigned int before = 0; before <= k->size; before++) {
		uint64_t fn = put_code(k, PAGE - before);

		for (unsigned int n = 1; n <= SK_PATCH_MAX; n++) {
			struct vtl0_regs r = arguments(0, n);

			assert_null(run(fn, &r, 8));
		}
	}
}

/* RIP at the first store of @n bytes, and what it finds in the registers. */
static uint64_t first_store(uint64_t fn, unsigned int n, struct vtl0_regs *r)
{
	struct vtl0_regs start = arguments(0, n);

	assert_null(run(fn, &start, 0));
	*r = seen.c.after;
	return seen.rip;
}

/* Of the code from the first load to the last store each bit counts, and nothing else. */
static void test_each_bit_of_the_code_counts(void **state)
{
	static const struct {
		unsigned int n, bytes;
	} ends[] = { { 1, 30 }, { 2, 30 }, { 3, 30 },  { 4, 14 }, { 5, 14 },
		     { 7, 14 }, { 8, 16 }, { 15, 16 }, { 16, 34 } };

	for (unsigned int k = 0; k < ARRAY_SIZE(kernels); k++)
		for (unsigned int e = 0; e < ARRAY_SIZE(ends); e++) {
			uint64_t fn = put_code(&kernels[k], 0);
			unsigned int counts = 0;
			struct sk_captured c;
			struct vtl0_regs r;
			uint64_t rip = first_store(fn, ends[e].n, &r);

			for (unsigned int bit = 0; bit < 8 * kernels[k].size; bit++) {
				code[bit / 8] ^= (uint8_t)(1u << bit % 8);
				if (capture(rip, &r, &c)) {
					counts++;
					assert_true(bit / 8 + ends[e].bytes > rip - fn);
					assert_true(bit / 8 < rip - fn + ends[e].bytes);
				}
				code[bit / 8] ^= (uint8_t)(1u << bit % 8);
			}
			assert_int_equal(counts, 8 * ends[e].bytes);
		}
}

/* A store of the same shape, or one of those but the first: the rest of a write, or another one. */
static void test_only_a_first_store(void **state)
{
	for (unsigned int k = 0; k < ARRAY_SIZE(kernels); k++) {
		uint64_t fn = put_code(&kernels[k], 0);
		unsigned int places = 0;
		struct vtl0_regs r;
		bool first[512] = { false };

		for (unsigned int n = 1; n <= SK_PATCH_MAX; n++)
			first[first_store(fn, n, &r) - fn] = true;
		for (unsigned int off = 0; off < kernels[k].size; off++) {
			places += first[off];
			for (uint64_t rdx = 0; rdx < 64; rdx++) {
				struct sk_captured c;

				r.rdx = rdx;
				if (!first[off])
					assert_non_null(capture(fn + off, &r, &c));
			}
		}
		assert_int_equal(places, 5);
	}
	/* the store of one byte by itself */
	as_it_should_be(NULL);
	memcpy(code + 64, "\x88\x0F\xC3", 3);
	{
		struct vtl0_regs r = { .rcx = 0xCC };

		assert_non_null(run((uint64_t)code + 64, &r, 0));
	}
}

/* Whoever jumps there with registers of its own writes what they say, all of it, or nothing. */
static void test_registers_of_a_liar(void **state)
{
	static const uint64_t high[] = { 0, 1ULL << 32, 1ULL << 63, ~0xFFULL };

	for (unsigned int n = 1; n <= SK_PATCH_MAX; n++) {
		unsigned int least = n < 2 ? 1 : n < 4 ? 2 : n < 8 ? 4 : n < 16 ? 8 : 16;
		unsigned int most = n < 2 ? 1 : n < 4 ? 3 : n < 8 ? 7 : n < 16 ? 15 : 16;
		uint64_t fn = put_code(&kernels[n % 2], 0);
		struct vtl0_regs r;
		uint64_t rip = first_store(fn, n, &r);
		unsigned int less = n < 4; /* RDX is one less there */

		for (unsigned int i = 0; i < 160; i++) {
			uint64_t rdx = high[i / 40] + i % 40;
			bool right = rdx + less >= least && rdx + less <= most;

			r = (struct vtl0_regs){ 0x1111 * (i + 1), random(), rdx,      random(), 0,
						random(),         random(), random(), random() };
			r.r8 ^= (uint64_t)random() << 32;
			r.r9 ^= (uint64_t)random() << 32;
			assert_int_equal(!run(rip, &r, 0x100), right);
			if (right)
				assert_int_equal(seen.c.n, rdx + less);
		}
	}
}

static void test_only_frozen_code(void **state)
{
	for (unsigned int n = 1; n <= SK_PATCH_MAX; n++)
		for (unsigned int i = 0; i < 4; i++) {
			uint64_t fn = put_code(&kernels[0], i < 2 ? 0 : PAGE);
			bool *say = i % 2 ? code_frozen : code_executable;
			struct sk_captured c;
			struct vtl0_regs r;
			uint64_t rip;

			as_it_should_be(NULL);
			fn = put_code(&kernels[0], i < 2 ? 0 : PAGE);
			rip = first_store(fn, n, &r);
			say[i < 2] = false;
			assert_null(capture(rip, &r, &c));
			say[i >= 2] = false;
			assert_non_null(capture(rip, &r, &c));
		}
}

/* Each of two pages that it lies in. */
static void test_only_frozen_code_in_two_pages(void **state)
{
	static const struct {
		unsigned int n, bytes;
	} ends[] = { { 1, 30 }, { 4, 14 }, { 8, 16 }, { 16, 34 } };
	const struct kernel *k = &kernels[0];

	for (unsigned int e = 0; e < ARRAY_SIZE(ends); e++) {
		unsigned int split = 0;

		for (unsigned int before = 0; before <= k->size; before++) {
			uint64_t fn = put_code(k, PAGE - before), rip;
			struct sk_captured c;
			struct vtl0_regs r;
			bool low, high;

			rip = first_store(fn, ends[e].n, &r);
			code_frozen[0] = false;
			low = !capture(rip, &r, &c);
			code_frozen[0] = true;
			code_frozen[1] = false;
			high = !capture(rip, &r, &c);
			code_frozen[1] = true;
			assert_false(low && high);
			split += !low && !high;
		}
		assert_int_equal(split, ends[e].bytes - 1);
	}
}

static void test_an_rip_at_the_end_of_addresses(void **state)
{
	static const uint64_t rips[] = { 0, 1, 27, 28, ~0ULL, ~0ULL - 1, 0x7FFFFFFFFFFF };

	for (unsigned int i = 0; i < ARRAY_SIZE(rips); i++)
		for (uint64_t rdx = 0; rdx <= SK_PATCH_MAX; rdx++) {
			struct vtl0_regs r = { .rdx = rdx };
			struct sk_captured c;

			assert_non_null(capture(rips[i], &r, &c));
		}
}

/* ---- both ---------------------------------------------------------------- */

static void test_only_the_kernel_in_64_bit_mode(void **state)
{
	static const uint16_t states[] = { 0x17, 0x15, 0x16, 0x04, 0x14 };
	struct gwalk w = { .access = GWALK_READ };

	for (unsigned int which = 0; which < 2; which++) {
		struct vtl0_regs r = { .rcx = 1, .rsi = (uint64_t)source, .rdx = 0 };
		struct sk_captured c;
		uint64_t rip = which ? (uint64_t)code : first_store(put_code(&kernels[0], 0), 1, &r);
		struct hv_x64_memory_intercept_message m = message(rip, 2);

		if (which)
			memcpy(code, rep_movsb, sizeof(rep_movsb));
		assert_null(sk_capture(&m, &r, &w, &c));
		for (unsigned int i = 0; i < ARRAY_SIZE(states); i++) {
			m = message(rip, 2);
			m.header.execution_state = states[i];
			m.header.cs.attributes = i < 4 ? 1u << 13 : 0;
			assert_non_null(sk_capture(&m, &r, &w, &c));
		}
	}
}

/* Backwards is for string instructions only. */
static void test_direction(void **state)
{
	struct gwalk w = { .access = GWALK_READ };
	struct vtl0_regs r = { .rcx = 1, .rsi = (uint64_t)source };
	struct hv_x64_memory_intercept_message m = message((uint64_t)code, RFLAGS_DF);
	struct sk_captured c;

	memcpy(code, rep_movsb, sizeof(rep_movsb));
	assert_non_null(sk_capture(&m, &r, &w, &c));
	as_it_should_be(NULL);
	m = message(first_store(put_code(&kernels[0], 0), 5, &r), RFLAGS_DF);
	assert_null(sk_capture(&m, &r, &w, &c));
	assert_int_equal(c.n, 5);
}

static void test_rep_movsb(void **state)
{
	uint64_t fn = (uint64_t)code + PAGE - 1; /* in two pages */

	memcpy(code + PAGE - 1, rep_movsb, sizeof(rep_movsb));
	for (unsigned int n = 1; n <= SK_PATCH_MAX + 4; n++)
		for (unsigned int to = 0; to < 20; to++) {
			struct vtl0_regs r = { .rax = 1, .rcx = n, .rdx = 77, .rsi = (uint64_t)source + to };
			const char *why = run(fn, &r, PAGE - 10 + to);

			assert_int_equal(!why, n <= SK_PATCH_MAX);
		}
	for (unsigned int page = 0; page < 2; page++) {
		struct vtl0_regs r = { .rax = 1, .rcx = 1, .rsi = (uint64_t)source };

		code_frozen[page] = false;
		assert_non_null(run(fn, &r, 0));
		code_frozen[page] = true;
		code_executable[page] = false;
		assert_non_null(run(fn, &r, 0));
		code_executable[page] = true;
		assert_null(run(fn, &r, 0));
	}
	{
		struct vtl0_regs r = { .rcx = 1, .rsi = (uint64_t)source };
		struct sk_captured c;

		source_readable = false;
		assert_non_null(capture(fn, &r, &c));
		source_readable = true;
		r.rsi = (uint64_t)source + 2 * PAGE - 1;
		assert_null(capture(fn, &r, &c));
		r.rcx = 2;
		assert_non_null(capture(fn, &r, &c));
		r.rcx = 0;
		assert_non_null(capture(fn, &r, &c));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_each_length_is_copied_as_the_cpu_does_it, as_it_should_be),
		cmocka_unit_test_setup(test_longer_ones_are_refused, as_it_should_be),
		cmocka_unit_test_setup(test_code_may_lie_in_two_pages, as_it_should_be),
		cmocka_unit_test_setup(test_each_bit_of_the_code_counts, as_it_should_be),
		cmocka_unit_test_setup(test_only_a_first_store, as_it_should_be),
		cmocka_unit_test_setup(test_registers_of_a_liar, as_it_should_be),
		cmocka_unit_test_setup(test_only_frozen_code, as_it_should_be),
		cmocka_unit_test_setup(test_only_frozen_code_in_two_pages, as_it_should_be),
		cmocka_unit_test_setup(test_an_rip_at_the_end_of_addresses, as_it_should_be),
		cmocka_unit_test_setup(test_only_the_kernel_in_64_bit_mode, as_it_should_be),
		cmocka_unit_test_setup(test_direction, as_it_should_be),
		cmocka_unit_test_setup(test_rep_movsb, as_it_should_be),
	};

	return cmocka_run_group_tests(tests, prepare, NULL);
}
