// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random numbers: see random.h.
 */
#include "random.h"

#include <ovbs_string.h>

#include "lock.h"
#ifndef OVBS_HOST
#include "x86.h"
#endif

#define CPUID1_ECX_RDRAND (1u << 30)
#define CPUID7_EBX_RDSEED (1u << 18)
#define TRIES             64u

static uint32_t key[8];
static uint64_t counter;
static struct lock lock;

static uint32_t rotate(uint32_t v, unsigned int n)
{
	return v << n | v >> (32 - n);
}

#define QUARTER(a, b, c, d)                                                                        \
	do {                                                                                       \
		a += b, d = rotate(d ^ a, 16);                                                     \
		c += d, b = rotate(b ^ c, 12);                                                     \
		a += b, d = rotate(d ^ a, 8);                                                      \
		c += d, b = rotate(b ^ c, 7);                                                      \
	} while (0)

void chacha20_block(const uint32_t in[16], uint32_t out[16])
{
	uint32_t x[16];

	memcpy(x, in, sizeof(x));
	for (unsigned int i = 0; i < 10; i++) {
		QUARTER(x[0], x[4], x[8], x[12]);
		QUARTER(x[1], x[5], x[9], x[13]);
		QUARTER(x[2], x[6], x[10], x[14]);
		QUARTER(x[3], x[7], x[11], x[15]);
		QUARTER(x[0], x[5], x[10], x[15]);
		QUARTER(x[1], x[6], x[11], x[12]);
		QUARTER(x[2], x[7], x[8], x[13]);
		QUARTER(x[3], x[4], x[9], x[14]);
	}
	for (unsigned int i = 0; i < 16; i++)
		out[i] = x[i] + in[i];
	memset(x, 0, sizeof(x));
	asm volatile("" : : "r"(x) : "memory");
}

#ifndef OVBS_HOST
static bool has_rdseed, has_rdrand; /* CPUID is an exit */

static void look_for_cpu_random(void)
{
	has_rdseed = cpuid(0, 0).eax >= 7 && (cpuid(7, 0).ebx & CPUID7_EBX_RDSEED);
	has_rdrand = cpuid(1, 0).ecx & CPUID1_ECX_RDRAND;
}

/* RDSEED runs dry at times, RDRAND hardly ever; without both it is the loader's seed and the clock. */
static uint64_t cpu_random(void)
{
	uint64_t v = 0;
	uint8_t ok = 0;

	if (has_rdseed)
		for (unsigned int i = 0; i < TRIES && !ok; i++)
			asm volatile("rdseed %0; setc %1" : "=r"(v), "=qm"(ok) : : "cc");
	if (!ok && has_rdrand)
		for (unsigned int i = 0; i < TRIES && !ok; i++)
			asm volatile("rdrand %0; setc %1" : "=r"(v), "=qm"(ok) : : "cc");
	return (ok ? v : 0) ^ rdtsc();
}
#endif

/* One block; with @stir in the nonce and counter its first half is the next key, the second is for the caller. */
static void next_block(uint64_t stir, uint32_t out[16])
{
	uint32_t in[16] = { 0x61707865, 0x3320646E, 0x79622D32, 0x6B206574 };

	memcpy(&in[4], key, sizeof(key));
	in[12] = (uint32_t)counter;
	in[13] = (uint32_t)(counter >> 32);
	in[14] = (uint32_t)stir;
	in[15] = (uint32_t)(stir >> 32);
	counter++;
	chacha20_block(in, out);
	memcpy(key, out, sizeof(key));
	memset(in, 0, sizeof(in));
	asm volatile("" : : "r"(in) : "memory");
}

void random_prepare(uint8_t *seed, size_t n)
{
	uint32_t block[16];

#ifndef OVBS_HOST
	look_for_cpu_random();
#endif
	for (size_t i = 0; i < n; i++) {
		((uint8_t *)key)[i % sizeof(key)] ^= seed[i];
		if (i % sizeof(key) == sizeof(key) - 1 || i == n - 1)
			next_block(cpu_random(), block);
	}
	for (unsigned int i = 0; i < 8; i++)
		next_block(cpu_random(), block);
	memset(block, 0, sizeof(block));
	memset(seed, 0, n);
	asm volatile("" : : "r"(seed), "r"(block) : "memory");
}

void random_bytes(void *buf, size_t n)
{
	uint64_t stir = cpu_random();
	uint32_t block[16];
	uint8_t *to = buf;

	lock_take(&lock);
	while (n) {
		size_t part = n < 32 ? n : 32;

		next_block(stir, block);
		memcpy(to, &block[8], part);
		to += part;
		n -= part;
	}
	lock_release(&lock);
	memset(block, 0, sizeof(block));
	asm volatile("" : : "r"(block) : "memory");
}
