/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The secure kernel's random numbers: ChaCha20 with fast key erasure, keyed by
 * the CPU's RDSEED or RDRAND and the loader's seed, and stirred by the CPU
 * again on each call. Neither source alone decides.
 *
 * The cipher is here and not taken from a library because the archives of
 * Debian use vector registers, which ring 0 of VTL1 leaves to VTL0.
 */
#ifndef SK_RANDOM_H
#define SK_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/** random_prepare - take the seed, and wipe it. Context: boot CPU. */
void random_prepare(uint8_t *seed, size_t n);

/** random_bytes - @n bytes that nobody can foretell or recompute. Context: any CPU. */
void random_bytes(void *buf, size_t n);

/** chacha20_block - RFC 8439, 2.3, on a state of 16 words. */
void chacha20_block(const uint32_t in[16], uint32_t out[16]);

#endif
