/* links: */
// SPDX-License-Identifier: GPL-2.0-only
/*
 * Promises of securekernel/random.c: the cipher is RFC 8439's; a block is given
 * out once, its key is gone with it, and neither the CPU's numbers nor the seed
 * alone decide what comes. The CPU's numbers are the test's here, so that what
 * comes can be computed again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static uint64_t cpu_random(void);

#include "../../securekernel/random.c"

static uint64_t cpu_value;
static unsigned int cpu_asked;

static uint64_t cpu_random(void)
{
	cpu_asked++;
	return cpu_value;
}

static void reset(void)
{
	memset(key, 0, sizeof(key));
	counter = 0;
	cpu_value = 0;
	cpu_asked = 0;
}

/* RFC 8439, 2.3.2: key 00 to 1F, nonce 000000090000004A00000000, block 1. */
static void test_rfc8439_block(void **state)
{
	static const uint8_t want[64] = {
		0x10, 0xF1, 0xE7, 0xE4, 0xD1, 0x3B, 0x59, 0x15, 0x50, 0x0F, 0xDD, 0x1F, 0xA3,
		0x20, 0x71, 0xC4, 0xC7, 0xD1, 0xF4, 0xC7, 0x33, 0xC0, 0x68, 0x03, 0x04, 0x22,
		0xAA, 0x9A, 0xC3, 0xD4, 0x6C, 0x4E, 0xD2, 0x82, 0x64, 0x46, 0x07, 0x9F, 0xAA,
		0x09, 0x14, 0xC2, 0xD7, 0x05, 0xD9, 0x8B, 0x02, 0xA2, 0xB5, 0x12, 0x9C, 0xD1,
		0xDE, 0x16, 0x4E, 0xB9, 0xCB, 0xD0, 0x83, 0xE8, 0xA2, 0x50, 0x3C, 0x4E,
	};
	uint32_t in[16] = { 0x61707865, 0x3320646E, 0x79622D32, 0x6B206574 }, copy[16], out[16];

	for (unsigned int i = 0; i < 32; i++)
		((uint8_t *)&in[4])[i] = (uint8_t)i;
	in[12] = 1;
	in[13] = 0x09000000;
	in[14] = 0x4A000000;
	memcpy(copy, in, sizeof(in));
	chacha20_block(in, out);
	assert_memory_equal(out, want, sizeof(want));
	assert_memory_equal(in, copy, sizeof(in));
}

/* RFC 8439, A.1, test vector 1: all zeros. */
static void test_rfc8439_zero(void **state)
{
	static const uint8_t want[16] = { 0x76, 0xB8, 0xE0, 0xAD, 0xA0, 0xF1, 0x3D, 0x90,
					  0x40, 0x5D, 0x6A, 0xE5, 0x53, 0x86, 0xBD, 0x28 };
	uint32_t in[16] = { 0x61707865, 0x3320646E, 0x79622D32, 0x6B206574 }, out[16];

	chacha20_block(in, out);
	assert_memory_equal(out, want, sizeof(want));
}

/* The first half of each block is the next key, and is not what the caller gets. */
static void test_key_is_erased(void **state)
{
	uint8_t seed[48], got[64];
	uint32_t in[16] = { 0x61707865, 0x3320646E, 0x79622D32, 0x6B206574 }, out[16];

	reset();
	memset(seed, 0x5A, sizeof(seed));
	random_prepare(seed, sizeof(seed));
	cpu_value = 0x1122334455667788;
	for (unsigned int i = 0; i < 64; i += 32) {
		memcpy(&in[4], key, sizeof(key));
		in[12] = (uint32_t)counter;
		in[13] = (uint32_t)(counter >> 32);
		in[14] = (uint32_t)cpu_value;
		in[15] = (uint32_t)(cpu_value >> 32);
		chacha20_block(in, out);
		random_bytes(got + i, 32);
		assert_memory_equal(got + i, &out[8], 32);
		assert_memory_equal(key, &out[0], sizeof(key)); /* what was used is nowhere any more */
		assert_memory_not_equal(key, &in[4], sizeof(key));
	}
	assert_memory_not_equal(got, got + 32, 32);
}

static void test_seed_is_wiped_and_counts(void **state)
{
	uint8_t seed[48], zero[48] = { 0 }, got[2][32];

	for (unsigned int n = 0; n <= sizeof(seed); n++) {
		reset();
		memset(seed, 0xC3, sizeof(seed));
		random_prepare(seed, n);
		assert_memory_equal(seed, zero, n);
		for (unsigned int i = n; i < sizeof(seed); i++)
			assert_int_equal(seed[i], 0xC3); /* no byte more */
		assert_true(cpu_asked >= 8);
	}
	/* Each bit of the seed matters. */
	for (unsigned int bit = 0; bit < sizeof(seed) * 8; bit++) {
		for (unsigned int i = 0; i < 2; i++) {
			reset();
			memset(seed, 0, sizeof(seed));
			seed[bit / 8] = (uint8_t)(i << bit % 8);
			random_prepare(seed, sizeof(seed));
			random_bytes(got[i], sizeof(got[i]));
		}
		assert_memory_not_equal(got[0], got[1], 32);
	}
}

/* The same seed, and another number of the CPU's; once at the start, once later. */
static void test_cpu_counts(void **state)
{
	uint8_t seed[48], got[4][32];

	for (unsigned int i = 0; i < 4; i++) {
		reset();
		memset(seed, 0x11, sizeof(seed));
		cpu_value = i == 1 ? 1ULL << 63 : i == 3 ? 1 : 0;
		random_prepare(seed, sizeof(seed));
		cpu_value = i == 2 ? 1ULL << 40 : 0;
		random_bytes(got[i], sizeof(got[i]));
	}
	for (unsigned int i = 0; i < 4; i++)
		for (unsigned int j = 0; j < i; j++)
			assert_memory_not_equal(got[i], got[j], 32);
}

/* A seed is mixed in: it does not replace what was there. */
static void test_seed_adds(void **state)
{
	uint8_t seed[32], got[2][32];

	for (unsigned int i = 0; i < 2; i++) {
		reset();
		key[7] = i << 31;
		memset(seed, 0x22, sizeof(seed));
		random_prepare(seed, sizeof(seed));
		random_bytes(got[i], sizeof(got[i]));
	}
	assert_memory_not_equal(got[0], got[1], 32);
}

static void test_lengths(void **state)
{
	uint8_t buf[200], zero[200] = { 0 };

	for (size_t n = 0; n <= 100; n++) {
		memset(buf, 0, sizeof(buf));
		cpu_asked = 0;
		random_bytes(buf + 50, n);
		assert_int_equal(cpu_asked, 1); /* stirred again by each call */
		assert_memory_equal(buf, zero, 50);
		assert_memory_equal(buf + 50 + n, zero, 150 - n);
		if (n >= 16) {
			assert_memory_not_equal(buf + 50, zero, 16);
			assert_memory_not_equal(buf + 50 + n - 16, zero, 16);
		}
	}
}

#define BLOCKS 100000u

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, 32);
}

/* With a CPU that has no random numbers at all; and no bit that is always the same. */
static void test_nothing_repeats(void **state)
{
	uint8_t(*all)[32] = malloc(BLOCKS * 32);
	unsigned int ones[256] = { 0 };

	reset();
	for (unsigned int i = 0; i < BLOCKS; i++) {
		random_bytes(all[i], 32);
		for (unsigned int bit = 0; bit < 256; bit++)
			ones[bit] += all[i][bit / 8] >> bit % 8 & 1;
	}
	for (unsigned int bit = 0; bit < 256; bit++)
		assert_in_range(ones[bit], BLOCKS / 2 - 1500, BLOCKS / 2 + 1500); /* more than nine sigma */
	qsort(all, BLOCKS, 32, compare);
	for (unsigned int i = 1; i < BLOCKS; i++)
		assert_memory_not_equal(all[i - 1], all[i], 32);
	free(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc8439_block),
		cmocka_unit_test(test_rfc8439_zero),
		cmocka_unit_test(test_key_is_erased),
		cmocka_unit_test(test_seed_is_wiped_and_counts),
		cmocka_unit_test(test_cpu_counts),
		cmocka_unit_test(test_seed_adds),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_nothing_repeats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
