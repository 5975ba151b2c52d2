// SPDX-License-Identifier: GPL-2.0-only
/*
 * The instruction decoder: each form in each mode, every truncation of it, and
 * what must be refused. tests/unit/insn_objdump.py compares the decoder with a
 * real disassembler on random bytes; here are the cases chosen by hand.
 */
/* links: hypervisor/arch/x86/insn.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "arch/x86/insn.h"
#include "ovbs_errno.h"

/* The bytes of a string literal. */
#define B(s) (const uint8_t *)(s), sizeof(s) - 1

/* The decoder sees a heap copy of just len bytes, so that the sanitizer sees a read past them. */
static int decode(const uint8_t *bytes, size_t len, enum cpu_mode mode, struct mmio_insn *out)
{
	uint8_t *copy = malloc(len ? len : 1);
	int ret;

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	ret = insn_decode_mmio(copy, len, mode, out);
	free(copy);
	return ret;
}

static int length(const uint8_t *bytes, size_t len, enum cpu_mode mode, enum insn_kind kind)
{
	uint8_t *copy = malloc(len ? len : 1);
	int ret;

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	ret = insn_length_known(copy, len, mode, kind);
	free(copy);
	return ret;
}

struct mmio_row {
	const char *what;
	enum cpu_mode mode;
	const uint8_t *bytes;
	size_t len;
	struct mmio_insn want; /* length and supported are derived: len, and size 4 */
};

static void check_rows(const struct mmio_row *rows, size_t count)
{
	size_t i, n;

	for (i = 0; i < count; i++) {
		const struct mmio_row *r = &rows[i];
		uint8_t padded[32];
		struct mmio_insn got;

		memset(padded, 0xCC, sizeof(padded));
		memcpy(padded, r->bytes, r->len);
		/* Bytes that follow must not matter. */
		for (n = r->len; n < sizeof(padded); n++) {
			if (decode(padded, n, r->mode, &got))
				fail_msg("%s: refused with %zu bytes", r->what, n);
			if (got.length != r->len || got.op != r->want.op ||
			    got.size != r->want.size || got.reg != r->want.reg ||
			    got.immediate != r->want.immediate || got.value != r->want.value ||
			    got.di_width != r->want.di_width || got.supported != (r->want.size == 4))
				fail_msg("%s: length %u op %d size %u reg %u immediate %d value %llx di %u",
					 r->what, got.length, got.op, got.size, got.reg,
					 got.immediate, (unsigned long long)got.value, got.di_width);
		}
		for (n = 0; n < r->len; n++) {
			if (decode(r->bytes, n, r->mode, &got) != -EINVAL || got.length != 0 || got.supported)
				fail_msg("%s: accepted with %zu of %zu bytes", r->what, n, r->len);
		}
	}
}

#define STORE(s, r)                                                                                \
	{                                                                                          \
		.op = MMIO_STORE, .size = (s), .reg = (r)                                          \
	}
#define LOAD(s, r)                                                                                 \
	{                                                                                          \
		.op = MMIO_LOAD, .size = (s), .reg = (r)                                           \
	}
#define XCHG(s, r)                                                                                 \
	{                                                                                          \
		.op = MMIO_XCHG, .size = (s), .reg = (r)                                           \
	}
#define IMM(s, v)                                                                                  \
	{                                                                                          \
		.op = MMIO_STORE, .size = (s), .immediate = true, .value = (v)                     \
	}
#define STOS(s, w)                                                                                 \
	{                                                                                          \
		.op = MMIO_STORE, .size = (s), .di_width = (w)                                     \
	}

static void test_mmio_64(void **state)
{
	static const struct mmio_row rows[] = {
		{ "mov [rdi], esi", 64, B("\x89\x37"), STORE(4, 6) },
		{ "mov [abs32], edi (Linux, fixmap)", 64, B("\x89\x3c\x25\x00\xd3\x5f\xff"), STORE(4, 7) },
		{ "mov [rdi-0xa03d00], esi", 64, B("\x89\xb7\x00\xc3\x5f\xff"), STORE(4, 6) },
		{ "mov [r8+rax*4+0x10], r15d", 64, B("\x45\x89\x7c\x80\x10"), STORE(4, 15) },
		{ "mov [rip+disp32], eax", 64, B("\x89\x05\x44\x33\x22\x11"), STORE(4, 0) },
		{ "mov [r13+0], ecx: rm 5 needs a displacement", 64, B("\x41\x89\x4d\x00"), STORE(4, 1) },
		{ "mov [r13+rip form]", 64, B("\x41\x89\x0d\x00\x00\x00\x00"), STORE(4, 1) },
		{ "mov [r12], ecx: SIB", 64, B("\x41\x89\x0c\x24"), STORE(4, 1) },
		{ "mov [r13*1+disp32]", 64, B("\x42\x89\x0c\x2d\x01\x02\x03\x04"), STORE(4, 1) },
		{ "mov [rbp+rax+disp8]", 64, B("\x89\x4c\x05\x01"), STORE(4, 1) },
		{ "mov [rbp+rax+disp32]", 64, B("\x89\x8c\x05\x01\x02\x03\x04"), STORE(4, 1) },
		{ "mov [rdi], rsi", 64, B("\x48\x89\x37"), STORE(8, 6) },
		{ "mov [rdi], si", 64, B("\x66\x89\x37"), STORE(2, 6) },
		{ "REX.W wins over 66", 64, B("\x66\x48\x89\x37"), STORE(8, 6) },
		{ "mov [rdi], sil", 64, B("\x40\x88\x37"), STORE(1, 6) },
		{ "mov [rdi], dh", 64, B("\x88\x37"), STORE(1, 6) },
		{ "66 does not change a byte", 64, B("\x66\x88\x37"), STORE(1, 6) },
		{ "mov eax, [rdi]", 64, B("\x8b\x07"), LOAD(4, 0) },
		{ "mov r9d, [rdi+0x20]", 64, B("\x44\x8b\x4f\x20"), LOAD(4, 9) },
		{ "mov r9, [rdi+0x20]", 64, B("\x4c\x8b\x4f\x20"), LOAD(8, 9) },
		{ "mov al, [rdi]", 64, B("\x8a\x07"), LOAD(1, 0) },
		{ "mov dword [rdi], imm", 64, B("\xc7\x07\xef\xbe\xad\xde"), IMM(4, 0xDEADBEEF) },
		{ "mov dword [rdi+0x300], imm", 64, B("\xc7\x87\x00\x03\x00\x00\x00\x45\x00\x00"),
		  IMM(4, 0x4500) },
		{ "mov qword [rdi], imm", 64, B("\x48\xc7\x07\xff\xff\xff\x7f"), IMM(8, 0x7FFFFFFF) },
		{ "mov qword [rdi], negative", 64, B("\x48\xc7\x07\x00\x00\x00\x80"),
		  IMM(8, 0xFFFFFFFF80000000ULL) },
		{ "mov word [rdi], imm16", 64, B("\x66\xc7\x07\xff\xfe"), IMM(2, 0xFEFF) },
		{ "mov byte [rdi], imm8", 64, B("\xc6\x07\xfe"), IMM(1, 0xFE) },
		{ "movabs [moffs64], eax", 64, B("\xa3\x00\x03\xe0\xfe\x00\x00\x00\x00"), STORE(4, 0) },
		{ "mov [moffs32], eax", 64, B("\x67\xa3\x00\x03\xe0\xfe"), STORE(4, 0) },
		{ "movabs eax, [moffs64]", 64, B("\xa1\x00\x03\xe0\xfe\x00\x00\x00\x00"), LOAD(4, 0) },
		{ "movabs rax, [moffs64]", 64, B("\x48\xa1\x00\x03\xe0\xfe\x00\x00\x00\x00"), LOAD(8, 0) },
		{ "movabs al, [moffs64]", 64, B("\xa0\x00\x03\xe0\xfe\x00\x00\x00\x00"), LOAD(1, 0) },
		{ "movabs [moffs64], al", 64, B("\xa2\x00\x03\xe0\xfe\x00\x00\x00\x00"), STORE(1, 0) },
		{ "REX.R does not turn eax into r8d", 64,
		  B("\x44\xa3\x00\x00\x00\x00\x00\x00\x00\x00"), STORE(4, 0) },
		{ "stosd", 64, B("\xab"), STOS(4, 8) },
		{ "stosd, edi", 64, B("\x67\xab"), STOS(4, 4) },
		{ "stosq", 64, B("\x48\xab"), STOS(8, 8) },
		{ "stosw", 64, B("\x66\xab"), STOS(2, 8) },
		{ "stosb", 64, B("\xaa"), STOS(1, 8) },
		{ "xchg [rdi], esi (Linux, erratum 11AP)", 64, B("\x87\x37"), XCHG(4, 6) },
		{ "lock xchg [rdi], r14d", 64, B("\xf0\x44\x87\x37"), XCHG(4, 14) },
		{ "xchg [rdi], dh", 64, B("\x86\x37"), XCHG(1, 6) },
		{ "segment overrides", 64, B("\x2e\x36\x3e\x26\x64\x65\x89\x37"), STORE(4, 6) },
		{ "mov [edi], esi", 64, B("\x67\x89\x37"), STORE(4, 6) },
		{ "mov [edi+0x12345678], esi", 64, B("\x67\x89\xb7\x78\x56\x34\x12"), STORE(4, 6) },
		{ "the same prefix again", 64, B("\x65\x65\x65\x89\xbc\x24\x44\x33\x22\x11"), STORE(4, 7) },
		{ "15 bytes", 64, B("\x65\x65\x65\x41\xc7\x84\x24\x44\x33\x22\x11\x78\x56\x34\x12"),
		  IMM(4, 0x12345678) },
	};

	check_rows(rows, ARRAY_SIZE(rows));
}

static void test_mmio_32(void **state)
{
	static const struct mmio_row rows[] = {
		{ "mov [0xfee00300], eax", 32, B("\xa3\x00\x03\xe0\xfe"), STORE(4, 0) },
		{ "mov eax, [0xfee00300]", 32, B("\xa1\x00\x03\xe0\xfe"), LOAD(4, 0) },
		{ "mov [0x0300], eax", 32, B("\x67\xa3\x00\x03"), STORE(4, 0) },
		{ "mov [disp32], ecx", 32, B("\x89\x0d\x00\x03\xe0\xfe"), STORE(4, 1) },
		{ "mov [esp], ecx", 32, B("\x89\x0c\x24"), STORE(4, 1) },
		{ "mov [si], ecx", 32, B("\x67\x89\x0c"), STORE(4, 1) },
		{ "mov [disp16], ecx", 32, B("\x67\x89\x0e\x34\x12"), STORE(4, 1) },
		{ "mov [bp+disp8], ecx", 32, B("\x67\x89\x4e\x34"), STORE(4, 1) },
		{ "mov [bx+disp16], ecx", 32, B("\x67\x89\x8f\x34\x12"), STORE(4, 1) },
		{ "mov [ebx], cx", 32, B("\x66\x89\x0b"), STORE(2, 1) },
		{ "mov dword [disp32], imm", 32, B("\xc7\x05\x00\x03\xe0\xfe\x00\xc5\x0c\x80"),
		  IMM(4, 0x800CC500) },
		{ "xchg [ebx], edi", 32, B("\x87\x3b"), XCHG(4, 7) },
		{ "stosd", 32, B("\xab"), STOS(4, 4) },
		{ "stosd, di", 32, B("\x67\xab"), STOS(4, 2) },
	};

	check_rows(rows, ARRAY_SIZE(rows));
}

static void test_mmio_16(void **state)
{
	static const struct mmio_row rows[] = {
		{ "mov [bx], ax", 16, B("\x89\x07"), STORE(2, 0) },
		{ "mov [bx], eax", 16, B("\x66\x89\x07"), STORE(4, 0) },
		{ "mov [ebx], eax", 16, B("\x67\x66\x89\x03"), STORE(4, 0) },
		{ "mov [ebx+ecx*4+disp8], eax", 16, B("\x66\x67\x89\x44\x8b\x10"), STORE(4, 0) },
		{ "mov [disp16], eax", 16, B("\x66\xa3\x00\x03"), STORE(4, 0) },
		{ "mov [disp32], eax", 16, B("\x66\x67\xa3\x00\x03\xe0\xfe"), STORE(4, 0) },
		{ "mov dword [disp32], imm", 16,
		  B("\x67\x66\xc7\x05\x00\x03\xe0\xfe\x01\x02\x03\x04"), IMM(4, 0x04030201) },
		{ "mov word [bx], imm", 16, B("\xc7\x07\x34\x12"), IMM(2, 0x1234) },
		{ "stosw", 16, B("\xab"), STOS(2, 2) },
		{ "stosd", 16, B("\x66\xab"), STOS(4, 2) },
		{ "stosd, edi", 16, B("\x67\x66\xab"), STOS(4, 4) },
	};

	check_rows(rows, ARRAY_SIZE(rows));
}

static void test_mmio_refused(void **state)
{
	static const struct {
		const char *what;
		enum cpu_mode mode;
		const uint8_t *bytes;
		size_t len;
	} rows[] = {
		{ "register operand", 64, B("\x89\xf7") },
		{ "register operand", 64, B("\x87\xc0") },
		{ "register operand", 64, B("\xc7\xc0\x00\x00\x00\x00") },
		{ "C7 /1", 64, B("\xc7\x0f\x00\x00\x00\x00") },
		{ "C7 /7 (XBEGIN's group)", 64, B("\xc7\x3f\x00\x00\x00\x00") },
		{ "C6 /1", 64, B("\xc6\x0f\x00") },
		{ "REX.R does not make /8", 64, B("\x44\xc7\x0f\x00\x00\x00\x00") },
		{ "lock mov", 64, B("\xf0\x89\x37") },
		{ "lock stosd", 64, B("\xf0\xab") },
		{ "rep stosd", 64, B("\xf3\xab") },
		{ "repne stosd", 64, B("\xf2\xab") },
		{ "xrelease mov", 64, B("\xf3\x89\x37") },
		{ "REX, then a prefix", 64, B("\x48\x66\x89\x37") },
		{ "two REX", 64, B("\x48\x41\x89\x37") },
		{ "nop", 64, B("\x90") },
		{ "or [rdi], esi", 64, B("\x09\x37") },
		{ "movs", 64, B("\xa5") },
		{ "movzx", 64, B("\x0f\xb6\x07") },
		{ "movnti", 64, B("\x0f\xc3\x07") },
		{ "vmovd", 64, B("\xc5\xf9\x7e\x07") },
		{ "mov sreg", 64, B("\x8e\x07") },
		{ "prefixes only", 64, B("\x66\x67\x65\x66\x67\x65\x66\x67\x65\x66\x67\x65\x66\x67\x65\x66") },
		{ "16 bytes", 64, B("\x65\x65\x65\x65\x41\xc7\x84\x24\x44\x33\x22\x11\x78\x56\x34\x12") },
		{ "16 bytes", 64, B("\x65\x65\x65\x65\x65\x65\x65\x65\x65\x65\x65\x65\x65\x65\x65\xab") },
		{ "40 is INC in 32-bit mode", 32, B("\x40\x89\x37") },
		{ "48 is DEC in 16-bit mode", 16, B("\x48\x89\x37") },
		{ "no such mode", (enum cpu_mode)48, B("\x89\x37") },
		{ "no such mode", (enum cpu_mode)0, B("\x89\x37") },
		{ "nothing", 64, B("") },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct mmio_insn got;

		memset(&got, 0, sizeof(got));
		got.length = 0xFF;
		got.value = 1;
		if (decode(rows[i].bytes, rows[i].len, rows[i].mode, &got) != -EINVAL)
			fail_msg("row %zu, %s: accepted", i, rows[i].what);
		assert_int_equal(got.length, 0);
		assert_int_equal(got.value, 0);
		assert_false(got.supported);
	}
}

static void test_known(void **state)
{
	static const struct {
		const char *what;
		enum insn_kind kind;
		const uint8_t *bytes;
		size_t len;
	} rows[] = {
		{ "cpuid", INSN_CPUID, B("\x0f\xa2") },
		{ "rdmsr", INSN_RDMSR, B("\x0f\x32") },
		{ "wrmsr", INSN_WRMSR, B("\x0f\x30") },
		{ "invd", INSN_INVD, B("\x0f\x08") },
		{ "wbinvd", INSN_WBINVD, B("\x0f\x09") },
		{ "wbnoinvd", INSN_WBINVD, B("\xf3\x0f\x09") },
		{ "vmmcall", INSN_VMMCALL, B("\x0f\x01\xd9") },
		{ "xsetbv", INSN_XSETBV, B("\x0f\x01\xd1") },
		{ "hlt", INSN_HLT, B("\xf4") },
		{ "in al, imm", INSN_IN, B("\xe4\x80") },
		{ "in eax, imm", INSN_IN, B("\xe5\x80") },
		{ "in al, dx", INSN_IN, B("\xec") },
		{ "in eax, dx", INSN_IN, B("\xed") },
		{ "out imm, al", INSN_OUT, B("\xe6\x80") },
		{ "out imm, eax", INSN_OUT, B("\xe7\x80") },
		{ "out dx, al", INSN_OUT, B("\xee") },
		{ "out dx, ax", INSN_OUT, B("\x66\xef") },
		{ "rep insb", INSN_INS, B("\xf3\x6c") },
		{ "insd", INSN_INS, B("\x6d") },
		{ "fs addr32 rep outsb", INSN_OUTS, B("\x64\x67\xf3\x6e") },
		{ "repne outsw", INSN_OUTS, B("\x66\xf2\x6f") },
		{ "rep cpuid, from user code", INSN_CPUID, B("\xf3\x0f\xa2") },
		{ "all prefixes", INSN_CPUID, B("\x26\x2e\x36\x3e\x64\x65\x66\x67\xf2\xf3\x0f\xa2") },
		{ "15 bytes", INSN_CPUID, B("\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x0f\xa2") },
		{ "15 bytes", INSN_IN, B("\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\xe5\x80") },
	};
	static const enum cpu_mode modes[] = { CPU_MODE_16, CPU_MODE_32, CPU_MODE_64 };
	size_t i, m, n;
	int kind;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		for (m = 0; m < ARRAY_SIZE(modes); m++) {
			for (kind = INSN_CPUID; kind <= INSN_OUTS; kind++) {
				int want = kind == (int)rows[i].kind ? (int)rows[i].len : -EINVAL;

				if (length(rows[i].bytes, rows[i].len, modes[m], (enum insn_kind)kind) != want)
					fail_msg("%s, mode %d, as kind %d", rows[i].what, modes[m], kind);
			}
			for (n = 0; n < rows[i].len; n++) {
				if (length(rows[i].bytes, n, modes[m], rows[i].kind) != -EINVAL)
					fail_msg("%s, mode %d: accepted with %zu bytes",
						 rows[i].what, modes[m], n);
			}
		}
	}
}

static void test_known_rex(void **state)
{
	assert_int_equal(length(B("\x48\x0f\x32"), CPU_MODE_64, INSN_RDMSR), 3);
	assert_int_equal(length(B("\x48\x48\x66\x0f\x32"), CPU_MODE_64, INSN_RDMSR), 5);
	assert_int_equal(length(B("\x48\xe5\x80"), CPU_MODE_64, INSN_IN), 3);
	assert_int_equal(length(B("\x4f\x0f\x01\xd1"), CPU_MODE_64, INSN_XSETBV), 4);
	assert_int_equal(length(B("\x48\x0f\x32"), CPU_MODE_32, INSN_RDMSR), -EINVAL);
	assert_int_equal(length(B("\x48\x0f\x32"), CPU_MODE_16, INSN_RDMSR), -EINVAL);
}

static void test_known_refused(void **state)
{
	static const struct {
		const char *what;
		enum insn_kind kind;
		const uint8_t *bytes;
		size_t len;
	} rows[] = {
		{ "lock cpuid", INSN_CPUID, B("\xf0\x0f\xa2") },
		{ "lock outs", INSN_OUTS, B("\xf3\xf0\x6e") },
		{ "66 xsetbv", INSN_XSETBV, B("\x66\x0f\x01\xd1") },
		{ "rep xsetbv", INSN_XSETBV, B("\xf3\x0f\x01\xd1") },
		{ "repne xsetbv", INSN_XSETBV, B("\xf2\x0f\x01\xd1") },
		{ "16 bytes", INSN_CPUID,
		  B("\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x0f\xa2") },
		{ "16 bytes", INSN_IN, B("\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\xe5\x80") },
		{ "vmcall", INSN_VMMCALL, B("\x0f\x01\xc1") },
		{ "xgetbv", INSN_XSETBV, B("\x0f\x01\xd0") },
		{ "vmrun", INSN_VMMCALL, B("\x0f\x01\xd8") },
		{ "a prefix within the opcode", INSN_CPUID, B("\x0f\x66\xa2") },
		{ "no such kind", (enum insn_kind)99, B("\x0f\xa2") },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		if (length(rows[i].bytes, rows[i].len, CPU_MODE_64, rows[i].kind) != -EINVAL)
			fail_msg("%s: accepted", rows[i].what);
	}
	assert_int_equal(length(B("\x0f\xa2"), (enum cpu_mode)8, INSN_CPUID), -EINVAL);
}

static void test_cr(void **state)
{
	static const struct {
		const char *what;
		unsigned int modes; /* sum of 16, 32, 64 */
		const uint8_t *bytes;
		size_t len;
		struct cr_insn want; /* length is len */
	} rows[] = {
		{ "mov cr0, eax", 112, B("\x0f\x22\xc0"), { .cr = 0, .reg = 0 } },
		{ "mov cr4, edi", 112, B("\x0f\x22\xe7"), { .cr = 4, .reg = 7 } },
		{ "mov cr4, rsp", 64, B("\x0f\x22\xe4"), { .cr = 4, .reg = 4 } },
		{ "mov cr4, r15", 64, B("\x41\x0f\x22\xe7"), { .cr = 4, .reg = 15 } },
		{ "mov cr8, r9", 64, B("\x45\x0f\x22\xc1"), { .cr = 8, .reg = 9 } },
		{ "mov cr12, rcx: no such register, but not CR4", 64, B("\x44\x0f\x22\xe1"), { .cr = 12, .reg = 1 } },
		{ "mod is not looked at", 112, B("\x0f\x22\x24"), { .cr = 4, .reg = 4 } },
		{ "prefixes", 112, B("\x66\x2e\xf3\x0f\x22\xe1"), { .cr = 4, .reg = 1 } },
		{ "REX.W", 64, B("\x48\x0f\x22\xe1"), { .cr = 4, .reg = 1 } },
		{ "a REX that counts not", 64, B("\x45\x66\x0f\x22\xe1"), { .cr = 4, .reg = 1 } },
		{ "lmsw ax", 112, B("\x0f\x01\xf0"), { .cr = 0, .reg = 0, .lmsw = true } },
		{ "lmsw r10w", 64, B("\x41\x0f\x01\xf2"), { .cr = 0, .reg = 10, .lmsw = true } },
	};
	static const struct {
		const uint8_t *bytes;
		size_t len;
	} refused[] = {
		{ B("\x0f\x01\x36") },     /* lmsw [rsi] */
		{ B("\x0f\x01\xe0") },     /* smsw eax */
		{ B("\x0f\x01\xf8") },     /* swapgs */
		{ B("\xf0\x0f\x22\xc0") }, /* lock: CR8 on AMD */
		{ B("\x0f\x20\xc0") },     /* mov eax, cr0 */
		{ B("\x0f\x23\xc0") },     /* mov dr0, eax */
		{ B("\x0f\x06") },         /* clts */
		{ B("\x22\xc0\x90") },
		{ B("\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x0f\x22\xc0") },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (unsigned int mode = 16; mode <= 64; mode *= 2) {
			struct cr_insn got;

			if (!(rows[i].modes & mode))
				continue;
			if (insn_decode_cr(rows[i].bytes, rows[i].len, (enum cpu_mode)mode, &got))
				fail_msg("%s: refused", rows[i].what);
			if (got.cr != rows[i].want.cr || got.reg != rows[i].want.reg ||
			    got.lmsw != rows[i].want.lmsw || got.length != rows[i].len)
				fail_msg("%s: cr %u reg %u length %u", rows[i].what, got.cr,
					 got.reg, got.length);
			for (size_t n = 0; n < rows[i].len; n++)
				assert_int_equal(insn_decode_cr(rows[i].bytes, n, (enum cpu_mode)mode, &got),
						 -EINVAL);
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct cr_insn got;

		assert_int_equal(insn_decode_cr(refused[i].bytes, refused[i].len, CPU_MODE_64, &got),
				 -EINVAL);
		assert_int_equal(got.length, 0);
	}
}

/* Every two-byte input in every mode, of every kind: bounds, and agreement of all results with the length given. */
static void test_all_pairs(void **state)
{
	static const enum cpu_mode modes[] = { CPU_MODE_16, CPU_MODE_32, CPU_MODE_64 };
	unsigned int v;
	size_t m;
	int kind;

	for (v = 0; v < 65536; v++) {
		const uint8_t bytes[2] = { (uint8_t)v, (uint8_t)(v >> 8) };

		for (m = 0; m < ARRAY_SIZE(modes); m++) {
			struct mmio_insn insn;
			int kinds = 0;

			if (!insn_decode_mmio(bytes, 2, modes[m], &insn))
				assert_in_range(insn.length, 1, 2);
			for (kind = INSN_CPUID; kind <= INSN_OUTS; kind++) {
				int n = insn_length_known(bytes, 2, modes[m], (enum insn_kind)kind);

				if (n != -EINVAL) {
					assert_in_range(n, 1, 2);
					kinds++;
				}
			}
			/* Bytes are one instruction at most. */
			assert_in_range(kinds, 0, 1);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mmio_64),
		cmocka_unit_test(test_mmio_32),
		cmocka_unit_test(test_mmio_16),
		cmocka_unit_test(test_mmio_refused),
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_known_rex),
		cmocka_unit_test(test_known_refused),
		cmocka_unit_test(test_all_pairs),
		cmocka_unit_test(test_cr),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
