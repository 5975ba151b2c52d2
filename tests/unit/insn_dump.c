// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the instruction decoder says of many byte strings, as text, for
 * tests/unit/insn_objdump.py.
 *
 * Input: records of 16 bytes on standard input. Argument: 16, 32 or 64, the
 * mode. Output, a line for each record: the length by kind (0 if not that
 * kind), "-" or the decoded access, then "-" or the control register written.
 */
/* links: hypervisor/arch/x86/insn.c */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "arch/x86/insn.h"

int main(int argc, char **argv)
{
	enum cpu_mode mode = argc == 2 ? (enum cpu_mode)atoi(argv[1]) : 0;
	uint8_t bytes[16];

	while (fread(bytes, sizeof(bytes), 1, stdin) == 1) {
		struct mmio_insn in;
		struct cr_insn cr;
		int kind;

		for (kind = INSN_CPUID; kind <= INSN_OUTS; kind++) {
			int n = insn_length_known(bytes, sizeof(bytes), mode, (enum insn_kind)kind);

			printf("%d ", n < 0 ? 0 : n);
		}
		if (insn_decode_mmio(bytes, sizeof(bytes), mode, &in))
			printf("-");
		else
			printf("%u %d %u %u %d %llu %u", in.length, in.op, in.size, in.reg,
			       in.immediate, (unsigned long long)in.value, in.di_width);
		if (insn_decode_cr(bytes, sizeof(bytes), mode, &cr))
			printf(" | -\n");
		else
			printf(" | %u %u %u %d\n", cr.length, cr.cr, cr.reg, cr.lmsw);
	}
	return 0;
}
