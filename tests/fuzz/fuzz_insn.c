// SPDX-License-Identifier: GPL-2.0-only
/*
 * The instruction decoder on arbitrary bytes.
 *
 * Besides the sanitizers: what is decoded needs exactly its own bytes, no
 * other byte changes the result, and a byte string is at most one of all the
 * instructions known.
 */
/* links: hypervisor/arch/x86/insn.c */
#include "fuzz.h"

#include "arch/x86/insn.h"
#include "ovbs_errno.h"

/* On the heap, and not a byte longer: the sanitizer sees any read beyond. */
static int decode(const uint8_t *bytes, size_t len, enum cpu_mode mode, struct mmio_insn *out)
{
	uint8_t *copy = malloc(len ? len : 1);
	int ret;

	FUZZ_CHECK(copy);
	memcpy(copy, bytes, len);
	ret = insn_decode_mmio(copy, len, mode, out);
	free(copy);
	return ret;
}

static void check_mmio(const uint8_t *bytes, size_t len, enum cpu_mode mode)
{
	struct mmio_insn in, again;

	if (decode(bytes, len, mode, &in)) {
		FUZZ_CHECK(in.length == 0 && !in.supported);
		return;
	}
	FUZZ_CHECK(in.length >= 1 && in.length <= len && in.length <= INSN_MAX_LENGTH);
	FUZZ_CHECK(in.size == 1 || in.size == 2 || in.size == 4 || in.size == 8);
	FUZZ_CHECK(in.supported == (in.size == 4));
	FUZZ_CHECK(in.reg < 16 && (mode == CPU_MODE_64 || in.reg < 8));
	FUZZ_CHECK(in.op == MMIO_LOAD || in.op == MMIO_STORE || in.op == MMIO_XCHG);
	FUZZ_CHECK(!in.immediate || (in.op == MMIO_STORE && in.reg == 0));
	FUZZ_CHECK(in.immediate || in.value == 0);
	FUZZ_CHECK(in.size == 8 || in.value >> (8 * in.size) == 0);
	FUZZ_CHECK(decode(bytes, in.length, mode, &again) == 0);
	FUZZ_CHECK(again.length == in.length && again.value == in.value && again.reg == in.reg);
	FUZZ_CHECK(decode(bytes, in.length - 1, mode, &again) == -EINVAL);
}

static void check_known(const uint8_t *bytes, size_t len, enum cpu_mode mode)
{
	struct mmio_insn in;
	int kind, matches = decode(bytes, len, mode, &in) == 0;

	for (kind = INSN_CPUID; kind <= INSN_OUTS; kind++) {
		int n = insn_length_known(bytes, len, mode, (enum insn_kind)kind);

		if (n == -EINVAL)
			continue;
		matches++;
		FUZZ_CHECK(n >= 1 && (size_t)n <= len && n <= INSN_MAX_LENGTH);
		FUZZ_CHECK(insn_length_known(bytes, (size_t)n, mode, (enum insn_kind)kind) == n);
		FUZZ_CHECK(insn_length_known(bytes, (size_t)n - 1, mode, (enum insn_kind)kind) == -EINVAL);
	}
	FUZZ_CHECK(matches <= 1);
}

static void check_cr(const uint8_t *bytes, size_t len, enum cpu_mode mode)
{
	struct cr_insn in, again;

	if (insn_decode_cr(bytes, len, mode, &in)) {
		FUZZ_CHECK(in.length == 0);
		return;
	}
	FUZZ_CHECK(in.length >= 3 && in.length <= len && in.length <= INSN_MAX_LENGTH);
	FUZZ_CHECK(in.reg < 16 && in.cr < 16 && (mode == CPU_MODE_64 || (in.reg < 8 && in.cr < 8)));
	FUZZ_CHECK(!in.lmsw || in.cr == 0);
	FUZZ_CHECK(insn_decode_cr(bytes, in.length, mode, &again) == 0);
	FUZZ_CHECK(insn_decode_cr(bytes, in.length - 1u, mode, &again) == -EINVAL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum cpu_mode modes[] = { CPU_MODE_16, CPU_MODE_32, CPU_MODE_64 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		check_mmio(data, size, modes[i]);
		check_known(data, size, modes[i]);
		check_cr(data, size, modes[i]);
	}
	return 0;
}
