// SPDX-License-Identifier: GPL-2.0-only
/*
 * Promises of boot/vtl1.c: VTL1's memory is large enough for all that it is
 * promised, a bundle that makes no sense is refused, and the secure kernel
 * begins with page tables that show image, bundle and pool as
 * include/openvbs/sk_info.h says, none of it writable and executable, and
 * nothing else. The tables are walked as the CPU does it.
 */
/* links: boot/vtl1.c boot/tables.c lib/elf.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openvbs/sk_info.h>

#include "../../boot/tables.h"
#include "../../boot/vtl1.h"

#define BLOCK_SPA  0x7C000000ULL
#define VTL1_OFF   (3 * LARGE_PAGE_SIZE)
#define IMAGE_SIZE 0x9000ULL
#define IMAGE_FILE 0x5000ULL
#define COUNT      2u
#define BUNDLE     0x3210ULL /* bytes: not whole pages */

static const struct elf_plan plan = {
	.entry = SK_VA_BASE + 0x10,
	.image_size = IMAGE_SIZE,
	.count = 3,
	.segment = { { 0, 0, 0x2345, 0x2345, ELF_R | ELF_X },
		     { 0x3000, 0x3000, 0x100, 0x100, ELF_R },
		     { 0x4000, 0x4000, 0x1000, 0x5000, ELF_R | ELF_W } },
};

static uint8_t image[IMAGE_FILE];
static struct ovbs_bundle *bundle;
static struct ovbs_boot_info info;

static int setup(void **state)
{
	bundle = calloc(1, BUNDLE);
	for (size_t i = 0; i < BUNDLE; i++)
		((uint8_t *)bundle)[i] = (uint8_t)(i * 5 + 1);
	bundle->magic = OVBS_BUNDLE_MAGIC;
	bundle->version = OVBS_BUNDLE_VERSION;
	bundle->count = COUNT;
	bundle->policy_size = sizeof(struct ovbs_policy);
	bundle->policy[0].memory_kib = 1000;
	bundle->policy[1].memory_kib = 3;
	for (size_t i = 0; i < sizeof(image); i++)
		image[i] = (uint8_t)(i * 11 + 3);
	return 0;
}

static int teardown(void **state)
{
	free(bundle);
	return 0;
}

static struct vtl1_parts parts(void)
{
	struct vtl1_parts p = { .plan = &plan,
				.image = image,
				.bundle = bundle,
				.bundle_bytes = BUNDLE,
				.tsc_khz = 2500000,
				.security_version = 7,
				.build = 0x10203 };

	memset(p.seed, 0x99, sizeof(p.seed));
	return p;
}

static void test_bytes(void **state)
{
	const uint64_t fixed = IMAGE_SIZE + 0x1000 + 0x4000 + OVBS_SK_POOL_BASE;

	for (uint32_t cpus = 1; cpus <= OVBS_MAX_CPUS; cpus++) {
		for (uint64_t kib = 1; kib <= 1 << 24; kib *= 2) {
			struct vtl1_parts p = parts();
			uint64_t need = fixed + cpus * OVBS_SK_POOL_PER_CPU + kib * 1024 + 3 * 1024, size;

			bundle->policy[0].memory_kib = (uint32_t)kib;
			need += COUNT * PAGE_SIZE + (4 + need / LARGE_PAGE_SIZE) * PAGE_SIZE + PAGE_SIZE;
			size = vtl1_bytes(&p, cpus);
			assert_int_equal(size % LARGE_PAGE_SIZE, 0);
			assert_true(size >= need && size < need + 2 * LARGE_PAGE_SIZE);
		}
	}
}

/* All of 32 bits: no sum wraps. */
static void test_bytes_of_large_limits(void **state)
{
	struct vtl1_parts p = parts();

	for (unsigned int i = 0; i < COUNT; i++)
		bundle->policy[i].memory_kib = ~0u;
	assert_true(vtl1_bytes(&p, OVBS_MAX_CPUS) >= 2 * 1024ULL * ~0u);
}

static void test_bundles_refused(void **state)
{
	struct vtl1_parts p = parts();
	static const uint32_t counts[] = { OVBS_TRUSTLETS_MAX + 1, 1u << 16, 1u << 31, ~0u,
					   0x2E8BA2E9 /* * 88 wraps */ };

	assert_true(vtl1_bytes(&p, 1) > 0);
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		bundle->count = counts[i];
		assert_int_equal(vtl1_bytes(&p, 1), 0);
	}
	bundle->count = COUNT;
	for (p.bundle_bytes = 0; p.bundle_bytes < 16 + COUNT * sizeof(struct ovbs_policy);
	     p.bundle_bytes++) {
		struct ovbs_bundle *exact = malloc(p.bundle_bytes + 1);

		memcpy(exact, bundle, p.bundle_bytes);
		p.bundle = exact; /* bytes beyond are seen */
		assert_int_equal(vtl1_bytes(&p, 1), 0);
		free(exact);
	}
	p.bundle = bundle;
	assert_true(vtl1_bytes(&p, 1) > 0);
	bundle->magic++;
	assert_int_equal(vtl1_bytes(&p, 1), 0);
	bundle->magic--;
	bundle->count = 0;
	assert_true(vtl1_bytes(&p, 1) > 0); /* no trustlet is no mistake */
}

/* What the secure kernel panics over is refused here, where VTL0 can still be told. */
static void test_other_bundles_refused(void **state)
{
	struct vtl1_parts p = parts();

	bundle->version++;
	assert_int_equal(vtl1_bytes(&p, 1), 0);
	bundle->version--;
	bundle->policy_size += 8;
	assert_int_equal(vtl1_bytes(&p, 1), 0);
}

static uint8_t *memory; /* VTL1's */

static int fill(uint32_t cpus)
{
	struct vtl1_parts p = parts();

	memset(&info, 0, sizeof(info));
	info.block_spa = BLOCK_SPA;
	info.vtl1_off = VTL1_OFF;
	info.vtl1_size = vtl1_bytes(&p, cpus);
	info.block_size = VTL1_OFF + info.vtl1_size;
	info.cpu_count = cpus;
	info.boot_cpu = cpus - 1;
	info.ram_count = 2;
	info.ram[1] = (struct ovbs_range){ 0x100000, BLOCK_SPA };
	memory = aligned_alloc(LARGE_PAGE_SIZE, info.vtl1_size);
	memset(memory, 0, info.vtl1_size);
	return vtl1_fill(&p, &info, memory);
}

static const struct ovbs_sk_info *sk(void)
{
	return (const struct ovbs_sk_info *)(memory + IMAGE_SIZE);
}

/* Offset in VTL1's memory of @va, and its rights; false: not mapped. AMD APM volume 2, 5.3. */
static bool walk(uint64_t va, uint64_t *off, bool *w, bool *x)
{
	const uint64_t gpa = BLOCK_SPA + VTL1_OFF;
	uint64_t table = info.vtl1.cr3, e;

	*w = *x = true;
	for (unsigned int level = 4;; level--) {
		const unsigned int shift = 12 + 9 * (level - 1);

		/* A table is in the pool, behind everything else. */
		assert_true(table >= gpa + sk()->pool_off && table < gpa + sk()->pool_next &&
			    table % PAGE_SIZE == 0);
		memcpy(&e, memory + (table - gpa) + (va >> shift & 511) * 8, 8);
		if ((e & 1) == 0)
			return false;
		assert_true((e & 4) == 0); /* never the user's */
		*w &= (e & 2) != 0;
		*x &= (e >> 63) == 0;
		table = e & 0x000FFFFFFFFFF000;
		if (level == 1 || (e & 0x80) != 0) {
			*off = table - gpa + (va & ((1ULL << shift) - 1));
			return true;
		}
	}
}

static void expect(uint64_t from, uint64_t to, bool mapped, bool w, bool x)
{
	for (uint64_t a = from; a < to; a += PAGE_SIZE) {
		uint64_t off = 0;
		bool is_w = false, is_x = false;

		assert_int_equal(walk(SK_VA_BASE + a, &off, &is_w, &is_x), mapped);
		if (!mapped)
			continue;
		assert_int_equal(off, a);
		assert_int_equal(is_w, w);
		assert_int_equal(is_x, x);
	}
}

static void test_tables(void **state)
{
	uint64_t off;
	bool w, x;

	for (uint32_t cpus = 1; cpus <= 64; cpus *= 4) {
		assert_int_equal(fill(cpus), 0);
		expect(0, 0x3000, true, false, true);
		expect(0x3000, 0x4000, true, false, false);
		expect(0x4000, 0x9000, true, true, false);
		expect(sk()->info_off, sk()->bundle_off, true, true, false);
		expect(sk()->bundle_off, sk()->pool_off, true, false, false);
		expect(sk()->pool_off, info.vtl1_size, true, true, false);
		expect(info.vtl1_size, info.vtl1_size + LARGE_PAGE_SIZE, false, false, false);
		expect(0 - LARGE_PAGE_SIZE, 0, false, false, false);
		for (unsigned int i = 0; i < 512; i++) /* nothing but the one 512 GiB, and in it the one GiB */
			assert_false(walk((uint64_t)i << 39, &off, &w, &x));
		for (unsigned int i = 0; i < 512; i++)
			assert_int_equal(walk(0xFFFFFF8000000000 + ((uint64_t)i << 30), &off, &w, &x),
					 i == 510);
		free(memory);
	}
}

static void test_contents(void **state)
{
	assert_int_equal(fill(5), 0);
	for (unsigned int i = 0; i < plan.count; i++) {
		const struct elf_segment *s = &plan.segment[i];

		assert_memory_equal(memory + s->offset, image + s->file_off, s->file_size);
		for (uint64_t b = s->file_size; b < s->mem_size; b++)
			assert_int_equal(memory[s->offset + b], 0);
	}
	assert_int_equal(sk()->magic, OVBS_SK_INFO_MAGIC);
	assert_int_equal(sk()->size, sizeof(*sk()));
	assert_int_equal(sk()->gpa, BLOCK_SPA + VTL1_OFF);
	assert_int_equal(sk()->bytes, info.vtl1_size);
	assert_int_equal(sk()->info_off, IMAGE_SIZE);
	assert_true(sk()->bundle_off >= IMAGE_SIZE + sizeof(struct ovbs_sk_info));
	assert_int_equal(sk()->bundle_bytes, BUNDLE);
	assert_true(sk()->pool_off >= sk()->bundle_off + BUNDLE);
	assert_int_equal(
		(sk()->info_off | sk()->bundle_off | sk()->pool_off | sk()->pool_next) % PAGE_SIZE, 0);
	assert_int_equal(sk()->block_gpa, BLOCK_SPA);
	assert_int_equal(sk()->block_bytes, info.block_size);
	assert_int_equal(sk()->cpu_count, 5);
	assert_int_equal(sk()->boot_cpu, 4);
	assert_int_equal(sk()->tsc_khz, 2500000);
	assert_int_equal(sk()->security_version, 7);
	assert_int_equal(sk()->ram_count, 2);
	assert_memory_equal(sk()->ram, info.ram, sizeof(info.ram));
	for (unsigned int i = 0; i < OVBS_SK_SEED_BYTES; i++)
		assert_int_equal(sk()->seed[i], 0x99);
	assert_memory_equal(memory + sk()->bundle_off, bundle, BUNDLE);
	free(memory);
}

/* Where it begins: code, its own stack behind the tables, and a pool of zeros with all that was promised. */
static void test_start(void **state)
{
	const uint32_t cpus = 8;
	uint64_t stack;

	assert_int_equal(fill(cpus), 0);
	assert_true(info.vtl1.rip == plan.entry && info.vtl1.rdi == SK_VA_BASE + sk()->info_off);
	assert_int_equal(info.vtl1.rsp, SK_VA_BASE + sk()->pool_next);
	stack = sk()->pool_next - PAGE_SIZE;
	assert_true(info.vtl1.cr3 < BLOCK_SPA + VTL1_OFF + stack);
	for (uint64_t b = stack; b < info.vtl1_size; b++)
		assert_int_equal(memory[b], 0);
	assert_true(sk()->bytes - sk()->pool_next >= OVBS_SK_POOL_BASE + cpus * OVBS_SK_POOL_PER_CPU +
							     (1000 + 3) * 1024 + COUNT * PAGE_SIZE);
	free(memory);
}

static void test_too_small_is_refused(void **state)
{
	struct vtl1_parts p = parts();

	assert_int_equal(fill(1), 0);
	memset(memory, 0, info.vtl1_size);
	info.vtl1_size = IMAGE_SIZE + 0x1000 + 0x4000 + 2 * PAGE_SIZE; /* room for two tables */
	assert_int_not_equal(vtl1_fill(&p, &info, memory), 0);
	free(memory);
}

#define WITH_BUNDLE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_BUNDLE(test_bytes),           WITH_BUNDLE(test_bytes_of_large_limits),
		WITH_BUNDLE(test_bundles_refused), WITH_BUNDLE(test_other_bundles_refused),
		WITH_BUNDLE(test_tables),          WITH_BUNDLE(test_contents),
		WITH_BUNDLE(test_start),           WITH_BUNDLE(test_too_small_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
