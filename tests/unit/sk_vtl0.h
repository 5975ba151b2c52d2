/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A VTL0 for the tests of the secure kernel's integrity: its memory and its
 * kernel's mappings, and the hypervisor as it answers hypercalls: the rights of
 * each page. What must never be is checked at each change of rights. Included
 * once, by a test that links the secure kernel's files as they are.
 */
#ifndef OVBS_TESTS_SK_VTL0_H
#define OVBS_TESTS_SK_VTL0_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ovbs_compiler.h>
#include <ovbs_errno.h>

#include <sys/mman.h>
#include <sys/wait.h>
#define syscall c_library_syscall
#include <unistd.h>
#undef syscall

#include "../../securekernel/layout.h"
#undef SK_CPU_VA
#define SK_CPU_VA 0x520000000000 /* this CPU's data */
#include "../../securekernel/protect.c"

#include "../../securekernel/guest.h"
#include "../../securekernel/hypercall.h"
#include "../../securekernel/integrity.h"
#include "../../securekernel/log.h"
#include "../../securekernel/memory.h"
#include "../../securekernel/modules.h"
#include "../../securekernel/syscall.h"

#define RAM_GPA   0x10000000ULL
#define RAM_PAGES 4096u
#define GPA(n)    (RAM_GPA + (n)*PAGE_SIZE)

#define R  HV_MAP_GPA_READABLE
#define W  HV_MAP_GPA_WRITABLE
#define KX HV_MAP_GPA_KERNEL_EXECUTABLE
#define UX HV_MAP_GPA_USER_EXECUTABLE

#define ALL    (R | W | KX | UX)
#define NORMAL (R | W | UX)
#define DATA   (R | UX)
#define CODE   (R | KX | UX)

static uint8_t ram[RAM_PAGES][PAGE_SIZE];
static uint8_t rights[RAM_PAGES]; /* VTL0's, as the hypervisor has them */
static bool locked_down;
static bool may_grant = true;         /* may a page become executable now? */
static unsigned int pages_left = ~0u; /* then the hypervisor has no memory */
static unsigned int most_at_once;     /* pages in one call of the secure kernel's */
static bool given[RAM_PAGES];
static uint64_t piece_gpa[64];
static unsigned int piece_count, accepted, pieces_max = 64;
static unsigned int lines;
static uint64_t rip;

static uint64_t page_of(uint64_t gpa)
{
	assert_true(gpa >= RAM_GPA && gpa < GPA(RAM_PAGES));
	return (gpa - RAM_GPA) / PAGE_SIZE;
}

static uint64_t first_gone[8]; /* while one of these may be executed, no constant may be written */
static unsigned int first_gone_count;

/* ---- the hypervisor ------------------------------------------------------- */

static bool set_rights(uint64_t gpa, uint32_t flags)
{
	uint64_t n = page_of(gpa);

	assert_int_equal(gpa & ~PAGE_MASK, 0);
	if (!pages_left)
		return false;
	pages_left--;
	assert_false(locked_down && (flags & W) && (flags & KX));
	assert_false(locked_down && (flags & W) && (rights[n] & KX)); /* other CPUs may have the old rights until the end */
	assert_true(may_grant || !(flags & KX) || (rights[n] & KX));
	assert_false(given[n] && flags); /* what VTL1 has stays its own */
	for (unsigned int i = 0; i < first_gone_count && (flags & W) && rights[n] == DATA; i++)
		assert_false(rights[page_of(first_gone[i])] & KX);
	rights[n] = (uint8_t)flags;
	return true;
}

static uint64_t set_all(const uint64_t *each, uint64_t first, uint64_t n, uint32_t flags,
			enum hv_status *status)
{
	*status = HV_STATUS_SUCCESS;
	most_at_once = n > most_at_once ? (unsigned int)n : most_at_once;
	for (uint64_t i = 0; i < n; i++) {
		if (set_rights(each ? each[i] : first + i * PAGE_SIZE, flags))
			continue;
		*status = HV_STATUS_INSUFFICIENT_MEMORY;
		return i;
	}
	return n;
}

uint64_t hv_protect(uint64_t gpa, uint64_t pages, uint32_t flags, enum hv_status *status)
{
	return set_all(NULL, gpa, pages, flags, status);
}

uint64_t hv_protect_each(const uint64_t *gpa, uint64_t n, uint32_t flags, enum hv_status *status)
{
	return set_all(gpa, 0, n, flags, status);
}

enum hv_status hv_set_register(unsigned int vtl, uint32_t name, uint64_t value)
{
	if (name == HV_X64_REGISTER_RIP) {
		rip = value;
		return HV_STATUS_SUCCESS;
	}
	assert_int_equal(vtl, 1);
	assert_int_equal(name, HV_REGISTER_VSM_PARTITION_CONFIG);
	assert_int_equal(HV_VSM_CONFIG_DEFAULT_OF(value), NORMAL);
	for (unsigned int i = 0; i < RAM_PAGES; i++)
		rights[i] = rights[i] == ALL ? NORMAL : rights[i];
	locked_down = true;
	return HV_STATUS_SUCCESS;
}

uint64_t hv_get_register(unsigned int vtl, uint32_t name)
{
	return 0;
}

static unsigned int refusals_given;

void hv_refuse(void)
{
	refusals_given++;
}

/* ---- the rest of the secure kernel ---------------------------------------- */

void sk_log(const char *fmt, ...)
{
	lines++;
}

void sk_log_bounded(uint32_t *left, const char *fmt, ...)
{
	lines++;
}

void sk_panic(const char *fmt, ...)
{
	fail_msg("panic: %s", fmt);
	abort();
}

bool pins_ready(void)
{
	return true;
}

void cpu_map_window(unsigned int page, uint64_t gpa, uint64_t bits)
{
	assert_int_equal(page, SK_PAGE_MESSAGE);
}

void *memory_boot_pages(unsigned int n)
{
	void *p = calloc(n, PAGE_SIZE);

	assert_non_null(p);
	return p;
}

bool memory_is_vtl0_ram(uint64_t gpa, uint64_t pages)
{
	if ((gpa & ~PAGE_MASK) || !pages || gpa < RAM_GPA || pages > RAM_PAGES ||
	    gpa > GPA(RAM_PAGES) - pages * PAGE_SIZE)
		return false;
	for (uint64_t i = 0; i < pages; i++)
		if (given[page_of(gpa) + i])
			return false;
	return true;
}

bool memory_is_given(uint64_t gpa)
{
	return gpa >= RAM_GPA && gpa < GPA(RAM_PAGES) && given[page_of(gpa)];
}

int memory_reserve(uint64_t gpa)
{
	if (piece_count == pieces_max)
		return -ENOMEM;
	assert_true(memory_is_vtl0_ram(gpa, OVBS_GIVE_BYTES / PAGE_SIZE));
	memset(&given[page_of(gpa)], true, OVBS_GIVE_BYTES / PAGE_SIZE);
	piece_gpa[piece_count] = gpa;
	return (int)piece_count++;
}

/* VTL0 has no right left to any of it. */
void memory_accept(unsigned int piece)
{
	for (unsigned int i = 0; i < OVBS_GIVE_BYTES / PAGE_SIZE; i++)
		assert_int_equal(rights[page_of(piece_gpa[piece]) + i], 0);
	accepted++;
}

/* ---- VTL0's memory -------------------------------------------------------- */

/* No read of what VTL1 has; VTL1 writes for VTL0 only what VTL0 itself can't, and could not have changed hands. */
int guest_read_at(uint64_t gpa, void *to, size_t n)
{
	uint64_t first = gpa & PAGE_MASK, last = (gpa + n - 1) & PAGE_MASK;

	if (!n || gpa + n < gpa || !memory_is_vtl0_ram(first, (last - first) / PAGE_SIZE + 1))
		return -EFAULT;
	memcpy(to, (uint8_t *)ram + (gpa - RAM_GPA), n);
	return 0;
}

void guest_flush_page(uint64_t gpa)
{
	assert_false(rights[page_of(gpa)] & W); /* or a device could put more behind the caches' back */
}

int guest_write_at(uint64_t gpa, const void *from, size_t n)
{
	uint64_t first = gpa & PAGE_MASK, last = (gpa + n - 1) & PAGE_MASK;

	for (uint64_t at = first; at <= last; at += PAGE_SIZE)
		assert_int_equal(rights[page_of(at)], CODE);
	memcpy((uint8_t *)ram + (gpa - RAM_GPA), from, n);
	return 0;
}

/* The kernel's page tables: the last that fits. */
static struct mapping {
	uint64_t va, gpa, pages;
	bool write;
} maps[256];
static unsigned int map_count;

static inline void map(uint64_t va, uint64_t gpa, uint64_t pages, bool write)
{
	assert_true(map_count < ARRAY_SIZE(maps));
	maps[map_count++] = (struct mapping){ va, gpa, pages, write };
}

struct gwalk guest_state(enum gwalk_access access)
{
	return (struct gwalk){ .access = access };
}

int gwalk_linear(const struct gwalk *w, uint64_t linear, struct gwalk_result *out)
{
	for (unsigned int i = map_count; i--;) {
		const struct mapping *m = &maps[i];

		if (linear - m->va >= m->pages * PAGE_SIZE || (w->access == GWALK_WRITE && !m->write))
			continue;
		*out = (struct gwalk_result){ .gpa = m->gpa + (linear - m->va) };
		return 0;
	}
	return -EFAULT;
}

size_t gread_linear(const struct gwalk *w, uint64_t linear, void *buf, size_t n, struct gwalk_result *fault)
{
	struct gwalk_result at;

	for (size_t i = 0; i < n; i++)
		if (gwalk_linear(w, linear + i, &at) || guest_read_at(at.gpa, (uint8_t *)buf + i, 1))
			return i;
	return n;
}

/* Where the kernel has @va, to make what is there. */
static uint8_t *at_va(uint64_t va)
{
	const struct gwalk w = { .access = GWALK_READ };
	struct gwalk_result at;

	assert_int_equal(gwalk_linear(&w, va, &at), 0);
	return (uint8_t *)ram + (at.gpa - RAM_GPA);
}

static inline void put(uint64_t va, const void *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		*at_va(va + i) = ((const uint8_t *)bytes)[i];
}

static inline void put_branch(uint64_t va, uint8_t opcode, uint64_t to)
{
	uint32_t distance = (uint32_t)(to - va - 5);
	uint8_t b[5] = { opcode };

	memcpy(b + 1, &distance, 4);
	put(va, b, 5);
}

/* ---- VTL0's kernel -------------------------------------------------------- */

#define TEXT_VA   0xFFFFFFFF81000000ULL
#define TEXT_PAGE 16u /* of ram, and the pages that follow */
#define TEXT_LEN  0x3000u
#define DATA_VA   0xFFFFFFFF82000000ULL
#define DATA_PAGE 32u
#define FREE_VA   0xFFFFFFFF83000000ULL
#define FREE_PAGE 64u
#define POKE_VA   0x00007000ULL /* the alias that text_poke() writes through */

#define FUNCTION 0x800u
#define CALL     0x900u /* a static call: nop at first */
#define TRACED   0xA00u
#define CALLER   0x2000u
#define TRACER   0x2010u
#define MOVSB    0x2800u

static const uint8_t nop5[5] = { 0x0F, 0x1F, 0x44, 0x00, 0x00 };

static inline void send_sites(uint64_t kind, uint64_t va, uint64_t bytes)
{
	assert_int_equal(integrity_add(kind, va, bytes), OVBS_OK);
}

/* vmlinux, as openvbs.ko tells of it before lockdown. */
static inline void start_kernel(void)
{
	static const uint32_t functions[] = { FUNCTION, CALLER, MOVSB };
	const int32_t call[2] = { (int32_t)(TEXT_VA + CALL - FREE_VA), 8 };
	const uint64_t traced[2] = { TEXT_VA + TRACED, 0 };

	assert_ptr_equal(mmap((void *)SK_CPU_VA, 0x4000, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0),
			 (void *)SK_CPU_VA);
	memset(rights, ALL, sizeof(rights));
	protect_prepare();
	integrity_prepare();
	map(TEXT_VA, GPA(TEXT_PAGE), TEXT_LEN / PAGE_SIZE, false);
	map(DATA_VA, GPA(DATA_PAGE), 1, false);
	map(FREE_VA, GPA(FREE_PAGE), 16, true);
	put(TEXT_VA + CALL, nop5, 5);
	put(TEXT_VA + TRACED, nop5, 5);
	put_branch(TEXT_VA + TRACER, 0xE8, TEXT_VA + FUNCTION);
	put(TEXT_VA + MOVSB, "\xF3\xA4", 2);
	put(DATA_VA, functions, sizeof(functions));
	assert_int_equal(protect_freeze(GPA(TEXT_PAGE), TEXT_LEN / PAGE_SIZE, OVBS_FREEZE_CODE), OVBS_OK);
	assert_int_equal(protect_freeze(GPA(DATA_PAGE), 1, OVBS_FREEZE_DATA), OVBS_OK);
	send_sites(OVBS_SITES_TEXT, TEXT_VA, TEXT_LEN);
	send_sites(OVBS_SITES_FUNCTIONS, DATA_VA, sizeof(functions));
	put(FREE_VA, call, sizeof(call));
	send_sites(OVBS_SITES_STATIC_CALLS, FREE_VA, sizeof(call));
	put(FREE_VA, traced, sizeof(traced));
	send_sites(OVBS_SITES_FTRACE, FREE_VA, sizeof(traced));
	send_sites(OVBS_SITES_TRACER, TEXT_VA + TRACER, 5);
}

static inline void lock_down(void)
{
	assert_int_equal(protect_lockdown(), OVBS_OK);
	assert_true(locked_down);
	may_grant = false;
}

/* VTL0 writes @n bytes at @va, by an alias, as text_poke() does. Does it happen? */
static inline bool poke(uint64_t va, const void *bytes, unsigned int n)
{
	struct hv_x64_memory_intercept_message m = {
		.header = { .intercept_access_type = HV_INTERCEPT_ACCESS_WRITE,
			    .execution_state = 1u << 2 | 1u << 4,
			    .cs = { .attributes = 1u << 13 },
			    .rip = TEXT_VA + MOVSB },
	};
	uint64_t page = va & PAGE_MASK, source = FREE_VA + 0xF000;
	struct vtl0_regs regs = { .rcx = n, .rsi = source, .rdi = POKE_VA + (va - page) };
	unsigned int refused = refusals_given, kept = map_count;
	bool done;

	for (unsigned int i = 0; i < 2; i++) {
		const struct gwalk w = { .access = GWALK_READ };
		struct gwalk_result at;

		if (!gwalk_linear(&w, page + i * PAGE_SIZE, &at))
			map(POKE_VA + i * PAGE_SIZE, at.gpa, 1, true);
		if (!i)
			m.guest_physical_address = at.gpa + (va - page);
	}
	/* Only what the hypervisor keeps VTL0 from comes here. */
	assert_false(rights[page_of(m.guest_physical_address)] & W);
	put(source, bytes, n);
	protect_intercept(&m, &regs);
	map_count = kept;
	done = refused == refusals_given;
	assert_int_equal(regs.rcx, done ? 0 : n);
	assert_true(!done || !memcmp(bytes, at_va(va), 1));
	return done;
}

/* The three writes by which Linux makes @form of the site at @va: how many of them happen? */
static inline unsigned int patch(uint64_t va, const uint8_t *form, unsigned int n)
{
	if (!poke(va, "\xCC", 1))
		return 0;
	if (!poke(va + 1, form + 1, n - 1))
		return 1;
	return poke(va, form, 1) ? 3 : 2;
}

static inline unsigned int patch_branch(uint64_t va, uint8_t opcode, uint64_t to)
{
	uint32_t distance = (uint32_t)(to - va - 5);
	uint8_t b[5] = { opcode };

	memcpy(b + 1, &distance, 4);
	return patch(va, b, 5);
}

/* Back to what stood there, from any step. */
static inline void unpatch(uint64_t va, const uint8_t *form, unsigned int n)
{
	if (*at_va(va) != 0xCC)
		assert_true(poke(va, "\xCC", 1));
	assert_true(poke(va + 1, form + 1, n - 1));
	assert_true(poke(va, form, 1));
}

/* Each in a process of its own: nothing of another one's is there. */
static inline int run_one(const struct CMUnitTest *test)
{
	pid_t child = fork();
	int status;

	if (!child)
		exit(cmocka_run_group_tests_name(test->name, (*(const struct CMUnitTest(*)[1])test),
						 NULL, NULL));
	return waitpid(child, &status, 0) != child || status;
}

static inline int run_each(const struct CMUnitTest *tests, unsigned int n)
{
	int failed = 0;

	for (unsigned int i = 0; i < n; i++)
		failed += run_one(&tests[i]);
	return failed;
}

#endif
